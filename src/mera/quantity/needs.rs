//! Which columns rules need.

use super::field::{AXES, Axis, Field};
use super::ions::{self, Ionized};
use super::radiation::Radiated;
use super::rule::{Part, Rule, Vector};
use super::{Setting, TableKind};

impl Rule {
    /// The columns that it needs, and what they are to it.
    pub(super) fn fields(self, name: &str, setting: &Setting) -> Vec<(Field, String)> {
        let mut needs = Needs { setting, fields: Vec::new() };
        match self {
            Self::Own => needs.add(Field::Own, name),
            Self::Corner(axis) | Self::Position(axis) => needs.place(axis),
            Self::CellSize => needs.level(),
            Self::Volume => needs.volume(),
            Self::Mass => needs.mass(),
            Self::Sound | Self::Temperature => needs.gas(),
            Self::TemperatureRt => needs.gas_with_ions(),
            Self::EntropyIndex | Self::EntropySpecific | Self::EntropyPerParticle => needs.gas(),
            Self::JeansLength | Self::JeansMass | Self::EntropyDensity => needs.gas(),
            Self::FreeFallTime | Self::Overdensity => needs.density(),
            // As many as there are rows.
            Self::MeanWeight => needs.density_with_ions(),
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
            Self::AngularMomentum(_)
            | Self::AngularMomentumSize
            | Self::AngularMomentumRadial
            | Self::MomentumPart(_) => {
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
            Self::Age | Self::FormationTime | Self::FormationRedshift => {
                needs.add(Field::Birth, "birth");
            }
            Self::Radiation(radiated, group) => return radiated.fields(group, setting),
            Self::Ions(ionized) => needs.ions(ionized),
        }
        needs.fields
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
        self.add(Field::Place(axis), along(axis, self.setting.table.place()));
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
        self.add(Field::MagneticLeft(axis), along(axis, ["bx_left", "by_left", "bz_left"]));
        self.add(Field::MagneticRight(axis), along(axis, ["bx_right", "by_right", "bz_right"]));
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

    /// What the mean mass of a particle follows from, where the run says so.
    fn mean_weight(&mut self) {
        let ions = self.setting.radiation.ions.as_ref();
        let fields = ions.map(|ions| ions::fields_of_mean_weight(ions, self.setting));
        fields.into_iter().flatten().for_each(|(field, column)| self.add(field, &column));
    }

    fn gas_with_ions(&mut self) {
        self.gas();
        self.mean_weight();
    }

    fn density_with_ions(&mut self) {
        self.density();
        self.mean_weight();
    }

    fn ions(&mut self, ionized: Ionized) {
        if ionized.is_of_photons() {
            self.fields.extend(Radiated::Ionization.fields(None, self.setting));
        }
        ionized.fields(self.setting).iter().for_each(|(field, column)| self.add(*field, column));
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
