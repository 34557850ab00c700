//! The cases of this test.

use crate::test_random::Random;
use jldconv::convert::inplace::{self, InPlace, Recovered};
use jldconv::convert::publish::{Destination, Existing, TempFile};
use jldconv::migrate::edit::{EditBuilder, EditList};
use jldconv::sys::copy::copy_file;
use jldconv::sys::dir::Dir;
use jldconv::sys::file::Identity;
use jldconv::sys::origin::Origin;
use jldconv::sys::stat::StatData;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::ops::ControlFlow;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A file's bytes before and after, and the edits between.
struct Case {
    old: Vec<u8>,
    new: Vec<u8>,
    edits: EditList,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut dice = Random(seed);
        let len = 1 + dice.roll(60_000);
        let old: Vec<u8> = (0..len).map(|_| dice.roll(256).to_le_bytes()[0]).collect();
        let append_at = len - [0, 0, dice.roll(len)][dice.roll(3)];
        let append = vec![0xaa; [0, dice.roll(30_000)][dice.roll(2)]];
        let mut edits = EditBuilder::with_junk(len as u64, append_at as u64);
        let mut new = old[..append_at].to_vec();
        edits.append(&append);
        let mut offset = 0;
        for _ in 0..dice.roll(7) {
            offset += dice.roll(append_at / 3 + 1);
            let size = 1 + dice.roll(900);
            if offset + size > append_at {
                break;
            }
            let range = offset..offset + size;
            let after: Vec<u8> = old[range.clone()].iter().map(|b| b ^ 0x55).collect();
            new[range.clone()].copy_from_slice(&after);
            edits.replace(
                offset as u64,
                &old[range],
                after,
                dice.roll(3).to_le_bytes()[0],
                "a test",
            );
            offset += size;
        }
        new.extend(append);
        Self { old, new, edits: edits.finish().unwrap() }
    }
}

/// What the process that dies does, told by its environment.
#[test]
#[ignore = "only as the child of the others"]
fn child() {
    let variable = |name| std::env::var(name).unwrap();
    let dir = PathBuf::from(variable("CRASH_DIR"));
    let case = Case::new(variable("CRASH_SEED").parse().unwrap());
    let path = dir.join("a.jld2");
    match variable("CRASH_WORK").as_str() {
        "apply" => {
            let planned = Identity::from_metadata(&fs::metadata(&path).unwrap());
            let options = InPlace::default();
            inplace::apply(&path, &planned, &case.edits, &options, &mut |_| Ok(())).unwrap();
        }
        "undo" => inplace::undo(&path, &InPlace::default()).unwrap(),
        "recover" => {
            inplace::recover(&path, &InPlace::default()).unwrap();
        }
        "publish" => {
            let existing = Existing::now_at(&dir.join("out.jld2")).unwrap();
            publish(&dir, &path, &case.edits, &existing);
        }
        "set-aside" => {
            let (what, _) = StatData::entry(&dir.join("out.jld2")).unwrap().unwrap();
            let kept = Existing::SetAside { what, dir: dir.join("kept") };
            publish(&dir, &path, &case.edits, &kept);
        }
        other => panic!("{other}?"),
    }
    println!("child is through");
}

fn publish(dir: &Path, input: &Path, edits: &EditList, existing: &Existing) {
    let input = File::open(input).unwrap();
    let identity = Identity::of(&input).unwrap();
    let temps = Dir::open(&dir.join("tmp")).unwrap();
    let to = Destination::open(&dir.join("out.jld2")).unwrap();
    let temp = TempFile::create(&temps, OsStr::new("t")).unwrap();
    let go_on = &mut |_| ControlFlow::Continue(());
    copy_file(&input, temp.file(), identity.len, go_on).unwrap();
    edits.apply(temp.file()).unwrap();
    let sealed = temp.seal(&Origin::of(&input).unwrap()).unwrap();
    edits.check_applied(sealed.file()).unwrap();
    sealed.publish(&to, &identity, existing).unwrap();
}

/// Runs the child; `false` if it came through before its `n`th point.
fn dies(work: &str, dir: &Path, seed: u64, n: usize) -> bool {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["cases::child", "--exact", "--ignored", "--nocapture"])
        .env("CRASH_WORK", work)
        .env("CRASH_DIR", dir)
        .env("CRASH_SEED", seed.to_string())
        .env("JLDCONV_CRASH_AT", format!("any:{n}"))
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let through = String::from_utf8_lossy(&output.stdout).contains("child is through");
    let killed = output.status.signal() == Some(9);
    assert!(through != killed, "{:?} {}", output.status, String::from_utf8_lossy(&output.stderr));
    killed
}

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn names(dir: &Path) -> usize {
    fs::read_dir(dir).unwrap().count()
}

/// At which points the work of a case can die.
fn for_each_point(seed: u64, mut run: impl FnMut(&Case, &Path, usize) -> bool) -> usize {
    let case = Case::new(seed);
    let mut n = 1;
    loop {
        let dir = scratch();
        fs::write(dir.path().join("a.jld2"), &case.old).unwrap();
        if !run(&case, dir.path(), n) {
            return n;
        }
        n += 1;
    }
}

#[test]
fn a_change_in_place_ends_old_or_new() {
    let mut runs = 0;
    for seed in 0..12 {
        runs += for_each_point(seed, |case, dir, n| {
            let path = dir.join("a.jld2");
            let died = dies("apply", dir, seed, n);
            // Recovery may die, too, and again, until it comes through.
            let mut m = 1 + (n * 7 + 3) % 11;
            while dies("recover", dir, seed, m) {
                m += 2;
            }
            let recovered = inplace::recover(&path, &InPlace::default()).unwrap();
            let bytes = fs::read(&path).unwrap();
            if case.edits.is_empty() {
                assert!(bytes == case.old);
            } else if matches!(recovered, Recovered::Complete(_)) {
                assert!(bytes == case.new, "seed {seed} point {n}");
                inplace::undo(&path, &InPlace::default()).unwrap();
                assert!(fs::read(&path).unwrap() == case.old, "seed {seed} point {n}");
            } else {
                assert!(died && bytes == case.old, "seed {seed} point {n}");
            }
            assert_eq!(names(dir), 1, "seed {seed} point {n}: nothing is left behind");
            died
        });
    }
    println!("{runs} runs");
    assert!(runs >= 300, "{runs} runs are too few to mean anything");
}

#[test]
fn an_undo_ends_old() {
    let mut runs = 0;
    for seed in 100..112 {
        runs += for_each_point(seed, |case, dir, n| {
            let path = dir.join("a.jld2");
            let options = InPlace::default();
            let before = fs::metadata(&path).unwrap().modified().unwrap();
            let planned = Identity::from_metadata(&fs::metadata(&path).unwrap());
            inplace::apply(&path, &planned, &case.edits, &options, &mut |_| Ok(())).unwrap();
            if case.edits.is_empty() {
                return false;
            }
            let died = dies("undo", dir, seed, n);
            if matches!(inplace::recover(&path, &options).unwrap(), Recovered::Complete(_)) {
                assert!(died && fs::read(&path).unwrap() == case.new, "seed {seed} point {n}");
                inplace::undo(&path, &options).unwrap();
            }
            assert!(fs::read(&path).unwrap() == case.old, "seed {seed} point {n}");
            assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
            assert_eq!(names(dir), 1, "seed {seed} point {n}: nothing is left behind");
            died
        });
    }
    println!("{runs} runs");
    assert!(runs >= 200, "{runs} runs are too few to mean anything");
}

#[test]
fn an_output_is_whole_or_absent() {
    let mut runs = 0;
    for seed in 200..210 {
        runs += for_each_point(seed, |case, dir, n| {
            fs::create_dir(dir.join("tmp")).unwrap();
            let out = dir.join("out.jld2");
            let before = [None, Some(&b"of an earlier run"[..])][n % 2];
            if let Some(bytes) = before {
                fs::write(&out, bytes).unwrap();
            }
            let died = dies("publish", dir, seed, n);
            let now = fs::read(&out).ok();
            assert!(now.as_deref() == before || now.as_ref() == Some(&case.new), "seed {seed} {n}");
            assert!(died || now.as_ref() == Some(&case.new));
            assert!(fs::read(dir.join("a.jld2")).unwrap() == case.old);
            // What is left is a temporary file, which the next run removes.
            assert!(names(&dir.join("tmp")) <= usize::from(died));
            died
        });
    }
    println!("{runs} runs");
    assert!(runs >= 150, "{runs} runs are too few to mean anything");
}

#[test]
fn what_is_set_aside_is_never_lost() {
    let mut runs = 0;
    for seed in 300..306 {
        runs += for_each_point(seed, |case, dir, n| {
            fs::create_dir(dir.join("tmp")).unwrap();
            let out = dir.join("out.jld2");
            fs::write(&out, b"theirs").unwrap();
            let died = dies("set-aside", dir, seed, n);
            let now = fs::read(&out).ok();
            let kept = fs::read(dir.join("kept/out.jld2")).ok();
            let [here, there] = [&now, &kept].map(|it| it.as_deref() == Some(b"theirs"));
            assert!(here != there, "seed {seed} {n}: it is at one of the two places");
            assert!(here || now.is_none() || now.as_ref() == Some(&case.new), "seed {seed} {n}");
            assert!(died || (there && now.as_ref() == Some(&case.new)));
            assert!(names(&dir.join("tmp")) <= usize::from(died));
            died
        });
    }
    println!("{runs} runs");
    assert!(runs >= 100, "{runs} runs are too few to mean anything");
}
