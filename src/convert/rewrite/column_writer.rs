//! Columns as they come out: chunks, the index behind them, and what is said of them in the header.

use super::RewriteError;
use super::output::Output;
use super::payloads::Payload;
use super::progress::Progress;
use crate::codec::{self, Codec, Filter};
use crate::h5::chunk_tree::{self, StoredChunks};
use crate::h5::encode::{self, fits_every_reader};
use crate::h5::{ChunkGrid, Error, FilterEntry, RelAddr};
use crate::julia::Column;
use std::io::Read;

/// The client values to write for a filter with this number, where JLD2 0.6.5 writes these.
pub(crate) type Written<'a> = &'a (dyn Fn(u16, &[u32]) -> Vec<u32> + Sync);

/// Stored data are copied in pieces of this many bytes.
pub(super) const PIECE: usize = 1 << 20;

/// A column that is to be encoded in chunks, or, with [`Codec::None`], written as it is.
#[derive(Clone)]
pub(super) struct Job<'c> {
    /// The dataset.
    pub(super) addr: RelAddr,
    pub(super) column: &'c Column<'c>,
    pub(super) grid: ChunkGrid,
    pub(super) codec: Codec,
    /// Size of the elements whose bytes are put into planes first.
    pub(super) shuffle: Option<u32>,
    /// Whether any of its chunks can be decoded without those before it.
    pub(super) anywhere: bool,
    /// Whether it is stored as it is as soon as its first chunk does not shrink, and begun again if
    /// another one then does.
    pub(super) hasty: bool,
    /// Bytes that the column takes in the input.
    pub(super) stored: u64,
}

/// One chunk of a column.
#[derive(Clone, Copy)]
pub(super) struct Chunk<'b> {
    /// Encoded; not needed where the first chunk of the column did not shrink.
    pub(super) encoded: Option<&'b [u8]>,
    /// The array's bytes in it; not needed where the first chunk did.
    pub(super) raw: Option<&'b [u8]>,
    /// Whether the encoded bytes are fewer.
    pub(super) shrinks: bool,
}

/// What is made of the column that is being written.
enum Form {
    Encoded,
    /// Its bytes as they are, since none of its chunks has shrunk.
    Plain,
    /// Nothing: it must be begun again.
    Left,
}

/// Writes the chunks of one column after another.
pub(super) struct ColumnWriter<'a, 'o> {
    out: &'a mut Output<'o>,
    progress: &'a Progress<'a>,
    written: Written<'a>,
    /// Where the column begins that is being written.
    start: u64,
    /// Where the one before it ends.
    mark: u64,
    form: Form,
    /// Stored bytes of its chunks.
    sizes: Vec<u32>,
    /// What became of the columns that are done.
    pub(super) done: Vec<(RelAddr, Payload)>,
    /// Columns that would have grown: nothing of them is written.
    pub(super) given_up: Vec<RelAddr>,
    /// Columns of which the first chunk does not shrink, and another one does: nothing of them is
    /// written.
    pub(super) again: Vec<RelAddr>,
    /// How many columns were stored as they are since no chunk of them shrinks.
    pub(super) never_shrank: u64,
}

impl<'a, 'o> ColumnWriter<'a, 'o> {
    pub(super) fn new(
        out: &'a mut Output<'o>,
        progress: &'a Progress<'a>,
        written: Written<'a>,
    ) -> Self {
        Self {
            out,
            progress,
            written,
            start: 0,
            mark: 0,
            form: Form::Encoded,
            sizes: Vec::new(),
            done: Vec::new(),
            given_up: Vec::new(),
            again: Vec::new(),
            never_shrank: 0,
        }
    }

    /// Writes chunk `number` of a column; they come in order. With the last one the column is done.
    pub(super) fn chunk(
        &mut self,
        job: &Job<'_>,
        number: u64,
        chunk: Chunk<'_>,
    ) -> Result<(), RewriteError> {
        if number == 0 {
            self.begin(!chunk.shrinks)?;
        }
        let missing = || Error::payload(job.column.offset(), codec::Error::Failed);
        match self.form {
            Form::Encoded => {
                let bytes = chunk.encoded.ok_or_else(missing)?;
                let too_large = |_| Error::foreign(job.column.offset(), "a chunk of 4 GiB");
                self.sizes.push(u32::try_from(bytes.len()).map_err(too_large)?);
                self.out.write(bytes)?;
            }
            Form::Plain if chunk.shrinks => {
                self.out.back_to(self.mark)?;
                self.form = Form::Left;
                self.again.push(job.addr);
            }
            Form::Plain => self.out.write(chunk.raw.ok_or_else(missing)?)?,
            Form::Left => {}
        }
        let count = job.grid.count();
        self.progress.within(job.stored, number + 1, count)?;
        if number + 1 == count {
            match self.finish(job)? {
                Some(payload) => {
                    self.progress.done(job.stored);
                    self.done.push((job.addr, payload));
                }
                None if matches!(self.form, Form::Encoded) => self.given_up.push(job.addr),
                None => {}
            }
        }
        Ok(())
    }

    /// Begins a column.
    fn begin(&mut self, plain: bool) -> Result<(), RewriteError> {
        self.out.mark();
        self.mark = self.out.position();
        self.form = Form::Encoded;
        if plain {
            self.form = Form::Plain;
            self.out.pad_to(self.mark.next_multiple_of(8))?;
        }
        self.start = self.out.position();
        self.sizes.clear();
        Ok(())
    }

    /// Writes the index; or gives up the column where all that is not smaller than its bytes as they
    /// are.
    fn finish(&mut self, job: &Job<'_>) -> Result<Option<Payload>, RewriteError> {
        match self.form {
            Form::Encoded => {}
            Form::Left => return Ok(None),
            Form::Plain => {
                self.never_shrank += u64::from(job.codec != Codec::None);
                let (offset, size) = (self.start, job.column.len());
                return Ok(Some(Payload::Contiguous { offset, size }));
            }
        }
        let grid = &job.grid;
        let filters = entries(job.codec, job.codec.pipeline(job.shuffle), self.written);
        let stored = self.out.position() - self.start;
        // One chunk needs no index where its dimensions can be written so that all read them.
        let single = grid.count() == 1 && fits_every_reader(grid.chunk(), grid.element_size());
        let index = if single { 0 } else { chunk_tree::tree_bytes(grid.rank(), grid.count()) };
        // Its length does not depend on where the chunks are.
        let layout = if single {
            encode::single_chunk(grid.chunk(), grid.element_size(), 0, 0, RelAddr::NULL)
        } else {
            chunk_tree::chunked(grid, RelAddr::NULL)
        };
        let header = chunk_tree::header_bytes(&layout, &filters);
        let len = job.column.len();
        if stored.saturating_add(index).saturating_add(header) >= len {
            self.out.back_to(self.start)?;
            return Ok(None);
        }
        Ok(Some(if single {
            Payload::Chunk { offset: self.start, size: stored, mask: 0, filters }
        } else {
            let at = self.out.position().next_multiple_of(8);
            self.out.pad_to(at)?;
            let first = self.out.addr(self.start);
            let chunks = StoredChunks { grid, first, sizes: &self.sizes, filter_mask: 0 };
            let (at, out) = (self.out.addr(at), &mut *self.out);
            let root = chunk_tree::write_tree(&chunks, at, &mut |node| out.write(node))?;
            Payload::Tree { layout: chunk_tree::chunked(grid, root), filters }
        }))
    }
}

/// Copies `len` bytes of a stream that comes from offset `at` of the input; `through` is told how
/// many of them are done.
pub(super) fn copy(
    from: &mut dyn Read,
    len: u64,
    at: u64,
    out: &mut Output<'_>,
    through: &mut dyn FnMut(u64) -> Result<(), RewriteError>,
) -> Result<(), RewriteError> {
    let mut buffer = vec![0; usize::try_from(len).unwrap_or(PIECE).min(PIECE)];
    let mut left = len;
    while left > 0 {
        let n = usize::try_from(left).unwrap_or(PIECE).min(buffer.len());
        let Some(piece) = buffer.get_mut(..n) else { break };
        from.read_exact(piece).map_err(|e| RewriteError::of_stream(at, e))?;
        out.write(piece)?;
        left -= n as u64;
        through(len - left)?;
    }
    Ok(())
}

/// Filters as a header has them.
pub(super) fn entries(
    codec: Codec,
    filters: Vec<Filter>,
    written: Written<'_>,
) -> Vec<FilterEntry> {
    let entry = |filter| {
        let Filter { id, name, client, .. } = filter;
        // Frames are for JLD2 before 0.6, whose one value means nothing.
        let client = if codec == Codec::Lz4Frame { client } else { written(id, &client) };
        FilterEntry { id, name, flags: 0, client }
    };
    filters.into_iter().map(entry).collect()
}
