//! Puts byte planes back to elements.
//!
//! Plane `k` holds the `k`-th byte of every element; the bytes of an incomplete last element
//! follow the planes as they are. Data of some size is read through one cursor per plane.

use crate::codec::{Error, Reader, payload::fill_up, planes::interleave};
use std::io::{self, BufRead, Read};

/// Up to here the planes lie in one buffer.
pub(super) const BUFFERED: u64 = 1 << 20;
/// Up to here they do if cursors would be costly, or more than [`MAX_CURSORS`]. A cursor in the
/// middle of a deflate or zstd stream has to decode all before it.
pub(super) const BUFFERED_AT_MOST: u64 = 16 << 20;
/// Each cursor has a decoder of its own, whose memory it needs.
pub(super) const MAX_CURSORS: usize = 64;

/// Bytes put together at once.
const CHUNK: usize = 128 * 1024;

/// Undoes the shuffle filter on `total` bytes.
pub(super) struct Unshuffle<'a> {
    /// Plane by plane, each standing at its start.
    planes: Planes<'a>,
    /// Bytes of an element.
    size: usize,
    /// Whole elements to come.
    elements: u64,
    /// Bytes behind the last whole element, to come.
    tail: usize,
    /// As many bytes of each plane as `out` has elements.
    columns: Vec<u8>,
    out: Vec<u8>,
    start: usize,
    total: u64,
    /// The end of the input has been checked.
    done: bool,
}

enum Planes<'a> {
    /// All planes, one behind the other, and the tail.
    Buffered(Vec<u8>),
    /// The last one goes on with the tail.
    Cursors(Vec<Reader<'a>>),
}

impl<'a> Unshuffle<'a> {
    /// Reads all planes of `total` bytes into memory. `total` must be at most
    /// [`BUFFERED_AT_MOST`].
    pub(super) fn buffered(mut reader: Reader<'a>, size: usize, total: u64) -> Result<Self, Error> {
        let length = usize::try_from(total.min(BUFFERED_AT_MOST)).unwrap_or_default();
        let mut planes = vec![0; length];
        let filled = fill_up(&mut *reader, &mut planes)?;
        if (filled as u64) < total {
            return Err(Error::Short { expected: total, found: filled as u64 });
        }
        if !reader.fill_buf()?.is_empty() {
            return Err(Error::Long { expected: total });
        }
        Ok(Self::new(Planes::Buffered(planes), size, total))
    }

    /// Reads through one cursor per plane, each standing at the plane's start.
    pub(super) fn streamed(cursors: Vec<Reader<'a>>, total: u64) -> Self {
        let size = cursors.len();
        Self::new(Planes::Cursors(cursors), size, total)
    }

    fn new(planes: Planes<'a>, size: usize, total: u64) -> Self {
        let width = size.max(1) as u64;
        Self {
            planes,
            size: size.max(1),
            elements: total / width,
            tail: usize::try_from(total % width).unwrap_or_default(),
            columns: Vec::new(),
            out: Vec::new(),
            start: 0,
            total,
            done: false,
        }
    }

    /// Puts the next elements together.
    fn refill(&mut self) -> Result<(), Error> {
        self.start = 0;
        self.out.clear();
        if self.elements == 0 {
            return self.finish();
        }
        let most = (CHUNK / self.size).max(1);
        let count = usize::try_from(self.elements).unwrap_or(usize::MAX).min(most);
        self.out.resize(count.saturating_mul(self.size), 0);
        match &mut self.planes {
            Planes::Buffered(planes) => {
                let width = planes.len().checked_div(self.size).unwrap_or_default();
                let first = width.saturating_sub(usize::try_from(self.elements).unwrap_or(width));
                let columns = planes
                    .chunks_exact(width.max(1))
                    .take(self.size)
                    .filter_map(|plane| plane.get(first..first.saturating_add(count)));
                interleave(columns, self.size, &mut self.out);
            }
            Planes::Cursors(cursors) => {
                self.columns.resize(count.saturating_mul(self.size), 0);
                for (cursor, column) in cursors.iter_mut().zip(self.columns.chunks_exact_mut(count))
                {
                    if fill_up(&mut **cursor, column)? < count {
                        let whole = self.elements.saturating_mul(self.size as u64);
                        let found = self.total.saturating_sub(whole);
                        return Err(Error::Short { expected: self.total, found });
                    }
                }
                interleave(self.columns.chunks_exact(count), self.size, &mut self.out);
            }
        }
        self.elements = self.elements.saturating_sub(count as u64);
        Ok(())
    }

    /// Gives the tail, and checks that nothing follows it.
    fn finish(&mut self) -> Result<(), Error> {
        if self.done {
            return Ok(());
        }
        self.done = true;
        match &mut self.planes {
            Planes::Buffered(planes) => {
                let from = planes.len().saturating_sub(self.tail);
                self.out.extend_from_slice(planes.get(from..).unwrap_or_default());
            }
            Planes::Cursors(cursors) => {
                let Some(last) = cursors.last_mut() else { return Ok(()) };
                self.out.resize(self.tail, 0);
                let filled = fill_up(&mut **last, &mut self.out)?;
                if filled < self.tail {
                    let lacking = self.tail.saturating_sub(filled) as u64;
                    let found = self.total.saturating_sub(lacking);
                    return Err(Error::Short { expected: self.total, found });
                }
                if !last.fill_buf()?.is_empty() {
                    return Err(Error::Long { expected: self.total });
                }
            }
        }
        Ok(())
    }
}

impl BufRead for Unshuffle<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start >= self.out.len() {
            self.refill()?;
        }
        Ok(self.out.get(self.start..).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.start = self.start.saturating_add(amount).min(self.out.len());
    }
}

impl Read for Unshuffle<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let n = self.fill_buf()?.read(buf)?;
        self.consume(n);
        Ok(n)
    }
}
