//! Tells whether a file and its undo file belong together, and in which state the file is.

use super::error::InPlaceError;
use super::record::{Found, Record, context, left_digest};
use super::target_file::{TargetFile, Undo};
use crate::convert::apply::ApplyError;
use crate::h5::AppendedPiece;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

/// Refuses an undo file that somebody made who could not have changed the file.
pub(super) fn check_hands(
    place: &TargetFile,
    file: &File,
    undo: &Undo,
) -> Result<(), InPlaceError> {
    let file = file.metadata().map_err(|e| read_error(place, e))?;
    let path = || place.undo_path(&undo.spot);
    let made = undo.file.metadata();
    let made = made.map_err(|source| InPlaceError::Io { what: "look at", path: path(), source })?;
    let (maker, us) = (made.uid(), rustix::process::geteuid().as_raw());
    // Whoever may write the file needs no undo file to do so.
    let writable_by_others = file.mode() & 0o022 != 0;
    if writable_by_others || [0, us, file.uid()].contains(&maker) {
        return Ok(());
    }
    Err(InPlaceError::Planted { path: place.path(), undo: path(), maker })
}

/// Whether the file is the old one, as far as the undo file can tell.
pub(super) fn is_old(
    place: &TargetFile,
    file: &File,
    record: &Record,
) -> Result<bool, InPlaceError> {
    match record.edits.check_old(file) {
        Ok(()) => Ok(context_differs(place, file, record)?.is_none()),
        Err(ApplyError::Length { .. } | ApplyError::Bytes { .. }) => Ok(false),
        Err(source) => Err(InPlaceError::Edit { path: place.path(), source }),
    }
}

/// In what the file differs from what a complete change left.
pub(super) fn differs(
    place: &TargetFile,
    file: &File,
    found: &Found,
) -> Result<Option<String>, InPlaceError> {
    let record = &found.record;
    if let Some(what) = context_differs(place, file, record)? {
        return Ok(Some(what));
    }
    // An older undo file has all of them.
    let untold = |piece: &AppendedPiece| matches!(piece, AppendedPiece::Untold(_));
    let untold = record.edits.append().pieces().any(|(_, piece)| untold(piece));
    let digest = if untold { left_digest(file, &record.edits) } else { Ok(found.digest) };
    match digest {
        Ok(digest) if digest == found.digest => {}
        Ok(_) => return Ok(Some("bytes that were appended".to_owned())),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Ok(Some("it is too short".to_owned()));
        }
        Err(error) => return Err(read_error(place, error)),
    }
    match record.edits.check_applied(file) {
        Ok(()) => Ok(None),
        Err(error @ (ApplyError::Length { .. } | ApplyError::Bytes { .. })) => {
            Ok(Some(error.to_string()))
        }
        Err(source) => Err(InPlaceError::Edit { path: place.path(), source }),
    }
}

/// Checks that the file can have come from the old one by any part of the change, or of the way
/// back: each byte that is replaced is the old or the new one, and the length lies between.
pub(super) fn check_between(
    place: &TargetFile,
    file: &File,
    undo: &Undo,
) -> Result<(), InPlaceError> {
    let record = &undo.found.record;
    let edits = &record.edits;
    let changed = |what| {
        let (path, undo) = (place.path(), place.undo_path(&undo.spot));
        InPlaceError::ChangedHalfway { path, undo, what }
    };
    let len = file.metadata().map_err(|e| read_error(place, e))?.len();
    let (old_len, new_len) = (edits.file_len(), edits.new_len());
    if len < old_len.min(new_len) || len > old_len.max(new_len) {
        return Err(changed(format!("it has {len} bytes, neither {old_len} nor {new_len}")));
    }
    if let Some(what) = context_differs(place, file, record)? {
        return Err(changed(what));
    }
    for replace in edits.replace() {
        let mut bytes = vec![0; replace.new.len()];
        file.read_exact_at(&mut bytes, replace.offset).map_err(|e| read_error(place, e))?;
        let mut known = bytes.iter().zip(replace.old.iter().zip(&replace.new));
        if !known.all(|(byte, (old, new))| byte == old || byte == new) {
            return Err(changed(format!("bytes at offset {} ({})", replace.offset, replace.why)));
        }
    }
    Ok(())
}

/// Whether bytes differ that the change leaves alone, and by which the file is known.
fn context_differs(
    place: &TargetFile,
    file: &File,
    record: &Record,
) -> Result<Option<String>, InPlaceError> {
    match context(file, &record.edits) {
        Ok(digest) if digest == record.context => Ok(None),
        Ok(_) => Ok(Some("bytes at its beginning or its old end".to_owned())),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Ok(Some("it is too short".to_owned()))
        }
        Err(error) => Err(read_error(place, error)),
    }
}

fn read_error(place: &TargetFile, source: io::Error) -> InPlaceError {
    InPlaceError::Io { what: "read", path: place.path(), source }
}
