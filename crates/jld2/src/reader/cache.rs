//! Keeps decoded pieces of columns, those that were used last, in a bounded number of bytes.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Decoded bytes that several may hold.
pub(super) type Piece = Arc<Vec<u8>>;

/// What a piece costs beside its bytes: the entries that lead to it.
const ENTRY: usize = 128;

/// Decoded pieces of columns, so that who reads them again need not decode them again. Of more than
/// fit, those go that were not used for longest. It can be used by several threads and for several
/// files at once.
///
/// ```
/// use std::sync::Arc;
/// let file = jld2::File::open("tests/data/indexed_table.jld2")?;
/// let table = file.dataset("hydro/data")?.table_in("data")?.expect("a table");
/// let cache = Arc::new(jld2::ChunkCache::new(1 << 20));
/// let scan = jld2::Scan::of(&table, &["rho"])?.with_cache(Arc::clone(&cache));
/// for _ in 0..2 {
///     scan.run(0..table.len(), |_| Ok::<_, jld2::Error>(()))?;
/// }
/// assert!(cache.usage().bytes <= 1 << 20);
/// # Ok::<(), jld2::Error>(())
/// ```
#[derive(Debug)]
pub struct ChunkCache {
    most: usize,
    kept: Mutex<Kept>,
}

/// How a cache was used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheUsage {
    /// Pieces that were asked for and there.
    pub hits: u64,
    /// Pieces that were asked for and not there.
    pub misses: u64,
    /// Bytes that are kept.
    pub bytes: usize,
    /// Pieces that are kept.
    pub pieces: usize,
}

/// Which piece: of which file, of the dataset whose header is where, from which byte on, how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct PieceKey {
    pub(super) file: u64,
    pub(super) dataset: u64,
    pub(super) start: u64,
    pub(super) len: u64,
}

#[derive(Debug, Default)]
struct Kept {
    pieces: HashMap<PieceKey, (Piece, u64)>,
    /// The pieces by when they were used, the oldest first.
    by_use: BTreeMap<u64, PieceKey>,
    now: u64,
    usage: CacheUsage,
}

impl ChunkCache {
    /// An empty cache that keeps at most so many bytes.
    pub fn new(most: usize) -> Self {
        Self { most, kept: Mutex::default() }
    }

    /// The bytes that it keeps at most.
    pub fn most(&self) -> usize {
        self.most
    }

    /// How it was used so far.
    pub fn usage(&self) -> CacheUsage {
        let kept = self.kept();
        CacheUsage { pieces: kept.pieces.len(), ..kept.usage }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // What is kept is whole whenever the lock is free.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, key: &PieceKey) -> Option<Piece> {
        let mut kept = self.kept();
        kept.now += 1;
        let now = kept.now;
        let Some((piece, used)) = kept.pieces.get_mut(key) else {
            kept.usage.misses += 1;
            return None;
        };
        let piece = Arc::clone(piece);
        let before = std::mem::replace(used, now);
        kept.by_use.remove(&before);
        kept.by_use.insert(now, *key);
        kept.usage.hits += 1;
        Some(piece)
    }

    /// Keeps a piece, unless it is larger than all that may be kept.
    pub(super) fn put(&self, key: PieceKey, piece: &Piece) {
        let cost = piece.capacity().saturating_add(ENTRY);
        if cost > self.most {
            return;
        }
        let mut kept = self.kept();
        kept.now += 1;
        let now = kept.now;
        if let Some((old, used)) = kept.pieces.insert(key, (Arc::clone(piece), now)) {
            kept.by_use.remove(&used);
            kept.usage.bytes = kept.usage.bytes.saturating_sub(old.capacity() + ENTRY);
        }
        kept.by_use.insert(now, key);
        kept.usage.bytes = kept.usage.bytes.saturating_add(cost);
        while kept.usage.bytes > self.most {
            let Some((_, oldest)) = kept.by_use.pop_first() else { break };
            if let Some((gone, _)) = kept.pieces.remove(&oldest) {
                kept.usage.bytes = kept.usage.bytes.saturating_sub(gone.capacity() + ENTRY);
            }
        }
    }
}

impl CacheUsage {
    /// The share of pieces asked for that were there; none if nothing was asked for.
    pub fn hit_rate(&self) -> Option<f64> {
        let asked = self.hits.saturating_add(self.misses);
        #[expect(clippy::cast_precision_loss, reason = "a share need not be exact")]
        (asked > 0).then(|| self.hits as f64 / asked as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(start: u64) -> PieceKey {
        PieceKey { file: 1, dataset: 2, start, len: 100 }
    }

    fn piece(byte: u8) -> Piece {
        Arc::new(vec![byte; 100])
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let cache = ChunkCache::new(3 * (100 + ENTRY));
        for i in 0..3 {
            cache.put(key(i), &piece(u8::try_from(i).unwrap()));
        }
        assert_eq!(cache.get(&key(0)).unwrap()[0], 0);
        cache.put(key(3), &piece(3));
        assert!(cache.get(&key(1)).is_none(), "the oldest use");
        assert!([0, 2, 3].iter().all(|&i| cache.get(&key(i)).is_some()));
        let CacheUsage { hits, misses, bytes, pieces } = cache.usage();
        assert_eq!((hits, misses, bytes, pieces), (4, 1, 3 * (100 + ENTRY), 3));
        assert_eq!(cache.usage().hit_rate(), Some(0.8));
    }

    #[test]
    fn bytes_are_bounded_whatever_is_put_in() {
        let cache = ChunkCache::new(1000);
        cache.put(key(0), &Arc::new(vec![0; 1001]));
        assert_eq!(cache.usage().pieces, 0, "too large to be kept");
        for i in 0..100 {
            cache.put(key(i % 7), &piece(0));
            assert!(cache.usage().bytes <= 1000);
        }
        assert_eq!(cache.usage().bytes, cache.usage().pieces * (100 + ENTRY));
        assert_eq!(ChunkCache::new(0).usage().hit_rate(), None);
    }

    #[test]
    fn pieces_are_told_apart_by_file_and_length() {
        let cache = ChunkCache::new(10_000);
        cache.put(key(0), &piece(1));
        assert!(cache.get(&PieceKey { file: 2, ..key(0) }).is_none());
        assert!(cache.get(&PieceKey { len: 99, ..key(0) }).is_none());
        assert!(cache.get(&PieceKey { dataset: 3, ..key(0) }).is_none());
        assert!(cache.get(&key(0)).is_some());
    }
}
