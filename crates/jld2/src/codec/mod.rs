//! Decodes and encodes filter payloads, streamed in bounded memory.
//!
//! A dataset's bytes pass through the filters of its pipeline on their way to the file; what lies
//! there is the *payload*. [`decoder`] turns a payload back into the dataset's bytes, and never
//! holds more of either than a few windows: a column of 100 GB costs what one of 1 MB costs.
//!
//! [`encode`](fn) does the opposite, on several threads, in memory that depends on the size of blocks
//! and the number of threads; the bytes depend on neither the threads nor the machine.
//!
//! What may go wrong is an [`Error`], which also travels inside [`std::io::Error`] and comes out
//! again by [`Error::from`]. No length or size that a payload declares is ever allocated.

mod decode;
mod encode;
mod error;
mod filter;
mod payload;
mod planes;

pub use decode::{Decoded, decoder, decoder_memory, decoder_of};
pub use encode::{ChunkEncoder, Codec, Encoded, LZ4_BLOCK_SIZE, LZ4_BLOCK_SIZE_MAX, encode};
pub use error::Error;
pub use filter::{Filter, Lz4Format, describe, ids, sniff_lz4};
pub use payload::{FileRange, Payload, Reader, StreamSource};
