//! Other commands beside a change in place that was interrupted, or is under way.
#![cfg(feature = "fault")]

use crate::clean::clean;
use crate::setting::{NAME, World, new, old};
use jldconv::sys::note;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

const FILE: &str = "archive/output_00001.jld2";

#[test]
fn whoever_looks_is_warned() {
    let world = World::new();
    world.interrupt(&[]);
    let now = world.bytes();
    let commands = [
        &["inspect", FILE][..],
        &["verify", FILE, FILE],
        &["dump", FILE, "/hydro/information"],
        &["inspect", FILE, "--json"],
        &["verify", FILE, FILE, "--json"],
        &["dump", FILE, "/hydro/information", "--json"],
    ];
    for args in commands {
        let ended = world.jldconv(args);
        assert!(ended.err.contains("warning: archive/output_00001.jld2: "), "{args:?} {ended:?}");
        assert!(ended.err.contains("a change in place was interrupted"), "{args:?} {ended:?}");
        assert!(ended.err.contains(&format!("{NAME}.jldconv-undo")), "{args:?} {ended:?}");
        assert!(ended.err.contains("`jldconv undo`"), "{args:?} {ended:?}");
        if args.contains(&"--json") && !ended.out.is_empty() {
            let json = ended.json();
            let field = if args[0] == "dump" { "_unfinished_change" } else { "unfinished_change" };
            assert_eq!(json[field], format!("{FILE}.jldconv-undo"), "{args:?} {ended:?}");
        }
    }
    let pairs = world.jldconv(&["verify", "archive", "archive", "--json"]);
    assert!(pairs.err.contains("a change in place was interrupted"), "{pairs:?}");
    assert!(pairs.out.contains("\"unfinished_change\":\"archive/output_00001"), "{pairs:?}");
    assert!(world.bytes() == now, "nothing is done to it");
    assert!(world.jldconv(&["inspect", FILE, "--json"]).json().get("unfinished_change").is_some());
    world.undo();
    for args in commands {
        let ended = world.jldconv(args).ends(0);
        assert!(!ended.err.contains("warning") && !ended.out.contains("unfinished"), "{ended:?}");
    }
    assert_eq!(world.upgrade(&[]).0, Some(0));
    let ended = world.jldconv(&["inspect", FILE]).ends(0);
    assert!(!ended.err.contains("warning"), "a complete change is none: {ended:?}");
}

#[test]
fn a_backup_directory_is_looked_into() {
    let world = World::new();
    fs::create_dir(world.at("undo")).unwrap();
    world.interrupt(&["--backup-dir", "undo"]);
    let with = ["inspect", FILE, "--backup-dir", "undo", "--json"];
    let ended = world.jldconv(&with);
    assert!(ended.err.contains("a change in place was interrupted"), "{ended:?}");
    assert!(ended.json()["unfinished_change"].as_str().unwrap().starts_with("undo/"), "{ended:?}");
    let (code, report) = world.upgrade(&["--backup-dir", "undo"]);
    assert_eq!((code, &report["outcome"]), (Some(0), &"converted".into()));
    assert!(world.bytes() == new());
    world.jldconv(&["undo", "archive", "--backup-dir", "undo"]).ends(0);
    world.assert_old();
}

/// Whether files here can have a note that says where their undo file is.
fn notes_are_kept(world: &World) -> bool {
    let file = fs::File::open(world.file()).unwrap();
    let kept = note::write(&file, Path::new("/")).unwrap();
    note::remove(&file).unwrap();
    if !kept {
        eprintln!("skipped: no extended attributes of users here");
    }
    kept
}

/// A change that was interrupted with a backup directory is noticed by all who are not told of it.
#[test]
fn a_backup_directory_that_was_forgotten_is_found() {
    let world = World::new();
    if !notes_are_kept(&world) {
        return;
    }
    fs::create_dir(world.at("undo")).unwrap();
    let interrupt = || world.interrupt(&["--backup-dir", "undo"]);
    interrupt();
    let half = world.bytes();
    for command in ["inspect", "dump"] {
        let ended = world.jldconv(&[command, FILE]);
        assert!(ended.err.contains("a change in place was interrupted"), "{ended:?}");
    }
    let ended = world.jldconv(&["convert", FILE, "new.jld2"]).ends(1);
    assert!(ended.err.contains("a change in place was interrupted"), "{ended:?}");
    let batch = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jldconv-supervisor"));
        clean(&mut command).arg(world.archive()).arg(world.at("out")).args([
            "-y",
            "--retries",
            "1",
        ]);
        command.output().unwrap()
    };
    let output = batch();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(!world.at("out").join(NAME).exists(), "no half file was converted");
    assert!(world.bytes() == half);

    // One that is named now does not hide the other; nor does a rename of the file's directory.
    fs::create_dir(world.at("other")).unwrap();
    for args in [&[][..], &["--backup-dir", "other"]] {
        let (code, report) = world.upgrade(args);
        assert_eq!((code, &report["outcome"]), (Some(0), &"converted".into()), "{report}");
        assert!(world.bytes() == new());
        assert!(note::read(&world.file()).is_none(), "a complete change has no note");
        world.jldconv(&[&["undo", "archive"], args].concat()).ends(0);
        world.assert_old();
        assert_eq!(fs::read_dir(world.at("undo")).unwrap().count(), 0);
        interrupt();
    }
    fs::rename(world.archive(), world.at("moved")).unwrap();
    world.jldconv(&["undo", "moved"]).ends(0);
    fs::rename(world.at("moved"), world.archive()).unwrap();
    world.assert_old();
    assert!(note::read(&world.file()).is_none());

    // What is lost is said, and found where it is now.
    interrupt();
    fs::rename(world.at("undo"), world.at("elsewhere")).unwrap();
    for args in [&["inspect", FILE][..], &["undo", FILE], &["commit", FILE, "--yes"]] {
        let ended = world.jldconv(args);
        assert!(ended.err.contains("its undo file is not in"), "{ended:?}");
    }
    assert_eq!(batch().status.code(), Some(1));
    assert_eq!(world.upgrade(&[]).0, Some(1), "nothing is changed on top of a half change");
    world.jldconv(&["undo", FILE, "--backup-dir", "elsewhere"]).ends(0);
    world.assert_old();
    assert_eq!(batch().status.code(), Some(0));
}

#[test]
fn an_archive_that_was_moved_finds_its_undo_files() {
    let world = World::new();
    fs::create_dir(world.at("undo")).unwrap();
    world.interrupt(&["--backup-dir", "undo"]);
    fs::rename(world.archive(), world.at("away")).unwrap();
    fs::create_dir(world.archive()).unwrap();
    fs::rename(world.at("away").join(NAME), world.file()).unwrap();
    fs::create_dir(world.at("elsewhere")).unwrap();
    fs::rename(world.archive(), world.at("elsewhere/archive")).unwrap();
    std::os::unix::fs::symlink(world.at("elsewhere/archive"), world.archive()).unwrap();
    let (code, report) = world.upgrade(&["--backup-dir", "undo"]);
    assert_eq!((code, &report["outcome"]), (Some(0), &"converted".into()), "{report}");
    assert!(world.bytes() == new());
    world.jldconv(&["undo", "archive", "--backup-dir", "undo"]).ends(0);
    world.assert_old();
}

#[test]
fn an_undo_file_beside_the_file_counts_with_a_backup_directory_too() {
    let world = World::new();
    fs::create_dir(world.at("undo")).unwrap();
    world.interrupt(&[]);
    let (code, report) = world.upgrade(&["--backup-dir", "undo"]);
    assert_eq!((code, &report["outcome"]), (Some(0), &"converted".into()));
    assert_eq!(world.names(), [NAME], "the new undo file lies where it was asked for");
    // The other way round: a complete change is not forgotten, and no second one is made on top.
    world.jldconv(&["undo", "archive", "--backup-dir", "undo"]).ends(0);
    assert_eq!(world.upgrade(&[]).0, Some(0));
    let (code, report) = world.upgrade(&["--backup-dir", "undo"]);
    assert_eq!((code, &report["outcome"]), (Some(0), &"unchanged".into()));
    world.jldconv(&["undo", "archive", "--backup-dir", "undo"]).ends(0);
    world.assert_old();
}

#[test]
fn an_input_is_not_touched_nor_called_damaged() {
    let world = World::new();
    world.interrupt(&[]);
    let now = world.bytes();
    let one = world.jldconv(&["convert", FILE, "out.jld2"]).ends(1);
    assert!(one.err.contains("a change in place was interrupted"), "{}", one.err);
    assert!(one.err.contains("--mode in-place"), "{}", one.err);
    assert!(!world.at("out.jld2").exists());
    let dry = world.jldconv(&["convert", FILE, "--mode", "in-place", "--dry-run"]).ends(1);
    assert!(format!("{}{}", dry.out, dry.err).contains("a change in place was interrupted"));

    let mut batch = std::process::Command::new(env!("CARGO_BIN_EXE_jldconv-supervisor"));
    clean(&mut batch).args([
        "archive",
        "new",
        "--yes",
        "--retries",
        "1",
        "--report",
        "report.json",
    ]);
    let ended = batch.current_dir(world.at(".")).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let report = world.report();
    let message = report["message"].as_str().unwrap();
    assert!(message.contains("a change in place was interrupted"), "{message}");
    assert_eq!(report["fault"], "unfinished", "{report}");
    let told = String::from_utf8(ended.stdout).unwrap();
    assert!(told.contains("jldconv undo FILE takes an interrupted change"), "{told}");
    assert!(world.bytes() == now, "the input is never touched");

    // As soon as it is whole again the same command goes through.
    world.jldconv(&["undo", FILE]).ends(0);
    assert_eq!(batch.output().unwrap().status.code(), Some(0));
    assert_eq!(world.report()["outcome"], "converted");
    assert!(world.bytes() == old());
    assert!(fs::read(world.at("new").join(NAME)).unwrap() == new());
}

#[test]
fn one_that_was_changed_by_somebody_else_meanwhile_is_left_alone() {
    let world = World::new();
    world.interrupt(&[]);
    let file = File::options().write(true).open(world.file()).unwrap();
    file.write_all_at(b"somebody else's", 550).unwrap();
    drop(file);
    let now = world.bytes();
    let refused = world.jldconv(&["undo", "archive"]).ends(1);
    assert!(refused.err.contains("then another program changed the file"), "{}", refused.err);
    let (code, report) = world.upgrade(&[]);
    assert_eq!((code, &report["outcome"]), (Some(1), &"failed".into()));
    assert!(world.bytes() == now);
    assert!(world.undo_file().exists());
}

#[test]
fn two_processes_never_work_on_one_file() {
    let world = World::new();
    world.interrupt(&[]);
    // Somebody is at work: he holds the lock.
    let undo = File::open(world.undo_file()).unwrap();
    rustix::fs::flock(&undo, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let now = world.bytes();
    for args in [&["undo", FILE][..], &["convert", FILE, "--mode", "in-place"]] {
        let refused = world.jldconv(args).ends(1);
        assert!(refused.err.contains("another process is changing it in place"), "{refused:?}");
    }
    let seen = world.jldconv(&["inspect", FILE]);
    assert!(seen.err.contains("is being changed in place at this moment"), "{}", seen.err);
    assert!(world.bytes() == now);
    // Many at once, when he is gone: one after the other, and the file is whole in the end.
    drop(undo);
    let convert = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_jldconv"));
        command.args(["convert", FILE, "--mode", "in-place"]).current_dir(world.at("."));
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        command.spawn().unwrap()
    };
    let mut children: Vec<_> = (0..6).map(|_| convert()).collect();
    let codes: Vec<_> = children.iter_mut().map(|child| child.wait().unwrap().code()).collect();
    assert!(codes.contains(&Some(0)), "{codes:?}");
    assert!(codes.iter().all(|code| matches!(code, Some(0 | 1))), "{codes:?}");
    assert!(world.bytes() == new());
    world.undo();
}
