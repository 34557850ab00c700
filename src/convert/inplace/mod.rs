//! Changing a file itself, with a way back.
//!
//! The undo file `<file>.jldconv-undo` is written and synced before the first byte of the file
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
//! With a backup directory the undo files lie there and all functions must be told; a file whose
//! change was interrupted does not know its undo file.

mod error;
mod forth;
mod place;
mod record;

mod back;
#[cfg(test)]
mod power;
#[cfg(test)]
mod tests;

pub use back::{Recovered, commit, recover, undo};
pub use error::InPlaceError;
pub use forth::apply;

use crate::sys::dir::Dir;
use std::path::{Path, PathBuf};

/// What the name of an undo file ends in.
pub const UNDO_SUFFIX: &str = ".jldconv-undo";

/// How files are changed in place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InPlace {
    /// Where undo files go; beside each file if `None`.
    pub backup_dir: Option<PathBuf>,
    /// Also change files that have more than one name.
    pub allow_hard_links: bool,
    /// Undo even if the file's modification time says that somebody touched it afterwards. Bytes
    /// that are not as we left them still prevent it.
    pub ignore_mtime: bool,
}

/// The files in `dir` that have an undo file, sorted by name.
///
/// # Errors
/// When a directory cannot be read.
pub fn undoable(dir: &Path, options: &InPlace) -> Result<Vec<PathBuf>, InPlaceError> {
    let undo_dir = Dir::open(options.backup_dir.as_deref().unwrap_or(dir))?;
    let mut files = Vec::new();
    for undo in undo_dir.names()? {
        let Some(path) = place::owner_of(&undo).map(|name| dir.join(name)) else { continue };
        // In a backup directory that several archives share, others' undo files lie, too.
        if options.backup_dir.is_none() || place::Place::open(&path, options)?.exists()? {
            files.push(path);
        }
    }
    Ok(files)
}
