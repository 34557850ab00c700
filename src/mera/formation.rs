//! Computes when stars of a box that expands formed, as Mera does: RAMSES stores their birth in
//! super-conformal time, which a table of the Friedmann equation turns into an expansion factor and a
//! time.

use super::constants::{PC, YR};
use super::time::Clock;

/// Points of the table.
const POINTS: usize = 4000;
/// The smallest expansion factor in it.
const FIRST: f64 = 1.0e-4;

/// The table of a run: expansion factors with super-conformal and proper times, which are 0 at 1 and
/// negative before, in Hubble times.
#[derive(Debug, Clone, PartialEq)]
pub struct Formation {
    points: Vec<Point>,
    clock: Clock,
    /// Hubble's constant, 1/s.
    hubble: f64,
    /// Proper time of the output.
    now: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Point {
    aexp: f64,
    /// Super-conformal time.
    tau: f64,
    /// Proper time.
    time: f64,
}

impl Formation {
    /// The table of a run, whose `clock` has the output's super-conformal time.
    pub fn new(clock: Clock) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a few thousand points")]
        let (last, step) = (POINTS - 1, (1.0 - FIRST) / (POINTS - 1) as f64);
        #[expect(clippy::cast_precision_loss, reason = "a few thousand points")]
        let aexp = |i: usize| FIRST + i as f64 * step;
        let rates = |a: f64| {
            let expansion = clock.expansion(a);
            [1.0 / (a * expansion), 1.0 / (a * a * a * expansion)]
        };
        let mut points = vec![Point { aexp: aexp(last), tau: 0.0, time: 0.0 }];
        let mut later = (aexp(last), rates(aexp(last)), [0.0, 0.0]);
        for i in (0..last).rev() {
            let a = aexp(i);
            let here = rates(a);
            let (next, [fast, slow], [time, tau]) = later;
            let width = next - a;
            let [own_fast, own_slow] = here;
            let time = time - 0.5 * (own_fast + fast) * width;
            let tau = tau - 0.5 * (own_slow + slow) * width;
            points.push(Point { aexp: a, tau, time });
            later = (a, here, [time, tau]);
        }
        points.reverse();
        let hubble = clock.h0 * 1e5 / (PC * 1e6);
        let mut table = Self { points, clock, hubble, now: 0.0 };
        table.now = table.at(clock.time, |point| point.time);
        table
    }

    /// What the table says of a super-conformal time: between two points on the line, beyond the ends
    /// what is there.
    fn at(&self, tau: f64, of: impl Fn(&Point) -> f64) -> f64 {
        let behind = self.points.partition_point(|point| point.tau < tau);
        let ends = (self.points.first(), self.points.last());
        match (
            behind.checked_sub(1).and_then(|i| self.points.get(i)),
            self.points.get(behind),
            ends,
        ) {
            // What is not a number is before nothing and behind nothing.
            _ if tau.is_nan() => f64::NAN,
            (Some(before), Some(after), _) if after.tau > tau || behind + 1 < self.points.len() => {
                let (low, high) = (of(before), of(after));
                low + (high - low) * (tau - before.tau) / (after.tau - before.tau)
            }
            (None, _, (Some(first), _)) => of(first),
            (_, _, (_, Some(last))) => of(last),
            _ => f64::NAN,
        }
    }

    /// The age in seconds of a star that was born at this super-conformal time; 0 of what was born later
    /// than the output.
    pub fn age(&self, birth: f64) -> f64 {
        let age = (self.now - self.at(birth, |point| point.time)) / self.hubble;
        // As Julia's max: what is not a number stays so.
        if age.is_nan() { age } else { age.max(0.0) }
    }

    /// The expansion factor at its birth; not a number of what was born later than the output.
    fn aexp(&self, birth: f64) -> f64 {
        if birth <= self.clock.time { self.at(birth, |point| point.aexp) } else { f64::NAN }
    }

    /// The redshift at its birth.
    pub fn redshift(&self, birth: f64) -> f64 {
        1.0 / self.aexp(birth) - 1.0
    }

    /// The age of the universe at its birth, in seconds.
    pub fn time(&self, birth: f64) -> f64 {
        let aexp = self.aexp(birth);
        if aexp.is_nan() { aexp } else { self.clock.age_at(aexp) / self.hubble }
    }

    /// What seconds are multiplied by to be in a unit of time; none of other units.
    pub fn factor(unit: Option<&str>) -> Option<f64> {
        Some(match unit {
            None | Some("standard" | "s") => 1.0,
            Some("yr") => 1.0 / YR,
            Some("Myr") => 1.0 / (YR * 1e6),
            Some("Gyr") => 1.0 / (YR * 1e9),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A universe of matter alone, in which all of this has a formula: proper time is 2/3 a^1.5 Hubble
    /// times, super-conformal time -2 / sqrt(a) + 2.
    fn universe(aexp: f64) -> Formation {
        let time = 2.0 - 2.0 / aexp.sqrt();
        let omega = [1.0, 0.0, 0.0];
        Formation::new(Clock { time, unit_t: 1.0, aexp, h0: 70.0, omega })
    }

    #[test]
    fn a_universe_of_matter_has_the_ages_of_its_formula() {
        let table = universe(0.5);
        let gyr = Formation::factor(Some("Gyr")).unwrap();
        let hubble = 977.792_2 / 70.0;
        for born in [0.05_f64, 0.1, 0.25, 0.4999] {
            let tau = 2.0 - 2.0 / born.sqrt();
            let age = hubble * 2.0 / 3.0 * (0.5_f64.powf(1.5) - born.powf(1.5));
            let (found, near) = (table.age(tau) * gyr, 1e-3 * hubble);
            assert!((found - age).abs() < near, "{born}: {found} {age}");
            assert!((table.redshift(tau) - (1.0 / born - 1.0)).abs() < 1e-2 / born, "{born}");
            let time = hubble * 2.0 / 3.0 * born.powf(1.5);
            assert!((table.time(tau) * gyr - time).abs() < near, "{born}");
        }
    }

    #[test]
    fn what_is_no_star_has_no_age() {
        let table = universe(0.5);
        assert!(table.age(0.0).abs() < f64::MIN_POSITIVE, "born behind the output");
        assert!(table.redshift(0.0).is_nan() && table.time(0.0).is_nan());
        assert!(table.age(f64::NAN).is_nan());
        let oldest = table.age(-1e9);
        assert!(oldest > table.age(-100.0) && oldest.is_finite(), "before the table");
        assert_eq!(Formation::factor(Some("kpc")), None);
    }
}
