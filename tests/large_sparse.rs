//! Files of 20 GiB and of more than a tebibyte, nearly all of it holes: more than 2^32 rows, columns
//! of more than 4 GiB, addresses above 2^40. They are looked at, patched, changed in place and back in
//! moments and little memory, and holes stay holes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "common/clean.rs"]
mod clean;
#[path = "common/memory.rs"]
mod memory;
#[path = "../examples/generate/mera/mod.rs"]
#[expect(unused_imports, dead_code, reason = "what else the generator's program needs")]
mod mera;

use clean::clean;
use jldconv::h5::Layout;
use memory::watched;
use mera::{Packing, Template};
use rustix::fs::SeekFrom;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const SOME: f64 = 42.5;
/// Anonymous memory of a process in KiB.
const MOST: u64 = 32 << 10;
/// To read 20 GiB of zeros takes longer on any machine, and much longer without optimization.
const READING: Duration = Duration::from_secs(30);

/// Makes a file with so many rows in each of eleven columns; `None` where the file system has no
/// files of this size.
fn sparse(dir: &Path, rows: u64) -> Option<PathBuf> {
    let real =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera/e4b-none/output_00021.jld2");
    let template = Template::read(&real, &["hydro"]).unwrap();
    fs::create_dir_all(dir).unwrap();
    let path = dir.join("output_00001.jld2");
    let file = File::options().create_new(true).read(true).write(true).open(&path).unwrap();
    match template.write(&file, rows, Packing::Sparse, 1) {
        Ok(len) => assert_eq!(file.metadata().unwrap().len(), len),
        Err(error) => {
            let system = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
            assert_eq!(system, Some(ErrorKind::FileTooLarge), "{error:#}");
            return None;
        }
    }
    file.write_all_at(&SOME.to_le_bytes(), last_value(&path, rows)).unwrap();
    file.sync_all().unwrap();
    if !is_sparse(&path) {
        return None;
    }
    Some(path)
}

/// Offset of the last row's density.
fn last_value(path: &Path, rows: u64) -> u64 {
    let file = jld2::File::open(path).unwrap();
    let column = file.dataset("hydro/data").unwrap().table_in("data").unwrap().unwrap();
    assert_eq!(column.len(), rows);
    let column = column.column("rho").unwrap();
    let layout = &column.object().dataset().unwrap().layout;
    let Layout::Contiguous { addr, size, .. } = layout else { panic!("{layout:?}") };
    file.container().superblock().base + addr.0 + size - 8
}

/// Whether nearly all of it takes no space.
fn is_sparse(path: &Path) -> bool {
    let meta = fs::metadata(path).unwrap();
    meta.blocks() * 512 < 2 << 20 && meta.len() > 100 << 20
}

/// Everything in the file that is not zero, with its place.
fn data(path: &Path) -> Vec<(u64, Vec<u8>)> {
    const PIECE: usize = 64;
    let file = File::open(path).unwrap();
    let mut found = Vec::new();
    let mut at = 0;
    while let Ok(start) = rustix::fs::seek(&file, SeekFrom::Data(at)) {
        let end = rustix::fs::seek(&file, SeekFrom::Hole(start)).unwrap();
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        file.read_exact_at(&mut bytes, start).unwrap();
        // Blocks of zeros may be holes or not.
        let pieces = (start..).step_by(PIECE).zip(bytes.chunks(PIECE));
        let told = pieces.filter(|(_, bytes)| bytes.iter().any(|byte| *byte != 0));
        found.extend(told.map(|(at, bytes)| (at, bytes.to_vec())));
        at = end;
    }
    found
}

/// Runs a program; what it printed. Watches its memory.
fn run(program: &str, args: &[&str], dir: &TempDir) -> Vec<u8> {
    let [out, err] = ["stdout", "stderr"].map(|name| dir.path().join(name));
    let mut command = Command::new(program);
    clean(&mut command)
        .args(args)
        .current_dir(dir.path())
        .stdout(File::create(&out).unwrap())
        .stderr(File::create(&err).unwrap());
    let (status, most) = watched(&mut command);
    assert!(status.success(), "{args:?}: {}", fs::read_to_string(err).unwrap());
    assert!((1..MOST).contains(&most), "{args:?}: {most} KiB");
    fs::read(out).unwrap()
}

fn through_all(rows: u64) {
    let dir = tempfile::tempdir().unwrap();
    let Some(input) = sparse(&dir.path().join("in"), rows) else {
        eprintln!("skipped: no files with holes of this size here");
        return;
    };
    let before = data(&input);
    let jldconv = |args: &[&str]| run(env!("CARGO_BIN_EXE_jldconv"), args, &dir);
    let told = jldconv(&["inspect", "--json", "in/output_00001.jld2"]);
    let told: serde_json::Value = serde_json::from_slice(&told).unwrap();
    assert!(told.to_string().contains("mera-scales"), "{told}");

    jldconv(&["convert", "in/output_00001.jld2", "patched.jld2", "--verify", "structure"]);
    let patched = dir.path().join("patched.jld2");
    assert!(is_sparse(&patched));
    assert!(fs::metadata(&patched).unwrap().len() > fs::metadata(&input).unwrap().len());
    let file = jld2::File::open(&patched).unwrap();
    let table = file.dataset("hydro/data").unwrap().table_in("data").unwrap().unwrap();
    assert_eq!(table.len(), rows);
    let rho = table.column("rho").unwrap().slice::<f64>(rows - 3..rows).unwrap();
    assert_eq!(rho, [0.0, 0.0, SOME]);

    // A check of every byte does not read holes.
    let begin = Instant::now();
    jldconv(&["convert", "in/output_00001.jld2", "checked.jld2", "--verify", "bytes"]);
    assert!(begin.elapsed() < READING, "{:?}", begin.elapsed());
    let checked = dir.path().join("checked.jld2");
    assert!(data(&checked) == data(&patched) && is_sparse(&checked));

    run(
        env!("CARGO_BIN_EXE_jldconv-supervisor"),
        &["in", "out", "--verify", "structure", "--yes"],
        &dir,
    );
    let made = dir.path().join("out/output_00001.jld2");
    assert!(is_sparse(&made));
    assert!(data(&made) == data(&patched));

    jldconv(&["convert", "in/output_00001.jld2", "--mode", "in-place", "--verify", "structure"]);
    assert!(is_sparse(&input));
    assert!(data(&input) == data(&patched));
    jldconv(&["undo", "in/output_00001.jld2"]);
    assert!(data(&input) == before && is_sparse(&input));
}

/// A bit in the middle of a hole is found, and where it is.
#[test]
#[cfg(feature = "fault")]
fn one_bit_in_a_hole() {
    let dir = tempfile::tempdir().unwrap();
    let rows = (20 << 30) / 88;
    let Some(input) = sparse(&dir.path().join("in"), rows) else {
        eprintln!("skipped: no files with holes of this size here");
        return;
    };
    let at = last_value(&input, rows) + (1 << 30);
    let ended = Command::new(env!("CARGO_BIN_EXE_jldconv"))
        .args(["convert", "in/output_00001.jld2", "new.jld2"])
        .env("JLDCONV_FLIP", format!("{at}@output_00001"))
        .current_dir(dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(!ended.status.success() && !dir.path().join("new.jld2").exists(), "{said}");
    assert!(said.contains(&format!("byte {at} is 0x08 on the disk")), "{said}");
}

/// Two files of which nearly all are holes are the same, until one value in a hole is another.
#[test]
fn holes_are_compared() {
    let dir = tempfile::tempdir().unwrap();
    let rows = (256 << 20) / 88;
    let Some(old) = sparse(&dir.path().join("in"), rows) else {
        eprintln!("skipped: no files with holes of this size here");
        return;
    };
    let new = dir.path().join("new.jld2");
    run(env!("CARGO_BIN_EXE_jldconv"), &["convert", "in/output_00001.jld2", "new.jld2"], &dir);
    let verify = || {
        let ended = Command::new(env!("CARGO_BIN_EXE_jldconv"))
            .args([Path::new("verify"), &old, &new])
            .output()
            .unwrap();
        (ended.status.code(), String::from_utf8(ended.stdout).unwrap())
    };
    let (code, said) = verify();
    assert_eq!(code, Some(0), "{said}");
    let file = File::options().write(true).open(&new).unwrap();
    file.write_all_at(&SOME.to_le_bytes(), last_value(&new, rows) - (8 << 20)).unwrap();
    let (code, said) = verify();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("rho"), "{said}");
}

#[test]
fn twenty_gibibytes() {
    through_all((20 << 30) / 88);
}

#[test]
fn more_than_2_32_rows_and_addresses_above_2_40() {
    through_all(13 << 30);
}
