//! Tables of radiation, of a file that real JLD2 0.6.5 wrote with Mera's types: what the programs tell
//! against NumPy's numbers.

use crate::commands::{printed, refused, same};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/mera-rt/output_00500.jld2");

fn run(program: impl AsRef<std::ffi::OsStr>, args: &[&str]) -> String {
    let done = Command::new(program).args(args).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn quantities_of_radiation_are_what_numpy_computes() {
    let Some(python) = std::env::var_os("JLDCONV_PYTHON") else {
        eprintln!("skipped: JLDCONV_PYTHON names no Python with h5py");
        return;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/rt.py");
    assert_eq!(held_against(&run(python, &[script, FILE]), FILE, "rt/"), 12 + 2 * 7 + 4);
}

/// How many quantities of a file are what NumPy told of them.
fn held_against(truth: &str, file: &str, table: &str) -> usize {
    let mut held = 0;
    for line in truth.lines() {
        let (name, rows, [min, max, sum, sizes]): (String, u64, [f64; 4]) = {
            let all: (String, u64, f64, f64, f64, f64) = serde_json::from_str(line).unwrap();
            (all.0, all.1, [all.2, all.3, all.4, all.5])
        };
        let path = format!("{table}{name}");
        let out = printed(&["stats", file, &path, "--json"]);
        let found: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(found["count"], rows, "{name}");
        let near = |found: &Value, expected: f64| {
            // A power is as good as the mathematical library.
            let far = (found.as_f64().unwrap() / expected - 1.0).abs();
            same(found, expected) || table.is_empty() && far < 1e-13
        };
        assert!(near(&found["min"], min) && near(&found["max"], max), "{name}: {found}");
        assert!(
            (found["sum"].as_f64().unwrap() - sum).abs() <= 1e-12 * sizes,
            "{name}: {found} {sum}"
        );
        held += 1;
    }
    held
}

/// One run with molecules, helium and metals, and one of pure hydrogen.
const IONS: [&str; 2] = [
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/mera-rt/output_00501.jld2"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/mera-rt/output_00502.jld2"),
];

#[test]
fn quantities_of_ions_are_what_numpy_computes() {
    let Some(python) = std::env::var_os("JLDCONV_PYTHON") else {
        eprintln!("skipped: JLDCONV_PYTHON names no Python with h5py");
        return;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/ions.py");
    for (file, quantities) in IONS.into_iter().zip([15, 11]) {
        assert_eq!(held_against(&run(&python, &[script, file]), file, ""), quantities, "{file}");
    }
}

#[test]
fn ions_that_are_not_tracked_are_refused_with_the_reason() {
    let told = |file: &str, path: &str, more: &[&str]| {
        let (code, text) = refused(&[&["stats", file, path], more].concat());
        assert_eq!(code, 2, "{text}");
        text
    };
    let text = told(IONS[1], "hydro/xHeII", &[]);
    assert!(text.contains("xHeII: this run does not track it"), "{text}");
    let text = told(FILE, "hydro/n_e", &[]);
    assert!(text.contains("n_e is computed from the ions"), "{text}");
    let text = told(IONS[0], "hydro/n_e", &["--unit", "kpc"]);
    assert!(text.contains("n_e is in 1/cm³: kpc does not go with it"), "{text}");
    let text = told(FILE, "rt/photoionizations", &[]);
    assert!(text.contains("computed from the ions"), "{text}");
    // Beside the photons of a run the gas of its cells can be told of over time.
    let folder = Path::new(FILE).parent().unwrap().to_str().unwrap();
    let what = "mean_xHII@mass,max_ionization_balance,rt.sum_photoionizations,max_mu";
    let series = Command::new(env!("CARGO_BIN_EXE_jldconv-supervisor"))
        .args(["series", folder, "--what", what])
        .output()
        .unwrap();
    let rows = String::from_utf8(series.stdout).unwrap();
    let filled = |number: &str| {
        let row = rows.lines().find(|row| row.starts_with(number)).unwrap();
        row.split(',').filter(|cell| !cell.is_empty()).count()
    };
    assert_eq!((filled("500"), filled("501"), filled("502")), (2, 5, 5), "{rows}");
}

#[test]
fn tables_of_radiation_are_known_everywhere() {
    let info = printed(&["info", FILE, "--scan"]);
    assert!(info.contains("rt: 200 cells, levels 6 to 10") && info.contains("Fz2"), "{info}");
    let folder = Path::new(FILE).parent().unwrap().to_str().unwrap();
    let series = run(
        env!("CARGO_BIN_EXE_jldconv-supervisor"),
        &["series", folder, "--what", "max_Np2,mean_Fmag2,rt.sum_Np_total"],
    );
    let row = series.lines().nth(1).unwrap();
    assert_eq!(row.split(',').count(), 4, "{series}");
    assert!(row.split(',').all(|cell| cell.parse::<f64>().is_ok()), "{series}");
    let (code, text) = refused(&["stats", FILE, "rt/Np1_cgs", "--unit", "kpc"]);
    assert!(code == 2 && text.contains("Np1_cgs is in photons/cm³"), "{text}");
}
