//! Maps against those that Mera 1.9.0 in real Julia made of the same files.

use crate::truth::{files, float, tables};
use jldconv::h5::Checksums;
use jldconv::mera::quantity::TableKind;
use jldconv::mera::region::{Center, RegionWish};
use jldconv::numbers::map::{Direction, Map, MapAsk, Pixels, Reading, map};
use jldconv::numbers::{MeraFile, Relation, Selection};
use serde_json::Value;
use sha2::{Digest, Sha256};

fn bits(map: &Map) -> String {
    let bytes: Vec<u8> = map.values.iter().flat_map(|value| value.to_le_bytes()).collect();
    format!("{:x}", Sha256::digest(&bytes))
}

/// What `label` of the truth asks for: `rho:nH:z:64:volume`.
fn asked(label: &str) -> (MapAsk, Selection) {
    let parts: Vec<&str> = label.split(':').collect();
    let direction = match parts[2] {
        "x" => Direction::X,
        "y" => Direction::Y,
        _ => Direction::Z,
    };
    let mut ask = MapAsk {
        name: parts[0].to_owned(),
        unit: Some(parts[1].to_owned()),
        direction,
        weight: parts.get(4).map(|weight| (*weight).to_owned()),
        ..MapAsk::default()
    };
    let mut selection = Selection::default();
    ask.pixels = Pixels::Box(match parts[3] {
        "lmax6" | "center_range" => 64,
        res => res.parse().unwrap(),
    });
    if parts[3] == "center_range" {
        let ranges = [[-8.0, 8.0], [-8.0, 8.0], [-4.0, 4.0]].map(|range| range.map(Some));
        let center = Some([Center::Middle; 3]);
        selection.region = RegionWish { ranges, center, unit: Some("kpc".to_owned()) };
    }
    (ask, selection)
}

fn made(file: &MeraFile, table: TableKind, ask: &MapAsk, selection: &Selection) -> Map {
    let relation = Relation::of_group(file.group(table).unwrap().unwrap());
    map(file, &relation, selection, ask, &Reading::default()).unwrap()
}

fn truths(mut each: impl FnMut(&str, &MeraFile, TableKind, &str, &Value)) {
    for (path, truth) in files() {
        let file = MeraFile::open(&path, Checksums::Trusted).unwrap();
        for (table, truth) in tables(&truth) {
            for (label, expected) in truth["projection"].as_object().into_iter().flatten() {
                let what = format!("{} {} {label}", path.display(), table.name());
                if expected.get("error").is_none() {
                    each(&what, &file, table, label, expected);
                }
            }
        }
    }
}

#[test]
fn maps_have_the_bits_of_meras() {
    let mut seen = 0;
    truths(|what, file, table, label, expected| {
        let (mut ask, selection) = asked(label);
        ask.like_mera = true;
        let found = made(file, table, &ask, &selection);
        assert_eq!(expected["dims"], serde_json::json!(found.pixels), "{what}");
        let extent = expected["extent"].as_array().unwrap().iter().map(float);
        assert!(found.extent.into_iter().flatten().eq(extent), "{what}: {:?}", found.extent);
        let nan = found.values.iter().filter(|value| value.is_nan()).count();
        assert_eq!(expected["nan"], nan, "{what}");
        // Which NaN is in an empty pixel does not matter, and is not in the digest of all.
        if nan == 0 {
            assert_eq!(expected["sha256"], bits(&found), "{what}");
        }
        if let Some(pixels) = expected["map"].as_array() {
            let zero = |value: &Value| if value == "0x0" { 0.0 } else { float(value) };
            let pixels: Vec<f64> = pixels.iter().map(zero).collect();
            let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
            assert!(pixels.iter().zip(&found.values).all(same), "{what}");
            assert_eq!(pixels.len(), found.values.len(), "{what}");
        }
        seen += 1;
    });
    assert!(seen > 100, "{seen}");
}

#[test]
fn maps_of_gas_in_the_whole_box_need_no_flag_for_it() {
    let mut seen = 0;
    truths(|what, file, table, label, expected| {
        let (ask, selection) = asked(label);
        if table == TableKind::Hydro && !selection.has_region() {
            let found = made(file, table, &ask, &selection);
            assert_eq!(expected["sha256"], bits(&found), "{what}");
            seen += 1;
        }
    });
    assert!(seen > 100, "{seen}");
}
