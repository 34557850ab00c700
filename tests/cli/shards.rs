//! Shards of one archive: whether they saw the same one, and what `report` says of them.

use super::world::{Ended, OLD, World, sample};
use serde_json::Value;
use std::fs;

pub(crate) fn shard(world: &World, index: u32, count: u32) -> Ended {
    world.supervisor(&["old", "new", "--yes", "--shard", &format!("{index}/{count}")])
}

/// The merged report, which ends with `code`; and what was said beside it.
#[track_caller]
pub(crate) fn report(world: &World, code: i32) -> (Value, String) {
    let ended = world.supervisor(&["report", "new", "--json"]).ends(code);
    (serde_json::from_str(&ended.out).unwrap(), ended.err)
}

fn missing(world: &World) -> Vec<String> {
    let there = world.names("new");
    world.names("old").into_iter().filter(|name| !there.contains(name)).collect()
}

pub(crate) fn add(world: &World, number: u64) {
    world.put(&format!("old/output_{number:05}.jld2"), sample(OLD));
}

/// All is not done, the report says so and names `missing`; running all shards again takes it.
pub(crate) fn taken_by_the_next_array(world: &World, count: u32) {
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

/// Tasks of an array that runs after another saw what the first could not: that is not a fault.
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
