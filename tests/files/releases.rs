//! Objects that real Julia wrote with old releases of packages and of JLD2, one a file, held against
//! what the releases of 2026 wrote of the same values (`tests/data/packages/Releases`).

use crate::common::truth::differences;
use crate::rules::{World, data, dump};
use crate::runner::printed;
use serde_json::Value;
use std::path::PathBuf;

/// PooledArrays comes along with DataFrames.
const TARGET: &str = "julia-2026+DataFrames@1.7.1+CategoricalArrays@1.1+StructArrays@0.6.18\
                      +OrderedCollections@1.8.1+StaticArrays@1.9.15";

fn file(release: &str, object: &str) -> PathBuf {
    data().join("packages/Releases").join(release).join(format!("{object}.jld2"))
}

/// With one name for what has two: types that moved to StaticArraysCore, tuples of numbers.
fn named_alike(dump: &Value) -> Value {
    let text = dump.to_string();
    let text =
        text.replace("StaticArraysCore.", "StaticArrays.").replace("Core.Tuple{3}", "Tuple{3}");
    serde_json::from_str(&text).unwrap()
}

/// What becomes of an object of this release, and what differs from today's but for caches.
fn becomes(release: &str, object: &str) -> (Value, Vec<String>) {
    let out = World::to(&file(release, object), TARGET).outputs();
    let today = dump(&file("2026-jld2-0.6.5", object));
    let mut differs = differences(&named_alike(&today), &named_alike(&out));
    // JLD2 0.1 stored a Bool as a number of one byte, which all of JLD2 reads. Of a frame's column the
    // array that it was made from may still have been counted.
    let known = [
        "maxprobe",
        "pool.hash",
        "refcount.value",
        "false in the truth, 0 in the dump",
        "true in the truth, 1 in the dump",
    ];
    differs.retain(|text| !known.iter().any(|part| text.contains(part)));
    (out, differs)
}

#[test]
fn objects_of_old_packages_and_old_jld2_become_as_the_new_ones_write_them() {
    for object in ["cat_missing", "od_nested", "sa_nt", "sized"] {
        assert_eq!(becomes("2020-jld2-0.1.14", object).1, Vec::<String>::new(), "{object}");
    }
    let newer = "2021-jld2-0.4.53";
    for object in ["cat_missing", "df_pool", "pool_vec"] {
        assert_eq!(becomes(newer, object).1, Vec::<String>::new(), "{object}");
    }
    // These were as they are now.
    for object in ["od_nested", "sa_nt", "sized"] {
        let world = World::to(&file(newer, object), TARGET);
        let told = printed(&world.try_convert(&world.input, &world.at("same.jld2"), "auto"));
        assert!(told.contains(": unchanged ("), "{object}: {told}");
    }
}

/// Each has a count of its own, an object of the type that the package's own arrays refer to.
#[test]
fn pooled_arrays_count_who_shares_their_pool() {
    let today = dump(&file("2026-jld2-0.6.5", "pool_vec"));
    for release in ["2020-jld2-0.1.14", "2021-jld2-0.4.53"] {
        let (out, _) = becomes(release, "pool_vec");
        let counts = [0, 1].map(|i| &out["/v"]["items"][i]["fields"]["refcount"]);
        for (i, count) in counts.iter().enumerate() {
            let wanted = &today["/v"]["items"][i]["fields"]["refcount"];
            assert_eq!(
                (&count["t"], &count["fields"]),
                (&wanted["t"], &wanted["fields"]),
                "{release}"
            );
            assert_eq!(count["fields"]["value"]["v"], 1, "{release}");
        }
        assert!(counts[0]["id"].is_u64() && counts[0]["id"] != counts[1]["id"], "{release}");
    }
}
