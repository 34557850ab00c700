//! Generated Mera files are what they are said to be: whole, sorted, and upgraded like real ones.

#[path = "../../examples/generate/mera/mod.rs"]
mod mera;

use self::mera::{Packing, TABLES, Template};
use jldconv::convert::{Converter, Job, Options, Outcome, Silent, VerifyLevel};
use jldconv::h5::{self, File, Region, Trace, Visitor};
use jldconv::julia::{Digest, Dumper, TypeTable, datasets};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const PACKINGS: [(Packing, &str); 4] = [
    (Packing::Lz4Frame, "e4b-lz4/output_00100.jld2"),
    (Packing::None, "e4b-none/output_00021.jld2"),
    (Packing::Deflate, "e0-zlib/output_00007.jld2"),
    (Packing::Lz4, "e8-lz4filter/output_00400.jld2"),
];

fn template(name: &str, tables: &[&str]) -> Template {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera");
    Template::read(&dir.join(name), tables).unwrap()
}

fn made(dir: &Path, template: &Template, rows: u64, packing: Packing) -> PathBuf {
    let path = dir.join(format!("{packing:?}-{rows}.jld2"));
    let len = template.write(&fs::File::create(&path).unwrap(), rows, packing, 7).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), len);
    path
}

/// The table of the cells, as `dump --json` prints it.
fn cells(path: &Path) -> Value {
    let file = File::open(path).unwrap();
    let types = TypeTable::new(&file);
    let mut json = Vec::new();
    Dumper::new(&types, Digest::Sha256).all(&datasets(&file).unwrap(), &mut json).unwrap();
    let all: Value = serde_json::from_slice(&json).unwrap();
    let table = &all["/hydro/data"]["fields"]["data"]["fields"]["columns"]["fields"];
    table["fieldarrays"]["fields"].clone()
}

#[test]
fn columns_do_not_depend_on_how_they_are_stored() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = None;
    for (packing, name) in PACKINGS {
        let columns = cells(&made(dir.path(), &template(name, &["hydro"]), 20_000, packing));
        assert_eq!(columns.as_object().unwrap().len(), 11);
        for (name, column) in columns.as_object().unwrap() {
            assert_eq!(column["dims"][0], 20_000, "{name}: {column}");
        }
        assert_eq!(*first.get_or_insert_with(|| columns.clone()), columns, "{packing:?}");
    }
}

#[test]
fn no_byte_is_without_use() {
    struct Bytes(Vec<Region>);
    impl Visitor for Bytes {
        fn region(&mut self, region: Region) -> h5::Result<()> {
            self.0.push(region);
            Ok(())
        }
    }
    let dir = tempfile::tempdir().unwrap();
    for (packing, name) in PACKINGS {
        let path = made(dir.path(), &template(name, &["hydro"]), 3000, packing);
        let file = File::open(&path).unwrap();
        let mut bytes = Bytes(Vec::new());
        Trace::run(&file, &mut bytes).unwrap();
        bytes.0.sort_by_key(|r| r.start);
        assert_eq!(bytes.0[0].start, 0);
        for pair in bytes.0.windows(2) {
            assert_eq!(pair[0].end, pair[1].start, "{packing:?}");
        }
        assert_eq!(bytes.0.last().unwrap().end, file.source().len());
    }
}

#[test]
fn they_are_as_large_as_asked() {
    let dir = tempfile::tempdir().unwrap();
    for (size, within) in [(100_000, 2_000), (3_000_000, 60_000)] {
        for (packing, name) in PACKINGS {
            let template = template(name, &["hydro"]);
            let rows = template.rows_for(size, packing).unwrap();
            let len = fs::metadata(made(dir.path(), &template, rows, packing)).unwrap().len();
            assert!(len.abs_diff(size) < within, "{packing:?}: {len} for {size}");
        }
    }
    let error = template(PACKINGS[0].1, &["hydro"]).rows_for(10_000, Packing::None).unwrap_err();
    assert!(error.to_string().contains("take"), "{error}");
}

#[test]
fn they_are_converted_like_real_ones() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { verify: Some(VerifyLevel::Content), ..Options::default() };
    let converter = Converter::new(options).unwrap();
    let all: Vec<&str> = TABLES.into_iter().filter(|t| *t != "rt").collect();
    let cases = PACKINGS.map(|(packing, name)| (packing, name, vec!["hydro"]));
    for (packing, name, tables) in
        cases.into_iter().chain([(Packing::Lz4Frame, PACKINGS[0].1, all)])
    {
        let input = made(dir.path(), &template(name, &tables), 5000, packing);
        let job = Job {
            output: dir.path().join(format!("{packing:?}-{}-converted.jld2", tables.len())),
            input,
            temp_dir: dir.path().to_owned(),
            temp_name: "temporary".to_owned(),
        };
        let report = converter.convert(&job, &Silent).unwrap();
        // The last era is the target's own.
        let needs_nothing = packing == Packing::Lz4;
        assert_eq!(report.outcome == Outcome::Unchanged, needs_nothing, "{packing:?}: {report:?}");
        assert_eq!(cells(&job.input), cells(&job.output), "{packing:?}");
    }
}

#[test]
fn groups_that_are_not_there_are_named() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera").join(PACKINGS[0].1);
    let error = Template::read(&path, &["hydro", "rt"]).err().unwrap();
    assert!(format!("{error:#}").contains("no group rt"), "{error:#}");
}
