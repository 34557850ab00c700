//! From a temporary file to an output under its final name.
//!
//! The types keep the order: a [`TempFile`] is written, [sealed](TempFile::seal) (permissions and
//! times of the input, sync), checked by the caller, and only a [`Sealed`] one can be
//! [published](Sealed::publish) (rename, sync of the directory). Dropped before that, either
//! removes the file. No reader ever sees part of an output under its name.

use super::{Failure, Fault};
use crate::sys::crash::{self, Step};
use crate::sys::dir::{Dir, DirError, Missing};
use crate::sys::file::{Identity, is_full, sync};
use crate::sys::origin::Origin;
use rustix::fs::FileType;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

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
    /// What has the output's name is a directory, a link or the like, which is never replaced.
    #[error("{}: exists and is not a regular file", path.display())]
    NotReplaceable {
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
                Fault::Full
            }
            _ => Fault::Output,
        };
        Self::new(fault, error.to_string())
    }
}

/// What happens if the output's name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and publishing fails.
    Keep,
    /// It is replaced in one step if it is a regular file.
    Replace,
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
            return Ok(self.dir.private(below, missing)?);
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

    /// Checks, before the work begins, that the output may have this name: it is not the input, and
    /// free or replaceable.
    ///
    /// # Errors
    /// [`PublishError::IsInput`], [`PublishError::NotReplaceable`], [`DirError::Exists`].
    pub fn check(&self, input: &Identity, existing: Existing) -> Result<(), PublishError> {
        let path = || self.path();
        let Some(entry) = self.dir.entry(&self.name)? else { return Ok(()) };
        if (entry.dev, entry.ino) == (input.dev, input.ino) {
            return Err(PublishError::IsInput { path: path() });
        }
        match existing {
            Existing::Keep => Err(DirError::Exists { path: path() }.into()),
            Existing::Replace if entry.kind == FileType::RegularFile => Ok(()),
            Existing::Replace => Err(PublishError::NotReplaceable { path: path() }),
        }
    }
}

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
        sync(&self.file, Step::Sync).map_err(|e| io("sync", e))?;
        Ok(Sealed { file: self.file, guard: self.guard })
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

    /// Gives the file its name, in one step, and waits until the name is on the disk.
    ///
    /// # Errors
    /// As [`Destination::check`]; then the temporary file is removed. If only the last sync fails,
    /// the output is complete and in place, but may be gone after a crash of the machine.
    pub fn publish(
        mut self,
        to: &Destination,
        input: &Identity,
        existing: Existing,
    ) -> Result<(), PublishError> {
        to.check(input, existing)?;
        self.guard.check(&self.file)?;
        let Guard { dir, name, .. } = &self.guard;
        crash::before(Step::Rename);
        match existing {
            Existing::Keep => dir.rename_new(name, &to.dir, &to.name)?,
            Existing::Replace => dir.rename(name, &to.dir, &to.name)?,
        }
        self.guard.armed = false;
        crash::after(Step::Rename);
        crash::before(Step::DirSync);
        to.dir.sync()?;
        crash::after(Step::DirSync);
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

        fn publish(&self, output: &str, existing: Existing) -> Result<(), PublishError> {
            let to = Destination::open(&self.root.join(output))?;
            let input = Identity::of(&self.input).unwrap();
            let result = self.sealed().publish(&to, &input, existing);
            assert_eq!(self.temps.names().unwrap(), [""; 0], "no temporary file is left");
            result
        }
    }

    #[test]
    fn an_output_gets_its_name_and_the_inputs_metadata() {
        let place = Place::new();
        place.publish("out", Existing::Keep).unwrap();
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
        let error = place.publish("out", Existing::Keep);
        assert!(matches!(error, Err(PublishError::Dir(DirError::Exists { .. }))));
        assert_eq!(fs::read(place.root.join("out")).unwrap(), b"before");
        place.publish("out", Existing::Replace).unwrap();
        assert_eq!(fs::read(place.root.join("out")).unwrap(), b"output");
    }

    #[test]
    fn the_input_links_and_directories_are_never_replaced() {
        let place = Place::new();
        fs::hard_link(place.root.join("input"), place.root.join("same")).unwrap();
        symlink(place.root.join("input"), place.root.join("link")).unwrap();
        fs::create_dir(place.root.join("dir")).unwrap();
        for name in ["input", "same"] {
            let error = place.publish(name, Existing::Replace);
            assert!(matches!(error, Err(PublishError::IsInput { .. })), "{name}: {error:?}");
        }
        for name in ["link", "dir"] {
            let error = place.publish(name, Existing::Replace);
            assert!(matches!(error, Err(PublishError::NotReplaceable { .. })), "{name}");
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
        place.sealed().publish(&to, &input, Existing::Keep).unwrap();
        assert_eq!(fs::read(place.root.join("new/sub/out")).unwrap(), b"output");
    }

    #[test]
    fn what_was_put_in_the_place_of_a_file_is_not_published() {
        let place = Place::new();
        fs::write(place.root.join("out"), b"before").unwrap();
        let to = Destination::open(&place.root.join("out")).unwrap();
        let input = Identity::of(&place.input).unwrap();
        let quarantine = Dir::open(&place.root).unwrap();
        for existing in [Some(Existing::Replace), Some(Existing::Keep), None] {
            let sealed = place.sealed();
            fs::rename(sealed.path(), place.root.join("moved")).unwrap();
            fs::write(sealed.path(), b"trap").unwrap();
            let path = sealed.path();
            let error = match existing {
                Some(Existing::Keep) => {
                    fs::remove_file(place.root.join("out")).unwrap();
                    sealed.publish(&to, &input, Existing::Keep).unwrap_err()
                }
                Some(existing) => sealed.publish(&to, &input, existing).unwrap_err(),
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
        assert_eq!(failure(libc::ENOSPC).fault, Fault::Full);
        assert_eq!(failure(libc::EDQUOT).fault, Fault::Full);
        assert_eq!(failure(libc::EIO).fault, Fault::Output);
    }
}
