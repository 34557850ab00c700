//! Holds what the scheduler remembers of each slot and each job.

use super::super::plan::JobId;
use super::super::retry::Tries;
use super::WorkerId;
use crate::supervisor::fault::Fault;
use std::collections::VecDeque;
use std::time::Duration;

/// Why an attempt is made to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Memory is short.
    Memory,
    /// It shows no life.
    Stalled,
    /// Its worker was killed for an earlier one.
    Earlier,
    /// The run ends.
    RunEnds,
    /// The worker talks nonsense.
    Nonsense,
}

impl Why {
    /// What the attempt's end is put down to.
    pub(super) const fn cause(self) -> Fault {
        match self {
            Self::Memory | Self::RunEnds | Self::Earlier => Fault::Stopped,
            Self::Stalled => Fault::Stalled,
            Self::Nonsense => Fault::Protocol,
        }
    }
}

/// How far the stopping of an attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    No,
    Asked { at: Duration, why: Why },
    Killed { at: Duration, why: Why },
}

/// An attempt that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) job: JobId,
    pub(super) attempt: u32,
    pub(super) started: Duration,
    pub(super) last_sign: Duration,
    /// The last sign was of waiting for the disk, which shows no life for long.
    pub(super) syncing: bool,
    pub(super) predicted: u64,
    /// Bytes that are set aside for it: at first for all that its file may hold.
    pub(super) aside: u64,
    pub(super) threads: u32,
    /// No other attempt runs beside it, and none may join.
    pub(super) exclusive: bool,
    /// Whether another attempt ran beside it at any time.
    pub(super) shared: bool,
    pub(super) stop: Stop,
    /// What a worker said before it was killed for it.
    pub(super) complaint: Option<String>,
}

/// A job that a worker has and has not begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InHand {
    pub(super) job: JobId,
    /// Which attempt it will be.
    pub(super) attempt: u32,
    pub(super) predicted: u64,
    /// How long it will take.
    pub(super) expected: Duration,
}

/// What a slot is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SlotState {
    /// No worker.
    Empty,
    /// A worker was asked for and has not said hello.
    Starting { worker: WorkerId, since: Duration, killed: bool },
    /// A worker waits for a job.
    Idle { worker: WorkerId },
    /// A worker converts.
    Busy { worker: WorkerId, run: Run },
    /// A worker was asked to exit.
    Leaving { worker: WorkerId, since: Duration, killed: bool },
}

/// One slot.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) state: SlotState,
    /// What the worker carries out next, in order; it is busy as long as there is something.
    pub(super) hand: VecDeque<InHand>,
    /// How often it was asked to give its hand back and has not answered.
    pub(super) recalled: u32,
    /// Jobs that the present worker began.
    pub(super) worker_jobs: u32,
    /// Latest reading of the present worker's anonymous memory.
    pub(super) anon: u64,
    /// Time of past attempts.
    pub(super) busy: Duration,
    /// Jobs that ended here.
    pub(super) jobs: u64,
    /// A killed worker here never went away: the slot is not used again.
    pub(super) lost: bool,
}

impl Slot {
    pub(super) fn new() -> Self {
        Self {
            state: SlotState::Empty,
            hand: VecDeque::new(),
            recalled: 0,
            worker_jobs: 0,
            anon: 0,
            busy: Duration::ZERO,
            jobs: 0,
            lost: false,
        }
    }

    /// The worker that lives here.
    pub(super) fn worker(&self) -> Option<WorkerId> {
        match self.state {
            SlotState::Empty => None,
            SlotState::Starting { worker, .. }
            | SlotState::Idle { worker }
            | SlotState::Busy { worker, .. }
            | SlotState::Leaving { worker, .. } => Some(worker),
        }
    }

    pub(super) fn run(&self) -> Option<&Run> {
        match &self.state {
            SlotState::Busy { run, .. } => Some(run),
            _ => None,
        }
    }

    pub(super) fn run_mut(&mut self) -> Option<&mut Run> {
        match &mut self.state {
            SlotState::Busy { run, .. } => Some(run),
            _ => None,
        }
    }
}

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JobPhase {
    Waiting,
    InHand,
    Running,
    Over,
}

/// One job. There may be hundreds of thousands, of which few ever meet trouble.
#[derive(Debug, Clone)]
pub(super) struct JobState {
    pub(super) bytes: u64,
    pub(super) busy: Duration,
    pub(super) trouble: Option<Box<Trouble>>,
    pub(super) attempts: u32,
    pub(super) phase: JobPhase,
}

/// What went wrong with a job so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Trouble {
    pub(super) tries: Tries,
    /// What is known of its need for memory.
    pub(super) floor: u64,
    pub(super) faults: Vec<Fault>,
    /// From now on no other attempt runs beside its own.
    pub(super) alone: bool,
}

impl JobState {
    pub(super) fn new(bytes: u64) -> Self {
        Self { bytes, busy: Duration::ZERO, trouble: None, attempts: 0, phase: JobPhase::Waiting }
    }

    /// What is known of its need for memory.
    pub(super) fn floor(&self) -> u64 {
        self.trouble.as_ref().map_or(0, |trouble| trouble.floor)
    }

    /// Whether no other attempt runs beside its own.
    pub(super) fn alone(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.alone)
    }
}
