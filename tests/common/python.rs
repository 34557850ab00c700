//! A Python with h5py, and its scripts.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A Python that has what it takes.
pub(crate) fn python() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("JLDCONV_PYTHON") {
        return Some(named.into());
    }
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/python/bin/python");
    let found = Command::new(&ours).args(["-c", "import h5py, hdf5plugin, numpy"]).output();
    if found.is_ok_and(|found| found.status.success()) {
        return Some(ours);
    }
    eprintln!("skipped: no Python with h5py, hdf5plugin and numpy (scripts/test makes one)");
    None
}

/// Runs one of `tests/python`.
pub(crate) fn run(python: &Path, script: &str, files: &[PathBuf]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(script);
    Command::new(python).arg(script).args(files).output().unwrap()
}

/// What it printed, if it went well.
pub(crate) fn printed(output: &Output) -> String {
    let (out, error) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{error}");
    out.into_owned()
}
