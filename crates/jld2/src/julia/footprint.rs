//! What a committed type was read from: with all of it the same in another file, the type is.
//!
//! A type is read from its own object, from those that its parameters are, from texts and sequences
//! in heaps, and from other types. All of that is taken down while it is read ([`Reading`]). Another
//! file in which each [`Step`] gives the same has the same type, byte for byte, so that it need not be
//! read again.

use super::committed::Committed;
use crate::h5::budget::{Budget, Cost};
use crate::h5::{File, Object, Result};
use std::sync::Arc;

/// One thing that was looked at.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// An object. The other file has the same if it took it over, since it compares all bytes then.
    Object(Arc<Object>),
    /// Another type.
    Type(Arc<Committed>),
    /// Where a sequence of variable length stands: its id, the bytes of an element, offset and bytes.
    Sequence { id: [u8; 16], base: u32, found: Option<(u64, u64)> },
    /// Bytes at an offset: of a heap object, or a dataset's data.
    Bytes { offset: u64, bytes: Box<[u8]> },
}

/// All that a type was read from.
#[derive(Debug)]
pub(super) struct Footprint(Vec<Step>);

/// A type that is being read: what that may still cost, and what was looked at.
#[derive(Debug)]
pub(super) struct Reading {
    budget: Budget,
    /// `None` where nobody asks for it, or something was looked at that has no [`Step`].
    steps: Option<Vec<Step>>,
}

impl Reading {
    pub(super) fn new(budget: Budget) -> Self {
        Self { budget, steps: None }
    }

    /// One within this one, of another type; with `record`, what it looks at is taken down.
    pub(super) fn within(&self, record: bool) -> Self {
        let mut budget = self.budget;
        // A type of its own, met on the way, may be as large as any other.
        budget.set(Cost::TypeParts, 0);
        budget.set(Cost::TypeBytes, 0);
        Self { budget, steps: record.then(Vec::new) }
    }

    pub(super) fn take(&mut self, cost: Cost, amount: u64, at: u64) -> Result<()> {
        self.budget.take(cost, amount, at)
    }

    pub(super) fn give_back(&mut self, cost: Cost, amount: u64) {
        self.budget.give_back(cost, amount);
    }

    pub(super) fn check(&self, file: &File, at: u64) -> Result<()> {
        self.budget.check(file, at)
    }

    pub(super) fn object(&mut self, object: &Arc<Object>) {
        self.step(|| Step::Object(Arc::clone(object)));
    }

    pub(super) fn committed(&mut self, committed: &Arc<Committed>) {
        self.step(|| Step::Type(Arc::clone(committed)));
    }

    pub(super) fn sequence(&mut self, id: &[u8], base: u32, found: Option<(u64, u64)>) {
        match id.first_chunk::<16>() {
            Some(id) => self.step(|| Step::Sequence { id: *id, base, found }),
            None => self.lose(),
        }
    }

    pub(super) fn bytes(&mut self, offset: u64, bytes: &[u8]) {
        self.step(|| Step::Bytes { offset, bytes: bytes.into() });
    }

    /// Something is looked at that is not taken down: the type is read again in every file.
    pub(super) fn lose(&mut self) {
        self.steps = None;
    }

    fn step(&mut self, step: impl FnOnce() -> Step) {
        if let Some(steps) = &mut self.steps {
            steps.push(step());
        }
    }

    /// All that was looked at, if it was taken down.
    pub(super) fn into_footprint(self) -> Option<Footprint> {
        self.steps.map(Footprint)
    }
}

impl Footprint {
    pub(super) fn steps(&self) -> &[Step] {
        &self.0
    }

    /// How much memory it takes, in units of some hundred bytes.
    pub(super) fn weight(&self) -> u64 {
        let bytes = self.0.iter().map(|step| match step {
            Step::Bytes { bytes, .. } => 48 + bytes.len() as u64,
            // Parsed, an object takes some times its bytes.
            Step::Object(object) => {
                let chunks = object.header.chunks.iter();
                48 + 4 * chunks.map(|chunk| chunk.bytes.len() as u64).sum::<u64>()
            }
            Step::Type(_) | Step::Sequence { .. } => 48,
        });
        bytes.sum::<u64>() / 100
    }
}
