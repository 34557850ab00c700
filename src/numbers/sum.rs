//! Sums of floats whose error does not grow with their number.

/// A sum by Neumaier's variant of Kahan's method: two floats, of which the second holds what the
/// first lost. Its error is some 1e-16 of the sum of the sizes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sum {
    total: f64,
    lost: f64,
}

/// Numbers that are added side by side.
const LANES: usize = 8;

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

    /// Adds numbers, several at a time.
    pub fn add_all(&mut self, numbers: &[f64]) {
        let (groups, rest) = numbers.as_chunks::<LANES>();
        let (mut totals, mut losts) = ([0.0; LANES], [0.0; LANES]);
        for group in groups {
            for ((total, lost), x) in totals.iter_mut().zip(&mut losts).zip(group) {
                // Knuth's way to the rounding error, which has no branch.
                let sum: f64 = *total + x;
                let part = sum - *total;
                *lost += (*total - (sum - part)) + (x - part);
                *total = sum;
            }
        }
        totals.iter().chain(rest).for_each(|&x| self.add(x));
        self.lost += losts.iter().sum::<f64>();
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
    fn many_at_once_are_added_as_exactly() {
        let all = |numbers: &[f64]| {
            let mut sum = Sum::default();
            sum.add_all(numbers);
            sum.value()
        };
        let many = all(&vec![0.1; 1_000_003]);
        assert!((many - 100_000.3).abs() < 1e-10, "{many}");
        let mut large = vec![1.0; 64];
        large[3] = 1e100;
        large[11] = -1e100;
        assert!((all(&large) - 62.0).abs() < 1e-12);
        assert!(all(&[f64::INFINITY; 20]).is_infinite() && all(&[f64::NAN; 20]).is_nan());
    }

    #[test]
    fn infinite_numbers_stay_what_they_are() {
        assert!(sum([1.0, f64::INFINITY, 2.0]).is_infinite());
        assert!(sum([f64::INFINITY, f64::NEG_INFINITY]).is_nan());
        assert!(sum([1.0, f64::NAN]).is_nan());
    }
}
