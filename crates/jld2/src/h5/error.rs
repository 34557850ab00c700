//! Says what can be wrong with a container: always with the offset, where one is known.

use std::io;

/// Result of this room.
pub type Result<T> = std::result::Result<T, Error>;

/// Something in the file is not as it must be.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    offset: Option<u64>,
    object: Option<String>,
    /// Whether a checksum is all that is wrong.
    checksum: bool,
    /// Whether it costs one dataset and nothing else.
    dataset: bool,
}

/// The kinds of [`Error`].
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system could not read.
    Io(io::Error),
    /// The bytes contradict the format.
    Corrupt {
        /// What was being read.
        what: String,
        /// What the format asks for.
        expected: String,
        /// What was there.
        found: String,
    },
    /// Valid perhaps, but nothing that JLD2 writes.
    Foreign {
        /// What it is.
        what: String,
    },
    /// Filtered data that cannot be decoded.
    Payload(Box<dyn std::error::Error + Send + Sync>),
    /// What was read could not be handed on.
    Output(io::Error),
    /// A list that is too long for the memory could not be put into a file, or read again.
    Scratch {
        /// Where the file is.
        directory: std::path::PathBuf,
        /// Bytes that were written to it before.
        written: u64,
        /// Bytes that are free there, if that is known.
        free: Option<u64>,
        /// What the system said.
        error: io::Error,
    },
    /// Whoever asked does not want to know any more.
    Cancelled,
    /// More than one is ready to hold.
    TooLarge {
        /// What is too large.
        what: String,
        /// What it may come to.
        limit: String,
    },
    /// What was asked for is not there.
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// What was asked for is something else.
    OtherKind {
        /// What was asked for.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The file was never closed: what JLD2 writes on closing, its header, is missing.
    Unclosed {
        /// What there is instead.
        found: String,
        /// Whether anything could be rescued, as far as was looked.
        rescuable: bool,
    },
    /// Not a JLD2 file at all.
    NotJld2 {
        /// What it looks like instead.
        reason: String,
    },
}

impl Error {
    /// The bytes at `offset` contradict the format.
    pub fn corrupt(
        offset: u64,
        what: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::new(
            ErrorKind::Corrupt {
                what: shortened(what.into()),
                expected: shortened(expected.into()),
                found: shortened(found.into()),
            },
            Some(offset),
        )
    }

    /// A feature at `offset` that no JLD2 writes.
    pub fn foreign(offset: u64, what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Foreign { what: shortened(what.into()) }, Some(offset))
    }

    /// A file whose writer was killed; its data begin at `offset`.
    pub fn unclosed(offset: u64, found: impl Into<String>, rescuable: bool) -> Self {
        Self::new(ErrorKind::Unclosed { found: found.into(), rescuable }, Some(offset))
    }

    /// A file that cannot be opened.
    pub fn cannot_open(error: std::io::Error) -> Self {
        Self::new(ErrorKind::Io(error), None)
    }

    /// A checksum at `offset` that is not that of the bytes it is about.
    pub fn checksum(offset: u64, what: &str, computed: u32, stored: u32) -> Self {
        let [computed, stored] = [computed, stored].map(|sum| format!("{sum:#010x}"));
        let mut error = Self::corrupt(offset, format!("{what} checksum"), computed, stored);
        error.0.checksum = true;
        error
    }

    /// Whether a checksum is all that is wrong, so that the file may be readable without it.
    pub fn is_checksum(&self) -> bool {
        self.0.checksum
    }

    /// Whether it is about something that JLD2 does not write, and not about damage.
    pub fn is_foreign(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Foreign { .. })
    }

    /// Whether it is about the header of one dataset, which leads to nothing that others need: all
    /// other objects can be read as if the dataset were not there.
    pub fn is_foreign_dataset(&self) -> bool {
        self.is_foreign() && self.0.dataset
    }

    /// It is about the header of one dataset, or is not.
    pub(in crate::h5) fn of_dataset(mut self, dataset: bool) -> Self {
        self.0.dataset = dataset;
        self
    }

    /// Something would take more than `limit`.
    pub fn too_large(what: impl Into<String>, limit: impl Into<String>) -> Self {
        Self::new(ErrorKind::TooLarge { what: what.into(), limit: limit.into() }, None)
    }

    /// Something at `offset` takes more than `limit`.
    pub fn too_large_at(offset: u64, what: impl Into<String>, limit: impl Into<String>) -> Self {
        let kind = ErrorKind::TooLarge { what: what.into(), limit: limit.into() };
        Self::new(kind, Some(offset))
    }

    /// There is no such thing in the file.
    pub fn not_found(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound { what: shortened(what.into()) }, None)
    }

    /// The object at `offset` is not what was asked for.
    pub fn other_kind(offset: u64, expected: impl Into<String>, found: impl Into<String>) -> Self {
        let (expected, found) = (shortened(expected.into()), shortened(found.into()));
        Self::new(ErrorKind::OtherKind { expected, found }, Some(offset))
    }

    /// Not a JLD2 file.
    pub fn not_jld2(reason: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotJld2 { reason: shortened(reason.into()) }, None)
    }

    /// The operating system failed to read at `offset`.
    pub fn io(offset: u64, error: io::Error) -> Self {
        Self::new(ErrorKind::Io(error), Some(offset))
    }

    /// The data that start at `offset` cannot be decoded.
    pub fn payload(
        offset: u64,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::new(ErrorKind::Payload(error.into()), Some(offset))
    }

    /// Whoever asked does not want to know any more.
    pub fn cancelled() -> Self {
        Self::new(ErrorKind::Cancelled, None)
    }

    /// What was read could not be handed on.
    pub fn output(error: io::Error) -> Self {
        Self::new(ErrorKind::Output(error), None)
    }

    /// The file in `directory` for a list that is too long for the memory failed.
    pub(in crate::h5) fn scratch(
        directory: &std::path::Path,
        written: u64,
        error: io::Error,
    ) -> Self {
        let free = rustix::fs::statvfs(directory).ok();
        let free = free.map(|free| free.f_bavail.saturating_mul(free.f_frsize));
        let directory = directory.to_owned();
        Self::new(ErrorKind::Scratch { directory, written, free, error }, None)
    }

    fn new(kind: ErrorKind, offset: Option<u64>) -> Self {
        Self(Box::new(Inner { kind, offset, object: None, checksum: false, dataset: false }))
    }

    /// What kind of error it is.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Whether it says nothing of the file: the system could not read it, or could not keep what was
    /// read.
    pub fn is_of_system(&self) -> bool {
        matches!(self.kind(), ErrorKind::Io(_) | ErrorKind::Scratch { .. })
    }

    /// The byte of the file that it is about.
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
    }

    /// Says what else is amiss with something that JLD2 does not write.
    pub(in crate::h5) fn also(mut self, note: &str) -> Self {
        if let ErrorKind::Foreign { what } = &mut self.0.kind {
            what.push_str("; ");
            what.push_str(note);
        }
        self
    }

    /// Names the object that was being read; the innermost name stays.
    #[must_use]
    pub fn in_object(mut self, path: &str) -> Self {
        if self.0.object.is_none() {
            self.0.object = Some(shortened(path.to_owned()));
        }
        self
    }
}

/// Names in a damaged file can be as long as the file.
fn shortened(mut text: String) -> String {
    const MOST: usize = 300;
    if text.len() > MOST {
        let end = (0..=MOST).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(object) = &self.0.object {
            write!(f, "{object}: ")?;
        }
        let placed = !matches!(self.0.kind, ErrorKind::Unclosed { .. });
        if let Some(offset) = self.0.offset.filter(|_| placed) {
            write!(f, "at byte {offset}: ")?;
        }
        match &self.0.kind {
            ErrorKind::Io(error) => write!(f, "cannot read: {error}"),
            ErrorKind::Corrupt { what, expected, found } => {
                write!(f, "{what}: expected {expected}, found {found}")
            }
            ErrorKind::Foreign { what } => write!(f, "not written by JLD2: {what}"),
            ErrorKind::TooLarge { what, limit } => write!(f, "{what}: takes more than {limit}"),
            ErrorKind::NotFound { what } => write!(f, "there is no {what}"),
            ErrorKind::OtherKind { expected, found } => {
                write!(f, "asked for {expected}, found {found}")
            }
            ErrorKind::Cancelled => write!(f, "cancelled"),
            ErrorKind::Output(error) => write!(f, "cannot write: {error}"),
            ErrorKind::Scratch { directory, written, free, error } => {
                let directory = directory.display();
                write!(
                    f,
                    "cannot keep a list that is too long for the memory in a file in {directory}: \
                     {error}; {written} bytes of it are written"
                )?;
                free.map_or(Ok(()), |free| write!(f, ", {free} bytes are free"))
            }
            ErrorKind::Payload(error) => write!(f, "cannot decode the data: {error}"),
            ErrorKind::Unclosed { found, .. } => {
                write!(f, "its writer was killed before the file was closed: {found}")
            }
            ErrorKind::NotJld2 { reason } => write!(f, "not a JLD2 file: {reason}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.kind {
            ErrorKind::Io(error) | ErrorKind::Output(error) | ErrorKind::Scratch { error, .. } => {
                Some(error)
            }
            ErrorKind::Payload(error) => Some(error.as_ref()),
            ErrorKind::Cancelled
            | ErrorKind::TooLarge { .. }
            | ErrorKind::NotFound { .. }
            | ErrorKind::OtherKind { .. }
            | ErrorKind::Corrupt { .. }
            | ErrorKind::Foreign { .. }
            | ErrorKind::Unclosed { .. }
            | ErrorKind::NotJld2 { .. } => None,
        }
    }
}
