//! Percentiles of numbers that have weights, in bounded memory: numbers are gone through several times,
//! each time in a narrower stretch of their order.
//!
//! The definition is that of StatsBase's `quantile` with weights, which Mera's `wstat` uses: numbers in
//! order, `h = p (Σw - w₁) + w₁` with the weight of the smallest, and between the two numbers where the
//! sum of weights passes `h` it is interpolated.

use crate::numbers::NumbersError;
use crate::numbers::Sum;
use crate::numbers::key::Keys;
use crate::numbers::query::Query;

/// Bits of a number's place that each pass settles.
const BITS: u32 = 16;
const PARTS: usize = 1 << BITS;

/// The smallest number, with the smallest of its weights, and the sum of all weights.
#[derive(Debug, Default)]
struct First {
    smallest: Option<(u64, f64)>,
    weights: Sum,
}

/// The percentile, from 0 to 100, of a query's first column, weighted with its second; none where there
/// are no weights.
pub(super) fn percentile(query: &Query<'_>, percentile: f64) -> Result<Option<f64>, NumbersError> {
    let mut first = First::default();
    each(query, |key, weight| {
        first.weights.add(weight);
        if first.smallest.is_none_or(|(least, with)| key < least || key == least && weight < with) {
            first.smallest = Some((key, weight));
        }
    })?;
    let Some((_, lightest)) = first.smallest else { return Ok(None) };
    let all = first.weights.value();
    let wanted = (percentile / 100.0).clamp(0.0, 1.0) * (all - lightest) + lightest;
    // The key where the sum of weights passes what is wanted, found by its upper bits first.
    let (mut known, mut before) = (0_u64, 0.0_f64);
    let mut shift = u64::BITS;
    while shift > 0 {
        shift -= BITS;
        let mut sums = vec![Sum::default(); PARTS];
        each(query, |key, weight| {
            let here = shift + BITS == u64::BITS || key >> (shift + BITS) == known;
            let part = usize::try_from(key >> shift & (PARTS as u64 - 1)).unwrap_or(0);
            if here && let Some(sum) = sums.get_mut(part) {
                sum.add(weight);
            }
        })?;
        let mut below = before;
        let mut chosen = None;
        for (part, sum) in sums.iter().enumerate() {
            let sum = sum.value();
            if sum > 0.0 {
                // The last one with weights, if rounding leaves nothing that passes.
                chosen = Some((part, below));
                if below + sum > wanted {
                    break;
                }
                below += sum;
            }
        }
        let Some((part, below)) = chosen else { return Ok(None) };
        known = known << BITS | part as u64;
        before = below;
    }
    let mut largest_below: Option<u64> = None;
    let mut lightest_here = f64::INFINITY;
    each(query, |key, weight| {
        if key < known {
            largest_below = Some(largest_below.map_or(key, |other| other.max(key)));
        } else if key == known {
            lightest_here = lightest_here.min(weight);
        }
    })?;
    let here = Keys::Floats.number(known);
    let Some(below) = largest_below.map(|key| Keys::Floats.number(key)) else {
        return Ok(Some(here));
    };
    let part = (wanted - before) / lightest_here;
    Ok(Some(if part < 1.0 { below + part * (here - below) } else { here }))
}

/// Hands on the places of numbers that have weights, as StatsBase leaves out those that have none.
fn each(query: &Query<'_>, mut take: impl FnMut(u64, f64)) -> Result<(), NumbersError> {
    let (mut values, mut weights) = (Vec::new(), Vec::new());
    query.run(|batch| {
        let [of, weight, ..] = batch.values() else { return Ok(()) };
        of.floats_into(&mut values);
        weight.floats_into(&mut weights);
        for (&x, &w) in values.iter().zip(&weights) {
            if !x.is_nan() && !w.is_nan() && w.abs() > 0.0 {
                take(Keys::float(x), w);
            }
        }
        Ok(())
    })
}
