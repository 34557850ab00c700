//! Writes the file that a rewrite fills from front to end.

use crate::h5::RelAddr;
use crate::sys::stream::Sink;
use crate::sys::sums::{Stretch, Sums};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

/// Small writes are gathered up to this many bytes.
const BUFFER: usize = 256 << 10;

/// A file that is written from front to end.
#[derive(Debug)]
pub(super) struct Output<'a> {
    file: &'a File,
    /// Where addresses count from: behind the user block, which need not be the input's.
    base: u64,
    sink: Sink<'a>,
    buffer: Vec<u8>,
    position: u64,
    /// Digests of what was written, for the check.
    sums: Sums,
}

impl<'a> Output<'a> {
    pub(super) fn new(file: &'a File, base: u64) -> Self {
        Self {
            file,
            base,
            sink: Sink::new(file),
            buffer: Vec::with_capacity(BUFFER),
            position: 0,
            sums: Sums::default(),
        }
    }

    /// The address of what stands at an offset.
    pub(super) fn addr(&self, offset: u64) -> RelAddr {
        RelAddr(offset.wrapping_sub(self.base))
    }

    /// Offset of the next byte.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.position += bytes.len() as u64;
        self.sums.push(bytes);
        if self.buffer.len() + bytes.len() <= BUFFER {
            self.buffer.extend_from_slice(bytes);
            return Ok(());
        }
        self.drain()?;
        if bytes.len() < BUFFER {
            self.buffer.extend_from_slice(bytes);
            return Ok(());
        }
        self.sink.write(bytes)
    }

    fn drain(&mut self) -> io::Result<()> {
        self.sink.write(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    pub(super) fn zeros(&mut self, count: u64) -> io::Result<()> {
        let zeros = [0; 4096];
        let mut left = count;
        while left > 0 {
            let n = left.min(zeros.len() as u64);
            self.write(zeros.get(..usize::try_from(n).unwrap_or(0)).unwrap_or_default())?;
            left -= n;
        }
        Ok(())
    }

    pub(super) fn pad_to(&mut self, offset: u64) -> io::Result<()> {
        self.zeros(offset.saturating_sub(self.position))
    }

    /// Makes the place of the next byte one to which [`Self::back_to`] can come back.
    pub(super) fn mark(&mut self) {
        self.sums.mark();
    }

    /// Goes back to `offset`, which was marked: what was written from there on is given up.
    pub(super) fn back_to(&mut self, offset: u64) -> io::Result<()> {
        self.drain()?;
        self.sink.back_to(offset);
        self.sums.back_to(offset);
        self.position = offset;
        Ok(())
    }

    /// Hands all bytes to the system and tells how many there are; the file has no others.
    pub(super) fn finish(&mut self) -> io::Result<u64> {
        self.drain()?;
        self.sink.end()?;
        Ok(self.position)
    }

    /// Writes over bytes at the start of the file; gives digests of what had been there and of all
    /// that follows.
    pub(super) fn write_head(self, bytes: &[u8]) -> io::Result<Vec<Stretch>> {
        self.file.write_all_at(bytes, 0)?;
        Ok(self.sums.finish())
    }
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Output::write(self, bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
