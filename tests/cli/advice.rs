//! What a run advises, held against its own figures: slow storage and a processor at work, for real.

use super::flaky::Flaky;
use super::world::{Ended, World};
use serde_json::Value;

const ARGS: [&str; 5] = ["old", "new", "--yes", "--report", "report.json"];

/// The words for what is advised.
fn advised(report: &Value) -> Vec<&str> {
    let advice = report["recommendations"].as_array().unwrap();
    advice.iter().map(|it| it["what"].as_str().unwrap()).collect()
}

fn number(report: &Value, name: &str) -> f64 {
    report[name].as_f64().unwrap_or_else(|| panic!("{name}: {report}"))
}

/// Shares of the workers' time: at work, and waiting for a core.
fn shares(report: &Value) -> (f64, f64) {
    let files = report["files"].as_array().unwrap();
    let seconds: f64 = files.iter().map(|file| file["seconds"].as_f64().unwrap()).sum();
    (number(report, "cpu_seconds") / seconds, number(report, "queued_seconds") / seconds)
}

#[test]
fn slow_storage_is_told_as_such() {
    let world = World::new(&[1, 2, 3, 4]);
    let flaky = Flaky::new();
    // Each read takes so many milliseconds longer.
    flaky.fail("read", -100, 100_000, "old/output");
    let mut command = world.program("jldconv-supervisor", &[&ARGS[..], &["--workers=2"]].concat());
    command.env("LD_PRELOAD", &flaky.library);
    let ended = Ended::of(&mut command, &world).ends(0);
    let report = world.json("report.json");
    let (at_work, queued) = shares(&report);
    assert!(at_work + queued < 0.5, "storage is slow: {at_work} {queued}");
    assert_eq!(advised(&report), ["storage-bound", "in-place", "tune"], "{ended:#?}");
    let command = report["recommendations"][1]["command"].as_str().unwrap();
    assert!(command.starts_with("jldconv-supervisor old --"), "{command}");
    assert!(command.ends_with("--workers=2 --yes --mode=in-place"), "{command}");
    assert!(ended.out.contains("limited by  storage: workers computed"), "{}", ended.out);
    assert!(ended.out.contains(command), "{}", ended.out);
    // Where nothing is slow, nothing is said of storage.
    flaky.fail("read", -1, 0, "nothing");
    let args = ["old", "new2", "--yes", "--report", "report.json", "--compress=zstd:19"];
    let mut command = world.program("jldconv-supervisor", &args);
    command.env("LD_PRELOAD", &flaky.library);
    Ended::of(&mut command, &world).ends(0);
    let report = world.json("report.json");
    assert!(!advised(&report).contains(&"storage-bound"), "{report}");
}

#[test]
fn idle_cores_are_offered_where_workers_compute() {
    let world = World::new(&[1, 2, 3, 4, 5, 6]);
    let more = ["--workers=1", "--threads-per-worker=1", "--compress=zstd:19"];
    let ended = world.supervisor(&[&ARGS[..], &more].concat()).ends(0);
    let report = world.json("report.json");
    let (at_work, queued) = shares(&report);
    assert!(at_work > 0.0 && !advised(&report).contains(&"storage-bound"), "{ended:#?}");
    let cores = number(&report, "cores");
    let idle = cores - number(&report, "cpu_seconds") / number(&report, "conversion_time");
    let plain = at_work > 0.75 && queued < 0.15 && number(&report, "parallel_efficiency") > 0.8;
    if cores > 1.0 && idle >= 1.0 && plain && number(&report, "cpu_seconds") > 1.0 {
        assert_eq!(advised(&report), ["more-workers", "tune"], "{ended:#?}");
        let best = cores.min(6.0);
        assert!(ended.out.contains(&format!("--workers={best}")), "{}", ended.out);
    }
    // As many as there are cores: nothing more is offered.
    let args = ["old", "new2", "--yes", "--report", "report.json", "--compress=zstd:19"];
    world.supervisor(&args).ends(0);
    assert_eq!(advised(&world.json("report.json")), [""; 0]);
}

#[test]
fn the_summary_has_what_was_asked_for_and_what_came_of_it() {
    let world = World::new(&[1, 2, 3]);
    let args = [&ARGS[..], &["--workers=2", "--mode=rewrite", "--compress=zstd:5"]].concat();
    let mut command = world.program("jldconv-supervisor", &args);
    command.env("JLDCONV_FAULT", "kill@00002#1");
    let ended = Ended::of(&mut command, &world).ends(0);
    let report = world.json("report.json");
    assert_eq!(report["threads_used"], report["workers_used"]);
    assert_eq!((&report["target"], &report["mode"]), (&"mera-1.9".into(), &"rewrite".into()));
    assert_eq!(report["options"]["compress"]["zstd"], 5);
    assert_eq!(report["retries"]["killed"], 1);
    assert_eq!(report["faults"]["killed"], 1);
    let sum = |of: &str, field: &str| -> i64 {
        report[of].as_array().unwrap().iter().map(|it| it[field].as_i64().unwrap()).sum()
    };
    let saved = sum("files", "bytes_in") - sum("files", "bytes_out");
    assert!(saved > 0);
    assert_eq!(report["bytes_saved"], saved);
    assert_eq!((sum("slots", "jobs"), sum("slots", "bytes")), (3, sum("files", "bytes_in")));
    assert!(number(&report, "findings_mended") >= 9.0, "three findings each at least");
    assert!(number(&report, "budget") > 0.0 && number(&report, "cores") >= 1.0);
    let points = report["timeline"]["seconds"].as_array().unwrap().len();
    assert!(points >= 1 && report["timeline"]["bytes"].as_array().unwrap().len() == points);
    let last = report["timeline"]["files"].as_array().unwrap().last().unwrap();
    assert_eq!(last, 3, "{report}");
    for line in ["smaller", "tried again: 1 killed", "3 files by rewrite", "mended", "slot   files"]
    {
        assert!(ended.out.contains(line), "{line}: {}", ended.out);
    }
    // The journal tells the same, with the pictures of all runs.
    world.supervisor(&["old", "new", "--yes", "--mode=rewrite", "--compress=zstd:6"]).ends(0);
    let told = world.supervisor(&["report", "new", "--json", "--html", "all.html"]).ends(0);
    let merged: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(merged["retries"]["killed"], 1);
    assert_eq!(merged["target"], "mera-1.9");
    let page = std::fs::read_to_string(world.at("all.html")).unwrap();
    assert!(page.contains("2 runs") && page.contains("aria-label=\"memory over time\""), "{page}");
    assert_eq!(page.matches("class=\"margin\"").count(), 2, "a margin for each run");
}
