//! Carries out `jldconv undo` and `jldconv commit`, which take an upgrade in place back or make it
//! final.

use super::look::dirs;
use super::{Stop, complain, failed, put, usage};
use jldconv::archive::directories;
use jldconv::cli::{CommitArgs, Dialogue, UndoArgs};
use jldconv::convert::inplace::{self, Committed, InPlace, InPlaceError};
use jldconv::convert::{Failure, FailureKind};
use jldconv::h5::{File, Source};
use jldconv::report::columns;
use jldconv::supervisor::ExitCode;
use jldconv::text;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

pub(super) fn undo(args: &UndoArgs) -> Result<ExitCode, Stop> {
    let options = InPlace { backup_dir: args.backup_dir.clone(), ..InPlace::default() };
    let look = |dir: &Path| {
        let mut found = inplace::undoable(dir, &options)?;
        found.extend(inplace::begun(dir, &options)?);
        found.sort();
        found.dedup();
        Ok(found)
    };
    let (files, all) = files(&args.paths, args.recursive, &look)?;
    let code = each(&files, |path| {
        let undone = inplace::undo(path, &options);
        let begun = matches!(&undone, Ok(()) | Err(InPlaceError::NoUndo { .. }));
        match (undone, begun && inplace::remove_begun(path, &options)?) {
            (Ok(()), _) => Ok("undone".to_owned()),
            (Err(_), true) => {
                Ok("is the old file: a change was begun and not a byte changed; what \
                                  was left of it is removed"
                    .to_owned())
            }
            (Err(error), false) => Err(error),
        }
    });
    Ok(if all { code } else { ExitCode::SomeFailed })
}

pub(super) fn commit(args: &CommitArgs) -> Result<ExitCode, Stop> {
    let options = InPlace { backup_dir: args.backup_dir.clone(), ..InPlace::default() };
    if let Some(path) = args.paths.iter().find(|path| path.symlink_metadata().is_err()) {
        return Err(usage(format!("{}: no such file or directory", path.display())));
    }
    let look = |dir: &Path| inplace::undoable(dir, &options);
    let (files, all) = files(&args.paths, args.recursive, &look)?;
    let somebody = io::stdin().is_terminal() && io::stderr().is_terminal();
    if somebody && !args.yes && !files.is_empty() {
        let mut dialogue = Dialogue {
            input: io::stdin().lock(),
            output: io::stderr(),
            columns: columns(&io::stderr()),
        };
        if !dialogue.confirm(&question(&files, &options)).map_err(failed)? {
            let _ = writeln!(io::stderr(), "nothing was done");
            return Ok(ExitCode::Done);
        }
    }
    let (mut count, mut bytes) = (0, 0_u64);
    let code = each(&files, |path| {
        let Committed { undo_bytes, changed } =
            inplace::commit(path, &options, &mut |_| readable(path))?;
        count += 1;
        bytes = bytes.saturating_add(undo_bytes);
        Ok(match changed {
            None => "final".to_owned(),
            Some(what) => {
                format!("final, as another program changed it after its conversion ({what})")
            }
        })
    });
    if count > 0 {
        put(&format!("{} removed ({})\n", text::count(count, "undo file"), text::bytes(bytes)));
    }
    Ok(if all { code } else { ExitCode::SomeFailed })
}

/// What is at stake: how much is removed, and that there is no way back then.
fn question(files: &[PathBuf], options: &InPlace) -> String {
    let size = |path: &PathBuf| {
        inplace::change_of(path, options).ok().flatten().map_or(0, |change| change.undo_bytes)
    };
    let bytes = files.iter().map(size).fold(0, u64::saturating_add);
    format!(
        "Remove {} ({})? The files stay as they are now, and no change can be undone any more.",
        text::count(files.len() as u64, "undo file"),
        text::bytes(bytes)
    )
}

/// The files that were named, and those that `look` finds in directories that were; and whether all of
/// these could be listed.
fn files(
    paths: &[PathBuf],
    recursive: bool,
    look: &dyn Fn(&Path) -> Result<Vec<PathBuf>, InPlaceError>,
) -> Result<(Vec<PathBuf>, bool), Stop> {
    let (mut files, mut all) = (Vec::new(), true);
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let (dirs, listed) = dirs(path, recursive)?;
        all &= listed;
        for dir in dirs {
            files.extend(look(&dir).map_err(failed)?);
        }
    }
    if files.is_empty() && !recursive {
        let below = |path: &PathBuf| directories(path).is_ok_and(|(dirs, _)| dirs.len() > 1);
        if let Some(path) = paths.iter().find(|path| path.is_dir() && below(path)) {
            let path = text::path(path);
            complain(&format!("{path}: its directories are looked into with --recursive only"));
        }
    }
    Ok((files, all))
}

/// Whether a file is one that our reader opens, before the way back from it is removed.
fn readable(path: &Path) -> Result<(), Failure> {
    let bad = |error: jldconv::h5::Error| {
        Failure::new(FailureKind::Verify, format!("{}: {error}", path.display()))
    };
    let file = File::from_source(Source::open(path).map_err(bad)?).map_err(bad)?;
    file.object(file.superblock().root).map(|_| ()).map_err(bad)
}

/// Does something to each file and tells what became of it; one that fails does not keep it from
/// the others.
fn each(
    files: &[PathBuf],
    mut what: impl FnMut(&Path) -> Result<String, InPlaceError>,
) -> ExitCode {
    let mut code = if files.is_empty() { ExitCode::Nothing } else { ExitCode::Done };
    if files.is_empty() {
        complain("there are no undo files: nothing to do");
    }
    for path in files {
        match what(path) {
            Ok(done) => put(&format!("{}: {done}\n", text::path(path))),
            Err(error) => {
                complain(&error.to_string());
                code = ExitCode::SomeFailed;
            }
        }
    }
    code
}
