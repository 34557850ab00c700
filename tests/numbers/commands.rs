//! `jldconv info`, `jldconv stats` and `jldconv dump` of columns, on real files.

use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(path)
}

fn jldconv(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_jldconv")).args(args).output().unwrap()
}

/// What a call that succeeds prints.
pub(crate) fn printed(args: &[&str]) -> String {
    let done = jldconv(args);
    let errors = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(0), "{args:?}: {errors}");
    String::from_utf8(done.stdout).unwrap()
}

/// What a call that fails says, with its exit code.
pub(crate) fn refused(args: &[&str]) -> (i32, String) {
    let done = jldconv(args);
    assert!(done.stdout.is_empty(), "{args:?}");
    (done.status.code().unwrap(), String::from_utf8(done.stderr).unwrap())
}

fn json(args: &[&str]) -> Value {
    let text = printed(&[args, &["--json"]].concat());
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn truth(path: &Path) -> Value {
    let name = format!("{}.quantities.json", path.display());
    serde_json::from_slice(&fs::read(name).unwrap()).unwrap()
}

fn float(value: &Value) -> f64 {
    f64::from_bits(u64::from_str_radix(&value.as_str().unwrap()[2..], 16).unwrap())
}

/// Whether a number that was printed is this one: printing is exact, reading it may be off by a bit.
pub(crate) fn same(found: &Value, expected: f64) -> bool {
    (found.as_f64().unwrap() - expected).abs() <= f64::EPSILON * expected.abs()
}

fn near(found: &Value, expected: f64) -> bool {
    (found.as_f64().unwrap() - expected).abs() <= 1e-12 * expected.abs()
}

const E8: &str = "mera/e8-lz4filter/output_00400.jld2";

#[test]
fn info_tells_time_box_rows_and_columns() {
    let path = data(E8);
    let text = printed(&["info", path.to_str().unwrap()]);
    for part in [
        "output 400",
        "594.515 Myr",
        "box     48 kpc (48 in code units), levels 6 to 10",
        "hydro: 8000 cells, levels 6 to 10",
        "particles: 400 particles",
        "rho     Float64  30.9878 nH",
        "cx      Int64\n",
        "--scan",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    let told = json(&["info", path.to_str().unwrap()]);
    let truth = truth(&path);
    assert!(near(&told["time_myr"], float(&truth["hydro"]["time_Myr"])));
    assert_eq!(told["cosmological"], false);
    assert_eq!(told["tables"][0]["columns"].as_array().unwrap().len(), 11);
    assert!(told["tables"][0]["columns"][0].get("min").is_none(), "no rows were read");
}

#[test]
fn info_with_a_scan_tells_extremes_masses_and_levels() {
    let path = data("mera/e4b-lz4/output_00100.jld2");
    let told = json(&["info", "--scan", path.to_str().unwrap()]);
    let truth = truth(&path);
    for table in told["tables"].as_array().unwrap() {
        let truth = &truth[table["name"].as_str().unwrap()];
        for column in table["columns"].as_array().unwrap() {
            let expected = &truth["columns"][column["name"].as_str().unwrap()];
            for side in ["min", "max"] {
                if expected["type"] == "Float64" {
                    assert!(same(&column[side], float(&expected[side])), "{column}");
                } else {
                    assert_eq!(column[side], expected[side], "{column}");
                }
            }
        }
        match truth["msum_Msol"].as_str() {
            Some(_) => assert!(near(&table["mass_msol"], float(&truth["msum_Msol"]))),
            None => assert!(table.get("mass_msol").is_none(), "Mera has no mass for it"),
        }
        if truth["levels"].is_object() {
            assert_eq!(table["levels"], truth["levels"]);
        }
    }
    let text = printed(&["info", "--scan", path.to_str().unwrap()]);
    assert!(text.contains("cells by level  6: 799, 7: 1398"), "{text}");
    assert!(text.contains("centre of mass at "), "{text}");
}

#[test]
fn info_of_a_directory_is_a_table() {
    let dir = tempfile::tempdir().unwrap();
    for (i, era) in
        ["e0-zlib/output_00007", "e4b-none/output_00021", "mixed/output_00500"].iter().enumerate()
    {
        let to = dir.path().join(format!("output_{i:05}.jld2"));
        fs::copy(data(&format!("mera/{era}.jld2")), to).unwrap();
    }
    let path = dir.path().to_str().unwrap();
    let text = printed(&["info", path]);
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.lines().next().unwrap().contains("time (Myr)"));
    assert!(text.contains("output_00001.jld2"), "{text}");
    // One that is none of Mera's is told in its line, and fails the call.
    fs::write(dir.path().join("output_00003.jld2"), "nothing").unwrap();
    let done = jldconv(&["info", path, "--json"]);
    assert_eq!(done.status.code(), Some(1));
    let lines: Vec<Value> = String::from_utf8(done.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[1]["tables"][0]["rows"], 3000);
    assert!(lines[3]["error"].as_str().unwrap().contains("not a JLD2 file"), "{}", lines[3]);
    let (code, said) = refused(&["info", path, "--prefix", "snap_"]);
    assert_eq!(code, 1);
    assert!(said.contains("no file in it is named snap_NNNNN.jld2"), "{said}");
}

#[test]
fn info_of_what_is_not_meras_says_so() {
    let path = data("small");
    let any = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let any = any.filter(|path| path.extension().is_some_and(|it| it == "jld2")).min().unwrap();
    let (code, said) = refused(&["info", any.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(said.contains("not a file of Mera"), "{said}");
    let (code, said) = refused(&["info", "/no/such/file"]);
    assert_eq!((code, said.contains("No such file")), (1, true), "{said}");
}

#[test]
fn stats_are_those_that_mera_computed() {
    let path = data(E8);
    let all = truth(&path);
    let truth = &all["hydro"];
    for (column, unit, label) in [
        ("hydro/rho", "nH", "rho:nH"),
        ("hydro/T", "K", "T:K"),
        ("hydro/mass", "Msol", "mass:Msol"),
        ("/hydro/data/p", "Ba", "p:Ba"),
    ] {
        let found = json(&["stats", path.to_str().unwrap(), column, "--unit", unit]);
        let expected = &truth["getvar"][label];
        assert_eq!(found["count"], 8000);
        assert_eq!(found["nan"], 0);
        for side in ["min", "max"] {
            assert!(same(&found[side], float(&expected[side])), "{label} {side}");
        }
        assert!(near(&found["sum"], float(&expected["sum"])), "{label}");
        assert!(near(&found["mean"], float(&expected["sum"]) / 8000.0), "{label}");
        let counts = found["histogram"]["counts"].as_array().unwrap();
        assert_eq!(counts.len(), 20);
        assert_eq!(counts.iter().map(|count| count.as_u64().unwrap()).sum::<u64>(), 8000);
    }
    let level = json(&["stats", path.to_str().unwrap(), "hydro/level"]);
    assert_eq!(
        (&level["min"], &level["max"], &level["sum"]),
        (&6.into(), &10.into(), &67572.into())
    );
}

#[test]
fn percentiles_are_those_of_the_sorted_numbers() {
    let path = data(E8);
    let raw = jldconv(&["dump", path.to_str().unwrap(), "/hydro/data/rho", "--raw"]).stdout;
    let (numbers, _) = raw.as_chunks::<8>();
    let mut sorted: Vec<f64> = numbers.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
    sorted.sort_by(f64::total_cmp);
    let asked = "0,12.5,50,99.9,100";
    let found = json(&[
        "stats",
        path.to_str().unwrap(),
        "hydro/rho",
        "--percentiles",
        asked,
        "--bins",
        "0",
    ]);
    assert!(found["histogram"].is_null());
    let told = found["percentiles"].as_array().unwrap();
    assert_eq!(told.len(), 5);
    for pair in told {
        let [p, value] = [0, 1].map(|i| pair[i].as_f64().unwrap());
        let place = 7999.0 * p / 100.0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 8000")]
        let low = place.floor() as usize;
        let (a, b) = (sorted[low], sorted[(low + 1).min(7999)]);
        let expected = a + (place - place.floor()) * (b - a);
        assert!((value - expected).abs() <= 1e-12 * expected.abs(), "{p}: {value} {expected}");
    }
}

#[test]
fn conditions_regions_and_rows_choose() {
    let path = data(E8);
    let file = path.to_str().unwrap();
    let all = truth(&path);
    let truth = &all["hydro"];
    let count = |args: &[&str]| {
        json(&[&["stats", file, "hydro/rho"], args].concat())["count"].as_u64().unwrap()
    };
    for level in 6..=10 {
        let condition = format!("level == {level}");
        let expected = truth["levels"][level.to_string()].as_u64().unwrap();
        assert_eq!(count(&["--where", &condition]), expected);
    }
    let dense = count(&["--where", "level == 10 && rho[nH] > 1"]);
    assert!(dense > 0 && dense < 2233);
    let thin = count(&["--where", "level == 10 && !(rho[nH] > 1)"]);
    assert_eq!(dense + thin, 2233);
    let part = ["--xrange", "0.4:0.6", "--yrange=0.4:0.6", "--zrange=0.45:0.55"];
    assert_eq!(count(&part), truth["loaddata_range"]["n"].as_u64().unwrap());
    // The same box from its middle, and nearly the same in kpc.
    let middle =
        ["--center", "bc", "--xrange=-0.1:0.1", "--yrange=-0.1:0.1", "--zrange=-0.05:0.05"];
    assert_eq!(count(&middle), count(&part));
    let kpc = ["--range-unit", "kpc", "--center=bc", "--xrange=-4.8:4.8"];
    assert!(count(&kpc) > count(&part));
    assert_eq!(count(&["--rows", "100:350"]), 250);
    assert_eq!(count(&["--rows", "0:0"]), 0);
    // Coordinates are counted from the centre, too.
    let x =
        json(&["stats", file, "hydro/x", "--center", "bc", "--range-unit", "kpc", "--unit", "kpc"]);
    let expected = &truth["getvar_center_bc"]["x:kpc"];
    assert!(same(&x["min"], float(&expected["min"])));
}

#[test]
fn stats_of_all_columns_and_as_text() {
    let path = data("mera/e4b-none/output_00021.jld2");
    let file = path.to_str().unwrap();
    let text = printed(&["stats", file]);
    assert!(text.starts_with("hydro/level\n  count   3000\n"), "{text}");
    assert!(text.contains("\nclumps/mass_cl\n  count   12\n"), "{text}");
    let text = printed(&["stats", file, "hydro/rho", "--unit", "nH"]);
    assert!(text.starts_with("hydro/rho [nH]\n"), "{text}");
    assert!(text.contains("50%") && text.contains("█"), "{text}");
    assert_eq!(text.matches('\n').count(), 1 + 5 + 7 + 22, "{text}");
    let lines = printed(&["stats", file, "clumps", "--json"]);
    assert_eq!(lines.lines().count(), 7, "{lines}");
    // Any array of a file will do.
    let array = data("chunks/layout5.h5");
    let paths = printed(&["dump", array.to_str().unwrap()]);
    let name = paths.split_whitespace().find(|word| word.starts_with('/')).unwrap();
    let name = name.trim_end_matches(':');
    printed(&["stats", array.to_str().unwrap(), name]);
}

#[test]
fn a_histogram_is_drawn_as_png() {
    let dir = tempfile::tempdir().unwrap();
    let (path, png) = (data(E8), dir.path().join("rho.png"));
    let (file, to) = (path.to_str().unwrap(), png.to_str().unwrap());
    let args = ["stats", file, "hydro/rho", "--unit", "nH", "--png", to];
    printed(&args);
    let bytes = fs::read(&png).unwrap();
    assert_eq!(bytes[..8], *b"\x89PNG\r\n\x1a\n");
    let size = [16, 20].map(|at| u32::from_be_bytes(*bytes[at..].first_chunk().unwrap()));
    assert_eq!(size, [1200, 700]);
    // All chunks have their checksums, and the scan lines come out whole.
    let (mut at, mut lines) = (8, Vec::new());
    while at < bytes.len() {
        let len = u32::from_be_bytes(*bytes[at..].first_chunk().unwrap()) as usize;
        let chunk = &bytes[at + 4..at + 8 + len];
        let mut crc = flate2::Crc::new();
        crc.update(chunk);
        let stored = u32::from_be_bytes(*bytes[at + 8 + len..].first_chunk().unwrap());
        assert_eq!(crc.sum(), stored);
        if chunk.starts_with(b"IDAT") {
            lines.extend_from_slice(&chunk[4..]);
        }
        at += 12 + len;
    }
    let mut pixels = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::ZlibDecoder::new(&lines[..]), &mut pixels)
        .unwrap();
    assert_eq!(pixels.len(), 700 * (1 + 3 * 1200));
    let blue = pixels.windows(3).filter(|rgb| *rgb == [0x2b, 0x6c, 0xb0]).count();
    assert!(blue > 10_000, "{blue} pixels of bars");
    let done = jldconv(&args);
    assert_eq!(done.status.code(), Some(1), "nothing is replaced");
    assert!(fs::read(&png).unwrap() == bytes);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    let (code, said) = refused(&["stats", file, "hydro", "--png", to]);
    assert_eq!((code, said.contains("--png draws one column")), (2, true), "{said}");
}

#[test]
fn what_is_wrong_is_told() {
    let path = data(E8);
    let file = path.to_str().unwrap();
    for (args, code, message) in [
        (&["hydro/sigma"][..], 2, "sigma is neither a column of hydro nor a quantity"),
        (&["hydro/rho", "--unit", "nh"], 2, "nh is not a unit that Mera has (is it nH?)"),
        (&["hydro/rho", "--unit", "kpc"], 2, "rho is a density, and kpc measures a length"),
        (&["hydro/rho", "--where", "level = 3"], 2, "compare with =="),
        (&["hydro/rho", "--where", "sigma > 3"], 2, "sigma is neither a column"),
        (&["hydro/rho", "--xrange", "0.6:0.4"], 2, "the range along x ends at 0.4"),
        (&["hydro/rho", "--rows", "0:8001"], 2, "hydro has 8000"),
        (&["gravity/epot"], 1, "there are the tables hydro, particles"),
        (&["/hydro/information/comments"], 1, "numbers"),
        (&["/hydro/data/rho/x"], 1, "behind a table stands the name of a column"),
        (&["/hydro/data/sigma"], 2, "sigma is neither a column"),
    ] {
        let (found, said) = refused(&[&["stats", file], args].concat());
        assert_eq!(found, code, "{args:?}: {said}");
        assert!(said.contains(message), "{args:?}: {said}");
    }
    let done = jldconv(&["stats", file, "hydro/rho", "-v"]);
    let log = String::from_utf8(done.stderr).unwrap();
    assert!(log.contains("decoded pieces"), "{log}");
}

#[test]
fn columns_are_dumped_by_path_and_as_bytes() {
    let path = data(E8);
    let file = path.to_str().unwrap();
    for column in ["/hydro/data/rho", "hydro/data/data/rho"] {
        let text = printed(&["dump", file, column]);
        assert!(text.contains("rho") && text.contains("Float64"), "{text}");
    }
    let canonical = json_of(&printed(&["dump", file, "/hydro/data/rho", "--json"]));
    let all = truth(&path);
    let truth = &all["hydro"]["columns"]["rho"];
    assert_eq!(canonical["/hydro/data/rho"]["sha256"], truth["sha256"]);
    let raw = jldconv(&["dump", file, "/hydro/data/rho", "--raw"]);
    assert_eq!(raw.status.code(), Some(0));
    assert_eq!(raw.stdout.len(), 8 * 8000);
    let digest = format!("{:x}", Sha256::digest(&raw.stdout));
    assert_eq!(digest, truth["sha256"].as_str().unwrap());
    let (code, said) = refused(&["dump", file, "/hydro/data/sigma"]);
    assert_eq!(code, 1);
    assert!(said.contains("/hydro/data is a table with level, cx, cy, cz, rho"), "{said}");
    let (code, said) = refused(&["dump", file, "/hydro/data", "--raw"]);
    assert_eq!(code, 2);
    assert!(said.contains("is a table: name a column of it (level, cx"), "{said}");
    let (code, said) = refused(&["dump", file, "hydro/T", "--raw"]);
    assert_eq!((code, said.contains("is computed")), (2, true), "{said}");
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The same path leads to the same column, whichever command reads it, and a condition may begin with a
/// minus.
#[test]
fn paths_and_conditions_are_written_as_one_likes() {
    let path = data(E8);
    let file = path.to_str().unwrap();
    let column = printed(&["dump", file, "/hydro/data/rho"]);
    assert!(column.starts_with("/hydro/data/rho  Vector{Float64}"), "{column}");
    for other in ["hydro/data/rho", "hydro/rho", "/hydro/rho/"] {
        assert_eq!(printed(&["dump", file, other]), column, "{other}");
    }
    let raw = |path: &str| jldconv(&["dump", file, path, "--raw"]).stdout;
    assert!(!raw("/hydro/data/rho").is_empty() && raw("hydro/rho") == raw("/hydro/data/rho"));
    let (code, said) = refused(&["dump", file, "hydro/nothing"]);
    assert!(code == 1 && said.contains("/hydro has data, info, information"), "{said}");
    let (code, said) = refused(&["dump", file, "hydro/info", "--raw"]);
    assert!(code == 2 && said.contains("/hydro/info is neither an array"), "{said}");
    let all = json(&["stats", file, "hydro/rho"]);
    let some = json(&["stats", file, "hydro/rho", "--where", "-rho < 0"]);
    assert_eq!(all["count"], some["count"]);
    assert_eq!(json(&["stats", file, "hydro/rho", "--where", "-rho > 0"])["count"], 0);
}

/// Width and height of a PNG file, and its pixels without filters' bytes; all checksums are held.
fn pixels(bytes: &[u8]) -> ([usize; 2], Vec<[u8; 3]>) {
    assert_eq!(bytes[..8], *b"\x89PNG\r\n\x1a\n");
    let size = [16, 20].map(|at| u32::from_be_bytes(*bytes[at..].first_chunk().unwrap()) as usize);
    let (mut at, mut lines) = (8, Vec::new());
    while at < bytes.len() {
        let len = u32::from_be_bytes(*bytes[at..].first_chunk().unwrap()) as usize;
        let chunk = &bytes[at + 4..at + 8 + len];
        let mut crc = flate2::Crc::new();
        crc.update(chunk);
        let stored = u32::from_be_bytes(*bytes[at + 8 + len..].first_chunk().unwrap());
        assert_eq!(crc.sum(), stored);
        if chunk.starts_with(b"IDAT") {
            lines.extend_from_slice(&chunk[4..]);
        }
        at += 12 + len;
    }
    let mut all = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::ZlibDecoder::new(&lines[..]), &mut all).unwrap();
    let width = size[0];
    assert_eq!(all.len(), size[1] * (1 + 3 * width));
    let lines = all.chunks(1 + 3 * width).inspect(|line| assert_eq!(line[0], 0));
    let colours = lines.flat_map(|line| line[1..].as_chunks::<3>().0.to_vec());
    (size, colours.collect())
}

#[test]
fn look_makes_pictures_and_numbers_of_the_same_map() {
    let dir = tempfile::tempdir().unwrap();
    let path = data(E8);
    let file = path.to_str().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (png, npy, whole) = (at("sd.png"), at("sd.npy"), at("sd.json"));
    let args = ["look", file, "--res", "64", "-o", &png, "-o", &npy, "-o", &whole];
    let told = json(&args);
    assert_eq!((&told["view"], &told["table"]), (&"projection".into(), &"hydro".into()));
    assert_eq!(told["pixels"], serde_json::json!([64, 64]));
    assert_eq!(told["unit"], "Msol_pc2");
    // The numbers are those of the map, the first axis fastest.
    let bytes = fs::read(&npy).unwrap();
    assert_eq!(bytes[..8], *b"\x93NUMPY\x01\x00");
    let front = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert_eq!(front % 64, 0);
    let header = String::from_utf8(bytes[10..front].to_vec()).unwrap();
    assert!(header.starts_with("{'descr': '<f8', 'fortran_order': True, 'shape': (64, 64), }"));
    assert!(header.ends_with('\n'), "{header:?}");
    let maps: Value = serde_json::from_slice(&fs::read(data("mera-maps.json")).unwrap()).unwrap();
    let truth = &maps["e8-lz4filter/output_00400.jld2"]["hydro"]["sd:Msol_pc2:z:64"];
    let digest = format!("{:x}", Sha256::digest(&bytes[front..]));
    assert_eq!(digest, truth["sha256"].as_str().unwrap());
    let (numbers, _) = bytes[front..].as_chunks::<8>();
    let numbers: Vec<f64> = numbers.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
    let json = json_of(&fs::read_to_string(&whole).unwrap());
    let values = json["values"].as_array().unwrap();
    assert!(values.iter().zip(&numbers).all(|(value, number)| same(value, *number)));
    let sum: f64 = numbers.iter().sum();
    assert!((told["sum"].as_f64().unwrap() / sum - 1.0).abs() < 1e-12);
    // In the picture each pixel is a square of 14, with the last colour where the most is and the
    // first where nothing is.
    let ([width, height], colours) = pixels(&fs::read(&png).unwrap());
    let (left, side) = (150, 14 * 64);
    assert_eq!([width, height], [left + side + 270, 60 + side + 90]);
    let of = |i: usize| {
        let (x, y) = (left + 14 * (i % 64), 60 + 14 * (63 - i / 64));
        let first = colours[y * width + x];
        for (dx, dy) in [(13, 0), (0, 13), (13, 13), (7, 7)] {
            assert_eq!(colours[(y + dy) * width + x + dx], first, "{i}");
        }
        first
    };
    let most = (0..numbers.len()).max_by(|a, b| numbers[*a].total_cmp(&numbers[*b])).unwrap();
    assert_eq!(of(most), [253, 231, 37]);
    let nothing = (0..numbers.len()).find(|i| numbers[*i] <= 0.0).unwrap();
    assert_eq!(of(nothing), [68, 1, 84]);
    let kinds: std::collections::BTreeSet<_> = (0..numbers.len()).map(of).collect();
    assert!(kinds.len() > 50, "{}", kinds.len());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "nothing else is left");
    // Nothing is replaced but with --force, which keeps it.
    let before = fs::read(&png).unwrap();
    let again = ["look", file, "--res", "32", "-o", &png];
    let (code, said) = refused(&again);
    assert_eq!((code, said.contains("--force replaces it")), (1, true), "{said}");
    assert!(fs::read(&png).unwrap() == before);
    let done = jldconv(&[&again[..], &["--force"]].concat());
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(0), "{said}");
    assert!(said.contains("what was there is kept in"), "{said}");
    let kept = fs::read_dir(dir.path().join(".jldconv/replaced")).unwrap().next().unwrap().unwrap();
    assert!(fs::read(kept.path().join("sd.png")).unwrap() == before);
    assert!(fs::read(&png).unwrap() != before);
}

#[test]
fn look_says_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let (png, path) = (dir.path().join("x.png"), data(E8));
    let (to, file) = (png.to_str().unwrap(), path.to_str().unwrap());
    for (args, code, message) in [
        (&["--var", "sigma"][..], 2, "sigma is neither a column of hydro nor a quantity"),
        (&["--unit", "km_s"], 2, "sd is a mass by area, which km_s does not measure"),
        (&["--var", "T", "--unit", "kpc"], 2, "T is a temperature, and kpc measures a length"),
        (&["--table", "stars"], 2, "stars is not a table of Mera (hydro, gravity"),
        (&["--table", "clumps"], 1, "there is no table clumps"),
        (&["--xrange", "0.5:0.5"], 2, "the window has no area"),
        (&["--zrange", "0.5:0.5"], 2, "--slice z=... shows what a plane cuts"),
        (&["--slice", "z=0.5"], 2, "a plane has no mass by area"),
        (&["--table", "particles", "--var", "mass", "--slice", "z=0.5"], 2, "a plane cuts cells"),
        (&["--var", "T", "--slice", "z=0.5", "--zrange", "0:1"], 2, "has no range along z"),
        (&["--var", "vx", "--scale", "log", "--limits=-5:-1"], 2, "is for numbers above 0"),
        (&["--limits", "5:1"], 2, "the limits end before they begin"),
        (&["--mode", "max"], 2, "masses by area are added up"),
        (&["--var", "rho", "--mode", "sum", "--weight", "volume"], 2, "only a mean along the axis"),
        (&["--phase", "rho"], 2, "write two quantities"),
        (&["--phase", "rho,T", "--weight", "none", "--unit", "Msol"], 2, "they have no unit"),
        (&["--where", "level = 3"], 2, "compare with =="),
        (&["--pixels", "9000"], 2, "write a number from 1 to 8192"),
    ] {
        let (found, said) = refused(&[&["look", file, "-o", to], args].concat());
        assert_eq!(found, code, "{args:?}: {said}");
        assert!(said.contains(message), "{args:?}: {said}");
    }
    let (code, said) = refused(&["look", file, "-o", "x.tiff"]);
    assert_eq!((code, said.contains("ends in .png, .npy or .json")), (2, true), "{said}");
    let other = fs::read_dir(data("small")).unwrap().map(|entry| entry.unwrap().path());
    let other = other.filter(|path| path.extension().is_some_and(|it| it == "jld2")).min().unwrap();
    let (code, said) = refused(&["look", other.to_str().unwrap(), "-o", to]);
    assert_eq!((code, said.contains("not a file of Mera")), (1, true), "{said}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left");
}
