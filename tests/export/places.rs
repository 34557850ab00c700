//! Where exports go, what is never replaced, and what is refused.

use super::setting::{E4, data, export, export_in, jldconv, names};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

#[test]
fn nothing_is_replaced_but_with_force_and_then_it_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (file, out) = (data(E4), dir.path().join("rho.npy"));
    fs::write(&out, "mine").unwrap();
    let args =
        ["export", file.to_str().unwrap(), "hydro/rho", "--to", "npy", "-o", out.to_str().unwrap()];
    let done = jldconv(&args);
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("exists") && said.contains("--force"), "{said}");
    assert_eq!(fs::read(&out).unwrap(), b"mine");
    assert_eq!(names(dir.path()), ["rho.npy"], "nothing else is left");
    export(&file, "hydro/rho", "npy", &out, &["--force"]);
    let first = fs::read(&out).unwrap();
    assert!(first.starts_with(b"\x93NUMPY"));
    let kept = dir.path().join(".jldconv/replaced");
    let kept = kept.join(&names(&kept)[0]).join("rho.npy");
    assert_eq!(fs::read(kept).unwrap(), b"mine");
    // The same once more is there already.
    let inode = fs::metadata(&out).unwrap().ino();
    let said = export(&file, "hydro/rho", "npy", &out, &[]);
    assert!(said.contains("there already"), "{said}");
    assert_eq!(fs::metadata(&out).unwrap().ino(), inode);
    export(&file, "hydro/p", "npy", &out, &["--force", "--discard-replaced"]);
    assert_ne!(fs::read(&out).unwrap(), first);
    // The input is no output.
    let copy = dir.path().join("a.jld2");
    fs::copy(&file, &copy).unwrap();
    let path = copy.to_str().unwrap();
    let done = jldconv(&["export", path, "hydro/rho", "--to", "npy", "-o", path, "--force"]);
    assert_eq!(done.status.code(), Some(2));
    assert_eq!(fs::read(&copy).unwrap(), fs::read(&file).unwrap());
}

#[test]
fn no_file_of_data_gives_way_to_what_is_made_of_data() {
    let dir = tempfile::tempdir().unwrap();
    let old = dir.path().join("old");
    fs::create_dir(&old).unwrap();
    let good = fs::read(data(E4)).unwrap();
    let [first, last, linked] = ["output_00001.jld2", "output_00002.jld2", "linked.json"];
    for name in [first, last] {
        fs::write(old.join(name), &good).unwrap();
    }
    std::os::unix::fs::symlink(old.join(last), dir.path().join(linked)).unwrap();
    fs::hard_link(old.join(last), dir.path().join("hard.json")).unwrap();
    for to in ["old/output_00001.jld2", "old/output_00002.jld2", linked, "hard.json"] {
        for input in [
            &["old", "all", "--to", "zarr-refs"][..],
            &["old/output_00001.jld2", "hydro", "--to", "npz"],
        ] {
            for more in [&[][..], &["--force"], &["--force", "--discard-replaced"]] {
                let done = export_in(dir.path(), &[input, &["-o", to], more].concat());
                let said = String::from_utf8_lossy(&done.stderr).into_owned();
                assert_eq!(done.status.code(), Some(2), "{to} {more:?}: {said}");
                assert!(said.contains("data file"), "{said}");
            }
        }
        assert!(fs::read(dir.path().join(to)).unwrap() == good, "{to}");
    }
    assert_eq!(names(&old), [first, last]);
}

#[test]
fn files_are_called_after_file_table_and_format() {
    let dir = tempfile::tempdir().unwrap();
    let path = data(E4);
    let path = path.to_str().unwrap();
    let done = export_in(dir.path(), &[path, "hydro/rho", "--to", "npy", "--json"]);
    let told: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(told["output"], "output_00100.hydro.rho.npy");
    assert_eq!(told["rows"], 8000);
    assert_eq!(told["columns"][0]["name"], "rho");
    assert_eq!(told["columns"][0]["type"], "Float64");
    let unit = told["columns"][0]["unit"].as_str().unwrap();
    assert!(unit.starts_with("code unit = ") && unit.ends_with(" nH"), "{unit}");
    assert_eq!(told["about"]["output"], 100);
    assert!((told["about"]["time_myr"].as_f64().unwrap() - 148.6287).abs() < 1e-3);
    fs::create_dir(dir.path().join("sub")).unwrap();
    let done = export_in(dir.path(), &[path, "/hydro/data/rho", "--to", "csv", "-o", "sub"]);
    assert_eq!(done.status.code(), Some(0));
    assert_eq!(names(&dir.path().join("sub")), ["output_00100.hydro.data.rho.csv"]);
}

#[test]
fn what_does_not_go_together_is_refused_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = data(E4);
    let path = path.to_str().unwrap();
    for (args, code, part) in [
        (&["hydro", "--to", "npz", "--where", "level = 10"][..], 2, "=="),
        (&["hydro", "--to", "npz", "--columns", "rhoo"], 2, "is it rho?"),
        (&["hydro", "--to", "npz", "--columns", "rho", "--unit", "rho=kpc"], 2, "kpc"),
        (&["hydro", "--to", "npz", "--columns", "rho", "--unit", "T=K"], 2, "no column"),
        (&["hydro/rho", "--to", "npz", "--columns", "T"], 2, "--columns"),
        (&["hydro", "--to", "npz", "--columns", "T,rho,T"], 2, "T twice"),
        (&["hydro", "--to", "npz", "--level", "10"], 2, "0 to 9"),
        (&["hydro", "--to", "csv", "--level", "1"], 2, "not compressed"),
        (&["hydro", "--to", "npz", "--rows", "5:9000"], 2, "9000"),
        (&["hydro", "--to", "npz", "-o", "-"], 2, "-o"),
        (&["stars", "--to", "npz"], 1, "hydro, gravity"),
        (&["hydro", "--to", "npz", "-o", "no/where/a.npz"], 2, "no/where"),
    ] {
        let done = export_in(dir.path(), &[&[path], args].concat());
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(part), "{args:?}: {said}");
        assert!(names(dir.path()).is_empty(), "{args:?}: {:?}", names(dir.path()));
    }
    let done = export_in(dir.path(), &[".", "hydro", "--to", "npz"]);
    assert_eq!(done.status.code(), Some(2));
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(said.contains("jldconv-supervisor export . OUT hydro --to npz"), "{said}");
}

#[test]
fn what_cannot_be_read_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let broken = dir.path().join("broken.jld2");
    let mut bytes = fs::read(data("mera/e4b-none/output_00021.jld2")).unwrap();
    // The columns stand in the middle.
    bytes.truncate(bytes.len() / 2);
    fs::write(&broken, bytes).unwrap();
    let done = export_in(dir.path(), &["broken.jld2", "hydro", "--to", "npz"]);
    assert_eq!(done.status.code(), Some(1), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(names(dir.path()), ["broken.jld2"]);
}
