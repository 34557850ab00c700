//! Keeps the run's own files in the output directory: `.jldconv/` with locks, journals and
//! temporary files. No link is followed there.

use super::error::RunError;
use super::journal::{self, Journals, Past};
use crate::archive::Shard;
use crate::convert::temp::{TempName, clean_staged, clean_temps};
use crate::sys::dir::{Dir, DirError, Entry, Missing, OWN};
use crate::sys::file::end_line;
use crate::sys::process::hostname;
use rustix::fs::{Mode, OFlags};
use std::cell::LazyCell;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The directory of temporary files below it.
const TEMP: &str = "tmp";
/// Directories that are made when they are needed; a run refuses them as early as the others.
const LATER: [&str; 2] = ["replaced", "quarantine"];

/// A lock that somebody holds is tried again so often, after so long.
const LOCK_TRIES: u32 = 5;
const LOCK_AGAIN: Duration = Duration::from_millis(40);

/// Name of the lock that a run on `shard` holds alone.
pub(crate) fn lock_name(shard: Shard) -> OsString {
    if shard.is_whole() {
        return "lock".into();
    }
    format!("lock-{}-of-{}", shard.index, shard.count).into()
}

/// Whether a lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    Yes,
    No,
    /// This file system has no locks.
    Unknown,
}

/// Whether somebody holds the lock `name` in `own`, the directory of the run's own files.
pub(crate) fn held(own: &Dir, name: &OsStr) -> Held {
    match own.open_file(name, false) {
        Err(DirError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Held::No,
        Err(_) => Held::Unknown,
        // Let go again when the file is closed, a moment from now.
        Ok(file) => match file.try_lock_shared() {
            Ok(()) => Held::No,
            Err(TryLockError::WouldBlock) => Held::Yes,
            Err(TryLockError::Error(_)) => Held::Unknown,
        },
    }
}

/// The locks of a run, in the order in which they are taken, and whether it holds each alone. A run of
/// the whole keeps out every other; parts keep out only their like and the whole.
fn locks(shard: Shard) -> Vec<(OsString, bool)> {
    let whole = shard.count == 1;
    let part = (!whole).then(|| (lock_name(shard), true));
    std::iter::once((OsString::from("lock"), whole)).chain(part).collect()
}

fn attempt(file: &File, alone: bool) -> Result<(), TryLockError> {
    if alone { file.try_lock() } else { file.try_lock_shared() }
}

/// Who holds a lock, as that run wrote into its file.
fn holder(file: &File) -> String {
    let mut text = String::new();
    let _ = file.take(500).read_to_string(&mut text);
    match text.trim() {
        "" => "its process is not known".to_owned(),
        text => text.to_owned(),
    }
}

/// An output directory in this run's hands.
#[derive(Debug)]
pub(crate) struct RunDir {
    own: Dir,
    /// The directory itself.
    pub(crate) dir: PathBuf,
    /// Where temporary files go.
    pub(crate) temp_dir: PathBuf,
    /// Locks are held as long as these are open.
    locks: Vec<File>,
    /// What is worth telling the user.
    pub(crate) warnings: Vec<String>,
    shard: Shard,
}

impl RunDir {
    /// Takes the output directory for `shard`; makes it if it is not there.
    ///
    /// # Errors
    /// [`RunError::Locked`] if another run has it; it cannot be made or used.
    pub(crate) fn take(output: &Path, shard: Shard, run_id: &str) -> Result<Self, RunError> {
        std::fs::create_dir_all(output).map_err(|source| DirError::Io {
            what: "create the directory",
            path: output.to_owned(),
            source,
        })?;
        let dir = Dir::open(output)?;
        let own = dir.private(Path::new(OWN), Missing::Create)?;
        own.below(Path::new(TEMP), Missing::Create)?;
        for name in LATER {
            if own.entry(OsStr::new(name))?.is_some() {
                own.below(Path::new(name), Missing::Fail)?;
            }
        }
        let mut place = Self {
            temp_dir: output.join(OWN).join(TEMP),
            own,
            dir: output.to_owned(),
            locks: Vec::new(),
            warnings: Vec::new(),
            shard,
        };
        for (name, alone) in locks(shard) {
            place.lock(output, &name, alone, run_id)?;
        }
        Ok(place)
    }

    /// Refuses an output directory in which another run works on the same part, before anything is
    /// said of files that only that run has not come to yet. Nothing is written.
    ///
    /// # Errors
    /// [`RunError::Locked`]; the run's own directory cannot be looked into.
    pub(crate) fn check_free(output: &Path, shard: Shard) -> Result<(), RunError> {
        let Some(own) = Self::peek(output)? else { return Ok(()) };
        for (name, alone) in locks(shard) {
            let Ok(file) = own.open_file(&name, false) else { continue };
            if matches!(attempt(&file, alone), Err(TryLockError::WouldBlock)) {
                return Err(RunError::Locked { dir: output.to_owned(), holder: holder(&file) });
            }
        }
        Ok(())
    }

    fn lock(
        &mut self,
        output: &Path,
        name: &OsStr,
        alone: bool,
        run_id: &str,
    ) -> Result<(), RunError> {
        let mut file = self.open(name)?;
        let mut tried = attempt(&file, alone);
        for _ in 0..LOCK_TRIES {
            // It may be `report` that just looked whether somebody holds it.
            if !matches!(tried, Err(TryLockError::WouldBlock)) {
                break;
            }
            std::thread::sleep(LOCK_AGAIN);
            tried = attempt(&file, alone);
        }
        match tried {
            Ok(()) => {
                let pid = std::process::id();
                let text = format!("process {pid} on {}, run {run_id}\n", hostname());
                // Only for the words of whoever comes second.
                let _ = file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(0)));
                let _ = file.write_all(text.as_bytes());
            }
            Err(TryLockError::WouldBlock) => {
                return Err(RunError::Locked { dir: output.to_owned(), holder: holder(&file) });
            }
            Err(TryLockError::Error(error)) => {
                self.warnings.push(format!(
                    "{}: this file system has no locks ({error}); take care that no other run \
                     works here",
                    output.display()
                ));
            }
        }
        self.locks.push(file);
        Ok(())
    }

    /// Opens a file of the run's own for reading and writing, and makes it if it is not there.
    fn open(&self, name: &OsStr) -> Result<File, RunError> {
        let path = self.own.path().join(name);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.own, name, flags, Mode::from_raw_mode(0o644)).map_err(
            |error| match error {
                rustix::io::Errno::LOOP => DirError::Link { path: path.clone() },
                error => DirError::Io { what: "open", path: path.clone(), source: error.into() },
            },
        )?;
        Ok(File::from(file))
    }

    /// The directory of the run's own files, held open.
    ///
    /// # Errors
    /// No descriptor is left.
    pub(crate) fn own(&self) -> Result<Dir, RunError> {
        Ok(self.own.below(Path::new(""), Missing::Fail)?)
    }

    /// The directory of temporary files, held open.
    ///
    /// # Errors
    /// It is not what it was when it was taken.
    pub(crate) fn temps(&self) -> Result<Dir, RunError> {
        Ok(self.own.below(Path::new(TEMP), Missing::Fail)?)
    }

    /// The journal of this shard, to be appended to.
    ///
    /// # Errors
    /// It is a link, or cannot be opened.
    pub(crate) fn journal(&self) -> Result<File, RunError> {
        self.open(OsStr::new(&journal::file_name(self.shard)))
    }

    /// A list of the run's own, to be appended to; a line that was torn in it is closed.
    ///
    /// # Errors
    /// It is a link, or cannot be opened or written to.
    pub(crate) fn list(&self, name: &OsStr) -> Result<File, RunError> {
        let mut file = self.open(name)?;
        let io = |source| DirError::Io { what: "open", path: self.own.path().join(name), source };
        end_line(&mut file).map_err(io)?;
        Ok(file)
    }

    /// The run's own directory below `output`, to be read; none if it is not there.
    ///
    /// # Errors
    /// It cannot be opened, or is not ours alone.
    pub(crate) fn peek(output: &Path) -> Result<Option<Dir>, DirError> {
        let missing = |path: &Path| matches!(std::fs::symlink_metadata(path), Err(e) if e.kind() == io::ErrorKind::NotFound);
        if missing(output) || missing(&output.join(OWN)) {
            return Ok(None);
        }
        Dir::open(output)?.private(Path::new(OWN), Missing::Fail).map(Some)
    }

    /// What the journals tell.
    ///
    /// # Errors
    /// They cannot be opened.
    pub(crate) fn journals(&self) -> Result<Journals, DirError> {
        Journals::read(Some(self.own.below(Path::new(""), Missing::Fail)?), self.shard)
    }

    /// Whether the journals still are what `known` was read from.
    pub(crate) fn are_as(&self, known: &Journals) -> bool {
        known.are_those_in(&self.own)
    }

    /// Removes temporary files of dead runs. `own` are those that this shard's journal tells of:
    /// they are dead, since their lock is ours. About others that ran elsewhere nothing is known,
    /// so they stay.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub(crate) fn sweep(&self, own: &Past) -> Result<usize, RunError> {
        let dead = own.run_ids();
        let locked = self.warnings.is_empty();
        let temp = self.temps()?;
        let mut live = |name: &TempName| !(locked && dead.contains(name.run()));
        let swept = clean_temps(&temp, &mut live)?.removed.len();
        // All outputs have to be gone through for it, which a run seldom needs.
        let made = LazyCell::new(|| -> BTreeSet<_> {
            let outputs = own.claims().filter_map(|claimed| claimed.ok()?.claim?.output);
            outputs.map(|made| (made.stat.ino, made.stat.size, made.stat.mtime_ns)).collect()
        });
        let mut is_ours =
            |entry: &Entry| made.contains(&(entry.stat.ino, entry.stat.size, entry.stat.mtime_ns));
        Ok(swept + clean_staged(&temp, &mut live, &mut is_ours)?.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const WHOLE: Shard = Shard { index: 1, count: 1 };

    fn part(index: u32) -> Shard {
        Shard { index, count: 3 }
    }

    #[test]
    fn the_second_run_is_refused_and_told_of_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("a/b");
        let first = RunDir::take(&out, WHOLE, "first").unwrap();
        let error = RunDir::take(&out, WHOLE, "second").unwrap_err();
        let RunError::Locked { holder, .. } = &error else { panic!("{error}") };
        assert!(holder.contains(&format!("process {} on ", std::process::id())));
        assert!(holder.contains("run first"));
        assert_eq!(error.exit_code(), crate::supervisor::ExitCode::Usage);
        assert!(RunDir::take(&out, part(1), "part").is_err());
        drop(first);
        RunDir::take(&out, WHOLE, "second").unwrap();
    }

    #[test]
    fn parts_run_side_by_side() {
        let dir = tempfile::tempdir().unwrap();
        let first = RunDir::take(dir.path(), part(1), "a").unwrap();
        let _second = RunDir::take(dir.path(), part(2), "b").unwrap();
        let error = RunDir::take(dir.path(), part(1), "c").unwrap_err();
        assert!(error.to_string().contains("run a"), "{error}");
        assert!(RunDir::take(dir.path(), WHOLE, "d").is_err());
        drop(first);
        RunDir::take(dir.path(), part(1), "e").unwrap();
    }

    #[test]
    fn links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), dir.path().join(OWN)).unwrap();
        assert!(RunDir::take(dir.path(), WHOLE, "a").is_err());
        fs::remove_file(dir.path().join(OWN)).unwrap();
        drop(RunDir::take(dir.path(), WHOLE, "a").unwrap());
        let journal = dir.path().join(OWN).join(journal::file_name(WHOLE));
        std::os::unix::fs::symlink(elsewhere.path().join("x"), &journal).unwrap();
        assert!(RunDir::take(dir.path(), WHOLE, "a").unwrap().journal().is_err());
        assert!(!elsewhere.path().join("x").exists());
    }

    #[test]
    fn a_file_where_the_directory_should_be_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(RunDir::take(file.path(), WHOLE, "a").is_err());
    }
}
