//! Converts a sample once, and measures it.

use super::choice::Chosen;
use super::place::SamplePlace;
use crate::convert::{Mode, Options};
use crate::supervisor::{
    Count, Hooks, JobOutcome, OnFull, Plan, PlannedJob, Quiet, RunError, Settings,
};
use crate::sys::readback::forget;
use crate::tasks::convert::{self, Survey};
use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// What a conversion of a sample took.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Measured {
    /// Wall time in seconds, from the start of the workers to the end of the journal.
    pub seconds: f64,
    /// Files that were converted.
    pub files: u64,
    /// Files that failed.
    pub failed: u64,
    /// Bytes of the inputs.
    pub bytes_in: u64,
    /// Bytes of the outputs.
    pub bytes_out: u64,
    /// Most anonymous memory of one worker in bytes.
    pub peak: u64,
    /// Files that were laid out again.
    pub rewritten: u64,
    /// Workers that were at work at one time.
    pub workers: u64,
    /// Workers that might have been.
    pub slots: usize,
    /// Whether somebody ended it.
    pub interrupted: bool,
}

/// Converts `sample` into a directory of `place`, which is empty again afterwards. Inputs are dropped
/// from the page cache before, as far as the system lets that happen, so that reading counts.
///
/// # Errors
/// The run cannot begin.
pub fn convert(
    sample: &Chosen,
    (workers, threads): (Count, Count),
    options: &Options,
    place: &SamplePlace,
    hooks: &Hooks,
) -> Result<Measured, RunError> {
    let output = place.below("outputs");
    let setup = |source| RunError::Setup { what: "make a directory for a sample", source };
    fs::create_dir(&output).map_err(setup)?;
    let input = sample.files.first().and_then(|(path, _)| path.parent()).map(PathBuf::from);
    let mut settings = Settings::new(input.unwrap_or_default(), output.clone());
    (settings.workers, settings.threads_per_worker) = (workers, threads);
    settings.on_full = OnFull::Fail;
    settings.options = options.clone();
    let job = |(i, (path, bytes)): (usize, &(PathBuf, u64))| {
        // Two directories may have files of one name.
        let name = format!("output_{i:05}.jld2");
        PlannedJob {
            output: output.join(&name),
            name,
            number: None,
            input: path.clone(),
            bytes: *bytes,
            mtime_ns: 0,
            obstacle: None,
        }
    };
    let jobs = sample.files.iter().enumerate().map(job).collect();
    let plan = Plan { jobs: Arc::new(jobs), ..Plan::default() };
    for (path, _) in &sample.files {
        // What cannot be opened fails when it is converted.
        if let Ok(file) = File::open(path) {
            forget(&file);
        }
    }
    let begun = Instant::now();
    let summary = convert::run(&settings, &plan, Survey::default(), hooks, &mut Quiet);
    let seconds = begun.elapsed().as_secs_f64();
    place.clear();
    let summary = summary?;
    let done = |outcome| matches!(outcome, JobOutcome::Converted | JobOutcome::Unchanged);
    let mut measured = Measured {
        seconds,
        workers: summary.workers_used,
        slots: summary.slots.len(),
        interrupted: summary.interrupted,
        failed: summary.failed,
        ..Measured::default()
    };
    for file in summary.files.iter().filter(|file| done(file.outcome)) {
        measured.files += 1;
        measured.rewritten += u64::from(file.mode == Some(Mode::Rewrite));
        measured.bytes_in = measured.bytes_in.saturating_add(file.bytes_in);
        measured.bytes_out = measured.bytes_out.saturating_add(file.bytes_out);
        measured.peak = measured.peak.max(file.peak_anon);
    }
    Ok(measured)
}
