//! Chunks that an array finds by their place: implicit indexes, fixed and extensible arrays.

use super::blocks::Blocks;
use super::entry::{Entry, Slot};
use super::extensible_array::ExtensibleArray;
use super::fixed_array::FixedArray;
use super::grid::Grid;
use crate::h5::{ChunkIndex, Chunked, Dataspace, Error, File, RelAddr, Result, StoredChunk};
use std::ops::Range;
use std::sync::Arc;

/// In which order an array has the chunks: by their place in the grid of the largest dimensions,
/// that which grows without bound being the slowest.
#[derive(Debug)]
struct Order {
    /// Chunks along each dimension at most, the slowest first.
    counts: Vec<u64>,
    /// The dimension that is slowest.
    slowest: usize,
}

impl Order {
    fn new(space: &Dataspace, chunked: &Chunked) -> Self {
        let most = space.max_dims.as_ref().unwrap_or(&space.dims);
        let slowest = match chunked.index {
            ChunkIndex::ExtensibleArray => {
                most.iter().position(|&dim| dim == Dataspace::UNLIMITED).unwrap_or(0)
            }
            _ => 0,
        };
        let mut counts: Vec<u64> = most
            .iter()
            .zip(&chunked.dims)
            .map(|(dim, chunk)| dim.div_ceil((*chunk).max(1)))
            .collect();
        if let Some(head) = counts.get_mut(..=slowest) {
            head.rotate_right(1);
        }
        Self { counts, slowest }
    }

    /// The index of the chunk at this place; `None` if it has no 64 bits.
    fn index(&self, mut place: Vec<u64>) -> Option<u64> {
        if let Some(head) = place.get_mut(..=self.slowest) {
            head.rotate_right(1);
        }
        place
            .iter()
            .zip(&self.counts)
            .try_fold(0_u64, |index, (at, count)| index.checked_mul(*count)?.checked_add(*at))
    }

    /// The place of the chunk of this index, if the order is that of the data.
    fn place(&self, index: u64) -> Option<Vec<u64>> {
        if self.slowest != 0 {
            return None;
        }
        let mut rest = index;
        let mut place: Vec<u64> = self
            .counts
            .iter()
            .enumerate()
            .rev()
            .map(|(i, &count)| {
                // The slowest takes all that is left.
                let at = if i == 0 { rest } else { rest % count.max(1) };
                rest /= count.max(1);
                at
            })
            .collect();
        place.reverse();
        Some(place)
    }
}

#[derive(Debug)]
enum Array<'a> {
    Implicit { addr: RelAddr, blocks: Blocks<'a> },
    Fixed(FixedArray<'a>),
    Extensible(ExtensibleArray<'a>),
}

/// A walk over an array in the order of the data.
#[derive(Debug)]
pub(super) struct ArrayWalk<'a> {
    grid: Arc<Grid>,
    order: Order,
    array: Array<'a>,
    /// Offset that errors name.
    at: u64,
    next: u64,
}

impl<'a> ArrayWalk<'a> {
    /// Opens the array of a dataset.
    ///
    /// # Errors
    /// If its header is damaged, or does not go with the layout.
    pub(super) fn open(
        file: &'a File,
        grid: Arc<Grid>,
        space: &Dataspace,
        chunked: &Chunked,
        filtered: bool,
    ) -> Result<Self> {
        let (addr, bytes) = (chunked.addr, grid.chunk_bytes());
        let array = match chunked.index {
            ChunkIndex::FixedArray { .. } => {
                Array::Fixed(FixedArray::open(file, addr, filtered, bytes)?)
            }
            ChunkIndex::ExtensibleArray => {
                Array::Extensible(ExtensibleArray::open(file, addr, filtered, bytes)?)
            }
            _ if filtered => {
                let what = "an implicit index";
                return Err(Error::corrupt(chunked.at, what, "no filters", "some"));
            }
            _ => Array::Implicit { addr, blocks: Blocks::new(file) },
        };
        Ok(Self { grid, order: Order::new(space, chunked), array, at: chunked.at, next: 0 })
    }

    pub(super) fn seek(&mut self, number: u64) {
        self.next = number;
    }

    pub(super) fn take_parts(&mut self) -> Vec<Range<u64>> {
        match &mut self.array {
            Array::Implicit { .. } => Vec::new(),
            Array::Fixed(array) => array.take_parts(),
            Array::Extensible(array) => array.take_parts(),
        }
    }

    fn slot(&mut self, index: u64) -> Result<Slot> {
        match &mut self.array {
            Array::Implicit { addr, .. } => {
                let size = self.grid.chunk_bytes();
                let addr = index.checked_mul(size).and_then(|n| addr.0.checked_add(n));
                let addr = RelAddr(addr.unwrap_or(u64::MAX));
                Ok(Slot::Stored(Entry { addr, size, filter_mask: 0 }))
            }
            Array::Fixed(array) => array.get(index),
            Array::Extensible(array) => array.get(index),
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<StoredChunk>> {
        while self.next < self.grid.total() {
            let number = self.next;
            let Some(index) = self.order.index(self.grid.place(number)) else {
                let found = format!("{:?} in all", self.order.counts);
                return Err(Error::corrupt(self.at, "chunks", "fewer than 2^64", found));
            };
            self.next = number.saturating_add(1);
            let until = match self.slot(index)? {
                Slot::Stored(Entry { addr, size, filter_mask }) => {
                    return Ok(Some(StoredChunk { number, addr, size, filter_mask }));
                }
                Slot::Missing { until } => until,
            };
            // One by one, where that is not in the order of the data.
            if until > index.saturating_add(1)
                && let Some(place) = self.order.place(until)
            {
                self.next = self.next.max(self.grid.first_from(&place));
            }
            let blocks = match &mut self.array {
                Array::Implicit { blocks, .. } => blocks,
                Array::Fixed(array) => array.blocks(),
                Array::Extensible(array) => array.blocks(),
            };
            blocks.spend(1, self.at)?;
        }
        Ok(None)
    }
}
