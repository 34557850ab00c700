//! Star formation as Mera's `sfr_snapshot` tells it: mass of stars that are not older than a window, over
//! that time.

use super::cell::Cell;
use super::what::Star;
use crate::mera::scales::{Units, scale};
use crate::numbers::{Ask, Sum};

/// Columns that may hold the mass that a star had when it was born, in the order in which Mera looks
/// for them. Rates are of that mass, if it is stored.
const INITIAL_MASS: [&str; 10] = [
    "minit",
    "mass_init",
    "massini",
    "mass_initial",
    "initial_mass",
    "imass",
    "mass0",
    "mp0",
    "m0",
    "birth_mass",
];

/// What stars come to while they go by.
#[derive(Debug)]
pub(super) struct Stars {
    windows: Vec<(f64, Sum)>,
    mass: Sum,
    count: u64,
    oldest: Option<f64>,
    /// Years of the unit of ages.
    years: f64,
}

impl Stars {
    /// What is to be read of each particle: birth, age in Myr, mass in solar masses.
    pub(super) fn asks(columns: &[String]) -> [Ask; 3] {
        let stored = INITIAL_MASS.iter().find(|name| columns.iter().any(|it| it == *name));
        let mass = Ask::new(*stored.unwrap_or(&"mass")).in_unit("Msol");
        [Ask::new("birth"), Ask::new("age").in_unit("Myr"), mass]
    }

    pub(super) fn new(stars: impl Iterator<Item = Star>, units: &Units) -> Self {
        let mut windows: Vec<(f64, Sum)> = Vec::new();
        for star in stars {
            if let Star::Rate(window) = star
                && !windows.iter().any(|(known, _)| known.to_bits() == window.to_bits())
            {
                windows.push((window, Sum::default()));
            }
        }
        let [yr, myr] = ["yr", "Myr"].map(|unit| scale(unit, units).unwrap_or(f64::NAN));
        Self { windows, mass: Sum::default(), count: 0, oldest: None, years: yr / myr }
    }

    /// Takes particles. One whose birth is 0 is not a star.
    pub(super) fn take(&mut self, birth: &[f64], age: &[f64], mass: &[f64]) {
        for ((birth, &age), &mass) in birth.iter().zip(age).zip(mass) {
            if birth.abs().to_bits() == 0 {
                continue;
            }
            self.count += 1;
            self.mass.add(mass);
            if self.oldest.is_none_or(|oldest| age > oldest) {
                self.oldest = Some(age);
            }
            for (window, sum) in &mut self.windows {
                if (0.0..=*window).contains(&age) {
                    sum.add(mass);
                }
            }
        }
    }

    /// What is told of them; with no stars rates are 0.
    pub(super) fn cell(&self, star: Star) -> Cell {
        match star {
            Star::Rate(window) => {
                let same = |(known, _): &&(f64, Sum)| known.to_bits() == window.to_bits();
                let formed = self.windows.iter().find(same).map_or(0.0, |(_, sum)| sum.value());
                Cell::Float(formed / (window * self.years))
            }
            Star::MeanRate => {
                let oldest = self.oldest.unwrap_or(0.0);
                let mean =
                    if oldest > 0.0 { self.mass.value() / (oldest * self.years) } else { 0.0 };
                Cell::Float(mean)
            }
            Star::Count => Cell::count(self.count),
            Star::Mass => Cell::Float(self.mass.value()),
            Star::Oldest => Cell::Float(self.oldest.unwrap_or(0.0)),
        }
    }
}
