//! Keeps digests of columns that were read before.

use crate::h5::{Dataset, Datatype, File, Layout, Result};
use crate::julia::Numbers;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

/// Columns of fewer logical bytes are digested each time.
const LEAST: u64 = 4 << 10;

/// Digests of the columns of one file, by what they are stored as, so that a file which is dumped
/// several times is read once. A file and an overlay of it may share them.
#[derive(Debug, Default)]
pub struct Digests {
    known: Mutex<HashMap<Stored, String>>,
    /// They were made ahead: of one file, and dumps add none.
    ahead: bool,
}

/// Stored data, and how they become logical ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Stored {
    offset: u64,
    len: u64,
    decoding: u64,
}

impl Digests {
    pub(super) fn of_one_file() -> Self {
        Self { known: Mutex::default(), ahead: true }
    }

    /// Under what the digest of these numbers is kept, if at all.
    pub(super) fn place(&self, numbers: &Numbers<'_>) -> Result<Option<Stored>> {
        if !numbers.is_stored() {
            return Ok(None);
        }
        let (file, dataset, datatype) = (numbers.file(), numbers.dataset(), numbers.datatype());
        let logical = numbers.len()?;
        if logical < LEAST {
            return Ok(None);
        }
        if self.ahead {
            return Stored::in_one_file(file, dataset, datatype, logical);
        }
        Stored::of(file, dataset, datatype, logical)
    }

    pub(super) fn get(&self, stored: &Stored) -> Option<String> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(stored).cloned()
    }

    /// Keeps a digest that a dump made, unless they were made ahead: there are as many columns as a
    /// file likes.
    pub(super) fn put(&self, stored: Stored, digest: &str) {
        if !self.ahead {
            self.keep(stored, digest);
        }
    }

    pub(super) fn keep(&self, stored: Stored, digest: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(stored, digest.to_owned());
    }
}

impl Stored {
    /// The data of a dataset of `logical` bytes; none if they are not simply those of a file.
    fn of(
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
        if !file.source().is_plain(offset, len) {
            return Ok(None);
        }
        let mut hasher = DefaultHasher::new();
        (logical, mask, datatype).hash(&mut hasher);
        for filter in &dataset.filters {
            (filter.id, &filter.client, &filter.name).hash(&mut hasher);
        }
        Ok(Some(Self { offset, len, decoding: hasher.finish() }))
    }

    /// The data of a dataset of `logical` bytes, wherever its chunks are: in one file, an index has
    /// one content. None if nothing is stored.
    fn in_one_file(
        file: &File,
        dataset: &Dataset,
        datatype: &Datatype,
        logical: u64,
    ) -> Result<Option<Self>> {
        let Some(offset) = file.stored_offset(dataset)? else { return Ok(None) };
        let mut hasher = DefaultHasher::new();
        (logical, datatype, &dataset.dataspace.dims, &dataset.fill).hash(&mut hasher);
        // All that says how chunks are found and what is in them.
        format!("{:?} {:?}", dataset.layout, dataset.filters).hash(&mut hasher);
        Ok(Some(Self { offset, len: 0, decoding: hasher.finish() }))
    }
}
