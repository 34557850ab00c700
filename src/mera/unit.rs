//! Units of quantities: Mera's scale factors by name, and which of them suit what.

use super::scales::{Units, all, scale};

/// A unit that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UnitError {
    /// Mera has no such unit.
    #[error("{unit} is not a unit that Mera has{near}")]
    Unknown {
        /// What was asked for.
        unit: String,
        /// What may have been meant, in words.
        near: String,
    },
    /// The unit is of another dimension than the quantity.
    #[error("{name} is {dimension}, and {unit} measures {other}")]
    WrongDimension {
        /// The quantity.
        name: String,
        /// What it is.
        dimension: &'static str,
        /// The unit.
        unit: String,
        /// What that measures.
        other: &'static str,
    },
    /// The quantity is in a unit of its own.
    #[error("{name} is in {own}: {unit} does not go with it")]
    Fixed {
        /// The quantity.
        name: String,
        /// Its unit.
        own: &'static str,
        /// The unit that was asked for.
        unit: String,
    },
}

/// Code units, as Mera calls them.
const STANDARD: &str = "standard";
/// How alike two names must be for one to be offered for the other.
const ALIKE: f64 = 0.7;

/// Mera's factors that are wrong, and what puts them right: its astronomical unit is 10^15 too small,
/// and two units of SI have a wrong power of ten.
const WRONG: [(&str, f64); 4] = [("Au", 1e-15), ("Au3", 1e-45), ("kg_m2_s", 1e-8), ("J_kg", 1e3)];

/// What numbers in code units are multiplied by to be in a unit: 1 for `standard`. It is Mera's
/// factor, but where that is wrong.
///
/// # Errors
/// If Mera has no such unit.
pub fn unit_factor(unit: &str, units: &Units) -> Result<f64, UnitError> {
    let factor = unit_factor_of_mera(unit, units)?;
    Ok(WRONG.iter().find(|(name, _)| *name == unit).map_or(factor, |(_, right)| factor * right))
}

/// The same as Mera has it.
///
/// # Errors
/// If Mera has no such unit.
pub fn unit_factor_of_mera(unit: &str, units: &Units) -> Result<f64, UnitError> {
    if unit == STANDARD {
        return Ok(1.0);
    }
    scale(unit, units).ok_or_else(|| {
        let near = near(unit, unit_names());
        UnitError::Unknown { unit: unit.to_owned(), near }
    })
}

/// The names of all units.
pub fn unit_names() -> impl Iterator<Item = &'static str> {
    let any = Units { length: 1.0, density: 1.0, time: 1.0, mass: 1.0 };
    std::iter::once(STANDARD).chain(all(&any).into_iter().map(|(name, _)| name))
}

/// The unit in which a quantity is usually told; none of those that have no dimension told apart here.
pub fn usual_unit(name: &str) -> Option<&'static str> {
    Dimension::of_quantity(name).map(|dimension| match dimension {
        Dimension::Length => "kpc",
        Dimension::Volume => "kpc3",
        Dimension::Time => "Myr",
        Dimension::Mass => "Msol",
        Dimension::Speed => "km_s",
        Dimension::Density => "nH",
        Dimension::Temperature => "K",
        Dimension::Pressure => "Ba",
    })
}

/// The name that is most like another, if one is much like it.
pub fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let alike = |other: &&str| strsim::jaro_winkler(&name.to_lowercase(), &other.to_lowercase());
    let nearest = known.max_by(|a, b| alike(a).total_cmp(&alike(b)));
    nearest.filter(|nearest| alike(nearest) >= ALIKE)
}

/// Asks whether the name that is most like another was meant, if one is much like it: empty, or
/// ` (is it rho?)`.
pub(super) fn near<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    nearest(name, known).map_or(String::new(), |nearest| format!(" (is it {nearest}?)"))
}

/// The dimensions that are told apart: a unit of one is refused for a quantity of another. Mera
/// does so for more or less the same quantities; all others are multiplied by whatever is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dimension {
    Length,
    Volume,
    Time,
    Mass,
    Speed,
    Density,
    Temperature,
    Pressure,
}

impl Dimension {
    fn of_quantity(name: &str) -> Option<Self> {
        Some(match name {
            "x" | "y" | "z" | "cellsize" | "r_sphere" | "r_cylinder" | "jeanslength" => {
                Self::Length
            }
            "volume" => Self::Volume,
            "age" | "freefall_time" => Self::Time,
            "mass" => Self::Mass,
            "cs" | "vx" | "vy" | "vz" | "v" => Self::Speed,
            "vr_sphere" | "vθ_sphere" | "vϕ_sphere" | "vr_cylinder" | "vϕ_cylinder" => {
                Self::Speed
            }
            "rho" => Self::Density,
            "T" | "Temp" | "Temperature" => Self::Temperature,
            "p" => Self::Pressure,
            _ => return None,
        })
    }

    fn of_unit(unit: &str) -> Option<Self> {
        Some(match unit {
            "Mpc" | "kpc" | "pc" | "mpc" | "ly" | "Au" | "km" | "m" | "cm" | "mm" | "μm" => {
                Self::Length
            }
            "Mpc3" | "kpc3" | "pc3" | "mpc3" | "ly3" | "Au3" | "km3" | "m3" | "cm3" | "mm3"
            | "μm3" => Self::Volume,
            "Gyr" | "Myr" | "yr" | "s" | "ms" => Self::Time,
            "Msol" | "Msun" | "Mearth" | "Mjupiter" | "g" => Self::Mass,
            "km_s" | "m_s" | "cm_s" => Self::Speed,
            "Msol_pc3" | "Msun_pc3" | "g_cm3" | "nH" => Self::Density,
            "T_mu" | "K_mu" | "T" | "K" => Self::Temperature,
            "Ba" | "g_cm_s2" | "g_cms2" | "p_kB" | "K_cm3" => Self::Pressure,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Length => "a length",
            Self::Volume => "a volume",
            Self::Time => "a time",
            Self::Mass => "a mass",
            Self::Speed => "a speed",
            Self::Density => "a density",
            Self::Temperature => "a temperature",
            Self::Pressure => "a pressure",
        }
    }
}

/// Whether Mera has a unit of this name, and of the dimension of the quantity `name`.
///
/// # Errors
/// If it has not.
pub fn suits(name: &str, unit: &str) -> Result<(), UnitError> {
    let any = Units { length: 1.0, density: 1.0, time: 1.0, mass: 1.0 };
    checked(name, Some(unit), &any, false).map(|_| ())
}

/// The factor of a unit that suits the quantity.
pub(super) fn checked(
    name: &str,
    unit: Option<&str>,
    units: &Units,
    like_mera: bool,
) -> Result<f64, UnitError> {
    let Some(unit) = unit else { return Ok(1.0) };
    let of = if like_mera { unit_factor_of_mera } else { unit_factor };
    let factor = of(unit, units)?;
    match (Dimension::of_quantity(name), Dimension::of_unit(unit)) {
        (Some(dimension), Some(other)) if dimension != other => Err(UnitError::WrongDimension {
            name: name.to_owned(),
            dimension: dimension.name(),
            unit: unit.to_owned(),
            other: other.name(),
        }),
        _ => Ok(factor),
    }
}
