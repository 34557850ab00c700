//! Tests of several parts of the container at once.

mod forged;
mod headers;
mod heaps;
mod messages;
mod sources;
mod strategy;
mod superblocks;
