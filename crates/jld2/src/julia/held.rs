//! Holds output back until it is known to be whole.

use std::io::{self, Write};

/// Bytes that are held back.
const MOST: usize = 16 << 20;

/// Output that can still be taken back, as long as it is short.
pub(super) struct Held<'w> {
    out: &'w mut dyn Write,
    bytes: Vec<u8>,
    whole: bool,
}

impl<'w> Held<'w> {
    /// Holds back what is written to `out`.
    pub(super) fn new(out: &'w mut dyn Write) -> Self {
        Self { out, bytes: Vec::new(), whole: true }
    }

    /// Whether nothing was passed on yet.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Passes on what is held back.
    pub(super) fn pass_on(&mut self) -> io::Result<()> {
        self.whole = false;
        self.out.write_all(&std::mem::take(&mut self.bytes))
    }
}

impl Write for Held<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if self.whole && self.bytes.len() + buf.len() > MOST {
            self.pass_on()?;
        }
        if !self.whole {
            return self.out.write(buf);
        }
        self.bytes.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_can_be_taken_back_and_what_is_long_is_passed_on() {
        let mut out = Vec::new();
        let mut held = Held::new(&mut out);
        held.write_all(b"gone").unwrap();
        assert!(held.is_whole());
        let mut held = Held::new(&mut out);
        held.write_all(b"kept").unwrap();
        held.pass_on().unwrap();
        assert_eq!(out, b"kept");
        let mut held = Held::new(&mut out);
        held.write_all(&vec![7; MOST]).unwrap();
        assert!(held.is_whole());
        held.write_all(&[8]).unwrap();
        assert!(!held.is_whole());
        assert_eq!((out.len(), out.last()), (4 + MOST + 1, Some(&8)));
    }
}
