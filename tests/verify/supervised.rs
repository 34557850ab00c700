//! `jldconv-supervisor verify`: two directories, with a worker for each pair.

use crate::clean::clean;
use crate::directories::World;
use crate::{Ended, ended};
use assert_cmd::Command;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

fn supervisor() -> Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_jldconv-supervisor"));
    clean(&mut command);
    Command::from_std(command)
}

/// Compares the two directories of `world` under supervision.
fn supervised(world: &World, options: &[&str], fault: Option<&str>) -> Ended {
    let mut command = supervisor();
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

/// The names that a run told of, and its summary.
fn told(ended: &Ended) -> (Vec<String>, serde_json::Value) {
    let lines: Vec<serde_json::Value> =
        ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (summary, pairs) = lines.split_last().unwrap();
    let name = |pair: &serde_json::Value| pair["name"].as_str().unwrap().to_owned();
    (pairs.iter().map(name).collect(), summary.clone())
}

/// Each pair is told by one shard, as it is without shards; each shard goes on from its own journal.
#[test]
fn shards_compare_each_pair_once() {
    let world = World::new();
    let journal = world.at("journal");
    let journal = journal.to_str().unwrap();
    let alone = world.verify(&["--json"]);
    let mut lines: Vec<String> = Vec::new();
    for shard in ["1/4", "2/4", "3/4", "4/4"] {
        let options = ["--json", "--shard", shard, "--journal", journal];
        let ended = supervised(&world, &options, None);
        assert_eq!(ended.err, "");
        let (names, summary) = told(&ended);
        assert!(names.len() < 6, "{names:?}");
        assert_eq!(summary["summary"]["pairs"], names.len());
        assert_eq!(
            (&summary["shard"], &summary["pairs_of_all_shards"]),
            (&shard.into(), &6.into())
        );
        lines.extend(ended.out.lines().filter(|line| line.contains("\"name\"")).map(str::to_owned));
        let again = supervised(&world, &options, None);
        assert_eq!((again.out, again.code), (ended.out, ended.code), "{shard}");
        let name = format!(".jldconv/journal-{}.jsonl", shard.replace('/', "-of-"));
        assert!(world.at("journal").join(&name).exists(), "{name}");
    }
    let mut whole: Vec<String> =
        alone.out.lines().filter(|line| line.contains("\"name\"")).map(str::to_owned).collect();
    lines.sort();
    whole.sort();
    assert_eq!(lines, whole);
    let text = supervised(&world, &["--shard", "1/4"], None);
    assert!(text.out.contains("shard 1/4 has "), "{}", text.out);
    // More shards than pairs: the last have nothing to do, which is not an error.
    let ended = supervised(&world, &["--json", "--shard", "9/9"], None);
    assert_eq!((ended.code, told(&ended).0.len()), (0, 0), "{}", ended.out);
}

/// A task of a job array takes its own part, unless it is told otherwise.
#[test]
fn a_task_of_a_job_array_takes_its_part() {
    let world = World::new();
    let shard = |index: u32| {
        let mut command = supervisor();
        command.args(["verify", "--json"]).args([world.at("old"), world.at("new")]);
        let vars = [("ID", index), ("MIN", 10), ("MAX", 11), ("COUNT", 2), ("STEP", 1)];
        command.envs(
            vars.map(|(name, value)| (format!("SLURM_ARRAY_TASK_{name}"), value.to_string())),
        );
        told(&ended(&mut command))
    };
    for (id, part) in [(10, "1/2"), (11, "2/2")] {
        let (names, summary) = shard(id);
        let said = told(&supervised(&world, &["--json", "--shard", part], None));
        assert_eq!((&names, &summary), (&said.0, &said.1));
        assert_eq!(summary["shard"], part);
    }
}

#[test]
fn a_range_takes_the_outputs_with_these_numbers() {
    let world = World::new();
    let ended = supervised(&world, &["--json", "--range", "20-200"], None);
    let names = ["output_00020.jld2", "output_00100.jld2", "output_00200.jld2"];
    let (found, summary) = told(&ended);
    assert_eq!(found, names);
    assert_eq!(summary["summary"]["pairs"], 3);
    assert!(summary.get("shard").is_none());
    let fine = supervised(&world, &["--range", "1-20"], None);
    assert_eq!((fine.code, fine.err.as_str()), (0, ""), "{}", fine.out);
    let none = supervised(&world, &["--range", "5-9"], None);
    assert_eq!((none.code, none.out.as_str()), (4, ""));
    assert!(none.err.contains("has an output in the range 5-9"), "{}", none.err);
    assert_eq!(supervised(&world, &["--range", "9-5"], None).code, 2);
    assert_eq!(supervised(&world, &["--shard", "3/2"], None).code, 2);
}
