//! What readers that are built on HDF5 cannot open, and how it is written so that they can.
//!
//! JLD2 reads its own files whatever HDF5 makes of them. Three things in them can be put right by
//! metadata alone, so that both read them: layouts of chunks ([`layouts`]), full heap collections
//! ([`heaps`]) and the strings of JLD2 0.1.12 to 0.3.1 ([`strings`]). [`Readers`] says what is left.

mod heaps;
mod layouts;
mod message;
mod readers;
mod strings;

pub use self::readers::Readers;

use self::heaps::Heaps;
use self::layouts::Layouts;
use self::strings::Strings;
use super::error::PlanError;
use super::finding::Findings;
use super::patches::Patches;
use crate::h5::{Dataset, Edge, File, Object, Region, RelAddr, Result};
use crate::julia::TypeTable;
use std::collections::{BTreeSet, HashMap};

/// Gives all references to some objects, by object.
pub(super) type References<'a> =
    dyn Fn(BTreeSet<RelAddr>) -> Result<HashMap<RelAddr, Vec<Edge>>> + 'a;

/// What there is of it in a file.
#[derive(Debug, Default)]
pub struct Portable {
    layouts: Layouts,
    heaps: Heaps,
    strings: Strings,
    /// What readers make of the file as it is.
    pub readers: Readers,
}

/// Which of it is to be put right.
#[derive(Debug, Default)]
pub(super) struct Repairs {
    layouts: layouts::Changes,
    heaps: heaps::Changes,
    strings: strings::Changes,
    /// What readers make of the file afterwards.
    pub(super) readers: Readers,
}

impl Portable {
    /// Looks into a dataset.
    pub(super) fn dataset(
        &mut self,
        types: &TypeTable<'_>,
        object: &Object,
        dataset: &Dataset,
        path: &str,
    ) -> Result<()> {
        self.readers.look(types.file(), object, dataset)?;
        self.layouts.look(types, object, dataset, path)?;
        if self.strings.look(object, dataset) {
            self.readers.strings += 1;
        }
        Ok(())
    }

    /// Looks into a heap collection.
    pub(super) fn heap(&mut self, file: &File, region: &Region) -> Result<()> {
        if self.heaps.look(file, region)? {
            self.readers.heaps += 1;
        }
        Ok(())
    }

    /// What is to be done where all readers are to be served, and what cannot be. `references` gives
    /// all references to some objects.
    pub(super) fn repairs(
        &self,
        types: &TypeTable<'_>,
        references: &References<'_>,
        findings: &mut Findings,
    ) -> Result<Repairs> {
        let layouts = self.layouts.changes(types, references, findings)?;
        let (heaps, strings) = (self.heaps.changes(), self.strings.changes());
        let readers = Readers {
            hdf5_2: self.readers.hdf5_2.saturating_sub(layouts.opened()),
            heaps: 0,
            strings: 0,
            ..self.readers
        };
        Ok(Repairs { layouts, heaps, strings, readers })
    }
}

impl Repairs {
    /// Whether nothing is to be done.
    pub(super) fn is_empty(&self) -> bool {
        self.layouts.is_empty() && self.heaps.is_empty() && self.strings.is_empty()
    }

    /// Does it, but for objects that are `gone`. Gives the bytes to append at the offset `at`.
    pub(super) fn put(
        &self,
        file: &File,
        at: u64,
        gone: &dyn Fn(RelAddr) -> bool,
        patches: &mut Patches,
    ) -> std::result::Result<Vec<u8>, PlanError> {
        self.heaps.put(patches);
        self.strings.put(file, gone, patches)?;
        self.layouts.put(file, at, gone, patches)
    }
}
