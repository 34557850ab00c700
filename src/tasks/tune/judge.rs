//! Says what measured times are worth: a recommendation only where a difference is larger than what
//! the same setting differs from itself.

use super::setting::Setting;
use crate::tasks::sample::Measured;
use serde::Serialize;

/// A setting with what was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trial {
    /// The setting.
    pub setting: Setting,
    /// Wall times in seconds, in order of their size.
    pub seconds: Vec<f64>,
    /// Most anonymous memory of one worker in bytes.
    pub peak: u64,
}

/// What follows from the measurements.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "advice")]
pub enum Advice {
    /// The defaults are as good as anything that was measured.
    Defaults,
    /// This is better than the defaults, and nothing smaller is as good.
    Use {
        /// What to use.
        setting: Setting,
        /// How much faster than the defaults, as a factor.
        faster: f64,
    },
    /// Nothing can be said.
    Unknown {
        /// Why.
        why: String,
    },
}

impl Trial {
    /// A setting that nobody measured yet.
    pub fn new(setting: Setting) -> Self {
        Self { setting, seconds: Vec::new(), peak: 0 }
    }

    /// Takes a measurement in.
    pub fn add(&mut self, measured: &Measured) {
        self.seconds.push(measured.seconds);
        self.seconds.sort_by(f64::total_cmp);
        self.peak = self.peak.max(measured.peak);
    }

    /// The middle one of the times, in seconds; the mean of the two in the middle.
    pub fn median(&self) -> f64 {
        let (low, high) = (self.seconds.len().saturating_sub(1) / 2, self.seconds.len() / 2);
        let at = |i: usize| self.seconds.get(i).copied().unwrap_or(f64::NAN);
        f64::midpoint(at(low), at(high))
    }

    /// The difference of the longest and the shortest time, in seconds.
    pub fn spread(&self) -> f64 {
        match (self.seconds.first(), self.seconds.last()) {
            (Some(least), Some(most)) => most - least,
            _ => f64::NAN,
        }
    }

    /// Whether `other` is not faster than this by more than either differs from itself.
    fn is_as_good_as(&self, other: &Self) -> bool {
        self.median() - other.median() <= self.spread().max(other.spread())
    }
}

/// What follows from `trials`; `auto` is what a run does unless it is told something else.
pub fn advise(trials: &[Trial], auto: Setting) -> Advice {
    let unknown = |why: &str| Advice::Unknown { why: why.to_owned() };
    if trials.iter().any(|trial| trial.seconds.len() < 2) || trials.len() < 2 {
        return unknown(
            "each setting must be measured at least twice to know how far times differ by \
             themselves: give it more --time, or a smaller --sample",
        );
    }
    let Some(best) = trials.iter().min_by(|a, b| a.median().total_cmp(&b.median())) else {
        return unknown("nothing was measured");
    };
    let Some(default) = trials.iter().find(|trial| trial.setting == auto) else {
        return unknown("what a run does by itself was not among the settings");
    };
    if default.is_as_good_as(best) {
        return Advice::Defaults;
    }
    let size = |setting: Setting| (setting.workers * setting.threads, setting.workers);
    let good = trials.iter().filter(|trial| trial.is_as_good_as(best));
    let good = good.filter(|trial| !default.is_as_good_as(trial));
    let least = good.min_by_key(|trial| size(trial.setting)).unwrap_or(best);
    Advice::Use { setting: least.setting, faster: default.median() / least.median() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(workers: usize, seconds: &[f64]) -> Trial {
        let mut trial = Trial::new(Setting { workers, threads: 1 });
        for seconds in seconds {
            trial.add(&Measured { seconds: *seconds, ..Measured::default() });
        }
        trial
    }

    const AUTO: Setting = Setting { workers: 4, threads: 1 };

    #[test]
    fn what_is_within_noise_is_not_recommended() {
        let noisy = [trial(1, &[4.0, 4.4]), trial(2, &[2.0, 2.9]), trial(4, &[2.2, 2.8])];
        assert_eq!(advise(&noisy, AUTO), Advice::Defaults);
    }

    #[test]
    fn the_smallest_of_equals_is_recommended() {
        let trials = [
            trial(1, &[4.0, 4.1, 4.1]),
            trial(2, &[2.0, 2.1, 2.2]),
            trial(4, &[3.0, 3.0, 3.1]),
            trial(8, &[1.95, 2.05, 2.1]),
        ];
        let Advice::Use { setting, faster } = advise(&trials, AUTO) else { panic!() };
        assert_eq!(setting.workers, 2);
        assert!((faster - 3.0 / 2.1).abs() < 1e-9, "{faster}");
    }

    #[test]
    fn one_measurement_is_none() {
        let once = [trial(1, &[4.0]), trial(4, &[1.0])];
        assert!(matches!(advise(&once, AUTO), Advice::Unknown { .. }));
        assert!(matches!(advise(&[trial(4, &[1.0, 1.0])], AUTO), Advice::Unknown { .. }));
        let other = [trial(1, &[4.0, 4.0]), trial(2, &[1.0, 1.0])];
        assert!(matches!(advise(&other, AUTO), Advice::Unknown { .. }));
    }

    #[test]
    fn medians_and_spreads() {
        let of = |seconds: &[f64]| (trial(1, seconds).median(), trial(1, seconds).spread());
        assert_eq!(of(&[3.0, 1.0, 2.0]), (2.0, 2.0));
        assert_eq!(of(&[1.0, 2.0]), (1.5, 1.0));
        assert!(trial(1, &[]).median().is_nan());
    }
}
