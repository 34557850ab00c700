//! Encodes a dataset's bytes to payloads.

mod blocks;
mod chunk;
mod deflate;
mod lz4;
mod output;
mod plain;
mod run;
mod shuffle;
mod zstd;

pub use chunk::ChunkEncoder;
pub use lz4::{LZ4_BLOCK_SIZE, LZ4_BLOCK_SIZE_MAX};
pub use run::{Codec, Encoded, encode};

#[cfg(test)]
mod tests;
