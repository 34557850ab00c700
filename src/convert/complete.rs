//! Whether an output is there already, where no journal tells.

use super::Converter;
use crate::h5::File;
use crate::julia::datasets;
use std::path::Path;

impl Converter {
    /// Whether `output` can be taken for what a conversion of `input` gives: it is whole, needs
    /// nothing for the target, and has the datasets that `input` has. Metadata is read of both,
    /// columns of neither.
    pub fn is_complete(&self, input: &Path, output: &Path) -> bool {
        let names = |path: &Path| {
            let paths = datasets(&File::open(path).ok()?).ok()?;
            Some(paths.into_iter().map(|(path, _)| path).collect::<Vec<_>>())
        };
        let needs_nothing = |planned: super::converter::Planned| {
            planned.migration.edits.is_none() && planned.migration.rewrite.is_none()
        };
        self.plan(output).is_ok_and(needs_nothing)
            && names(input).is_some_and(|of_input| names(output) == Some(of_input))
    }
}
