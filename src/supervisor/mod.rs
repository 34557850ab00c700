//! Many workers over one archive.
//!
//! [`Settings`] and a [`Plan`] go in, a [`Reporter`] is told what happens, a [`RunSummary`] comes
//! out.

mod cause;
mod event;
mod exit;
mod governor;
mod plan;
mod predict;
mod record;
mod retry;
mod scheduler;
mod settings;

pub use crate::archive::Shard;
pub use cause::Cause;
pub use event::{
    ConcurrencyReason, MemoryStatus, Quiet, Reporter, RunEvent, RunStart, SafetyStep, SlotId,
    SlotStatus, Status,
};
pub use exit::ExitCode;
pub use plan::{JobId, Plan, PlannedJob};
pub use record::{JobOutcome, JobRecord, RunSummary, SlotRecord};
pub use settings::{Count, OnFull, Settings};
