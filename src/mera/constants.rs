//! Holds the physical constants that Mera 1.9 puts into each file, bit for bit.
//!
//! All in CGS. The arithmetic is that of Mera's `createconstants()`, so that derived values round
//! as they do there. Two oddities are Mera's own and stay: [`AU`] is too small by 1e15, and the
//! mass of the hydrogen atom is the rounded value that RAMSES uses.

use std::f64::consts::PI;

/// Astronomical unit. Meant as cm, yet 1e15 too small in every release of Mera.
pub const AU: f64 = 149_597_870_700e-13;
/// Parsec, cm.
pub const PC: f64 = 3.085_677_581_28e18;
/// Light year, cm.
pub const LY: f64 = 9.460_730_472_580_8e17;
/// Mass of the Sun, g.
pub const MSOL: f64 = 1.9891e33;
/// Radius of the Sun, cm.
pub const RSOL: f64 = 6.96e10;
/// Luminosity of the Sun, erg/s.
pub const LSOL: f64 = 3.828e33;
/// Mass of the Earth, g.
pub const MEARTH: f64 = 5.9722e27;
/// Mass of Jupiter, g.
pub const MJUPITER: f64 = 1.898_13e30;
/// Mass of the hydrogen atom as RAMSES has it, g.
pub const MH: f64 = 1.66e-24;
/// Atomic mass unit, g.
pub const AMU: f64 = 1.660_539_066_60e-24;
/// Planck's constant, erg s.
pub const H: f64 = 6.626_070_15e-27;
/// Boltzmann's constant, erg/K.
pub const KB: f64 = 1.380_649e-16;
/// Electron volt, erg.
pub const EV: f64 = 1.602_176_634e-12;
/// Julian year, s.
pub const YR: f64 = 3.155_76e7;

/// Every constant under Mera's name, in the field order of `Mera.PhysicalUnitsType002`.
pub const ALL: [(&str, f64); 41] = [
    ("Au", AU),
    ("Mpc", PC * 1e6),
    ("kpc", PC * 1e3),
    ("pc", PC),
    ("mpc", PC * 1e-3),
    ("ly", LY),
    ("Msol", MSOL),
    ("Msun", MSOL),
    ("Mearth", MEARTH),
    ("Mjupiter", MJUPITER),
    ("Rsol", RSOL),
    ("Rsun", RSOL),
    ("me", 9.109_383_701_5e-28),
    ("mp", 1.672_621_923_69e-24),
    ("mn", 1.674_927_498_04e-24),
    ("mH", MH),
    ("amu", AMU),
    ("NA", 6.022_140_76e23),
    ("c", 2.997_924_58e10),
    ("G", 6.674_30e-8),
    ("kB", KB),
    ("k_B", KB),
    ("h", H),
    ("hbar", H / (2.0 * PI)),
    ("sigma_SB", 5.670_374_419e-5),
    ("sigma_T", 6.652_458_732_1e-25),
    ("alpha_fs", 7.297_352_569_3e-3),
    ("R_gas", 8.314_462_618e7),
    ("eV", EV),
    ("keV", EV * 1e3),
    ("MeV", EV * 1e6),
    ("GeV", EV * 1e9),
    ("Lsol", LSOL),
    ("Lsun", LSOL),
    ("m_u", AMU),
    ("day", 86400.0),
    ("hr", 3600.0),
    ("min", 60.0),
    ("Gyr", YR * 1e9),
    ("Myr", YR * 1e6),
    ("yr", YR),
];

/// The values that Mera wrote before 2025-08-06 (releases 1.0.0 to 1.7.0) where they differ from
/// [`ALL`]. Files keep what they hold; these explain why stored scales such as `T_mu` differ from
/// freshly computed ones by some 2e-5.
pub const BEFORE_2025_08_06: [(&str, f64); 7] = [
    ("me", 9.109_389_7e-28),
    ("mp", 1.672_623_1e-24),
    ("mn", 1.674_928_6e-24),
    ("amu", 1.660_540_2e-24),
    ("NA", 6.022_136_7e23),
    ("G", 6.672_59e-8),
    ("kB", 1.380_62e-16),
];

/// The constant that Mera 1.9 stores in the field of this name.
pub fn constant(name: &str) -> Option<f64> {
    ALL.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mera::{
        testdata::{Vectors, float},
        types::layouts,
    };

    #[test]
    fn all_constants_match_in_bits() {
        for vector in Vectors::read().vectors {
            for (name, value) in ALL {
                let expected = float(&vector.constants[name]);
                assert_eq!(value.to_bits(), expected.to_bits(), "{name} of {}", vector.origin);
            }
            assert_eq!(vector.constants.len(), ALL.len());
        }
    }

    #[test]
    fn constants_stand_in_the_order_of_their_type() {
        let newest = layouts().last().unwrap();
        assert_eq!(newest.name, "Mera.PhysicalUnitsType002");
        assert!(newest.fields.iter().eq(ALL.iter().map(|(name, _)| name)));
    }

    #[test]
    fn values_of_old_releases_differ_from_those_of_today() {
        for (name, old) in BEFORE_2025_08_06 {
            let now = constant(name).unwrap();
            assert!((1e-9..1e-3).contains(&((now - old) / now).abs()), "{name}: {now:e}, {old:e}");
        }
        assert_eq!(constant("Au"), Some(AU));
        assert_eq!(constant("au"), None);
    }
}
