//! Reads the rules that tasks which make no outputs hold files against: once where the run is begun,
//! and in each worker once for all of its files.

use crate::convert::{Failure, FailureKind, Options, Recipe};
use crate::migrate::target::Target;
use crate::protocol::WirePath;
use crate::supervisor::RunError;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Digest of the rules of `target`, none being the default one, and of the files `rules`.
///
/// # Errors
/// There is no such target, or a file cannot be read or makes no sense.
pub(super) fn digest(target: Option<&str>, rules: &[PathBuf]) -> Result<String, RunError> {
    // What is wrong with the rules would be wrong with every file.
    Target::with_rule_files(target, rules).map_err(|error| RunError::Recipe(error.to_string()))?;
    let mut options = Options { rules: rules.to_owned(), ..Options::default() };
    if let Some(target) = target {
        target.clone_into(&mut options.target);
    }
    let recipe = Recipe::of(&options).map_err(|error| RunError::Recipe(error.message))?;
    Ok(recipe.rules)
}

/// Keeps the target for the next file, whose options `O` are mostly the same.
#[derive(Debug)]
pub(super) struct KeptTarget<O>(Mutex<Option<(O, Arc<Target>)>>);

impl<O> Default for KeptTarget<O> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<O: Clone + PartialEq> KeptTarget<O> {
    /// The target `name`, none being the default one, with the files `rules`: what `options` say.
    ///
    /// # Errors
    /// There is no such target, or a file cannot be read or makes no sense.
    pub(super) fn of(
        &self,
        options: &O,
        name: Option<&str>,
        rules: &[WirePath],
    ) -> Result<Arc<Target>, Failure> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, target)) = last.as_ref().filter(|(known, _)| known == options) {
            return Ok(Arc::clone(target));
        }
        let rules: Vec<PathBuf> = rules.iter().cloned().map(PathBuf::from).collect();
        let target = Target::with_rule_files(name, &rules)
            .map_err(|error| Failure::new(FailureKind::Unsupported, error.to_string()))?;
        let target = Arc::new(target);
        *last = Some((options.clone(), Arc::clone(&target)));
        Ok(target)
    }
}
