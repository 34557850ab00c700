//! The quantities that others are made of: place, size, mass, speed of sound of a row.

use super::composition::Composition;
use super::field::{Axis, Row, Triple};
use super::rule::Rule;
use super::{Setting, TableKind};
use crate::mera::constants::constant;
use crate::mera::formation::Formation;
use crate::mera::scales::scale;
use std::f64::consts::PI;
use std::sync::Arc;

/// What is the same for all rows of a table.
#[derive(Debug, Clone)]
pub(super) struct Body {
    table: TableKind,
    boxlen: f64,
    /// The level of all cells, where the column `level` does not count.
    level: Option<f64>,
    center: Triple,
    pub(super) gamma: f64,
    pub(super) time: f64,
    /// When stars formed, where a rule asks for it.
    pub(super) formation: Option<Arc<Formation>>,
    pub(super) like_mera: bool,
    pub(super) scale: Scales,
    pub(super) constant: Constants,
    pub(super) unit_v: f64,
    pub(super) unit_d: f64,
    pub(super) baryons: f64,
    /// What a sum over groups of photons is multiplied by.
    pub(super) photons: f64,
    /// What the gas is made of, where the run tracks ions.
    pub(super) composition: Option<Composition>,
}

/// The scale factors that rules use.
#[derive(Debug, Clone)]
pub(super) struct Scales {
    pub(super) g_cm3: f64,
    pub(super) cm: f64,
    pub(super) cm_s: f64,
    pub(super) s: f64,
    pub(super) g: f64,
    pub(super) kelvin: f64,
    pub(super) erg_g: f64,
    pub(super) t_mu: f64,
}

/// The constants that rules use.
#[derive(Debug, Clone)]
pub(super) struct Constants {
    pub(super) g: f64,
    pub(super) boltzmann: f64,
    pub(super) mass_unit: f64,
    pub(super) light: f64,
}

impl Body {
    pub(super) fn new(setting: &Setting, rule: Rule) -> Self {
        // All of these have a formula.
        let of = |name| scale(name, &setting.units).unwrap_or(f64::NAN);
        let constant = |name| constant(name).unwrap_or(f64::NAN);
        let [x, y, z] = setting.center;
        #[expect(clippy::cast_precision_loss, reason = "levels are small")]
        let level = setting.lmax.filter(|_| !setting.is_amr()).map(|level| level as f64);
        Self {
            table: setting.table,
            boxlen: setting.boxlen,
            level,
            center: Triple { x, y, z },
            gamma: setting.gamma,
            time: setting.clock.time,
            formation: rule.is_formation(setting).then(|| Arc::new(Formation::new(setting.clock))),
            like_mera: setting.like_mera,
            scale: Scales {
                g_cm3: of("g_cm3"),
                cm: of("cm"),
                cm_s: of("cm_s"),
                s: of("s"),
                g: of("g"),
                kelvin: of("K"),
                erg_g: of("erg_g"),
                t_mu: of("T_mu"),
            },
            constant: Constants {
                g: constant("G"),
                boltzmann: constant("k_B"),
                mass_unit: constant("m_u"),
                light: constant("c"),
            },
            unit_v: setting.unit_v,
            unit_d: setting.units.density,
            baryons: setting.baryon_density,
            photons: match rule {
                Rule::Radiation(radiated, group) => radiated.factor(group, &setting.radiation),
                _ => None,
            }
            .unwrap_or(1.0),
            composition: setting
                .radiation
                .ions
                .as_ref()
                .map(|ions| ions.composition(of("nH"), of("T_mu"))),
        }
    }

    /// Whether the rows are particles, for which Mera computes some things otherwise.
    pub(super) fn is_particles(&self) -> bool {
        self.table == TableKind::Particles
    }

    /// Whether rows are cells of the grid.
    pub(super) fn is_cells(&self) -> bool {
        self.table.is_cells()
    }

    /// Whether places are counted from the corner of the box.
    pub(super) fn is_from_corner(&self) -> bool {
        let Triple { x, y, z } = self.center;
        [x, y, z].iter().all(|along| along.to_bits() == 0)
    }

    /// Cells of the row's level along the box: a power of two, exact.
    fn cells(&self, row: &Row) -> f64 {
        self.level.unwrap_or(row.level).exp2()
    }

    /// The row's own number along an axis, counted from the centre.
    pub(super) fn corner(&self, row: &Row, axis: Axis) -> f64 {
        row.place.along(axis) - self.cells(row) * self.center.along(axis)
    }

    /// Where the row is, from the centre, in code units.
    pub(super) fn position(&self, row: &Row, axis: Axis) -> f64 {
        let (at, center) = (row.place.along(axis), self.center.along(axis));
        match self.table {
            TableKind::Hydro | TableKind::Gravity | TableKind::Rt => {
                ((at - 0.5) * self.boxlen) / self.cells(row) - self.boxlen * center
            }
            TableKind::Particles | TableKind::Clumps => at - self.boxlen * center,
        }
    }

    pub(super) fn positions(&self, row: &Row) -> Triple {
        let along = |axis| self.position(row, axis);
        Triple { x: along(Axis::X), y: along(Axis::Y), z: along(Axis::Z) }
    }

    pub(super) fn cell_size(&self, row: &Row) -> f64 {
        self.boxlen / self.cells(row)
    }

    pub(super) fn volume(&self, row: &Row) -> f64 {
        let s = self.cell_size(row);
        s * s * s * row.fraction
    }

    pub(super) fn mass(&self, row: &Row) -> f64 {
        if self.table.is_cells() {
            let s = self.cell_size(row);
            row.density * (s * s * s) * row.fraction
        } else {
            row.mass
        }
    }

    /// Mean mass of a particle of the gas, in atomic units: what ions say, or what Mera's temperatures
    /// take for granted.
    pub(super) fn mean_weight(&self, row: &Row) -> f64 {
        match self.composition {
            Some(composition) => composition.mean_weight(row),
            None => self.scale.kelvin / self.scale.t_mu,
        }
    }

    /// Temperature by the mean mass of the row's particles, K.
    pub(super) fn temperature_of_ions(&self, row: &Row) -> f64 {
        row.pressure / row.density * self.scale.t_mu * self.mean_weight(row)
    }

    /// Speed of sound, code units.
    pub(super) fn sound(&self, row: &Row) -> f64 {
        (self.gamma * row.pressure / row.density).sqrt()
    }

    /// Three fourths of π over eight times the constant of gravity: what the free fall takes.
    pub(super) fn free_fall(&self) -> f64 {
        3.0 * PI / (32.0 * self.constant.g)
    }

    /// Jeans' length, code units.
    pub(super) fn jeans_length(&self, row: &Row) -> f64 {
        let sound = self.sound(row) * self.scale.cm_s;
        sound * self.free_fall().sqrt() / (row.density * self.scale.g_cm3).sqrt() / self.scale.cm
    }

    /// Specific entropy, in the units of the constants.
    pub(super) fn entropy(&self, row: &Row) -> f64 {
        let index = row.pressure / row.density.powf(self.gamma);
        (self.constant.boltzmann / self.constant.mass_unit) * index.ln() / (self.gamma - 1.0)
    }

    /// The magnetic field in the middle of a cell.
    pub(super) fn field(row: &Row) -> Triple {
        let middle = |axis| 0.5 * (row.left.along(axis) + row.right.along(axis));
        Triple { x: middle(Axis::X), y: middle(Axis::Y), z: middle(Axis::Z) }
    }

    /// Alfvén's speed, code units.
    pub(super) fn alfven(&self, row: &Row) -> f64 {
        let (d, v) = (self.unit_d, self.unit_v);
        let field = Self::field(row).length();
        (field * (4.0 * PI * d * (v * v)).sqrt() / (4.0 * PI * row.density * d).sqrt()) / v
    }
}

/// Zero for what is not a number: at the centre nothing points outwards.
pub(super) fn zero_for_nan(x: f64) -> f64 {
    if x.is_nan() { 0.0 } else { x }
}

/// The part of a vector that points away from the axis: with a power, as Mera does for velocities,
/// or a quotient, as it does for accelerations.
pub(super) fn along_cylinder(at: &Triple, of: &Triple, power: bool) -> f64 {
    over_radius(at.x * of.x + at.y * of.y, at, power)
}

/// The part that goes around the axis.
pub(super) fn around_cylinder(at: &Triple, of: &Triple, power: bool) -> f64 {
    over_radius(at.x * of.y - at.y * of.x, at, power)
}

fn over_radius(what: f64, at: &Triple, power: bool) -> f64 {
    let square = at.x * at.x + at.y * at.y;
    zero_for_nan(if power { what * square.powf(-0.5) } else { what / square.sqrt() })
}

/// The part that points away from the centre.
pub(super) fn along_sphere(at: &Triple, of: &Triple) -> f64 {
    zero_for_nan((at.x * of.x + at.y * of.y + at.z * of.z) / at.length())
}

/// The part that goes from pole to pole.
pub(super) fn across_sphere(at: &Triple, of: &Triple) -> f64 {
    let square = at.x * at.x + at.y * at.y;
    let what = at.z * (at.x * of.x + at.y * of.y) - square * of.z;
    zero_for_nan(what / (at.length() * square.sqrt()))
}

/// The part that goes around the centre.
pub(super) fn around_sphere(at: &Triple, of: &Triple) -> f64 {
    over_radius(at.x * of.y - at.y * of.x, at, false)
}
