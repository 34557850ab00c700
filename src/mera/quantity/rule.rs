//! The rules of `getvar`: what each name means, which columns it needs, and its value.

use super::body::{
    Body, across_sphere, along_cylinder, along_sphere, around_cylinder, around_sphere, zero_for_nan,
};
use super::field::{AXES, Axis, Field, Row};
use super::{QuantityError, Setting, TableKind};
use std::f64::consts::PI;

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
    FluxSize,
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
    // Mera's own: not a radial component.
    ("lr_cylinder", Rule::AngularMomentum(Axis::X)),
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
    ("zform", Rule::FormationTime),
    ("formation_redshift", Rule::FormationTime),
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

/// The numbers of photons have no formula here; of the first group's fluxes the size is known.
const RT: &[(&str, Rule)] = &[("Fmag1", Rule::FluxSize)];

fn tables(table: TableKind) -> &'static [&'static [(&'static str, Rule)]] {
    match table {
        TableKind::Hydro => &[GEOMETRY, CELLS, MOTION, GAS],
        TableKind::Gravity => &[GEOMETRY, CELLS, GRAVITY],
        TableKind::Particles => &[GEOMETRY, MOTION, PARTICLES],
        TableKind::Clumps => &[CLUMPS],
        TableKind::Rt => &[GEOMETRY, CELLS, RT],
    }
}

/// The names that are computed for a table.
pub(super) fn names(table: TableKind) -> impl Iterator<Item = &'static str> {
    tables(table).iter().copied().flatten().map(|(name, _)| *name)
}

/// The rule of a name.
pub(super) fn of(name: &str, table: TableKind) -> Option<Rule> {
    let mut all = tables(table).iter().copied().flatten();
    all.find(|(known, _)| *known == name).map(|(_, rule)| *rule)
}

/// A name in Mera's spelling: Greek letters may be written in ASCII.
pub(super) fn spelled(name: &str) -> &str {
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

    /// Whether such a run has it.
    pub(super) fn check(self, name: &str, setting: &Setting) -> Result<(), QuantityError> {
        let cosmological = setting.cosmological;
        match self {
            Self::Overdensity | Self::FormationTime if !cosmological => {
                Err(QuantityError::OnlyCosmological(name.to_owned()))
            }
            Self::Overdensity | Self::FormationTime | Self::Age if cosmological => {
                Err(QuantityError::NotCosmological(name.to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// The columns that it needs, and what they are to it.
    pub(super) fn fields(self, name: &str, setting: &Setting) -> Vec<(Field, String)> {
        let mut needs = Needs { setting, fields: Vec::new() };
        match self {
            Self::Own => needs.add(Field::Own, name),
            Self::Corner(axis) | Self::Position(axis) => needs.place(axis),
            Self::CellSize => needs.level(),
            Self::Volume => needs.volume(),
            Self::Mass => needs.mass(),
            Self::Sound | Self::Temperature | Self::TemperatureRt => needs.gas(),
            Self::EntropyIndex | Self::EntropySpecific | Self::EntropyPerParticle => needs.gas(),
            Self::JeansLength | Self::JeansMass | Self::EntropyDensity => needs.gas(),
            // As many as there are rows.
            Self::MeanWeight | Self::FreeFallTime | Self::Overdensity => needs.density(),
            Self::Speed | Self::SpeedSquare => needs.velocity(),
            Self::VelocitySquare(axis) => needs.velocity_along(axis),
            Self::Mach => {
                needs.velocity();
                needs.gas();
            }
            Self::MachAlong(axis) => {
                needs.velocity_along(axis);
                needs.gas();
            }
            Self::KineticEnergy => {
                needs.mass();
                needs.velocity();
            }
            Self::ThermalEnergy => {
                needs.add(Field::Pressure, "p");
                needs.volume();
            }
            Self::RadiusCylinder | Self::Angle => {
                needs.place(Axis::X);
                needs.place(Axis::Y);
            }
            Self::RadiusSphere => needs.places(),
            Self::Component(Vector::Acceleration, part) => {
                needs.places_of(part);
                needs.accelerations_of(part);
            }
            Self::Component(Vector::Velocity, part) | Self::ComponentSquare(part) => {
                needs.places_of(part);
                needs.velocities_of(part);
            }
            Self::Mach3(part) => {
                needs.places_of(part);
                needs.velocities_of(part);
                needs.gas();
            }
            Self::Momentum(_) | Self::MomentumSize => {
                needs.places();
                needs.velocity();
            }
            Self::AngularMomentum(_) | Self::AngularMomentumSize | Self::MomentumPart(_) => {
                needs.places();
                needs.velocity();
                needs.mass();
            }
            Self::JeansNumber => {
                needs.gas();
                needs.level();
            }
            Self::Virial | Self::EntropyTotal => {
                needs.gas();
                needs.mass();
            }
            Self::MagneticAlong(axis) => needs.magnetic_along(axis),
            Self::MagneticSize | Self::MagneticPressure => needs.magnetic(),
            Self::Beta => {
                needs.magnetic();
                needs.add(Field::Pressure, "p");
            }
            Self::AlfvenSpeed => {
                needs.magnetic();
                needs.density();
            }
            Self::MagneticEnergy => {
                needs.magnetic();
                needs.volume();
            }
            Self::MachAlfven | Self::MachFast | Self::MachSlow => {
                needs.magnetic();
                needs.velocity();
                needs.gas();
            }
            Self::AccelerationSize => AXES.into_iter().for_each(|axis| needs.acceleration(axis)),
            Self::EscapeSpeed | Self::SpecificPotential | Self::PotentialRedshift => {
                needs.add(Field::Potential, "epot");
            }
            Self::Age | Self::FormationTime => needs.add(Field::Birth, "birth"),
            Self::FluxSize => {
                let names = ["Fx1", "Fy1", "Fz1"];
                AXES.into_iter()
                    .zip(names)
                    .for_each(|(axis, name)| needs.add(Field::Flux(axis), name));
            }
        }
        needs.fields
    }

    /// Its value, in the unit whose scale factor is `u`.
    pub(super) fn value(self, body: &Body, row: &Row, u: f64) -> f64 {
        let particles = body.is_particles();
        let value = self.raw(body, row, u);
        // Mera has no NaN in any result for particles.
        if particles { zero_for_nan(value) } else { value }
    }

    fn raw(self, body: &Body, row: &Row, u: f64) -> f64 {
        let (v, scale) = (&row.velocity, &body.scale);
        let magnetic = || Body::field(row);
        match self {
            Self::Own => row.own * u,
            Self::Corner(axis) => body.corner(row, axis),
            Self::Position(axis) => body.position(row, axis) * u,
            Self::CellSize => body.cell_size(row) * u,
            Self::Volume => body.volume(row) * u,
            Self::Mass => body.mass(row) * u,
            Self::Sound => body.sound(row) * u,
            Self::Temperature => row.pressure / row.density * u,
            Self::MeanWeight => scale.kelvin / scale.t_mu * u,
            Self::TemperatureRt => {
                row.pressure / row.density * scale.t_mu * (scale.kelvin / scale.t_mu)
            }
            Self::Speed => v.length() * u,
            Self::SpeedSquare => v.square() * (u * u),
            Self::VelocitySquare(Axis::Z) if body.is_particles() => {
                let vz = v.z * u;
                vz * vz
            }
            Self::VelocitySquare(axis) => v.along(axis) * v.along(axis) * (u * u),
            Self::Mach => v.length() / body.sound(row),
            Self::MachAlong(axis) => v.along(axis) / body.sound(row),
            Self::KineticEnergy if body.is_particles() => 0.5 * row.mass * v.square() * u,
            Self::KineticEnergy => {
                let speed = v.length();
                0.5 * body.mass(row) * (speed * speed) * u
            }
            Self::ThermalEnergy => row.pressure * body.volume(row) * u,
            Self::RadiusCylinder => {
                let at = body.positions(row);
                (at.x * at.x + at.y * at.y).sqrt() * u
            }
            Self::RadiusSphere => body.positions(row).length() * u,
            Self::Angle => {
                let at = body.positions(row);
                at.y.atan2(at.x) * u
            }
            Self::Component(vector, part) => component(body, row, vector, part) * u,
            Self::ComponentSquare(part) => {
                let value = component(body, row, Vector::Velocity, part) * u;
                value * value
            }
            Self::Mach3(part) => component(body, row, Vector::Velocity, part) / body.sound(row),
            Self::Momentum(axis) => body.positions(row).cross(v).along(axis) * u,
            Self::MomentumSize => body.positions(row).cross(v).length() * u,
            Self::AngularMomentum(axis) => {
                body.mass(row) * body.positions(row).cross(v).along(axis) * u
            }
            Self::AngularMomentumSize => body.mass(row) * body.positions(row).cross(v).length() * u,
            Self::MomentumPart(part) => {
                let at = body.positions(row);
                let radius = match part {
                    Part::RSphere | Part::ThetaSphere => at.length(),
                    Part::RCylinder | Part::PhiCylinder | Part::PhiSphere => {
                        (at.x * at.x + at.y * at.y).sqrt()
                    }
                };
                // Around the axis with a quotient, whatever it is called.
                let along = match part {
                    Part::PhiCylinder | Part::PhiSphere => around_sphere(&at, v),
                    _ => component(body, row, Vector::Velocity, part),
                };
                body.mass(row) * radius * along * u
            }
            Self::FreeFallTime => {
                (body.free_fall() / (row.density * scale.g_cm3)).sqrt() / scale.s * u
            }
            Self::JeansLength => body.jeans_length(row) * u,
            Self::JeansNumber => body.jeans_length(row) / body.cell_size(row) / u,
            Self::JeansMass => {
                let half = body.jeans_length(row) / 2.0;
                (4.0 * PI / 3.0) * (half * half * half) * row.density * u
            }
            Self::Virial => {
                let sound = body.sound(row) * scale.cm_s;
                let size = body.cell_size(row) * scale.cm;
                let mass = body.mass(row) * scale.g;
                (5.0 * (sound * sound) * size) / (body.constant.g * mass) * u
            }
            Self::EntropyIndex => row.pressure / row.density.powf(body.gamma),
            Self::EntropySpecific => body.entropy(row) * u,
            Self::EntropyDensity => row.density * body.entropy(row) * u,
            Self::EntropyPerParticle => body.entropy(row) * body.constant.mass_unit * u,
            Self::EntropyTotal => body.entropy(row) * body.mass(row) * u,
            Self::MagneticAlong(axis) => magnetic().along(axis) * u,
            Self::MagneticSize => magnetic().length() * u,
            Self::MagneticPressure => {
                let b = magnetic().length();
                0.5 * (b * b) * u
            }
            Self::Beta => {
                let b = magnetic().length();
                row.pressure / (0.5 * (b * b)) * u
            }
            Self::AlfvenSpeed => magnetic().length() / row.density.sqrt() * u,
            Self::MagneticEnergy => {
                let b = magnetic().length();
                0.5 * (b * b) * body.volume(row) * u
            }
            Self::MachAlfven => v.length() / body.alfven(row),
            Self::MachFast => {
                let (sound, alfven) = (body.sound(row), body.alfven(row));
                v.length() / (sound * sound + alfven * alfven).sqrt()
            }
            Self::MachSlow => {
                let (sound, alfven) = (body.sound(row), body.alfven(row));
                let fast = (sound * sound + alfven * alfven).sqrt();
                v.length() / ((sound * alfven) / fast)
            }
            Self::AccelerationSize => row.acceleration.length() * u,
            Self::EscapeSpeed => {
                let square = -2.0 * row.potential;
                // As Julia's max: what is not a number stays so.
                if square.is_nan() { square } else { square.max(0.0).sqrt() * u }
            }
            Self::SpecificPotential => row.potential * u,
            Self::PotentialRedshift => {
                row.potential / (body.constant.light * body.constant.light) * u
            }
            Self::Age => (body.time - row.birth) * u,
            // Refused before anything is computed.
            Self::FormationTime | Self::Overdensity => f64::NAN,
            Self::FluxSize => row.flux.length() * u,
        }
    }
}

fn component(body: &Body, row: &Row, vector: Vector, part: Part) -> f64 {
    let at = body.positions(row);
    let (of, power) = match vector {
        Vector::Velocity => (&row.velocity, true),
        Vector::Acceleration => (&row.acceleration, false),
    };
    match part {
        Part::RCylinder => along_cylinder(&at, of, power),
        Part::PhiCylinder => around_cylinder(&at, of, power),
        Part::RSphere => along_sphere(&at, of),
        Part::ThetaSphere => across_sphere(&at, of),
        Part::PhiSphere => around_sphere(&at, of),
    }
}

/// Collects what a rule needs, each once.
struct Needs<'s> {
    setting: &'s Setting,
    fields: Vec<(Field, String)>,
}

impl Needs<'_> {
    fn add(&mut self, field: Field, column: &str) {
        if !self.fields.iter().any(|(known, _)| *known == field) {
            self.fields.push((field, column.to_owned()));
        }
    }

    fn level(&mut self) {
        if self.setting.table.is_cells() && self.setting.is_amr() {
            self.add(Field::Level, "level");
        }
    }

    fn place(&mut self, axis: Axis) {
        let [x, y, z] = self.setting.table.place();
        let column = match axis {
            Axis::X => x,
            Axis::Y => y,
            Axis::Z => z,
        };
        self.add(Field::Place(axis), column);
        self.level();
    }

    fn places(&mut self) {
        AXES.into_iter().for_each(|axis| self.place(axis));
    }

    fn places_of(&mut self, part: Part) {
        for axis in part.axes() {
            self.place(*axis);
        }
    }

    fn velocity_along(&mut self, axis: Axis) {
        self.add(Field::Velocity(axis), along(axis, ["vx", "vy", "vz"]));
    }

    fn velocity(&mut self) {
        AXES.into_iter().for_each(|axis| self.velocity_along(axis));
    }

    fn velocities_of(&mut self, part: Part) {
        part.axes().iter().for_each(|axis| self.velocity_along(*axis));
    }

    fn acceleration(&mut self, axis: Axis) {
        self.add(Field::Acceleration(axis), along(axis, ["ax", "ay", "az"]));
    }

    fn accelerations_of(&mut self, part: Part) {
        part.axes().iter().for_each(|axis| self.acceleration(*axis));
    }

    fn magnetic_along(&mut self, axis: Axis) {
        self.add(Field::FieldLeft(axis), along(axis, ["bx_left", "by_left", "bz_left"]));
        self.add(Field::FieldRight(axis), along(axis, ["bx_right", "by_right", "bz_right"]));
    }

    fn magnetic(&mut self) {
        AXES.into_iter().for_each(|axis| self.magnetic_along(axis));
    }

    fn density(&mut self) {
        self.add(Field::Density, "rho");
    }

    fn gas(&mut self) {
        self.density();
        self.add(Field::Pressure, "p");
    }

    fn volume(&mut self) {
        self.level();
        if self.setting.has("fraction") {
            self.add(Field::Fraction, "fraction");
        }
    }

    fn mass(&mut self) {
        match self.setting.table {
            TableKind::Particles => self.add(Field::Mass, "mass"),
            TableKind::Clumps => self.add(Field::Mass, "mass_cl"),
            TableKind::Hydro | TableKind::Gravity | TableKind::Rt => {
                self.density();
                self.volume();
            }
        }
    }
}

impl Part {
    /// The axes that it depends on.
    fn axes(self) -> &'static [Axis] {
        match self {
            Self::RCylinder | Self::PhiCylinder | Self::PhiSphere => &[Axis::X, Axis::Y],
            Self::RSphere | Self::ThetaSphere => &AXES,
        }
    }
}

fn along(axis: Axis, [x, y, z]: [&'static str; 3]) -> &'static str {
    match axis {
        Axis::X => x,
        Axis::Y => y,
        Axis::Z => z,
    }
}
