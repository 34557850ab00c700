//! Puts elements into byte planes.
//!
//! A plane holds one byte of every element, so the whole input comes before the second plane can
//! begin. Small inputs are read once; large ones are read again for each group of planes that fits
//! in memory, or for each single plane.

use crate::codec::{
    Error, Reader, StreamSource,
    payload::{fill_up, skip},
    planes::{take, take_apart},
};
use std::io::{self, BufRead, Read};

/// Bytes of planes that are held at once.
const HELD: u64 = 32 << 20;
/// Bytes of a single plane that are gathered at once.
const CHUNK: usize = 64 * 1024;

/// A source whose bytes are shuffled.
pub(super) struct Shuffled<'a> {
    source: &'a dyn StreamSource,
    size: usize,
}

impl<'a> Shuffled<'a> {
    /// Shuffles elements of `size` >= 1 bytes.
    pub(super) fn new(source: &'a dyn StreamSource, size: usize) -> Self {
        Self { source, size: size.max(1) }
    }
}

impl StreamSource for Shuffled<'_> {
    fn total(&self) -> u64 {
        self.source.total()
    }

    fn open(&self) -> Result<Reader<'_>, Error> {
        let total = self.source.total();
        let elements = total / self.size as u64;
        let planes = HELD.checked_div(elements).unwrap_or(u64::MAX).clamp(1, self.size as u64);
        Ok(Box::new(Planes {
            source: self.source,
            size: self.size,
            elements,
            tail: total % self.size as u64,
            group: usize::try_from(planes).unwrap_or(1),
            next: 0,
            pass: None,
            out: Vec::new(),
            start: 0,
            tail_given: false,
        }))
    }
}

/// Reads the planes.
struct Planes<'a> {
    source: &'a dyn StreamSource,
    size: usize,
    elements: u64,
    /// Bytes behind the last whole element.
    tail: u64,
    /// Planes that one pass gathers.
    group: usize,
    /// First plane that no pass has begun.
    next: usize,
    /// A pass that gathers a single plane piece by piece.
    pass: Option<Pass<'a>>,
    out: Vec<u8>,
    start: usize,
    tail_given: bool,
}

struct Pass<'a> {
    reader: Reader<'a>,
    plane: usize,
    /// Elements to come.
    left: u64,
    buf: Vec<u8>,
}

/// Reads exactly `buf`, or gives the number of bytes there were if `done` came before.
fn fill(reader: &mut dyn BufRead, buf: &mut [u8], done: u64) -> Result<Result<(), u64>, Error> {
    let filled = fill_up(reader, buf)?;
    Ok(if filled < buf.len() { Err(done.saturating_add(filled as u64)) } else { Ok(()) })
}

impl<'a> Planes<'a> {
    fn total(&self) -> u64 {
        self.elements.saturating_mul(self.size as u64).saturating_add(self.tail)
    }

    fn refill(&mut self) -> Result<(), Error> {
        self.out.clear();
        self.start = 0;
        if let Some(pass) = self.pass.take() {
            return self.gather_piece(pass);
        }
        if self.next >= self.size || self.elements == 0 {
            return self.give_tail();
        }
        let reader = self.source.open()?;
        if self.group > 1 {
            return self.gather_group(reader);
        }
        let pass = Pass { reader, plane: self.next, left: self.elements, buf: Vec::new() };
        self.next = self.next.saturating_add(1);
        self.gather_piece(pass)
    }

    /// The next piece of a single plane.
    fn gather_piece(&mut self, mut pass: Pass<'a>) -> Result<(), Error> {
        let count = usize::try_from(pass.left).unwrap_or(usize::MAX).min(CHUNK);
        self.out.resize(count, 0);
        let read = |pass: &mut Pass<'_>, elements: usize, done: u64| {
            pass.buf.resize(elements.saturating_mul(self.size), 0);
            fill(&mut *pass.reader, &mut pass.buf, done.saturating_mul(self.size as u64))
        };
        let step = (CHUNK / self.size).max(1);
        for piece in self.out.chunks_mut(step) {
            let done = self.elements.saturating_sub(pass.left);
            if let Err(found) = read(&mut pass, piece.len(), done)? {
                return Err(Error::Short { expected: self.total(), found });
            }
            take(&pass.buf, self.size, pass.plane, piece);
            pass.left = pass.left.saturating_sub(piece.len() as u64);
        }
        if pass.left > 0 {
            self.pass = Some(pass);
        }
        Ok(())
    }

    /// As many whole planes as may be held.
    fn gather_group(&mut self, mut reader: Reader<'a>) -> Result<(), Error> {
        let planes = self.group.min(self.size.saturating_sub(self.next));
        let length = usize::try_from(self.elements).unwrap_or(usize::MAX);
        // Fresh zeros from the system cost less than written ones.
        self.out = vec![0; length.saturating_mul(planes)];
        let mut buf = Vec::new();
        let mut done = 0_usize;
        while done < length {
            let count = length.saturating_sub(done).min((CHUNK / self.size).max(1));
            buf.resize(count.saturating_mul(self.size), 0);
            let before = (done as u64).saturating_mul(self.size as u64);
            if let Err(found) = fill(&mut *reader, &mut buf, before)? {
                return Err(Error::Short { expected: self.total(), found });
            }
            let places = self.out.chunks_exact_mut(length);
            let places = places.filter_map(|plane| plane.get_mut(done..done.saturating_add(count)));
            take_apart(&buf, self.size, self.next, places);
            done = done.saturating_add(count);
        }
        self.next = self.next.saturating_add(planes);
        Ok(())
    }

    /// The bytes behind the last whole element.
    fn give_tail(&mut self) -> Result<(), Error> {
        if self.tail_given || self.tail == 0 {
            return Ok(());
        }
        self.tail_given = true;
        let mut reader = self.source.open()?;
        let whole = self.total().saturating_sub(self.tail);
        let lacking = skip(&mut *reader, whole)?;
        if lacking > 0 {
            let found = whole.saturating_sub(lacking);
            return Err(Error::Short { expected: self.total(), found });
        }
        self.out.resize(usize::try_from(self.tail).unwrap_or_default(), 0);
        if let Err(found) = fill(&mut *reader, &mut self.out, whole)? {
            return Err(Error::Short { expected: self.total(), found });
        }
        Ok(())
    }
}

impl BufRead for Planes<'_> {
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

impl Read for Planes<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let n = self.fill_buf()?.read(buf)?;
        self.consume(n);
        Ok(n)
    }
}
