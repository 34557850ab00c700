//! Carries out what the scheduler decides.

use super::worker_handle::{Current, WorkerHandle};
use super::{Dispatcher, Message};
use crate::convert::publish::IS_INPUT;
use crate::convert::temp::TempName;
use crate::protocol::{Assignment, ToWorker, WireBytes};
use crate::supervisor::event::{RunEvent, SlotId};
use crate::supervisor::fault::Fault;
use crate::supervisor::journal::{AttemptLine, Line, Task};
use crate::supervisor::plan::JobId;
use crate::supervisor::record::{JobOutcome, JobRecord};
use crate::supervisor::scheduler::{Action, End, Event, Notice, WorkerId};
use crate::supervisor::task::{Attempt, JobOver, Told};
use crate::supervisor::worker_process::{self, Birth};
use crate::text;
use std::io;
use std::time::{Duration, SystemTime};

impl Dispatcher {
    pub(in crate::supervisor) fn act(&mut self, action: Action) {
        let name = |job| self.context.job(job).map(|(_, planned)| planned.name.as_str());
        self.events_out.trace.action(&action, name);
        match action {
            Action::Spawn { slot, worker } => self.spawn(slot, worker),
            Action::Assign {
                slot,
                worker,
                job,
                attempt,
                threads,
                predicted,
                data_limit,
                tell_planned,
                rest_limit,
            } => {
                let limits = (data_limit, tell_planned, rest_limit);
                self.assign(slot, worker, (job, attempt), threads, predicted, limits);
            }
            Action::Begin { slot, worker, job } => self.attempt_begins(slot, worker, job),
            Action::Recall { slot, worker } => self.say(slot, worker, &ToWorker::Recall),
            Action::SetThreads { slot, worker, threads } => {
                self.say(slot, worker, &ToWorker::SetThreads(threads));
            }
            Action::Cancel { slot, worker } => self.say(slot, worker, &ToWorker::Cancel),
            Action::Quit { slot, worker } => self.say(slot, worker, &ToWorker::Drain),
            Action::Kill { slot, worker } => {
                if let Some(worker_handle) = self.worker_handle(slot, worker) {
                    worker_handle.kill();
                }
            }
            Action::CheckSpace { needed } => {
                self.services.journal_writer.ask(Task::CheckSpace(needed));
            }
            Action::AttemptFailed { slot, job, attempt, cause, message, will_retry } => {
                self.attempt_failed(slot, (job, attempt), cause, message, will_retry);
            }
            Action::Finish { slot, job, end } => self.job_over(slot, job, end),
            Action::Tell(notice) => self.pass_on(notice),
            Action::Over(ending) => self.end(ending),
        }
    }

    pub(in crate::supervisor) fn worker_handle(
        &mut self,
        slot: SlotId,
        worker: WorkerId,
    ) -> Option<&mut WorkerHandle> {
        self.workers.get_mut(&slot).filter(|worker_handle| worker_handle.worker == worker)
    }

    fn spawn(&mut self, slot: SlotId, worker: WorkerId) {
        let handle = WorkerHandle::new(worker);
        let load = handle.load.clone();
        self.workers.insert(slot, handle);
        let cores = usize::try_from(slot.0).ok().and_then(|slot| self.context.cores.get(slot));
        let birth = Birth {
            slot,
            worker,
            program: self.context.program.clone(),
            address: self.services.sockets.address(worker.0),
            cores: cores.cloned().unwrap_or_default(),
            handshake_timeout: self.context.settings.handshake_timeout,
            load,
        };
        let outbox = self.channel.outbox.clone();
        let tell =
            move |slot, worker, words| outbox.send(Message::Worker(slot, worker, words)).is_ok();
        if let Err(error) = worker_process::start(birth, Box::new(tell)) {
            self.workers.remove(&slot);
            let message = format!("cannot start a thread: {error}");
            self.events.push_back(Event::Exited {
                slot,
                worker,
                cause: Fault::Spawn,
                message,
                peak: 0,
            });
        }
    }

    fn assign(
        &mut self,
        slot: SlotId,
        worker: WorkerId,
        (job, attempt): (JobId, u32),
        threads: u32,
        predicted: u64,
        (data_limit, tell_planned, rest_limit): (Option<u64>, bool, u64),
    ) {
        self.temp_number += 1;
        let temp_name = TempName::new(&self.context.run_id, self.context.owner, self.temp_number)
            .map_or_else(|_| format!("{}.part", self.temp_number), |name| name.to_string());
        let Some((place, planned)) = self.context.job(job) else { return };
        let leftover = self.jobs.published.get(&job).copied();
        let asked = Attempt { place, threads, leftover };
        let options = self.task.options(&asked);
        let (options, error) = match options {
            Ok(options) => (WireBytes(options), None),
            Err(error) => (WireBytes::default(), Some(error)),
        };
        let assignment = Assignment {
            job: job.0,
            attempt,
            input: planned.input.as_path().into(),
            output: planned.output.as_path().into(),
            temp_dir: self.context.temp_dir.as_path().into(),
            temp_name,
            task: self.task.name().to_owned(),
            options,
            threads,
            data_limit: data_limit.map(|limit| limit.saturating_add(self.task.reserved())),
            tell_planned,
            rest_limit,
        };
        let file = (planned.name.clone(), planned.bytes);
        let current = Current::new(assignment, file, predicted);
        if let Some(worker_handle) = self.worker_handle(slot, worker) {
            worker_handle.lay_behind(current);
        }
        if let Some(error) = error {
            self.cannot_reach(slot, worker, &error);
        }
    }

    /// Tells workers of what was laid behind what they have.
    pub(in crate::supervisor) fn tell_workers(&mut self) {
        let untold = self.workers.iter().filter(|(_, handle)| handle.has_untold());
        let untold: Vec<_> = untold.map(|(slot, handle)| (*slot, handle.worker)).collect();
        for (slot, worker) in untold {
            self.tell_next(slot, worker);
        }
    }

    fn tell_next(&mut self, slot: SlotId, worker: WorkerId) {
        let (jobs, lasts) = self.scheduler.hand(slot);
        let each = lasts / u32::try_from(jobs.max(1)).unwrap_or(u32::MAX);
        let Some(worker_handle) = self.worker_handle(slot, worker) else { return };
        if let Err(error) = worker_handle.tell_next(each) {
            self.not_said(slot, worker, &error);
        }
    }

    fn attempt_begins(&mut self, slot: SlotId, worker: WorkerId, job: JobId) {
        let Some((place, _)) = self.context.job(job) else { return };
        let Some(worker_handle) = self.worker_handle(slot, worker) else { return };
        if !worker_handle.begin_next(job) {
            return;
        }
        let pid = worker_handle.pid.unwrap_or(0);
        let Some(current) = &worker_handle.current else { return };
        let (name, bytes, attempt) = (current.name.clone(), current.bytes, current.attempt);
        self.stats.attempts += 1;
        let job = place;
        self.events_out.tell(RunEvent::AttemptStarted { slot, job, name, bytes, attempt, pid });
    }

    /// Says something to a worker. One that cannot be reached is killed; its end tells the rest.
    fn say(&mut self, slot: SlotId, worker: WorkerId, message: &ToWorker) {
        // What was decided before is said before.
        self.tell_next(slot, worker);
        let Some(worker_handle) = self.worker_handle(slot, worker) else { return };
        if let Err(error) = worker_handle.say(message) {
            self.not_said(slot, worker, &error);
        }
    }

    fn not_said(&mut self, slot: SlotId, worker: WorkerId, error: &io::Error) {
        // It is dying, or hung up; its thread will tell.
        let dying = [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset];
        if !dying.contains(&error.kind()) {
            self.cannot_reach(slot, worker, error);
        }
    }

    fn cannot_reach(&mut self, slot: SlotId, worker: WorkerId, error: &dyn std::fmt::Display) {
        let Some(worker_handle) = self.worker_handle(slot, worker) else { return };
        worker_handle.kill_reason.get_or_insert_with(|| format!("cannot be reached: {error}"));
        worker_handle.kill();
    }

    fn attempt_failed(
        &mut self,
        slot: SlotId,
        (job, attempt): (JobId, u32),
        cause: Fault,
        message: String,
        will_retry: bool,
    ) {
        // What a run stops in its end comes again in the next one.
        let here = will_retry && !(self.state.stopping && cause == Fault::Stopped);
        self.stats.failed(cause, here);
        if matches!(cause, Fault::Output | Fault::Full) {
            self.services.journal_writer.ask(Task::CheckPlace);
        }
        let Some((place, planned)) = self.context.job(job) else { return };
        let name = planned.name.clone();
        let line = Line::Attempt(AttemptLine {
            run_id: self.context.run_id.clone(),
            at: text::rfc3339(SystemTime::now()),
            name: name.clone(),
            attempt,
            fault: cause,
            message: message.clone(),
            will_retry,
        });
        self.services.journal_writer.write(line, None);
        let job = place;
        let event =
            RunEvent::AttemptFailed { slot, job, name, attempt, cause, message, will_retry };
        self.events_out.tell(event);
    }

    fn job_over(&mut self, slot: SlotId, job: JobId, end: End) {
        let Some((_, planned)) = self.context.job(job) else { return };
        let (attempts, busy, faults) = self.scheduler.history(job);
        let mut record =
            JobRecord::bare(&planned.name, planned.number, JobOutcome::Failed, planned.bytes);
        record.attempts = attempts;
        record.seconds = busy.as_secs_f64();
        record.faults = faults.to_vec();
        record.slot = Some(slot.0);
        record.ended = Some(self.ended_at(slot, job).as_secs_f64());
        let taken = self.jobs.taken.remove(&job).unwrap_or_default();
        (record.peak_rss, record.peak_anon) = (taken.peak_rss, taken.peak_anon);
        record.cpu_seconds = Duration::from_micros(taken.cpu).as_secs_f64();
        record.queued_seconds = Duration::from_micros(taken.queued).as_secs_f64();
        self.stats.ended(planned.bytes);
        self.jobs.published.remove(&job);
        let worker_handle = self.workers.get_mut(&slot);
        let current = worker_handle
            .and_then(|worker_handle| worker_handle.current.as_mut().filter(|now| now.job == job));
        let output = current.and_then(|current| current.output.take());
        let result = match (end, output) {
            (End::Done, Some(output)) => Ok(output),
            (End::Done, None) => Err((Fault::Internal, "the worker's report is lost".to_owned())),
            (End::Failed { cause: Fault::OutOfMemory, message }, _) => {
                Err((Fault::OutOfMemory, self.advise(&message, record.peak_anon)))
            }
            (End::Failed { cause: Fault::Conflict, message }, _) if message.ends_with(IS_INPUT) => {
                Err((Fault::Conflict, message))
            }
            (End::Failed { cause: Fault::Conflict, message }, _) => {
                Err((Fault::Conflict, self.task.conflict(&message)))
            }
            (End::Failed { cause, message }, _) => Err((cause, message)),
        };
        let Some((place, planned)) = self.context.job(job) else { return };
        if result.is_err()
            && let Some(chore) = self.task.failed(place, planned)
        {
            self.services.journal_writer.ask(Task::Do(chore));
        }
        let told = self.task.over(JobOver {
            place,
            job: planned,
            run_id: &self.context.run_id,
            record,
            result,
            shared: self.services.family.is_some(),
        });
        match told {
            Told::Journalled(record, line) => self.journal(place, record, line),
            Told::Now(record) => self.tell_record(u64::from(place.0), record),
            Told::Unkept(record) => self.events_out.tell(RunEvent::JobFinished(record)),
            Told::Later => {}
        }
    }

    /// When the last attempt of a job ended, since the run began: as its worker says, if it lives.
    fn ended_at(&self, slot: SlotId, job: JobId) -> Duration {
        let current = self.workers.get(&slot).and_then(|handle| handle.current.as_ref());
        let ended = current.filter(|now| now.job == job).and_then(|now| now.ended);
        ended.unwrap_or_else(|| self.now())
    }

    /// Has the line of a job that is over written; what it tells is told when it is safe.
    pub(in crate::supervisor) fn journal(&mut self, place: JobId, record: JobRecord, line: Line) {
        let number = u64::from(place.0);
        self.services.journal_writer.write(line, Some(number));
        self.jobs.unsafe_records.insert(number, Box::new(record));
    }

    /// What a job that ran out of memory alone in the machine needs.
    fn advise(&self, message: &str, peak: u64) -> String {
        let memory = &self.memory.status;
        let source = &memory.limit_source;
        // What was held is what was seen last; it wanted more.
        let enough = peak.max(memory.limit / 2).saturating_mul(2);
        format!(
            "alone in the machine: {message}. It held {} when it was seen last, of \
             {} there are ({source}; {} are in use without it). Give it at least {} \
             (--memory-limit, SLURM's --mem), then run the same command again",
            text::bytes(peak),
            text::bytes(memory.limit),
            text::bytes(memory.used),
            text::bytes(enough),
        )
    }

    fn pass_on(&mut self, notice: Notice) {
        let event = match notice {
            Notice::Concurrency { allowed, reason } => {
                RunEvent::Concurrency { allowed, slots: self.context.slots, reason }
            }
            Notice::Violation { used, budget, limit, count, step } => {
                RunEvent::SafetyViolation { used, budget, limit, count, step }
            }
            Notice::Paused(message) => {
                self.state.paused = true;
                RunEvent::Paused { message }
            }
            Notice::Resumed(waited) => {
                self.state.paused = false;
                RunEvent::Resumed { seconds: waited.as_secs_f64() }
            }
            Notice::Draining { reason, grace, running } => {
                self.state.draining = true;
                RunEvent::Draining { reason, grace_seconds: grace.as_secs_f64(), running }
            }
            Notice::Stopping(reason) => {
                (self.state.draining, self.state.stopping) = (true, true);
                RunEvent::Stopping { reason }
            }
            Notice::Warning(message) => RunEvent::Warning { message },
        };
        self.events_out.tell(event);
    }
}
