//! Why something could not be exported.

use crate::convert::publish::PublishError;
use crate::convert::{Failure, FailureKind, fault_of_read};
use crate::numbers::NumbersError;
use crate::sys::file::is_full;
use std::io;

/// Why something could not be exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// What was asked for is not there, or cannot be read.
    #[error(transparent)]
    Numbers(#[from] NumbersError),
    /// What was asked for does not go together.
    #[error("{0}")]
    Refused(String),
    /// None of the files can be read; why the first cannot, in words that name it.
    #[error("{0}")]
    Unreadable(String),
    /// It cannot be written.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
    /// Its file cannot have its name.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// Somebody asked it to stop.
    #[error("stopped")]
    Stopped,
}

impl From<jld2::Error> for ExportError {
    fn from(error: jld2::Error) -> Self {
        Self::Numbers(error.into())
    }
}

impl ExportError {
    /// What a pass over rows ended with.
    pub(super) fn of_pass(error: NumbersError) -> Self {
        match error {
            error if error.is_stopped() => Self::Stopped,
            NumbersError::Output(error) => Self::Output(error),
            other => Self::Numbers(other),
        }
    }

    /// Whether it is what was asked for that is wrong, and not the file.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Numbers(error) => error.is_usage(),
            Self::Refused(_) => true,
            Self::Unreadable(_) | Self::Output(_) | Self::Publish(_) | Self::Stopped => false,
        }
    }

    /// As a failure of a job.
    pub fn failure(self) -> Failure {
        let fault = match self {
            Self::Publish(error) => return error.into(),
            Self::Numbers(NumbersError::Read { ref source, .. }) => fault_of_read(source),
            // Another try gives the same.
            Self::Numbers(_) | Self::Refused(_) => FailureKind::Unsupported,
            Self::Unreadable(_) => FailureKind::Input,
            Self::Output(ref error) if is_full(error) => FailureKind::Full,
            Self::Output(_) => FailureKind::Output,
            Self::Stopped => FailureKind::Cancelled,
        };
        Failure::new(fault, self.to_string())
    }
}
