//! Runs many workers over one archive, whatever their task is.
//!
//! A run is told of to a [`Reporter`] and leaves a [`RunSummary`]. What is done with each file is the
//! task's: see [`tasks`](crate::tasks).

pub(crate) mod conflict;
pub(crate) mod control;
pub(crate) mod dispatcher;
pub(crate) mod error;
mod event;
mod event_channel;
mod exit;
mod family;
pub(crate) mod fault;
pub(crate) mod journal;
mod layout;
pub(crate) mod live;
mod memory;
pub(crate) mod mirror;
mod others;
pub(crate) mod plan;
pub(crate) mod record;
pub(crate) mod records;
mod retry;
pub(crate) mod run;
pub(crate) mod run_dir;
mod run_id;
mod run_stats;
mod scheduler;
pub(crate) mod settings;
mod shards;
pub(crate) mod signals;
pub(crate) mod sizing;
mod so_far;
pub(crate) mod stage;
mod status;
pub(crate) mod summary;
pub(crate) mod task;
mod texts;
mod timeline;
mod trace;
mod under_way;
mod untaken;
mod worker_process;

pub use crate::archive::Shard;
pub use crate::sys::machine::Machine;
pub use conflict::{Conflict, Conflicts};
pub use error::RunError;
pub use event::{
    ConcurrencyReason, MemoryStatus, Quiet, Reporter, RunEvent, RunStart, SafetyStep, SlotId,
    SlotStatus, Stale, Status, TakingAlong,
};
pub use exit::ExitCode;
pub use fault::Fault;
pub use journal::TaskRan;
pub use journal::merge::{Merged, merged, tasks_ran};
pub use layout::{Layout, Stretch};
pub use live::{Happened, Live, LiveHandle, LiveSlot, LiveState, LiveWorkers, Tracker, What};
pub use memory::limits::Slurm;
pub use others::OthersSummary;
pub use plan::{JobId, Plan, PlannedJob};
pub use record::{JobOutcome, JobRecord};
pub use records::Records;
pub use run_id::run_id;
pub use settings::{Count, Hooks, OnConflict, OnFull, Others, Settings};
pub use shards::ShardRecord;
pub use sizing::Bounds;
pub use stage::Means;
pub use status::{ArchiveStatus, Asked, Order, OrderGiven, ShardStatus, give_order, status};
pub use summary::{Recommendation, RunSummary, SlotRecord};
pub use texts::Texts;
pub use timeline::{Point, Timeline};
pub use under_way::{PartUnderWay, ShardState, UnderWay};
pub use worker_process::WorkerProgram;
