//! Decodes raw LZ4 blocks of any size, resumable at every byte.
//!
//! JLD2 writes whole columns as one block of up to 1 GiB, so neither side of a block may have to
//! fit in memory. Where a whole sequence lies in the input chunk and fits in the window, it is
//! decoded in one go ([`sequences`]); else a state machine goes on byte by byte.

use super::{
    copy::{copy_match, copy_short_match, load, store},
    window::{SIZE, SLACK, Window},
};

/// What is wrong with a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bad {
    pub(super) expected: &'static str,
    pub(super) found: &'static str,
    /// The number to tell with it.
    pub(super) value: u64,
}

const END: &str = "an LZ4 block";

/// Decodes one block.
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// Compressed bytes to come.
    in_left: u64,
    /// Decoded bytes that may come.
    out_left: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Token,
    /// Bytes of the literals' length; the token's lower half waits.
    LiteralLength {
        token: u8,
        length: u64,
    },
    Literals {
        token: u8,
        left: u64,
    },
    Offset {
        token: u8,
        first: Option<u8>,
    },
    MatchLength {
        offset: u16,
        length: u64,
    },
    Match {
        offset: u16,
        left: u64,
    },
    Done,
}

/// Shortest match.
const MIN_MATCH: u64 = 4;

impl Block {
    /// A block of `compressed` bytes that decodes to at most `decoded`.
    pub(super) fn new(compressed: u64, decoded: u64) -> Self {
        Self { in_left: compressed, out_left: decoded, state: State::Token }
    }

    /// Whether the block has ended, as a block must.
    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Bytes that could still have come.
    pub(super) fn out_left(&self) -> u64 {
        self.out_left
    }

    /// Decodes what `input` allows into `window`, until it is full. Gives the number of bytes
    /// taken, which may be 0 only if the window is full, `input` empty or the block done.
    pub(super) fn decode(&mut self, input: &[u8], window: &mut Window) -> Result<usize, Bad> {
        let available = usize::try_from(self.in_left).unwrap_or(usize::MAX).min(input.len());
        let input = input.get(..available).unwrap_or_default();
        let (buf, low, pos) = window.parts();
        let mut read = 0_usize;
        loop {
            if self.state == State::Token {
                let may = usize::try_from(self.out_left).unwrap_or(usize::MAX);
                let limit = buf.len().saturating_sub(SLACK).min(pos.saturating_add(may));
                let rest = input.get(read..).unwrap_or_default();
                let (taken, end) = sequences(rest, buf, low, *pos, limit)?;
                self.took(&mut read, taken);
                self.gave(pos, end.saturating_sub(*pos));
            }
            let rest = input.get(read..).unwrap_or_default();
            if !self.go_on(rest, buf, low, &mut read, pos)? {
                return Ok(read);
            }
        }
    }

    fn took(&mut self, read: &mut usize, n: usize) {
        *read = read.saturating_add(n);
        self.in_left = self.in_left.saturating_sub(n as u64);
    }

    fn gave(&mut self, pos: &mut usize, n: usize) {
        *pos = pos.saturating_add(n);
        self.out_left = self.out_left.saturating_sub(n as u64);
    }

    /// Does the next piece of work; false if there is nothing to do it with.
    fn go_on(
        &mut self,
        input: &[u8],
        buf: &mut [u8],
        low: usize,
        read: &mut usize,
        pos: &mut usize,
    ) -> Result<bool, Bad> {
        let room = buf.len().saturating_sub(SLACK).saturating_sub(*pos);
        match self.state {
            State::Done => return Ok(false),
            State::Literals { token, left } => {
                self.check_output(left)?;
                let left_here = usize::try_from(left).unwrap_or(usize::MAX);
                let n = left_here.min(input.len()).min(room);
                if n == 0 && left > 0 {
                    return self.starved(input, room);
                }
                let end = pos.saturating_add(n);
                if let (Some(to), Some(from)) = (buf.get_mut(*pos..end), input.get(..n)) {
                    to.copy_from_slice(from);
                }
                self.took(read, n);
                self.gave(pos, n);
                self.state = match left.saturating_sub(n as u64) {
                    0 if self.in_left == 0 => State::Done,
                    0 => State::Offset { token, first: None },
                    left => State::Literals { token, left },
                };
                return Ok(true);
            }
            State::Match { offset, left } => {
                self.check_output(left)?;
                check_offset(offset.to_le_bytes(), pos.saturating_sub(low))?;
                let n = usize::try_from(left).unwrap_or(usize::MAX).min(room);
                if n == 0 {
                    return Ok(false);
                }
                copy_match(buf, *pos, usize::from(offset), n);
                self.gave(pos, n);
                self.state = match left.saturating_sub(n as u64) {
                    0 => State::Token,
                    left => State::Match { offset, left },
                };
                return Ok(true);
            }
            State::Token
            | State::LiteralLength { .. }
            | State::Offset { .. }
            | State::MatchLength { .. } => {}
        }
        let Some(&byte) = input.first() else { return self.starved(input, 1) };
        self.took(read, 1);
        self.state = self.state.after(byte);
        Ok(true)
    }

    fn check_output(&self, wanted: u64) -> Result<(), Bad> {
        let found = "one that holds more than it may";
        if wanted <= self.out_left {
            Ok(())
        } else {
            Err(Bad { expected: END, found, value: wanted })
        }
    }

    /// Nothing can be done: fine, unless the block is over.
    fn starved(&self, input: &[u8], room: usize) -> Result<bool, Bad> {
        if self.in_left == 0 && input.is_empty() && room > 0 {
            let found = "one that ends inside a sequence";
            return Err(Bad { expected: END, found, value: self.out_left });
        }
        Ok(false)
    }
}

impl State {
    /// What follows when `byte` comes.
    fn after(self, byte: u8) -> Self {
        match self {
            Self::Token => match byte >> 4 {
                15 => Self::LiteralLength { token: byte, length: 15 },
                literals => Self::Literals { token: byte, left: u64::from(literals) },
            },
            Self::LiteralLength { token, length } => {
                let length = length.saturating_add(u64::from(byte));
                match byte {
                    255 => Self::LiteralLength { token, length },
                    _ => Self::Literals { token, left: length },
                }
            }
            Self::Offset { token, first: None } => Self::Offset { token, first: Some(byte) },
            Self::Offset { token, first: Some(first) } => {
                let offset = u16::from_le_bytes([first, byte]);
                match token & 15 {
                    15 => Self::MatchLength { offset, length: 15 + MIN_MATCH },
                    short => Self::Match { offset, left: u64::from(short) + MIN_MATCH },
                }
            }
            Self::MatchLength { offset, length } => {
                let length = length.saturating_add(u64::from(byte));
                match byte {
                    255 => Self::MatchLength { offset, length },
                    _ => Self::Match { offset, left: length },
                }
            }
            // These two do not live on single bytes.
            Self::Literals { .. } | Self::Match { .. } | Self::Done => self,
        }
    }
}

/// Adds up the bytes of a long length that began with 15; the sum, and where the next byte is.
#[inline]
fn long_length(input: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let mut length = 15_usize;
    loop {
        let byte = *input.get(at)?;
        at += 1;
        length = length.saturating_add(usize::from(byte));
        if byte != 255 {
            return Some((length, at));
        }
    }
}

/// Decodes whole sequences, and stops before the first that is not all in `input`, might be the
/// block's last, or would pass `limit`. `buf` goes on for [`SLACK`] bytes behind `limit`.
/// Gives the bytes taken and the new `pos`.
#[inline(never)] // Registers are what this loop lives on.
fn sequences(
    input: &[u8],
    buf: &mut [u8],
    low: usize,
    mut pos: usize,
    limit: usize,
) -> Result<(usize, usize), Bad> {
    // A length that the compiler knows spares the loop a register.
    let Some(buf) = buf.first_chunk_mut::<SIZE>() else { return Ok((0, pos)) };
    let mut read = 0_usize;
    while let Some(head) = input.get(read..).and_then(<[u8]>::first_chunk::<QUICK_IN>) {
        let [token, ..] = *head;
        let (literals, more) = (usize::from(token >> 4), usize::from(token & 15));
        if literals < 15 && more < 15 && limit.saturating_sub(pos) >= QUICK_OUT {
            // Most sequences are like this: 14 literals at most, and a match of 18 bytes at most.
            // Both are copied at full width, whatever their length.
            let (Some(all), Some(offset)) = (load::<16>(head, 1), load::<2>(head, 1 + literals))
            else {
                break;
            };
            store(buf, pos, all);
            let out = pos + literals;
            let offset = check_offset(offset, out - low)?;
            copy_short_match(buf, out, offset, more + 4);
            pos = out + more + 4;
            read += 3 + literals;
            continue;
        }
        match long_sequence(input, buf, low, (read, pos), limit)? {
            Some(done) => (read, pos) = done,
            None => break,
        }
    }
    Ok((read, pos))
}

/// Input that a quick sequence may look at.
const QUICK_IN: usize = 17;
/// The most that a quick sequence gives.
const QUICK_OUT: usize = 14 + 18;

/// Decodes a sequence of any length at `read`; nothing if it does not lie in `input` and before
/// `limit` as a whole.
#[inline(never)]
fn long_sequence(
    input: &[u8],
    buf: &mut [u8],
    low: usize,
    (read, pos): (usize, usize),
    limit: usize,
) -> Result<Option<(usize, usize)>, Bad> {
    let fits = |at: usize, length: usize| limit.checked_sub(at).is_some_and(|room| length <= room);
    let Some(&token) = input.get(read) else { return Ok(None) };
    let mut at = read + 1;
    let mut literals = usize::from(token >> 4);
    if literals == 15 {
        let Some(long) = long_length(input, at) else { return Ok(None) };
        (literals, at) = long;
    }
    let end = at.saturating_add(literals);
    if !fits(pos, literals) {
        return Ok(None);
    }
    let out = pos + literals;
    let (Some(source), Some(target)) = (input.get(at..end), buf.get_mut(pos..out)) else {
        return Ok(None);
    };
    target.copy_from_slice(source);
    // At the end of the input this may be the last sequence, which has no match.
    let Some(offset) = load::<2>(input, end) else { return Ok(None) };
    at = end + 2;
    let offset = check_offset(offset, out - low)?;
    let mut length = usize::from(token & 15);
    if length == 15 {
        let Some(long) = long_length(input, at) else { return Ok(None) };
        (length, at) = long;
    }
    let length = length.saturating_add(4);
    if !fits(out, length) {
        return Ok(None);
    }
    copy_match(buf, out, offset, length);
    Ok(Some((at, out + length)))
}

/// The offset of a match that may reach back `reach` bytes.
#[inline]
fn check_offset(offset: [u8; 2], reach: usize) -> Result<usize, Bad> {
    let offset = usize::from(u16::from_le_bytes(offset));
    if offset == 0 || offset > reach {
        let found = "a match that reaches back too far";
        return Err(Bad { expected: END, found, value: offset as u64 });
    }
    Ok(offset)
}
