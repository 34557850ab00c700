//! Says what went wrong in a directory.

use crate::text::shell_path;
use std::io;
use std::path::{Path, PathBuf};

/// What went wrong in a directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirError {
    /// A path leads out of the directory it was to stay in, or is not a plain name.
    #[error("{}: not a plain name below {}", path.display(), dir.display())]
    Escapes {
        /// The directory.
        dir: PathBuf,
        /// The path.
        path: PathBuf,
    },
    /// The name is taken.
    #[error("{}: exists already", path.display())]
    Exists {
        /// The path that is taken.
        path: PathBuf,
    },
    /// A symbolic link where none is followed.
    #[error("{}: is a symbolic link", path.display())]
    Link {
        /// Path of the link.
        path: PathBuf,
    },
    /// Something other than a regular file.
    #[error("{}: not a regular file", path.display())]
    NotAFile {
        /// Path of that thing.
        path: PathBuf,
    },
    /// A directory of our own that belongs to somebody else.
    #[error(
        "{}: belongs to {owner}, and what others have prepared there is not trusted: run as that \
         user, choose another output directory, or move it away (outputs are then examined again)",
        path.display()
    )]
    Foreign {
        /// Path of the directory.
        path: PathBuf,
        /// Its owner, for people.
        owner: String,
    },
    /// A directory of our own in which others may write.
    #[error(
        "{}: its mode {mode:04o} lets others write there, and what they have prepared is not \
         trusted: if nobody did, `chmod go-w {}`; else choose another output directory",
        path.display(), shell_path(path)
    )]
    Shared {
        /// Path of the directory.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A name stands for another file than the one that was written under it.
    #[error("{}: is no longer the file that was written here", path.display())]
    Swapped {
        /// The path.
        path: PathBuf,
    },
    /// The system said no.
    #[error("{}: cannot {what}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

impl DirError {
    /// Whether the system said that there is nothing under this name.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// What the system said when `what` was tried on `path`.
pub(super) fn io_error(what: &'static str, path: &Path, source: impl Into<io::Error>) -> DirError {
    DirError::Io { what, path: path.to_owned(), source: source.into() }
}
