//! Computes the scale factors from code units to physical units, as Mera 1.9 computes them, bit for
//! bit.
//!
//! A scale is a product of powers of the simulation's four units and a few constants. Floating
//! point rounds after each step, so the order of the steps is part of the formula: powers first
//! (`x * x * x`), then from left to right, as in Mera's `createscales()`. Some formulas are wrong
//! in Mera (`kg_m2_s`, `J_kg`); a file of today holds the wrong values, so they are kept.
//!
//! Only the units and the constants of [`super::constants`] enter. What a file stores as scales or
//! constants never does: a stored `Gauss` takes no part in computing a missing `nG`.

use super::constants::{AU, EV, KB, LSOL, LY, MEARTH, MH, MJUPITER, MSOL, PC, YR};
use std::collections::HashMap;
use std::f64::consts::PI;
use std::sync::LazyLock;

/// Share of hydrogen in the mass of the gas, as RAMSES' cooling module has it.
const HYDROGEN: f64 = 0.76;
/// Mean molecular weight that turns `T/μ` into a temperature.
const MU: f64 = 1.0 / HYDROGEN;

/// The units of a simulation, as its `InfoType` stores them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Units {
    /// `unit_l`, cm.
    pub length: f64,
    /// `unit_d`, g/cm³.
    pub density: f64,
    /// `unit_t`, s.
    pub time: f64,
    /// `unit_m`, g. Stored on its own, and not always `density * length³` to the last bit.
    pub mass: f64,
}

/// One scale: Mera's name for it and how it follows from the units.
type Scale = (&'static str, Formula);
type Formula = fn(&Units) -> f64;

/// The scale of this name, if Mera 1.9 has one.
pub fn scale(name: &str, units: &Units) -> Option<f64> {
    BY_NAME.get(name).map(|formula| formula(units))
}

/// Whether Mera 1.9 has a scale of this name.
pub fn is_scale(name: &str) -> bool {
    BY_NAME.contains_key(name)
}

/// The formulas by name: a file asks for all of them.
static BY_NAME: LazyLock<HashMap<&str, Formula>> = LazyLock::new(|| SCALES.into_iter().collect());

/// All scales in the field order of `Mera.ScalesType003`.
pub fn all(units: &Units) -> Vec<(&'static str, f64)> {
    SCALES.iter().map(|(name, formula)| (*name, formula(units))).collect()
}

fn one(_: &Units) -> f64 {
    1.0
}

fn square(x: f64) -> f64 {
    x * x
}

fn cube(x: f64) -> f64 {
    x * x * x
}

/// The formulas that others build on, under Mera's names.
#[expect(non_snake_case, reason = "the names are Mera's field names")]
impl Units {
    fn pc(&self) -> f64 {
        self.length / PC
    }
    fn kpc(&self) -> f64 {
        self.length / PC / 1e3
    }
    fn Mpc(&self) -> f64 {
        self.length / PC / 1e6
    }
    fn mpc(&self) -> f64 {
        self.length / PC * 1e3
    }
    fn ly(&self) -> f64 {
        self.length / LY
    }
    fn Au(&self) -> f64 {
        self.length / AU
    }
    fn km(&self) -> f64 {
        self.length / 1e5
    }
    fn m(&self) -> f64 {
        self.length / 1e2
    }
    fn cm(&self) -> f64 {
        self.length
    }
    fn mm(&self) -> f64 {
        self.length * 10.0
    }
    fn micrometre(&self) -> f64 {
        self.length * 1e4
    }
    fn Msol_pc3(&self) -> f64 {
        self.density * cube(PC) / MSOL
    }
    fn Msol_pc2(&self) -> f64 {
        self.density * self.length * square(PC) / MSOL
    }
    fn s(&self) -> f64 {
        self.time
    }
    fn Myr(&self) -> f64 {
        self.time / YR / 1e6
    }
    fn Msol(&self) -> f64 {
        self.g() / MSOL
    }
    fn g(&self) -> f64 {
        self.density * cube(self.length)
    }
    fn cm_s(&self) -> f64 {
        self.length / self.time
    }
    fn nH(&self) -> f64 {
        HYDROGEN / MH * self.density
    }
    fn erg(&self) -> f64 {
        self.mass * square(self.cm_s())
    }
    fn g_cms2(&self) -> f64 {
        self.mass / (self.length * square(self.time))
    }
    fn T_mu(&self) -> f64 {
        MH / KB * square(self.cm_s())
    }
    fn T(&self) -> f64 {
        self.T_mu() * MU
    }
    fn Ba(&self) -> f64 {
        self.mass / self.length / square(self.time)
    }
    fn p_kB(&self) -> f64 {
        self.Ba() / KB
    }
    fn erg_g_K(&self) -> f64 {
        self.erg() / self.g() / KB
    }
    fn erg_K(&self) -> f64 {
        self.erg_g_K() * self.density * cube(self.length)
    }
    fn erg_cm3_K(&self) -> f64 {
        self.erg_g_K() * self.density
    }
    fn g_cm2_s(&self) -> f64 {
        self.mass * (square(self.length) / self.time)
    }
    fn Gauss(&self) -> f64 {
        (4.0 * PI * self.mass / (self.length * square(self.time))).sqrt()
    }
    fn muG(&self) -> f64 {
        self.Gauss() * 1e6
    }
    fn eV(&self) -> f64 {
        self.erg() / EV
    }
    fn erg_s(&self) -> f64 {
        self.erg() / self.time
    }
    fn Lsol(&self) -> f64 {
        self.erg_s() / LSOL
    }
    fn cm_3(&self) -> f64 {
        1.0 / cube(self.length)
    }
    fn erg_cm2_s(&self) -> f64 {
        self.mass / (self.length * cube(self.time))
    }
    fn Jy(&self) -> f64 {
        self.erg_cm2_s() / 1e-23
    }
    fn atoms_cm2(&self) -> f64 {
        self.density * self.length / MH
    }
    fn cm_s2(&self) -> f64 {
        self.length / square(self.time)
    }
    fn erg_g(&self) -> f64 {
        square(self.cm_s())
    }
    fn u_grav(&self) -> f64 {
        self.density * self.erg_g()
    }
    fn erg_cell(&self) -> f64 {
        self.density * self.erg_g() * cube(self.length)
    }
    fn dyne(&self) -> f64 {
        self.density * self.cm_s2()
    }
}

static SCALES: [Scale; 134] = [
    // Length and volume.
    ("Mpc", Units::Mpc),
    ("kpc", Units::kpc),
    ("pc", Units::pc),
    ("mpc", Units::mpc),
    ("ly", Units::ly),
    ("Au", Units::Au),
    ("km", Units::km),
    ("m", Units::m),
    ("cm", Units::cm),
    ("mm", Units::mm),
    ("μm", Units::micrometre),
    ("Mpc3", |u| cube(u.Mpc())),
    ("kpc3", |u| cube(u.kpc())),
    ("pc3", |u| cube(u.pc())),
    ("mpc3", |u| cube(u.mpc())),
    ("ly3", |u| cube(u.ly())),
    ("Au3", |u| cube(u.Au())),
    ("km3", |u| cube(u.km())),
    ("m3", |u| cube(u.m())),
    ("cm3", |u| cube(u.cm())),
    ("mm3", |u| cube(u.mm())),
    ("μm3", |u| cube(u.micrometre())),
    // Density and surface density.
    ("Msol_pc3", Units::Msol_pc3),
    ("Msun_pc3", Units::Msol_pc3),
    ("g_cm3", |u| u.density),
    ("Msol_pc2", Units::Msol_pc2),
    ("Msun_pc2", Units::Msol_pc2),
    ("g_cm2", |u| u.density * u.length),
    // Time.
    ("Gyr", |u| u.time / YR / 1e9),
    ("Myr", Units::Myr),
    ("yr", |u| u.time / YR),
    ("s", Units::s),
    ("ms", |u| u.time * 1e3),
    // Mass.
    ("Msol", Units::Msol),
    ("Msun", Units::Msol),
    ("Mearth", |u| u.g() / MEARTH),
    ("Mjupiter", |u| u.g() / MJUPITER),
    ("g", Units::g),
    // Speed.
    ("km_s", |u| u.cm_s() / 1e5),
    ("m_s", |u| u.cm_s() / 1e2),
    ("cm_s", Units::cm_s),
    // Gas: number density, energy, temperature, pressure.
    ("nH", Units::nH),
    ("erg", Units::erg),
    ("g_cms2", Units::g_cms2),
    ("T_mu", Units::T_mu),
    ("K_mu", Units::T_mu),
    ("T", Units::T),
    ("K", Units::T),
    ("Ba", Units::Ba),
    ("g_cm_s2", Units::Ba),
    ("p_kB", Units::p_kB),
    ("K_cm3", Units::p_kB),
    // Entropy.
    ("erg_g_K", Units::erg_g_K),
    ("keV_cm2", |u| u.erg_g_K() * u.density * square(u.length) / EV * 1000.0),
    ("erg_K", Units::erg_K),
    ("J_K", |u| u.erg_K() / 1e7),
    ("erg_cm3_K", Units::erg_cm3_K),
    ("J_m3_K", |u| u.erg_cm3_K() * 10.0),
    ("kB_per_particle", |_| KB),
    // Angular momentum; the SI one is off by 1e8 in Mera.
    ("J_s", Units::g_cm2_s),
    ("g_cm2_s", Units::g_cm2_s),
    ("kg_m2_s", |u| u.g_cm2_s() * 1e-3 * 1e4),
    // Magnetic field.
    ("Gauss", Units::Gauss),
    ("muG", Units::muG),
    ("microG", Units::muG),
    ("nG", |u| u.Gauss() * 1e9),
    ("Tesla", |u| u.Gauss() * 1e-4),
    // Energy and luminosity.
    ("eV", Units::eV),
    ("keV", |u| u.eV() / 1e3),
    ("MeV", |u| u.eV() / 1e6),
    ("erg_s", Units::erg_s),
    ("Lsol", Units::Lsol),
    ("Lsun", Units::Lsol),
    // Number density: `X_3` is one over a volume.
    ("cm_3", Units::cm_3),
    ("pc_3", |u| u.cm_3() * cube(PC)),
    ("n_e", Units::nH),
    // Rates, fluxes and columns.
    ("erg_g_s", |u| u.erg() / u.g() / u.time),
    ("erg_cm3_s", Units::erg_cm2_s),
    ("erg_cm2_s", Units::erg_cm2_s),
    ("Jy", Units::Jy),
    ("mJy", |u| u.Jy() * 1e3),
    ("microJy", |u| u.Jy() * 1e6),
    ("atoms_cm2", Units::atoms_cm2),
    ("NH_cm2", Units::atoms_cm2),
    // Acceleration and specific energy; `J_kg` is off by 1e3 in Mera.
    ("cm_s2", Units::cm_s2),
    ("m_s2", |u| u.cm_s2() / 100.0),
    ("km_s2", |u| u.cm_s2() / 1e5),
    ("pc_Myr2", |u| u.cm_s2() * (square(u.Myr()) / u.pc())),
    ("erg_g", Units::erg_g),
    ("J_kg", |u| u.erg_g() / 1e7),
    ("km2_s2", |u| u.erg_g() / 1e10),
    // Gravity.
    ("u_grav", Units::u_grav),
    ("erg_cell", Units::erg_cell),
    ("dyne", Units::dyne),
    ("s_2", |u| u.cm_s2() / u.length),
    ("lambda_J", Units::cm),
    ("M_J", Units::g),
    ("t_ff", Units::s),
    ("alpha_vir", one),
    ("delta_rho", one),
    ("a_mag", Units::cm_s2),
    ("v_esc", Units::cm_s),
    ("ax", Units::cm_s2),
    ("ay", Units::cm_s2),
    ("az", Units::cm_s2),
    ("epot", Units::erg_g),
    ("a_magnitude", Units::cm_s2),
    ("escape_speed", Units::cm_s),
    ("gravitational_redshift", one),
    ("gravitational_energy_density", Units::u_grav),
    ("gravitational_binding_energy", Units::u_grav),
    ("total_binding_energy", Units::erg_cell),
    ("specific_gravitational_energy", Units::erg_g),
    ("gravitational_work", Units::erg),
    ("jeans_length_gravity", Units::cm),
    ("jeans_mass_gravity", Units::g),
    ("jeansmass", Units::g),
    ("freefall_time_gravity", Units::s),
    ("ekin", Units::erg),
    ("etherm", Units::erg),
    ("virial_parameter_local", one),
    ("Fg", Units::dyne),
    ("poisson_source", |u| 1.0 / square(u.time)),
    // Components along other axes, and angles.
    ("ar_cylinder", Units::cm_s2),
    ("aϕ_cylinder", Units::cm_s2),
    ("ar_sphere", Units::cm_s2),
    ("aθ_sphere", Units::cm_s2),
    ("aϕ_sphere", Units::cm_s2),
    ("r_cylinder", Units::cm),
    ("r_sphere", Units::cm),
    ("ϕ", one),
    ("dimensionless", one),
    ("rad", one),
    ("deg", |_| 180.0 / PI),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mera::{
        testdata::{Vectors, float},
        types::{Kind, layouts},
    };

    #[test]
    fn all_scales_match_in_bits() {
        for vector in Vectors::read().vectors {
            let unit = |name: &str| float(&vector.units[name]);
            let units = Units {
                length: unit("unit_l"),
                density: unit("unit_d"),
                time: unit("unit_t"),
                mass: unit("unit_m"),
            };
            for (name, value) in all(&units) {
                let expected = float(&vector.scales[name]);
                assert_eq!(
                    value.to_bits(),
                    expected.to_bits(),
                    "{name} of {}: {value:e} is not {expected:e}",
                    vector.origin
                );
                assert_eq!(scale(name, &units).map(f64::to_bits), Some(value.to_bits()));
            }
            assert_eq!(vector.scales.len(), SCALES.len());
            assert_eq!(scale("no such scale", &units), None);
        }
    }

    #[test]
    fn scales_stand_in_the_order_of_their_type() {
        let newest = layouts().iter().rfind(|layout| layout.kind == Kind::Scales).unwrap();
        assert_eq!(newest.name, "Mera.ScalesType003");
        assert!(newest.fields.iter().map(String::as_str).eq(SCALES.iter().map(|(name, _)| *name)));
    }
}
