//! What a rule needs of a row.

/// What a column is to a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// The column that the quantity is.
    Own,
    Level,
    /// Part of the cell that is inside a region.
    Fraction,
    /// Where the row is, along an axis.
    Place(Axis),
    Velocity(Axis),
    Acceleration(Axis),
    /// Magnetic field at the left and right face of the cell.
    MagneticLeft(Axis),
    MagneticRight(Axis),
    Flux(Axis),
    /// Photons of a group, to be added up with a weight, the bits of which these are.
    Photons(u64),
    Density,
    Pressure,
    Mass,
    Birth,
    Potential,
    Ion(Ion),
    /// Part of the mass that is heavier than helium.
    Metals,
    /// Where another table's row is.
    TwinPlace(Axis),
    TwinLevel,
}

/// An ion that a run may track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ion {
    Hi,
    Hii,
    HeIi,
    HeIii,
}

/// Fractions of ions.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fractions {
    pub(super) hi: f64,
    pub(super) hii: f64,
    pub(super) he_ii: f64,
    pub(super) he_iii: f64,
}

/// An axis of the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Axis {
    X,
    Y,
    Z,
}

/// All axes.
pub(super) const AXES: [Axis; 3] = [Axis::X, Axis::Y, Axis::Z];

/// Numbers along the three axes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Triple {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) z: f64,
}

/// The stored numbers of one row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) own: f64,
    pub(super) level: f64,
    pub(super) fraction: f64,
    pub(super) place: Triple,
    pub(super) velocity: Triple,
    pub(super) acceleration: Triple,
    pub(super) left: Triple,
    pub(super) right: Triple,
    pub(super) flux: Triple,
    pub(super) photons: f64,
    pub(super) density: f64,
    pub(super) pressure: f64,
    pub(super) mass: f64,
    pub(super) birth: f64,
    pub(super) potential: f64,
    pub(super) ions: Fractions,
    pub(super) metals: f64,
    pub(super) twin: Triple,
    pub(super) twin_level: f64,
}

impl Default for Row {
    fn default() -> Self {
        let none = Triple::default();
        Self {
            own: 0.0,
            level: 0.0,
            // Cells that nothing cut are there as a whole.
            fraction: 1.0,
            place: none,
            velocity: none,
            acceleration: none,
            left: none,
            right: none,
            flux: none,
            photons: 0.0,
            density: 0.0,
            pressure: 0.0,
            mass: 0.0,
            birth: 0.0,
            potential: 0.0,
            ions: Fractions::default(),
            metals: 0.0,
            twin: none,
            twin_level: 0.0,
        }
    }
}

impl Row {
    pub(super) fn set(&mut self, field: Field, value: f64) {
        match field {
            Field::Own => self.own = value,
            Field::Level => self.level = value,
            Field::Fraction => self.fraction = value,
            Field::Place(axis) => self.place.set(axis, value),
            Field::Velocity(axis) => self.velocity.set(axis, value),
            Field::Acceleration(axis) => self.acceleration.set(axis, value),
            Field::MagneticLeft(axis) => self.left.set(axis, value),
            Field::MagneticRight(axis) => self.right.set(axis, value),
            Field::Flux(axis) => self.flux.set(axis, value),
            Field::Photons(weight) => self.photons += value * f64::from_bits(weight),
            Field::Density => self.density = value,
            Field::Pressure => self.pressure = value,
            Field::Mass => self.mass = value,
            Field::Birth => self.birth = value,
            Field::Potential => self.potential = value,
            Field::Ion(Ion::Hi) => self.ions.hi = value,
            Field::Ion(Ion::Hii) => self.ions.hii = value,
            Field::Ion(Ion::HeIi) => self.ions.he_ii = value,
            Field::Ion(Ion::HeIii) => self.ions.he_iii = value,
            Field::Metals => self.metals = value,
            Field::TwinPlace(axis) => self.twin.set(axis, value),
            Field::TwinLevel => self.twin_level = value,
        }
    }
}

impl Triple {
    fn set(&mut self, axis: Axis, value: f64) {
        match axis {
            Axis::X => self.x = value,
            Axis::Y => self.y = value,
            Axis::Z => self.z = value,
        }
    }

    pub(super) fn along(&self, axis: Axis) -> f64 {
        match axis {
            Axis::X => self.x,
            Axis::Y => self.y,
            Axis::Z => self.z,
        }
    }

    /// `x² + y² + z²`, from left to right.
    pub(super) fn square(&self) -> f64 {
        self.x * self.x + self.y * self.y + self.z * self.z
    }

    pub(super) fn length(&self) -> f64 {
        self.square().sqrt()
    }

    /// The cross product of `self` and `other`.
    pub(super) fn cross(&self, other: &Self) -> Self {
        Self {
            x: self.y * other.z - self.z * other.y,
            y: self.z * other.x - self.x * other.z,
            z: self.x * other.y - self.y * other.x,
        }
    }
}
