//! Holds decoded bytes on their way out, with the history that matches refer to.

use crate::codec::{Error, Reader};
use std::io::{self, BufRead, Read};

/// How far back an LZ4 match can reach, rounded up.
const HISTORY: usize = 64 * 1024;
/// Room for new bytes behind a full history.
const FRESH: usize = 192 * 1024;
/// Copies may write this much behind the last byte that counts.
pub(super) const SLACK: usize = 64;

/// Room for a history, new bytes and slack.
pub(super) const SIZE: usize = HISTORY + FRESH + SLACK;

/// A buffer that slides over the decoded bytes.
#[derive(Clone)]
pub(super) struct Window {
    buf: Box<[u8]>,
    /// First byte that a match may refer to.
    low: usize,
    /// First byte that has not been given out.
    start: usize,
    /// End of the decoded bytes.
    pos: usize,
}

impl Window {
    pub(super) fn new() -> Self {
        Self { buf: vec![0; SIZE].into_boxed_slice(), low: 0, start: 0, pos: 0 }
    }

    /// Decoded bytes that have not been given out.
    pub(super) fn fresh(&self) -> &[u8] {
        self.buf.get(self.start..self.pos).unwrap_or_default()
    }

    /// Gives out `amount` fresh bytes.
    pub(super) fn consume(&mut self, amount: usize) {
        self.start = self.start.saturating_add(amount).min(self.pos);
    }

    /// Makes room; only once nothing is fresh.
    pub(super) fn slide(&mut self) {
        if self.start < self.pos || self.room() >= FRESH {
            return;
        }
        let kept = self.pos.saturating_sub(HISTORY).max(self.low).min(self.pos);
        self.buf.copy_within(kept..self.pos, 0);
        self.pos = self.pos.saturating_sub(kept);
        self.start = self.pos;
        self.low = 0;
    }

    /// Forgets the history: matches reach back to here at most.
    pub(super) fn forget(&mut self) {
        self.low = self.pos;
    }

    /// How many more bytes fit.
    pub(super) fn room(&self) -> usize {
        self.buf.len().saturating_sub(SLACK).saturating_sub(self.pos)
    }

    /// Appends what fits of `bytes`; how much that was.
    pub(super) fn append(&mut self, bytes: &[u8]) -> usize {
        let n = bytes.len().min(self.room());
        let end = self.pos.saturating_add(n);
        if let (Some(to), Some(from)) = (self.buf.get_mut(self.pos..end), bytes.get(..n)) {
            to.copy_from_slice(from);
        }
        self.pos = end;
        n
    }

    /// The parts that a block decoder works on: the whole buffer with slack at its end, the first
    /// byte that matches may reach, and where the next byte goes.
    pub(super) fn parts(&mut self) -> (&mut [u8], usize, &mut usize) {
        (&mut self.buf, self.low, &mut self.pos)
    }
}

/// A decoder that fills a [`Window`].
pub(super) trait Refill {
    /// The window.
    fn window(&mut self) -> &mut Window;

    /// Decodes into the window, whose bytes have all been given out; nothing comes at the end only.
    fn refill(&mut self) -> io::Result<()>;
}

/// A [`Refill`] that can go on twice from where it is.
pub(super) trait Fork<'a>: Refill + Sized {
    /// Offset in the input where the decoder goes on.
    fn at(&self) -> u64;

    /// A second decoder in the same state; `reader` gives the input from [`at`](Self::at) on.
    fn fork(&self, reader: Reader<'a>) -> Self;

    /// Leaves out `count` decoded bytes, or as many as there are; what could not be left out.
    /// `open` starts the input anew at an offset.
    fn skip(&mut self, count: u64, open: &dyn Fn(u64) -> Reader<'a>) -> Result<u64, Error>;
}

/// A [`Refill`] as a reader.
pub(super) struct Windowed<T>(pub(super) T);

impl<T: Refill> BufRead for Windowed<T> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.0.window().fresh().is_empty() {
            self.0.refill()?;
        }
        Ok(self.0.window().fresh())
    }

    fn consume(&mut self, amount: usize) {
        self.0.window().consume(amount);
    }
}

impl<T: Refill> Read for Windowed<T> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let n = self.fill_buf()?.read(buf)?;
        self.consume(n);
        Ok(n)
    }
}
