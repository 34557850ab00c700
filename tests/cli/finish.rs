//! `--on-finish` is run however a run ended: where nothing matched, where its report cannot be written,
//! where its output directory vanished, and where it could not begin.

use super::shards_at_work::{start, wait_until};
use super::world::World;
use std::fs;

/// A command that keeps what it learns, and the report.
const KEEP: &str = "sh -c 'env | grep ^JLDCONV_RUN_ > told; cp \"$JLDCONV_RUN_REPORT\" kept.json'";

/// What the command learned.
fn told(world: &World) -> String {
    let told = fs::read_to_string(world.at("told")).unwrap();
    fs::remove_file(world.at("told")).unwrap();
    told
}

#[track_caller]
fn has(told: &str, lines: &[&str]) {
    for line in lines {
        assert!(told.lines().any(|it| it.starts_with(line)), "{line} in\n{told}");
    }
}

#[test]
fn nothing_that_matches_and_nothing_that_can_begin() {
    let world = World::new(&[1]);
    let args = ["old", "new", "--range", "7", "--on-finish", KEEP];
    let ended = world.supervisor(&args).ends(4);
    assert!(!ended.err.contains("warning"), "{ended:#?}");
    let learned = told(&world);
    let summary = "JLDCONV_RUN_SUMMARY=Nothing was done: no file of ";
    has(&learned, &["JLDCONV_RUN_CODE=4", "JLDCONV_RUN_OUTCOME=done", summary]);
    assert!(world.json("kept.json")["error"].is_null());
    let report = learned.lines().find_map(|it| it.strip_prefix("JLDCONV_RUN_REPORT=")).unwrap();
    assert!(!std::path::Path::new(report).exists(), "it was for the command alone");
    assert!(!world.at("new").exists());

    world.supervisor(&["nowhere", "new", "--on-finish", KEEP]).ends(2);
    assert!(!world.at("told").exists(), "a mistake in the call is nobody's run");

    world.put("theirs", "x");
    world.supervisor(&["old", "new"]).ends(0);
    world.put("new/output_00001.jld2", "theirs");
    world.supervisor(&["old", "new", "--on-finish", KEEP]).ends(2);
    has(&told(&world), &["JLDCONV_RUN_CODE=2", "JLDCONV_RUN_OUTCOME=error"]);
    assert!(world.json("kept.json")["error"].as_str().unwrap().contains("output_00001.jld2"));
    world.supervisor(&["old", "new", "--dry-run", "--on-finish", KEEP]).ends(2);
    assert!(!world.at("told").exists(), "nothing was to be done");
}

#[test]
fn a_report_that_cannot_be_written_and_a_directory_that_vanished() {
    let world = World::new(&[1, 2]);
    fs::create_dir(world.at("reports")).unwrap();
    let args = ["--report", "reports/r.json", "--workers", "1", "--on-finish", KEEP];
    let mut run = start(&world, &args, "slow=2s@00002");
    wait_until("the run", || world.at("new/.jldconv").exists());
    fs::remove_dir(world.at("reports")).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(5));
    has(&told(&world), &["JLDCONV_RUN_CODE=5", "JLDCONV_RUN_OUTCOME=error"]);
    let own = world.at("new/.jldconv/report-1-of-1.json");
    assert!(own.exists(), "one is written beside the journal instead");
    assert_eq!(world.json("kept.json")["success"], 2);

    let mut run =
        start(&world, &["--force", "--workers", "1", "--on-finish", KEEP], "slow=60s@00002");
    wait_until("the second run", || {
        fs::read_to_string(world.at("new/.jldconv/journal-1-of-1.jsonl"))
            .is_ok_and(|text| text.matches("\"kind\":\"run\"").count() == 2)
    });
    fs::rename(world.at("new"), world.at("gone")).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(5));
    has(&told(&world), &["JLDCONV_RUN_CODE=5", "JLDCONV_RUN_OUTCOME=error"]);
    let report = world.json("kept.json");
    assert!(!report["error"].as_str().unwrap().is_empty(), "{report:#}");
}
