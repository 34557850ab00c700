//! Predicts how much anonymous memory an attempt will need, from what earlier ones needed.

use std::collections::VecDeque;

/// Measurements that are remembered.
const WINDOW: usize = 64;
/// From so many measurements on, they replace the first guess even when they are lower.
const TRUSTED: usize = 8;
/// What a worker needs for its code's own data.
const LEAST: u64 = 4 << 20;

/// Predicts peaks. The first guess comes from the mode; measured peaks of the run correct it.
#[derive(Debug, Clone)]
pub(in crate::supervisor) struct Predictor {
    guess: u64,
    peaks: VecDeque<u64>,
}

impl Predictor {
    /// Starts from `guess` bytes.
    pub(in crate::supervisor) fn new(guess: u64) -> Self {
        Self { guess: guess.max(LEAST), peaks: VecDeque::with_capacity(WINDOW) }
    }

    /// Takes in the peak of an attempt that came to its end.
    pub(in crate::supervisor) fn measured(&mut self, peak: u64) {
        if peak == 0 {
            return;
        }
        if self.peaks.len() == WINDOW {
            self.peaks.pop_front();
        }
        self.peaks.push_back(peak);
    }

    /// Bytes that the next attempt of a job will need; `floor` is what is known of that job.
    pub(in crate::supervisor) fn predict(&self, floor: u64) -> u64 {
        let highest = self.peaks.iter().copied().max().unwrap_or(0);
        let measured = highest.saturating_add(highest / 8);
        let general = if self.peaks.len() >= TRUSTED { measured } else { measured.max(self.guess) };
        general.max(floor).max(LEAST)
    }

    /// What a job needs that ran out of memory at `peak` although `predicted` was set aside.
    pub(in crate::supervisor) fn after_oom(predicted: u64, peak: u64) -> u64 {
        let base = predicted.max(peak);
        base.saturating_add(base / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurements_correct_the_guess_both_ways() {
        let mut predictor = Predictor::new(100 << 20);
        assert_eq!(predictor.predict(0), 100 << 20);
        predictor.measured(160 << 20);
        assert_eq!(predictor.predict(0), 180 << 20);
        for _ in 0..WINDOW {
            predictor.measured(8 << 20);
        }
        assert_eq!(predictor.predict(0), 9 << 20);
        assert_eq!(predictor.predict(64 << 20), 64 << 20, "what is known of the job counts more");
    }

    #[test]
    fn an_unmeasured_peak_says_nothing() {
        let mut predictor = Predictor::new(32 << 20);
        for _ in 0..20 {
            predictor.measured(0);
        }
        assert_eq!(predictor.predict(0), 32 << 20);
        assert_eq!(Predictor::after_oom(100, 200), 300);
        assert_eq!(Predictor::after_oom(u64::MAX, 0), u64::MAX);
    }
}
