//! Files that are not JLD2, while they are taken along and afterwards: asked for, ended, reported, and
//! replaced where the originals changed.

use super::flaky::Flaky;
use super::shards_at_work::wait_until;
use super::world::{World, binary};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Child, Stdio};

/// Files beside the archive's.
const OTHERS: u64 = 600;

/// A run that takes the others along, each of which takes a tenth of a second.
fn slow(world: &World, flaky: &Flaky) -> Child {
    flaky.fail("stat", -100, 1_000_000, "old/other");
    let mut command = world.plain(binary("jldconv-supervisor"));
    command.args(["old", "new", "--others", "copy", "--report", "r.json"]);
    command.env("LD_PRELOAD", &flaky.library).stdin(Stdio::null());
    command.stdout(fs::File::create(world.at("said")).unwrap()).stderr(Stdio::null());
    command.spawn().unwrap()
}

fn with_others() -> World {
    let world = World::new(&[1]);
    for number in 0..OTHERS {
        world.put(&format!("old/other{number:04}.txt"), "text");
    }
    world
}

fn live(world: &World) -> Value {
    let told = world.supervisor(&["status", "new", "--json"]);
    let told: Value = serde_json::from_str(&told.out).unwrap_or_default();
    told["shards"][0]["live"].clone()
}

#[test]
fn a_run_that_takes_others_along_is_asked_and_ended_from_elsewhere() {
    let (world, flaky) = (with_others(), Flaky::new());
    let mut run = slow(&world, &flaky);
    wait_until("some others", || live(&world)["others"]["done"].as_u64() > Some(2));
    let now = live(&world);
    assert_eq!((&now["state"], &now["percent"]), (&"taking-along".into(), &100.0.into()));
    assert_eq!(now["others"]["files"], OTHERS);
    let told = world.supervisor(&["status", "new"]).ends(3).out;
    assert!(told.starts_with("Run taking other files along, process "), "{told}");
    assert!(told.contains("of 600 other files taken along"), "{told}");
    let said = world.supervisor(&["stop", "new"]).ends(0).out;
    assert_eq!(said, "the run: takes no more other files along; the next run goes on\n");
    assert_eq!(run.wait().unwrap().code(), Some(3));
    let report = world.json("r.json");
    let [copied, pending] = ["copied", "pending"].map(|it| report["others"][it].as_u64().unwrap());
    assert!(copied > 2 && pending > 0 && copied + pending == OTHERS, "{copied} {pending}");
    let said = fs::read_to_string(world.at("said")).unwrap();
    assert!(said.contains("600 other files to be taken along"), "{said}");
    // Afterwards the journal knows it.
    let last = world.supervisor(&["status", "new"]).ends(3).out;
    assert!(last.contains("The last: interrupted: the same command goes on"), "{last}");
    assert!(last.contains("left for the next run"), "{last}");
    let merged = world.supervisor(&["report", "new", "--json"]).ends(3).out;
    let merged: Value = serde_json::from_str(&merged).unwrap();
    assert_eq!(merged["others"], report["others"]);
    let text = world.supervisor(&["report", "new"]).ends(3).out;
    assert!(text.contains(&format!("others      {copied} copied")), "{text}");
    world.supervisor(&["old", "new", "--others", "copy"]).ends(0);
    let merged = world.supervisor(&["report", "new", "--json"]).ends(0).out;
    let merged: Value = serde_json::from_str(&merged).unwrap();
    assert_eq!(merged["others"]["copied"], pending);
    assert_eq!(world.names("new").len() as u64, OTHERS + 1);
}

/// To who reads along, in whatever way, the run ends behind these files and not before.
#[test]
fn a_run_ends_behind_what_it_takes_along() {
    let world = World::new(&[1]);
    world.put("old/a.txt", "text");
    world.put("old/theirs.txt", "text");
    fs::create_dir(world.at("new")).unwrap();
    world.put("new/theirs.txt", "another");
    let said = world.supervisor(&["old", "new", "--others", "copy"]).ends(1).out;
    let end = said.find("Done in part: 1 converted").expect("an end");
    let along = said.find("2 other files to be taken along").expect("the others");
    assert!(along < end, "{said}");
    assert_eq!(
        said.matches("  others      1 copied (4 B), 1 not taken along\n").count(),
        1,
        "{said}"
    );
    let args = ["old", "new", "--others", "copy", "--progress", "json"];
    let events = world.supervisor(&args).ends(1).out;
    let last: Value = serde_json::from_str(events.lines().last().unwrap()).unwrap();
    assert_eq!(last["event"], "run-finished", "{last}");
    assert_eq!((&last["others"]["there"], &last["others"]["failed"]), (&1.into(), &1.into()));
}

/// One that was killed then has more to do, though all its files are there.
#[test]
fn one_that_was_killed_there_is_not_done() {
    let (world, flaky) = (with_others(), Flaky::new());
    let mut run = slow(&world, &flaky);
    wait_until("some others", || live(&world)["others"]["done"].as_u64() > Some(2));
    run.kill().unwrap();
    run.wait().unwrap();
    let last = world.supervisor(&["status", "new"]).ends(3).out;
    assert!(last.contains("The last: interrupted"), "{last}");
    world.supervisor(&["report", "new"]).ends(3);
    world.supervisor(&["old", "new", "--others", "copy"]).ends(0);
    world.supervisor(&["report", "new"]).ends(0);
    world.supervisor(&["status", "new"]).ends(0);
}

#[test]
fn links_that_changed_are_made_again_where_nobody_changed_them() {
    let world = World::new(&[1]);
    world.put("old/a.txt", "a");
    symlink("a.txt", world.at("old/link")).unwrap();
    symlink("a.txt", world.at("old/theirs")).unwrap();
    for (how, first) in [("copy", "1 copied (1 B), 2 linked"), ("link", "3 linked")] {
        let _ = fs::remove_dir_all(world.at("new"));
        world.put("old/a.txt", "a");
        let to = |to: &str, path: &str| {
            let _ = fs::remove_file(world.at(path));
            symlink(to, world.at(path)).unwrap();
        };
        to("a.txt", "old/link");
        to("a.txt", "old/theirs");
        let run = || world.supervisor(&["old", "new", "--others", how]);
        assert!(run().ends(0).out.contains(&format!("others      {first}")), "{how}");
        assert!(run().ends(0).out.contains("others      3 there already"), "{how}");
        to("b.txt", "old/link");
        to("b.txt", "old/theirs");
        to("c.txt", "new/theirs");
        // Another file under the old name, as editors leave it.
        world.put("old/new", "b");
        fs::rename(world.at("old/new"), world.at("old/a.txt")).unwrap();
        let ended = run().ends(1);
        assert!(
            ended.out.contains("theirs: left as it is: another link has its name"),
            "{ended:?}"
        );
        assert!(ended.out.contains("1 not taken along"), "{ended:?}");
        let read = |path: &str| fs::read_link(world.at(path)).unwrap();
        assert_eq!(read("new/link").to_str(), Some("b.txt"), "{how}: {ended:?}");
        assert_eq!(read("new/theirs").to_str(), Some("c.txt"));
        assert_eq!(fs::read(world.at("new/a.txt")).unwrap(), b"b", "{how}");
        assert_eq!(fs::read_dir(world.at("new/.jldconv/tmp")).unwrap().count(), 0);
    }
}

/// Where nobody can ask a run, that is said.
#[test]
fn a_run_that_cannot_be_asked_says_so() {
    let world = World::new(&[1]);
    fs::create_dir_all(world.at("new/.jldconv/control-1-of-1.json")).unwrap();
    let ended = world.supervisor(&["old", "new"]).ends(0);
    assert!(ended.out.contains("warning: nobody can ask this run for its status"), "{ended:#?}");
}
