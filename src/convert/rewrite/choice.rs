//! What becomes of each column: whether it is copied or encoded again, and in how many chunks.

use super::column_writer::Written;
use super::inventory::Inventory;
use crate::codec::{Codec, LZ4_BLOCK_SIZE, Lz4Format, ids, sniff_lz4};
use crate::convert::Chunking;
use crate::h5::encode::fits_every_reader;
use crate::h5::{
    ChunkGrid, ChunkIter, Class, Dataset, Datatype, Error, Extent, File, FilterEntry,
    HDF5_1_CHUNK_MAX, Object, Result,
};
use crate::julia::TypeTable;

/// How columns are to be encoded.
pub(crate) struct EncodeOptions<'a> {
    /// The codec that is wanted; `None` keeps what the target can read.
    pub(crate) wanted: Option<Codec>,
    /// The codec for what the target cannot read.
    pub(crate) fallback: Codec,
    /// Whether bytes are put into planes first.
    pub(crate) shuffle: bool,
    /// How columns are cut.
    pub(crate) chunk: Chunking,
    /// Whether no array of numbers stands in its header.
    pub(crate) small_outside: bool,
    /// Threads to work with.
    pub(crate) threads: usize,
    /// Whether the target can decode a dataset's filters.
    pub(crate) readable: &'a dyn Fn(&[FilterEntry]) -> bool,
    /// What client values stand with filters that columns are encoded with.
    pub(crate) written: Written<'a>,
}

/// What becomes of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choice {
    /// Its stored bytes are copied, and its layout says what it said.
    Copy,
    /// Its chunk is copied, and gets an index that every reader reads.
    Indexed(ChunkGrid),
    /// It is stored without a filter. The reason, if nobody asked for that.
    Plain(Option<Reason>),
    /// It is encoded again in one chunk, without an index.
    One(Codec, Option<u32>),
    /// It is encoded again in chunks.
    Chunks(Codec, Option<u32>, ChunkGrid),
}

/// Why a column is stored without a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// It would have grown.
    Grown,
    /// JLD2 reads it as it should only from one chunk, and such a one that not every HDF5 opens.
    OneChunkOnly,
}

/// Chooses.
pub(super) struct Chooser<'a> {
    input: &'a File,
    types: TypeTable<'a>,
    inventory: &'a Inventory,
    encoding: &'a EncodeOptions<'a>,
}

impl<'a> Chooser<'a> {
    pub(super) fn new(
        input: &'a File,
        inventory: &'a Inventory,
        encoding: &'a EncodeOptions<'a>,
    ) -> Self {
        Self { input, types: TypeTable::new(input), inventory, encoding }
    }

    /// What becomes of the column `dataset`, which is that of `object` and has `len` bytes of
    /// `datatype`.
    pub(super) fn choose(
        &self,
        object: &Object,
        dataset: &Dataset,
        datatype: &Datatype,
        len: u64,
    ) -> Result<Choice> {
        let shuffle = self.encoding.shuffle.then_some(datatype.size);
        let codec = match self.encoding.wanted {
            Some(codec) => Some(codec),
            None if (self.encoding.readable)(&dataset.filters) => None,
            None => Some(self.encoding.fallback),
        };
        let Some(codec) = codec.filter(|_| is_column(dataset, datatype)) else {
            return self.kept(object, dataset, datatype, len);
        };
        if codec == Codec::None {
            return Ok(Choice::Plain(None));
        }
        self.encoded(object, dataset, datatype, len, (codec, shuffle))
    }

    fn encoded(
        &self,
        object: &Object,
        dataset: &Dataset,
        datatype: &Datatype,
        len: u64,
        (codec, shuffle): (Codec, Option<u32>),
    ) -> Result<Choice> {
        let Some(goal) = self.encoding.chunk.goal() else {
            return Ok(Choice::One(codec, shuffle));
        };
        let dims = &dataset.dataspace.dims;
        if self.one_chunk_only(object, dataset)? {
            let fits = fits_every_reader(dims, datatype.size) && len <= HDF5_1_CHUNK_MAX;
            let plain = Choice::Plain(Some(Reason::OneChunkOnly));
            return Ok(if fits { Choice::One(codec, shuffle) } else { plain });
        }
        Ok(match self.grid(dataset, datatype, goal) {
            Some(grid) if held(&grid) => Choice::Chunks(codec, shuffle, grid),
            _ => Choice::One(codec, shuffle),
        })
    }

    /// The pieces in which a column is decoded that is to be stored without a filter.
    pub(super) fn pieces(&self, dataset: &Dataset, datatype: &Datatype) -> Option<ChunkGrid> {
        self.grid(dataset, datatype, Chunking::Auto.goal()?).filter(held)
    }

    /// How a column is cut: as it is cut in the input where that is near the goal, or else at the
    /// edges of its chunks, so that no chunk need be decoded twice.
    fn grid(&self, dataset: &Dataset, datatype: &Datatype, goal: u64) -> Option<ChunkGrid> {
        let dims = &dataset.dataspace.dims;
        let divide = |unit| ChunkGrid::divide(dims, datatype.size, goal, unit);
        if dataset.is_in_one_piece() {
            return divide(1);
        }
        let chunked = dataset.layout.chunked()?;
        let Some(old) = ChunkGrid::of(dims, chunked.dims.clone(), datatype.size) else {
            return divide(1);
        };
        let near = goal / 4..=goal.saturating_mul(4);
        if self.encoding.chunk == Chunking::Auto && near.contains(&old.chunk_bytes()) {
            return Some(old);
        }
        let aligned = divide(old.rows()).filter(|new| new.covers(&old));
        aligned.or_else(|| divide(1))
    }

    /// What becomes of a dataset that need not be encoded again.
    fn kept(
        &self,
        object: &Object,
        dataset: &Dataset,
        datatype: &Datatype,
        len: u64,
    ) -> Result<Choice> {
        let Some(chunked) = dataset.layout.chunked() else { return Ok(Choice::Copy) };
        let one_piece = dataset.is_in_one_piece();
        if one_piece && dataset.filters.is_empty() {
            return Ok(Choice::Copy);
        }
        if !is_column(dataset, datatype) || dataset.filters.is_empty() {
            return Ok(if one_piece { Choice::Copy } else { Choice::Plain(None) });
        }
        let dims = &dataset.dataspace.dims;
        let stored = chunked.single().map_or(0, |chunk| chunk.size);
        let small = len <= HDF5_1_CHUNK_MAX && stored <= HDF5_1_CHUNK_MAX;
        let portable = one_piece && small && fits_every_reader(dims, datatype.size);
        let again = match self.encoding.chunk {
            Chunking::Auto => !small && one_piece,
            Chunking::One => !one_piece,
            Chunking::Of(_) => true,
        };
        if !again && (portable || self.encoding.chunk == Chunking::One) {
            return Ok(Choice::Copy);
        }
        if one_piece && self.one_chunk_only(object, dataset)? {
            let plain = Choice::Plain(Some(Reason::OneChunkOnly));
            return Ok(if portable { Choice::Copy } else { plain });
        }
        let shape = if one_piece { dims.clone() } else { chunked.dims.clone() };
        if !again
            && let Some(grid) = ChunkGrid::of(dims, shape, datatype.size)
            && self.can_be_copied(dataset, &grid)?
        {
            return Ok(Choice::Indexed(grid));
        }
        match self.own_codec(dataset, datatype)? {
            Some(own) => self.encoded(object, dataset, datatype, len, own),
            None if one_piece => Ok(Choice::Copy),
            None => self.encoded(object, dataset, datatype, len, (self.encoding.fallback, None)),
        }
    }

    /// Whether the chunks of a dataset are all stored, in the order of a grid, and alike.
    fn can_be_copied(&self, dataset: &Dataset, grid: &ChunkGrid) -> Result<bool> {
        let mut chunks = stored_chunks(self.input, dataset)?;
        let (mut count, mut mask) = (0, None);
        while let Some(chunk) = chunks.next()? {
            let alike = *mask.get_or_insert(chunk.filter_mask) == chunk.filter_mask;
            if chunk.number != count || !alike || u32::try_from(chunk.size).is_err() {
                return Ok(false);
            }
            count += 1;
        }
        let plain_edges = dataset.layout.chunked().is_some_and(|chunked| chunked.plain_edges);
        Ok(count == grid.count() && !plain_edges)
    }

    /// Whether JLD2 (up to 0.6.6) reads the array as it should only where it is one chunk:
    /// - unions of two bits types, for which it looks at a single chunk only;
    /// - arrays whose dimensions the dataspace does not tell;
    /// - arrays that are referred to more than once: it would make an array of each reference.
    fn one_chunk_only(&self, object: &Object, dataset: &Dataset) -> Result<bool> {
        if object.attribute("dimensions").is_some() || self.inventory.is_shared(object.addr()) {
            return Ok(true);
        }
        self.types.is_inline_union(&dataset.datatype)
    }

    /// The codec that a column has, and the size of elements that it shuffles, if it can be written
    /// here.
    fn own_codec(
        &self,
        dataset: &Dataset,
        datatype: &Datatype,
    ) -> Result<Option<(Codec, Option<u32>)>> {
        // Nothing may have been written yet: the pipeline says what would have been.
        let first = self.input.first_chunk(dataset)?;
        if first.is_none() && dataset.is_in_one_piece() {
            return Ok(None);
        }
        let (shuffle, filter) = match dataset.filters.as_slice() {
            [only] => (None, only),
            [shuffle, filter] if shuffle.id == ids::SHUFFLE => {
                (shuffle.client.first().copied(), filter)
            }
            _ => return Ok(None),
        };
        if shuffle.is_some_and(|size| size != datatype.size) {
            return Ok(None);
        }
        // JLD2 before 0.6 wrote a 5 for every codec and level.
        let level = filter.client.first().copied();
        let codec = match filter.id {
            ids::DEFLATE => Codec::Deflate(level.unwrap_or(6).min(9)),
            ids::ZSTD => Codec::Zstd(level.map_or(3, |level| level.cast_signed().clamp(1, 22))),
            ids::LZ4 => match first {
                None => Codec::Lz4 { block_size: LZ4_BLOCK_SIZE },
                Some((at, chunk)) if chunk.size >= 4 => {
                    let mut first = [0; 4];
                    self.input.source().read_into(at, &mut first, "chunk")?;
                    match sniff_lz4(first) {
                        Lz4Format::Frame => Codec::Lz4Frame,
                        Lz4Format::Hdf5 => Codec::Lz4 { block_size: LZ4_BLOCK_SIZE },
                    }
                }
                Some(_) => return Ok(None),
            },
            _ => return Ok(None),
        };
        Ok(Some((codec, shuffle)))
    }
}

/// Whether memory may hold a chunk, or one for each thread.
fn held(grid: &ChunkGrid) -> bool {
    grid.chunk_bytes() <= *Chunking::BOUNDS.end()
}

/// All chunks of a dataset that are stored.
pub(super) fn stored_chunks<'a>(input: &'a File, dataset: &'a Dataset) -> Result<ChunkIter<'a>> {
    let Some(table) = input.chunks(dataset)? else {
        return Err(Error::corrupt(0, "layout", "chunks", "another layout"));
    };
    table.stored(0..u64::MAX)
}

/// Whether each chunk of `grid` can be decoded for itself, with no chunk of the input decoded twice.
pub(super) fn starts_anywhere(dataset: &Dataset, grid: &ChunkGrid) -> bool {
    let Some(chunked) = dataset.layout.chunked() else { return true };
    if dataset.is_in_one_piece() {
        return dataset.filters.is_empty();
    }
    let dims = &dataset.dataspace.dims;
    let old = ChunkGrid::of(dims, chunked.dims.clone(), grid.element_size());
    old.is_some_and(|old| grid.covers(&old))
}

/// What JLD2 compresses: arrays, with elements, of a type of fixed size.
fn is_column(dataset: &Dataset, datatype: &Datatype) -> bool {
    dataset.dataspace.extent == Extent::Simple
        && !matches!(datatype.class, Class::String)
        && datatype.size > 0
        && dataset.dataspace.elements().is_some_and(|n| n > 0)
}
