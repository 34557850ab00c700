//! Writes and reads the undo file.
//!
//! Little-endian: magic `JLDCUNDO`, version (u32), length of the body (u64), the body
//! ([`Record`] and [`Owner`] in bincode with fixed integers; in version 1 there was no owner),
//! xxh3-128 of all that. Then marks of 40 bytes each,
//! added as the work goes on: magic `JLDCMARK`, kind (u64), modification time of the changed file
//! (i64 seconds, i64 nanoseconds), xxh3-64 of the mark so far. The last mark that is whole tells
//! the state; without any the change is not complete. A mark of another kind holds, in the place of a
//! time, the digest of the appended bytes that the record leaves out (from version 3 on; before, it
//! held all).

use crate::migrate::edit::{EditList, StoredWhole, is_left};
use crate::sys::file::{FileTime, Identity};
use bincode::Options as _;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::{Xxh3, xxh3_64, xxh3_128};

const MAGIC: &[u8; 8] = b"JLDCUNDO";
const MARK_MAGIC: &[u8; 8] = b"JLDCMARK";
const VERSION: u32 = 3;
/// All appended bytes are in the record.
const VERSION_2: u32 = 2;
/// Without an owner.
const VERSION_1: u32 = 1;
/// Magic, version, length of the body.
const HEAD: usize = 8 + 4 + 8;
pub(super) const MARK: usize = 40;
/// The kind of a mark that holds a digest.
const DIGEST: u64 = 3;
/// Appended bytes are read in pieces of this size.
const PIECE: usize = 256 << 10;
/// Zeros behind the body where marks go, so that a full disk cannot keep a mark from being written.
const ROOM: usize = 10 * MARK;
/// A run adds three marks at most, and each undo that was interrupted at worst one.
const MARKS_MAX: usize = 1000;
/// Bytes at either end of the old file that tell whether a file is the one of a record.
const CONTEXT: u64 = 4096;

/// No undo file is longer. Edit lists are some kB long, since long pieces of what is appended are left
/// out; what junk behind the HDF5 part costs is in the planner's hand.
pub(super) const LIMIT: u64 = 8 << 20;

/// All that is needed to take a change back.
pub(super) type Record = RecordOf<EditList>;

/// A [`Record`], with its edit list in one of the ways in which it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RecordOf<E> {
    /// Version of the program that made the change.
    pub(super) tool: String,
    /// The file as it was.
    pub(super) old: Identity,
    /// What is done to it.
    pub(super) edits: E,
    /// The bytes from the append position to the old end.
    pub(super) tail: Vec<u8>,
    /// Digest of bytes at both ends of the old file that the change leaves alone.
    pub(super) context: u128,
}

/// Whose an undo file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owner {
    /// Path of the file's directory, without links, when the change was made.
    pub(super) dir: Vec<u8>,
    /// The file's whole name.
    pub(super) name: Vec<u8>,
}

impl Owner {
    pub(super) fn path(&self) -> PathBuf {
        Path::new(OsStr::from_bytes(&self.dir)).join(OsStr::from_bytes(&self.name))
    }
}

/// How far a change came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Under way: any part of it may have reached the disk.
    Open,
    /// Complete and checked; the file had this modification time then.
    Done(FileTime),
    /// On the way back: any part of the old state may have reached the disk.
    Back,
}

/// A record as found in an undo file.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) record: Record,
    /// None in files of version 1.
    pub(super) owner: Option<Owner>,
    pub(super) progress: Progress,
    /// Digest of the appended bytes that the record leaves out, once they are all there.
    pub(super) digest: Option<u128>,
    /// Where the next mark goes.
    pub(super) next_mark: u64,
    /// Size of the undo file in bytes.
    pub(super) bytes: u64,
}

fn codec() -> impl bincode::Options {
    bincode::DefaultOptions::new().with_fixint_encoding().with_limit(LIMIT)
}

impl Record {
    /// The bytes of an undo file with room for marks, and where the first of them goes; `None` if
    /// it would be too long.
    pub(super) fn encode(&self, owner: &Owner) -> Option<(Vec<u8>, u64)> {
        let body = codec().serialize(&(self, owner)).ok()?;
        let mut bytes = Vec::with_capacity(HEAD + body.len() + 16 + ROOM);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(body.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&body);
        let digest = xxh3_128(&bytes);
        bytes.extend_from_slice(&digest.to_le_bytes());
        let first_mark = bytes.len() as u64;
        bytes.resize(bytes.len() + ROOM, 0);
        Some((bytes, first_mark))
    }

    /// As [`encode`](Self::encode) did before there were owners.
    #[cfg(test)]
    pub(super) fn encode_version_1(&self) -> Vec<u8> {
        let body = codec().serialize(&self.whole()).unwrap();
        let len = (body.len() as u64).to_le_bytes();
        let mut bytes = [&MAGIC[..], &VERSION_1.to_le_bytes(), &len, &body].concat();
        bytes.extend(xxh3_128(&bytes).to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<(Self, Option<Owner>, &[u8]), String> {
        let short = || format!("{} bytes are too few", bytes.len());
        let (magic, rest) = bytes.split_first_chunk::<8>().ok_or_else(short)?;
        if magic != MAGIC {
            return Err("not an undo file".to_owned());
        }
        let (version, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        let version = u32::from_le_bytes(*version);
        if ![VERSION_1, VERSION_2, VERSION].contains(&version) {
            return Err(format!("version {version}; this program knows versions up to {VERSION}"));
        }
        let (len, rest) = rest.split_first_chunk::<8>().ok_or_else(short)?;
        let len = usize::try_from(u64::from_le_bytes(*len)).map_err(|_| short())?;
        let body = rest.get(..len).ok_or_else(short)?;
        let after = rest.get(len..).unwrap_or_default();
        let (digest, marks) = after.split_first_chunk::<16>().ok_or_else(short)?;
        let digested = bytes.get(..HEAD.saturating_add(len)).unwrap_or_default();
        if u128::from_le_bytes(*digest) != xxh3_128(digested) {
            return Err("digest differs".to_owned());
        }
        let bad = |e: bincode::Error| e.to_string();
        let (record, owner): (Self, Option<Owner>) = match version {
            VERSION_1 => (codec().deserialize(body).map_err(bad).and_then(Self::of_whole)?, None),
            VERSION_2 => {
                let (record, owner) = codec().deserialize(body).map_err(bad)?;
                (Self::of_whole(record)?, Some(owner))
            }
            _ => codec().deserialize(body).map(|(r, owner)| (r, Some(owner))).map_err(bad)?,
        };
        let junk = record.edits.file_len() - record.edits.append_at();
        if record.tail.len() as u64 != junk || record.old.len != record.edits.file_len() {
            return Err("lengths disagree".to_owned());
        }
        Ok((record, owner, marks))
    }
}

impl Record {
    fn of_whole(record: RecordOf<StoredWhole>) -> Result<Self, String> {
        let RecordOf { tool, old, edits, tail, context } = record;
        let edits = EditList::try_from(edits).map_err(|e| e.to_string())?;
        Ok(Self { tool, old, edits, tail, context })
    }

    #[cfg(test)]
    fn whole(&self) -> RecordOf<StoredWhole> {
        let Self { tool, old, edits, tail, context } = self.clone();
        RecordOf { tool, old, edits: StoredWhole::from(&edits), tail, context }
    }
}

/// Whether the record leaves some of the appended bytes out.
pub(super) fn has_left(edits: &EditList) -> bool {
    edits.append().pieces().any(|(_, piece)| is_left(piece))
}

/// Digest of the appended bytes that the record leaves out, as they stand in `file`; none if it has all.
pub(super) fn left_digest(file: &File, edits: &EditList) -> io::Result<Option<u128>> {
    let mut hasher = None;
    let mut buffer = vec![0; PIECE];
    for (start, piece) in edits.append().pieces().filter(|(_, piece)| is_left(piece)) {
        let hasher = hasher.get_or_insert_with(Xxh3::new);
        let mut at = edits.append_at().saturating_add(start);
        let end = at.saturating_add(piece.len());
        while at < end {
            let n = usize::try_from(end - at).unwrap_or(PIECE).min(PIECE);
            let bytes = buffer.get_mut(..n).unwrap_or_default();
            file.read_exact_at(bytes, at)?;
            hasher.update(bytes);
            at = at.saturating_add(n as u64);
        }
    }
    Ok(hasher.map(|hasher| hasher.digest128()))
}

impl Found {
    /// Reads an undo file; the inner error says what is wrong with its content.
    pub(super) fn read(file: &File) -> io::Result<Result<Self, String>> {
        let len = file.metadata()?.len();
        let most = LIMIT + ((HEAD + 16 + MARKS_MAX * MARK) as u64);
        let Some(len) = usize::try_from(len).ok().filter(|_| len <= most) else {
            return Ok(Err(format!("{len} bytes are too many")));
        };
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(Record::decode(&bytes).map(|(record, owner, marks)| {
            let (mut progress, mut digest) = (Progress::Open, None);
            let mut next_mark = (bytes.len() - marks.len()) as u64;
            for mark in marks.chunks(MARK) {
                let Some(found) = decode_mark(mark) else { break };
                match found {
                    Mark::Progress(found) => progress = found,
                    Mark::Digest(found) => digest = Some(found),
                }
                next_mark = next_mark.saturating_add(MARK as u64);
            }
            Self { record, owner, progress, digest, next_mark, bytes: bytes.len() as u64 }
        }))
    }
}

/// What a mark says.
enum Mark {
    Progress(Progress),
    Digest(u128),
}

/// The bytes of the mark that holds a digest.
pub(super) fn encode_digest(digest: u128) -> Vec<u8> {
    mark(DIGEST, &digest.to_le_bytes())
}

/// The bytes of the mark that says `progress`.
pub(super) fn encode_mark(progress: Progress) -> Vec<u8> {
    let none = FileTime { seconds: 0, nanos: 0 };
    let (kind, time) = match progress {
        Progress::Open => (0_u64, none),
        Progress::Done(time) => (1, time),
        Progress::Back => (2, none),
    };
    mark(kind, &[time.seconds.to_le_bytes(), time.nanos.to_le_bytes()].concat())
}

/// A mark of this kind, with the 16 bytes that it holds.
fn mark(kind: u64, held: &[u8]) -> Vec<u8> {
    let mut mark = [&MARK_MAGIC[..], &kind.to_le_bytes(), held].concat();
    mark.extend_from_slice(&xxh3_64(&mark).to_le_bytes());
    mark
}

fn decode_mark(mark: &[u8]) -> Option<Mark> {
    let (said, digest) = mark.split_last_chunk::<8>()?;
    let (magic, rest) = said.split_first_chunk::<8>()?;
    let (kind, rest) = rest.split_first_chunk::<8>()?;
    let kind = u64::from_le_bytes(*kind);
    let digest_held = rest.first_chunk::<16>().map(|held| u128::from_le_bytes(*held))?;
    let (seconds, rest) = rest.split_first_chunk::<8>()?;
    let (nanos, rest) = rest.split_first_chunk::<8>()?;
    if magic != MARK_MAGIC || !rest.is_empty() || u64::from_le_bytes(*digest) != xxh3_64(said) {
        return None;
    }
    let (seconds, nanos) = (i64::from_le_bytes(*seconds), i64::from_le_bytes(*nanos));
    match kind {
        0 => Some(Mark::Progress(Progress::Open)),
        1 => Some(Mark::Progress(Progress::Done(FileTime { seconds, nanos }))),
        2 => Some(Mark::Progress(Progress::Back)),
        DIGEST => Some(Mark::Digest(digest_held)),
        _ => None,
    }
}

/// Digest of the bytes at both ends of the old file, those left out that `edits` replaces: the same
/// before, during and after the change.
pub(super) fn context(file: &File, edits: &EditList) -> io::Result<u128> {
    let end = edits.append_at();
    let head = 0..end.min(CONTEXT);
    let foot = end.saturating_sub(CONTEXT).max(head.end)..end;
    let mut hasher = Xxh3::new();
    for range in [head, foot] {
        let len = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, range.start)?;
        for (byte, offset) in bytes.iter_mut().zip(range) {
            if is_replaced(edits, offset) {
                *byte = 0;
            }
        }
        hasher.update(&bytes);
    }
    Ok(hasher.digest128())
}

fn is_replaced(edits: &EditList, offset: u64) -> bool {
    let behind = edits.replace().partition_point(|r| r.offset <= offset);
    let before = behind.checked_sub(1).and_then(|i| edits.replace().get(i));
    before.is_some_and(|r| offset < r.end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::edit::EditBuilder;
    use proptest::prelude::*;
    use std::io::Write as _;

    fn sample() -> Record {
        let mut edits = EditBuilder::with_junk(100, 95);
        edits.append(b"new block");
        edits.replace(8, *b"eof1", *b"eof2", 0, "superblock");
        edits.replace(40, *b"head", *b"HEAD", 1, "a header");
        let mtime = FileTime { seconds: 5, nanos: 6 };
        Record {
            tool: "0.1.0".to_owned(),
            old: Identity { dev: 1, ino: 2, len: 100, mtime },
            edits: edits.finish().unwrap(),
            tail: b"junk!".to_vec(),
            context: 7,
        }
    }

    fn owner() -> Owner {
        Owner { dir: b"/archive".to_vec(), name: b"a.jld2".to_vec() }
    }

    fn read(bytes: &[u8]) -> Result<Found, String> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Found::read(&file).unwrap()
    }

    #[test]
    fn records_and_marks_come_back() {
        let done = Progress::Done(FileTime { seconds: -7, nanos: 999 });
        let (mut bytes, next) = sample().encode(&owner()).unwrap();
        let mut next = usize::try_from(next).unwrap();
        assert_eq!(read(&bytes).unwrap().progress, Progress::Open);
        for progress in [done, Progress::Back].into_iter().cycle().take(30) {
            bytes.resize(bytes.len().max(next + MARK), 0);
            bytes[next..next + MARK].copy_from_slice(&encode_mark(progress));
            next += MARK;
            let found = read(&bytes).unwrap();
            assert_eq!((found.record, found.progress), (sample(), progress));
            assert_eq!(found.owner, Some(owner()));
            assert_eq!(found.next_mark, next as u64);
        }
    }

    #[test]
    fn files_of_version_1_are_read() {
        let mut bytes = sample().encode_version_1();
        bytes.extend(encode_mark(Progress::Back));
        let found = read(&bytes).unwrap();
        assert_eq!((found.record, found.owner), (sample(), None));
        assert_eq!(found.progress, Progress::Back);
    }

    #[test]
    fn a_torn_mark_does_not_count() {
        let (bytes, next) = sample().encode(&owner()).unwrap();
        let mark = encode_mark(Progress::Done(FileTime { seconds: 1, nanos: 2 }));
        let at = usize::try_from(next).unwrap();
        for cut in 0..MARK {
            let mut torn = bytes.clone();
            torn[at..at + cut].copy_from_slice(&mark[..cut]);
            for len in [at + cut, torn.len()] {
                let found = read(&torn[..len]).unwrap();
                assert_eq!((found.progress, found.next_mark), (Progress::Open, next));
            }
        }
    }

    proptest! {
        #[test]
        fn a_damaged_record_is_noticed(at in any::<prop::sample::Index>(), xor in 1_u8..) {
            let (mut bytes, end) = sample().encode(&owner()).unwrap();
            let at = at.index(usize::try_from(end).unwrap());
            bytes[at] ^= xor;
            prop_assert!(read(&bytes).is_err());
            bytes[at] ^= xor;
            bytes.truncate(at);
            prop_assert!(read(&bytes).is_err());
        }

        #[test]
        fn anything_may_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let with_head = [&MAGIC[..], &VERSION.to_le_bytes(), &bytes].concat();
            prop_assert!(read(&bytes).is_err());
            prop_assert!(read(&with_head).is_err());
        }
    }

    #[test]
    fn the_context_leaves_out_what_is_replaced() {
        let record = sample();
        let mut bytes: Vec<u8> = (0..100).collect();
        let digest = |bytes: &[u8]| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(bytes).unwrap();
            context(&file, &record.edits).unwrap()
        };
        let before = digest(&bytes);
        for at in [8, 11, 40, 43, 95, 99] {
            bytes[at] ^= 1;
            assert_eq!(digest(&bytes), before, "{at} is replaced or given up");
        }
        for at in [0, 7, 12, 39, 44, 94] {
            bytes[at] ^= 1;
            assert_ne!(digest(&bytes), before, "{at} stays");
            bytes[at] ^= 1;
        }
    }
}
