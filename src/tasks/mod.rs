//! Defines what a supervisor's workers do with files: one folder for each task.
//!
//! A task is a type with its options, which are sent to the worker, and its result, which comes
//! back. Its worker's side is a [`worker::Task`](crate::worker::Task).

pub mod convert;
pub mod export;
mod in_order;
mod in_worker;
pub mod look;
pub mod reading;
mod rules;
pub mod sample;
pub mod scan;
pub mod series;
pub mod tune;
pub mod verify;

use crate::worker::{self, Runner};
use convert::{Convert, ConvertTask, Engine, ExamineTask};
use export::ExportTask;
use look::LookTask;
use scan::ScanTask;
use series::SeriesTask;
use std::ffi::OsString;
use std::process::ExitCode;
use verify::VerifyTask;

/// The `main` of a worker that knows all tasks; `args` are those behind the subcommand. To be called
/// first in the program's own `main`, before any thread was started.
pub fn worker_main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    worker_main_with(args, &Engine::default())
}

/// [`worker_main`] with another conversion.
pub fn worker_main_with(
    args: impl IntoIterator<Item = OsString>,
    convert: &dyn Convert,
) -> ExitCode {
    let tasks: [&dyn Runner; _] = [
        &ConvertTask(convert),
        &ExamineTask(convert),
        &VerifyTask::default(),
        &ScanTask::default(),
        &ExportTask,
        &SeriesTask,
        &LookTask,
    ];
    worker::main(args, &tasks)
}
