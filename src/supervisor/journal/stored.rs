//! Finds lines of journals again: where they stand is kept, not what they say.
//!
//! Journals are only appended to, so a line that was read once stands where it stood.

use super::record::{JobLine, Line, ResultLine};
use crate::sys::dir::DirError;
use rustix::fs::OFlags;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

/// A journal that was read.
#[derive(Debug)]
pub(super) struct Stored {
    /// Of very many journals not all are held open.
    file: Option<File>,
    /// Device and inode number.
    id: (u64, u64),
    path: PathBuf,
}

/// Where a line stands in a journal, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(super) offset: u64,
    pub(super) len: u32,
}

impl Stored {
    /// The journal that `file` is, at `path`; it stays open if it is to be `held`.
    pub(super) fn of(file: &File, path: PathBuf, held: bool) -> Result<Self, DirError> {
        let looked = file.metadata().and_then(|meta| {
            Ok((held.then(|| file.try_clone()).transpose()?, (meta.dev(), meta.ino())))
        });
        match looked {
            Ok((file, id)) => Ok(Self { file, id, path }),
            Err(source) => Err(DirError::Io { what: "read", path, source }),
        }
    }

    /// Opens it anew, if it is still the same.
    fn open(&self) -> io::Result<File> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).unwrap_or_default();
        let file = File::options().read(true).custom_flags(flags).open(&self.path)?;
        let meta = file.metadata()?;
        if (meta.dev(), meta.ino()) == self.id {
            return Ok(file);
        }
        Err(io::Error::other("another file is in its place"))
    }

    fn read(&self, span: Span) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(span.len).unwrap_or(usize::MAX)];
        match &self.file {
            Some(file) => file.read_exact_at(&mut bytes, span.offset)?,
            None => self.open()?.read_exact_at(&mut bytes, span.offset)?,
        }
        Ok(bytes)
    }

    /// The line of a job at `span`, which was one when it was read first.
    pub(super) fn job(&self, span: Span) -> Result<JobLine, DirError> {
        self.parsed(span, |line| if let Line::Job(line) = line { Some(*line) } else { None })
    }

    /// The result at `span`, which was one when it was read first.
    pub(super) fn result(&self, span: Span) -> Result<ResultLine, DirError> {
        self.parsed(span, |line| if let Line::Result(line) = line { Some(*line) } else { None })
    }

    fn parsed<T>(&self, span: Span, of: impl Fn(Line) -> Option<T>) -> Result<T, DirError> {
        self.read(span)
            .and_then(|bytes| {
                if let Some(line) = line(&bytes).ok().and_then(of) {
                    return Ok(line);
                }
                let message = format!("the line at byte {} is not what it was before", span.offset);
                Err(io::Error::new(io::ErrorKind::InvalidData, message))
            })
            .map_err(|source| DirError::Io { what: "read", path: self.path.clone(), source })
    }
}

/// What the line of a job begins with.
const JOB: &[u8] = b"{\"kind\":\"job\",";
/// What that of a result begins with.
const RESULT: &[u8] = b"{\"kind\":\"result\",";

/// Understands the bytes of a line.
pub(super) fn line(bytes: &[u8]) -> serde_json::Result<Line> {
    // Without the detour by way of all kinds of lines it takes half the time.
    if bytes.starts_with(JOB) {
        return serde_json::from_slice::<JobLine>(bytes).map(|line| Line::Job(Box::new(line)));
    }
    if bytes.starts_with(RESULT) {
        return serde_json::from_slice::<ResultLine>(bytes).map(|it| Line::Result(Box::new(it)));
    }
    serde_json::from_slice(bytes)
}
