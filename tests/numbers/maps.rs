//! Maps against those that Mera 1.9.0 in real Julia made of the same files.

use crate::truth::{files, float, tables};
use jldconv::h5::Checksums;
use jldconv::mera::quantity::TableKind;
use jldconv::mera::region::{Center, RegionWish};
use jldconv::numbers::map::{
    Along, Direction, LeftOut, Map, MapAsk, PhaseAsk, Pixels, Reading, map, phase,
};
use jldconv::numbers::{Ask, MeraFile, Query, Relation, Selection, Sum, Values, total_mass};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::Path;

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

/// The maps of the samples in this repository, and all that there are in the shared directory.
fn truths(mut each: impl FnMut(&str, &MeraFile, TableKind, &str, &Value)) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera");
    let maps = std::fs::read(here.with_file_name("mera-maps.json")).unwrap();
    let maps: Value = serde_json::from_slice(&maps).unwrap();
    let samples = maps.as_object().unwrap().iter();
    let samples = samples.map(|(name, truth)| (here.join(name), truth.clone()));
    for (path, truth) in samples.chain(files()) {
        let file = MeraFile::open(&path, Checksums::Trusted).unwrap();
        for (table, truth) in tables(&truth) {
            let maps = truth.get("projection").unwrap_or(truth);
            for (label, expected) in maps.as_object().into_iter().flatten() {
                let what = format!("{} {} {label}", path.display(), table.name());
                if expected.get("dims").is_none() {
                    continue;
                }
                each(&what, &file, table, label, expected);
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
            let same =
                |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
            assert!(pixels.iter().zip(&found.values).all(same), "{what}");
            assert_eq!(pixels.len(), found.values.len(), "{what}");
        }
        seen += 1;
    });
    assert!(seen >= 66, "{seen}");
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
    assert!(seen >= 55, "{seen}");
}

/// A table of a sample.
fn sample(path: &str) -> MeraFile {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera").join(path);
    MeraFile::open(&path, Checksums::Trusted).unwrap()
}

fn sum(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut sum = Sum::default();
    sum.extend(values);
    sum.value()
}

const E8: &str = "e8-lz4filter/output_00400.jld2";

#[test]
fn no_mass_is_lost_whatever_the_pixels() {
    let file = sample(E8);
    for table in [TableKind::Hydro, TableKind::Particles] {
        let relation = Relation::of_group(file.group(table).unwrap().unwrap());
        let all = Selection::default();
        let mass = total_mass(&file, &relation, &all, Some("Msol")).unwrap();
        for direction in [Direction::X, Direction::Y, Direction::Z] {
            for pixels in [Pixels::Side(1), Pixels::Side(37), Pixels::Box(100), Pixels::Auto] {
                let unit = Some("Msol".to_owned());
                let ask =
                    MapAsk { name: "mass".into(), unit, direction, pixels, ..MapAsk::default() };
                let found = made(&file, table, &ask, &all);
                let total = sum(found.values.iter().copied());
                assert!(
                    (total / mass - 1.0).abs() < 1e-12,
                    "{direction:?} {pixels:?}: {total} {mass}"
                );
                // By area it is the same.
                let ask = MapAsk { name: "sd".into(), unit: None, ..ask };
                let found = made(&file, table, &ask, &all);
                let [x, y] = found.extent.map(|[low, high]| high - low);
                let pixels = found.pixels.map(|count| f64::from(u32::try_from(count).unwrap()));
                let area = x * y / (pixels[0] * pixels[1]);
                let code = total_mass(&file, &relation, &all, None).unwrap();
                let total = sum(found.values.iter().map(|value| value * area));
                assert!((total / code - 1.0).abs() < 1e-12, "{direction:?} {pixels:?}");
            }
        }
    }
}

/// Level, place and a quantity of all cells.
fn rows(file: &MeraFile, name: &str) -> Vec<[f64; 5]> {
    let relation = Relation::of_group(file.group(TableKind::Hydro).unwrap().unwrap());
    let asks = ["level", "cx", "cy", "cz", name].map(Ask::new);
    let query = Query::new(file.name(), &relation, &asks, &Selection::default()).unwrap();
    let mut rows = Vec::new();
    query
        .run(|batch| {
            let mut columns = [const { Vec::new() }; 5];
            for (column, values) in columns.iter_mut().zip(batch.values()) {
                values.floats_into(column);
            }
            rows.extend(
                (0..batch.len()).map(|row| [0, 1, 2, 3, 4].map(|i: usize| columns[i][row])),
            );
            Ok(())
        })
        .unwrap();
    rows
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pixels")]
fn pixels(from: f64, count: f64) -> std::ops::Range<usize> {
    from as usize..(from + count) as usize
}

/// What part of a cell is between two places along an axis, in cells of its level.
fn part(cell: f64, cells: f64, [low, high]: [f64; 2]) -> f64 {
    (cell.min(high * cells) - (cell - 1.0).max(low * cells)).max(0.0)
}

#[test]
fn a_window_has_the_mass_of_what_lies_in_it() {
    let file = sample(E8);
    let ranges = [[0.31, 0.57], [0.4, 0.77], [0.45, 0.52]];
    let region =
        RegionWish { ranges: ranges.map(|range| range.map(Some)), ..RegionWish::default() };
    let window = Selection { region, ..Selection::default() };
    let mut inside = Sum::default();
    for [level, x, y, z, mass] in rows(&file, "mass") {
        let at = [x, y, z];
        let parts = [0, 1, 2].map(|i: usize| part(at[i], level.exp2(), ranges[i]));
        inside.add(mass * parts[0] * parts[1] * parts[2]);
    }
    assert!(inside.value() > 0.0);
    for direction in [Direction::X, Direction::Y, Direction::Z] {
        for pixels in [Pixels::Side(50), Pixels::Box(64)] {
            let ask = MapAsk { name: "mass".into(), direction, pixels, ..MapAsk::default() };
            let found = made(&file, TableKind::Hydro, &ask, &window);
            let total = sum(found.values.iter().copied());
            assert!((total / inside.value() - 1.0).abs() < 1e-12, "{direction:?} {pixels:?}");
            // Mera keeps what lies outside.
            if pixels == Pixels::Box(64) {
                let ask = MapAsk { like_mera: true, ..ask };
                let mera = made(&file, TableKind::Hydro, &ask, &window);
                assert!(sum(mera.values) > total * 1.01);
            }
        }
    }
}

#[test]
fn bits_do_not_depend_on_threads() {
    let file = sample(E8);
    let relation = Relation::of_group(file.group(TableKind::Hydro).unwrap().unwrap());
    for name in ["sd", "T"] {
        // So fine that rows of pixels are worth dividing.
        let ask = MapAsk { name: name.into(), pixels: Pixels::Box(700), ..MapAsk::default() };
        let [one, three] = [1, 3].map(|threads| {
            let reading = Reading { threads: Some(threads), ..Reading::default() };
            map(&file, &relation, &Selection::default(), &ask, &reading).unwrap()
        });
        assert_eq!(bits(&one), bits(&three), "{name}");
    }
}

#[test]
fn bits_do_not_depend_on_how_often_a_table_is_read() {
    let maps = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera-maps.json");
    let maps: Value = serde_json::from_slice(&std::fs::read(maps).unwrap()).unwrap();
    let file = sample(E8);
    let relation = Relation::of_group(file.group(TableKind::Hydro).unwrap().unwrap());
    for label in ["sd:Msol_pc2:z:64", "rho:nH:x:64"] {
        let (ask, all) = asked(label);
        // Of 8000 rows none, those of two levels, or all but those of one wait.
        for waiting in [0, 3500, 7900] {
            let reading = Reading { waiting: Some(waiting), ..Reading::default() };
            let found = map(&file, &relation, &all, &ask, &reading).unwrap();
            assert_eq!(maps[E8]["hydro"][label]["sha256"], bits(&found), "{label} {waiting}");
            assert_eq!(found.left_out, LeftOut::default());
        }
    }
}

#[test]
fn means_lie_between_the_extremes_of_what_they_are_of_and_the_largest_is_the_largest() {
    let file = sample(E8);
    let relation = Relation::of_group(file.group(TableKind::Hydro).unwrap().unwrap());
    let all = Selection::default();
    let query = Query::new(file.name(), &relation, &[Ask::new("T")], &all).unwrap();
    let mut temperatures = Vec::new();
    query
        .run(|batch| {
            let mut part = Vec::new();
            batch.values()[0].floats_into(&mut part);
            temperatures.extend(part);
            Ok(())
        })
        .unwrap();
    let low = temperatures.iter().copied().fold(f64::INFINITY, f64::min);
    let high = temperatures.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let ask = MapAsk { name: "T".into(), pixels: Pixels::Box(64), ..MapAsk::default() };
    for along in [Along::Mean, Along::Max] {
        let found = made(&file, TableKind::Hydro, &MapAsk { along, ..ask.clone() }, &all);
        let extremes = found.extremes().unwrap();
        assert!(extremes.low >= low * (1.0 - 1e-12) && extremes.high <= high * (1.0 + 1e-12));
        assert!(along == Along::Mean || (extremes.high / high - 1.0).abs() < 1e-15);
        let covered = found.covered.unwrap();
        assert!(covered.iter().any(|it| *it) && covered.iter().any(|it| !it));
    }
}

#[test]
fn a_plane_shows_the_cells_that_it_cuts() {
    let file = sample(E8);
    let all = Selection::default();
    for (direction, place) in [(Direction::Z, 0.5), (Direction::X, 0.4375), (Direction::Y, 0.501)] {
        let ask = MapAsk {
            name: "rho".into(),
            direction,
            slice: Some(place),
            pixels: Pixels::Box(1024),
            ..MapAsk::default()
        };
        let found = made(&file, TableKind::Hydro, &ask, &all);
        let mut expected = vec![(0.0, 0.0); 1024 * 1024];
        for [level, x, y, z, rho] in rows(&file, "rho") {
            let at = [x, y, z];
            let (deep, cells) = (at[direction.index()], level.exp2());
            if (deep - 1.0) / cells > place || deep / cells <= place {
                continue;
            }
            // The finest cells are as large as pixels.
            let wide = 1024.0 / cells;
            let [x, y] =
                direction.across().map(|axis| pixels((at[axis.index()] - 1.0) * wide, wide));
            for j in y {
                for i in x.clone() {
                    // The cells of the samples are made up, and lie upon each other.
                    let (sum, count) = &mut expected[j * 1024 + i];
                    (*sum, *count) = (*sum + rho, *count + 1.0);
                }
            }
        }
        let mut seen = 0;
        for (i, (sum, count)) in expected.into_iter().enumerate() {
            let value = found.at([i % 1024, i / 1024]);
            assert_eq!(value.is_some(), count > 0.0, "{direction:?} {i}");
            if let Some(value) = value {
                let expected = sum / count;
                assert!((value / expected - 1.0).abs() < 1e-14, "{value} {expected}");
                seen += 1;
            }
        }
        assert!(seen > 1000, "{direction:?}: {seen}");
    }
}

#[test]
fn a_phase_diagram_has_all_the_mass() {
    let file = sample(E8);
    let relation = Relation::of_group(file.group(TableKind::Hydro).unwrap().unwrap());
    let all = Selection::default();
    let axes = [Ask::new("rho").in_unit("nH"), Ask::new("T").in_unit("K")];
    let ask = PhaseAsk { axes, weight: None, unit: Some("Msol".into()), intervals: 64, ends: None };
    let found = phase(&file, &relation, &all, &ask, &Reading::default()).unwrap();
    let mass = total_mass(&file, &relation, &all, Some("Msol")).unwrap();
    assert!((sum(found.values.iter().copied()) / mass - 1.0).abs() < 1e-12);
    assert!(found.axes.iter().all(|axis| axis.log && axis.low > 0.0));
    let ask = PhaseAsk { weight: Some("none".into()), unit: None, ..ask };
    let found = phase(&file, &relation, &all, &ask, &Reading::default()).unwrap();
    assert!((sum(found.values) - 8000.0).abs() < 1e-9);
}

/// The uncompressed sample with some numbers of a column changed: `(row, its eight bytes)`.
fn forged(column: &str, changes: impl IntoIterator<Item = (usize, [u8; 8])>) -> Vec<u8> {
    let file = sample("e4b-none/output_00021.jld2");
    let (table, name) = column.split_once('/').unwrap();
    let relation = Relation::find(&file, table).unwrap().relation;
    let query = Query::new(file.name(), &relation, &[Ask::new(name)], &Selection::default());
    let mut stored = Vec::new();
    query
        .unwrap()
        .run(|batch| {
            if let Values::Stored(slice) = batch.values()[0] {
                stored.extend_from_slice(slice.bytes());
            }
            Ok(())
        })
        .unwrap();
    let mut bytes = std::fs::read(file.name()).unwrap();
    let at = bytes.windows(stored.len()).position(|window| window == stored).unwrap();
    for (row, number) in changes {
        bytes[at + 8 * row..at + 8 * row + 8].copy_from_slice(&number);
    }
    bytes
}

fn opened(bytes: &[u8]) -> (tempfile::TempDir, MeraFile) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("output_00021.jld2");
    std::fs::write(&path, bytes).unwrap();
    // Short columns stand in headers, which have checksums.
    let file = MeraFile::open(&path, Checksums::Ignored).unwrap();
    (dir, file)
}

#[test]
fn forged_levels_and_places_are_left_out_and_told() {
    let levels = [200, -3, i64::MAX, i64::MIN, 63].map(i64::to_le_bytes);
    let (_dir, file) = opened(&forged("hydro/level", (0..).zip(levels)));
    let ask = MapAsk { name: "sd".into(), pixels: Pixels::Box(64), ..MapAsk::default() };
    let all = Selection::default();
    let found = made(&file, TableKind::Hydro, &ask, &all);
    assert_eq!(found.left_out.levels, 5);
    assert!(found.values.iter().all(|value| value.is_finite()));
    assert_eq!(found.left_out.told(), ["5 rows are left out: their level is none of the grid's"]);
    let places = [0, -1, i64::MAX, i64::MIN, 1 << 40].map(i64::to_le_bytes);
    let (_dir, file) = opened(&forged("hydro/cx", (0..).zip(places)));
    for slice in [None, Some(0.5)] {
        for direction in [Direction::X, Direction::Z] {
            let name = "rho".into();
            let found = made(
                &file,
                TableKind::Hydro,
                &MapAsk { name, direction, slice, ..ask.clone() },
                &all,
            );
            let outside = if direction == Direction::Z { 5 } else { 0 };
            assert_eq!(found.left_out.outside, outside, "{direction:?} {slice:?}");
        }
    }
    // What is not a number is on the map, and told.
    let numbers = [f64::NAN, f64::INFINITY].map(f64::to_le_bytes);
    let (_dir, file) = opened(&forged("hydro/rho", (0..).zip(numbers)));
    let found = made(&file, TableKind::Hydro, &ask, &all);
    assert_eq!(found.left_out.not_numbers, 2);
    assert!(found.extremes().is_some_and(|it| it.high.is_finite()));
    let places = [f64::NAN, f64::INFINITY, -1.0, 1e300].map(f64::to_le_bytes);
    let (_dir, file) = opened(&forged("clumps/peak_y", (0..).zip(places)));
    let found = made(&file, TableKind::Clumps, &ask, &all);
    assert_eq!((found.left_out.no_place, found.left_out.outside), (2, 2));
}

#[test]
fn more_coarse_cells_than_there_can_be_are_refused_before_they_take_long() {
    let level = 1_i64.to_le_bytes();
    let one = 1_i64.to_le_bytes();
    let bytes = forged("hydro/level", (0..3000).map(|row| (row, level)));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("output_00021.jld2");
    std::fs::write(&path, bytes).unwrap();
    let file = MeraFile::open(&path, Checksums::Trusted).unwrap();
    let relation = Relation::of_group(file.group(TableKind::Hydro).unwrap().unwrap());
    let ask = MapAsk { name: "rho".into(), pixels: Pixels::Side(2000), ..MapAsk::default() };
    // Their places are those of finer cells: outside.
    let all = Selection::default();
    let found = map(&file, &relation, &all, &ask, &Reading::default()).unwrap();
    assert!(found.left_out.outside > 2900, "{:?}", found.left_out);
    drop(relation);
    drop(file);
    let bytes = std::fs::read(&path).unwrap();
    let mut bytes = bytes;
    for column in ["hydro/cx", "hydro/cy"] {
        let plain = forged(column, []);
        let changed = forged(column, (0..3000).map(|row| (row, one)));
        for (at, byte) in changed.iter().enumerate().filter(|(at, byte)| plain[*at] != **byte) {
            bytes[at] = *byte;
        }
    }
    std::fs::write(&path, bytes).unwrap();
    let file = MeraFile::open(&path, Checksums::Trusted).unwrap();
    let relation = Relation::of_group(file.group(TableKind::Hydro).unwrap().unwrap());
    let error = map(&file, &relation, &all, &ask, &Reading::default()).unwrap_err();
    assert!(!error.is_usage());
    let message = "there are more than 8 cells at level 1, which is all that the box has room for";
    assert!(error.to_string().contains(message), "{error}");
}
