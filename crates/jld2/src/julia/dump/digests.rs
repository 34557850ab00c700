//! Keeps digests of columns that were read before.

use crate::h5::{Dataset, Datatype, File, Layout, Result};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

/// Columns of fewer logical bytes are digested each time.
const LEAST: u64 = 4 << 10;

/// Digests of the columns of one file, by what they are stored as, so that a file which is dumped
/// several times is read once. A file and an overlay of it may share them.
#[derive(Debug, Default)]
pub struct Digests(Mutex<HashMap<Stored, String>>);

/// Stored data, and how they become logical ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Stored {
    offset: u64,
    len: u64,
    decoding: u64,
}

impl Digests {
    pub(super) fn get(&self, stored: &Stored) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(stored).cloned()
    }

    pub(super) fn put(&self, stored: Stored, digest: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(stored, digest.to_owned());
    }
}

impl Stored {
    /// The data of a dataset of `logical` bytes; none if they are too few to be worth it, or not
    /// simply those of a file.
    pub(super) fn of(
        file: &File,
        dataset: &Dataset,
        datatype: &Datatype,
        logical: u64,
    ) -> Result<Option<Self>> {
        let (len, mask) = match &dataset.layout {
            Layout::Compact { .. } => return Ok(None),
            Layout::Contiguous { size, .. } => (*size, 0),
            Layout::Chunked(_) => match dataset.layout.single_chunk() {
                Some(chunk) => (chunk.size, chunk.filter_mask),
                None => return Ok(None),
            },
        };
        let Some(offset) = file.stored_offset(dataset)? else { return Ok(None) };
        if logical < LEAST || !file.source().is_plain(offset, len) {
            return Ok(None);
        }
        let mut hasher = DefaultHasher::new();
        (logical, mask, datatype).hash(&mut hasher);
        for filter in &dataset.filters {
            (filter.id, &filter.client, &filter.name).hash(&mut hasher);
        }
        Ok(Some(Self { offset, len, decoding: hasher.finish() }))
    }
}
