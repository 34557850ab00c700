//! What one object is read from; counts what it takes to look at it, and notes the wrong checksums that
//! were let pass.

use super::checksum::Checksums;
use super::{Result, Source, Superblock};
use std::cell::{Cell, RefCell};

/// What it took to look at one object, whether or not it could be read.
#[derive(Debug, Default)]
pub(super) struct Effort {
    bytes: Cell<u64>,
    wrong: RefCell<Vec<(u64, u32)>>,
}

impl Effort {
    /// Adds bytes that are looked at.
    pub(super) fn add(&self, bytes: u64) {
        self.bytes.set(self.bytes.get().saturating_add(bytes));
    }

    /// All of them.
    pub(super) fn total(&self) -> u64 {
        self.bytes.get()
    }

    /// Offsets of wrong checksums that were let pass, and what they should be.
    pub(super) fn into_wrong(self) -> Vec<(u64, u32)> {
        self.wrong.into_inner()
    }
}

/// What one object is read from, and where that is counted.
#[derive(Clone, Copy)]
pub(super) struct Access<'a> {
    pub(super) source: &'a Source,
    pub(super) superblock: &'a Superblock,
    pub(super) checksums: Checksums,
    pub(super) effort: &'a Effort,
}

impl Access<'_> {
    /// Compares a checksum of a block outside the header, which stands at `at`. A wrong one that is let
    /// pass is noted.
    pub(super) fn compare(self, at: u64, what: &str, computed: u32, stored: u32) -> Result<()> {
        self.checksums.compare(at, what, computed, stored)?;
        if computed != stored {
            self.effort.wrong.borrow_mut().push((at, computed));
        }
        Ok(())
    }
}
