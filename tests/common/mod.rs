//! What several tests need: the files to look at, and the rules by which a dump is held against
//! what Julia read.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

pub(crate) mod truth;

use std::path::{Path, PathBuf};

/// The shared directory (`JLDCONV_SHARED`, else `../shared`), if it is there.
pub(crate) fn shared() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("JLDCONV_SHARED").map_or_else(beside, PathBuf::from);
    if shared.is_dir() {
        return Some(shared);
    }
    eprintln!("{} is not there: only the files in tests/data are looked at", shared.display());
    None
}

/// All files below `top` whose name ends with `end`, sorted.
pub(crate) fn files(top: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![top.to_owned()];
    while let Some(dir) = pending.pop() {
        for entry in std::fs::read_dir(dir).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if path.to_string_lossy().ends_with(end) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
