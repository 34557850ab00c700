//! Reads what a file's name says from its bytes: a name need not be UTF-8.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

const SUFFIX: &[u8] = b".jld2";

/// What a directory entry's name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// `<prefix>NNNNN.jld2`, with any number of digits.
    Output(u64),
    /// As an output's, but the number does not fit 64 bits.
    TooLarge,
    /// Not UTF-8, and ends in `.jld2` or starts with the prefix: its owner may miss it.
    NotText,
    /// Ends in `.jld2` (in any case), but is not an output's.
    Foreign,
    /// Hidden, temporary, or not about JLD2 at all.
    Other,
}

/// Tells what `name` says in an archive of this `prefix`.
pub fn classify(name: &OsStr, prefix: &str) -> Name {
    let bytes = name.as_bytes();
    if bytes.first() == Some(&b'.') {
        return Name::Other;
    }
    let digits = bytes.strip_prefix(prefix.as_bytes()).and_then(|rest| rest.strip_suffix(SUFFIX));
    if let Some(digits) = digits
        && !digits.is_empty()
        && digits.iter().all(u8::is_ascii_digit)
    {
        return number(digits).map_or(Name::TooLarge, Name::Output);
    }
    let ends = bytes
        .len()
        .checked_sub(SUFFIX.len())
        .and_then(|at| bytes.get(at..))
        .is_some_and(|end| end.eq_ignore_ascii_case(SUFFIX));
    let starts = !prefix.is_empty() && bytes.starts_with(prefix.as_bytes());
    match (name.to_str(), ends, starts) {
        (None, true, _) | (None, _, true) => Name::NotText,
        (Some(_), true, _) => Name::Foreign,
        _ => Name::Other,
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |sum, digit| {
        sum.checked_mul(10)?.checked_add(u64::from(digit.wrapping_sub(b'0')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(name: &[u8]) -> Name {
        classify(OsStr::from_bytes(name), "output_")
    }

    #[test]
    fn numbers_of_any_digit_count() {
        assert_eq!(of(b"output_00001.jld2"), Name::Output(1));
        assert_eq!(of(b"output_0042.jld2"), Name::Output(42));
        assert_eq!(of(b"output_7.jld2"), Name::Output(7));
        assert_eq!(of(b"output_123456789.jld2"), Name::Output(123_456_789));
        assert_eq!(of(b"output_18446744073709551615.jld2"), Name::Output(u64::MAX));
        assert_eq!(of(b"output_000000000000000000000000000000001.jld2"), Name::Output(1));
        assert_eq!(of(b"output_18446744073709551616.jld2"), Name::TooLarge);
    }

    #[test]
    fn what_is_no_output() {
        assert_eq!(of(b"foo_output_00001.jld2"), Name::Foreign);
        assert_eq!(of(b"output_00001.JLD2"), Name::Foreign);
        assert_eq!(of(b"output_.jld2"), Name::Foreign);
        assert_eq!(of(b"output_-1.jld2"), Name::Foreign);
        assert_eq!(of(b"output_+1.jld2"), Name::Foreign);
        assert_eq!(of("output_\u{661}.jld2".as_bytes()), Name::Foreign, "an Arabic digit");
        assert_eq!(of(b".output_00001.jld2"), Name::Other);
        assert_eq!(of(b"output_00001.jld2.part"), Name::Other);
        assert_eq!(of(b"output_00001.jld2.jldconv-undo"), Name::Other);
        assert_eq!(of(b"README"), Name::Other);
        assert_eq!(of(b""), Name::Other);
    }

    #[test]
    fn names_that_are_not_text() {
        assert_eq!(of(b"output_0000\xff.jld2"), Name::NotText);
        assert_eq!(of(b"output_\xff"), Name::NotText);
        assert_eq!(of(b"\xff.jld2"), Name::NotText);
        assert_eq!(of(b"\xff"), Name::Other);
    }

    #[test]
    fn other_prefixes() {
        assert_eq!(classify(OsStr::new("00012.jld2"), ""), Name::Output(12));
        assert_eq!(classify(OsStr::new("run5_00012.jld2"), "run5_"), Name::Output(12));
        assert_eq!(classify(OsStr::new("run512.jld2"), "run5"), Name::Output(12));
    }

    proptest! {
        #[test]
        fn any_padding_gives_the_number_back(number: u64, zeros in 0_usize..40) {
            let name = format!("output_{}{number}.jld2", "0".repeat(zeros));
            prop_assert_eq!(of(name.as_bytes()), Name::Output(number));
        }

        #[test]
        fn any_bytes_are_classified(name: Vec<u8>, prefix: String) {
            let _ = classify(OsStr::from_bytes(&name), &prefix);
        }
    }
}
