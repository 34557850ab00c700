//! Runs the thread that owns a run's state. It hears everybody through one channel, lets the
//! scheduler decide, and carries out what it decided; it never waits for a disk, a worker or a
//! terminal.

mod actions;
mod summary;
mod worker_events;
pub(super) mod worker_handle;

use super::control::{Command, Control};
use super::event::{MemoryStatus, RunEvent, SlotId};
use super::event_channel::EventSender;
use super::family::Family;
use super::journal::{JournalWriter, Line, Task, Written};
use super::live::{LiveHandle, part, share};
use super::memory::oom::OomWitness;
use super::memory::sampler::{Monitor, Sample};
use super::plan::{JobId, Plan, PlannedJob};
use super::record::JobRecord;
use super::records::{Ledger, Records};
use super::run_stats::RunStats;
use super::scheduler::{Ending, Event, Scheduler, WorkerId};
use super::settings::Settings;
use super::signals::{Asked, Listening};
use super::summary::RunSummary;
use super::task::RunTask;
use super::timeline::Timeline;
use super::worker_process::{WorkerMessage, WorkerProgram};
use crate::convert::temp::Owner;
use crate::protocol::SocketDir;
use crate::sys::clock::monotonic_micros;
use crate::sys::stat::StatData;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant, SystemTime};
use worker_handle::WorkerHandle;

/// How often the scheduler is told the time.
const TICK: Duration = Duration::from_millis(100);
/// How often memory is told.
const MEMORY: Duration = Duration::from_secs(1);
/// How long the journal may take in the end.
const LAST_SYNC: Duration = Duration::from_secs(30);
/// How long the lines of other shards may take on which jobs wait in the end.
const PATIENCE: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_millis(100);

/// What the dispatcher hears.
#[derive(Debug)]
pub(super) enum Message {
    Worker(SlotId, WorkerId, Vec<WorkerMessage>),
    Sample(Sample),
    Asked(Asked),
    Ordered(Command),
    Written(Written),
}

/// A run's constants.
#[derive(Debug)]
pub(crate) struct RunContext {
    pub(crate) settings: Settings,
    pub(crate) plan: Plan,
    /// Places in the plan of the scheduler's jobs.
    pub(crate) todo: Vec<usize>,
    pub(crate) run_id: String,
    pub(crate) started: SystemTime,
    pub(crate) program: WorkerProgram,
    pub(crate) live: LiveHandle,
    pub(crate) cores: Vec<Vec<usize>>,
    pub(crate) temp_dir: PathBuf,
    pub(crate) owner: Owner,
    pub(crate) slots: u32,
    /// Threads of each attempt at first, and cores for all of them.
    pub(crate) threads: u32,
    pub(crate) granted: u32,
}

impl RunContext {
    /// The scheduler's job in the plan.
    pub(super) fn job(&self, job: JobId) -> Option<(JobId, &PlannedJob)> {
        let place = *self.todo.get(usize::try_from(job.0).ok()?)?;
        Some((JobId(u32::try_from(place).ok()?), self.plan.jobs.get(place)?))
    }
}

/// Those who work for the dispatcher.
pub(super) struct Services {
    pub(super) sockets: SocketDir,
    pub(super) monitor: Monitor,
    pub(super) journal_writer: JournalWriter,
    pub(super) _listening: Listening,
    pub(super) witness: OomWitness,
    /// Lets others ask; there is none where nothing is written.
    pub(super) control: Option<Control>,
    /// The other shards, where there are some.
    pub(super) family: Option<Family>,
}

/// What is known of the jobs.
#[derive(Debug, Default)]
pub(super) struct JobStates {
    /// Records by place in the plan: those that are over before the run among them.
    pub(super) records: Ledger,
    /// Records that are not safe on disk yet, by place in the plan.
    pub(super) unsafe_records: BTreeMap<u64, Box<JobRecord>>,
    /// What each job's attempts took so far.
    pub(super) taken: BTreeMap<JobId, Taken>,
    /// What each job's last attempt was about to publish.
    pub(super) published: BTreeMap<JobId, StatData>,
}

/// What the attempts of a job took together.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Taken {
    /// Highest resident and anonymous memory in bytes.
    pub(super) peak_rss: u64,
    pub(super) peak_anon: u64,
    /// Processor time, and time on a queue for a core, in microseconds.
    pub(super) cpu: u64,
    pub(super) queued: u64,
}

/// Memory as it was read last.
#[derive(Debug, Default)]
pub(super) struct MemoryState {
    pub(super) status: MemoryStatus,
    /// When it was told.
    told: Option<Instant>,
}

/// How far the run is.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a state of its own")]
pub(super) struct RunState {
    /// No new jobs begin.
    pub(super) draining: bool,
    /// What runs is stopped.
    pub(super) stopping: bool,
    /// The disk is full.
    pub(super) paused: bool,
    /// It was told that lists go to files in memory.
    pub(super) lists_told: bool,
    /// The scheduler's last word.
    over: Option<Ending>,
    /// The journal's thread is gone.
    closed: bool,
}

/// The channel through which the dispatcher hears everybody.
struct Channel {
    outbox: Sender<Message>,
    inbox: Receiver<Message>,
}

/// Owns a run's state, hears everybody, and does what the scheduler decides.
pub(super) struct Dispatcher {
    pub(super) context: RunContext,
    pub(super) task: Box<dyn RunTask>,
    pub(super) services: Services,
    pub(super) scheduler: Scheduler,
    pub(super) events_out: EventSender,
    channel: Channel,
    begin: Instant,
    /// The same moment on the clock that workers see, in microseconds.
    begin_micros: u64,
    pub(super) workers: BTreeMap<SlotId, WorkerHandle>,
    /// What is to be told to the scheduler.
    pub(super) events: VecDeque<Event>,
    pub(super) jobs: JobStates,
    pub(super) memory: MemoryState,
    pub(super) state: RunState,
    pub(super) stats: RunStats,
    pub(super) timeline: Timeline,
    /// Counts the names of temporary files.
    pub(super) temp_number: u64,
}

impl Dispatcher {
    pub(super) fn new(
        context: RunContext,
        task: Box<dyn RunTask>,
        services: Services,
        scheduler: Scheduler,
        events_out: EventSender,
        (outbox, inbox): (Sender<Message>, Receiver<Message>),
        settled: Ledger,
    ) -> Self {
        Self {
            context,
            task,
            services,
            scheduler,
            events_out,
            channel: Channel { outbox, inbox },
            begin: Instant::now(),
            begin_micros: monotonic_micros(),
            workers: BTreeMap::new(),
            events: VecDeque::new(),
            jobs: JobStates { records: settled, ..JobStates::default() },
            memory: MemoryState::default(),
            state: RunState::default(),
            stats: RunStats::default(),
            timeline: Timeline::default(),
            temp_number: 0,
        }
    }

    /// Time since the run began.
    pub(super) fn now(&self) -> Duration {
        self.begin.elapsed()
    }

    /// A moment of the clock that workers see, as time since the run began; none is in the future.
    pub(super) fn since_begin(&self, micros: u64) -> Duration {
        Duration::from_micros(micros.saturating_sub(self.begin_micros)).min(self.now())
    }

    /// Runs until everything is over.
    pub(super) fn run(mut self, first: Sample) -> RunSummary {
        self.sample(first);
        let mut ticked = Instant::now();
        self.settle();
        while self.state.over.is_none() {
            let due = [self.events_out.due(), self.services.journal_writer.due()];
            let tick = TICK.saturating_sub(ticked.elapsed());
            let tick = due.into_iter().flatten().fold(tick, Duration::min);
            match self.channel.inbox.recv_timeout(tick) {
                Ok(message) => self.hear(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if ticked.elapsed() >= TICK {
                ticked = Instant::now();
                self.events.push_back(Event::Tick);
            }
            self.settle();
            self.events_out.send(false);
            self.services.journal_writer.send(false);
        }
        self.finish()
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Worker(slot, worker, words) => {
                for word in words {
                    self.word(slot, worker, word);
                    // What follows is about the job that begins then.
                    self.settle();
                }
            }
            Message::Sample(sample) => self.sample(sample),
            Message::Asked(Asked::End(reason)) => self.events.push_back(Event::Signal { reason }),
            Message::Asked(Asked::Status) => {
                let status = self.status();
                self.events_out.tell(RunEvent::Status(status));
            }
            Message::Ordered(command) => self.ordered(command),
            Message::Written(written) => self.written(written),
        }
    }

    /// Does what somebody asked for from elsewhere; asking again changes nothing.
    fn ordered(&mut self, command: Command) {
        let RunState { draining, stopping, .. } = self.state;
        let (reason, signals) = match command {
            Command::Drain(reason) => (reason, u8::from(!draining)),
            Command::Stop(reason) => (reason, u8::from(!draining) + u8::from(!stopping)),
        };
        for _ in 0..signals {
            self.events.push_back(Event::Signal { reason: reason.clone() });
        }
    }

    /// Lets the scheduler decide on what was heard, and does what it says, until nothing is left.
    fn settle(&mut self) {
        while let Some(event) = self.events.pop_front() {
            for action in self.scheduler.handle(event, self.begin.elapsed()) {
                self.act(action);
            }
        }
        self.tell_workers();
    }

    fn sample(&mut self, sample: Sample) {
        for (slot, worker, memory) in sample.workers {
            if let Some(worker_handle) =
                self.workers.get_mut(&slot).filter(|worker_handle| worker_handle.worker == worker)
            {
                worker_handle.measured(memory);
                self.events_out.live.measured(slot, worker_handle.held);
            }
        }
        for (slot, worker) in sample.moved {
            let worker_handle =
                self.workers.get(&slot).filter(|worker_handle| worker_handle.worker == worker);
            if let Some(sync) = worker_handle.and_then(WorkerHandle::syncing) {
                self.events_out.live.moved(slot);
                self.events.push_back(Event::Alive { slot, worker, sync });
            }
        }
        self.memory.status = sample.status;
        self.stats.saw(&self.memory.status);
        self.note_time();
        self.events.push_back(Event::Memory(sample.reading));
        if self.memory.told.is_none_or(|told| told.elapsed() >= MEMORY) {
            self.memory.told = Some(Instant::now());
            self.events_out.mention(RunEvent::Memory(self.memory.status.clone()));
        }
    }

    /// Takes down how far the run is now.
    pub(super) fn note_time(&mut self) {
        let mut point = self.memory.status.point(self.now().as_secs_f64());
        (point.bytes, point.files) = (self.stats.bytes_through, self.stats.files_through);
        for worker in self.workers.values() {
            point.held = point.held.saturating_add(worker.held);
            let Some(current) = worker.current.as_ref().filter(|now| !now.over) else { continue };
            point.busy = point.busy.saturating_add(1);
            let share = current.at.map_or(0.0, |(phase, done, total)| share(phase, done, total));
            point.bytes = point.bytes.saturating_add(part(current.bytes, share));
        }
        self.timeline.add(point);
    }

    fn written(&mut self, written: Written) {
        match written {
            Written::Safe(numbers) => {
                for number in numbers {
                    if let Some(record) = self.jobs.unsafe_records.remove(&number) {
                        self.tell_record(number, *record);
                    }
                }
            }
            Written::Trouble(message) => self.events_out.tell(RunEvent::Warning { message }),
            Written::Space(enough) => self.events.push_back(Event::Space { enough }),
            Written::PlaceGone(message) => self.events.push_back(Event::Fatal { message }),
            Written::Closed => {
                self.state.closed = true;
                if self.state.over.is_none() {
                    let message = "the journal's thread is gone".to_owned();
                    self.events.push_back(Event::Fatal { message });
                }
            }
        }
    }

    /// A record is on disk, or need not be: now the job is over for everybody.
    pub(super) fn tell_record(&mut self, number: u64, record: JobRecord) {
        if let Ok(place) = usize::try_from(number) {
            self.jobs.records.reserve(self.context.plan.jobs.len());
            self.jobs.records.insert(place, &record);
        }
        self.events_out.tell(RunEvent::JobFinished(record));
    }

    pub(super) fn end(&mut self, ending: Ending) {
        self.state.over = Some(ending);
    }

    /// Waits for the journal, sums up, says goodbye.
    fn finish(mut self) -> RunSummary {
        let took = self.now();
        for chore in self.task.interrupted(&self.context.plan) {
            self.services.journal_writer.ask(Task::Do(chore));
        }
        self.decide_late();
        // The journal's last lines tell of the run, so all records must be in the summary before.
        let unsafe_count = self.jobs.unsafe_records.len();
        let deadline = Instant::now() + LAST_SYNC;
        if unsafe_count > 0 {
            self.services.journal_writer.ask(Task::Hurry);
            self.wait_for(deadline, |this| this.jobs.unsafe_records.is_empty());
        }
        let left = std::mem::take(&mut self.jobs.unsafe_records);
        if !left.is_empty() {
            let message = format!(
                "{} outcomes could not be written to the journal; the next run looks at these \
                 outputs again",
                left.len()
            );
            self.events_out.tell(RunEvent::Warning { message });
        }
        for (number, record) in left {
            self.tell_record(number, *record);
        }
        let ending = self.state.over.clone().unwrap_or(Ending::Interrupted);
        if ending == Ending::Complete {
            self.compare_with_others();
        }
        let summary = self.sum_up(took, &ending);
        let line = Line::End(Box::new(super::journal::EndLine {
            run_id: self.context.run_id.clone(),
            at: summary.finished.clone(),
            summary: RunSummary { files: Records::default(), ..summary.clone() },
        }));
        self.services.journal_writer.write(line, None);
        self.services.journal_writer.ask(Task::Close);
        self.wait_for(deadline, |this| this.state.closed);
        self.events_out.tell(RunEvent::RunFinished(Box::new(summary.clone())));
        summary
    }

    /// Whether all shards saw the same archive, and still would. What began later than this one
    /// is seen only now.
    fn compare_with_others(&mut self) {
        let Some(family) = &mut self.services.family else { return };
        let others = family.compare().unwrap_or_else(|error| Some(error.to_string()));
        // A shard without work has seen what is there a moment ago.
        let changed = if self.context.todo.is_empty() { None } else { family.changed() };
        for message in others.into_iter().chain(changed) {
            self.events_out.tell(RunEvent::Warning { message });
        }
    }

    /// Lets the task decide on jobs that wait for what other shards tell.
    fn decide_late(&mut self) {
        let until = Instant::now() + PATIENCE;
        while self.task.undecided() {
            let family = self.services.family.as_ref();
            let others = family.and_then(|family| family.others().ok()).unwrap_or_default();
            let last = Instant::now() >= until;
            for (place, record, line) in self.task.decide(&self.context.plan, &others, last) {
                self.journal(place, record, line);
            }
            if self.task.undecided() {
                self.wait_for(Instant::now() + AGAIN, |_| false);
            }
        }
    }

    pub(super) fn wait_for(&mut self, deadline: Instant, done: impl Fn(&Self) -> bool) {
        self.services.journal_writer.send(true);
        while !done(self) && !self.state.closed {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.channel.inbox.recv_timeout(left) {
                Ok(Message::Written(written)) => self.written(written),
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }
}
