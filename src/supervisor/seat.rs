//! What the dispatcher knows of the worker in a slot.

use super::plan::JobId;
use super::scheduler::WorkerId;
use crate::convert::Phase;
use crate::protocol::{Product, ToWorker, encode};
use crate::sys::memory::ProcessMemory;
use crate::sys::process::Killer;
use interprocess::local_socket::Stream;
use std::io::{self, Write};
use std::time::Instant;

/// An attempt that was assigned.
#[derive(Debug)]
pub(super) struct Current {
    /// The scheduler's job.
    pub(super) job: JobId,
    pub(super) attempt: u32,
    pub(super) name: String,
    pub(super) began: Instant,
    /// Name of its temporary file.
    pub(super) temp: String,
    pub(super) predicted: u64,
    pub(super) at: Option<(Phase, u64, u64)>,
    /// Highest memory seen of it in bytes.
    pub(super) peak_rss: u64,
    pub(super) peak_anon: u64,
    /// What it reported in the end, if that was good.
    pub(super) product: Option<Product>,
    /// Its outcome was heard.
    pub(super) over: bool,
}

/// A worker in its slot.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) worker: WorkerId,
    pub(super) pid: Option<u32>,
    killer: Option<Killer>,
    kill: bool,
    pub(super) stream: Option<Stream>,
    /// What it was killed for by the dispatcher itself.
    pub(super) reproach: Option<String>,
    pub(super) current: Option<Current>,
    /// Anonymous memory seen last in bytes.
    pub(super) held: u64,
}

impl Seat {
    pub(super) fn new(worker: WorkerId) -> Self {
        Self {
            worker,
            pid: None,
            killer: None,
            kill: false,
            stream: None,
            reproach: None,
            current: None,
            held: 0,
        }
    }

    /// The process is there; it may be that it was to be killed before that.
    pub(super) fn born(&mut self, pid: u32, killer: Killer) {
        if self.kill {
            killer.kill();
        }
        self.pid = Some(pid);
        self.killer = Some(killer);
    }

    pub(super) fn kill(&mut self) {
        self.kill = true;
        if let Some(killer) = &self.killer {
            killer.kill();
        }
    }

    /// Whether this side had it killed.
    pub(super) fn killed(&self) -> bool {
        self.kill
    }

    /// Says something. Frames are small and the socket's buffer is large, so a worker that has no
    /// room for one has not listened for long.
    pub(super) fn say(&mut self, message: &ToWorker) -> io::Result<()> {
        let frame = encode(message).map_err(io::Error::other)?;
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        stream.write_all(&frame)
    }

    pub(super) fn measured(&mut self, memory: ProcessMemory) {
        self.held = memory.held();
        if let Some(current) = &mut self.current
            && !current.over
        {
            // The mark of the resident memory is reset by the worker a little after it was given
            // the job, so it may be of an earlier job here; what it reports itself is right.
            current.peak_rss = current.peak_rss.max(memory.held().saturating_add(memory.file));
            current.peak_anon = current.peak_anon.max(memory.held());
        }
    }

    /// Whether its attempt waits for the disk; nothing if it has no attempt.
    pub(super) fn syncing(&self) -> Option<bool> {
        let current = self.current.as_ref().filter(|current| !current.over)?;
        Some(matches!(current.at, Some((Phase::Sync, ..))))
    }
}
