//! Finds the real files, in `tests/data/mera` and, where it is there, in the shared directory
//! (`JLDCONV_SHARED`, else `../shared`).

use crate::common::{files, shared};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The Mera files in the tree and the files below `further` directories of the shared directory, each
/// name once.
pub(crate) fn real_files(further: &[&str]) -> Vec<PathBuf> {
    let mut found = BTreeMap::new();
    for path in below(further, ".jld2") {
        found.insert(path.file_name().unwrap().to_owned(), path);
    }
    assert!(found.len() >= 12, "only {} files", found.len());
    found.into_values().collect()
}

/// All files whose names end so, in the tree's Mera files and `further` directories of the shared
/// directory.
pub(crate) fn below(further: &[&str], end: &str) -> Vec<PathBuf> {
    let mut tops = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera")];
    tops.extend(shared().iter().flat_map(|top| further.iter().map(|dir| top.join(dir))));
    tops.iter().flat_map(|top| files(top, end)).collect()
}
