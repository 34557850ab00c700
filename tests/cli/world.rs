//! A directory with an archive in it, and the programs to run there.

use super::clean::clean;
use assert_cmd::Command;
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// A sample of an era: bytes of a real file.
pub(crate) fn sample(name: &str) -> Vec<u8> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera");
    fs::read(data.join(name)).unwrap()
}

/// A file that has to be converted.
pub(crate) const OLD: &str = "e4b-none/output_00021.jld2";
/// A file that needs nothing.
pub(crate) const CURRENT: &str = "e8-lz4filter/output_00400.jld2";

/// A temporary directory with `old`, in which the programs run.
pub(crate) struct World(tempfile::TempDir);

impl World {
    /// With old files of these numbers.
    pub(crate) fn new(numbers: &[u64]) -> Self {
        let world = Self(tempfile::tempdir().unwrap());
        fs::create_dir(world.at("old")).unwrap();
        let bytes = sample(OLD);
        for number in numbers {
            world.put(&format!("old/output_{number:05}.jld2"), &bytes);
        }
        world
    }

    /// A path in it.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file in it.
    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.at(name), bytes).unwrap();
    }

    /// Names in a directory of it, sorted; the run's own directory is left out.
    pub(crate) fn names(&self, dir: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.at(dir)) else { return Vec::new() };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name != ".jldconv").collect();
        names.sort();
        names
    }

    /// The JSON in a file of it.
    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.at(name)).unwrap()).unwrap()
    }

    /// Any program in it, which ends in time.
    pub(crate) fn program_at(&self, path: impl AsRef<OsStr>) -> Command {
        let mut command = Command::from_std(self.plain(path));
        command.timeout(std::time::Duration::from_mins(2));
        command
    }

    /// Any program in it, with nothing of this environment that could be a setting of ours.
    pub(crate) fn plain(&self, path: impl AsRef<OsStr>) -> std::process::Command {
        let mut command = std::process::Command::new(path);
        command.current_dir(self.0.path());
        clean(&mut command);
        command
    }

    /// One of our programs in it.
    pub(crate) fn program(&self, name: &str, args: &[&str]) -> Command {
        let mut command = self.program_at(binary(name));
        command.args(args).env("COLUMNS", "100");
        command
    }

    /// Runs a command line where `small` is a file system of its own, made with these options; `None`
    /// where this user cannot mount one.
    pub(crate) fn with_small(&self, options: &str, line: &str) -> Option<Ended> {
        fs::create_dir(self.at("small")).unwrap();
        let line = format!("mount -t tmpfs -o {options} tmpfs small || exit 99; exec {line}");
        let ended = Ended::of(self.program_at("unshare").args(["-m", "bash", "-c", &line]), self);
        if ended.code == Some(99) || ended.err.contains("Operation not permitted") {
            eprintln!("skipped: this user cannot mount file systems: {}", ended.err);
            return None;
        }
        Some(ended)
    }

    /// Runs one of our programs as somebody whom permissions bind, to whom all of the world is given;
    /// `None`, and a word why, where nobody can be that.
    pub(crate) fn bound(&self, name: &str, args: &[&str]) -> Option<Ended> {
        use std::os::unix::process::CommandExt as _;
        const NOBODY: u32 = 65534;
        let mut command = self.plain(binary(name));
        command.args(args).env("COLUMNS", "100");
        if nix::unistd::geteuid().is_root() {
            let mut given = vec![self.at("")];
            while let Some(path) = given.pop() {
                std::os::unix::fs::lchown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
                if path.is_dir() && !path.is_symlink() {
                    given.extend(fs::read_dir(&path).unwrap().map(|it| it.unwrap().path()));
                }
            }
            command.uid(NOBODY).gid(NOBODY);
            let mut reach = self.plain(binary(name));
            let reach = reach.arg("--version").uid(NOBODY).gid(NOBODY).output();
            if !reach.is_ok_and(|output| output.status.success()) {
                eprintln!("skipped: another user cannot reach {}", binary(name).display());
                return None;
            }
        }
        let mut command = Command::from_std(command);
        command.timeout(std::time::Duration::from_mins(2));
        Some(Ended::of(&mut command, self))
    }

    /// Runs the supervisor.
    pub(crate) fn supervisor(&self, args: &[&str]) -> Ended {
        Ended::of(&mut self.program("jldconv-supervisor", args), self)
    }

    /// Runs `jldconv`.
    pub(crate) fn jldconv(&self, args: &[&str]) -> Ended {
        Ended::of(&mut self.program("jldconv", args), self)
    }
}

/// The path of one of our programs.
pub(crate) fn binary(name: &str) -> PathBuf {
    assert_cmd::cargo::cargo_bin(name)
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// Runs `command` to its end; the world's directory is called DIR in what it prints.
    pub(crate) fn of(command: &mut Command, world: &World) -> Self {
        let output = command.output().unwrap();
        let dir = world.0.path().to_str().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(dir, "DIR");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Checks the exit code.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }
}
