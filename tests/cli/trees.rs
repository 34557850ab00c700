//! An archive of three simulations in directories of their own: the tree is mirrored, and everything
//! that works with one directory works with it.

use super::world::{CURRENT, OLD, World, binary, sample};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

/// Three simulations below `old`, two of them with outputs of the same numbers.
pub(crate) fn simulations() -> World {
    let world = World::new(&[]);
    for (dir, numbers) in
        [("sim_a", &[1_u64, 2][..]), ("sim_b", &[1, 2, 4]), ("deep/er/sim_c", &[7])]
    {
        fs::create_dir_all(world.at(&format!("old/{dir}"))).unwrap();
        for number in numbers {
            world.put(&format!("old/{dir}/output_{number:05}.jld2"), sample(OLD));
        }
    }
    world.put("old/sim_b/output_00009.jld2", sample(CURRENT));
    world
}

/// All files below a directory by their relative paths, with their bytes; our own are left out.
pub(crate) fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![dir.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                if path.file_name().unwrap() != ".jldconv" {
                    waiting.push(path);
                }
            } else {
                let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(&path).unwrap_or_default());
            }
        }
    }
    found
}

pub(crate) const NAMES: [&str; 7] = [
    "deep/er/sim_c/output_00007.jld2",
    "sim_a/output_00001.jld2",
    "sim_a/output_00002.jld2",
    "sim_b/output_00001.jld2",
    "sim_b/output_00002.jld2",
    "sim_b/output_00004.jld2",
    "sim_b/output_00009.jld2",
];

fn named(world: &World, dir: &str) -> Vec<String> {
    files(&world.at(dir)).into_keys().collect()
}

#[test]
fn a_tree_is_mirrored_and_a_second_run_does_nothing() {
    let world = simulations();
    let mode = |path: &str, mode| {
        fs::set_permissions(world.at(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("old/sim_a", 0o750);
    mode("old/deep/er", 0o711);
    let before = files(&world.at("old"));
    let ended = world.supervisor(&["old", "new", "-r", "--report", "r.json"]).ends(0);
    assert!(ended.out.contains("7 files in 3 directories, outputs 1 to 9"), "{ended:#?}");
    assert!(ended.out.contains("sim_b/output_: 5 numbers missing: 3, 5-8"), "{ended:#?}");
    assert!(!ended.out.contains("same number"), "{ended:#?}");
    assert_eq!(named(&world, "new"), NAMES);
    assert_eq!(files(&world.at("old")), before, "inputs are only read");
    let right = |path: &str| fs::metadata(world.at(path)).unwrap().mode() & 0o7777;
    assert_eq!([right("new/sim_a"), right("new/deep/er")], [0o750, 0o711]);
    let report = world.json("r.json");
    let names = report["files"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap());
    assert_eq!(names.collect::<Vec<_>>(), NAMES);
    let again = world.supervisor(&["old", "new", "--recursive"]).ends(0);
    assert!(again.out.contains("7 up to date, 0 to be made again"), "{again:#?}");
    let merged = world.supervisor(&["report", "new", "--json"]).ends(0);
    let merged: serde_json::Value = serde_json::from_str(&merged.out).unwrap();
    assert_eq!((merged["success"].as_u64(), merged["pending"].as_u64()), (Some(6), Some(0)));
    assert_eq!(merged["files"].as_array().unwrap().len(), 7);
    world.jldconv(&["verify", "old", "new", "-r"]).ends(0);
    let pairs = world.supervisor(&["verify", "old", "new", "-r", "-v"]).ends(0);
    assert!(pairs.out.contains("deep/er/sim_c/output_00007.jld2: "), "{pairs:#?}");
    assert!(pairs.out.contains("7 files: "), "{pairs:#?}");
    world.jldconv(&["inspect", "new", "-r"]).ends(0);
    // An output whose input changed is made again.
    world.put("old/sim_a/output_00002.jld2", sample(CURRENT));
    let third = world.supervisor(&["old", "new", "-r"]).ends(0);
    assert!(third.out.contains("6 up to date, 1 to be made again"), "{third:#?}");
    fs::write(world.at("old/sim_b/output_00011.jld2"), sample(OLD)).unwrap();
    let left = world.supervisor(&["report", "new"]);
    assert_eq!(left.code, Some(3), "{left:#?}");
}

#[test]
fn without_being_asked_nothing_below_is_touched_and_the_way_is_told() {
    let world = simulations();
    let ended = world.supervisor(&["old", "new"]).ends(4);
    assert!(
        ended.err.contains("3 directories below (deep/er/sim_c ...) hold 7 files: --recursive"),
        "{ended:#?}"
    );
    assert!(!world.at("new").exists());
    let ended = world.jldconv(&["inspect", "old"]).ends(1);
    assert!(ended.err.contains("--recursive"), "{ended:#?}");
}

#[test]
fn links_are_not_followed_and_the_outputs_not_entered() {
    let world = simulations();
    symlink("..", world.at("old/sim_a/up")).unwrap();
    symlink(".", world.at("old/round")).unwrap();
    for _ in 0..2 {
        let ended = world.supervisor(&["old", "old/new", "-r"]).ends(0);
        assert!(
            ended.out.contains("round: a symbolic link to a directory: not followed"),
            "{ended:#?}"
        );
    }
    assert_eq!(named(&world, "old/new"), NAMES);
}

#[test]
fn what_is_not_ours_in_a_directory_below_is_never_replaced() {
    let world = simulations();
    fs::create_dir_all(world.at("new/sim_b")).unwrap();
    world.put("new/sim_b/output_00002.jld2", "theirs");
    let ended = world.supervisor(&["old", "new", "-r"]).ends(2);
    assert!(ended.err.contains("sim_b/output_00002.jld2: "), "{ended:#?}");
    assert_eq!(named(&world, "new"), ["sim_b/output_00002.jld2"]);
    assert!(!world.at("new/.jldconv").exists());
    world.supervisor(&["old", "new", "-r", "--on-conflict", "skip"]).ends(0);
    assert_eq!(files(&world.at("new"))["sim_b/output_00002.jld2"], b"theirs");
    fs::create_dir_all(world.at("new/sim_a")).unwrap();
    world.put("new/sim_a/output_00002.jld2", "also theirs");
    world.supervisor(&["old", "new", "-r", "--on-conflict", "keep-both"]).ends(0);
    assert_eq!(named(&world, "new"), NAMES);
    let kept = files(&world.at("new/.jldconv/replaced"));
    let kept: Vec<_> =
        kept.iter().map(|(name, bytes)| (name.split_once('/').unwrap().1, &bytes[..])).collect();
    assert_eq!(
        kept,
        [("sim_a/output_00002.jld2", &b"also theirs"[..]), ("sim_b/output_00002.jld2", b"theirs")],
        "files of one name are kept apart"
    );
}

#[test]
fn no_output_leaves_its_directory_through_a_link() {
    let world = simulations();
    fs::create_dir_all(world.at("elsewhere")).unwrap();
    fs::create_dir(world.at("new")).unwrap();
    symlink(world.at("elsewhere"), world.at("new/sim_b")).unwrap();
    let ended = world.supervisor(&["old", "new", "-r"]).ends(2);
    assert!(ended.err.contains("new/sim_b: is a symbolic link"), "{ended:#?}");
    assert_eq!(named(&world, "elsewhere"), Vec::<String>::new());
}

#[test]
fn no_output_comes_into_the_archive() {
    let world = simulations();
    // Of old/old/sim_a the output of `old` in `.` would be old/sim_a.
    fs::create_dir_all(world.at("old/old/sim_a")).unwrap();
    world.put("old/old/sim_a/output_00003.jld2", sample(OLD));
    let before = files(&world.at("old"));
    let ended = world.supervisor(&["old", ".", "-r"]).ends(2);
    assert!(ended.err.contains("in the archive itself"), "{ended:#?}");
    assert_eq!(files(&world.at("old")), before);
}

#[test]
fn in_place_a_tree_is_changed_and_brought_back() {
    let world = simulations();
    let before = files(&world.at("old"));
    world.supervisor(&["old", "--mode", "in-place", "-r", "--yes"]).ends(0);
    let after = files(&world.at("old"));
    assert_eq!(after.len(), before.len() + 6, "six undo files: {:?}", after.keys());
    let told = world.jldconv(&["undo", "old"]).ends(4);
    assert!(told.err.contains("--recursive"), "{told:#?}");
    world.jldconv(&["undo", "old", "-r"]).ends(0);
    assert_eq!(files(&world.at("old")), before);
    world.supervisor(&["old", "--mode", "in-place", "-r", "--yes", "--backup-dir", "."]).ends(0);
    world.jldconv(&["undo", "old", "-r", "--backup-dir", "."]).ends(0);
    assert_eq!(files(&world.at("old")), before);
    world.supervisor(&["old", "--mode", "in-place", "-r", "--yes"]).ends(0);
    let ended = world.jldconv(&["commit", "old", "-r"]).ends(0);
    assert!(ended.out.contains("6 undo files removed"), "{ended:#?}");
    assert_eq!(files(&world.at("old")).len(), before.len());
}

#[test]
fn shards_take_each_file_of_a_tree_once() {
    let world = simulations();
    for shard in ["2/3", "1/3", "3/3"] {
        world.supervisor(&["old", "new", "-r", "--shard", shard]).ends(0);
    }
    assert_eq!(named(&world, "new"), NAMES);
    let merged = world.supervisor(&["report", "new", "--json"]).ends(0);
    let merged: serde_json::Value = serde_json::from_str(&merged.out).unwrap();
    assert_eq!(
        (merged["pending"].as_u64(), merged["shards"].as_array().unwrap().len()),
        (Some(0), 3)
    );
    let script = world
        .supervisor(&["slurm", "old", "new", "--tasks", "3", "-r", "--match", "*_0000?.jld2"])
        .ends(0)
        .out;
    assert!(
        script.contains("'--recursive'") && script.contains("--match=*_0000?.jld2"),
        "{script}"
    );
}

#[test]
fn names_are_chosen_by_prefixes_and_patterns() {
    let world = World::new(&[1, 2]);
    for name in ["run5_output_00001.jld2", "snap_3.jld2", "map_3.jld2", "map_x.JLD2"] {
        world.put(&format!("old/{name}"), sample(OLD));
    }
    let ended = world.supervisor(&["old", "a"]).ends(0);
    let left = "3 files do not match output_NNNNN.jld2: map_3.jld2, map_x.JLD2, snap_3.jld2";
    assert!(ended.out.contains(left) && ended.out.contains("--match '*.jld2'"), "{ended:#?}");
    assert_eq!(
        world.names("a"),
        ["output_00001.jld2", "output_00002.jld2", "run5_output_00001.jld2"]
    );
    world.supervisor(&["old", "b", "--prefix", "snap_", "--prefix", "map_"]).ends(0);
    assert_eq!(world.names("b"), ["map_3.jld2", "snap_3.jld2"]);
    world.supervisor(&["old", "c", "--match", "*.jld2"]).ends(0);
    assert_eq!(world.names("c"), world.names("old"));
    world
        .supervisor(&["old", "d", "--match", "map*", "--prefix", "output_", "--range", "2-3"])
        .ends(0);
    assert_eq!(world.names("d"), ["map_3.jld2", "output_00002.jld2"]);
    let ended = world.supervisor(&["old", "e", "--match", "a[b"]).ends(2);
    assert!(ended.err.contains("at character 2 of \"a[b\""), "{ended:#?}");
    world.put("jldconv.toml", "prefix = ['snap_', 'map_']\nrecursive = true\n");
    world.supervisor(&["old", "f"]).ends(0);
    assert_eq!(world.names("f"), ["map_3.jld2", "snap_3.jld2"]);
}

/// Starts a run again and again, and kills it after so many milliseconds, until one has ended by then;
/// `left` looks at what each leaves.
pub(crate) fn killed_again_and_again(
    world: &World,
    args: &[&str],
    times: impl Iterator<Item = u64>,
    left: impl Fn(),
) {
    let mut kills = 0;
    for millis in times {
        let mut child = world
            .plain(binary("jldconv-supervisor"))
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(millis));
        if child.try_wait().unwrap().is_some() {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        left();
    }
    assert!(kills > 0);
}

#[test]
fn a_run_that_is_killed_again_and_again_ends_whole() {
    let world = simulations();
    for number in 10..40 {
        world.put(&format!("old/sim_a/output_{number:05}.jld2"), sample(OLD));
    }
    killed_again_and_again(
        &world,
        &["old", "new", "-r", "--workers", "2"],
        (30..).step_by(60),
        || {
            // Whatever is there under its name is whole.
            if !named(&world, "new").is_empty() {
                world.jldconv(&["inspect", "new", "-r"]).ends(0);
            }
        },
    );
    world.supervisor(&["old", "new", "-r"]).ends(0);
    assert_eq!(named(&world, "new").len(), 37);
    world.jldconv(&["verify", "old", "new", "-r"]).ends(0);
    assert_eq!(fs::read_dir(world.at("new/.jldconv/tmp")).unwrap().count(), 0);
}
