//! Changes in place that append more than an undo file holds, killed at each of their steps.

use crate::clean::clean;
use crate::rule_turns::{NUMBERS_AS_COLUMNS, numbers};
use crate::rules::jldconv;
use crate::runner::printed;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Structs of the array: so many that its columns are not held in the undo file.
const COUNT: u64 = 1024;
/// More steps than there are.
const MOST: usize = 500;

/// Changes `changed.jld2` in place; dies at the given point. Gives whether it died.
fn change(dir: &Path, point: Option<&str>) -> bool {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jldconv"));
    clean(&mut command).current_dir(dir).stdout(Stdio::null()).stderr(Stdio::null());
    command.args(["convert", "changed.jld2", "--mode", "in-place", "--target", "julia-2026"]);
    command.args(["--rules", "rules.toml"]);
    if let Some(point) = point {
        command.env("JLDCONV_CRASH_AT", point);
    }
    let status = command.status().unwrap();
    let died = status.signal() == Some(9);
    assert!(died || status.success(), "{point:?}: {status}");
    died
}

/// Whatever the step, the old bytes can be had back, and the same command ends what was begun.
#[test]
fn a_change_that_appends_much_may_die_at_any_step() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    numbers(&at("input.jld2"), COUNT);
    fs::write(at("rules.toml"), NUMBERS_AS_COLUMNS).unwrap();
    let begin = || {
        let _ = fs::remove_file(at("changed.jld2.jldconv-undo"));
        let _ = fs::remove_file(at("changed.jld2"));
        fs::copy(at("input.jld2"), at("changed.jld2")).unwrap();
    };
    let old = fs::read(at("input.jld2")).unwrap();
    begin();
    assert!(!change(dir.path(), None));
    let new = fs::read(at("changed.jld2")).unwrap();
    assert!(new.len() as u64 > old.len() as u64 + 8 * 16 * COUNT);
    assert!(fs::metadata(at("changed.jld2.jldconv-undo")).unwrap().len() < 8 * 16 * COUNT);
    let (mut deaths, mut half) = (0, 0);
    for n in 1..MOST {
        let point = format!("any:{n}");
        begin();
        if !change(dir.path(), Some(&point)) {
            break;
        }
        deaths += 1;
        let found = fs::read(at("changed.jld2")).unwrap();
        half += usize::from(found != old && found != new);
        if found != old || at("changed.jld2.jldconv-undo").exists() {
            printed(&jldconv(&["undo", at("changed.jld2").to_str().unwrap()]));
        }
        assert!(fs::read(at("changed.jld2")).unwrap() == old, "{point}: not as it was");
        begin();
        assert!(change(dir.path(), Some(&point)), "{point}");
        assert!(!change(dir.path(), None), "{point}");
        assert!(fs::read(at("changed.jld2")).unwrap() == new, "{point}: not ended");
    }
    assert!((20..MOST - 1).contains(&deaths) && half > 5, "{deaths} deaths, {half} half-way");
    for step in ["before-digest-write", "torn-digest-write", "after-digest-sync"] {
        begin();
        assert!(change(dir.path(), Some(step)), "{step} is never reached");
    }
}
