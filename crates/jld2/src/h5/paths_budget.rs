//! Takes paths of a file in, as far as a walk through it may go.

use super::{Budget, File, Listed, Paths, Result};
use crate::h5::budget::Cost;

/// To copy and to compare so many bytes of a path costs as much as one that is read.
const CHEAP: usize = 16;

impl Paths {
    /// Takes in one more; `at` is where what it leads to stands.
    ///
    /// # Errors
    /// If what is kept of all paths takes more than `budget` allows, or cannot be put into a file.
    pub fn push(
        &mut self,
        (file, budget, at): (&File, &mut Budget, u64),
        listed: Listed,
    ) -> Result<()> {
        file.spend((listed.path.len() / CHEAP) as u64);
        let before = self.kept();
        self.put_in(listed)?;
        budget.check(file, at)?;
        budget.take(Cost::Paths, self.kept().saturating_sub(before), at)
    }
}
