//! Copies that share their bytes with the input, on a file system that can do that: nothing is
//! copied that could be read back, unless somebody asks for it.

use crate::sample::{Kind, Way, kinds, run};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small XFS in a file.
struct Mounted {
    at: PathBuf,
    _dir: tempfile::TempDir,
}

impl Mounted {
    /// `None`, and a word, without the rights or the programs.
    fn new() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let (image, at) = (dir.path().join("image"), dir.path().join("mount"));
        fs::create_dir(&at).unwrap();
        fs::File::create(&image).unwrap().set_len(400 << 20).unwrap();
        let does = |command: &mut Command| match command.output() {
            Ok(output) if output.status.success() => true,
            other => {
                eprintln!("skipped: {command:?}: {other:?}");
                false
            }
        };
        let made = does(Command::new("mkfs.xfs").args(["-q", "-m", "reflink=1"]).arg(&image))
            && does(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&at));
        made.then_some(Self { at, _dir: dir })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.at).status();
    }
}

/// Converts with a bit flipped in a payload, or none; the level that was applied if it passed.
fn level(root: &Path, way: Way, flip: Option<u64>, more: &[&str]) -> Option<String> {
    let [input, output] = ["in.jld2", "out.jld2"].map(|name| root.join(name));
    let _ = fs::remove_file(&output);
    let mut command = Command::new(env!("CARGO_BIN_EXE_jldconv"));
    command.args(["convert", "--json"]).arg(&input).arg(&output).args(way.flags()).args(more);
    if let Some(at) = flip {
        command.env("JLDCONV_FLIP", format!("{at}@in.jld2"));
    }
    let ended = run(&mut command);
    assert_eq!(ended.status.success(), output.exists(), "{ended:?}");
    assert_eq!(fs::read(&input).unwrap(), way.input(), "the input keeps its bytes");
    let report: Value = serde_json::from_slice(&ended.stdout).ok()?;
    report["verify"].as_str().map(str::to_owned)
}

#[test]
fn bytes_that_are_shared_are_read_back_on_request() {
    let Some(mounted) = Mounted::new() else { return };
    let root = mounted.at.as_path();
    for way in [Way::Patch, Way::Unchanged] {
        let clean = way.output(root);
        let kinds = kinds(way, root, &clean);
        let at = |wanted| kinds.iter().find(|(kind, _)| *kind == wanted).unwrap().1;
        fs::write(root.join("in.jld2"), way.input()).unwrap();
        let said = |level: &str| Some(level.to_owned());
        // Where none is asked for: the metadata, and the name says so.
        assert_eq!(level(root, way, None, &[]), said("structure"), "{way:?}");
        assert_eq!(level(root, way, Some(at(Kind::Heap)), &[]), None, "{way:?}");
        assert_eq!(level(root, way, Some(at(Kind::Payload)), &[]), said("structure"), "{way:?}");
        for asked in ["bytes", "content"] {
            let more = ["--verify", asked];
            assert_eq!(level(root, way, None, &more), said(asked), "{way:?}");
            assert_eq!(level(root, way, Some(at(Kind::Payload)), &more), None, "{way:?}");
        }
    }
}
