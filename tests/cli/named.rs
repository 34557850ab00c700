//! Files, directories and patterns as input, and files that are not JLD2.

use super::trees::{NAMES, files, killed_again_and_again, simulations};
use super::world::{OLD, World, sample};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

#[test]
fn files_are_converted_by_name() {
    let world = World::new(&[1, 2, 3]);
    world.put("old/map.jld2", sample(OLD));
    world.supervisor(&["old/output_00002.jld2", "one"]).ends(0);
    assert_eq!(world.names("one"), ["output_00002.jld2"]);
    world.supervisor(&["old/map.jld2", "old/output_00001.jld2", "two"]).ends(0);
    assert_eq!(world.names("two"), ["map.jld2", "output_00001.jld2"]);
    let again = world.supervisor(&["old/map.jld2", "old/output_00001.jld2", "two"]).ends(0);
    assert!(again.out.contains("2 up to date"), "{again:#?}");
    // By whatever way they are named, they are the same outputs.
    let whole = world.supervisor(&["old", "two"]).ends(0);
    assert!(whole.out.contains("1 up to date"), "{whole:#?}");
    assert_eq!(world.names("two").len(), 4);
    let quoted = world.supervisor(&["old/output*.jld2", "three", "--range", "2-"]).ends(0);
    assert!(quoted.out.contains("range       2- takes 2 files"), "{quoted:#?}");
    assert_eq!(world.names("three"), ["output_00002.jld2", "output_00003.jld2"]);
    world.supervisor(&["report", "three"]).ends(0);
}

#[test]
fn paths_of_several_directories_keep_their_directories() {
    let world = simulations();
    world.supervisor(&["old/sim_a/output_00001.jld2", "old/sim_b/output_00001.jld2", "x"]).ends(0);
    let named = |dir: &str| files(&world.at(dir)).into_keys().collect::<Vec<_>>();
    assert_eq!(named("x"), ["sim_a/output_00001.jld2", "sim_b/output_00001.jld2"]);
    world.supervisor(&["old/sim_?", "y"]).ends(0);
    assert_eq!(named("y"), NAMES[1..]);
    world.supervisor(&["old/sim_a", "old/deep", "-r", "z"]).ends(0);
    assert_eq!(named("z"), NAMES[..3]);
}

#[test]
fn files_are_changed_in_place_by_name() {
    let world = simulations();
    let before = files(&world.at("old"));
    let args = ["--mode", "in-place", "--yes", "old/sim_a/output_00001.jld2", "old/sim_b/*4.jld2"];
    world.supervisor(&args).ends(0);
    let after = files(&world.at("old"));
    let changed: Vec<_> = before.iter().filter(|(name, bytes)| after[*name] != **bytes).collect();
    let changed: Vec<_> = changed.into_iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(changed, ["sim_a/output_00001.jld2", "sim_b/output_00004.jld2"]);
    world.jldconv(&["undo", "-r", "old"]).ends(0);
    assert_eq!(files(&world.at("old")), before);
    // No directory is changed that merely stands where the outputs' would.
    world.supervisor(&["--mode", "in-place", "--yes", "old/sim_a/*.jld2", "old/sim_b"]).ends(2);
    assert_eq!(files(&world.at("old")), before);
}

/// With files beside the outputs that are not JLD2.
fn with_others() -> World {
    let world = simulations();
    world.put("old/README", "read me");
    world.put("old/sim_a/namelist.nml", vec![7; 3 << 20]);
    world.put("old/sim_a/.hidden", "h");
    fs::create_dir(world.at("old/notes")).unwrap();
    world.put("old/notes/log.txt", "1");
    symlink("output_00001.jld2", world.at("old/sim_b/latest")).unwrap();
    nix::unistd::mkfifo(&world.at("old/pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    fs::File::options()
        .write(true)
        .open(world.at("old/README"))
        .unwrap()
        .set_modified(time)
        .unwrap();
    world
}

const OTHERS: [&str; 5] =
    ["README", "notes/log.txt", "sim_a/.hidden", "sim_a/namelist.nml", "sim_b/latest"];

#[test]
fn others_are_copied_so_that_the_new_directory_can_take_the_olds_place() {
    let world = with_others();
    let ended = world.supervisor(&["old", "new", "-r"]).ends(0);
    assert!(ended.out.contains("6 other files stay behind (--others copy"), "{ended:#?}");
    let args = ["old", "new", "-r", "--others", "copy", "--report", "r.json"];
    let ended = world.supervisor(&args).ends(0);
    let told = "others      4 copied (3.0 MiB), 1 linked, 1 neither files nor links, left out";
    assert!(ended.out.contains(told), "{ended:#?}");
    assert_eq!(world.json("r.json")["others"]["copied"], 4);
    let mut expected: Vec<_> = NAMES.iter().chain(&OTHERS).collect();
    expected.sort();
    let made = files(&world.at("new"));
    assert_eq!(made.keys().collect::<Vec<_>>(), expected);
    assert_eq!(made["sim_a/namelist.nml"], vec![7; 3 << 20]);
    assert_eq!(
        fs::read_link(world.at("new/sim_b/latest")).unwrap(),
        Path::new("output_00001.jld2")
    );
    let [a, b] = ["old/README", "new/README"].map(|path| fs::metadata(world.at(path)).unwrap());
    assert_eq!((a.mtime(), a.mode()), (b.mtime(), b.mode()));
    // Again: nothing to do; what changed since is taken along again, what somebody changed is not.
    let ended = world.supervisor(&args).ends(0);
    assert!(ended.out.contains("others      5 there already"), "{ended:#?}");
    world.put("old/notes/log.txt", "1 2");
    world.put("old/README", "read this");
    world.put("new/README", "theirs");
    let ended = world.supervisor(&args).ends(1);
    assert!(ended.out.contains("1 copied (3 B), 3 there already"), "{ended:#?}");
    assert!(ended.out.contains("1 not taken along"), "{ended:#?}");
    let warned = format!("{}{}", ended.out, ended.err);
    assert!(warned.contains("README: left as it is: another file has its name"), "{warned}");
    let made = files(&world.at("new"));
    assert_eq!((&made["README"][..], &made["notes/log.txt"][..]), (&b"theirs"[..], &b"1 2"[..]));
    assert_eq!(fs::read_dir(world.at("new/.jldconv/tmp")).unwrap().count(), 0);
}

#[test]
fn others_are_linked_or_it_is_an_error() {
    let world = with_others();
    let ended = world.supervisor(&["old", "new", "-r", "--others", "link"]).ends(0);
    assert!(ended.out.contains("others      5 linked"), "{ended:#?}");
    let ino = |path: &str| fs::metadata(world.at(path)).unwrap().ino();
    assert_eq!(ino("old/sim_a/namelist.nml"), ino("new/sim_a/namelist.nml"));
    assert_ne!(ino("old/sim_a/output_00001.jld2"), ino("new/sim_a/output_00001.jld2"));
    let ended = world.supervisor(&["old", "new", "-r", "--others", "link"]).ends(0);
    assert!(ended.out.contains("others      5 there already"), "{ended:#?}");
    let line = format!(
        "{} old small -r --others link",
        super::world::binary("jldconv-supervisor").display()
    );
    let Some(ended) = world.with_small("size=20m", &line) else { return };
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    let told = format!("{}{}", ended.out, ended.err);
    assert!(told.contains("--others copy makes a copy"), "{told}");
}

#[test]
fn shards_share_others_and_a_kill_leaves_nothing_half() {
    let world = with_others();
    for shard in ["1/2", "2/2"] {
        world.supervisor(&["old", "new", "-r", "--others", "copy", "--shard", shard]).ends(0);
    }
    assert_eq!(files(&world.at("new")).len(), NAMES.len() + OTHERS.len());
    for number in 0..400 {
        world.put(&format!("old/notes/{number}.txt"), vec![b'x'; 100_000]);
    }
    let args = ["old", "other", "-r", "--others", "copy"];
    killed_again_and_again(&world, &args, (100..).step_by(150), || {
        for (name, bytes) in files(&world.at("other")) {
            let whole =
                !name.starts_with("notes/") || name == "notes/log.txt" || bytes.len() == 100_000;
            assert!(whole, "{name} has {} bytes", bytes.len());
        }
    });
    world.supervisor(&args).ends(0);
    assert_eq!(files(&world.at("other")).len(), NAMES.len() + OTHERS.len() + 400);
    assert_eq!(fs::read_dir(world.at("other/.jldconv/tmp")).unwrap().count(), 0);
}

/// What a run tells of itself never takes the place of data.
#[test]
fn no_report_and_no_log_replaces_data() {
    let world = World::new(&[1, 2]);
    let before = files(&world.at("old"));
    let data = "old/output_00002.jld2";
    world.put("renamed.json", sample(OLD));
    let refused = |args: &[&str]| {
        let told = world.supervisor(args).ends(2).err;
        assert!(told.contains("nothing else is put in its place"), "{told}");
        assert_eq!(files(&world.at("old")), before);
    };
    for path in [data, "new.jld2", "renamed.json"] {
        refused(&["old", "new", "--report", path]);
        refused(&["old", "new", "--log", path]);
        refused(&["scan", "old", "--no-estimate", "--csv", path]);
        refused(&["scan", "old", "--no-estimate", "--html", path]);
        refused(&["tune", "old", "--html", path]);
    }
    assert!(!world.at("new").exists(), "nothing was begun");
    world.supervisor(&["old", "new", "--report", "run.json", "--log", "run.log"]).ends(0);
    refused(&["report", "new", "--html", data]);
    refused(&["report", "new", "--csv", "new/output_00001.jld2"]);
    assert_eq!(fs::read(world.at("renamed.json")).unwrap(), sample(OLD));
    world.supervisor(&["report", "new", "--csv", "run.json"]).ends(0);
}

/// A directory that was there keeps its permissions; hidden ones come along with what is in them.
#[test]
fn directories_that_were_there_stay_as_they_are() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = simulations();
    fs::create_dir_all(world.at("old/.git/refs")).unwrap();
    world.put("old/.git/refs/head", "abc");
    world.put("old/.git/output_00001.jld2", "not the archive's");
    fs::create_dir_all(world.at("new/sim_a")).unwrap();
    fs::set_permissions(world.at("new/sim_a"), fs::Permissions::from_mode(0o700)).unwrap();
    world.supervisor(&["old", "new", "-r", "--others", "copy"]).ends(0);
    let mode = fs::metadata(world.at("new/sim_a")).unwrap().mode();
    assert_eq!(mode & 0o7777, 0o700);
    for name in [".git/refs/head", ".git/output_00001.jld2"] {
        let [old, new] = ["old", "new"].map(|dir| fs::read(world.at(dir).join(name)).unwrap());
        assert_eq!(old, new, "{name}");
    }
}
