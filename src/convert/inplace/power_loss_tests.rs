//! Tests what a loss of power leaves: what was not synced may be on the disk, or not, or in part.
//!
//! A change is recorded as the calls it makes. Then, for each point in that record, a disk is made
//! up on which all that was synced before is there, and of the rest any sectors, in any order; names
//! in the order in which they were changed, up to any point. From each such disk recovery has to
//! make the old file or the new one.

use crate::convert::inplace::tests::Case;
use crate::convert::inplace::*;
use crate::migrate::edit::Replace;
use crate::sys::io_recorder::{self, Op};
use crate::test_random::Random;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;

const SECTOR: usize = 512;

#[derive(Debug, Clone, Default)]
struct Disk {
    files: BTreeMap<u64, Vec<u8>>,
    names: BTreeMap<OsString, u64>,
}

fn write(file: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[offset..end].copy_from_slice(bytes);
}

impl Disk {
    fn read(dir: &std::path::Path) -> Self {
        let mut disk = Self::default();
        for entry in fs::read_dir(dir).unwrap() {
            let entry = entry.unwrap();
            let ino = entry.metadata().unwrap().ino();
            disk.names.insert(entry.file_name(), ino);
            disk.files.insert(ino, fs::read(entry.path()).unwrap());
        }
        disk
    }

    fn write(&self, dir: &std::path::Path) {
        for (name, ino) in &self.names {
            fs::write(dir.join(name), self.files.get(ino).map_or(&[][..], |bytes| bytes)).unwrap();
        }
    }

    /// Carries out a call on names.
    fn name(&mut self, op: &Op) {
        match op {
            Op::Create { name, ino } => {
                self.names.insert(name.clone(), *ino);
            }
            Op::Rename { from, to } => {
                let ino = self.names.remove(from).unwrap();
                self.names.insert(to.clone(), ino);
            }
            Op::Remove { name } => {
                self.names.remove(name);
            }
            _ => {}
        }
    }

    /// The disk after a power cut behind `ops`.
    fn after(mut self, ops: &[Op], dice: &mut Random) -> Self {
        // Each third disk keeps all that was written, each third nothing that was not synced.
        let keep = [1, 2, usize::MAX][dice.roll(3)];
        let mut kept = || keep == 1 || (keep == 2 && dice.roll(2) == 0);
        for (i, op) in ops.iter().enumerate() {
            let later = &ops[i..];
            match op {
                Op::Write { ino, offset, bytes } => {
                    let synced = later.contains(&Op::Sync { ino: *ino });
                    let mut at = usize::try_from(*offset).unwrap();
                    let mut rest = &bytes[..];
                    while !rest.is_empty() {
                        let (sector, next) = rest.split_at(rest.len().min(SECTOR - at % SECTOR));
                        if synced || kept() {
                            write(self.files.entry(*ino).or_default(), at, sector);
                        }
                        at += sector.len();
                        rest = next;
                    }
                }
                Op::SetLen { ino, len } if later.contains(&Op::Sync { ino: *ino }) || kept() => {
                    let len = usize::try_from(*len).unwrap();
                    self.files.entry(*ino).or_default().resize(len, 0);
                }
                _ => {}
            }
        }
        let synced = ops.iter().rposition(|op| *op == Op::SyncDir).unwrap_or(0);
        let reached = synced + dice.roll(ops.len() - synced + 1);
        ops[..reached].iter().for_each(|op| self.name(op));
        self
    }
}

/// In memory where that is possible: thousands of disks are made up here, and none is ever real.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Ends in the old or the new file after a power cut anywhere in `ops`, and again in one anywhere
/// in the recovery from that.
fn play(case: &Case, before: &Disk, ops: &[Op], rounds: u64, done: &dyn Fn(&[Op]) -> Option<bool>) {
    let options = InPlace::default();
    for cut in 0..=ops.len() {
        for round in 0..rounds {
            let mut dice = Random(cut as u64 * 1000 + round);
            let disk = before.clone().after(&ops[..cut], &mut dice);
            let dir = scratch();
            let path = dir.path().join("a.jld2");
            disk.write(dir.path());
            assert_stages(case, &fs::read(&path).unwrap());
            let found = Disk::read(dir.path());
            let (recovered, again) = io_recorder::record(|| recover(&path, &options));
            let recovered = recovered.unwrap_or_else(|e| panic!("cut {cut} round {round}: {e}"));
            let bytes = fs::read(&path).unwrap();
            assert!(bytes == case.old || bytes == case.new, "cut {cut} round {round}");
            if let Some(new) = done(&ops[..cut]) {
                assert_eq!(bytes == case.new, new, "cut {cut} round {round}");
            }
            match recovered {
                Recovered::Complete(_) => {
                    assert!(bytes == case.new);
                    undo(&path, &options).unwrap();
                    assert!(fs::read(&path).unwrap() == case.old);
                }
                Recovered::Untouched | Recovered::TakenBack => {
                    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
                }
            }
            if recovered == Recovered::TakenBack {
                let cut = dice.roll(again.len() + 1);
                let disk = found.after(&again[..cut], &mut dice);
                let dir = scratch();
                let path = dir.path().join("a.jld2");
                disk.write(dir.path());
                recover(&path, &options).unwrap();
                assert!(fs::read(&path).unwrap() == case.old);
            }
        }
    }
}

/// What readers rely on: no byte of a stage is new unless all before it are.
fn assert_stages(case: &Case, bytes: &[u8]) {
    let range = |r: &Replace| {
        let start = usize::try_from(r.offset).unwrap();
        start..start + r.new.len()
    };
    let stages = case.edits.in_stages();
    for (i, later) in stages.iter().enumerate() {
        if bytes[range(later)] == later.old {
            continue;
        }
        let append_at = usize::try_from(case.edits.append_at()).unwrap();
        assert_eq!(case.edits.append().held(), bytes.get(append_at..));
        for earlier in stages[..i].iter().filter(|r| r.stage < later.stage) {
            assert!(bytes[range(earlier)] == earlier.new);
        }
    }
}

fn undo_ino(ops: &[Op]) -> u64 {
    let create = |op: &Op| match op {
        Op::Create { ino, .. } => Some(*ino),
        _ => None,
    };
    ops.iter().find_map(create).unwrap()
}

#[test]
fn a_power_cut_in_a_change_leaves_old_or_new() {
    let case = Case::new();
    let before = Disk::read(case.dir.path());
    let (result, ops) = io_recorder::record(|| case.apply());
    result.unwrap();
    assert!(ops.len() > 10, "all calls are on tape: {}", ops.len());
    let undo = undo_ino(&ops);
    let syncs = |ops: &[Op]| ops.iter().filter(|op| **op == Op::Sync { ino: undo }).count();
    // The change is complete when the undo file was synced for the second time, and cannot be
    // before its second write.
    let done = |ops: &[Op]| {
        let marked =
            |op: &Op| matches!(op, Op::Write { ino, offset, .. } if *ino == undo && *offset > 0);
        match syncs(ops) {
            2 => Some(true),
            _ if !ops.iter().any(marked) => Some(false),
            _ => None,
        }
    };
    play(&case, &before, &ops, 60, &done);
}

#[test]
fn a_power_cut_in_an_undo_leaves_old_or_new() {
    let case = Case::new();
    case.apply().unwrap();
    let before = Disk::read(case.dir.path());
    let (result, ops) = io_recorder::record(|| undo(&case.path, &case.options));
    result.unwrap();
    assert!(ops.len() > 10, "all calls are on tape: {}", ops.len());
    // Once the first byte of the file may have changed there is only the old one.
    let done = |ops: &[Op]| (!ops.is_empty() && ops.len() > 1).then_some(false);
    play(&case, &before, &ops, 60, &done);
}
