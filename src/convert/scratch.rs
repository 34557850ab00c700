//! Chooses where lists go that are too long for the memory, what their failure means, and what is told of
//! it: what `h5` leaves to its caller.

use super::FailureKind;
use crate::h5;
use crate::sys::file::is_full;
use crate::sys::file_system::FileSystem;
use crate::sys::process::take_env;
use crate::text;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{PoisonError, RwLock};

/// By which a process tells those that it starts what it was told.
const VARIABLE: &str = "JLDCONV_WORKER_SCRATCH";

/// The directory that the user named.
static NAMED: RwLock<Option<PathBuf>> = RwLock::new(None);

/// No file can be made in the directory that was named.
#[derive(Debug, thiserror::Error)]
#[error(
    "--scratch {}: no file can be made there: {source}; name a directory with room, on a disk",
    text::path(directory)
)]
pub struct ScratchError {
    directory: PathBuf,
    source: io::Error,
}

/// Lists that are too long for the memory go to files in `directory`, for the whole process and those
/// that it starts, whatever else would be chosen.
///
/// # Errors
/// No file can be made there.
pub fn name(directory: &Path) -> Result<(), ScratchError> {
    let error = |source| ScratchError { directory: directory.to_owned(), source };
    let absolute = std::path::absolute(directory).map_err(error)?;
    h5::try_scratch_directory(&absolute).map_err(error)?;
    take(absolute);
    Ok(())
}

fn take(directory: PathBuf) {
    h5::set_scratch_directory(Some(directory.clone()));
    *NAMED.write().unwrap_or_else(PoisonError::into_inner) = Some(directory);
}

fn named() -> Option<PathBuf> {
    NAMED.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// From now on such lists go beside an output, where its temporary file is made; where that is not
/// there, to the system's directory for temporary files. A directory that was named stays.
pub fn beside_output(temp_dir: &Path) {
    if named().is_none() {
        h5::prefer_scratch_directory(temp_dir.to_owned());
    }
}

/// Tells `command`, a process of this program, what this one was told.
pub fn hand_on(command: &mut Command) {
    if let Some(directory) = named() {
        command.env(VARIABLE, directory);
    }
}

/// Takes what [`hand_on`] told. To be called at the start of `main`, before there are threads.
pub fn inherit() {
    if let Some(directory) = take_env(OsStr::new(VARIABLE)) {
        take(directory.into());
    }
    obey_test();
}

/// The variable by which tests make lists of small files too long for the memory, in bytes.
#[cfg(feature = "fault")]
pub const BUDGET: &str = "JLDCONV_SCRATCH_BUDGET";

/// Obeys [`BUDGET`] in a build for tests.
pub fn obey_test() {
    #[cfg(feature = "fault")]
    if let Some(budget) = std::env::var(BUDGET).ok().and_then(|text| text.parse().ok()) {
        h5::set_scratch_budget(budget);
    }
}

/// What is at fault where a list could not be kept in `directory`: the place, never the file that was
/// read. Where that is the output's own, a full disk is waited for.
pub(super) fn fault(directory: &Path, error: &io::Error) -> FailureKind {
    let own = named().is_none() && directory.ends_with(".jldconv/tmp");
    if own && is_full(error) { FailureKind::Full } else { FailureKind::Output }
}

/// Bytes of lists that went to files in memory since the process began, and where; none where nothing
/// did.
pub fn in_memory() -> Option<(PathBuf, u64)> {
    let (directory, bytes) = h5::scratch_spilled()?;
    FileSystem::of(&directory).is_ok_and(|it| it.memory).then_some((directory, bytes))
}

/// What is told, once, where lists went to files in memory.
pub fn told() -> Option<String> {
    let (directory, bytes) = in_memory()?;
    Some(format!(
        "lists that were too long for the memory, {}, went to {}, which is memory as well (tmpfs): \
         --scratch DIR, on a disk, keeps that free",
        text::bytes(bytes),
        text::path(&directory)
    ))
}
