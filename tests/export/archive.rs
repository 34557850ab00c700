//! `jldconv-supervisor export`: an archive, workers that die, a run that is killed and goes on.

use super::setting::{columns, data, names, sha256};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long is waited for what must come.
const PATIENCE: Duration = Duration::from_mins(5);

fn supervisor(dir: &Path, args: &[&str], fault: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jldconv-supervisor"));
    command.arg("export").args(args).current_dir(dir).env("JLDCONV_FAULT", fault);
    command
}

fn run(dir: &Path, args: &[&str], fault: &str) -> Output {
    supervisor(dir, args, fault).output().unwrap()
}

/// The files of one archive, in a directory below.
fn archive() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let old = dir.path().join("old");
    fs::create_dir_all(old.join("sub")).unwrap();
    for i in 100..103 {
        let name = format!("output_00{i}.jld2");
        fs::copy(data(&format!("mera/e4b-lz4/{name}")), old.join(name)).unwrap();
    }
    fs::copy(data("mera/e4b-none/output_00021.jld2"), old.join("sub/output_00021.jld2")).unwrap();
    dir
}

/// The objects that are printed with `--json`, and the sums.
fn told(done: &Output) -> (Vec<Value>, Value) {
    let text = String::from_utf8(done.stdout.clone()).unwrap();
    let mut all: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let summary = all.pop().unwrap()["summary"].clone();
    (all, summary)
}

/// Whether a NumPy file of one column holds what Julia read.
fn check(out: &Path, input: &Path) {
    let bytes = fs::read(out).unwrap();
    let head = usize::try_from(u32::from_le_bytes(bytes[8..12].try_into().unwrap())).unwrap();
    let wanted = columns(input, "hydro").into_iter().find(|it| it.0 == "rho").unwrap().1;
    assert_eq!(sha256(&bytes[12 + head..]), wanted, "{}", out.display());
}

#[test]
fn a_tree_is_exported_and_not_again() {
    let dir = archive();
    let args = ["old", "new", "hydro/rho", "--to", "npy", "-r", "--json", "-j", "2"];
    // A worker that dies is started again.
    let done = run(dir.path(), &args, "kill@output_00101#1");
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(0), "{said}");
    let (files, summary) = told(&done);
    assert_eq!(files.len(), 4);
    assert_eq!(summary["exported"], 4);
    assert_eq!(summary["failed"], 0);
    let new = dir.path().join("new");
    let outputs =
        ["output_00100", "output_00101", "output_00102"].map(|it| format!("{it}.hydro.rho.npy"));
    for (i, name) in (100..).zip(&outputs) {
        check(&new.join(name), &data(&format!("mera/e4b-lz4/output_00{i}.jld2")));
    }
    check(&new.join("sub/output_00021.hydro.rho.npy"), &data("mera/e4b-none/output_00021.jld2"));
    assert!(
        fs::read_dir(new.join(".jldconv/tmp")).is_ok_and(|it| it.count() == 0)
            || !new.join(".jldconv/tmp").exists()
    );
    // What is there stays; what is gone or was changed is noticed.
    let inode = |name: &str| fs::metadata(new.join(name)).unwrap().ino();
    let before = inode(&outputs[0]);
    fs::remove_file(new.join(&outputs[1])).unwrap();
    fs::write(new.join(&outputs[2]), "another's").unwrap();
    let done = run(dir.path(), &args, "");
    assert_eq!(done.status.code(), Some(1));
    let (files, summary) = told(&done);
    assert_eq!(summary["exported"], 3);
    assert_eq!(summary["failed"], 1);
    assert_eq!(inode(&outputs[0]), before);
    check(&new.join(&outputs[1]), &data("mera/e4b-lz4/output_00101.jld2"));
    assert_eq!(fs::read(new.join(&outputs[2])).unwrap(), b"another's");
    let failed = files.iter().find(|it| it["error"].is_string()).unwrap();
    assert!(failed["error"].as_str().unwrap().contains("exists"), "{failed}");
    // With --force it is made, and what was there is kept.
    let done = run(dir.path(), &[&args[..], &["--force"]].concat(), "");
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    check(&new.join(&outputs[2]), &data("mera/e4b-lz4/output_00102.jld2"));
    let kept = new.join(".jldconv/replaced/export").join(&outputs[2]);
    assert_eq!(fs::read(kept).unwrap(), b"another's");
}

#[test]
fn what_an_earlier_run_made_gives_way_and_nothing_else_does() {
    let dir = archive();
    let new = dir.path().join("new");
    let names = ["output_00100", "output_00101", "output_00102"];
    let outputs = names.map(|it| new.join(format!("{it}.hydro.rho.npy")));
    let args = |more: &[&'static str]| {
        [&["old", "new", "hydro/rho", "--to", "npy", "--json", "-j", "2"], more].concat()
    };
    assert_eq!(run(dir.path(), &args(&[]), "").status.code(), Some(0));
    // An input is another one now.
    let [was, is] =
        ["old/output_00101.jld2", "old/output_00102.jld2"].map(|it| dir.path().join(it));
    fs::copy(&is, &was).unwrap();
    // An attempt that dies in the midst leaves all to the next.
    let done = run(dir.path(), &args(&[]), "kill@output_00101#1");
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    check(&outputs[1], &data("mera/e4b-lz4/output_00102.jld2"));
    // Of all files, part of the column only; one was changed meanwhile, and one is not ours.
    let mut changed = fs::read(&outputs[1]).unwrap();
    changed.push(0);
    fs::write(&outputs[1], &changed).unwrap();
    fs::remove_file(&outputs[2]).unwrap();
    fs::write(&outputs[2], "another's").unwrap();
    let done = run(dir.path(), &args(&["--rows", "0:100"]), "");
    assert_eq!(done.status.code(), Some(1), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(told(&done).1["failed"], 2);
    assert!(fs::metadata(&outputs[0]).unwrap().len() < 1000, "100 rows");
    assert_eq!(fs::read(&outputs[1]).unwrap(), changed);
    assert_eq!(fs::read(&outputs[2]).unwrap(), b"another's");
    let replaced = new.join(".jldconv/replaced");
    assert!(!replaced.exists(), "what a run made and nobody touched is not kept");
    // And back; this is told.
    let args = ["old", "new", "hydro/rho", "--to", "npy", "-v"];
    let done = run(dir.path(), &args, "");
    let said =
        String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(said.contains("made again"), "{said}");
    check(&outputs[0], &data("mera/e4b-lz4/output_00100.jld2"));
}

/// Waits until something holds; the run under test has not ended before.
fn until(what: &str, run: &mut Child, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "{what} does not come");
        assert!(run.try_wait().unwrap().is_none(), "the run ended before {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_run_that_is_killed_goes_on_where_it_stopped() {
    let dir = archive();
    let args = ["old", "new", "hydro", "--to", "npz", "--json", "-j", "2"];
    let new = dir.path().join("new");
    let [first, third] =
        ["output_00100", "output_00102"].map(|it| new.join(format!("{it}.hydro.npz")));
    // The second file takes for ever: the run is killed in its midst, when the others are done.
    let mut command = supervisor(dir.path(), &args, "hang@output_00101");
    let mut killed = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let temp = new.join(".jldconv/tmp");
    until("the second file", &mut killed, || {
        let others = first.exists() && third.exists();
        others && fs::read_dir(&temp).is_ok_and(|entries| entries.count() > 0)
    });
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(!new.join("output_00101.hydro.npz").exists());
    let inode = fs::metadata(&first).unwrap().ino();
    let done = run(dir.path(), &args, "");
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    let (_, summary) = told(&done);
    assert_eq!((&summary["exported"], &summary["failed"]), (&Value::from(3), &Value::from(0)));
    assert_eq!(fs::metadata(&first).unwrap().ino(), inode, "it was not made again");
    let wanted =
        [".jldconv", "output_00100.hydro.npz", "output_00101.hydro.npz", "output_00102.hydro.npz"];
    assert_eq!(names(&new), wanted);
    assert!(!temp.exists() || names(&temp).is_empty(), "{:?}", names(&temp));
}

#[test]
fn a_file_that_cannot_be_exported_fails_alone() {
    let dir = archive();
    fs::write(dir.path().join("old/output_00105.jld2"), "nothing").unwrap();
    let done = run(dir.path(), &["old", "new", "hydro", "--to", "csv", "--columns", "T"], "");
    assert_eq!(done.status.code(), Some(1));
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(said.contains("output_00105.jld2") && said.contains("not a JLD2 file"), "{said}");
    let text = String::from_utf8(done.stdout).unwrap();
    assert!(text.contains("3 files") && text.contains("1 file failed"), "{text}");
    for (args, part) in [
        (&["old", "old", "hydro", "--to", "csv"][..], "archive itself"),
        (&["none", "new", "hydro", "--to", "csv"], "no such directory"),
        (&["old", "new", "hydro", "--to", "csv", "--where", "rho >"], "rho >"),
    ] {
        let done = run(dir.path(), args, "");
        assert_eq!(done.status.code(), Some(2));
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(said.contains(part), "{said}");
    }
}
