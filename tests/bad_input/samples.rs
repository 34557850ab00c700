//! Whole files, and ways to damage them.

use crate::mera::{Packing, TABLES, Template};
use std::fs;
use std::path::{Path, PathBuf};

/// A file by its name.
pub(crate) type Sample = (String, Vec<u8>);

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// The directory of shared test files, where there is one.
pub(crate) fn shared() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("JLDCONV_SHARED").map_or_else(beside, PathBuf::from);
    if !shared.is_dir() {
        eprintln!("skipped: {} is not there", shared.display());
        return None;
    }
    Some(shared)
}

/// The files below a directory whose names end so, sorted.
pub(crate) fn files(below: &Path, ends: &[&str]) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let mut pending = vec![below.to_owned()];
    while let Some(dir) = pending.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if ends.iter().any(|e| path.to_string_lossy().ends_with(e)) {
                out.push(path);
            }
        }
    }
    out.sort();
    out
}

fn load(dir: &str) -> Vec<Sample> {
    let paths = files(&data().join(dir), &[".jld2"]);
    assert!(paths.len() >= 8, "{dir}");
    paths.into_iter().map(|p| (p.display().to_string(), fs::read(&p).unwrap())).collect()
}

/// Files of a few kilobytes with many kinds of values.
pub(crate) fn small() -> Vec<Sample> {
    load("small")
}

/// The Mera files of each era.
pub(crate) fn mera() -> Vec<Sample> {
    load("mera")
}

/// A Mera file of `tests/data/mera`.
pub(crate) fn one(name: &str) -> Vec<u8> {
    fs::read(data().join("mera").join(name)).unwrap()
}

/// Bytes of a generated file, about.
const SIZE: u64 = 75_000;

/// Mera files of sixty kilobytes, one for each codec; the last one needs nothing.
pub(crate) fn generated() -> Vec<Sample> {
    [
        (Packing::Lz4Frame, "e4b-lz4/output_00100.jld2"),
        (Packing::None, "e4b-none/output_00021.jld2"),
        (Packing::Deflate, "e0-zlib/output_00007.jld2"),
        (Packing::Lz4, "e8-lz4filter/output_00400.jld2"),
    ]
    .into_iter()
    .map(|(packing, from)| {
        let template = Template::read(&data().join("mera").join(from), &TABLES[..1]).unwrap();
        let rows = template.rows_for(SIZE, packing).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        template.write(file.as_file(), rows, packing, 1).unwrap();
        (format!("{packing:?}"), fs::read(file.path()).unwrap())
    })
    .collect()
}

/// Pseudo-random numbers (xorshift64*), the same in each run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let random = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16;
        usize::try_from(random % n as u64).unwrap()
    }

    /// Changes some byte of a file; says which.
    pub(crate) fn flip(&mut self, name: &str, bytes: &[u8]) -> Sample {
        let mut bytes = bytes.to_vec();
        let at = self.below(bytes.len());
        let change = u8::try_from(1 + self.below(255)).unwrap();
        bytes[at] ^= change;
        (format!("{name}, byte {at} ^ {change:#x}"), bytes)
    }

    /// Makes a kilobyte zeros; says which.
    pub(crate) fn blank(&mut self, name: &str, bytes: &[u8]) -> Sample {
        let mut bytes = bytes.to_vec();
        let at = self.below(bytes.len());
        let end = bytes.len().min(at + 1024);
        bytes[at..end].fill(0);
        (format!("{name}, zeros from {at} to {end}"), bytes)
    }
}

/// The beginnings of a file: nothing, a fiftieth, and so on.
pub(crate) fn cuts((name, bytes): &Sample) -> Vec<Sample> {
    let cut = |i| {
        let len = bytes.len() * i / 50;
        (format!("{name} cut to {len} bytes"), bytes[..len].to_vec())
    };
    (0..50).map(cut).collect()
}
