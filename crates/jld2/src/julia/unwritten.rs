//! Makes the logical bytes of data that were never written: the dataset's fill value over and over,
//! or zeros.

use crate::h5::budget::{UNWRITTEN_CHEAP, UNWRITTEN_LEAST, UNWRITTEN_TIMES};
use crate::h5::{Dataset, Datatype, Error, File, Result};
use std::io::{self, BufRead, Read};
use std::ops::Range;

/// Bytes that are made at once.
const PIECE: usize = 64 << 10;
/// Data that were never written.
pub(super) struct Unwritten {
    /// One element, or one zero.
    element: Vec<u8>,
}

impl Unwritten {
    /// The `len` bytes of `dataset`, whose elements are of type `datatype`.
    pub(super) fn new(
        file: &File,
        dataset: &Dataset,
        datatype: &Datatype,
        len: u64,
    ) -> Result<Self> {
        let most = file.source().len().saturating_mul(UNWRITTEN_TIMES).max(UNWRITTEN_LEAST);
        if len > most {
            let what = format!("a dataset of {len} bytes that were never written");
            return Err(Error::too_large(what, format!("{most} bytes")));
        }
        file.spend(len / UNWRITTEN_CHEAP);
        let size = u64::from(datatype.size);
        let element = match &dataset.fill {
            Some(fill) if fill.len() as u64 != size => {
                let found = format!("{} bytes", fill.len());
                return Err(Error::corrupt(
                    datatype.offset,
                    "fill value",
                    format!("an element of {size} bytes"),
                    found,
                ));
            }
            Some(fill) if fill.iter().any(|&b| b != 0) => fill.clone(),
            _ => vec![0],
        };
        Ok(Self { element })
    }

    /// A stream of the bytes in `range`.
    pub(super) fn open(&self, range: Range<u64>) -> UnwrittenReader<'_> {
        let Range { start, end } = range;
        UnwrittenReader { of: self, next: start, end, piece: Vec::new(), taken: 0 }
    }
}

/// Fills bytes of a dataset, from `start` on, with one element over and over.
pub(super) fn fill(element: &[u8], start: u64, out: &mut [u8]) {
    let size = element.len();
    let Some(phase) = start.checked_rem(size as u64) else { return };
    if let Some(&byte) = element.first().filter(|&first| element.iter().all(|b| b == first)) {
        // As most are: zeros.
        out.fill(byte);
        return;
    }
    let phase = usize::try_from(phase).unwrap_or(0);
    let (head, out) = out.split_at_mut((size - phase).min(out.len()));
    for (to, from) in head.iter_mut().zip(element.iter().skip(phase)) {
        *to = *from;
    }
    for piece in out.chunks_mut(size) {
        for (to, from) in piece.iter_mut().zip(element) {
            *to = *from;
        }
    }
}

/// A stream of data that were never written.
pub(super) struct UnwrittenReader<'u> {
    of: &'u Unwritten,
    /// The byte of the dataset that follows those in `piece`.
    next: u64,
    end: u64,
    piece: Vec<u8>,
    /// Bytes of `piece` that were taken.
    taken: usize,
}

impl BufRead for UnwrittenReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken >= self.piece.len() {
            let left = self.end.saturating_sub(self.next);
            let len = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE);
            self.piece.resize(len, 0);
            fill(&self.of.element, self.next, &mut self.piece);
            self.next = self.next.saturating_add(len as u64);
            self.taken = 0;
        }
        Ok(self.piece.get(self.taken..).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.taken = self.taken.saturating_add(amount).min(self.piece.len());
    }
}

impl Read for UnwrittenReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(out)?;
        self.consume(n);
        Ok(n)
    }
}
