//! Bounds what a file may cost whoever reads it, in work, memory, depth and output.
//!
//! In a damaged or forged file objects overlap, contain themselves, refer to one another many times
//! over, or claim any size: a megabyte can describe a walk without end or a value that fills the
//! memory. All bounds on that are here. Those of single structures are constants; what adds up in a
//! walk is a [`Cost`], and what a walk may still spend of each is a [`Budget`].
//!
//! Bounds that HDF5 itself sets (32 dimensions, 32 filters) stand where the structure is parsed;
//! what is kept to be quick (caches) is bounded where it is kept.

use crate::h5::{Error, Result};
use std::sync::atomic::AtomicU64;

/// A walk may look at so many times the file: every byte of an honest one is read once or twice,
/// shared objects a few times more.
const WORK_TIMES: u64 = 64;
/// What a walk through even the smallest file may look at, in bytes.
const WORK_LEAST: u64 = 16 << 20;
/// Output may come to so many times the file: a few bytes can stand for a value of a type with a name
/// of kilobytes, but not without end.
const OUTPUT_TIMES: u64 = 4096;
/// What the output of even the smallest file may come to, in bytes.
const OUTPUT_LEAST: u64 = 256 << 20;
/// Paths take no more than the file and this many bytes: a forged group can have very many links
/// below a very long path.
const PATHS_MORE: u64 = 16 << 20;
/// Objects that lead to one another, as a linked list does. JLD2 calls itself for each: 0.6.5 on a
/// stack of 8 MiB writes 4000 levels and ends with an overflow at 6000. A level takes about 4 KiB.
const REFERENCE_LEVELS: u64 = 10_000;
/// Records inside one another in one object. No datatype nests more deeply.
const RECORD_LEVELS: u64 = 64;
/// Objects that are inside one another may take this much memory, in bytes.
const HELD: u64 = 32 << 20;
/// Ends forged cycles of types. A type within a type takes up to three steps, and no types nest more
/// than some sixty deep; what that takes fits into the 2 MiB stack of a thread.
const TYPE_STEPS: u64 = 200;
/// No type has more parts; a forged one can double with each level.
const TYPE_PARTS: u64 = 1 << 15;

/// Bytes of a type's names, parameter lists and parameter values, and of the type written out:
/// longer ones do not occur.
pub(crate) const TYPE_BYTES: u64 = 1 << 20;
/// Levels of an encoded datatype; deeper than any real type, and ends forged recursion.
pub(crate) const DATATYPE_LEVELS: u32 = 64;
/// Places in one element of a datatype that lead elsewhere; more than any real type has.
pub(crate) const REFERENCE_SLOTS: usize = 1 << 16;
/// Bytes of one element of an array, or of a single value.
pub(crate) const ELEMENT: usize = 16 << 20;
/// Bytes of metadata that are read in one piece: what a forged length can allocate.
pub(crate) const METADATA_PIECE: usize = 256 << 20;
/// Messages of one object header; more than any writer puts there: half a million links.
pub(crate) const HEADER_MESSAGES: usize = 1 << 19;
/// Bytes of one object header in all its chunks; more than any has.
pub(crate) const HEADER_BYTES: u64 = 16 << 20;
/// Bytes of attributes on one object, far more than JLD2 writes: they take ten times as much when
/// read.
pub(crate) const ATTRIBUTE_BYTES: usize = 1 << 20;
/// Links of one group, and records of one index of links or attributes; more than any has.
pub(crate) const INDEX_ENTRIES: usize = 1 << 19;
/// Nodes of one such index, and blocks of one heap; more than so many entries need.
pub(crate) const INDEX_NODES: usize = 1 << 19;
/// Levels of one such index; each has twice the nodes of the one above at least.
pub(crate) const INDEX_LEVELS: u16 = 32;
/// Bytes of one node or block; libhdf5 makes them of 64 KiB at most.
pub(crate) const INDEX_NODE: u64 = 16 << 20;
/// Bytes of all names of one group, and of all that one object keeps in one heap.
pub(crate) const INDEX_BYTES: u64 = 16 << 20;
/// Data that were never written are made up to so many times the file, as nothing is compressed
/// better, and to this many bytes.
pub(crate) const UNWRITTEN_TIMES: u64 = 1 << 15;
pub(crate) const UNWRITTEN_LEAST: u64 = 64 << 30;
/// So many bytes that are made cost as much as one that is read.
pub(crate) const UNWRITTEN_CHEAP: u64 = 4096;
/// Levels of a value in memory, so that it can be dropped, compared and shown on any thread's stack.
pub(crate) const VALUE_LEVELS: usize = 500;
/// Columns of a data frame.
pub(crate) const COLUMNS: usize = 1 << 20;
/// Bytes of memory that the names of a data frame's columns take.
pub(crate) const COLUMN_NAMES: usize = 64 << 20;

/// What adds up in a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cost {
    /// Levels of objects that lead to one another.
    References,
    /// Levels of records inside one object.
    Records,
    /// Bytes of memory that objects take which the walk is inside of.
    Held,
    /// Steps to the end of a type.
    TypeSteps,
    /// Types and values that a type is made of.
    TypeParts,
    /// Bytes of their names.
    TypeBytes,
    /// Bytes of paths.
    Paths,
}

/// Bytes of metadata of a file that were read so far.
#[derive(Debug, Default)]
pub(in crate::h5) struct Spent(pub(in crate::h5) AtomicU64);

/// What one walk through a file may still cost.
///
/// Work is counted for the file, so that copies of a budget share it; all else is counted in the
/// budget itself.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    pub(in crate::h5) work_until: u64,
    file_len: u64,
    used: [u64; 7],
}

impl Budget {
    /// The budget of one walk through a file of `file_len` bytes on which `spent` bytes of work were
    /// spent before.
    pub(in crate::h5) fn new(spent: u64, file_len: u64) -> Self {
        let more = file_len.saturating_mul(WORK_TIMES).saturating_add(WORK_LEAST);
        Self { work_until: spent.saturating_add(more), file_len, used: [0; 7] }
    }

    /// Spends `amount`, for something at the offset `at`.
    pub(crate) fn take(&mut self, cost: Cost, amount: u64, at: u64) -> Result<()> {
        let used = self.used(cost).saturating_add(amount);
        if used > cost.limit(self.file_len) {
            return Err(cost.exceeded(used, at));
        }
        self.set(cost, used);
        Ok(())
    }

    /// Takes back `amount` of what was spent.
    pub(crate) fn give_back(&mut self, cost: Cost, amount: u64) {
        self.set(cost, self.used(cost).saturating_sub(amount));
    }

    /// How much is spent.
    pub(crate) fn used(&self, cost: Cost) -> u64 {
        self.used.get(cost as usize).copied().unwrap_or(u64::MAX)
    }

    /// Puts what is spent to `used`; gives what it was.
    pub(crate) fn set(&mut self, cost: Cost, used: u64) -> u64 {
        self.used.get_mut(cost as usize).map_or(0, |it| std::mem::replace(it, used))
    }

    /// How many bytes of output a file of `len` bytes may give.
    pub(crate) fn output(len: u64) -> u64 {
        len.saturating_mul(OUTPUT_TIMES).saturating_add(OUTPUT_LEAST)
    }
}

impl Cost {
    /// The most that a walk through a file of `len` bytes may spend.
    fn limit(self, len: u64) -> u64 {
        match self {
            Self::References => REFERENCE_LEVELS,
            Self::Records => RECORD_LEVELS,
            Self::Held => HELD,
            Self::TypeSteps => TYPE_STEPS,
            Self::TypeParts => TYPE_PARTS,
            Self::TypeBytes => TYPE_BYTES,
            Self::Paths => len.saturating_add(PATHS_MORE),
        }
    }

    /// Why no more is possible.
    fn exceeded(self, used: u64, at: u64) -> Error {
        let (what, expected) = match self {
            Self::References => {
                let limit = format!(
                    "{REFERENCE_LEVELS} levels of references, of which JLD2 itself writes some thousands; \
                     the same values in an array help"
                );
                return Error::too_large_at(at, "value", limit);
            }
            Self::Records => ("value", format!("at most {RECORD_LEVELS} levels of records")),
            Self::Held => {
                let limit = format!(
                    "{} MiB of objects inside one another ({used} bytes); the same values side by side, \
                     in an array, help",
                    HELD >> 20
                );
                return Error::too_large_at(at, "value", limit);
            }
            Self::TypeSteps => ("type signature", format!("at most {TYPE_STEPS} steps to its end")),
            Self::TypeParts | Self::TypeBytes => {
                let most = format!("at most {TYPE_PARTS} parts with {TYPE_BYTES} bytes of names");
                ("type signature", most)
            }
            Self::Paths => return Error::foreign(at, "paths that are longer than the file"),
        };
        Error::corrupt(at, what, expected, "more")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    const FILE_LEN: u64 = 1000;

    #[test]
    fn each_cost_has_its_own_end_and_says_what_it_is() {
        let all = [
            (Cost::References, 10_000, "takes more than 10000 levels of references"),
            (Cost::Records, 64, "at most 64 levels of records, found more"),
            (
                Cost::Held,
                32 << 20,
                "takes more than 32 MiB of objects inside one another (33554433",
            ),
            (Cost::TypeSteps, 200, "at most 200 steps to its end, found more"),
            (Cost::TypeParts, 32768, "at most 32768 parts with 1048576 bytes of names"),
            (Cost::TypeBytes, 1 << 20, "at most 32768 parts with 1048576 bytes of names"),
            (Cost::Paths, FILE_LEN + (16 << 20), "paths that are longer than the file"),
        ];
        let mut budget = Budget::new(0, FILE_LEN);
        for (cost, most, text) in all {
            budget.take(cost, most, 0).unwrap();
            let error = budget.take(cost, 1, 9).unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
            assert_eq!(error.offset(), Some(9));
            assert_eq!(budget.used(cost), most, "what failed is not spent");
        }
        budget.give_back(Cost::Records, 1);
        budget.take(Cost::Records, 1, 0).unwrap();
    }
}
