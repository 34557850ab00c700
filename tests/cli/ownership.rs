//! `.jldconv` that others could have prepared, from outside.

use super::world::World;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};

fn open_to_all(world: &World, name: &str, mode: u32) {
    fs::set_permissions(world.at(name), Permissions::from_mode(mode)).unwrap();
}

/// Both programs refuse, name `what`, say what helps, and write nothing.
fn refused(world: &World, what: &str, words: &str) {
    let before = world.names("new");
    for ended in [
        world.supervisor(&["old", "new", "--yes"]).ends(2),
        world.jldconv(&["convert", "old/output_00001.jld2", "new/output_00001.jld2"]),
    ] {
        assert_ne!(ended.code, Some(0), "{ended:#?}");
        assert!(ended.err.contains(what) && ended.err.contains(words), "{ended:#?}");
    }
    assert_eq!(world.names("new"), before);
}

#[test]
fn a_directory_that_others_may_write_to_is_refused() {
    let world = World::new(&[1]);
    world.supervisor(&["old", "new", "--yes"]).ends(0);
    fs::remove_file(world.at("new/output_00001.jld2")).unwrap();
    for name in ["new/.jldconv", "new/.jldconv/tmp"] {
        for mode in [0o777, 0o775, 0o1777, 0o2775] {
            open_to_all(&world, name, mode);
            refused(&world, &format!("{name}: its mode {mode:04o}"), "chmod go-w");
            open_to_all(&world, name, 0o755);
        }
    }
    for name in ["replaced", "quarantine"] {
        let name = format!("new/.jldconv/{name}");
        fs::create_dir_all(world.at(&name)).unwrap();
        open_to_all(&world, &name, 0o777);
        let ended = world.supervisor(&["old", "new", "--yes"]).ends(2);
        assert!(ended.err.contains(&format!("{name}: its mode 0777")), "{ended:#?}");
        open_to_all(&world, &name, 0o755);
    }
    // What the message says helps.
    world.supervisor(&["old", "new", "--yes"]).ends(0);
    assert_eq!(world.names("new"), ["output_00001.jld2"]);
}

#[test]
fn a_directory_of_another_user_is_refused() {
    let world = World::new(&[1]);
    fs::create_dir_all(world.at("new/.jldconv")).unwrap();
    if chown(world.at("new/.jldconv"), Some(12345), None).is_err() {
        eprintln!("only root can give a directory away: not tested");
        return;
    }
    refused(&world, "new/.jldconv: belongs to user 12345", "run as that user");
    assert_eq!(fs::read_dir(world.at("new/.jldconv")).unwrap().count(), 0);
}

#[test]
fn links_in_place_of_a_directory_are_refused() {
    let world = World::new(&[1]);
    fs::create_dir_all(world.at("new")).unwrap();
    fs::create_dir_all(world.at("trap/tmp")).unwrap();
    symlink(world.at("trap"), world.at("new/.jldconv")).unwrap();
    refused(&world, "new/.jldconv", "symbolic link");
    fs::remove_file(world.at("new/.jldconv")).unwrap();
    fs::create_dir(world.at("new/.jldconv")).unwrap();
    symlink(world.at("trap/tmp"), world.at("new/.jldconv/tmp")).unwrap();
    refused(&world, "new/.jldconv/tmp", "symbolic link");
    assert_eq!(fs::read_dir(world.at("trap/tmp")).unwrap().count(), 0);
}

#[test]
fn in_a_groups_project_directory_ours_stays_ours() {
    let world = World::new(&[1]);
    fs::create_dir(world.at("new")).unwrap();
    open_to_all(&world, "new", 0o2775);
    // As a member of the project, whose files are for the group to write.
    let program = super::world::binary("jldconv-supervisor");
    let line = format!("umask 002; exec {} old new --yes", program.display());
    for _ in 0..2 {
        let mut shell = assert_cmd::Command::new("sh");
        shell.args(["-c", &line]).current_dir(world.at("")).assert().success();
    }
    for name in ["new/.jldconv", "new/.jldconv/tmp"] {
        let mode = fs::metadata(world.at(name)).unwrap().mode() & 0o777;
        assert_eq!(mode, 0o755, "{name}");
    }
    assert_eq!(world.names("new"), ["output_00001.jld2"]);
}
