//! Reads any text as a target and as a user's rules.
#![no_main]

use jldconv::migrate::{target::Target, userrules};
use jldconv_fuzz::memory;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    memory::bounded(|| {
        let _ = Target::parse(text, "input");
        if let Ok(rules) = userrules::parse(text, "input") {
            let target = Target::builtin(Target::default_name());
            let target = target.unwrap_or_else(|error| panic!("{error}"));
            let _ = target.with_rules(rules, "input");
        }
    });
});
