//! Why a target cannot be used.

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
