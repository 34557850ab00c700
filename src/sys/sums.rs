//! Digests a file's bytes as they go by, stretch by stretch, to be held against what the disk gives
//! back later.

use std::fmt;
use std::ops::Range;
use xxhash_rust::xxh3::Xxh3;

/// No stretch is longer: where one differs, at most so many bytes are read once more to find where.
const STRETCH: u64 = 32 << 20;

/// The digest of one stretch of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Its bytes, counted from the start of the file.
    pub range: Range<u64>,
    /// xxh3-128.
    pub digest: u128,
}

/// Digests of the bytes of a file from its start on. A terabyte takes 1 MiB of memory.
#[derive(Default)]
pub struct Sums {
    done: Vec<Stretch>,
    running: Xxh3,
    /// Where the stretch begins that is being digested.
    start: u64,
    /// Offset of the next byte.
    position: u64,
}

impl fmt::Debug for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { done, position, .. } = self;
        f.debug_struct("Sums")
            .field("done", done)
            .field("position", position)
            .finish_non_exhaustive()
    }
}

impl Sums {
    /// Takes in the next bytes.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let left = STRETCH.saturating_sub(self.position - self.start);
            let n = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
            let (now, later) = bytes.split_at(n);
            self.running.update(now);
            self.position += n as u64;
            bytes = later;
            if self.position - self.start >= STRETCH {
                self.mark();
            }
        }
    }

    /// Takes in zeros up to `offset`: a hole.
    pub fn zeros_to(&mut self, offset: u64) {
        const ZEROS: &[u8] = &[0; 64 << 10];
        while self.position < offset {
            let left = usize::try_from(offset - self.position).unwrap_or(usize::MAX);
            self.push(ZEROS.get(..left).unwrap_or(ZEROS));
        }
    }

    /// Ends a stretch here, to which [`Self::back_to`] may come back.
    pub fn mark(&mut self) {
        if self.position > self.start {
            let digest = self.running.digest128();
            self.done.push(Stretch { range: self.start..self.position, digest });
            self.start = self.position;
            self.running = Xxh3::new();
        }
    }

    /// Gives up what came after `offset`, at which [`Self::mark`] was called.
    pub fn back_to(&mut self, offset: u64) {
        self.done.retain(|stretch| stretch.range.end <= offset);
        self.start = self.done.last().map_or(0, |stretch| stretch.range.end);
        self.position = self.start;
        self.running = Xxh3::new();
    }

    /// The digests, one behind the other from the start of the file on.
    pub fn finish(mut self) -> Vec<Stretch> {
        self.mark();
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sums(bytes: &[u8]) -> Vec<Stretch> {
        let mut sums = Sums::default();
        sums.push(bytes);
        sums.finish()
    }

    #[test]
    fn stretches_cover_all_bytes() {
        let len = STRETCH + 5;
        let stretches = sums(&vec![3; usize::try_from(len).unwrap()]);
        let ranges: Vec<_> = stretches.iter().map(|s| s.range.clone()).collect();
        assert_eq!(ranges, [0..STRETCH, STRETCH..len]);
        assert_eq!(sums(&[]), []);
    }

    proptest! {
        /// In whatever pieces bytes and holes come, and whatever was given up in between.
        #[test]
        fn only_the_bytes_count(
            before in proptest::collection::vec(any::<u8>(), 0..300),
            given_up in proptest::collection::vec(any::<u8>(), 0..300),
            after in proptest::collection::vec(any::<u8>(), 1..300),
            hole in 0_usize..200_000,
            piece in 1_usize..50,
        ) {
            let mut running = Sums::default();
            before.chunks(piece).for_each(|bytes| running.push(bytes));
            running.mark();
            running.push(&given_up);
            running.back_to(before.len() as u64);
            running.zeros_to((before.len() + hole) as u64);
            running.push(&after);
            let stretches = running.finish();
            let whole = [before.clone(), vec![0; hole], after].concat();
            let mut end = 0;
            for Stretch { range, digest } in stretches {
                prop_assert_eq!(range.start, end);
                end = range.end;
                let [from, to] = [range.start, range.end].map(|at| usize::try_from(at).unwrap());
                prop_assert_eq!(digest, xxhash_rust::xxh3::xxh3_128(&whole[from..to]));
            }
            prop_assert_eq!(end, whole.len() as u64);
        }
    }
}
