//! Counts the work on a file, and says when a walk has done too much of it.

use crate::h5::budget::Cost;
use crate::h5::{Budget, Error, File, Result};
use std::sync::atomic::Ordering;

impl File {
    /// Adds `bytes` to the work on the file: bytes looked at, or what costs as much.
    pub fn spend(&self, bytes: u64) {
        // Only a measure: no other memory depends on it.
        self.spent().0.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The budget of one walk, from now on.
    pub fn allowance(&self) -> Budget {
        Budget::new(self.spent().0.load(Ordering::Relaxed), self.source().len())
    }
}

impl Budget {
    /// Fails once the work is used up; `at` is the offset where the walk stands.
    ///
    /// # Errors
    /// If more was read than 64 times the file.
    pub fn check(self, file: &File, at: u64) -> Result<()> {
        if file.spent().0.load(Ordering::Relaxed) <= self.work_until {
            return Ok(());
        }
        Err(Error::corrupt(
            at,
            "objects",
            "each byte to belong to one object",
            "overlapping or endlessly repeated ones",
        ))
    }

    /// Counts a path of `bytes` bytes that is kept; `at` is the offset of what it leads to.
    ///
    /// # Errors
    /// If all paths take more than the file and 16 MiB.
    pub fn take_path(&mut self, bytes: usize, at: u64) -> Result<()> {
        self.take(Cost::Paths, bytes as u64, at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h5::sample;

    #[test]
    fn the_work_ends_and_the_next_walk_starts_again() {
        let file = File::from_source(sample::empty_file()).unwrap();
        let budget = file.allowance();
        file.spend(16 << 20);
        assert!(budget.check(&file, 7).is_ok());
        file.spend(64 * file.source().len() + 1);
        let error = budget.check(&file, 7).unwrap_err();
        assert_eq!(error.offset(), Some(7));
        assert!(file.allowance().check(&file, 7).is_ok());
    }
}
