//! What packages did to their types, held against what real Julia wrote and read: each old file of
//! `tests/data/packages`, converted in every mode with its module or rules, holds what the new package
//! reads, wherever it is stored.

use crate::common::truth::differences;
use crate::rules::{World, data, dump, jldconv};
use crate::runner::printed;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

pub(crate) fn file(name: &str) -> PathBuf {
    data().join("packages").join(name)
}

pub(crate) fn json(name: &str) -> Value {
    serde_json::from_slice(&fs::read(file(name)).unwrap()).unwrap()
}

/// Holds outputs against what Julia must read, `but` for some differences.
pub(crate) fn check(world: &World, expected: &str, but: impl Fn(&str) -> bool) {
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
pub(crate) fn of_the_page(prefix: &str) -> String {
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

fn run_json(args: &[&str]) -> Value {
    serde_json::from_str(&printed(&jldconv(args))).unwrap()
}

#[test]
fn stored_types_are_listed() {
    let input = file("UserModule/old-1.jld2");
    let listed = run_json(&["types", "--json", input.to_str().unwrap()]);
    let types = listed["types"].as_array().unwrap();
    let of = |name: &str| types.iter().find(|t| t["type"] == name).unwrap();
    let added = of("Main.Sim.Added");
    let fields = serde_json::json!([
        { "name": "a", "type": "Core.Int64", "size": 8 },
        { "name": "s", "type": "Core.String", "size": 16 },
    ]);
    assert_eq!(added["fields"], fields);
    assert_eq!(added["size"], 24);
    let count = |t: &Value, key: &str| t[key].as_u64().unwrap();
    assert_eq!(count(added, "bytes"), 24 * count(added, "values"));
    // One in each Outer, and in those of a vector of them and of MOuter.
    let outer = of("Main.Sim.Outer");
    assert!(count(added, "inside") >= count(outer, "values") + count(outer, "inside"));
    assert!(count(added, "objects") > 0 && added["link"].is_string());
    let text = printed(&jldconv(&["types", input.to_str().unwrap()]));
    assert!(text.contains("Main.Sim.Added") && text.contains("s::Core.String"), "{text}");
}

#[test]
fn rules_are_tried_and_nothing_is_written() {
    let input = file("UserModule/old-1.jld2");
    let world = World::new(&input, "");
    let rules = format!(
        "{}[[rule]]\nid = \"slip\"\nfrom = [\"Main.Sim.Outter\"]\ndrop = [\"k\"]\n",
        of_the_page("sim-renamed")
    );
    let path = world.at("tried.toml");
    fs::write(&path, rules).unwrap();
    let before = fs::read(&input).unwrap();
    let args = ["rules", "test", path.to_str().unwrap(), input.to_str().unwrap()];
    let text = printed(&jldconv(&args));
    assert!(text.contains("did you mean Main.Sim.Outer, "), "{text}");
    assert!(text.contains("v as Core.Int64") && text.contains("old_name -> new_name"), "{text}");
    let tried = run_json(&[&args[..], &["--json"]].concat());
    assert_eq!(tried["action"], "patch");
    assert_eq!(tried["unmet"][0]["rule"], "slip");
    assert_eq!(tried["unmet"][0]["near"]["type"], "Main.Sim.Outer");
    let generic = tried["changes"].as_array().unwrap().iter();
    let generic = generic.filter(|c| c["rules"][0] == "sim-parameter").collect::<Vec<_>>();
    assert_eq!(generic[0]["to"], "Main.Sim.Generic{Core.Float64,1}");
    assert!(fs::read(&input).unwrap() == before);
    // What cannot be carried out is an error, and the next file is tried all the same.
    fs::write(
        &path,
        "[[rule]]\nid = \"r\"\nfrom = [\"Main.Sim.Added\"]\nconvert = { s = \"Int8\" }",
    )
    .unwrap();
    let output =
        jldconv(&[&args[..], &[file("DataFrames/old-1.3.6.jld2").to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("field \"s\" of Main.Sim.Added: it is not stored as a number"), "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("old-1.3.6.jld2: nothing"));
}

#[test]
fn what_jld2_meets_is_foretold() {
    let findings = |name: &str, target: &str| -> Vec<Value> {
        let path = file(name);
        let seen = run_json(&["inspect", "--json", "--target", target, path.to_str().unwrap()]);
        seen["findings"].as_array().unwrap().clone()
    };
    let says = |all: &[Value], severity: &str, part: &str| {
        assert!(
            all.iter().any(|f| f["severity"] == severity && f.to_string().contains(part)),
            "{severity}: {part}: {all:#?}"
        );
    };
    // What JLD2 brings along is there, whoever asks.
    for target in ["mera-1.9", "julia-2026"] {
        let told = findings("OrderedCollections/old-1.6-jld2-0.6.5.jld2", target);
        assert!(
            !told.iter().any(|f| f.to_string().contains("OrderedDict is none of")),
            "{told:#?}"
        );
    }
    let told = findings("JLD2Reconstructed/old-reconstructed.jld2", "mera-1.9");
    says(&told, "failure", "ends with a TypeError");
    says(&told, "warning", "wrapped once more");
    says(&told, "warning", "some parameters could not be resolved");
    let told =
        findings("OrderedCollections/old-1.6-jld2-0.6.5.jld2", "julia-2026+OrderedCollections@2");
    says(&told, "failure", "MethodError");
    says(&told, "failure", "the field dict of OrderedCollections.OrderedSet");
    says(&told, "failure", "is missing field live in workspace type; reconstructing");
    let told = findings("CategoricalArrays/new-0.10.8.jld2", "julia-2026+CategoricalArrays@1.0.2");
    says(&told, "failure", "has a different number of parameters from type CategoricalPool");
    let told = findings("StructArrays/old-0.4.4.jld2", "julia-2026+StructArrays@0.6.5");
    says(&told, "warning", "is missing field components in workspace type");
    let told = findings("DataFrames/old-1.3.6.jld2", "julia-2026+DataFrames@1.7");
    says(&told, "warning", "saved type DataFrames.DataFrame is missing field metadata");
    says(&told, "failure", "MethodError");
}

/// Holds what becomes of `old` against what JLD2 wrote with the new definitions.
fn becomes(old: &str, target: &str, new: &str) {
    let [old, new] = [old, new].map(|name| file("Definitions").join(format!("{name}.jld2")));
    let world = World::to(&old, target);
    let found = differences(&dump(&new), &world.outputs());
    assert_eq!(found, Vec::<String>::new());
    // What was written with the new definitions needs nothing.
    let same = World::to(&new, target);
    let told = printed(&same.try_convert(&new, &same.at("same.jld2"), "auto"));
    assert!(told.contains(": unchanged ("), "{told}");
}

#[test]
fn layers_of_flux() {
    becomes("old-flux-0.11", "julia-2026+Flux@0.16.11", "new-flux-0.16.11");
    becomes("old-flux-0.8", "julia-2026+Flux@0.16.11", "new-flux-0.8");
}

#[test]
fn interpolations_and_static_arrays() {
    let target = "julia-2026+StaticArrays@1.9+Interpolations@0.16";
    becomes("old-interpolations-0.13.0", target, "new-interpolations-0.16");
}

#[test]
fn grids_and_fields_of_oceananigans() {
    let target = "julia-2026+Oceananigans@0.110.6";
    becomes("old-oceananigans-0.95", target, "new-oceananigans-0.110.6");
}

/// What stands in outputs of Oceananigans beside grids and fields: boundary conditions, rotation, buoyancy.
#[test]
fn conditions_and_rotations_of_oceananigans() {
    let target = "julia-2026+Oceananigans@0.110.6";
    for version in ["0.91", "0.97"] {
        let [old, new] = ["old", "new"].map(|age| format!("{age}-oceananigans-{version}"));
        becomes(&old, target, &new);
    }
}

#[test]
fn rows_of_data_frames() {
    becomes("old-dataframes-0.21", "julia-2026+DataFrames@1.7", "new-dataframes-1.7");
}

#[test]
fn ranges_factorizations_and_generators_of_older_julias() {
    becomes("old-julia-1.6", "julia-2026", "new-julia-1.10");
    // A session of Julia 1.6 has them as they are, and says so.
    let old = file("Definitions/old-julia-1.6.jld2");
    let kept = World::to(&old, "julia-2026+julia@1.6");
    let told = printed(&kept.try_convert(&old, &kept.at("kept.jld2"), "auto"));
    assert!(told.contains(": unchanged ("), "{told}");
    assert!(
        told.contains("/xoshiro") && told.contains("does not exist in JLD2 0.6.5, julia 1.6"),
        "{told}"
    );
}

#[test]
fn generators_go_on_with_the_same_numbers() {
    becomes("old-twister", "julia-2026", "new-twister");
}

#[test]
fn ordered_dictionaries_from_before_they_kept_how_far_keys_stand() {
    let input = file("Definitions/old-orderedcollections-1.3.2.jld2");
    for (target, live) in
        [("julia-2026+OrderedCollections@1", false), ("julia-2026+OrderedCollections@2", true)]
    {
        let out = World::to(&input, target).outputs();
        for place in ["/small", "/numbers", "/deleted", "/empty"] {
            let fields = &out[place]["fields"];
            // No key stands farther from its place than there are slots.
            assert_eq!(fields["maxprobe"]["v"], fields["slots"]["dims"][0], "{place}");
            assert_eq!(fields["live"].is_object(), live, "{place}");
        }
        assert_eq!(out["/small"]["fields"]["keys"]["items"][1]["v"], "y");
    }
}

#[test]
fn old_ordered_dictionaries_are_foretold_without_a_module_too() {
    let findings = |name: &str| {
        let args = ["inspect", "--json", "--target", "julia-2026"];
        run_json(&[&args[..], &[file(name).to_str().unwrap()]].concat())["findings"].to_string()
    };
    let old = findings("Definitions/old-orderedcollections-1.3.2.jld2");
    let said = "OrderedCollections.OrderedDict is stored without the field maxprobe";
    assert!(old.contains(said), "{old}");
    let today = findings("OrderedCollections/old-1.6-jld2-0.6.5.jld2");
    assert!(!today.contains("maxprobe"), "{today}");
}

#[test]
fn layouts_that_no_rule_knows_are_foretold() {
    let input = file("Definitions/old-interpolations-0.13.0.jld2");
    let args = ["inspect", "--json", "--target", "julia-2026+Interpolations+StaticArrays"];
    let seen = run_json(&[&args[..], &[input.to_str().unwrap()]].concat());
    let findings = seen["findings"].to_string();
    // As JLD2 0.6.5 was seen to do.
    assert!(findings.contains("is not a leaf type in workspace; reconstructing"), "{findings}");
    assert!(!findings.contains("has a different number"), "{findings}");
    assert!(
        findings.contains(
            "Interpolations.Linear is stored with 0 parameters; JLD2.load ends with a MethodError"
        ),
        "{findings}"
    );
}
