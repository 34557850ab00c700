//! Tests of the reading of values.

mod forged;
mod tables;
mod values;
