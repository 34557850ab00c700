//! Runs tasks whose results are told and not claimed: with these an archive is looked through, or
//! exported.
//!
//! Such a task is a type: what its workers do ([`worker::Task`]), what it needs of memory, and how a
//! result is told. All else is here: each file is a job; results are handed over as they come, and
//! are kept in a journal where one is asked for. A result of the journal counts as long as version,
//! options and files are what they were.

pub use super::in_worker::Errand;

use crate::protocol::{ProtocolError, decode, encode_payload};
use crate::supervisor::journal::{
    FORMAT, HeadLine, Line, ResultLine, TaskLine, file_name, results,
};
use crate::supervisor::records::Ledger;
use crate::supervisor::run::{Commission, Opening, carry_out};
use crate::supervisor::run_dir::RunDir;
use crate::supervisor::stage::context;
use crate::supervisor::task::{Attempt, JobOver, RunTask, Told};
use crate::supervisor::{
    Fault, Hooks, JobOutcome, JobRecord, Plan, PlannedJob, Reporter, RunError, RunEvent,
    RunSummary, Settings,
};
use crate::sys::process::hostname;
use crate::sys::stat::StatData;
use crate::text;
use crate::worker;
use serde::{Deserialize as _, Serialize};
use serde_json::Value;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::SystemTime;

/// A task that reads files, and makes none or such as nothing depends on.
pub trait ReadingTask:
    worker::Task<Options = Errand<<Self as ReadingTask>::Request>, Output: Send> + 'static
{
    /// What is asked for, of every file alike.
    type Request: Clone + Send + Serialize;

    /// First guess of the anonymous memory of one attempt in bytes; what is measured corrects it.
    fn first_guess(options: &Self::Request) -> u64;

    /// Private memory that an attempt reserves and mostly never touches, such as deep stacks, in
    /// bytes.
    const RESERVED: u64 = 0;

    /// Whether the task makes the job's second file: what runs that were killed left of such files is
    /// removed.
    const MAKES: bool = false;

    /// Tells a result: the outcome, which is [`JobOutcome::Unchanged`] if nothing else is said, and
    /// a message.
    fn tell(output: &Self::Output, record: &mut JobRecord);

    /// What `stat` tells of the job's second file where the task made it: a result counts as long as
    /// that is so.
    fn made(output: &Self::Output) -> Option<StatData> {
        let _ = output;
        None
    }
}

/// What came out of a job: the task's result, or why there is none.
pub type Result<T> = std::result::Result<T, (Fault, String)>;

/// What the run is told beside its plan.
pub struct Reading<'a, T: ReadingTask> {
    /// How the run goes. Its options of conversions do not matter.
    pub settings: &'a Settings,
    /// The files. [`PlannedJob::output`] is a second file to read or one to make, or empty.
    pub plan: &'a Plan,
    /// The options of the task.
    pub options: T::Request,
    /// Where results are kept, and taken from if they still count; nothing is written without it.
    pub journal: Option<&'a Path>,
    /// How workers are started; they must know the task.
    pub hooks: &'a Hooks,
}

/// Carries the task out on each file of the plan. `each` hears every result once, with its place in
/// the plan, in the order in which they come.
///
/// Signals are handled as in a conversion of the archive.
///
/// # Errors
/// The run cannot begin. Files without a result are told to `each` and in the summary.
pub fn read<T: ReadingTask>(
    reading: Reading<'_, T>,
    reporter: &mut dyn Reporter,
    each: &mut dyn FnMut(usize, Result<T::Output>),
) -> std::result::Result<RunSummary, RunError> {
    let Reading { settings, plan, options, journal, hooks } = reading;
    let context = context(settings, plan, hooks)?;
    let _inside = tracing::info_span!("run", id = context.run_id).entered();
    let run_dir = journal.map(|dir| RunDir::take(dir, settings.shard, &context.run_id));
    let run_dir = run_dir.transpose()?;
    if let Some(run_dir) = run_dir.as_ref().filter(|_| T::MAKES) {
        run_dir.sweep(&run_dir.journals()?.own)?;
    }
    let stored = serde_json::to_value(&options)
        .map_err(|error| RunError::Internal(format!("the task's options: {error}")))?;
    // Only a journal keeps what they were.
    let files = run_dir.as_ref().map(|_| plan.jobs.iter().map(stats).collect::<Vec<_>>());
    let mut settled = Ledger::default();
    let mut outdated = HashSet::new();
    if let Some(run_dir) = &run_dir {
        let name = file_name(settings.shard);
        // What a result that is not understood any more made is nobody's.
        let made = |result: &Value| T::made(&T::Output::deserialize(result).ok()?);
        let mut known = results(&run_dir.own()?, OsStr::new(&name), T::NAME, &stored, made)?;
        for (place, job) in plan.jobs.iter().enumerate() {
            let now = files.as_ref().and_then(|files| files.get(place));
            let there = now.and_then(|[_, output]| *output);
            if there.is_some_and(|there| known.made(&there)) {
                outdated.insert(place);
            }
            let Some(known) = known.take(&job.name) else { continue };
            if now != Some(&known.files) || known.files[0].is_none() {
                continue;
            }
            // What has no result, or is not understood, is read again.
            if let Ok(output) = serde_json::from_value::<T::Output>(known.result) {
                each(place, Ok(output));
                settled.reserve(plan.jobs.len());
                settled.insert(place, &known.record);
            }
        }
    }
    let line = Line::Task(Box::new(TaskLine {
        head: HeadLine {
            journal: FORMAT,
            run_id: context.run_id.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: text::rfc3339(context.started),
            host: hostname(),
            pid: std::process::id(),
            shard: settings.shard.to_string(),
        },
        task: T::NAME.to_owned(),
        options: stored,
        jobs: plan.jobs.len() as u64,
    }));
    let warnings = run_dir.as_ref().map_or_else(Vec::new, |run_dir| run_dir.warnings.clone());
    let (sender, outputs) = channel();
    let commission = Commission {
        context,
        task: Box::new(Readings::<T> { options, files, outdated, outputs: sender }),
        todo: (0..plan.jobs.len()).filter(|place| !settled.holds(*place)).collect(),
        settled,
        run_dir: run_dir.as_ref(),
        head: Some(line),
        unwritten: Box::new(std::iter::empty()),
        opening: Some(Opening { warnings, ..Opening::default() }),
    };
    let mut delivery = Delivery::<T> { reporter, outputs, each };
    let summary = carry_out(commission, &mut delivery);
    delivery.deliver();
    summary
}

/// What `stat` tells of a job's files.
fn stats(job: &PlannedJob) -> [Option<StatData>; 2] {
    [&job.input, &job.output].map(|path| StatData::at(path).ok())
}

/// A result and its job's place in the plan.
type Placed<T> = (usize, Result<T>);

/// What the dispatcher does about such a task.
struct Readings<T: ReadingTask> {
    options: T::Request,
    /// What `stat` told of the files, by place in the plan, where there is a journal.
    files: Option<Vec<[Option<StatData>; 2]>>,
    /// Places of jobs whose second file an earlier run made.
    outdated: HashSet<usize>,
    outputs: Sender<Placed<T::Output>>,
}

impl<T: ReadingTask> RunTask for Readings<T> {
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn first_guess(&self, _: usize) -> u64 {
        T::first_guess(&self.options)
    }

    fn reserved(&self) -> u64 {
        T::RESERVED
    }

    fn in_order(&self) -> bool {
        true
    }

    fn options(&mut self, attempt: &Attempt) -> std::result::Result<Vec<u8>, ProtocolError> {
        let place = usize::try_from(attempt.place.0).unwrap_or(usize::MAX);
        let outdated = self.files.as_ref().filter(|_| self.outdated.contains(&place));
        let outdated = outdated.and_then(|files| files.get(place)).and_then(|[_, output]| *output);
        encode_payload(&Errand { options: &self.options, outdated })
    }

    fn conflict(&self, message: &str) -> String {
        format!(
            "{message}: it is left alone; --force moves it to .jldconv/replaced/ and makes the output"
        )
    }

    fn over(&mut self, job: JobOver<'_>) -> Told {
        let JobOver { place, run_id, mut record, result, .. } = job;
        let internal = |error: ProtocolError| (Fault::Internal, format!("its result: {error}"));
        let output = result.and_then(|bytes| decode::<T::Output>(&bytes).map_err(internal));
        let place = usize::try_from(place.0).unwrap_or(usize::MAX);
        match &output {
            Ok(output) => {
                record.outcome = JobOutcome::Unchanged;
                T::tell(output, &mut record);
            }
            Err((cause, message)) => {
                record.fault = Some(*cause);
                record.message = Some(message.clone());
            }
        }
        let Some(files) = &self.files else {
            let _ = self.outputs.send((place, output));
            return Told::Now(record);
        };
        let mut files = files.get(place).copied().unwrap_or_default();
        let mut stored = Value::Null;
        if let Ok(output) = &output {
            if let Some(made) = T::made(output) {
                files[1] = Some(made);
            }
            // What has no JSON is found out again next time.
            stored = serde_json::to_value(output).unwrap_or_default();
        }
        let line = Line::Result(Box::new(ResultLine {
            run_id: run_id.to_owned(),
            at: text::rfc3339(SystemTime::now()),
            files,
            result: stored,
            record: record.clone(),
        }));
        // Whoever asked waits for the run's end.
        let _ = self.outputs.send((place, output));
        Told::Journalled(record, line)
    }
}

/// Hands results over to whoever asked, in their own thread.
struct Delivery<'a, T: ReadingTask> {
    reporter: &'a mut dyn Reporter,
    outputs: Receiver<Placed<T::Output>>,
    each: &'a mut dyn FnMut(usize, Result<T::Output>),
}

impl<T: ReadingTask> Delivery<'_, T> {
    fn deliver(&mut self) {
        for (place, output) in self.outputs.try_iter() {
            (self.each)(place, output);
        }
    }
}

impl<T: ReadingTask> Reporter for Delivery<'_, T> {
    fn event(&mut self, event: &RunEvent) {
        self.deliver();
        self.reporter.event(event);
    }
}
