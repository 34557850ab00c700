//! Counts numbers in intervals of one width, on a linear or a logarithmic scale.

use serde::Serialize;

/// How an axis is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Spacing {
    /// All intervals are as wide.
    Linear,
    /// All intervals span the same factor.
    Log,
}

/// Numbers counted in intervals. The last one has its upper end, too.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Histogram {
    /// How the axis is divided.
    pub spacing: Spacing,
    /// Where the first interval begins.
    pub low: f64,
    /// Where the last one ends.
    pub high: f64,
    /// Numbers in each interval.
    pub counts: Vec<u64>,
}

/// Decades that numbers span from which on they are shown on a logarithmic scale.
const DECADES: f64 = 3.0;

impl Spacing {
    /// What suits numbers between these two.
    pub fn suiting(low: f64, high: f64) -> Self {
        if low > 0.0 && (high / low).log10() >= DECADES { Self::Log } else { Self::Linear }
    }

    /// That of an axis which is logarithmic, or is not.
    pub(super) fn of(log: bool) -> Self {
        if log { Self::Log } else { Self::Linear }
    }

    /// Where a number stands between two ends: 0 is at the lower one, 1 at the upper one. NaN where
    /// both are the same.
    pub(super) fn place(self, [low, high]: [f64; 2], x: f64) -> f64 {
        match self {
            // Halves first: the ends may be as far apart as no float is large.
            Self::Linear => (x / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0),
            Self::Log => (x / low).ln() / (high / low).ln(),
        }
    }
}

impl Histogram {
    /// Empty intervals from `low` to `high`, which are finite; none on a logarithmic scale unless
    /// they are above 0.
    pub fn new(low: f64, high: f64, intervals: usize, spacing: Spacing) -> Option<Self> {
        let fits = low.is_finite() && high.is_finite() && low <= high && intervals > 0;
        let fits = fits && (spacing == Spacing::Linear || low > 0.0);
        fits.then(|| Self { spacing, low, high, counts: vec![0; intervals] })
    }

    /// Counts a number, which lies between the ends.
    pub fn add(&mut self, x: f64) {
        let part = self.place(x);
        let most = self.counts.len().saturating_sub(1);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a float that is cast saturates, and no screen has so many intervals"
        )]
        let interval = ((part * self.counts.len() as f64) as usize).min(most);
        if let Some(count) = self.counts.get_mut(interval) {
            *count += 1;
        }
    }

    /// Where a number stands between the ends, from 0 to 1.
    fn place(&self, x: f64) -> f64 {
        let part = self.spacing.place([self.low, self.high], x);
        if part.is_nan() { 0.0 } else { part.clamp(0.0, 1.0) }
    }

    /// Where interval `i` begins; behind the last, where it ends.
    pub fn edge(&self, i: usize) -> f64 {
        self.at(i, self.counts.len())
    }

    /// What stands `part` of `parts` along the axis.
    pub(super) fn at(&self, part: usize, parts: usize) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "no screen has so many intervals")]
        let part = part as f64 / parts.max(1) as f64;
        match self.spacing {
            Spacing::Linear => self.low * (1.0 - part) + self.high * part,
            Spacing::Log => self.low * (self.high / self.low).powf(part),
        }
    }

    /// The largest count.
    pub fn most(&self) -> u64 {
        self.counts.iter().copied().max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(numbers: &[f64], intervals: usize, spacing: Spacing) -> Vec<u64> {
        let [low, high] =
            [f64::min, f64::max].map(|of| numbers.iter().copied().reduce(of).unwrap());
        let mut histogram = Histogram::new(low, high, intervals, spacing).unwrap();
        numbers.iter().for_each(|&x| histogram.add(x));
        histogram.counts
    }

    #[test]
    fn each_number_is_counted_once_where_it_belongs() {
        let numbers = [0.0, 0.5, 1.0, 2.5, 3.999, 4.0];
        assert_eq!(counted(&numbers, 4, Spacing::Linear), [2, 1, 1, 2]);
        assert_eq!(counted(&[1.0, 5.0, 10.0, 99.0, 1000.0], 3, Spacing::Log), [2, 2, 1]);
        assert_eq!(counted(&[7.0, 7.0], 5, Spacing::Linear), [2, 0, 0, 0, 0]);
        assert_eq!(counted(&[7.0, 7.0], 2, Spacing::Log), [2, 0]);
        assert_eq!(counted(&[f64::MIN, 0.0, f64::MAX], 3, Spacing::Linear), [1, 1, 1]);
    }

    #[test]
    fn edges_begin_at_the_smallest_and_end_at_the_largest() {
        let linear = Histogram::new(-1.0, 3.0, 4, Spacing::Linear).unwrap();
        let edges: Vec<_> = (0..5).map(|i| linear.edge(i)).collect();
        assert_eq!(edges, [-1.0, 0.0, 1.0, 2.0, 3.0]);
        let log = Histogram::new(1.0, 100.0, 2, Spacing::Log).unwrap();
        assert!((log.edge(1) - 10.0).abs() < 1e-12);
        assert_eq!(Histogram::new(0.0, 1.0, 2, Spacing::Log), None);
        assert_eq!(Histogram::new(0.0, f64::INFINITY, 2, Spacing::Linear), None);
        assert_eq!(Spacing::suiting(1.0, 999.0), Spacing::Linear);
        assert_eq!(Spacing::suiting(1.0, 1000.0), Spacing::Log);
        assert_eq!(Spacing::suiting(-1.0, 1000.0), Spacing::Linear);
    }
}
