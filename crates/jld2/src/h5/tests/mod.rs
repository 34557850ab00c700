//! Tests of several parts of the container at once.

mod alike;
mod chunks;
mod fills;
mod forged;
mod headers;
mod heaps;
mod long;
mod messages;
mod outside;
mod rescue;
mod sources;
mod strategy;
mod superblocks;
