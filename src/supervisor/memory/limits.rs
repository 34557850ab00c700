//! Reads what bounds the run's memory, and how much of it is used.

use crate::supervisor::event::MemoryStatus;
use crate::supervisor::scheduler::MemoryReading;
use crate::sys::cgroup::MemoryGroups;
use crate::sys::machine;

/// What SLURM grants this job, as its environment tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Slurm {
    /// Memory on this node in bytes.
    pub memory: Option<u64>,
    /// Cores of a task.
    pub cpus_per_task: Option<usize>,
    /// The job array that this process is a task of.
    pub array: Option<u64>,
}

impl Slurm {
    /// Reads `SLURM_MEM_PER_NODE`, `SLURM_MEM_PER_CPU`, `SLURM_CPUS_ON_NODE`,
    /// `SLURM_CPUS_PER_TASK` and `SLURM_ARRAY_JOB_ID` through `get`.
    pub fn from_vars(get: impl Fn(&str) -> Option<String>) -> Self {
        let number = |name: &str| get(name)?.trim().parse::<u64>().ok().filter(|n| *n > 0);
        let mebibytes = |n: u64| n.checked_mul(1 << 20);
        let per_node = number("SLURM_MEM_PER_NODE").and_then(mebibytes);
        let cpus_per_task = number("SLURM_CPUS_PER_TASK");
        let cpus = number("SLURM_CPUS_ON_NODE").or(cpus_per_task);
        let per_cpu = number("SLURM_MEM_PER_CPU")
            .and_then(mebibytes)
            .and_then(|each| each.checked_mul(cpus.unwrap_or(1)));
        let memory = per_node.into_iter().chain(per_cpu).min();
        Self {
            memory,
            cpus_per_task: cpus_per_task.and_then(|n| usize::try_from(n).ok()),
            array: number("SLURM_ARRAY_JOB_ID"),
        }
    }

    /// Reads this process's environment.
    pub fn from_env() -> Self {
        Self::from_vars(|name| std::env::var(name).ok())
    }
}

/// A limit and what is used of it, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bound {
    source: String,
    limit: u64,
    used: u64,
}

/// All that bounds the run.
#[derive(Debug, Clone)]
pub(in crate::supervisor) struct Limits {
    margin: f64,
    groups: MemoryGroups,
    /// Limits that the kernel does not know: what counts against them is this run's own memory.
    promised: Vec<(String, u64)>,
}

impl Limits {
    /// `margin` is the share of each limit that may be used.
    pub(in crate::supervisor) fn new(margin: f64, slurm: Slurm, limit: Option<u64>) -> Self {
        let slurm = slurm.memory.map(|limit| ("SLURM".to_owned(), limit));
        let given = limit.map(|limit| ("--memory-limit".to_owned(), limit));
        Self {
            margin: if margin.is_finite() { margin.clamp(0.01, 1.0) } else { 0.8 },
            groups: MemoryGroups::of_self(),
            promised: slurm.into_iter().chain(given).collect(),
        }
    }

    /// Reads all bounds. `own` is the anonymous memory of the supervisor and its workers in bytes.
    pub(in crate::supervisor) fn read(&self, own: u64) -> (MemoryReading, MemoryStatus) {
        let machine = machine::memory().unwrap_or_default();
        let machine = Bound {
            source: "physical memory".to_owned(),
            limit: machine.total,
            used: machine.total.saturating_sub(machine.available),
        };
        let groups = self.groups.limited().into_iter().map(|group| Bound {
            source: format!("cgroup {}", group.dir.display()),
            limit: group.limit,
            used: group.used,
        });
        let promised = self.promised.iter().map(|(source, limit)| Bound {
            source: source.clone(),
            limit: *limit,
            used: own,
        });
        let bounds = std::iter::once(machine).chain(groups).chain(promised);
        let bounds: Vec<Bound> = bounds.filter(|bound| bound.limit > 0).collect();
        judge(self.margin, &bounds)
    }
}

/// The bound that matters: one that is violated, else the smallest.
fn judge(margin: f64, bounds: &[Bound]) -> (MemoryReading, MemoryStatus) {
    let budget = |bound: &Bound| share(bound.limit, margin);
    let headroom = |bound: &Bound| difference(budget(bound), bound.used);
    let least = bounds.iter().map(headroom).min().unwrap_or(i64::MAX);
    let chosen = bounds
        .iter()
        .filter(|bound| headroom(bound) < 0)
        .min_by_key(|bound| headroom(bound))
        .or_else(|| bounds.iter().min_by_key(|bound| bound.limit));
    let Some(bound) = chosen else {
        return (
            MemoryReading { headroom: i64::MAX, ..MemoryReading::default() },
            MemoryStatus::default(),
        );
    };
    let status = MemoryStatus {
        limit: bound.limit,
        limit_source: bound.source.clone(),
        budget: budget(bound),
        used: bound.used,
    };
    let reading = MemoryReading {
        limit: status.limit,
        budget: status.budget,
        used: status.used,
        headroom: least,
        anon: Vec::new(),
    };
    (reading, status)
}

fn difference(a: u64, b: u64) -> i64 {
    let size = i64::try_from(a.abs_diff(b)).unwrap_or(i64::MAX);
    if a >= b { size } else { -size }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a limit need not be exact to the byte, and is never negative"
)]
fn share(limit: u64, margin: f64) -> u64 {
    (limit as f64 * margin) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn slurm(vars: &[(&str, &str)]) -> Slurm {
        let vars: HashMap<_, _> = vars.iter().copied().collect();
        Slurm::from_vars(|name| vars.get(name).map(|value| (*value).to_owned()))
    }

    fn bound(source: &str, limit: u64, used: u64) -> Bound {
        Bound { source: source.into(), limit, used }
    }

    #[test]
    fn slurm_tells_in_mebibytes() {
        assert_eq!(slurm(&[("SLURM_MEM_PER_NODE", "4096")]).memory, Some(4 << 30));
        let per_cpu = [("SLURM_MEM_PER_CPU", "512"), ("SLURM_CPUS_ON_NODE", "4")];
        assert_eq!(slurm(&per_cpu).memory, Some(2 << 30));
        let per_task = [("SLURM_MEM_PER_CPU", "512"), ("SLURM_CPUS_PER_TASK", "2")];
        assert_eq!(
            slurm(&per_task),
            Slurm { memory: Some(1 << 30), cpus_per_task: Some(2), array: None }
        );
        assert_eq!(slurm(&[("SLURM_MEM_PER_NODE", "0")]).memory, None, "0 is all there is");
        assert_eq!(slurm(&[("SLURM_MEM_PER_NODE", "much")]), Slurm::default());
    }

    #[test]
    fn the_smallest_limit_is_shown_unless_another_is_violated() {
        let (reading, status) =
            judge(0.8, &[bound("physical memory", 1000, 700), bound("cgroup", 100, 10)]);
        assert_eq!((status.limit_source.as_str(), status.budget, status.used), ("cgroup", 80, 10));
        assert_eq!(reading.headroom, 70);
        let (reading, status) =
            judge(0.8, &[bound("physical memory", 1000, 850), bound("cgroup", 100, 10)]);
        assert_eq!(status.limit_source, "physical memory");
        assert_eq!(reading.headroom, -50);
    }

    #[test]
    fn a_given_limit_counts_the_runs_own_memory() {
        // The machine's own memory counts as well: at half of it, it may be above the margin itself.
        let bounds = Limits::new(1.0, Slurm::default(), Some(64 << 20));
        let (reading, status) = bounds.read(10 << 20);
        assert_eq!((status.limit, status.used), (64 << 20, 10 << 20));
        assert_eq!(status.limit_source, "--memory-limit");
        assert_eq!((reading.budget, reading.headroom), (64 << 20, 54 << 20));
        assert!(bounds.read(70 << 20).0.headroom < 0);
    }

    #[test]
    fn nothing_known_bounds_nothing() {
        assert_eq!(judge(0.8, &[]).0.headroom, i64::MAX);
    }
}
