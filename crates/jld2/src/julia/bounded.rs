//! Output that a file cannot make endless.

use crate::h5::Budget;
use std::io::{self, Write};

/// Passes bytes on until there were too many of them.
pub struct Bounded<'w> {
    out: &'w mut dyn Write,
    left: u64,
}

impl<'w> Bounded<'w> {
    /// Bounds what a file of `len` bytes is written out to.
    pub fn new(out: &'w mut dyn Write, len: u64) -> Self {
        Self { out, left: Budget::output(len) }
    }
}

impl Bounded<'_> {
    /// What is left behind these bytes.
    fn behind(&self, bytes: &[u8]) -> io::Result<u64> {
        self.left.checked_sub(bytes.len() as u64).ok_or_else(|| {
            let what =
                "over 4096 times as much as the file: its objects or types repeat one another";
            io::Error::other(what)
        })
    }
}

impl Write for Bounded<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let left = self.behind(buf)?;
        let n = self.out.write(buf)?;
        self.left = left;
        Ok(n)
    }

    // A value is written in very many small pieces.
    fn write_all(&mut self, buf: &[u8]) -> io::Result<()> {
        let left = self.behind(buf)?;
        self.out.write_all(buf)?;
        self.left = left;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_where_it_must() {
        let mut sink = io::sink();
        let mut out = Bounded::new(&mut sink, 1);
        let piece = vec![0; 1 << 20];
        for _ in 0..256 {
            out.write_all(&piece).unwrap();
        }
        out.write_all(&[0; 4096]).unwrap();
        assert!(out.write_all(&[0]).is_err());
    }
}
