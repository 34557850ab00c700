//! Says what decoding takes of memory, so that who decodes much at once can see to it that it fits.

use super::shuffle::{BUFFERED, BUFFERED_AT_MOST};
use crate::codec::{Filter, ids};

/// Of a stream: the payload's buffer and what the decoder says of itself.
const STREAM: u64 = 128 << 10;
/// Of a deflate or LZ4 stream, with its window.
const SMALL: u64 = 512 << 10;
/// A block of bzip2, sorted.
const BZIP2: u64 = 5 << 20;
/// Of a zstd frame beside its window.
const ZSTD: u64 = 512 << 10;
/// The window of a zstd frame that is larger than this is rarely larger than this: it is at level 20 and
/// above.
const WINDOW: u64 = 8 << 20;

/// Bytes of memory, about, that a decoder of these filters takes for `len` bytes, beside what it makes.
///
/// ```
/// use jld2::codec::{Filter, decoder_memory, ids};
/// let zstd = [Filter::new(ids::ZSTD, [3], None)];
/// assert!(decoder_memory(&zstd, 1 << 20) < 2 << 20);
/// let shuffled = [Filter::new(ids::SHUFFLE, [8], None), Filter::new(ids::ZSTD, [3], None)];
/// assert!(decoder_memory(&shuffled, 16 << 20) > 16 << 20);
/// assert_eq!(decoder_memory(&[], 1 << 40), 0);
/// ```
pub fn decoder_memory(filters: &[Filter], len: u64) -> u64 {
    let mut bytes = 0_u64;
    // From the last filter that was applied to the first.
    for filter in filters.iter().rev() {
        let own = match filter.id {
            ids::SHUFFLE => {
                let cheap = filters.iter().all(|it| matches!(it.id, ids::SHUFFLE | ids::LZ4));
                if len <= if cheap { BUFFERED } else { BUFFERED_AT_MOST } {
                    len
                } else {
                    // A decoder at each plane.
                    let planes = filter.client.first().map_or(1, |&size| u64::from(size.max(1)));
                    bytes.saturating_mul(planes)
                }
            }
            ids::ZSTD => ZSTD.saturating_add(len.min(WINDOW)),
            ids::BZIP2 => BZIP2,
            _ => SMALL,
        };
        bytes = bytes.saturating_add(own).saturating_add(STREAM);
    }
    bytes
}
