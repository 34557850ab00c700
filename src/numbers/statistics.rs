//! Describes the numbers of a column or quantity: count, extremes, mean, sum, percentiles, histogram.
//!
//! Numbers are gone through once where there are up to a million, else two to four times: percentiles
//! are exact whatever their number, in some 40 MiB.

use super::condition::Number;
use super::histogram::{Histogram, Spacing};
use super::key::Keys;
use super::query::{Query, Values};
use super::ranks::{MOST_RANKS, Ranks};
use super::{NumbersError, Sum};
use jld2::NumberType;
use serde::{Serialize, Serializer};

/// Percentiles that are told where nobody says which.
pub const USUAL_PERCENTILES: [f64; 7] = [1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0];
/// Percentiles that are told at once, at most: each needs up to two numbers.
pub const MOST_PERCENTILES: usize = MOST_RANKS / 2;

/// What is to be told.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Which percentiles, from 0 to 100; up to [`MOST_PERCENTILES`].
    pub percentiles: Vec<f64>,
    /// Intervals of the histogram.
    pub intervals: usize,
    /// How its axis is divided; as suits if nothing is said.
    pub spacing: Option<Spacing>,
}

/// What numbers of a column or quantity come to. What is not a number is counted and left out of
/// everything else.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statistics {
    /// Numbers, without those that are NaN.
    pub count: u64,
    /// How many are NaN.
    pub nan: u64,
    /// How many are infinite; they count in all but the histogram.
    pub infinite: u64,
    /// The smallest.
    pub min: Option<Told>,
    /// The largest.
    pub max: Option<Told>,
    /// The sum divided by the count.
    pub mean: Option<f64>,
    /// Exact of integers, compensated of floats.
    pub sum: Told,
    /// Percentile, and the number that so many per cent are not above: between two numbers it is
    /// interpolated, as by Julia's `quantile`.
    pub percentiles: Vec<(f64, f64)>,
    /// The finite numbers in intervals.
    pub histogram: Option<Histogram>,
}

/// A number as it is told: an integer with all digits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Told(pub Number);

impl Serialize for Told {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Number::Integer(i) => match i64::try_from(i) {
                Ok(i) => to.serialize_i64(i),
                Err(_) => match u64::try_from(i) {
                    Ok(i) => to.serialize_u64(i),
                    Err(_) => to.serialize_f64(self.0.float()),
                },
            },
            Number::Float(x) => to.serialize_f64(x),
        }
    }
}

/// What the first pass finds.
#[derive(Debug, Default)]
struct First {
    count: u64,
    nan: u64,
    infinite: u64,
    floats: Sum,
    integers: i128,
    min: Option<Number>,
    max: Option<Number>,
    /// Of the finite numbers.
    finite: Option<(f64, f64)>,
}

impl Statistics {
    /// Describes the only column or quantity of a query.
    ///
    /// # Errors
    /// If data are damaged.
    pub fn of(query: &Query<'_>, asked: &Asked) -> Result<Self, NumbersError> {
        let number = query.number_types().first().copied().unwrap_or(NumberType::Float64);
        let keys = Keys::of(number);
        let mut first = First::default();
        if asked.percentiles.is_empty() && asked.intervals == 0 {
            each(query, |numbers| first.take_all(numbers))?;
            return Ok(first.told(number, Vec::new(), None));
        }
        let mut ranks = Ranks::new();
        each(query, |numbers| {
            first.take_all(numbers);
            numbers.words(keys, |word, _| ranks.take(word));
        })?;
        let count = first.count;
        let between: Vec<_> = asked.percentiles.iter().map(|&p| Between::of(p, count)).collect();
        let wanted: Vec<u64> = between.iter().flat_map(|it| [it.low, it.high]).collect();
        let mut histogram = first.finite.and_then(|(low, high)| {
            let spacing = asked.spacing.unwrap_or(Spacing::suiting(low, high));
            Histogram::new(low, high, asked.intervals, spacing)
        });
        if count > 0 {
            match ranks.want(&wanted) {
                Some(words) => {
                    for word in words {
                        put(&mut histogram, keys.number(word));
                    }
                }
                None => Self::again(query, keys, &mut ranks, &mut histogram)?,
            }
        }
        let found: Vec<_> = ranks.found().collect();
        let percentiles = asked.percentiles.iter().zip(&between).zip(found.chunks_exact(2));
        let percentiles = percentiles.filter_map(|((&p, between), pair)| match pair {
            [Some(low), Some(high)] => {
                Some((p, between.number(keys.number(*low), keys.number(*high))))
            }
            _ => None,
        });
        let percentiles = percentiles.collect();
        Ok(first.told(number, percentiles, histogram))
    }

    /// Goes through the numbers as often as ranks need, the first time with the histogram.
    fn again(
        query: &Query<'_>,
        keys: Keys,
        ranks: &mut Ranks,
        histogram: &mut Option<Histogram>,
    ) -> Result<(), NumbersError> {
        let mut counted = false;
        while ranks.goes_on() || !counted {
            each(query, |numbers| {
                numbers.words(keys, |word, x| {
                    ranks.take(word);
                    if !counted {
                        put(histogram, x);
                    }
                });
            })?;
            ranks.end();
            counted = true;
        }
        Ok(())
    }
}

/// Some numbers of a column, all of one kind.
#[derive(Debug, Clone, Copy)]
enum Numbers<'n> {
    Integers(&'n [i128]),
    Floats(&'n [f64]),
}

impl Numbers<'_> {
    /// Hands on the word that each number has in their order, and the number; NaN has none.
    fn words(self, keys: Keys, mut take: impl FnMut(u64, f64)) {
        match self {
            Self::Integers(all) => {
                for &i in all {
                    take(keys.integer(i), Number::Integer(i).float());
                }
            }
            Self::Floats(all) => {
                for &x in all.iter().filter(|x| !x.is_nan()) {
                    take(Keys::float(x), x);
                }
            }
        }
    }
}

/// Hands on all numbers of a query's first column.
fn each(query: &Query<'_>, mut take: impl FnMut(Numbers<'_>)) -> Result<(), NumbersError> {
    let (mut floats, mut integers) = (Vec::new(), Vec::new());
    query.run(|batch| {
        let Some(values) = batch.values().first() else { return Ok(()) };
        if let Values::Stored(slice) = values
            && slice.integers_into(&mut integers)
        {
            take(Numbers::Integers(&integers));
        } else {
            values.floats_into(&mut floats);
            take(Numbers::Floats(&floats));
        }
        Ok(())
    })
}

fn put(histogram: &mut Option<Histogram>, x: f64) {
    if let Some(histogram) = histogram
        && x.is_finite()
    {
        histogram.add(x);
    }
}

impl First {
    fn take_all(&mut self, numbers: Numbers<'_>) {
        match numbers {
            Numbers::Integers(all) => all.iter().for_each(|&i| self.take_integer(i)),
            Numbers::Floats(all) => self.take_floats(all),
        }
    }

    fn take_integer(&mut self, i: i128) {
        self.count += 1;
        // So many integers of 64 bits as would overflow this no file holds.
        self.integers = self.integers.saturating_add(i);
        let value = Number::Integer(i);
        let than = |found: Option<Number>, below: fn(i128, i128) -> bool| match found {
            Some(Number::Integer(found)) => below(i, found),
            Some(Number::Float(_)) => false,
            None => true,
        };
        if than(self.min, |i, min| i < min) {
            self.min = Some(value);
        }
        if than(self.max, |i, max| i > max) {
            self.max = Some(value);
        }
        self.take_finite(value.float(), value.float());
    }

    /// Takes many at once, without a question for each.
    fn take_floats(&mut self, all: &[f64]) {
        let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let (mut nan, mut infinite) = (0, 0);
        for &x in all {
            // What is NaN is neither below nor above.
            min = if x < min { x } else { min };
            max = if x > max { x } else { max };
            let finite = x.is_finite();
            low = if finite && x < low { x } else { low };
            high = if finite && x > high { x } else { high };
            nan += u64::from(x.is_nan());
            infinite += u64::from(x.is_infinite());
        }
        let count = all.len() as u64 - nan;
        if count == 0 {
            self.nan += nan;
            return;
        }
        if nan == 0 {
            self.floats.add_all(all);
        } else {
            all.iter().filter(|x| !x.is_nan()).for_each(|&x| self.floats.add(x));
        }
        (self.count, self.nan) = (self.count + count, self.nan + nan);
        self.infinite += infinite;
        let found = |found: Option<Number>, none: f64| found.map_or(none, Number::float);
        if self.min.is_none() || min < found(self.min, f64::INFINITY) {
            self.min = Some(Number::Float(min));
        }
        if self.max.is_none() || max > found(self.max, f64::NEG_INFINITY) {
            self.max = Some(Number::Float(max));
        }
        if infinite < count {
            self.take_finite(low, high);
        }
    }

    fn take_finite(&mut self, low: f64, high: f64) {
        let (least, most) = self.finite.get_or_insert((low, high));
        *least = least.min(low);
        *most = most.max(high);
    }

    fn told(
        self,
        number: NumberType,
        percentiles: Vec<(f64, f64)>,
        histogram: Option<Histogram>,
    ) -> Statistics {
        let sum = if number.is_float() {
            Number::Float(self.floats.value())
        } else {
            Number::Integer(self.integers)
        };
        #[expect(clippy::cast_precision_loss, reason = "no file holds so many numbers")]
        let mean = (self.count > 0).then(|| sum.float() / self.count as f64);
        Statistics {
            count: self.count,
            nan: self.nan,
            infinite: self.infinite,
            min: self.min.map(Told),
            max: self.max.map(Told),
            mean,
            sum: Told(sum),
            percentiles,
            histogram,
        }
    }
}

/// The ranks that a percentile lies between, and how far behind the first.
#[derive(Debug, Clone, Copy)]
struct Between {
    low: u64,
    high: u64,
    part: f64,
}

impl Between {
    /// Of `count` numbers; as Julia's `quantile` does.
    fn of(percentile: f64, count: u64) -> Self {
        let last = count.saturating_sub(1);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "no file holds so many numbers"
        )]
        let (place, low) = {
            let place = last as f64 * (percentile / 100.0).clamp(0.0, 1.0);
            (place, (place as u64).min(last))
        };
        Self { low, high: (low + 1).min(last), part: place - place.floor() }
    }

    fn number(self, low: f64, high: f64) -> f64 {
        if self.part > 0.0 && low.to_bits() != high.to_bits() {
            low + self.part * (high - low)
        } else {
            low
        }
    }
}
