//! Lists that are too long for the memory go to files: real programs that are told to hold next to
//! nothing of any list in memory give what they give without that, say so where the files cannot be made or
//! filled, and leave none.

#![cfg(feature = "fault")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/clean.rs"]
mod clean;
#[path = "../examples/generate/many/mod.rs"]
mod many;
#[path = "common/python.rs"]
#[expect(dead_code, reason = "what other tests need")]
mod runner;
#[path = "cli/world.rs"]
#[expect(dead_code, reason = "what other tests need")]
mod world;

use many::Kind;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};
use world::{Ended, OLD, World, binary, sample};

/// Bytes that lists may take in memory.
const BUDGET: (&str, &str) = ("JLDCONV_SCRATCH_BUDGET", "1");
/// A directory in which no file can be made, whoever tries.
const NOWHERE: &str = "/proc/self/task";
/// What is said there.
const CANNOT: &str = "cannot keep a list that is too long for the memory in a file in ";

/// Links whose names have nothing in common.
fn names(world: &World, name: &str, count: u64) -> PathBuf {
    let path = world.at(name);
    many::write(&File::create(&path).unwrap(), Kind::Names, count).unwrap();
    path
}

/// Runs `jldconv` with lists in files in the directory `temp`; or, without one, in memory.
fn run(world: &World, args: &[&str], temp: Option<&str>) -> Ended {
    let mut command = world.program("jldconv", args);
    if let Some(temp) = temp {
        command.env(BUDGET.0, BUDGET.1).env("TMPDIR", temp);
    }
    Ended::of(&mut command, world)
}

/// Groups of all kinds that hold many links, an old file with all that is in one, and the names of both.
fn files(world: &World) -> Vec<&'static str> {
    names(world, "names.jld2", 6_000);
    many::write(&File::create(world.at("groups.jld2")).unwrap(), Kind::Groups, 2_000).unwrap();
    world.put("mera.jld2", sample(OLD));
    let mut all = vec!["names.jld2", "groups.jld2", "mera.jld2"];
    if let Some(python) = runner::python() {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/links.py");
        for (kind, name) in [("dense", "dense.jld2"), ("old", "old.jld2")] {
            let mut made = world.plain(&python);
            made.arg(&script).args([kind, "random", "8300"]).arg(world.at(name)).arg("20");
            assert!(made.status().unwrap().success());
            all.push(name);
        }
    } else {
        eprintln!("groups of h5py: not tested");
    }
    all
}

/// Not a file in it, with a name or for a moment.
fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).unwrap().next().is_none()
}

#[test]
fn outputs_are_the_same_with_lists_in_files() {
    let world = World::new(&[]);
    fs::create_dir(world.at("temp")).unwrap();
    for name in files(&world) {
        let look = |temp| {
            ["inspect", "dump", "types"].map(|what| {
                let mut args = vec![what, name];
                args.extend((what == "dump").then_some("--json"));
                let ended = run(&world, &args, temp);
                // What is on standard error may say where lists went.
                (what, ended.code, ended.out)
            })
        };
        let looked = look(None);
        assert!(looked.iter().take(2).all(|(_, code, out)| *code == Some(0) && !out.is_empty()));
        assert_eq!(looked, look(Some("temp")), "{name}");
        // Lists of a conversion go beside its output: here they could go nowhere else.
        let made = |how: &[&str], temp: Option<&str>| {
            let mut args = vec!["convert", name, "out.jld2"];
            args.extend(how);
            let ended = run(&world, &args, temp);
            assert_eq!(ended.code, Some(0), "{name} {how:?}: {ended:#?}");
            let compared = run(&world, &["verify", name, "out.jld2"], temp.map(|_| "temp"));
            assert_eq!(compared.code, Some(0), "{name} {how:?}: {compared:#?}");
            let bytes = fs::read(world.at("out.jld2")).unwrap();
            fs::remove_file(world.at("out.jld2")).unwrap();
            (bytes, compared.out)
        };
        for how in [&[][..], &["--repack", "--threads", "2"]] {
            assert!(made(how, None) == made(how, Some(NOWHERE)), "{name} {how:?}");
        }
    }
    assert!(is_empty(&world.at("temp")), "no file stays");
}

#[test]
fn a_change_in_place_is_the_same_and_is_undone() {
    let world = World::new(&[]);
    let before = sample(OLD);
    fs::create_dir(world.at("lists")).unwrap();
    let changed = |args: &[&str], temp| {
        world.put("a.jld2", &before);
        let all: Vec<_> =
            ["convert", "a.jld2", "--mode", "in-place"].iter().chain(args).copied().collect();
        run(&world, &all, temp).ends(0);
        let after = fs::read(world.at("a.jld2")).unwrap();
        assert!(after != before);
        run(&world, &["undo", "a.jld2"], temp).ends(0);
        assert!(fs::read(world.at("a.jld2")).unwrap() == before);
        after
    };
    let plain = changed(&[], None);
    assert!(plain == changed(&["--scratch", "lists"], Some(NOWHERE)));
    assert!(is_empty(&world.at("lists")));
}

#[test]
fn where_no_file_can_be_made_it_is_told() {
    let world = World::new(&[]);
    names(&world, "a.jld2", 2_000);
    for args in
        [&["inspect", "a.jld2"][..], &["dump", "--json", "a.jld2"], &["verify", "a.jld2", "a.jld2"]]
    {
        let ended = run(&world, args, Some(NOWHERE)).ends(1);
        let said = format!("{}{}", ended.out, ended.err);
        assert!(said.contains(&format!("{CANNOT}{NOWHERE}: ")), "{args:?}: {said}");
        assert!(
            said.contains("(--scratch DIR, or the environment's TMPDIR, names another"),
            "{said}"
        );
        assert!(!said.contains("damaged") && !said.contains("rescue"), "{args:?}: {said}");
    }
    // What is named must do before anything begins.
    for dir in [NOWHERE, "a.jld2", "none"] {
        let ended = run(&world, &["convert", "a.jld2", "b.jld2", "--scratch", dir], None).ends(2);
        assert!(
            ended.err.contains(&format!("error: --scratch {dir}: no file can be made there: "))
        );
        let ended = world.supervisor(&["old", "new", "--yes", "--scratch", dir]).ends(2);
        assert!(ended.err.contains(&format!("--scratch {dir}: no file")), "{ended:#?}");
    }
    assert!(!world.at("b.jld2").exists() && !world.at("new").exists());
    run(&world, &["inspect", "a.jld2", "--scratch", "old"], Some(NOWHERE)).ends(0);
}

#[test]
fn an_archive_is_converted_beside_a_file_whose_lists_find_no_room() {
    let world = World::new(&[1, 2, 4]);
    names(&world, "old/output_00003.jld2", 30_000);
    // Workers do not hear of the directory by the environment alone: of its words they get few.
    world.put("jldconv.toml", "scratch = \"small\"\nretries = 2\n");
    let line = format!(
        "env {}={} {} old new --yes --workers 1 --report report.json",
        BUDGET.0,
        BUDGET.1,
        binary("jldconv-supervisor").display()
    );
    let Some(ended) = world.with_small("size=256k", &line) else { return };
    let ended = ended.ends(1);
    let report = world.json("report.json");
    assert_eq!((&report["success"], &report["failed"]), (&3.into(), &1.into()), "{ended:#?}");
    assert_eq!(world.names("new").len(), 3);
    let lost = &report["files"][2];
    assert_eq!(lost["faults"], serde_json::json!(["output", "output"]), "{lost:#}");
    let message = lost["message"].as_str().unwrap();
    assert!(message.contains(CANNOT) && message.contains("/small: No space left"), "{message}");
    // It is told once, whichever worker it was.
    let words = "went to a directory that is memory as well (tmpfs): --scratch DIR";
    let times = ended.out.matches(words).count() + ended.err.matches(words).count();
    assert_eq!(times, 1, "{ended:#?}");
    // With room it is converted.
    let mut again =
        world.program("jldconv-supervisor", &["old", "new", "--yes", "--scratch", "old"]);
    Ended::of(again.env(BUDGET.0, BUDGET.1), &world).ends(0);
    assert_eq!(world.names("new").len(), 4);
    assert_eq!(world.names("old").len(), 4, "nothing stays in the directory for lists");
}

#[test]
fn tasks_that_only_read_put_lists_where_they_are_told() {
    let world = World::new(&[1, 2]);
    fs::create_dir(world.at("lists")).unwrap();
    for args in [&["verify", "old", "old"][..], &["scan", "old", "--no-estimate"]] {
        let run = |more: &[&str]| {
            let all: Vec<_> = args.iter().chain(more).copied().collect();
            let mut command = world.program("jldconv-supervisor", &all);
            Ended::of(command.env(BUDGET.0, BUDGET.1).env("TMPDIR", NOWHERE), &world)
        };
        let ended = run(&["--scratch", "lists"]).ends(0);
        assert!(!ended.out.contains(CANNOT), "{ended:#?}");
        // So they did need it; and TMPDIR reaches the workers.
        let ended = run(&[]).ends(1);
        assert!(format!("{}{}", ended.out, ended.err).contains(CANNOT), "{args:?}: {ended:#?}");
    }
    assert!(is_empty(&world.at("lists")));
}

#[test]
fn a_killed_program_leaves_no_file() {
    let world = World::new(&[]);
    names(&world, "a.jld2", 20_000);
    fs::create_dir(world.at("lists")).unwrap();
    let lists = fs::canonicalize(world.at("lists")).unwrap();
    let mut command = world.plain(binary("jldconv"));
    command.args(["dump", "--json", "a.jld2", "--scratch", "lists"]).env(BUDGET.0, BUDGET.1);
    // Nobody reads what it prints, so that it waits in the midst, with its lists.
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let open = PathBuf::from(format!("/proc/{}/fd", child.id()));
    let in_lists = || {
        let files = fs::read_dir(&open).into_iter().flatten().flatten();
        files.filter_map(|file| fs::read_link(file.path()).ok()).any(|to| to.starts_with(&lists))
    };
    let begin = Instant::now();
    while !in_lists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended without a list in a file");
        assert!(begin.elapsed() < Duration::from_secs(100), "no list went to a file");
        sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(is_empty(&lists));
}
