//! Tells the dispatcher what to do about outputs that are looked into before a run: their workers'
//! answers go to whoever asked.

use super::attempt_options;
use super::memory::first_guess;
use super::wire::ExamineOptions;
use super::worker::ExamineTask;
use crate::convert::{Examined, Wanted};
use crate::protocol::{ProtocolError, decode, encode_payload};
use crate::supervisor::Settings;
use crate::supervisor::task::{Attempt, JobOver, RunTask, Told};
use crate::worker::Task;
use std::collections::BTreeMap;
use std::sync::mpsc::Sender;

/// What was found out of the job at that place in the plan; an error is why it was not.
pub(super) type Found = (usize, Result<Examined, String>);

/// What is to be found out.
pub(super) struct Questions {
    pub(super) settings: Settings,
    /// By place in the plan.
    pub(super) wanted: BTreeMap<usize, Wanted>,
    pub(super) answers: Sender<Found>,
}

impl RunTask for Questions {
    fn name(&self) -> &'static str {
        ExamineTask::NAME
    }

    fn first_guess(&self, threads: usize) -> u64 {
        first_guess(&self.settings, threads)
    }

    fn options(&mut self, attempt: &Attempt) -> Result<Vec<u8>, ProtocolError> {
        let options = attempt_options(&self.settings, attempt);
        let place = usize::try_from(attempt.place.0).unwrap_or(usize::MAX);
        let nothing =
            Wanted { input_digest: false, output_digest: false, compare: None, made: None };
        let wanted = self.wanted.get(&place).copied().unwrap_or(nothing);
        encode_payload(&ExamineOptions { options: (&options).into(), wanted })
    }

    fn conflict(&self, message: &str) -> String {
        // Nothing is made here.
        message.to_owned()
    }

    fn over(&mut self, job: JobOver<'_>) -> Told {
        let result = match job.result {
            Ok(bytes) => decode(&bytes).map_err(|error| format!("internal error: {error}")),
            Err((cause, message)) => Err(format!("{cause}: {message}")),
        };
        if let Ok(place) = usize::try_from(job.place.0) {
            // Who asked waits for the run's end.
            let _ = self.answers.send((place, result));
        }
        // There may be 100,000, and who asked has the answers.
        Told::Unkept(job.record)
    }
}
