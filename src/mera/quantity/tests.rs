use super::*;
use crate::mera::unit::{unit_factor, unit_factor_of_mera};

fn setting(table: TableKind, columns: &[&str]) -> Setting {
    Setting {
        table,
        columns: columns.iter().map(|&name| name.to_owned()).collect(),
        gas: Vec::new(),
        boxlen: 48.0,
        lmax: Some(10),
        levelmin: 6,
        gamma: 5.0 / 3.0,
        cosmological: false,
        clock: Clock { time: 40.0, unit_t: 4.7e14, aexp: 1.0, h0: 1.0, omega: [1.0, 0.0, 0.0] },
        like_mera: false,
        baryon_density: f64::NAN,
        radiation: Radiation::default(),
        units: Units { length: 3.1e21, density: 6.8e-23, time: 4.7e14, mass: 2.0e42 },
        unit_v: 6.6e6,
        center: [0.0; 3],
    }
}

const GAS: [&str; 9] = ["level", "cx", "cy", "cz", "rho", "vx", "vy", "vz", "p"];

fn value(name: &str, unit: Option<&str>, setting: &Setting, row: &[(&str, f64)]) -> f64 {
    let quantity = Quantity::new(name, unit, setting).unwrap();
    let stored = quantity.columns().map(|column| row.iter().find(|(n, _)| *n == column).unwrap().1);
    quantity.value(stored.collect::<Vec<_>>().into_iter())
}

const ROW: [(&str, f64); 9] = [
    ("level", 7.0),
    ("cx", 65.0),
    ("cy", 64.0),
    ("cz", 1.0),
    ("rho", 2.0),
    ("vx", 3.0),
    ("vy", 4.0),
    ("vz", 12.0),
    ("p", 0.5),
];

#[test]
fn cells_have_size_place_and_mass_by_their_level() {
    let gas = setting(TableKind::Hydro, &GAS);
    let of = |name| value(name, None, &gas, &ROW);
    assert!(of("cellsize").to_bits() == 0.375_f64.to_bits());
    assert!(of("volume").to_bits() == (0.375_f64 * 0.375 * 0.375).to_bits());
    assert!(of("mass").to_bits() == (2.0 * (0.375_f64 * 0.375 * 0.375)).to_bits());
    assert!(of("x").to_bits() == (64.5 * 48.0 / 128.0_f64).to_bits());
    assert!(of("v").to_bits() == 13.0_f64.to_bits());
    let middle = Setting { center: [0.5; 3], ..gas };
    assert!(value("cx", None, &middle, &ROW).to_bits() == 1.0_f64.to_bits());
    assert!(value("y", None, &middle, &ROW).to_bits() == (-0.5 * 0.375_f64).to_bits());
}

#[test]
fn without_refinement_the_column_of_levels_does_not_count() {
    let uniform = Setting { lmax: Some(6), ..setting(TableKind::Hydro, &GAS) };
    let quantity = Quantity::new("cellsize", None, &uniform).unwrap();
    assert_eq!(quantity.columns().count(), 0);
    assert!(quantity.value(std::iter::empty()).to_bits() == 0.75_f64.to_bits());
}

#[test]
fn overdensity_is_of_the_mean_density_of_baryons() {
    let boxed =
        Setting { cosmological: true, baryon_density: 6.8e-23, ..setting(TableKind::Hydro, &GAS) };
    // Twice the unit of density, in units of the mean, which is that unit.
    let found = value("overdensity", None, &boxed, &ROW);
    assert!((found - 1.0).abs() < 1e-15, "{found}");
    assert!(Quantity::new("age", None, &Setting { table: TableKind::Particles, ..boxed }).is_err());
}

#[test]
fn a_fraction_of_a_cell_counts_where_there_is_one() {
    let cut = setting(TableKind::Hydro, &[&GAS[..], &["fraction"]].concat());
    let row = [&ROW[..], &[("fraction", 0.25)]].concat();
    assert!(value("volume", None, &cut, &row).to_bits() == (0.375_f64.powi(3) * 0.25).to_bits());
    assert!(value("mass", None, &cut, &row).to_bits() == (0.375_f64.powi(3) * 0.5).to_bits());
}

#[test]
fn a_stored_column_wins_over_a_rule() {
    let own = setting(TableKind::Hydro, &[&GAS[..], &["cs"]].concat());
    let quantity = Quantity::new("cs", None, &own).unwrap();
    assert!(quantity.is_stored() && quantity.columns().eq(["cs"]));
    assert!(!Quantity::new("cs", Some("km_s"), &own).unwrap().is_stored());
    // Places are counted from a centre all the same.
    let particles = setting(TableKind::Particles, &["x", "y", "z", "mass"]);
    let middle = Setting { center: [0.5; 3], ..particles };
    assert!(value("x", None, &middle, &[("x", 30.0)]).to_bits() == 6.0_f64.to_bits());
}

#[test]
fn what_is_not_there_is_told_with_what_helps() {
    let gas = setting(TableKind::Hydro, &GAS[..5]);
    let error = |name, unit| Quantity::new(name, unit, &gas).unwrap_err().to_string();
    let unknown = error("masss", None);
    assert!(unknown.contains("(is it mass?)") && unknown.contains("level, cx, cy, cz, rho"));
    assert_eq!(error("cs", None), "cs is computed from the column p, which hydro does not have");
    assert_eq!(error("rho", Some("nh")), "nh is not a unit that Mera has (is it nH?)");
    assert_eq!(error("rho", Some("kpc")), "rho is a density, and kpc measures a length");
    assert_eq!(error("delta", None), "delta is defined for cosmological runs only");
    assert!(error("", None).starts_with(" is neither a column of hydro"));
    let gravity = setting(TableKind::Gravity, &["level", "cx", "cy", "cz", "epot"]);
    assert!(Quantity::new("mass", None, &gravity).is_err(), "gravity has no mass");
}

#[test]
fn at_the_centre_nothing_points_anywhere() {
    let particles = setting(TableKind::Particles, &["x", "y", "z", "vx", "vy", "vz"]);
    let middle = Setting { center: [0.5; 3], ..particles };
    let row = [("x", 24.0), ("y", 24.0), ("z", 24.0), ("vx", 1.0), ("vy", 1.0), ("vz", 1.0)];
    for name in ["vr_cylinder", "vϕ_cylinder", "vr_sphere", "vtheta_sphere", "vphi_sphere"] {
        assert!(value(name, None, &middle, &row).abs() < f64::MIN_POSITIVE, "{name}");
    }
}

#[test]
fn each_name_has_a_value_where_all_columns_are_there() {
    let all = [
        "level", "cx", "cy", "cz", "x", "y", "z", "peak_x", "peak_y", "peak_z", "rho", "p", "vx",
        "vy", "vz", "ax", "ay", "az", "epot", "mass_cl", "mass", "birth", "bx_left", "by_left",
        "bz_left", "bx_right", "by_right", "bz_right", "Np1", "Fx1", "Fy1", "Fz1", "Np2", "var6",
        "var7", "var8", "var9",
    ];
    for table in TableKind::ALL {
        let radiation = Radiation { ions: Some(ions()), ..radiating().radiation };
        let gas = if table == TableKind::Rt { all.map(str::to_owned).to_vec() } else { vec![] };
        let setting = Setting { gas, radiation, ..setting(table, &all) };
        for name in computed_names(table) {
            match Quantity::new(name, None, &setting) {
                Ok(quantity) => {
                    let value = quantity
                        .value(quantity.columns().map(|_| 3.0).collect::<Vec<_>>().into_iter());
                    assert!(!value.is_nan(), "{} {name}", table.name());
                }
                Err(QuantityError::OnlyCosmological(_)) => {}
                Err(error) => panic!("{name}: {error}"),
            }
        }
        assert_eq!(TableKind::of_name(table.name()), Some(table));
    }
}

#[test]
fn what_mera_tells_wrongly_is_told_right_unless_its_own_is_asked_for() {
    let gas = setting(TableKind::Hydro, &GAS);
    let mera = Setting { like_mera: true, ..gas.clone() };
    // Mera's component away from the axis is that along x.
    let of = |setting, name| value(name, None, setting, &ROW);
    assert_eq!(of(&mera, "lr_cylinder").to_bits(), of(&mera, "lx").to_bits());
    let (x, y) = (of(&gas, "x"), of(&gas, "y"));
    let radial = (of(&gas, "lx") * x + of(&gas, "ly") * y) / (x * x + y * y).sqrt();
    assert!((of(&gas, "lr_cylinder") / radial - 1.0).abs() < 1e-12);
    // Its potential is in code units where the speed of light is in cm/s.
    let gravity = setting(TableKind::Gravity, &["level", "epot"]);
    let mera = Setting { like_mera: true, ..gravity.clone() };
    let of = |setting| value("gravitational_redshift", None, setting, &[("epot", -2.0)]);
    let specific = unit_factor("erg_g", &gravity.units).unwrap();
    assert!((of(&gravity) / of(&mera) / specific - 1.0).abs() < 1e-12);
    // Its astronomical unit is 0.015 cm.
    let row = [("cx", 65.0), ("level", 7.0)];
    let au = value("x", Some("Au"), &gas, &row);
    assert!((au / value("x", Some("km"), &gas, &row) * 149_597_870.7 - 1.0).abs() < 1e-9);
    let units = &gas.units;
    assert!((unit_factor("Au3", units).unwrap() / au.powi(3)).is_finite());
    let wrong = unit_factor_of_mera("Au", units).unwrap();
    assert!((wrong / unit_factor("Au", units).unwrap() / 1e15 - 1.0).abs() < 1e-12);
    let ratio = unit_factor("J_kg", units).unwrap() / unit_factor("erg_g", units).unwrap();
    assert!((ratio / 1e-4 - 1.0).abs() < 1e-12);
}

#[test]
fn stars_of_a_box_that_expands_have_ages_by_its_expansion() {
    let columns = ["birth", "mass"];
    let omega = [1.0, 0.0, 0.0];
    let clock = Clock { time: 0.0, unit_t: 1.0, aexp: 1.0, h0: 70.0, omega };
    let stars = Setting { cosmological: true, clock, ..setting(TableKind::Particles, &columns) };
    // In a universe of matter, 2 - 2 / sqrt(a) is the super-conformal time.
    let row = [("birth", -2.0)];
    let of = |name, unit| value(name, unit, &stars, &row);
    let hubble = 977.792_2 / 70.0;
    let age = of("age", Some("Gyr"));
    assert!((age / (hubble * 2.0 / 3.0 * (1.0 - 0.125)) - 1.0).abs() < 1e-3, "{age}");
    assert!((of("zform", None) - 3.0).abs() < 1e-3, "{}", of("zform", None));
    let both = age + of("formation_time", Some("Gyr"));
    assert!((both / (hubble * 2.0 / 3.0) - 1.0).abs() < 1e-3, "{both}");
    assert!((of("age", Some("Myr")) / age - 1e3).abs() < 1e-6);
    let error = Quantity::new("age", Some("kpc"), &stars).unwrap_err().to_string();
    assert!(error.contains("are in Gyr, Myr, yr or s"), "{error}");
    let still = setting(TableKind::Particles, &columns);
    assert!(Quantity::new("zform", None, &still).is_err());
}

/// A run with two groups of photons, as Mera reads its descriptor.
fn radiating() -> Setting {
    let columns =
        ["level", "cx", "cy", "cz", "Np1", "Fx1", "Fy1", "Fz1", "Np2", "Fx2", "Fy2", "Fz2"];
    Setting {
        radiation: Radiation {
            groups: 2,
            unit_np: Some(3.0e5),
            unit_pf: Some(7.0e13),
            light: Some(0.01),
            energies: vec![18.85, 35.079],
            sections: vec![[Some(3.0e-18), Some(2.78e-18)], [Some(5.7e-19), Some(5.0e-19)]],
            ions: None,
        },
        ..setting(TableKind::Rt, &columns)
    }
}

/// All that a run may track.
fn ions() -> Ions {
    Ions {
        hydrogen: 0.7,
        helium: 0.28,
        neutral: Some("var6".to_owned()),
        ionized: "var7".to_owned(),
        helium_ions: Some(["var8".to_owned(), "var9".to_owned()]),
    }
}

/// Mera holds photons against gas by the number of the row alone.
#[test]
fn photons_and_gas_of_different_cells_have_nothing_in_common() {
    let gas = ["level", "cx", "cy", "cz", "rho", "p", "var6", "var7", "var8", "var9"];
    let radiation = Radiation { ions: Some(ions()), ..radiating().radiation };
    let run = Setting { radiation, gas: gas.map(str::to_owned).to_vec(), ..radiating() };
    let of = |cy: f64| {
        let quantity = Quantity::new("photoionizations", None, &run).unwrap();
        let row = |column: &str| match column {
            "hydro/cy" => cy,
            "level" | "hydro/level" => 7.0,
            "Np1" | "hydro/rho" => 2.0,
            "hydro/var6" => 0.5,
            _ => 1.0,
        };
        let stored: Vec<f64> = quantity.columns().map(row).collect();
        quantity.value(stored.into_iter())
    };
    assert!(of(1.0) > 0.0 && of(2.0).is_nan());
    let alone = Setting { gas: Vec::new(), ..run };
    let error = Quantity::new("ionization_balance", None, &alone).unwrap_err().to_string();
    assert!(error.contains("this file has no table hydro"), "{error}");
}

const LIGHT: [(&str, f64); 8] = [
    ("Np1", 2.5),
    ("Fx1", 0.3),
    ("Fy1", -0.4),
    ("Fz1", 1.2),
    ("Np2", 0.0),
    ("Fx2", 1.0),
    ("Fy2", 2.0),
    ("Fz2", 2.0),
];

#[test]
fn radiation_is_what_mera_computes_in_the_same_order() {
    let run = radiating();
    let (volt, light) = (1.602_176_634e-12, 0.01 * 2.997_924_58e10);
    let flux = (0.3_f64 * 0.3 + 0.4 * 0.4 + 1.2 * 1.2).sqrt();
    let excess = (18.85 - 13.6_f64).max(0.0) * volt;
    let expected = [
        ("Fmag1", flux),
        ("Fmag2", 3.0),
        ("reducedflux1", flux / 2.5),
        ("reducedflux2", 0.0),
        ("Np1_cgs", 2.5 * 3.0e5),
        ("Fmag1_cgs", flux * 7.0e13),
        ("photon_energy_density1", 2.5 * 3.0e5 * (18.85 * volt)),
        ("Np_total", 2.5),
        ("rad_energy_density", 2.5 * (18.85 * volt) * 3.0e5),
        ("Gamma_HI1", 2.5 * (3.0e5 * light * 3.0e-18)),
        ("Gamma_HI", 2.5 * (light * 3.0e5 * 3.0e-18)),
        ("photoheating_HI1", 2.5 * (3.0e5 * light * 2.78e-18 * excess)),
        ("photoheating_HI", 2.5 * (light * 3.0e5 * 2.78e-18 * excess)),
    ];
    for (name, wanted) in expected {
        let found = value(name, None, &run, &LIGHT);
        assert!(found.to_bits() == wanted.to_bits(), "{name}: {found:e} {wanted:e}");
    }
}

#[test]
fn radiation_that_is_not_said_is_not_made_up() {
    let refused =
        |name: &str, unit, run: &Setting| Quantity::new(name, unit, run).unwrap_err().to_string();
    let silent =
        Setting { radiation: Radiation { groups: 2, ..Radiation::default() }, ..radiating() };
    for name in ["Np1_cgs", "Fmag2_cgs", "photon_energy_density1", "rad_energy_density", "Gamma_HI"]
    {
        assert!(refused(name, None, &silent).contains("groups of photons"), "{name}");
    }
    assert!(Quantity::new("Np_total", None, &silent).is_ok());
    let run = radiating();
    // There are two groups.
    assert!(refused("Fmag3", None, &run).contains("Fx3"));
    assert!(refused("photon_energy_density3", None, &run).contains("groups of photons"));
    for name in ["Fmag0", "Fmag", "Fmag1x", "reducedflux", "Fmag99999"] {
        assert!(
            matches!(Quantity::new(name, None, &run), Err(QuantityError::Unknown { .. })),
            "{name}"
        );
    }
    let text = refused("Np1_cgs", Some("kpc"), &run);
    assert_eq!(text, "Np1_cgs is in photons/cm³: kpc does not go with it");
    // More groups than columns: nothing is left out of a sum without a word.
    let more = Setting { radiation: Radiation { groups: 900, ..run.radiation.clone() }, ..run };
    assert!(refused("Np_total", None, &more).contains("Np3"));
}
