//! Real files, what Julia read of them, and the programs.

use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A file of a Mera of today.
pub(crate) const E4: &str = "mera/e4b-lz4/output_00100.jld2";

pub(crate) fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(path)
}

/// The Mera files of all eras.
pub(crate) fn samples() -> Vec<PathBuf> {
    let eras = fs::read_dir(data("mera")).unwrap();
    let files = eras.flat_map(|era| fs::read_dir(era.unwrap().path()).unwrap());
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|e| e == "jld2"));
    files.sort();
    assert!(files.len() > 8);
    files
}

fn beside(file: &Path, end: &str) -> Value {
    let name = format!("{}.{end}.json", file.display());
    serde_json::from_slice(&fs::read(name).unwrap()).unwrap()
}

/// What real Mera computed of a file.
pub(crate) fn quantities(file: &Path) -> Value {
    beside(file, "quantities")
}

/// The columns of a table with the SHA-256 of their numbers, as Julia read them.
pub(crate) fn columns(file: &Path, table: &str) -> Vec<(String, String)> {
    let truth = beside(file, "truth");
    let fields = &truth[format!("/{table}/data")]["fields"]["data"]["fields"]["columns"]["fields"]
        ["fieldarrays"]["fields"];
    let Some(fields) = fields.as_object() else { return Vec::new() };
    let sha = |column: &Value| column["sha256"].as_str().unwrap().to_owned();
    fields.iter().map(|(name, column)| (name.clone(), sha(column))).collect()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

pub(crate) fn jldconv(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_jldconv")).args(args).output().unwrap()
}

/// Runs `jldconv export` in a directory.
pub(crate) fn export_in(dir: &Path, args: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_jldconv");
    Command::new(program).arg("export").args(args).current_dir(dir).output().unwrap()
}

/// Exports what must succeed into a file, and gives what is printed.
pub(crate) fn export(input: &Path, table: &str, to: &str, output: &Path, more: &[&str]) -> String {
    let (input, output) = (input.to_str().unwrap(), output.to_str().unwrap());
    let args = [&["export", input, table, "--to", to, "-o", output], more].concat();
    let done = jldconv(&args);
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(0), "{args:?}: {said}");
    String::from_utf8(done.stdout).unwrap()
}

/// What is left in a directory, beside what is named; nothing that starts with a dot may be.
pub(crate) fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> =
        entries.map(|it| it.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
