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

impl Write for Bounded<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let Some(left) = self.left.checked_sub(buf.len() as u64) else {
            return Err(io::Error::other(
                "over 4096 times as much as the file: its objects or types repeat one another",
            ));
        };
        let n = self.out.write(buf)?;
        self.left = left;
        Ok(n)
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
