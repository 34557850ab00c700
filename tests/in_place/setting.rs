//! A directory with an archive that is changed in place, and what an undisturbed change makes of it.

use crate::clean::clean;
use serde_json::Value;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

pub(crate) const NAME: &str = "output_00001.jld2";

/// The bytes of a real file that needs to be converted.
pub(crate) fn old() -> &'static [u8] {
    static OLD: OnceLock<Vec<u8>> = OnceLock::new();
    OLD.get_or_init(|| {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera");
        fs::read(data.join("e4b-none/output_00021.jld2")).unwrap()
    })
}

/// What a change that nobody disturbs makes of them.
pub(crate) fn new() -> &'static [u8] {
    static NEW: OnceLock<Vec<u8>> = OnceLock::new();
    NEW.get_or_init(|| {
        let world = World::new();
        assert_eq!(world.upgrade(&[]).0, Some(0));
        let new = fs::read(world.file()).unwrap();
        assert!(new.len() > old().len());
        new
    })
}

/// An archive of one file.
pub(crate) struct World(tempfile::TempDir);

impl World {
    pub(crate) fn new() -> Self {
        let memory = tempfile::tempdir_in("/dev/shm");
        let world = Self(memory.or_else(|_| tempfile::tempdir()).unwrap());
        fs::create_dir(world.archive()).unwrap();
        fs::write(world.file(), old()).unwrap();
        // An old file, so that its time comes back if anything does.
        let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::new(1_600_000_000, 7);
        File::options().write(true).open(world.file()).unwrap().set_modified(time).unwrap();
        world
    }

    pub(crate) fn at(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn archive(&self) -> PathBuf {
        self.at("archive")
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.archive().join(NAME)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        fs::read(self.file()).unwrap()
    }

    pub(crate) fn undo_file(&self) -> PathBuf {
        self.archive().join(format!("{NAME}.jldconv-undo"))
    }

    /// Names in the archive, the runs' own directory left out.
    pub(crate) fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.archive()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        let mut names: Vec<_> = names.filter(|name| name != ".jldconv").collect();
        names.sort();
        names
    }

    /// The command that changes the archive in place and writes a report.
    pub(crate) fn upgrade_command(&self, args: &[&str]) -> Command {
        let mut command = program(env!("CARGO_BIN_EXE_jldconv-supervisor"), self.0.path());
        command.args(["--mode", "in-place", "archive", "--yes", "--report", "report.json"]);
        command.args(args);
        command
    }

    /// Changes the archive in place; the exit code, and what the report says of the file.
    pub(crate) fn upgrade(&self, args: &[&str]) -> (Option<i32>, Value) {
        let output = self.upgrade_command(args).output().unwrap();
        assert!(output.status.code() != Some(101), "{}", text(&output.stderr));
        (output.status.code(), self.report())
    }

    /// What the last report says of the file.
    pub(crate) fn report(&self) -> Value {
        let report = fs::read(self.at("report.json")).unwrap();
        let _ = fs::remove_file(self.at("report.json"));
        serde_json::from_slice::<Value>(&report).unwrap()["files"][0].clone()
    }

    /// Runs `jldconv` here.
    pub(crate) fn jldconv(&self, args: &[impl AsRef<OsStr>]) -> Ended {
        let mut command = program(env!("CARGO_BIN_EXE_jldconv"), self.0.path());
        Ended::of(&command.args(args).output().unwrap())
    }

    /// Has the next process die at a point in its work; the file is half changed then.
    #[cfg(feature = "fault")]
    pub(crate) fn interrupt(&self, args: &[&str]) {
        let mut command = program(env!("CARGO_BIN_EXE_jldconv"), self.0.path());
        let input = format!("archive/{NAME}");
        command.args(["convert", &input, "--mode", "in-place"]).args(args);
        let output = command.env("JLDCONV_CRASH_AT", "before-in-place-replace:3").output().unwrap();
        assert_eq!(output.status.code(), None, "{}", text(&output.stderr));
        let now = self.bytes();
        assert!(now != old() && now != new());
    }

    /// Takes the change back and makes sure that nothing of it is left.
    #[track_caller]
    pub(crate) fn undo(&self) {
        self.jldconv(&["undo", "archive"]).ends(0);
        self.assert_old();
    }

    #[track_caller]
    pub(crate) fn assert_old(&self) {
        assert!(self.bytes() == old(), "the old bytes");
        let meta = fs::metadata(self.file()).unwrap();
        assert_eq!((meta.mtime(), meta.mtime_nsec()), (1_600_000_000, 7), "the old time");
        assert_eq!(self.names(), [NAME], "nothing is left behind");
    }
}

/// A program with nothing of this environment that could be a setting.
fn program(path: &str, dir: &Path) -> Command {
    let mut command = Command::new(path);
    command.current_dir(dir).env("COLUMNS", "100").stdin(Stdio::null());
    clean(&mut command);
    command
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    fn of(output: &Output) -> Self {
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    #[cfg(feature = "fault")]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }
}
