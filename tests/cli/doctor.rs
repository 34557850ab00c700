//! What `jldconv doctor` tells before a run, and that it is so.

use super::world::{Ended, World};
use serde_json::Value;
use std::fs;

fn checks(ended: &Ended) -> Vec<Value> {
    let all: Value = serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{ended:#?}"));
    all["checks"].as_array().unwrap().clone()
}

/// The check of that name; the first of several.
fn check(ended: &Ended, what: &str) -> Value {
    let found = checks(ended).into_iter().find(|check| check["what"] == what);
    found.unwrap_or_else(|| panic!("no {what}: {ended:#?}"))
}

/// Runs it under a shell that first does `before`.
fn after(world: &World, before: &str, args: &str) -> Ended {
    let doctor = super::world::binary("jldconv");
    let line = format!("{before} && exec {} doctor --json {args}", doctor.display());
    Ended::of(world.program_at("bash").args(["-c", &line]), world)
}

#[test]
fn a_machine_on_which_all_works() {
    let world = World::new(&[1, 2, 5]);
    let ended = world.jldconv(&["doctor", "old", "new/deep/down"]).ends(0);
    for line in ["ok      version", "ok      input: files", "ok      output: rename"] {
        assert!(ended.out.contains(line), "{line}: {ended:#?}");
    }
    assert!(ended.out.trim_end().ends_with('.') && ended.out.contains("\nAll "), "{ended:#?}");
    let ended = world.jldconv(&["doctor", "old", "new/deep/down", "--json"]).ends(0);
    assert!(check(&ended, "input: files")["found"].as_str().unwrap().starts_with("3 files, "));
    assert!(checks(&ended).iter().all(|check| check["verdict"] != "problem"), "{ended:#?}");
    let names = |dir: &str| -> Vec<_> {
        fs::read_dir(world.at(dir)).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    };
    assert_eq!(names("").len(), 1, "nothing is left behind, not even hidden: {:?}", names(""));
    assert_eq!(names("old").len(), 3);
    world.jldconv(&["doctor"]).ends(0);
}

#[test]
fn places_that_will_not_do() {
    let world = World::new(&[]);
    world.put("old/output_1.txt", "x");
    let ended = world.jldconv(&["doctor", "old", "--json"]).ends(1);
    assert_eq!(check(&ended, "input: files")["verdict"], "problem");
    assert!(check(&ended, "input: files")["found"].as_str().unwrap().contains("output_NNNNN.jld2"));
    let ended = world.jldconv(&["doctor", "nowhere", "--json"]).ends(1);
    assert_eq!(check(&ended, "input")["verdict"], "problem");
    // No file can be made there, not even by root.
    let ended = world.jldconv(&["doctor", "old", "/proc/self/fdinfo", "--json"]).ends(1);
    assert_eq!(check(&ended, "output: writing")["verdict"], "problem", "{ended:#?}");
    // Places that a run would refuse.
    world.put("file", "x");
    std::os::unix::fs::symlink("nowhere", world.at("link")).unwrap();
    for (out, words) in [("file", "not a directory"), ("link", "to nothing"), ("old", "itself")] {
        let ended = world.jldconv(&["doctor", "old", out, "--json"]).ends(1);
        let check = check(&ended, "output");
        assert_eq!(check["verdict"], "problem", "{out}");
        assert!(check["found"].as_str().unwrap().contains(words), "{ended:#?}");
    }
    // A pipe with an output's name.
    let status =
        std::process::Command::new("mkfifo").arg(world.at("old/output_00001.jld2")).status();
    assert!(status.unwrap().success());
    let ended = world.jldconv(&["doctor", "old", "--json"]).ends(1);
    assert!(
        check(&ended, "input: files")["found"].as_str().unwrap().contains("a pipe"),
        "{ended:#?}"
    );
}

#[test]
fn limits_that_are_too_low() {
    let world = World::new(&[1]);
    let ended = after(&world, "ulimit -n 32", "").ends(1);
    let limits = check(&ended, "limits");
    assert_eq!(limits["verdict"], "problem", "{ended:#?}");
    assert!(limits["advice"].as_str().unwrap().starts_with("ulimit -n "), "{ended:#?}");
    let ended = after(&world, "ulimit -f 1000", "").ends(1);
    assert!(
        check(&ended, "limits")["found"].as_str().unwrap().contains("larger than"),
        "{ended:#?}"
    );
    let ended = after(&world, "ulimit -v 900000", "").ends(0);
    assert_eq!(check(&ended, "limits")["verdict"], "note", "{ended:#?}");
}

#[test]
fn a_full_file_system() {
    let world = World::new(&[1, 2, 3]);
    let doctor = super::world::binary("jldconv");
    let line = format!("{} doctor old small --json", doctor.display());
    let Some(ended) = world.with_small("size=64k,nr_inodes=100", &line) else { return };
    let ended = ended.ends(1);
    let space = check(&ended, "output: space");
    assert_eq!(space["verdict"], "problem", "{ended:#?}");
    assert!(space["advice"].as_str().unwrap().contains("--mode in-place"), "{ended:#?}");
    assert_eq!(check(&ended, "output: file system")["verdict"], "note", "it is memory: {ended:#?}");
}
