//! Tells the log of a run: a span for each file and each attempt, an event for each thing that
//! happens.
//!
//! At the level `info` stands what happens, at `debug` why, at `trace` the rest; `warn` is for what
//! went wrong. Texts that come from files or workers stand in fields, never in the message, so that
//! they are quoted.

use super::event::{RunEvent, RunStart, SlotId, SlotStatus, Status};
use super::plan::JobId;
use super::record::{JobOutcome, JobRecord};
use super::scheduler::{Action, End, WorkerId};
use super::summary::RunSummary;
use super::worker_process::{WorkerExit, WorkerMessage};
use crate::protocol::{FromWorker, LogLevel, LogLine};
use crate::sys::process::{Death, signal_name};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;
use tracing::level_filters::LevelFilter;
use tracing::{Span, debug, info, info_span, trace, warn};

/// The spans of what is under way. The run's own span is the current one of the thread that tells.
#[derive(Debug, Default)]
pub(in crate::supervisor) struct RunTrace {
    /// By the file's name, until its record is told.
    files: BTreeMap<String, Span>,
    /// By the slot in which they run.
    attempts: BTreeMap<SlotId, Span>,
}

impl RunTrace {
    fn file(&mut self, name: &str) -> &Span {
        self.files.entry(name.to_owned()).or_insert_with(|| info_span!("file", input = name))
    }

    /// The span of what runs in `slot`, or else the run's.
    fn at(&self, slot: SlotId) -> Span {
        self.attempts.get(&slot).cloned().unwrap_or_else(Span::current)
    }

    /// Tells what the reporter is told.
    pub(in crate::supervisor) fn event(&mut self, event: &RunEvent) {
        if silent() {
            return;
        }
        match event {
            RunEvent::RunStarted(start) => run_started(start),
            RunEvent::RunFinished(run) => run_finished(run),
            RunEvent::AttemptStarted { slot, name, bytes, attempt, pid, .. } => {
                let slot = *slot;
                let span = {
                    let file = self.file(name);
                    info_span!(parent: file, "attempt", number = attempt, slot = slot.0, pid)
                };
                span.in_scope(|| info!(bytes, "attempt started"));
                self.attempts.insert(slot, span);
            }
            RunEvent::AttemptFailed { slot, name, attempt, cause, message, will_retry, .. } => {
                let span = self.attempts.remove(slot);
                let span = span.unwrap_or_else(|| self.file(name).clone());
                let (fault, reason) = (word(cause), message.as_str());
                span.in_scope(|| warn!(attempt, fault, reason, will_retry, "attempt failed"));
            }
            RunEvent::JobFinished(record) => {
                let span = self.file(&record.name).clone();
                self.files.remove(&record.name);
                span.in_scope(|| file_finished(record));
            }
            RunEvent::Progress { slot, phase, done, total, .. } => {
                self.at(*slot).in_scope(|| trace!(phase = word(phase), done, total, "progress"));
            }
            _ => about_the_run(event),
        }
    }

    /// Tells what the scheduler decided; `name` knows the names of its jobs.
    pub(in crate::supervisor) fn action<'a>(
        &mut self,
        action: &Action,
        name: impl Fn(JobId) -> Option<&'a str>,
    ) {
        if silent() {
            return;
        }
        match action {
            Action::Spawn { slot, worker } => {
                debug!(slot = slot.0, worker = worker.0, "action: start a worker");
            }
            Action::Assign {
                slot, worker, job, attempt, threads, predicted, data_limit, ..
            } => {
                debug!(
                    slot = slot.0,
                    worker = worker.0,
                    file = name(*job),
                    attempt,
                    threads,
                    predicted,
                    data_limit,
                    "action: give a worker a file"
                );
            }
            Action::Begin { slot, worker, job } => {
                trace!(slot = slot.0, worker = worker.0, file = name(*job), "action: begin");
            }
            Action::Recall { slot, worker } => {
                debug!(slot = slot.0, worker = worker.0, "action: take back what was not begun");
            }
            Action::SetThreads { slot, threads, .. } => {
                self.at(*slot).in_scope(|| debug!(threads, "action: change the threads"));
            }
            Action::Cancel { slot, worker } => {
                self.at(*slot).in_scope(|| info!(worker = worker.0, "action: ask to stop"));
            }
            Action::Quit { slot, worker } => {
                debug!(slot = slot.0, worker = worker.0, "action: ask an idle worker to exit");
            }
            Action::Kill { slot, worker } => {
                self.at(*slot).in_scope(|| {
                    warn!(slot = slot.0, worker = worker.0, "action: kill a worker");
                });
            }
            Action::CheckSpace { needed } => debug!(needed, "action: look for space on the disk"),
            Action::AttemptFailed { job, attempt, cause, will_retry, .. } => {
                let fault = word(cause);
                debug!(file = name(*job), attempt, fault, will_retry, "action: settle an attempt");
            }
            Action::Finish { slot, job, end } => {
                let fault = match end {
                    End::Done => None,
                    End::Failed { cause, .. } => Some(word(cause)),
                };
                let span = self.attempts.remove(slot).unwrap_or_else(Span::current);
                span.in_scope(|| debug!(file = name(*job), fault, "action: settle a file"));
            }
            Action::Tell(notice) => trace!(notice = ?notice, "action: tell"),
            Action::Over(ending) => debug!(ending = ?ending, "action: end the run"),
        }
    }

    /// Tells what came from a worker's thread.
    pub(in crate::supervisor) fn worker(
        &self,
        slot: SlotId,
        worker: WorkerId,
        message: &WorkerMessage,
    ) {
        if silent() {
            return;
        }
        let (span, slot, worker) = (self.at(slot), slot.0, worker.0);
        let _inside = span.enter();
        match message {
            WorkerMessage::Born { pid, .. } => {
                debug!(slot, worker, pid, "worker spawned");
            }
            WorkerMessage::Ready(_) => debug!(slot, worker, "worker ready"),
            WorkerMessage::Said(FromWorker::Publishing { file, .. }) => {
                debug!(slot, worker, inode = file.ino, bytes = file.size, "about to publish");
            }
            WorkerMessage::Said(FromWorker::Planned { held, .. }) => {
                debug!(slot, worker, held, "worker knows what is in the file");
            }
            WorkerMessage::Said(FromWorker::Outcome(ended)) => {
                let (peak_rss, peak_anon) = (ended.measured.peak_rss, ended.measured.peak_anon);
                let good = ended.result.is_ok();
                debug!(slot, worker, good, peak_rss, peak_anon, "worker reported");
            }
            WorkerMessage::Said(FromWorker::GivenBack(jobs)) => {
                debug!(slot, worker, files = jobs.len(), "worker gave back what it had not begun");
            }
            // What these lead to is told where it is decided.
            WorkerMessage::Said(
                FromWorker::Progress { .. } | FromWorker::Log(_) | FromWorker::Hello { .. },
            ) => {}
            WorkerMessage::Nonsense(what) => {
                warn!(slot, worker, what = what.as_str(), "worker broke the protocol");
            }
            WorkerMessage::WorkerExit(WorkerExit { death, last_words }) => {
                let last_words = Some(last_words.as_str()).filter(|words| !words.is_empty());
                match death {
                    Ok(Death::Exit(0)) => {
                        debug!(slot, worker, code = 0, last_words, "worker exited");
                    }
                    Ok(Death::Exit(code)) => {
                        warn!(slot, worker, code, last_words, "worker exited");
                    }
                    Ok(Death::Signal(signal)) => {
                        let signal = signal_name(*signal);
                        warn!(slot, worker, signal, last_words, "worker killed");
                    }
                    Err(why) => warn!(slot, worker, why = why.as_str(), "worker not started"),
                }
            }
        }
    }

    /// Passes a line on that the worker in `slot` told of its attempt.
    pub(in crate::supervisor) fn worker_line(&self, slot: SlotId, line: LogLine) {
        let (span, from, slot) = (self.at(slot), "worker", slot.0);
        let _inside = span.enter();
        let LogLine { level, message, details, .. } = line;
        // Said by another process: nothing that a terminal would obey, and no second line.
        let message = message.replace(char::is_control, " ");
        let details = Some(details.as_str()).filter(|details| !details.is_empty());
        match level {
            LogLevel::Warn => warn!(from, slot, details, "{message}"),
            LogLevel::Info => info!(from, slot, details, "{message}"),
            LogLevel::Debug => debug!(from, slot, details, "{message}"),
            LogLevel::Trace => trace!(from, slot, details, "{message}"),
        }
    }
}

/// Whether nobody reads the log, so that no spans are kept for it.
fn silent() -> bool {
    LevelFilter::current() == LevelFilter::OFF
}

fn run_started(start: &RunStart) {
    info!(
        version = start.version,
        input = start.input_dir,
        output = start.output_dir,
        shard = start.shard,
        files = start.files,
        jobs = start.jobs,
        bytes = start.bytes,
        skipped = start.skipped,
        slots = start.slots,
        slots_reason = start.slots_reason,
        threads_per_worker = start.threads_per_worker,
        memory_limit = start.memory.limit,
        memory_source = start.memory.limit_source,
        memory_budget = start.memory.budget,
        "run started"
    );
}

fn run_finished(run: &RunSummary) {
    info!(
        success = run.success,
        unchanged = run.unchanged,
        skipped = run.skipped,
        failed = run.failed,
        attempts = run.attempts,
        safety_violations = run.safety_violations,
        seconds = run.conversion_time,
        interrupted = run.interrupted,
        error = run.error,
        "run finished"
    );
}

fn file_finished(record: &JobRecord) {
    let outcome = word(&record.outcome);
    let message = record.message.as_deref();
    if record.outcome == JobOutcome::Failed {
        let fault = record.fault.as_ref().map(word);
        let attempts = record.attempts;
        warn!(outcome, fault, reason = message, attempts, "file finished");
        return;
    }
    info!(
        outcome,
        mode = record.mode.as_ref().map(word),
        bytes_in = record.bytes_in,
        bytes_out = record.bytes_out,
        appended = record.bytes_appended,
        replaced = record.bytes_replaced,
        verify = record.verify.as_ref().map(word),
        attempts = record.attempts,
        seconds = record.seconds,
        peak_anon = record.peak_anon,
        reason = message,
        "file finished"
    );
}

/// What concerns no file.
fn about_the_run(event: &RunEvent) {
    match event {
        RunEvent::Concurrency { allowed, slots, reason } => {
            info!(allowed, slots, reason = word(reason), "governor: slots that may be busy");
        }
        RunEvent::SafetyViolation { used, budget, limit, count, step } => {
            warn!(used, budget, limit, count, step = word(step), "governor: above the margin");
        }
        RunEvent::Memory(memory) => {
            trace!(used = memory.used, budget = memory.budget, limit = memory.limit, "memory");
        }
        RunEvent::Paused { message } => warn!(reason = message.as_str(), "run paused"),
        RunEvent::TakingAlong(taking) => {
            info!(files = taking.files, done = taking.done, "other files are taken along");
        }
        RunEvent::Resumed { seconds } => info!(after = seconds, "run resumed"),
        RunEvent::Draining { reason, grace_seconds, running } => {
            info!(reason = reason.as_str(), grace = grace_seconds, running, "run draining");
        }
        RunEvent::Stopping { reason } => info!(reason = reason.as_str(), "run stopping"),
        RunEvent::Status(status) => status_told(status),
        RunEvent::Warning { message } => warn!(what = message.as_str(), "warning"),
        RunEvent::Examining { .. }
        | RunEvent::RunStarted(_)
        | RunEvent::RunFinished(_)
        | RunEvent::AttemptStarted { .. }
        | RunEvent::AttemptFailed { .. }
        | RunEvent::JobFinished(_)
        | RunEvent::Progress { .. } => {}
    }
}

fn status_told(status: &Status) {
    let busy = status.slots.iter().filter(|SlotStatus { name, .. }| name.is_some()).count();
    let Status { waiting, done, failed, skipped, allowed, .. } = status;
    info!(busy, waiting, done, failed, skipped, allowed, "status asked for");
}

/// The lines of a journal were written, or were not.
pub(in crate::supervisor) fn journal_written(
    bytes: usize,
    records: usize,
    took: Duration,
    error: Option<&std::io::Error>,
) {
    let seconds = took.as_secs_f64();
    match error {
        None => debug!(bytes, records, seconds, "journal written"),
        Some(error) => warn!(bytes, records, seconds, error = %error, "journal not written"),
    }
}

/// A value by the name that it has in the report.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}
