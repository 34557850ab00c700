//! An archive of 40,000 files that is done: the resume and the report take little memory, and nobody
//! looks into a file. Its files are links to one, its journal the line of one with other names.

use crate::world::{World, binary};
use jldconv::sys::stat::StatData;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Output;

const FILES: u64 = 40_000;
/// Private memory of the supervisor in KiB, with the stacks of its threads. Records and journals
/// as they are in JSON would take twice that.
const MOST: u64 = 96 << 10;

fn name(number: u64) -> String {
    format!("output_{number:05}.jld2")
}

/// What `stat` tells of a file, as it stands in journals.
fn stat(path: &Path) -> String {
    serde_json::to_string(&StatData::at(path).unwrap()).unwrap()
}

/// Links all names in `dir` to the first; what `stat` told of that, and tells.
fn link(dir: &Path) -> [String; 2] {
    let first = dir.join(name(1));
    let before = stat(&first);
    (2..=FILES).for_each(|number| fs::hard_link(&first, dir.join(name(number))).unwrap());
    [before, stat(&first)]
}

/// Runs the supervisor in a bounded amount of memory.
fn bounded(world: &World, args: &[&str]) -> Output {
    let limit = format!("ulimit -d {MOST} && exec \"$0\" \"$@\"");
    let mut command = world.program_at("sh");
    command.args(["-c", &limit]).arg(binary("jldconv-supervisor")).args(args);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {:?} {said}", output.status);
    output
}

#[test]
fn a_done_archive_of_many_files_takes_little_memory() {
    let world = World::new(&[]);
    let small =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/small/0.4.17-lz4-arr-Int32.jld2");
    fs::copy(small, world.at("old").join(name(1))).unwrap();
    world.supervisor(&["old", "new"]).ends(0);
    let stats = ["old", "new"].map(|dir| link(&world.at(dir)));

    let journal = world.at("new/.jldconv/journal-1-of-1.jsonl");
    let lines = fs::read_to_string(&journal).unwrap();
    let [head, job, ..] = lines.lines().collect::<Vec<_>>()[..] else { panic!("{lines}") };
    // With each link, a time of the file changed.
    let mut text = job.to_owned();
    for [before, now] in stats {
        assert!(text.contains(&before), "{before} is not in {text}");
        text = text.replace(&before, &now);
    }
    let mut all = format!("{head}\n");
    for number in 1..=FILES {
        let line = text.replace(&name(1), &name(number));
        all.push_str(&line.replace("\"number\":1,", &format!("\"number\":{number},")));
        all.push('\n');
    }
    fs::write(&journal, all).unwrap();

    bounded(&world, &["old", "new", "--yes", "--report", "report.json"]);
    let report = world.json("report.json");
    assert_eq!((&report["skipped"], &report["attempts"]), (&FILES.into(), &0.into()));
    let files = report["files"].as_array().unwrap();
    assert_eq!(files.len() as u64, FILES);
    assert_eq!(files[39_999]["name"], name(FILES));
    assert_eq!(files[39_999]["message"], "complete");

    let report = bounded(&world, &["report", "new", "--json"]);
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!((&report["unchanged"], &report["pending"]), (&FILES.into(), &0.into()));
    assert_eq!(report["notes"], json!([]));
    assert_eq!(report["files"][39_999]["number"], FILES);
}
