//! NumPy's files and CSV, read by NumPy and Python.

use super::python::{printed, python, run};
use super::setting::{E4, columns, data, export, export_in, quantities, samples};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A column as Python read it.
#[derive(Debug, Clone, PartialEq)]
struct Read {
    name: String,
    kind: String,
    shape: Vec<u64>,
    sha256: String,
}

/// What Python reads of each file; none without a Python.
fn read(files: &[PathBuf]) -> Option<Vec<Vec<Read>>> {
    let told = printed(&run(&python()?, "exported.py", files));
    let told: Value = serde_json::from_str(&told).unwrap();
    let column = |it: &Value| Read {
        name: it[0].as_str().unwrap().to_owned(),
        kind: it[1].as_str().unwrap().to_owned(),
        shape: it[2].as_array().unwrap().iter().map(|d| d.as_u64().unwrap()).collect(),
        sha256: it[3].as_str().unwrap().to_owned(),
    };
    let of = |file: &PathBuf| {
        told[file.to_str().unwrap()].as_array().unwrap().iter().map(column).collect()
    };
    Some(files.iter().map(of).collect())
}

fn named(columns: &[Read]) -> Vec<(String, String)> {
    columns.iter().map(|it| (it.name.clone(), it.sha256.clone())).collect()
}

#[test]
fn tables_of_all_eras_are_what_julia_read() {
    let dir = tempfile::tempdir().unwrap();
    let (mut files, mut wanted) = (Vec::new(), Vec::new());
    for (i, sample) in samples().iter().enumerate() {
        for table in ["hydro", "gravity", "particles", "clumps"] {
            let truth = columns(sample, table);
            // Records and text once for each codec would tell nothing new.
            let more: &[&str] = if i % 4 == 0 { &["npy", "csv"] } else { &[] };
            for to in ["npz"].iter().chain(more).filter(|_| !truth.is_empty()) {
                let file = dir.path().join(format!("{i}-{table}.{to}"));
                export(sample, table, to, &file, &[]);
                files.push(file);
                wanted.push(truth.clone());
            }
        }
    }
    assert!(wanted.len() > 40, "{}", wanted.len());
    let Some(found) = read(&files) else { return };
    for ((file, found), wanted) in files.iter().zip(found).zip(wanted) {
        assert_eq!(named(&found), wanted, "{}", file.display());
    }
}

#[test]
fn quantities_in_units_are_what_mera_computes() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(E4);
    let truth = quantities(&file);
    let sha = |name: &str| truth["hydro"]["getvar_center_bc"][name]["sha256"].clone();
    let stated = [sha("x:kpc"), sha("r_sphere:kpc")];
    assert!(stated.iter().all(Value::is_string));
    let files = ["npz", "npy", "csv"].map(|to| dir.path().join(format!("a.{to}")));
    let more = ["--columns", "x,r_sphere", "--unit", "kpc", "--center", "bc"];
    for (file_out, to) in files.iter().zip(["npz", "npy", "csv"]) {
        export(&file, "hydro", to, file_out, &more);
    }
    let Some(found) = read(&files) else { return };
    for (found, labels) in
        found.iter().zip([["x", "r_sphere"], ["x", "r_sphere"], ["x [kpc]", "r_sphere [kpc]"]])
    {
        assert_eq!(found.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), labels);
        assert_eq!(
            found.iter().map(|it| Value::from(it.sha256.clone())).collect::<Vec<_>>(),
            stated
        );
    }
}

#[test]
fn rows_are_chosen_by_condition_range_and_place() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(E4);
    let truth = quantities(&file)["hydro"].clone();
    let out = |name: &str| dir.path().join(name);
    export(&file, "hydro/rho", "npy", &out("level.npy"), &["--where", "level == 7"]);
    export(&file, "hydro/rho", "npy", &out("rows.npy"), &["--rows", "5:12"]);
    export(&file, "hydro", "npz", &out("all.npz"), &["--columns", "rho"]);
    // What Mera loads of a part of the box.
    let range = truth["loaddata_range"]["ranges"].as_array().unwrap();
    let float = |i: usize| {
        f64::from_bits(u64::from_str_radix(&range[i].as_str().unwrap()[2..], 16).unwrap())
    };
    let sides = |i: usize| format!("{:?}:{:?}", float(i), float(i + 1));
    let ranges = [sides(0), sides(2), sides(4)];
    let more =
        ["--xrange", &ranges[0], "--yrange", &ranges[1], "--zrange", &ranges[2], "--level", "6"];
    export(&file, "hydro", "npz", &out("part.npz"), &more);
    let files = ["level.npy", "rows.npy", "all.npz", "part.npz"].map(out);
    let Some(found) = read(&files) else { return };
    assert_eq!(found[0][0].shape, [truth["levels"]["7"].as_u64().unwrap()]);
    assert_eq!(found[1][0].shape, [7]);
    assert_eq!(found[2][0].shape, [8000]);
    assert_eq!(found[3].len(), 11);
    assert_eq!(found[3][0].shape, [truth["loaddata_range"]["n"].as_u64().unwrap()]);
    // The same once more by NumPy.
    let all = found[2][0].sha256.clone();
    assert_eq!(all, columns(&file, "hydro").iter().find(|it| it.0 == "rho").unwrap().1);
}

/// Runs the script about arrays, with these arguments.
fn arrays(args: &[&Path]) -> Option<String> {
    let args: Vec<_> = args.iter().map(|&path| path.to_owned()).collect();
    Some(printed(&run(&python()?, "exported_arrays.py", &args)))
}

#[test]
fn arrays_keep_their_types_and_shapes() {
    let dir = tempfile::tempdir().unwrap();
    let made = dir.path().join("made.h5");
    if arrays(&[Path::new("make"), &made]).is_none() {
        return;
    }
    for file in [made, data("chunks/arrays.h5")] {
        let listed = arrays(&[Path::new("list"), &file]).unwrap();
        let listed: Vec<String> = serde_json::from_str(&listed).unwrap();
        assert!(listed.len() > 15);
        for (i, path) in listed.iter().enumerate() {
            export(
                &file,
                path,
                "npy",
                &dir.path().join(format!("{i}.npy")),
                &["--force", "--discard-replaced"],
            );
        }
        let count = arrays(&[Path::new("check"), &file, dir.path()]).unwrap();
        assert_eq!(count.trim(), listed.len().to_string());
    }
    // What holds columns only says so.
    let file = data("hdf5/dense.h5");
    let done = export_in(dir.path(), &[file.to_str().unwrap(), "/data", "--to", "csv"]);
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(2), "{said}");
    assert!(said.contains("2 dimensions") && said.contains("npy"), "{said}");
}

#[test]
fn text_goes_to_a_pipe_and_is_exact() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(E4);
    let path = file.to_str().unwrap();
    let args = [
        path,
        "hydro",
        "--to",
        "csv",
        "-o",
        "-",
        "--columns",
        "level,rho",
        "--unit",
        "rho=nH",
        "--rows",
        ":3",
    ];
    let done = export_in(dir.path(), &args);
    let text = String::from_utf8(done.stdout).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "level,rho [nH]");
    assert_eq!(lines.len(), 4);
    for line in &lines[1..] {
        let (level, rho) = line.split_once(',').unwrap();
        assert!((6..=10).contains(&level.parse::<i64>().unwrap()));
        let number: f64 = rho.parse().unwrap();
        assert_eq!(format!("{number:?}"), rho, "no digit more than it needs");
    }
}
