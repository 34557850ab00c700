//! docs/readers.md promises no more than the readers on this machine read.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/python.rs"]
mod runner;

use std::path::Path;
use std::process::Command;

/// Runs `scripts/readers --quick` against a page.
fn held(page: &Path) -> Option<(bool, String)> {
    let python = runner::python()?;
    let output = Command::new(&python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/readers"))
        .args(["--quick", "--only", "h5py", "--hold"])
        .arg(page)
        .env("JLDCONV", env!("CARGO_BIN_EXE_jldconv"))
        .env("JLDCONV_PYTHON", &python)
        .env_remove("JLDCONV_JULIA")
        .output()
        .unwrap();
    let told = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&told).into_owned()))
}

#[test]
fn the_page_of_readers_promises_what_is_true() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/readers.md");
    let Some((holds, told)) = held(&page) else { return };
    assert!(holds, "{told}");

    // A page that promised that HDF5 reads LZ4 frames would be found out.
    let text = std::fs::read_to_string(&page).unwrap();
    let row = text.lines().find(|line| line.starts_with("| rewrite, lz4-frame |")).unwrap();
    let cells = row.matches('|').count() - 2;
    let lie = format!("| rewrite, lz4-frame |{}", " 7/7 |".repeat(cells));
    let dir = tempfile::tempdir().unwrap();
    let other = dir.path().join("readers.md");
    std::fs::write(&other, text.replace(row, &lie)).unwrap();
    let (holds, told) = held(&other).unwrap();
    assert!(!holds && told.contains("says 7/7 of rewrite, lz4-frame"), "{told}");
}
