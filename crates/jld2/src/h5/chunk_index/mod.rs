//! Where the chunks of a dataset stand: one table, whatever the index in the file.
//!
//! An index is never held as a whole: a [`ChunkIter`] keeps a path through it, and gives the chunks
//! that are stored in the order of the data. What is not given was never written.

mod array;
mod blocks;
mod btree1;
mod btree2;
mod entry;
mod extensible_array;
mod fixed_array;
mod grid;

pub use grid::Grid;

use self::array::ArrayWalk;
use self::btree1::BTreeV1;
use self::btree2::BTreeV2;
use crate::h5::{ChunkIndex, Chunked, Dataset, Dataspace, Error, File, Result, StoredChunk};
use std::ops::Range;
use std::sync::Arc;

/// The chunks of a dataset.
#[derive(Debug, Clone)]
pub struct ChunkTable<'a> {
    file: &'a File,
    space: &'a Dataspace,
    chunked: &'a Chunked,
    grid: Arc<Grid>,
    filtered: bool,
}

/// The chunks that are stored, in the order of the data.
#[derive(Debug)]
pub struct ChunkIter<'a> {
    table: ChunkTable<'a>,
    index: Index<'a>,
    /// The next chunk is not before this one.
    from: u64,
    until: u64,
}

#[derive(Debug)]
enum Index<'a> {
    /// Nothing is stored.
    None,
    Single(Option<StoredChunk>),
    BTreeV1(BTreeV1<'a>),
    Array(Box<ArrayWalk<'a>>),
    BTreeV2(Box<BTreeV2<'a>>),
}

impl File {
    /// The chunks of a dataset; `None` if it has another layout.
    ///
    /// # Errors
    /// If shape and chunks do not go together.
    pub fn chunks<'a>(&'a self, dataset: &'a Dataset) -> Result<Option<ChunkTable<'a>>> {
        let Some(chunked) = dataset.layout.chunked() else { return Ok(None) };
        let grid = Arc::new(Grid::new(&dataset.dataspace, chunked)?);
        let filtered = !dataset.filters.is_empty();
        let space = &dataset.dataspace;
        Ok(Some(ChunkTable { file: self, space, chunked, grid, filtered }))
    }
}

impl<'a> ChunkTable<'a> {
    /// How the dataset is covered by chunks.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Whether the filters were applied to a chunk at all.
    pub fn is_filtered(&self, chunk: &StoredChunk) -> bool {
        self.filtered && !(self.chunked.plain_edges && self.grid.is_partial(chunk.number))
    }

    /// The stored ones of these chunks.
    ///
    /// # Errors
    /// If the index is damaged.
    pub fn stored(&self, chunks: Range<u64>) -> Result<ChunkIter<'a>> {
        let (file, chunked) = (self.file, self.chunked);
        let index = match chunked.index {
            _ if chunked.addr.is_undef() => Index::None,
            ChunkIndex::Single { .. } => Index::Single(chunked.single()),
            ChunkIndex::BTreeV1 => {
                Index::BTreeV1(BTreeV1::new(file, Arc::clone(&self.grid), chunked.addr))
            }
            ChunkIndex::Implicit | ChunkIndex::FixedArray { .. } | ChunkIndex::ExtensibleArray => {
                let (grid, space) = (Arc::clone(&self.grid), self.space);
                let walk = ArrayWalk::open(file, grid, space, chunked, self.filtered)?;
                Index::Array(Box::new(walk))
            }
            ChunkIndex::BTreeV2 => {
                let grid = Arc::clone(&self.grid);
                Index::BTreeV2(Box::new(BTreeV2::open(file, grid, chunked.addr, self.filtered)?))
            }
        };
        let until = chunks.end.min(self.grid.total());
        let mut iter = ChunkIter { table: self.clone(), index, from: 0, until };
        iter.seek(chunks.start);
        Ok(iter)
    }

    /// The chunk of this number, if it is stored.
    ///
    /// # Errors
    /// If the index is damaged.
    pub fn get(&self, number: u64) -> Result<Option<StoredChunk>> {
        self.stored(number..number.saturating_add(1))?.next()
    }

    fn check(&self, chunk: &StoredChunk) -> Result<()> {
        let offset = self.file.offset(chunk.addr, "chunk")?;
        if chunk.size == 0 {
            return Err(Error::corrupt(offset, "chunk", "stored bytes", "none"));
        }
        self.file.extent(offset, chunk.size, "chunk")?;
        if self.is_filtered(chunk) || chunk.size == self.grid.chunk_bytes() {
            return Ok(());
        }
        let expected = format!("{} bytes without filters", self.grid.chunk_bytes());
        Err(Error::corrupt(offset, "chunk", expected, format!("{} bytes", chunk.size)))
    }
}

impl ChunkIter<'_> {
    /// Goes on with the first stored chunk that is not before this one, forwards or backwards.
    pub fn seek(&mut self, number: u64) {
        match &mut self.index {
            Index::None => {}
            Index::Single(next) => {
                *next = self.table.chunked.single().filter(|chunk| chunk.number >= number);
            }
            Index::BTreeV1(tree) => tree.seek(number),
            Index::Array(array) => array.seek(number),
            Index::BTreeV2(tree) => tree.seek(number),
        }
        self.from = number;
    }

    /// The next chunk that is stored; `None` behind the last.
    ///
    /// # Errors
    /// If the index is damaged, or the chunk is outside the file.
    #[expect(clippy::should_implement_trait, reason = "an iterator would go on after an error")]
    pub fn next(&mut self) -> Result<Option<StoredChunk>> {
        if self.from >= self.until {
            return Ok(None);
        }
        let found = match &mut self.index {
            Index::None => None,
            Index::Single(chunk) => chunk.take(),
            Index::BTreeV1(tree) => tree.next()?,
            Index::Array(array) => array.next()?,
            Index::BTreeV2(tree) => tree.next()?,
        };
        let Some(chunk) = found.filter(|chunk| chunk.number < self.until) else {
            self.from = self.until;
            return Ok(None);
        };
        self.from = chunk.number.saturating_add(1);
        self.table.check(&chunk)?;
        Ok(Some(chunk))
    }

    /// The parts of the index that were read since this was last asked: start and end in the file.
    pub fn take_parts(&mut self) -> Vec<Range<u64>> {
        match &mut self.index {
            Index::None | Index::Single(_) => Vec::new(),
            Index::BTreeV1(tree) => tree.take_parts(),
            Index::Array(array) => array.take_parts(),
            Index::BTreeV2(tree) => tree.take_parts(),
        }
    }
}
