//! Datasets in chunks that h5py wrote: dumped, rewritten and patched by the program, against what
//! h5py read (`tests/python/chunks.py`).

use crate::runner::{printed, python, run};
use assert_cmd::Command;
use jldconv::h5::{File, Object, Trace, Visitor};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The files, and what h5py read of each.
fn files() -> Vec<(PathBuf, PathBuf)> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/chunks");
    let mut files: Vec<_> = fs::read_dir(data).unwrap().map(|f| f.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|e| e == "h5"));
    files.sort();
    assert!(!files.is_empty());
    files.into_iter().map(|f| (f.clone(), f.with_extension("truth.json"))).collect()
}

/// What the program says; it must succeed.
fn good(args: &[&str]) -> String {
    let output = Command::cargo_bin("jldconv").unwrap().args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Compares shape and digest of each array.
fn check(file: &Path, truth: &Path) {
    let parsed = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
    let wanted = parsed(&fs::read_to_string(truth).unwrap());
    let found = parsed(&good(&["dump", "--json", file.to_str().unwrap()]));
    let wanted = wanted.as_object().unwrap();
    assert!(wanted.len() > 15, "{}", truth.display());
    for (path, array) in wanted {
        let what = format!("{} {path}: {} for {array}", file.display(), found[path]);
        assert_eq!(found[path]["sha256"], array["sha256"], "{what}");
        if let Some(texts) = array["texts"].as_array() {
            let items = found[path]["items"].as_array().unwrap();
            // What was never written is null, which h5py gives as an empty text.
            let items = items.iter().map(|item| item["v"].as_str().unwrap_or_default());
            assert!(items.eq(texts.iter().map(|text| text.as_str().unwrap())), "{what}");
        }
        let mut dims = array["dims"].as_array().unwrap().clone();
        dims.reverse();
        assert_eq!(found[path]["dims"], Value::Array(dims), "{what}");
    }
}

#[test]
fn every_index_is_among_the_files() {
    struct Found(BTreeSet<(u8, bool, &'static str)>);
    impl Visitor for Found {
        fn object(&mut self, object: &Object, _: &str) -> jldconv::h5::Result<()> {
            let Some(dataset) = object.dataset() else { return Ok(()) };
            if let Some(chunked) = dataset.layout.chunked() {
                let filtered = !dataset.filters.is_empty();
                self.0.insert((chunked.version, filtered, chunked.index.describe()));
            }
            Ok(())
        }
    }
    let mut found = Found(BTreeSet::new());
    for (file, _) in files() {
        Trace::run(&File::open(&file).unwrap(), &mut found).unwrap();
    }
    for index in ["single chunk", "fixed array", "extensible array", "version 2 B-tree"] {
        for wanted in [(4, false, index), (4, true, index), (5, true, index)] {
            assert!(found.0.contains(&wanted), "{wanted:?}: {:?}", found.0);
        }
    }
    for wanted in [(4, false, "implicit index"), (3, false, "version 1 B-tree")] {
        assert!(found.0.contains(&wanted), "{wanted:?}: {:?}", found.0);
    }
    assert!(found.0.contains(&(3, true, "version 1 B-tree")), "{:?}", found.0);
}

#[test]
fn arrays_in_chunks_are_dumped_as_h5py_reads_them() {
    for (file, truth) in files() {
        check(&file, &truth);
    }
}

#[test]
fn rewrites_hold_the_same_arrays() {
    let temp = tempfile::tempdir().unwrap();
    let mut pairs = Vec::new();
    for (file, truth) in files() {
        for (compress, more) in [("keep", None), ("zstd", Some("--shuffle")), ("none", None)] {
            let name = format!("{}-{compress}.jld2", file.file_stem().unwrap().to_str().unwrap());
            let output = temp.path().join(name);
            let (input, out) = (file.to_str().unwrap(), output.to_str().unwrap());
            let mut args = vec!["convert", input, out, "--mode", "rewrite", "--compress", compress];
            args.extend(more);
            good(&args);
            check(&output, &truth);
            assert!(good(&["verify", input, out]).starts_with("equal:"));
            pairs.extend([output, truth.clone()]);
        }
    }
    let Some(python) = python() else { return };
    let checked = [vec![PathBuf::from("check")], pairs].concat();
    printed(&run(&python, "chunks.py", &checked));
}

#[test]
fn a_patch_leaves_chunks_as_they_are() {
    let temp = tempfile::tempdir().unwrap();
    for (file, _) in files() {
        let output = temp.path().join(file.file_name().unwrap());
        let (input, out) = (file.to_str().unwrap(), output.to_str().unwrap());
        let said = good(&["convert", input, out, "--mode", "patch"]);
        assert!(said.contains("unchanged (patch)"), "{said}");
        assert!(fs::read(&file).unwrap() == fs::read(&output).unwrap(), "{said}");
    }
}

#[test]
fn all_bytes_of_chunks_and_indexes_are_in_use() {
    for (file, _) in files() {
        let info = good(&["inspect", "--json", file.to_str().unwrap()]);
        let info: Value = serde_json::from_str(&info).unwrap();
        let unused = info["container"]["bytes_unreachable"].as_u64();
        let size = fs::metadata(&file).unwrap().len();
        assert!(unused.is_some_and(|unused| unused < size / 20), "{unused:?} of {size}: {info}");
    }
}

#[test]
fn chunks_that_are_not_stored_are_told() {
    for (file, _) in files() {
        let told = good(&["inspect", file.to_str().unwrap()]);
        assert!(told.contains("some of its chunks are not stored"), "{told}");
    }
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/chunks/arrays.h5");
    let temp = tempfile::tempdir().unwrap();
    let output = temp.path().join("whole.jld2");
    let (input, out) = (whole.to_str().unwrap(), output.to_str().unwrap());
    good(&["convert", input, out, "--compress", "zstd"]);
    let told = good(&["inspect", out]);
    assert!(!told.contains("some of its chunks are not stored"), "{told}");
}

/// A file of h5py's.
fn of_h5py(name: &str) -> String {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/h5py");
    data.join(name).to_str().unwrap().to_owned()
}

#[test]
fn a_column_that_was_never_written_keeps_its_filter() {
    let temp = tempfile::tempdir().unwrap();
    let output = temp.path().join("new.jld2");
    let out = output.to_str().unwrap();
    good(&["convert", "--mode", "rewrite", &of_h5py("unwritten.h5"), out]);
    let info = good(&["inspect", "--json", out]);
    assert!(info.contains(r#""codec":"deflate""#), "{info}");
    good(&["verify", &of_h5py("unwritten.h5"), out]);
}

#[test]
fn a_filter_that_is_not_known_is_no_damage() {
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("new.jld2");
    let args = ["convert", "--mode", "rewrite", &of_h5py("fletcher32.h5"), out.to_str().unwrap()];
    let output = Command::cargo_bin("jldconv").unwrap().args(args).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("/checked") && said.contains("fletcher32"), "{said}");
    assert!(!said.contains("rescue") && !out.exists(), "{said}");
}
