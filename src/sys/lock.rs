//! Tells whether somebody else has a file in hand.

#![expect(unsafe_code, reason = "neither nix nor rustix wraps F_SETLEASE")]

use rustix::fs::FlockOperation;
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// `F_SETSIG` of Linux's `asm-generic/fcntl.h`, which the libc crate lacks.
const F_SETSIG: libc::c_int = 10;

/// What a probe could find out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writers {
    /// Nobody has the file open for writing.
    None,
    /// Somebody has, maybe this process itself.
    Some,
    /// The file system, or missing rights on the file, keep the kernel from telling.
    Unknown,
}

/// Takes the whole-file lock for this open file without waiting; it ends when the file is closed.
/// Gives `false` if another open file holds it (libhdf5 holds one on each file it has open), `true`
/// also where the file system has no locks.
///
/// # Errors
/// What the kernel says beside that.
pub fn try_lock(file: &File) -> io::Result<bool> {
    lock(file, FlockOperation::NonBlockingLockExclusive)
}

/// As [`try_lock`], beside others who hold the lock in this way.
///
/// # Errors
/// As [`try_lock`].
pub fn try_lock_shared(file: &File) -> io::Result<bool> {
    lock(file, FlockOperation::NonBlockingLockShared)
}

fn lock(file: &File, how: FlockOperation) -> io::Result<bool> {
    match rustix::fs::flock(file, how) {
        Err(Errno::WOULDBLOCK) => Ok(false),
        Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOLCK | Errno::NOSYS | Errno::INVAL) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Looks whether anybody has the file open for writing. `file` must be open for reading only.
///
/// The kernel grants a read lease only where no writer is; the lease is given back at once.
pub fn writers(file: &File) -> Writers {
    let fd = file.as_raw_fd();
    // A writer that comes while the lease is held raises a signal here: by default SIGIO, which
    // would end the process; SIGURG is ignored by default.
    // SAFETY: F_SETSIG and F_SETLEASE take an int and touch no memory; `fd` is open as long as
    // `file` is borrowed.
    let taken = unsafe {
        libc::fcntl(fd, F_SETSIG, libc::SIGURG);
        libc::fcntl(fd, libc::F_SETLEASE, libc::F_RDLCK)
    };
    if taken == 0 {
        // SAFETY: as above.
        unsafe { libc::fcntl(fd, libc::F_SETLEASE, libc::F_UNLCK) };
        return Writers::None;
    }
    match io::Error::last_os_error().kind() {
        io::ErrorKind::WouldBlock => Writers::Some,
        _ => Writers::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_seen_by_another_open_file() {
        let temp = tempfile::NamedTempFile::new().unwrap();
        let other = File::open(temp.path()).unwrap();
        assert!(try_lock(temp.as_file()).unwrap());
        assert!(!try_lock(&other).unwrap());
        assert!(!try_lock_shared(&other).unwrap());
        drop(temp);
        assert!(try_lock_shared(&other).unwrap());
    }

    #[test]
    fn a_writer_is_seen_and_a_reader_is_none() {
        let temp = tempfile::NamedTempFile::new().unwrap();
        let reader = File::open(temp.path()).unwrap();
        let found = writers(&reader);
        if found == Writers::Unknown {
            return; // a file system without leases
        }
        assert_eq!(found, Writers::Some);
        let path = temp.into_temp_path();
        assert_eq!(writers(&reader), Writers::None);
        let again = File::open(&path).unwrap();
        assert_eq!(writers(&again), Writers::None, "the probe must give its lease back");
        let writer = File::options().write(true).open(&path).unwrap();
        assert_eq!(writers(&again), Writers::Some);
        drop(writer);
    }
}
