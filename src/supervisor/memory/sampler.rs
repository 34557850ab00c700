//! Reads memory some times a second, in a thread of its own.

use super::limits::Limits;
use crate::supervisor::event::{MemoryStatus, SlotId};
use crate::supervisor::scheduler::{MemoryReading, WorkerId};
use crate::sys::memory::{self, ProcessMemory};
use crate::worker::WATCHER;
use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// How often it is looked whether a worker moved bytes.
const MOVED: Duration = Duration::from_secs(1);
/// Shortest interval between two readings.
const LEAST: Duration = Duration::from_millis(10);

/// Which workers are looked at.
#[derive(Debug)]
pub(in crate::supervisor) enum Watch {
    Add { slot: SlotId, worker: WorkerId, pid: u32 },
    Remove { worker: WorkerId },
}

/// One look at everything.
#[derive(Debug)]
pub(in crate::supervisor) struct Sample {
    pub(in crate::supervisor) reading: MemoryReading,
    pub(in crate::supervisor) status: MemoryStatus,
    pub(in crate::supervisor) workers: Vec<(SlotId, WorkerId, ProcessMemory)>,
    /// Workers that moved bytes since the last look.
    pub(in crate::supervisor) moved: Vec<(SlotId, WorkerId)>,
}

/// A handle to the thread, which ends when it is dropped.
#[derive(Debug)]
pub(in crate::supervisor) struct Monitor {
    watch: Sender<Watch>,
}

impl Monitor {
    /// Starts the thread.
    ///
    /// # Errors
    /// There is no thread left.
    pub(in crate::supervisor) fn start(
        bounds: Limits,
        interval: Duration,
        tell: impl Fn(Sample) -> bool + Send + 'static,
    ) -> io::Result<Self> {
        let (watch, watched) = channel();
        let mut eye = Sampler { bounds, workers: BTreeMap::new(), looked: Instant::now() };
        std::thread::Builder::new().name("monitor".into()).spawn(move || {
            let interval = interval.max(LEAST);
            while eye.wait(&watched, interval) && tell(eye.look()) {}
        })?;
        Ok(Self { watch })
    }

    /// Changes what is looked at.
    pub(in crate::supervisor) fn watch(&self, watch: Watch) {
        // Without the thread there are no readings; the run goes on with the last one.
        let _ = self.watch.send(watch);
    }
}

/// The anonymous memory of this process in bytes.
pub(in crate::supervisor) fn own_memory() -> u64 {
    memory::of_self().map_or(0, |own| own.held())
}

struct Worker {
    slot: SlotId,
    pid: u32,
    moved: Option<u64>,
}

struct Sampler {
    bounds: Limits,
    workers: BTreeMap<WorkerId, Worker>,
    looked: Instant,
}

impl Sampler {
    /// Waits for the next look. Gives `false` when nobody wants one any more.
    fn wait(&mut self, watched: &Receiver<Watch>, interval: Duration) -> bool {
        let until = Instant::now() + interval;
        loop {
            match watched.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Watch::Add { slot, worker, pid }) => {
                    self.workers.insert(worker, Worker { slot, pid, moved: None });
                }
                Ok(Watch::Remove { worker }) => {
                    self.workers.remove(&worker);
                }
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    fn look(&mut self) -> Sample {
        let workers: Vec<(SlotId, WorkerId, ProcessMemory)> = self
            .workers
            .iter()
            .filter_map(|(id, worker)| {
                Some((worker.slot, *id, memory::of_process(worker.pid).ok()?))
            })
            .collect();
        let held = workers.iter().map(|(.., memory)| memory.held());
        let own = held.fold(own_memory(), u64::saturating_add);
        let (mut reading, status) = self.bounds.read(own);
        reading.anon =
            workers.iter().map(|(slot, worker, memory)| (*slot, *worker, memory.held())).collect();
        let mut moved = Vec::new();
        if self.looked.elapsed() >= MOVED {
            self.looked = Instant::now();
            for (id, worker) in &mut self.workers {
                let now = memory::bytes_moved(worker.pid, WATCHER).ok();
                if now.is_some() && now != worker.moved {
                    worker.moved = now;
                    moved.push((worker.slot, *id));
                }
            }
        }
        Sample { reading, status, workers, moved }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::memory::limits::Slurm;

    #[test]
    fn it_looks_at_whom_it_is_told_to_and_ends_with_its_handle() {
        let bounds = Limits::new(0.8, Slurm::default(), Some(1 << 40));
        let (sender, samples) = channel();
        let monitor = Monitor::start(bounds, Duration::from_millis(10), move |sample| {
            sender.send(sample).is_ok()
        })
        .unwrap();
        let own = std::process::id();
        monitor.watch(Watch::Add { slot: SlotId(3), worker: WorkerId(7), pid: own });
        monitor.watch(Watch::Add { slot: SlotId(4), worker: WorkerId(8), pid: u32::MAX });
        let sample = samples.iter().find(|sample| !sample.workers.is_empty()).unwrap();
        assert_eq!(sample.workers.len(), 1, "who is gone is not among them");
        assert_eq!((sample.workers[0].0, sample.workers[0].1), (SlotId(3), WorkerId(7)));
        assert!(sample.reading.used > 0 && sample.status.limit > 0);
        let moved = samples.iter().find(|sample| !sample.moved.is_empty()).unwrap();
        assert_eq!(moved.moved, [(SlotId(3), WorkerId(7))]);
        monitor.watch(Watch::Remove { worker: WorkerId(7) });
        samples.iter().find(|sample| sample.workers.is_empty()).unwrap();
        drop(monitor);
        while samples.recv().is_ok() {}
    }
}
