//! One run of the supervisor over an archive of damaged files.

use crate::clean::clean;
use crate::samples::Sample;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// No worker may take more memory than this, in bytes.
const MOST: u64 = 64 << 20;
/// No single file may take longer than this.
const LONGEST: f64 = 30.0;

/// The supervisor, with nothing of this environment that could be a setting.
pub(crate) fn supervisor() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jldconv-supervisor"));
    clean(&mut command);
    command.args(["--yes", "--progress", "none", "--workers", "2"]);
    command
}

/// Runs a command that must end in time.
pub(crate) fn run(command: Command) -> Output {
    let start = Instant::now();
    let most = Duration::from_mins(5);
    let output = assert_cmd::Command::from_std(command).timeout(most).output().unwrap();
    assert!(start.elapsed() < most, "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// An archive in a temporary directory.
pub(crate) struct Archive {
    dir: tempfile::TempDir,
    cases: Vec<String>,
}

/// How one file ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The damage.
    pub(crate) what: String,
    pub(crate) outcome: String,
    /// Why it failed, or nothing.
    pub(crate) message: String,
    pub(crate) fault: String,
    pub(crate) input: PathBuf,
    pub(crate) output: PathBuf,
}

impl Ended {
    /// Whether it failed; an output exists otherwise.
    pub(crate) fn failed(&self) -> bool {
        self.outcome == "failed"
    }
}

impl Archive {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("old")).unwrap();
        Self { dir, cases: Vec::new() }
    }

    pub(crate) fn of(samples: impl IntoIterator<Item = Sample>) -> Self {
        let mut archive = Self::new();
        for (what, bytes) in samples {
            archive.cases.push(what);
            fs::write(archive.at("old").join(name(archive.cases.len())), bytes).unwrap();
        }
        archive
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Converts it into the directory `new`, and checks what holds for every run: each file has an
    /// outcome, took little memory and time, and left its output or nothing.
    pub(crate) fn convert(&self, new: &str, more: &[&str]) -> Vec<Ended> {
        let report = self.at(&format!("{new}.json"));
        let mut command = supervisor();
        command.arg("--report").arg(&report).args(more).arg(self.at("old")).arg(self.at(new));
        let ended = run(command);
        let said = String::from_utf8_lossy(&ended.stderr);
        let report: Value = serde_json::from_slice(&fs::read(report).expect(&said)).unwrap();
        let files = report["files"].as_array().unwrap();
        assert_eq!(files.len(), self.cases.len());
        let failed = files.iter().filter(|f| f["outcome"] == "failed").count();
        assert_eq!(ended.status.code(), Some(i32::from(failed > 0)), "{said}");
        assert_eq!(report["failed"], failed);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let judge = |(i, file): (usize, &Value)| {
            let name = name(i + 1);
            let ended = Ended {
                what: self.cases[i].clone(),
                outcome: text(&file["outcome"]),
                message: text(&file["message"]),
                fault: text(&file["fault"]),
                input: self.at("old").join(&name),
                output: self.at(new).join(&name),
            };
            assert_eq!(file["name"], name, "{file:#}");
            assert!(file["seconds"].as_f64().unwrap() < LONGEST, "{}: {file:#}", ended.what);
            assert!(file["peak_anon"].as_u64().unwrap() < MOST, "{}: {file:#}", ended.what);
            assert_eq!(ended.output.exists(), !ended.failed(), "{}: {file:#}", ended.what);
            if ended.failed() {
                // Damage is found at once, and is the input's fault.
                assert_eq!(ended.fault, "input", "{}: {file:#}", ended.what);
                assert_eq!(file["attempts"], 1, "{}: {file:#}", ended.what);
                assert!(ended.message.contains(&name), "{}: {file:#}", ended.what);
                assert!(ended.message.len() < 2000, "{}: {file:#}", ended.what);
            }
            ended
        };
        let files: Vec<Ended> = files.iter().enumerate().map(judge).collect();
        assert_eq!(names(&self.at(new)).len(), files.len() - failed, "no other outputs");
        assert!(names(&self.at(new).join(".jldconv/tmp")).is_empty(), "temporary files are left");
        files
    }
}

fn name(number: usize) -> String {
    format!("output_{number:05}.jld2")
}

/// The names in a directory, but for the run's own.
pub(crate) fn names(dir: &Path) -> Vec<std::ffi::OsString> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    entries.map(|e| e.unwrap().file_name()).filter(|name| name != ".jldconv").collect()
}
