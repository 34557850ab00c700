//! Tests `--flat-links` on real files, in every mode.

use super::inplace::{InPlace, undo};
use super::{Compress, Converter, Depth, Job, Mode, Options, Outcome, Silent, VerifyLevel};
use super::{Wanted, convert_file};
use crate::h5::checksum::lookup3;
use crate::h5::{File, ObjectKind, RelAddr};
use crate::julia::{Digest, Dumper, TypeTable};
use crate::migrate::{FlatState, flat_tables};
use std::fs;
use std::path::{Path, PathBuf};

fn samples() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera");
    let eras = fs::read_dir(root).unwrap().map(|era| era.unwrap().path());
    let files = eras.flat_map(|era| fs::read_dir(era).unwrap().map(|file| file.unwrap().path()));
    let files: Vec<_> = files.filter(|f| f.extension().is_some_and(|e| e == "jld2")).collect();
    assert!(files.len() > 8);
    files
}

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera").join(name)
}

fn flat() -> Options {
    Options { flat_links: true, verify: Some(VerifyLevel::Content), ..Options::default() }
}

fn job(dir: &Path, input: &Path, name: &str) -> Job {
    Job {
        input: input.to_owned(),
        output: dir.join(name),
        temp_dir: dir.to_owned(),
        temp_name: "temporary".to_owned(),
    }
}

/// All tables of a file have their links, and each leads to the very object of the table.
fn check_links(path: &Path) {
    let file = File::open(path).unwrap();
    let tables = flat_tables(&TypeTable::new(&file)).unwrap();
    assert!(!tables.is_empty(), "{}", path.display());
    for table in tables {
        assert_eq!(table.state, FlatState::Present, "{}: {}", path.display(), table.group);
        assert!(table.columns.len() > 4 && table.unfit.is_empty());
        let group = links(&file, &table.group);
        let wanted: Vec<_> = table.columns.iter().map(|(n, a)| (n.as_str(), *a)).collect();
        let got: Vec<_> = group.iter().map(|(n, a)| (n.as_str(), *a)).collect();
        assert_eq!(got, wanted);
    }
}

fn links(file: &File, path: &str) -> Vec<(String, RelAddr)> {
    let mut addr = file.superblock().root;
    for name in path.split('/').skip(1) {
        let object = file.object(addr).unwrap();
        let ObjectKind::Group(group) = &object.kind else { panic!("{path}") };
        addr = group.held.iter().find(|l| l.name == name).unwrap().target;
    }
    let object = file.object(addr).unwrap();
    let ObjectKind::Group(group) = &object.kind else { panic!("{path}") };
    group.held.iter().map(|l| (l.name.to_string(), l.target)).collect()
}

#[test]
fn every_table_gets_its_links_once() {
    let temp = tempfile::tempdir().unwrap();
    for input in samples() {
        for (name, compress) in [("kept", Compress::Keep), ("deflated", Compress::Deflate(1))] {
            let verify = Some(VerifyLevel::Structure);
            let options = Options { compress, verify, force: true, ..flat() };
            let job1 = job(temp.path(), &input, name);
            let report = convert_file(&job1, &options, &Silent).unwrap();
            assert_eq!(report.outcome, Outcome::Converted);
            assert!(report.findings.iter().any(|f| f.contains("[rule flat-links]")));
            check_links(&job1.output);
            // What is there already stays as it is.
            let quick = Options { force: true, verify: Some(VerifyLevel::Structure), ..flat() };
            let again = job(temp.path(), &job1.output, "again");
            let report = convert_file(&again, &quick, &Silent).unwrap();
            assert_eq!(report.outcome, Outcome::Unchanged, "{:?}", report.findings);
            assert!(fs::read(&job1.output).unwrap() == fs::read(&again.output).unwrap());
            if compress == Compress::Keep {
                continue;
            }
            // A rewrite without the flag carries the links over.
            let options = Options { mode: Mode::Rewrite, flat_links: false, ..quick };
            convert_file(&again, &options, &Silent).unwrap();
            check_links(&again.output);
        }
    }
}

#[test]
fn links_change_no_other_value() {
    let temp = tempfile::tempdir().unwrap();
    let input = sample("e4b-lz4/output_00100.jld2");
    let with = job(temp.path(), &input, "with");
    let without = job(temp.path(), &input, "without");
    let with_report = convert_file(&with, &flat(), &Silent).unwrap();
    let options = Options { flat_links: false, ..flat() };
    let without_report = convert_file(&without, &options, &Silent).unwrap();
    assert_eq!(with_report.digest, without_report.digest);
    // A column by name is the column of the table.
    let file = File::open(&with.output).unwrap();
    let types = TypeTable::new(&file);
    let (_, rho) = links(&file, "/hydro/columns").into_iter().find(|(n, _)| n == "rho").unwrap();
    let mut text = Vec::new();
    Dumper::new(&types, Digest::Sha256).node(rho, &mut text).unwrap();
    let truth = fs::read_to_string(sample("e4b-lz4/output_00100.jld2.truth.json")).unwrap();
    let text: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let truth: serde_json::Value = serde_json::from_str(&truth).unwrap();
    let table = &truth["/hydro/data"]["fields"]["data"]["fields"]["columns"];
    let wanted = &table["fields"]["fieldarrays"]["fields"]["rho"]["sha256"];
    assert!(wanted.is_string());
    assert_eq!(&text["sha256"], wanted);
}

#[test]
fn in_place_it_can_be_undone() {
    let temp = tempfile::tempdir().unwrap();
    for input in samples().into_iter().filter(|f| !f.ends_with("e4b-bzip2/output_00020.jld2")) {
        let path = temp.path().join("output_00001.jld2");
        fs::copy(&input, &path).unwrap();
        let before = fs::read(&path).unwrap();
        let options = Options { mode: Mode::InPlace, ..flat() };
        let job = job(temp.path(), &path, "output_00001.jld2");
        convert_file(&job, &options, &Silent).unwrap();
        check_links(&path);
        undo(&path, &InPlace::default()).unwrap();
        assert!(fs::read(&path).unwrap() == before, "{}", input.display());
    }
}

#[test]
fn a_name_that_is_taken_is_left_alone() {
    let temp = tempfile::tempdir().unwrap();
    let input = sample("e8-lz4filter/output_00400.jld2");
    let first = job(temp.path(), &input, "first");
    convert_file(&first, &flat(), &Silent).unwrap();
    // One link goes by another name: the group is not ours any more.
    let file = File::open(&first.output).unwrap();
    let tables = flat_tables(&TypeTable::new(&file)).unwrap();
    let group = &tables[0].group;
    let parent = group.trim_end_matches("/columns");
    let (_, addr) = links(&file, parent).into_iter().find(|(n, _)| n == "columns").unwrap();
    let chunk = file.object(addr).unwrap().header.chunks[0].clone();
    let name = tables[0].columns[0].0.as_bytes();
    let at = chunk.bytes.windows(name.len()).position(|w| w == name).unwrap();
    let mut changed = chunk.bytes;
    changed[at] ^= 1;
    let mut bytes = fs::read(&first.output).unwrap();
    let start = usize::try_from(chunk.offset).unwrap();
    bytes[start..start + changed.len()].copy_from_slice(&changed);
    let sum = usize::try_from(chunk.checksum).unwrap();
    bytes[sum..sum + 4].copy_from_slice(&lookup3(&changed).to_le_bytes());
    let taken = temp.path().join("taken");
    fs::write(&taken, &bytes).unwrap();

    let second = job(temp.path(), &taken, "second");
    let report = convert_file(&second, &flat(), &Silent).unwrap();
    assert_eq!(report.outcome, Outcome::Unchanged);
    let said = format!("warning: {group}: this name is taken by something else");
    assert!(report.findings.iter().any(|f| f.starts_with(&said)), "{:?}", report.findings);
    assert!(fs::read(&second.output).unwrap() == bytes);
}

#[test]
fn an_output_is_known_again_by_the_links_that_are_asked_for() {
    let temp = tempfile::tempdir().unwrap();
    let input = sample("e4b-none/output_00021.jld2");
    let (plain, linked) = (job(temp.path(), &input, "plain"), job(temp.path(), &input, "linked"));
    let options = Options { flat_links: false, ..flat() };
    convert_file(&plain, &options, &Silent).unwrap();
    convert_file(&linked, &flat(), &Silent).unwrap();
    let asked = Converter::new(flat()).unwrap();
    let not_asked = Converter::new(options).unwrap();
    let is_output = |converter: &Converter, job: &Job| {
        [Depth::Metadata, Depth::Payload].map(|depth| {
            let wanted = Wanted {
                input_digest: false,
                output_digest: false,
                compare: Some(depth),
                made: None,
            };
            let examined = converter.examine(job, &wanted, &Silent).unwrap();
            examined.compared.unwrap().is_ok()
        })
    };
    assert_eq!(is_output(&asked, &linked), [true; 2]);
    assert_eq!(is_output(&asked, &plain), [false; 2]);
    assert_eq!(is_output(&not_asked, &linked), [false; 2]);
    assert_eq!(is_output(&not_asked, &plain), [true; 2]);
    let other = Job { input: sample("e0-zlib/output_00007.jld2"), ..plain };
    assert_eq!(is_output(&not_asked, &other), [false; 2]);
}
