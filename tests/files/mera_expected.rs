//! What Mera objects must hold after conversion, computed here and compared with what was laid
//! down for real files (`*.expected.json`, beside what Julia read from them, `*.truth.json`).
//!
//! Looks at the files in `tests/data/mera` and, where it is there, at the shared directory
//! (`JLDCONV_SHARED`, else `../shared`).

use crate::real::below;
use jldconv::mera::{constants, scales};
use serde_json::Value;
use std::path::PathBuf;

/// Each file's truth and expectation, by name.
fn pairs() -> Vec<(PathBuf, Value, Value)> {
    let mut found = Vec::new();
    for path in below(&["mera"], ".truth.json") {
        let stem = path.to_str().unwrap().trim_end_matches(".truth.json");
        let read = |kind: &str| {
            let bytes = std::fs::read(format!("{stem}.{kind}.json")).unwrap();
            serde_json::from_slice(&bytes).unwrap()
        };
        found.push((PathBuf::from(stem), read("truth"), read("expected")));
    }
    assert!(!found.is_empty());
    found
}

fn float(node: &Value) -> f64 {
    let bits = node["v"].as_str().unwrap().trim_start_matches("0x");
    f64::from_bits(u64::from_str_radix(bits, 16).unwrap())
}

/// Holds one object's expected fields against the stored ones and, where there is none, against
/// `compute`. Gives the number of computed fields.
fn check(
    at: &str,
    stored: &Value,
    expected: &Value,
    compute: impl Fn(&str) -> Option<f64>,
) -> usize {
    let stored = stored["fields"].as_object().unwrap();
    let mut computed = 0;
    for (name, value) in expected["fields"].as_object().unwrap() {
        let mine = if let Some(kept) = stored.get(name) {
            float(kept)
        } else {
            computed += 1;
            compute(name).unwrap_or_else(|| panic!("{at}.{name} cannot be computed"))
        };
        assert_eq!(mine.to_bits(), float(value).to_bits(), "{at}.{name}");
    }
    computed
}

#[test]
fn fields_that_an_old_type_lacked_follow_from_the_units_and_todays_constants() {
    let mut computed = 0;
    for (path, truth, expected) in pairs() {
        for (place, node) in truth.as_object().unwrap() {
            let data = place.ends_with("/data");
            if !data && !place.ends_with("/info") {
                continue;
            }
            let info = |node: &Value| {
                if data { node["fields"]["info"]["fields"].clone() } else { node["fields"].clone() }
            };
            let (stored, expected) = (info(node), info(&expected[place]));
            let units = scales::Units {
                length: float(&stored["unit_l"]),
                density: float(&stored["unit_d"]),
                time: float(&stored["unit_t"]),
                mass: float(&stored["unit_m"]),
            };
            let at = format!("{}: {place}", path.display());
            assert_eq!(expected["scale"]["t"], "Mera.ScalesType003", "{at}");
            assert_eq!(expected["constants"]["t"], "Mera.PhysicalUnitsType002", "{at}");
            computed += check(&at, &stored["scale"], &expected["scale"], |name| {
                scales::scale(name, &units)
            });
            computed +=
                check(&at, &stored["constants"], &expected["constants"], constants::constant);
        }
    }
    assert!(computed > 500, "only {computed} fields had to be computed");
}
