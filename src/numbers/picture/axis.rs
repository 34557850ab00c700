//! Where an axis has its marks, and what stands at them.

use crate::numbers::histogram::Spacing;
use crate::numbers::show::short;

/// An axis from one number to another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) log: bool,
}

/// A mark: where it is, from 0 to 1, and its label.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mark {
    pub(super) at: f64,
    pub(super) label: String,
}

/// Marks, at most, whatever is asked for.
const MOST: usize = 50;

impl Axis {
    /// Where a number is, from 0 to 1.
    pub(super) fn place(self, x: f64) -> f64 {
        Spacing::of(self.log).place([self.low, self.high], x)
    }

    fn mark(self, x: f64) -> Option<Mark> {
        let at = self.place(x);
        let hair = 1e-9;
        (-hair..=1.0 + hair).contains(&at).then(|| Mark { at: at.clamp(0.0, 1.0), label: short(x) })
    }

    /// Marks at round numbers: `most` at most, two at least where the axis has a length.
    pub(super) fn marks(self, most: usize) -> Vec<Mark> {
        let most = most.clamp(2, MOST);
        if !(self.low.is_finite() && self.high.is_finite() && self.low < self.high) {
            let mark = Mark { at: 0.5, label: short(self.low) };
            return if self.low.is_finite() { vec![mark] } else { Vec::new() };
        }
        if self.log && self.low > 0.0 {
            let marks = self.decades(most);
            if marks.len() > 2 {
                return marks;
            }
        }
        let marks = self.steps(most);
        if marks.len() > 1 {
            marks
        } else {
            [self.low, self.high].map(|x| self.mark(x)).into_iter().flatten().collect()
        }
    }

    /// Powers of ten, each or every few.
    fn decades(self, most: usize) -> Vec<Mark> {
        let (first, last) = (self.low.log10().ceil(), self.high.log10().floor());
        #[expect(clippy::cast_possible_truncation, reason = "powers of ten that floats have")]
        let (first, last) = (first as i32, last as i32);
        let most = i32::try_from(most).unwrap_or(i32::MAX);
        let every = ((last - first) / most + 1).max(1);
        let powers = (first..=last).filter(|power| power.rem_euclid(every) == 0);
        powers.filter_map(|power| self.mark(format!("1e{power}").parse().ok()?)).collect()
    }

    /// Multiples of 1, 2 or 5 times a power of ten.
    fn steps(self, most: usize) -> Vec<Mark> {
        let span = self.high / 2.0 - self.low / 2.0;
        #[expect(clippy::cast_precision_loss, reason = "few marks")]
        let wanted = span / (most as f64 / 2.0);
        let power = wanted.log10().floor();
        let unit = 10_f64.powf(power);
        let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * unit >= wanted);
        let step = factor.unwrap_or(10.0) * unit;
        if !(step > 0.0 && step.is_finite()) {
            return Vec::new();
        }
        let first = (self.low / step - 1e-9).ceil();
        let marks = (0..=2 * MOST).map(|i| {
            #[expect(clippy::cast_precision_loss, reason = "few marks")]
            let number = first + i as f64;
            // What is left of 0 by rounding is 0.
            if number.abs() < 0.5 { 0.0 } else { number * step }
        });
        marks.map_while(|x| self.mark(x)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(low: f64, high: f64, log: bool, most: usize) -> Vec<String> {
        Axis { low, high, log }.marks(most).into_iter().map(|mark| mark.label).collect()
    }

    #[test]
    fn marks_are_at_round_numbers() {
        assert_eq!(labels(-8.0, 8.0, false, 5), ["-5", "0", "5"]);
        assert_eq!(labels(0.0, 48.0, false, 6), ["0", "10", "20", "30", "40"]);
        assert_eq!(labels(0.0, 1.0, false, 6), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(labels(1e-3, 1e3, true, 8).len(), 7);
        assert_eq!(
            labels(1e-9, 1e9, true, 7),
            ["1e-9", "1e-6", "0.001", "1", "1000", "1000000", "1e9"]
        );
        assert_eq!(labels(2.0, 30.0, true, 8), ["5", "10", "15", "20", "25", "30"]);
        assert_eq!(labels(5.0, 5.0, false, 5), ["5"]);
    }

    #[test]
    fn odd_axes_have_marks_or_none_but_come_to_an_end() {
        for (low, high) in [
            (f64::MIN, f64::MAX),
            (0.0, f64::MIN_POSITIVE),
            (1.0, 1.0 + f64::EPSILON),
            (f64::NAN, 1.0),
            (0.0, f64::INFINITY),
            (1e300, 1.001e300),
        ] {
            for log in [false, true] {
                assert!(Axis { low, high, log }.marks(6).len() <= 2 * MOST);
            }
        }
    }
}
