//! Finds lines of journals again: where they stand is kept, not what they say.
//!
//! Journals are only appended to, so a line that was read once stands where it stood.

use super::record::{JobLine, Line};
use crate::sys::dir::DirError;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// A journal that was read.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) file: File,
    /// For messages.
    pub(super) path: PathBuf,
}

/// Where a line stands in a journal, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) offset: u64,
    pub(super) len: u32,
}

impl Stored {
    /// The line of a job at `span`, which was one when it was read first.
    pub(super) fn job(&self, span: Span) -> Result<JobLine, DirError> {
        let mut bytes = vec![0; usize::try_from(span.len).unwrap_or(usize::MAX)];
        self.file
            .read_exact_at(&mut bytes, span.offset)
            .and_then(|()| {
                job_line(&bytes).ok_or_else(|| {
                    let message =
                        format!("the line at byte {} is not what it was before", span.offset);
                    io::Error::new(io::ErrorKind::InvalidData, message)
                })
            })
            .map_err(|source| DirError::Io { what: "read", path: self.path.clone(), source })
    }
}

/// What the line of a job begins with.
const JOB: &[u8] = b"{\"kind\":\"job\",";

/// `bytes` as the line of a job; none if they are not one, or not understood.
pub(super) fn job_line(bytes: &[u8]) -> Option<JobLine> {
    // Without the detour by way of all kinds of lines it takes half the time.
    if bytes.starts_with(JOB) {
        return serde_json::from_slice(bytes).ok();
    }
    match serde_json::from_slice(bytes) {
        Ok(Line::Job(line)) => Some(*line),
        _ => None,
    }
}
