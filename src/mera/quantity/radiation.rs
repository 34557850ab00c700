//! What is computed of the radiation of a run: photons and fluxes by group of photons, and with what the
//! run says of its groups (`info.descriptor`) energies and rates.
//!
//! As Mera's `getvar_rt.jl` has it: of group `g` the table has the columns `Npg`, `Fxg`, `Fyg`, `Fzg`. All
//! that follows from the numbers of photons is a sum over groups, of which one quantity takes one and
//! others take all, each with a weight.

use super::field::{AXES, Axis, Field, Row};
use super::ions::Ions;
use super::{QuantityError, Setting};
use crate::mera::constants::constant;

/// Groups of photons that are looked for, at most: more than columns can be read at once, so that what
/// needs more is refused.
pub const MOST_GROUPS: usize = 1 << 10;
/// Energy that it takes to ionize a hydrogen atom, eV.
const IONIZATION: f64 = 13.6;

/// What a run says of its radiation; nothing where it has none.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Radiation {
    /// Groups of photons, as the run counts them.
    pub groups: usize,
    /// Photons/cm³ in one of the code's units.
    pub unit_np: Option<f64>,
    /// Photons/(cm² s) in one of the code's units.
    pub unit_pf: Option<f64>,
    /// The speed of light of the run, as a part of the real one.
    pub light: Option<f64>,
    /// Mean energy of a photon of each group, eV.
    pub energies: Vec<f64>,
    /// What a hydrogen atom is to the photons of each group, cm²: by number, and by energy.
    pub sections: Vec<[Option<f64>; 2]>,
    /// The ions that the gas has.
    pub ions: Option<Ions>,
}

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Radiated {
    /// Photons in code units.
    Photons,
    /// Size of the flux in code units.
    Flux,
    /// Size of the flux over the number of photons.
    ReducedFlux,
    /// Photons/cm³.
    PhotonsCgs,
    /// Size of the flux in photons/(cm² s).
    FluxCgs,
    /// erg/cm³.
    Energy,
    /// Ionizations of a hydrogen atom by second.
    Ionization,
    /// Heat of a hydrogen atom, erg/s.
    Heating,
}

/// The names of the first group's quantities, and of those of all groups.
pub(super) const NAMES: &[&str] = &[
    "Fmag1",
    "reducedflux1",
    "Np1_cgs",
    "Fmag1_cgs",
    "photon_energy_density1",
    "Gamma_HI1",
    "photoheating_HI1",
    "Np_total",
    "rad_energy_density",
    "Gamma_HI",
    "photoheating_HI",
];

/// What a name means, and of which group, or of all.
pub(super) fn of(name: &str) -> Option<(Radiated, Option<usize>)> {
    let group = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|group| plain && (1..=MOST_GROUPS).contains(group))
    };
    let of_all = match name {
        "Np_total" => Some(Radiated::Photons),
        "rad_energy_density" => Some(Radiated::Energy),
        "Gamma_HI" => Some(Radiated::Ionization),
        "photoheating_HI" => Some(Radiated::Heating),
        _ => None,
    };
    if let Some(all) = of_all {
        return Some((all, None));
    }
    let kinds = [
        ("Fmag", "_cgs", Radiated::FluxCgs),
        ("Np", "_cgs", Radiated::PhotonsCgs),
        ("Fmag", "", Radiated::Flux),
        ("reducedflux", "", Radiated::ReducedFlux),
        ("photon_energy_density", "", Radiated::Energy),
        ("Gamma_HI", "", Radiated::Ionization),
        ("photoheating_HI", "", Radiated::Heating),
    ];
    kinds.into_iter().find_map(|(start, end, radiated)| {
        let digits = name.strip_prefix(start)?.strip_suffix(end)?;
        Some((radiated, Some(group(digits)?)))
    })
}

/// Whether a column of a table of radiation may be called so.
pub(super) fn is_column(name: &str) -> bool {
    ["Np", "Fx", "Fy", "Fz"].iter().filter_map(|start| name.strip_prefix(start)).any(|digits| {
        !digits.starts_with('0') && digits.parse().is_ok_and(|group: usize| group <= MOST_GROUPS)
    })
}

impl Radiated {
    /// Whether it is in units of its own, whatever the code's are.
    pub(super) fn is_fixed(self) -> bool {
        !matches!(self, Self::Photons | Self::Flux)
    }

    /// What its unit is, where that is fixed.
    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::Photons | Self::Flux => "code units",
            Self::ReducedFlux => "parts of the speed of light",
            Self::PhotonsCgs => "photons/cm³",
            Self::FluxCgs => "photons/(cm² s)",
            Self::Energy => "erg/cm³",
            Self::Ionization => "1/s",
            Self::Heating => "erg/s",
        }
    }

    /// The groups that it is made of.
    fn groups(
        self,
        group: Option<usize>,
        radiation: &Radiation,
    ) -> std::ops::RangeInclusive<usize> {
        match group {
            Some(group) => group..=group,
            None if self == Self::Energy => 1..=radiation.energies.len().min(MOST_GROUPS),
            None => 1..=radiation.groups.clamp(1, MOST_GROUPS),
        }
    }

    /// The columns that it needs, and what they are to it.
    pub(super) fn fields(self, group: Option<usize>, setting: &Setting) -> Vec<(Field, String)> {
        let (mut fields, one) = (Vec::new(), group.is_some());
        for group in self.groups(group, &setting.radiation) {
            if matches!(self, Self::Flux | Self::FluxCgs | Self::ReducedFlux) {
                fields.extend(AXES.map(|axis| {
                    let name = match axis {
                        Axis::X => "Fx",
                        Axis::Y => "Fy",
                        Axis::Z => "Fz",
                    };
                    (Field::Flux(axis), format!("{name}{group}"))
                }));
            }
            if !matches!(self, Self::Flux | Self::FluxCgs) {
                // What is not said was refused before.
                let weight = self.weight(group, one, setting).unwrap_or(f64::NAN);
                fields.push((Field::Photons(weight.to_bits()), format!("Np{group}")));
            }
        }
        fields
    }

    /// What a group's photons are multiplied by before they are added up, or as the only ones; none
    /// where the run does not say it.
    fn weight(self, group: usize, one: bool, setting: &Setting) -> Option<f64> {
        let said = &setting.radiation;
        let of_group = |all: &[f64]| all.get(group.checked_sub(1)?).copied();
        let volt = constant("eV")?;
        // With the run's speed of light, for which numbers of photons are.
        let rate = || {
            let light = said.light.unwrap_or(1.0) * constant("c")?;
            Some(said.unit_np? * light)
        };
        let section = |which: usize| *said.sections.get(group.checked_sub(1)?)?.get(which)?;
        match self {
            Self::Photons | Self::ReducedFlux | Self::Flux | Self::FluxCgs => Some(1.0),
            Self::PhotonsCgs => said.unit_np,
            // Mera multiplies one group by this first, and the sum of all last.
            Self::Energy if one => said.unit_np,
            Self::Energy => Some(of_group(&said.energies)? * volt),
            Self::Ionization => Some(rate()? * section(0)?),
            Self::Heating => {
                let left = (of_group(&said.energies)? - IONIZATION).max(0.0) * volt;
                Some(rate()? * section(1)? * left)
            }
        }
    }

    /// What the sum is multiplied by.
    pub(super) fn factor(self, group: Option<usize>, radiation: &Radiation) -> Option<f64> {
        match (self, group) {
            (Self::FluxCgs, _) => radiation.unit_pf,
            (Self::Energy, None) => radiation.unit_np,
            (Self::Energy, Some(group)) => {
                Some(radiation.energies.get(group.checked_sub(1)?)? * constant("eV")?)
            }
            _ => Some(1.0),
        }
    }

    /// Whether the run says what it follows from.
    pub(super) fn check(
        self,
        name: &str,
        group: Option<usize>,
        setting: &Setting,
    ) -> Result<(), QuantityError> {
        let said = self.factor(group, &setting.radiation).is_some();
        let mut groups = self.groups(group, &setting.radiation);
        let some = !groups.is_empty();
        let one = group.is_some();
        if said && some && groups.all(|group| self.weight(group, one, setting).is_some()) {
            return Ok(());
        }
        Err(QuantityError::Unsaid(name.to_owned()))
    }

    /// Its value in a row.
    pub(super) fn value(self, row: &Row, factor: f64) -> f64 {
        match self {
            Self::Flux | Self::FluxCgs => row.flux.length() * factor,
            Self::ReducedFlux if row.photons > 0.0 => row.flux.length() / row.photons,
            Self::ReducedFlux => 0.0,
            _ => row.photons * factor,
        }
    }
}
