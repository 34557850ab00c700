//! Reads lines one after the other, and where they stand.

use super::stored::Span;
use std::io::{self, BufRead, Read as _};

/// The lines of a file, none longer than so many bytes: what is longer comes in pieces.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    reader: R,
    longest: u64,
    offset: u64,
    bytes: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// The lines that `reader` has from its beginning on.
    pub(crate) fn new(reader: R, longest: u64) -> Self {
        Self { reader, longest, offset: 0, bytes: Vec::new() }
    }

    /// The next line with its end, which the last one may lack; none after that.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn read(&mut self) -> io::Result<Option<(Span, &[u8])>> {
        self.bytes.clear();
        let count = self.reader.by_ref().take(self.longest).read_until(b'\n', &mut self.bytes)?;
        let span = Span { offset: self.offset, len: u32::try_from(count).unwrap_or(u32::MAX) };
        self.offset = self.offset.saturating_add(count as u64);
        Ok((count > 0).then_some((span, self.bytes.as_slice())))
    }
}
