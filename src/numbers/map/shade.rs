//! Which numbers of a map get which part of a scale of colours.

use super::Map;
use crate::numbers::{NumbersError, Spacing};
use serde::{Deserialize, Serialize};

/// Factors of ten below the largest number down to which colours differ where nothing else is asked
/// for: what rounding leaves of nothing is not to take up the scale.
const DECADES: f64 = 10.0;

/// The smallest and largest numbers of a map, or of several.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Extremes {
    /// The smallest.
    pub low: f64,
    /// The largest.
    pub high: f64,
    /// The smallest above 0; infinite where there is none.
    pub positive: f64,
}

impl Extremes {
    /// Of both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            low: self.low.min(other.low),
            high: self.high.max(other.high),
            positive: self.positive.min(other.positive),
        }
    }
}

/// How a scale is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Division {
    /// Logarithmic where no number is below 0 and those above it span three decades or more.
    #[default]
    Auto,
    /// Equal steps are equal differences.
    Linear,
    /// Equal steps are equal factors.
    Log,
}

/// From where to where colours go.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Shade {
    /// What has the first colour, as all below it has.
    pub low: f64,
    /// What has the last colour, as all above it has.
    pub high: f64,
    /// Whether equal steps are equal factors.
    pub log: bool,
}

impl Map {
    /// The number of a pixel, if it has one.
    pub fn at(&self, [x, y]: [usize; 2]) -> Option<f64> {
        let place = y.checked_mul(self.pixels[0])?.checked_add(x)?;
        let covered = self.covered.as_ref().is_none_or(|all| all.get(place) == Some(&true));
        let value = self.values.get(place).filter(|_| covered && x < self.pixels[0])?;
        (!value.is_nan()).then_some(*value)
    }

    /// The finite numbers of pixels that have one.
    pub fn numbers(&self) -> impl Iterator<Item = f64> {
        let covered = self.covered.as_ref();
        let there = move |place: usize| covered.is_none_or(|all| all.get(place) == Some(&true));
        let numbers = self.values.iter().enumerate().filter(move |(place, _)| there(*place));
        numbers.map(|(_, value)| *value).filter(|value| value.is_finite())
    }

    /// The smallest and largest; none where no pixel has a finite number.
    pub fn extremes(&self) -> Option<Extremes> {
        let each = self.numbers().map(|x| Extremes {
            low: x,
            high: x,
            positive: if x > 0.0 { x } else { f64::INFINITY },
        });
        each.reduce(Extremes::and)
    }
}

impl Shade {
    /// The scale for numbers between these, divided as asked for, with limits where they are given.
    ///
    /// # Errors
    /// If a logarithmic scale is asked for and nothing is above 0, or the limits are no interval.
    pub fn of(
        extremes: Option<Extremes>,
        division: Division,
        limits: [Option<f64>; 2],
    ) -> Result<Self, NumbersError> {
        let refused = |what: &str| Err(NumbersError::Map(what.to_owned()));
        let none = Extremes { low: 0.0, high: 0.0, positive: f64::INFINITY };
        let Extremes { low, high, positive } = extremes.unwrap_or(none);
        let [first, last] = limits;
        let (from, to) = (first.unwrap_or(positive), last.unwrap_or(high));
        let log = match division {
            Division::Linear => false,
            Division::Log => true,
            Division::Auto => {
                let above = if first.is_some() { from > 0.0 } else { low >= 0.0 };
                above && to.is_finite() && Spacing::suiting(from, to) == Spacing::Log
            }
        };
        let shade = if log {
            let least = to * (-DECADES * std::f64::consts::LN_10).exp();
            Self { low: first.unwrap_or(positive.max(least)), high: to, log }
        } else {
            Self { low: first.unwrap_or(low), high: to, log }
        };
        if shade.log && !(shade.low > 0.0 && shade.high > 0.0 && shade.low.is_finite()) {
            return refused("a logarithmic scale is for numbers above 0, and there are none");
        }
        // What is not a number is no limit.
        if shade.low <= shade.high {
            Ok(shade)
        } else {
            refused("the limits end before they begin")
        }
    }

    /// Where a number stands, from 0 to 1.
    pub fn part(&self, x: f64) -> f64 {
        let x = if self.log { x.max(f64::MIN_POSITIVE) } else { x };
        let part = Spacing::of(self.log).place([self.low, self.high], x);
        if part.is_nan() { 0.5 } else { part.clamp(0.0, 1.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "as it is handed on")]
    fn extremes(low: f64, high: f64, positive: f64) -> Option<Extremes> {
        Some(Extremes { low, high, positive })
    }

    #[test]
    fn scales_suit_their_numbers() {
        let of = |it, division, limits| Shade::of(it, division, limits).unwrap();
        let all = [None, None];
        let shade = of(extremes(0.0, 1e4, 1e-2), Division::Auto, all);
        assert_eq!(shade, Shade { low: 1e-2, high: 1e4, log: true });
        assert!((shade.part(10.0) - 0.5).abs() < 1e-12);
        assert!([0.0, -1.0, 1e-9].iter().all(|x| shade.part(*x) <= 0.0));
        assert!(shade.part(f64::INFINITY) >= 1.0);
        // Three decades at least, and nothing below 0.
        assert!(!of(extremes(1.0, 500.0, 1.0), Division::Auto, all).log);
        assert!(!of(extremes(-1.0, 1e9, 1.0), Division::Auto, all).log);
        assert!(of(extremes(-1.0, 1e9, 1.0), Division::Log, all).log);
        let clipped = of(extremes(0.0, 1e5, 1e-30), Division::Auto, all);
        assert!((clipped.low / 1e-5 - 1.0).abs() < 1e-12, "{clipped:?}");
        let given = of(extremes(0.0, 1e4, 1e-2), Division::Auto, [Some(1.0), Some(10.0)]);
        assert_eq!(given, Shade { low: 1.0, high: 10.0, log: false });
        let one = of(extremes(5.0, 5.0, 5.0), Division::Auto, all);
        assert!((one.part(5.0) - 0.5).abs() < 1e-12);
        assert!(Shade::of(extremes(-5.0, 0.0, f64::INFINITY), Division::Log, all).is_err());
        assert!(Shade::of(None, Division::Log, all).is_err());
        assert!(Shade::of(None, Division::Auto, [Some(2.0), Some(1.0)]).is_err());
        assert!(!of(None, Division::Auto, all).log);
    }
}
