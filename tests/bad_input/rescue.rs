//! What `jldconv rescue` saves of damaged files: every dataset that is whole, nothing else, each with
//! the value that it had.

use crate::samples::{one, small};
use crate::truth::Truth;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A directory with a damaged file in it.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn with(bytes: &[u8]) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::write(place.at("in.jld2"), bytes).unwrap();
        place
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn jldconv(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jldconv"));
        command.args(args).current_dir(self.0.path()).output().unwrap()
    }

    /// Rescues `in.jld2` into `out.jld2`: the exit code, and the report.
    pub(crate) fn rescue(&self) -> (i32, Value) {
        let _ = fs::remove_file(self.at("out.jld2"));
        let before = fs::read(self.at("in.jld2")).unwrap();
        let ended = self.jldconv(&["rescue", "in.jld2", "out.jld2", "--json"]);
        assert!(fs::read(self.at("in.jld2")).unwrap() == before, "the input was touched");
        let code = ended.status.code().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        let report = serde_json::from_slice(&ended.stdout).expect(&said);
        assert!(!self.at(".jldconv").exists());
        (code, report)
    }
}

/// Rescues a file of which the bytes from `start` to `end` are zero, or that ends at `start` if there
/// is no end, and holds the result against what the whole file had.
fn check(truth: &Truth, what: &str, start: u64, end: Option<u64>) -> Value {
    let mut bytes = truth.bytes.clone();
    let from = usize::try_from(start).unwrap();
    match end {
        Some(end) => bytes[from..usize::try_from(end).unwrap()].fill(0),
        None => bytes.truncate(from),
    }
    let place = Place::with(&bytes);
    let (code, report) = place.rescue();
    let what = format!("{what}, {start} to {end:?}");
    let intact = |range: (u64, u64)| {
        if range.0 == range.1 {
            return true;
        }
        match end {
            None => range.1 <= start,
            Some(end) => {
                range.1 <= start
                    || range.0 >= end
                    || truth.slice(range) == &bytes[usize::try_from(range.0).unwrap()..][..truth.slice(range).len()]
            }
        }
    };
    truth.hold(&what, code, &report, &place.at("out.jld2"), &intact);
    report
}

/// `count` offsets spread over a file, the same each time, in no step with what stands there.
fn spread(len: usize, count: usize) -> impl Iterator<Item = u64> {
    (1..=count).map(move |i| (len * i / (count + 1) + i * 37 % 101).min(len - 1) as u64)
}

#[test]
fn files_cut_anywhere_keep_what_is_whole() {
    for (name, bytes) in small() {
        let truth = Truth::of(&bytes);
        for at in spread(bytes.len(), 14).chain([bytes.len() as u64 - 1, 600, 560]) {
            check(&truth, &name, at, None);
        }
    }
    for name in ["e4b-lz4/output_00100.jld2", "e8-lz4filter/output_00400.jld2", "mixed/output_00500.jld2"] {
        let truth = Truth::of(&one(name));
        for at in spread(truth.bytes.len(), 10) {
            check(&truth, name, at, None);
        }
    }
}

#[test]
fn blocks_of_zeros_cost_what_they_hit() {
    for (name, bytes) in small() {
        let truth = Truth::of(&bytes);
        let len = bytes.len() as u64;
        for start in (0..len).step_by(512) {
            check(&truth, &name, start, Some((start + 512).min(len)));
        }
        check(&truth, &name, 0, Some(4096.min(len)));
    }
    for name in ["e4b-none/output_00021.jld2", "e6-lz4/output_00300.jld2"] {
        let truth = Truth::of(&one(name));
        for at in spread(truth.bytes.len(), 12) {
            let start = at / 4096 * 4096;
            check(&truth, name, start, Some((start + 4096).min(truth.bytes.len() as u64)));
        }
    }
}

#[test]
fn values_of_every_kind_survive_or_are_told() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/zoo/jld2-0.6.5-zstd.jld2");
    let truth = Truth::of(&fs::read(path).unwrap());
    let len = truth.bytes.len() as u64;
    for at in spread(truth.bytes.len(), 16) {
        check(&truth, "zoo", at, None);
        let start = at / 512 * 512;
        check(&truth, "zoo", start, Some((start + 512).min(len)));
    }
}

#[test]
fn a_front_that_is_lost_costs_no_name() {
    for name in ["e4b-lz4/output_00100.jld2", "e8-lz4filter/output_00400.jld2"] {
        let truth = Truth::of(&one(name));
        for end in [512, 560] {
            let report = check(&truth, name, 0, Some(end));
            assert_eq!(report["outcome"], "rescued", "{name}: {report:#}");
        }
        // A user block alone is no damage to what libhdf5 reads, and JLD2 refuses it.
        let report = check(&truth, name, 512, Some(560));
        assert_eq!(report["outcome"], "rescued", "{name}: {report:#}");
    }
}

#[test]
fn a_whole_file_is_left_alone() {
    for (name, bytes) in small().into_iter().take(6) {
        let place = Place::with(&bytes);
        let (code, report) = place.rescue();
        assert_eq!((code, report["outcome"].as_str()), (0, Some("nothing-to-rescue")), "{name}");
        assert!(!place.at("out.jld2").exists());
        assert_eq!(report["lost"], serde_json::json!([]));
    }
}

#[test]
fn nothing_left_is_a_failure() {
    for bytes in [vec![], vec![0; 100], vec![0; 5000], b"hello".to_vec(), vec![7; 3000]] {
        let place = Place::with(&bytes);
        let (code, report) = place.rescue();
        assert_eq!((code, report["outcome"].as_str()), (1, Some("nothing-left")));
        assert!(!place.at("out.jld2").exists());
    }
}

#[test]
fn the_input_is_never_the_output() {
    let mut bytes = one("e8-lz4filter/output_00400.jld2");
    bytes.truncate(400_000);
    let place = Place::with(&bytes);
    fs::hard_link(place.at("in.jld2"), place.at("hard.jld2")).unwrap();
    symlink("in.jld2", place.at("soft.jld2")).unwrap();
    for out in ["in.jld2", "./in.jld2", "hard.jld2", "soft.jld2"] {
        for more in [&[][..], &["--force"], &["--force", "--discard-replaced"]] {
            let ended = place.jldconv(&[&["rescue", "in.jld2", out], more].concat());
            assert_eq!(ended.status.code(), Some(1), "{out} {more:?}");
            let said = String::from_utf8_lossy(&ended.stderr);
            assert!(said.contains(out.trim_start_matches("./")), "{said}");
            assert!(fs::read(place.at("in.jld2")).unwrap() == bytes, "{out} {more:?}");
            assert_eq!(fs::read_link(place.at("soft.jld2")).unwrap(), Path::new("in.jld2"));
        }
    }
}

#[test]
fn what_is_there_stays_or_is_kept() {
    let mut bytes = one("e8-lz4filter/output_00400.jld2");
    bytes.truncate(400_000);
    let place = Place::with(&bytes);
    fs::write(place.at("out.jld2"), "mine").unwrap();
    let ended = place.jldconv(&["rescue", "in.jld2", "out.jld2"]);
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(fs::read(place.at("out.jld2")).unwrap(), b"mine");
    let ended = place.jldconv(&["rescue", "in.jld2", "out.jld2", "--force"]);
    assert_eq!(ended.status.code(), Some(6), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_ne!(fs::read(place.at("out.jld2")).unwrap(), b"mine");
    let kept = crate::samples::files(&place.at(".jldconv/replaced"), &["out.jld2"]);
    assert_eq!(fs::read(&kept[0]).unwrap(), b"mine");
}

#[test]
fn other_commands_say_that_there_is_a_rescue() {
    let mut bytes = one("e8-lz4filter/output_00400.jld2");
    let whole = bytes.clone();
    bytes.truncate(400_000);
    let mut killed = whole.clone();
    killed[..560].fill(0);
    let mut hole = whole;
    hole[8192..12288].fill(0);
    for bytes in [bytes, killed, hole] {
        let place = Place::with(&bytes);
        for args in [&["inspect", "in.jld2"][..], &["dump", "in.jld2"], &["convert", "in.jld2", "x.jld2"]] {
            let ended = place.jldconv(args);
            let said = [ended.stdout, ended.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            assert_eq!(ended.status.code(), Some(1), "{args:?}: {said}");
            assert!(said.contains("jldconv rescue"), "{args:?}: {said}");
        }
    }
}
