//! Defines what a worker can do with a file.

use crate::convert::{Failure, FailureKind, Job, Observer};
use crate::protocol::{decode, encode_payload};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A task as a worker carries it out: options come in, the files of one job are looked at or made,
/// an output goes back. Both travel in bincode, so their types must not leave fields out.
pub trait Task: Sync {
    /// What the task is told beside its files.
    type Options: Serialize + DeserializeOwned;
    /// What it finds out or makes. Together with all else it must fit into a frame
    /// ([`FRAME_MAX`](crate::protocol::FRAME_MAX) bytes).
    type Output: Serialize + DeserializeOwned;
    /// Its name, by which a worker knows it; one of a kind.
    const NAME: &'static str;
    /// Values of its files may nest deeply: a worker that has such a task does all its work on a deep
    /// stack ([`on_deep_stack`](crate::julia::on_deep_stack)).
    const DEEP: bool = false;

    /// Carries it out. `observer` is to be told of progress, which is the sign of life, and asked
    /// whether to go on.
    ///
    /// # Errors
    /// Why there is no output. Some kinds of failure are tried again.
    fn run(
        &self,
        job: &Job,
        options: Self::Options,
        observer: &dyn Observer,
    ) -> Result<Self::Output, Failure>;

    /// Removes what a failed attempt may have left.
    fn clean(&self, job: &Job) {
        let _ = job;
    }
}

/// A [`Task`] whose types are not known where it is called.
pub trait Runner: Sync {
    /// See [`Task::NAME`].
    fn name(&self) -> &'static str;

    /// See [`Task::DEEP`].
    fn deep(&self) -> bool;

    /// See [`Task::run`]; options and output are encoded.
    ///
    /// # Errors
    /// See there, and an internal one where something does not belong to this task.
    fn run(&self, job: &Job, options: &[u8], observer: &dyn Observer) -> Result<Vec<u8>, Failure>;

    /// See [`Task::clean`].
    fn clean(&self, job: &Job);
}

impl<T: Task> Runner for T {
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn deep(&self) -> bool {
        T::DEEP
    }

    fn run(&self, job: &Job, options: &[u8], observer: &dyn Observer) -> Result<Vec<u8>, Failure> {
        let internal = |what: &str, error: &dyn std::fmt::Display| {
            Failure::new(FailureKind::Internal, format!("{what} of the task {}: {error}", T::NAME))
        };
        let options = decode(options).map_err(|error| internal("the options", &error))?;
        let output = Task::run(self, job, options, observer)?;
        encode_payload(&output).map_err(|error| internal("the output", &error))
    }

    fn clean(&self, job: &Job) {
        Task::clean(self, job);
    }
}
