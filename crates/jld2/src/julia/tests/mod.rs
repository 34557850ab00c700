//! Tests of the reading of values.

mod forged;
mod revised;
mod tables;
mod values;
