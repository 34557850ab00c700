//! Tells where an output goes, and what may be there.

use super::PublishError;
use crate::sys::dir::{Dir, DirError, Entry, Missing, OWN};
use crate::sys::failpoint::{self, Step};
use crate::sys::file::Identity;
use crate::sys::stat::StatData;
use rustix::fs::FileType;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};

/// How often a directory of ours is made again that vanishes before anything is in it.
pub(in crate::convert) const VANISHED: u32 = 32;

/// Most files of one name that one run sets aside.
const MANY: u32 = 1000;

/// What happens if the output's name is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and publishing fails.
    Keep,
    /// This file is replaced, in one step, and no other.
    Replace(StatData),
    /// Whatever this is, it moves to a directory first, where it is kept.
    SetAside {
        /// What may be moved.
        what: StatData,
        /// Where to.
        dir: PathBuf,
    },
}

impl Existing {
    /// That which lets whatever regular file has the name `output` now be replaced.
    ///
    /// # Errors
    /// [`PublishError::NotReplaceable`]; what the system says.
    pub fn now_at(output: &Path) -> Result<Self, PublishError> {
        let path = || output.to_owned();
        let entry = StatData::entry(output).map_err(|source| PublishError::Io {
            what: "look at",
            path: path(),
            source,
        })?;
        match entry {
            None => Ok(Self::Keep),
            Some((stat, FileType::RegularFile)) => Ok(Self::Replace(stat)),
            Some(_) => Err(PublishError::NotReplaceable { path: path() }),
        }
    }
}

/// Where an output goes: an open directory and a name in it.
#[derive(Debug)]
pub struct Destination {
    /// The output directory, where the output lies in a directory below it.
    root: Option<Dir>,
    pub(super) dir: Dir,
    pub(super) name: OsString,
}

impl Destination {
    /// The destination `output`. Links in the path of its directory are the user's own and
    /// followed; the last component never is.
    ///
    /// # Errors
    /// When the path names no file or its directory cannot be opened.
    pub fn open(output: &Path) -> Result<Self, PublishError> {
        let no_name = || PublishError::NoName { path: output.to_owned() };
        let name = output.file_name().ok_or_else(no_name)?;
        Ok(Self {
            root: None,
            dir: Dir::open(output.parent().unwrap_or(Path::new("")))?,
            name: name.to_owned(),
        })
    }

    /// The destination `output` of a run whose temporary files go to `temp_dir`, which is
    /// `.jldconv/tmp` in its output directory. Where the output lies in a directory below that, no
    /// link on the way is followed, and what is missing may be made.
    ///
    /// # Errors
    /// As [`Destination::open`] and [`Destination::below`].
    pub fn of(output: &Path, temp_dir: &Path, missing: Missing) -> Result<Self, PublishError> {
        // Whoever keeps temporary files elsewhere has no output directory.
        let own = temp_dir.parent().filter(|own| own.ends_with(OWN));
        let root = own.and_then(Path::parent);
        let deep = |root| output.strip_prefix(root).ok().filter(|it| it.components().count() > 1);
        match root.and_then(|root| Some((root, deep(root)?))) {
            Some((root, relative)) => {
                let root = Dir::open(root)?;
                Ok(Self {
                    root: Some(root.below(Path::new(""), Missing::Fail)?),
                    ..Self::reach(&root, relative, missing)?
                })
            }
            None => Self::open(output),
        }
    }

    /// The destination `relative` below the output directory `root`. No component is a link, none
    /// leads out; missing directories are made and synced.
    ///
    /// # Errors
    /// When the path leads out or through a link, names no file, or a directory cannot be made.
    pub fn below(root: &Dir, relative: &Path) -> Result<Self, PublishError> {
        Self::reach(root, relative, Missing::Create)
    }

    fn reach(root: &Dir, relative: &Path, missing: Missing) -> Result<Self, PublishError> {
        let no_name = || PublishError::NoName { path: root.path().join(relative) };
        let name = relative.file_name().ok_or_else(no_name)?;
        let parent = relative.parent().unwrap_or(Path::new(""));
        Ok(Self { root: None, dir: root.below(parent, missing)?, name: name.to_owned() })
    }

    /// What has the output's name.
    ///
    /// # Errors
    /// What the system says.
    pub fn entry(&self) -> Result<Option<Entry>, PublishError> {
        Ok(self.dir.entry(&self.name)?)
    }

    /// Makes a symbolic link to `target` under the output's name, if that is free, and waits until it
    /// is on the disk.
    ///
    /// # Errors
    /// [`DirError::Exists`]; what the system says.
    pub fn make_link(&self, target: &Path) -> Result<(), PublishError> {
        self.dir.make_link(&self.name, target)?;
        Ok(self.dir.sync()?)
    }

    /// Puts a symbolic link to `target` in the place of the link under the output's name, if that still
    /// is `what`, in one step, and waits until it is on the disk. It is made as `temp` in `temps` first.
    ///
    /// # Errors
    /// [`PublishError::Changed`]; what the system says.
    pub fn replace_link(
        &self,
        target: &Path,
        what: &StatData,
        (temps, temp): (&Dir, &OsStr),
    ) -> Result<(), PublishError> {
        temps.make_link(temp, target)?;
        let entry = self.entry()?;
        let right = entry.is_some_and(|it| it.kind == FileType::Symlink && it.stat == *what);
        let moved = if right {
            temps.rename(temp, &self.dir, &self.name).map_err(PublishError::from)
        } else {
            Err(PublishError::Changed { path: self.path() })
        };
        if moved.is_err() {
            // It is ours, and of no use.
            let _ = temps.remove(temp);
        }
        moved?;
        Ok(self.dir.sync()?)
    }

    /// Opens the file that has the output's name, for reading.
    ///
    /// # Errors
    /// It is not there, or no regular file.
    pub fn open_there(&self) -> Result<File, PublishError> {
        Ok(self.dir.open_file(&self.name, false)?)
    }

    /// The output's path, for messages and for other programs.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join(&self.name)
    }

    /// Opens the directory `path` of our own files. Below the output directory, as the programs have
    /// it, no link on the way is followed and nobody else may write there; one that
    /// lies elsewhere is taken as its user named it.
    ///
    /// # Errors
    /// It is not there and not to be made, or not ours alone.
    pub fn own(&self, path: &Path, missing: Missing) -> Result<Dir, PublishError> {
        let base = self.root.as_ref().unwrap_or(&self.dir);
        if let Ok(below) = path.strip_prefix(base.path()) {
            let mut found = base.private(below, missing);
            for _ in 0..VANISHED {
                match &found {
                    // What is empty may be removed by another run that ends.
                    Err(e) if missing == Missing::Create && e.is_missing() => {
                        found = base.private(below, missing);
                    }
                    _ => break,
                }
            }
            return Ok(found?);
        }
        if missing == Missing::Create {
            std::fs::create_dir_all(path).map_err(|source| DirError::Io {
                what: "create the directory",
                path: path.to_owned(),
                source,
            })?;
        }
        Ok(Dir::open(path)?)
    }

    /// Checks, before the work begins, that the output may have this name: it is free, or what has
    /// it may go.
    ///
    /// # Errors
    /// [`PublishError::IsInput`], [`PublishError::NotReplaceable`], [`PublishError::Changed`],
    /// [`DirError::Exists`].
    pub fn check(&self, input: &Identity, existing: &Existing) -> Result<(), PublishError> {
        let path = || self.path();
        let Some(entry) = self.dir.entry(&self.name)? else { return Ok(()) };
        match existing {
            Existing::Keep if (entry.dev, entry.ino) == (input.dev, input.ino) => {
                Err(PublishError::IsInput { path: path() })
            }
            Existing::Keep => Err(DirError::Exists { path: path() }.into()),
            Existing::Replace(_) if entry.kind != FileType::RegularFile => {
                Err(PublishError::NotReplaceable { path: path() })
            }
            // Of a device, a pipe or a socket programs know the place, not the content.
            Existing::SetAside { .. }
                if !matches!(
                    entry.kind,
                    FileType::RegularFile | FileType::Symlink | FileType::Directory
                ) =>
            {
                Err(PublishError::NotReplaceable { path: path() })
            }
            Existing::Replace(what) | Existing::SetAside { what, .. } => {
                // Another name of the input: a link that we made in the meantime changed its ctime.
                let input = (entry.dev, entry.ino) == (input.dev, input.ino);
                let right = entry.stat == *what || (input && entry.stat.same_but_for_ctime(what));
                if right { Ok(()) } else { Err(PublishError::Changed { path: path() }) }
            }
        }
    }

    /// Gives the directory `temp` in `temps`, which is whole and on the disk, the output's name; what has
    /// it moves out of the way as `existing` says, and is never replaced.
    ///
    /// # Errors
    /// [`DirError::Exists`], [`PublishError::Changed`]; what the system says.
    pub fn publish_tree(
        &self,
        temps: &Dir,
        temp: &OsStr,
        existing: &Existing,
    ) -> Result<(), PublishError> {
        if let Existing::SetAside { what, dir } = existing
            && self.entry()?.is_some()
        {
            self.set_aside(what, dir)?;
        }
        temps.rename_new(temp, &self.dir, &self.name)?;
        Ok(self.dir.sync()?)
    }

    /// Checks that what has the output's name is `what`.
    pub(super) fn check_is(&self, what: &StatData) -> Result<(), PublishError> {
        let entry = self.dir.entry(&self.name)?;
        let right = entry.is_some_and(|it| it.kind == FileType::RegularFile && it.stat == *what);
        if right { Ok(()) } else { Err(PublishError::Changed { path: self.path() }) }
    }

    /// Moves what has the output's name into `dir`. A name that is taken there gets a number.
    pub(super) fn set_aside(&self, what: &StatData, dir: &Path) -> Result<(), PublishError> {
        let kept = self.own(dir, Missing::Create)?;
        for number in 0..MANY {
            let mut name = self.name.clone();
            if number > 0 {
                name.push(format!(".{number}"));
            }
            failpoint::before(Step::SetAside);
            match self.dir.rename_new(&self.name, &kept, &name) {
                Ok(()) => {}
                Err(DirError::Exists { .. }) => continue,
                Err(error) => return Err(error.into()),
            }
            failpoint::after(Step::SetAside);
            let moved = kept.entry(&name)?;
            if moved.is_some_and(|moved| moved.stat.same_but_for_ctime(what)) {
                kept.sync()?;
                return Ok(());
            }
            // Somebody was quicker. If the name is free it goes back; else it is kept all the same.
            kept.rename_new(&name, &self.dir, &self.name)?;
            break;
        }
        Err(PublishError::Changed { path: self.path() })
    }
}
