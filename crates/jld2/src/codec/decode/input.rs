//! Reads a decoder's input, and counts the offset that its errors tell.

use crate::codec::{Error, Reader};
use std::io;

/// A decoder's input.
pub(super) struct Input<'a> {
    reader: Reader<'a>,
    codec: &'static str,
    at: u64,
}

impl<'a> Input<'a> {
    /// Reads `reader` on behalf of `codec`.
    pub(super) fn new(reader: Reader<'a>, codec: &'static str) -> Self {
        Self { reader, codec, at: 0 }
    }

    /// Offset of the next byte.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// The next bytes; none at the end only.
    pub(super) fn chunk(&mut self) -> Result<&[u8], Error> {
        // The second look is free, and the borrow of the first one cannot leave a loop.
        loop {
            match self.reader.fill_buf() {
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.reader.fill_buf()?)
    }

    /// Takes `amount` bytes of the last [`chunk`](Self::chunk).
    pub(super) fn consume(&mut self, amount: usize) {
        self.reader.consume(amount);
        self.at = self.at.saturating_add(amount as u64);
    }

    /// Leaves out `count` bytes; `open` starts the same input anew at an offset.
    pub(super) fn jump(
        &mut self,
        count: u64,
        open: &dyn Fn(u64) -> Reader<'a>,
    ) -> Result<(), Error> {
        let buffered = self.chunk()?.len();
        match usize::try_from(count) {
            Ok(count) if count <= buffered => self.consume(count),
            _ => {
                self.at = self.at.saturating_add(count);
                self.reader = open(self.at);
            }
        }
        Ok(())
    }

    /// A second input at the same place, read through `reader`.
    pub(super) fn fork(&self, reader: Reader<'a>) -> Self {
        Self { reader, codec: self.codec, at: self.at }
    }

    /// The next `N` bytes, or none at the end. `decoded` is told if the end comes among them.
    pub(super) fn next<const N: usize>(&mut self, decoded: u64) -> Result<Option<[u8; N]>, Error> {
        let mut bytes = [0; N];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let chunk = self.chunk()?;
            let n = chunk.len().min(rest.len());
            if n == 0 && filled == 0 {
                return Ok(None);
            }
            if n == 0 {
                return Err(self.truncated(decoded));
            }
            for (to, from) in rest.iter_mut().zip(chunk) {
                *to = *from;
            }
            self.consume(n);
            filled = filled.saturating_add(n);
        }
        Ok(Some(bytes))
    }

    /// The next `N` bytes, which must be there.
    pub(super) fn need<const N: usize>(&mut self, decoded: u64) -> Result<[u8; N], Error> {
        self.next(decoded)?.ok_or_else(|| self.truncated(decoded))
    }

    /// Fails unless this is the end.
    pub(super) fn expect_end(&mut self) -> Result<(), Error> {
        let ended = self.chunk()?.is_empty();
        if ended { Ok(()) } else { Err(Error::Trailing { codec: self.codec, at: self.at }) }
    }

    /// The input ends where it must not.
    pub(super) fn truncated(&self, decoded: u64) -> Error {
        Error::Truncated { codec: self.codec, at: self.at, decoded }
    }

    /// `found` is where `expected` must be, `back` bytes ago.
    pub(super) fn corrupt(
        &self,
        back: u64,
        expected: &'static str,
        found: impl std::fmt::Display,
    ) -> Error {
        let at = self.at.saturating_sub(back);
        Error::Corrupt { codec: self.codec, at, expected, found: found.to_string() }
    }
}
