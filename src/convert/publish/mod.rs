//! Makes a temporary file an output under its final name.
//!
//! The types keep the order: a [`TempFile`] is written, [sealed](TempFile::seal) (permissions and
//! times of the input, sync), checked by the caller, and only a [`Sealed`] one can be
//! [published](Sealed::publish) (rename, sync of the directory). Dropped before that, either
//! removes the file. No reader ever sees part of an output under its name.

mod destination;
mod error;
#[cfg(test)]
mod tests;

pub(in crate::convert) use destination::VANISHED;
pub use destination::{Destination, Existing};
pub use error::{IS_INPUT, PublishError};

use crate::convert::temp::staged;
use crate::sys::dir::{Dir, DirError, Entry};
use crate::sys::failpoint::{self, Step};
use crate::sys::file::{self, Identity};
use crate::sys::origin::Origin;
use crate::sys::stat::StatData;
use rustix::fs::FileType;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A file in the making; dropped, it is removed.
#[derive(Debug)]
pub struct TempFile<'d> {
    file: File,
    guard: Guard<'d>,
}

impl<'d> TempFile<'d> {
    /// Creates `name` in `dir`, which is on the output's file system. Nobody but its owner can read
    /// the file before it is sealed.
    ///
    /// # Errors
    /// [`DirError::Exists`] if the name is taken; what the system says.
    pub fn create(dir: &'d Dir, name: &OsStr) -> Result<Self, PublishError> {
        let file = dir.create(name, Step::Create)?;
        Ok(Self { file, guard: Guard { dir, name: name.to_owned(), armed: true } })
    }

    /// The file, open for reading and writing.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Its path, for messages and for other programs.
    pub fn path(&self) -> PathBuf {
        self.guard.path()
    }

    /// Ends the writing: gives the file the owner, permissions and times in `origin`, and waits
    /// until all of it is on the disk.
    ///
    /// # Errors
    /// What the system says; the file is removed then.
    pub fn seal(self, origin: &Origin) -> Result<Sealed<'d>, PublishError> {
        let io = |what, source| PublishError::Io { what, path: self.path(), source };
        origin.give_to(&self.file).map_err(|e| io("set permissions and times", e))?;
        file::sync(&self.file, Step::Sync).map_err(|e| io("sync", e))?;
        Ok(Sealed { file: self.file, guard: self.guard })
    }
}

/// A complete file that is on the disk but has no name for others yet; dropped, it is removed.
#[derive(Debug)]
pub struct Sealed<'d> {
    file: File,
    guard: Guard<'d>,
}

impl<'d> Sealed<'d> {
    /// A second name, in `dir`, of the file at `path`, which is open as `file`: complete as it is.
    ///
    /// # Errors
    /// [`DirError::Exists`] if the name is taken, [`DirError::Swapped`] if another file is at that
    /// path; what the system says, also where it cannot link.
    pub fn link(
        dir: &'d Dir,
        name: &OsStr,
        path: &Path,
        file: &File,
    ) -> Result<Self, PublishError> {
        let clone = file.try_clone();
        let file = clone.map_err(|source| PublishError::Io {
            what: "use",
            path: path.to_owned(),
            source,
        })?;
        dir.link(path, name)?;
        let mut sealed = Self { file, guard: Guard { dir, name: name.to_owned(), armed: true } };
        match sealed.guard.check(&sealed.file) {
            Ok(()) => Ok(sealed),
            Err(error) => {
                // The name is ours, whatever it stands for.
                sealed.guard.armed = true;
                Err(error.into())
            }
        }
    }
}

impl Sealed<'_> {
    /// The file, to be checked.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Its path, for messages and for other programs.
    pub fn path(&self) -> PathBuf {
        self.guard.path()
    }

    /// Gives the file its name, in one step, and waits until the name is on the disk. Tells what
    /// `stat` tells of it then.
    ///
    /// Only what `existing` names is ever replaced: where the name is to be free, by a rename that
    /// fails if it is not; else old and new change places and the old file is looked at before it
    /// is removed. File systems without such renames look first and then rename.
    ///
    /// # Errors
    /// As [`Destination::check`]; then the temporary file is removed. If only the last sync fails,
    /// the output is complete and in place, but may be gone after a crash of the machine.
    pub fn publish(
        mut self,
        to: &Destination,
        input: &Identity,
        existing: &Existing,
    ) -> Result<StatData, PublishError> {
        to.check(input, existing)?;
        self.guard.check(&self.file)?;
        match existing {
            Existing::Keep => self.place(to)?,
            Existing::Replace(what) => self.replace(to, what)?,
            Existing::SetAside { what, dir } => {
                if to.dir.entry(&to.name)?.is_some() {
                    to.set_aside(what, dir)?;
                }
                self.place(to)?;
            }
        }
        let path = to.path();
        StatData::of(&self.file).map_err(|source| PublishError::Io {
            what: "look at",
            path,
            source,
        })
    }

    /// Gives the file a name that is free.
    fn place(&mut self, to: &Destination) -> Result<(), PublishError> {
        let Guard { dir, name, .. } = &self.guard;
        failpoint::before(Step::Rename);
        dir.rename_new(name, &to.dir, &to.name)?;
        self.guard.armed = false;
        failpoint::after(Step::Rename);
        sync(to)
    }

    /// Gives the file the name of `what`, and removes that.
    fn replace(&mut self, to: &Destination, what: &StatData) -> Result<(), PublishError> {
        if to.dir.entry(&to.name)?.is_none() {
            return self.place(to);
        }
        let dir = self.guard.dir;
        // For a moment this name is that of the old file. Should we be killed then, nobody may take
        // it for a temporary file of ours: not before it was looked at.
        let own = self.file.metadata().map_err(|source| PublishError::Io {
            what: "look at",
            path: self.guard.path(),
            source,
        })?;
        let staged = staged(&self.guard.name, own.ino(), what);
        failpoint::before(Step::Stage);
        dir.rename_new(&self.guard.name, dir, &staged)?;
        self.guard.name.clone_from(&staged);
        failpoint::after(Step::Stage);
        failpoint::before(Step::Rename);
        self.guard.armed = false;
        match dir.exchange(&staged, &to.dir, &to.name) {
            Ok(true) => {}
            Ok(false) => {
                self.guard.armed = true;
                to.check_is(what)?;
                dir.rename(&staged, &to.dir, &to.name)?;
                self.guard.armed = false;
                failpoint::after(Step::Rename);
                return sync(to);
            }
            Err(error) => {
                self.guard.armed = true;
                return Err(error.into());
            }
        }
        failpoint::after(Step::Rename);
        let old = dir.entry(&staged)?;
        let right =
            |old: Entry| old.kind == FileType::RegularFile && old.stat.same_but_for_ctime(what);
        // A link to the file itself stays where it is when the two change places.
        let ours = |old: Entry| (own.dev(), own.ino()) == (old.dev, old.ino);
        if !old.is_some_and(|old| right(old) || ours(old)) {
            dir.exchange(&staged, &to.dir, &to.name)?;
            self.guard.armed = true;
            return Err(PublishError::Changed { path: to.path() });
        }
        sync(to)?;
        failpoint::before(Step::ReplacedRemove);
        dir.remove(&staged)?;
        failpoint::after(Step::ReplacedRemove);
        Ok(())
    }

    /// Moves the file to `name` in `dir` instead, for somebody to look at: an output that failed
    /// its check. A file of that name is replaced.
    ///
    /// # Errors
    /// What the system says; the temporary file is removed then.
    pub fn quarantine(mut self, dir: &Dir, name: &OsStr) -> Result<PathBuf, PublishError> {
        self.guard.check(&self.file)?;
        self.guard.dir.rename(&self.guard.name, dir, name)?;
        self.guard.armed = false;
        dir.sync()?;
        Ok(dir.path().join(name))
    }
}

/// Waits until the output's name is on the disk.
fn sync(to: &Destination) -> Result<(), PublishError> {
    failpoint::before(Step::DirSync);
    to.dir.sync()?;
    failpoint::after(Step::DirSync);
    Ok(())
}

/// Removes a temporary file unless disarmed.
#[derive(Debug)]
struct Guard<'d> {
    dir: &'d Dir,
    name: OsString,
    armed: bool,
}

impl Guard<'_> {
    /// Checks that the name still stands for our file. What somebody put in its place is not ours
    /// to publish, nor to remove.
    fn check(&mut self, file: &File) -> Result<(), DirError> {
        let checked = self.dir.check_is(&self.name, file);
        if matches!(checked, Err(DirError::Swapped { .. })) {
            self.armed = false;
        }
        checked
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join(&self.name)
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if self.armed {
            // Nobody is left to tell; the next run's cleaning will find it.
            let _ = self.dir.remove(&self.name);
        }
    }
}
