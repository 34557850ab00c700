//! The list of an output's datasets, which structure and values are both held against.

use crate::h5::{File, Result};
use crate::julia::{Paths, readable};
use std::sync::OnceLock;

/// The linked datasets of one file. Whoever asks first makes the list, others wait for it.
#[derive(Default)]
pub(super) struct LinkedOnce(OnceLock<Option<Paths>>);

impl LinkedOnce {
    /// The list was made on another walk. If it was not, or somebody has asked before, nothing changes.
    pub(super) fn known(&self, paths: Option<Paths>) {
        if let Some(paths) = paths {
            let _ = self.0.set(Some(paths));
        }
    }

    /// Hands the list of `file`, or of the same file opened again, to `ask`.
    ///
    /// # Errors
    /// If an object that is linked cannot be read.
    pub(super) fn of<T>(&self, file: &File, ask: impl FnOnce(&Paths) -> T) -> Result<T> {
        match self.0.get_or_init(|| readable(file).ok()) {
            Some(paths) => Ok(ask(paths)),
            // Each who asks is told why.
            None => readable(file).map(|paths| ask(&paths)),
        }
    }
}
