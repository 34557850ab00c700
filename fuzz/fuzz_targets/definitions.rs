//! Reads any text as Julia's source, and holds the default target against it.
#![no_main]

use jldconv::migrate::{check::check, definitions::scan_text, target::Target};
use jldconv_fuzz::memory;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    Target::builtin(Target::default_name()).unwrap_or_else(|error| panic!("{error}"))
});

fuzz_target!(|text: &str| {
    LazyLock::force(&TARGET);
    memory::bounded(|| {
        let _ = check(&TARGET, &scan_text(text, "input"));
    });
});
