//! Directories that are used for a while and removed: by whoever made them, or, where that was killed,
//! by the next that works there.

use crate::sys::random;
use rustix::fs::{Mode, OFlags};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// What its name begins with.
const NAME: &str = ".jldconv-sample-";
/// A file in it that whoever uses it holds locked.
const LOCK: &str = "lock";
/// So often one is made that another process removes as one that a dead process left.
const TRIES: u32 = 16;

/// The directory; it is removed with all that is in it.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    /// Held locked as long as it is used.
    _lock: File,
}

impl Scratch {
    /// A directory in `parent`, for this user alone.
    ///
    /// # Errors
    /// None can be made there.
    pub fn new(parent: &Path) -> io::Result<Self> {
        let mut made = Err(io::ErrorKind::NotFound.into());
        for _ in 0..TRIES {
            let name = format!("{NAME}{:016x}", u64::from_ne_bytes(random::bytes()?));
            let path = std::path::absolute(parent.join(name))?;
            DirBuilder::new().mode(0o700).create(&path)?;
            made = locked(&path).map(|lock| Self { path, _lock: lock });
            if made.is_ok() {
                break;
            }
        }
        made
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes what is in it.
    pub fn clear(&self) {
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            if entry.file_name() != LOCK {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Makes the lock of the directory `path` and takes it. Where there are no locks, it is held open only:
/// then nobody removes it.
fn locked(path: &Path) -> io::Result<File> {
    let file = lock_file(path, OFlags::CREATE | OFlags::EXCL)?;
    match file.try_lock() {
        Err(fs::TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
        Ok(()) | Err(fs::TryLockError::Error(_)) => {}
    }
    // Whoever took it for a dead one's before is through with it now.
    fs::symlink_metadata(path.join(LOCK))?;
    Ok(file)
}

fn lock_file(path: &Path, how: OFlags) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | how;
    let file = rustix::fs::open(path.join(LOCK), flags, Mode::from_raw_mode(0o600))?;
    Ok(File::from(file))
}

/// Removes what dead processes of this user left where outputs go: in `dir`, and beside it, where it was
/// as long as that was not there.
pub fn remove_left(dir: &Path) {
    let beside = dir.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for place in [dir, beside] {
        for entry in fs::read_dir(place).into_iter().flatten().flatten() {
            if entry.file_name().as_encoded_bytes().starts_with(NAME.as_bytes()) {
                remove_dead(&entry.path());
            }
        }
    }
}

fn remove_dead(path: &Path) {
    let me = rustix::process::geteuid().as_raw();
    let mine = fs::symlink_metadata(path).is_ok_and(|it| it.is_dir() && it.uid() == me);
    if !mine {
        return;
    }
    match lock_file(path, OFlags::empty()) {
        // Of one that is alive the lock is held; where there are no locks, nobody knows.
        Ok(lock) if lock.try_lock().is_ok() => drop(fs::remove_dir_all(path)),
        // Its maker was killed before it was locked, or makes another.
        Err(error) if error.kind() == io::ErrorKind::NotFound => drop(fs::remove_dir(path)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> usize {
        fs::read_dir(dir).unwrap().count()
    }

    #[test]
    fn what_dead_processes_left_is_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let alive = Scratch::new(dir.path()).unwrap();
        assert_eq!(alive.path().parent(), Some(dir.path()));
        let left = |name: &str, lock: bool| {
            let path = dir.path().join(format!("{NAME}{name}"));
            fs::create_dir(&path).unwrap();
            if lock {
                fs::write(path.join(LOCK), "").unwrap();
                fs::create_dir(path.join("outputs")).unwrap();
                fs::write(path.join("outputs/output_00001.jld2"), "x").unwrap();
            }
            path
        };
        let (dead, empty) = (left("1", true), left("2", false));
        let unknown = left("3", false);
        fs::write(unknown.join("mine"), "x").unwrap();
        std::os::unix::fs::symlink(&unknown, dir.path().join(format!("{NAME}4"))).unwrap();
        fs::create_dir(&out).unwrap();
        remove_left(&out);
        assert!(!dead.exists() && !empty.exists());
        assert!(alive.path().exists() && unknown.join("mine").exists());
        assert_eq!(names(dir.path()), 4, "out, the live one, the unknown one, the link");
        alive.clear();
        remove_left(&out);
        let path = alive.path().to_owned();
        assert!(path.exists());
        drop(alive);
        assert!(!path.exists());
    }
}
