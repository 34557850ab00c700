//! Counts what it takes to look at one object, and notes the wrong checksums that were let pass.

use super::Result;
use super::checksum::Checksums;
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

    /// Compares a checksum of a block outside the header, which stands at `at`. A wrong one that is let
    /// pass is noted.
    pub(super) fn compare(
        &self,
        checksums: Checksums,
        at: u64,
        what: &str,
        computed: u32,
        stored: u32,
    ) -> Result<()> {
        checksums.compare(at, what, computed, stored)?;
        if computed != stored {
            self.wrong.borrow_mut().push((at, computed));
        }
        Ok(())
    }

    /// Offsets of wrong checksums that were let pass, and what they should be.
    pub(super) fn into_wrong(self) -> Vec<(u64, u32)> {
        self.wrong.into_inner()
    }
}
