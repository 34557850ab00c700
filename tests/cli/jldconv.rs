//! `jldconv` from outside.

use crate::world::{CURRENT, World, sample};
use std::fs;

#[test]
fn help_version_and_mistakes() {
    let world = World::new(&[]);
    assert!(world.jldconv(&["--help"]).ends(0).out.contains("jldconv inspect"));
    let version = world.jldconv(&["--version"]).ends(0).out;
    assert_eq!(version, concat!("jldconv ", env!("CARGO_PKG_VERSION"), "\n"));
    for args in [
        &[][..],
        &["melt"],
        &["convert"],
        &["convert", "a"],
        &["convert", "a", "b", "--mode", "in-place"],
        &["convert", "a", "b", "--target", "mera-9"],
        &["commit", "none"],
    ] {
        world.jldconv(args).ends(2);
    }
}

#[test]
fn a_file_is_converted_once() {
    let world = World::new(&[1]);
    let args = ["convert", "old/output_00001.jld2", "new.jld2"];
    let told = world.jldconv(&args).ends(0).out;
    assert!(told.starts_with("new.jld2: converted (patch), "), "{told}");
    assert_eq!(world.names("."), ["new.jld2", "old"], "nothing beside it");
    let bytes = fs::read(world.at("new.jld2")).unwrap();
    let refused = world.jldconv(&args).ends(1);
    assert!(refused.err.contains("new.jld2: exists already"), "{}", refused.err);
    world.jldconv(&[&args[..], &["--force"]].concat()).ends(0);
    assert!(fs::read(world.at("new.jld2")).unwrap() == bytes);
    let told = world.jldconv(&["convert", "new.jld2", "again.jld2", "--json"]).ends(0).out;
    let report: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(report["outcome"], "unchanged", "what was converted needs nothing");
}

#[test]
fn columns_get_links_by_name() {
    let world = World::new(&[1]);
    let args = ["convert", "old/output_00001.jld2", "new.jld2", "--flat-links"];
    let told = world.jldconv(&args).ends(0).out;
    assert!(told.contains("note: /hydro/columns: 11 columns of /hydro/data get links"), "{told}");
    let rho = ["dump", "new.jld2", "/hydro/columns/rho", "--json"];
    let rho: serde_json::Value = serde_json::from_str(&world.jldconv(&rho).ends(0).out).unwrap();
    assert!(rho.to_string().contains("sha256"), "{rho}");
    let again = ["convert", "new.jld2", "again.jld2", "--flat-links"];
    assert!(world.jldconv(&again).ends(0).out.starts_with("again.jld2: unchanged (patch)"));
}

#[test]
fn outputs_are_read_through_libhdf5_where_the_build_has_it() {
    let world = World::new(&[1]);
    let args = ["convert", "old/output_00001.jld2", "new.jld2", "--verify", "hdf5"];
    if cfg!(feature = "hdf5") {
        world.jldconv(&args).ends(0);
        assert_eq!(world.names("."), ["new.jld2", "old"]);
    } else {
        let told = world.jldconv(&args).ends(2).err;
        assert!(told.contains("cargo build --features hdf5"), "{told}");
    }
}

#[test]
fn what_is_no_jld2_is_refused() {
    let world = World::new(&[]);
    world.put("text.jld2", "not at all");
    let ended = world.jldconv(&["convert", "text.jld2", "new.jld2"]).ends(1);
    assert!(ended.err.starts_with("error: text.jld2: "), "{}", ended.err);
    world.jldconv(&["convert", "none.jld2", "new.jld2"]).ends(1);
    world.jldconv(&["dump", "text.jld2"]).ends(1);
    assert_eq!(world.names("."), ["old", "text.jld2"]);
}

#[test]
fn values_come_out_as_json() {
    let world = World::new(&[]);
    world.put("a.jld2", sample(CURRENT));
    let whole = world.jldconv(&["dump", "a.jld2", "--json"]).ends(0).out;
    let whole: serde_json::Value = serde_json::from_str(&whole).unwrap();
    let part = world.jldconv(&["dump", "a.jld2", "/hydro/information", "--json"]).ends(0).out;
    let part: serde_json::Value = serde_json::from_str(&part).unwrap();
    let (whole, part) = (whole.as_object().unwrap(), part.as_object().unwrap());
    assert!(part.len() > 2 && part.len() < whole.len());
    assert!(part.iter().all(|(path, node)| whole[path] == *node));
    world.jldconv(&["dump", "a.jld2", "/nowhere"]).ends(1);
}

#[test]
fn nothing_to_undo_is_told() {
    let world = World::new(&[1]);
    assert!(world.jldconv(&["undo", "old"]).ends(4).err.contains("no undo files"));
    assert!(world.jldconv(&["undo", "old/output_00001.jld2"]).ends(1).err.contains("no undo file"));
    world.jldconv(&["commit", "old"]).ends(4);
}

/// A file that is not there is called that, and one beside it with nearly its name is named.
#[test]
fn a_name_that_is_nearly_one_is_recognised() {
    let world = World::new(&[21]);
    for command in ["inspect", "dump"] {
        let ended = world.jldconv(&[command, "old/output_0021.jld2"]).ends(1);
        let said = "error: old/output_0021.jld2: there is no such file; did you mean: old/output_00021.jld2\n";
        assert_eq!(ended.err, said, "{command}");
        let ended = world.jldconv(&[command, "old/nothing.jld2"]).ends(1);
        assert_eq!(ended.err, "error: old/nothing.jld2: there is no such file\n", "{command}");
    }
}
