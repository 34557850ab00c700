//! Holds directories open, so that nobody can swap them for a link in between.
//!
//! A [`Dir`] is opened once by path; from there on everything is reached by a single name relative
//! to the descriptor, and a symbolic link on the way is an error, never followed.

mod error;
mod trust;

use super::origin::Origin;
use super::stat::StatData;
use crate::sys::failpoint::{self, Step};
use error::io_error;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

pub use error::DirError;

/// The directory of the program's own files in an output directory: journals, locks, temporary files.
pub const OWN: &str = ".jldconv";

/// Whether missing directories are made on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// A missing directory is an error.
    Fail,
    /// A missing directory is created, and synced into its parent.
    Create,
}

/// What a name stands for, links not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Device number.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Length in bytes.
    pub len: u64,
    /// What it is.
    pub kind: FileType,
    /// Its size and times.
    pub stat: StatData,
}

/// An open directory.
#[derive(Debug)]
pub struct Dir {
    fd: OwnedFd,
    path: PathBuf,
    /// Everything below is made and checked as [`Dir::private`] says.
    private: bool,
}

const OPEN_DIR: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC).union(OFlags::NOCTTY);

impl std::os::fd::AsFd for Dir {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Dir {
    /// Opens a directory that the user named; links in `path` are followed.
    ///
    /// # Errors
    /// When it is not a directory or cannot be read.
    pub fn open(path: &Path) -> Result<Self, DirError> {
        // A file without a directory part, such as `out.jld2`, lies in the present one.
        let named = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let fd = rustix::fs::open(named, OPEN_DIR, Mode::empty())
            .map_err(|e| io_error("open the directory", named, e))?;
        Ok(Self { fd, path: named.to_owned(), private: false })
    }

    /// Opens the directory `relative` below this one. No component may be a link or `..`.
    ///
    /// # Errors
    /// [`DirError::Escapes`] and [`DirError::Link`] for such paths; what the system says.
    pub fn below(&self, relative: &Path, missing: Missing) -> Result<Self, DirError> {
        let mut here = Self {
            fd: self.fd.try_clone().map_err(|e| self.io("open", e))?,
            path: self.path.clone(),
            private: self.private,
        };
        for component in relative.components() {
            match component {
                Component::CurDir => {}
                Component::Normal(name) => here = here.child(name, missing)?,
                _ => return Err(self.escapes(relative.as_os_str())),
            }
        }
        Ok(here)
    }

    /// Opens the directory `relative` below this one, which is for our own files: each component
    /// must belong to this user and be writable by nobody else, and so must all that is opened
    /// below it. What is missing is made so, whatever the umask.
    ///
    /// # Errors
    /// As [`Dir::below`]; [`DirError::Foreign`] and [`DirError::Shared`].
    pub fn private(&self, relative: &Path, missing: Missing) -> Result<Self, DirError> {
        let here = Self {
            fd: self.fd.try_clone().map_err(|e| self.io("open", e))?,
            path: self.path.clone(),
            private: true,
        };
        here.below(relative, missing)
    }

    fn child(&self, name: &OsStr, missing: Missing) -> Result<Self, DirError> {
        let path = self.path.join(name);
        // Users' directories follow the umask; under 002 that would let a group into ours.
        let mode = Mode::from_raw_mode(if self.private { 0o755 } else { 0o777 });
        let flags = OPEN_DIR | OFlags::NOFOLLOW;
        let mut opened = rustix::fs::openat(&self.fd, name, flags, Mode::empty());
        if matches!(opened, Err(Errno::NOENT)) && missing == Missing::Create {
            match rustix::fs::mkdirat(&self.fd, name, mode) {
                // Another worker may have been faster.
                Ok(()) | Err(Errno::EXIST) => self.sync()?,
                Err(error) => return Err(io_error("create the directory", &path, error)),
            }
            opened = rustix::fs::openat(&self.fd, name, flags, Mode::empty());
        }
        match opened {
            Ok(fd) => {
                let child = Self { fd, path, private: self.private };
                if self.private {
                    trust::check(&child, child.path())?;
                }
                Ok(child)
            }
            // The kernel says ENOTDIR for a link when O_DIRECTORY and O_NOFOLLOW come together.
            Err(Errno::LOOP | Errno::NOTDIR) if self.is_link(name) => Err(DirError::Link { path }),
            Err(error) => Err(io_error("open the directory", &path, error)),
        }
    }

    /// Makes the directory `name` here, with the owner, the group and the permissions of the directory
    /// `like`, and waits until it is on the disk; its owner may always write in it. One that is there
    /// stays as it is.
    ///
    /// # Errors
    /// [`DirError::Link`] if it is a link; what the system says.
    pub fn make_like(&self, name: &OsStr, like: &File) -> Result<(), DirError> {
        self.check_name(name)?;
        let path = self.path.join(name);
        match rustix::fs::mkdirat(&self.fd, name, Mode::RWXU) {
            Ok(()) => {}
            // Somebody made it, and gave it the permissions that it is to have.
            Err(Errno::EXIST) => return self.child(name, Missing::Fail).map(drop),
            Err(error) => return Err(io_error("create the directory", &path, error)),
        }
        let made = self.child(name, Missing::Fail)?;
        let give = || -> io::Result<()> {
            let file = File::from(made.fd.try_clone()?);
            Origin::of(like)?.give_permissions_to(&file)?;
            let mode = std::os::unix::fs::MetadataExt::mode(&like.metadata()?) & 0o2777;
            Ok(rustix::fs::fchmod(&file, Mode::from_raw_mode(mode) | Mode::RWXU)?)
        };
        give().map_err(|error| io_error("set the permissions of", &path, error))?;
        made.sync()?;
        self.sync()
    }

    fn is_link(&self, name: &OsStr) -> bool {
        matches!(self.entry(name), Ok(Some(entry)) if entry.kind == FileType::Symlink)
    }

    /// The path by which this directory was reached; for messages and for other programs.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What `name` stands for, or `None`.
    ///
    /// # Errors
    /// When `name` is not a plain name, or the system says no.
    pub fn entry(&self, name: &OsStr) -> Result<Option<Entry>, DirError> {
        self.check_name(name)?;
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Entry {
                dev: stat.st_dev,
                ino: stat.st_ino,
                len: u64::try_from(stat.st_size).unwrap_or(0),
                kind: FileType::from_raw_mode(stat.st_mode),
                stat: StatData::from_stat(&stat),
            })),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(io_error("look at", &self.path.join(name), error)),
        }
    }

    /// Checks that `name` stands for the very file that is open as `file`.
    ///
    /// # Errors
    /// [`DirError::Swapped`] if it does not; what the system says.
    pub fn check_is(&self, name: &OsStr, file: &File) -> Result<(), DirError> {
        let path = || self.path.join(name);
        let found = self.entry(name)?;
        let open = rustix::fs::fstat(file).map_err(|e| io_error("look at", &path(), e))?;
        if found.is_some_and(|found| (found.dev, found.ino) == (open.st_dev, open.st_ino)) {
            return Ok(());
        }
        Err(DirError::Swapped { path: path() })
    }

    /// Creates a file that was not there, readable and writable by its owner only.
    ///
    /// # Errors
    /// [`DirError::Exists`] if the name is taken, even by a dangling link.
    pub fn create(&self, name: &OsStr, step: Step) -> Result<File, DirError> {
        self.check_name(name)?;
        failpoint::before(step);
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.fd, name, flags, Mode::RUSR | Mode::WUSR) {
            Ok(fd) => {
                let file = File::from(fd);
                #[cfg(test)]
                crate::sys::io_recorder::create(name, &file);
                failpoint::after(step);
                Ok(file)
            }
            Err(Errno::EXIST) => Err(DirError::Exists { path: self.path.join(name) }),
            Err(error) => Err(io_error("create", &self.path.join(name), error)),
        }
    }

    /// Opens a regular file, for writing too if `write`.
    ///
    /// # Errors
    /// [`DirError::Link`] and [`DirError::NotAFile`] for what is not a regular file; what the system
    /// says.
    pub fn open_file(&self, name: &OsStr, write: bool) -> Result<File, DirError> {
        self.check_name(name)?;
        let path = || self.path.join(name);
        let access = if write { OFlags::RDWR } else { OFlags::RDONLY };
        // Without NONBLOCK a named pipe would hold us for ever.
        let flags = access | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(Errno::LOOP) => return Err(DirError::Link { path: path() }),
            Err(Errno::ISDIR | Errno::NXIO) => return Err(DirError::NotAFile { path: path() }),
            Err(error) => return Err(io_error("open", &path(), error)),
        };
        let metadata = file.metadata().map_err(|e| io_error("look at", &path(), e))?;
        if metadata.is_file() { Ok(file) } else { Err(DirError::NotAFile { path: path() }) }
    }

    /// Removes a file; that it is gone already is fine.
    ///
    /// # Errors
    /// What the system says.
    pub fn remove(&self, name: &OsStr) -> Result<(), DirError> {
        self.check_name(name)?;
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) => {
                #[cfg(test)]
                crate::sys::io_recorder::remove(name);
                Ok(())
            }
            Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(io_error("remove", &self.path.join(name), error)),
        }
    }

    /// Moves `name` to `new_name` in `target`, in one step, replacing a file that is there.
    ///
    /// # Errors
    /// What the system says.
    pub fn rename(&self, name: &OsStr, target: &Self, new_name: &OsStr) -> Result<(), DirError> {
        self.check_name(name)?;
        target.check_name(new_name)?;
        rustix::fs::renameat(&self.fd, name, &target.fd, new_name)
            .map_err(|e| io_error("rename to", &target.path.join(new_name), e))
    }

    /// Moves `name` to `new_name` in `target`, in one step, if that name is free.
    ///
    /// On a file system that cannot do this in one call, the file gets the new name as a second
    /// one (which also fails if it is taken) and then loses the old; where there are no hard links
    /// either, looking and renaming are two steps.
    ///
    /// # Errors
    /// [`DirError::Exists`] if the name is taken; what the system says.
    pub fn rename_new(
        &self,
        name: &OsStr,
        target: &Self,
        new_name: &OsStr,
    ) -> Result<(), DirError> {
        self.check_name(name)?;
        target.check_name(new_name)?;
        let path = || target.path.join(new_name);
        let flags = RenameFlags::NOREPLACE;
        match rustix::fs::renameat_with(&self.fd, name, &target.fd, new_name, flags) {
            Ok(()) => {
                #[cfg(test)]
                crate::sys::io_recorder::rename(name, new_name);
                Ok(())
            }
            Err(Errno::EXIST) => Err(DirError::Exists { path: path() }),
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                self.rename_new_by_link(name, target, new_name)
            }
            Err(error) => Err(io_error("rename to", &path(), error)),
        }
    }

    /// Lets `name` and `new_name` in `target` change places, in one step. `false` where the file
    /// system cannot do that.
    ///
    /// # Errors
    /// What the system says; that `new_name` is not there is among it.
    pub fn exchange(
        &self,
        name: &OsStr,
        target: &Self,
        new_name: &OsStr,
    ) -> Result<bool, DirError> {
        self.check_name(name)?;
        target.check_name(new_name)?;
        let flags = RenameFlags::EXCHANGE;
        match rustix::fs::renameat_with(&self.fd, name, &target.fd, new_name, flags) {
            Ok(()) => Ok(true),
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(false),
            Err(error) => Err(io_error("change places with", &target.path.join(new_name), error)),
        }
    }

    /// Gives the file at `path` another name: `name` here. A link at `path` is followed.
    ///
    /// # Errors
    /// [`DirError::Exists`] if the name is taken; what the system says, also where the file system
    /// has no hard links or the file is on another one.
    pub fn link(&self, path: &Path, name: &OsStr) -> Result<(), DirError> {
        self.check_name(name)?;
        let flags = AtFlags::SYMLINK_FOLLOW;
        match rustix::fs::linkat(rustix::fs::CWD, path, &self.fd, name, flags) {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => Err(DirError::Exists { path: self.path.join(name) }),
            Err(error) => Err(io_error("link to", &self.path.join(name), error)),
        }
    }

    /// Makes the symbolic link `name` to `target`.
    ///
    /// # Errors
    /// [`DirError::Exists`] if the name is taken; what the system says.
    pub fn make_link(&self, name: &OsStr, target: &Path) -> Result<(), DirError> {
        self.check_name(name)?;
        match rustix::fs::symlinkat(target, &self.fd, name) {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => Err(DirError::Exists { path: self.path.join(name) }),
            Err(error) => Err(io_error("make the symbolic link", &self.path.join(name), error)),
        }
    }

    fn rename_new_by_link(
        &self,
        name: &OsStr,
        target: &Self,
        new_name: &OsStr,
    ) -> Result<(), DirError> {
        let path = || target.path.join(new_name);
        match rustix::fs::linkat(&self.fd, name, &target.fd, new_name, AtFlags::empty()) {
            Ok(()) => self.remove(name),
            Err(Errno::EXIST) => Err(DirError::Exists { path: path() }),
            Err(_) => match target.entry(new_name)? {
                Some(_) => Err(DirError::Exists { path: path() }),
                None => self.rename(name, target, new_name),
            },
        }
    }

    /// Waits until the names in this directory are on the disk. File systems that cannot sync a
    /// directory are taken to keep names safe by themselves.
    ///
    /// # Errors
    /// What the system says.
    pub fn sync(&self) -> Result<(), DirError> {
        #[cfg(test)]
        crate::sys::io_recorder::sync_dir();
        match rustix::fs::fsync(&self.fd) {
            Ok(()) | Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            Err(error) => Err(io_error("sync the directory", &self.path, error)),
        }
    }

    /// The names in this directory, sorted, without `.` and `..`.
    ///
    /// # Errors
    /// What the system says.
    pub fn names(&self) -> Result<Vec<OsString>, DirError> {
        let mut names = Vec::new();
        let entries = rustix::fs::Dir::read_from(&self.fd).map_err(|e| self.io("list", e))?;
        for entry in entries {
            let entry = entry.map_err(|e| self.io("list", e))?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    fn check_name(&self, name: &OsStr) -> Result<(), DirError> {
        let bytes = name.as_bytes();
        let plain = !bytes.is_empty() && bytes != b"." && bytes != b".." && !bytes.contains(&b'/');
        if plain { Ok(()) } else { Err(self.escapes(name)) }
    }

    fn escapes(&self, name: &OsStr) -> DirError {
        DirError::Escapes { dir: self.path.clone(), path: PathBuf::from(name) }
    }

    fn io(&self, what: &'static str, error: impl Into<io::Error>) -> DirError {
        io_error(what, &self.path, error)
    }
}

#[cfg(test)]
mod tests;
