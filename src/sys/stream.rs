//! Writes a file from front to end so that the disk writes while we work.

use super::writeback;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Written bytes are sent to the disk in windows of this size; at most two of them are dirty.
const WINDOW: u64 = 16 << 20;

/// The end of a file that grows.
#[derive(Debug)]
pub struct Sink<'a> {
    file: &'a File,
    position: u64,
    /// The end of what was ever written.
    reached: u64,
    /// Everything before is on its way to the disk.
    started: u64,
    /// Everything before is written, and dropped from the cache.
    settled: u64,
}

impl<'a> Sink<'a> {
    /// Writes to `file` from its start on.
    pub fn new(file: &'a File) -> Self {
        Self { file, position: 0, reached: 0, started: 0, settled: 0 }
    }

    /// Writes `bytes` behind what was written before.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.position)?;
        self.position += bytes.len() as u64;
        self.reached = self.reached.max(self.position);
        if self.position - self.started < WINDOW {
            return Ok(());
        }
        let cannot = !writeback::start(self.file, self.started, self.position - self.started)?;
        if !cannot && self.started > self.settled {
            let len = self.started - self.settled;
            writeback::wait(self.file, self.settled, len)?;
            writeback::drop_pages(self.file, self.settled, len);
        }
        self.settled = self.started;
        self.started = self.position;
        Ok(())
    }

    /// Gives up what was written from `offset` on. It stays in the file until other bytes take its
    /// place or [`Self::end`] cuts it off: to free its pages only to fill new ones takes time.
    pub fn back_to(&mut self, offset: u64) {
        self.position = self.position.min(offset);
        self.started = self.started.min(offset);
        self.settled = self.settled.min(offset);
    }

    /// Ends the file behind what was written last.
    ///
    /// # Errors
    /// What the system says.
    pub fn end(&mut self) -> io::Result<()> {
        if self.reached > self.position {
            self.file.set_len(self.position)?;
            self.reached = self.position;
        }
        Ok(())
    }
}
