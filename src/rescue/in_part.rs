//! Arrays in chunks of which some are lost: which are whole, and which elements are not there any more.

use super::catalogue::Catalogue;
use super::passing::passing;
use super::wholes::is_made_of_all;
use crate::codec::ids;
use crate::h5::{
    Budget, ChunkIter, ChunkTable, Dataset, Error, Extent, Grid, Object, RefPlan, RefSlot, Result,
    StoredChunk, TypeRef,
};
use crate::julia::{Column, TypeTable};
use std::ops::Range;

/// More chunks than any array is looked into for.
const MAX_CHUNKS: u64 = 1 << 22;
/// Bytes of a compressed chunk that may be part of a block of zeros: codecs end in a few zeros.
pub(super) const END_OF_CODEC: u64 = 16;
/// No codec leaves so many zeros in its output: it would have made less of them.
pub(super) const NO_CODEC: u64 = 4096;
/// What a look for a chunk in a damaged index counts for, in bytes.
const LOOK_COST: u64 = 4 << 10;

/// What is left of an array in chunks.
#[derive(Debug, Clone)]
pub(super) struct InPart {
    /// The chunks that are whole, in order.
    pub(super) whole: Vec<StoredChunk>,
    /// Numbers of chunks that are damaged, or of which the index has lost the place.
    pub(super) lost: Vec<Range<u64>>,
    /// Chunks of the array.
    pub(super) of: u64,
    /// Elements of the array.
    pub(super) elements: u64,
    /// Elements of the chunks that are lost.
    pub(super) elements_lost: u64,
    /// The same as boxes, see [`boxes`].
    pub(super) boxes: Vec<Vec<(u64, u64)>>,
    /// Those of chunks that the index does not list, which read as the fill value in any case.
    pub(super) boxes_unlisted: Vec<Vec<(u64, u64)>>,
    /// Why the first of them is lost.
    pub(super) reason: String,
}

impl InPart {
    /// Chunks that are lost.
    pub(super) fn chunks_lost(&self) -> u64 {
        self.lost.iter().map(|range| range.end - range.start).sum()
    }
}

/// Whether an array can be kept without some of its chunks: one of several chunks, whose elements lead
/// nowhere and are not made into something else as a whole.
pub(super) fn can_be_in_part(types: &TypeTable<'_>, object: &Object, dataset: &Dataset) -> bool {
    let file = types.file();
    let plain = |of: &TypeRef| file.resolve(of).and_then(|datatype| RefPlan::new(&datatype)).ok();
    if dataset.layout.chunked().is_none() || dataset.dataspace.extent != Extent::Simple {
        return false;
    }
    let several = file.chunks(dataset).ok().flatten();
    if several.is_none_or(|table| !(2..=MAX_CHUNKS).contains(&table.grid().total())) {
        return false;
    }
    let texts_only = |plan: RefPlan| {
        plan.slots.iter().all(|(_, slot)| matches!(slot, RefSlot::Vlen(of) if of.is_empty()))
    };
    plain(&dataset.datatype).is_some_and(|plan| plan.is_empty())
        && !is_made_of_all(types, dataset)
        && object.attributes.iter().all(|a| plain(&a.datatype).is_some_and(texts_only))
}

/// Looks at each chunk of an array by itself; none if all are whole, or all are lost. `decoded` is told
/// how many bytes are about to be decoded, and may refuse.
///
/// # Errors
/// If the disk fails, or the index takes more than it is worth.
pub(super) fn chunk_by_chunk(
    catalogue: &Catalogue,
    dataset: &Dataset,
    allowance: Budget,
    decoded: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<Option<InPart>> {
    let file = &catalogue.file;
    let datatype = file.resolve(&dataset.datatype)?;
    let Some(table) = file.chunks(dataset)? else { return Ok(None) };
    let grid = table.grid();
    let column = Column::new(file, dataset, &datatype)?;
    let zeros = Zeros::of(dataset);
    let mut found = Found { whole: Vec::new(), lost: Vec::new(), unlisted: Vec::new() };
    let mut reason = None;
    let at = column.offset();
    let mut places = Places { table: &table, number: 0, total: grid.total(), iter: None };
    while places.number < places.total {
        let number = places.number;
        allowance.check(file, at)?;
        let next = match places.next() {
            Ok(next) => next,
            Err(error) => {
                reason.get_or_insert(passing(error)?.to_string());
                file.spend(LOOK_COST);
                push(&mut found.lost, number);
                continue;
            }
        };
        let Some(chunk) = next else {
            push(&mut found.unlisted, number);
            continue;
        };
        decoded(chunk.size)?;
        match zeros.check(catalogue, &chunk).and_then(|()| column.check_chunk(&chunk)) {
            Ok(()) => found.whole.push(chunk),
            Err(error) => {
                reason.get_or_insert(passing(error)?.to_string());
                push(&mut found.lost, number);
            }
        }
    }
    let Some(reason) = reason.filter(|_| !found.whole.is_empty()) else { return Ok(None) };
    let lost = elements(grid, &found.lost);
    Ok(Some(InPart {
        of: grid.total(),
        elements: grid.dims().iter().fold(1, |n: u64, d| n.saturating_mul(*d)),
        elements_lost: lost,
        boxes: boxes(grid, &found.lost),
        boxes_unlisted: boxes(grid, &found.unlisted),
        whole: found.whole,
        lost: found.lost,
        reason,
    }))
}

struct Found {
    whole: Vec<StoredChunk>,
    lost: Vec<Range<u64>>,
    unlisted: Vec<Range<u64>>,
}

fn push(ranges: &mut Vec<Range<u64>>, number: u64) {
    match ranges.last_mut() {
        Some(last) if last.end == number => last.end += 1,
        _ => ranges.push(number..number.saturating_add(1)),
    }
}

/// Goes through all numbers of chunks. Where the index is damaged, each is looked for by itself.
struct Places<'t, 'a> {
    table: &'t ChunkTable<'a>,
    /// The next one.
    number: u64,
    total: u64,
    /// The walk through the index, and the chunk that it is at, if that was not asked for yet.
    iter: Option<(ChunkIter<'a>, Option<StoredChunk>)>,
}

impl Places<'_, '_> {
    /// Where the next chunk stands, if the index lists it.
    fn next(&mut self) -> Result<Option<StoredChunk>> {
        let number = self.number;
        self.number = number.saturating_add(1);
        if self.iter.is_none() {
            // What is damaged further on is not this one's.
            let ahead = self.table.stored(number..self.total).and_then(|mut iter| {
                let chunk = iter.next()?;
                Ok((iter, chunk))
            });
            match ahead {
                Ok(ahead) => self.iter = Some(ahead),
                Err(_) => return self.table.get(number),
            }
        }
        let Some((iter, ahead)) = &mut self.iter else { return Ok(None) };
        if ahead.is_none_or(|chunk| chunk.number != number) {
            return Ok(None);
        }
        let found = ahead.take();
        match iter.next() {
            Ok(next) => *ahead = next,
            // The next one begins anew.
            Err(_) => self.iter = None,
        }
        Ok(found)
    }
}

/// What blocks of zeros in compressed data mean.
struct Zeros {
    /// Whether the codec proves its output by itself.
    proved: bool,
    /// Whether it never leaves so many zeros.
    packed: bool,
}

impl Zeros {
    fn of(dataset: &Dataset) -> Self {
        let has = |known: &[u16]| dataset.filters.iter().any(|f| known.contains(&f.id));
        Self { proved: has(&[ids::DEFLATE, ids::BZIP2]), packed: has(&[ids::LZ4, ids::ZSTD]) }
    }

    fn check(&self, catalogue: &Catalogue, chunk: &StoredChunk) -> Result<()> {
        if self.proved || !self.packed {
            return Ok(());
        }
        let start = catalogue.file.offset(chunk.addr, "chunk")?;
        let end = start.saturating_add(chunk.size);
        let zeros = &catalogue.scan.zeros;
        let Some((first, bytes)) = zeros.within(start, end).filter(|it| it.1 >= END_OF_CODEC)
        else {
            return Ok(());
        };
        // A block may reach into the chunks on both sides.
        let around = zeros.within(start.saturating_sub(NO_CODEC), end.saturating_add(NO_CODEC));
        if around.is_none_or(|(_, bytes)| bytes < NO_CODEC) {
            return Ok(());
        }
        Err(Error::corrupt(
            first.0,
            "compressed data",
            format!("no part of a block of {NO_CODEC} zeros"),
            format!("{bytes} bytes of one"),
        ))
    }
}

/// Elements inside the array of chunks with these numbers.
fn elements(grid: &Grid, chunks: &[Range<u64>]) -> u64 {
    let of = |number| {
        let spans = span(grid, number);
        spans.iter().fold(1_u64, |n, (first, last)| n.saturating_mul(last - first + 1))
    };
    chunks.iter().cloned().flatten().map(of).fold(0, u64::saturating_add)
}

/// The elements of chunks with these numbers, as boxes: for each dimension, in Julia's order, the first
/// and the last index, from 1. Chunks that continue one another are one box.
fn boxes(grid: &Grid, chunks: &[Range<u64>]) -> Vec<Vec<(u64, u64)>> {
    let mut out: Vec<Vec<(u64, u64)>> = Vec::new();
    for number in chunks.iter().cloned().flatten() {
        let next = span(grid, number);
        if let Some(last) = out.last_mut() {
            let mut differ = last.iter_mut().zip(&next).filter(|(a, b)| **a != **b);
            if let (Some((a, b)), None) = (differ.next(), differ.next())
                && a.1.saturating_add(1) == b.0
            {
                a.1 = b.1;
                continue;
            }
        }
        out.push(next);
    }
    out
}

/// First and last index in each dimension, from 1 and in Julia's order, of what a chunk has inside the
/// array.
fn span(grid: &Grid, number: u64) -> Vec<(u64, u64)> {
    let start = grid.start(number);
    let sizes = grid.chunk_dims().iter().zip(grid.dims());
    let mut out: Vec<(u64, u64)> = start
        .iter()
        .zip(sizes)
        .map(|(start, (size, dim))| {
            (start.saturating_add(1), start.saturating_add(*size).min(*dim))
        })
        .collect();
    out.reverse();
    out
}
