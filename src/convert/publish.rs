//! From a temporary file to an output under its final name.
//!
//! The types keep the order: a [`TempFile`] is written, [sealed](TempFile::seal) (permissions and
//! times of the input, sync), checked by the caller, and only a [`Sealed`] one can be
//! [published](Sealed::publish) (rename, sync of the directory). Dropped before that, either
//! removes the file. No reader ever sees part of an output under its name.

use super::temp::staged;
use super::{Failure, FailureKind};
use crate::sys::dir::{Dir, DirError, Entry, Missing};
use crate::sys::failpoint::{self, Step};
use crate::sys::file::{self, Identity, is_full};
use crate::sys::origin::Origin;
use crate::sys::stat::StatData;
use rustix::fs::FileType;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// How often a directory of ours is made again that vanishes before anything is in it.
pub(super) const VANISHED: u32 = 32;

/// Why an output could not be published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The output's path names no file.
    #[error("{}: not the name of a file", path.display())]
    NoName {
        /// That path.
        path: PathBuf,
    },
    /// The output would replace its own input.
    #[error("{}: is the input itself", path.display())]
    IsInput {
        /// Path of the output.
        path: PathBuf,
    },
    /// What has the output's name is a device, a pipe or the like, which is never replaced, or a
    /// directory or a link where that would not be kept.
    #[error("{}: exists and is not a regular file", path.display())]
    NotReplaceable {
        /// Path of the output.
        path: PathBuf,
    },
    /// What has the output's name is another file than the one that may be replaced.
    #[error("{}: is not the file any more that may be replaced here; it stays", path.display())]
    Changed {
        /// Path of the output.
        path: PathBuf,
    },
    /// Something in a directory went wrong.
    #[error(transparent)]
    Dir(#[from] DirError),
    /// The temporary file cannot be finished.
    #[error("{}: cannot {what}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// Path of the temporary file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        let fault = match &error {
            PublishError::Io { source, .. } | PublishError::Dir(DirError::Io { source, .. })
                if is_full(source) =>
            {
                FailureKind::Full
            }
            PublishError::IsInput { .. }
            | PublishError::NotReplaceable { .. }
            | PublishError::Changed { .. }
            | PublishError::Dir(DirError::Exists { .. }) => FailureKind::Conflict,
            _ => FailureKind::Output,
        };
        Self::new(fault, error.to_string())
    }
}

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
    dir: Dir,
    name: OsString,
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
            dir: Dir::open(output.parent().unwrap_or(Path::new("")))?,
            name: name.to_owned(),
        })
    }

    /// The destination `relative` below the output directory `root`. No component is a link, none
    /// leads out; missing directories are made and synced.
    ///
    /// # Errors
    /// When the path leads out or through a link, names no file, or a directory cannot be made.
    pub fn below(root: &Dir, relative: &Path) -> Result<Self, PublishError> {
        let no_name = || PublishError::NoName { path: root.path().join(relative) };
        let name = relative.file_name().ok_or_else(no_name)?;
        let parent = relative.parent().unwrap_or(Path::new(""));
        Ok(Self { dir: root.below(parent, Missing::Create)?, name: name.to_owned() })
    }

    /// The output's path, for messages and for other programs.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join(&self.name)
    }

    /// Opens the directory `path` of our own files. Below the output's own directory, as the
    /// programs have it, no link on the way is followed and nobody else may write there; one that
    /// lies elsewhere is taken as its user named it.
    ///
    /// # Errors
    /// It is not there and not to be made, or not ours alone.
    pub fn own(&self, path: &Path, missing: Missing) -> Result<Dir, PublishError> {
        if let Ok(below) = path.strip_prefix(self.dir.path()) {
            let mut found = self.dir.private(below, missing);
            for _ in 0..VANISHED {
                match &found {
                    // What is empty may be removed by another run that ends.
                    Err(e) if missing == Missing::Create && e.is_missing() => {
                        found = self.dir.private(below, missing);
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

    /// Checks that what has the output's name is `what`.
    fn check_is(&self, what: &StatData) -> Result<(), PublishError> {
        let entry = self.dir.entry(&self.name)?;
        let right = entry.is_some_and(|it| it.kind == FileType::RegularFile && it.stat == *what);
        if right { Ok(()) } else { Err(PublishError::Changed { path: self.path() }) }
    }

    /// Moves what has the output's name into `dir`. A name that is taken there gets a number.
    fn set_aside(&self, what: &StatData, dir: &Path) -> Result<(), PublishError> {
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

/// Most files of one name that one run sets aside.
const MANY: u32 = 1000;

/// A file in the making; dropped, it is removed.
#[derive(Debug)]
pub struct TempFile<'d> {
    file: File,
    guard: Guard<'d>,
}

impl PublishError {
    /// Whether the system said that there is nothing under a name.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Dir(e) if e.is_missing())
    }
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

/// A complete file that is on the disk but has no name for others yet; dropped, it is removed.
#[derive(Debug)]
pub struct Sealed<'d> {
    file: File,
    guard: Guard<'d>,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::file::write_at;
    use std::fs;
    use std::os::unix::fs::symlink;

    struct Place {
        _temp: tempfile::TempDir,
        root: PathBuf,
        temps: Dir,
        input: File,
    }

    impl Place {
        fn new() -> Self {
            let temp = tempfile::tempdir().unwrap();
            let root = temp.path().to_owned();
            fs::create_dir(root.join("tmp")).unwrap();
            fs::write(root.join("input"), b"input").unwrap();
            let input = File::open(root.join("input")).unwrap();
            Self { temps: Dir::open(&root.join("tmp")).unwrap(), input, root, _temp: temp }
        }

        fn sealed(&self) -> Sealed<'_> {
            let temp = TempFile::create(&self.temps, OsStr::new("t")).unwrap();
            write_at(temp.file(), b"output", 0, Step::Copy).unwrap();
            temp.seal(&Origin::of(&self.input).unwrap()).unwrap()
        }

        fn publish(&self, output: &str, existing: &Existing) -> Result<StatData, PublishError> {
            let to = Destination::open(&self.root.join(output))?;
            let input = Identity::of(&self.input).unwrap();
            let result = self.sealed().publish(&to, &input, existing);
            assert_eq!(self.temps.names().unwrap(), [""; 0], "no temporary file is left");
            result
        }

        fn replace(&self, output: &str) -> Existing {
            let (stat, _) = StatData::entry(&self.root.join(output)).unwrap().unwrap();
            Existing::Replace(stat)
        }

        fn set_aside(&self, output: &str) -> Existing {
            let (what, _) = StatData::entry(&self.root.join(output)).unwrap().unwrap();
            Existing::SetAside { what, dir: self.root.join("kept") }
        }
    }

    #[test]
    fn an_output_gets_its_name_and_the_inputs_metadata() {
        let place = Place::new();
        let stat = place.publish("out", &Existing::Keep).unwrap();
        assert_eq!(StatData::at(&place.root.join("out")).unwrap(), stat, "as it stays");
        assert_eq!(fs::read(place.root.join("out")).unwrap(), b"output");
        let (out, input) =
            (fs::metadata(place.root.join("out")).unwrap(), place.input.metadata().unwrap());
        assert_eq!(out.permissions(), input.permissions());
        assert_eq!(out.modified().unwrap(), input.modified().unwrap());
    }

    #[test]
    fn what_exists_is_kept_or_replaced_as_asked() {
        let place = Place::new();
        fs::write(place.root.join("out"), b"before").unwrap();
        let error = place.publish("out", &Existing::Keep);
        assert!(matches!(error, Err(PublishError::Dir(DirError::Exists { .. }))));
        assert_eq!(fs::read(place.root.join("out")).unwrap(), b"before");
        let stat = place.publish("out", &place.replace("out")).unwrap();
        assert_eq!(StatData::at(&place.root.join("out")).unwrap(), stat);
        assert_eq!(fs::read(place.root.join("out")).unwrap(), b"output");
        // What may be replaced may also have vanished.
        let gone = place.replace("out");
        fs::remove_file(place.root.join("out")).unwrap();
        place.publish("out", &gone).unwrap();
        assert_eq!(fs::read(place.root.join("out")).unwrap(), b"output");
    }

    #[test]
    fn only_the_very_file_that_was_named_is_replaced() {
        let place = Place::new();
        let out = place.root.join("out");
        fs::write(&out, b"ours").unwrap();
        for existing in [place.replace("out"), place.set_aside("out")] {
            fs::remove_file(&out).unwrap();
            fs::write(&out, b"theirs").unwrap();
            let error = place.publish("out", &existing);
            assert!(matches!(error, Err(PublishError::Changed { .. })), "{error:?}");
            assert_eq!(fs::read(&out).unwrap(), b"theirs");
            assert_eq!(Failure::from(error.unwrap_err()).fault, FailureKind::Conflict);
        }
        // As if somebody came between the look and the renames.
        let what = StatData { mtime_ns: 0, ..StatData::at(&out).unwrap() };
        let to = Destination::open(&out).unwrap();
        let error = place.sealed().replace(&to, &what);
        assert!(matches!(error, Err(PublishError::Changed { .. })), "{error:?}");
        let error = to.set_aside(&what, &place.root.join("kept"));
        assert!(matches!(error, Err(PublishError::Changed { .. })), "{error:?}");
        assert_eq!(fs::read(&out).unwrap(), b"theirs");
        assert_eq!(place.temps.names().unwrap(), [""; 0]);
    }

    #[test]
    fn what_is_set_aside_is_kept_whatever_it_is() {
        let place = Place::new();
        symlink("nowhere", place.root.join("link")).unwrap();
        fs::create_dir(place.root.join("dir")).unwrap();
        fs::write(place.root.join("dir/file"), b"in it").unwrap();
        for (name, number) in [("link", ""), ("dir", "")] {
            place.publish(name, &place.set_aside(name)).unwrap();
            assert_eq!(fs::read(place.root.join(name)).unwrap(), b"output");
            assert!(place.root.join(format!("kept/{name}{number}")).symlink_metadata().is_ok());
        }
        assert_eq!(fs::read(place.root.join("kept/dir/file")).unwrap(), b"in it");
        for (text, name) in [("one", "kept/out"), ("two", "kept/out.1"), ("three", "kept/out.2")] {
            fs::write(place.root.join("out"), text).unwrap();
            place.publish("out", &place.set_aside("out")).unwrap();
            assert_eq!(fs::read_to_string(place.root.join(name)).unwrap(), text);
            assert_eq!(fs::read(place.root.join("out")).unwrap(), b"output");
        }
    }

    #[test]
    fn a_second_name_of_the_input_is_published_as_any_output() {
        let place = Place::new();
        let path = place.root.join("input");
        for existing in [false, true] {
            let existing = if existing { place.replace("out") } else { Existing::Keep };
            let name = OsStr::new("t");
            let sealed = Sealed::link(&place.temps, name, &path, &place.input).unwrap();
            let to = Destination::open(&place.root.join("out")).unwrap();
            let input = Identity::of(&place.input).unwrap();
            let stat = sealed.publish(&to, &input, &existing).unwrap();
            assert_eq!(StatData::at(&place.root.join("out")).unwrap(), stat);
            assert_eq!(stat.ino, input.ino);
            assert_eq!(place.temps.names().unwrap(), [""; 0]);
        }
        fs::write(place.root.join("other"), b"other").unwrap();
        let other = place.root.join("other");
        let error = Sealed::link(&place.temps, OsStr::new("t"), &other, &place.input);
        assert!(matches!(error, Err(PublishError::Dir(DirError::Swapped { .. }))));
        drop(error);
        assert_eq!(place.temps.names().unwrap(), [""; 0]);
    }

    #[test]
    fn the_input_links_and_directories_are_never_replaced() {
        let place = Place::new();
        fs::hard_link(place.root.join("input"), place.root.join("same")).unwrap();
        symlink(place.root.join("input"), place.root.join("link")).unwrap();
        fs::create_dir(place.root.join("dir")).unwrap();
        for name in ["input", "same"] {
            let error = place.publish(name, &Existing::Keep);
            assert!(matches!(error, Err(PublishError::IsInput { .. })), "{name}: {error:?}");
        }
        for name in ["link", "dir"] {
            let error = place.publish(name, &place.replace(name));
            assert!(matches!(error, Err(PublishError::NotReplaceable { .. })), "{name}");
            assert!(Existing::now_at(&place.root.join(name)).is_err());
        }
        assert_eq!(fs::read(place.root.join("input")).unwrap(), b"input");
        let error = Destination::open(&place.root.join("dir/..")).unwrap_err();
        assert!(matches!(error, PublishError::NoName { .. }));
    }

    #[test]
    fn links_below_the_output_directory_are_refused() {
        let place = Place::new();
        symlink("/tmp", place.root.join("link")).unwrap();
        let root = Dir::open(&place.root).unwrap();
        let error = Destination::below(&root, Path::new("link/out"));
        assert!(matches!(error, Err(PublishError::Dir(DirError::Link { .. }))));
        let error = Destination::below(&root, Path::new("../out"));
        assert!(matches!(error, Err(PublishError::Dir(DirError::Escapes { .. }))));
        let to = Destination::below(&root, Path::new("new/sub/out")).unwrap();
        let input = Identity::of(&place.input).unwrap();
        place.sealed().publish(&to, &input, &Existing::Keep).unwrap();
        assert_eq!(fs::read(place.root.join("new/sub/out")).unwrap(), b"output");
    }

    #[test]
    fn what_was_put_in_the_place_of_a_file_is_not_published() {
        let place = Place::new();
        fs::write(place.root.join("out"), b"before").unwrap();
        let to = Destination::open(&place.root.join("out")).unwrap();
        let input = Identity::of(&place.input).unwrap();
        let quarantine = Dir::open(&place.root).unwrap();
        for existing in [Some(place.replace("out")), Some(Existing::Keep), None] {
            let sealed = place.sealed();
            fs::rename(sealed.path(), place.root.join("moved")).unwrap();
            fs::write(sealed.path(), b"trap").unwrap();
            let path = sealed.path();
            let error = match existing {
                Some(Existing::Keep) => {
                    fs::remove_file(place.root.join("out")).unwrap();
                    sealed.publish(&to, &input, &Existing::Keep).unwrap_err()
                }
                Some(existing) => sealed.publish(&to, &input, &existing).unwrap_err(),
                None => sealed.quarantine(&quarantine, OsStr::new("bad")).unwrap_err(),
            };
            assert!(matches!(error, PublishError::Dir(DirError::Swapped { .. })), "{error}");
            assert_eq!(fs::read(&path).unwrap(), b"trap", "it is not ours to remove");
            fs::remove_file(path).unwrap();
            assert!(!place.root.join("bad").exists());
        }
        assert!(!place.root.join("out").exists());
    }

    #[test]
    fn our_own_directory_is_ours_alone_and_no_link() {
        use std::os::unix::fs::PermissionsExt as _;
        let place = Place::new();
        let to = Destination::open(&place.root.join("out")).unwrap();
        let temps = place.root.join(".jldconv/tmp");
        assert!(to.own(&temps, Missing::Fail).is_err(), "it is not there");
        to.own(&temps, Missing::Create).unwrap();
        to.own(&temps, Missing::Fail).unwrap();
        fs::set_permissions(&temps, fs::Permissions::from_mode(0o777)).unwrap();
        let error = to.own(&temps, Missing::Fail).unwrap_err();
        assert!(matches!(error, PublishError::Dir(DirError::Shared { .. })), "{error}");
        fs::remove_dir(&temps).unwrap();
        symlink(place.root.join("tmp"), &temps).unwrap();
        let error = to.own(&temps, Missing::Create).unwrap_err();
        assert!(matches!(error, PublishError::Dir(DirError::Link { .. })), "{error}");
        // One that lies elsewhere is the user's own choice.
        let elsewhere = tempfile::tempdir().unwrap();
        to.own(&elsewhere.path().join("a/b"), Missing::Create).unwrap();
    }

    #[test]
    fn dropped_files_are_removed_and_bad_ones_kept_on_request() {
        let place = Place::new();
        drop(TempFile::create(&place.temps, OsStr::new("t")).unwrap());
        drop(place.sealed());
        assert_eq!(place.temps.names().unwrap(), [""; 0]);
        let root = Dir::open(&place.root).unwrap();
        let dir = root.below(Path::new("quarantine"), Missing::Create).unwrap();
        let kept = place.sealed().quarantine(&dir, OsStr::new("bad")).unwrap();
        assert_eq!(fs::read(kept).unwrap(), b"output");
    }

    #[test]
    fn a_full_disk_is_told_from_other_errors() {
        let failure = |code| {
            let source = io::Error::from_raw_os_error(code);
            Failure::from(PublishError::Io { what: "sync", path: PathBuf::from("x"), source })
        };
        assert_eq!(failure(libc::ENOSPC).fault, FailureKind::Full);
        assert_eq!(failure(libc::EDQUOT).fault, FailureKind::Full);
        assert_eq!(failure(libc::EIO).fault, FailureKind::Output);
    }
}
