//! Says why a target cannot be used, and why a migration cannot be planned.

use super::edit::EditError;
use super::rule::FieldError;
use crate::h5;
use std::path::PathBuf;

/// Why a target or a rules file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// No target of this name.
    #[error("there is no target {name:?}; there are: {}", known.join(", "))]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<&'static str>,
    },
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Not TOML, or a key or value that has no meaning.
    #[error("in {origin}: {source}")]
    Syntax {
        /// The file or the target's name.
        origin: String,
        /// What and where.
        source: toml::de::Error,
    },
    /// Well-formed but contradictory.
    #[error("in {origin}: {problem}")]
    Invalid {
        /// The file or the target's name.
        origin: String,
        /// What is wrong.
        problem: String,
    },
}

/// Why a migration cannot be planned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] h5::Error),
    /// A rule asks for what cannot be done without laying the file out again.
    #[error("{object}: rule {rule}: {problem}")]
    Unsupported {
        /// The dataset that is, or leads to, the object.
        object: String,
        /// The rule.
        rule: String,
        /// What stands in its way.
        problem: String,
    },
    /// A field has no value, or cannot be there.
    #[error("{object}: {source}")]
    NoValue {
        /// The dataset that is, or leads to, the object.
        object: String,
        /// Which field.
        source: FieldError,
    },
    /// The edits contradict each other: a defect.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// A defect.
    #[error("internal error: {0}")]
    Internal(String),
}

impl PlanError {
    /// A rule that cannot be carried out on the object that the dataset `place` is or leads to.
    pub(super) fn unsupported(place: &str, rule: &str, problem: String) -> Self {
        Self::Unsupported { object: place.to_owned(), rule: rule.to_owned(), problem }
    }
}
