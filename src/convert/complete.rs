//! Whether an output is there already, where no journal tells.

use super::Converter;
use crate::h5::File;
use crate::julia::{TypeTable, datasets};
use crate::migrate::flat_groups;
use std::path::Path;

impl Converter {
    /// Whether `output` can be taken for what a conversion of `input` gives: it is whole, needs
    /// nothing for the target, and has the datasets that `input` has. Metadata is read of both,
    /// columns of neither. Links to columns by name are looked for if the options ask for them, and
    /// do no harm if they do not.
    pub fn is_complete(&self, input: &Path, output: &Path) -> bool {
        let names = |path: &Path| {
            let file = File::open(path).ok()?;
            let flat = flat_groups(&TypeTable::new(&file)).ok()?;
            let is_flat = |path: &str| {
                path.rsplit_once('/').is_some_and(|(group, _)| flat.iter().any(|f| f == group))
            };
            let paths = datasets(&file).ok()?.into_iter().map(|(path, _)| path);
            Some(paths.filter(|path| !is_flat(path)).collect::<Vec<_>>())
        };
        let needs_nothing = |planned: super::converter::Planned| {
            planned.migration.edits.is_none() && planned.migration.rewrite.is_none()
        };
        self.plan(output).is_ok_and(needs_nothing)
            && names(input).is_some_and(|of_input| names(output) == Some(of_input))
    }
}
