//! Numbers as 64 bits that are ordered as the numbers are: what ranks are found by.

use jld2::NumberType;

/// The first bit of a word.
const TOP: u64 = 1 << 63;

/// How numbers of a type become words and come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    Floats,
    /// Integers, as their distance from the smallest.
    Signed,
    Unsigned,
}

impl Keys {
    pub(super) fn of(number: NumberType) -> Self {
        match number {
            number if number.is_float() => Self::Floats,
            NumberType::UInt64 => Self::Unsigned,
            _ => Self::Signed,
        }
    }

    /// Of a float that is a number.
    pub(super) fn float(x: f64) -> u64 {
        let bits = x.to_bits();
        if bits & TOP == 0 { bits | TOP } else { !bits }
    }

    /// Of an integer of up to 64 bits.
    pub(super) fn integer(self, i: i128) -> u64 {
        let low = if self == Self::Unsigned { 0 } else { i128::from(TOP) };
        u64::try_from(i + low).unwrap_or(0)
    }

    /// The number of a word, rounded where it has too many digits.
    pub(super) fn number(self, key: u64) -> f64 {
        match self {
            Self::Floats => f64::from_bits(if key & TOP == 0 { !key } else { key ^ TOP }),
            #[expect(clippy::cast_precision_loss, reason = "Julia rounds in the same way")]
            Self::Signed => (i128::from(key) - i128::from(TOP)) as f64,
            #[expect(clippy::cast_precision_loss, reason = "Julia rounds in the same way")]
            Self::Unsigned => key as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn words_are_ordered_as_their_numbers(a in any::<f64>(), b in any::<f64>(), i: i64, j: i64) {
            prop_assume!(!a.is_nan() && !b.is_nan());
            if a < b {
                prop_assert!(Keys::float(a) < Keys::float(b));
            }
            prop_assert_eq!(Keys::Floats.number(Keys::float(a)).to_bits(), a.to_bits());
            let word = |i: i64| Keys::Signed.integer(i128::from(i));
            prop_assert_eq!(word(i).cmp(&word(j)), i.cmp(&j));
        }
    }

    #[test]
    fn the_ends_of_all_ranges_come_back() {
        for x in [f64::NEG_INFINITY, f64::MIN, -0.0, 0.0, f64::MAX, f64::INFINITY] {
            assert_eq!(Keys::Floats.number(Keys::float(x)).to_bits(), x.to_bits());
        }
        let signed = |i: i64| Keys::Signed.number(Keys::Signed.integer(i128::from(i)));
        assert!((signed(i64::MIN) + 2.0_f64.powi(63)).abs() < 0.5);
        assert!((signed(-3) + 3.0).abs() < f64::EPSILON);
        assert_eq!(Keys::Unsigned.integer(i128::from(u64::MAX)), u64::MAX);
    }
}
