//! Tells where encoded bytes go, and who watches.

use crate::codec::Error;
use std::{io::Write, ops::ControlFlow};

/// Counts what is written, and tells the caller how far the input is.
pub(super) struct Output<'a> {
    out: &'a mut (dyn Write + Send),
    written: u64,
    progress: &'a mut (dyn FnMut(u64) -> ControlFlow<()> + Send),
}

impl<'a> Output<'a> {
    pub(super) fn new(
        out: &'a mut (dyn Write + Send),
        progress: &'a mut (dyn FnMut(u64) -> ControlFlow<()> + Send),
    ) -> Self {
        Self { out, written: 0, progress }
    }

    /// Bytes written so far.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Writes all of `bytes`.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.out.write_all(bytes).map_err(|source| Error::Output { at: self.written, source })?;
        self.written = self.written.saturating_add(bytes.len() as u64);
        Ok(())
    }

    /// Tells that `done` bytes of the input are through.
    pub(super) fn report(&mut self, done: u64) -> Result<(), Error> {
        match (self.progress)(done) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Cancelled),
        }
    }
}
