//! Does with single files what std does not offer.

use crate::sys::failpoint::{self, Step};
use serde::{Deserialize, Serialize};
use std::fs::{File, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::Duration;

/// A point in time as file systems store it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileTime {
    /// Seconds since 1970, may be negative.
    pub seconds: i64,
    /// Nanoseconds within the second.
    pub nanos: i64,
}

/// Tells one state of one file from any other, as far as its inode can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// Device number of the file system.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Length in bytes.
    pub len: u64,
    /// When the content was last changed.
    pub mtime: FileTime,
}

impl Identity {
    /// The identity that `metadata` tells.
    pub fn from_metadata(metadata: &Metadata) -> Self {
        Self {
            dev: metadata.dev(),
            ino: metadata.ino(),
            len: metadata.len(),
            mtime: FileTime { seconds: metadata.mtime(), nanos: metadata.mtime_nsec() },
        }
    }

    /// The present identity of an open file.
    ///
    /// # Errors
    /// When the file's metadata cannot be read.
    pub fn of(file: &File) -> io::Result<Self> {
        file.metadata().map(|metadata| Self::from_metadata(&metadata))
    }

    /// Whether both are states of the same inode.
    pub fn same_inode(&self, other: &Self) -> bool {
        self.dev == other.dev && self.ino == other.ino
    }
}

/// Whether an error says that the place for more bytes has run out: no space, no quota, or beyond
/// the largest size that the file system or a limit allows.
pub fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

/// Whether an error may pass by itself: the way to the bytes failed, not the request. Disks,
/// network file systems and their servers give such errors, and a moment later none.
pub fn may_pass(error: &io::Error) -> bool {
    use rustix::io::Errno;
    const PASSING: [Errno; 17] = [
        Errno::IO,
        Errno::REMOTEIO,
        Errno::STALE,
        Errno::TIMEDOUT,
        Errno::AGAIN,
        Errno::BUSY,
        Errno::NFILE,
        Errno::MFILE,
        Errno::NOTCONN,
        Errno::SHUTDOWN,
        Errno::CONNREFUSED,
        Errno::CONNRESET,
        Errno::CONNABORTED,
        Errno::HOSTDOWN,
        Errno::HOSTUNREACH,
        Errno::NETDOWN,
        Errno::NETUNREACH,
    ];
    let code = error.raw_os_error().map(Errno::from_raw_os_error);
    code.is_some_and(|code| PASSING.contains(&code))
}

/// Does `what`, again as long as it fails for a reason that [may pass](may_pass), with pauses that
/// double: for seconds, so that a file server that restarts is waited for, and a broken one not.
///
/// # Errors
/// The last error, or one that does not pass.
pub fn patiently<T>(mut what: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut pause = FIRST_PAUSE;
    loop {
        match what() {
            Err(error) if pause <= LONGEST_PAUSE && may_pass(&error) => std::thread::sleep(pause),
            result => return result,
        }
        pause *= 2;
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(1600);

/// Goes to the end of a file of lines, and ends the last one where it was torn.
///
/// # Errors
/// What the kernel says.
pub fn end_line(file: &mut File) -> io::Result<()> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(());
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

/// Writes all of `bytes` at `offset`, as `step`.
///
/// # Errors
/// What the kernel says; some of the bytes may have been written then.
pub fn write_at(file: &File, bytes: &[u8], offset: u64, step: Step) -> io::Result<()> {
    failpoint::before(step);
    if failpoint::torn(step) {
        let (half, _) = bytes.split_at(bytes.len() / 2);
        file.write_all_at(half, offset)?;
        failpoint::die();
    }
    file.write_all_at(bytes, offset)?;
    #[cfg(test)]
    crate::sys::io_recorder::write(file, bytes, offset);
    failpoint::after(step);
    Ok(())
}

/// Sets the length, as `step`.
///
/// # Errors
/// What the kernel says.
pub fn set_len(file: &File, len: u64, step: Step) -> io::Result<()> {
    failpoint::before(step);
    file.set_len(len)?;
    #[cfg(test)]
    crate::sys::io_recorder::set_len(file, len);
    failpoint::after(step);
    Ok(())
}

/// Waits until the file's bytes and its metadata are on the disk, as `step`.
///
/// # Errors
/// What the kernel says. Bytes written before may be lost then, and a second sync that succeeds
/// proves nothing: the kernel reports a lost page once.
pub fn sync(file: &File, step: Step) -> io::Result<()> {
    failpoint::before(step);
    file.sync_all()?;
    #[cfg(test)]
    crate::sys::io_recorder::sync(file);
    failpoint::after(step);
    Ok(())
}

/// The permissions of any file that a program makes for its user: those that the umask leaves, which is
/// read without changing it.
pub fn usual_mode() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let said = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    let umask = said.and_then(|mask| u32::from_str_radix(mask.trim(), 8).ok()).unwrap_or(0o022);
    0o666 & !umask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_waited_for() {
        // Where nothing is mapped there is nothing to read: a real I/O error.
        let memory = File::open("/proc/self/mem").unwrap();
        let error = memory.read_at(&mut [0], 0).unwrap_err();
        assert!(may_pass(&error) && error.raw_os_error() == Some(libc::EIO), "{error}");
        let mut tries = 0;
        let read = patiently(|| {
            tries += 1;
            if tries < 3 { memory.read_at(&mut [0], 0) } else { Ok(7) }
        });
        assert_eq!((read.unwrap(), tries), (7, 3));
        let mut tries = 0;
        let gone = patiently(|| {
            tries += 1;
            File::open("/nowhere/at/all")
        });
        assert!(gone.is_err() && tries == 1, "that it is not there does not pass");
        for code in [libc::ENOENT, libc::EACCES, libc::EISDIR, libc::EINVAL, libc::ENOSPC] {
            assert!(!may_pass(&io::Error::from_raw_os_error(code)));
        }
        assert!(may_pass(&io::Error::from_raw_os_error(libc::ESTALE)));
        assert!(!may_pass(&io::Error::other("a word")));
    }

    #[test]
    fn identity_sees_a_longer_file() {
        let file = tempfile::tempfile().unwrap();
        let before = Identity::of(&file).unwrap();
        write_at(&file, b"abc", 0, Step::Copy).unwrap();
        let after = Identity::of(&file).unwrap();
        assert!(before.same_inode(&after));
        assert_ne!(before, after);
        assert_eq!(after.len, 3);
    }

    #[test]
    fn full_is_told_from_other_errors() {
        for code in [libc::ENOSPC, libc::EDQUOT, libc::EFBIG] {
            assert!(is_full(&io::Error::from_raw_os_error(code)));
        }
        for code in [libc::EIO, libc::EROFS, libc::EACCES] {
            assert!(!is_full(&io::Error::from_raw_os_error(code)));
        }
    }
}
