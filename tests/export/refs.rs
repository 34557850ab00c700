//! References, followed by hand: the bytes that they lead to are those of the columns. zarr, xarray and
//! dask read them by hand (docs/export.md).

use super::setting::{E4, columns, data, export, export_in, sha256};
use serde_json::Value;
use std::fs;
use std::io::Read as _;
use std::path::Path;

fn refs(path: &Path) -> Value {
    serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap()["refs"].take()
}

/// What a key holds as text: JSON.
fn json(refs: &Value, key: &str) -> Value {
    serde_json::from_str(refs[key].as_str().unwrap_or_else(|| panic!("{key}"))).unwrap()
}

/// The bytes of the only piece of an array, decoded.
fn bytes(refs: &Value, array: &str) -> Vec<u8> {
    let piece = &refs[format!("{array}/0")];
    let number = |i: usize| usize::try_from(piece[i].as_u64().unwrap()).unwrap();
    let file = fs::read(piece[0].as_str().unwrap()).unwrap();
    let stored = &file[number(1)..number(1) + number(2)];
    let described = json(refs, &format!("{array}/.zarray"));
    match described["filters"][0]["id"].as_str() {
        None => stored.to_vec(),
        Some("zlib") => {
            let mut all = Vec::new();
            flate2::read::ZlibDecoder::new(stored).read_to_end(&mut all).unwrap();
            all
        }
        Some(other) => panic!("{other}"),
    }
}

#[test]
fn pieces_are_where_references_say() {
    let dir = tempfile::tempdir().unwrap();
    for sample in ["e0-zlib/output_00007", "e4b-none/output_00021"] {
        let file = data(&format!("mera/{sample}.jld2"));
        let out = dir.path().join("refs.json");
        let more = ["--force", "--discard-replaced", "--json"];
        let told = export(&file, "all", "zarr-refs", &out, &more);
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(told["left_out"].as_array().unwrap().len(), 0);
        let refs = refs(&out);
        assert_eq!(json(&refs, ".zgroup")["zarr_format"], 2);
        assert!(json(&refs, "hydro/.zattrs")["time_myr"].as_f64().unwrap() > 0.0);
        for table in ["hydro", "particles"] {
            for (name, sha) in columns(&file, table) {
                let array = format!("{table}/{name}");
                // Otherwise xarray would make numbers like it NaN.
                assert!(json(&refs, &format!("{array}/.zarray"))["fill_value"].is_null());
                assert_eq!(sha256(&bytes(&refs, &array)), sha, "{sample}: {array}");
                assert_eq!(json(&refs, &format!("{array}/.zattrs"))["_ARRAY_DIMENSIONS"][0], "row");
            }
        }
    }
}

#[test]
fn an_archive_is_a_group_for_each_file() {
    let dir = tempfile::tempdir().unwrap();
    let old = dir.path().join("old");
    fs::create_dir(&old).unwrap();
    fs::copy(data(E4), old.join("output_00100.jld2")).unwrap();
    fs::copy(data("mera/e8-lz4filter/output_00400.jld2"), old.join("output_00400.jld2")).unwrap();
    fs::write(old.join("output_00500.jld2"), "nothing").unwrap();
    let args = ["old", "hydro", "--to", "zarr-refs", "--columns", "rho,p"];
    let done = export_in(dir.path(), &args);
    let said = String::from_utf8(done.stderr).unwrap();
    // What can be read is referred to; what cannot is said, and fails the call.
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("output_00500.jld2") && said.contains("imagecodecs"), "{said}");
    let refs = refs(&dir.path().join("old.hydro.refs.json"));
    let codec =
        |file: &str| json(&refs, &format!("{file}/hydro/rho/.zarray"))["filters"][0]["id"].clone();
    assert_eq!(codec("output_00100"), "imagecodecs_lz4f");
    assert_eq!(codec("output_00400"), "imagecodecs_lz4h5");
    let keys = refs.as_object().unwrap().keys();
    assert_eq!(keys.filter(|key| key.ends_with("/.zarray")).count(), 4);
    let piece = refs["output_00400/hydro/rho/0"][0].as_str().unwrap();
    assert_eq!(Path::new(piece), fs::canonicalize(old.join("output_00400.jld2")).unwrap());
}

#[test]
fn chunks_of_several_dimensions_have_their_places() {
    let dir = tempfile::tempdir().unwrap();
    let file = data("chunks/arrays.h5");
    let out = dir.path().join("refs.json");
    export(&file, "g0/h0/deflate", "zarr-refs", &out, &[]);
    let refs = refs(&out);
    let described = json(&refs, "g0/h0/deflate/.zarray");
    assert_eq!(described["shape"], serde_json::json!([1000]));
    let chunk = described["chunks"][0].as_u64().unwrap();
    let keys = refs.as_object().unwrap().keys();
    let pieces = keys.filter(|key| key.starts_with("g0/h0/deflate/") && !key.contains('.')).count();
    assert_eq!(pieces as u64, 1000_u64.div_ceil(chunk));
}

#[test]
fn a_file_that_is_damaged_is_no_wrong_use() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.jld2"), "nothing").unwrap();
    for to in ["zarr-refs", "zarr-refs-parquet"] {
        let done = export_in(dir.path(), &["a.jld2", "hydro", "--to", to]);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert!(said.contains("a.jld2"), "{said}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn what_zarr_cannot_read_is_left_out_with_what_helps() {
    let dir = tempfile::tempdir().unwrap();
    let path = data("h5py/fletcher32.h5");
    let args = [path.to_str().unwrap(), "/checked", "--to", "zarr-refs"];
    let done = export_in(dir.path(), &args);
    let said = String::from_utf8(done.stderr).unwrap();
    assert_ne!(done.status.code(), Some(0));
    assert!(said.contains("fletcher32") && said.contains("--compress zstd"), "{said}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    for more in
        [&["--where", "checked > 1"][..], &["--unit", "kpc"], &["--rows", "0:1"], &["-o", "-"]]
    {
        let done = export_in(dir.path(), &[&args[..], more].concat());
        assert_eq!(done.status.code(), Some(2), "{more:?}");
    }
}
