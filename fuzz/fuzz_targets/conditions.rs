//! Reads any text as a condition on rows, and decides it.
#![no_main]

use jldconv::numbers::{Number, parse_condition};
use jldconv_fuzz::memory;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    memory::bounded(|| match parse_condition(text) {
        Ok(condition) => {
            for number in [Number::Integer(i128::MIN), Number::Integer(3), Number::Float(f64::NAN)] {
                condition.holds(&vec![number; condition.variables().len()]);
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    });
});
