//! Smooth fields with noise, from a seed.

/// Random numbers: splitmix64, so that any seed is a good one.
#[derive(Debug, Clone)]
pub(crate) struct Noise(u64);

impl Noise {
    /// The sequence of this seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    /// Any 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `end`, which is not zero; uniform enough.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        let product = u128::from(self.bits()) * u128::from(end);
        u64::try_from(product >> 64).unwrap_or(0)
    }

    /// A number from -1 up to 1.
    pub(crate) fn signed(&mut self) -> f64 {
        signed(self.bits())
    }
}

fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
fn signed(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

/// Rows between two nodes of the octaves of a field, and how much each counts.
const OCTAVES: [(u64, f64); 3] = [(1 << 18, 1.0), (1 << 12, 0.3), (1 << 6, 0.05)];
/// How much the noise down to the last bit counts.
const GRAIN: f64 = 0.01;

/// A field along the rows of a table: lines between random nodes on three scales, and noise.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    seed: u64,
    noise: Noise,
    row: u64,
    /// Value and slope of each octave.
    lines: [(f64, f64); OCTAVES.len()],
}

impl Field {
    /// The field of this seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, noise: Noise::new(seed), row: 0, lines: Default::default() }
    }

    fn node(&self, octave: usize, number: u64) -> f64 {
        signed(mix(self.seed ^ mix(number ^ ((octave as u64) << 56))))
    }

    /// The value of the next row, of the order of one.
    pub(crate) fn value(&mut self) -> f64 {
        let mut sum = GRAIN * self.noise.signed();
        for (octave, (spacing, weight)) in OCTAVES.into_iter().enumerate() {
            if self.row.is_multiple_of(spacing) {
                let number = self.row / spacing;
                let (from, to) = (self.node(octave, number), self.node(octave, number + 1));
                #[expect(clippy::cast_precision_loss, reason = "a power of two")]
                let slope = (to - from) / spacing as f64;
                if let Some(line) = self.lines.get_mut(octave) {
                    *line = (from, slope);
                }
            }
            if let Some((value, slope)) = self.lines.get_mut(octave) {
                sum += weight * *value;
                *value += *slope;
            }
        }
        self.row += 1;
        sum
    }
}
