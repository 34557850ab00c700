//! Keeps bytes that are made when they are written where somebody reads a part of them before.

use crate::h5::{Made, Result, ScratchFile};
use std::sync::{Mutex, PoisonError};

/// What is made, in a file without a name, once somebody has asked for a part of it.
#[derive(Debug, Default)]
pub(super) struct Spilled(Mutex<Option<ScratchFile>>);

impl Spilled {
    /// Fills `out` with the bytes of `made` from `at` on.
    pub(super) fn read(&self, made: &dyn Made, at: u64, out: &mut [u8]) -> Result<()> {
        let mut spilled = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spilled.is_none() {
            let file = ScratchFile::new()?;
            made.each(&mut |at, bytes| file.write(at, bytes))?;
            *spilled = Some(file);
        }
        spilled.as_ref().map_or(Ok(()), |file| file.read(at, out))
    }
}
