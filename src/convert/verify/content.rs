//! Compares digests of logical values.

use crate::h5::{Error, RelAddr, Result};
use crate::julia::Dumper;
use std::io::{self, Write};
use xxhash_rust::xxh3::Xxh3;

/// Digest of the canonical form of one value.
pub(in super::super) fn digest(dumper: &Dumper<'_>, addr: RelAddr) -> Result<u128> {
    let mut out = io::BufWriter::with_capacity(16 << 10, Hashed(Xxh3::new()));
    dumper.node(addr, &mut out)?;
    let hashed = out.into_inner().map_err(|e| Error::output(e.into_error()))?;
    Ok(hashed.0.digest128())
}

struct Hashed(Xxh3);

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
