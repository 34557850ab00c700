//! Inputs whose disk or file server gives errors that pass: real processes whose system calls fail,
//! and a real disk that ends too early.

use super::clean::clean;
use super::world::{Ended, OLD, World, sample};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const EIO: i32 = 5;
const ESTALE: i32 = 116;

/// A library that makes calls fail, and the directory that says which.
pub(crate) struct Flaky {
    dir: tempfile::TempDir,
    pub(crate) library: PathBuf,
}

impl Flaky {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/c/flaky.c");
        let library = dir.path().join("flaky.so");
        let mut cc = Command::new("cc");
        // Rust asks `statx` about a null pointer, which C's declaration rules out.
        cc.args(["-shared", "-fPIC", "-fno-delete-null-pointer-checks", "-o"])
            .arg(&library)
            .arg(source)
            .arg("-ldl");
        cc.arg(format!("-DFLAKY_DIR=\"{}\"", dir.path().display()));
        assert!(cc.status().unwrap().success(), "the C compiler that links Rust is there");
        Self { dir, library }
    }

    /// From now on calls of `kind` on paths with `part` fail with `code`, so many `times`; a negative
    /// code makes them so many milliseconds longer.
    pub(crate) fn fail(&self, kind: &str, code: i32, times: u32, part: &str) {
        for what in ["count", "skipped"] {
            let _ = fs::remove_file(self.dir.path().join(format!("{kind}.{what}")));
        }
        fs::write(self.dir.path().join(kind), format!("{code} {times} {part}")).unwrap();
    }

    /// How often calls of `kind` failed.
    fn failed(&self, kind: &str) -> u64 {
        fs::metadata(self.dir.path().join(format!("{kind}.count"))).map_or(0, |it| it.len())
    }

    fn run(&self, world: &World, args: &[&str]) -> Ended {
        let mut command = world.program("jldconv-supervisor", args);
        command.env("LD_PRELOAD", &self.library);
        Ended::of(&mut command, world)
    }
}

const ARGS: [&str; 7] = ["old", "new", "--yes", "--workers", "1", "--report", "report.json"];

#[test]
fn a_read_that_fails_for_a_moment_is_tried_again() {
    let flaky = Flaky::new();
    for (code, more) in [
        (EIO, &[][..]),
        (ESTALE, &[]),
        (EIO, &["--compress", "lz4"]),
        (ESTALE, &["--verify", "content"]),
        (EIO, &["--mode", "in-place"]),
    ] {
        let world = World::new(&[1, 2]);
        flaky.fail("read", code, 2, "old/output_00002.jld2");
        let in_place = more.contains(&"in-place");
        let mut args: Vec<&str> =
            ARGS.into_iter().filter(|arg| !(in_place && *arg == "new")).collect();
        args.extend(more);
        let ended = flaky.run(&world, &args).ends(0);
        assert_eq!(flaky.failed("read"), 2);
        let report = world.json("report.json");
        assert_eq!((&report["success"], &report["failed"]), (&2.into(), &0.into()), "{more:?}");
        let faults = &report["files"][1]["faults"];
        assert_eq!(*faults, serde_json::json!(["read", "read"]), "{more:?}: {ended:#?}");
        assert!(ended.out.contains("retry      output_00002.jld2: read in attempt 1: "));
    }
}

/// Whichever read it is that fails, in the header, the metadata or the payload.
#[test]
fn any_read_may_fail() {
    let flaky = Flaky::new();
    let world = World::new(&[1]);
    flaky.fail("read", EIO, 0, "old/");
    flaky.run(&world, &ARGS).ends(0);
    let good = fs::read(world.at("new/output_00001.jld2")).unwrap();
    for more in [&[][..], &["--compress", "zstd", "--verify", "content"]] {
        let mut tried = 0;
        for skip in 0..40 {
            flaky.fail("read", EIO, 1, "old/");
            fs::write(flaky.dir.path().join("skip"), skip.to_string()).unwrap();
            let mut args = ARGS.to_vec();
            args.push("--force");
            args.extend(more);
            let ended = flaky.run(&world, &args).ends(0);
            let failed = flaky.failed("read") == 1;
            let report = world.json("report.json");
            let faults = if failed { serde_json::json!(["read"]) } else { serde_json::json!([]) };
            assert_eq!(report["files"][0]["faults"], faults, "read {skip}: {ended:#?}");
            tried += u32::from(failed);
            if !failed {
                break;
            }
        }
        assert!(tried >= 3, "{tried} reads");
        let _ = fs::remove_file(flaky.dir.path().join("skip"));
    }
    flaky.run(&world, &["old", "new", "--yes", "--force"]).ends(0);
    assert!(fs::read(world.at("new/output_00001.jld2")).unwrap() == good);
}

#[test]
fn one_that_does_not_pass_fails_and_says_what_helps() {
    let flaky = Flaky::new();
    let world = World::new(&[1, 2]);
    flaky.fail("read", EIO, 1000, "old/output_00001.jld2");
    let ended = flaky.run(&world, &ARGS).ends(1);
    let report = world.json("report.json");
    let file = &report["files"][0];
    assert_eq!(file["fault"], "read");
    assert_eq!((&file["attempts"], &report["success"]), (&3.into(), &1.into()));
    let message = file["message"].as_str().unwrap();
    assert!(message.contains("output_00001.jld2: ") && message.contains("os error 5"), "{message}");
    assert!(ended.out.contains("check the file system of the inputs"), "{}", ended.out);
    // `--retries 1` means one attempt.
    flaky.fail("read", EIO, 1000, "old/output_00001.jld2");
    let mut args = ARGS.to_vec();
    args.extend(["--retries", "1", "--force"]);
    flaky.run(&world, &args).ends(1);
    assert_eq!(world.json("report.json")["files"][0]["attempts"], 1);
    // The same command takes it as soon as the disk is well.
    flaky.fail("read", EIO, 0, "nothing");
    flaky.run(&world, &ARGS).ends(0);
    assert_eq!(world.names("new").len(), 2);
}

#[test]
fn a_listing_that_fails_for_a_moment_is_tried_again() {
    let flaky = Flaky::new();
    for (kind, part) in [("list", "/old"), ("stat", "/old/output_00002.jld2")] {
        let world = World::new(&[1, 2, 3]);
        flaky.fail(kind, ESTALE, 2, part);
        flaky.run(&world, &ARGS).ends(0);
        assert_eq!(flaky.failed(kind), 2, "{kind}");
        assert_eq!(world.names("new").len(), 3, "{kind}");
        let _ = fs::remove_file(flaky.dir.path().join(kind));
    }
    // One that lasts is an error that names the directory, not an empty archive.
    let world = World::new(&[1]);
    flaky.fail("list", EIO, 1000, "/old");
    let ended = flaky.run(&world, &ARGS).ends(2);
    assert!(ended.err.contains("DIR/old: Input/output error"), "{ended:#?}");
}

/// A file system on a disk that loses its end, and gets it back.
struct Disk {
    dir: tempfile::TempDir,
    mounted: bool,
}

impl Disk {
    fn image(&self) -> PathBuf {
        self.dir.path().join("image")
    }

    /// With `files` behind ten megabytes of others; nothing where this user cannot mount.
    fn new(files: &[&str]) -> Option<Self> {
        let mut disk = Self { dir: tempfile::tempdir().unwrap(), mounted: false };
        fs::File::create(disk.image()).unwrap().set_len(32 << 20).unwrap();
        let made = Command::new("mkfs.ext4")
            .args(["-q", "-F", "-b", "4096", "-O", "^has_journal", "-N", "64"])
            .arg(disk.image())
            .output();
        fs::create_dir(disk.dir.path().join("old")).unwrap();
        if !made.is_ok_and(|it| it.status.success()) || !disk.mount("rw") {
            return None;
        }
        fs::write(disk.dir.path().join("old/filler"), vec![7; 10 << 20]).unwrap();
        for name in files {
            fs::write(disk.dir.path().join("old").join(name), sample(OLD)).unwrap();
        }
        disk.unmount();
        Some(disk)
    }

    fn mount(&mut self, how: &str) -> bool {
        let done = Command::new("mount")
            .args(["-o", &format!("loop,{how}")])
            .arg(self.image())
            .arg(self.dir.path().join("old"))
            .output();
        self.mounted = done.is_ok_and(|it| it.status.success());
        self.mounted
    }

    fn unmount(&mut self) {
        let done = Command::new("umount").arg(self.dir.path().join("old")).status();
        assert!(done.unwrap().success());
        self.mounted = false;
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted {
            let _ = Command::new("umount").arg("-l").arg(self.dir.path().join("old")).status();
        }
    }
}

#[test]
fn a_disk_that_comes_back_within_the_run() {
    let Some(mut disk) = Disk::new(&["output_00001.jld2", "output_00002.jld2"]) else {
        eprintln!("only root can mount an image: not tested");
        return;
    };
    let whole = fs::read(disk.image()).unwrap();
    // Where the last of the files begins: from there on the disk is lost.
    let begin = &sample(OLD)[..512];
    let blocks = whole.chunks(4096).enumerate().collect::<Vec<_>>().into_iter();
    let cut = blocks.rev().find(|(_, block)| block.starts_with(begin)).unwrap().0 * 4096;
    assert!(disk.mount("ro"));
    let image = fs::OpenOptions::new().write(true).open(disk.image()).unwrap();
    image.set_len(cut as u64).unwrap();
    let old = disk.dir.path().join("old");
    let lost = ["output_00001.jld2", "output_00002.jld2"]
        .map(|name| fs::read(old.join(name)).is_err_and(|error| error.raw_os_error() == Some(EIO)));
    assert!(lost.contains(&true), "the disk is lost");
    let (new, report) = (disk.dir.path().join("new"), disk.dir.path().join("report.json"));
    let mut child = Command::new(super::world::binary("jldconv-supervisor"));
    let mut child = clean(&mut child)
        .args([&old, &new])
        .args(["--yes", "--retries", "8", "--report"])
        .arg(&report)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // As soon as the first attempt failed, the disk comes back.
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let met = lines.by_ref().map(Result::unwrap).find(|line| line.contains(" retry "));
    assert!(met.unwrap().contains("read in attempt 1"));
    image.set_len(whole.len() as u64).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&image, &whole[cut..], cut as u64).unwrap();
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{rest:#?}");
    let report: serde_json::Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    assert_eq!((&report["success"], &report["failed"]), (&2.into(), &0.into()));
    assert!(report["faults"]["read"].as_u64() >= Some(1));
    disk.unmount();
}
