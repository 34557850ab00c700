//! Tests of the reading of values.

mod forged;
mod values;
