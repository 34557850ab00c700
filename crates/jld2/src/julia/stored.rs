//! Gives the codecs a stretch of the file.

use crate::codec::Payload;
use crate::h5::File;
use std::io::{self, BufRead, Read};

/// Stored bytes as the codecs want them.
pub(super) struct Stored<'a> {
    pub(super) file: &'a File,
    /// Where they are in the file.
    pub(super) at: u64,
    pub(super) len: u64,
}

impl Payload for Stored<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.len.saturating_sub(offset);
        let n = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        let Some(buf) = buf.get_mut(..n) else { return Ok(0) };
        self.file.source().read_exact_at(self.at.saturating_add(offset), buf)?;
        Ok(n)
    }
}

/// Leaves out bytes, which must be there.
pub(super) fn skip(reader: &mut dyn BufRead, count: u64) -> io::Result<()> {
    let skipped = io::copy(&mut reader.take(count), &mut io::sink())?;
    if skipped < count {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the data end too early"));
    }
    Ok(())
}
