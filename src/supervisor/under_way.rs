//! Defines what is told of runs that are not over: which shards are at work, wait, or were
//! interrupted, and how far they are.

use serde::{Deserialize, Serialize};

/// What a shard is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShardState {
    /// A supervisor is at work on it.
    Running,
    /// It has not run, or its run has not begun to write.
    Waiting,
    /// Its last run ended, and every file has its output.
    Done,
    /// Its last run ended, and some files failed.
    Failed,
    /// Its last run was ended by a signal or an error, or was killed; the same command goes on.
    Interrupted,
}

/// A shard of a division that is not over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartUnderWay {
    /// Its number, from 1.
    pub number: u64,
    /// What it is doing.
    pub state: ShardState,
    /// Files of its last run; none where it has not run.
    pub files: Option<u64>,
    /// Those of them that have an outcome.
    pub done: Option<u64>,
    /// Those of them that failed.
    pub failed: Option<u64>,
    /// How much is through, 0 to 100.
    pub percent: Option<f64>,
    /// Seconds that the rest takes if it goes on as lately.
    pub eta_seconds: Option<f64>,
    /// Files that are worked on at the moment; none where only the journal tells.
    pub busy: Option<u64>,
    /// The machine that it runs, or ran, on.
    pub host: Option<String>,
    /// Seconds since this was so, where only the journal tells.
    pub age_seconds: Option<f64>,
}

/// Runs that are not over, of which a report is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnderWay {
    /// When this was so (RFC 3339, UTC).
    pub at: String,
    /// How much is through, 0 to 100; none where shards wait whose files nobody counted.
    pub percent: Option<f64>,
    /// Seconds until what runs now is done.
    pub eta_seconds: Option<f64>,
    /// The SLURM job array that the last run was a task of.
    pub array: Option<u64>,
    /// All shards of the last division, in order; one where the archive was not divided.
    pub shards: Vec<PartUnderWay>,
}

impl UnderWay {
    /// The shards in a state, in order.
    pub fn those(&self, state: ShardState) -> impl Iterator<Item = &PartUnderWay> {
        self.shards.iter().filter(move |it| it.state == state)
    }

    /// Their numbers.
    pub fn numbers(&self, state: ShardState) -> Vec<u64> {
        self.those(state).map(|it| it.number).collect()
    }

    /// Whether a run is at work.
    pub fn runs(&self) -> bool {
        self.those(ShardState::Running).next().is_some()
    }

    /// Whether shards have not begun.
    pub fn waits(&self) -> bool {
        self.those(ShardState::Waiting).next().is_some()
    }

    /// Whether the archive was not divided.
    pub fn is_whole(&self) -> bool {
        self.shards.len() == 1
    }
}
