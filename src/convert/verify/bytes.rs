//! Checks whether the disk gives back every byte that was written.
//!
//! A copy is held against the digests that were made of the input while it was read, or, where the
//! kernel or a server copied, against the input itself; a rewrite against the digests of what was
//! written. Bytes that were replaced afterwards must be the new ones, and are put back to the old
//! ones before the digest is made. Holes are not read: the file system says that they are zeros, as
//! it would if they were.

mod held;

use crate::convert::apply::ApplyError;
use crate::h5::{self, File, Object, Region, Trace, Visitor};
use crate::migrate::edit::EditList;
use crate::sys::holes;
use crate::sys::readback::{forget, forget_range, read_back};
use crate::sys::sums::Stretch;
use held::Held;
use std::fs;
use std::io;
use std::ops::Range;

/// Ranges no further apart are dropped from the cache together.
const NEAR: u64 = 1 << 20;

/// Bytes that were replaced after they had been digested.
#[derive(Debug, Clone, Copy)]
pub(super) struct Replaced<'a> {
    pub(super) offset: u64,
    pub(super) old: &'a [u8],
    pub(super) new: &'a [u8],
}

/// What was written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Written<'a> {
    /// Bytes with these digests, from the start of the file on. They came from a file, if there is
    /// one, at the same offsets.
    Summed(&'a [Stretch], Option<&'a fs::File>),
    /// The bytes of this file.
    Of(&'a fs::File),
}

/// Why bytes do not pass.
#[derive(Debug)]
pub(super) enum Problem {
    /// They differ at this offset, if it is known where.
    Differs(Option<u64>, String),
    /// The output cannot be read back.
    Output(u64, io::Error),
    /// The input cannot be read again.
    Input(u64, io::Error),
    /// What was appended cannot be made of the input again.
    Made(h5::Error),
    /// The check was stopped.
    Stopped,
}

impl From<h5::Error> for Problem {
    fn from(error: h5::Error) -> Self {
        Self::Made(error)
    }
}

/// Reads all of `file` back from the disk and compares it: the first `len` bytes, of which some were
/// `replaced` (sorted by offset and without overlaps), and what was appended behind them. `tick` is
/// told of bytes that are through.
pub(super) fn compare(
    file: &fs::File,
    len: u64,
    replaced: &[Replaced<'_>],
    appended: &[u8],
    written: Written<'_>,
    tick: &dyn Fn(u64) -> h5::Result<()>,
) -> Result<(), Problem> {
    let mut held = Held::new(written);
    held.check_cover(len)?;
    forget(file);
    let end = len.saturating_add(appended.len() as u64);
    // Behind the end of a file there is no hole: that it is too short shows where it is read.
    let long_enough = |file: &fs::File, len: u64| file.metadata().is_ok_and(|m| m.len() >= len);
    let sparse = holes::may_have(file).map_err(|e| Problem::Output(0, e))?
        && long_enough(file, end)
        && !matches!(written, Written::Of(input) if !long_enough(input, len));
    let mut at = 0;
    while at < end {
        let data = if sparse { holes::next_data(file, at, end) } else { Some(at..end) };
        let data = data.unwrap_or(end..end);
        // What is planned to stand in a hole is looked for there.
        let untouched = untouched_from(at, replaced).min(len).max(at).min(data.start);
        if at < untouched {
            held.hole(file, at..untouched, replaced, tick)?;
            at = untouched;
            continue;
        }
        let stop =
            if at < data.start { touched_from(at, replaced, len).min(end) } else { data.end };
        read_back(file, at..stop, Problem::Output, |at, piece| {
            let below =
                usize::try_from(len.saturating_sub(at)).unwrap_or(usize::MAX).min(piece.len());
            let (old, new) = piece.split_at_mut(below);
            take_back(at, old, replaced)?;
            held.piece(file, at, old, replaced)?;
            planned(at + below as u64, new, len, appended)?;
            tick(piece.len() as u64).map_err(|_| Problem::Stopped)
        })?;
        at = stop;
    }
    Ok(())
}

/// Where the bytes from `at` on that were not replaced end.
fn untouched_from(at: u64, replaced: &[Replaced<'_>]) -> u64 {
    let next = replaced.partition_point(|r| r.offset + r.new.len() as u64 <= at);
    replaced.get(next).map_or(u64::MAX, |r| r.offset)
}

/// Where the bytes at `at` that were replaced, or appended behind `len`, end.
fn touched_from(at: u64, replaced: &[Replaced<'_>], len: u64) -> u64 {
    if at >= len {
        return u64::MAX;
    }
    let next = replaced.partition_point(|r| r.offset + r.new.len() as u64 <= at);
    replaced.get(next).map_or(len, |r| r.offset + r.new.len() as u64)
}

/// Compares the bytes at offset `at` with those that were planned from `start` on.
fn planned(at: u64, found: &[u8], start: u64, expected: &[u8]) -> Result<(), Problem> {
    let from = usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX);
    let expected = expected.get(from..).and_then(|e| e.get(..found.len())).unwrap_or_default();
    match first_difference(found, expected) {
        Some((i, found, expected)) => Err(differs(at + i, found, "planned", expected)),
        None => Ok(()),
    }
}

/// Checks that the bytes of a piece that were replaced are the new ones, and puts the old ones in
/// their place.
fn take_back(at: u64, piece: &mut [u8], replaced: &[Replaced<'_>]) -> Result<(), Problem> {
    let first = replaced.partition_point(|r| r.offset + r.new.len() as u64 <= at);
    for r in replaced.iter().skip(first) {
        let Some(place) = r.offset.checked_sub(at).map_or(Some(0), |p| usize::try_from(p).ok())
        else {
            break;
        };
        if place >= piece.len() {
            break;
        }
        let before = usize::try_from(at.saturating_sub(r.offset)).unwrap_or(usize::MAX);
        let bytes = r.old.iter().zip(r.new).skip(before);
        for (i, (byte, (old, new))) in piece.iter_mut().skip(place).zip(bytes).enumerate() {
            if byte != new {
                let offset = at + (place + i) as u64;
                return Err(differs(offset, *byte, "planned", *new));
            }
            *byte = *old;
        }
    }
    Ok(())
}

fn differs(offset: u64, found: u8, verb: &str, expected: u8) -> Problem {
    let message = format!("byte {offset} is {found:#04x} on the disk, {verb} was {expected:#04x}");
    Problem::Differs(Some(offset), message)
}

/// The first place where two slices differ, with what stands there.
fn first_difference(a: &[u8], b: &[u8]) -> Option<(u64, u8, u8)> {
    if a == b {
        return None;
    }
    (0..).zip(a.iter().zip(b)).find(|(_, (a, b))| a != b).map(|(i, (a, b))| (i, *a, *b))
}

/// Reads the appended and the replaced bytes back from the disk, and nothing else.
pub(super) fn edited(file: &fs::File, edits: &EditList) -> Result<(), Problem> {
    let all: Vec<_> = edits.replace().iter().map(|r| (r.offset, r.new.as_slice())).collect();
    // Each drop of pages has its price: those close together go at once.
    let ends = all.iter().map(|(offset, bytes)| (*offset, offset + bytes.len() as u64));
    let ends = ends.chain([(edits.append_at(), edits.new_len())]);
    let mut runs: Vec<Range<u64>> = Vec::new();
    for (start, end) in ends {
        match runs.last_mut().filter(|run| start < run.end.saturating_add(NEAR)) {
            Some(run) => run.end = end,
            None => runs.push(start..end),
        }
    }
    runs.into_iter().for_each(|run| forget_range(file, run));
    all.into_iter().try_for_each(|(offset, bytes)| read_planned(file, offset, bytes))?;
    appended(file, edits, &|_| Ok(()))
}

/// Reads the appended bytes back from the disk.
pub(super) fn appended(
    file: &fs::File,
    edits: &EditList,
    tick: &dyn Fn(u64) -> h5::Result<()>,
) -> Result<(), Problem> {
    edits.each_appended(&mut |offset, bytes| {
        read_planned(file, offset, bytes)?;
        tick(bytes.len() as u64).map_err(|_| Problem::Stopped)
    })
}

fn read_planned(file: &fs::File, offset: u64, bytes: &[u8]) -> Result<(), Problem> {
    let end = offset.saturating_add(bytes.len() as u64);
    read_back(file, offset..end, Problem::Output, |at, piece| planned(at, piece, offset, bytes))
}

/// Checks that `file` has the appended and replaced bytes, wherever they are read from.
pub(super) fn applied(file: &fs::File, edits: &EditList) -> Result<(), String> {
    edits.check_applied(file).map_err(|error| match error {
        ApplyError::Read { .. } | ApplyError::Write { .. } => {
            format!("the output cannot be read back: {error}")
        }
        ApplyError::Made { source } => format!("the output cannot be compared: {source}"),
        ApplyError::Length { .. } | ApplyError::Bytes { .. } => format!("the output: {error}"),
    })
}

/// The path of the object that the byte at `offset` belongs to, if it belongs to one.
pub(super) fn owner(file: &File, offset: u64) -> Option<String> {
    struct Search {
        offset: u64,
        path: String,
        found: Option<String>,
    }
    impl Visitor for Search {
        fn object(&mut self, _: &Object, path: &str) -> h5::Result<()> {
            path.clone_into(&mut self.path);
            Ok(())
        }
        fn region(&mut self, region: Region) -> h5::Result<()> {
            if (region.start..region.end).contains(&self.offset) && !self.path.is_empty() {
                self.found = Some(self.path.clone());
            }
            Ok(())
        }
    }
    let mut search = Search { offset, path: String::new(), found: None };
    let _ = Trace::run(file, &mut search);
    search.found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::sums::Sums;
    use proptest::prelude::*;
    use std::cell::Cell;
    use std::os::unix::fs::FileExt;

    fn file_of(bytes: &[u8]) -> fs::File {
        let file = tempfile::tempfile_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        file.write_all_at(bytes, 0).unwrap();
        file.sync_all().unwrap();
        file
    }

    fn passes(file: &fs::File, len: u64, replaced: &[Replaced<'_>], written: Written<'_>) -> bool {
        match compare(file, len, replaced, &[], written, &|_| Ok(())) {
            Ok(()) => true,
            Err(Problem::Differs(..)) => false,
            Err(other) => panic!("{other:?}"),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        /// Whatever was replaced, and whichever bit is flipped.
        #[test]
        fn one_bit_is_noticed(
            bytes in proptest::collection::vec(any::<u8>(), 1..5000),
            cuts in proptest::collection::vec(1_usize..900, 0..8),
            flip in any::<(prop::sample::Index, u8)>(),
            marks in proptest::collection::vec(1_usize..900, 0..5),
        ) {
            let mut new = bytes.clone();
            let mut replaced = Vec::new();
            let mut from = 0;
            for (i, cut) in cuts.iter().enumerate() {
                let end = (from + cut).min(bytes.len());
                if i % 2 == 0 && from < end {
                    new[from..end].iter_mut().for_each(|byte| *byte ^= 0x5a);
                    replaced.push(from..end);
                }
                from = end;
            }
            let replaced: Vec<_> = replaced.into_iter().map(|r| Replaced {
                offset: r.start as u64,
                old: &bytes[r.clone()],
                new: &new[r],
            }).collect();
            let mut sums = Sums::default();
            let mut rest = bytes.as_slice();
            for mark in marks {
                let (now, later) = rest.split_at(mark.min(rest.len()));
                sums.push(now);
                sums.mark();
                rest = later;
            }
            sums.push(rest);
            let sums = sums.finish();
            let len = bytes.len() as u64;
            let (input, output) = (file_of(&bytes), file_of(&new));
            let ways =
                [Written::Summed(&sums, Some(&input)), Written::Summed(&sums, None), Written::Of(&input)];
            for way in ways {
                prop_assert!(passes(&output, len, &replaced, way));
            }
            let at = flip.0.index(bytes.len());
            output.write_all_at(&[new[at] ^ (1 << (flip.1 % 8))], at as u64).unwrap();
            output.sync_all().unwrap();
            for way in ways {
                prop_assert!(!passes(&output, len, &replaced, way));
            }
            let one = compare(&output, len, &replaced, &[], ways[0], &|_| Ok(()));
            let told = matches!(one, Err(Problem::Differs(Some(offset), _)) if offset == at as u64);
            prop_assert!(told, "{:?}", one);
        }
    }

    const BLOCK: usize = 4096;

    /// A file with these bytes. Of blocks of zeros some are written and some are holes.
    fn sparse_of(bytes: &[u8], written: &[bool]) -> fs::File {
        let file = tempfile::tempfile_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        for (i, (block, written)) in bytes.chunks(BLOCK).zip(written).enumerate() {
            if *written || block.iter().any(|byte| *byte != 0) {
                file.write_all_at(block, (i * BLOCK) as u64).unwrap();
            }
        }
        file.set_len(bytes.len() as u64).unwrap();
        file.sync_all().unwrap();
        file
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        /// Whatever is a hole in the input and in the output, replaced or appended, and whichever bit
        /// is flipped.
        #[test]
        fn holes_pass_for_zeros_and_for_nothing_else(
            blocks in proptest::collection::vec((any::<bool>(), any::<[bool; 2]>()), 1..40),
            last in 1..=BLOCK,
            new in proptest::collection::vec((any::<prop::sample::Index>(), 0..3_u8), 0..6),
            flip in any::<(prop::sample::Index, u8)>(),
            appended in 0..100_usize,
        ) {
            let len = (blocks.len() - 1) * BLOCK + last;
            let bytes: Vec<u8> = (0..len).map(|i| u8::from(blocks[i / BLOCK].0) * 7).collect();
            let [in_input, in_output] =
                [0, 1].map(|side| blocks.iter().map(|b| b.1[side]).collect::<Vec<_>>());
            let mut places: Vec<_> = new.iter().map(|(at, new)| (at.index(len), *new)).collect();
            places.sort_unstable();
            places.dedup_by_key(|(at, _)| *at);
            let mut wanted = bytes.clone();
            places.iter().for_each(|(at, new)| wanted[*at] = *new);
            let news: Vec<_> = places.iter().map(|(_, new)| [*new]).collect();
            let replaced: Vec<_> = places.iter().zip(&news).map(|((at, _), new)| Replaced {
                offset: *at as u64,
                old: &bytes[*at..=*at],
                new,
            }).collect();
            let tail = vec![5; appended];
            let input = sparse_of(&bytes, &in_input);
            let all = [wanted, tail.clone()].concat();
            let output = sparse_of(&all, &[in_output, vec![true]].concat());
            let mut sums = Sums::default();
            sums.push(&bytes);
            let sums = sums.finish();
            let pass = |way| {
                let told = Cell::new(0);
                let tick = |n| { told.set(told.get() + n); Ok(()) };
                match compare(&output, len as u64, &replaced, &tail, way, &tick) {
                    Ok(()) => { assert_eq!(told.get(), all.len() as u64); true }
                    Err(Problem::Differs(..)) => false,
                    Err(other) => panic!("{other:?}"),
                }
            };
            let ways = [
                Written::Summed(&sums, Some(&input)),
                Written::Summed(&sums, None),
                Written::Of(&input),
            ];
            for way in ways {
                prop_assert!(pass(way));
            }
            let at = flip.0.index(all.len());
            output.write_all_at(&[all[at] ^ (1 << (flip.1 % 8))], at as u64).unwrap();
            output.sync_all().unwrap();
            for way in ways {
                prop_assert!(!pass(way));
            }
            // The other way round: the input is not what the output was made of.
            output.write_all_at(&[all[at]], at as u64).unwrap();
            output.sync_all().unwrap();
            if at < len && replaced.iter().all(|r| r.offset != at as u64) {
                input.write_all_at(&[bytes[at] ^ 1], at as u64).unwrap();
                prop_assert!(!pass(Written::Of(&input)));
            }
        }
    }

    #[test]
    fn behind_the_end_there_is_no_hole() {
        let long = sparse_of(&vec![0; 8 * BLOCK], &[false; 8]);
        let short = sparse_of(&[0; 4 * BLOCK], &[false; 4]);
        let len = 8 * BLOCK as u64;
        for (output, input) in [(&short, &long), (&long, &short)] {
            let told = compare(output, len, &[], &[], Written::Of(input), &|_| Ok(()));
            assert!(matches!(told, Err(Problem::Output(..) | Problem::Input(..))), "{told:?}");
        }
    }

    #[test]
    fn digests_that_leave_bytes_out_do_not_pass() {
        let file = file_of(&[1; 100]);
        let mut sums = Sums::default();
        sums.push(&[1; 99]);
        let sums = sums.finish();
        assert!(!passes(&file, 100, &[], Written::Summed(&sums, None)));
        assert!(!passes(&file, 100, &[], Written::Summed(&[], None)));
        assert!(passes(&file, 99, &[], Written::Summed(&sums, None)));
    }
}
