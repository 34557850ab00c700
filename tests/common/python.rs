//! A Python with h5py, and its scripts.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A Python that has what it takes, with h5py on HDF5 1.14, which reads whatever JLD2 writes.
pub(crate) fn python() -> Option<PathBuf> {
    found("JLDCONV_PYTHON", "python")
}

/// That one, and one with the newest h5py, on HDF5 2: what there is of them.
#[allow(dead_code, reason = "some suites need the one only")]
pub(crate) fn pythons() -> Vec<PathBuf> {
    let newest = found("JLDCONV_PYTHON_NEW", "python-new");
    python().into_iter().chain(newest).collect()
}

fn found(variable: &str, directory: &str) -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(variable) {
        return Some(named.into());
    }
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("target").join(directory);
    let ours = ours.join("bin/python");
    let found = Command::new(&ours).args(["-c", "import h5py, hdf5plugin, numpy"]).output();
    if found.is_ok_and(|found| found.status.success()) {
        return Some(ours);
    }
    eprintln!(
        "skipped: no target/{directory} with h5py, hdf5plugin, numpy (scripts/test makes it)"
    );
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
