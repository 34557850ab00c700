//! Says what is wrong with what was said.

use super::value::Size;
use crate::archive::ShardError;
use crate::text;
use std::io;
use std::path::PathBuf;

/// What is wrong with what was said; exit code 2.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// No archive was named.
    #[error("which archive? Name its directory and the one for the outputs")]
    NoInput,
    /// No output directory was named.
    #[error("where do the outputs go? Name a directory, or say --mode in-place")]
    NoOutput,
    /// The archive is not a directory.
    #[error("{}: {source}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no place for undo files.
    #[error(
        "--backup-dir {}: {source}; undo files would go there, so nothing was changed: make it \
         first (mkdir -p {})",
        path.display(), text::shell_path(path)
    )]
    BackupDir {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The outputs would replace the archive.
    #[error(
        "{}: the outputs would replace the archive; name another directory, or say --mode in-place",
        .0.display()
    )]
    SamePlace(PathBuf),
    /// In-place with a second directory: for outputs, or to be changed, too.
    #[error(
        "{}: --mode in-place changes the files of one directory and makes no others: leave this one \
         out; two archives are changed one after the other, or from the directory above both with \
         --recursive", .0.display()
    )]
    OutputInPlace(PathBuf),
    /// A file where the directory for the outputs is to be.
    #[error(
        "{}: the last path is the directory for the outputs: name one behind the files, or say --mode \
         in-place",
        .0.display()
    )]
    LastIsFile(PathBuf),
    /// A `~` that no shell has expanded.
    #[error(
        "{}: only a shell reads ~ as a home directory, and not between quotes or in a file: write {}",
        path.display(), text::shell_path(meant)
    )]
    Tilde {
        /// As it was said.
        path: PathBuf,
        /// As it was meant.
        meant: PathBuf,
    },
    /// A pattern that cannot be read, or matches nothing.
    #[error("{}: {message}", pattern.display())]
    Pattern {
        /// The pattern.
        pattern: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A file that cannot be named in a journal.
    #[error("{}: its name is not UTF-8, and so it has no name in a journal", .0.display())]
    NotText(PathBuf),
    /// Two flags that exclude each other.
    #[error("{0} and {1} exclude each other: {2}")]
    Conflict(String, String, &'static str),
    /// A flag that needs another.
    #[error("{0} goes with {1} only")]
    Needs(&'static str, &'static str),
    /// A lower bound above its upper bound.
    #[error("--min-workers {min} is more than --max-workers {max}")]
    Bounds {
        /// Lower bound.
        min: usize,
        /// Upper bound.
        max: usize,
    },
    /// A memory limit below what one worker needs.
    #[error(
        "--memory-limit {}: one worker needs {}, so with --safety-margin {margin} the limit \
         must be at least {}{}",
        Size(*limit), text::bytes(*need), text::bytes(*least), unit_hint(*limit)
    )]
    TooLittleMemory {
        /// What was said, in bytes.
        limit: u64,
        /// What one worker needs, in bytes.
        need: u64,
        /// The least limit, in bytes.
        least: u64,
        /// Share of the limit that may be used.
        margin: f64,
    },
    /// A memory limit below what any conversion needs.
    #[error(
        "--memory-limit {limit}: a conversion needs at least {}{}",
        text::bytes(LEAST_MEMORY), unit_hint(*limit)
    )]
    TooLittleForOne {
        /// What was said, in bytes.
        limit: u64,
    },
    /// This build cannot.
    #[error("--verify hdf5 needs a build with libhdf5 (cargo build --features hdf5)")]
    NoHdf5,
    /// There is no such part of the archive.
    #[error(transparent)]
    Shard(#[from] ShardError),
}

/// What `jldconv convert` needs at least, in bytes: a patch of any file takes less than half, its
/// threads' stacks the rest.
pub(super) const LEAST_MEMORY: u64 = 16 << 20;

/// A number without a unit is meant in a larger one.
fn unit_hint(limit: u64) -> String {
    let unit = match limit {
        0..=1024 => "GiB",
        1025..1_048_576 => "MiB",
        _ => return String::new(),
    };
    format!("; {limit} means {limit} bytes: did you mean {limit}{unit}?")
}
