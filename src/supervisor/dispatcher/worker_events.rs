//! Handles what a worker says, and what it tells on demand.

use super::worker_handle::{Current, WorkerHandle};
use super::{Dispatcher, Taken};
use crate::convert::Phase;
use crate::protocol::{Ended, FromWorker};
use crate::supervisor::event::{RunEvent, SlotId, SlotStatus, Status};
use crate::supervisor::fault::Fault;
use crate::supervisor::journal::Task;
use crate::supervisor::memory::sampler::Watch;
use crate::supervisor::plan::JobId;
use crate::supervisor::record::JobOutcome;
use crate::supervisor::scheduler::{Event, Report, WorkerId};
use crate::supervisor::worker_process::{WorkerExit, WorkerMessage};
use crate::sys::process::{Death, signal_name};

impl Dispatcher {
    pub(in crate::supervisor) fn word(
        &mut self,
        slot: SlotId,
        worker: WorkerId,
        word: WorkerMessage,
    ) {
        self.events_out.trace.worker(slot, worker, &word);
        let Some(worker_handle) = self.worker_handle(slot, worker) else { return };
        match word {
            WorkerMessage::Born { pid, killer } => {
                worker_handle.born(pid, killer);
                self.services.monitor.watch(Watch::Add { slot, worker, pid });
            }
            WorkerMessage::Ready(stream) => {
                worker_handle.stream = Some(stream);
                self.events.push_back(Event::Ready { slot, worker });
            }
            WorkerMessage::Said(FromWorker::Progress { job, attempt, phase, done, total }) => {
                self.progress(slot, worker, (JobId(job), attempt), (phase, done, total));
            }
            WorkerMessage::Said(FromWorker::Planned { job, attempt, held }) => {
                if let Some(need) = self.task.after_planning(held) {
                    let job = JobId(job);
                    self.events.push_back(Event::Planned { slot, worker, job, attempt, need });
                }
            }
            WorkerMessage::Said(FromWorker::Publishing { job, attempt, file }) => {
                let job = JobId(job);
                let current = worker_handle.current.as_ref().filter(|now| !now.over);
                if current.is_some_and(|now| (now.job, now.attempt) == (job, attempt)) {
                    self.jobs.published.insert(job, file);
                }
            }
            WorkerMessage::Said(FromWorker::Outcome(ended)) => self.outcome(slot, worker, *ended),
            WorkerMessage::Said(FromWorker::GivenBack(jobs)) => {
                worker_handle.answered();
                let jobs = worker_handle.take_back(jobs);
                self.events.push_back(Event::GivenBack { slot, worker, jobs });
            }
            WorkerMessage::Said(FromWorker::Log(line)) => {
                let which = (JobId(line.job), line.attempt);
                let current = worker_handle.current.as_ref().filter(|now| !now.over);
                if current.is_some_and(|now| (now.job, now.attempt) == which) {
                    self.events_out.trace.worker_line(slot, line.bounded());
                }
            }
            WorkerMessage::Said(FromWorker::Hello { .. }) => {}
            WorkerMessage::Nonsense(message) => {
                worker_handle.kill_reason.get_or_insert_with(|| message.clone());
                self.events.push_back(Event::Nonsense { slot, worker, message });
            }
            WorkerMessage::WorkerExit(gone) => self.gone(slot, worker, gone),
        }
    }

    fn progress(
        &mut self,
        slot: SlotId,
        worker: WorkerId,
        which: (JobId, u32),
        at: (Phase, u64, u64),
    ) {
        let Some(worker_handle) = self.worker_handle(slot, worker) else { return };
        let current = worker_handle.current.as_mut().filter(|now| (now.job, now.attempt) == which);
        let Some(current) = current.filter(|now| !now.over) else {
            let message = "reports a job that it does not have".to_owned();
            self.events.push_back(Event::Nonsense { slot, worker, message });
            return;
        };
        // The same news again is no sign of life.
        if current.at.replace(at) == Some(at) {
            return;
        }
        // A file that grew meanwhile, or a defect, must not show more than all of it.
        let (phase, done, total) = (at.0, at.1.min(at.2), at.2);
        self.events.push_back(Event::Alive { slot, worker, sync: phase == Phase::Sync });
        if let Some((job, _)) = self.context.job(which.0) {
            self.events_out.mention(RunEvent::Progress { slot, job, phase, done, total });
        }
    }

    fn outcome(&mut self, slot: SlotId, worker: WorkerId, ended: Ended) {
        let Ended { job, attempt, result, measured, time, gives_back } = ended;
        let job = JobId(job);
        let (began, ended) = (self.since_begin(time.0), self.since_begin(time.1));
        let Some(worker_handle) = self.worker_handle(slot, worker) else { return };
        if gives_back {
            worker_handle.gave_all_back();
        }
        // It cannot have begun before it was through with the one before.
        let spent = ended.saturating_sub(began.max(worker_handle.last_end));
        worker_handle.last_end = worker_handle.last_end.max(ended);
        let known =
            worker_handle.current.as_mut().filter(|now| (now.job, now.attempt) == (job, attempt));
        let result = if let Some(current) = known {
            (current.over, current.ended) = (true, Some(ended));
            // What was seen of a worker meanwhile may be of the files before and behind.
            let seen = if current.among_others { 0 } else { current.peak_anon };
            let taken = Taken {
                peak_rss: measured.peak_rss,
                peak_anon: measured.peak_anon.max(seen),
                cpu: measured.cpu_micros,
                queued: measured.queued_micros,
            };
            let (output, ended) = match result {
                Ok(output) => (Some(output.0), Ok(())),
                Err(failure) => (None, Err((failure.fault.into(), failure.message))),
            };
            current.output = output;
            self.taken(job, taken);
            ended
        } else {
            result.map(drop).map_err(|failure| (failure.fault.into(), failure.message))
        };
        if measured.lists_in_memory > 0 && !self.state.lists_told {
            self.state.lists_told = true;
            let message = "lists that were too long for the memory went to a directory that is memory \
                           as well (tmpfs): --scratch DIR, on a disk, keeps that free";
            self.events_out.tell(RunEvent::Warning { message: message.to_owned() });
        }
        let (peak, rest) = (measured.peak_anon, measured.rest);
        let report = Report { job, attempt, result, peak, rest, spent, gives_back };
        self.events.push_back(Event::Ended { slot, worker, report });
    }

    /// Adds what an attempt of a job took: the highest memory of all of them, and their times.
    fn taken(&mut self, job: JobId, attempt: Taken) {
        let all = self.jobs.taken.entry(job).or_default();
        all.peak_rss = all.peak_rss.max(attempt.peak_rss);
        all.peak_anon = all.peak_anon.max(attempt.peak_anon);
        all.cpu = all.cpu.saturating_add(attempt.cpu);
        all.queued = all.queued.saturating_add(attempt.queued);
    }

    fn gone(&mut self, slot: SlotId, worker: WorkerId, gone: WorkerExit) {
        self.services.monitor.watch(Watch::Remove { worker });
        let Some(worker_handle) = self.workers.remove(&slot) else { return };
        let running = worker_handle.current.as_ref().filter(|current| !current.over);
        let (cause, message) = self.explain(&worker_handle, running, gone);
        let mut peak = 0;
        if let Some(current) = running {
            peak = current.peak_anon;
            let Current { peak_rss, peak_anon, .. } = *current;
            self.taken(current.job, Taken { peak_rss, peak_anon, ..Taken::default() });
            self.services.journal_writer.ask(Task::Remove(current.temp.clone()));
        }
        self.events.push_back(Event::Exited { slot, worker, cause, message, peak });
    }

    fn explain(
        &mut self,
        worker_handle: &WorkerHandle,
        running: Option<&Current>,
        gone: WorkerExit,
    ) -> (Fault, String) {
        let WorkerExit { death, last_words } = gone;
        let death = match death {
            Ok(death) => death,
            Err(why) => return (Fault::Spawn, format!("cannot start a worker: {why}")),
        };
        // Who was faster than the kill has a death of its own.
        let killed = worker_handle.killed() && death == Death::Signal(libc::SIGKILL);
        if let (true, Some(kill_reason)) = (killed, &worker_handle.kill_reason) {
            return (Fault::Protocol, format!("the worker {kill_reason}{}", tail(&last_words)));
        }
        let Some(current) = running else {
            let how = match death {
                Death::Exit(code) => format!("exit code {code}"),
                Death::Signal(signal) => signal_name(signal),
            };
            return (Fault::Crashed, format!("ended ({how}){}", tail(&last_words)));
        };
        if killed {
            // The scheduler knows why.
            return (Fault::Killed, "killed".to_owned());
        }
        let (held, predicted) = (current.peak_anon, current.predicted);
        let (cause, message) = self.services.witness.explain(death, &last_words, held, predicted);
        let place = match current.at {
            Some((phase, done, total)) if total > 1 => {
                format!(" (phase {}, {} of {total} bytes)", phase.name(), done.min(total))
            }
            Some((phase, ..)) => format!(" (phase {})", phase.name()),
            None => String::new(),
        };
        (cause, format!("{message}{place}"))
    }

    pub(in crate::supervisor) fn status(&self) -> Status {
        let ended = self.jobs.records.outcomes();
        let count = |outcomes: &[JobOutcome]| {
            outcomes.iter().filter_map(|outcome| ended.get(outcome)).sum::<u64>()
        };
        let slots = (0..self.context.slots).map(SlotId).map(|slot| {
            let worker_handle = self.workers.get(&slot);
            let current = worker_handle
                .and_then(|worker_handle| worker_handle.current.as_ref())
                .filter(|now| !now.over);
            let at = current.and_then(|current| current.at);
            SlotStatus {
                slot,
                pid: worker_handle.and_then(|worker_handle| worker_handle.pid),
                name: current.map(|current| current.name.clone()),
                attempt: current.map_or(0, |current| current.attempt),
                phase: at.map(|at| at.0),
                done: at.map_or(0, |at| at.1.min(at.2)),
                total: at.map_or(0, |at| at.2),
                seconds: current.map_or(0.0, |current| current.began.elapsed().as_secs_f64()),
                anon: worker_handle.map_or(0, |worker_handle| worker_handle.held),
            }
        });
        Status {
            seconds: self.now().as_secs_f64(),
            waiting: self.scheduler.waiting(),
            done: count(&[JobOutcome::Converted, JobOutcome::Unchanged]),
            failed: count(&[JobOutcome::Failed]),
            skipped: count(&[JobOutcome::Skipped]),
            allowed: self.scheduler.allowed(),
            paused: self.state.paused,
            draining: self.state.draining,
            memory: self.memory.status.clone(),
            safety_violations: self.scheduler.violations(),
            slots: slots.collect(),
        }
    }
}

fn tail(last_words: &str) -> String {
    match last_words.trim() {
        "" => String::new(),
        words => format!("; the end of its output: {words}"),
    }
}
