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
    let truth = run(python, &[script, FILE]);
    let mut held = 0;
    for line in truth.lines() {
        let (name, rows, [min, max, sum, sizes]): (String, u64, [f64; 4]) = {
            let all: (String, u64, f64, f64, f64, f64) = serde_json::from_str(line).unwrap();
            (all.0, all.1, [all.2, all.3, all.4, all.5])
        };
        let path = format!("rt/{name}");
        let out = printed(&["stats", FILE, &path, "--json"]);
        let found: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(found["count"], rows, "{name}");
        assert!(same(&found["min"], min) && same(&found["max"], max), "{name}: {found}");
        assert!(
            (found["sum"].as_f64().unwrap() - sum).abs() <= 1e-12 * sizes,
            "{name}: {found} {sum}"
        );
        held += 1;
    }
    assert_eq!(held, 12 + 2 * 7 + 4);
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
