//! Names, permissions and things that are not files.

use crate::run::{names, run, supervisor};
use crate::samples;
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file that has to be converted.
const OLD: &str = "e4b-none/output_00021.jld2";
/// Nobody's user and group.
const NOBODY: u32 = 65534;

/// A temporary directory with `old` in it, which holds one good file.
struct WorkDir(tempfile::TempDir);

impl WorkDir {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.at("old")).unwrap();
        place.put("old/output_00009.jld2", samples::one(OLD));
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.at(name), bytes).unwrap();
    }

    /// The supervisor on `old` and `new`.
    fn supervisor(&self) -> Command {
        let mut command = supervisor();
        command.current_dir(self.0.path()).args([
            "--verify",
            "content",
            "--report",
            "report.json",
            "old",
            "new",
        ]);
        command
    }

    /// Runs it; gives the exit code, what it said, and the files of its report.
    fn run(&self, command: Command) -> (Option<i32>, String, Vec<Value>) {
        let ended = run(command);
        let report: Value = fs::read(self.at("report.json"))
            .map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).unwrap());
        let files = report["files"].as_array().cloned().unwrap_or_default();
        (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned(), files)
    }

    /// Lets someone whom permissions bind work here. `None`, and a word why, where no one else can.
    fn as_nobody(&self) -> Option<Command> {
        let mut command = self.supervisor();
        if !nix::unistd::geteuid().is_root() {
            return Some(command);
        }
        std::os::unix::fs::chown(self.0.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        command.uid(NOBODY).gid(NOBODY);
        let reach = Command::new(env!("CARGO_BIN_EXE_jldconv-supervisor"))
            .arg("--version")
            .current_dir(self.0.path())
            .uid(NOBODY)
            .gid(NOBODY)
            .output();
        if reach.is_ok_and(|output| output.status.success()) {
            return Some(command);
        }
        eprintln!(
            "skipped: another user cannot reach {}",
            env!("CARGO_BIN_EXE_jldconv-supervisor")
        );
        None
    }
}

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// The message of a file in a report that failed for this reason.
fn failed<'a>(files: &'a [Value], name: &str, fault: &str) -> &'a str {
    let file = files.iter().find(|f| f["name"] == name).unwrap();
    assert_eq!((&file["outcome"], &file["fault"]), (&"failed".into(), &fault.into()), "{file:#}");
    file["message"].as_str().unwrap()
}

#[test]
fn an_empty_file_and_a_text_fail_alone() {
    let place = WorkDir::new();
    place.put("old/output_00001.jld2", "");
    place.put("old/output_00002.jld2", "no data\n".repeat(1000));
    let (code, said, files) = place.run(place.supervisor());
    assert_eq!((code, files.len()), (Some(1), 3), "{said}");
    assert!(failed(&files, "output_00001.jld2", "input").contains("output_00001.jld2: "));
    assert!(failed(&files, "output_00001.jld2", "input").contains("empty"));
    assert!(failed(&files, "output_00002.jld2", "input").contains("not a JLD2 file"));
    assert_eq!(names(&place.at("new")), ["output_00009.jld2"]);
}

#[test]
fn a_directory_with_the_name_of_a_file() {
    let place = WorkDir::new();
    fs::create_dir(place.at("old/output_00001.jld2")).unwrap();
    place.put("old/output_00001.jld2/output_00002.jld2", samples::one(OLD));
    let (code, said, files) = place.run(place.supervisor());
    assert_eq!((code, files.len()), (Some(1), 2), "{said}");
    assert!(failed(&files, "output_00001.jld2", "input").contains("a directory"));
    assert_eq!(names(&place.at("new")), ["output_00009.jld2"]);
}

#[test]
fn a_file_without_permission_fails_alone() {
    let place = WorkDir::new();
    place.put("old/output_00001.jld2", samples::one(OLD));
    allow(&place.at("old/output_00001.jld2"), 0);
    let Some(supervisor) = place.as_nobody() else { return };
    let (code, said, files) = place.run(supervisor);
    assert_eq!((code, files.len()), (Some(1), 2), "{said}");
    let told = failed(&files, "output_00001.jld2", "input");
    assert!(told.contains("output_00001.jld2: ") && told.contains("ermission denied"), "{told}");
    assert_eq!(names(&place.at("new")), ["output_00009.jld2"]);
}

#[test]
fn an_output_directory_that_cannot_be_written() {
    let place = WorkDir::new();
    fs::create_dir(place.at("new")).unwrap();
    allow(&place.at("new"), 0o555);
    let Some(supervisor) = place.as_nobody() else { return };
    let (code, said, _) = place.run(supervisor);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("new") && said.contains("ermission denied"), "{said}");
    assert!(names(&place.at("new")).is_empty());
}

#[test]
fn an_archive_that_cannot_be_listed() {
    let place = WorkDir::new();
    allow(&place.at("old"), 0o311);
    let Some(supervisor) = place.as_nobody() else { return };
    let (code, said, _) = place.run(supervisor);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("old") && said.contains("ermission denied"), "{said}");
}

#[test]
fn names_that_are_not_utf_8() {
    let place = WorkDir::new();
    let odd = |start: &[u8], end: &[u8]| OsString::from(OsStr::from_bytes(&[start, end].concat()));
    // A file that is none of the archive's, and directories all of whose names are odd.
    let stray = place.at("old").join(odd(b"output_\xff00001", b".jld2"));
    fs::write(&stray, samples::one(OLD)).unwrap();
    let (old, new) = (odd(b"old-\xe9", b""), odd(b"new-\xe9", b""));
    fs::rename(place.at("old"), place.0.path().join(&old)).unwrap();
    let mut command = supervisor();
    command.current_dir(place.0.path()).args(["--report", "report.json"]).args([&old, &new]);
    let (code, said, files) = place.run(command);
    assert_eq!((code, files.len()), (Some(0), 1), "{said}");
    assert_eq!(files[0]["outcome"], "converted");
    assert_eq!(names(&place.0.path().join(&new)), ["output_00009.jld2"]);

    // Names are numbers behind a text.
    let mut command = supervisor();
    command.current_dir(place.0.path()).arg("--prefix").arg(odd(b"output_\xff", b""));
    command.args([&old, &new]);
    let (code, said, _) = place.run(command);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("invalid UTF-8"), "{said}");
}
