//! The grid of chunks that covers a dataset.

use crate::h5::{Chunked, Dataspace, Error, Extent, Result};
use std::ops::Range;

/// Numbers the chunks of a dataset in the order of its data: the last dimension varies fastest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    /// Of the dataset, slowest first.
    dims: Vec<u64>,
    /// Of a chunk.
    chunk: Vec<u64>,
    /// Chunks along each dimension.
    counts: Vec<u64>,
    total: u64,
    element_size: u64,
    chunk_bytes: u64,
}

impl Grid {
    /// The grid of a dataset.
    ///
    /// # Errors
    /// If shape and chunks do not go together, or their numbers do not fit 64 bits.
    pub fn new(space: &Dataspace, chunked: &Chunked) -> Result<Self> {
        let wrong = |what: &str, expected: String, found: String| {
            Error::corrupt(chunked.at, what, expected, found)
        };
        let (dims, chunk) = (&space.dims, &chunked.dims);
        if space.extent == Extent::Null || dims.len() != chunk.len() || dims.is_empty() {
            let expected = format!("{} dimensions, those of the dataset", dims.len());
            return Err(wrong("chunk rank", expected, chunk.len().to_string()));
        }
        let chunk_bytes = chunked.chunk_bytes().filter(|&n| n > 0).ok_or_else(|| {
            let found = format!("{chunk:?} elements of {} bytes", chunked.element_size);
            wrong("size of a chunk", "1 to 2^64 bytes".to_owned(), found)
        })?;
        let counts: Vec<u64> = dims.iter().zip(chunk).map(|(d, c)| d.div_ceil(*c)).collect();
        let total = counts.iter().try_fold(1_u64, |n, &c| n.checked_mul(c)).ok_or_else(|| {
            let found = format!("{dims:?} elements in chunks of {chunk:?}");
            wrong("number of chunks", "less than 2^64".to_owned(), found)
        })?;
        let element_size = chunked.element_size;
        Ok(Self {
            dims: dims.clone(),
            chunk: chunk.clone(),
            counts,
            total,
            element_size,
            chunk_bytes,
        })
    }

    /// Dimensions of the dataset, slowest first.
    pub fn dims(&self) -> &[u64] {
        &self.dims
    }

    /// Dimensions of a chunk, slowest first.
    pub fn chunk_dims(&self) -> &[u64] {
        &self.chunk
    }

    /// How many chunks there can be.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Bytes of a chunk before its filters; those at an edge are as large as the others.
    pub fn chunk_bytes(&self) -> u64 {
        self.chunk_bytes
    }

    /// Bytes of an element; not 0.
    pub(super) fn element_size(&self) -> u64 {
        self.element_size
    }

    /// The place of a chunk, counted in chunks along each dimension.
    pub(super) fn place(&self, number: u64) -> Vec<u64> {
        let mut rest = number;
        let mut place: Vec<u64> = self
            .counts
            .iter()
            .rev()
            .map(|&count| {
                let at = rest % count.max(1);
                rest /= count.max(1);
                at
            })
            .collect();
        place.reverse();
        place
    }

    /// The first element of a chunk, by dimension.
    pub fn start(&self, number: u64) -> Vec<u64> {
        let place = self.place(number);
        place.iter().zip(&self.chunk).map(|(at, chunk)| at.saturating_mul(*chunk)).collect()
    }

    /// Whether a chunk reaches beyond the dataset's edge.
    pub fn is_partial(&self, number: u64) -> bool {
        let start = self.start(number);
        let mut ends = start.iter().zip(&self.chunk).map(|(s, c)| s.saturating_add(*c));
        self.dims.iter().any(|dim| ends.next().is_some_and(|end| end > *dim))
    }

    /// The elements of a chunk that are inside the dataset, in stretches that follow one another in
    /// the chunk, as ranges of elements of the chunk.
    pub fn runs(&self, number: u64) -> impl Iterator<Item = Range<u64>> + use<'_> {
        let start = self.start(number);
        let ends = self.dims.iter().zip(&start).map(|(dim, start)| dim.saturating_sub(*start));
        let inside: Vec<u64> = ends.zip(&self.chunk).map(|(end, chunk)| end.min(*chunk)).collect();
        let mut next = Some(vec![0_u64; self.chunk.len()]);
        std::iter::from_fn(move || {
            let place = next.take()?;
            let first = place
                .iter()
                .zip(&self.chunk)
                .fold(0_u64, |n, (at, chunk)| n.saturating_mul(*chunk).saturating_add(*at));
            // The last dimension is gone through at once.
            let mut after = place;
            let outer = after.len().saturating_sub(1);
            let outer = after.iter_mut().take(outer).zip(&inside);
            let more = outer.rev().any(|(at, inside)| {
                *at += 1;
                let is_inside = *at < *inside;
                if !is_inside {
                    *at = 0;
                }
                is_inside
            });
            next = more.then_some(after);
            Some(first..first.saturating_add(inside.last().copied().unwrap_or(0)))
        })
    }

    /// The chunk at this place, counted in chunks along each dimension; `None` if that is outside.
    pub fn number(&self, place: &[u64]) -> Option<u64> {
        let inside = place.len() == self.counts.len()
            && place.iter().zip(&self.counts).all(|(at, count)| at < count);
        inside.then(|| self.first_from(place))
    }

    /// The chunk that holds an element, given by its place along each dimension.
    pub fn holding(&self, element: &[u64]) -> u64 {
        let place: Vec<u64> =
            element.iter().zip(&self.chunk).map(|(at, chunk)| at / (*chunk).max(1)).collect();
        self.first_from(&place)
    }

    /// The first chunk that does not come before this place, which may be outside: the total if all
    /// do.
    pub(super) fn first_from(&self, place: &[u64]) -> u64 {
        let mut number = 0_u64;
        let mut beyond = false;
        for (&at, &count) in place.iter().zip(&self.counts) {
            number = number.saturating_mul(count);
            if beyond {
                continue;
            }
            if at >= count {
                // Behind all that share the coordinates so far.
                number = number.saturating_add(count);
                beyond = true;
            } else {
                number = number.saturating_add(at);
            }
        }
        number.min(self.total)
    }
}
