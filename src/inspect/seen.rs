//! One value as a comparison sees it first: a digest, and the whole if that is short.

use super::raw;
use crate::h5::{self, Error, ErrorKind, File, RelAddr};
use crate::inspect::plain_json::parse;
use crate::julia::{Dumper, TypeTable};
use std::io::{self, Write};
use xxhash_rust::xxh3::Xxh3;

/// Values with a longer canonical form are compared as streams.
const KEPT: usize = 2 << 20;

/// The digest of a value's canonical form, and that form if it is short.
pub(super) struct Seen {
    hash: Xxh3,
    pub(super) digest: u128,
    kept: Vec<u8>,
    all: bool,
}

impl Seen {
    fn new() -> Self {
        Self { hash: Xxh3::new(), digest: 0, kept: Vec::new(), all: true }
    }

    pub(super) fn read(
        dumper: &Dumper<'_>,
        types: &TypeTable<'_>,
        addr: RelAddr,
    ) -> h5::Result<Self> {
        let mut seen = Self::new();
        // A dump is made of many small pieces.
        let mut out = io::BufWriter::with_capacity(64 << 10, &mut seen);
        let written = dumper.node(addr, &mut out);
        match written {
            Ok(()) => out.flush().map_err(Error::output)?,
            Err(e) if matches!(e.kind(), ErrorKind::Foreign { .. }) => {
                // Nothing of the half-written form is to count.
                let _ = out.into_parts();
                return Self::raw(types.file(), addr, e);
            }
            Err(e) => return Err(e),
        }
        drop(out);
        seen.digest = seen.hash.digest128();
        Ok(seen)
    }

    /// What stands for a value that has no canonical form.
    fn raw(file: &File, addr: RelAddr, why: Error) -> h5::Result<Self> {
        let text = serde_json::json!({ "t": "HDF5", "v": raw::at(file, addr, why)? }).to_string();
        let mut seen = Self::new();
        seen.write_all(text.as_bytes()).map_err(Error::output)?;
        seen.digest = seen.hash.digest128();
        Ok(seen)
    }

    /// The canonical form, if it was short enough to be kept.
    pub(super) fn value(&self) -> Option<serde_json::Value> {
        if self.all { parse(&self.kept) } else { None }
    }
}

impl Write for Seen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hash.update(bytes);
        if self.all && self.kept.len() + bytes.len() <= KEPT {
            self.kept.extend_from_slice(bytes);
        } else {
            self.all = false;
            self.kept = Vec::new();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
