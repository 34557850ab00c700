//! Knows how long a worker will be busy, so that nobody is woken for each thing it says meanwhile.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a busy worker says may wait so long.
const LINGER: Duration = Duration::from_millis(25);
/// It is heard again long before it runs out of work: that is only an estimate.
const RESERVE: u32 = 2;

/// What a worker was told to do and has not reported. The dispatcher adds to it, the worker's thread
/// takes from it.
#[derive(Debug, Clone, Default)]
pub(in crate::supervisor) struct Load(Arc<Mutex<Work>>);

#[derive(Debug, Default)]
struct Work {
    jobs: u32,
    /// How long one of them takes; nothing is known where it is zero.
    each: Duration,
}

impl Load {
    /// It was told of so many jobs more, each of which takes so long.
    pub(in crate::supervisor) fn more(&self, jobs: usize, each: Duration) {
        let mut work = self.work();
        work.jobs = work.jobs.saturating_add(u32::try_from(jobs).unwrap_or(u32::MAX));
        work.each = each;
    }

    /// It has nothing to do: it gave all back, and what was on its way to it as well.
    pub(in crate::supervisor) fn none(&self) {
        self.work().jobs = 0;
    }

    /// It is through with so many jobs, or gave them back.
    pub(super) fn less(&self, jobs: usize) {
        let mut work = self.work();
        work.jobs = work.jobs.saturating_sub(u32::try_from(jobs).unwrap_or(u32::MAX));
    }

    /// How long what it says may wait.
    pub(super) fn linger(&self) -> Option<Duration> {
        let work = self.work();
        // One of them may be nearly over.
        let left = work.each.saturating_mul(work.jobs.saturating_sub(1));
        (left >= LINGER.saturating_mul(RESERVE)).then_some(LINGER)
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_left_alone_as_long_as_it_has_enough_to_do() {
        let load = Load::default();
        load.more(1, Duration::ZERO);
        assert_eq!(load.linger(), None, "nothing is known");
        load.more(20, Duration::from_millis(5));
        assert_eq!(load.linger(), Some(LINGER));
        load.less(10);
        assert_eq!(load.linger(), Some(LINGER));
        load.less(1);
        assert_eq!(load.linger(), None);
        load.more(20, Duration::from_millis(5));
        assert_eq!(load.linger(), Some(LINGER));
        load.none();
        load.less(1);
        assert_eq!(load.linger(), None);
    }
}
