//! `jldconv-supervisor scan` on real files of many eras, whole and damaged: what it says of each, of
//! all, and that it leaves the archive as it is.

use super::world::{Ended, World, sample};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

/// An archive as one finds them: several eras, gaps, two files of one number, a wrong name, a file
/// that was cut, one that is no JLD2 file, and a link to nothing.
fn archive() -> World {
    let world = World::new(&[]);
    for (number, name) in [
        ("00007", "e0-zlib/output_00007.jld2"),
        ("00020", "e4b-bzip2/output_00020.jld2"),
        ("00021", "e4b-none/output_00021.jld2"),
        ("00100", "e4b-lz4/output_00100.jld2"),
        ("00101", "e4b-lz4/output_00101.jld2"),
        ("101", "e4b-lz4/output_00101.jld2"),
        ("00103", "e4b-lz4/output_00102.jld2"),
        ("00400", "e8-lz4filter/output_00400.jld2"),
        ("00500", "mixed/output_00500.jld2"),
    ] {
        world.put(&format!("old/output_{number}.jld2"), sample(name));
    }
    let whole = sample("e6-lz4/output_00300.jld2");
    world.put("old/output_00300.jld2", &whole[..whole.len() / 2]);
    world.put("old/notes.jld2", "no JLD2 file");
    std::os::unix::fs::symlink("nowhere", world.at("old/output_00600.jld2")).unwrap();
    world
}

/// All below a directory of the world, with sizes and times.
fn listing(world: &World, dir: &str) -> BTreeMap<PathBuf, (u64, i64, i64)> {
    let entries = fs::read_dir(world.at(dir)).unwrap().map(|entry| entry.unwrap().path());
    let told = entries.map(|path| {
        let meta = fs::symlink_metadata(&path).unwrap();
        (path, (meta.size(), meta.mtime(), meta.mtime_nsec()))
    });
    told.collect()
}

#[test]
fn an_archive_is_told_file_by_file_and_as_a_whole() {
    let world = archive();
    let before = listing(&world, "old");
    let ended = world.supervisor(&["scan", "old", "--no-estimate", "-v"]).ends(1);
    assert_eq!(ended.err, "");
    insta::assert_snapshot!("scan", ended.out);
    let short = world.supervisor(&["scan", "old", "--no-estimate"]).ends(1).out;
    assert!(ended.out.ends_with(&short), "{short}");
    assert_eq!(listing(&world, "old"), before, "nothing is written into the archive");
}

/// Of what a conversion made, no question mark is the era.
#[test]
fn outputs_are_called_upgraded_everywhere() {
    let world = World::new(&[1, 2, 3, 4]);
    world.supervisor(&["old", "new", "--yes"]).ends(0);
    let scan = ["scan", "new", "--no-estimate", "-v", "--csv", "s.csv", "--html", "s.html"];
    let told = world.supervisor(&scan).ends(0).out;
    let listed = world.jldconv(&["inspect", "new"]).ends(0).out;
    for (text, times) in [(&told, 5), (&listed, 4)] {
        assert_eq!(text.matches("  upgraded  ").count(), times, "{text}");
        assert!(!text.contains(" ? "), "{text}");
    }
    let [csv, page] = ["s.csv", "s.html"].map(|name| fs::read_to_string(world.at(name)).unwrap());
    assert_eq!(csv.matches(",upgraded,").count(), 4, "{csv}");
    assert!(page.matches("<td>upgraded</td>").count() >= 4, "{page}");
}

/// What a scan says of a file is what `inspect` says of it.
#[test]
fn it_says_what_inspect_says() {
    let world = archive();
    let json = world.supervisor(&["scan", "old", "--no-estimate", "--json"]).ends(1).out;
    let lines: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (summary, files) = lines.split_last().unwrap();
    assert_eq!(files.len(), 12);
    let mut read = 0;
    for file in files {
        let path = file["path"].as_str().unwrap();
        let seen = Ended::of(&mut world.program("jldconv", &["inspect", "--json", path]), &world);
        let seen: Value = serde_json::from_str(&seen.out).unwrap();
        if file["result"] == "crashed" {
            assert_eq!(path, "old/output_00600.jld2");
            continue;
        }
        for key in ["bytes", "kind", "verdict", "action", "findings", "readers", "error"] {
            assert_eq!(file[key], seen[key], "{path}: {key}");
        }
        if file["result"] == "read" {
            assert_eq!(file["datasets"], seen["container"]["datasets"], "{path}");
            assert_eq!(file["bytes_data"], seen["container"]["bytes_data"], "{path}");
            read += 1;
        }
    }
    let summary = &summary["summary"];
    assert_eq!((read, &summary["files"]), (9, &12.into()));
    assert_eq!(summary["damaged_files"], 2);
    assert_eq!(summary["foreign_files"], 1);
    assert_eq!((&summary["patch_files"], &summary["rewrite_files"]), (&7.into(), &1.into()));
    assert_eq!(summary["misnamed"][0]["path"], "old/output_00103.jld2");
    let series = summary["series"].as_array().unwrap();
    let outputs = series.iter().find(|it| it["prefix"] == "output_").unwrap();
    assert_eq!(outputs["twins"][0], serde_json::json!(["output_00101.jld2", "output_101.jld2"]));
    let by_era = summary["eras"].as_array().unwrap();
    let e4b = by_era.iter().find(|it| it["era"] == "E4b").unwrap();
    assert_eq!((&e4b["files"], &e4b["warnings"]), (&6.into(), &20.into()));
}

#[test]
fn tables_and_pages() {
    let world = archive();
    let args = ["scan", "old", "--no-estimate", "--csv", "scan.csv", "--html", "scan.html"];
    let ended = world.supervisor(&args).ends(1);
    let csv = fs::read_to_string(world.at("scan.csv")).unwrap();
    assert_eq!(csv.lines().count(), 13, "{csv}");
    let line = csv.lines().find(|line| line.contains("output_00100")).unwrap();
    assert!(line.starts_with("old/output_00100.jld2,100,"), "{line}");
    assert!(line.contains(",E4b,") && line.contains(",warns,5,0,patch,"), "{line}");
    let page = fs::read_to_string(world.at("scan.html")).unwrap();
    assert_eq!(page.matches("<tr><td>").count(), 12, "{page}");
    assert!(!page.contains("http://") && !page.contains("https://"));
    let first = ended.out.lines().next().unwrap();
    assert!(page.contains(first), "the page has what the terminal has");
    let nowhere = world.supervisor(&["scan", "old", "--csv", "no/where.csv"]).ends(2);
    assert!(nowhere.err.contains("no/where.csv"), "{nowhere:#?}");
}

/// One byte of compressed data is another: headers do not tell, all data do.
#[test]
fn damage_in_data_is_found_where_data_are_read() {
    let world = World::new(&[]);
    let mut bytes = sample("e0-zlib/output_00007.jld2");
    world.put("old/output_00006.jld2", &bytes);
    let at = bytes.len() * 6 / 10;
    bytes[at] ^= 0x10;
    world.put("old/output_00007.jld2", &bytes);
    world.supervisor(&["scan", "old", "--no-estimate"]).ends(0);
    let ended = world.supervisor(&["scan", "old", "--no-estimate", "--verify", "content"]).ends(1);
    assert!(ended.out.contains("all data were read"), "{ended:#?}");
    let damaged = ended.out.lines().find(|line| line.contains("damaged  ")).unwrap();
    assert!(damaged.contains("old/output_00007.jld2: "), "{ended:#?}");
    assert!(damaged.contains("datasets cannot be read: /hydro/data"), "{ended:#?}");
    assert!(!ended.out.contains("output_00006.jld2: 1 of"), "{ended:#?}");
}

/// A file that kills its reader costs itself.
#[cfg(feature = "fault")]
#[test]
fn no_file_hurts_a_scan() {
    let world = World::new(&[1, 2, 3]);
    let mut command =
        world.program("jldconv-supervisor", &["scan", "old", "--no-estimate", "--json"]);
    let ended = Ended::of(command.env("JLDCONV_FAULT", "abort@output_00002"), &world).ends(1);
    let results: Vec<Value> =
        ended.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect();
    let told: Vec<_> = results.iter().map(|it| it["result"].clone()).collect();
    assert_eq!(told, ["read".into(), "crashed".into(), "read".into(), Value::Null]);
    assert!(results[1]["error"].as_str().unwrap().contains("SIGABRT"), "{ended:#?}");
}

/// With a journal, what was found out is not found out again.
#[test]
fn a_journal_spares_the_second_look() {
    let world = World::new(&[1, 2]);
    let args = ["scan", "old", "--no-estimate", "--json", "--journal", "kept"];
    fs::create_dir(world.at("kept")).unwrap();
    let first = world.supervisor(&args).ends(0);
    let journal = "kept/.jldconv/journal-1-of-1.jsonl";
    let lines = || {
        let text = fs::read_to_string(world.at(journal)).unwrap();
        text.lines().filter(|line| line.contains("\"result\"")).count()
    };
    let found = lines();
    let second = world.supervisor(&args).ends(0);
    assert_eq!((first.out, lines()), (second.out, found));
    assert!(found >= 2 && !world.at("old/.jldconv").exists());
    let ended = world.supervisor(&["scan", "old", "--journal", "old"]).ends(2);
    assert!(ended.err.contains("where nothing is written"), "{ended:#?}");
}

#[test]
fn a_conversion_is_estimated_from_a_sample() {
    let world = World::new(&[1, 2, 3]);
    world.put("old/output_00004.jld2", sample("e4b-bzip2/output_00020.jld2"));
    let before = listing(&world, "old");
    let ended = world.supervisor(&["scan", "old", "--output", "new"]).ends(0);
    assert!(ended.out.contains("estimate for 3 files to patch: about "), "{ended:#?}");
    assert!(ended.out.contains("estimate for 1 file to rewrite: about "), "{ended:#?}");
    assert!(ended.out.contains("run         jldconv-supervisor old OUT"), "{ended:#?}");
    assert_eq!(listing(&world, "old"), before);
    let left: Vec<_> =
        fs::read_dir(world.at("")).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(left, ["old"], "the sample's outputs are gone");
}

#[test]
fn wrong_calls_and_empty_places() {
    let world = World::new(&[1]);
    fs::create_dir(world.at("empty")).unwrap();
    for (args, code, words) in [
        (&["scan", "empty"][..], 4, "empty: no file matches '*.jld2'"),
        (&["scan", "old", "--range", "7"], 4, "old: no file matches '*.jld2' in the range 7"),
        (&["scan", "nowhere"], 2, "nowhere: there is no such directory"),
        (&["scan", "old", "--target", "mera-0"], 2, "there is no target \"mera-0\""),
        (&["scan"], 2, "<DIR>..."),
    ] {
        let ended = world.supervisor(args).ends(code);
        assert!(ended.err.contains(words), "{ended:#?}");
    }
}

#[test]
fn trees_and_patterns() {
    let world = World::new(&[1]);
    for run in ["a", "b"] {
        fs::create_dir_all(world.at(&format!("sims/{run}"))).unwrap();
        world.put(&format!("sims/{run}/output_00001.jld2"), sample(super::world::OLD));
        world.put(&format!("sims/{run}/map_00002.jld2"), sample(super::world::CURRENT));
    }
    let ended = world.supervisor(&["scan", "sims", "--no-estimate"]).ends(4);
    assert!(ended.err.contains("directories below hold some"), "{ended:#?}");
    let ended = world.supervisor(&["scan", "sims", "--no-estimate", "--recursive"]).ends(0);
    assert!(ended.out.contains("4 files in 2 directories"), "{ended:#?}");
    assert!(ended.out.contains("sims/a/output_*: 1 file, 1 to 1"), "{ended:#?}");
    let args = ["scan", "sims", "old", "--no-estimate", "-r", "--match", "map_*.jld2"];
    let ended = world.supervisor(&args).ends(0);
    assert!(ended.out.contains("2 files in 2 directories"), "{ended:#?}");
}

/// The command that is recommended does what was asked, and takes what was looked into.
#[test]
fn the_command_that_converts_is_told_as_the_scan_was() {
    let world = super::trees::simulations();
    let run = |args: &[&str]| {
        let out = world.supervisor(&[args, &["--no-estimate"]].concat()).ends(0).out;
        out.lines().find_map(|line| line.strip_prefix("  run         ")).unwrap().to_owned()
    };
    let line = run(&["scan", "-r", "old"]);
    assert_eq!(line, "jldconv-supervisor old OUT --recursive");
    let line = run(&["scan", "-r", "old", "--match", "*_0000[12]*", "--range", "1-2"]);
    assert_eq!(line, "jldconv-supervisor old OUT --recursive --match '*_0000[12]*' --range 1-2");
    let words = line.replace('\'', "").replace("OUT", "new");
    let ended = world.supervisor(&words.split(' ').skip(1).collect::<Vec<_>>()).ends(0);
    assert!(ended.out.contains("Done: 4 converted"), "{ended:#?}");
    world.put("old/map.jld2", sample("e4b-none/output_00021.jld2"));
    assert_eq!(run(&["scan", "old"]), "jldconv-supervisor old OUT --match '*.jld2'");
    // The same directory under other names is looked into once.
    std::os::unix::fs::symlink("old", world.at("link")).unwrap();
    let args = ["scan", "-r", "old", "link", "old/sim_a", "./old/../old", "--no-estimate"];
    let ended = world.supervisor(&args).ends(0);
    assert!(ended.out.contains("scanned     8 files in 4 directories"), "{ended:#?}");
}

/// Whatever a name has in it, it is shown as it is.
#[test]
fn names_cannot_turn_a_line_round() {
    let world = World::new(&[]);
    world.put("old/output_00001\u{202e}2dlj.jld2", "x");
    let ended = world.supervisor(&["scan", "old", "-v"]).ends(1);
    assert!(ended.out.contains("output_00001\\u{202e}2dlj.jld2"), "{ended:#?}");
    assert!(!ended.out.contains('\u{202e}') && !ended.err.contains('\u{202e}'));
}
