//! Numbers of conditions: integers as they are, and floats.

use std::cmp::Ordering;

/// A number of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// An integer.
    Integer(i128),
    /// A float.
    Float(f64),
}

impl Number {
    /// The number as a float, rounded where it has too many digits.
    pub fn float(self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "that is what rounding means")]
            Self::Integer(i) => i as f64,
            Self::Float(x) => x,
        }
    }

    /// How it compares with another, exactly; none if one is not a number.
    pub(super) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => Some(a.cmp(&b)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(&b),
            (Self::Integer(a), Self::Float(b)) => compare_exactly(a, b),
            (Self::Float(a), Self::Integer(b)) => compare_exactly(b, a).map(Ordering::reverse),
        }
    }

    /// Integers with `exact`, as long as the result is one that is held, all others with `rounded`.
    pub(super) fn with(
        self,
        other: Self,
        exact: impl FnOnce(i128, i128) -> Option<i128>,
        rounded: impl FnOnce(f64, f64) -> f64,
    ) -> Self {
        if let (Self::Integer(a), Self::Integer(b)) = (self, other)
            && let Some(result) = exact(a, b)
        {
            return Self::Integer(result);
        }
        Self::Float(rounded(self.float(), other.float()))
    }

    /// `self ^ other`, with Julia's products for squares and cubes.
    pub(super) fn power(self, other: Self) -> Self {
        if let (Self::Integer(a), Self::Integer(b)) = (self, other)
            && let Ok(b) = u32::try_from(b)
            && let Some(result) = a.checked_pow(b)
        {
            return Self::Integer(result);
        }
        let x = self.float();
        Self::Float(match other {
            Self::Integer(2) => x * x,
            Self::Integer(3) => x * x * x,
            _ => x.powf(other.float()),
        })
    }
}

/// Compares an integer with a float without rounding it.
fn compare_exactly(a: i128, b: f64) -> Option<Ordering> {
    if b.is_nan() {
        return None;
    }
    // Within these bounds the whole part of a float is an `i128`.
    let bound = 2.0_f64.powi(127);
    if b >= bound {
        return Some(Ordering::Less);
    }
    if b < -bound {
        return Some(Ordering::Greater);
    }
    let whole = b.trunc();
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and within the bounds")]
    let order = a.cmp(&(whole as i128));
    Some(order.then_with(|| 0.0_f64.partial_cmp(&(b - whole)).unwrap_or(Ordering::Equal)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Ordering::{Equal, Greater, Less};

    #[test]
    fn integers_are_compared_with_floats_without_rounding() {
        let of = |a, b| Number::Integer(a).compare(Number::Float(b));
        let large = (1_i128 << 53) + 1;
        assert_eq!(of(large, 9_007_199_254_740_992.0), Some(Greater));
        assert_eq!(of(3, 3.0), Some(Equal));
        assert_eq!(of(3, 3.5), Some(Less));
        assert_eq!(of(-3, -3.5), Some(Greater));
        assert_eq!(of(0, f64::NAN), None);
        assert_eq!(of(i128::MAX, f64::INFINITY), Some(Less));
        assert_eq!(of(i128::MIN, f64::NEG_INFINITY), Some(Greater));
        assert_eq!(of(i128::MAX, 1e300), Some(Less));
        assert_eq!(of(i128::MIN, -(2.0_f64.powi(127))), Some(Equal));
        assert_eq!(Number::Float(2.5).compare(Number::Integer(2)), Some(Greater));
    }

    #[test]
    fn powers_are_products_where_julia_makes_them_so() {
        let x = 1.1_f64;
        let of = |n| Number::Float(x).power(Number::Integer(n)).float();
        assert!(of(2).to_bits() == (x * x).to_bits());
        assert!(of(3).to_bits() == (x * x * x).to_bits());
        assert!((of(-1) - 1.0 / x).abs() < 1e-15);
        assert_eq!(Number::Integer(7).power(Number::Integer(2)), Number::Integer(49));
        let large = Number::Integer(10).power(Number::Integer(50));
        assert!(matches!(large, Number::Float(x) if (x / 1e50 - 1.0).abs() < 1e-12));
    }
}
