//! Decodes payloads to a dataset's bytes.

mod bzip2;
mod copy;
mod deflate;
mod exact;
mod input;
mod lz4_block;
mod lz4_frame;
mod lz4_hdf5;
mod memory;
mod pipeline;
mod shuffle;
mod stream;
mod window;
mod zstd;

pub use memory::decoder_memory;
pub use pipeline::{Decoded, decoder, decoder_of};

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) use tests::bytes_of_columns;
