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
use world::{Ended, World, binary};

/// Bytes that lists may take in memory.
const BUDGET: (&str, &str) = ("JLDCONV_SCRATCH_BUDGET", "1");
/// A directory in which no file can be made, whoever tries.
const NOWHERE: &str = "/proc/self/task";
/// What is said there.
const CANNOT: &str = "cannot keep a list that is too long for the memory in a file in ";

/// More links than any list puts in order at once, which it does in memory.
const COUNT: u64 = 33_000;

/// Links whose names have nothing in common.
fn names(world: &World, name: &str) {
    many::write(&File::create(world.at(name)).unwrap(), Kind::Names, COUNT).unwrap();
}

/// Runs `jldconv` with lists in files in the directory `temp`; or, without one, in memory.
fn run(world: &World, args: &[&str], temp: Option<&str>) -> Ended {
    let mut command = world.program("jldconv", args);
    if let Some(temp) = temp {
        command.env(BUDGET.0, BUDGET.1).env("TMPDIR", temp);
    }
    Ended::of(&mut command, world)
}

/// Whether nothing is in a directory.
fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).unwrap().next().is_none()
}

/// What programs tell of a file and make of it is the same with lists in memory and in files.
fn same(name: &str, world: &World) {
    fs::create_dir_all(world.at("temp")).unwrap();
    for args in [&["inspect", name][..], &["dump", name, "--json"]] {
        let [held, put] = [None, Some("temp")].map(|temp| run(world, args, temp).ends(0).out);
        assert!(!held.is_empty() && held == put, "{args:?}");
    }
    // Lists of a conversion go beside its output: here they could go nowhere else.
    for how in [&[][..], &["--repack", "--threads", "2"]] {
        let args: Vec<_> = ["convert", name, "out.jld2"].iter().chain(how).copied().collect();
        let [held, put] = [None, Some(NOWHERE)].map(|temp| {
            run(world, &args, temp).ends(0);
            let bytes = fs::read(world.at("out.jld2")).unwrap();
            fs::rename(world.at("out.jld2"), world.at("made.jld2")).unwrap();
            bytes
        });
        assert!(held == put, "{args:?}");
    }
    let compared = run(world, &["verify", name, "made.jld2"], Some("temp")).ends(0);
    assert!(compared.out.contains("equal"), "{compared:#?}");
    assert!(is_empty(&world.at("temp")), "no file stays");
}

#[test]
fn outputs_are_the_same_with_lists_in_files() {
    let world = World::new(&[]);
    names(&world, "a.jld2");
    same("a.jld2", &world);
}

#[test]
#[ignore = "a minute without optimization"]
fn outputs_are_the_same_with_links_of_libhdf5_in_files() {
    let Some(python) = runner::python() else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/links.py");
    for kind in ["dense", "old"] {
        let world = World::new(&[]);
        let mut made = world.plain(&python);
        made.arg(&script).args([kind, "random", &COUNT.to_string()]);
        assert!(made.arg(world.at("a.jld2")).arg("20").status().unwrap().success());
        same("a.jld2", &world);
    }
}

#[test]
fn where_no_file_can_be_made_it_is_told() {
    let world = World::new(&[]);
    names(&world, "a.jld2");
    for args in [&["dump", "--json", "a.jld2"][..], &["verify", "a.jld2", "a.jld2"]] {
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
    run(&world, &["verify", "a.jld2", "a.jld2", "--scratch", "old"], Some(NOWHERE)).ends(0);
}

#[test]
fn an_archive_is_converted_beside_a_file_whose_lists_find_no_room() {
    let world = World::new(&[1, 2, 4]);
    names(&world, "old/output_00003.jld2");
    world.put("jldconv.toml", "scratch = \"small\"\nretries = 1\n");
    let line = format!(
        "env {}={} {} old new --yes --repack --workers 1 --report report.json",
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
    assert_eq!(lost["faults"], serde_json::json!(["output"]), "{lost:#}");
    let message = lost["message"].as_str().unwrap();
    assert!(message.contains(CANNOT) && message.contains("/small: No space left"), "{message}");
    // With room it is converted.
    let mut again = world
        .program("jldconv-supervisor", &["old", "new", "--yes", "--repack", "--scratch", "old"]);
    Ended::of(again.env(BUDGET.0, BUDGET.1), &world).ends(0);
    assert_eq!(world.names("new").len(), 4);
    assert_eq!(world.names("old").len(), 4, "nothing stays in the directory for lists");
}

#[test]
fn tasks_that_only_read_put_lists_where_they_are_told() {
    let world = World::new(&[1, 2]);
    names(&world, "old/output_00003.jld2");
    fs::create_dir(world.at("lists")).unwrap();
    let verify = |more: &[&str]| {
        let all: Vec<_> = ["verify", "old", "old"].iter().chain(more).copied().collect();
        let mut command = world.program("jldconv-supervisor", &all);
        Ended::of(command.env(BUDGET.0, BUDGET.1).env("TMPDIR", NOWHERE), &world)
    };
    verify(&["--scratch", "lists"]).ends(0);
    assert!(is_empty(&world.at("lists")));
    // So it did need it; and TMPDIR reaches the workers.
    let ended = verify(&[]).ends(1);
    let said = format!("{}{}", ended.out, ended.err);
    assert!(said.contains(&format!("{CANNOT}{NOWHERE}: ")), "{ended:#?}");
}

#[test]
fn lists_in_a_directory_that_is_memory_are_told_once() {
    let world = World::new(&[]);
    for name in ["old/output_00001.jld2", "old/output_00002.jld2"] {
        names(&world, name);
    }
    let [many, one] = ["jldconv-supervisor", "jldconv"].map(binary);
    let line = format!(
        "env {}={} bash -c '{} verify old old --scratch small && {} dump {} --scratch small'",
        BUDGET.0,
        BUDGET.1,
        many.display(),
        one.display(),
        "old/output_00001.jld2"
    );
    let Some(ended) = world.with_small("size=64m", &line) else { return };
    let ended = ended.ends(0);
    let said = format!("{}{}", ended.out, ended.err);
    let times = |words: &str| said.matches(words).count();
    assert_eq!(times("went to a directory that is memory as well (tmpfs): --scratch DIR"), 1);
    assert_eq!(times("went to DIR/small, which is memory as well (tmpfs): --scratch DIR"), 1);
}

#[test]
fn a_killed_program_leaves_no_file() {
    let world = World::new(&[]);
    names(&world, "a.jld2");
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
