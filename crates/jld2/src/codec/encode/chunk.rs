//! One chunk after another, each in memory and for itself.

use super::{
    Codec, deflate,
    lz4::{self, Packer},
    zstd,
};
use crate::codec::{Error, Filter, ids, planes::take_apart};

/// Encodes chunks with one codec. What it needs is made once and used for all of them; the bytes of
/// a chunk depend on nothing but its own.
pub struct ChunkEncoder {
    codec: State,
    /// Size of the elements whose bytes are put into planes first.
    shuffle: Option<usize>,
    planes: Vec<u8>,
}

enum State {
    Plain,
    Lz4 { packer: Packer, block_size: u32 },
    Lz4Frame(Packer),
    Zstd(zstd::Whole),
    Deflate(deflate::Whole),
}

impl ChunkEncoder {
    /// An encoder; `shuffle` is the size of an element whose bytes are put into planes first.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a level or size that the format does not have.
    pub fn new(codec: Codec, shuffle: Option<u32>) -> Result<Self, Error> {
        let state = match codec {
            Codec::None => State::Plain,
            Codec::Lz4 { block_size } => {
                lz4::check_block_size(block_size)?;
                State::Lz4 { packer: Packer::hdf5(), block_size }
            }
            Codec::Lz4Frame => State::Lz4Frame(Packer::frame()),
            Codec::Zstd(level) => State::Zstd(zstd::Whole::new(level)?),
            Codec::Deflate(level) => State::Deflate(deflate::Whole::new(level)?),
        };
        let shuffle = codec.shuffled(shuffle).and_then(|size| usize::try_from(size).ok());
        Ok(Self { codec: state, shuffle, planes: Vec::new() })
    }

    /// Puts the encoded `chunk` at the start of `out`, which grows where it has to and keeps its
    /// length, so that it can be used again; how many bytes there are.
    ///
    /// # Errors
    /// Where the library fails, for want of memory as a rule.
    pub fn encode(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<usize, Error> {
        let room = self.room(chunk.len());
        if out.len() < room {
            out.resize(room, 0);
        }
        let elements = self.shuffle.map_or(0, |size| chunk.len() / size);
        let chunk = match self.shuffle {
            // Fewer than two elements are left as they are.
            Some(size) if elements > 1 => {
                self.planes.resize(chunk.len(), 0);
                let (planes, tail) = self.planes.split_at_mut(elements.saturating_mul(size));
                let (whole, rest) = chunk.split_at(planes.len());
                take_apart(whole, size, 0, planes.chunks_exact_mut(elements));
                tail.copy_from_slice(rest);
                self.planes.as_slice()
            }
            _ => chunk,
        };
        // No more than is asked for: what a library writes may depend on it.
        let out = out.get_mut(..room).ok_or(Error::Failed)?;
        match &mut self.codec {
            State::Plain => {
                out.get_mut(..chunk.len()).ok_or(Error::Failed)?.copy_from_slice(chunk);
                Ok(chunk.len())
            }
            State::Lz4 { packer, block_size } => lz4::chunk_hdf5(*block_size, chunk, packer, out),
            State::Lz4Frame(packer) => lz4::chunk_frame(chunk, packer, out),
            State::Zstd(whole) => whole.encode(chunk, out),
            State::Deflate(whole) => whole.encode(chunk, out),
        }
    }

    fn room(&self, length: usize) -> usize {
        match &self.codec {
            State::Plain => length,
            State::Lz4 { block_size, .. } => lz4::chunk_room(*block_size, length),
            State::Lz4Frame(_) => lz4::chunk_room(u32::MAX, length),
            State::Zstd(_) => zstd::room(length),
            State::Deflate(_) => deflate::room(length),
        }
    }
}

impl Codec {
    /// The element size with which bytes are put into planes: single bytes have none, and without a
    /// compressor they gain nothing.
    pub(super) fn shuffled(self, size: Option<u32>) -> Option<u32> {
        size.filter(|size| *size > 1 && self != Self::None)
    }

    /// The pipeline that undoes this codec behind a shuffle, as JLD2 0.6.5 writes it (frames: as 0.5
    /// does).
    pub fn pipeline(self, shuffle: Option<u32>) -> Vec<Filter> {
        let shuffle = self.shuffled(shuffle).map(|size| Filter::new(ids::SHUFFLE, [size], None));
        shuffle.into_iter().chain(self.filter()).collect()
    }
}
