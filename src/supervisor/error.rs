//! Says why a run could not begin, or did not end in order.

use super::conflict::Conflicts;
use super::exit::ExitCode;
use crate::sys::dir::DirError;
use std::io;
use std::path::PathBuf;

/// Why there is no summary of a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Another run works on the same part of the same output directory.
    #[error("{}: another run works here: {holder}", dir.display())]
    Locked {
        /// The output directory.
        dir: PathBuf,
        /// Who it is, with its process id.
        holder: String,
    },
    /// The output directory cannot be used.
    #[error("cannot use the output directory: {0}")]
    Output(#[from] DirError),
    /// A job whose output lies somewhere else than below the output directory, or in the archive.
    #[error("{}: not a file below {}, or in the archive itself", output.display(), dir.display())]
    Escapes {
        /// Where it lies.
        output: PathBuf,
        /// The output directory.
        dir: PathBuf,
    },
    /// Something that the run itself needs cannot be had.
    #[error("cannot {what}: {source}")]
    Setup {
        /// What it is.
        what: &'static str,
        /// The system's word.
        source: io::Error,
    },
    /// Files that are not this program's own have the names of outputs.
    #[error(transparent)]
    Conflicts(#[from] Conflicts),
    /// A signal came before the first job.
    #[error("interrupted before anything was done")]
    Interrupted,
    /// What is there cannot be looked at.
    #[error("cannot look at the outputs that are there: {0}")]
    Examine(String),
    /// The target or the rules cannot be used.
    #[error("{0}")]
    Recipe(String),
    /// A defect of this program.
    #[error("internal error: {0}")]
    Internal(String),
}

impl RunError {
    /// What the process should exit with.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Locked { .. }
            | Self::Output(_)
            | Self::Escapes { .. }
            | Self::Conflicts(_)
            | Self::Recipe(_) => ExitCode::Usage,
            Self::Interrupted => ExitCode::Interrupted,
            Self::Setup { .. } | Self::Examine(_) | Self::Internal(_) => ExitCode::Internal,
        }
    }
}
