//! Damaged files in an archive: each fails alone, or is converted to what it says.

use crate::run::{Archive, Ended};
use crate::samples::{self, Random, Sample, cuts};
use crate::turn;
use jldconv::h5::{File, RelAddr};
use jldconv::julia::{Digest, Dumper, TypeTable, datasets};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The values of a file by path.
type Values = BTreeMap<String, Value>;

fn values(path: &Path) -> Values {
    let file = File::open(path).unwrap();
    let types = TypeTable::new(&file);
    let dumper = Dumper::new(&types, Digest::Xxh3);
    let value = |addr: RelAddr| {
        let mut out = Vec::new();
        dumper.node(addr, &mut out).unwrap();
        serde_json::from_slice(&out).unwrap()
    };
    datasets(&file).unwrap().into_iter().map(|(path, addr)| (path, value(addr))).collect()
}

/// What a whole file holds before and after its conversion.
struct Whole {
    before: Values,
    after: Values,
}

impl Whole {
    fn of(ended: &Ended) -> Self {
        assert!(!ended.failed(), "{ended:?}");
        Self { before: values(&ended.input), after: values(&ended.output) }
    }

    /// Whether a damaged file that was converted nonetheless became what it says; gives the number
    /// of values that this tells nothing about.
    fn holds(&self, ended: &Ended) -> usize {
        let what = &ended.what;
        let (before, after) = (values(&ended.input), values(&ended.output));
        assert!(before.keys().eq(after.keys()), "{what}: other datasets");
        let mut open = 0;
        for (path, old) in &before {
            let new = &after[path];
            let known = self.before.get(path).zip(self.after.get(path));
            match known {
                // The damage is elsewhere: a whole file's value became a whole file's value.
                Some((whole, expected)) if whole == old => {
                    assert_eq!(new, expected, "{what}: {path}");
                }
                // No rule concerns it: it is as damaged as it was.
                Some((whole, expected)) if whole == expected => {
                    assert_eq!(new, old, "{what}: {path}");
                }
                _ => open += 1,
            }
        }
        open
    }
}

/// Damages whole files in many ways; gives each with the index of the file that it is made of.
fn damage(wholes: &[Sample]) -> Vec<(usize, Sample)> {
    let mut random = Random(0x6172_6368);
    let mut out = Vec::new();
    for (i, whole) in wholes.iter().enumerate() {
        let (name, bytes) = whole;
        // Each file is cut in places of its own, all together everywhere.
        let some = cuts(whole).into_iter().skip(i).step_by(wholes.len());
        out.extend(some.map(|cut| (i, cut)));
        out.extend((0..75).map(|_| (i, random.flip(name, bytes))));
        out.extend((0..25).map(|_| (i, random.blank(name, bytes))));
    }
    out
}

/// What failed says where: file (which was looked at), place in it, and value if it is one's.
fn clear(ended: &Ended) {
    let Ended { what, message, .. } = ended;
    let whole = ["empty", "truncated", "not a JLD2 file"].iter().any(|w| message.contains(w));
    assert!(whole || message.contains("at byte "), "{what}: {message}");
}

#[test]
fn damaged_files_fail_alone_or_become_what_they_say() {
    let _turn = turn();
    let wholes = samples::generated();
    let (from, damaged): (Vec<usize>, Vec<Sample>) = damage(&wholes).into_iter().unzip();
    let archive = Archive::of(wholes.iter().cloned().chain(damaged));
    let mut ended = archive.convert("new", &["--verify", "content"]);
    let damaged = ended.split_off(wholes.len());
    let wholes: Vec<Whole> = ended.iter().map(Whole::of).collect();
    let mut counts = BTreeMap::new();
    let (mut values, mut open) = (0, 0);
    for (from, ended) in from.into_iter().zip(&damaged) {
        let kind = if ended.what.contains(" cut to ") { "cut" } else { "changed" };
        *counts.entry((kind, ended.outcome.as_str())).or_insert(0) += 1;
        if ended.failed() {
            clear(ended);
            continue;
        }
        values += wholes[from].before.len();
        open += wholes[from].holds(ended);
        if ended.outcome == "unchanged" {
            let same = fs::read(&ended.input).unwrap() == fs::read(&ended.output).unwrap();
            assert!(same, "{}: no copy", ended.what);
        }
    }
    eprintln!("{counts:?}; {open} of {values} values are of damaged objects that a rule concerns");
    assert_eq!(counts.get(&("cut", "failed")), Some(&50), "{counts:?}");
    assert_eq!(counts.keys().filter(|(kind, _)| *kind == "cut").count(), 1, "{counts:?}");
    for outcome in ["failed", "converted", "unchanged"] {
        assert!(counts[&("changed", outcome)] > 10, "{counts:?}");
    }
    assert!(open * 10 < values, "{open} of {values} values are not known");
}
