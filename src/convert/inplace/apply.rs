//! Changes the old file into the new one.

use super::InPlace;
use super::error::InPlaceError;
use super::record::{
    Found, LIMIT, MARK, Progress, Record, context, encode_digest, encode_mark, has_left,
    left_digest,
};
use super::rollback::roll_back;
use super::target_file::{Spot, TargetFile, Undo};
use crate::convert::Failure;
use crate::convert::apply::ApplyError;
use crate::migrate::edit::EditList;
use crate::sys::failpoint::{self, Step};
use crate::sys::file::{Identity, set_len, sync, write_at};
use crate::sys::lock;
use crate::sys::origin::Origin;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Carries `edits` out on the file `path` itself and has the result checked by `verify`, which gets
/// the file locked and open for reading and writing, and must not write. An empty list changes
/// nothing and leaves no undo file.
///
/// `planned` is the file's identity when it was read to make `edits`.
///
/// A program that locks files as it opens them (libhdf5 does unless told otherwise) cannot open the
/// file during the check.
///
/// # Errors
/// Refused are files that are links or not regular, changed since the plan, locked, open for writing
/// elsewhere, have several names, or an undo file. If something fails after the first change, or
/// `verify` refuses, the old file is brought back ([`InPlaceError::TakenBack`]); only [`InPlaceError::Stuck`] says that even this
/// failed.
pub fn apply(
    path: &Path,
    planned: &Identity,
    edits: &EditList,
    options: &InPlace,
    verify: &mut dyn FnMut(&File) -> Result<(), Failure>,
) -> Result<(), InPlaceError> {
    let place = TargetFile::open(path, options)?;
    refuse_second(&place)?;
    let file = place.claim(options)?;
    // Somebody may have been faster; from here on nobody begins, as we hold the file's lock.
    refuse_second(&place)?;
    let io = |what, source| InPlaceError::Io { what, path: place.path(), source };
    if Identity::of(&file).map_err(|e| io("look at", e))? != *planned {
        return Err(InPlaceError::ChangedSincePlan { path: place.path() });
    }
    let bad_edit = |source| InPlaceError::Edit { path: place.path(), source };
    edits.check_old(&file).map_err(bad_edit)?;
    if edits.is_empty() {
        return verify(&file).map_err(InPlaceError::Verify);
    }

    let record = make_record(&place, &file, *planned, edits)?;
    let mut undo = write_undo(&place, &file, record)?;
    let at = undo.found.next_mark;
    if has_left(edits) {
        undo.found.next_mark = at.saturating_add(MARK as u64);
    }
    let back = |cause, marked| match roll_back(&place, &file, &undo, marked) {
        Ok(()) => InPlaceError::TakenBack { cause: Box::new(cause) },
        Err(back) => InPlaceError::Stuck { cause: Box::new(cause), back: Box::new(back) },
    };
    place.note(&file, &undo.spot).map_err(|cause| back(cause, false))?;
    append(&file, edits)
        .map_err(bad_edit)
        .and_then(|()| note_digest(&place, &file, &undo, at))
        .and_then(|()| replace(&file, edits).map_err(bad_edit))
        .and_then(|()| verify(&file).map_err(InPlaceError::Verify))
        .map_err(|cause| back(cause, false))?;
    mark_done(&place, &file, &undo).map_err(|cause| back(cause, true))?;
    // Should this fail, the note leads to an undo file that says that the change is complete.
    let _ = place.unnote(&file, false);
    Ok(())
}

/// Refuses where a change was made already.
fn refuse_second(place: &TargetFile) -> Result<(), InPlaceError> {
    let Some((spot, _, found)) = place.peek()? else { return Ok(()) };
    let (path, undo) = (place.path(), place.undo_path(&spot));
    Err(match found.progress {
        Progress::Done(_) => InPlaceError::UndoExists { path, undo },
        Progress::Open | Progress::Back => InPlaceError::Interrupted { path, undo },
    })
}

/// Makes the change complete.
fn mark_done(place: &TargetFile, file: &File, undo: &Undo) -> Result<(), InPlaceError> {
    let io = |what, source| InPlaceError::Io { what, path: place.undo_path(&undo.spot), source };
    let now = Identity::of(file).map_err(|e| io("look at the file of", e))?;
    let mark = encode_mark(Progress::Done(now.mtime));
    write_at(&undo.file, &mark, undo.found.next_mark, Step::DoneWrite)
        .map_err(|e| io("write", e))?;
    sync(&undo.file, Step::DoneSync).map_err(|e| io("sync", e))
}

/// Keeps a digest of what was appended and is not in the undo file, from which undoing knows whether it
/// is still there. All of it is on the disk.
fn note_digest(place: &TargetFile, file: &File, undo: &Undo, at: u64) -> Result<(), InPlaceError> {
    let digest = left_digest(file, &undo.found.record.edits);
    let read = |source| InPlaceError::Io { what: "read", path: place.path(), source };
    let Some(digest) = digest.map_err(read)? else { return Ok(()) };
    let io = |what, source| InPlaceError::Io { what, path: place.undo_path(&undo.spot), source };
    let mark = encode_digest(digest);
    write_at(&undo.file, &mark, at, Step::DigestWrite).map_err(|e| io("write", e))?;
    sync(&undo.file, Step::DigestSync).map_err(|e| io("sync", e))
}

fn make_record(
    place: &TargetFile,
    file: &File,
    old: Identity,
    edits: &EditList,
) -> Result<Record, InPlaceError> {
    let io = |source| InPlaceError::Io { what: "read", path: place.path(), source };
    let junk = edits.file_len() - edits.append_at();
    let too_much = |bytes| InPlaceError::TooMuch { path: place.path(), bytes, limit: LIMIT };
    let len = usize::try_from(junk).ok().filter(|_| junk <= LIMIT);
    let mut tail = vec![0; len.ok_or_else(|| too_much(junk))?];
    file.read_exact_at(&mut tail, edits.append_at()).map_err(io)?;
    Ok(Record {
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        old,
        edits: edits.clone(),
        tail,
        context: context(file, edits).map_err(io)?,
    })
}

/// Writes the undo file under a provisional name, so that under its own it is always whole, and
/// locked from the first moment on.
fn write_undo(place: &TargetFile, file: &File, record: Record) -> Result<Undo, InPlaceError> {
    let owner = place.owner();
    let (bytes, next_mark) = record.encode(&owner).ok_or_else(|| {
        let bytes = (record.tail.len() as u64).saturating_add(record.edits.bytes_appended());
        InPlaceError::TooMuch { path: place.path(), bytes, limit: LIMIT }
    })?;
    // Left by somebody who died before the file was touched: we hold the file's lock.
    place.remove_parts()?;
    let spot = place.new_spot();
    let part = spot.part();
    let undo_dir = place.undo_dir(&spot);
    let undo = undo_dir.create(&part.name, Step::UndoCreate)?;
    fill_undo(place, file, &undo, &bytes, &spot).inspect_err(|_| {
        let _ = undo_dir.remove(&part.name);
    })?;
    failpoint::before(Step::UndoDirSync);
    undo_dir.sync()?;
    failpoint::after(Step::UndoDirSync);
    let progress = Progress::Open;
    let bytes = bytes.len() as u64;
    let found = Found { record, owner: Some(owner), progress, digest: None, next_mark, bytes };
    Ok(Undo { file: undo, found, spot })
}

fn fill_undo(
    place: &TargetFile,
    file: &File,
    undo: &File,
    bytes: &[u8],
    spot: &Spot,
) -> Result<(), InPlaceError> {
    let path = || place.undo_path(spot);
    let io = |what| move |source| InPlaceError::Io { what, path: path(), source };
    if !lock::try_lock(undo).map_err(io("lock"))? {
        return Err(InPlaceError::Busy { path: place.path(), undo: path() });
    }
    write_at(undo, bytes, 0, Step::UndoWrite).map_err(io("write"))?;
    // Who may write the file may undo the change, and nobody reads here who may not read there.
    Origin::of(file).and_then(|origin| origin.protect(undo)).map_err(io("set permissions"))?;
    sync(undo, Step::UndoSync).map_err(io("sync"))?;
    let undo_dir = place.undo_dir(spot);
    failpoint::before(Step::UndoRename);
    undo_dir.rename_new(&spot.part().name, undo_dir, &spot.name)?;
    failpoint::after(Step::UndoRename);
    Ok(())
}

/// Appends, and syncs.
fn append(file: &File, edits: &EditList) -> Result<(), ApplyError> {
    let failed = |offset, len| move |source| ApplyError::Write { offset, len, source };
    edits.each_appended(&mut |offset, bytes| {
        write_at(file, bytes, offset, Step::InPlaceAppend).map_err(failed(offset, bytes.len()))
    })?;
    if edits.new_len() < edits.file_len() {
        let offset = edits.new_len();
        set_len(file, offset, Step::InPlaceTruncate).map_err(failed(offset, 0))?;
    }
    if edits.new_len() != edits.file_len() || !edits.append().is_empty() {
        sync(file, Step::InPlaceSync).map_err(failed(edits.append_at(), 0))?;
    }
    Ok(())
}

/// Replaces, with a sync between each two stages.
fn replace(file: &File, edits: &EditList) -> Result<(), ApplyError> {
    let failed = |offset, len| move |source| ApplyError::Write { offset, len, source };
    for stage in edits.in_stages().chunk_by(|a, b| a.stage == b.stage) {
        let mut offset = edits.append_at();
        for replace in stage {
            let len = replace.new.len();
            offset = replace.offset;
            write_at(file, &replace.new, offset, Step::InPlaceReplace)
                .map_err(failed(offset, len))?;
        }
        sync(file, Step::InPlaceSync).map_err(failed(offset, 0))?;
    }
    Ok(())
}
