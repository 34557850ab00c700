//! Compares an edit list with a file, and carries it out on a copy.

use super::planned::fault_of_read;
use super::{Failure, FailureKind};
use crate::h5;
use crate::migrate::edit::{EditList, Replace};
use crate::sys::buffer::with_buffer;
use crate::sys::failpoint::Step;
use crate::sys::file::{is_full, set_len, write_at};
use std::fs::File;
use std::io;
use std::ops::{ControlFlow, Range};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Appended bytes are compared in pieces of this size.
const PIECE: usize = 64 << 10;
/// Replacements in a range of no more bytes are read at once.
const RUN: u64 = 64 << 10;

/// Replacements with no more bytes between them are written at once, with what is between them: on a
/// copy that nobody sees yet, a few hundred bytes are cheaper than a call.
const GAP: u64 = 512;
/// Most bytes that are written at once.
const WRITTEN: u64 = 16 << 10;

/// In which state a file is, as far as an edit list can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// As the list expects it before.
    Old,
    /// As the list leaves it.
    New,
    /// Neither.
    Other,
}

/// Why an edit list could not be held against a file or carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// The file has another length.
    #[error("file has {found} bytes where {expected} were expected")]
    Length {
        /// Length that it should have.
        expected: u64,
        /// Length that it has.
        found: u64,
    },
    /// Bytes are not those expected.
    #[error("at offset {offset} ({why}): found {found}, expected {expected}")]
    Bytes {
        /// Offset of the first of them.
        offset: u64,
        /// What the edit is good for.
        why: String,
        /// Hex of what should be there.
        expected: String,
        /// Hex of what is there.
        found: String,
    },
    /// What is appended cannot be made of what the file holds.
    #[error("what is appended cannot be made: {source}")]
    Made {
        /// What cannot be read of it.
        #[from]
        source: h5::Error,
    },
    /// The file cannot be read.
    #[error("cannot read {len} bytes at offset {offset}: {source}")]
    Read {
        /// From where.
        offset: u64,
        /// How much.
        len: usize,
        /// The system's word.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write {len} bytes at offset {offset}: {source}")]
    Write {
        /// To where.
        offset: u64,
        /// How much.
        len: usize,
        /// The system's word.
        source: io::Error,
    },
}

impl ApplyError {
    /// This error as the end of a conversion that worked on `path`.
    pub fn into_failure(self, path: &Path) -> Failure {
        let fault = match &self {
            Self::Length { .. } | Self::Bytes { .. } => FailureKind::Verify,
            Self::Write { source, .. } if is_full(source) => FailureKind::Full,
            Self::Read { .. } | Self::Write { .. } => FailureKind::Output,
            Self::Made { source } => fault_of_read(source),
        };
        Failure::new(fault, format!("{}: {self}", path.display()))
    }
}

impl EditList {
    /// Checks that `file` is as the list expects it before: its length and each old byte.
    ///
    /// # Errors
    /// What differs first, or what the system says.
    pub fn check_old(&self, file: &File) -> Result<(), ApplyError> {
        check_len(file, self.file_len())?;
        check_replaced(file, self.replace(), |r| &r.old)
    }

    /// Checks that `file` is as the list leaves it: its length, each new and each appended byte.
    ///
    /// # Errors
    /// What differs first, or what the system says.
    pub fn check_applied(&self, file: &File) -> Result<(), ApplyError> {
        check_len(file, self.new_len())?;
        check_replaced(file, self.replace(), |r| &r.new)?;
        self.each_appended(&mut |mut offset, bytes| {
            for piece in bytes.chunks(PIECE) {
                check(file, offset, piece, "appended")?;
                offset = offset.saturating_add(piece.len() as u64);
            }
            Ok(())
        })
    }

    /// Hands on the appended bytes, those that are known or can be made, each once and with its offset.
    ///
    /// # Errors
    /// If what is to be made cannot be, and those of `visit`.
    pub(in crate::convert) fn each_appended<E: From<h5::Error>>(
        &self,
        visit: &mut impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut failed = None;
        let all = self.append().each(&mut |at, bytes| {
            visit(self.append_at().saturating_add(at), bytes).map_err(|error| {
                failed = Some(error);
                h5::Error::cancelled()
            })
        });
        match failed {
            Some(error) => Err(error),
            None => all.map_err(E::from),
        }
    }

    /// In which state `file` is; [`State::New`] if both states are the same.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn state(&self, file: &File) -> Result<State, ApplyError> {
        for (state, checked) in
            [(State::New, self.check_applied(file)), (State::Old, self.check_old(file))]
        {
            match checked {
                Ok(()) => return Ok(state),
                Err(ApplyError::Length { .. } | ApplyError::Bytes { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(State::Other)
    }

    /// Carries the list out on a copy that nobody else sees yet, after [`check_old`] found it as
    /// expected. Nothing is synced.
    ///
    /// [`check_old`]: EditList::check_old
    ///
    /// # Errors
    /// As [`check_old`]; then nothing was written. Or a write that failed; then the copy is spoilt.
    pub fn apply(&self, file: &File) -> Result<(), ApplyError> {
        self.apply_telling(file, &mut |_| ControlFlow::Continue(()))
    }

    /// As [`EditList::apply`]; `progress` hears how many bytes were appended, and can stop it.
    ///
    /// # Errors
    /// As [`EditList::apply`].
    pub fn apply_telling(
        &self,
        file: &File,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<(), ApplyError> {
        self.check_old(file)?;
        let write = |bytes: &[u8], offset: u64, step| {
            write_at(file, bytes, offset, step).map_err(|source| ApplyError::Write {
                offset,
                len: bytes.len(),
                source,
            })
        };
        let mut appended = 0;
        self.each_appended(&mut |offset, bytes| {
            write(bytes, offset, Step::EditAppend)?;
            appended += bytes.len() as u64;
            match progress(appended) {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(()) => Err(ApplyError::Made { source: h5::Error::cancelled() }),
            }
        })?;
        if self.new_len() < self.file_len() {
            let offset = self.new_len();
            set_len(file, offset, Step::EditTruncate).map_err(|source| ApplyError::Write {
                offset,
                len: 0,
                source,
            })?;
        }
        let mut rest = self.replace();
        while let Some(first) = rest.first() {
            let (run, later) = rest.split_at(near(rest));
            rest = later;
            let whole = if run.len() > 1 { together(file, run) } else { None };
            match whole {
                Some(bytes) => write(&bytes, first.offset, Step::EditReplace)?,
                None => {
                    for replace in run {
                        write(&replace.new, replace.offset, Step::EditReplace)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// How many of these replacements, which are in order, are written at once.
fn near(replaces: &[Replace]) -> usize {
    let Some(first) = replaces.first() else { return 0 };
    let pairs = replaces.iter().zip(replaces.iter().skip(1));
    let gaps = pairs.take_while(|(one, next)| {
        next.offset.saturating_sub(one.end()) <= GAP
            && next.end().saturating_sub(first.offset) <= WRITTEN
    });
    gaps.count().saturating_add(1)
}

/// The bytes from the first to the last of several replacements, as they will be; nothing where they
/// are to be written one by one.
fn together(file: &File, run: &[Replace]) -> Option<Vec<u8>> {
    let (first, last) = (run.first()?, run.last()?);
    let len = usize::try_from(last.end().checked_sub(first.offset)?).ok()?;
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, first.offset).ok()?;
    for replace in run {
        let at = usize::try_from(replace.offset.checked_sub(first.offset)?).ok()?;
        let place = bytes.get_mut(at..)?.get_mut(..replace.new.len())?;
        place.copy_from_slice(&replace.new);
    }
    Some(bytes)
}

fn check_len(file: &File, expected: u64) -> Result<(), ApplyError> {
    let found =
        file.metadata().map_err(|source| ApplyError::Read { offset: 0, len: 0, source })?.len();
    if found == expected { Ok(()) } else { Err(ApplyError::Length { expected, found }) }
}

/// Checks the bytes of all replacements, those that are near one another at once.
fn check_replaced(
    file: &File,
    mut rest: &[Replace],
    expected: fn(&Replace) -> &[u8],
) -> Result<(), ApplyError> {
    let read = |range: Range<u64>, run: &[Replace]| {
        with_buffer(|buffer| {
            let whole =
                usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
            let bytes = buffer.get_mut(..whole)?;
            file.read_exact_at(bytes, range.start).ok()?;
            Some(run.iter().try_for_each(|r| {
                let at =
                    usize::try_from(r.offset.saturating_sub(range.start)).unwrap_or(usize::MAX);
                match bytes.get(at..).and_then(|b| b.get(..r.new.len())) {
                    Some(found) => compare(r.offset, found, expected(r), &r.why),
                    None => check_bytes(file, r, expected(r)),
                }
            }))
        })
        .ok()
        .flatten()
    };
    while let Some(first) = rest.first() {
        let near = |r: &&Replace| r.end().saturating_sub(first.offset) <= RUN;
        let (run, later) = rest.split_at(rest.iter().take_while(near).count().max(1));
        rest = later;
        let start = first.offset;
        let end = run.last().map_or(start, Replace::end);
        match if run.len() > 1 { read(start..end, run) } else { None } {
            Some(compared) => compared?,
            // Each on its own: where one cannot be read, it is told which.
            None => run.iter().try_for_each(|r| check_bytes(file, r, expected(r)))?,
        }
    }
    Ok(())
}

fn check_bytes(file: &File, replace: &Replace, expected: &[u8]) -> Result<(), ApplyError> {
    check(file, replace.offset, expected, &replace.why)
}

fn check(file: &File, offset: u64, expected: &[u8], why: &str) -> Result<(), ApplyError> {
    let len = expected.len();
    let mut found = vec![0; len];
    file.read_exact_at(&mut found, offset).map_err(|source| ApplyError::Read {
        offset,
        len,
        source,
    })?;
    compare(offset, &found, expected, why)
}

fn compare(offset: u64, found: &[u8], expected: &[u8], why: &str) -> Result<(), ApplyError> {
    let Some(first) = found.iter().zip(expected).position(|(a, b)| a != b) else {
        return Ok(());
    };
    let from = |bytes: &[u8]| crate::migrate::edit::hex(bytes.get(first..).unwrap_or_default());
    Err(ApplyError::Bytes {
        offset: offset.saturating_add(first as u64),
        why: why.to_owned(),
        expected: from(expected),
        found: from(found),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::edit::EditBuilder;
    use proptest::prelude::*;
    use std::io::Write as _;

    fn file_of(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn bytes_of(file: &File) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap()];
        file.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    }

    #[test]
    fn a_file_that_is_not_as_planned_is_left_alone() {
        let mut edits = EditBuilder::new(10);
        edits.append(b"more");
        edits.replace(2, *b"cd", *b"CD", 0, "a type");
        let edits = edits.finish().unwrap();
        for (bytes, message) in [
            (&b"abcdefghijk"[..], "file has 11 bytes where 10 were expected"),
            (&b"abcxefghij"[..], "at offset 3 (a type): found 78, expected 64"),
        ] {
            let file = file_of(bytes);
            assert_eq!(edits.apply(&file).unwrap_err().to_string(), message);
            assert_eq!(bytes_of(&file), bytes);
            assert_eq!(edits.state(&file).unwrap(), State::Other);
        }
    }

    #[test]
    fn a_file_that_cannot_be_written_says_so() {
        let temp = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(temp.path(), b"abcdefghij").unwrap();
        let mut edits = EditBuilder::new(10);
        edits.replace(2, *b"cd", *b"CD", 0, "a type");
        let edits = edits.finish().unwrap();
        let error = edits.apply(&File::open(temp.path()).unwrap()).unwrap_err();
        assert!(matches!(error, ApplyError::Write { offset: 2, len: 2, .. }));
        assert_eq!(error.into_failure(temp.path()).fault, FailureKind::Output);
    }

    proptest! {
        /// Against the obvious way to do it on a vector.
        #[test]
        fn applies_as_on_a_vector(
            bytes in proptest::collection::vec(any::<u8>(), 1..4000),
            junk in 0_usize..40,
            append in proptest::collection::vec(any::<u8>(), 0..100),
            cuts in proptest::collection::btree_map(0_usize..4000, (1_usize..20, any::<u8>(), 0_u8..4), 0..24),
        ) {
            let append_at = bytes.len().saturating_sub(junk);
            let mut edits = EditBuilder::with_junk(bytes.len() as u64, append_at as u64);
            edits.append(&append);
            let mut expected = bytes[..append_at].to_vec();
            let mut free_from = 0;
            for (offset, (len, xor, stage)) in cuts {
                let end = (offset + len).min(append_at);
                if offset < free_from || offset >= end {
                    continue;
                }
                free_from = end;
                let old = bytes[offset..end].to_vec();
                let new: Vec<u8> = old.iter().map(|b| b ^ xor).collect();
                expected[offset..end].copy_from_slice(&new);
                edits.replace(offset as u64, old, new, stage, "test");
            }
            expected.extend_from_slice(&append);
            let edits = edits.finish().unwrap();
            let file = file_of(&bytes);
            let before = if expected == bytes { State::New } else { State::Old };
            prop_assert_eq!(edits.state(&file).unwrap(), before);
            edits.apply(&file).unwrap();
            prop_assert_eq!(bytes_of(&file), expected);
            edits.check_applied(&file).unwrap();
            prop_assert_eq!(edits.state(&file).unwrap(), State::New);
        }
    }
}
