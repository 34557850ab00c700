//! Counts what it takes to look at one object.

use std::cell::Cell;

/// What it took to look at one object, whether or not it could be read.
#[derive(Debug, Default)]
pub(super) struct Effort(Cell<u64>);

impl Effort {
    /// Adds bytes that are looked at.
    pub(super) fn add(&self, bytes: u64) {
        self.0.set(self.0.get().saturating_add(bytes));
    }

    /// All of them.
    pub(super) fn total(&self) -> u64 {
        self.0.get()
    }
}
