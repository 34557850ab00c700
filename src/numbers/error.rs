//! Why numbers cannot be had.

use super::condition::ConditionError;
use crate::convert::help;
use crate::convert::publish::PublishError;
use crate::h5::{Error, ErrorKind};
use crate::mera::quantity::QuantityError;
use crate::mera::region::RegionError;
use crate::mera::unit::UnitError;
use std::io;

/// Why numbers cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NumbersError {
    /// The file cannot be read, or something in it.
    #[error("{file}: {source}{}", help(source))]
    Read {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: Error,
    },
    /// There is nothing of this name.
    #[error("{file}: there is no {what}; {known}")]
    NotThere {
        /// The file.
        file: String,
        /// What was asked for.
        what: String,
        /// What there is.
        known: String,
    },
    /// It is not made of numbers.
    #[error("{file}: {what}")]
    NoNumbers {
        /// The file.
        file: String,
        /// What it is instead.
        what: String,
    },
    /// The condition is wrong.
    #[error(transparent)]
    Condition(#[from] ConditionError),
    /// A quantity cannot be computed.
    #[error(transparent)]
    Quantity(#[from] QuantityError),
    /// There is no such unit.
    #[error(transparent)]
    Unit(#[from] UnitError),
    /// There is no such region.
    #[error(transparent)]
    Region(#[from] RegionError),
    /// It goes with tables of Mera files only.
    #[error("{0}")]
    NotMera(String),
    /// Rows that are not there.
    #[error("rows {first} to {last} are not all there: {what} has {len}")]
    Rows {
        /// The first that was asked for.
        first: u64,
        /// The one behind the last.
        last: u64,
        /// Of what.
        what: String,
        /// How many there are.
        len: u64,
    },
    /// There is no such map.
    #[error("{0}")]
    Map(String),
    /// What was read cannot be handed on.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
    /// What was made cannot have its name.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// As `Read`, on its way to where the file's name is known.
    #[error("{0}")]
    Inner(Error),
}

impl From<Error> for NumbersError {
    fn from(error: Error) -> Self {
        Self::Inner(error)
    }
}

impl NumbersError {
    /// The error of a file of this name.
    pub(super) fn of(file: &str) -> impl Fn(Error) -> Self {
        let file = file.to_owned();
        move |source| Self::Read { file: file.clone(), source }
    }

    /// Names the file in what was read of it.
    pub(super) fn in_file(self, file: &str) -> Self {
        match self {
            Self::Inner(source) => Self::Read { file: file.to_owned(), source },
            other => other,
        }
    }

    /// Whoever asked wants no more.
    pub fn stopped() -> Self {
        Self::Inner(Error::cancelled())
    }

    /// Whether it is that.
    pub fn is_stopped(&self) -> bool {
        match self {
            Self::Read { source, .. } | Self::Inner(source) => {
                matches!(source.kind(), ErrorKind::Cancelled)
            }
            _ => false,
        }
    }

    /// Whether it is what was asked for that is wrong, and not the file.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Condition(_) | Self::Quantity(_) | Self::Unit(_) | Self::Region(_) => true,
            Self::NotMera(_) | Self::Rows { .. } | Self::Map(_) => true,
            Self::Read { .. } | Self::NotThere { .. } | Self::NoNumbers { .. } => false,
            Self::Output(_) | Self::Publish(_) | Self::Inner(_) => false,
        }
    }
}
