//! Records what a test's thread does to the disk, so that a power cut can be played at any point.

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::fs::MetadataExt;

/// One thing done. Files are told by inode number, names are those of one directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Op {
    Write { ino: u64, offset: u64, bytes: Vec<u8> },
    SetLen { ino: u64, len: u64 },
    Sync { ino: u64 },
    Create { name: OsString, ino: u64 },
    Rename { from: OsString, to: OsString },
    Remove { name: OsString },
    SyncDir,
}

thread_local! {
    static TAPE: RefCell<Option<Vec<Op>>> = const { RefCell::new(None) };
}

/// What `work` does to the disk in this thread.
pub(crate) fn record<T>(work: impl FnOnce() -> T) -> (T, Vec<Op>) {
    TAPE.with(|tape| *tape.borrow_mut() = Some(Vec::new()));
    let result = work();
    (result, TAPE.with(|tape| tape.borrow_mut().take()).unwrap())
}

fn push(op: impl FnOnce() -> Op) {
    TAPE.with(|tape| {
        if let Some(ops) = tape.borrow_mut().as_mut() {
            ops.push(op());
        }
    });
}

fn ino(file: &File) -> u64 {
    file.metadata().unwrap().ino()
}

pub(in crate::sys) fn write(file: &File, bytes: &[u8], offset: u64) {
    push(|| Op::Write { ino: ino(file), offset, bytes: bytes.to_vec() });
}

pub(in crate::sys) fn set_len(file: &File, len: u64) {
    push(|| Op::SetLen { ino: ino(file), len });
}

pub(in crate::sys) fn sync(file: &File) {
    push(|| Op::Sync { ino: ino(file) });
}

pub(in crate::sys) fn create(name: &OsStr, file: &File) {
    push(|| Op::Create { name: name.to_owned(), ino: ino(file) });
}

pub(in crate::sys) fn rename(from: &OsStr, to: &OsStr) {
    push(|| Op::Rename { from: from.to_owned(), to: to.to_owned() });
}

pub(in crate::sys) fn remove(name: &OsStr) {
    push(|| Op::Remove { name: name.to_owned() });
}

pub(in crate::sys) fn sync_dir() {
    push(|| Op::SyncDir);
}
