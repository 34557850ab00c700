//! Defines the task that converts an archive's files, and the one that looks into outputs before.

mod dispatch;
mod engine;
mod look;
mod memory;
mod one_file;
mod others;
mod questions;
mod resume;
mod run;
mod survey;
mod wire;
mod worker;

pub use engine::{Convert, Engine};
pub use look::{LOOK, look_at_some, look_main, means};
pub use memory::least_memory;
pub use one_file::{OneFile, OneResult};
pub use run::run;
pub use survey::{Survey, is_claimed, survey};
pub use worker::{ConvertTask, ExamineTask};

use crate::convert::Options;
use crate::supervisor::Settings;
use crate::supervisor::task::Attempt;

/// The run's options for one attempt, which has a share of the threads.
fn attempt_options(settings: &Settings, attempt: &Attempt) -> Options {
    let threads = usize::try_from(attempt.threads).unwrap_or(1);
    Options { threads, ..settings.options.clone() }
}
