//! Many workers over one archive.
//!
//! [`Settings`] and a [`Plan`] go in, a [`Reporter`] is told what happens, a [`RunSummary`] comes
//! out.

mod bounds;
mod cause;
mod child;
mod clock;
mod conflict;
mod deeds;
mod dispatcher;
mod error;
mod event;
mod exit;
mod family;
mod governor;
mod hearing;
mod journal;
mod meanwhile;
mod merged;
mod monitor;
mod news;
mod oom;
mod place;
mod plan;
mod predict;
mod record;
mod resume;
mod retry;
mod run;
mod scheduler;
mod seat;
mod settings;
mod shards;
mod signals;
mod sizing;
mod stage;
mod survey;
mod totals;
mod untaken;

pub use crate::archive::Shard;
pub use crate::sys::machine::Machine;
pub use bounds::Slurm;
pub use cause::Cause;
pub use child::WorkerProgram;
pub use clock::run_id;
pub use conflict::{Conflict, Conflicts};
pub use error::RunError;
pub use event::{
    ConcurrencyReason, MemoryStatus, Quiet, Reporter, RunEvent, RunStart, SafetyStep, SlotId,
    SlotStatus, Stale, Status,
};
pub use exit::ExitCode;
pub use merged::{Merged, merged};
pub use plan::{JobId, Plan, PlannedJob};
pub use record::{JobOutcome, JobRecord, RunSummary, SlotRecord};
pub use run::{Hooks, run};
pub use settings::{Count, OnConflict, OnFull, Settings};
pub use shards::{ShardRecord, ShardState};
pub use sizing::least_memory;
pub use survey::{Survey, is_claimed, survey};
