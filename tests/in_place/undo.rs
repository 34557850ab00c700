//! `jldconv undo`: when it works, when it refuses, and what comes after it.

use crate::setting::{NAME, World, new, old};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::time::SystemTime;

#[test]
fn a_new_time_alone_is_no_change() {
    let world = World::new();
    assert_eq!(world.upgrade(&[]).0, Some(0));
    let file = File::options().write(true).open(world.file()).unwrap();
    file.set_modified(SystemTime::now()).unwrap();
    drop(file);
    world.undo();
}

#[test]
fn after_an_undo_the_same_command_converts_again() {
    let world = World::new();
    for _ in 0..3 {
        let (code, report) = world.upgrade(&[]);
        assert_eq!((code, &report["outcome"]), (Some(0), &"converted".into()));
        assert!(world.bytes() == new());
        world.undo();
    }
}

#[test]
fn no_failure_sticks_to_a_file_that_is_changed_in_place() {
    let world = World::new();
    // Something that is not an undo file lies in its place: it is left alone, and so is the file.
    fs::write(world.undo_file(), "my notes").unwrap();
    let (code, report) = world.upgrade(&[]);
    assert_eq!((code, &report["outcome"]), (Some(1), &"failed".into()));
    let message = report["message"].as_str().unwrap();
    assert!(message.contains("damaged undo file"), "{message}");
    assert_eq!(fs::read(world.undo_file()).unwrap(), b"my notes");
    assert!(world.bytes() == old());
    fs::remove_file(world.undo_file()).unwrap();
    let (code, report) = world.upgrade(&[]);
    assert_eq!((code, &report["outcome"]), (Some(0), &"converted".into()));
}

#[test]
fn what_somebody_else_wrote_since_is_not_lost() {
    // Behind the end, in appended bytes, in replaced ones, and the end cut off.
    for place in ["appended", "tail", "superblock", "cut"] {
        let world = World::new();
        assert_eq!(world.upgrade(&[]).0, Some(0));
        let append = place == "appended";
        let mut file = File::options().append(append).write(true).open(world.file()).unwrap();
        let len = new().len() as u64;
        match place {
            "appended" => file.write_all(b"more").unwrap(),
            "tail" => file.write_all_at(b"other", len - 100).unwrap(),
            "superblock" => file.write_all_at(b"other", 520).unwrap(),
            _ => file.set_len(len - 1).unwrap(),
        }
        drop(file);
        let now = world.bytes();
        let refused = world.jldconv(&["undo", "archive"]).ends(1);
        assert!(refused.err.contains("changed by another program"), "{place}: {}", refused.err);
        assert!(refused.err.contains("`jldconv commit` keeps it as it is"), "{}", refused.err);
        assert!(world.bytes() == now, "{place}: left alone");
        assert!(world.undo_file().exists(), "{place}");
    }
}

#[test]
fn an_old_copy_that_was_put_back_is_converted_again() {
    let world = World::new();
    assert_eq!(world.upgrade(&[]).0, Some(0));
    fs::write(world.file(), old()).unwrap();
    let (code, report) = world.upgrade(&[]);
    assert_eq!((code, &report["outcome"]), (Some(0), &"converted".into()), "{report}");
    assert!(world.bytes() == new());
}

#[test]
fn names_may_be_long() {
    let world = World::new();
    fs::remove_file(world.file()).unwrap();
    let number = "output_00001.jld2".len();
    // 255 bytes, of letters and of characters that a cut must not split.
    let names = ["x".repeat(255 - number), format!("x{}", "ä€".repeat(47)), "🦀".repeat(59)];
    for stem in names {
        let prefix = format!("{stem}output_");
        let name = format!("{prefix}00001.jld2");
        assert!(name.len() > 250 && name.len() <= 255, "{}", name.len());
        fs::write(world.archive().join(&name), old()).unwrap();
        let (code, report) = world.upgrade(&["--prefix", &prefix]);
        assert_eq!((code, &report["outcome"]), (Some(0), &"converted".into()), "{report}");
        assert!(fs::read(world.archive().join(&name)).unwrap() == new());
        assert_eq!(world.names().len(), 2, "the file and its undo file");
        world.jldconv(&["undo", "archive"]).ends(0);
        assert!(fs::read(world.archive().join(&name)).unwrap() == old());
        // And one by one.
        let file = format!("archive/{name}");
        world.jldconv(&["convert", &file, "--mode", "in-place"]).ends(0);
        world.jldconv(&["undo", &file]).ends(0);
        world.jldconv(&["convert", &file, "--mode", "in-place"]).ends(0);
        world.jldconv(&["commit", "archive"]).ends(0);
        assert_eq!(world.names(), std::slice::from_ref(&name));
        assert!(fs::read(world.archive().join(&name)).unwrap() == new());
        fs::remove_file(world.archive().join(&name)).unwrap();
    }
}

#[test]
fn names_need_not_be_text() {
    let world = World::new();
    let name = OsString::from_vec([&[0xff; 240][..], b".jld2"].concat());
    let file = world.archive().join(&name);
    fs::rename(world.file(), &file).unwrap();
    let args = ["convert".into(), file.clone().into_os_string(), "--mode=in-place".into()];
    world.jldconv(&args).ends(0);
    assert!(fs::read(&file).unwrap() == new());
    world.jldconv(&["undo", "archive"]).ends(0);
    assert!(fs::read(&file).unwrap() == old());
}

#[test]
fn archives_share_a_backup_directory() {
    let world = World::new();
    fs::create_dir(world.at("undo")).unwrap();
    let others = ["a", "b"];
    for other in others {
        fs::create_dir(world.at(other)).unwrap();
        fs::copy(world.file(), world.at(other).join(NAME)).unwrap();
    }
    let convert = |dir: &str| {
        let file = format!("{dir}/{NAME}");
        let mode = ["--mode", "in-place", "--backup-dir", "undo"];
        world.jldconv(&[&["convert", &file][..], &mode].concat()).ends(0);
    };
    assert_eq!(world.upgrade(&["--backup-dir", "undo"]).0, Some(0));
    others.iter().for_each(|other| convert(other));
    assert_eq!(fs::read_dir(world.at("undo")).unwrap().count(), 3);
    assert_eq!(world.names(), [NAME]);
    // Without the directory there is nothing to be found, and it is said where it may be.
    let lost = world.jldconv(&["undo", &format!("archive/{NAME}")]).ends(1);
    assert!(lost.err.contains("--backup-dir"), "{}", lost.err);
    world.jldconv(&["undo", "a", "--backup-dir", "undo"]).ends(0);
    assert!(fs::read(world.at("a").join(NAME)).unwrap() == old());
    for converted in ["b", "archive"] {
        assert!(fs::read(world.at(converted).join(NAME)).unwrap() == new());
    }
    world.jldconv(&["commit", "b", "--backup-dir", "undo"]).ends(0);
    // The path by which an archive is reached does not matter, nor that it was moved.
    symlink(world.archive(), world.at("link")).unwrap();
    world.jldconv(&["undo", "link", "--backup-dir", "undo"]).ends(0);
    assert!(world.bytes() == old());
    convert("a");
    fs::rename(world.at("a"), world.at("c")).unwrap();
    world.jldconv(&["undo", "c", "--backup-dir", "undo"]).ends(0);
    assert!(fs::read(world.at("c").join(NAME)).unwrap() == old());
    assert_eq!(fs::read_dir(world.at("undo")).unwrap().count(), 0);
}

#[test]
fn nobody_reads_an_undo_file_who_may_not_read_the_file() {
    for mode in [0o600, 0o640, 0o664] {
        let world = World::new();
        fs::set_permissions(world.file(), fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(world.upgrade(&[]).0, Some(0));
        let undo = fs::metadata(world.undo_file()).unwrap().permissions().mode();
        assert_eq!(undo & 0o7777, mode);
    }
}

#[test]
fn a_link_is_no_undo_file() {
    let world = World::new();
    assert_eq!(world.upgrade(&[]).0, Some(0));
    fs::rename(world.undo_file(), world.at("elsewhere")).unwrap();
    symlink(world.at("elsewhere"), world.undo_file()).unwrap();
    let refused = world.jldconv(&["undo", "archive"]).ends(1);
    assert!(refused.err.contains("is a symbolic link"), "{}", refused.err);
    assert!(world.bytes() == new());
    let (code, report) = world.upgrade(&[]);
    assert_eq!((code, &report["outcome"]), (Some(1), &"failed".into()));
}

/// A change that is killed before the file is touched leaves a part of an undo file, which `undo` takes
/// away and tells of.
#[cfg(feature = "fault")]
#[test]
fn what_is_left_of_a_change_that_never_began_is_taken_away() {
    for backup in [None, Some("undo")] {
        let world = World::new();
        fs::create_dir(world.at("undo")).unwrap();
        let mut more = Vec::new();
        more.extend(backup.map(|dir| ["--backup-dir", dir]).into_iter().flatten());
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_jldconv"));
        let file = format!("archive/{NAME}");
        command.args(["convert", &file, "--mode", "in-place"]).args(&more);
        command.current_dir(world.at(".")).env("JLDCONV_CRASH_AT", "before-undo-rename");
        assert_eq!(command.output().unwrap().status.code(), None, "it is killed");
        let parts = || {
            let dirs = [world.archive(), world.at("undo")];
            let names = dirs.iter().flat_map(|dir| fs::read_dir(dir).unwrap());
            let names = names.map(|it| it.unwrap().file_name().into_string().unwrap());
            names.filter(|name| name.ends_with(".jldconv-undo.part")).count()
        };
        assert_eq!((parts(), world.bytes() == old()), (1, true));
        let nothing = world.jldconv(&[&["commit", "archive"][..], &more].concat()).ends(4);
        assert!(nothing.err.contains("no undo files"), "{}", nothing.err);
        let told = world.jldconv(&[&["undo", "-r", "."][..], &more].concat()).ends(0);
        let said = format!("{NAME}: is the old file: a change was begun and not a byte changed");
        assert!(told.out.contains(&said), "{}", told.out);
        assert_eq!(parts(), 0);
        world.assert_old();
        world.jldconv(&[&["undo", "-r", "."][..], &more].concat()).ends(4);
    }
}

/// Whoever hears that a check failed hears what became of the file.
#[cfg(feature = "fault")]
#[test]
fn a_check_that_fails_says_that_the_old_bytes_are_back() {
    let world = World::new();
    let mut command = world.upgrade_command(&[]);
    command.env("JLDCONV_FLIP", format!("{}@{NAME}", old().len() + 50));
    assert_eq!(command.output().unwrap().status.code(), Some(1));
    let report = world.report();
    assert_eq!(report["fault"], "verify", "{report}");
    let message = report["message"].as_str().unwrap();
    assert!(message.ends_with("; the old bytes were put back"), "{message}");
    world.assert_old();
}
