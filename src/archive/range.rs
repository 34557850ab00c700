//! Reads output numbers as a person writes them: `100-200,250,300-`.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// A set of output numbers: sorted, disjoint, not even touching.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranges(Vec<RangeInclusive<u64>>);

/// Why a text is not a set of ranges.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at character {} of \"{text}\"\n  {text}\n  {:>at$}", at, "^", at = at)]
pub struct RangeError {
    what: String,
    text: String,
    /// Counted in characters, from 1.
    at: usize,
}

impl RangeError {
    /// Where in the text the trouble is: a character's place, counted from 1.
    pub fn place(&self) -> usize {
        self.at
    }
}

impl Default for Ranges {
    fn default() -> Self {
        Self::all()
    }
}

impl Ranges {
    /// Every number.
    pub fn all() -> Self {
        Self(vec![0..=u64::MAX])
    }

    /// The numbers from `first` to `last`, both included; nothing where `first > last`.
    pub fn between(first: u64, last: u64) -> Self {
        Self::merged(vec![first..=last])
    }

    /// Whether every number is in it.
    pub fn is_all(&self) -> bool {
        self.0.as_slice() == [0..=u64::MAX]
    }

    /// Whether `number` is in it.
    pub fn contains(&self, number: u64) -> bool {
        let behind = self.0.partition_point(|range| *range.end() < number);
        self.0.get(behind).is_some_and(|range| range.contains(&number))
    }

    /// Whether a file of this number is taken: one without a number only where all are.
    pub fn takes(&self, number: Option<u64>) -> bool {
        number.map_or_else(|| self.is_all(), |number| self.contains(number))
    }

    /// The ranges, ascending; each ends before the next begins.
    pub fn iter(&self) -> impl Iterator<Item = &RangeInclusive<u64>> {
        self.0.iter()
    }

    /// The ranges that hold none of `numbers`, which must be ascending.
    pub fn unmatched(&self, numbers: &[u64]) -> Vec<RangeInclusive<u64>> {
        self.iter()
            .filter(|range| {
                let first = numbers.partition_point(|number| number < range.start());
                numbers.get(first).is_none_or(|number| number > range.end())
            })
            .cloned()
            .collect()
    }

    /// What of `span` is in the set, ascending.
    pub fn within(&self, span: RangeInclusive<u64>) -> impl Iterator<Item = RangeInclusive<u64>> {
        let (low, high) = span.into_inner();
        let from = self.0.partition_point(|range| *range.end() < low);
        self.0
            .iter()
            .skip(from)
            .take_while(move |range| *range.start() <= high)
            .map(move |range| (*range.start()).max(low)..=(*range.end()).min(high))
            .filter(|range| !range.is_empty())
    }

    fn merged(mut ranges: Vec<RangeInclusive<u64>>) -> Self {
        ranges.retain(|range| !range.is_empty());
        ranges.sort_by_key(|range| (*range.start(), *range.end()));
        let mut kept: Vec<RangeInclusive<u64>> = Vec::new();
        for range in ranges {
            match kept.last_mut() {
                Some(last) if *range.start() <= last.end().saturating_add(1) => {
                    *last = *last.start()..=(*last.end()).max(*range.end());
                }
                _ => kept.push(range),
            }
        }
        Self(kept)
    }
}

impl FromStr for Ranges {
    type Err = RangeError;

    /// Reads numbers and inclusive ranges between commas; `300-` has no upper end; blanks around
    /// numbers do not matter; overlaps are merged.
    fn from_str(text: &str) -> Result<Self, RangeError> {
        let error = |what: &str, at: usize| RangeError {
            what: what.to_owned(),
            text: text.to_owned(),
            at: at.saturating_add(1),
        };
        let number = |part: &str, at: usize| -> Result<u64, RangeError> {
            let inner = part.trim();
            let at = at + part.chars().take_while(|c| c.is_whitespace()).count();
            if inner.is_empty() {
                return Err(error("a number is missing", at));
            }
            if let Some(bad) = inner.chars().position(|c| !c.is_ascii_digit()) {
                return Err(error("not a digit", at + bad));
            }
            inner.parse().map_err(|_| error("the number does not fit 64 bits", at))
        };
        let mut ranges = Vec::new();
        let mut at = 0;
        for part in text.split(',') {
            let range = match part.split_once('-') {
                None => {
                    let only = number(part, at)?;
                    only..=only
                }
                Some((low, _)) if low.trim().is_empty() => {
                    return Err(error("a range needs its first number (0-50, not -50)", at));
                }
                Some((low, high)) => {
                    let first = number(low, at)?;
                    let behind = at + low.chars().count() + 1;
                    let last =
                        if high.trim().is_empty() { u64::MAX } else { number(high, behind)? };
                    if last < first {
                        return Err(error("the range ends before it begins", behind));
                    }
                    first..=last
                }
            };
            ranges.push(range);
            at += part.chars().count() + 1;
        }
        Ok(Self::merged(ranges))
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return out.write_str("all");
        }
        for (place, range) in self.0.iter().enumerate() {
            if place > 0 {
                out.write_str(",")?;
            }
            match (*range.start(), *range.end()) {
                (first, last) if first == last => write!(out, "{first}")?,
                (first, u64::MAX) => write!(out, "{first}-")?,
                (first, last) => write!(out, "{first}-{last}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        text.parse::<Ranges>().unwrap().to_string()
    }

    #[test]
    fn reads_what_people_write() {
        assert_eq!(shown("100-200,250,300-"), "100-200,250,300-");
        assert_eq!(shown("00100-00200"), "100-200");
        assert_eq!(shown(" 5 , 7 - 9 "), "5,7-9");
        assert_eq!(shown("250,100-200,150-260"), "100-260");
        assert_eq!(shown("1,2,3,5"), "1-3,5", "neighbours become one");
        assert_eq!(shown("0-"), "all");
        assert_eq!(shown("18446744073709551615"), "18446744073709551615");
    }

    #[test]
    fn shows_the_place_of_an_error() {
        let message = |text: &str| text.parse::<Ranges>().unwrap_err().to_string();
        insta::assert_snapshot!(message("100-2x0"), @r#"
        not a digit at character 6 of "100-2x0"
          100-2x0
               ^
        "#);
        insta::assert_snapshot!(message("100-200,,5"), @r#"
        a number is missing at character 9 of "100-200,,5"
          100-200,,5
                  ^
        "#);
        insta::assert_snapshot!(message("200-100"), @r#"
        the range ends before it begins at character 5 of "200-100"
          200-100
              ^
        "#);
        insta::assert_snapshot!(message("-50"), @r#"
        a range needs its first number (0-50, not -50) at character 1 of "-50"
          -50
          ^
        "#);
        insta::assert_snapshot!(message("é,18446744073709551616"), @r#"
        not a digit at character 1 of "é,18446744073709551616"
          é,18446744073709551616
          ^
        "#);
        insta::assert_snapshot!(message("1,18446744073709551616"), @r#"
        the number does not fit 64 bits at character 3 of "1,18446744073709551616"
          1,18446744073709551616
            ^
        "#);
        insta::assert_snapshot!(message(""), @r#"
        a number is missing at character 1 of ""
          
          ^
        "#);
        insta::assert_snapshot!(message("1-2-3"), @r#"
        not a digit at character 4 of "1-2-3"
          1-2-3
             ^
        "#);
    }

    #[test]
    fn tells_which_ranges_matched_nothing() {
        let ranges: Ranges = "1-3,10,20-30,40-".parse().unwrap();
        assert_eq!(ranges.unmatched(&[2, 25]), [10..=10, 40..=u64::MAX]);
        assert_eq!(ranges.unmatched(&[]).len(), 4);
        assert_eq!(Ranges::between(5, 4).unmatched(&[]), []);
    }

    fn ranges() -> impl Strategy<Value = Vec<(u64, u64)>> {
        prop::collection::vec((0_u64..60, 0_u64..60), 1..6)
    }

    proptest! {
        #[test]
        fn holds_exactly_what_was_written(pairs in ranges(), probe in 0_u64..70) {
            let pairs: Vec<_> = pairs.iter().map(|&(a, b)| (a.min(b), a.max(b))).collect();
            let text: Vec<_> = pairs.iter().map(|(a, b)| format!("{a}-{b}")).collect();
            let ranges: Ranges = text.join(",").parse().unwrap();
            let expected = pairs.iter().any(|(a, b)| (a..=b).contains(&&probe));
            prop_assert_eq!(ranges.contains(probe), expected);
            for pair in ranges.0.windows(2) {
                prop_assert!(pair[0].end() + 1 < *pair[1].start());
            }
            prop_assert_eq!(&ranges.to_string().parse::<Ranges>().unwrap(), &ranges);
        }

        #[test]
        fn within_is_the_intersection(pairs in ranges(), low in 0_u64..60, len in 0_u64..60) {
            let text: Vec<_> =
                pairs.iter().map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))).collect();
            let ranges: Ranges = text.join(",").parse().unwrap();
            let got: Vec<u64> = ranges.within(low..=low + len).flatten().collect();
            let expected: Vec<u64> = (low..=low + len).filter(|n| ranges.contains(*n)).collect();
            prop_assert_eq!(got, expected);
        }

        #[test]
        fn any_text_is_read_or_refused(text: String) {
            if let Err(error) = text.parse::<Ranges>() {
                prop_assert!(error.place() <= text.chars().count() + 1);
            }
        }
    }
}
