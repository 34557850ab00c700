//! What is said of shards while they are at work.

use super::shards::{add, report, shard, taken_by_the_next_array};
use super::world::{World, binary};
use serde_json::Value;
use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// A supervisor with workers that take `fault`.
pub(crate) fn start(world: &World, args: &[&str], fault: &str) -> Child {
    world
        .plain(binary("jldconv-supervisor"))
        .args(["old", "new", "--yes"])
        .args(args)
        .env("JLDCONV_FAULT", fault)
        .stdin(Stdio::null())
        .stdout(fs::File::create(world.at("said")).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[track_caller]
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_mins(1);
    while !done() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_archive_that_grows_while_a_task_runs() {
    let world = World::new(&[1, 2, 3, 4]);
    shard(&world, 1, 2).ends(0);
    let mut second = start(&world, &["--shard", "2/2"], "slow=1s@*");
    wait_until("the second shard", || world.at("new/.jldconv/journal-2-of-2.jsonl").exists());
    add(&world, 5);
    assert_eq!(second.wait().unwrap().code(), Some(0));
    let said = fs::read_to_string(world.at("said")).unwrap();
    let words = "warning: the archive changed while this shard ran: 5 files, 1.7 MiB now, 4 files, \
                 1.4 MiB at its beginning";
    assert!(said.contains(words), "{said}");
    taken_by_the_next_array(&world, 2);
}

#[test]
fn a_report_during_a_run_tells_what_each_shard_is_doing() {
    let world = World::new(&[1, 2, 3, 4, 5]);
    world.put("old/output_00006.jld2", "no JLD2 at all");
    let states = |told: &Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let shards = told["shards"].as_array().unwrap();
        shards.iter().map(|it| (text(&it["shard"]), text(&it["state"]))).collect()
    };
    let is = |told: &Value, wanted: [&str; 6]| {
        let states = states(told);
        let numbers: Vec<_> = states.iter().map(|(shard, _)| shard.as_str()).collect();
        assert_eq!(numbers, ["1/6", "2/6", "3/6", "4/6", "5/6", "6/6"]);
        let states: Vec<_> = states.iter().map(|(_, state)| state.as_str()).collect();
        assert_eq!(states, wanted);
    };
    shard(&world, 1, 6).ends(0);
    // Six files of which the last is the smallest.
    shard(&world, 6, 6).ends(1);
    let mut third = start(&world, &["--shard", "3/6"], "slow=60s@*");
    wait_until("the third shard", || {
        fs::read(world.at("new/.jldconv/journal-3-of-6.jsonl")).is_ok_and(|it| !it.is_empty())
    });
    let (told, notes) = report(&world, 3);
    is(&told, ["done", "waiting", "running", "waiting", "waiting", "failed"]);
    assert_eq!(told["shards"][2]["pid"], third.id());
    assert_eq!((&told["shards"][2]["jobs"], &told["shards"][2]["ended"]), (&1.into(), &0.into()));
    assert_eq!((&told["shards"][5]["failed"], &told["failed"]), (&1.into(), &1.into()));
    assert_eq!((&told["success"], &told["pending"]), (&1.into(), &4.into()));
    assert!(notes.contains("3 of 6 shards have not run: 2, 4, 5\n"), "{notes}");
    assert!(notes.contains("1 of 6 shards is at work: 3\n"), "{notes}");
    let text = world.supervisor(&["report", "new"]).ends(3).out;
    for line in [
        "Shards: 1 running, 3 waiting, 1 done, 1 failed\n",
        &format!("  3/6       running     0 of 1 file, process {} on ", third.id()),
        "  2/6       waiting\n",
        "  6/6       failed      1 of 1 file, 1 failed\n",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    third.kill().unwrap();
    third.wait().unwrap();
    let (told, notes) = report(&world, 3);
    is(&told, ["done", "waiting", "interrupted", "waiting", "waiting", "failed"]);
    assert!(notes.contains("1 of 6 shards was interrupted: 3\n"), "{notes}");
    for index in 2..=5 {
        shard(&world, index, 6).ends(0);
    }
    let (told, _) = report(&world, 1);
    is(&told, ["done", "done", "done", "done", "done", "failed"]);
}

/// `report` looks at locks; that must not keep a run from taking them.
#[test]
fn looking_keeps_nobody_from_running() {
    let world = World::new(&[1, 2]);
    shard(&world, 1, 2).ends(0);
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    world.supervisor(&["report", "new"]);
                }
            });
        }
        for _ in 0..20 {
            let ended = shard(&world, 1, 2);
            if ended.code != Some(0) {
                stop.store(true, std::sync::atomic::Ordering::Relaxed);
                panic!("{ended:#?}");
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

/// One run of the whole, at work.
#[test]
fn a_report_during_a_run_of_the_whole() {
    let world = World::new(&[1, 2]);
    let mut run = start(&world, &[], "slow=60s@*");
    wait_until("the run", || {
        fs::read(world.at("new/.jldconv/journal-1-of-1.jsonl")).is_ok_and(|it| !it.is_empty())
    });
    let (told, notes) = report(&world, 3);
    assert_eq!(told["shards"][0]["state"], "running");
    assert!(notes.contains("the run is at work"), "{notes}");
    run.kill().unwrap();
    run.wait().unwrap();
    let (told, notes) = report(&world, 3);
    assert_eq!((&told["shards"][0]["state"], &told["pending"]), (&"interrupted".into(), &2.into()));
    assert!(notes.contains("the run was interrupted"), "{notes}");
    world.supervisor(&["old", "new", "--yes"]).ends(0);
    report(&world, 0);
    // What came later is named, too.
    add(&world, 3);
    let (told, _) = report(&world, 3);
    assert_eq!(told["not_taken"], serde_json::json!(["output_00003.jld2"]));
}

/// Tasks that saw different archives may convert the same file at the same time: one output, and no
/// failure.
#[test]
fn two_tasks_at_one_file() {
    let world = World::new(&[1, 2, 3, 4]);
    let mut first = start(&world, &["--shard", "1/2"], "slow=1s@*");
    wait_until("the first shard", || {
        fs::read(world.at("new/.jldconv/journal-1-of-2.jsonl")).is_ok_and(|it| !it.is_empty())
    });
    // Now 1 and 3 are in the second part, too.
    add(&world, 0);
    let mut second = world.program("jldconv-supervisor", &["old", "new", "--yes"]);
    second.args(["--shard", "2/2", "--report", "second.json"]).env("JLDCONV_FAULT", "slow=1s@*");
    let second = super::world::Ended::of(&mut second, &world);
    let first = first.wait().unwrap();
    assert_eq!((first.code(), second.code), (Some(0), Some(0)), "{second:#?}");
    let done = world.json("second.json");
    assert_eq!(done["failed"], 0, "{done}");
    for index in [1, 2] {
        shard(&world, index, 2).ends(0);
    }
    report(&world, 0);
    assert_eq!(world.names("new"), world.names("old"));
}

/// What nobody of the other shards claims is in the way as ever.
#[test]
fn a_foreign_file_that_appears_under_a_shard() {
    let world = World::new(&[1, 2]);
    shard(&world, 2, 2).ends(0);
    let mut first = start(&world, &["--shard", "1/2"], "slow=1s@*");
    wait_until("the first shard", || {
        fs::read(world.at("new/.jldconv/journal-1-of-2.jsonl")).is_ok_and(|it| !it.is_empty())
    });
    world.put("new/output_00001.jld2", "somebody else's");
    assert_eq!(first.wait().unwrap().code(), Some(1));
    let said = fs::read_to_string(world.at("said")).unwrap();
    assert!(said.contains("failed     output_00001.jld2  conflict: "), "{said}");
    assert_eq!(fs::read(world.at("new/output_00001.jld2")).unwrap(), b"somebody else's");
}

/// Whatever the first has written so far: what is not journalled yet is nobody's to complain of.
#[test]
fn a_second_run_names_the_first() {
    let world = World::new(&[1, 2, 3, 4, 5, 6]);
    let args = ["--workers", "1"];
    let mut first = start(&world, &args, "slow=300ms@*");
    let holder = format!("another run works here: process {} on ", first.id());
    wait_until("the first run", || world.at("new/output_00001.jld2").exists());
    for _ in 0..12 {
        if first.try_wait().unwrap().is_some() {
            break;
        }
        let second = world.supervisor(&["old", "new", "--yes"]);
        if first.try_wait().unwrap().is_none() {
            assert_eq!(second.code, Some(2), "{second:#?}");
            assert!(second.err.contains(&holder), "{second:#?}");
            assert!(!second.err.contains("--force"), "{second:#?}");
        }
    }
    assert_eq!(first.wait().unwrap().code(), Some(0));
    world.supervisor(&["old", "new", "--yes"]).ends(0);
}
