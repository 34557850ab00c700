//! Holds bytes against what was written: digests, or a file.

use super::{Problem, Replaced, Written, differs, first_difference, take_back};
use crate::h5;
use crate::sys::holes;
use crate::sys::readback::{forget, read_back};
use crate::sys::sums::{Stretch, Sum};
use std::fs;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// What bytes are held against.
pub(super) struct Held<'a> {
    written: Written<'a>,
    /// Of the stretch that is being read.
    sum: Sum,
    /// Which stretch that is.
    next: usize,
    other: Vec<u8>,
}

impl<'a> Held<'a> {
    pub(super) fn new(written: Written<'a>) -> Self {
        Self { written, sum: Sum::default(), next: 0, other: Vec::new() }
    }

    /// Digests that leave bytes out would let them pass.
    pub(super) fn check_cover(&self, len: u64) -> Result<(), Problem> {
        let Written::Summed(stretches, _) = self.written else { return Ok(()) };
        let mut end = 0;
        for stretch in stretches {
            if stretch.range.start != end {
                break;
            }
            end = stretch.range.end;
        }
        if end == len {
            return Ok(());
        }
        let message = format!("{end} bytes were digested when they were written, {len} are there");
        Err(Problem::Differs(None, message))
    }

    /// Takes the next bytes, as they were before any were replaced.
    pub(super) fn piece(
        &mut self,
        file: &fs::File,
        at: u64,
        piece: &[u8],
        replaced: &[Replaced<'_>],
    ) -> Result<(), Problem> {
        match self.written {
            Written::Of(input) => {
                self.other.resize(piece.len(), 0);
                let read = input.read_exact_at(&mut self.other, at);
                read.map_err(|e| Problem::Input(at, e))?;
                match first_difference(piece, &self.other) {
                    Some((i, found, expected)) => {
                        Err(differs(at + i, found, "in the input", expected))
                    }
                    None => Ok(()),
                }
            }
            Written::Summed(stretches, input) => {
                let (mut at, mut piece) = (at, piece);
                while let Some(stretch) = stretches.get(self.next).filter(|_| !piece.is_empty()) {
                    let n = usize::try_from(stretch.range.end - at)
                        .unwrap_or(usize::MAX)
                        .min(piece.len());
                    let (now, later) = piece.split_at(n);
                    self.sum.push(now);
                    at += n as u64;
                    piece = later;
                    if at == stretch.range.end {
                        self.ended(stretch, file, input, replaced)?;
                    }
                }
                Ok(())
            }
        }
    }

    /// All bytes of a stretch were taken: they must be those that were digested.
    fn ended(
        &mut self,
        stretch: &Stretch,
        file: &fs::File,
        input: Option<&fs::File>,
        replaced: &[Replaced<'_>],
    ) -> Result<(), Problem> {
        if self.sum.digest() != stretch.digest {
            return Err(locate(file, stretch.range.clone(), input, replaced));
        }
        self.sum = Sum::default();
        self.next += 1;
        Ok(())
    }

    /// Takes a hole in place of the next bytes. Of a file that they are held against only what is not
    /// a hole there, too, is read.
    pub(super) fn hole(
        &mut self,
        file: &fs::File,
        hole: Range<u64>,
        replaced: &[Replaced<'_>],
        tick: &dyn Fn(u64) -> h5::Result<()>,
    ) -> Result<(), Problem> {
        let Range { start: mut at, end } = hole;
        match self.written {
            Written::Of(input) => {
                while let Some(data) = holes::next_data(input, at, end) {
                    ticked(data.start - at, tick)?;
                    read_back(input, data.clone(), Problem::Input, |at, piece| {
                        if let Some((i, byte)) = (0..).zip(&*piece).find(|(_, byte)| **byte != 0) {
                            return Err(differs(at + i, 0, "in the input", *byte));
                        }
                        ticked(piece.len() as u64, tick)
                    })?;
                    at = data.end;
                }
                ticked(end - at, tick)
            }
            Written::Summed(stretches, input) => {
                while let Some(stretch) = stretches.get(self.next).filter(|_| at < end) {
                    let stop = stretch.range.end.min(end);
                    self.sum.zeros(stop - at);
                    ticked(stop - at, tick)?;
                    at = stop;
                    if at == stretch.range.end {
                        self.ended(stretch, file, input, replaced)?;
                    }
                }
                Ok(())
            }
        }
    }
}

fn ticked(bytes: u64, tick: &dyn Fn(u64) -> h5::Result<()>) -> Result<(), Problem> {
    tick(bytes).map_err(|_| Problem::Stopped)
}

/// Looks for the byte that is wrong in a stretch whose digest is.
fn locate(
    file: &fs::File,
    range: Range<u64>,
    input: Option<&fs::File>,
    replaced: &[Replaced<'_>],
) -> Problem {
    let Range { start, end } = range;
    let what = |what: &str| {
        let message = format!("bytes {start} to {end} on the disk are not those that were {what}");
        Problem::Differs(None, message)
    };
    let Some(input) = input else { return what("written") };
    let mut other = Vec::new();
    forget(file);
    let found = read_back(file, start..end, Problem::Output, |at, piece| {
        take_back(at, piece, replaced)?;
        other.resize(piece.len(), 0);
        input.read_exact_at(&mut other, at).map_err(|e| Problem::Input(at, e))?;
        match first_difference(piece, &other) {
            Some((i, found, expected)) => Err(differs(at + i, found, "in the input", expected)),
            None => Ok(()),
        }
    });
    // The input gave other bytes before, or memory changed them on the way.
    found.err().unwrap_or_else(|| what("read when it was copied"))
}
