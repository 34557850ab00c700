//! Sends pages to the disk and out of the cache.

#![expect(unsafe_code, reason = "neither nix nor rustix wraps sync_file_range")]

use rustix::fs::Advice;
use rustix::io::{Errno, ReadWriteFlags};
use std::fs::File;
use std::io;
use std::num::NonZeroU64;
use std::os::fd::AsRawFd;

fn sync_range(file: &File, offset: u64, len: u64, flags: libc::c_uint) -> io::Result<bool> {
    let (Ok(offset), Ok(len)) = (i64::try_from(offset), i64::try_from(len)) else {
        return Ok(false);
    };
    loop {
        // SAFETY: the call takes numbers only, and `file` stays open over it.
        if unsafe { libc::sync_file_range(file.as_raw_fd(), offset, len, flags) } == 0 {
            return Ok(true);
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EINTR) => {}
            Some(libc::ENOSYS | libc::EINVAL | libc::ESPIPE | libc::EOPNOTSUPP) => {
                return Ok(false);
            }
            _ => return Err(error),
        }
    }
}

/// Asks the kernel to begin writing this range. `false`: this file system cannot.
///
/// # Errors
/// A write that failed; space may turn out missing only here, where blocks are given late.
pub(super) fn start(file: &File, offset: u64, len: u64) -> io::Result<bool> {
    sync_range(file, offset, len, libc::SYNC_FILE_RANGE_WRITE)
}

/// Waits until this range is written. Durable it is only after a sync of the file.
///
/// # Errors
/// As for [`start`].
pub(super) fn wait(file: &File, offset: u64, len: u64) -> io::Result<bool> {
    let flags = libc::SYNC_FILE_RANGE_WAIT_BEFORE
        | libc::SYNC_FILE_RANGE_WRITE
        | libc::SYNC_FILE_RANGE_WAIT_AFTER;
    sync_range(file, offset, len, flags)
}

/// Drops the clean pages of this range from the cache; advice, so errors do not matter.
pub(super) fn drop_pages(file: &File, offset: u64, len: u64) {
    if let Some(len) = NonZeroU64::new(len) {
        let _ = rustix::fs::fadvise(file, offset, Some(len), Advice::DontNeed);
    }
}

/// Tells the kernel that the file will be read from front to end.
pub(super) fn will_stream(file: &File) {
    let _ = rustix::fs::fadvise(file, 0, None, Advice::Sequential);
}

/// Whether the byte at `offset` is in the page cache; `false` where the kernel cannot tell.
pub(super) fn is_cached(file: &File, offset: u64) -> bool {
    let mut byte = [0_u8];
    let mut slices = [io::IoSliceMut::new(&mut byte)];
    loop {
        match rustix::io::preadv2(file, &mut slices, offset, ReadWriteFlags::NOWAIT) {
            Ok(n) => return n == 1,
            Err(Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    #[test]
    fn a_written_range_leaves_the_cache() {
        let file = tempfile::tempfile_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let page = vec![7_u8; 1 << 20];
        file.write_all_at(&page, 0).unwrap();
        if !is_cached(&file, 4096) {
            return; // a file system that cannot tell
        }
        assert!(start(&file, 0, 1 << 20).unwrap());
        assert!(wait(&file, 0, 1 << 20).unwrap());
        drop_pages(&file, 0, 1 << 20);
        assert!(!is_cached(&file, 512 << 10));
    }
}
