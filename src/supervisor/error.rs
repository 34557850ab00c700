//! Why a run could not begin, or did not end in order.

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
    /// A job whose output lies somewhere else than in the output directory.
    #[error("{}: not directly in {}", output.display(), dir.display())]
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
    /// A defect of this program.
    #[error("internal error: {0}")]
    Internal(String),
}

impl RunError {
    /// What the process should exit with.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Locked { .. } | Self::Output(_) | Self::Escapes { .. } => ExitCode::Usage,
            Self::Setup { .. } | Self::Internal(_) => ExitCode::Internal,
        }
    }
}
