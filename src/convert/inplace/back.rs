//! From the new file, or from anywhere between, back to the old one; and no way back any more.

use super::InPlace;
use super::error::InPlaceError;
use super::place::Place;
use super::record::{Progress, Record, context, encode_mark};
use crate::convert::Failure;
use crate::convert::edit::{ApplyError, State};
use crate::sys::crash::{self, Step};
use crate::sys::file::{FileTime, Identity, set_len, sync, write_at};
use crate::sys::origin::set_times;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What [`recover`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovered {
    /// No undo file: no change was begun, or it was committed.
    Untouched,
    /// A change was complete; the file is the new one and can be undone.
    Complete,
    /// A change was not complete; the file is the old one again.
    TakenBack,
}

/// Brings a file that may have been interrupted in a change to one of its two states. To be called
/// before each new change.
///
/// # Errors
/// As for [`undo`], but that there is no undo file is fine.
pub fn recover(path: &Path, options: &InPlace) -> Result<Recovered, InPlaceError> {
    let place = Place::open(path, options)?;
    let Some((undo, found)) = place.find()? else {
        if place.undo_dir.entry(&place.part_name)?.is_some() {
            // It may belong to a live process, unless we get the file's lock.
            let _file = place.claim(options)?;
            place.undo_dir.remove(&place.part_name)?;
        }
        return Ok(Recovered::Untouched);
    };
    if let Progress::Done(_) = found.progress {
        return Ok(Recovered::Complete);
    }
    let file = place.claim(options)?;
    check_between(&place, &file, &found.record)?;
    roll_back(&place, &file, &undo, &found.record, None)?;
    Ok(Recovered::TakenBack)
}

/// Brings back the old file: its bytes, its length and its modification time. The undo file is
/// removed at the end.
///
/// # Errors
/// [`InPlaceError::NoUndo`] if there is no undo file; [`InPlaceError::ChangedSince`] if the file is
/// neither as the change left it nor, after a crash, between old and new; refusals as for
/// [`apply`](super::apply); what the system says. If it fails half-way, it can be called again.
pub fn undo(path: &Path, options: &InPlace) -> Result<(), InPlaceError> {
    let place = Place::open(path, options)?;
    let Some((undo, found)) = place.find()? else {
        return Err(InPlaceError::NoUndo { path: place.path(), undo: place.undo_path() });
    };
    let file = place.claim(options)?;
    let Progress::Done(mtime) = found.progress else {
        check_between(&place, &file, &found.record)?;
        return roll_back(&place, &file, &undo, &found.record, None);
    };
    let mtime = (!options.ignore_mtime).then_some(mtime);
    // The old file again: somebody put back a copy of it. What is left to do does no harm then.
    if !is_old(&place, &file, &found.record)? {
        check_complete(&place, &file, &found.record, mtime)?;
    }
    roll_back(&place, &file, &undo, &found.record, Some(found.next_mark))
}

/// Makes a complete change final: removes the undo file, if the file is as the change left it and
/// `valid` agrees.
///
/// # Errors
/// [`InPlaceError::Interrupted`] if the change is not complete; refusals and errors as for
/// [`undo`]; what `valid` says. The undo file stays then.
pub fn commit(
    path: &Path,
    options: &InPlace,
    valid: &mut dyn FnMut(&File) -> Result<(), Failure>,
) -> Result<(), InPlaceError> {
    let place = Place::open(path, options)?;
    let Some((_, found)) = place.find()? else {
        return Err(InPlaceError::NoUndo { path: place.path(), undo: place.undo_path() });
    };
    let Progress::Done(_) = found.progress else {
        return Err(InPlaceError::Interrupted { path: place.path() });
    };
    let file = place.claim(options)?;
    check_complete(&place, &file, &found.record, None)?;
    valid(&file).map_err(InPlaceError::Verify)?;
    remove_undo(&place)
}

fn changed(place: &Place, what: impl Into<String>) -> InPlaceError {
    InPlaceError::ChangedSince { path: place.path(), what: what.into() }
}

fn is_old(place: &Place, file: &File, record: &Record) -> Result<bool, InPlaceError> {
    let bad = |source| InPlaceError::Edit { path: place.path(), source };
    Ok(record.edits.state(file).map_err(bad)? == State::Old)
}

/// Checks that the file is exactly as a complete change left it.
fn check_complete(
    place: &Place,
    file: &File,
    record: &Record,
    mtime: Option<FileTime>,
) -> Result<(), InPlaceError> {
    check_context(place, file, record)?;
    match record.edits.check_applied(file) {
        Ok(()) => {}
        Err(error @ (ApplyError::Length { .. } | ApplyError::Bytes { .. })) => {
            return Err(changed(place, error.to_string()));
        }
        Err(source) => return Err(InPlaceError::Edit { path: place.path(), source }),
    }
    let now = Identity::of(file).map_err(|e| read_error(place, e))?.mtime;
    match mtime {
        Some(then) if then != now => Err(changed(place, "its modification time differs")),
        _ => Ok(()),
    }
}

/// Checks that the file can have come from the old one by any part of the change, or of the way
/// back: each byte that is replaced is the old or the new one, and the length lies between.
fn check_between(place: &Place, file: &File, record: &Record) -> Result<(), InPlaceError> {
    let edits = &record.edits;
    let len = file.metadata().map_err(|e| read_error(place, e))?.len();
    let (old_len, new_len) = (edits.file_len(), edits.new_len());
    if len < old_len.min(new_len) || len > old_len.max(new_len) {
        return Err(changed(place, format!("it has {len} bytes, neither {old_len} nor {new_len}")));
    }
    check_context(place, file, record)?;
    for replace in edits.replace() {
        let mut bytes = vec![0; replace.new.len()];
        file.read_exact_at(&mut bytes, replace.offset).map_err(|e| read_error(place, e))?;
        let mut known = bytes.iter().zip(replace.old.iter().zip(&replace.new));
        if !known.all(|(byte, (old, new))| byte == old || byte == new) {
            let what = format!("bytes at offset {} ({})", replace.offset, replace.why);
            return Err(changed(place, what));
        }
    }
    Ok(())
}

fn check_context(place: &Place, file: &File, record: &Record) -> Result<(), InPlaceError> {
    match context(file, &record.edits) {
        Ok(digest) if digest == record.context => Ok(()),
        Ok(_) => Err(changed(place, "bytes at its beginning or its old end")),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(changed(place, "it is too short"))
        }
        Err(error) => Err(read_error(place, error)),
    }
}

fn read_error(place: &Place, source: io::Error) -> InPlaceError {
    InPlaceError::Io { what: "read", path: place.path(), source }
}

/// Goes through the states of the change in reverse, to the old file. Can be repeated from anywhere.
///
/// `complete` tells where a mark goes that takes back an earlier one that the change is complete;
/// `None` if there is no such mark.
pub(super) fn roll_back(
    place: &Place,
    file: &File,
    undo: &File,
    record: &Record,
    complete: Option<u64>,
) -> Result<(), InPlaceError> {
    let io = |what, source| InPlaceError::Io { what, path: place.path(), source };
    let io_undo = |what, source| InPlaceError::Io { what, path: place.undo_path(), source };
    if let Some(at) = complete {
        let mark = encode_mark(Progress::Back);
        write_at(undo, &mark, at, Step::BackMark).map_err(|e| io_undo("write", e))?;
        sync(undo, Step::BackMarkSync).map_err(|e| io_undo("sync", e))?;
    }

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
    crash::before(Step::BackTimes);
    set_times(file, None, record.old.mtime).map_err(|e| io("set the times of", e))?;
    crash::after(Step::BackTimes);
    sync(file, Step::BackSync).map_err(|e| io("sync", e))?;
    remove_undo(place)
}

fn remove_undo(place: &Place) -> Result<(), InPlaceError> {
    crash::before(Step::UndoRemove);
    place.undo_dir.remove(&place.undo_name)?;
    crash::after(Step::UndoRemove);
    place.undo_dir.sync()?;
    Ok(())
}
