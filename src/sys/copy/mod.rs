//! Copies a file's bytes: shared by the file system where it can, else streamed.

mod stream;
#[cfg(test)]
mod tests;

use super::buffer;
use super::file_system::is_served;
use super::sums::{Stretch, Sums};
use crate::sys::failpoint::{self, Step};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::ops::{ControlFlow, Range};
use std::os::unix::fs::FileExt;

/// Files up to this size are written without waiting for the disk in between.
const SMALL: u64 = 4 << 20;
/// Bytes that a file server is asked to copy at once, so that progress can be told.
const SERVER_PIECE: usize = 64 << 20;

/// How the bytes came over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyMethod {
    /// The file system shares them between both files until one is changed.
    Clone,
    /// The file server copied them, at least the first of them.
    Server,
    /// Read and written.
    ReadWrite,
}

/// Why a copy failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// The input ends too early: somebody cut it after it was looked at.
    #[error("input ends at {found} bytes where {expected} were expected")]
    Truncated {
        /// Length that it should have.
        expected: u64,
        /// Where it ends.
        found: u64,
    },
    /// The input cannot be read.
    #[error("cannot read the input at offset {offset}: {source}")]
    Read {
        /// From where.
        offset: u64,
        /// The system's word.
        source: io::Error,
    },
    /// The output cannot be written. The disk may be full; see [`is_full`](super::file::is_full).
    #[error("cannot write the output at offset {offset}: {source}")]
    Write {
        /// To where.
        offset: u64,
        /// The system's word.
        source: io::Error,
    },
    /// There is no memory for a buffer.
    #[error("no memory for a buffer of {len} bytes: {source}")]
    Memory {
        /// Its size.
        len: usize,
        /// The system's word.
        source: io::Error,
    },
    /// `progress` asked to stop.
    #[error("stopped at offset {offset}")]
    Stopped {
        /// How far it came.
        offset: u64,
    },
}

/// A copy that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// How the bytes came over.
    pub method: CopyMethod,
    /// Digests of the input's bytes as they were read, from the first to the last; none where the
    /// kernel or a server copied and nobody here saw them.
    pub sums: Vec<Stretch>,
}

/// Copies the first `len` bytes of `src` to `dst`, which is empty and open for writing.
///
/// Of a large file, holes in the input become holes in the output, its bytes are sent to the disk on
/// the way (a sync afterwards finds nearly nothing to do) and leave the page cache behind the copy.
/// So do the input's, but only where they were not cached before: what somebody else works with
/// stays.
///
/// `progress` gets the number of bytes done, at least once per 64 MiB; it can stop the copy.
///
/// # Errors
/// A [`CopyError`]; `dst` is spoilt then.
pub fn copy_file(
    src: &File,
    dst: &File,
    len: u64,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<CopyMethod, CopyError> {
    copy(src, dst, len, None, progress)
}

/// As [`copy_file`]; also digests the input's bytes where they are read, so that what the disk
/// gives back can be held against them.
///
/// # Errors
/// As [`copy_file`].
pub fn copy_and_sum(
    src: &File,
    dst: &File,
    len: u64,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Copied, CopyError> {
    let mut sums = Sums::default();
    let method = copy(src, dst, len, Some(&mut sums), progress)?;
    let sums = match method {
        CopyMethod::ReadWrite => sums.finish(),
        CopyMethod::Clone | CopyMethod::Server => Vec::new(),
    };
    Ok(Copied { method, sums })
}

fn copy(
    src: &File,
    dst: &File,
    len: u64,
    mut sums: Option<&mut Sums>,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<CopyMethod, CopyError> {
    if clone(src, dst, len)? {
        report(progress, len)?;
        return Ok(CopyMethod::Clone);
    }
    let large = len > SMALL;
    let done = if large && is_served(dst) { by_server(src, dst, len, progress)? } else { 0 };
    if large && done == len {
        return Ok(CopyMethod::Server);
    }
    // Digests that lack what a server copied are of no use: they begin at the start of the file.
    let whole = done == 0;
    let mut sums = sums.take_if(|_| whole);
    let copied = buffer::with_buffer(|buffer| {
        if large {
            stream::stream(src, dst, done, len, buffer, &mut sums, progress)
        } else {
            copy_range(src, dst, done..len, buffer, &mut sums, progress)
        }
    })
    .map_err(|source| CopyError::Memory { len: buffer::SIZE, source })?;
    match copied {
        Ok(()) if !whole => Ok(CopyMethod::Server),
        Ok(()) => Ok(CopyMethod::ReadWrite),
        // The reader knew only of the window that it was in.
        Err(CopyError::Truncated { found, .. }) => {
            Err(CopyError::Truncated { expected: len, found })
        }
        Err(error) => Err(error),
    }
}

fn report(progress: &mut dyn FnMut(u64) -> ControlFlow<()>, offset: u64) -> Result<(), CopyError> {
    failpoint::before(Step::Copy);
    match progress(offset) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(CopyError::Stopped { offset }),
    }
}

/// Lets the file system share the bytes; `false` if it cannot, for whatever reason: copying will
/// meet that reason again if it matters.
fn clone(src: &File, dst: &File, len: u64) -> Result<bool, CopyError> {
    if rustix::fs::ioctl_ficlone(dst, src).is_err() {
        return Ok(false);
    }
    let write = |source| CopyError::Write { offset: 0, source };
    let found = dst.metadata().map_err(write)?.len();
    if found < len {
        return Err(CopyError::Truncated { expected: len, found });
    }
    if found > len {
        dst.set_len(len).map_err(write)?;
    }
    Ok(true)
}

/// Has the file server copy; tells how far it came.
fn by_server(
    src: &File,
    dst: &File,
    len: u64,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<u64, CopyError> {
    let mut done = 0;
    while done < len {
        report(progress, done)?;
        let (mut from, mut to) = (done, done);
        let piece = usize::try_from(len - done).unwrap_or(SERVER_PIECE).min(SERVER_PIECE);
        match rustix::fs::copy_file_range(src, Some(&mut from), dst, Some(&mut to), piece) {
            // Nothing, or a refusal that others are known to give now and then: we go on by hand,
            // and find out whether the input ends here.
            Ok(0) => break,
            Ok(n) => done = done.saturating_add(n as u64),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG)) => {
                return Err(CopyError::Write { offset: done, source: error.into() });
            }
            Err(_) => break,
        }
    }
    Ok(done)
}

/// Reads what fits into `buffer` or up to `end`, at least one byte.
fn read(src: &File, buffer: &mut [u8], offset: u64, end: u64) -> Result<usize, CopyError> {
    let wanted = usize::try_from(end - offset).unwrap_or(usize::MAX).min(buffer.len());
    let (piece, _) = buffer.split_at_mut(wanted);
    loop {
        match src.read_at(piece, offset) {
            Ok(0) => return Err(CopyError::Truncated { expected: end, found: offset }),
            Ok(n) => return Ok(n),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(CopyError::Read { offset, source }),
        }
    }
}

/// Copies `range` in pieces.
fn copy_range(
    src: &File,
    dst: &File,
    range: Range<u64>,
    buffer: &mut [u8],
    sums: &mut Option<&mut Sums>,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<(), CopyError> {
    let Range { start: mut done, end } = range;
    while done < end {
        let n = read(src, buffer, done, end)?;
        let (bytes, _) = buffer.split_at(n);
        if let Some(sums) = sums {
            sums.zeros_to(done);
            sums.push(bytes);
        }
        dst.write_all_at(bytes, done)
            .map_err(|source| CopyError::Write { offset: done, source })?;
        done = done.saturating_add(n as u64);
        report(progress, done)?;
    }
    Ok(())
}
