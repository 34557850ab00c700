//! Goes through rows in batches of one size, whatever the file's own pieces are: what is made of them
//! is the same each time. And tells how far it is.

use super::ExportError;
use crate::convert::{Observer, Phase};
use crate::numbers::{NumbersError, Query, Values};
use std::cell::Cell;

/// Tells an observer how far an export is, and hears from it whether to go on.
pub struct Watch<'a> {
    observer: &'a dyn Observer,
    total: u64,
    done: Cell<u64>,
}

impl<'a> Watch<'a> {
    /// Of `total` bytes.
    pub fn new(observer: &'a dyn Observer, total: u64) -> Self {
        Self { observer, total, done: Cell::new(0) }
    }

    /// So many more bytes are through.
    pub(super) fn more(&self, bytes: u64) -> Result<(), NumbersError> {
        let done = self.done.get().saturating_add(bytes);
        self.done.set(done);
        self.observer.progress(Phase::Copy, done, self.total.max(done));
        if self.observer.cancelled() { Err(NumbersError::stopped()) } else { Ok(()) }
    }
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Watch({} of {})", self.done.get(), self.total)
    }
}

/// Appends the numbers, the lowest byte of each first.
pub(super) fn put_bytes(values: &Values<'_>, out: &mut Vec<u8>) {
    match values {
        Values::Stored(slice) => out.extend_from_slice(slice.bytes()),
        Values::Computed(values) => values.iter().for_each(|x| out.extend(x.to_le_bytes())),
    }
}

/// Hands on all rows of a query, `rows` at once but for the last: each column's numbers as bytes,
/// the lowest of each number first, and how many rows they are.
pub(super) fn batches(
    query: &Query<'_>,
    rows: usize,
    watch: &Watch<'_>,
    mut each: impl FnMut(&[Vec<u8>], usize) -> Result<(), NumbersError>,
) -> Result<(), ExportError> {
    let sizes: Vec<usize> = query.number_types().iter().map(|number| number.size()).collect();
    let mut held: Vec<Vec<u8>> = sizes.iter().map(|size| vec![0; size * rows]).collect();
    held.iter_mut().for_each(Vec::clear);
    let mut count = 0;
    let ended = query.run(|batch| {
        let mut from = 0;
        while from < batch.len() {
            let take = (rows - count).min(batch.len() - from);
            for ((values, size), held) in batch.values().iter().zip(&sizes).zip(&mut held) {
                match values {
                    Values::Stored(slice) => {
                        let bytes = slice.bytes().get(from * size..(from + take) * size);
                        held.extend_from_slice(bytes.unwrap_or_default());
                    }
                    Values::Computed(values) => {
                        let values = values.get(from..from + take).unwrap_or_default();
                        put_bytes(&Values::Computed(values), held);
                    }
                }
            }
            (count, from) = (count + take, from + take);
            if count == rows {
                each(&held, count)?;
                watch.more(held.iter().map(|held| held.len() as u64).sum())?;
                held.iter_mut().for_each(Vec::clear);
                count = 0;
            }
        }
        Ok(())
    });
    ended
        .and_then(|()| {
            if count > 0 {
                each(&held, count)?;
                watch.more(held.iter().map(|held| held.len() as u64).sum())?;
            }
            Ok(())
        })
        .map_err(ExportError::of_pass)
}

/// Hands on the numbers of a query's only column as bytes, window by window.
pub(super) fn column(
    query: &Query<'_>,
    watch: &Watch<'_>,
    mut each: impl FnMut(&[u8]) -> Result<(), NumbersError>,
) -> Result<(), ExportError> {
    let mut bytes = Vec::new();
    let ended = query.run(|batch| {
        let Some(values) = batch.values().first() else { return Ok(()) };
        match values {
            Values::Stored(slice) => {
                each(slice.bytes())?;
                watch.more(slice.bytes().len() as u64)
            }
            Values::Computed(_) => {
                bytes.clear();
                put_bytes(values, &mut bytes);
                each(&bytes)?;
                watch.more(bytes.len() as u64)
            }
        }
    });
    ended.map_err(ExportError::of_pass)
}
