//! Reads any text as a Julia type whose name is written in full.
#![no_main]

use jldconv::migrate::full_type;
use jldconv_fuzz::memory;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    memory::bounded(|| {
        let Some(read) = full_type(text) else { return };
        let printed = read.to_string();
        // Text between quotes may hold what means something without them.
        if !text.contains('"')
            && let Some(again) = full_type(&printed)
        {
            assert_eq!(again.to_string(), printed, "{text}");
        }
    });
});
