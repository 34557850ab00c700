//! Holds what the dispatcher knows of the worker in a slot.

use crate::convert::Phase;
use crate::protocol::{ToWorker, encode};
use crate::supervisor::plan::JobId;
use crate::supervisor::scheduler::WorkerId;
use crate::sys::memory::ProcessMemory;
use crate::sys::process::Killer;
use interprocess::local_socket::Stream;
use std::io::{self, Write};
use std::time::Instant;

/// An attempt that was assigned.
#[derive(Debug)]
pub(in crate::supervisor) struct Current {
    /// The scheduler's job.
    pub(in crate::supervisor) job: JobId,
    pub(in crate::supervisor) attempt: u32,
    pub(in crate::supervisor) name: String,
    /// Size of its input.
    pub(in crate::supervisor) bytes: u64,
    pub(in crate::supervisor) began: Instant,
    /// Name of its temporary file.
    pub(in crate::supervisor) temp: String,
    pub(in crate::supervisor) predicted: u64,
    pub(in crate::supervisor) at: Option<(Phase, u64, u64)>,
    /// Highest memory seen of it in bytes.
    pub(in crate::supervisor) peak_rss: u64,
    pub(in crate::supervisor) peak_anon: u64,
    /// What it gave in the end, if that was good.
    pub(in crate::supervisor) output: Option<Vec<u8>>,
    /// Its outcome was heard.
    pub(in crate::supervisor) over: bool,
}

/// A worker in its slot.
#[derive(Debug)]
pub(in crate::supervisor) struct WorkerHandle {
    pub(in crate::supervisor) worker: WorkerId,
    pub(in crate::supervisor) pid: Option<u32>,
    killer: Option<Killer>,
    kill: bool,
    pub(in crate::supervisor) stream: Option<Stream>,
    /// What it was killed for by the dispatcher itself.
    pub(in crate::supervisor) kill_reason: Option<String>,
    pub(in crate::supervisor) current: Option<Current>,
    /// Anonymous memory seen last in bytes.
    pub(in crate::supervisor) held: u64,
}

impl WorkerHandle {
    pub(in crate::supervisor) fn new(worker: WorkerId) -> Self {
        Self {
            worker,
            pid: None,
            killer: None,
            kill: false,
            stream: None,
            kill_reason: None,
            current: None,
            held: 0,
        }
    }

    /// The process is there; it may be that it was to be killed before that.
    pub(in crate::supervisor) fn born(&mut self, pid: u32, killer: Killer) {
        if self.kill {
            killer.kill();
        }
        self.pid = Some(pid);
        self.killer = Some(killer);
    }

    pub(in crate::supervisor) fn kill(&mut self) {
        self.kill = true;
        if let Some(killer) = &self.killer {
            killer.kill();
        }
    }

    /// Whether this side had it killed.
    pub(in crate::supervisor) fn killed(&self) -> bool {
        self.kill
    }

    /// Says something. Frames are small and the socket's buffer is large, so a worker that has no
    /// room for one has not listened for long.
    pub(in crate::supervisor) fn say(&mut self, message: &ToWorker) -> io::Result<()> {
        let context = encode(message).map_err(io::Error::other)?;
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        stream.write_all(&context)
    }

    pub(in crate::supervisor) fn measured(&mut self, memory: ProcessMemory) {
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
    pub(in crate::supervisor) fn syncing(&self) -> Option<bool> {
        let current = self.current.as_ref().filter(|current| !current.over)?;
        Some(matches!(current.at, Some((Phase::Sync, ..))))
    }
}
