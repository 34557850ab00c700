//! `jldconv-supervisor series` of each quantity that real Mera computed of the files of all eras: the smallest
//! and largest, bit for bit, sums and means; centres, weights, and all that `wstat` tells.

use super::series::{Table, archive, float, near, truths};
use super::world::World;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

/// What depends on the last bits of the mathematical library.
const ROUNDED: [&str; 5] = ["ϕ", "vϕ_cylinder", "vr_cylinder", "entropy_index", "entropy_specific"];
const TABLES: [&str; 4] = ["hydro", "particles", "gravity", "clumps"];

type Truths = BTreeMap<u64, (PathBuf, Value)>;

fn told(world: &World, items: &[String], more: &[&str]) -> Table {
    let list = items.join(",");
    let args = ["series", "old", "--like-mera", "--what", &list, "--out", "s.csv"];
    world.supervisor(&[&args[..], more].concat()).ends(0);
    Table::of(&fs::read_to_string(world.at("s.csv")).unwrap())
}

/// All `key` of a table's truth in any file.
fn keys<'t>(truths: &'t Truths, table: &str, key: &str) -> BTreeSet<&'t str> {
    let all = truths.values().filter_map(|(_, truth)| truth[table][key].as_object());
    all.flat_map(|object| object.keys().map(String::as_str)).collect()
}

/// A column's name without and with its unit in brackets, as Mera's label says it.
fn column(table: &str, statistic: &str, label: &str) -> (String, String) {
    let (name, unit) = label.rsplit_once(':').unwrap();
    let plain = format!("{table}.{statistic}_{name}");
    match unit {
        "standard" => (plain.clone(), plain),
        unit => (format!("{plain}[{unit}]"), format!("{plain} [{unit}]")),
    }
}

#[test]
fn every_quantity_is_that_of_mera() {
    let truths = truths();
    let world = archive(&truths);
    let (mut held, mut empty) = (0, 0);
    for table in TABLES {
        for (key, more) in [("getvar", &[][..]), ("getvar_center_bc", &["--center", "bc"])] {
            let labels = keys(&truths, table, key);
            let statistics = ["min", "max", "sum"];
            let of = |label: &&str| statistics.map(|it| column(table, it, label).0);
            let items: Vec<String> = labels.iter().flat_map(of).collect();
            let series = told(&world, &items, more);
            for (number, (_, truth)) in &truths {
                let Some(truth) = truth[table][key].as_object() else { continue };
                for (label, truth) in truth {
                    let what = format!("{number} {table} {label} {more:?}");
                    let cells =
                        statistics.map(|it| series.cell(*number, &column(table, it, label).1));
                    if truth.get("error").is_some() {
                        assert_eq!(cells, [None; 3], "{what}: Mera refuses it");
                        empty += 1;
                        continue;
                    }
                    let [min, max, sum] = statistics.map(|it| float(&truth[it]));
                    let rounded = ROUNDED.iter().any(|name| label.starts_with(&format!("{name}:")));
                    let size = |x: f64| if rounded { x.abs() } else { 0.0 };
                    near(cells[0], min, size(min), &what);
                    near(cells[1], max, size(max), &what);
                    let sizes = truth["n"].as_f64().unwrap() * min.abs().max(max.abs());
                    near(cells[2], sum, sizes, &what);
                    held += 1;
                }
            }
        }
    }
    assert!(held > 500 && empty > 10, "{held} {empty}");
}

/// Means, deviations and the like with and without weights, and bulk velocities with each weight that Mera
/// has.
#[test]
fn statistics_of_every_table_are_those_of_mera() {
    let truths = truths();
    let world = archive(&truths);
    let mut held = 0;
    for (table, quantity) in TABLES.into_iter().zip(["rho", "vx", "epot", "mass"]) {
        let statistics = ["mean", "median", "std", "skewness", "kurtosis"];
        let of = |weight: &str| statistics.map(|it| format!("{table}.{it}_{quantity}{weight}"));
        // Gravity has no mass.
        let weighted = if table == "gravity" { Vec::new() } else { of("@mass").to_vec() };
        let mut items: Vec<String> = of("").into_iter().chain(weighted.clone()).collect();
        let velocities = [("", "bulk_velocity_km_s"), ("@no", "bulk_velocity_none_km_s")];
        let volume = ("@volume", "bulk_velocity_volume_km_s");
        let velocities = match table {
            "hydro" => [&velocities[..], &[volume]].concat(),
            "particles" => velocities.to_vec(),
            _ => Vec::new(),
        };
        items.extend(
            velocities.iter().map(|(weight, _)| format!("{table}.bulk_velocity{weight}[km_s]")),
        );
        let series = told(&world, &items, &[]);
        for (number, (_, truth)) in &truths {
            let truth = &truth[table];
            let whole = [(format!("wstat_{quantity}"), of("").to_vec())];
            let parts = [(format!("wstat_mass_{quantity}"), weighted.clone())];
            for (key, columns) in whole.into_iter().chain(parts) {
                for (statistic, column) in statistics.iter().zip(columns) {
                    let Some(expected) = truth[&key].get(statistic).map(float) else { continue };
                    // Third and fourth powers lose some digits of the mean's.
                    let far = if statistic.ends_with('s') { 10.0 } else { 1.0 };
                    let what = format!("{number} {column}");
                    near(
                        series.cell(*number, &column),
                        expected,
                        far * expected.abs().max(1.0),
                        &what,
                    );
                    held += 1;
                }
            }
            for (weight, key) in &velocities {
                for (axis, expected) in
                    ["x", "y", "z"].iter().zip(truth[*key].as_array().into_iter().flatten())
                {
                    let column = format!("{table}.bulk_velocity_{axis}{weight} [km_s]");
                    near(
                        series.cell(*number, &column),
                        float(expected),
                        10.0,
                        &format!("{number} {column}"),
                    );
                    held += 1;
                }
            }
        }
    }
    assert!(held > 250, "{held}");
}
