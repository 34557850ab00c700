//! Makes random numbers for tests: few lines, and the same for a seed on every machine.

/// A generator (splitmix64): a case or a sequence is told by its seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// Any 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `sides`, which is not zero.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        usize::try_from(self.bits() % sides as u64).unwrap_or_default()
    }
}
