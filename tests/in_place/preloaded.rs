//! Killed at calls of the C library, by a library that is loaded in front of it.

use crate::setting::{World, new, old, text};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the library; `None` where there is no compiler.
fn library(dir: &Path) -> Option<PathBuf> {
    let library = dir.join("kill_at.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/in_place/kill_at.c");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .output();
    match built {
        Ok(output) if output.status.success() => Some(library),
        Ok(output) => panic!("{}", text(&output.stderr)),
        Err(error) => {
            eprintln!("skipped: no cc: {error}");
            None
        }
    }
}

/// Kills workers at calls `step` apart, until one lives through; gives the number of kills.
fn kill_each(step: usize, first: usize) -> usize {
    let place = tempfile::tempdir().unwrap();
    let Some(library) = library(place.path()) else { return usize::MAX };
    let mut kills = 0;
    for at in (first..).step_by(step) {
        let world = World::new();
        let marker = world.at("killed");
        let output = world
            .upgrade_command(&[])
            .env("LD_PRELOAD", &library)
            .env("KILL_AT", at.to_string())
            .env("KILL_WORD", "__worker")
            .env("KILL_MARKER", &marker)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "call {at}: {}", text(&output.stderr));
        assert!(world.bytes() == new(), "call {at}");
        let report = world.report();
        assert_eq!(report["outcome"], "converted", "call {at}: {report}");
        assert_eq!(report["bytes_in"], old().len() as u64, "call {at}");
        let died = marker.exists();
        world.undo();
        if !died {
            break;
        }
        kills += 1;
    }
    kills
}

#[test]
fn a_worker_may_die_at_any_call() {
    let kills = kill_each(5, 1);
    println!("{kills} kills");
    assert!(kills > 10, "{kills} kills are too few to mean anything");
}

/// `cargo test --features fault --test in_place -- --ignored`
#[test]
#[ignore = "takes minutes"]
fn five_hundred_times() {
    let mut kills = 0_usize;
    while kills < 500 {
        kills = kills.saturating_add(kill_each(1, 1));
    }
    println!("{kills} kills");
}
