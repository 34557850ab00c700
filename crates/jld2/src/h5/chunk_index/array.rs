//! Chunks that an array finds by their place: implicit indexes, fixed and extensible arrays.

use super::blocks::Blocks;
use super::entry::{Entry, Slot};
use super::extensible_array::ExtensibleArray;
use super::fixed_array::FixedArray;
use super::grid::Grid;
use crate::h5::{ChunkIndex, Chunked, Dataspace, Error, File, RelAddr, Result, StoredChunk};
use std::ops::Range;
use std::sync::Arc;

/// What it costs to find that a chunk is missing, in bytes.
const STEP: u64 = 8;

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

    /// The first place behind `place`, in the order of the data, that may have an entry, as those from
    /// `index`, its own, to `until` are missing. It may be outside the grid.
    fn after(&self, mut place: Vec<u64>, index: u64, until: u64) -> Vec<u64> {
        let product = |counts: &[u64]| counts.iter().fold(1_u64, |n, &c| n.saturating_mul(c));
        // Dimensions behind the slowest have the same order in both.
        let behind = self.slowest + 1;
        let tail = product(self.counts.get(behind..).unwrap_or_default()).max(1);
        let step = product(self.counts.get(1..).unwrap_or_default()).max(1);
        let within = index % tail;
        let missing = until.saturating_sub(index);
        let mut rest = 0;
        if missing < tail - within {
            rest = within + missing;
        } else if let Some(at) = place.get_mut(self.slowest) {
            // Runs of `tail` entries, one for each step, of which some are missing as a whole.
            let whole = missing.saturating_add(within).saturating_sub(tail) / step;
            *at = at.saturating_add(whole).saturating_add(1);
        }
        let inner = place.iter_mut().skip(behind).rev();
        for (at, &count) in inner.zip(self.counts.iter().skip(behind).rev()) {
            *at = rest % count.max(1);
            rest /= count.max(1);
        }
        place
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
        let most = space.max_dims.as_ref().unwrap_or(&space.dims);
        if space.dims.iter().zip(most).any(|(dim, most)| dim > most) {
            // Chunks would share entries.
            let found = format!("{:?}", space.dims);
            return Err(Error::corrupt(chunked.at, "shape", format!("at most {most:?}"), found));
        }
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
            let place = self.grid.place(number);
            let Some(index) = self.order.index(place.clone()) else {
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
            let after = self.order.after(place, index, until);
            self.next = self.next.max(self.grid.first_from(&after));
            let blocks = match &mut self.array {
                Array::Implicit { blocks, .. } => blocks,
                Array::Fixed(array) => array.blocks(),
                Array::Extensible(array) => array.blocks(),
            };
            blocks.spend(STEP, self.at)?;
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// What is passed over is missing, and whatever comes next, nothing that is there is.
        #[test]
        fn nothing_is_passed_over_that_may_be_there(
            counts in proptest::collection::vec(1_u64..6, 1..4),
            slowest in 0_usize..3, start in 0_u64..125, missing in 1_u64..130,
        ) {
            let slowest = slowest % counts.len();
            let total: u64 = counts.iter().product();
            let mut turned = counts.clone();
            turned[..=slowest].rotate_right(1);
            let order = Order { counts: turned, slowest };
            let place = |number: u64| {
                let mut rest = number;
                let mut place = vec![0; counts.len()];
                for (at, count) in place.iter_mut().zip(&counts).rev() {
                    *at = rest % count;
                    rest /= count;
                }
                place
            };
            let start = start % total;
            let index = order.index(place(start)).unwrap();
            let until = index + missing;
            let after = order.after(place(start), index, until);
            prop_assert!(after > place(start));
            for number in start..total {
                let between = place(number);
                if between >= after {
                    break;
                }
                prop_assert!((index..until).contains(&order.index(between).unwrap()));
            }
        }
    }
}
