//! The rules of `getvar`: what each name means. `needs` says which columns a rule needs, `value` what
//! it comes to.

use super::field::Axis;
use super::ions::{self, Ionized};
use super::radiation::{self, Radiated};
use super::{QuantityError, Setting, TableKind};
use crate::mera::formation::Formation;
use crate::mera::unit::{UnitError, checked};

/// What is computed of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    Own,
    /// A cell's number along an axis.
    Corner(Axis),
    Position(Axis),
    CellSize,
    Volume,
    Mass,
    Sound,
    Temperature,
    MeanWeight,
    TemperatureRt,
    Speed,
    SpeedSquare,
    VelocitySquare(Axis),
    Mach,
    MachAlong(Axis),
    KineticEnergy,
    ThermalEnergy,
    RadiusCylinder,
    RadiusSphere,
    Angle,
    Component(Vector, Part),
    ComponentSquare(Part),
    Mach3(Part),
    /// Specific angular momentum.
    Momentum(Axis),
    MomentumSize,
    AngularMomentum(Axis),
    AngularMomentumSize,
    /// The part that points away from the axis.
    AngularMomentumRadial,
    /// Mass times a radius times a component.
    MomentumPart(Part),
    FreeFallTime,
    JeansLength,
    JeansNumber,
    JeansMass,
    Virial,
    EntropyIndex,
    EntropySpecific,
    EntropyDensity,
    EntropyPerParticle,
    EntropyTotal,
    Overdensity,
    MagneticAlong(Axis),
    MagneticSize,
    MagneticPressure,
    Beta,
    AlfvenSpeed,
    MagneticEnergy,
    MachAlfven,
    MachFast,
    MachSlow,
    AccelerationSize,
    EscapeSpeed,
    SpecificPotential,
    PotentialRedshift,
    Age,
    FormationTime,
    FormationRedshift,
    /// What is about radiation, of one group of photons or of all.
    Radiation(Radiated, Option<usize>),
    /// What is about ions of the gas.
    Ions(Ionized),
}

/// What a component is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vector {
    Velocity,
    Acceleration,
}

/// A component along the coordinates of a cylinder or a sphere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    RCylinder,
    PhiCylinder,
    RSphere,
    ThetaSphere,
    PhiSphere,
}

/// Names that are about geometry and motion, for all tables that have the columns.
const GEOMETRY: &[(&str, Rule)] = &[
    ("x", Rule::Position(Axis::X)),
    ("y", Rule::Position(Axis::Y)),
    ("z", Rule::Position(Axis::Z)),
    ("r_cylinder", Rule::RadiusCylinder),
    ("r_sphere", Rule::RadiusSphere),
    ("ϕ", Rule::Angle),
];

/// Names that are about cells.
const CELLS: &[(&str, Rule)] = &[
    ("cx", Rule::Corner(Axis::X)),
    ("cy", Rule::Corner(Axis::Y)),
    ("cz", Rule::Corner(Axis::Z)),
    ("cellsize", Rule::CellSize),
    ("volume", Rule::Volume),
];

/// Names that are about velocities.
const MOTION: &[(&str, Rule)] = &[
    ("v", Rule::Speed),
    ("v2", Rule::SpeedSquare),
    ("vx2", Rule::VelocitySquare(Axis::X)),
    ("vy2", Rule::VelocitySquare(Axis::Y)),
    ("vz2", Rule::VelocitySquare(Axis::Z)),
    ("ekin", Rule::KineticEnergy),
    ("vr_cylinder", Rule::Component(Vector::Velocity, Part::RCylinder)),
    ("vϕ_cylinder", Rule::Component(Vector::Velocity, Part::PhiCylinder)),
    ("vr_sphere", Rule::Component(Vector::Velocity, Part::RSphere)),
    ("vθ_sphere", Rule::Component(Vector::Velocity, Part::ThetaSphere)),
    ("vϕ_sphere", Rule::Component(Vector::Velocity, Part::PhiSphere)),
    ("vr_cylinder2", Rule::ComponentSquare(Part::RCylinder)),
    ("vϕ_cylinder2", Rule::ComponentSquare(Part::PhiCylinder)),
    ("hx", Rule::Momentum(Axis::X)),
    ("hy", Rule::Momentum(Axis::Y)),
    ("hz", Rule::Momentum(Axis::Z)),
    ("h", Rule::MomentumSize),
    ("lx", Rule::AngularMomentum(Axis::X)),
    ("ly", Rule::AngularMomentum(Axis::Y)),
    ("lz", Rule::AngularMomentum(Axis::Z)),
    ("l", Rule::AngularMomentumSize),
    ("lr_cylinder", Rule::AngularMomentumRadial),
    ("lϕ_cylinder", Rule::MomentumPart(Part::PhiCylinder)),
    ("lr_sphere", Rule::MomentumPart(Part::RSphere)),
    ("lθ_sphere", Rule::MomentumPart(Part::ThetaSphere)),
    ("lϕ_sphere", Rule::MomentumPart(Part::PhiSphere)),
];

/// Names that are about gas.
const GAS: &[(&str, Rule)] = &[
    ("mass", Rule::Mass),
    ("cs", Rule::Sound),
    ("T", Rule::Temperature),
    ("Temp", Rule::Temperature),
    ("Temperature", Rule::Temperature),
    ("mu", Rule::MeanWeight),
    ("T_rt", Rule::TemperatureRt),
    ("mach", Rule::Mach),
    ("machx", Rule::MachAlong(Axis::X)),
    ("machy", Rule::MachAlong(Axis::Y)),
    ("machz", Rule::MachAlong(Axis::Z)),
    ("mach_r_cylinder", Rule::Mach3(Part::RCylinder)),
    ("mach_phi_cylinder", Rule::Mach3(Part::PhiCylinder)),
    ("mach_r_sphere", Rule::Mach3(Part::RSphere)),
    ("mach_theta_sphere", Rule::Mach3(Part::ThetaSphere)),
    ("mach_phi_sphere", Rule::Mach3(Part::PhiSphere)),
    ("etherm", Rule::ThermalEnergy),
    ("freefall_time", Rule::FreeFallTime),
    ("jeanslength", Rule::JeansLength),
    ("jeansnumber", Rule::JeansNumber),
    ("jeansmass", Rule::JeansMass),
    ("virial_parameter_local", Rule::Virial),
    ("entropy_index", Rule::EntropyIndex),
    ("entropy_specific", Rule::EntropySpecific),
    ("entropy_density", Rule::EntropyDensity),
    ("entropy_per_particle", Rule::EntropyPerParticle),
    ("entropy_total", Rule::EntropyTotal),
    ("overdensity", Rule::Overdensity),
    ("delta", Rule::Overdensity),
    ("bx", Rule::MagneticAlong(Axis::X)),
    ("by", Rule::MagneticAlong(Axis::Y)),
    ("bz", Rule::MagneticAlong(Axis::Z)),
    ("bmag", Rule::MagneticSize),
    ("pmag", Rule::MagneticPressure),
    ("beta", Rule::Beta),
    ("v_alfven", Rule::AlfvenSpeed),
    ("e_magnetic", Rule::MagneticEnergy),
    ("mach_alfven", Rule::MachAlfven),
    ("mach_fast", Rule::MachFast),
    ("mach_slow", Rule::MachSlow),
];

/// Names that are about gravity.
const GRAVITY: &[(&str, Rule)] = &[
    ("a_magnitude", Rule::AccelerationSize),
    ("escape_speed", Rule::EscapeSpeed),
    ("specific_gravitational_energy", Rule::SpecificPotential),
    ("gravitational_redshift", Rule::PotentialRedshift),
    ("ar_cylinder", Rule::Component(Vector::Acceleration, Part::RCylinder)),
    ("aϕ_cylinder", Rule::Component(Vector::Acceleration, Part::PhiCylinder)),
    ("ar_sphere", Rule::Component(Vector::Acceleration, Part::RSphere)),
    ("aθ_sphere", Rule::Component(Vector::Acceleration, Part::ThetaSphere)),
    ("aϕ_sphere", Rule::Component(Vector::Acceleration, Part::PhiSphere)),
];

const PARTICLES: &[(&str, Rule)] = &[
    ("age", Rule::Age),
    ("zform", Rule::FormationRedshift),
    ("formation_redshift", Rule::FormationRedshift),
    ("formation_time", Rule::FormationTime),
];

const CLUMPS: &[(&str, Rule)] = &[
    ("x", Rule::Position(Axis::X)),
    ("y", Rule::Position(Axis::Y)),
    ("z", Rule::Position(Axis::Z)),
    ("peak_x", Rule::Position(Axis::X)),
    ("peak_y", Rule::Position(Axis::Y)),
    ("peak_z", Rule::Position(Axis::Z)),
    ("mass", Rule::Mass),
    ("v", Rule::Speed),
];

fn tables(table: TableKind) -> &'static [&'static [(&'static str, Rule)]] {
    match table {
        TableKind::Hydro => &[GEOMETRY, CELLS, MOTION, GAS],
        TableKind::Gravity => &[GEOMETRY, CELLS, GRAVITY],
        TableKind::Particles => &[GEOMETRY, MOTION, PARTICLES],
        TableKind::Clumps => &[CLUMPS],
        TableKind::Rt => &[GEOMETRY, CELLS],
    }
}

/// The columns that tables of a kind mostly have; there may be others, under any name.
pub fn usual_columns(table: TableKind) -> &'static [&'static str] {
    match table {
        TableKind::Hydro => {
            &["level", "cpu", "cx", "cy", "cz", "rho", "vx", "vy", "vz", "p", "metallicity"]
        }
        TableKind::Gravity => &["level", "cpu", "cx", "cy", "cz", "epot", "ax", "ay", "az"],
        TableKind::Particles => &[
            "level", "x", "y", "z", "id", "family", "tag", "cpu", "vx", "vy", "vz", "mass",
            "birth", "metals",
        ],
        TableKind::Clumps => &[
            "index",
            "lev",
            "parent",
            "ncell",
            "peak_x",
            "peak_y",
            "peak_z",
            "rho-",
            "rho+",
            "rho_av",
            "mass_cl",
            "relevance",
        ],
        TableKind::Rt => &["level", "cpu", "cx", "cy", "cz", "Np1", "Fx1", "Fy1", "Fz1"],
    }
}

/// The names that are computed for a table.
pub fn computed_names(table: TableKind) -> impl Iterator<Item = &'static str> {
    let radiation = if table == TableKind::Rt { radiation::NAMES } else { &[] };
    let plain = tables(table).iter().copied().flatten().map(|(name, _)| *name);
    let ions = ions::names(table).iter().map(|(name, _)| *name);
    plain.chain(radiation.iter().copied()).chain(ions)
}

/// Whether tables of a kind mostly have such a column, or it can be computed for them.
pub fn is_usual(table: TableKind, name: &str) -> bool {
    let numbered = match table {
        TableKind::Hydro => name.strip_prefix("var").is_some_and(|n| n.parse::<u32>().is_ok()),
        TableKind::Rt => radiation::is_column(name),
        TableKind::Gravity | TableKind::Particles | TableKind::Clumps => false,
    };
    numbered || usual_columns(table).contains(&name) || of(name, table).is_some()
}

/// The rule of a name.
pub(super) fn of(name: &str, table: TableKind) -> Option<Rule> {
    let mut all = tables(table).iter().copied().flatten();
    all.find(|(known, _)| *known == name).map(|(_, rule)| *rule).or_else(|| {
        if let Some(ionized) = ions::of(name, table) {
            return Some(Rule::Ions(ionized));
        }
        let (radiated, group) = radiation::of(name).filter(|_| table == TableKind::Rt)?;
        Some(Rule::Radiation(radiated, group))
    })
}

/// A name in Mera's spelling: Greek letters may be written in ASCII.
pub fn spelled(name: &str) -> &str {
    const GREEK: &[(&str, &str)] = &[
        ("phi", "ϕ"),
        ("vphi_cylinder", "vϕ_cylinder"),
        ("vphi_cylinder2", "vϕ_cylinder2"),
        ("vphi_sphere", "vϕ_sphere"),
        ("vtheta_sphere", "vθ_sphere"),
        ("lphi_cylinder", "lϕ_cylinder"),
        ("lphi_sphere", "lϕ_sphere"),
        ("ltheta_sphere", "lθ_sphere"),
        ("aphi_cylinder", "aϕ_cylinder"),
        ("aphi_sphere", "aϕ_sphere"),
        ("atheta_sphere", "aθ_sphere"),
    ];
    GREEK.iter().find(|(ascii, _)| *ascii == name).map_or(name, |(_, greek)| greek)
}

impl Rule {
    /// Whether it gives a stored column's numbers from the centre.
    pub(super) fn is_place(self) -> bool {
        matches!(self, Self::Corner(_) | Self::Position(_))
    }

    /// Whether it follows from when stars of a box that expands formed.
    pub(super) fn is_formation(self, setting: &Setting) -> bool {
        let about = matches!(self, Self::Age | Self::FormationTime | Self::FormationRedshift);
        about && setting.cosmological
    }

    /// What its code units are multiplied by.
    pub(super) fn unit(
        self,
        name: &str,
        unit: Option<&str>,
        setting: &Setting,
    ) -> Result<f64, UnitError> {
        if self.is_formation(setting) {
            let other = || UnitError::Unknown {
                unit: unit.unwrap_or_default().to_owned(),
                near: ": times of stars in a box that expands are in Gyr, Myr, yr or s".to_owned(),
            };
            return match self {
                // A number, whatever is asked for.
                Self::FormationRedshift => Ok(1.0),
                _ => Formation::factor(unit).ok_or_else(other),
            };
        }
        let own = match self {
            Self::Radiation(radiated, _) if radiated.is_fixed() => Some(radiated.unit()),
            Self::Ions(ionized) => Some(ionized.unit()),
            _ => None,
        };
        if let (Some(own), Some(unit)) = (own, unit) {
            return Err(UnitError::Fixed { name: name.to_owned(), own, unit: unit.to_owned() });
        }
        checked(name, unit, &setting.units, setting.like_mera)
    }

    /// Whether such a run has it.
    pub(super) fn check(self, name: &str, setting: &Setting) -> Result<(), QuantityError> {
        let cosmological = setting.cosmological;
        match self {
            Self::Overdensity | Self::FormationTime | Self::FormationRedshift if !cosmological => {
                Err(QuantityError::OnlyCosmological(name.to_owned()))
            }
            Self::Radiation(radiated, group) => radiated.check(name, group, setting),
            Self::Ions(ionized) => {
                ionized.check(name, setting)?;
                if ionized.is_of_photons() {
                    return Radiated::Ionization.check(name, None, setting);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
