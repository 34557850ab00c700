//! Tells the program what it was built from: the commit, the profile and the codecs' versions.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// The packages whose versions decide what bytes an output has.
const CODECS: [&str; 6] = ["bzip2", "flate2", "lz4_flex", "zlib-rs", "zstd", "zstd-sys"];

// Not `JLDCONV_...`: cargo sets these for tests, and the programs take such variables for settings.
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=Cargo.lock");
    println!("cargo::rustc-env=BUILT_WITH_CODECS={}", codecs());
    let target = env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-env=BUILT_FOR={target}");
    // A debug build would be made anew after each commit.
    let released = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = if released { packaged().or_else(checked_out) } else { None };
    println!("cargo::rustc-env=BUILT_FROM_COMMIT={}", commit.unwrap_or_default());
}

/// `name version` of each codec, by the lock file.
fn codecs() -> String {
    let lock = fs::read_to_string("Cargo.lock").unwrap_or_default();
    let mut found = Vec::new();
    let mut name = "";
    for line in lock.lines() {
        if let Some(told) = value(line, "name") {
            name = told;
        } else if let Some(version) = value(line, "version")
            && CODECS.contains(&name)
        {
            found.push(format!("{name} {version}"));
        }
    }
    found.join(", ")
}

fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.strip_prefix(key)?
        .trim_start()
        .strip_prefix('=')?
        .trim()
        .strip_prefix('"')?
        .strip_suffix('"')
}

/// The commit that a published package names in the file that cargo adds to it.
fn packaged() -> Option<String> {
    let told = fs::read_to_string(".cargo_vcs_info.json").ok()?;
    let (_, rest) = told.split_once("\"sha1\"")?;
    let commit = rest.split('"').nth(1)?;
    Some(commit.to_owned())
}

/// The commit of a checkout of this repository, and whether files differ from it.
fn checked_out() -> Option<String> {
    // A package that was unpacked inside another repository is none of that one's commits.
    Path::new(".git").exists().then_some(())?;
    for name in ["HEAD", "logs/HEAD", "index"] {
        if let Some(path) = git(&["rev-parse", "--git-path", name])
            && Path::new(&path).exists()
        {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let commit = git(&["rev-parse", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changed.is_empty() { commit } else { format!("{commit} with changes") })
}

fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
