//! What becomes of each column: whether it is copied or encoded again, and in how many chunks.

use super::inventory::Inventory;
use crate::codec::{Codec, LZ4_BLOCK_SIZE, Lz4Format, ids, sniff_lz4};
use crate::convert::Chunking;
use crate::h5::encode::fits_every_reader;
use crate::h5::{
    ChunkGrid, Class, Dataset, Datatype, Extent, File, FilterEntry, HDF5_1_CHUNK_MAX, Layout,
    Object, Result, SingleChunk, TypeRef,
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
    /// Threads to work with.
    pub(crate) threads: usize,
    /// Whether the target can decode a dataset's filters.
    pub(crate) readable: &'a dyn Fn(&[FilterEntry]) -> bool,
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
        Ok(match ChunkGrid::divide(dims, datatype.size, goal, 1) {
            Some(grid) => Choice::Chunks(codec, shuffle, grid),
            // An element that is larger than a chunk can be.
            None => Choice::One(codec, shuffle),
        })
    }

    /// What becomes of a column that need not be encoded again.
    fn kept(
        &self,
        object: &Object,
        dataset: &Dataset,
        datatype: &Datatype,
        len: u64,
    ) -> Result<Choice> {
        let Layout::Chunk(chunk) = &dataset.layout else { return Ok(Choice::Copy) };
        let dims = &dataset.dataspace.dims;
        let small = len <= HDF5_1_CHUNK_MAX && chunk.size <= HDF5_1_CHUNK_MAX;
        let portable = small && fits_every_reader(dims, datatype.size);
        let goal = match self.encoding.chunk {
            Chunking::One => return Ok(Choice::Copy),
            Chunking::Auto if small => None,
            chunking => chunking.goal(),
        };
        if portable && goal.is_none() {
            return Ok(Choice::Copy);
        }
        if self.one_chunk_only(object, dataset)? {
            let plain = Choice::Plain(Some(Reason::OneChunkOnly));
            return Ok(if portable { Choice::Copy } else { plain });
        }
        if goal.is_some()
            && let Some(own) = self.own_codec(dataset, chunk, datatype)?
        {
            return self.encoded(object, dataset, datatype, len, own);
        }
        Ok(match ChunkGrid::of(dims, dims.clone(), datatype.size) {
            Some(grid) if small && !portable => Choice::Indexed(grid),
            _ => Choice::Copy,
        })
    }

    /// Whether JLD2 (up to 0.6.6) reads the array as it should only where it is one chunk:
    /// - unions of two bits types, for which it looks at a single chunk only;
    /// - arrays whose dimensions the dataspace does not tell;
    /// - arrays that are referred to more than once: it would make an array of each reference.
    fn one_chunk_only(&self, object: &Object, dataset: &Dataset) -> Result<bool> {
        if object.attribute("dimensions").is_some() || self.inventory.is_shared(object.addr()) {
            return Ok(true);
        }
        Ok(match &dataset.datatype {
            TypeRef::Inline(_) => false,
            TypeRef::Shared { addr, .. } => {
                self.types.committed(*addr)?.julia_type.short_name() == "InlineUnionEl"
            }
        })
    }

    /// The codec that a column has, and the size of elements that it shuffles, if it can be written
    /// here.
    fn own_codec(
        &self,
        dataset: &Dataset,
        chunk: &SingleChunk,
        datatype: &Datatype,
    ) -> Result<Option<(Codec, Option<u32>)>> {
        let (shuffle, filter) = match dataset.filters.as_slice() {
            [only] => (None, only),
            [shuffle, filter] if shuffle.id == ids::SHUFFLE && chunk.filter_mask == 0 => {
                let size = shuffle.client.first().copied();
                if size != Some(datatype.size) {
                    return Ok(None);
                }
                (size, filter)
            }
            _ => return Ok(None),
        };
        // JLD2 before 0.6 wrote a 5 for every codec and level.
        let level = filter.client.first().copied();
        Ok(match filter.id {
            _ if chunk.filter_mask != 0 => None,
            ids::DEFLATE => Some(Codec::Deflate(level.unwrap_or(6).min(9))),
            ids::ZSTD => {
                Some(Codec::Zstd(level.map_or(3, |l| i32::try_from(l).map_or(3, |l| l.min(19)))))
            }
            ids::LZ4 => {
                let at = self.input.stored_offset(dataset)?.unwrap_or(0);
                let mut first = [0; 4];
                self.input.source().read_into(at, &mut first, "chunk")?;
                Some(match sniff_lz4(first) {
                    Lz4Format::Frame => Codec::Lz4Frame,
                    Lz4Format::Hdf5 => Codec::Lz4 { block_size: LZ4_BLOCK_SIZE },
                })
            }
            _ => None,
        }
        .map(|codec| (codec, shuffle)))
    }
}

/// What JLD2 compresses: arrays, with elements, of a type of fixed size.
fn is_column(dataset: &Dataset, datatype: &Datatype) -> bool {
    dataset.dataspace.extent == Extent::Simple
        && !matches!(datatype.class, Class::String)
        && datatype.size > 0
        && dataset.dataspace.elements().is_some_and(|n| n > 0)
}
