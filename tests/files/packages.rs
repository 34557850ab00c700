//! What packages did to their types, held against what real Julia wrote and read: each old file of
//! `tests/data/packages`, converted in every mode with its module or rules, holds what the new package
//! reads, wherever it is stored.

use crate::common::truth::differences;
use crate::rules::{World, data, dump, jldconv};
use crate::runner::printed;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

fn file(name: &str) -> PathBuf {
    data().join("packages").join(name)
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&fs::read(file(name)).unwrap()).unwrap()
}

/// Holds outputs against what Julia must read, `but` for some differences.
fn check(world: &World, expected: &str, but: impl Fn(&str) -> bool) {
    let mut differences = differences(&json(expected), &world.outputs());
    differences.retain(|difference| !but(difference));
    assert_eq!(differences, Vec::<String>::new());
    // In place, what was done can be undone.
    let (place, before) = (world.at("undone.jld2"), fs::read(&world.input).unwrap());
    printed(&world.try_convert(&world.input, &place, "in-place"));
    printed(&jldconv(&["undo", place.to_str().unwrap()]));
    assert!(fs::read(&place).unwrap() == before, "not undone");
}

#[test]
fn data_frames_get_their_metadata() {
    let world = World::to(&file("DataFrames/old-1.3.6.jld2"), "julia-2026+DataFrames@1.7");
    check(&world, "DataFrames/old-1.3.6.expected.json", |_| false);
}

#[test]
fn ordered_dictionaries_tell_which_entries_are_live() {
    for name in ["old-1.6-jld2-0.4.31.jld2", "old-1.6-jld2-0.6.5.jld2"] {
        let input = file("OrderedCollections").join(name);
        let world = World::to(&input, "julia-2026+OrderedCollections@2");
        check(&world, "OrderedCollections/new-2.fields.json", |_| false);
    }
}

#[test]
fn rules_do_what_a_module_does() {
    let input = file("OrderedCollections/old-1.6-jld2-0.4.31.jld2");
    let world = World::new(&input, &of_the_page("ordered-dict-2"));
    check(&world, "OrderedCollections/new-2.fields.json", |_| false);
}

#[test]
fn objects_are_rescued_as_named_tuples() {
    let rules = of_the_page("old-solution")
        .replace("SciMLBase.ODESolution", "Main.Sim.Outer")
        .replace("Main.#*", "Main.Sim.Ren*");
    let world = World::new(&file("UserModule/old-1.jld2"), &rules);
    let out = world.outputs();
    let t = |place: &str| out[place]["t"].as_str().unwrap().to_owned();
    let renamed = "Core.NamedTuple{(:a,:old_name),Core.Tuple{Core.Int64,Core.Float64}}";
    assert_eq!(t("/renamed"), renamed);
    assert_eq!(t("/renamed_vector"), format!("Core.Array{{{renamed},1}}"));
    assert_eq!(t("/box_renamed"), format!("Main.Sim.Box{{{renamed}}}"));
    assert_eq!(out["/renamed"]["fields"]["a"]["v"], 1);
    // The type of `r` is another afterwards, so that the field is declared as Any.
    let outer = "Core.NamedTuple{(:r,:ad,:nm,:mv,:k),Core.Tuple{Core.Any,Main.Sim.Added,\
                 Main.Sim.NowMutable,Main.Sim.Moved,Core.Int64}}";
    assert_eq!(t("/outer"), outer);
    assert_eq!(out["/outer"]["fields"]["r"]["t"], renamed);
    assert_eq!(out["/mouter"]["fields"]["o"]["t"], outer);
    let tuples = of_the_page("sim-leftovers").replace("Main.Sim.*", "Core.NamedTuple");
    let world = World::new(&file("JLD2Reconstructed/old-reconstructed.jld2"), &tuples);
    let out = world.outputs();
    let added = "Core.NamedTuple{(:a,:s),Core.Tuple{Core.Int64,Core.String}}";
    assert_eq!(out["/added"]["t"], added);
    assert_eq!(out["/added"]["fields"]["s"]["v"], "three");
}

#[test]
fn struct_arrays_have_components_and_go_back() {
    let input = file("StructArrays/old-0.4.4.jld2");
    let world = World::to(&input, "julia-2026+StructArrays@0.6.5");
    check(&world, "StructArrays/old-0.4.4.expected.json", |_| false);
    let back = World::to(&world.at("patch.jld2"), "julia-2026+StructArrays@0.4");
    assert_eq!(back.outputs(), dump(&input));
}

#[test]
fn categorical_arrays_pass_two_versions() {
    // The hash is a cache: nothing where the old version kept none.
    let hash = |difference: &str| difference.contains("pool.hash .t: \"Core.UInt64\" in the truth");
    let old = file("CategoricalArrays/old-0.9.7.jld2");
    let world = World::to(&old, "julia-2026+CategoricalArrays@0.10.8");
    check(&world, "CategoricalArrays/new-0.10.8.expected.json", hash);
    let newest = "julia-2026+CategoricalArrays@1.0.2";
    let step = World::to(&world.at("rewrite.jld2"), newest).outputs();
    let at_once = World::to(&old, newest);
    check(&at_once, "CategoricalArrays/new-1.0.2.expected.json", hash);
    assert_eq!(step, dump(&at_once.at("rewrite.jld2")));
    let world = World::to(&file("CategoricalArrays/new-0.10.8.jld2"), newest);
    check(&world, "CategoricalArrays/new-1.0.2.expected.json", |_| false);
}

/// The rules of the user's page whose ids begin so, as they stand there.
fn of_the_page(prefix: &str) -> String {
    let page = fs::read_to_string(data().join("../../docs/rules.md")).unwrap();
    let blocks = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let id = format!("id = \"{prefix}");
    let found: Vec<_> = blocks.filter(|block| block.contains(&id)).collect();
    assert_eq!(found.len(), 1, "{prefix}");
    found[0].to_owned()
}

#[test]
fn a_users_module_is_changed_in_nine_ways() {
    let world = World::new(&file("UserModule/old-1.jld2"), &of_the_page("sim-renamed"));
    let world = world.and_to("julia-2026");
    check(&world, "UserModule/old-1.expected.json", |_| false);
}

#[test]
fn leftovers_become_of_their_types_again() {
    let rules = of_the_page("sim-leftovers");
    let input = file("JLD2Reconstructed/old-reconstructed.jld2");
    let world = World::new(&input, &rules).and_to("julia-2026");
    check(&world, "JLD2Reconstructed/new-types.expected.json", |_| false);
    // What they have become is changed by further rules at once.
    let all = of_the_page("sim-renamed");
    let module = all.replace("convert = { n = \"Int64\",", "rename = { n = \"n\" } # ");
    let world = World::new(&input, &format!("{rules}{module}")).and_to("julia-2026");
    let (out, wanted) = (world.outputs(), json("UserModule/old-1.expected.json"));
    for place in ["/renamed", "/added", "/moved", "/dropped", "/renamed_vector", "/nothing_field"] {
        let alone = |all: &Value| serde_json::json!({ place: all[place] });
        assert_eq!(differences(&alone(&wanted), &alone(&out)), Vec::<String>::new());
    }
    let refused = World::new(&input, &format!("{rules}{all}")).refused();
    assert!(refused.contains("field \"n\" of Main.Sim.Retyped"), "{refused}");
}

#[test]
fn dictionaries_of_older_jld2_stay_as_they_are() {
    let input = file("JLD2Dict/old-jld2-0.4.31.jld2");
    let found = differences(&json("JLD2Dict/old-jld2-0.4.31.truth.json"), &dump(&input));
    assert_eq!(found, Vec::<String>::new());
    let world = World::to(&input, "julia-2026");
    let output = world.at("same.jld2");
    let told = printed(&world.try_convert(&input, &output, "auto"));
    assert!(told.contains(": unchanged ("), "{told}");
    assert!(fs::read(output).unwrap() == fs::read(input).unwrap());
}
