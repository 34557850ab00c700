//! Computes the time of an output, as Mera's `gettime` tells it.

use super::constants::{PC, YR};

/// What an output's time follows from: fields of its `InfoType`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clock {
    /// Time in code units.
    pub time: f64,
    /// Seconds of a code unit.
    pub unit_t: f64,
    /// Expansion factor; 1 where the box does not expand.
    pub aexp: f64,
    /// Hubble constant, km/s/Mpc.
    pub h0: f64,
    /// Density parameters of matter, the vacuum and curvature.
    pub omega: [f64; 3],
}

impl Clock {
    /// Whether the box expands, so that its time is the age of the universe.
    pub fn is_cosmological(&self) -> bool {
        let [_, vacuum, _] = self.omega;
        vacuum > 0.0 || (self.aexp - 1.0).abs() > 0.0
    }

    /// The time in Myr.
    pub fn myr(&self) -> f64 {
        if self.is_cosmological() {
            // Mpc in km, then seconds, then Gyr.
            let hubble = PC * 1e6 / (self.h0 * 1e5) / (YR * 1e9);
            hubble * self.age() * 1e3
        } else {
            self.time * (self.unit_t / YR / 1e6)
        }
    }

    /// The age at the expansion factor, in Hubble times: the integral of `1 / (a E(a))` by
    /// Simpson's rule with as many steps as Mera takes.
    fn age(&self) -> f64 {
        const STEPS: u32 = 2000;
        let [matter, vacuum, curvature] = self.omega;
        let rate = |a: f64| {
            if a <= 0.0 {
                return 0.0;
            }
            1.0 / (a * (matter / a.powi(3) + curvature / a.powi(2) + vacuum).sqrt())
        };
        let width = self.aexp / f64::from(STEPS);
        let inner: f64 = (1..STEPS)
            .map(|i| (if i % 2 == 1 { 4.0 } else { 2.0 }) * rate(f64::from(i) * width))
            .sum();
        (rate(0.0) + inner + rate(self.aexp)) * width / 3.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISOLATED: Clock = Clock {
        time: 29.903_193_766_506_3,
        unit_t: 4.705_549_464_223_49e14,
        aexp: 1.0,
        h0: 1.0,
        omega: [1.0, 0.0, 0.0],
    };

    #[test]
    fn an_isolated_galaxy_as_the_documentation_of_mera_prints_it() {
        assert!(!ISOLATED.is_cosmological());
        assert_eq!(format!("{:.2}", ISOLATED.myr()), "445.89");
    }

    #[test]
    fn a_universe_of_matter_is_two_thirds_of_a_hubble_time_old() {
        let universe = Clock { aexp: 0.25, h0: 70.0, ..ISOLATED };
        assert!(universe.is_cosmological());
        let hubble = 977_792.2 / 70.0;
        let expected = hubble * 2.0 / 3.0 * 0.125;
        assert!((universe.myr() / expected - 1.0).abs() < 1e-3, "{}", universe.myr());
        let standard = Clock { aexp: 1.0, h0: 67.7, omega: [0.31, 0.69, 0.0], ..ISOLATED };
        assert!((13_700.0..13_900.0).contains(&standard.myr()), "{}", standard.myr());
    }
}
