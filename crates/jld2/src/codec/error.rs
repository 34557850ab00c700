//! Says what may be wrong with a payload.

use std::io;

/// Why a payload could not be decoded or encoded.
///
/// Offsets are in bytes of the named codec's own input, which for the last filter of a pipeline
/// is the payload.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No decoder for a filter.
    #[error("filter {id} ({name}) is unknown here and cannot be undone")]
    UnknownFilter {
        /// The registered number.
        id: u16,
        /// The name in the file, or else the registered one.
        name: String,
    },
    /// A legal payload that needs something this program does not have.
    #[error("{codec}: {what} is not supported")]
    Unsupported {
        /// The codec concerned.
        codec: &'static str,
        /// What is missing.
        what: String,
    },
    /// The input ends in the middle of a stream.
    #[error("{codec}: the input is cut off at byte {at}, after {decoded} decoded bytes")]
    Truncated {
        /// The codec concerned.
        codec: &'static str,
        /// Length of the input.
        at: u64,
        /// What had been decoded by then.
        decoded: u64,
    },
    /// The bytes are not what the codec's format says.
    #[error("{codec}: expected {expected} at byte {at}, found {found}")]
    Corrupt {
        /// The codec concerned.
        codec: &'static str,
        /// Where in the codec's input.
        at: u64,
        /// What the format wants there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A whole stream with something behind it.
    #[error("{codec}: the stream ends at byte {at}, but the input goes on")]
    Trailing {
        /// The codec concerned.
        codec: &'static str,
        /// End of the stream.
        at: u64,
    },
    /// A length in the payload contradicts the dataset's.
    #[error("{codec}: expected {expected} bytes, the payload declares {found}")]
    Declared {
        /// The codec concerned.
        codec: &'static str,
        /// What the dataset needs.
        expected: u64,
        /// What the payload says.
        found: u64,
    },
    /// A whole stream that holds less than the dataset.
    #[error("expected {expected} bytes, the payload holds only {found}")]
    Short {
        /// What the dataset needs.
        expected: u64,
        /// What there was.
        found: u64,
    },
    /// A stream that holds more than the dataset.
    #[error("expected {expected} bytes, the payload holds more")]
    Long {
        /// What the dataset needs.
        expected: u64,
    },
    /// A reader was used again after it had failed.
    #[error("the payload could not be decoded, as was said before")]
    Failed,
    /// The encoded bytes could not be written.
    #[error("{source} after {at} encoded bytes")]
    Output {
        /// Bytes written before.
        at: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The caller did not want to go on.
    #[error("cancelled")]
    Cancelled,
    /// The bytes could not be read.
    #[error("{source}{}", at.map(|at| format!(" at byte {at} of the payload")).unwrap_or_default())]
    Io {
        /// Where in the payload, if that is known.
        at: Option<u64>,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// The kind that [`io::Error::kind`] gives for this error.
    fn kind(&self) -> io::ErrorKind {
        match self {
            Self::UnknownFilter { .. } | Self::Unsupported { .. } => io::ErrorKind::Unsupported,
            Self::Truncated { .. } | Self::Short { .. } => io::ErrorKind::UnexpectedEof,
            Self::Io { source, .. } | Self::Output { source, .. } => source.kind(),
            Self::Cancelled => io::ErrorKind::Other,
            Self::Corrupt { .. }
            | Self::Trailing { .. }
            | Self::Declared { .. }
            | Self::Long { .. }
            | Self::Failed => io::ErrorKind::InvalidData,
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::new(error.kind(), error)
    }
}

impl From<io::Error> for Error {
    /// Takes out the [`Error`] that travels inside, or wraps what the system said.
    fn from(error: io::Error) -> Self {
        error.downcast::<Self>().unwrap_or_else(|source| Self::Io { at: None, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn travels_inside_io_errors() {
        let through = io::Error::from(Error::Trailing { codec: "deflate", at: 7 });
        assert_eq!(through.kind(), io::ErrorKind::InvalidData);
        assert!(matches!(Error::from(through), Error::Trailing { codec: "deflate", at: 7 }));
    }

    #[test]
    fn keeps_what_the_system_said() {
        let error = Error::from(io::Error::from(io::ErrorKind::PermissionDenied));
        assert!(matches!(error, Error::Io { at: None, .. }));
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::PermissionDenied);
    }
}
