//! Writes lists as people read them, not longer than they have to be.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

/// Ranges of numbers as `3, 5-9, 20`.
pub fn ranges(ranges: &[RangeInclusive<u64>]) -> String {
    let mut text = String::new();
    for range in ranges {
        if !text.is_empty() {
            text.push_str(", ");
        }
        let _ = match (*range.start(), *range.end()) {
            (first, last) if first == last => write!(text, "{first}"),
            (first, u64::MAX) => write!(text, "{first}-"),
            (first, last) => write!(text, "{first}-{last}"),
        };
    }
    text
}

/// The first `most` items, and how many there are besides: `a, b and 3 more`.
pub fn few<T: AsRef<str>>(items: &[T], most: usize) -> String {
    let shown: Vec<&str> = items.iter().take(most).map(AsRef::as_ref).collect();
    format!("{}{}", shown.join(", "), and_more(items.len().saturating_sub(most) as u64))
}

/// ` and 3 more`; nothing for none.
pub fn and_more(number: u64) -> String {
    if number > 0 { format!(" and {number} more") } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_end_where_they_would_be_long() {
        assert_eq!(ranges(&[3..=3, 5..=9, 20..=u64::MAX]), "3, 5-9, 20-");
        assert_eq!(few(&["a", "b"], 2), "a, b");
        assert_eq!(few(&["a", "b", "c"], 2), "a, b and 1 more");
        assert_eq!(few::<String>(&[], 2), "");
        assert_eq!([and_more(0), and_more(7)], ["", " and 7 more"]);
    }
}
