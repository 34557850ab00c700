//! Directories that cannot be listed cost what is in them, and are told; directories that an earlier run
//! made of the same archive are not taken for input.

use super::trees::{files, simulations};
use super::world::World;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

fn lock(world: &World, dir: &str, mode: u32) {
    fs::set_permissions(world.at(dir), fs::Permissions::from_mode(mode)).unwrap();
}

const DENIED: &str = "sim_b: Permission denied";

#[test]
fn a_run_goes_on_without_a_directory_that_cannot_be_listed() {
    let world = simulations();
    lock(&world, "old/sim_b", 0o000);
    let args = ["old", "new", "-r", "--report", "r.json"];
    let Some(ended) = world.bound("jldconv-supervisor", &args) else { return };
    let ended = ended.ends(1);
    assert!(ended.out.contains("  unread      sim_b: Permission denied"), "{ended:#?}");
    assert!(ended.out.contains("warning: sim_b: Permission denied"), "{ended:#?}");
    assert!(ended.out.contains("Done in part: 3 converted"), "{ended:#?}");
    assert!(ended.out.contains("Directories that could not be listed"), "{ended:#?}");
    assert_eq!(world.json("r.json")["unlisted"][0]["name"], "sim_b");
    assert_eq!(files(&world.at("new")).len(), 3);
    // It is in the journal, too.
    let merged = world.bound("jldconv-supervisor", &["report", "new", "--json"]).unwrap().ends(1);
    let merged: Value = serde_json::from_str(&merged.out).unwrap();
    assert_eq!(merged["unlisted"][0]["name"], "sim_b", "{merged:#}");
    let told = world.bound("jldconv-supervisor", &["status", "new"]).unwrap().ends(1);
    assert!(told.out.contains("done but for files that failed"), "{told:#?}");
    lock(&world, "old/sim_b", 0o755);
    world.bound("jldconv-supervisor", &args).unwrap().ends(0);
    assert_eq!(files(&world.at("new")).len(), 7);
    assert!(world.json("r.json").get("unlisted").is_none());
    // Where nothing else is left, it is still no empty archive.
    for dir in ["old/sim_a", "old/sim_b", "old/deep"] {
        lock(&world, dir, 0o000);
    }
    let ended = world.bound("jldconv-supervisor", &["old", "more", "-r"]).unwrap().ends(1);
    assert!(ended.err.contains("unread      deep: Permission denied"), "{ended:#?}");
    for dir in ["old/sim_a", "old/sim_b", "old/deep"] {
        lock(&world, dir, 0o755);
    }
}

#[test]
fn looking_goes_on_without_it() {
    let world = simulations();
    fs::create_dir(world.at("new")).unwrap();
    lock(&world, "old/sim_b", 0o000);
    let scan = ["scan", "-r", "old", "--no-estimate", "--json"];
    let Some(ended) = world.bound("jldconv-supervisor", &scan) else { return };
    let ended = ended.ends(1);
    assert!(ended.err.contains(&format!("error: old/{DENIED}")), "{ended:#?}");
    let summary: Value = serde_json::from_str(ended.out.lines().last().unwrap()).unwrap();
    assert_eq!(summary["summary"]["files"], 3);
    assert!(summary["summary"]["unlisted"][0].as_str().unwrap().starts_with("old/sim_b: "));
    let block = world.bound("jldconv-supervisor", &["scan", "-r", "old"]).unwrap().ends(1);
    assert!(block.out.contains("unread      old/sim_b: Permission"), "{block:#?}");

    let inspect = world.bound("jldconv", &["inspect", "-r", "old"]).unwrap().ends(1);
    assert!(inspect.err.contains(&format!("error: old/{DENIED}")), "{inspect:#?}");
    assert!(inspect.out.contains("sim_a/output_00001.jld2"), "{inspect:#?}");

    let both = world.bound("jldconv-supervisor", &["old", "new", "-r", "--progress", "none"]);
    both.unwrap().ends(1);
    for program in ["jldconv", "jldconv-supervisor"] {
        let verify = world.bound(program, &["verify", "old", "new", "-r"]).unwrap().ends(1);
        assert!(verify.err.contains(&format!("old/{DENIED}")), "{verify:#?}");
        assert!(verify.out.contains("3 files: 3 equal but for what rules explain"), "{verify:#?}");
    }

    let place = ["--mode", "in-place", "-r", "old", "--yes", "--progress", "none"];
    world.bound("jldconv-supervisor", &place).unwrap().ends(1);
    let undo = world.bound("jldconv", &["undo", "-r", "old"]).unwrap().ends(1);
    assert!(undo.err.contains(&format!("error: old/{DENIED}")), "{undo:#?}");
    assert_eq!(undo.out.matches(": undone").count(), 3, "{undo:#?}");
    lock(&world, "old/sim_b", 0o755);
}

#[test]
fn outputs_of_earlier_runs_in_the_archive_are_not_taken_again() {
    let world = simulations();
    world.supervisor(&["old", "old/made", "-r"]).ends(0);
    let ended = world.supervisor(&["old", "new", "-r"]).ends(0);
    assert!(ended.out.contains("found       7 files in 3 directories"), "{ended:#?}");
    assert!(ended.out.contains("left out    made: an earlier run made its files"), "{ended:#?}");
    assert_eq!(files(&world.at("new")).len(), 7);
    let scan = world.supervisor(&["scan", "-r", "old", "--no-estimate"]).ends(0);
    assert!(scan.out.contains("scanned     7 files in 3 directories"), "{scan:#?}");
    assert!(scan.out.contains("left out    old/made: an earlier run made"), "{scan:#?}");
    // As input of its own it is taken, and so is one that was made of another archive.
    let own = world.supervisor(&["old/made", "third", "-r"]).ends(0);
    assert!(own.out.contains("found       7 files"), "{own:#?}");
    fs::create_dir(world.at("all")).unwrap();
    world.supervisor(&["old/sim_a", "all/sim_a"]).ends(0);
    let other = world.supervisor(&["all", "fourth", "-r"]).ends(0);
    assert!(other.out.contains("found       2 files in 1 directory"), "{other:#?}");
    // In place a directory is made of itself.
    world.supervisor(&["--mode", "in-place", "old/sim_b", "--yes"]).ends(0);
    let again = world.supervisor(&["old", "fifth", "-r"]).ends(0);
    assert!(again.out.contains("found       7 files in 3 directories"), "{again:#?}");
}
