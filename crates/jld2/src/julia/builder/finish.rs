//! Lays out all that was built, once it is complete.

use crate::h5::RelAddr;
use crate::h5::checksum::lookup3;
use crate::h5::encode::{self, MAX_HEAP_OBJECTS};
use crate::julia::builder::Build;
use crate::julia::builder::data::{Data, Fill};
use crate::julia::builder::pending::Raw;

/// What a [`Build`] comes to.
#[derive(Debug)]
pub struct Built {
    /// The bytes to append.
    pub bytes: Vec<u8>,
    /// The address of each new object.
    pub addresses: Vec<RelAddr>,
    /// The absolute offset of each sequence of bytes that somebody else makes, behind all others.
    pub later: Vec<u64>,
    /// Where all of it ends.
    pub end: u64,
    /// The extra data with everything filled in.
    pub extra: Vec<Vec<u8>>,
}

impl Build<'_> {
    /// Lays everything out from the absolute offset `start` on; `extra` are data that go elsewhere
    /// and refer to what was built.
    pub fn finish(self, start: u64, extra: &[Data]) -> Built {
        let base = self.types.file().superblock().base;
        let mut at = start;
        let mut places = Vec::with_capacity(self.blobs.len());
        for blob in &self.blobs {
            let end = at + blob.data.len() as u64;
            let (data_at, next) = match &blob.outside {
                Some((_, Raw::Held(data))) => {
                    let data_at = end.next_multiple_of(8);
                    (Some(data_at), data_at + data.len() as u64)
                }
                Some((_, Raw::Later(_))) | None => (None, end),
            };
            places.push((at, data_at));
            at = next;
        }
        let rel = |offset: u64| RelAddr(offset.wrapping_sub(base));
        let addresses: Vec<_> = places.iter().map(|&(at, _)| rel(at)).collect();
        // Heaps come behind: their sizes do not depend on addresses.
        let mut heaps = Vec::new();
        for objects in self.heap.chunks(MAX_HEAP_OBJECTS) {
            at = at.next_multiple_of(8);
            heaps.push(rel(at));
            let plain: Vec<_> = objects.iter().map(|o| o.bytes.clone()).collect();
            at += encode::heap(&plain).len() as u64;
        }
        let mut later = Vec::with_capacity(self.later.len());
        for len in &self.later {
            at = at.next_multiple_of(8);
            later.push(at);
            at = at.saturating_add(*len);
        }
        let fill = |data: &Data| -> Vec<u8> {
            let mut bytes = data.bytes.clone();
            for &(p, f) in &data.fills {
                let value = match f {
                    Fill::Object(n) => {
                        addresses.get(n).copied().unwrap_or(RelAddr::NULL).0.to_le_bytes().to_vec()
                    }
                    Fill::Heap(i) => {
                        let heap = heaps.get(i / MAX_HEAP_OBJECTS).copied();
                        let index = u32::try_from(i % MAX_HEAP_OBJECTS + 1).unwrap_or(u32::MAX);
                        let mut v = heap.unwrap_or(RelAddr::NULL).0.to_le_bytes().to_vec();
                        v.extend(index.to_le_bytes());
                        v
                    }
                };
                if let Some(to) = bytes.get_mut(p..p + value.len()) {
                    to.copy_from_slice(&value);
                }
            }
            bytes
        };
        let mut out = Vec::new();
        let pad = |out: &mut Vec<u8>, to: u64| {
            out.resize(usize::try_from(to - start).unwrap_or(out.len()), 0);
        };
        for (blob, &(at, data_at)) in self.blobs.iter().zip(&places) {
            pad(&mut out, at);
            let mut bytes = fill(&blob.data);
            if let Some((p, raw)) = &blob.outside {
                let stands = match raw {
                    Raw::Held(_) => data_at,
                    Raw::Later(part) => later.get(part.number).map(|at| at + part.at),
                };
                if let (Some(stands), Some(to)) = (stands, bytes.get_mut(*p..*p + 8)) {
                    to.copy_from_slice(&rel(stands).0.to_le_bytes());
                }
            }
            if blob.header {
                let body = bytes.len() - 4;
                let sum = lookup3(bytes.get(..body).unwrap_or_default());
                bytes.truncate(body);
                bytes.extend(sum.to_le_bytes());
            }
            out.extend(bytes);
            if let (Some((_, Raw::Held(data))), Some(data_at)) = (&blob.outside, data_at) {
                pad(&mut out, data_at);
                out.extend(fill(data));
            }
        }
        for (objects, addr) in self.heap.chunks(MAX_HEAP_OBJECTS).zip(&heaps) {
            pad(&mut out, addr.0.wrapping_add(base));
            let filled: Vec<_> = objects.iter().map(fill).collect();
            out.extend(encode::heap(&filled));
        }
        let extra = extra.iter().map(fill).collect();
        Built { bytes: out, addresses, later, end: at, extra }
    }
}
