//! `jldconv commit`: asks at a terminal, tells what it removes, and leaves files as they are.

use crate::setting::{NAME, World, new};
use nix::pty::openpty;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::process::Command;

#[test]
fn what_is_removed_is_told() {
    let world = World::new();
    assert_eq!(world.upgrade(&[]).0, Some(0));
    let bytes = fs::metadata(world.undo_file()).unwrap().len();
    let told = world.jldconv(&["commit", "archive"]).ends(0).out;
    assert!(told.starts_with(&format!("archive/{NAME}: final\n")), "{told}");
    let size = jldconv::text::bytes(bytes);
    assert!(told.ends_with(&format!("1 undo file removed ({size})\n")), "{told}");
    assert_eq!(world.names(), [NAME]);
    assert!(world.bytes() == new());
    world.jldconv(&["commit", "archive"]).ends(4);
    world.jldconv(&["commit", "nowhere"]).ends(2);
}

#[test]
fn a_file_that_was_changed_since_stays_as_it_is() {
    let world = World::new();
    assert_eq!(world.upgrade(&[]).0, Some(0));
    File::options().append(true).open(world.file()).unwrap().write_all(b"more").unwrap();
    world.jldconv(&["undo", "archive"]).ends(1);
    let told = world.jldconv(&["commit", &format!("archive/{NAME}")]).ends(0).out;
    assert!(told.contains("another program changed it after its conversion"), "{told}");
    assert!(world.bytes() == [new(), b"more"].concat());
    assert_eq!(world.names(), [NAME]);
}

#[test]
fn what_cannot_be_read_keeps_its_undo_file() {
    let world = World::new();
    assert_eq!(world.upgrade(&[]).0, Some(0));
    fs::write(world.file(), "no JLD2 at all").unwrap();
    world.jldconv(&["commit", "archive"]).ends(1);
    assert!(world.undo_file().exists());
}

#[cfg(feature = "fault")]
#[test]
fn an_interrupted_change_cannot_be_made_final() {
    let world = World::new();
    world.interrupt(&[]);
    let refused = world.jldconv(&["commit", "archive"]).ends(1);
    assert!(refused.err.contains("`jldconv undo` takes it back"), "{}", refused.err);
    world.undo();
}

/// Runs `commit` at a terminal and gives `answer`.
fn at_a_terminal(world: &World, args: &[&str], answer: &str) -> (Option<i32>, String) {
    let pty = openpty(None, None).unwrap();
    let (mut ours, theirs) = (File::from(pty.master), File::from(pty.slave));
    let mut child = Command::new(env!("CARGO_BIN_EXE_jldconv"))
        .args(["commit", "archive"])
        .args(args)
        .current_dir(world.at("."))
        .stdin(theirs.try_clone().unwrap())
        .stdout(theirs.try_clone().unwrap())
        .stderr(theirs)
        .spawn()
        .unwrap();
    ours.write_all(answer.as_bytes()).unwrap();
    let mut screen = Vec::new();
    // A terminal that its last program left gives an error.
    let _ = ours.read_to_end(&mut screen);
    (child.wait().unwrap().code(), String::from_utf8(screen).unwrap())
}

#[test]
fn a_terminal_is_asked() {
    let world = World::new();
    assert_eq!(world.upgrade(&[]).0, Some(0));
    let (code, screen) = at_a_terminal(&world, &[], "n\n");
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("Remove 1 undo file ("), "{screen}");
    assert!(screen.contains("nothing was done"), "{screen}");
    assert!(world.undo_file().exists());
    let (code, screen) = at_a_terminal(&world, &[], "y\n");
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("1 undo file removed"), "{screen}");
    assert_eq!(world.names(), [NAME]);
    fs::remove_file(world.file()).unwrap();

    let world = World::new();
    assert_eq!(world.upgrade(&[]).0, Some(0));
    let (code, screen) = at_a_terminal(&world, &["--yes"], "");
    assert_eq!(code, Some(0), "{screen}");
    assert!(!screen.contains("[y/N]"), "{screen}");
}
