//! Buffers of pieces that were taken, for pieces to come: memory that is at hand need not be asked of
//! the system and filled with zeros each time.

use crate::reader::cache::Piece;
use std::sync::{Arc, Mutex, PoisonError};

/// Buffers that are kept at most: as many as wait at most, so that none is asked for twice.
const MOST: usize = 32;
/// Bytes that they have together at most, but for one.
const MOST_BYTES: usize = 16 << 20;

/// Buffers that nobody uses.
#[derive(Debug, Default)]
pub(super) struct Pool(Mutex<Vec<Vec<u8>>>);

impl Pool {
    /// A buffer of so many bytes, whatever they are.
    pub(super) fn take(&self, len: usize) -> Vec<u8> {
        let mut buffer = self.buffers(Vec::pop).unwrap_or_default();
        buffer.resize(len, 0);
        buffer
    }

    /// Keeps a piece's buffer, if nobody else holds the piece.
    pub(super) fn give(&self, piece: Piece) {
        let Ok(buffer) = Arc::try_unwrap(piece) else { return };
        self.buffers(|kept| {
            let bytes: usize = kept.iter().map(Vec::capacity).sum();
            if kept.len() < MOST && (bytes == 0 || bytes + buffer.capacity() <= MOST_BYTES) {
                kept.push(buffer);
            }
        });
    }

    fn buffers<T>(&self, of: impl FnOnce(&mut Vec<Vec<u8>>) -> T) -> T {
        of(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_unless_somebody_holds_it() {
        let pool = Pool::default();
        let piece = Arc::new(vec![7; 100]);
        let held = Arc::clone(&piece);
        pool.give(piece);
        assert_eq!(pool.take(3), [0; 3], "it was not given");
        pool.give(held);
        let again = pool.take(102);
        assert_eq!((again[0], again[101], again.len()), (7, 0, 102));
        for _ in 0..3 * MOST {
            pool.give(Arc::new(vec![1]));
        }
        assert_eq!(pool.buffers(|kept| kept.len()), MOST);
    }
}
