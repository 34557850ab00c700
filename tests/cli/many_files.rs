//! Archives of many files that are done: the resume and the report of 40,000 take little memory, and
//! nobody looks into a file. Their files are links to one, their journals the line of one with other
//! names.

use crate::world::{World, binary};
use jldconv::sys::stat::StatData;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
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
fn link(dir: &Path, files: u64) -> [String; 2] {
    let first = dir.join(name(1));
    let before = stat(&first);
    (2..=files).for_each(|number| fs::hard_link(&first, dir.join(name(number))).unwrap());
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

/// Makes the journal of one file, of which all stats `before` are `now` others, that of all.
fn multiply(journal: &Path, stats: &[[String; 2]], files: u64) {
    let lines = fs::read_to_string(journal).unwrap();
    let [head, job, ..] = lines.lines().collect::<Vec<_>>()[..] else { panic!("{lines}") };
    // With each link, a time of the file changed.
    let mut text = job.to_owned();
    for [before, now] in stats {
        assert!(text.contains(before), "{before} is not in {text}");
        text = text.replace(before, now);
    }
    let mut all = format!("{head}\n");
    for number in 1..=files {
        let line = text.replace(&name(1), &name(number));
        all.push_str(&line.replace("\"number\":1,", &format!("\"number\":{number},")));
        all.push('\n');
    }
    fs::write(journal, all).unwrap();
}

/// A world in which `old` has one small file, and `new` what became of it.
fn one_file() -> World {
    let world = World::new(&[]);
    let small =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/small/0.4.17-lz4-arr-Int32.jld2");
    fs::copy(small, world.at("old").join(name(1))).unwrap();
    world.supervisor(&["old", "new"]).ends(0);
    world
}

fn journal(world: &World, dir: &str) -> PathBuf {
    world.at(dir).join(".jldconv/journal-1-of-1.jsonl")
}

#[test]
fn a_done_archive_of_many_files_takes_little_memory() {
    let world = one_file();
    let stats = ["old", "new"].map(|dir| link(&world.at(dir), FILES));
    multiply(&journal(&world, "new"), &stats, FILES);

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

/// What is known of thousands of files by a journal is told file by file, although what they have in
/// common is kept once.
#[test]
fn a_scan_and_a_comparison_that_are_done_tell_each_file() {
    const SOME: u64 = 2000;
    let world = one_file();
    let scan = ["scan", "old", "--no-estimate", "--csv", "s.csv", "--journal", "scanned"];
    let verify = ["verify", "old", "new", "-v", "--journal", "compared"];
    fs::create_dir(world.at("scanned")).unwrap();
    fs::create_dir(world.at("compared")).unwrap();
    world.supervisor(&scan).ends(0);
    world.supervisor(&verify).ends(0);
    let mut stats = ["old", "new"].map(|dir| link(&world.at(dir), SOME));
    // One that is not as the others, and one of which the journal knows nothing.
    let damaged = world.at("old").join(name(7));
    let bytes = fs::read(&damaged).unwrap();
    fs::remove_file(&damaged).unwrap();
    fs::write(&damaged, &bytes[..700]).unwrap();
    fs::write(world.at("old/output_09999.jld2"), &bytes).unwrap();
    stats[0][1] = stat(&world.at("old").join(name(1)));
    multiply(&journal(&world, "scanned"), &stats[..1], SOME);
    multiply(&journal(&world, "compared"), &stats, SOME);

    let scanned = world.supervisor(&scan).ends(1).out;
    assert!(scanned.contains("2001 files"), "{scanned}");
    let rows = fs::read_to_string(world.at("s.csv")).unwrap();
    let rows: Vec<_> = rows.lines().collect();
    assert_eq!(rows.len() as u64, SOME + 2);
    let row = |number: u64| {
        rows[1].replace(&name(1), &name(number)).replacen(",1,", &format!(",{number},"), 1)
    };
    assert_eq!((rows[2000], rows[2001]), (&*row(SOME), &*row(9999)));
    assert!(rows[7].contains("output_00007") && rows[7].contains("damaged"), "{}", rows[7]);
    // The head, a line for each, and of this run the head, two files and the end.
    let lines = fs::read_to_string(journal(&world, "scanned")).unwrap().lines().count() as u64;
    assert_eq!(lines, 1 + SOME + 4, "only what is not known was looked into");

    let compared = world.supervisor(&verify).ends(1).out;
    let told = |name: &str| compared.lines().filter(|line| line.contains(name)).count();
    assert_eq!((told(&name(1)), told(&name(7)), told(&name(SOME))), (1, 1, 1), "{compared}");
    assert!(compared.contains("output_09999"), "{compared}");
}
