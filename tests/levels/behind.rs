//! Bytes behind the container's end: kept where nothing is appended, left out or written over where
//! JLD2 itself would write over them, and told in each case.

use crate::sample::{Way, run};
use jldconv::h5::File;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

const BEHIND: [u8; 123] = [0x77; 123];

/// Converts a file with bytes behind its container; gives what was found and the output's bytes.
fn converted(way: Way, dir: &Path, more: &[&str]) -> (Vec<String>, Vec<u8>) {
    let [input, output] = ["in.jld2", "out.jld2"].map(|name| dir.join(name));
    fs::write(&input, with_bytes_behind(way)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_jldconv"));
    command.args(["convert", "--json"]).arg(&input).args(way.flags()).args(more);
    if way != Way::InPlace {
        command.arg(&output);
    }
    let ended = run(&mut command);
    assert!(ended.status.success(), "{way:?}: {ended:?}");
    let report: Value = serde_json::from_slice(&ended.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let findings = findings.iter().map(|f| f.as_str().unwrap().to_owned()).collect();
    let made = if way == Way::InPlace { &input } else { &output };
    (findings, fs::read(made).unwrap())
}

fn with_bytes_behind(way: Way) -> Vec<u8> {
    let mut bytes = way.input();
    if way == Way::Unchanged {
        bytes.truncate(bytes.len() - 100);
    }
    bytes.extend(BEHIND);
    bytes
}

#[test]
fn bytes_behind_the_container_are_kept_or_told() {
    for (way, fate) in [
        (Way::Patch, "they are left out: JLD2 would write over them, too"),
        (Way::Unchanged, "they are kept"),
        (Way::Rewrite, "they are left out: JLD2 would write over them, too"),
        (Way::InPlace, "what is appended goes over them, as with JLD2; the undo file keeps them"),
    ] {
        let temp = tempfile::tempdir().unwrap();
        let before = with_bytes_behind(way);
        let end = before.len() - BEHIND.len();
        let (findings, output) = converted(way, temp.path(), &["--verify", "content"]);
        let told = format!("note: /: 123 bytes behind the container's end at offset {end}: {fate}");
        assert_eq!(findings.iter().filter(|f| **f == told).count(), 1, "{way:?}: {findings:?}");
        if way == Way::Unchanged {
            assert!(output == before);
            continue;
        }
        assert!(!output.windows(BEHIND.len()).any(|bytes| bytes == BEHIND), "{way:?}");
        fs::write(temp.path().join("again.jld2"), &output).unwrap();
        let file = File::open(&temp.path().join("again.jld2")).unwrap();
        assert_eq!(file.superblock().end_of_file, output.len() as u64, "{way:?}");
        if way == Way::InPlace {
            let mut undo = Command::new(env!("CARGO_BIN_EXE_jldconv"));
            assert!(run(undo.arg("undo").arg(temp.path().join("in.jld2"))).status.success());
            assert!(fs::read(temp.path().join("in.jld2")).unwrap() == before);
        }
    }
}

#[test]
fn a_dry_run_tells_of_them() {
    let temp = tempfile::tempdir().unwrap();
    let input = temp.path().join("in.jld2");
    fs::write(&input, with_bytes_behind(Way::Patch)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_jldconv"));
    command.args(["convert", "--dry-run"]).arg(&input).arg(temp.path().join("out.jld2"));
    let ended = run(&mut command);
    let out = String::from_utf8(ended.stdout).unwrap();
    assert!(out.contains("123 bytes behind the container's end"), "{out}");
}
