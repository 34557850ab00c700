//! What numbers come to while they go by: extremes, sums, and in a second pass moments.

use super::cell::Cell;
use super::what::Statistic;
use crate::numbers::Sum;
use crate::numbers::condition::Number;
use crate::numbers::query::Values;

/// What the numbers of one column or quantity, with their weights if they have any, come to.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    count: u64,
    nan: u64,
    min: Option<f64>,
    max: Option<f64>,
    sum: Sum,
    /// Of a column of integers, which have more digits than a float.
    integers: Option<Integers>,
    weights: Sum,
    weighted: Sum,
    has_weights: bool,
    kept: Kept,
}

#[derive(Debug, Clone, Copy)]
struct Integers {
    min: i128,
    max: i128,
    sum: i128,
}

/// Numbers that are not NaN, and products; kept from one window to the next.
#[derive(Debug, Default)]
struct Kept {
    values: Vec<f64>,
    weights: Vec<f64>,
    products: Vec<f64>,
    integers: Vec<i128>,
}

impl Gathered {
    /// Takes numbers, and their weights.
    pub(super) fn take(&mut self, values: &[f64], weights: Option<&[f64]>) {
        self.has_weights |= weights.is_some();
        let nan = |x: &f64| x.is_nan();
        let gone = match weights {
            None => values.iter().filter(|x| nan(x)).count(),
            Some(weights) => values.iter().zip(weights).filter(|(x, w)| nan(x) || nan(w)).count(),
        };
        if gone == 0 {
            return self.add(values, weights);
        }
        self.nan += gone as u64;
        let mut kept = std::mem::take(&mut self.kept);
        kept.values.clear();
        kept.weights.clear();
        match weights {
            None => kept.values.extend(values.iter().filter(|x| !nan(x))),
            Some(weights) => {
                let pairs = values.iter().zip(weights).filter(|(x, w)| !nan(x) && !nan(w));
                pairs.for_each(|(x, w)| {
                    kept.values.push(*x);
                    kept.weights.push(*w);
                });
            }
        }
        let weights = weights.map(|_| std::mem::take(&mut kept.weights));
        let values = std::mem::take(&mut kept.values);
        self.kept = kept;
        self.add(&values, weights.as_deref());
        self.kept.values = values;
        self.kept.weights = weights.unwrap_or_default();
    }

    fn add(&mut self, values: &[f64], weights: Option<&[f64]>) {
        self.count += values.len() as u64;
        self.min = extreme(self.min, values, |a, b| a < b, -1.0);
        self.max = extreme(self.max, values, |a, b| a > b, 1.0);
        self.sum.add_all(values);
        if let Some(weights) = weights {
            self.weights.add_all(weights);
            let products = &mut self.kept.products;
            products.clear();
            products.extend(values.iter().zip(weights).map(|(x, w)| x * w));
            self.weighted.add_all(products);
        }
    }

    /// Takes integers as they are stored, if these are such.
    pub(super) fn take_integers(&mut self, values: Values<'_>) {
        let Values::Stored(slice) = values else { return };
        let kept = &mut self.kept.integers;
        if !slice.integers_into(kept) {
            return;
        }
        for &i in kept.iter() {
            let all = self.integers.get_or_insert(Integers { min: i, max: i, sum: 0 });
            all.min = all.min.min(i);
            all.max = all.max.max(i);
            // So many integers of 64 bits as would overflow this no file holds.
            all.sum = all.sum.saturating_add(i);
        }
    }

    /// What moments are about: the mean, with weights where there are any.
    pub(super) fn mean(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "no file holds so many numbers")]
        let (sum, of) = if self.has_weights {
            (self.weighted.value(), self.weights.value())
        } else {
            (self.sum.value(), self.count as f64)
        };
        (self.count > 0 && of.abs() > 0.0).then(|| sum / of)
    }

    /// The numbers that were left out as they are not numbers.
    pub(super) fn nan(&self) -> u64 {
        self.nan
    }

    /// A statistic; none of no numbers, or where there is another way to it.
    pub(super) fn cell(&self, statistic: Statistic, moments: Option<&Moments>) -> Option<Cell> {
        let exact = |of: fn(&Integers) -> i128| {
            self.integers.as_ref().map(|all| Cell::from(Number::Integer(of(all))))
        };
        let float = |x: f64| Some(Cell::Float(x));
        match statistic {
            Statistic::Min => exact(|all| all.min).or_else(|| self.min.map(Cell::Float)),
            Statistic::Max => exact(|all| all.max).or_else(|| self.max.map(Cell::Float)),
            Statistic::Sum if self.has_weights => float(self.weighted.value()),
            Statistic::Sum => exact(|all| all.sum).or_else(|| float(self.sum.value())),
            Statistic::Mean => self.mean().map(Cell::Float),
            Statistic::Deviation => moments.map(|it| Cell::Float(it.deviation())),
            Statistic::Skewness => moments.map(|it| Cell::Float(it.skewness())),
            Statistic::Kurtosis => moments.map(|it| Cell::Float(it.kurtosis())),
            Statistic::Percentile(_) => None,
        }
    }
}

/// The most extreme number so far. Of the two zeros the one of that `sign` is more extreme, as in
/// Julia.
fn extreme(
    so_far: Option<f64>,
    values: &[f64],
    more: impl Fn(f64, f64) -> bool,
    sign: f64,
) -> Option<f64> {
    let first = so_far.or_else(|| values.first().copied())?;
    let found = values.iter().fold(first, |best, &x| if more(x, best) { x } else { best });
    if found.to_bits() << 1 != 0 {
        return Some(found);
    }
    let wanted = 0.0_f64.copysign(sign);
    let there = found.to_bits() == wanted.to_bits()
        || values.iter().any(|x| x.to_bits() == wanted.to_bits());
    Some(if there { wanted } else { found })
}

/// Sums of powers of differences from the mean.
#[derive(Debug)]
pub(super) struct Moments {
    mean: f64,
    count: u64,
    weights: f64,
    plain: [Sum; 3],
    weighted: Option<[Sum; 3]>,
    /// Skewness and kurtosis without weights, as Mera's `wstat` has them.
    like_mera: bool,
    kept: Vec<f64>,
}

impl Moments {
    /// About the mean of what was gathered; none where there is none.
    pub(super) fn about(gathered: &Gathered, like_mera: bool) -> Option<Self> {
        Some(Self {
            mean: gathered.mean()?,
            count: gathered.count,
            weights: gathered.weights.value(),
            plain: [Sum::default(); 3],
            weighted: gathered.has_weights.then_some([Sum::default(); 3]),
            like_mera,
            kept: Vec::new(),
        })
    }

    /// Takes the same numbers and weights once more.
    pub(super) fn take(&mut self, values: &[f64], weights: Option<&[f64]>) {
        for power in 0..3 {
            let of = |x: f64| {
                let d = x - self.mean;
                match power {
                    0 => d * d,
                    1 => d * d * d,
                    _ => d * d * (d * d),
                }
            };
            self.kept.clear();
            match weights {
                None => self.kept.extend(values.iter().filter(|x| !x.is_nan()).map(|&x| of(x))),
                Some(weights) => {
                    let pairs = values.iter().zip(weights);
                    let pairs = pairs.filter(|(x, w)| !x.is_nan() && !w.is_nan());
                    self.kept.extend(pairs.clone().map(|(&x, _)| of(x)));
                    let with = pairs.map(|(&x, &w)| of(x) * w);
                    if let Some(sum) = self.weighted.as_mut().and_then(|it| it.get_mut(power)) {
                        sum.extend(with);
                    }
                }
            }
            if let Some(sum) = self.plain.get_mut(power) {
                sum.add_all(&self.kept);
            }
        }
    }

    /// The central moments: with weights, where there are any and they count.
    fn moments(&self, with_weights: bool) -> [f64; 3] {
        #[expect(clippy::cast_precision_loss, reason = "no file holds so many numbers")]
        let count = self.count as f64;
        match &self.weighted {
            Some(weighted) if with_weights => weighted.map(|sum| sum.value() / self.weights),
            _ => self.plain.map(|sum| sum.value() / count),
        }
    }

    fn deviation(&self) -> f64 {
        let [second, ..] = self.moments(true);
        second.sqrt()
    }

    fn skewness(&self) -> f64 {
        let [second, third, _] = self.moments(!self.like_mera);
        third / (second * second * second).sqrt()
    }

    fn kurtosis(&self) -> f64 {
        let [second, _, fourth] = self.moments(!self.like_mera);
        fourth / (second * second) - 3.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(gathered: &Gathered, statistic: Statistic) -> Option<f64> {
        gathered.cell(statistic, None).map(Cell::float)
    }

    #[test]
    fn what_is_not_a_number_is_left_out_with_its_weight() {
        let mut gathered = Gathered::default();
        gathered.take(&[1.0, f64::NAN, 3.0], Some(&[1.0, 100.0, 3.0]));
        gathered.take(&[5.0], Some(&[f64::NAN]));
        assert_eq!((gathered.count, gathered.nan), (2, 2));
        assert_eq!(cell(&gathered, Statistic::Mean), Some(2.5));
        assert_eq!(cell(&gathered, Statistic::Max), Some(3.0));
        let none = Gathered::default();
        assert_eq!(cell(&none, Statistic::Mean), None);
        assert_eq!(cell(&none, Statistic::Sum), Some(0.0));
    }

    #[test]
    fn the_negative_zero_is_the_smaller_one() {
        let mut gathered = Gathered::default();
        gathered.take(&[0.0], None);
        gathered.take(&[-0.0, 0.0], None);
        let bits = |statistic| cell(&gathered, statistic).map(f64::to_bits);
        assert_eq!(bits(Statistic::Min), Some((-0.0_f64).to_bits()));
        assert_eq!(bits(Statistic::Max), Some(0.0_f64.to_bits()));
    }

    #[test]
    fn weights_count_as_often_as_they_say() {
        let (once, weights) = ([1.0, 2.0, 5.0], [1.0, 4.0, 2.0]);
        let often = [1.0, 2.0, 2.0, 2.0, 2.0, 5.0, 5.0];
        let describe = |values: &[f64], weights: Option<&[f64]>, like_mera| {
            let mut gathered = Gathered::default();
            gathered.take(values, weights);
            let mut moments = Moments::about(&gathered, like_mera).unwrap();
            moments.take(values, weights);
            [Statistic::Deviation, Statistic::Skewness, Statistic::Kurtosis]
                .map(|it| gathered.cell(it, Some(&moments)).unwrap().float())
        };
        let (with, plain) = (describe(&once, Some(&weights), false), describe(&often, None, false));
        assert!(with.iter().zip(plain).all(|(a, b)| (a - b).abs() < 1e-14), "{with:?} {plain:?}");
        let mera = describe(&once, Some(&weights), true);
        assert!((mera[0] - with[0]).abs() < 1e-14 && (mera[1] - with[1]).abs() > 0.1, "{mera:?}");
    }
}
