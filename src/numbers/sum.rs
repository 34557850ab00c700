//! Sums of floats whose error does not grow with their number.

/// A sum by Neumaier's variant of Kahan's method: two floats, of which the second holds what the
/// first lost. Its error is some 1e-16 of the sum of the sizes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sum {
    total: f64,
    lost: f64,
}

impl Sum {
    /// Adds a number.
    pub fn add(&mut self, x: f64) {
        let total = self.total + x;
        self.lost += if self.total.abs() >= x.abs() {
            (self.total - total) + x
        } else {
            (x - total) + self.total
        };
        self.total = total;
    }

    /// The sum so far.
    pub fn value(self) -> f64 {
        // Infinite sums lose nothing that is a number.
        if self.total.is_finite() { self.total + self.lost } else { self.total }
    }
}

impl Extend<f64> for Sum {
    fn extend<I: IntoIterator<Item = f64>>(&mut self, numbers: I) {
        numbers.into_iter().for_each(|x| self.add(x));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(numbers: impl IntoIterator<Item = f64>) -> f64 {
        let mut sum = Sum::default();
        sum.extend(numbers);
        sum.value()
    }

    #[test]
    fn what_is_lost_on_the_way_comes_back() {
        assert!(sum([1.0, 1e100, 1.0, -1e100]).to_bits() == 2.0_f64.to_bits());
        let many = sum(std::iter::repeat_n(0.1, 1_000_000));
        assert!((many - 100_000.0).abs() < 1e-10, "{many}");
        assert!(sum([]).to_bits() == 0.0_f64.to_bits());
    }

    #[test]
    fn infinite_numbers_stay_what_they_are() {
        assert!(sum([1.0, f64::INFINITY, 2.0]).is_infinite());
        assert!(sum([f64::INFINITY, f64::NEG_INFINITY]).is_nan());
        assert!(sum([1.0, f64::NAN]).is_nan());
    }
}
