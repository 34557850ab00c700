//! Logical bytes of a dataset that is in several chunks, in the order of its data.
//!
//! Where chunks are rows of the dataset, one follows the other. Otherwise a stretch of the data is
//! put together from all chunks that reach into it: a row of chunks if that fits [`MOST`], so that
//! each chunk is decoded once. Of a larger row some lines are made at a time, so that each chunk is
//! decoded as often as its lines take turns: memory stays bounded, time does not.

use super::stored::{Stored, skip};
use super::unwritten;
use crate::codec::{self, Filter};
use crate::h5::{ChunkIter, ChunkTable, Dataset, Datatype, Error, File, Grid, Result, StoredChunk};
use std::io::{self, BufRead, Read};
use std::ops::Range;
use std::sync::Arc;

/// Bytes that are put together at most: half of what a worker is given, for two files may be compared.
const MOST: u64 = 32 << 20;
/// What is put together of smaller rows of chunks.
const USUAL: u64 = 1 << 20;
/// Bytes of elements that were never written that are made at once.
const GAP: usize = 64 << 10;
/// Data that are larger than the file, so many times, and than this, are not there: nothing is
/// compressed that well.
const MAX_RATIO: u64 = 1 << 15;
const MAX_UNWRITTEN: u64 = 64 << 30;

/// A dataset in chunks.
pub(super) struct Chunks<'a> {
    file: &'a File,
    table: ChunkTable<'a>,
    /// One element that was never written.
    fill: Vec<u8>,
    /// Of the dataset, slowest first, and at the end the bytes of an element.
    dims: Vec<u64>,
    /// Of a chunk, likewise.
    chunk: Vec<u64>,
    len: u64,
    /// Bytes that are put together at once, at most.
    most: u64,
}

impl<'a> Chunks<'a> {
    /// The chunks of `dataset`, whose data are `len` bytes.
    pub(super) fn new(
        file: &'a File,
        dataset: &'a Dataset,
        datatype: &Datatype,
        len: u64,
    ) -> Result<Self> {
        let at = dataset.layout.chunked().map_or(0, |chunked| chunked.at);
        let Some(table) = file.chunks(dataset)? else {
            return Err(Error::corrupt(at, "layout", "chunks", "none"));
        };
        let size = u64::from(datatype.size);
        let element = dataset.layout.chunked().map_or(0, |chunked| chunked.element_size);
        if element != size {
            let found = format!("{element} bytes");
            return Err(Error::corrupt(at, "element of a chunk", format!("{size} bytes"), found));
        }
        let fill = match &dataset.fill {
            Some(fill) if fill.len() as u64 != size => {
                let found = format!("{} bytes", fill.len());
                return Err(Error::corrupt(at, "fill value", format!("{size} bytes"), found));
            }
            Some(fill) if fill.iter().any(|&b| b != 0) => fill.clone(),
            _ => vec![0],
        };
        let with = |dims: &[u64]| dims.iter().copied().chain([size]).collect::<Vec<_>>();
        let (dims, chunk) = (with(table.grid().dims()), with(table.grid().chunk_dims()));
        Ok(Self { file, table, fill, dims, chunk, len, most: MOST })
    }

    fn grid(&self) -> &Grid {
        self.table.grid()
    }

    /// A chunk's bytes before the filters, from `start` on.
    fn decoded<'s>(
        &self,
        chunk: &StoredChunk,
        filters: &'s [Filter],
        start: u64,
    ) -> Result<codec::Reader<'s>>
    where
        'a: 's,
    {
        let file = self.file;
        let at = file.offset(chunk.addr, "chunk")?;
        let len = self.grid().chunk_bytes();
        let failed = |e: codec::Error| Error::payload(at, e);
        let (stored, decoded): (_, &[Filter]) = if self.table.is_filtered(chunk) {
            (Stored { file, at, len: chunk.size }, filters)
        } else {
            // Nothing in front of `start` has to be read.
            let rest = chunk.size.saturating_sub(start);
            let stored = Stored { file, at: at.saturating_add(start), len: rest };
            return codec::decoder_of(&[], 0, Arc::new(stored), rest).map_err(failed);
        };
        let mut reader =
            codec::decoder_of(decoded, chunk.filter_mask, Arc::new(stored), len).map_err(failed)?;
        skip(&mut *reader, start).map_err(|e| Error::payload(at, e))?;
        Ok(reader)
    }

    /// Decodes one chunk to its end.
    pub(super) fn check(&self, chunk: &StoredChunk, filters: &[Filter]) -> Result<()> {
        let mut reader = self.decoded(chunk, filters, 0)?;
        let read = io::copy(&mut reader, &mut io::sink());
        let at = self.file.offset(chunk.addr, "chunk")?;
        let read = read.map_err(|e| Error::payload(at, e))?;
        let len = self.grid().chunk_bytes();
        if read != len {
            let (expected, found) = (format!("{len} bytes"), format!("{read} bytes"));
            return Err(Error::corrupt(at, "decoded chunk", expected, found));
        }
        Ok(())
    }

    /// What an error of a chunk's reader is to those who read the dataset.
    fn damaged(&self, chunk: &StoredChunk, error: io::Error) -> io::Error {
        match self.file.offset(chunk.addr, "chunk") {
            Ok(at) if error.kind() != io::ErrorKind::Interrupted => {
                io::Error::other(Error::payload(at, error))
            }
            _ => error,
        }
    }
}

/// Bytes `range` of a dataset, of which none are missing.
///
/// # Errors
/// If the index is of a kind that is not read.
pub(super) fn opened<'s>(
    chunks: &'s Chunks<'_>,
    filters: &'s [Filter],
    range: Range<u64>,
) -> Result<codec::Reader<'s>> {
    let most = chunks.file.source().len().saturating_mul(MAX_RATIO).max(MAX_UNWRITTEN);
    if chunks.len > most {
        let what = format!("a dataset of {} bytes in a file that holds less", chunks.len);
        return Err(Error::too_large(what, format!("{most} bytes")));
    }
    let iter = chunks.table.stored(0..u64::MAX)?;
    let rows = chunks.dims.iter().zip(&chunks.chunk).skip(1).all(|(dim, chunk)| dim == chunk);
    let Range { start, end } = range;
    Ok(if rows {
        Box::new(Rows { chunks, filters, iter, next: start, end, ahead: None, now: Now::Nothing })
    } else {
        let buffer = Vec::new();
        Box::new(Stretches { chunks, filters, iter, next: start, end, buffer, taken: 0 })
    })
}

/// Chunks that follow one another in the data.
struct Rows<'s, 'a> {
    chunks: &'s Chunks<'a>,
    filters: &'s [Filter],
    iter: ChunkIter<'a>,
    /// The next byte of the dataset.
    next: u64,
    end: u64,
    /// The next chunk that is stored, if it has been found.
    ahead: Option<StoredChunk>,
    now: Now<'s>,
}

/// What the next bytes come from.
enum Now<'s> {
    Nothing,
    Chunk { chunk: StoredChunk, reader: codec::Reader<'s>, end: u64 },
    Gap { bytes: Vec<u8>, taken: usize },
}

impl Rows<'_, '_> {
    /// Finds the source of the next bytes, of which there are some.
    fn advance(&mut self) -> Result<()> {
        let size = self.chunks.grid().chunk_bytes();
        let number = self.next / size;
        if self.ahead.is_none_or(|chunk| chunk.number < number) {
            self.iter.seek(number);
            self.ahead = self.iter.next()?;
        }
        if let Some(chunk) = self.ahead.filter(|chunk| chunk.number == number) {
            let reader = self.chunks.decoded(&chunk, self.filters, self.next % size)?;
            let end = number.saturating_add(1).saturating_mul(size).min(self.chunks.len);
            self.now = Now::Chunk { chunk, reader, end };
        } else {
            let end = self.ahead.map_or(self.end, |chunk| chunk.number.saturating_mul(size));
            let len = end.min(self.end).saturating_sub(self.next);
            let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX).min(GAP)];
            unwritten::fill(&self.chunks.fill, self.next, &mut bytes);
            self.now = Now::Gap { bytes, taken: 0 };
        }
        Ok(())
    }

    /// Looks at the end of a chunk that was read to the end of its data.
    fn settle(&mut self) -> io::Result<()> {
        if let Now::Chunk { chunk, reader, end } = &mut self.now
            && self.next >= *end
        {
            io::copy(reader, &mut io::sink()).map_err(|e| self.chunks.damaged(chunk, e))?;
            self.now = Now::Nothing;
        }
        if let Now::Gap { bytes, taken } = &self.now
            && *taken >= bytes.len()
        {
            self.now = Now::Nothing;
        }
        Ok(())
    }
}

impl BufRead for Rows<'_, '_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.settle()?;
        if self.next >= self.end {
            return Ok(&[]);
        }
        if matches!(self.now, Now::Nothing) {
            self.advance().map_err(io::Error::other)?;
        }
        let left = self.end.saturating_sub(self.next);
        let bytes = match &mut self.now {
            Now::Nothing => &[],
            Now::Gap { bytes, taken } => bytes.get(*taken..).unwrap_or_default(),
            Now::Chunk { chunk, reader, end } => {
                let left = end.saturating_sub(self.next);
                let bytes = reader.fill_buf().map_err(|e| self.chunks.damaged(chunk, e))?;
                let n = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                bytes.get(..n).unwrap_or_default()
            }
        };
        let n = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        Ok(bytes.get(..n).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.next = self.next.saturating_add(amount as u64);
        match &mut self.now {
            Now::Nothing => {}
            Now::Gap { taken, .. } => *taken = taken.saturating_add(amount),
            Now::Chunk { reader, .. } => reader.consume(amount),
        }
    }
}

impl Read for Rows<'_, '_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.settle()?;
        if let Now::Chunk { chunk, reader, end } = &mut self.now {
            // Past the reader's own buffer, where it has one.
            let left = self.end.min(*end).saturating_sub(self.next);
            let n = usize::try_from(left).unwrap_or(usize::MAX).min(out.len());
            let n = reader
                .read(out.get_mut(..n).unwrap_or_default())
                .map_err(|e| self.chunks.damaged(chunk, e))?;
            self.next = self.next.saturating_add(n as u64);
            self.settle()?;
            return Ok(n);
        }
        let n = self.fill_buf()?.read(out)?;
        self.consume(n);
        self.settle()?;
        Ok(n)
    }
}

/// Stretches of the data, each put together from the chunks that reach into it.
struct Stretches<'s, 'a> {
    chunks: &'s Chunks<'a>,
    filters: &'s [Filter],
    iter: ChunkIter<'a>,
    /// Where the next stretch begins.
    next: u64,
    end: u64,
    buffer: Vec<u8>,
    taken: usize,
}

/// Bytes of one step along each of these dimensions.
fn steps(dims: &[u64]) -> Vec<u64> {
    let mut steps: Vec<u64> = dims
        .iter()
        .rev()
        .scan(1_u64, |bytes, &dim| {
            let step = *bytes;
            *bytes = bytes.saturating_mul(dim);
            Some(step)
        })
        .collect();
    steps.reverse();
    steps
}

impl Stretches<'_, '_> {
    /// The end of the stretch that begins at `start`.
    fn stretch(&self, start: u64) -> u64 {
        let most = self.chunks.most;
        let steps = steps(&self.chunks.dims);
        let dims = self.chunks.dims.iter().zip(&self.chunks.chunk).zip(&steps);
        // The first dimension along which at least one step fits.
        for ((&dim, &chunk), &step) in dims {
            if step == 0 || step > most {
                continue;
            }
            let whole = chunk.saturating_mul(step);
            let lines = if whole <= most {
                chunk.saturating_mul((USUAL.min(most) / whole.max(1)).max(1))
            } else {
                most / step
            };
            let line = start / step % dim.max(1);
            let mut until = (line / lines.max(1)).saturating_add(1).saturating_mul(lines.max(1));
            if whole > most {
                // Not into the next chunk, which would be decoded once more.
                until = until.min((line / chunk.max(1)).saturating_add(1).saturating_mul(chunk));
            }
            let first =
                start.saturating_sub(start % step).saturating_sub(line.saturating_mul(step));
            let end = first.saturating_add(until.min(dim).saturating_mul(step));
            return end.min(self.end);
        }
        self.end.min(start.saturating_add(most))
    }

    fn load(&mut self) -> Result<()> {
        let range = self.next..self.stretch(self.next);
        let len = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        self.taken = 0;
        // Not as much more as a vector takes that grows by itself.
        self.buffer.clear();
        self.buffer.reserve_exact(len);
        self.buffer.resize(len, 0);
        unwritten::fill(&self.chunks.fill, range.start, &mut self.buffer);
        let corner = Corner::of(&self.chunks.dims, &range);
        let first = self.chunks.grid().holding(element(&corner.first));
        let last = self.chunks.grid().holding(element(&corner.last));
        self.iter.seek(first);
        while let Some(chunk) = self.iter.next()? {
            if chunk.number > last {
                break;
            }
            let start = self.chunks.grid().start(chunk.number);
            if corner.meets(&start, &self.chunks.chunk) {
                self.scatter(&chunk, start, &range)?;
            }
        }
        self.next = range.end;
        Ok(())
    }

    /// Puts what a chunk has of a stretch into the buffer.
    fn scatter(
        &mut self,
        chunk: &StoredChunk,
        mut start: Vec<u64>,
        range: &Range<u64>,
    ) -> Result<()> {
        start.push(0);
        let (dims, sizes) = (&self.chunks.dims, &self.chunks.chunk);
        let (steps, inner) = (steps(dims), steps(sizes));
        let at = self.chunks.file.offset(chunk.addr, "chunk")?;
        // Behind this dimension the chunk is as wide as the dataset, so that its bytes follow one
        // another.
        let wide = dims.iter().zip(sizes).rev().take_while(|(dim, size)| dim == size).count();
        let outer = dims.len().saturating_sub(wide).max(1) - 1;
        let counts: Vec<u64> = dims
            .iter()
            .zip(sizes)
            .zip(&start)
            .map(|((dim, size), start)| dim.saturating_sub(*start).min(*size))
            .collect();
        let get = |list: &[u64], i: usize| list.get(i).copied().unwrap_or(0);
        let run = get(&counts, outer).saturating_mul(get(&steps, outer));
        let origin: u64 = start
            .iter()
            .zip(&steps)
            .fold(0, |sum: u64, (s, step)| sum.saturating_add(s.saturating_mul(*step)));
        let mut place = vec![0_u64; outer];
        let mut open: Option<(codec::Reader<'_>, u64)> = None;
        let mut whole = true;
        loop {
            let (mut to, mut from) = (origin, 0_u64);
            for (i, n) in place.iter().enumerate() {
                to = to.saturating_add(n.saturating_mul(get(&steps, i)));
                from = from.saturating_add(n.saturating_mul(get(&inner, i)));
            }
            let end = to.saturating_add(run);
            whole &= to >= range.start && end <= range.end;
            if to >= range.end {
                break;
            }
            if end > range.start {
                let cut = range.start.saturating_sub(to);
                let (to, from) = (to.saturating_add(cut), from.saturating_add(cut));
                let len = end.min(range.end).saturating_sub(to);
                let (mut reader, position) = match open.take() {
                    Some(open) => open,
                    None => (self.chunks.decoded(chunk, self.filters, from)?, from),
                };
                let failed = |e| Error::payload(at, e);
                skip(&mut *reader, from.saturating_sub(position)).map_err(failed)?;
                let start = usize::try_from(to - range.start).unwrap_or(usize::MAX);
                let len = usize::try_from(len).unwrap_or(usize::MAX);
                let out = self.buffer.get_mut(start..).and_then(|b| b.get_mut(..len));
                reader.read_exact(out.unwrap_or_default()).map_err(failed)?;
                open = Some((reader, from.saturating_add(len as u64)));
            }
            if !advance(&mut place, &counts) {
                break;
            }
        }
        if let (Some((mut reader, _)), true) = (open, whole) {
            io::copy(&mut reader, &mut io::sink()).map_err(|e| Error::payload(at, e))?;
        }
        Ok(())
    }
}

/// Goes to the next place, the last dimension fastest; whether there is one.
fn advance(place: &mut [u64], counts: &[u64]) -> bool {
    for (at, count) in place.iter_mut().zip(counts).rev() {
        *at = at.saturating_add(1);
        if *at < *count {
            return true;
        }
        *at = 0;
    }
    false
}

/// The coordinates of an element without those of a byte in it.
fn element(place: &[u64]) -> &[u64] {
    place.split_last().map_or(&[], |(_, element)| element)
}

/// The smallest box around a stretch of the data.
struct Corner {
    first: Vec<u64>,
    last: Vec<u64>,
}

impl Corner {
    fn of(dims: &[u64], range: &Range<u64>) -> Self {
        let place = |mut byte: u64| {
            let mut place: Vec<u64> = dims
                .iter()
                .rev()
                .map(|&dim| {
                    let at = byte % dim.max(1);
                    byte /= dim.max(1);
                    at
                })
                .collect();
            place.reverse();
            place
        };
        let (mut first, mut last) = (place(range.start), place(range.end.saturating_sub(1)));
        let mut apart = false;
        for ((first, last), dim) in first.iter_mut().zip(&mut last).zip(dims) {
            if apart {
                (*first, *last) = (0, dim.saturating_sub(1));
            }
            apart |= first != last;
        }
        Self { first, last }
    }

    /// Whether the chunk that starts here, of these dimensions, is inside in part.
    fn meets(&self, start: &[u64], chunk: &[u64]) -> bool {
        let bounds = self.first.iter().zip(&self.last);
        start.iter().zip(chunk).zip(bounds).all(|((start, size), (first, last))| {
            start <= last && start.saturating_add(*size) > *first
        })
    }
}

impl BufRead for Stretches<'_, '_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken >= self.buffer.len() && self.next < self.end {
            self.load().map_err(io::Error::other)?;
        }
        Ok(self.buffer.get(self.taken..).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.taken = self.taken.saturating_add(amount).min(self.buffer.len());
    }
}

impl Read for Stretches<'_, '_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(out)?;
        self.consume(n);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h5::ObjectKind;
    use std::path::Path;

    fn read(chunks: &Chunks<'_>, filters: &[Filter], range: Range<u64>) -> Vec<u8> {
        let mut out = Vec::new();
        opened(chunks, filters, range).unwrap().read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn data_are_the_same_whatever_fits_in_memory() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/chunks/btree1.h5");
        let reader = crate::File::open(path).unwrap();
        let file = reader.container();
        let mut stretches = 0;
        for path in reader.dataset_paths().unwrap() {
            let found = reader.dataset(&path).unwrap();
            let ObjectKind::Dataset(dataset) = &found.object().kind else { continue };
            let datatype = file.resolve(&dataset.datatype).unwrap();
            let len = file.data_len(dataset, &datatype).unwrap();
            if dataset.is_in_one_piece() || len == 0 || len > 20_000 {
                continue;
            }
            let filters: Vec<_> =
                dataset.filters.iter().map(|f| Filter::new(f.id, f.client.clone(), None)).collect();
            let mut chunks = Chunks::new(file, dataset, &datatype, len).unwrap();
            let whole = read(&chunks, &filters, 0..len);
            assert_eq!(whole.len() as u64, len, "{path}");
            stretches += usize::from(dataset.dataspace.dims.len() > 1);
            for most in [1, 3, 8, 100, 700, 5000] {
                chunks.most = most;
                if most >= 100 {
                    assert!(read(&chunks, &filters, 0..len) == whole, "{path} {most}");
                }
                for (start, end) in [(0, 9), (len / 3 + 1, len.min(len / 3 + 90)), (len - 5, len)] {
                    let part = read(&chunks, &filters, start..end);
                    let range = usize::try_from(start).unwrap()..usize::try_from(end).unwrap();
                    assert!(part == whole[range], "{path} {most} {start}");
                }
            }
        }
        assert!(stretches > 5, "{stretches}");
    }
}
