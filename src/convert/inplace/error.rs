//! Says why a file could not be changed in place, or not be brought back.

use crate::convert::apply::ApplyError;
use crate::convert::{Failure, FailureKind};
use crate::sys::dir::DirError;
use crate::sys::file::is_full;
use std::io;
use std::path::PathBuf;

/// Why a file could not be changed in place, or not be brought back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InPlaceError {
    /// The path names no file.
    #[error("{}: not the name of a file", path.display())]
    NoName {
        /// That path.
        path: PathBuf,
    },
    /// Somebody holds a lock on the file.
    #[error("{}: is locked by another program", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// Somebody has the file open for writing.
    #[error("{}: another program has it open for writing", path.display())]
    OpenForWriting {
        /// The file.
        path: PathBuf,
    },
    /// The file has further names, whose readers would see the change, too.
    #[error("{}: has {links} names (hard links), and all of them would change", path.display())]
    HardLinked {
        /// The file.
        path: PathBuf,
        /// How many names it has.
        links: u64,
    },
    /// The file is not the one for which the change was planned.
    #[error("{}: changed since its conversion was planned", path.display())]
    ChangedSincePlan {
        /// The file.
        path: PathBuf,
    },
    /// An earlier change can still be undone.
    #[error(
        "{}: was changed in place before; `jldconv undo` takes that back, `jldconv commit` makes \
         it final (undo file {})", path.display(), undo.display()
    )]
    UndoExists {
        /// The file.
        path: PathBuf,
        /// Its undo file.
        undo: PathBuf,
    },
    /// An earlier change was interrupted.
    #[error(
        "{}: an earlier change in place was interrupted; `jldconv undo` takes it back, and so does \
         a run with --mode in-place (undo file {})", path.display(), undo.display()
    )]
    Interrupted {
        /// The file.
        path: PathBuf,
        /// Its undo file.
        undo: PathBuf,
    },
    /// Somebody else is at work.
    #[error(
        "{}: another process is changing it in place or taking that back at this moment (it holds \
         the lock of {})", path.display(), undo.display()
    )]
    Busy {
        /// The file.
        path: PathBuf,
        /// Its undo file.
        undo: PathBuf,
    },
    /// Under the name of its undo file lies another file's.
    #[error(
        "{}: the undo file {} belongs to another file: {}",
        path.display(), undo.display(), owner.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The undo file.
        undo: PathBuf,
        /// Whose it is.
        owner: PathBuf,
    },
    /// The undo file was made by somebody who may not write the file.
    #[error(
        "{}: the undo file {} was made by user {maker}, who may not write the file: it is not \
         used; remove it if you do not know it", path.display(), undo.display()
    )]
    Planted {
        /// The file.
        path: PathBuf,
        /// The undo file.
        undo: PathBuf,
        /// Number of the user who made it.
        maker: u32,
    },
    /// There is an undo file, but no file.
    #[error(
        "{}: is not there any more; if that is meant to be so, remove its undo file {}",
        path.display(), undo.display()
    )]
    Gone {
        /// The file.
        path: PathBuf,
        /// Its undo file.
        undo: PathBuf,
    },
    /// There is nothing from which to undo.
    #[error(
        "{}: no undo file {} (a change that was made with --backup-dir is undone with it, too)",
        path.display(), undo.display()
    )]
    NoUndo {
        /// The file.
        path: PathBuf,
        /// Where its undo file would be.
        undo: PathBuf,
    },
    /// The undo file is not as it was written; it and the file are left alone.
    #[error("{}: damaged undo file: {what}", undo.display())]
    Damaged {
        /// The undo file.
        undo: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Somebody else changed the file after us; undoing would spoil that.
    #[error(
        "{}: changed by another program after its conversion in place: {what}. It is left alone; \
         `jldconv commit` keeps it as it is and removes the undo file {}",
        path.display(), undo.display()
    )]
    ChangedSince {
        /// The file.
        path: PathBuf,
        /// Its undo file.
        undo: PathBuf,
        /// What differs.
        what: String,
    },
    /// Somebody else changed the file after our change was interrupted.
    #[error(
        "{}: a change in place was interrupted, and then another program changed the file: {what}. \
         It is left alone: restore it from a copy, or, if `jldconv inspect` finds it whole, remove \
         the undo file {}", path.display(), undo.display()
    )]
    ChangedHalfway {
        /// The file.
        path: PathBuf,
        /// Its undo file.
        undo: PathBuf,
        /// What differs.
        what: String,
    },
    /// A change was begun with a backup directory, and its undo file is not there.
    #[error(
        "{}: a change in place was begun, and its undo file is not in {} any more: the file may be \
         half changed. Name the directory where it is now (`jldconv undo --backup-dir DIR`), or \
         restore the file from a copy; a file that is known to be whole loses the mark with \
         `setfattr -x {}`", path.display(), dir.display(), crate::sys::note::NAME
    )]
    Lost {
        /// The file.
        path: PathBuf,
        /// Where its undo file was.
        dir: PathBuf,
    },
    /// More bytes would have to be saved than an undo file may hold.
    #[error("{}: {bytes} bytes to save for undo, more than {limit}", path.display())]
    TooMuch {
        /// The file.
        path: PathBuf,
        /// How many bytes.
        bytes: u64,
        /// How many may be.
        limit: u64,
    },
    /// The file does not fit its edit list.
    #[error("{}: {source}", path.display())]
    Edit {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        source: ApplyError,
    },
    /// The changed file failed its check.
    #[error("{0}")]
    Verify(Failure),
    /// A change failed half-way, or the changed file its check, and the file is the old one again.
    #[error("{cause}; the old bytes were put back")]
    TakenBack {
        /// Why.
        cause: Box<InPlaceError>,
    },
    /// A change failed half-way, and so did taking it back. The undo file is still there.
    #[error("{cause}; taking the change back failed, too: {back}; undo file kept")]
    Stuck {
        /// Why the change failed.
        cause: Box<InPlaceError>,
        /// Why taking it back failed.
        back: Box<InPlaceError>,
    },
    /// Something in a directory went wrong.
    #[error(transparent)]
    Dir(#[from] DirError),
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

impl InPlaceError {
    fn fault(&self) -> FailureKind {
        match self {
            Self::NoName { .. }
            | Self::ChangedSincePlan { .. }
            | Self::NoUndo { .. }
            | Self::Gone { .. }
            | Self::Damaged { .. }
            | Self::Foreign { .. }
            | Self::Planted { .. }
            | Self::ChangedSince { .. }
            | Self::ChangedHalfway { .. }
            | Self::Edit { source: ApplyError::Length { .. } | ApplyError::Bytes { .. }, .. }
            | Self::Dir(DirError::Link { .. } | DirError::NotAFile { .. }) => FailureKind::Input,
            Self::HardLinked { .. } | Self::UndoExists { .. } | Self::TooMuch { .. } => {
                FailureKind::Unsupported
            }
            Self::Edit { source: ApplyError::Write { source, .. }, .. }
            | Self::Io { source, .. }
            | Self::Dir(DirError::Io { source, .. })
                if is_full(source) =>
            {
                FailureKind::Full
            }
            Self::Interrupted { .. } | Self::Busy { .. } | Self::Lost { .. } => {
                FailureKind::Unfinished
            }
            Self::Locked { .. }
            | Self::OpenForWriting { .. }
            | Self::Edit { .. }
            | Self::Dir(_)
            | Self::Io { .. } => FailureKind::Output,
            Self::Verify(failure) => failure.fault,
            Self::TakenBack { cause } | Self::Stuck { cause, .. } => cause.fault(),
        }
    }
}

impl From<InPlaceError> for Failure {
    fn from(error: InPlaceError) -> Self {
        let fault = error.fault();
        Self::new(fault, error.to_string())
    }
}
