//! Whole files.

use std::fs;
use std::path::{Path, PathBuf};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// Files of a few kilobytes with many kinds of values, by name.
pub(crate) fn small() -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(data("small")).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = entries.collect();
    paths.sort();
    assert!(paths.len() >= 8);
    paths.into_iter().map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
}

/// A Mera file.
pub(crate) fn mera(name: &str) -> Vec<u8> {
    fs::read(data("mera").join(name)).unwrap()
}

/// A file that was made for these tests.
pub(crate) fn made(name: &str) -> Vec<u8> {
    fs::read(data("rescue").join(name)).unwrap()
}

/// A file that h5py wrote.
pub(crate) fn hdf5(name: &str) -> Vec<u8> {
    fs::read(data("hdf5").join(name)).unwrap()
}

/// A file with about 150 kinds of values.
pub(crate) fn zoo() -> Vec<u8> {
    fs::read(data("zoo/jld2-0.6.5-zstd.jld2")).unwrap()
}
