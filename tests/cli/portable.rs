//! `--portable`: what HDF5 2 cannot open is written so that it can; Julia reads what it read.

use crate::world::{Ended, World};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// About 25 kinds of arrays, small and of 70,000 rows, by JLD2 0.6.5 with deflate.
const KINDS: &str = "0.6.5-deflate-kinds.jld2";
/// Strings of their own, by JLD2 0.3.1.
const STRINGS: &str = "0.3.1-strings.jld2";

fn data(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/portable").join(name)).unwrap()
}

fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.out).unwrap()
}

/// What readers that are built on HDF5 cannot open of a file.
fn readers(world: &World, file: &str) -> [u64; 4] {
    let seen = json(&world.jldconv(&["inspect", file, "--json"]).ends(0));
    ["hdf5_2", "heaps", "strings", "empty_strings"].map(|of| seen["readers"][of].as_u64().unwrap())
}

#[test]
fn a_current_file_becomes_portable_once_and_says_the_same() {
    let world = World::new(&[]);
    world.put("kinds.jld2", data(KINDS));
    let plain = world.jldconv(&["convert", "kinds.jld2", "plain.jld2"]).ends(0).out;
    assert!(plain.starts_with("plain.jld2: unchanged (patch)"), "{plain}");
    assert!(plain.contains("cannot be opened by h5py from 3.16 on"), "{plain}");
    assert!(plain.contains("--portable mends that"), "{plain}");
    let args = ["convert", "kinds.jld2", "new.jld2", "--portable", "--verify", "content"];
    let told = world.jldconv(&args).ends(0).out;
    assert!(told.starts_with("new.jld2: converted (patch)"), "{told}");
    for kept in [
        "note: /large/union: --portable leaves its layout: it is an array of a Union",
        "note: /large/shared and 1 more: --portable leaves its layout: several references",
        "note: 3 compressed arrays cannot be opened by h5py from 3.16 on, which has HDF5 2, as their chunk \
         dimensions take more bytes than they need\n",
    ] {
        assert!(told.contains(kept), "{told}");
    }
    assert_eq!(readers(&world, "kinds.jld2"), [23, 1, 0, 1]);
    assert_eq!(readers(&world, "new.jld2"), [3, 0, 0, 1]);
    let again = world.jldconv(&["convert", "new.jld2", "again.jld2", "--portable"]).ends(0).out;
    assert!(again.starts_with("again.jld2: unchanged (patch)"), "{again}");
    assert!(fs::read(world.at("again.jld2")).unwrap() == fs::read(world.at("new.jld2")).unwrap());
    let dump = |file: &str| world.jldconv(&["dump", file, "--json"]).ends(0).out;
    assert_eq!(dump("new.jld2"), dump("kinds.jld2"));
    world.jldconv(&["verify", "kinds.jld2", "new.jld2", "--strict"]).ends(0);
}

#[test]
fn every_level_of_check_holds_and_the_report_counts_bytes() {
    let world = World::new(&[]);
    world.put("kinds.jld2", data(KINDS));
    for level in ["none", "structure", "bytes", "content"] {
        let new = format!("{level}.jld2");
        let args = ["convert", "kinds.jld2", &new, "--portable", "--verify", level, "--json"];
        let report = json(&world.jldconv(&args).ends(0));
        let length = |file: &str| fs::metadata(world.at(file)).unwrap().len();
        let appended = length(&new) - length("kinds.jld2");
        assert_eq!(report["readers"]["hdf5_2"], 3, "{level}");
        assert_eq!(report["bytes_appended"], appended, "{level}");
        // Six B-trees, of 2,096 bytes for one dimension and 2,616 for two; data stay.
        assert!((12_000..14_000).contains(&appended), "{appended}");
        assert!(report["bytes_replaced"].as_u64().unwrap() < 500, "{report}");
    }
}

/// Found by fuzzing: arrays in one chunk whose datatype has no bytes while the chunk says that an element
/// has one, and that are compressed and say nothing of filters. Nothing could be read in a layout that
/// goes by the datatype.
#[test]
fn a_layout_that_cannot_be_stated_stays_and_that_is_said() {
    let world = World::new(&[]);
    for name in ["element-of-no-bytes.jld2", "no-filters.jld2"] {
        let odd = data(name);
        world.put(name, &odd);
        for level in ["none", "structure", "bytes"] {
            let new = format!("{level}-{name}");
            let args = ["convert", name, &new, "--portable", "--verify", level];
            let told = world.jldconv(&args).ends(0).out;
            assert!(told.starts_with(&format!("{new}: unchanged (patch)")), "{told}");
            let kept = "--portable leaves its layout: its layout is not one that JLD2 writes";
            assert!(told.contains(kept), "{told}");
            assert!(fs::read(world.at(&new)).unwrap() == odd, "{level}");
        }
        // No value can be read from it, whatever its layout.
        for more in [&[][..], &["--portable"]] {
            let args = [&["convert", name, "new.jld2", "--verify", "content"], more].concat();
            let refused = world.jldconv(&args).ends(1).err;
            assert!(refused.contains(&format!("error: {name}: /arr")), "{refused}");
            assert!(!world.at("new.jld2").exists());
        }
        let args = ["convert", name, "--mode", "in-place", "--portable"];
        world.jldconv(&args).ends(0);
        assert!(fs::read(world.at(name)).unwrap() == odd);
    }
}

#[test]
fn in_place_it_is_undone_bit_for_bit() {
    let world = World::new(&[]);
    for name in [KINDS, STRINGS] {
        world.put(name, data(name));
        let args = ["convert", name, "--mode", "in-place", "--portable"];
        let told = world.jldconv(&args).ends(0).out;
        assert!(told.contains(": converted (in place)"), "{told}");
        assert!(fs::read(world.at(name)).unwrap() != data(name));
        assert_eq!(readers(&world, name)[1..3], [0, 0]);
        world.jldconv(&["undo", name]).ends(0);
        assert!(fs::read(world.at(name)).unwrap() == data(name));
    }
}

#[test]
fn old_strings_become_strings_to_hdf5() {
    let world = World::new(&[]);
    world.put("old.jld2", data(STRINGS));
    assert_eq!(readers(&world, "old.jld2"), [0, 0, 2, 1]);
    world.jldconv(&["convert", "old.jld2", "new.jld2", "--portable"]).ends(0);
    assert_eq!(readers(&world, "new.jld2"), [0, 0, 0, 1]);
    let dump = |file: &str| world.jldconv(&["dump", file, "--json"]).ends(0).out;
    assert_eq!(dump("new.jld2"), dump("old.jld2"));
    assert!(dump("new.jld2").contains("hello, old world"));
}

#[test]
fn an_output_that_is_not_portable_is_made_again_for_it() {
    let world = World::new(&[1]);
    world.put("old/output_00002.jld2", data(KINDS));
    let ended = world.supervisor(&["old", "new", "--report", "first.json"]).ends(0);
    assert!(ended.out.contains("23 compressed arrays cannot be opened by h5py"), "{}", ended.out);
    assert_eq!(world.json("first.json")["unchanged"], 1);
    let args = ["old", "new", "--portable", "--yes", "--report", "second.json"];
    world.supervisor(&args).ends(0);
    let report = world.json("second.json");
    let file = |name: &str| {
        let files = report["files"].as_array().unwrap();
        files.iter().find(|file| file["name"] == name).unwrap().clone()
    };
    let made = file("output_00002.jld2");
    assert_eq!(made["outcome"], "converted", "{made}");
    assert_eq!(made["stale"], "made with another --portable");
    assert_eq!(made["readers"]["hdf5_2"], 3);
    world.supervisor(&args).ends(0);
    assert_eq!(world.json("second.json")["skipped"], 2);
    // Nor without a journal to tell.
    fs::remove_dir_all(world.at("new/.jldconv")).unwrap();
    world.supervisor(&args).ends(0);
    assert_eq!(world.json("second.json")["skipped"], 2);
}

#[test]
fn it_can_be_said_in_the_environment_and_in_a_file() {
    let world = World::new(&[]);
    world.put("old/output_00002.jld2", data(KINDS));
    let mut command = world.program("jldconv-supervisor", &["old", "new"]);
    command.env("JLDCONV_PORTABLE", "true");
    Ended::of(&mut command, &world).ends(0);
    assert_eq!(readers(&world, "new/output_00002.jld2")[0], 3);
    world.put("jldconv.toml", "portable = true\n");
    world.supervisor(&["old", "more", "--config", "jldconv.toml"]).ends(0);
    assert_eq!(readers(&world, "more/output_00002.jld2")[0], 3);
}

#[test]
fn a_rewrite_takes_it_too_and_says_what_it_left() {
    let world = World::new(&[]);
    world.put("kinds.jld2", data(KINDS));
    let args = ["convert", "kinds.jld2", "new.jld2", "--portable", "--compress", "zstd", "--json"];
    let report = json(&world.jldconv(&args).ends(0));
    assert_eq!(report["mode"], "rewrite");
    assert_eq!(report["readers"]["hdf5_2"], readers(&world, "new.jld2")[0]);
    assert_eq!(report["readers"]["empty_strings"], 0);
    world.jldconv(&["verify", "kinds.jld2", "new.jld2"]).ends(0);
}

#[test]
fn single_chunks_as_jld2_writes_them_are_not_portable() {
    let world = World::new(&[]);
    world.put("kinds.jld2", data(KINDS));
    let args = ["convert", "kinds.jld2", "new.jld2", "--portable", "--chunk", "one"];
    let refused = world.jldconv(&args).ends(2).err;
    assert!(refused.contains("--portable and --chunk one exclude each other"), "{refused}");
    assert!(!world.at("new.jld2").exists());
}

#[test]
fn a_rewrite_leaves_no_string_that_hdf5_cannot_open() {
    let world = World::new(&[]);
    world.put("old.jld2", data(STRINGS));
    let told = world.jldconv(&["convert", "old.jld2", "new.jld2", "--mode", "patch"]).ends(0).out;
    assert!(told.contains("1 empty string cannot be opened by HDF5 from 1.14 on"), "{told}");
    assert!(told.contains("--repack mends that"), "{told}");
    for level in ["none", "structure", "bytes", "content"] {
        let new = format!("{level}.jld2");
        let args = ["convert", "old.jld2", &new, "--repack", "--verify", level];
        let told = world.jldconv(&args).ends(0).out;
        assert!(!told.contains("string"), "{told}");
        assert_eq!(readers(&world, &new), [0, 0, 0, 0]);
        world.jldconv(&["verify", "old.jld2", &new, "--strict"]).ends(0);
    }
}

/// What a rewrite makes of an empty string stays where it is when the output is rewritten once more.
#[test]
fn a_rewrite_of_a_rewrite_is_the_same_bytes() {
    for name in [KINDS, STRINGS] {
        let world = World::new(&[]);
        world.put("old.jld2", data(name));
        for (old, new) in [("old.jld2", "once.jld2"), ("once.jld2", "twice.jld2")] {
            world.jldconv(&["convert", old, new, "--repack"]).ends(0);
        }
        assert_eq!(readers(&world, "once.jld2")[3], 0);
        assert!(
            fs::read(world.at("once.jld2")).unwrap() == fs::read(world.at("twice.jld2")).unwrap()
        );
    }
}

/// A run over an archive says of its outputs, without bars, at the end, and when its journals are read
/// again, which HDF5 cannot open and why, and on what readers fail.
#[test]
fn a_run_names_files_that_readers_fail_on_and_why() {
    let world = World::new(&[]);
    world.put("old/output_00001.jld2", data(KINDS));
    world.put("old/output_00002.jld2", data(KINDS));
    let foreign = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hdf5/regions.h5");
    world.put("old/output_00003.jld2", fs::read(foreign).unwrap());
    let args = ["old", "new", "--yes", "--progress", "plain"];
    let ended = world.supervisor(&args).ends(0);
    let said = format!("{}{}", ended.out, ended.err);
    let line = said.lines().find(|l| l.contains("unchanged  output_00003.jld2")).unwrap();
    assert!(line.contains("; failure: /regions: it cannot be read"), "{line}");
    let summary = &said[said.find("Done: ").unwrap()..];
    let again = world.supervisor(&["report", "new"]).ends(0).out;
    for told in [summary, &again] {
        assert!(told.contains("dimensions take more bytes than they need"), "{told}");
        assert!(told.contains("--portable mends that"), "{told}");
        assert!(told.contains("(in 2 files: output_00001.jld2, output_00002.jld2)"), "{told}");
        let title = told.lines().position(|l| l.starts_with("Failures that a reader")).unwrap();
        let file = told.lines().nth(title + 1).unwrap();
        assert!(file.starts_with("  output_00003.jld2  /regions: it cannot be read"), "{file}");
    }
    let args = ["old", "portable", "--yes", "--progress", "plain", "--portable"];
    world.supervisor(&args).ends(0);
    let told = world.supervisor(&["report", "portable"]).ends(0).out;
    assert!(told.contains("more bytes than they need\n"), "{told}");
    assert!(!told.contains("--portable mends"), "{told}");
}

/// How the arrays of numbers of a file are stored: in headers, outside, filtered.
fn arrays(path: &Path) -> [u64; 3] {
    use jldconv::h5::{Class, Extent, File, Layout, Object, Result, Trace, Visitor};
    struct Arrays<'a>(&'a File, [u64; 3]);
    impl Visitor for Arrays<'_> {
        fn object(&mut self, object: &Object, _: &str) -> Result<()> {
            let Some(dataset) = object.dataset() else { return Ok(()) };
            let datatype = self.0.resolve(&dataset.datatype)?;
            let number = matches!(datatype.class, Class::FixedPoint { .. } | Class::Float { .. });
            let elements = dataset.dataspace.elements().unwrap_or(0);
            if number && dataset.dataspace.extent == Extent::Simple && elements > 0 {
                let place = match dataset.layout {
                    Layout::Compact { .. } => 0,
                    Layout::Contiguous { .. } => 1,
                    Layout::Chunked(_) => 2,
                };
                self.1[place] += 1;
            }
            Ok(())
        }
    }
    let file = File::open(path).unwrap();
    let mut arrays = Arrays(&file, [0; 3]);
    Trace::run(&file, &mut arrays).unwrap();
    arrays.1
}

/// A reference to bytes of a file cannot lead into a header as far as kerchunk and VirtualiZarr go.
#[test]
fn a_portable_rewrite_puts_small_arrays_outside_headers_and_keeps_them_there() {
    let world = World::new(&[]);
    world.put("in.jld2", crate::world::sample("e4b-lz4/output_00100.jld2"));
    world.jldconv(&["convert", "in.jld2", "plain.jld2", "--repack"]).ends(0);
    let [inside, outside, filtered] = arrays(&world.at("plain.jld2"));
    assert!(inside > 20, "{inside}");
    let args = ["convert", "in.jld2", "new.jld2", "--repack", "--portable", "--verify", "content"];
    let told = world.jldconv(&args).ends(0).out;
    assert_eq!(arrays(&world.at("new.jld2")), [0, inside + outside, filtered]);
    let length = |file: &str| fs::metadata(world.at(file)).unwrap().len();
    let more = length("new.jld2") - length("plain.jld2");
    assert!((1..=32 * inside).contains(&more), "{more} bytes for {inside} arrays: {told}");
    world.jldconv(&["verify", "in.jld2", "new.jld2"]).ends(0);
    // They are no columns to any codec.
    for codec in ["deflate", "none"] {
        let args = ["convert", "new.jld2", codec, "--compress", codec, "--portable"];
        world.jldconv(&args).ends(0);
        let [none, small, _] = arrays(&world.at(codec));
        assert!(none == 0 && small >= inside + outside, "{codec}");
        world.jldconv(&["verify", "in.jld2", codec]).ends(0);
    }
    // What makes a file larger is told.
    let args = ["convert", "plain.jld2", "larger.jld2", "--repack", "--portable"];
    let told = world.jldconv(&args).ends(0).out;
    assert!(told.contains("small arrays of numbers stand outside their headers"), "{told}");
}
