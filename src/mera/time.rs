//! Computes the time of an output, as Mera's `gettime` tells it.

use super::constants::{PC, YR, constant};
use super::scales::Units;
use super::unit::{UnitError, unit_factor};
use std::f64::consts::PI;

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

/// The Hubble constant, the expansion factor and the density parameters of a description that has none:
/// of a box that does not expand, as RAMSES writes them (`H0`, `aexp`, `omega_m`, `omega_l`, `omega_k`).
pub const UNSAID: (f64, f64, [f64; 3]) = (1.0, 1.0, [1.0, 0.0, 0.0]);

impl Clock {
    /// Whether the box expands, so that its time is the age of the universe.
    pub fn is_cosmological(&self) -> bool {
        let [_, vacuum, _] = self.omega;
        vacuum > 0.0 || (self.aexp - 1.0).abs() > 0.0
    }

    /// Whether the box expands: as [`is_cosmological`](Self::is_cosmological), but not where no
    /// expansion factor or no Hubble constant is stored (0), with which Mera's time is not a number.
    pub fn expands(&self) -> bool {
        self.is_cosmological() && self.aexp > 0.0 && self.h0 > 0.0
    }

    /// The redshift; infinite where no expansion factor was stored.
    pub fn redshift(&self) -> f64 {
        1.0 / self.aexp - 1.0
    }

    /// The mean density of baryons at the redshift, g/cm³, where they are this part of the critical
    /// density (Mera's `mean_baryon_density`).
    pub fn baryon_density(&self, omega_b: f64) -> f64 {
        let hubble = self.h0 * 1e5 / (PC * 1e6);
        let gravity = constant("G").unwrap_or(f64::NAN);
        let now = 3.0 * (hubble * hubble) / (8.0 * PI * gravity);
        let growth = 1.0 + self.redshift();
        omega_b * (now * (growth * growth * growth))
    }

    /// The time in Myr.
    pub fn myr(&self) -> f64 {
        if self.is_cosmological() {
            self.age_gyr() * 1e3
        } else {
            self.time * (self.unit_t / YR / 1e6)
        }
    }

    /// The time in a unit; `standard` is code units, and of a box that expands, seconds.
    ///
    /// # Errors
    /// If Mera has no such unit, or, of a box that expands, it is not one of time.
    pub fn time_in(&self, unit: &str) -> Result<f64, UnitError> {
        let units = Units { length: 1.0, density: 1.0, time: self.unit_t, mass: 1.0 };
        let factor = unit_factor(unit, &units)?;
        if !self.is_cosmological() {
            return Ok(self.time * factor);
        }
        let age = self.age_gyr();
        Ok(match unit {
            "Gyr" => age,
            "Myr" => age * 1e3,
            "yr" => age * 1e9,
            "s" | "standard" => age * 1e9 * YR,
            _ => {
                let near = ": the time of a box that expands is in Gyr, Myr, yr or s".to_owned();
                return Err(UnitError::Unknown { unit: unit.to_owned(), near });
            }
        })
    }

    /// As [`time_in`](Self::time_in) where the box [expands](Self::expands); else the time of the
    /// run.
    ///
    /// # Errors
    /// As there.
    pub fn true_time_in(&self, unit: &str) -> Result<f64, UnitError> {
        if self.expands() {
            return self.time_in(unit);
        }
        let units = Units { length: 1.0, density: 1.0, time: self.unit_t, mass: 1.0 };
        Ok(self.time * unit_factor(unit, &units)?)
    }

    /// The age of the universe at the expansion factor.
    fn age_gyr(&self) -> f64 {
        let hubble = (1.0 / (self.h0 * 1e5 / (PC * 1e6))) / (YR * 1e9);
        self.age() * hubble
    }

    /// The age at the expansion factor, in Hubble times: the integral of `1 / (a E(a))` by
    /// Simpson's rule with as many steps as Mera takes, summed in its order.
    fn age(&self) -> f64 {
        self.age_at(self.aexp)
    }

    /// The rate of expansion at an expansion factor, in units of that at 1.
    pub(super) fn expansion(&self, a: f64) -> f64 {
        let [matter, vacuum, curvature] = self.omega;
        // Negative literal powers are powers of the inverse in Julia.
        let inverse = 1.0 / a;
        let square = curvature * (inverse * inverse);
        (matter * (inverse * inverse * inverse) + square + vacuum).sqrt()
    }

    /// The same at any expansion factor.
    pub(super) fn age_at(&self, aexp: f64) -> f64 {
        const STEPS: u32 = 2000;
        let rate = |a: f64| if a <= 0.0 { 0.0 } else { 1.0 / (a * self.expansion(a)) };
        let width = aexp / f64::from(STEPS);
        let mut sum = rate(0.0) + rate(aexp);
        for i in 1..STEPS {
            sum += (if i % 2 == 1 { 4.0 } else { 2.0 }) * rate(f64::from(i) * width);
        }
        sum * width / 3.0
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
        assert_eq!(format!("{:.5}", ISOLATED.time_in("Gyr").unwrap()), "0.44589");
        assert!(ISOLATED.time_in("standard").unwrap().to_bits() == ISOLATED.time.to_bits());
        assert!(ISOLATED.time_in("fortnight").is_err());
        assert!(ISOLATED.redshift().abs() < f64::MIN_POSITIVE);
    }

    #[test]
    fn a_run_without_an_expansion_factor_has_the_time_of_its_own() {
        let none = Clock { aexp: 0.0, h0: 0.0, ..ISOLATED };
        assert!(none.is_cosmological() && none.time_in("Myr").unwrap().is_nan(), "as in Mera");
        assert!(!none.expands());
        let time = none.true_time_in("Myr").unwrap();
        assert_eq!(time.to_bits(), ISOLATED.myr().to_bits());
        let universe = Clock { aexp: 0.25, h0: 70.0, ..ISOLATED };
        assert!(universe.expands());
        let [right, mera] = [universe.true_time_in("Gyr"), universe.time_in("Gyr")];
        assert_eq!(right, mera);
    }

    #[test]
    fn a_universe_of_matter_is_two_thirds_of_a_hubble_time_old() {
        let universe = Clock { aexp: 0.25, h0: 70.0, ..ISOLATED };
        assert!(universe.is_cosmological());
        assert!((universe.redshift() - 3.0).abs() < 1e-15);
        let hubble = 977_792.2 / 70.0;
        let expected = hubble * 2.0 / 3.0 * 0.125;
        assert!((universe.myr() / expected - 1.0).abs() < 1e-3, "{}", universe.myr());
        let [gyr, s] = ["Gyr", "s"].map(|unit| universe.time_in(unit).unwrap());
        assert!((gyr * 1e3 / universe.myr() - 1.0).abs() < 1e-12);
        assert!((s / (gyr * 1e9 * YR) - 1.0).abs() < 1e-12);
        assert!(universe.time_in("kpc").is_err(), "not a time");
        // 4.7 % of 1.88e-29 h² g/cm³, 64 times as dense at redshift 3.
        let baryons = universe.baryon_density(0.047) / (0.047 * 1.878e-29 * 0.49 * 64.0);
        assert!((baryons - 1.0).abs() < 1e-3, "{baryons}");
        let standard = Clock { aexp: 1.0, h0: 67.7, omega: [0.31, 0.69, 0.0], ..ISOLATED };
        assert!((13_700.0..13_900.0).contains(&standard.myr()), "{}", standard.myr());
    }
}
