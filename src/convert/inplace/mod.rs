//! Changes a file itself, with a way back.
//!
//! The undo file, by default `<file>.jldconv-undo`, is written and synced before the first byte of the file
//! changes. Then bytes are appended, then old ones replaced stage by stage, with a sync after each;
//! then the caller checks the file; then a mark in the undo file, synced, makes the change
//! complete. Until that mark is on the disk the change counts as not made: [`recover`] takes it
//! back, after a crash at whatever point. From then on the file is the new one, and [`undo`] brings
//! back the old bytes, length and modification time until [`commit`] removes the undo file.
//!
//! Readers meet a file that is valid at each point between two syncs as far as the edit list's
//! stages provide for it (the superblock's new end before headers that point behind the old one);
//! the way back goes through the same states in reverse.
//!
//! With a backup directory the undo files lie there. As long as a change is not complete an
//! extended attribute of the file says so ([`note`](crate::sys::note)), so that it is noticed by
//! whoever is not told of that directory; where the file system has no such attributes it is not.
//! Undo files beside the files are looked for, too. Two processes never work on one file: both locks, that of the undo file and that of the
//! file, are held from before the first byte is changed to the end, and they end with the process.

mod apply;
mod check;
mod error;
mod look;
pub(super) mod mode;
mod names;
mod record;
mod rollback;
mod target_file;
mod undo_search;

#[cfg(test)]
mod places;
#[cfg(test)]
mod power_loss_tests;
#[cfg(test)]
mod tests;

pub use apply::apply;
pub use error::InPlaceError;
pub use look::{Change, ChangeState, begun, change_of, undoable, unfinished};
pub use names::UNDO_SUFFIX;
pub use rollback::{
    Committed, Earlier, Recovered, commit, recover, recover_moved, remove_begun, undo,
};

use std::path::PathBuf;

/// How files are changed in place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InPlace {
    /// Where undo files go; beside each file if `None`.
    pub backup_dir: Option<PathBuf>,
    /// Also change files that have more than one name.
    pub allow_hard_links: bool,
}
