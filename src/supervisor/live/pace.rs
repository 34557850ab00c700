//! Measures how fast a run goes, from how far it was at some moments.

use crate::text::float;
use std::collections::VecDeque;

/// Moments are kept so far apart, in seconds.
const APART: f64 = 0.5;
/// The rate is that of the second half of the run, but of at least and at most so many seconds: a
/// slow beginning is forgotten, and one large file does not make it jump.
const WINDOW: (f64, f64) = (30.0, 600.0);
/// Before that it is too early to tell.
const EARLY: f64 = 0.5;

/// How far a run was, and when.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Pace {
    moments: VecDeque<(f64, u64)>,
}

impl Pace {
    /// Forgets what was before `at`: the run waited, or begins.
    pub(super) fn restart(&mut self, at: f64, through: u64) {
        self.moments.clear();
        self.moments.push_back((at, through));
    }

    /// `through` bytes were through at `at` seconds since the run began.
    pub(super) fn note(&mut self, at: f64, through: u64) {
        if self.moments.back().is_some_and(|(last, _)| at < last + APART) {
            return;
        }
        self.moments.push_back((at, through));
        let window = (at / 2.0).clamp(WINDOW.0, WINDOW.1);
        // The first that is kept is the last that is older than the window.
        while self.moments.get(1).is_some_and(|(then, _)| *then <= at - window) {
            self.moments.pop_front();
        }
    }

    /// Bytes a second lately; `None` too early to tell.
    pub(super) fn rate(&self, at: f64, through: u64) -> Option<f64> {
        let (then, before) = *self.moments.front()?;
        let took = at - then;
        let moved = through.saturating_sub(before);
        (took > EARLY && moved > 0).then(|| float(moved) / took)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_late() {
        let mut pace = Pace::default();
        assert_eq!(pace.rate(1.0, 5), None);
        pace.restart(0.0, 0);
        assert_eq!(pace.rate(0.3, 1000), None, "too early");
        assert_eq!(pace.rate(10.0, 1000), Some(100.0));
        // A slow minute and a fast one: only the later half counts.
        for second in 0..=120_u32 {
            let fast = u64::from(second.saturating_sub(60));
            pace.note(second.into(), fast * 1000 + u64::from(second));
        }
        let rate = pace.rate(120.0, 60_120).unwrap();
        assert!((rate - 1001.0).abs() < 1.0, "{rate}");
        pace.restart(500.0, 60_120);
        assert_eq!(pace.rate(510.0, 60_120), None, "nothing moved since");
    }

    #[test]
    fn a_long_run_keeps_little() {
        let mut pace = Pace::default();
        pace.restart(0.0, 0);
        for tenth in 0..1_000_000_u32 {
            pace.note(f64::from(tenth) / 10.0, tenth.into());
        }
        assert!(pace.moments.len() < 1300, "{}", pace.moments.len());
    }
}
