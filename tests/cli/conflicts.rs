//! Nothing foreign is replaced, nothing stale is called complete: the real programs on real files.

use crate::world::{CURRENT, Ended, OLD, World, sample};
use jldconv::h5::checksum::lookup3;
use jldconv::h5::{Class, File, Layout, TypeRef};
use jldconv::julia::datasets;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const ONE: &str = "output_00001.jld2";

/// Everything below a directory: what it is, its bytes and its time.
fn all(dir: &Path) -> BTreeMap<PathBuf, (String, i64, u64)> {
    let mut found = BTreeMap::new();
    let mut pending = vec![dir.to_owned()];
    while let Some(dir) = pending.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            let what = if meta.is_dir() {
                pending.push(path.clone());
                "directory".to_owned()
            } else if meta.is_symlink() {
                format!("link to {}", fs::read_link(&path).unwrap().display())
            } else {
                format!("{:?}", fs::read(&path).unwrap())
            };
            found.insert(path, (what, meta.mtime_nsec(), meta.ino()));
        }
    }
    found
}

/// Runs and expects a conflict, with nothing done.
#[track_caller]
fn conflict(world: &World, args: &[&str]) -> String {
    let out = world.at(args[1]);
    let before = all(&out);
    let ended = world.supervisor(args).ends(2);
    assert_eq!(all(&out), before, "nothing was touched");
    for help in ["--on-conflict skip", "keep-both", "--force", "another output directory"] {
        assert!(ended.err.contains(help), "{}", ended.err);
    }
    ended.err
}

/// Runs, and gives outcomes and messages by file name.
#[track_caller]
fn outcomes(world: &World, args: &[&str]) -> BTreeMap<String, Value> {
    let all = [args, &["--report", "r.json"]].concat();
    world.supervisor(&all).ends(0);
    let report = world.json("r.json");
    let files = report["files"].as_array().unwrap().clone();
    files.into_iter().map(|it| (it["name"].as_str().unwrap().to_owned(), it)).collect()
}

#[track_caller]
fn one(world: &World, args: &[&str]) -> (String, String, Value) {
    let file = outcomes(world, args).remove(ONE).unwrap();
    let text = |key: &str| file[key].as_str().unwrap_or_default().to_owned();
    (text("outcome"), text("message"), file)
}

#[track_caller]
fn is_stale(world: &World, args: &[&str], why: &str) {
    let (outcome, message, file) = one(world, args);
    assert_eq!(outcome, "converted", "{file}");
    assert!(file["stale"].as_str().unwrap().contains(why), "{file}");
    assert!(message.starts_with("made again: "), "{message}");
    is_complete(world, args);
}

#[track_caller]
fn is_complete(world: &World, args: &[&str]) {
    let (outcome, message, file) = one(world, args);
    assert_eq!((outcome.as_str(), message.as_str()), ("skipped", "complete"), "{file}");
    assert_eq!(file["attempts"], 0);
}

/// Waits for something.
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Starts the supervisor with a fault in its workers.
fn start(world: &World, args: &[&str], fault: &str) -> Child {
    std::process::Command::new(crate::world::binary("jldconv-supervisor"))
        .args(args)
        .current_dir(world.at("."))
        .env("JLDCONV_FAULT", fault)
        .env_remove("SLURM_ARRAY_TASK_ID")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn is_converting(world: &World, out: &str) -> Option<()> {
    let temps = world.at(out).join(".jldconv/tmp");
    fs::read_dir(temps).ok()?.next().map(drop)
}

fn later() {
    std::thread::sleep(Duration::from_millis(30));
}

#[test]
fn input_and_output_by_mistake_the_other_way_round() {
    let world = World::new(&[1, 2]);
    world.supervisor(&["old", "new"]).ends(0);
    let told = conflict(&world, &["new", "old", "-y"]);
    assert!(told.contains("2 files in DIR/old"), "{told}");
    assert!(!world.at("old/.jldconv").exists());
}

#[test]
fn another_simulation_has_the_names() {
    let world = World::new(&[1, 2, 3]);
    fs::create_dir(world.at("new")).unwrap();
    for (name, bytes) in [
        ("output_00001.jld2", sample("e0-zlib/output_00007.jld2")),
        ("output_00002.jld2", sample(CURRENT)),
    ] {
        world.put(&format!("new/{name}"), bytes);
        let path = world.at("new").join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(0o444)).unwrap();
    }
    let told = conflict(&world, &["old", "new"]);
    assert!(told.contains("output_00001.jld2: ") && told.contains("output_00002.jld2: "), "{told}");
    assert!(!told.contains("output_00003.jld2"), "{told}");
    assert!(!world.at("new/.jldconv").exists(), "nothing was written");
    let dry = world.supervisor(&["old", "new", "--dry-run"]).ends(2);
    assert!(dry.out.contains("conflict: no journal records it"), "{}", dry.out);
    assert!(!world.at("new/.jldconv").exists());
}

#[test]
fn whatever_has_the_name_stays() {
    let world = World::new(&[1, 2, 3, 4]);
    fs::create_dir_all(world.at("new/output_00001.jld2")).unwrap();
    world.put("new/output_00001.jld2/file", "in it");
    world.put("new/output_00002.jld2", "a letter");
    symlink("../old/output_00003.jld2", world.at("new/output_00003.jld2")).unwrap();
    symlink("nowhere", world.at("new/output_00004.jld2")).unwrap();
    let told = conflict(&world, &["old", "new"]);
    for words in ["is a directory", "is a symbolic link", "output_00002.jld2: ", "4 files"] {
        assert!(told.contains(words), "{words} in {told}");
    }
    // All four can be kept.
    let before: Vec<_> = all(&world.at("new")).into_values().map(|(what, ..)| what).collect();
    world.supervisor(&["old", "new", "--on-conflict", "keep-both"]).ends(0);
    let kept = all(&world.at("new/.jldconv/replaced"));
    let kept: Vec<_> = kept.into_values().map(|(what, ..)| what).collect();
    for what in before {
        assert!(kept.contains(&what), "{what}");
    }
    let outcomes = outcomes(&world, &["old", "new"]);
    assert!(outcomes.values().all(|file| file["outcome"] == "skipped"), "{outcomes:?}");
}

/// A pipe has its place in the file system for those who meet there: nothing moves it away.
#[test]
fn no_option_moves_a_pipe_away() {
    let world = World::new(&[1, 2]);
    fs::create_dir(world.at("new")).unwrap();
    let pipe = world.at("new").join(ONE);
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let is_there = || pipe.symlink_metadata().unwrap().file_type().is_fifo();
    let ended = world.supervisor(&["old", "new"]).ends(2);
    assert!(ended.err.contains("is a pipe"), "{}", ended.err);
    assert!(is_there() && !world.at("new/output_00002.jld2").exists());
    for args in [&["--force"][..], &["--on-conflict", "keep-both"]] {
        let ended = world.supervisor(&[&["old", "new"], args].concat()).ends(1);
        assert!(ended.out.contains("is not a regular file"), "{}", ended.out);
        assert!(is_there(), "{args:?}");
        assert!(world.at("new/output_00002.jld2").exists(), "the other was made");
    }
    let one = ["convert", "old/output_00001.jld2", "new/output_00001.jld2", "--force"];
    let ended = Ended::of(&mut world.program("jldconv", &one), &world).ends(1);
    assert!(ended.err.contains("is not a regular file"), "{}", ended.err);
    assert!(is_there());
}

#[test]
fn more_than_ten_are_counted() {
    let numbers: Vec<u64> = (1..=13).collect();
    let world = World::new(&numbers);
    fs::create_dir(world.at("new")).unwrap();
    for number in numbers {
        world.put(&format!("new/output_{number:05}.jld2"), "theirs");
    }
    let told = conflict(&world, &["old", "new"]);
    assert!(told.contains("13 files in DIR/new") && told.contains("and 3 more"), "{told}");
    assert_eq!(told.matches(".jld2: ").count(), 10);
}

#[test]
fn conflicts_can_be_left_alone() {
    let world = World::new(&[1, 2]);
    fs::create_dir(world.at("new")).unwrap();
    world.put("new/output_00001.jld2", "theirs");
    let (outcome, message, file) = one(&world, &["old", "new", "--on-conflict", "skip"]);
    assert_eq!(outcome, "skipped");
    assert!(message.starts_with("conflict, left as it is"), "{message}");
    assert!(file["conflict"].as_str().unwrap().contains("no journal records it"));
    assert_eq!(fs::read(world.at("new/output_00001.jld2")).unwrap(), b"theirs");
    assert_eq!(world.json("r.json")["success"], 1);
    // That it was told of once makes it no output.
    conflict(&world, &["old", "new"]);
}

#[test]
fn what_is_replaced_by_force_is_kept_unless_it_is_ours() {
    let world = World::new(&[1, 2]);
    world.supervisor(&["old", "new"]).ends(0);
    let right = fs::read(world.at("new/output_00001.jld2")).unwrap();
    world.put("new/output_00001.jld2", "theirs");
    let replaced = || {
        all(&world.at("new/.jldconv/replaced"))
            .into_iter()
            .filter(|(_, (what, ..))| what != "directory")
            .map(|(path, _)| path)
            .collect::<Vec<_>>()
    };
    let (outcome, message, _) = one(&world, &["old", "new", "--force"]);
    assert_eq!(outcome, "converted");
    assert!(message.contains("is kept in .jldconv/replaced/"), "{message}");
    let kept = replaced();
    assert_eq!(kept.len(), 1, "the other was ours: {kept:?}");
    assert_eq!(fs::read(&kept[0]).unwrap(), b"theirs");
    assert!(fs::read(world.at("new/output_00001.jld2")).unwrap() == right);
    world.put("new/output_00001.jld2", "theirs, too");
    world.supervisor(&["old", "new", "--discard-replaced"]).ends(2);
    world.supervisor(&["old", "new", "--force", "--discard-replaced"]).ends(0);
    assert_eq!(replaced(), kept);
    assert!(fs::read(world.at("new/output_00001.jld2")).unwrap() == right);
    world.supervisor(&["old", "new", "--force"]).ends(0);
    assert_eq!(replaced(), kept, "what is ours is replaced without keeping");
    // Nor does a lost journal make it foreign.
    fs::remove_file(world.at("new/.jldconv/journal-1-of-1.jsonl")).unwrap();
    world.supervisor(&["old", "new", "--force"]).ends(0);
    assert_eq!(replaced(), kept);
}

#[test]
fn a_file_that_appears_during_the_run_stays() {
    let world = World::new(&[1, 2]);
    for name in ["absent", "ours"] {
        let path = world.at("new").join(ONE);
        let args = ["old", "new", "--report", "r.json", "--force"];
        let args = if name == "absent" { &args[..4] } else { &args[..] };
        let mut running = start(&world, args, "slow=3s@00001");
        wait_for("a conversion", || is_converting(&world, "new"));
        let _ = fs::remove_file(&path);
        fs::write(&path, "theirs").unwrap();
        assert_eq!(running.wait().unwrap().code(), Some(1), "{name}");
        assert_eq!(fs::read(&path).unwrap(), b"theirs", "{name}");
        let report = world.json("r.json");
        let file = &report["files"][0];
        assert_eq!((&file["fault"], &file["attempts"]), (&"conflict".into(), &1.into()), "{file}");
        assert_eq!(report["success"], 1);
        let left = fs::read_dir(world.at("new/.jldconv/tmp")).unwrap().count();
        assert_eq!(left, 0, "no temporary file is left");
        fs::remove_file(&path).unwrap();
        world.supervisor(&["old", "new"]).ends(0);
    }
}

/// `jldconv convert` removes the directory of temporary files behind it, if nobody has one there.
#[test]
fn one_file_converted_into_the_outputs_of_a_run_does_no_harm() {
    let world = World::new(&[1]);
    let mut running = start(&world, &["old", "new", "--report", "r.json"], "slow=6s@00001");
    let temps = world.at("new/.jldconv/tmp");
    wait_for("the run", || temps.exists().then_some(()));
    world.jldconv(&["convert", "old/output_00001.jld2", "new/other.jld2"]).ends(0);
    assert!(!temps.exists(), "it was empty");
    assert_eq!(running.wait().unwrap().code(), Some(0));
    let report = world.json("r.json");
    assert_eq!((&report["success"], &report["files"][0]["attempts"]), (&1.into(), &1.into()));
}

#[test]
fn changed_inputs_are_converted_again() {
    let world = World::new(&[1, 2]);
    let input = world.at("old").join(ONE);
    world.supervisor(&["old", "new"]).ends(0);
    is_complete(&world, &["old", "new"]);
    world.put("old/output_00001.jld2", sample("mixed/output_00500.jld2"));
    is_stale(&world, &["old", "new"], "the input changed (size ");
    world.jldconv(&["convert", "old/output_00001.jld2", "alone.jld2"]).ends(0);
    let [alone, together] =
        ["alone.jld2", "new/output_00001.jld2"].map(|it| fs::read(world.at(it)));
    assert!(alone.unwrap() == together.unwrap());
    later();
    fs::File::options()
        .write(true)
        .open(&input)
        .unwrap()
        .set_modified(std::time::SystemTime::now())
        .unwrap();
    is_stale(&world, &["old", "new"], "the input changed (time of modification)");
}

/// The bytes of a file with the last bit of one stored number changed, and its checksum right.
fn with_another_number(path: &Path) -> Vec<u8> {
    let file = File::open(path).unwrap();
    let (chunk, at) = datasets(&file)
        .unwrap()
        .into_iter()
        .find_map(|(_, addr)| {
            let object = file.object(addr).unwrap();
            let Layout::Compact { offset, .. } = object.dataset()?.layout else { return None };
            let number = matches!(&object.dataset()?.datatype, TypeRef::Inline(it)
                if matches!(it.class, Class::Float { .. }));
            number.then(|| (object.header.chunks[0].clone(), offset))
        })
        .unwrap();
    let mut bytes = fs::read(path).unwrap();
    let place = |offset: u64| usize::try_from(offset).unwrap();
    bytes[place(at)] ^= 1;
    let sum = lookup3(&bytes[place(chunk.offset)..place(chunk.checksum)]);
    bytes[place(chunk.checksum)..place(chunk.end())].copy_from_slice(&sum.to_le_bytes());
    bytes
}

#[test]
fn a_scalar_changed_under_the_old_size_and_time_is_seen() {
    let world = World::new(&[1]);
    let input = world.at("old").join(ONE);
    world.supervisor(&["old", "new"]).ends(0);
    let mtime = fs::metadata(&input).unwrap().modified().unwrap();
    let bytes = with_another_number(&input);
    later();
    fs::write(&input, &bytes).unwrap();
    fs::File::options().write(true).open(&input).unwrap().set_modified(mtime).unwrap();
    is_stale(&world, &["old", "new"], "its metadata, under the old size and time");
}

#[test]
fn touched_but_not_changed_is_complete() {
    let world = World::new(&[1]);
    world.supervisor(&["old", "new"]).ends(0);
    later();
    for path in ["old/output_00001.jld2", "new/output_00001.jld2"] {
        fs::set_permissions(world.at(path), fs::Permissions::from_mode(0o600)).unwrap();
        let (outcome, message, file) = one(&world, &["old", "new"]);
        assert_eq!((outcome.as_str(), message.as_str()), ("skipped", "complete"), "{file}");
    }
    // Another time of modification costs a comparison of all bytes, once.
    let output = world.at("new").join(ONE);
    let now = std::time::SystemTime::now();
    fs::File::options().write(true).open(&output).unwrap().set_modified(now).unwrap();
    let (outcome, message, file) = one(&world, &["old", "new"]);
    assert!(outcome == "skipped" && message.contains("compared"), "{file}");
    is_complete(&world, &["old", "new"]);
    let mut bytes = fs::read(&output).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&output, &bytes).unwrap();
    conflict(&world, &["old", "new"]);
}

#[test]
fn an_archive_that_moved_is_the_same_and_another_one_is_not() {
    let world = World::new(&[1, 2]);
    world.supervisor(&["old", "new"]).ends(0);
    fs::rename(world.at("old"), world.at("moved")).unwrap();
    is_complete(&world, &["moved", "new"]);
    // To another disk, with its times.
    let copied = std::process::Command::new("cp")
        .args(["-a", "moved", "copied"])
        .current_dir(world.at("."))
        .status();
    assert!(copied.unwrap().success());
    let told = world.supervisor(&["copied", "new"]).ends(0);
    assert!(told.out.contains("2 skipped"), "{}", told.out);
    fs::create_dir(world.at("other")).unwrap();
    for name in [ONE, "output_00002.jld2"] {
        fs::write(world.at("other").join(name), sample("mixed/output_00500.jld2")).unwrap();
    }
    let told = conflict(&world, &["other", "new"]);
    assert!(told.contains("is the output of DIR/copied/output_00001.jld2"), "{told}");
}

#[test]
fn without_a_journal_outputs_are_known_by_what_they_are() {
    let world = World::new(&[1, 2]);
    world.put("old/output_00003.jld2", sample(CURRENT));
    let own = world.at("new/.jldconv");
    for args in [&["old", "new"][..], &["old", "new", "--compress", "zstd"]] {
        let _ = fs::remove_dir_all(world.at("new"));
        world.supervisor(args).ends(0);
        let before = all(&world.at("new"));
        fs::remove_dir_all(&own).unwrap();
        let adopted = outcomes(&world, args);
        for file in adopted.values() {
            assert_eq!(file["outcome"], "skipped", "{file}");
            assert!(file["message"].as_str().unwrap().contains("no journal records it"));
        }
        let after = all(&world.at("new"));
        for name in world.names("new") {
            let path = world.at("new").join(name);
            assert_eq!(before[&path], after[&path], "not made again");
        }
        is_complete(&world, args);
    }
    // Other options than those that made it: nobody can tell whose it is.
    fs::remove_dir_all(&own).unwrap();
    conflict(&world, &["old", "new"]);
}

#[test]
fn without_a_journal_an_output_of_something_else_is_none() {
    let world = World::new(&[1]);
    world.supervisor(&["old", "new"]).ends(0);
    fs::remove_dir_all(world.at("new/.jldconv")).unwrap();
    // One bit of a column, and a new time: all bytes are compared.
    let input = world.at("old").join(ONE);
    let mut bytes = fs::read(&input).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&input, bytes).unwrap();
    conflict(&world, &["old", "new"]);
}

/// Journals of the first version say what was made, but not of what it was made nor what came out.
#[test]
fn what_was_changed_since_a_journal_without_claims_is_not_replaced() {
    let world = World::new(&[1, 2]);
    world.supervisor(&["old", "new"]).ends(0);
    let journal = world.at("new/.jldconv/journal-1-of-1.jsonl");
    let lines = fs::read_to_string(&journal).unwrap();
    let lines = lines.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        for key in ["claim", "recipe", "listing"] {
            line.as_object_mut().unwrap().remove(key);
        }
        format!("{line}\n")
    });
    fs::write(&journal, lines.collect::<String>()).unwrap();
    let (output, other) = (world.at("new").join(ONE), world.at("new/output_00002.jld2"));
    let time = fs::metadata(&other).unwrap().modified().unwrap();
    let mut bytes = fs::read(&output).unwrap();
    let place = bytes.len() - 100;
    bytes[place] ^= 1;
    fs::write(&output, &bytes).unwrap();
    // The other is what that version made of it, which is not what this one makes.
    let mut older = fs::read(&other).unwrap();
    older[place] ^= 1;
    fs::write(&other, &older).unwrap();
    fs::File::options().write(true).open(&other).unwrap().set_modified(time).unwrap();
    let told = conflict(&world, &["old", "new"]);
    assert!(told.contains("output_00001.jld2: it was changed since"), "{told}");
    assert!(!told.contains("output_00002.jld2"), "{told}");
    let files = outcomes(&world, &["old", "new", "--on-conflict", "skip"]);
    assert_eq!(files["output_00002.jld2"]["outcome"], "converted", "{files:?}");
    assert!(fs::read(&output).unwrap() == bytes && fs::read(&other).unwrap() != older);
}

#[test]
fn an_output_directory_that_cannot_be_made_is_named() {
    let world = World::new(&[1]);
    symlink("nowhere", world.at("new")).unwrap();
    let ended = world.supervisor(&["old", "new"]).ends(2);
    assert!(ended.err.contains("/new: cannot create the directory"), "{}", ended.err);
}

#[test]
fn a_clock_that_was_set_back_makes_no_conflict() {
    let world = World::new(&[1]);
    world.supervisor(&["old", "new"]).ends(0);
    let journal = world.at("new/.jldconv/journal-1-of-1.jsonl");
    let lines = fs::read_to_string(&journal).unwrap();
    assert!(lines.contains("\"at\":\"20"), "{lines}");
    fs::write(&journal, lines.replace("\"at\":\"20", "\"at\":\"21")).unwrap();
    let input = world.at("old").join(ONE);
    for _ in 0..2 {
        later();
        let now = std::time::SystemTime::now();
        fs::File::options().write(true).open(&input).unwrap().set_modified(now).unwrap();
        is_stale(&world, &["old", "new"], "time of modification");
    }
}

#[test]
fn rules_are_known_by_what_is_in_them() {
    let world = World::new(&[1]);
    let rule = |from: &str| {
        format!(
            "[[rule]]\nid = \"own\"\nwhy = \"a test\"\nfrom = [\"{from}\"]\nto = \"Mine.Type\"\n"
        )
    };
    world.put("rules.toml", rule("Main.Nothing"));
    let args = ["old", "new", "--rules", "rules.toml"];
    world.supervisor(&args).ends(0);
    is_complete(&world, &args);
    fs::copy(world.at("rules.toml"), world.at("copy.toml")).unwrap();
    is_complete(&world, &["old", "new", "--rules", "copy.toml"]);
    world.put("rules.toml", rule("Main.Else"));
    is_stale(&world, &args, "made by other rules");
    is_stale(&world, &["old", "new"], "made by other rules");
    is_stale(&world, &["old", "new", "--compress", "lz4"], "made with another --compress");
    is_stale(&world, &["old", "new", "--flat-links"], "made with another --compress");
    for no_matter in [
        &["--workers", "2", "--retries", "9"][..],
        &["--mode", "patch"],
        &["--keep-bad"],
        &["--verify", "none"],
    ] {
        is_complete(&world, &[&["old", "new", "--flat-links"][..], no_matter].concat());
    }
    is_stale(&world, &["old", "new", "--flat-links", "--repack"], "another mode");
    is_complete(&world, &["old", "new", "--flat-links"]);
}

#[test]
fn a_higher_check_checks_what_is_there() {
    let world = World::new(&[1, 2]);
    world.supervisor(&["old", "new"]).ends(0);
    let args = ["old", "new", "--verify", "content"];
    // A flipped bit under the old time, as a disk may flip one.
    let output = world.at("new").join(ONE);
    let right = fs::read(&output).unwrap();
    let mtime = fs::metadata(&output).unwrap().modified().unwrap();
    let mut bytes = right.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&output, bytes).unwrap();
    fs::File::options().write(true).open(&output).unwrap().set_modified(mtime).unwrap();
    let outcomes = outcomes(&world, &args);
    let flipped = &outcomes[ONE];
    assert_eq!(flipped["outcome"], "converted", "{flipped}");
    assert!(flipped["stale"].as_str().unwrap().contains("did not pass the check"), "{flipped}");
    assert!(fs::read(&output).unwrap() == right);
    let whole = &outcomes["output_00002.jld2"];
    assert_eq!((&whole["outcome"], &whole["verify"]), (&"skipped".into(), &"content".into()));
    assert_eq!(whole["message"], "complete, and passed the check content");
    is_complete(&world, &args);
    is_complete(&world, &["old", "new"]);
    let merged = world.supervisor(&["report", "new", "--json"]).ends(0);
    let merged: Value = serde_json::from_str(&merged.out).unwrap();
    assert_eq!(merged["success"], 2, "how they were made stays known");
}

#[test]
fn unchanged_files_are_linked_in_a_whole_archive() {
    let world = World::new(&[2]);
    world.put("old/output_00001.jld2", sample(CURRENT));
    let args = ["old", "new", "--unchanged", "link"];
    let inode = |dir: &str| fs::metadata(world.at(dir).join(ONE)).unwrap().ino();
    let (outcome, ..) = one(&world, &args);
    assert_eq!((outcome.as_str(), inode("new")), ("unchanged", inode("old")));
    is_complete(&world, &args);
    is_complete(&world, &["old", "new"]);
    world.supervisor(&["old", "new", "--force", "--unchanged", "link"]).ends(0);
    assert_eq!(inode("new"), inode("old"));
    assert!(!world.at("new/.jldconv/replaced").exists());
    fs::remove_dir_all(world.at("new/.jldconv")).unwrap();
    let (outcome, message, _) = one(&world, &args);
    assert!(outcome == "skipped" && message.contains("compared"), "{message}");
    world.supervisor(&["old", "new", "--force"]).ends(0);
    assert_ne!(inode("new"), inode("old"), "a copy takes the link's place");
    assert!(fs::read(world.at("old").join(ONE)).unwrap() == sample(CURRENT));
    // A link to the archive's file is still followed to the file itself.
    fs::rename(world.at("old").join(ONE), world.at("real")).unwrap();
    symlink("../real", world.at("old").join(ONE)).unwrap();
    world.supervisor(&["old", "more", "--unchanged", "link"]).ends(0);
    assert!(!world.at("more").join(ONE).is_symlink());
    assert_eq!(inode("more"), fs::metadata(world.at("real")).unwrap().ino());
}

#[test]
fn the_two_directories_are_looked_at_together() {
    let world = World::new(&[1]);
    symlink("old", world.at("same")).unwrap();
    let before = all(&world.at("old"));
    for out in ["old", "same", "old/../same/."] {
        let told = world.supervisor(&["old", out]).ends(2).err;
        assert!(told.contains("the outputs would replace the archive"), "{told}");
    }
    assert_eq!(all(&world.at("old")), before);
    let told = world.supervisor(&["old", "old/new"]).ends(0);
    assert!(
        told.out.contains("the output directory DIR/old/new lies in the archive"),
        "{}",
        told.out
    );
    fs::create_dir(world.at("top")).unwrap();
    fs::rename(world.at("old"), world.at("top/old")).unwrap();
    let told = world.supervisor(&["top/old", "top"]).ends(0);
    assert!(told.out.contains("the archive lies in the output directory DIR/top"), "{}", told.out);
    fs::rename(world.at("top/old"), world.at("renamed")).unwrap();
    let told = world.supervisor(&["renamed", "top"]).ends(0);
    assert!(told.out.contains("DIR/top holds outputs of DIR/top/old"), "{}", told.out);
}

#[test]
fn a_supervisor_killed_between_an_output_and_its_line_loses_nothing() {
    let world = World::new(&[1]);
    let mut running = start(&world, &["old", "new"], "slow=2s@00001");
    wait_for("a conversion", || is_converting(&world, "new"));
    let pid = Pid::from_raw(i32::try_from(running.id()).unwrap());
    // It sleeps while its worker publishes.
    kill(pid, Signal::SIGSTOP).unwrap();
    let output = world.at("new").join(ONE);
    wait_for("the output", || output.exists().then_some(()));
    kill(pid, Signal::SIGKILL).unwrap();
    running.wait().unwrap();
    let journal = fs::read_to_string(world.at("new/.jldconv/journal-1-of-1.jsonl")).unwrap();
    assert!(!journal.contains("\"kind\":\"job\""), "{journal}");
    let inode = fs::metadata(&output).unwrap().ino();
    let (outcome, message, file) = one(&world, &["old", "new"]);
    assert_eq!((outcome.as_str(), &file["attempts"]), ("skipped", &0.into()), "{message}");
    assert_eq!(fs::metadata(&output).unwrap().ino(), inode);
    is_complete(&world, &["old", "new"]);
}

#[test]
fn an_output_that_was_made_again_before_a_kill_is_known() {
    let world = World::new(&[1]);
    world.supervisor(&["old", "new"]).ends(0);
    let args = ["old", "new", "--compress", "zstd"];
    let output = world.at("new").join(ONE);
    let first = fs::metadata(&output).unwrap().ino();
    let mut running = start(&world, &args, "slow=2s@00001");
    wait_for("a conversion", || is_converting(&world, "new"));
    let pid = Pid::from_raw(i32::try_from(running.id()).unwrap());
    kill(pid, Signal::SIGSTOP).unwrap();
    let second = wait_for("the output", || {
        Some(fs::metadata(&output).unwrap().ino()).filter(|now| *now != first)
    });
    kill(pid, Signal::SIGKILL).unwrap();
    running.wait().unwrap();
    // Its journal tells of the first only.
    let (outcome, message, _) = one(&world, &args);
    assert!(outcome == "skipped" && message.contains("compared"), "{message}");
    assert_eq!(fs::metadata(&output).unwrap().ino(), second);
    is_complete(&world, &args);
    assert_eq!(fs::read_dir(world.at("new/.jldconv/tmp")).unwrap().count(), 0);
}

#[test]
fn kills_while_an_output_is_replaced_leave_one_or_the_other() {
    let world = World::new(&[1]);
    for step in [
        "before-stage",
        "after-stage",
        "before-rename",
        "after-rename",
        "after-dir-sync",
        "before-replaced-remove",
        "after-replaced-remove",
    ] {
        let _ = fs::remove_dir_all(world.at("new"));
        world.supervisor(&["old", "new"]).ends(0);
        let before = fs::read(world.at("new").join(ONE)).unwrap();
        let args = ["old", "new", "--compress", "zstd"];
        let mut run = world.program("jldconv-supervisor", &args);
        Ended::of(run.env("JLDCONV_CRASH_AT", step), &world).ends(1);
        let _ = one(&world, &args);
        is_complete(&world, &args);
        assert_ne!(fs::read(world.at("new").join(ONE)).unwrap(), before);
        let left = fs::read_dir(world.at("new/.jldconv/tmp")).unwrap().count();
        assert_eq!(left, 0, "{step}: nothing is left behind");
        assert!(!world.at("new/.jldconv/replaced").exists(), "{step}");
    }
}

#[test]
fn a_worker_that_dies_after_publishing_is_no_conflict_with_itself() {
    let world = World::new(&[1]);
    for step in ["after-rename", "before-dir-sync"] {
        let _ = fs::remove_dir_all(world.at("new"));
        let mut run = world.program("jldconv-supervisor", &["old", "new", "--report", "r.json"]);
        // Each worker dies there: two attempts fail, and no third one can come through either.
        let ended = Ended::of(run.env("JLDCONV_CRASH_AT", step), &world).ends(1);
        let file = &world.json("r.json")["files"][0];
        assert_eq!(file["fault"], "killed", "{step}: {ended:?}");
        assert!(file["attempts"].as_u64().unwrap() >= 3, "never a conflict: {file}");
        let (outcome, ..) = one(&world, &["old", "new"]);
        assert_eq!(outcome, "skipped", "{step}: what it left is the output");
    }
}

#[test]
fn a_file_that_kills_its_reader_is_not_taken_for_ours() {
    let world = World::new(&[1, 2]);
    world.supervisor(&["old", "new"]).ends(0);
    fs::remove_dir_all(world.at("new/.jldconv")).unwrap();
    let before = all(&world.at("new"));
    let mut run = world.program("jldconv-supervisor", &["old", "new"]);
    let ended = Ended::of(run.env("JLDCONV_FAULT", "segv@00001"), &world).ends(2);
    assert!(ended.err.contains("output_00001.jld2: it cannot be told"), "{}", ended.err);
    assert!(ended.err.contains("SIGSEGV"), "{}", ended.err);
    assert!(!ended.err.contains("output_00002.jld2"), "the other is fine: {}", ended.err);
    assert_eq!(all(&world.at("new")), before);
}

/// An output that nobody touched stays ours when its input cannot be looked into: that costs one
/// job, not the run.
#[test]
fn an_input_that_cannot_be_looked_into_makes_no_conflict_of_its_own_output() {
    let world = World::new(&[1, 2]);
    world.supervisor(&["old", "new"]).ends(0);
    let output = fs::read(world.at("new").join(ONE)).unwrap();
    later();
    let input = world.at("old").join(ONE);
    fs::set_permissions(&input, fs::Permissions::from_mode(0o600)).unwrap();
    let mut run = world.program("jldconv-supervisor", &["old", "new", "--report", "r.json"]);
    let ended = Ended::of(run.env("JLDCONV_FAULT", "segv@00001"), &world).ends(1);
    assert!(!ended.err.contains("--on-conflict"), "{}", ended.err);
    let files = world.json("r.json")["files"].as_array().unwrap().clone();
    let outcomes: Vec<_> = files.iter().map(|it| it["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["failed", "skipped"], "{files:?}");
    assert_eq!(fs::read(world.at("new").join(ONE)).unwrap(), output, "it stays");
    is_complete(&world, &["old", "new"]);
}

#[test]
fn failures_of_circumstance_are_tried_again_by_the_same_command() {
    let world = World::new(&[1, 2]);
    world.put("old/output_00003.jld2", "no JLD2 at all");
    let args = ["old", "new", "--report", "r.json"];
    let mut run = world.program("jldconv-supervisor", &args);
    Ended::of(run.env("JLDCONV_FAULT", "segv@00001"), &world).ends(1);
    assert_eq!(world.json("r.json")["failed"], 2);
    world.supervisor(&args).ends(1);
    let files = world.json("r.json")["files"].clone();
    assert_eq!(files[0]["outcome"], "converted");
    assert_eq!((&files[2]["outcome"], &files[2]["attempts"]), (&"failed".into(), &1.into()));
    let message = files[2]["message"].as_str().unwrap();
    assert!(message.contains("--resume-failed"), "{message}");
    world.put("old/output_00003.jld2", sample(OLD));
    world.supervisor(&args).ends(0);
}

#[test]
fn a_done_archive_costs_no_look_into_any_file() {
    let world = World::new(&[1, 2, 3]);
    world.supervisor(&["old", "new"]).ends(0);
    // Whoever looked into a file would die of it.
    let mut run = world.program("jldconv-supervisor", &["old", "new"]);
    let ended = Ended::of(run.env("JLDCONV_FAULT", "segv@*,segv@hello"), &world).ends(0);
    assert!(ended.out.contains("0 converted, 0 unchanged, 3 skipped"), "{}", ended.out);
    assert!(ended.out.contains("there       3 up to date, 0 to be made again"), "{}", ended.out);
    assert!(ended.out.contains("made again where the input, the target"), "{}", ended.out);
}

#[test]
fn one_file_replaces_nothing_foreign_either() {
    let world = World::new(&[1]);
    let convert = |more: &[&str]| {
        let args = ["convert", "old/output_00001.jld2", "new.jld2"];
        world.jldconv(&[&args[..], more].concat())
    };
    let kept = || {
        let files = all(&world.at(".jldconv/replaced"));
        files
            .into_values()
            .map(|(what, ..)| what)
            .filter(|it| it != "directory")
            .collect::<Vec<_>>()
    };
    convert(&[]).ends(0);
    let right = fs::read(world.at("new.jld2")).unwrap();
    let told = convert(&[]).ends(1).err;
    assert!(told.contains("new.jld2: exists already") && told.contains("--force"), "{told}");
    convert(&["--force"]).ends(0);
    assert_eq!(kept(), [""; 0], "it was what this command makes");
    assert!(!world.at(".jldconv").exists());
    world.put("new.jld2", "theirs");
    convert(&[]).ends(1);
    assert_eq!(fs::read(world.at("new.jld2")).unwrap(), b"theirs");
    let told = convert(&["--force"]).ends(0).err;
    assert!(told.starts_with("note: what was there is kept in "), "{told}");
    assert!(fs::read(world.at("new.jld2")).unwrap() == right);
    assert_eq!(kept(), [format!("{:?}", b"theirs")]);
    world.put("new.jld2", "theirs, too");
    convert(&["--force", "--discard-replaced"]).ends(0);
    assert_eq!(kept().len(), 1);
    convert(&["--discard-replaced"]).ends(2);
    fs::remove_file(world.at("new.jld2")).unwrap();
    fs::create_dir(world.at("new.jld2")).unwrap();
    world.put("new.jld2/output_00001.jld2", "theirs");
    convert(&[]).ends(1);
    // The input under another name stays the input.
    fs::hard_link(world.at("old/output_00001.jld2"), world.at("same.jld2")).unwrap();
    let same = ["convert", "old/output_00001.jld2", "same.jld2", "--force"];
    let refused = world.jldconv(&same).ends(1).err;
    assert!(refused.contains("is the input itself") && !refused.contains("--force"), "{refused}");
    // In the directory of a run its journal says what is ours.
    world.supervisor(&["old", "out", "--compress", "zstd"]).ends(0);
    world.jldconv(&["convert", "old/output_00001.jld2", "out", "--force"]).ends(0);
    assert!(!world.at("out/.jldconv/replaced").exists());
    conflict(&world, &["old", "out", "--compress", "zstd"]);
}

/// An archive of `count` files whose outputs are all there, and claimed; the archive has moved, so
/// each claim is written anew.
fn settled(count: usize) -> Duration {
    let world = World::new(&[1]);
    world.supervisor(&["old", "new"]).ends(0);
    let name = |number: usize| format!("output_{number:05}.jld2");
    for dir in ["old", "new"] {
        let first = world.at(dir).join(ONE);
        for number in 2..=count {
            fs::hard_link(&first, world.at(dir).join(name(number))).unwrap();
        }
    }
    fs::rename(world.at("old"), world.at("moved")).unwrap();
    let path = world.at("new/.jldconv/journal-1-of-1.jsonl");
    let journal = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<String> = journal.lines().take(1).map(str::to_owned).collect();
    let mut line: Value = serde_json::from_str(journal.lines().nth(1).unwrap()).unwrap();
    let ctime = |path: PathBuf| {
        let meta = fs::metadata(path).unwrap();
        meta.ctime() * 1_000_000_000 + meta.ctime_nsec()
    };
    line["claim"]["input"]["stat"]["ctime_ns"] = ctime(world.at("moved").join(ONE)).into();
    line["claim"]["output"]["stat"]["ctime_ns"] = ctime(world.at("new").join(ONE)).into();
    for number in 1..=count {
        line["name"] = name(number).into();
        lines.push(line.to_string());
    }
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    let begin = Instant::now();
    let ended = world.supervisor(&["moved", "new", "--progress", "none"]).ends(0);
    let took = begin.elapsed();
    assert_eq!(ended.err, "warning: DIR/new holds outputs of DIR/old\n");
    let lines = fs::read_to_string(&path).unwrap().lines().count();
    assert_eq!(lines, 2 * (count + 1) + 1, "a head, a line for each file, an end");
    took
}

#[test]
fn many_settled_files_cost_their_number() {
    let (few, many) = (settled(10_000), settled(40_000));
    println!("10,000 files: {few:?}; 40,000 files: {many:?}");
    assert!(many < few * 8 + Duration::from_secs(1), "{few:?} {many:?}");
}
