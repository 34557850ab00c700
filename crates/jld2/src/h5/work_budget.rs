//! How much work one file may cause.
//!
//! In a damaged or forged file objects can overlap and refer to one another many times over, so
//! that a megabyte describes a walk without end. A [`File`] counts what is read of its metadata;
//! whoever walks through it takes an [`Allowance`] and asks now and then whether it is used up.

use crate::h5::{Error, File, Result};
use std::sync::atomic::{AtomicU64, Ordering};

/// Every byte of an honest file is read once or twice in a walk, shared objects a few times more.
const TIMES: u64 = 64;
/// What even the smallest file may cause, in bytes.
const LEAST: u64 = 16 << 20;

/// Bytes of metadata read so far.
#[derive(Debug, Default)]
pub(in crate::h5) struct Effort(AtomicU64);

/// How far the effort on a file may go.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    until: u64,
}

impl File {
    /// Adds `bytes` to the effort: bytes looked at, or work that costs as much.
    pub fn spend(&self, bytes: u64) {
        // Only a measure: no other memory depends on it.
        self.effort().0.fetch_add(bytes, Ordering::Relaxed);
    }

    /// An allowance for one walk, from now on.
    pub fn allowance(&self) -> Allowance {
        let spent = self.effort().0.load(Ordering::Relaxed);
        let more = self.source().len().saturating_mul(TIMES).saturating_add(LEAST);
        Allowance { until: spent.saturating_add(more) }
    }
}

impl Allowance {
    /// Fails once it is used up; `at` is the offset where the walk stands.
    ///
    /// # Errors
    /// If more was read than 64 times the file.
    pub fn check(self, file: &File, at: u64) -> Result<()> {
        if file.effort().0.load(Ordering::Relaxed) <= self.until {
            return Ok(());
        }
        Err(Error::corrupt(
            at,
            "objects",
            "each byte to belong to one object",
            "overlapping or endlessly repeated ones",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h5::sample;

    #[test]
    fn an_allowance_ends_and_the_next_one_starts_afresh() {
        let file = File::from_source(sample::empty_file()).unwrap();
        let allowance = file.allowance();
        file.spend(LEAST);
        assert!(allowance.check(&file, 7).is_ok());
        file.spend(TIMES * file.source().len() + 1);
        let error = allowance.check(&file, 7).unwrap_err();
        assert_eq!(error.offset(), Some(7));
        assert!(file.allowance().check(&file, 7).is_ok());
    }
}
