//! A column as a series of pieces, each of which can be made on its own or after the one before it.
//!
//! A column that is cut into chunks too large to wait as wholes is a stream through them. Where decoders
//! of all columns take more memory than they may (`budget`), some keep none from one piece to the next:
//! the chunk is decoded once more up to the piece, or once to its end, where a cache has room for that.

use super::NumberType;
use super::pool::Pool;
use crate::h5::{Datatype, Layout, Result};
use crate::julia::{Column, Decoded, is_little_endian};
use crate::reader::Dataset;
use crate::reader::cache::{ChunkCache, Piece, PieceKey};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of a piece where the file does not say how data are cut, if there is room for that.
const USUAL: usize = 256 << 10;
/// The least that is worth a turn.
const LEAST: usize = 16 << 10;
/// Pieces that may wait at most.
const MOST_AHEAD: usize = 32;
/// Bytes that are read at once to be left out.
const SKIP: usize = 64 << 10;

/// One column of a scan.
pub(super) struct Feed<'a> {
    column: &'a Column<'a>,
    dataset: &'a Dataset<'a>,
    pub(super) number: NumberType,
    swapped: bool,
    cache: Option<&'a ChunkCache>,
    how: How,
    /// Rows of a piece; the last has fewer.
    rows: u64,
    /// Pieces that may be made before they are taken.
    pub(super) ahead: u64,
    /// The rows that are asked for.
    range: Range<u64>,
    /// Bytes of memory, about, that a decoder takes.
    pub(super) cost: u64,
    /// Bytes of a chunk, where there are several.
    pub(super) chunk: Option<u64>,
    /// Whether a stream stays open from one piece to the next.
    pub(super) stays_open: bool,
    /// Where a stream does not: whether its chunks fit the cache.
    pub(super) is_cached: bool,
    /// Where a stream of the column stands.
    stream: Mutex<Option<(Decoded<'a>, u64)>>,
}

/// How pieces are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// Each is read from where it stands in the file, whether that is cut into chunks or not.
    Plain,
    /// Each is made of chunks of its own.
    Chunks,
    /// One after the other, of a stream.
    Stream,
}

impl<'a> Feed<'a> {
    /// The pieces of a column, where so many decoded bytes may wait for whoever takes them.
    pub(super) fn new(
        column: &'a Column<'a>,
        dataset: &'a Dataset<'a>,
        datatype: &Datatype,
        number: NumberType,
        cache: Option<&'a ChunkCache>,
        share: usize,
    ) -> Self {
        // Some wait, one is being made, and one is held by who takes them.
        let usual = (share / 4).clamp(LEAST, USUAL);
        let size = number.size();
        let chunk = chunk_rows(dataset);
        let chunk_bytes = |rows: u64| rows.saturating_mul(size as u64);
        let (how, rows) = match chunk {
            // Some of a chunk is as good as all of it, and small pieces stay in the processor's caches.
            Some(rows) if column.is_copied() && chunk_bytes(rows) > usual as u64 => {
                (How::Plain, (usual / size) as u64)
            }
            // One is held and one waits.
            Some(rows) if chunk_bytes(rows) <= (share / 2) as u64 => {
                let together = (usual as u64 / chunk_bytes(rows).max(1)).max(1);
                (How::Chunks, rows.saturating_mul(together))
            }
            Some(_) => (How::Stream, (usual / size) as u64),
            None if is_plain(dataset) => (How::Plain, (usual / size) as u64),
            None => (How::Stream, (usual / size) as u64),
        };
        let bytes = usize::try_from(rows).unwrap_or(usize::MAX).saturating_mul(size);
        let ahead = (share / bytes.max(1)).saturating_sub(1).clamp(1, MOST_AHEAD) as u64;
        let chunk = chunk.map(chunk_bytes);
        let together = if how == How::Chunks { chunk } else { chunk.or(Some(column.len())) };
        let cost = match how {
            How::Plain => 0,
            How::Chunks | How::Stream => column.decoder_memory(together.unwrap_or(0)),
        };
        let swapped = !is_little_endian(datatype);
        // What is not decoded is kept by the system.
        let cache = cache.filter(|_| how != How::Plain);
        let stream = Mutex::new(None);
        let range = 0..0;
        Self {
            column,
            dataset,
            number,
            swapped,
            cache,
            how,
            rows,
            ahead,
            range,
            cost,
            chunk,
            stays_open: true,
            is_cached: false,
            stream,
        }
    }

    /// The pieces that hold these rows.
    pub(super) fn over(mut self, range: Range<u64>) -> Self {
        self.range = range;
        self
    }

    /// Whether pieces are made one after the other.
    pub(super) fn is_stream(&self) -> bool {
        self.how == How::Stream
    }

    /// Whether bytes are copied as they stand in the file.
    pub(super) fn is_copied(&self) -> bool {
        self.column.is_copied()
    }

    /// Bytes that the cache may keep.
    pub(super) fn cache_room(&self) -> u64 {
        self.cache.map_or(0, |cache| cache.most() as u64)
    }

    /// The numbers of the pieces.
    pub(super) fn pieces(&self) -> Range<u64> {
        if self.range.is_empty() {
            return 0..0;
        }
        let rows = self.rows.max(1);
        self.range.start / rows..self.range.end.div_ceil(rows)
    }

    /// The rows of a piece.
    pub(super) fn rows_of(&self, piece: u64) -> Range<u64> {
        let start = piece.saturating_mul(self.rows);
        let end = start.saturating_add(self.rows);
        match self.how {
            // Nothing has to be read that nobody asked for.
            How::Plain => start.max(self.range.start)..end.min(self.range.end),
            // What was decoded by another scan stands in the cache under whole pieces.
            How::Chunks | How::Stream => {
                start..end.min(self.column.len() / self.number.size() as u64)
            }
        }
    }

    /// Makes a piece. Those of a stream are asked for in order, by one thread at a time.
    pub(super) fn make(&self, piece: u64, pool: &Pool) -> Result<Piece> {
        let rows = self.rows_of(piece);
        let size = self.number.size() as u64;
        let bytes = rows.start.saturating_mul(size)..rows.end.saturating_mul(size);
        if let Some(piece) = self.cache.and_then(|cache| cache.get(&self.key(&bytes))) {
            return Ok(piece);
        }
        let made = match self.how {
            How::Stream if self.stays_open => self.streamed(bytes.clone(), pool),
            How::Stream => self.reopened(&bytes, pool),
            How::Plain | How::Chunks => self.cut_out(bytes.clone(), pool),
        };
        Ok(self.kept(&bytes, self.dataset.named(made)?))
    }

    fn key(&self, bytes: &Range<u64>) -> PieceKey {
        PieceKey {
            file: self.dataset.file().number(),
            dataset: self.dataset.object().addr().0,
            start: bytes.start,
            len: bytes.end.saturating_sub(bytes.start),
        }
    }

    /// A piece as others may take it.
    fn kept(&self, bytes: &Range<u64>, mut made: Vec<u8>) -> Piece {
        if self.swapped {
            made.chunks_mut(self.number.size()).for_each(<[u8]>::reverse);
        }
        let made = Arc::new(made);
        if let Some(cache) = self.cache {
            cache.put(self.key(bytes), &made);
        }
        made
    }

    /// A piece of a chunk that nobody has open; those behind it in the chunk come into the cache on the
    /// way, if it has room for them.
    fn reopened(&self, bytes: &Range<u64>, pool: &Pool) -> Result<Vec<u8>> {
        let all = self.column.len();
        let end = match self.chunk.filter(|_| self.is_cached) {
            Some(chunk) => bytes.end.next_multiple_of(chunk.max(1)).min(all),
            None => bytes.end,
        };
        let mut decoded = self.column.open_range(bytes.start..end)?;
        let mut next = |bytes: &Range<u64>| {
            let len = usize::try_from(bytes.end.saturating_sub(bytes.start)).unwrap_or(usize::MAX);
            let mut out = pool.take(len);
            decoded.fill(&mut out)?;
            Ok(out)
        };
        let made = next(bytes)?;
        let size = self.rows.saturating_mul(self.number.size() as u64);
        let mut at = bytes.end;
        while at < end {
            let piece = at..at.saturating_add(size).min(all);
            if piece.end > end {
                break;
            }
            let further = next(&piece)?;
            pool.give(self.kept(&piece, further));
            at = piece.end;
        }
        if at == all {
            decoded.finish()?;
        }
        Ok(made)
    }

    fn cut_out(&self, bytes: Range<u64>, pool: &Pool) -> Result<Vec<u8>> {
        let last = bytes.end == self.column.len();
        let mut decoded = self.column.open_range(bytes)?;
        let mut out = pool.take(usize::try_from(decoded.left()).unwrap_or(usize::MAX));
        decoded.fill(&mut out)?;
        if last {
            decoded.finish()?;
        }
        Ok(out)
    }

    fn streamed(&self, bytes: Range<u64>, pool: &Pool) -> Result<Vec<u8>> {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let end = self.column.len();
        let (mut decoded, mut at) = match stream.take() {
            Some((decoded, at)) if at <= bytes.start => (decoded, at),
            _ => (self.column.open_range(bytes.start..end)?, bytes.start),
        };
        let mut skipped = Vec::new();
        while at < bytes.start {
            let left = usize::try_from(bytes.start - at).unwrap_or(usize::MAX);
            skipped.resize(left.min(SKIP), 0);
            decoded.fill(&mut skipped)?;
            at = at.saturating_add(skipped.len() as u64);
        }
        let len = bytes.end.saturating_sub(bytes.start);
        let mut out = pool.take(usize::try_from(len).unwrap_or(usize::MAX));
        decoded.fill(&mut out)?;
        if bytes.end == end {
            decoded.finish()?;
        }
        *stream = Some((decoded, bytes.end));
        Ok(out)
    }
}

/// Rows of a chunk, where chunks are filtered, of one dimension, and there may be several.
pub(super) fn chunk_rows(dataset: &Dataset<'_>) -> Option<u64> {
    let data = dataset.data();
    let chunked = data.layout.chunked()?;
    let one = data.dataspace.dims.len() == 1 && !data.is_in_one_piece();
    chunked.dims.first().copied().filter(|&rows| one && rows > 0)
}

/// Whether the bytes stand in the file as they are, in one piece.
fn is_plain(dataset: &Dataset<'_>) -> bool {
    let data = dataset.data();
    match &data.layout {
        Layout::Compact { .. } | Layout::Contiguous { .. } => true,
        Layout::Chunked(_) => data.filters.is_empty() && data.is_in_one_piece(),
    }
}
