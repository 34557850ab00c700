//! Files of very many small things are rewritten, checked and compared in memory that hardly grows
//! with their number. Real processes: what they take is what the system says.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../examples/generate/many/mod.rs"]
mod many;

use many::Kind;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// Runs the program; the most memory that was its own at any time, in MiB.
fn memory(args: &[&Path]) -> u64 {
    let mut child = Command::new(env!("CARGO_BIN_EXE_jldconv"))
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    let ended = loop {
        // It can end at any moment.
        let text = fs::read_to_string(&status).unwrap_or_default();
        let own = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let own = own.and_then(|own| own.trim().trim_end_matches(" kB").parse().ok());
        most = most.max(own.unwrap_or(0_u64));
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        sleep(Duration::from_millis(2));
    };
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
    // Caches of heaps, which are bounded, are full with the first.
    flat(Kind::Strings, [200_000, 800_000], 14);
}

#[test]
fn entries_of_a_dictionary() {
    // As there.
    flat(Kind::Dict, [80_000, 240_000], 14);
}
