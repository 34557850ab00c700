//! Finds numbers that are missing between the first file and the last.
//!
//! Held as ranges between neighbours: an archive of `output_1` and `output_999999999999999999` has
//! one gap, not 10^18 missing numbers.

use super::Ranges;
use std::ops::RangeInclusive;

/// What is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gaps {
    /// The first of them, ascending.
    pub first: Vec<RangeInclusive<u64>>,
    /// How many runs of missing numbers there are.
    pub runs: u64,
    /// How many numbers are missing.
    pub missing: u64,
}

/// Finds the gaps that lie inside `ranges` between the numbers of `numbers`, which must be
/// ascending; keeps at most `keep` of them and counts all.
pub fn gaps(numbers: &[u64], ranges: &Ranges, keep: usize) -> Gaps {
    let mut found = Gaps::default();
    let missing = numbers
        .windows(2)
        .filter_map(|pair| {
            let (low, high) = (*pair.first()?, *pair.last()?);
            Some(low.checked_add(1)?..=high.checked_sub(1)?).filter(|gap| !gap.is_empty())
        })
        .flat_map(|gap| ranges.within(gap));
    for gap in missing {
        let length = (gap.end() - gap.start()).saturating_add(1);
        found.missing = found.missing.saturating_add(length);
        found.runs = found.runs.saturating_add(1);
        if found.first.len() < keep {
            found.first.push(gap);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn finds_runs() {
        let found = gaps(&[1, 2, 5, 5, 9], &Ranges::all(), 10);
        assert_eq!(found, Gaps { first: vec![3..=4, 6..=8], runs: 2, missing: 5 });
        assert_eq!(gaps(&[], &Ranges::all(), 10), Gaps::default());
        assert_eq!(gaps(&[7], &Ranges::all(), 10), Gaps::default());
    }

    #[test]
    fn looks_only_into_the_ranges_asked_for() {
        let ranges: Ranges = "100-102,300-302".parse().unwrap();
        let found = gaps(&[100, 302], &ranges, 10);
        assert_eq!(found.first, [101..=102, 300..=301]);
        assert_eq!(found.missing, 4);
    }

    #[test]
    fn a_huge_gap_costs_nothing() {
        let found = gaps(&[0, 999_999_999_999_999_999, u64::MAX], &Ranges::all(), 1);
        assert_eq!(found.first, [1..=999_999_999_999_999_998]);
        assert_eq!((found.runs, found.missing), (2, u64::MAX - 2));
    }

    proptest! {
        #[test]
        fn every_number_is_found_or_missing(numbers in prop::collection::btree_set(0_u64..200, 0..50)) {
            let numbers: Vec<u64> = numbers.into_iter().collect();
            let found = gaps(&numbers, &Ranges::all(), usize::MAX);
            let mut all: Vec<u64> = found.first.iter().cloned().flatten().collect();
            prop_assert_eq!(all.len() as u64, found.missing);
            prop_assert_eq!(found.first.len() as u64, found.runs);
            all.extend(&numbers);
            all.sort_unstable();
            let span: Vec<u64> = match (numbers.first(), numbers.last()) {
                (Some(low), Some(high)) => (*low..=*high).collect(),
                _ => Vec::new(),
            };
            prop_assert_eq!(all, span);
        }
    }
}
