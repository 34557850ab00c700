//! Makes small containers for tests, put together with the encoders.

#![allow(clippy::indexing_slicing, clippy::new_without_default, reason = "for tests only")]

use super::checksum::lookup3;
use super::encode::{self, NewMessage};
use super::{RelAddr, Source};

/// Puts objects behind a superblock, in the order given.
#[derive(Debug)]
pub struct Sample {
    bytes: Vec<u8>,
}

impl Sample {
    /// Offset that addresses count from.
    pub const BASE: u64 = 512;

    /// A file without objects.
    pub fn new() -> Self {
        let mut bytes =
            b"HDF5-based Julia Data Format, version 0.2.0\0 (Julia 1.12.6 64-bit LE)".to_vec();
        bytes.resize(560, 0);
        Self { bytes }
    }

    /// Where the next object will stand.
    pub fn next(&self) -> RelAddr {
        RelAddr(self.bytes.len() as u64 - Self::BASE)
    }

    /// Appends bytes at a multiple of eight.
    pub fn raw(&mut self, bytes: &[u8]) -> RelAddr {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        self.unaligned(bytes)
    }

    /// Appends bytes.
    pub fn unaligned(&mut self, bytes: &[u8]) -> RelAddr {
        let at = self.next();
        self.bytes.extend(bytes);
        at
    }

    /// Appends an object.
    pub fn object(&mut self, messages: &[NewMessage]) -> RelAddr {
        let header = encode::object_header(messages).bytes;
        self.unaligned(&header)
    }

    /// Appends a group.
    pub fn group(&mut self, links: &[(&str, RelAddr)]) -> RelAddr {
        let links: Vec<_> = links.iter().map(|(n, t)| ((*n).to_owned(), *t)).collect();
        self.object(&encode::group(&links))
    }

    /// Appends a header chunk of these messages; gives address and length.
    pub fn continuation(&mut self, messages: &[NewMessage]) -> (RelAddr, u64) {
        let mut bytes = b"OCHK".to_vec();
        for m in messages {
            m.write(&mut bytes);
        }
        bytes.extend(lookup3(&bytes).to_le_bytes());
        (self.unaligned(&bytes), bytes.len() as u64)
    }

    /// The file, with this root.
    pub fn finish(mut self, root: RelAddr) -> Vec<u8> {
        let end = self.bytes.len() as u64;
        let block = superblock(Self::BASE, end, root);
        self.bytes[512..560].copy_from_slice(&block);
        self.bytes
    }
}

/// A superblock.
pub fn superblock(base: u64, end_of_file: u64, root: RelAddr) -> Vec<u8> {
    let mut out = b"\x89HDF\r\n\x1a\n\x02\x08\x08\x00".to_vec();
    out.extend(base.to_le_bytes());
    out.extend(u64::MAX.to_le_bytes());
    out.extend(end_of_file.to_le_bytes());
    out.extend(root.0.to_le_bytes());
    out.extend(lookup3(&out).to_le_bytes());
    out
}

/// A file with nothing but an empty root group.
pub fn empty_file() -> Source {
    let mut sample = Sample::new();
    let root = sample.group(&[]);
    Source::from_bytes(sample.finish(root))
}
