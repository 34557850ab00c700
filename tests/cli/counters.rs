//! Counts on the screen and in JSON never pass their totals.

use super::world::World;
use serde_json::Value;
use std::fs;

/// An archive with what cannot be tried, what fails, and what is fine.
fn world() -> World {
    let world = World::new(&[1, 2, 3, 4, 5, 6]);
    world.put("old/output_00007.jld2", "no JLD2 at all");
    fs::create_dir(world.at("old/output_00008.jld2")).unwrap();
    std::os::unix::fs::symlink("nowhere", world.at("old/output_00009.jld2")).unwrap();
    world
}

/// Each `[ended/all]` in order, behind the time and how far the run is.
fn places(text: &str) -> Vec<(u64, u64)> {
    let place = |line: &str| {
        let (ended, rest) = line.split_once("  [")?.1.split_once('/')?;
        let (all, _) = rest.split_once(']')?;
        Some((ended.trim().parse().ok()?, all.parse().ok()?))
    };
    text.lines().filter_map(place).collect()
}

fn run(world: &World, args: &[&str]) -> String {
    let mut all = vec!["old", "new", "--yes", "--workers", "2"];
    all.extend(args);
    let mut command = world.program("jldconv-supervisor", &all);
    // Each file's first attempt dies.
    command.env("JLDCONV_FAULT", "kill@*#1");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn lines_end_at_the_number_of_files_to_do() {
    let world = world();
    let first = run(&world, &["--retries", "9"]);
    let places_first = places(&first);
    assert!(places_first.iter().all(|(ended, all)| ended <= all), "{first}");
    assert_eq!(places_first.last(), Some(&(7, 7)), "{first}");
    // What failed before and what cannot be tried is told, but was not to do.
    fs::remove_file(world.at("new/output_00001.jld2")).unwrap();
    let second = run(&world, &["--retries", "9"]);
    let places_second = places(&second);
    assert!(places_second.iter().all(|(ended, all)| ended <= all), "{second}");
    assert!(matches!(places_second.last(), Some((ended, all)) if ended == all), "{second}");
    for name in ["output_00008.jld2", "output_00009.jld2"] {
        assert!(second.contains(&format!("failed     {name}")), "{second}");
    }
}

/// Before the question some files are looked into, by a process of its own.
#[test]
fn a_file_that_kills_whoever_looks_into_it_costs_a_look() {
    let world = World::new(&[1, 2, 3]);
    let mut run = world.program("jldconv-supervisor", &["old", "new", "--dry-run"]);
    let told = |run: &mut assert_cmd::Command| {
        let output = run.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let whole = told(&mut run);
    assert!(whole.contains("  findings    3 ") && !whole.contains("looked at"), "{whole}");
    let cut = told(run.env("JLDCONV_FAULT", "abort@output_00002"));
    assert!(cut.contains("(1 of 3 looked at)"), "{cut}");
    assert!(cut.contains("3 files: 3 to convert"), "{cut}");
    let none = told(run.env("JLDCONV_FAULT", "hang@output_00001"));
    assert!(none.contains("none could be looked into within a second"), "{none}");
}

#[test]
fn json_events_stay_within_what_the_first_one_says() {
    let world = world();
    for _ in 0..2 {
        let text = run(&world, &["--progress", "json", "--retries", "9"]);
        let events: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let of = |kind: &str| events.iter().filter(|it| it["event"] == kind).collect::<Vec<_>>();
        let start = of("run-started")[0];
        assert_eq!(start["files"], 9);
        assert_eq!(of("job-finished").len(), 9);
        let mut begun: Vec<&str> =
            of("attempt-started").iter().map(|it| it["name"].as_str().unwrap()).collect();
        begun.sort_unstable();
        begun.dedup();
        assert_eq!(Some(begun.len() as u64), start["jobs"].as_u64());
        for progress in of("progress") {
            assert!(progress["done"].as_u64() <= progress["total"].as_u64(), "{progress}");
        }
    }
}
