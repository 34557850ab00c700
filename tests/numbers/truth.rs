//! Columns, quantities and reductions against `*.quantities.json`: what Mera 1.9.0 in real Julia
//! computed of the same files.

use jldconv::h5::Checksums;
use jldconv::mera::quantity::TableKind;
use jldconv::mera::region::{Center, RegionWish};
use jldconv::numbers::{
    Ask, MeraFile, Query, Relation, Selection, Values, bulk_velocity, center_of_mass, levels,
    total_mass,
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

/// What depends on the last bits of the mathematical library.
const ROUNDED: [&str; 5] = ["ϕ", "vϕ_cylinder", "vr_cylinder", "entropy_index", "entropy_specific"];
/// How far those, and sums, may be from Mera's, relative to the sum of sizes.
const NEAR: f64 = 1e-12;

/// The Mera files with what Mera computed of them, of the repository, and of the shared directory
/// where it is there.
pub(crate) fn files() -> Vec<(PathBuf, Value)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = std::env::var_os("JLDCONV_SHARED")
        .map_or_else(|| here.join("../shared"), PathBuf::from)
        .join("mera");
    let mut found = Vec::new();
    for root in [here.join("tests/data/mera"), shared] {
        let Ok(eras) = fs::read_dir(&root) else {
            eprintln!("skipped: no {}", root.display());
            continue;
        };
        for era in eras {
            for entry in fs::read_dir(era.unwrap().path()).unwrap() {
                let truth = entry.unwrap().path();
                let name = truth.to_string_lossy().into_owned();
                if let Some(file) = name.strip_suffix(".quantities.json") {
                    let json = serde_json::from_slice(&fs::read(&truth).unwrap()).unwrap();
                    found.push((PathBuf::from(file), json));
                }
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

pub(crate) fn float(value: &Value) -> f64 {
    let bits = value.as_str().unwrap_or_else(|| panic!("{value} is not the bits of a float"));
    f64::from_bits(u64::from_str_radix(bits.trim_start_matches("0x"), 16).unwrap())
}

/// What was read of a quantity.
struct Read {
    /// Of the numbers as they are stored.
    sha256: String,
    /// Of the numbers as Float64: what `getvar` gives, whatever the type of a column.
    sha256_floats: String,
    min: f64,
    max: f64,
    sum: f64,
    sizes: f64,
    n: u64,
}

fn read(
    file: &MeraFile,
    table: TableKind,
    ask: Ask,
    selection: &Selection,
) -> Result<Read, String> {
    let group = file.group(table).unwrap().unwrap();
    let relation = Relation::of_group(group);
    let query = Query::new(file.name(), &relation, &[ask], selection).map_err(|e| e.to_string())?;
    let (mut hash, mut hash_floats) = (Sha256::new(), Sha256::new());
    let mut read = Read {
        sha256: String::new(),
        sha256_floats: String::new(),
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        sum: 0.0,
        sizes: 0.0,
        n: 0,
    };
    let mut floats = Vec::new();
    query
        .run(|batch| {
            let values = batch.values()[0];
            values.floats_into(&mut floats);
            let bytes: Vec<u8> = floats.iter().flat_map(|value| value.to_le_bytes()).collect();
            hash_floats.update(&bytes);
            match values {
                Values::Stored(slice) => hash.update(slice.bytes()),
                Values::Computed(_) => hash.update(&bytes),
            }
            for &value in &floats {
                read.min = read.min.min(value);
                read.max = read.max.max(value);
                read.sum += value;
                read.sizes += value.abs();
                read.n += 1;
            }
            Ok(())
        })
        .map_err(|e| e.to_string())?;
    read.sha256 = hex(hash);
    read.sha256_floats = hex(hash_floats);
    Ok(read)
}

fn hex(hash: Sha256) -> String {
    format!("{:x}", hash.finalize())
}

fn near(found: f64, expected: f64, sizes: f64) -> bool {
    found.to_bits() == expected.to_bits() || (found - expected).abs() <= NEAR * sizes.abs()
}

pub(crate) fn tables(truth: &Value) -> Vec<(TableKind, &Value)> {
    let all = TableKind::ALL.into_iter();
    all.filter_map(|table| Some((table, truth.get(table.name())?))).collect()
}

fn middle() -> Selection {
    let region = RegionWish { center: Some([Center::Middle; 3]), ..RegionWish::default() };
    Selection { region, ..of_mera() }
}

/// All rows, with what Mera tells wrongly.
fn of_mera() -> Selection {
    Selection { like_mera: true, ..Selection::default() }
}

#[test]
fn columns_are_those_that_mera_read() {
    let mut seen = 0;
    for (path, truth) in files() {
        let file = MeraFile::open(&path, Checksums::Trusted).unwrap();
        for (table, truth) in tables(&truth) {
            let group = file.group(table).unwrap().unwrap();
            assert_eq!(group.rows(), truth["n"].as_u64().unwrap());
            let expected = truth["columns"].as_object().unwrap();
            let names: Vec<_> = expected.keys().map(String::as_str).collect();
            assert_eq!(group.table.as_ref().unwrap().names().collect::<Vec<_>>(), names);
            for (name, expected) in expected {
                let read = read(&file, table, Ask::new(name), &Selection::default()).unwrap();
                let what = format!("{} {} {name}", path.display(), table.name());
                assert_eq!(read.sha256, expected["sha256"], "{what}");
                if expected["type"] == "Float64" {
                    assert_eq!(read.min.to_bits(), float(&expected["min"]).to_bits(), "{what}");
                    assert_eq!(read.max.to_bits(), float(&expected["max"]).to_bits(), "{what}");
                    assert!(near(read.sum, float(&expected["sum"]), read.sizes), "{what}");
                } else {
                    assert!((read.min - expected["min"].as_f64().unwrap()).abs() < 0.5, "{what}");
                    assert!((read.sum - expected["sum"].as_f64().unwrap()).abs() < 0.5, "{what}");
                }
                seen += 1;
            }
        }
    }
    assert!(seen > 200, "{seen}");
}

#[test]
fn quantities_are_those_that_mera_computed_bit_for_bit() {
    let (mut exact, mut rounded, mut refused) = (0, 0, 0);
    for (path, truth) in files() {
        let file = MeraFile::open(&path, Checksums::Trusted).unwrap();
        for (table, truth) in tables(&truth) {
            let parts = [("getvar", of_mera()), ("getvar_center_bc", middle())];
            for (part, selection) in parts {
                for (label, expected) in truth[part].as_object().unwrap() {
                    let what = format!("{} {} {part} {label}", path.display(), table.name());
                    let (name, unit) = label.rsplit_once(':').unwrap();
                    let ask = Ask::new(name).in_unit(unit);
                    let read = read(&file, table, ask, &selection);
                    if expected.get("error").is_some() {
                        assert!(read.is_err(), "{what}: Mera refuses it");
                        refused += 1;
                        continue;
                    }
                    let read = read.unwrap_or_else(|error| panic!("{what}: {error}"));
                    assert_eq!(read.n, expected["n"].as_u64().unwrap(), "{what}");
                    let [min, max, sum] = ["min", "max", "sum"].map(|key| float(&expected[key]));
                    if sum.is_nan() {
                        assert!(read.sum.is_nan(), "{what}");
                        continue;
                    }
                    assert!(near(read.sum, sum, read.sizes), "{what}: {} is not {sum}", read.sum);
                    if ROUNDED.contains(&name) {
                        assert!(near(read.min, min, min), "{what}: {} is not {min}", read.min);
                        assert!(near(read.max, max, max), "{what}: {} is not {max}", read.max);
                        rounded += 1;
                        continue;
                    }
                    assert_eq!(read.sha256_floats, expected["sha256"], "{what}");
                    exact += 1;
                }
            }
        }
    }
    assert!(exact > 500 && rounded > 30 && refused > 10, "{exact} {rounded} {refused}");
}

#[test]
fn reductions_are_those_of_mera() {
    let mut seen = 0;
    for (path, truth) in files() {
        let file = MeraFile::open(&path, Checksums::Trusted).unwrap();
        for (table, truth) in tables(&truth) {
            let what = format!("{} {}", path.display(), table.name());
            let relation = Relation::of_group(file.group(table).unwrap().unwrap());
            let all = Selection::default();
            let triple = |key: &str, found: Result<[f64; 3], _>| {
                let expected = &truth[key];
                if expected.get("error").is_some() || expected.is_null() {
                    return;
                }
                let found: [f64; 3] =
                    found.unwrap_or_else(|e: jldconv::numbers::NumbersError| panic!("{what}: {e}"));
                let expected: Vec<f64> = expected.as_array().unwrap().iter().map(float).collect();
                for (found, expected) in found.iter().zip(&expected) {
                    // Velocities have signs, so that little may be left of large sums.
                    let sizes = expected.abs().max(1e-3);
                    assert!(near(*found, *expected, sizes), "{what} {key}: {found} {expected}");
                }
            };
            for (key, unit) in [("msum", None), ("msum_Msol", Some("Msol"))] {
                let found = total_mass(&file, &relation, &all, unit);
                if truth[key].get("error").is_some() {
                    assert!(found.is_err(), "{what}: Mera refuses {key}");
                    continue;
                }
                let expected = float(&truth[key]);
                assert!(near(found.unwrap(), expected, expected), "{what} {key}");
                seen += 1;
            }
            triple("center_of_mass", center_of_mass(&file, &relation, &all, None));
            triple("center_of_mass_kpc", center_of_mass(&file, &relation, &all, Some("kpc")));
            let velocity = bulk_velocity(&file, &relation, &all, Some("km_s"));
            triple("bulk_velocity_km_s", velocity);
            let found = levels(&file, &relation, &all).unwrap();
            if let Some(expected) = truth["levels"].as_object() {
                let found = found.unwrap();
                assert_eq!(found.len(), expected.len(), "{what}");
                for (level, rows) in found {
                    assert_eq!(expected[&level.to_string()].as_u64(), Some(rows), "{what}");
                }
            }
            if let Some(expected) = truth.get("loaddata_range") {
                let ranges = [[0.4, 0.6], [0.4, 0.6], [0.45, 0.55]].map(|range| range.map(Some));
                let region = RegionWish { ranges, ..RegionWish::default() };
                let part = Selection { region, ..Selection::default() };
                let read = read(&file, table, Ask::new("rho"), &part).unwrap();
                assert_eq!(read.n, expected["n"].as_u64().unwrap(), "{what}");
                let mass = total_mass(&file, &relation, &part, None).unwrap();
                let expected = float(&expected["msum"]);
                assert!(near(mass, expected, expected), "{what}: {mass} {expected}");
                seen += 1;
            }
        }
    }
    assert!(seen > 30, "{seen}");
}

#[test]
fn times_are_those_of_mera() {
    let mut seen = 0;
    for (path, truth) in files() {
        let file = MeraFile::open(&path, Checksums::Trusted).unwrap();
        for (table, truth) in tables(&truth) {
            let info = file.group(table).unwrap().unwrap().info;
            let clock = info.clock();
            assert_eq!(truth["cosmological"].as_bool(), Some(clock.is_cosmological()));
            for (key, unit) in [("time_Myr", "Myr"), ("time_Gyr", "Gyr"), ("time", "standard")] {
                let (found, expected) = (clock.time_in(unit).unwrap(), float(&truth[key]));
                let same =
                    found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan();
                // `time` is that of the info, whatever the box does.
                let same = same || key == "time" && info.time.to_bits() == expected.to_bits();
                assert!(same, "{} {key}: {found} {expected}", path.display());
                seen += 1;
            }
            let redshift = float(&truth["redshift"]);
            assert_eq!(clock.redshift().to_bits(), redshift.to_bits(), "{}", path.display());
        }
    }
    assert!(seen > 40, "{seen}");
}
