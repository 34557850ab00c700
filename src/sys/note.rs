//! Puts a note on a file, in an extended attribute, that says in which directory the undo file of a
//! change lies that was begun. It goes where the file goes: a rename keeps it.

use rustix::fs::XattrFlags;
use rustix::io::Errno;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The attribute's name.
pub const NAME: &str = "user.jldconv.undo";
/// Longest path that is read, in bytes: what Linux allows.
const LONGEST: usize = 4096;

/// Notes `dir` on `file`. Gives `false` where the file system, or the file's rights, do not let it.
///
/// # Errors
/// What else the system says, such as that there is no space.
pub fn write(file: &File, dir: &Path) -> io::Result<bool> {
    match rustix::fs::fsetxattr(file, NAME, dir.as_os_str().as_bytes(), XattrFlags::empty()) {
        Ok(()) => Ok(true),
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::PERM | Errno::ACCESS) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// What is noted on the file at `path`, which is not a link; none where nothing can be.
pub fn read(path: &Path) -> Option<PathBuf> {
    // Most files have none: nothing is allocated for that answer.
    let mut buffer = [MaybeUninit::uninit(); LONGEST];
    let (bytes, _) = rustix::fs::lgetxattr(path, NAME, &mut buffer).ok()?;
    (!bytes.is_empty()).then(|| PathBuf::from(OsString::from_vec(bytes.to_vec())))
}

/// Removes the note. Gives whether there was one.
///
/// # Errors
/// What the system says.
pub fn remove(file: &File) -> io::Result<bool> {
    match rustix::fs::fremovexattr(file, NAME) {
        Ok(()) => Ok(true),
        Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
