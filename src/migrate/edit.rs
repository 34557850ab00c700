//! Holds an edit list: the exact bytes that a conversion appends and replaces.
//!
//! It is a value: it can be printed, stored, checked against a file, carried out on a copy, and,
//! in place, carried out so that it can be taken back. Its invariants hold from the moment it is
//! built: replacements are sorted, do not touch one another, keep their length and lie below the
//! point at which bytes are appended.

use crate::h5::{Appended, AppendedPiece, Source};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// More bytes than this are shown shortened.
const SHOWN: usize = 24;

/// Some bytes of a file and what they become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replace {
    /// Where in the file, in bytes.
    pub offset: u64,
    /// What must be there.
    pub old: Vec<u8>,
    /// What comes there; as long as `old`.
    pub new: Vec<u8>,
    /// When in place, all replacements of a lower stage are on the disk before this one begins.
    /// The superblock with the new end of file comes first, so that no header points beyond it.
    pub stage: u8,
    /// What this is good for, for people.
    pub why: String,
}

impl Replace {
    /// The first offset behind the replaced bytes. Does not overflow in an [`EditList`].
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.new.len() as u64)
    }
}

/// Why a set of edits is not an edit list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// Bytes would be appended behind the end of the file.
    #[error("append position {append_at} lies behind the end of the file at {file_len}")]
    AppendBehindEnd {
        /// Where bytes were to be appended.
        append_at: u64,
        /// The file's length.
        file_len: u64,
    },
    /// A replacement would shift what follows.
    #[error("replacement at {offset} ({why}) turns {old} bytes into {new}")]
    Length {
        /// Offset of the replacement.
        offset: u64,
        /// Number of old bytes.
        old: usize,
        /// Number of new bytes.
        new: usize,
        /// What it was good for.
        why: String,
    },
    /// A replacement reaches into the appended part.
    #[error("replacement at {offset} ({why}) reaches to {end}, behind the old end at {append_at}")]
    BehindEnd {
        /// Offset of the replacement.
        offset: u64,
        /// First offset behind it.
        end: u64,
        /// Where appended bytes begin.
        append_at: u64,
        /// What it was good for.
        why: String,
    },
    /// Two replacements want the same bytes.
    #[error("replacement at {offset} ({why}) overlaps the one at {other} ({other_why})")]
    Overlap {
        /// Offset of the second.
        offset: u64,
        /// What it was good for.
        why: String,
        /// Offset of the first.
        other: u64,
        /// What the first was good for.
        other_why: String,
    },
    /// The file would become longer than offsets can tell.
    #[error("the file would become longer than 2^63 bytes")]
    TooLong,
}

/// The exact bytes that a conversion appends and replaces.
///
/// Where it is stored, so that a change can be taken back, of long appended bytes only their number
/// is: whoever stores it keeps a digest of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct EditList {
    file_len: u64,
    append_at: u64,
    append: Appended,
    replace: Vec<Replace>,
}

impl EditList {
    /// Length of the file before, in bytes.
    pub fn file_len(&self) -> u64 {
        self.file_len
    }

    /// Where appended bytes go: the end of the file, or of the HDF5 part of it where junk follows.
    /// What the file has from here on is given up.
    pub fn append_at(&self) -> u64 {
        self.append_at
    }

    /// What is appended.
    pub fn append(&self) -> &Appended {
        &self.append
    }

    /// The replacements, by offset.
    pub fn replace(&self) -> &[Replace] {
        &self.replace
    }

    /// The replacements in the order in which they are to reach the disk: by stage, then by offset.
    pub fn in_stages(&self) -> Vec<&Replace> {
        let mut replaces: Vec<&Replace> = self.replace.iter().collect();
        replaces.sort_by_key(|replace| replace.stage);
        replaces
    }

    /// Length of the file afterwards, in bytes. Less than before if junk behind the HDF5 part was
    /// longer than what is appended.
    pub fn new_len(&self) -> u64 {
        self.append_at.saturating_add(self.append.len())
    }

    /// The same edits for a copy without the junk behind the place of the first appended byte.
    #[must_use]
    pub fn without_junk(&self) -> Self {
        Self { file_len: self.append_at, ..self.clone() }
    }

    /// How many bytes are appended.
    pub fn bytes_appended(&self) -> u64 {
        self.append.len()
    }

    /// How many bytes of the file differ after the replacements; those that a replacement only
    /// repeats do not count.
    pub fn bytes_replaced(&self) -> u64 {
        let differing = |r: &Replace| r.old.iter().zip(&r.new).filter(|(a, b)| a != b).count();
        self.replace.iter().map(|r| differing(r) as u64).sum()
    }

    /// Whether the file stays as it is.
    pub fn is_empty(&self) -> bool {
        self.replace.is_empty() && self.append.is_empty() && self.append_at == self.file_len
    }

    /// The bytes of `below`, the file that the edits are of, as they would leave it.
    pub fn laid_over(&self, below: Source) -> Source {
        let replace = self.replace.iter().map(|r| (r.offset, r.new.clone())).collect();
        Source::overlay(below, self.append_at, self.append.clone(), replace)
    }
}

/// Collects edits of one file in any order.
#[derive(Debug, Clone)]
pub struct EditBuilder {
    file_len: u64,
    append_at: u64,
    append: Appended,
    replace: Vec<Replace>,
}

impl EditBuilder {
    /// Edits of a file of `file_len` bytes; appended bytes go to its end.
    pub fn new(file_len: u64) -> Self {
        Self { file_len, append_at: file_len, append: Appended::default(), replace: Vec::new() }
    }

    /// Edits of a file of `file_len` bytes whose bytes from `append_at` on mean nothing (behind the
    /// end that its superblock tells) and make room for appended ones.
    ///
    /// In place all of that junk has to be saved first, so where there is much of it, leave it
    /// alone: [`EditBuilder::new`] appends behind it.
    pub fn with_junk(file_len: u64, append_at: u64) -> Self {
        Self { append_at, ..Self::new(file_len) }
    }

    /// Where the next appended byte will be.
    pub fn position(&self) -> u64 {
        self.append_at.saturating_add(self.append.len())
    }

    /// Appends bytes and tells their offset in the new file.
    pub fn append(&mut self, bytes: &[u8]) -> u64 {
        let position = self.position();
        self.append.hold(bytes);
        position
    }

    /// Appends bytes, some of which may be made later.
    pub fn append_all(&mut self, pieces: Appended) {
        self.append.extend(pieces);
    }

    /// Appends zeros until the next appended byte is at a multiple of `alignment`.
    pub fn align(&mut self, alignment: usize) {
        let position = self.position().next_multiple_of(alignment.max(1) as u64);
        self.append.pad(position.saturating_sub(self.append_at));
    }

    /// Replaces `old` at `offset` by `new`, at `stage` (see [`Replace::stage`]).
    pub fn replace(
        &mut self,
        offset: u64,
        old: impl Into<Vec<u8>>,
        new: impl Into<Vec<u8>>,
        stage: u8,
        why: impl Into<String>,
    ) {
        let (old, new, why) = (old.into(), new.into(), why.into());
        self.replace.push(Replace { offset, old, new, stage, why });
    }

    /// The edit list, without replacements that change nothing.
    ///
    /// # Errors
    /// An [`EditError`] names the edit that breaks an invariant; that is a defect of the planner.
    pub fn finish(self) -> Result<EditList, EditError> {
        let Self { file_len, append_at, append, mut replace } = self;
        replace.retain(|r| r.old != r.new);
        replace.sort_by_key(|r| r.offset);
        let list = EditList { file_len, append_at, append, replace };
        list.check()?;
        Ok(list)
    }
}

impl EditList {
    fn check(&self) -> Result<(), EditError> {
        let (file_len, append_at) = (self.file_len, self.append_at);
        if append_at > file_len {
            return Err(EditError::AppendBehindEnd { append_at, file_len });
        }
        let new_len = append_at.checked_add(self.append.len());
        if new_len.is_none_or(|len| i64::try_from(len.max(file_len)).is_err()) {
            return Err(EditError::TooLong);
        }
        let mut before: Option<&Replace> = None;
        for replace in &self.replace {
            let Replace { offset, old, new, why, .. } = replace;
            if old.len() != new.len() {
                let (old, new) = (old.len(), new.len());
                return Err(EditError::Length { offset: *offset, old, new, why: why.clone() });
            }
            let end = replace.end();
            if end > append_at {
                let (offset, why) = (*offset, why.clone());
                return Err(EditError::BehindEnd { offset, end, append_at, why });
            }
            if let Some(other) = before.filter(|other| other.end() > *offset) {
                return Err(EditError::Overlap {
                    offset: *offset,
                    why: why.clone(),
                    other: other.offset,
                    other_why: other.why.clone(),
                });
            }
            before = Some(replace);
        }
        Ok(())
    }
}

/// Longer pieces of what is appended are not stored.
const MOST_STORED: usize = 64 << 10;

/// An edit list as it is stored; one that is read is not yet checked.
#[derive(Serialize, Deserialize)]
struct Stored {
    file_len: u64,
    append_at: u64,
    append: Vec<StoredPiece>,
    replace: Vec<Replace>,
}

#[derive(Serialize, Deserialize)]
enum StoredPiece {
    Bytes(Vec<u8>),
    /// So many bytes, which are not stored.
    Left(u64),
}

/// Whether a piece of what is appended is not stored.
pub(crate) fn is_left(piece: &AppendedPiece) -> bool {
    !matches!(piece, AppendedPiece::Held(bytes) if bytes.len() <= MOST_STORED)
}

impl From<EditList> for Stored {
    fn from(list: EditList) -> Self {
        let EditList { file_len, append_at, append, replace } = list;
        let stored = |piece: &AppendedPiece| match piece {
            AppendedPiece::Held(bytes) if !is_left(piece) => StoredPiece::Bytes(bytes.clone()),
            other => StoredPiece::Left(other.len()),
        };
        let append = append.pieces().map(|(_, piece)| stored(piece)).collect();
        Self { file_len, append_at, append, replace }
    }
}

impl TryFrom<Stored> for EditList {
    type Error = EditError;

    fn try_from(stored: Stored) -> Result<Self, EditError> {
        let Stored { file_len, append_at, append: pieces, replace } = stored;
        let mut append = Appended::default();
        for piece in pieces {
            append.push(match piece {
                StoredPiece::Bytes(bytes) => AppendedPiece::Held(bytes),
                StoredPiece::Left(len) => AppendedPiece::Untold(len),
            });
        }
        EditBuilder { file_len, append_at, append, replace }.finish()
    }
}

/// An edit list as it was stored before pieces could be left out.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredWhole {
    file_len: u64,
    append_at: u64,
    append: Vec<u8>,
    replace: Vec<Replace>,
}

impl TryFrom<StoredWhole> for EditList {
    type Error = EditError;

    fn try_from(stored: StoredWhole) -> Result<Self, EditError> {
        let StoredWhole { file_len, append_at, append, replace } = stored;
        EditBuilder { file_len, append_at, append: append.into(), replace }.finish()
    }
}

#[cfg(test)]
impl From<&EditList> for StoredWhole {
    fn from(list: &EditList) -> Self {
        let EditList { file_len, append_at, append, replace } = list.clone();
        let append = append.held().unwrap_or_default().to_vec();
        Self { file_len, append_at, append, replace }
    }
}

/// Hex of `bytes`, shortened: `0d0e0f… (48 bytes)`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes.iter().take(SHOWN) {
        let _ = write!(text, "{byte:02x}");
    }
    if bytes.len() > SHOWN {
        let _ = write!(text, "… ({} bytes)", bytes.len());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invariants_are_checked() {
        let with = |f: fn(&mut EditBuilder)| {
            let mut edits = EditBuilder::new(100);
            f(&mut edits);
            edits.finish()
        };
        let error = with(|e| e.replace(10, *b"ab", *b"abc", 0, "longer"));
        assert!(matches!(error, Err(EditError::Length { offset: 10, old: 2, new: 3, .. })));
        let error = with(|e| e.replace(99, *b"ab", *b"cd", 0, "over the end"));
        assert!(matches!(error, Err(EditError::BehindEnd { end: 101, .. })));
        let error = with(|e| e.replace(u64::MAX, *b"ab", *b"cd", 0, "far"));
        assert!(matches!(error, Err(EditError::BehindEnd { .. })));
        let error = with(|e| {
            e.replace(12, *b"ab", *b"cd", 0, "second");
            e.replace(10, *b"abc", *b"cde", 0, "first");
        });
        assert!(matches!(error, Err(EditError::Overlap { offset: 12, other: 10, .. })));
        let error = EditBuilder::with_junk(100, 101).finish();
        assert!(matches!(error, Err(EditError::AppendBehindEnd { .. })));
        let mut edits = EditBuilder::new(i64::MAX as u64);
        edits.append(b"x");
        assert_eq!(edits.finish(), Err(EditError::TooLong));
    }

    #[test]
    fn what_a_list_tells() {
        let mut edits = EditBuilder::with_junk(100, 90);
        assert_eq!(edits.append(b"abc"), 90);
        edits.align(8);
        assert_eq!(edits.append(b"defg"), 96);
        edits.replace(20, *b"abcd", *b"abXY", 1, "type");
        edits.replace(10, *b"a", *b"a", 0, "nothing");
        edits.replace(80, *b"pq", *b"rs", 0, "superblock");
        let edits = edits.finish().unwrap();
        assert_eq!(edits.append().held(), Some(&b"abc\0\0\0defg"[..]));
        assert_eq!((edits.file_len(), edits.append_at(), edits.new_len()), (100, 90, 100));
        assert_eq!((edits.bytes_appended(), edits.bytes_replaced()), (10, 4));
        assert_eq!(edits.replace().iter().map(|r| r.offset).collect::<Vec<_>>(), [20, 80]);
        assert_eq!(edits.in_stages().iter().map(|r| r.offset).collect::<Vec<_>>(), [80, 20]);
        assert!(!edits.is_empty());
        assert!(EditBuilder::new(5).finish().unwrap().is_empty());
        assert!(!EditBuilder::with_junk(5, 4).finish().unwrap().is_empty());
    }

    #[test]
    fn stored_lists_are_checked_when_read() {
        let mut edits = EditBuilder::new(100);
        edits.append(b"tail");
        edits.replace(1, *b"ab", *b"cd", 0, "x");
        let edits = edits.finish().unwrap();
        let json = serde_json::to_string(&edits).unwrap();
        assert_eq!(serde_json::from_str::<EditList>(&json).unwrap(), edits);
        let bytes = bincode::serialize(&edits).unwrap();
        assert_eq!(bincode::deserialize::<EditList>(&bytes).unwrap(), edits);
        let bad = json.replace("\"offset\":1", "\"offset\":99");
        assert!(serde_json::from_str::<EditList>(&bad).unwrap_err().to_string().contains("behind"));
    }
}
