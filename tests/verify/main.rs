//! `jldconv verify OLD NEW` with the real program on real files: what rules explain, what they do
//! not, and two directories.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../common/clean.rs"]
mod clean;
mod converted;
mod differing;
mod directories;
mod each_byte;
mod poke;
mod supervised;

use assert_cmd::Command;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// One file of each era, and what has no era.
const EACH: [&str; 9] = [
    "e0-zlib/output_00007",
    "e4b-bzip2/output_00020",
    "e4b-lz4/output_00100",
    "e4b-none/output_00021",
    "e4d-lz4/output_00200",
    "e6-lz4/output_00300",
    "e8-lz4filter/output_00400",
    "mixed/output_00500",
    "real-mera-1.9/output_00001",
];

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn mera(name: &str) -> PathBuf {
    data(&format!("mera/{name}.jld2"))
}

/// What a run of the program ended with.
struct Ended {
    code: i32,
    out: String,
    err: String,
}

fn jldconv(args: &[&str]) -> Ended {
    ended(Command::new(env!("CARGO_BIN_EXE_jldconv")).args(args))
}

fn ended(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap();
    Ended { code, out: text(output.stdout), err: text(output.stderr) }
}

/// Converts `old` to `new`, as `options` say.
fn convert(old: &Path, new: &Path, options: &[&str]) {
    let paths = [old.to_str().unwrap(), new.to_str().unwrap()];
    let ended = jldconv(&[&["convert", paths[0], paths[1]], options].concat());
    assert_eq!(ended.code, 0, "{} {options:?}: {}", old.display(), ended.err);
}

fn verify(old: &Path, new: &Path, options: &[&str]) -> Ended {
    jldconv(&[&["verify", old.to_str().unwrap(), new.to_str().unwrap()], options].concat())
}

/// The JSON of a comparison that must end with `code`.
fn compared(old: &Path, new: &Path, options: &[&str], code: i32) -> Value {
    let ended = verify(old, new, &[options, &["--json"]].concat());
    assert_eq!((ended.code, ended.err.as_str()), (code, ""), "{}", ended.out);
    serde_json::from_str(&ended.out).unwrap()
}

/// Where and what of each difference.
fn differences(json: &Value) -> Vec<(String, String)> {
    let text = |d: &Value, key: &str| d[key].as_str().unwrap().to_owned();
    let found = json["differences"].as_array().unwrap();
    found.iter().map(|d| (text(d, "path") + &text(d, "at"), text(d, "what"))).collect()
}
