//! Many workers over one archive.
//!
//! [`Settings`] and a [`Plan`] go in, a [`Reporter`] is told what happens, a [`RunSummary`] comes
//! out.

mod clock;
mod conflict;
mod dispatcher;
mod error;
mod event;
mod event_channel;
mod exit;
mod family;
mod fault;
mod journal;
mod meanwhile;
mod memory;
mod plan;
mod record;
mod resume;
mod retry;
mod run;
mod run_dir;
mod run_stats;
mod scheduler;
mod settings;
mod shards;
mod signals;
mod sizing;
mod stage;
mod survey;
mod trace;
mod untaken;
mod worker_process;

pub use crate::archive::Shard;
pub use crate::sys::machine::Machine;
pub use clock::run_id;
pub use conflict::{Conflict, Conflicts};
pub use error::RunError;
pub use event::{
    ConcurrencyReason, MemoryStatus, Quiet, Reporter, RunEvent, RunStart, SafetyStep, SlotId,
    SlotStatus, Stale, Status,
};
pub use exit::ExitCode;
pub use fault::Fault;
pub use journal::merge::{Merged, merged};
pub use memory::limits::Slurm;
pub use plan::{JobId, Plan, PlannedJob};
pub use record::{JobOutcome, JobRecord, RunSummary, SlotRecord};
pub use run::{Hooks, run};
pub use settings::{Count, OnConflict, OnFull, Settings};
pub use shards::{ShardRecord, ShardState};
pub use sizing::least_memory;
pub use survey::{Survey, is_claimed, survey};
pub use worker_process::WorkerProgram;
