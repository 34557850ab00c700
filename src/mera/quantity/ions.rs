//! What is computed of the ions that a run with radiation tracks: fractions, numbers of particles,
//! temperatures and rates of recombination of gas, and with the photons of the same cells the balance of
//! ionization.
//!
//! As Mera's `getvar_hydro.jl` and `getvar_rt.jl` have it. The fractions are stored as scalars of the gas, one
//! behind the other from variable `iIons` of `variable_list` on: xHI where the run has molecules of hydrogen,
//! xHII, and xHeII and xHeIII where it has helium. RAMSES says how many there are (`nIons`), which tells the
//! one from the other.

use super::composition::{Composition, at_least, molecules};
use super::field::{AXES, Axis, Field, Ion, Row};
use super::{QuantityError, Setting, TableKind};

/// What stands in front of the gas' columns, where another table's quantities need them.
pub(crate) const GAS: &str = "hydro/";

/// The ions that a run tracks: which columns of the gas they are in.
#[derive(Debug, Clone, PartialEq)]
pub struct Ions {
    /// Part of the mass that was hydrogen in the beginning, and helium.
    pub hydrogen: f64,
    /// The same of helium.
    pub helium: f64,
    /// The fraction of neutral atoms of hydrogen, where the run has molecules.
    pub neutral: Option<String>,
    /// The fraction of ionized hydrogen.
    pub ionized: String,
    /// The fractions of helium that is ionized once and twice, where the run tracks it.
    pub helium_ions: Option<[String; 2]>,
}

/// What is computed of ions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ionized {
    /// The fraction of an ion.
    Fraction(Ion),
    /// Molecules of hydrogen by hydrogen nucleus.
    Molecules,
    /// Ionized hydrogen, 1/cm³.
    Protons,
    /// Neutral atoms of hydrogen, 1/cm³.
    Atoms,
    /// Electrons, 1/cm³.
    Electrons,
    /// Molecules of hydrogen, 1/cm³.
    MoleculeNumber,
    /// The square of the number of protons, 1/cm⁶.
    Emission,
    /// Recombinations, 1/(cm³ s).
    Recombinations,
    /// Ionizations of hydrogen by photons, 1/(cm³ s).
    Ionizations,
    /// Those less the recombinations, 1/(cm³ s).
    Balance,
}

/// Names of what is computed of gas.
const OF_GAS: [(&str, Ionized); 11] = [
    ("xHI", Ionized::Fraction(Ion::Hi)),
    ("xHII", Ionized::Fraction(Ion::Hii)),
    ("xHeII", Ionized::Fraction(Ion::HeIi)),
    ("xHeIII", Ionized::Fraction(Ion::HeIii)),
    ("xH2", Ionized::Molecules),
    ("n_HII", Ionized::Protons),
    ("n_HI", Ionized::Atoms),
    ("n_e", Ionized::Electrons),
    ("n_H2", Ionized::MoleculeNumber),
    ("em_recomb", Ionized::Emission),
    ("recomb_rate", Ionized::Recombinations),
];

/// Names of what is computed of photons with the gas of the same cells.
const OF_PHOTONS: [(&str, Ionized); 2] =
    [("photoionizations", Ionized::Ionizations), ("ionization_balance", Ionized::Balance)];

/// The names for a table.
pub(super) fn names(table: TableKind) -> &'static [(&'static str, Ionized)] {
    match table {
        TableKind::Hydro => &OF_GAS,
        TableKind::Rt => &OF_PHOTONS,
        TableKind::Gravity | TableKind::Particles | TableKind::Clumps => &[],
    }
}

/// What a name means for a table.
pub(super) fn of(name: &str, table: TableKind) -> Option<Ionized> {
    names(table).iter().find(|(known, _)| *known == name).map(|(_, ionized)| *ionized)
}

impl Ions {
    /// What the gas of all rows is made of, in code units of this size.
    pub(super) fn composition(&self, nuclei: f64, kelvin: f64) -> Composition {
        Composition {
            hydrogen: self.hydrogen,
            helium: self.helium,
            has_molecules: self.neutral.is_some(),
            has_helium: self.helium_ions.is_some(),
            nuclei,
            kelvin,
        }
    }

    /// The column of an ion; none of one that the run does not track, or that follows from another.
    fn column(&self, ion: Ion) -> Option<&str> {
        let helium = |which: usize| self.helium_ions.as_ref()?.get(which).map(String::as_str);
        match ion {
            Ion::Hi => self.neutral.as_deref(),
            Ion::Hii => Some(&self.ionized),
            Ion::HeIi => helium(0),
            Ion::HeIii => helium(1),
        }
    }
}

/// The column of the gas, as the table's quantities find it.
fn gas(table: TableKind, column: &str) -> String {
    if table == TableKind::Hydro { column.to_owned() } else { format!("{GAS}{column}") }
}

/// The columns that the mean mass of a particle needs.
pub(super) fn fields_of_mean_weight(ions: &Ions, setting: &Setting) -> Vec<(Field, String)> {
    let all = [Ion::Hi, Ion::Hii, Ion::HeIi, Ion::HeIii];
    let mut fields: Vec<_> = all
        .into_iter()
        .filter_map(|ion| Some((Field::Ion(ion), gas(setting.table, ions.column(ion)?))))
        .collect();
    let metals = gas(setting.table, "metallicity");
    if setting.has(&metals) {
        fields.push((Field::Metals, metals));
    }
    fields
}

impl Ionized {
    /// What its unit is.
    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::Fraction(_) => "parts of all such atoms",
            Self::Molecules => "molecules for each nucleus of hydrogen",
            Self::Protons | Self::Atoms | Self::Electrons | Self::MoleculeNumber => "1/cm³",
            Self::Emission => "1/cm⁶",
            Self::Recombinations | Self::Ionizations | Self::Balance => "1/(cm³ s)",
        }
    }

    /// Whether photons of all groups are added up for it.
    pub(super) fn is_of_photons(self) -> bool {
        matches!(self, Self::Ionizations | Self::Balance)
    }

    /// Whether the run tracks what it follows from.
    pub(super) fn check(self, name: &str, setting: &Setting) -> Result<(), QuantityError> {
        let name = || name.to_owned();
        let Some(ions) = &setting.radiation.ions else { return Err(QuantityError::NoIons(name())) };
        let tracked = match self {
            Self::Molecules | Self::MoleculeNumber => ions.neutral.is_some(),
            Self::Fraction(Ion::HeIi | Ion::HeIii) => ions.helium_ions.is_some(),
            _ => true,
        };
        if !tracked {
            return Err(QuantityError::Untracked(name()));
        }
        if self.is_of_photons() && setting.gas.is_empty() {
            return Err(QuantityError::NoGas(name()));
        }
        Ok(())
    }

    /// The columns of the gas that it needs, and what they are to it; of photons beside, where both
    /// tables have the cell, so that rows that are not of one cell show.
    pub(super) fn fields(self, setting: &Setting) -> Vec<(Field, String)> {
        let Some(ions) = &setting.radiation.ions else { return Vec::new() };
        let table = setting.table;
        let of_gas = |field, column: &str| (field, gas(table, column));
        let ion = |ion| match ions.column(ion) {
            Some(column) => of_gas(Field::Ion(ion), column),
            // The fraction of neutral atoms is what ions leave, where there is no column of it.
            None => of_gas(Field::Ion(Ion::Hii), &ions.ionized),
        };
        let mut fields = match self {
            Self::Fraction(one) => vec![ion(one)],
            Self::Molecules | Self::MoleculeNumber => vec![ion(Ion::Hi), ion(Ion::Hii)],
            Self::Protons | Self::Emission => vec![ion(Ion::Hii)],
            Self::Atoms | Self::Ionizations => vec![ion(Ion::Hi)],
            Self::Electrons | Self::Recombinations | Self::Balance => {
                fields_of_mean_weight(ions, setting)
            }
        };
        if !matches!(self, Self::Fraction(_) | Self::Molecules) {
            fields.push(of_gas(Field::Density, "rho"));
        }
        if matches!(self, Self::Recombinations | Self::Balance) {
            fields.push(of_gas(Field::Pressure, "p"));
        }
        if self.is_of_photons() {
            for (axis, column) in AXES.into_iter().zip(table.place()) {
                fields.push((Field::Place(axis), column.to_owned()));
                fields.push(of_gas(Field::TwinPlace(axis), column));
            }
            if setting.is_amr() {
                fields.push((Field::Level, "level".to_owned()));
                fields.push(of_gas(Field::TwinLevel, "level"));
            }
        }
        fields
    }

    /// Its value in a row of gas that is made of this; nothing where a run tracks no ions.
    pub(super) fn value(self, composition: Option<Composition>, row: &Row) -> f64 {
        let Some(gas) = composition else { return f64::NAN };
        let protons = || gas.nuclei(row) * row.ions.hii;
        let ionizations = || row.photons * (gas.nuclei(row) * gas.neutral(row));
        let recombinations = || {
            let rate = 2.59e-13 * (at_least(gas.temperature(row), 1.0) / 1.0e4).powf(-0.7);
            rate * gas.electrons(row) * protons()
        };
        match self {
            Self::Fraction(Ion::Hi) => gas.neutral(row),
            Self::Fraction(Ion::Hii) => row.ions.hii,
            Self::Fraction(Ion::HeIi) => row.ions.he_ii,
            Self::Fraction(Ion::HeIii) => row.ions.he_iii,
            Self::Molecules => molecules(row),
            Self::Protons => protons(),
            Self::Atoms => gas.nuclei(row) * gas.neutral(row),
            Self::Electrons => gas.electrons(row),
            Self::MoleculeNumber => gas.nuclei(row) * molecules(row),
            Self::Emission => protons() * protons(),
            Self::Recombinations => recombinations(),
            _ if !is_one_cell(row) => f64::NAN,
            Self::Ionizations => ionizations(),
            Self::Balance => ionizations() - recombinations(),
        }
    }
}

/// Whether a row of one table and that of another are of one cell.
fn is_one_cell(row: &Row) -> bool {
    let same = |axis: Axis| row.place.along(axis).to_bits() == row.twin.along(axis).to_bits();
    AXES.into_iter().all(same) && row.level.to_bits() == row.twin_level.to_bits()
}
