//! Copies large files by reading and writing, so that the disk writes while we read and the page
//! cache stays as it was.

use super::{CopyError, copy_range, report};
use crate::sys::holes;
use crate::sys::sums::Sums;
use crate::sys::writeback;
use rustix::fs::FallocateFlags;
use rustix::io::Errno;
use std::fs::File;
use std::ops::{ControlFlow, Range};

/// Written bytes are sent to the disk in windows of this size; at most two of them are dirty.
pub(super) const WINDOW: u64 = 32 << 20;

/// Copies `start..len` in pieces, sending each window to the disk as soon as it is full and waiting
/// for the one before.
pub(super) fn stream(
    src: &File,
    dst: &File,
    start: u64,
    len: u64,
    buffer: &mut [u8],
    sums: &mut Option<&mut Sums>,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<(), CopyError> {
    reserve(src, dst, start, len)?;
    let mut windows = Windows { src, dst, cached: Cached::probe(src, len), before: None };
    writeback::will_stream(src);
    let mut done = start;
    while let Some(data) = next_data(src, done, len)? {
        done = data.start;
        while done < data.end {
            let window = done..done.saturating_add(WINDOW).min(data.end);
            copy_range(src, dst, window.clone(), buffer, sums, progress)?;
            done = window.end;
            windows.push(window)?;
        }
    }
    windows.finish()?;
    end_with_hole(src, dst, len)?;
    if let Some(sums) = sums {
        sums.zeros_to(len);
    }
    report(progress, len)
}

/// Gives `dst` its full length if the input ends in a hole, which was not written.
fn end_with_hole(src: &File, dst: &File, len: u64) -> Result<(), CopyError> {
    let found = src.metadata().map_err(|source| CopyError::Read { offset: len, source })?.len();
    if found < len {
        return Err(CopyError::Truncated { expected: len, found });
    }
    let write = |source| CopyError::Write { offset: len, source };
    if dst.metadata().map_err(write)?.len() < len {
        dst.set_len(len).map_err(write)?;
    }
    Ok(())
}

/// Takes the space for all of the output at once, where the file system can, so that a disk that is
/// too full says so now and not after hours. Holes in the input need no space.
fn reserve(src: &File, dst: &File, start: u64, len: u64) -> Result<(), CopyError> {
    if has_holes(src, start)? {
        return Ok(());
    }
    let flags = FallocateFlags::KEEP_SIZE;
    match rustix::fs::fallocate(dst, flags, start, len.saturating_sub(start)) {
        Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG)) => {
            Err(CopyError::Write { offset: start, source: error.into() })
        }
        _ => Ok(()),
    }
}

fn has_holes(file: &File, offset: u64) -> Result<bool, CopyError> {
    holes::may_have(file).map_err(|source| CopyError::Read { offset, source })
}

/// The next stretch of the input from `offset` on that is not a hole, up to `len`.
fn next_data(src: &File, offset: u64, len: u64) -> Result<Option<Range<u64>>, CopyError> {
    if has_holes(src, offset)? {
        return Ok(holes::next_data(src, offset, len));
    }
    Ok((offset < len).then_some(offset..len))
}

/// Which parts of a file were in the page cache before anybody here read it.
struct Cached {
    /// Size of one part in bytes.
    part: u64,
    /// One bit for each of up to 64 parts.
    parts: u64,
}

impl Cached {
    /// Looks at one byte in the middle of each part. From back to front, since a look may make the
    /// kernel read ahead.
    fn probe(file: &File, len: u64) -> Self {
        let part = len.div_ceil(64).max(WINDOW);
        let parts = (0..64_u32).rev().fold(0, |parts, i| {
            let start = part.saturating_mul(u64::from(i));
            let middle = start.saturating_add(len.saturating_sub(start).min(part) / 2);
            let cached = start < len && writeback::is_cached(file, middle);
            parts | u64::from(cached) << i
        });
        Self { part, parts }
    }

    fn holds(&self, offset: u64) -> bool {
        u32::try_from(offset / self.part)
            .is_ok_and(|i| self.parts.checked_shr(i).unwrap_or(0) & 1 == 1)
    }
}

/// Written windows on their way to the disk.
struct Windows<'f> {
    src: &'f File,
    dst: &'f File,
    cached: Cached,
    /// The window that is being written.
    before: Option<Range<u64>>,
}

impl Windows<'_> {
    /// Begins to write this window, and waits for the one before it.
    fn push(&mut self, window: Range<u64>) -> Result<(), CopyError> {
        writeback::start(self.dst, window.start, window.end - window.start)
            .map_err(|source| CopyError::Write { offset: window.start, source })?;
        let before = self.before.replace(window);
        self.settle(before)
    }

    fn finish(mut self) -> Result<(), CopyError> {
        let last = self.before.take();
        self.settle(last)
    }

    fn settle(&self, window: Option<Range<u64>>) -> Result<(), CopyError> {
        let Some(window) = window else { return Ok(()) };
        let size = window.end - window.start;
        writeback::wait(self.dst, window.start, size)
            .map_err(|source| CopyError::Write { offset: window.start, source })?;
        writeback::drop_pages(self.dst, window.start, size);
        if !self.cached.holds(window.start) {
            writeback::drop_pages(self.src, window.start, size);
        }
        Ok(())
    }
}
