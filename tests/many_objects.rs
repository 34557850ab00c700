//! Files of very many small things are rewritten, checked and compared in memory that hardly grows
//! with their number. Real processes: what they take is what the system says.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../examples/generate/many/mod.rs"]
mod many;
#[path = "common/memory.rs"]
mod memory;

use many::Kind;
use memory::watched;
use serde_json::Value;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs the program; the most memory that was its own at any time, in MiB.
fn memory(args: &[&Path]) -> u64 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jldconv"));
    command.args(args).stdout(Stdio::null());
    let (ended, most) = watched(&mut command);
    assert!(ended.success(), "{args:?}: {ended}");
    most >> 10
}

/// A file with the second of `counts` takes at most `more` MiB more than one with the first. The lists
/// and maps of before took 150 bytes and more for each thing.
fn flat(kind: Kind, counts: [u64; 2], more: u64) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let [old, new] = ["old.jld2", "new.jld2"].map(|name| dir.path().join(name));
    let taken = counts.map(|count| {
        many::write(&File::create(&old).unwrap(), kind, count).unwrap();
        let rewrite = memory(&[Path::new("convert"), &old, &new, Path::new("--repack")]);
        let comparison = memory(&[Path::new("verify"), &old, &new]);
        fs::remove_file(&new).unwrap();
        [rewrite, comparison]
    });
    eprintln!("{kind:?}: MiB to rewrite and to compare {counts:?}: {taken:?}");
    let [small, large] = taken;
    for (what, (small, large)) in ["rewrite", "comparison"].iter().zip(small.iter().zip(large)) {
        assert!(*small > 0, "nothing was measured");
        assert!(large <= small + more, "{kind:?}: a {what} took {small} MiB, then {large} MiB");
    }
}

/// Of so many objects a second thread compares the values while the first one writes and checks.
#[test]
fn the_output_is_the_same_for_any_number_of_threads() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    for kind in [Kind::Boxed, Kind::Links, Kind::Dict] {
        let input = dir.path().join("in.jld2");
        many::write(&File::create(&input).unwrap(), kind, 6_000).unwrap();
        let made = ["1", "2", "7"].map(|threads| {
            let output = dir.path().join(threads);
            let mut command = Command::new(env!("CARGO_BIN_EXE_jldconv"));
            command.arg("convert").args([&input, &output]);
            command.args(["--repack", "--verify", "content", "--threads", threads, "--json"]);
            let ended = command.output().unwrap();
            assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
            let bytes = fs::read(&output).unwrap();
            fs::remove_file(&output).unwrap();
            let report = String::from_utf8(ended.stdout).unwrap();
            let digests = report.lines().filter(|line| line.contains("\"digest\""));
            (bytes, digests.map(str::to_owned).collect::<Vec<_>>())
        });
        let [one, two, seven] = made;
        assert!(one.1.len() > 1, "{:?}", one.1);
        assert!(one == two && one == seven, "{kind:?}: {:?}, {:?}, {:?}", one.1, two.1, seven.1);
    }
}

/// One thread reads the values of each side, or one those of both. What differs is told in the same words
/// and the same order: things that only one side has, and damaged ones.
#[test]
fn a_comparison_is_the_same_for_any_number_of_threads() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let [old, new, damaged] = ["old", "new", "damaged"].map(|name| dir.path().join(name));
    for kind in [Kind::Boxed, Kind::Links, Kind::Dict, Kind::Strings] {
        many::write(&File::create(&old).unwrap(), kind, 5_000).unwrap();
        many::write(&File::create(&new).unwrap(), kind, 4_980).unwrap();
        let mut bytes = fs::read(&old).unwrap();
        let len = bytes.len();
        (1..9).for_each(|part| bytes[len / 9 * part] ^= 0x10);
        fs::write(&damaged, bytes).unwrap();
        for (other, same) in [(&old, true), (&new, false), (&damaged, false)] {
            let told = ["1", "2", "7"].map(|threads| {
                let mut command = Command::new(env!("CARGO_BIN_EXE_jldconv"));
                command.arg("verify").args([&old, other]).args(["--json", "--jobs", threads]);
                let ended = command.output().unwrap();
                assert_eq!(ended.status.success(), same, "{kind:?}: {other:?}");
                (ended.status.code(), ended.stdout, ended.stderr)
            });
            assert!(told[0] == told[1] && told[0] == told[2], "{kind:?}: {other:?}");
            assert!(
                told[0].1.len() + told[0].2.len() > 50,
                "{kind:?}: {other:?}: nothing was told"
            );
        }
    }
}

#[test]
fn values_that_are_objects_of_their_own() {
    flat(Kind::Boxed, [30_000, 120_000], 6);
}

#[test]
fn strings_that_are_objects_of_their_own() {
    flat(Kind::Texts, [30_000, 120_000], 6);
}

#[test]
fn strings_in_heaps() {
    // Caches of heaps, which are bounded, are full with the first, and the second thread's are there.
    flat(Kind::Strings, [300_000, 650_000], 14);
}

#[test]
fn entries_of_a_dictionary() {
    // Both threads' caches fill up: 20 MiB. Of three objects each, the lists of before took 45.
    flat(Kind::Dict, [60_000, 160_000], 24);
}

#[test]
fn links_of_one_group() {
    flat(Kind::Links, [40_000, 120_000], 8);
}

/// More than is read of a file in one piece.
#[test]
fn a_string_of_any_length() {
    const LEN: u64 = (256 << 20) + 12_345;
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let [old, new] = ["old.jld2", "new.jld2"].map(|name| dir.path().join(name));
    many::write(&File::create(&old).unwrap(), Kind::Long, LEN).unwrap();
    // Its place in the middle, and what stands around it.
    let file = File::options().write(true).open(&old).unwrap();
    file.write_all_at(b"in the middle", LEN / 2).unwrap();
    let most = memory(&[
        Path::new("convert"),
        &old,
        &new,
        Path::new("--repack"),
        Path::new("--verify=bytes"),
    ]);
    assert!(most < 32, "{most} MiB");
    let written = File::open(&new).unwrap();
    let (len, mut at, mut found) = (written.metadata().unwrap().len(), 0, 0);
    assert!((LEN..LEN + 20_000).contains(&len), "{len}");
    let mut window = vec![0; 1 << 20];
    while at < len {
        let n = usize::try_from(len - at).unwrap_or(usize::MAX).min(window.len());
        written.read_exact_at(&mut window[..n], at).unwrap();
        // Mostly zeros, which are passed over quickly.
        if window[..n].iter().any(|byte| *byte != 0) {
            found += window[..n].windows(13).filter(|text| text == b"in the middle").count();
        }
        at += n as u64;
    }
    assert_eq!(found, 1);
}

/// Light files come first, as they are larger: what they take says nothing of the others. Of those, which
/// hold very many strings, no more run at once than fit, though that shows only when they are read.
#[test]
fn no_more_begin_at_once_than_fit_whatever_is_in_them() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let [old, new, report] = ["old", "new", "report.json"].map(|name| dir.path().join(name));
    fs::create_dir(&old).unwrap();
    let [light, heavy] = ["light", "heavy"].map(|name| dir.path().join(name));
    let sample = "tests/data/mera/e4b-none/output_00021.jld2";
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(sample), &light).unwrap();
    // Something behind its end, which is carried along.
    File::options().write(true).open(&light).unwrap().set_len(16 << 20).unwrap();
    many::write(&File::create(&heavy).unwrap(), Kind::Strings, 250_000).unwrap();
    assert!((8 << 20..16 << 20).contains(&fs::metadata(&heavy).unwrap().len()));
    for number in 1..=14 {
        let of = if number <= 8 { &light } else { &heavy };
        fs::hard_link(of, old.join(format!("output_{number:05}.jld2"))).unwrap();
    }
    let run = Command::new(env!("CARGO_BIN_EXE_jldconv-supervisor"))
        .args([&old, &new])
        .args(["--yes", "--workers", "6", "--memory-limit", "100MiB", "--report"])
        .arg(&report)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
    let report: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    let files = report["files"].as_array().unwrap();
    let peak = |numbers: std::ops::RangeInclusive<u64>| {
        let of_them =
            files.iter().filter(|file| numbers.contains(&file["number"].as_u64().unwrap()));
        of_them.map(|file| file["peak_anon"].as_u64().unwrap() >> 20).max().unwrap()
    };
    // Six at once would not fit into the margin of 80 MiB.
    assert!(peak(1..=8) < 10 && peak(9..=14) > 13, "{} and {} MiB", peak(1..=8), peak(9..=14));
    assert_eq!(report["safety_violations"], 0, "{said}");
    assert_eq!((&report["attempts"], &report["oom_restarts"]), (&14.into(), &0.into()), "{said}");
}
