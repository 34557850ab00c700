//! Brings the new file, or anything between, back to the old one; or makes the change final.

use super::InPlace;
use super::check::{check_between, check_hands, differs, is_old};
use super::error::InPlaceError;
use super::record::{Progress, encode_mark};
use super::target_file::{TargetFile, Undo};
use crate::convert::Failure;
use crate::sys::failpoint::{self, Step};
use crate::sys::file::{set_len, sync, write_at};
use crate::sys::origin::set_times;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::path::Path;

/// What [`recover`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovered {
    /// No undo file: no change was begun, or it was committed.
    Untouched,
    /// A change is complete; the file is the new one and can be undone.
    Complete(Earlier),
    /// A change was not complete, or somebody has put the old file back; the file is the old one.
    TakenBack,
}

/// A change that was complete already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// Size of the file before it, in bytes.
    pub bytes_in: u64,
    /// Bytes that it appended.
    pub bytes_appended: u64,
    /// Bytes that it replaced.
    pub bytes_replaced: u64,
}

/// Brings a file that may have been interrupted in a change to one of its two states. To be called
/// before each new change, and before the file is read for one.
///
/// # Errors
/// As for [`undo`], but that there is no undo file is fine.
pub fn recover(path: &Path, options: &InPlace) -> Result<Recovered, InPlaceError> {
    recover_from(path, options, TargetFile::take)
}

/// As [`recover`], and if there is no undo file where it belongs, with one in the backup directory
/// that was written when the file's directory had another path. Reads the whole directory.
///
/// # Errors
/// As for [`recover`].
pub fn recover_moved(path: &Path, options: &InPlace) -> Result<Recovered, InPlaceError> {
    recover_from(path, options, TargetFile::take_wherever)
}

fn recover_from(
    path: &Path,
    options: &InPlace,
    take: fn(&TargetFile) -> Result<Option<Undo>, InPlaceError>,
) -> Result<Recovered, InPlaceError> {
    let place = TargetFile::open(path, options)?;
    let Some(undo) = take(&place)? else {
        if place.has_parts()? {
            let _file = place.claim(options)?;
            // A process that was faster has taken it for its own, and has an undo file now.
            if place.peek()?.is_none() {
                place.remove_parts()?;
            }
        }
        return Ok(Recovered::Untouched);
    };
    let record = &undo.found.record;
    if let Progress::Done(_) = undo.found.progress {
        if !is_old(&place, &place.reader()?, record)? {
            if place.is_noted()
                && let Ok(file) = place.claim(options)
            {
                let _ = place.unnote(&file, false);
            }
            return Ok(Recovered::Complete(Earlier {
                bytes_in: record.edits.file_len(),
                bytes_appended: record.edits.bytes_appended(),
                bytes_replaced: record.edits.bytes_replaced(),
            }));
        }
        let file = claim_for(&place, &undo, options)?;
        // Somebody put back a copy of the old file.
        if is_old(&place, &file, record)? {
            remove_undo(&place, &file, &undo)?;
        }
        return Ok(Recovered::TakenBack);
    }
    let file = claim_for(&place, &undo, options)?;
    check_between(&place, &file, &undo)?;
    roll_back(&place, &file, &undo, false)?;
    Ok(Recovered::TakenBack)
}

/// Brings back the old file: its bytes, its length and its modification time. The undo file is
/// removed at the end. Bytes decide whether the file is as the change left it, not its times.
///
/// # Errors
/// [`InPlaceError::NoUndo`] if there is no undo file; [`InPlaceError::ChangedSince`] if the file is
/// neither as the change left it nor, after a crash, between old and new; refusals as for
/// [`apply`](crate::convert::inplace::apply); what the system says. If it fails half-way, it can be called again.
pub fn undo(path: &Path, options: &InPlace) -> Result<(), InPlaceError> {
    let place = TargetFile::open(path, options)?;
    let undo = place.take_wherever()?.ok_or_else(|| no_undo(&place))?;
    let file = claim_for(&place, &undo, options)?;
    let Progress::Done(_) = undo.found.progress else {
        check_between(&place, &file, &undo)?;
        return roll_back(&place, &file, &undo, false);
    };
    // The old file again: somebody put back a copy of it. What is left to do does no harm then.
    if !is_old(&place, &file, &undo.found.record)?
        && let Some(what) = differs(&place, &file, &undo.found)?
    {
        let (path, undo) = (place.path(), place.undo_path(&undo.spot));
        return Err(InPlaceError::ChangedSince { path, undo, what });
    }
    roll_back(&place, &file, &undo, true)
}

/// Removes what a change left that was killed before the first byte of the file at `path` was written: an
/// undo file that never was complete. Gives whether there was any.
///
/// # Errors
/// Refusals as for [`apply`](crate::convert::inplace::apply), if there is any; what the system says.
pub fn remove_begun(path: &Path, options: &InPlace) -> Result<bool, InPlaceError> {
    let place = TargetFile::open(path, options)?;
    if !place.has_parts()? {
        return Ok(false);
    }
    // Whoever is at work holds it.
    let _file = place.claim(&InPlace { allow_hard_links: true, ..options.clone() })?;
    place.remove_parts()?;
    Ok(true)
}

/// What [`commit`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Size of the undo file that was removed, in bytes.
    pub undo_bytes: u64,
    /// In what the file differs from what the change left; none as a rule.
    pub changed: Option<String>,
}

/// Makes a complete change final: removes the undo file, if `valid` agrees to the file. A file that
/// was changed since stays as it is.
///
/// # Errors
/// [`InPlaceError::Interrupted`] if the change is not complete; refusals and errors as for
/// [`undo`]; what `valid` says. The undo file stays then.
pub fn commit(
    path: &Path,
    options: &InPlace,
    valid: &mut dyn FnMut(&File) -> Result<(), Failure>,
) -> Result<Committed, InPlaceError> {
    let place = TargetFile::open(path, options)?;
    let undo = place.take_wherever()?.ok_or_else(|| no_undo(&place))?;
    let Progress::Done(_) = undo.found.progress else {
        let (path, undo) = (place.path(), place.undo_path(&undo.spot));
        return Err(InPlaceError::Interrupted { path, undo });
    };
    let file = claim_for(&place, &undo, options)?;
    let changed = differs(&place, &file, &undo.found)?;
    valid(&file).map_err(InPlaceError::Verify)?;
    remove_undo(&place, &file, &undo)?;
    Ok(Committed { undo_bytes: undo.found.bytes, changed })
}

/// Opens the file of an undo file alone, and makes sure that the undo file may be used.
fn claim_for(place: &TargetFile, undo: &Undo, options: &InPlace) -> Result<File, InPlaceError> {
    let file = place.claim(options).map_err(|error| match error {
        InPlaceError::Dir(error) if error.is_missing() => {
            InPlaceError::Gone { path: place.path(), undo: place.undo_path(&undo.spot) }
        }
        error => error,
    })?;
    check_hands(place, &file, undo)?;
    Ok(file)
}

fn no_undo(place: &TargetFile) -> InPlaceError {
    InPlaceError::NoUndo { path: place.path(), undo: place.undo_path(&place.new_spot()) }
}

/// Goes through the states of the change in reverse, to the old file. Can be repeated from anywhere.
///
/// `marked` tells that there may be a mark that the change is complete, which is taken back first.
pub(super) fn roll_back(
    place: &TargetFile,
    file: &File,
    undo: &Undo,
    marked: bool,
) -> Result<(), InPlaceError> {
    let io = |what, source| InPlaceError::Io { what, path: place.path(), source };
    if marked {
        let io = |what| {
            move |source| InPlaceError::Io { what, path: place.undo_path(&undo.spot), source }
        };
        let mark = encode_mark(Progress::Back);
        write_at(&undo.file, &mark, undo.found.next_mark, Step::BackMark).map_err(io("write"))?;
        sync(&undo.file, Step::BackMarkSync).map_err(io("sync"))?;
    }

    let record = &undo.found.record;
    let edits = &record.edits;
    let stages = edits.in_stages();
    let stages: Vec<_> = stages.chunk_by(|a, b| a.stage == b.stage).collect();
    for stage in stages.into_iter().rev() {
        for replace in stage.iter().rev() {
            write_at(file, &replace.old, replace.offset, Step::BackReplace)
                .map_err(|e| io("write", e))?;
        }
        sync(file, Step::BackSync).map_err(|e| io("sync", e))?;
    }
    if !record.tail.is_empty() {
        write_at(file, &record.tail, edits.append_at(), Step::BackTail)
            .map_err(|e| io("write", e))?;
    }
    set_len(file, edits.file_len(), Step::BackTruncate).map_err(|e| io("cut", e))?;
    failpoint::before(Step::BackTimes);
    set_times(file, None, record.old.mtime).map_err(|e| io("set the times of", e))?;
    failpoint::after(Step::BackTimes);
    sync(file, Step::BackSync).map_err(|e| io("sync", e))?;
    remove_undo(place, file, undo)
}

/// Removes the undo file, but first what may be noted of it on the file.
fn remove_undo(place: &TargetFile, file: &File, undo: &Undo) -> Result<(), InPlaceError> {
    place.unnote(file, true)?;
    let undo_dir = place.undo_dir(&undo.spot);
    failpoint::before(Step::UndoRemove);
    undo_dir.remove(&undo.spot.name)?;
    failpoint::after(Step::UndoRemove);
    undo_dir.sync()?;
    Ok(())
}
