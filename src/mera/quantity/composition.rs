//! What gas is made of, where a run tracks its ions: as Mera's `getvar_hydro.jl` has it.

use super::field::Row;

/// Part of the mass that is hydrogen, where a run does not say it, and in Mera's scale `nH`.
pub const HYDROGEN: f64 = 0.76;
/// Mean atomic mass of what is heavier than helium.
const METAL: f64 = 16.0;

/// What is the same for the ions of all rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Composition {
    pub(super) hydrogen: f64,
    pub(super) helium: f64,
    pub(super) has_molecules: bool,
    pub(super) has_helium: bool,
    /// Nuclei of hydrogen by cm³ in one of the code's units of density, where these are the usual part of
    /// the mass.
    pub(super) nuclei: f64,
    /// Kelvin in one of the code's units of temperature, for particles of one atomic unit.
    pub(super) kelvin: f64,
}

impl Composition {
    /// Mean mass of a particle of the gas, in atomic units.
    pub(super) fn mean_weight(self, row: &Row) -> f64 {
        let Row { ions, metals: z, .. } = row;
        let of = |part: f64| part * (1.0 - z) / (self.hydrogen + self.helium);
        let hydrogen = if self.has_molecules {
            ions.hi + 2.0 * ions.hii + molecules(row)
        } else {
            1.0 + ions.hii
        };
        let helium = of(self.helium) / 4.0;
        let helium =
            if self.has_helium { helium * (1.0 + ions.he_ii + 2.0 * ions.he_iii) } else { helium };
        1.0 / (of(self.hydrogen) * hydrogen + helium + z / METAL)
    }

    /// Temperature by the mean mass of the row's particles, K.
    pub(super) fn temperature(self, row: &Row) -> f64 {
        row.pressure / row.density * self.kelvin * self.mean_weight(row)
    }

    /// Nuclei of hydrogen, 1/cm³.
    pub(super) fn nuclei(self, row: &Row) -> f64 {
        row.density * self.nuclei * (self.hydrogen / HYDROGEN)
    }

    /// The fraction of neutral atoms of hydrogen.
    pub(super) fn neutral(self, row: &Row) -> f64 {
        if self.has_molecules { row.ions.hi } else { 1.0 - row.ions.hii }
    }

    /// Electrons, 1/cm³.
    pub(super) fn electrons(self, row: &Row) -> f64 {
        let nuclei = self.nuclei(row);
        let of_hydrogen = nuclei * row.ions.hii;
        if !self.has_helium || self.hydrogen <= 0.0 {
            return of_hydrogen;
        }
        let helium = nuclei * (self.helium / (4.0 * self.hydrogen));
        of_hydrogen + helium * (row.ions.he_ii + 2.0 * row.ions.he_iii)
    }
}

/// Molecules of hydrogen by hydrogen nucleus.
pub(super) fn molecules(row: &Row) -> f64 {
    let left = (1.0 - row.ions.hi - row.ions.hii) / 2.0;
    at_least(left, 0.0)
}

/// As Julia's `max`: what is not a number stays so.
pub(super) fn at_least(x: f64, least: f64) -> f64 {
    if x.is_nan() { x } else { x.max(least) }
}
