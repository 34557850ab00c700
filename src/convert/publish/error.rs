//! Says why an output could not be published.

use crate::convert::{Failure, FailureKind};
use crate::sys::dir::DirError;
use crate::sys::file::is_full;
use std::io;
use std::path::PathBuf;

/// What is said of an output that is its own input: no option helps there.
pub const IS_INPUT: &str = "is the input itself, which is never replaced";

/// Why an output could not be published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The output's path names no file.
    #[error("{}: not the name of a file", path.display())]
    NoName {
        /// That path.
        path: PathBuf,
    },
    /// The output would replace its own input.
    #[error("{}: {IS_INPUT}", path.display())]
    IsInput {
        /// Path of the output.
        path: PathBuf,
    },
    /// What has the output's name is a device, a pipe or the like, which is never replaced, or a
    /// directory or a link where that would not be kept.
    #[error("{}: exists and is not a regular file", path.display())]
    NotReplaceable {
        /// Path of the output.
        path: PathBuf,
    },
    /// What has the output's name is another file than the one that may be replaced.
    #[error("{}: is no longer the file that may be replaced here; it stays", path.display())]
    Changed {
        /// Path of the output.
        path: PathBuf,
    },
    /// Something in a directory went wrong.
    #[error(transparent)]
    Dir(#[from] DirError),
    /// The temporary file cannot be finished.
    #[error("{}: cannot {what}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// Path of the temporary file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        let fault = match &error {
            PublishError::Io { source, .. } | PublishError::Dir(DirError::Io { source, .. })
                if is_full(source) =>
            {
                FailureKind::Full
            }
            PublishError::IsInput { .. }
            | PublishError::NotReplaceable { .. }
            | PublishError::Changed { .. }
            | PublishError::Dir(DirError::Exists { .. }) => FailureKind::Conflict,
            _ => FailureKind::Output,
        };
        Self::new(fault, error.to_string())
    }
}

impl PublishError {
    /// Whether the system said that there is nothing under a name.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Dir(e) if e.is_missing())
    }
}
