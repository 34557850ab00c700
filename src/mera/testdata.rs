//! The numbers that tests of this room hold the code against.

use serde::Deserialize;
use std::{collections::BTreeMap, path::Path};

/// `tests/data/mera-vectors.json`; its `about` tells where the numbers come from.
#[derive(Debug, Deserialize)]
pub(super) struct Vectors {
    pub(super) vectors: Vec<Vector>,
    pub(super) layouts: BTreeMap<String, Vec<Vec<String>>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Vector {
    pub(super) origin: String,
    pub(super) units: BTreeMap<String, String>,
    pub(super) scales: BTreeMap<String, String>,
    pub(super) constants: BTreeMap<String, String>,
}

impl Vectors {
    pub(super) fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera-vectors.json");
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }
}

/// Reads `0x` and the sixteen hex digits of a float's bits.
pub(super) fn float(bits: &str) -> f64 {
    f64::from_bits(u64::from_str_radix(bits.trim_start_matches("0x"), 16).unwrap())
}
