//! Holds what stands behind the end of a file: bytes, and such that are made when they are asked for.

use super::{Error, Result};
use std::fmt;
use std::sync::Arc;

/// Hears bytes and where they stand.
pub type EachPiece<'v> = dyn FnMut(u64, &[u8]) -> Result<()> + 'v;

/// Bytes that follow from those of a file, and of which no more than a window is held.
pub trait Made: fmt::Debug + Send + Sync {
    /// How many there are.
    fn len(&self) -> u64;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Hands on each of them once, with their place among them, in whatever order takes the least
    /// reading.
    ///
    /// # Errors
    /// If what they are made of cannot be read, and those of `visit`.
    fn each(&self, visit: &mut EachPiece<'_>) -> Result<()>;

    /// Fills `out` with those from `at` on, all of which must be there.
    ///
    /// # Errors
    /// If what they are made of cannot be read.
    fn read_into(&self, at: u64, out: &mut [u8]) -> Result<()>;
}

/// What stands behind the end of a file, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Appended {
    pieces: Vec<(u64, Piece)>,
    len: u64,
}

/// Some of what is appended.
#[derive(Debug, Clone)]
pub enum Piece {
    /// These bytes.
    Held(Vec<u8>),
    /// Bytes that are made when they are asked for.
    Made(Arc<dyn Made>),
    /// So many bytes, of which nothing is known here.
    Untold(u64),
}

/// What is made is the same only as itself.
impl PartialEq for Piece {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Held(a), Self::Held(b)) => a == b,
            (Self::Made(a), Self::Made(b)) => Arc::ptr_eq(a, b),
            (Self::Untold(a), Self::Untold(b)) => a == b,
            (Self::Held(_) | Self::Made(_) | Self::Untold(_), _) => false,
        }
    }
}

impl Eq for Piece {}

impl Piece {
    /// How many bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Held(bytes) => bytes.len() as u64,
            Self::Made(made) => made.len(),
            Self::Untold(len) => *len,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl From<Vec<u8>> for Appended {
    fn from(bytes: Vec<u8>) -> Self {
        let mut out = Self::default();
        out.hold(&bytes);
        out
    }
}

impl Appended {
    /// How many bytes there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What it is made of, each with its place.
    pub fn pieces(&self) -> impl Iterator<Item = (u64, &Piece)> {
        self.pieces.iter().map(|(at, piece)| (*at, piece))
    }

    /// Puts bytes behind.
    pub fn hold(&mut self, bytes: &[u8]) {
        if let Some((_, Piece::Held(last))) = self.pieces.last_mut() {
            last.extend_from_slice(bytes);
        } else if !bytes.is_empty() {
            self.pieces.push((self.len, Piece::Held(bytes.to_vec())));
        }
        self.len = self.len.saturating_add(bytes.len() as u64);
    }

    /// Puts a piece behind.
    pub fn push(&mut self, piece: Piece) {
        match piece {
            Piece::Held(bytes) => self.hold(&bytes),
            piece if piece.is_empty() => {}
            piece => {
                let len = piece.len();
                self.pieces.push((self.len, piece));
                self.len = self.len.saturating_add(len);
            }
        }
    }

    /// Puts all pieces of `other` behind.
    pub fn extend(&mut self, other: Self) {
        other.pieces.into_iter().for_each(|(_, piece)| self.push(piece));
    }

    /// Puts zeros behind up to this length.
    pub fn pad(&mut self, len: u64) {
        let zeros = usize::try_from(len.saturating_sub(self.len)).unwrap_or(0);
        self.hold(&vec![0; zeros]);
    }

    /// All bytes, where all are held.
    pub fn held(&self) -> Option<&[u8]> {
        match self.pieces.as_slice() {
            [] => Some(&[]),
            [(_, Piece::Held(bytes))] => Some(bytes),
            _ => None,
        }
    }

    /// Hands on each byte that is known once, with its place; those that are made as
    /// [`Made::each`] does.
    ///
    /// # Errors
    /// If what is to be made cannot be, and those of `visit`.
    pub fn each(&self, visit: &mut EachPiece<'_>) -> Result<()> {
        for (start, piece) in &self.pieces {
            match piece {
                Piece::Held(bytes) => visit(*start, bytes)?,
                Piece::Made(made) => {
                    made.each(&mut |at, bytes| visit(start.saturating_add(at), bytes))?;
                }
                Piece::Untold(_) => {}
            }
        }
        Ok(())
    }

    /// Fills `out` with the bytes from `at` on, all of which must be there.
    ///
    /// # Errors
    /// If what is to be made cannot be.
    pub(super) fn read_into(&self, at: u64, mut out: &mut [u8]) -> Result<()> {
        let first = self.pieces.partition_point(|(start, piece)| start + piece.len() <= at);
        let mut at = at;
        for (start, piece) in self.pieces.iter().skip(first) {
            if out.is_empty() {
                break;
            }
            let within = at.saturating_sub(*start);
            let there = usize::try_from(piece.len().saturating_sub(within)).unwrap_or(usize::MAX);
            let (now, later) = out.split_at_mut(there.min(out.len()));
            at = at.saturating_add(now.len() as u64);
            out = later;
            match piece {
                Piece::Held(bytes) => {
                    let from = usize::try_from(within).unwrap_or(usize::MAX);
                    if let Some(from) = bytes.get(from..).and_then(|b| b.get(..now.len())) {
                        now.copy_from_slice(from);
                    }
                }
                Piece::Made(made) => made.read_into(within, now)?,
                Piece::Untold(_) => return Err(Error::foreign(at, "bytes that nobody told")),
            }
        }
        Ok(())
    }
}
