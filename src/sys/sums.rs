//! Digests a file's bytes as they go by, stretch by stretch, to be held against what the disk gives
//! back later.

use std::fmt;
use std::ops::Range;
use std::sync::LazyLock;
use xxhash_rust::xxh3::Xxh3;

/// No stretch is longer: where one differs, at most so many bytes are read once more to find where.
const STRETCH: u64 = 32 << 20;

/// Zeros are digested in pieces of so many bytes.
const ZEROS: &[u8] = &[0; 64 << 10];

/// Digest of a whole stretch of zeros: most of a large hole.
static ZERO_STRETCH: LazyLock<u128> = LazyLock::new(|| {
    let mut running = Xxh3::new();
    push_zeros(&mut running, STRETCH);
    running.digest128()
});

fn push_zeros(running: &mut Xxh3, mut count: u64) {
    while count > 0 {
        let n = usize::try_from(count).unwrap_or(usize::MAX).min(ZEROS.len());
        running.update(ZEROS.get(..n).unwrap_or(ZEROS));
        count -= n as u64;
    }
}

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

/// The digest of a stretch whose bytes are read once more.
#[derive(Default)]
pub struct Sum {
    running: Xxh3,
    taken: u64,
    /// Whether the only bytes so far are a whole stretch of zeros, which nobody looked at.
    zero: bool,
}

impl Sum {
    /// Takes in the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.running.update(bytes);
        self.taken += bytes.len() as u64;
    }

    /// Takes in zeros.
    pub fn zeros(&mut self, count: u64) {
        if self.taken == 0 && count == STRETCH {
            self.zero = true;
        } else {
            push_zeros(&mut self.running, count);
        }
        self.taken += count;
    }

    /// The digest, as [`Sums`] makes it.
    pub fn digest(&self) -> u128 {
        if self.zero { *ZERO_STRETCH } else { self.running.digest128() }
    }
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

    /// Takes in zeros up to `offset`: a hole. It costs the same whatever its size, but for what tells
    /// of each [`Stretch`].
    pub fn zeros_to(&mut self, offset: u64) {
        while self.position < offset {
            let left = offset - self.position;
            if self.position == self.start && left >= STRETCH {
                self.position += STRETCH;
                self.done.push(Stretch { range: self.start..self.position, digest: *ZERO_STRETCH });
                self.start = self.position;
                continue;
            }
            let n = left.min(STRETCH.saturating_sub(self.position - self.start));
            push_zeros(&mut self.running, n);
            self.position += n;
            if self.position - self.start >= STRETCH {
                self.mark();
            }
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

    #[test]
    fn whole_stretches_of_zeros_are_those_that_somebody_reads() {
        let len = 2 * STRETCH + 77;
        let zeros = vec![0; usize::try_from(len).unwrap()];
        let mut skipped = Sums::default();
        skipped.zeros_to(len);
        assert_eq!(skipped.finish(), sums(&zeros));
        let mut late = Sums::default();
        late.push(&[0; 5]);
        late.zeros_to(len);
        assert_eq!(late.finish(), sums(&zeros));
        for Stretch { range, digest } in sums(&zeros) {
            let mut sum = Sum::default();
            sum.zeros(range.end - range.start);
            assert_eq!(sum.digest(), digest);
        }
        let mut mixed = Sum::default();
        mixed.push(&[1]);
        mixed.zeros(STRETCH - 1);
        assert_ne!(mixed.digest(), *ZERO_STRETCH);
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
