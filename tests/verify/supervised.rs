//! `jldconv-supervisor verify`: two directories, with a worker for each pair.

use crate::directories::World;
use crate::{Ended, ended};
use assert_cmd::Command;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Compares the two directories of `world` under supervision.
fn supervised(world: &World, options: &[&str], fault: Option<&str>) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jldconv-supervisor"));
    command.arg("verify").args([world.at("old"), world.at("new")]).args(options);
    if let Some(fault) = fault {
        command.env("JLDCONV_FAULT", fault);
    }
    ended(&mut command)
}

/// All below `dir`, with sizes and times of modification.
fn listing(dir: &Path) -> Vec<(PathBuf, u64, i64, i64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        let meta = fs::symlink_metadata(&entry).unwrap();
        if meta.is_dir() {
            found.extend(listing(&entry));
        }
        found.push((entry, meta.size(), meta.mtime(), meta.mtime_nsec()));
    }
    found.sort();
    found
}

#[test]
fn it_says_what_the_threads_of_one_process_say_and_writes_nothing() {
    let world = World::new();
    let before = listing(&world.at(""));
    for options in [&[][..], &["-v"], &["--json"], &["--json", "--strict"], &["-v", "--jobs", "3"]]
    {
        let alone = world.verify(options);
        let supervised = supervised(&world, options, None);
        assert_eq!(supervised.out, alone.out, "{options:?}");
        assert_eq!((supervised.code, supervised.err.as_str()), (alone.code, ""), "{options:?}");
    }
    assert_eq!(listing(&world.at("")), before);
}

#[test]
fn directories_without_a_pair_need_no_worker() {
    let world = World::new();
    fs::remove_dir_all(world.at("new")).unwrap();
    fs::create_dir(world.at("new")).unwrap();
    let ended = supervised(&world, &[], None);
    assert_eq!((ended.code, ended.err.as_str()), (1, ""));
    assert_eq!(ended.out, world.verify(&[]).out);
    assert_eq!(supervised(&world, &["--allow-missing"], None).code, 0);
    fs::rename(world.at("old"), world.at("away")).unwrap();
    assert_eq!(supervised(&world, &[], None).code, 2);
    fs::create_dir(world.at("old")).unwrap();
    assert_eq!(supervised(&world, &[], None).code, 4);
}

#[cfg(feature = "fault")]
#[test]
fn a_file_that_kills_its_reader_costs_itself() {
    let world = World::new();
    let alone = world.verify(&["--json"]);
    let ended = supervised(&world, &["--json"], Some("abort@output_00100"));
    assert_eq!((ended.code, ended.err.as_str()), (1, ""));
    for (there, expected) in ended.out.lines().zip(alone.out.lines()) {
        let there: serde_json::Value = serde_json::from_str(there).unwrap();
        let expected: serde_json::Value = serde_json::from_str(expected).unwrap();
        if there["name"] == "output_00100.jld2" {
            assert_eq!(there["result"], "crashed");
            assert!(there["error"].as_str().unwrap().contains("SIGABRT"), "{there}");
        } else if there.get("summary").is_some() {
            assert_eq!(
                (&there["summary"]["crashed"], &there["summary"]["different"]),
                (&1.into(), &0.into())
            );
            assert_eq!(there["summary"]["pairs"], 6);
        } else {
            assert_eq!(there, expected);
        }
    }
    assert_eq!(ended.out.lines().count(), alone.out.lines().count());
}

/// What is in the journal is not read again: a second run would die of every file.
#[cfg(feature = "fault")]
#[test]
fn a_journal_lets_it_go_on() {
    let world = World::new();
    let journal = world.at("journal");
    let journal = journal.to_str().unwrap();
    let options = ["--json", "--journal", journal];
    let alone = world.verify(&["--json"]);
    let first = supervised(&world, &options, Some("abort@output_00020"));
    assert!(first.out.contains("\"crashed\""), "{}", first.out);
    let second = supervised(&world, &options, None);
    assert_eq!((second.out.as_str(), second.code), (alone.out.as_str(), alone.code));
    let third = supervised(&world, &options, Some("abort@*"));
    assert_eq!((third.out, third.code), (alone.out, alone.code));
    // Other rules are another question, and a changed file is another file.
    let strict = supervised(&world, &[&options[..], &["--strict"]].concat(), None);
    assert_eq!(strict.out, world.verify(&["--json", "--strict"]).out);
    let file = world.at("new").join("output_00001.jld2");
    fs::copy(world.at("new").join("output_00020.jld2"), file).unwrap();
    let changed = supervised(&world, &options, None);
    assert_eq!(changed.out, world.verify(&["--json"]).out);
}

#[test]
fn the_directories_that_are_compared_hold_no_journal() {
    let world = World::new();
    for dir in ["old", "new"] {
        let dir = world.at(dir);
        let ended = supervised(&world, &["--journal", dir.to_str().unwrap()], None);
        assert_eq!((ended.code, ended.out.as_str()), (2, ""));
        assert!(ended.err.contains("where nothing is written"), "{}", ended.err);
    }
}

#[test]
fn whoever_stops_listening_ends_it() {
    let world = World::new();
    let script = format!(
        "'{}' verify -v '{}' '{}' | head -c 1",
        env!("CARGO_BIN_EXE_jldconv-supervisor"),
        world.at("old").display(),
        world.at("new").display()
    );
    let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.stdout.len(), 1);
}
