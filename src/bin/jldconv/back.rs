//! `jldconv undo` and `jldconv commit`: the way back from an in-place upgrade, and its end.

use super::{Stop, complain, failed, put, usage};
use jldconv::cli::{CommitArgs, UndoArgs};
use jldconv::convert::inplace::{self, InPlace, InPlaceError};
use jldconv::convert::{Failure, Fault};
use jldconv::h5::{File, Source};
use jldconv::supervisor::ExitCode;
use std::path::{Path, PathBuf};

pub(super) fn undo(args: &UndoArgs) -> Result<ExitCode, Stop> {
    let options = InPlace { backup_dir: args.backup_dir.clone(), ..InPlace::default() };
    let mut files = Vec::new();
    for path in &args.paths {
        if path.is_dir() {
            files.extend(inplace::undoable(path, &options).map_err(failed)?);
        } else {
            files.push(path.clone());
        }
    }
    Ok(each(&files, "undone", |path| inplace::undo(path, &options)))
}

pub(super) fn commit(args: &CommitArgs) -> Result<ExitCode, Stop> {
    if !args.dir.is_dir() {
        return Err(usage(format!("{}: no directory", args.dir.display())));
    }
    let options = InPlace { backup_dir: args.backup_dir.clone(), ..InPlace::default() };
    let files = inplace::undoable(&args.dir, &options).map_err(failed)?;
    Ok(each(&files, "final", |path| inplace::commit(path, &options, &mut |_| readable(path))))
}

/// Whether a file is one that our reader opens, before the way back from it is removed.
fn readable(path: &Path) -> Result<(), Failure> {
    let bad = |error: jldconv::h5::Error| {
        Failure::new(Fault::Verify, format!("{}: {error}", path.display()))
    };
    let file = File::from_source(Source::open(path).map_err(bad)?).map_err(bad)?;
    file.object(file.superblock().root).map(|_| ()).map_err(bad)
}

/// Does something to each file; one that fails does not keep it from the others.
fn each(
    files: &[PathBuf],
    done: &str,
    mut what: impl FnMut(&Path) -> Result<(), InPlaceError>,
) -> ExitCode {
    let mut code = if files.is_empty() { ExitCode::Nothing } else { ExitCode::Done };
    if files.is_empty() {
        complain("there are no undo files: nothing to do");
    }
    for path in files {
        match what(path) {
            Ok(()) => put(&format!("{}: {done}\n", path.display())),
            Err(error) => {
                complain(&error.to_string());
                code = ExitCode::SomeFailed;
            }
        }
    }
    code
}
