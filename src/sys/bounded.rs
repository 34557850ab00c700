//! Bounds the memory of a program that works on one file, and ends it in words where that is not
//! enough.
//!
//! Who runs out of memory in the middle of anything cannot go on: Rust ends such a process with
//! `SIGABRT` and a line about an allocation of some bytes. Here it says which limit was reached. What it
//! leaves is what any process leaves that is killed: an output has its name only when it is whole.

#![expect(unsafe_code, reason = "an allocator is unsafe to implement; this one hands all on")]

use super::process::limit_data;
use std::alloc::{GlobalAlloc, Layout, System};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// Said with the last breath; nothing can be put together any more.
const TOLD: &[u8] =
    b"error: the memory that --memory-limit allows is used up; a higher limit helps, \
or none (what was begun is not finished, the input is as it was or has its undo file)\n";

static LIMITED: AtomicBool = AtomicBool::new(false);

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
        // SAFETY: the bytes are there, no memory is asked for, and nothing of this process runs on.
        unsafe {
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
