//! Keeps the end of what a worker writes to stderr, for a report of how it ended.

use std::collections::VecDeque;
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, BorrowedFd};

/// Bytes of a worker's stderr that are kept.
const KEPT: usize = 4 << 10;

/// What a worker writes to stderr.
pub(super) struct LastOutput {
    stderr: Option<PipeReader>,
    kept: VecDeque<u8>,
}

impl LastOutput {
    /// Reads from the end of a pipe that does not block.
    pub(super) fn new(stderr: PipeReader) -> Self {
        Self { stderr: Some(stderr), kept: VecDeque::new() }
    }

    /// The pipe, as long as it is open.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.stderr.as_ref().map(AsFd::as_fd)
    }

    /// Takes what is there.
    pub(super) fn read(&mut self) {
        let mut bytes = [0; 4 << 10];
        // Bounded, so that a worker that writes without end does not keep this thread.
        for _ in 0..16 {
            let Some(stderr) = &mut self.stderr else { return };
            match stderr.read(&mut bytes) {
                Ok(0) => self.stderr = None,
                Ok(count) => {
                    self.kept.extend(bytes.get(..count).unwrap_or_default());
                    let surplus = self.kept.len().saturating_sub(KEPT);
                    if surplus > 0 {
                        // What went wrong is said first; where it came from, for pages after that.
                        self.kept.drain(KEPT / 2..KEPT / 2 + surplus);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.stderr = None,
            }
        }
    }

    /// It as a text for a report.
    pub(super) fn into_text(self) -> String {
        let bytes: Vec<u8> = self.kept.into_iter().collect();
        tidy(&String::from_utf8_lossy(&bytes))
    }
}

/// What a worker said in the end, for a report: on one line, without the stack that is of use with
/// the source at hand only.
fn tidy(words: &str) -> String {
    let lines = words.lines().map(str::trim).take_while(|line| *line != "stack backtrace:");
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("note: run with "));
    lines.collect::<Vec<_>>().join(" ")
}
