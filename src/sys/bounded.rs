//! Bounds the memory of a program that works on one file, and ends it in words where that is not
//! enough.
//!
//! Who runs out of memory in the middle of anything cannot go on: Rust ends such a process with
//! `SIGABRT` and a line about an allocation of some bytes. Here it says which limit was reached, and
//! removes the file that it was making ([`leave_nothing`]): an output has its name only when it is
//! whole.

#![expect(unsafe_code, reason = "an allocator is unsafe to implement; this one hands all on")]

use super::dir::Dir;
use super::process::limit_data;
use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

/// Said with the last breath; nothing can be put together any more.
const TOLD: &[u8] =
    b"error: the memory that --memory-limit allows is used up; a higher limit helps, \
or none (what was begun is not finished, the input is as it was or has its undo file)\n";

static LIMITED: AtomicBool = AtomicBool::new(false);
/// What is to be removed at the end; never freed.
static LEFT: AtomicPtr<Left> = AtomicPtr::new(std::ptr::null_mut());

struct Left {
    dir: Dir,
    file: CString,
    /// Removed if they are empty then, one after the other.
    dirs: Vec<CString>,
}

/// Has the end for lack of memory remove `file` in `dir`, which is this process's own, and then those
/// of `dirs` that are empty.
///
/// # Errors
/// A name has a NUL.
pub fn leave_nothing(dir: Dir, file: &OsStr, dirs: &[&Path]) -> io::Result<()> {
    let name = |name: &OsStr| CString::new(name.as_bytes()).map_err(io::Error::other);
    let dirs = dirs.iter().map(|dir| name(dir.as_os_str())).collect::<io::Result<_>>()?;
    let left = Box::new(Left { dir, file: name(file)?, dirs });
    LEFT.store(Box::into_raw(left), Ordering::Release);
    Ok(())
}

/// The system's allocator, for programs that call [`limit`].
#[derive(Debug, Default)]
pub struct Bounded;

/// From now on this process may take `bytes` more of private memory than the `reserved` ones that it
/// took for stacks; where it cannot have more, it ends with the exit code 1.
///
/// # Errors
/// What the kernel says.
pub fn limit(bytes: u64, reserved: u64) -> io::Result<()> {
    limit_data(Some(bytes.saturating_add(reserved)))?;
    LIMITED.store(true, Ordering::Relaxed);
    Ok(())
}

/// The end, if there was a limit.
#[cold]
fn missing() {
    if LIMITED.load(Ordering::Relaxed) {
        let left = LEFT.load(Ordering::Acquire);
        // SAFETY: the bytes are there, what `left` leads to is never freed or changed, no memory is
        // asked for, and nothing of this process runs on.
        unsafe {
            if let Some(left) = left.as_ref() {
                libc::unlinkat(left.dir.as_fd().as_raw_fd(), left.file.as_ptr(), 0);
                for dir in &left.dirs {
                    libc::rmdir(dir.as_ptr());
                }
            }
            libc::write(libc::STDERR_FILENO, TOLD.as_ptr().cast(), TOLD.len());
            libc::_exit(1)
        }
    }
}

fn checked(place: *mut u8) -> *mut u8 {
    if place.is_null() {
        missing();
    }
    place
}

// SAFETY: all is done by the system's allocator with the same arguments, whose promises are handed on.
unsafe impl GlobalAlloc for Bounded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises.
        checked(unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises.
        checked(unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promises.
        checked(unsafe { System.realloc(place, layout, size) })
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises.
        unsafe { System.dealloc(place, layout) }
    }
}
