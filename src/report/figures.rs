//! Makes of a run's measured times what its workers spent them on, and what held the run up.

use crate::convert::Mode;
use crate::supervisor::RunSummary;
use crate::text::{self, float, percent};

/// Shorter runs, in seconds of the workers together, are told without a verdict.
const LEAST: f64 = 1.0;

/// What held a run up. Said only where the figures leave nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// All cores were at work.
    Cores,
    /// Each worker had a core and kept it at work, and cores were left.
    Workers,
    /// Workers stood still for most of their time: neither at work nor waiting for a core.
    Storage,
}

/// What the workers did with their time. Only attempts count whose workers lived to tell it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Figures {
    /// Wall time of these attempts together, in seconds.
    pub(super) seconds: f64,
    /// Their processor time, all threads together.
    cpu: f64,
    /// How long they waited for a core.
    queued: f64,
    /// Processor time of all files over the run's wall time: how many cores were at work.
    pub(super) cores_at_work: f64,
    /// Cores that the run might use.
    pub(super) cores: u64,
    /// Some attempts may have had several threads, of which the waiting is not known.
    threaded: bool,
}

impl Figures {
    /// Those of a run; none where nothing was measured.
    pub(super) fn of(run: &RunSummary) -> Option<Self> {
        let wall = run.conversion_time - run.paused_seconds;
        if run.cpu_seconds <= 0.0 || wall <= 0.0 {
            return None;
        }
        let mut figures = Self {
            seconds: 0.0,
            cpu: 0.0,
            queued: 0.0,
            cores_at_work: run.cpu_seconds / wall,
            cores: run.cores,
            threaded: false,
        };
        for file in run.files.iter().filter(|file| file.attempts > 0 && file.faults.is_empty()) {
            figures.seconds += file.seconds;
            figures.cpu += file.cpu_seconds;
            figures.queued += file.queued_seconds;
            figures.threaded |= file.mode == Some(Mode::Rewrite);
        }
        (figures.seconds > 0.0).then_some(figures)
    }

    /// Cores' worth of work of a worker, from 0; above 1 with several threads.
    pub(super) fn computed(&self) -> f64 {
        self.cpu / self.seconds
    }

    /// Share of the time in which a worker waited for a core. Its threads may have waited while others
    /// of them computed: that is not counted twice.
    pub(super) fn waited(&self) -> f64 {
        let rest = if self.computed() < 1.0 { 1.0 - self.computed() } else { 1.0 };
        (self.queued / self.seconds).clamp(0.0, rest)
    }

    /// Share of the time, at least, in which nothing in a worker ran or could have run.
    pub(super) fn still(&self) -> f64 {
        (1.0 - self.computed() - self.waited()).clamp(0.0, 1.0)
    }

    /// What held the run up.
    pub(super) fn bound(&self) -> Option<Bound> {
        if self.seconds < LEAST || self.cores == 0 {
            return None;
        }
        if self.cores_at_work >= 0.8 * float(self.cores) {
            return Some(Bound::Cores);
        }
        // Threads that wait for a core look like a worker that stands still: more of a gap is asked
        // for.
        if self.still() >= if self.threaded { 0.65 } else { 0.5 } {
            return Some(Bound::Storage);
        }
        (self.computed() >= 0.75 && self.waited() < 0.15).then_some(Bound::Workers)
    }

    /// In words: the shares, and what follows.
    pub(super) fn told(&self) -> String {
        let share = |share: f64| percent(share, 1.0);
        let shares = format!(
            "workers computed {} of their time, waited {} for a core, stood still {}; {:.1} of {} \
             at work",
            share(self.computed()),
            share(self.waited()),
            share(self.still()),
            self.cores_at_work,
            text::count(self.cores, "core")
        );
        match self.bound() {
            Some(Bound::Cores | Bound::Workers) => format!("the processor: {shares}"),
            Some(Bound::Storage) => format!("storage: {shares}"),
            None => shares,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::line::tests::record;
    use crate::report::sample::measured;
    use crate::supervisor::JobOutcome;

    fn bound(cpu: f64, queued: f64, change: impl FnOnce(&mut RunSummary)) -> Option<Bound> {
        let mut run = measured(cpu, queued);
        change(&mut run);
        Figures::of(&run).and_then(|figures| figures.bound())
    }

    #[test]
    fn what_held_a_run_up_is_said_where_nothing_else_can_be() {
        assert_eq!(bound(0.9, 0.02, |_| {}), Some(Bound::Workers));
        assert_eq!(bound(0.9, 0.02, |run| run.cores = 2), Some(Bound::Cores));
        assert_eq!(bound(0.1, 0.02, |_| {}), Some(Bound::Storage));
        assert_eq!(bound(0.1, 0.85, |_| {}), None, "others had the cores");
        assert_eq!(bound(0.8, 0.19, |_| {}), None, "others wanted the cores, too");
        assert_eq!(bound(0.6, 0.0, |_| {}), None, "a bit of both");
        assert_eq!(bound(0.1, 0.0, |run| run.cores = 0), None, "a journal of an earlier version");
        assert_eq!(bound(0.0, 0.0, |_| {}), None, "not measured");
    }

    #[test]
    fn several_threads_need_a_wider_gap() {
        let rewrite = |run: &mut RunSummary| {
            run.files = run
                .files
                .iter()
                .map(|mut file| {
                    file.mode = Some(Mode::Rewrite);
                    file
                })
                .collect();
        };
        assert_eq!(bound(0.4, 0.0, rewrite), None);
        assert_eq!(bound(0.3, 0.0, rewrite), Some(Bound::Storage));
    }

    #[test]
    fn attempts_of_which_nobody_told_do_not_count() {
        let mut run = measured(0.9, 0.0);
        let mut killed = record(99, JobOutcome::Converted);
        (killed.seconds, killed.attempts) = (1000.0, 2);
        killed.faults = vec![crate::supervisor::Fault::Killed];
        run.files.push(&killed);
        assert!((Figures::of(&run).unwrap().still() - 0.1).abs() < 1e-6);
    }

    #[test]
    fn shares_of_the_time_are_no_more_than_all_of_it() {
        let figures = Figures::of(&measured(0.337, 0.689)).unwrap();
        assert!((figures.computed() + figures.waited() + figures.still() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn it_is_told_in_words() {
        let told = |cpu, queued| Figures::of(&measured(cpu, queued)).unwrap().told();
        insta::assert_snapshot!(told(0.9, 0.02), @"the processor: workers computed 90.0 % of their time, waited 2.0 % for a core, stood still 8.0 %; 1.8 of 8 cores at work");
        insta::assert_snapshot!(told(0.1, 0.02), @"storage: workers computed 10.0 % of their time, waited 2.0 % for a core, stood still 88.0 %; 0.2 of 8 cores at work");
        insta::assert_snapshot!(told(0.6, 0.0), @"workers computed 60.0 % of their time, waited 0.0 % for a core, stood still 40.0 %; 1.2 of 8 cores at work");
    }
}
