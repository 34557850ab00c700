//! Defines what the thread of a worker tells.

use super::super::event::SlotId;
use super::super::scheduler::WorkerId;
use crate::protocol::FromWorker;
use crate::sys::process::{Death, Killer};
use interprocess::local_socket::Stream;

/// What a worker's thread tells.
#[derive(Debug)]
pub(in crate::supervisor) enum WorkerMessage {
    /// The process runs.
    Born { pid: u32, killer: Killer },
    /// It said hello; this is how to talk to it.
    Ready(Stream),
    /// It said something else.
    Said(FromWorker),
    /// It said what no worker says.
    Nonsense(String),
    /// It is gone and reaped, or never was. Nothing comes after this.
    WorkerExit(WorkerExit),
}

/// How a worker went.
#[derive(Debug)]
pub(in crate::supervisor) struct WorkerExit {
    /// How the process ended, or why there was none.
    pub(in crate::supervisor) death: Result<Death, String>,
    /// The end of what it wrote to stderr.
    pub(in crate::supervisor) last_words: String,
}

/// Where a thread's words go; `false` says that nobody hears them any more.
pub(in crate::supervisor) type Tell =
    Box<dyn Fn(SlotId, WorkerId, Vec<WorkerMessage>) -> bool + Send>;

impl WorkerExit {
    /// There was no process.
    pub(super) fn never(why: String) -> Self {
        Self { death: Err(why), last_words: String::new() }
    }
}
