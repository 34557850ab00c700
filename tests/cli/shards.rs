//! Shards of one archive: whether they saw the same one, and what `report` says of them.

use super::world::{Ended, OLD, World, binary, sample};
use serde_json::Value;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn shard(world: &World, index: u32, count: u32) -> Ended {
    world.supervisor(&["old", "new", "--yes", "--shard", &format!("{index}/{count}")])
}

/// The merged report, which ends with `code`; and what was said beside it.
#[track_caller]
fn report(world: &World, code: i32) -> (Value, String) {
    let ended = world.supervisor(&["report", "new", "--json"]).ends(code);
    (serde_json::from_str(&ended.out).unwrap(), ended.err)
}

fn missing(world: &World) -> Vec<String> {
    let there = world.names("new");
    world.names("old").into_iter().filter(|name| !there.contains(name)).collect()
}

fn add(world: &World, number: u64) {
    world.put(&format!("old/output_{number:05}.jld2"), sample(OLD));
}

/// All is not done, the report says so and names `missing`; running all shards again takes it.
fn taken_by_the_next_array(world: &World, count: u32) {
    let open = missing(world);
    assert!(!open.is_empty());
    let (told, notes) = report(world, 3);
    assert_eq!(told["not_taken"], serde_json::json!(open), "{notes}");
    assert_eq!(told["pending"], open.len());
    assert!(notes.contains("no shard took: ") && notes.contains(&open[0]), "{notes}");
    for index in 1..=count {
        shard(world, index, count).ends(0);
    }
    assert_eq!(missing(world), [""; 0]);
    let (told, notes) = report(world, 0);
    assert_eq!(told["not_taken"], serde_json::json!([]));
    assert_eq!((&told["pending"], &told["interrupted"]), (&0.into(), &false.into()), "{notes}");
    // And again nothing is said, for all saw the same.
    for index in 1..=count {
        let ended = shard(world, index, count).ends(0);
        assert!(!ended.out.contains("warning"), "{}", ended.out);
    }
}

#[test]
fn an_archive_that_grew_between_two_tasks() {
    let world = World::new(&[1, 2, 3, 4, 5, 6]);
    shard(&world, 1, 2).ends(0);
    add(&world, 7);
    let second = shard(&world, 2, 2).ends(0);
    let words = "1 of the 1 other shards that have run saw another archive: shard 1/2 found 6 \
                 files, 2.1 MiB, and this shard 7 files, 2.4 MiB";
    assert!(second.out.contains(words), "{}", second.out);
    assert_eq!(missing(&world), ["output_00007.jld2"]);
    taken_by_the_next_array(&world, 2);
}

#[test]
fn an_archive_that_shrank_between_two_tasks() {
    let world = World::new(&[1, 2, 3, 4, 5, 6]);
    shard(&world, 1, 2).ends(0);
    fs::remove_file(world.at("old/output_00001.jld2")).unwrap();
    let second = shard(&world, 2, 2).ends(0);
    assert!(second.out.contains("found 6 files"), "{}", second.out);
    // What was in the second part of six files is in the first of five.
    assert_eq!(missing(&world), ["output_00002.jld2", "output_00004.jld2", "output_00006.jld2"]);
    taken_by_the_next_array(&world, 2);
}

#[test]
fn files_of_another_size_are_divided_in_another_way() {
    let world = World::new(&[1, 2, 3, 4]);
    shard(&world, 1, 2).ends(0);
    let mut bytes = sample(OLD);
    bytes.extend([0; 4096]);
    world.put("old/output_00002.jld2", bytes);
    let second = shard(&world, 2, 2).ends(0);
    assert!(second.out.contains("saw another archive"), "{}", second.out);
    let open = missing(&world);
    let (told, _) = report(&world, 3);
    assert_eq!(told["not_taken"], serde_json::json!(open));
    for index in [1, 2] {
        shard(&world, index, 2).ends(0);
    }
    assert_eq!(missing(&world), [""; 0]);
    report(&world, 0);
}

/// Tasks of an array that runs after another saw what the first could not: that is no fault.
#[test]
fn the_tasks_of_an_earlier_array_are_not_held_against_a_later_one() {
    let world = World::new(&[1, 2, 3, 4]);
    let task = |index: &str, job: &str| {
        let mut command = world.program("jldconv-supervisor", &["old", "new", "--yes"]);
        for (name, value) in
            [("ID", index), ("MIN", "1"), ("MAX", "2"), ("COUNT", "2"), ("STEP", "1")]
        {
            command.env(format!("SLURM_ARRAY_TASK_{name}"), value);
        }
        command.env("SLURM_ARRAY_JOB_ID", job);
        Ended::of(&mut command, &world).ends(0)
    };
    task("1", "100");
    task("2", "100");
    add(&world, 5);
    for ended in [task("1", "101"), task("2", "101")] {
        assert!(!ended.out.contains("warning"), "{}", ended.out);
    }
    report(&world, 0);
    // Within one array it is one.
    task("1", "102");
    add(&world, 6);
    assert!(task("2", "102").out.contains("saw another archive"));
    report(&world, 0);
    add(&world, 7);
    let (told, _) = report(&world, 3);
    assert_eq!(told["not_taken"], serde_json::json!(["output_00007.jld2"]));
}

#[test]
fn what_is_not_mounted_any_more_is_no_finished_archive() {
    let world = World::new(&[1, 2, 3, 4]);
    shard(&world, 1, 2).ends(0);
    fs::rename(world.at("old"), world.at("away")).unwrap();
    let (told, notes) = report(&world, 3);
    assert!(notes.contains("the archive is not there to be compared with"), "{notes}");
    assert_eq!(told["shards"][1]["state"], "waiting");
    fs::create_dir(world.at("old")).unwrap();
    let (_, notes) = report(&world, 3);
    assert!(notes.contains("holds no files of the archive any more"), "{notes}");
}

/// A supervisor with workers that take `fault`.
#[cfg(feature = "fault")]
fn start(world: &World, args: &[&str], fault: &str) -> Child {
    Command::new(binary("jldconv-supervisor"))
        .args(["old", "new", "--yes"])
        .args(args)
        .current_dir(world.at(""))
        .env("JLDCONV_FAULT", fault)
        .stdin(Stdio::null())
        .stdout(fs::File::create(world.at("said")).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[cfg(feature = "fault")]
fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_mins(1);
    while !done() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(feature = "fault")]
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

#[cfg(feature = "fault")]
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
#[cfg(feature = "fault")]
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
#[cfg(feature = "fault")]
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
