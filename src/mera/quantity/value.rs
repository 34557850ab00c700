//! What rules come to, in the order of operations of Mera.

use super::body::{
    Body, across_sphere, along_cylinder, along_sphere, around_cylinder, around_sphere, zero_for_nan,
};
use super::field::{Axis, Row};
use super::rule::{Part, Rule, Vector};
use std::f64::consts::PI;

impl Rule {
    /// Its value, in the unit whose scale factor is `u`.
    pub(super) fn value(self, body: &Body, row: &Row, u: f64) -> f64 {
        let particles = body.is_particles();
        let value = self.raw(body, row, u);
        // Mera has no NaN in any result for particles.
        if particles { zero_for_nan(value) } else { value }
    }

    fn raw(self, body: &Body, row: &Row, u: f64) -> f64 {
        let (v, scale) = (&row.velocity, &body.scale);
        match self {
            Self::Own => row.own * u,
            Self::Corner(axis) => body.corner(row, axis),
            Self::Position(axis) => body.position(row, axis) * u,
            Self::CellSize => body.cell_size(row) * u,
            Self::Volume => body.volume(row) * u,
            Self::Mass => body.mass(row) * u,
            Self::Sound => body.sound(row) * u,
            Self::Temperature => row.pressure / row.density * u,
            Self::MeanWeight => body.mean_weight(row) * u,
            Self::TemperatureRt => body.temperature_of_ions(row),
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
            Self::AngularMomentum(_)
            | Self::AngularMomentumSize
            | Self::AngularMomentumRadial
            | Self::MomentumPart(_) => self.turning(body, row, u),
            Self::FreeFallTime
            | Self::JeansLength
            | Self::JeansNumber
            | Self::JeansMass
            | Self::Virial => self.collapse(body, row, u),
            Self::EntropyIndex => row.pressure / row.density.powf(body.gamma),
            Self::EntropySpecific => body.entropy(row) * u,
            Self::EntropyDensity => row.density * body.entropy(row) * u,
            Self::EntropyPerParticle => body.entropy(row) * body.constant.mass_unit * u,
            Self::EntropyTotal => body.entropy(row) * body.mass(row) * u,
            Self::MagneticAlong(_)
            | Self::MagneticSize
            | Self::MagneticPressure
            | Self::Beta
            | Self::AlfvenSpeed
            | Self::MagneticEnergy
            | Self::MachAlfven
            | Self::MachFast
            | Self::MachSlow => self.magnetic(body, row, u),
            Self::AccelerationSize => row.acceleration.length() * u,
            Self::EscapeSpeed => {
                let square = -2.0 * row.potential;
                // As Julia's max: what is not a number stays so.
                if square.is_nan() { square } else { square.max(0.0).sqrt() * u }
            }
            Self::SpecificPotential => row.potential * u,
            Self::PotentialRedshift => {
                let light = body.constant.light * body.constant.light;
                // Mera divides code units by the speed of light in cm/s.
                let specific = if body.like_mera { 1.0 } else { scale.erg_g };
                row.potential * specific / light * u
            }
            Self::Age | Self::FormationTime | Self::FormationRedshift => self.stars(body, row, u),
            Self::Overdensity => (row.density * scale.g_cm3 / body.baryons - 1.0) * u,
            Self::Radiation(radiated, _) => radiated.value(row, body.photons) * u,
            Self::Ions(ionized) => ionized.value(body.composition, row) * u,
        }
    }

    /// What is about when stars formed.
    fn stars(self, body: &Body, row: &Row, u: f64) -> f64 {
        match (self, &body.formation) {
            (Self::Age, None) => (body.time - row.birth) * u,
            (Self::Age, Some(formation)) => formation.age(row.birth) * u,
            (Self::FormationTime, Some(formation)) => formation.time(row.birth) * u,
            (_, Some(formation)) => formation.redshift(row.birth),
            // Refused before anything is computed.
            (_, None) => f64::NAN,
        }
    }

    /// What is about angular momentum.
    fn turning(self, body: &Body, row: &Row, u: f64) -> f64 {
        let (v, at, mass) = (&row.velocity, body.positions(row), body.mass(row));
        match self {
            Self::AngularMomentum(axis) => mass * at.cross(v).along(axis) * u,
            // Mera has the part along x under this name.
            Self::AngularMomentumRadial if body.like_mera => mass * at.cross(v).along(Axis::X) * u,
            Self::AngularMomentumRadial => mass * along_cylinder(&at, &at.cross(v), false) * u,
            Self::MomentumPart(part) => {
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
                mass * radius * along * u
            }
            _ => mass * at.cross(v).length() * u,
        }
    }

    /// What is about the magnetic field.
    fn magnetic(self, body: &Body, row: &Row, u: f64) -> f64 {
        let speed = || row.velocity.length();
        let field = Body::field(row);
        let b = field.length();
        match self {
            Self::MagneticAlong(axis) => field.along(axis) * u,
            Self::MagneticPressure => 0.5 * (b * b) * u,
            Self::Beta => row.pressure / (0.5 * (b * b)) * u,
            Self::AlfvenSpeed => b / row.density.sqrt() * u,
            Self::MagneticEnergy => 0.5 * (b * b) * body.volume(row) * u,
            Self::MachAlfven => speed() / body.alfven(row),
            Self::MachFast => {
                let (sound, alfven) = (body.sound(row), body.alfven(row));
                speed() / (sound * sound + alfven * alfven).sqrt()
            }
            Self::MachSlow => {
                let (sound, alfven) = (body.sound(row), body.alfven(row));
                let fast = (sound * sound + alfven * alfven).sqrt();
                speed() / ((sound * alfven) / fast)
            }
            _ => b * u,
        }
    }

    /// What is about clouds that fall together.
    fn collapse(self, body: &Body, row: &Row, u: f64) -> f64 {
        let scale = &body.scale;
        match self {
            Self::FreeFallTime => {
                (body.free_fall() / (row.density * scale.g_cm3)).sqrt() / scale.s * u
            }
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
            _ => body.jeans_length(row) * u,
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
