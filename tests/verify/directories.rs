//! Two directories: pairs by name, whatever is in them.

use crate::poke::{floats, poke};
use crate::{Ended, convert, jldconv, mera};
use jldconv::h5::File;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub(crate) struct World {
    dir: TempDir,
}

impl World {
    /// An archive of four outputs and another file, and what became of it: one output is equal, one
    /// explained, one differs, one is missing; the other file is damaged, and there is a new one.
    pub(crate) fn new() -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap() };
        let (old, new) = (world.at("old"), world.at("new"));
        fs::create_dir(&old).unwrap();
        fs::create_dir(&new).unwrap();
        for (name, from) in [
            ("output_00001", "real-mera-1.9/output_00001"),
            ("output_00020", "e4b-none/output_00021"),
            ("output_00100", "e4b-none/output_00021"),
            ("output_00200", "e6-lz4/output_00300"),
            ("map", "e6-lz4/output_00300"),
        ] {
            let (from, to) = (mera(from), old.join(format!("{name}.jld2")));
            fs::copy(from, &to).unwrap();
            if name != "output_00200" {
                convert(&to, &new.join(format!("{name}.jld2")), &[]);
            }
        }
        let differs = new.join("output_00100.jld2");
        let (offset, _) = floats(&File::open(&differs).unwrap());
        poke(&differs, offset, &[1, 2, 3, 4, 5, 6, 7, 0x40]);
        let map = fs::read(new.join("map.jld2")).unwrap();
        fs::write(new.join("map.jld2"), &map[..map.len() / 2]).unwrap();
        fs::copy(new.join("output_00001.jld2"), new.join("output_00300.jld2")).unwrap();
        for dir in [&old, &new] {
            fs::write(dir.join("notes.txt"), "not looked at").unwrap();
            fs::create_dir(dir.join(".jldconv")).unwrap();
        }
        world
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn verify(&self, options: &[&str]) -> Ended {
        let [old, new] = ["old", "new"].map(|name| self.at(name).to_str().unwrap().to_owned());
        jldconv(&[&["verify", &old, &new], options].concat())
    }

    /// A text without the paths of this world.
    fn plain(&self, text: &str) -> String {
        text.replace(self.dir.path().to_str().unwrap(), "")
    }
}

#[test]
fn each_pair_is_told() {
    let world = World::new();
    let ended = world.verify(&[]);
    assert_eq!((ended.code, ended.err.as_str()), (1, ""));
    let out = world.plain(&ended.out);
    insta::assert_snapshot!("directories", out);
    // Equal ones only if asked for; whatever the number of threads, in the same order.
    let verbose = world.plain(&world.verify(&["-v", "--jobs", "3"]).out);
    insta::assert_snapshot!("directories-verbose", verbose);
    assert_eq!(verbose, world.plain(&world.verify(&["-v", "--jobs", "1"]).out));
}

#[test]
fn a_script_sees_each_pair_and_the_counts() {
    let world = World::new();
    let ended = world.verify(&["--json", "--jobs", "2"]);
    assert_eq!((ended.code, ended.err.as_str()), (1, ""));
    let lines: Vec<Value> =
        ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let results: Vec<_> = lines[..lines.len() - 1]
        .iter()
        .map(|line| (line["name"].as_str().unwrap(), line["result"].as_str().unwrap()))
        .collect();
    assert_eq!(
        results,
        [
            ("output_00001.jld2", "equal"),
            ("output_00020.jld2", "explained"),
            ("output_00100.jld2", "different"),
            ("output_00200.jld2", "only-old"),
            ("output_00300.jld2", "only-new"),
            ("map.jld2", "unreadable"),
        ]
    );
    assert_eq!(lines[1]["explained"], 10);
    assert_eq!(lines[2]["differences"].as_array().unwrap().len(), 1);
    assert!(lines[5]["error"].is_string() && lines[5]["path"].is_string());
    let summary = &lines.last().unwrap()["summary"];
    assert_eq!(summary["pairs"], 6);
    for result in ["equal", "explained", "different", "only_old", "only_new", "unreadable"] {
        assert_eq!(summary[result], 1, "{result}");
    }
}

/// Exit codes: only what harms counts.
#[test]
fn what_may_be_missing() {
    let world = World::new();
    let remove = |name: &str| {
        for dir in ["old", "new"] {
            let _ = fs::remove_file(world.at(dir).join(name));
        }
    };
    remove("output_00100.jld2");
    assert_eq!(world.verify(&["--allow-missing"]).code, 1, "the damaged file");
    remove("map.jld2");
    assert_eq!(world.verify(&[]).code, 1, "a file is missing");
    let ended = world.verify(&["--allow-missing"]);
    assert_eq!(ended.code, 0, "{}", ended.out);
    assert!(ended.out.contains("output_00200.jld2: only in OLD\n"), "{}", ended.out);
    remove("output_00200.jld2");
    let ended = world.verify(&[]);
    assert_eq!(ended.code, 0, "a new file does no harm: {}", ended.out);
    assert!(ended.out.contains("output_00300.jld2: only in NEW\n"), "{}", ended.out);
    // Without rules, what they change differs.
    assert_eq!(world.verify(&["--strict"]).code, 1);
}

#[test]
fn nothing_to_compare_is_no_success() {
    let world = World::new();
    let empty = [world.at("a"), world.at("b")];
    empty.iter().for_each(|dir| fs::create_dir(dir).unwrap());
    let ended = jldconv(&["verify", empty[0].to_str().unwrap(), empty[1].to_str().unwrap()]);
    assert_eq!((ended.code, ended.out.as_str()), (4, ""));
    assert!(ended.err.contains("has files whose names end in .jld2"), "{}", ended.err);
}

/// A file against a directory is looked for there under its name.
#[test]
fn a_file_and_a_directory() {
    let world = World::new();
    let (old, new) = (world.at("old"), world.at("new"));
    let name = "output_00020.jld2";
    let run = |a: &Path, b: &Path| jldconv(&["verify", a.to_str().unwrap(), b.to_str().unwrap()]);
    for (a, b) in [(old.join(name), new.clone()), (old.clone(), new.join(name))] {
        let ended = run(&a, &b);
        assert_eq!(ended.code, 0, "{}", ended.err);
        assert!(ended.out.starts_with("equal but for what rules explain"), "{}", ended.out);
    }
    let ended = run(&old.join("output_00200.jld2"), &new);
    assert_eq!(ended.code, 1);
    assert!(ended.err.contains("new/output_00200.jld2: there is no such file"), "{}", ended.err);
}

#[test]
fn whoever_stops_listening_ends_it_quietly() {
    let world = World::new();
    let script = format!(
        "'{}' verify -v '{}' '{}' | head -c 1",
        env!("CARGO_BIN_EXE_jldconv"),
        world.at("old").display(),
        world.at("new").display()
    );
    let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.stdout.len(), 1);
}

/// An archive that is not there must not pass for one that is all equal.
#[test]
fn nothing_to_compare_with_is_told() {
    let world = World::new();
    fs::rename(world.at("old"), world.at("away")).unwrap();
    fs::create_dir(world.at("old")).unwrap();
    for options in [&[][..], &["--allow-missing"], &["--json"]] {
        let ended = world.verify(options);
        assert_eq!((ended.code, ended.out.as_str()), (4, ""), "{options:?}: {}", ended.err);
        assert!(ended.err.contains("nothing can be compared"), "{}", ended.err);
    }
}
