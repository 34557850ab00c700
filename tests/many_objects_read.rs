//! Files of very many small things are looked into, printed and copied in memory that does not grow
//! with their number, nor with the length of all paths. Real processes: what they take is what the
//! system says.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/clean.rs"]
mod clean;
#[path = "../examples/generate/many/mod.rs"]
mod many;
#[path = "common/memory.rs"]
mod memory;

use clean::clean;
use jldconv::convert::temp::{Owner, TempName};
use many::Kind;
use memory::watched;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Things in a file: 64 bytes for each, as was kept once, would be 18 MiB.
const COUNT: u64 = 300_000;
/// MiB that looking into such a file may take, and printing it: what it takes with few objects, too.
const INSPECT: u64 = 16;
const DUMP: u64 = 30;
/// Groups inside one another: their paths have 400 MB in all.
const DEPTH: u64 = 20_000;
/// Arrays inside one another, as many as a value is followed. Each takes a piece of stack, which is
/// larger without optimization.
const LEVELS: u64 = 9_900;

/// Runs the program, which prints to `out`; the most memory that was its own at any time in MiB.
fn run(args: &[&Path], out: &Path) -> u64 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jldconv"));
    command.args(args).stdout(File::create(out).unwrap());
    let (ended, most) = watched(&mut command);
    assert!(ended.success(), "{args:?}: {ended}");
    assert!(most > 0, "{args:?}: nothing was measured");
    most >> 10
}

struct Made {
    dir: tempfile::TempDir,
    file: PathBuf,
}

fn made(kind: Kind, count: u64) -> Made {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = dir.path().join("many_00001.jld2");
    many::write(&File::create(&file).unwrap(), kind, count).unwrap();
    Made { dir, file }
}

impl Made {
    /// What `inspect` and `dump` print, in so little memory; `dumped` MiB are for `dump`.
    fn read(&self, dumped: u64) -> [String; 2] {
        let out = self.dir.path().join("out");
        let inspect = run(&[Path::new("inspect"), &self.file], &out);
        let tree = fs::read_to_string(&out).unwrap();
        let dump = run(&[Path::new("dump"), &self.file, Path::new("--json")], &out);
        eprintln!("{}: {inspect} MiB to inspect, {dump} MiB to dump", self.file.display());
        assert!(inspect <= INSPECT && dump <= dumped, "{inspect} and {dump} MiB");
        [tree, fs::read_to_string(&out).unwrap()]
    }

    /// What a patch takes; all is as before.
    fn patch(&self) -> u64 {
        let (new, out) = (self.dir.path().join("new.jld2"), self.dir.path().join("out"));
        let most = run(&[Path::new("convert"), &self.file, &new], &out);
        assert!(fs::read(&self.file).unwrap() == fs::read(&new).unwrap());
        most
    }
}

fn flat(kind: Kind) {
    let [tree, dump] = made(kind, COUNT).read(DUMP);
    assert!(tree.contains("data"), "{tree}");
    assert!(dump.len() as u64 > 10 * COUNT);
}

#[test]
fn values_that_are_objects_of_their_own() {
    flat(Kind::Boxed);
}

#[test]
fn strings_that_are_objects_of_their_own() {
    flat(Kind::Texts);
}

#[test]
fn strings_in_heaps() {
    flat(Kind::Strings);
}

#[test]
fn entries_of_a_dictionary() {
    flat(Kind::Dict);
}

#[test]
fn groups_inside_one_another() {
    let made = made(Kind::Nested, DEPTH);
    let [tree, dump] = made.read(DUMP);
    assert!(tree.contains("g/"), "{tree}");
    let path = format!("{}/x", "/g".repeat(usize::try_from(DEPTH).unwrap()));
    assert!(dump.contains(&path));
    let most = made.patch();
    assert!(most <= DUMP, "{most} MiB");
}

#[test]
fn references_as_deep_as_jld2_writes_and_deeper() {
    let [_, dump] = made(Kind::Deep, LEVELS).read(1024);
    assert_eq!(dump.matches("\"items\":[").count() as u64, LEVELS);
}

#[test]
fn references_that_are_too_deep_are_no_damage_and_what_helps_is_told() {
    let made = made(Kind::Deep, 10_100);
    let ended = Command::new(env!("CARGO_BIN_EXE_jldconv"))
        .args([Path::new("dump"), &made.file, Path::new("--json")])
        .output()
        .unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    let words = "value: takes more than 10000 levels of references, of which JLD2 itself writes some \
                 thousands; the same values in an array help";
    assert!(said.contains(words) && !said.contains("rescue"), "{said}");
    // A copy does not follow them.
    made.patch();
    // A rewrite does where values are compared.
    let new = made.dir.path().join("rewritten.jld2");
    let rewrite = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jldconv"));
        command.args([Path::new("convert"), &made.file, &new, Path::new("--repack")]).args(more);
        let ended = command.output().unwrap();
        (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
    };
    let (code, said) = rewrite(&[]);
    let helps = "(--verify bytes compares all but values)";
    assert!(code == Some(1) && said.contains(words) && said.contains(helps), "{code:?}: {said}");
    assert!(!new.exists());
    let (code, said) = rewrite(&["--verify", "bytes"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(new.exists());
}

#[test]
fn links_of_one_group_however_many() {
    // More than were read of one group once.
    let made = made(Kind::Links, 530_000);
    let out = made.dir.path().join("out");
    let inspect = run(&[Path::new("inspect"), &made.file], &out);
    let tree = fs::read_to_string(&out).unwrap();
    assert!(tree.contains("x00000001") && tree.contains("529980 more"), "{tree}");
    let patch = made.patch();
    eprintln!("{inspect} MiB to inspect, {patch} MiB to patch");
    assert!(inspect <= DUMP && patch <= DUMP, "{inspect} and {patch} MiB");
}

#[test]
fn groups_inside_one_another_are_compared() {
    let made = made(Kind::Nested, DEPTH / 2);
    let out = made.dir.path().join("out");
    let most = run(&[Path::new("verify"), &made.file, &made.file], &out);
    let said = fs::read_to_string(&out).unwrap();
    assert!(said.contains("equal"), "{said}");
    assert!(most <= DUMP, "{most} MiB");
}

#[test]
fn a_limit_on_memory_holds_and_is_told() {
    let convert = |made: &Made, limit: &str| {
        let new = made.dir.path().join("new.jld2");
        let ended = Command::new(env!("CARGO_BIN_EXE_jldconv"))
            .args([Path::new("convert"), &made.file, &new, Path::new("--threads=1")])
            .arg(format!("--memory-limit={limit}"))
            .output()
            .unwrap();
        (ended.status.code(), String::from_utf8(ended.stderr).unwrap(), new.exists())
    };
    let many = made(Kind::Strings, 200_000);
    let before = fs::read(&many.file).unwrap();
    let (code, said, there) = convert(&many, "16MiB");
    assert_eq!((code, there), (Some(1), false), "{said}");
    assert!(said.contains("--memory-limit allows is used up; a higher limit helps"), "{said}");
    let left = || -> Vec<_> {
        let names = fs::read_dir(many.dir.path()).unwrap();
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(left(), ["many_00001.jld2"], "nothing stays of what was begun");
    // What nothing can be made with is refused before anything is begun.
    for limit in ["1", "1MiB", "4MiB"] {
        let (code, said, there) = convert(&many, limit);
        assert_eq!((code, there), (Some(2), false), "{said}");
        assert!(said.contains("a conversion needs at least 16.0 MiB"), "{said}");
    }
    assert_eq!(left(), ["many_00001.jld2"]);
    assert!(before == fs::read(&many.file).unwrap());
    let boxed = made(Kind::Boxed, 50_000);
    assert_eq!(convert(&boxed, "48MiB"), (Some(0), String::new(), true));
}

#[test]
fn what_a_killed_conversion_left_goes_with_the_next() {
    let made = made(Kind::Boxed, 1000);
    let temps = made.dir.path().join(".jldconv/tmp");
    fs::create_dir_all(&temps).unwrap();
    let me = Owner::myself().unwrap();
    let name = |run: &str, owner| TempName::new(run, owner, 0).unwrap().to_string();
    let dead = Owner { start: me.start + 1, ..me };
    let [left, live, other] = [name("one", dead), name("one", me), name("a-run", dead)];
    for name in [&left, &live, &other] {
        fs::write(temps.join(name), "begun").unwrap();
    }
    made.patch();
    let mut there: Vec<_> = fs::read_dir(&temps)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    there.sort();
    let mut stays = vec![live, other];
    stays.sort();
    assert_eq!(there, stays, "a live process's file stays, and that of a supervisor's run");
}

/// A million objects in one file, beside small ones: its first attempt has room for them.
#[test]
#[ignore = "minutes without optimization"]
fn a_million_objects_are_one_attempt() {
    let made = made(Kind::Texts, 1_000_000);
    for n in 2..12 {
        let small = made.dir.path().join(format!("many_{n:05}.jld2"));
        many::write(&File::create(&small).unwrap(), Kind::Boxed, 10).unwrap();
    }
    let out = made.dir.path().join("out");
    let ended = clean(&mut Command::new(env!("CARGO_BIN_EXE_jldconv-supervisor")))
        .args([made.dir.path(), &out, Path::new("--yes"), Path::new("--prefix=many_")])
        .output()
        .unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let journal = fs::read_to_string(out.join(".jldconv/journal-1-of-1.jsonl")).unwrap();
    let jobs = journal.lines().filter(|line| line.contains("\"kind\":\"job\""));
    assert_eq!(jobs.filter(|line| line.contains("\"attempts\":1,")).count(), 11, "{journal}");
    assert!(!journal.contains("\"kind\":\"attempt\""), "{journal}");
}
