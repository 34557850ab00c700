//! An archive of 100,000 files whose supervisor is killed again and again: nothing is lost, and the
//! supervisor takes less than 100 MiB whatever it does. Takes some minutes; `TMPDIR` should be in
//! memory.

use super::world::{World, binary};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const FILES: u64 = 100_000;
/// Resident memory of the supervisor in KiB, of which the program itself takes a quarter where it was
/// not optimized.
const MOST: u64 = if cfg!(debug_assertions) { 124 << 10 } else { 100 << 10 };

fn name(number: u64) -> String {
    format!("output_{number:05}.jld2")
}

fn start(world: &World, args: &[&str]) -> Child {
    let mut command = world.plain(binary("jldconv-supervisor"));
    let out = fs::File::create(world.at("out.txt")).unwrap();
    command.args(args).stdout(out).stderr(Stdio::inherit()).spawn().unwrap()
}

/// Highest resident memory of a process so far in KiB.
fn peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// Runs the supervisor to its end; what it printed.
fn bounded(world: &World, args: &[&str]) -> String {
    let begin = Instant::now();
    let mut child = start(world, args);
    let mut highest = 0;
    let status = loop {
        highest = peak(child.id()).unwrap_or(0).max(highest);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    eprintln!("{args:?}: {} MiB, {:.1} s", highest >> 10, begin.elapsed().as_secs_f64());
    assert!(status.success(), "{args:?}: {status}");
    assert!(highest > 0 && highest < MOST, "{args:?}: {highest} KiB");
    fs::read_to_string(world.at("out.txt")).unwrap()
}

/// Outcomes in the journal by name, and its lines that are not whole.
fn journal(world: &World) -> (BTreeMap<String, Vec<String>>, u64) {
    let (mut known, mut torn) = (BTreeMap::<_, Vec<_>>::new(), 0);
    let Ok(file) = fs::File::open(world.at("new/.jldconv/journal-1-of-1.jsonl")) else {
        return (known, torn);
    };
    for line in BufReader::new(file).split(b'\n') {
        let Ok(line) = serde_json::from_slice::<Value>(&line.unwrap()) else {
            torn += 1;
            continue;
        };
        if line["kind"] == "job" {
            let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
            known.entry(text("name")).or_default().push(text("outcome"));
        }
    }
    (known, torn)
}

#[test]
#[ignore = "takes minutes: 100,000 files, with kills"]
fn a_hundred_thousand_files_whose_supervisor_is_killed_lose_nothing() {
    let world = World::new(&[]);
    let small = include_bytes!("../data/small/0.4.17-lz4-arr-Int32.jld2");
    (1..=FILES).for_each(|number| world.put(&format!("old/{}", name(number)), small));
    let run = ["old", "new", "--yes", "--progress", "none", "--report", "report.json"];

    for kills in 1..=4 {
        let mut child = start(&world, &run);
        let so_far = || fs::read_dir(world.at("new")).map_or(0, Iterator::count) as u64;
        while so_far() < kills * FILES / 5 {
            assert!(child.try_wait().unwrap().is_none(), "it ended");
            std::thread::sleep(Duration::from_millis(50));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let (known, _) = journal(&world);
        // What a journal says is done is there, whole.
        for name in known.keys() {
            assert_eq!(fs::metadata(world.at("new").join(name)).unwrap().len(), small.len() as u64);
        }
        eprintln!("killed at {} outputs, {} in the journal", so_far(), known.len());
    }
    bounded(&world, &run);
    let report = world.json("report.json");
    let count = |key: &str| report[key].as_u64().unwrap();
    assert_eq!((count("unchanged") + count("skipped"), count("failed")), (FILES, 0));
    assert_eq!(report["files"].as_array().unwrap().len() as u64, FILES);
    let (known, torn) = journal(&world);
    assert!(torn <= 4, "{torn} lines are torn, of 4 kills");
    assert_eq!(known.len() as u64, FILES);
    for outcomes in known.values() {
        assert!(outcomes.iter().all(|it| it != "failed"), "{outcomes:?}");
    }
    assert_eq!(world.names("new").len() as u64, FILES);
    assert_eq!(world.names("new/.jldconv/tmp"), Vec::<String>::new());

    let done = |attempts: u64| {
        let report = world.json("report.json");
        assert_eq!((&report["skipped"], &report["attempts"]), (&FILES.into(), &attempts.into()));
    };
    bounded(&world, &run);
    done(0);
    bounded(&world, &["old", "new", "--dry-run"]);
    bounded(&world, &["report", "new", "--json"]);
    let compared = bounded(&world, &["verify", "old", "new"]);
    assert!(compared.contains("100000"), "{compared}");
    let scanned = bounded(&world, &["scan", "new", "--no-estimate", "--csv", "s.csv"]);
    assert!(scanned.contains("100000 files"), "{scanned}");
    assert_eq!(fs::read_to_string(world.at("s.csv")).unwrap().lines().count() as u64, FILES + 1);

    // A higher check looks at each output, and an archive that moved needs no look, but new lines.
    let mut higher = run.to_vec();
    higher.extend(["--verify", "content"]);
    bounded(&world, &higher);
    done(FILES);
    for (from, to) in [("old", "moved"), ("new", "made")] {
        fs::rename(world.at(from), world.at(to)).unwrap();
    }
    higher[..2].copy_from_slice(&["moved", "made"]);
    bounded(&world, &higher);
    done(0);
    // Of copies nobody knows before a look at each that they are what they were copied from.
    for (from, to) in [("moved", "old"), ("made", "new")] {
        let copied = world.plain("cp").args(["-a", from, to]).status().unwrap();
        assert!(copied.success());
    }
    bounded(&world, &run);
    done(0);
    // Other rules make all of them again.
    let rule =
        "[[rule]]\nid = \"own\"\nwhy = \"a test\"\nfrom = [\"Main.Nothing\"]\nto = \"Mine.Type\"\n";
    world.put("rules.toml", rule);
    let mut again = run.to_vec();
    again.extend(["--rules", "rules.toml"]);
    bounded(&world, &again);
    let report = world.json("report.json");
    assert_eq!((&report["unchanged"], &report["attempts"]), (&FILES.into(), &FILES.into()));
}
