//! References in Parquet: what fsspec is told there, followed by hand; and snapshots as one dimension.
//! fsspec, zarr, xarray and VirtualiZarr read them by hand (docs/export.md).

use super::setting::{columns, data, export_in, sha256};
use parquet::file::reader::SerializedFileReader;
use parquet::record::Field;
use serde_json::Value;
use std::fs::{self, File};
use std::path::Path;

/// An archive of snapshots that are alike, without compression.
fn archive(names: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("old")).unwrap();
    for (i, name) in names.iter().enumerate() {
        let to = dir.path().join(format!("old/output_{:05}.jld2", i + 7));
        fs::copy(data(&format!("mera/{name}.jld2")), to).unwrap();
    }
    dir
}

fn documents(set: &Path) -> Value {
    serde_json::from_slice(&fs::read(set.join(".zmetadata")).unwrap()).unwrap()
}

/// The bytes that the references of an array lead to.
fn bytes(set: &Path, array: &str) -> Vec<Vec<u8>> {
    let file = File::open(set.join(array).join("refs.0.parq")).unwrap();
    let rows = SerializedFileReader::new(file).unwrap().into_iter();
    let piece = |row: parquet::record::Row| {
        let fields: Vec<_> = row.get_column_iter().map(|(name, it)| (name.as_str(), it)).collect();
        let [("path", Field::Str(path)), ("offset", Field::Long(at)), ("size", Field::Long(len))] =
            fields.as_slice()
        else {
            panic!("{fields:?}")
        };
        let (at, len) = (usize::try_from(*at).unwrap(), usize::try_from(*len).unwrap());
        fs::read(path).unwrap()[at..at + len].to_vec()
    };
    rows.map(|row| piece(row.unwrap())).collect()
}

#[test]
fn snapshots_that_are_alike_become_one_dimension() {
    let dir = archive(&["e4b-none/output_00021", "e4b-none/output_00021"]);
    let args = ["old", "hydro", "--to", "zarr-refs-parquet", "--combine", "-o", "all.parq"];
    let done = export_in(dir.path(), &args);
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    let set = dir.path().join("all.parq");
    let told = documents(&set);
    assert_eq!(told["record_size"], 10_000);
    let told = &told["metadata"];
    assert_eq!(told[".zattrs"]["table"], "hydro");
    assert_eq!(told["snapshot/.zarray"]["shape"], serde_json::json!([2]));
    for (name, sha) in columns(&data("mera/e4b-none/output_00021.jld2"), "hydro") {
        let zarray = &told[format!("{name}/.zarray")];
        assert_eq!((&zarray["shape"][0], &zarray["chunks"][0]), (&2.into(), &1.into()), "{name}");
        let dims = &told[format!("{name}/.zattrs")]["_ARRAY_DIMENSIONS"];
        assert_eq!(*dims, serde_json::json!(["snapshot", "row"]));
        let pieces = bytes(&set, &name);
        assert_eq!(pieces.len(), 2);
        assert!(pieces.iter().all(|piece| sha256(piece) == sha), "{name}");
    }
    // The same again stays; another's directory stays, too, and with --force is kept.
    let said = |args: &[&str]| {
        let done = export_in(dir.path(), args);
        let text = String::from_utf8_lossy(&done.stderr).into_owned();
        (done.status.code(), text + &String::from_utf8_lossy(&done.stdout))
    };
    assert_eq!(said(&args).0, Some(0));
    fs::write(set.join("mine"), "mine").unwrap();
    let (code, text) = said(&args);
    assert!(code == Some(1) && text.contains("--force"), "{text}");
    assert_eq!(said(&[&args[..], &["--force"]].concat()).0, Some(0));
    assert!(!set.join("mine").exists());
    let kept = fs::read_dir(dir.path().join(".jldconv/replaced")).unwrap().next().unwrap().unwrap();
    assert_eq!(fs::read(kept.path().join("all.parq/mine")).unwrap(), b"mine");
    assert!(!dir.path().join(".jldconv/tmp").exists());
}

#[test]
fn snapshots_of_other_shapes_are_groups_and_that_is_said() {
    let dir = archive(&["e4b-none/output_00021", "e4b-lz4/output_00100"]);
    let args = ["old", "hydro", "--to", "zarr-refs-parquet", "--combine", "--json"];
    let done = export_in(dir.path(), &args);
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(0), "{said}");
    assert!(said.contains("a group for each file: hydro: "), "{said}");
    let json: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(json["combined"], serde_json::json!([]));
    let set = dir.path().join("old.hydro.refs.parq");
    let (name, sha) = columns(&data("mera/e4b-none/output_00021.jld2"), "hydro").remove(0);
    let pieces = bytes(&set, &format!("output_00007/hydro/{name}"));
    assert_eq!(sha256(&pieces.concat()), sha);
    // Only references can be combined.
    let done = export_in(dir.path(), &["old", "hydro", "--to", "npz", "--combine"]);
    assert_eq!(done.status.code(), Some(2));
    let args = ["old", "hydro", "--to", "zarr-refs", "-o", "x.parq"];
    assert_eq!(export_in(dir.path(), &args).status.code(), Some(2));
}
