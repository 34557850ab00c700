//! What reads tables takes little memory beside its cache, however large they are, whatever their codec and
//! however many columns go side by side. Real processes, and what the system says of them.

use crate::memory::watched;
use crate::mera::{Packing, Template};
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

/// KiB that are promised, beside the cache.
const MOST: u64 = 64 << 10;
/// The cache, in KiB.
const CACHE: u64 = 1 << 10;

/// KiB that a call takes at most, of its own.
fn taken(args: &[&str]) -> u64 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jldconv"));
    command.args(args).args(["--cache", "1MiB", "--threads", "2"]).stdout(Stdio::null());
    let (ended, most) = watched(&mut command);
    assert!(ended.success() && most > 0, "{args:?}: {ended}, {most} KiB");
    most
}

/// A table with so many rows, in Julia's frames and in shuffled chunks of Zstandard of this size, through
/// everything that reads rows.
fn bounded(rows: u64, chunk: &str, formats: &[&str]) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (frames, chunks, out) = (at("frames.jld2"), at("chunks.jld2"), at("out"));
    let real =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera/e4b-lz4/output_00100.jld2");
    let template = Template::read(&real, &["hydro"]).unwrap();
    template.write(&File::create(&frames).unwrap(), rows, Packing::Lz4Frame, 1).unwrap();
    let converted = Command::new(env!("CARGO_BIN_EXE_jldconv"))
        .args(["convert", &frames, &chunks, "--mode", "rewrite", "--verify", "none"])
        .args(["--compress", "zstd", "--shuffle", "--chunk", chunk])
        .output()
        .unwrap();
    assert!(converted.status.success(), "{}", String::from_utf8_lossy(&converted.stderr));
    for file in [&frames, &chunks] {
        let mut calls = vec![
            vec!["stats", file, "hydro/rho", "--where", "vx > 0 && lz > -1e9"],
            vec!["look", file, "-o", &out, "--var", "T"],
        ];
        calls.extend(
            formats.iter().map(|&format| vec!["export", file, "hydro", "--to", format, "-o", &out]),
        );
        for mut args in calls {
            let out = if args[0] == "look" { format!("{out}.npy") } else { out.clone() };
            if let Some(place) = args.iter().position(|it| *it == "-o") {
                args[place + 1] = &out;
            }
            let most = taken(&args);
            eprintln!("{rows} rows, {chunk}: {} MiB: {args:?}", most >> 10);
            assert!(most <= MOST + CACHE, "{} MiB: {args:?}", most >> 10);
            fs::remove_file(&out).ok();
        }
    }
    // Where chunks wait in the cache, and where they are decoded again: the same numbers.
    let numbers = [(&frames, "1MiB"), (&chunks, "1MiB"), (&chunks, "1GiB")].map(|(file, cache)| {
        let args = ["export", file, "hydro", "--to", "npy", "-o", &out, "--cache", cache];
        let ended = Command::new(env!("CARGO_BIN_EXE_jldconv")).args(args).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        let numbers = fs::read(&out).unwrap();
        fs::remove_file(&out).unwrap();
        numbers
    });
    assert!(numbers[0] == numbers[1] && numbers[1] == numbers[2]);
}

#[test]
fn tables_are_read_in_bounded_memory() {
    let format = if cfg!(feature = "arrow") { "parquet" } else { "npz" };
    bounded(200_000, "1MiB", &[format]);
}

/// Chunks as large as people make them, and all formats.
#[test]
#[ignore = "minutes without optimization; by hand"]
fn large_tables_are_read_in_bounded_memory() {
    let all = ["npz", "npy", "csv", "vtu", "parquet", "arrow"];
    let formats = if cfg!(feature = "arrow") { &all[..] } else { &all[..4] };
    for chunk in ["1MiB", "16MiB"] {
        bounded(4_000_000, chunk, formats);
    }
}
