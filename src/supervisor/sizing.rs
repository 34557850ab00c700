//! Decides how many slots and threads a run gets, and why.

use super::event::MemoryStatus;
use super::memory::limits::{Limits, Slurm};
use super::scheduler::MemoryReading;
use super::settings::{Count, Settings};
use crate::text;
use std::thread::available_parallelism;

/// Most slots that anybody may ask for.
const MOST: usize = 4096;

/// Slots and threads of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sizing {
    pub(super) slots: u32,
    /// For people.
    pub(super) reason: String,
    /// Threads of each attempt.
    pub(super) threads: u32,
    /// Threads to divide, where they are not fixed.
    pub(super) threads_total: Option<u32>,
    /// First guess of an attempt's peak in bytes.
    pub(super) first_guess: u64,
    /// Cores that the run may use.
    pub(super) cores: u32,
}

/// Inputs of no more bytes on an average are small: what takes their time beside computing is
/// waiting for the disk, twice a file.
const SMALL: u64 = 1 << 20;
/// Slots for each core where files are small and their outputs go to a disk: so that there is something
/// to compute while others wait.
const WAITING: usize = 2;

/// The jobs of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) jobs: usize,
    /// Bytes of their inputs.
    pub(crate) bytes: u64,
    /// Each makes or changes a file on a disk, and waits until it is there.
    pub(crate) synced: bool,
}

impl Load {
    /// Whether its workers mostly wait for the disk.
    fn waits(self) -> bool {
        self.synced && self.bytes / (self.jobs as u64).max(1) <= SMALL
    }
}

/// First guess of the anonymous memory of an attempt with so many threads, in bytes.
pub(crate) type Guess<'a> = &'a dyn Fn(usize) -> u64;

/// What one worker needs, and the least memory limit of which the safety margin leaves so much, in
/// bytes.
pub(crate) fn least_memory(settings: &Settings, guess: Guess<'_>) -> (u64, u64) {
    let threads = match settings.threads_per_worker {
        Count::Auto => 1,
        Count::Exactly(threads) => threads.max(1),
    };
    let need = guess(threads);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a limit for people need not be exact to the byte, and is never negative"
    )]
    let limit = (need as f64 / settings.safety_margin.clamp(0.01, 1.0)).ceil() as u64;
    (need, limit)
}

/// What to say where the limit that bounds the run leaves less than one worker needs.
pub(super) fn too_little(
    settings: &Settings,
    memory: &MemoryStatus,
    guess: Guess<'_>,
) -> Option<String> {
    let (need, least) = least_memory(settings, guess);
    (memory.limit > 0 && memory.budget < need).then(|| {
        format!(
            "the memory limit of {} ({}) leaves {} with the safety margin, but one worker needs \
             {}: files run one at a time, and may still fail for memory. A limit of {} is enough \
             (SLURM: --mem)",
            text::bytes(memory.limit),
            memory.limit_source,
            text::bytes(memory.budget),
            text::bytes(need),
            text::bytes(least)
        )
    })
}

/// What bounds a run that would start now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// The memory limit that matters.
    pub memory: MemoryStatus,
    /// Bytes of it that are left for workers; negative where it is exceeded.
    pub headroom: i64,
    /// Cores that may be used.
    pub cores: usize,
    /// Where their number is from.
    pub cores_source: &'static str,
}

impl Bounds {
    /// Reads them; `safety_margin` is the share of each memory limit that may be used.
    pub fn now(safety_margin: f64, slurm: Slurm) -> Self {
        let (reading, memory) = Limits::new(safety_margin, slurm, None).read(0);
        let (cores, cores_source) = cores(slurm);
        Self { memory, headroom: reading.headroom, cores, cores_source }
    }
}

/// Cores that this run may use, and where the number is from.
fn cores(slurm: Slurm) -> (usize, &'static str) {
    // Affinity mask and cgroup quota are in it.
    let machine = available_parallelism().map_or(1, usize::from);
    match slurm.cpus_per_task {
        Some(given) if given < machine => (given.max(1), "SLURM_CPUS_PER_TASK"),
        _ => (machine, "cores"),
    }
}

/// Decides for these jobs with the memory of `reading`.
pub(super) fn size(
    settings: &Settings,
    slurm: Slurm,
    load: Load,
    reading: &MemoryReading,
    guess: Guess<'_>,
) -> Sizing {
    decide(settings, cores(slurm), load, reading, guess)
}

fn decide(
    settings: &Settings,
    (cores, source): (usize, &'static str),
    load: Load,
    reading: &MemoryReading,
    guess: Guess<'_>,
) -> Sizing {
    let one = match settings.threads_per_worker {
        Count::Auto => 1,
        Count::Exactly(threads) => threads.max(1),
    };
    let (slots, reason) = match settings.workers {
        // More than there are files would have nothing to do.
        Count::Exactly(slots) if (1..slots).contains(&load.jobs) => {
            let slots = slots.min(MOST);
            (
                load.jobs.min(MOST),
                format!("{}; {slots} asked for", text::count(load.jobs as u64, "file")),
            )
        }
        Count::Exactly(slots) => (slots.clamp(1, MOST), "as asked".to_owned()),
        Count::Auto => {
            let room = u64::try_from(reading.headroom).unwrap_or(0);
            let by_memory = usize::try_from(room / guess(one).max(1)).unwrap_or(usize::MAX);
            let by_cores = if load.waits() {
                let why = format!(
                    "{WAITING} for each of {cores} {source}: small files wait for the disk"
                );
                (cores.saturating_mul(WAITING), why)
            } else {
                (cores, format!("{cores} {source}"))
            };
            let candidates = [
                by_cores,
                (by_memory, memory_for(by_memory)),
                (settings.max_workers, format!("--max-workers {}", settings.max_workers)),
                (load.jobs, text::count(load.jobs as u64, "file")),
            ];
            let least = candidates.into_iter().min_by_key(|(count, _)| *count);
            let (count, reason) = least.unwrap_or((1, String::new()));
            let floor = settings.min_workers.clamp(1, MOST);
            if count < floor && floor > 1 {
                (floor, format!("--min-workers {floor} ({reason})"))
            } else {
                (count.clamp(1, MOST), reason)
            }
        }
    };
    let (threads, reason) = match settings.threads_per_worker {
        Count::Auto => ((cores / slots).max(1), reason),
        // More than cores would take turns, and memory.
        Count::Exactly(asked) if asked > cores.max(1) => {
            let most = cores.max(1);
            (most, format!("{reason}; threads: {most} of {asked} asked for, {cores} {source}"))
        }
        Count::Exactly(threads) => (threads.max(1), reason),
    };
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Sizing {
        slots: small(slots),
        reason,
        threads: small(threads),
        threads_total: (settings.threads_per_worker == Count::Auto).then_some(small(cores)),
        first_guess: guess(threads),
        cores: small(cores),
    }
}

/// Why so many fit into the memory.
fn memory_for(workers: usize) -> String {
    match workers {
        0 => "the memory is short even for one".to_owned(),
        _ => format!("memory for {workers}"),
    }
}

/// The cores of each slot when workers stay on their own: `available` dealt out in turn, so that
/// each slot has at least one.
pub(super) fn deal(available: &[usize], slots: u32) -> Vec<Vec<usize>> {
    let slots = usize::try_from(slots).unwrap_or(usize::MAX).max(1);
    (0..slots)
        .map(|slot| {
            let own: Vec<usize> = available.iter().copied().skip(slot).step_by(slots).collect();
            let turn = slot.checked_rem(available.len()).and_then(|turn| available.get(turn));
            if own.is_empty() { turn.copied().into_iter().collect() } else { own }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(headroom: i64) -> MemoryReading {
        MemoryReading { headroom, ..MemoryReading::default() }
    }

    fn settings() -> Settings {
        Settings::new("/in", "/out")
    }

    fn load(jobs: usize) -> Load {
        Load { jobs, ..Load::default() }
    }

    /// What one that patches needs.
    fn patch(_: usize) -> u64 {
        32 << 20
    }

    /// What one that rewrites needs.
    fn rewrite(threads: usize) -> u64 {
        (64 << 20) + (threads as u64) * (8 << 20)
    }

    #[test]
    fn the_scarcest_thing_decides_and_is_named() {
        let plenty = reading(1 << 40);
        let by = |cores, jobs, reading: &MemoryReading| {
            let sizing = decide(&settings(), (cores, "cores"), load(jobs), reading, &patch);
            (sizing.slots, sizing.reason)
        };
        assert_eq!(by(8, 100, &plenty), (8, "8 cores".into()));
        assert_eq!(by(8, 3, &plenty), (3, "3 files".into()));
        assert_eq!(by(8, 100, &reading(100 << 20)), (3, "memory for 3".into()));
        let short = "the memory is short even for one";
        assert_eq!(by(8, 100, &reading(-5)), (1, short.into()));
        assert_eq!(by(500, 1000, &plenty), (64, "--max-workers 64".into()));
        assert_eq!(by(8, 0, &plenty).0, 1);
    }

    #[test]
    fn small_files_on_a_disk_get_two_workers_a_core() {
        let plenty = reading(1 << 40);
        let by = |jobs: usize, size: u64, synced, reading: &MemoryReading| {
            let load = Load { jobs, bytes: jobs as u64 * size, synced };
            let sizing = decide(&settings(), (2, "cores"), load, reading, &patch);
            (sizing.slots, sizing.reason, sizing.threads, sizing.cores)
        };
        let why = "2 for each of 2 cores: small files wait for the disk";
        assert_eq!(by(100, 100_000, true, &plenty), (4, why.into(), 1, 2));
        assert_eq!(by(100, 2 << 20, true, &plenty).0, 2, "large files");
        assert_eq!(by(100, 100_000, false, &plenty).0, 2, "in memory, or only read");
        assert_eq!(by(3, 100_000, true, &plenty).1, "3 files");
        assert_eq!(by(100, 100_000, true, &reading(100 << 20)).1, "memory for 3");
    }

    #[test]
    fn wishes_are_granted() {
        let mut settings = settings();
        settings.min_workers = 4;
        let sizing = decide(&settings, (2, "cores"), load(100), &reading(1 << 40), &patch);
        assert_eq!((sizing.slots, sizing.reason.as_str()), (4, "--min-workers 4 (2 cores)"));
        settings.workers = Count::Exactly(7);
        settings.threads_per_worker = Count::Exactly(2);
        let sizing = |jobs| decide(&settings, (2, "cores"), load(jobs), &reading(0), &patch);
        for jobs in [0, 7, 100] {
            let Sizing { slots, threads, threads_total, reason, .. } = sizing(jobs);
            assert_eq!((slots, threads, threads_total, &*reason), (7, 2, None, "as asked"));
        }
        let few = sizing(6);
        assert_eq!((few.slots, few.reason.as_str()), (6, "6 files; 7 asked for"));
        settings.threads_per_worker = Count::Exactly(8);
        let more = decide(&settings, (2, "cores"), load(7), &reading(0), &patch);
        let why = "as asked; threads: 2 of 8 asked for, 2 cores";
        assert_eq!((more.threads, more.reason.as_str()), (2, why));
    }

    #[test]
    fn a_limit_below_one_worker_is_told() {
        let mut settings = settings();
        assert_eq!(least_memory(&settings, &patch), (32 << 20, 40 << 20));
        let memory = |limit: u64| MemoryStatus {
            limit,
            limit_source: "SLURM".into(),
            budget: limit / 5 * 4,
            used: 0,
        };
        assert_eq!(too_little(&settings, &memory(40 << 20), &patch), None);
        assert_eq!(
            too_little(&settings, &MemoryStatus::default(), &patch),
            None,
            "nothing is known"
        );
        insta::assert_snapshot!(too_little(&settings, &memory(20 << 20), &patch).unwrap(), @"the memory limit of 20.0 MiB (SLURM) leaves 16.0 MiB with the safety margin, but one worker needs 32.0 MiB: files run one at a time, and may still fail for memory. A limit of 40.0 MiB is enough (SLURM: --mem)");
        settings.threads_per_worker = Count::Exactly(4);
        settings.safety_margin = 0.5;
        assert_eq!(least_memory(&settings, &rewrite), (96 << 20, 192 << 20));
    }

    #[test]
    fn threads_are_what_slots_leave() {
        let sizing = decide(&settings(), (8, "cores"), load(2), &reading(1 << 40), &rewrite);
        assert_eq!((sizing.slots, sizing.threads, sizing.threads_total), (2, 4, Some(8)));
        assert_eq!(sizing.first_guess, 96 << 20);
    }

    #[test]
    fn every_slot_has_a_core_and_every_core_a_slot() {
        assert_eq!(deal(&[0, 1, 4, 5, 6], 2), [vec![0, 4, 6], vec![1, 5]]);
        assert_eq!(deal(&[3, 7], 3), [vec![3], vec![7], vec![3]]);
        assert_eq!(deal(&[], 2), [Vec::<usize>::new(), vec![]]);
    }
}
