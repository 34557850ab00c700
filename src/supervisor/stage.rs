//! Sets up everything that a dispatcher needs beside its jobs.

use super::dispatcher::{Dispatcher, Message, RunContext, Services};
use super::error::RunError;
use super::event::{MemoryStatus, Reporter};
use super::event_channel::Readers;
use super::journal::JournalWriter;
use super::memory::limits::Limits;
use super::memory::oom::OomWitness;
use super::memory::sampler::{Monitor, Sample, own_memory};
use super::plan::Plan;
use super::run_id::run_id;
use super::scheduler::Config;
use super::settings::{Hooks, OnFull, Settings};
use super::signals::Listening;
use super::sizing::{self, Load, Sizing};
use super::summary::RunSummary;
use super::task::RunTask;
use crate::archive::nearest_dir;
use crate::convert::temp::Owner;
use crate::protocol::SocketDir;
use crate::sys::dir::Dir;
use crate::sys::file_system::FileSystem;
use crate::sys::process::cores;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::time::SystemTime;

/// An error of something that a run cannot do without.
pub(super) fn setup(what: &'static str) -> impl Fn(std::io::Error) -> RunError {
    move |source| RunError::Setup { what, source }
}

/// What the machine gives.
pub(super) struct Machine {
    bounds: Limits,
    pub(super) sizing: Sizing,
    pub(super) first: Sample,
}

impl Machine {
    /// Looks what there is for jobs of `task`: how many, and of how many bytes in all.
    pub(super) fn look(
        settings: &Settings,
        (jobs, bytes): (usize, u64),
        task: &dyn RunTask,
    ) -> Self {
        let bounds = Limits::new(settings.safety_margin, settings.slurm, settings.memory_limit);
        let (reading, status) = bounds.read(own_memory());
        let guess = |threads: usize| task.first_guess(threads);
        let load = Load { jobs, bytes, synced: task.waits_for_disk() && on_disk(settings) };
        let sizing = sizing::size(settings, settings.slurm, load, &reading, &guess);
        let first = Sample { reading, status, workers: Vec::new(), moved: Vec::new() };
        Self { bounds, sizing, first }
    }

    /// Those who work for a dispatcher; `place` is the directory whose file system has to have
    /// space. Without a journal nothing is written.
    pub(super) fn services(
        self,
        settings: &Settings,
        place: &Path,
        outbox: &Sender<Message>,
        journal: Option<(File, Dir)>,
    ) -> Result<(Services, Sample), RunError> {
        let to_writer = outbox.clone();
        let journal_writer = JournalWriter::start(journal, place, move |written| {
            // A dispatcher that is gone needs nothing any more.
            let _ = to_writer.send(Message::Written(written));
        })
        .map_err(setup("start the journal"))?;
        let to_monitor = outbox.clone();
        let monitor = Monitor::start(self.bounds, settings.sample_interval, move |sample| {
            to_monitor.send(Message::Sample(sample)).is_ok()
        })
        .map_err(setup("watch memory"))?;
        let to_signals = outbox.clone();
        let listening = Listening::start(settings.drain_on_usr1, move |asked| {
            let _ = to_signals.send(Message::Asked(asked));
        })
        .map_err(setup("listen to signals"))?;
        let sockets =
            SocketDir::create(&SocketDir::parents()).map_err(setup("make a place for sockets"))?;
        let witness = OomWitness::new();
        let services = Services {
            sockets,
            monitor,
            journal_writer,
            _listening: listening,
            witness,
            control: None,
            family: None,
        };
        Ok((services, self.first))
    }
}

/// What the machine gives a run, before it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Means {
    /// The machine.
    pub machine: crate::sys::machine::Machine,
    /// Its memory, with the limit and the margin.
    pub memory: MemoryStatus,
    /// Workers at a time.
    pub slots: u32,
    /// Why so many.
    pub slots_reason: String,
    /// Threads of each.
    pub threads: u32,
}

/// Whether outputs go to a disk: of this machine or of a server.
fn on_disk(settings: &Settings) -> bool {
    let there = nearest_dir(&settings.output_dir);
    there.is_some_and(|there| FileSystem::of(&there).is_ok_and(|system| !system.memory))
}

/// What the machine gives a run of `task` on jobs: how many, and of how many bytes in all.
pub(crate) fn means(settings: &Settings, load: (usize, u64), task: &dyn RunTask) -> Means {
    let Machine { sizing, first, .. } = Machine::look(settings, load, task);
    Means {
        machine: crate::sys::machine::machine(),
        memory: first.status,
        slots: sizing.slots,
        slots_reason: sizing.reason,
        threads: sizing.threads,
    }
}

/// A dispatcher's constants, but for its jobs.
pub(crate) fn context(
    settings: &Settings,
    plan: &Plan,
    hooks: &Hooks,
) -> Result<RunContext, RunError> {
    let started = SystemTime::now();
    Ok(RunContext {
        settings: settings.clone(),
        plan: plan.clone(),
        todo: Vec::new(),
        run_id: run_id(started).map_err(setup("name the run"))?,
        started,
        program: hooks.program.clone(),
        live: hooks.live.clone(),
        cores: Vec::new(),
        temp_dir: PathBuf::new(),
        owner: Owner::myself().map_err(setup("know this process"))?,
        slots: 0,
        threads: 1,
        granted: 0,
    })
}

impl RunContext {
    /// Gives it its jobs, and as many slots as they have.
    pub(super) fn sized(&mut self, todo: Vec<usize>, sizing: &Sizing, temp_dir: PathBuf) {
        if self.settings.pin {
            self.cores = sizing::deal(&cores(), sizing.slots);
        }
        (self.todo, self.slots, self.temp_dir) = (todo, sizing.slots, temp_dir);
        (self.threads, self.granted) = (sizing.threads, sizing.cores);
    }
}

/// Runs the dispatcher in a thread of its own while this one reports.
pub(super) fn dispatch(
    dispatcher: Dispatcher,
    first: Sample,
    readers: Readers,
    reporter: &mut dyn Reporter,
) -> Result<RunSummary, RunError> {
    let span = tracing::Span::current();
    let thread = std::thread::Builder::new()
        .name("dispatcher".into())
        .spawn(move || span.in_scope(|| dispatcher.run(first)))
        .map_err(setup("start the dispatcher"))?;
    readers.read(reporter);
    thread.join().map_err(|panic| {
        let words = panic.downcast_ref::<&str>().map(|words| (*words).to_owned());
        let words = words.or_else(|| panic.downcast_ref::<String>().cloned());
        RunError::Internal(words.unwrap_or_else(|| "the dispatcher panicked".to_owned()))
    })
}

/// Sizes of the inputs to do, in bytes.
pub(super) fn sizes(plan: &Plan, todo: &[usize]) -> Vec<u64> {
    todo.iter().map(|place| plan.jobs.get(*place).map_or(0, |job| job.bytes)).collect()
}

/// What the scheduler is bound by.
pub(super) fn config(settings: &Settings, sizing: &Sizing, task: &dyn RunTask) -> Config {
    Config {
        slots: sizing.slots,
        floor: u32::try_from(settings.min_workers).unwrap_or(u32::MAX),
        retries: settings.retries,
        fail_when_full: settings.on_full == OnFull::Fail,
        stall_timeout: settings.stall_timeout,
        handshake_timeout: settings.handshake_timeout,
        grace: settings.grace,
        quiet_interval: settings.quiet_interval,
        recycle_after: settings.recycle_after,
        threads: sizing.threads,
        threads_total: sizing.threads_total,
        first_guess: sizing.first_guess,
        tells_planned: task.after_planning(0).is_some(),
        in_order: task.in_order(),
    }
}
