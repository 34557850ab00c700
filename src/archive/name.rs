//! Reads what a file's name says from its bytes: a name need not be UTF-8.

use super::selection::{SUFFIX, Selection};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How the names of our own undo files end, and begin to end while they are made.
const UNDO: &[u8] = b".jldconv-undo";

/// The path of `name` in `dir`, in as much memory as it takes and no more: there may be 100,000.
pub fn joined(dir: &Path, name: &OsStr) -> PathBuf {
    let len = dir.as_os_str().len().saturating_add(name.len()).saturating_add(1);
    let mut path = PathBuf::with_capacity(len);
    path.push(dir);
    path.push(name);
    path
}

/// What a directory entry's name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// A file of the archive.
    Taken(Option<Numbered>),
    /// As an output's, but the number does not fit 64 bits.
    TooLarge,
    /// Not UTF-8, and ends in `.jld2` or starts with a prefix: its owner may miss it.
    NotText,
    /// Ends in `.jld2` (in any case), but is not a file of the archive.
    Foreign,
    /// Hidden, or not about JLD2 at all.
    Other,
    /// Made by this program beside a file: an undo file.
    Own,
}

/// The number in a name, `<head>NNNNN.jld2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbered {
    /// The number.
    pub number: u64,
    /// Bytes of the name before its digits, where it is one of a series of outputs; none where a
    /// pattern matched a name that happens to end in digits.
    pub head: Option<usize>,
}

impl Numbered {
    /// The same where `dir`, a relative path with a slash at its end, stands before the name.
    pub(super) fn below(self, dir: &str) -> Self {
        Self { head: self.head.map(|head| head.saturating_add(dir.len())), ..self }
    }
}

/// Tells what `name`, an entry of the directory `dir` (empty, or a relative path with a slash at its
/// end), says in an archive of this `selection`.
pub fn classify(name: &OsStr, dir: &str, selection: &Selection) -> Name {
    let bytes = name.as_bytes();
    if bytes.first() == Some(&b'.') {
        return Name::Other;
    }
    if bytes.ends_with(UNDO) || bytes.strip_suffix(b".part").is_some_and(|it| it.ends_with(UNDO)) {
        return Name::Own;
    }
    let numbered = selection.prefixes.iter().find_map(|prefix| {
        let found = exact(bytes, prefix);
        if selection.text_before { found.or_else(|| ending(bytes, prefix)) } else { found }
    });
    let globbed = name.to_str().is_some_and(|name| selection.matches(&format!("{dir}{name}")));
    match numbered.map(|(head, digits)| (head, number(digits))) {
        Some((head, Some(number))) if name.to_str().is_some() => {
            return Name::Taken(Some(Numbered { number, head: Some(head) }));
        }
        Some((_, None)) if !globbed => return Name::TooLarge,
        _ => {}
    }
    if globbed {
        return Name::Taken(trailing(bytes).map(|number| Numbered { number, head: None }));
    }
    let begins = |prefix: &String| !prefix.is_empty() && bytes.starts_with(prefix.as_bytes());
    let starts = selection.prefixes.iter().any(begins);
    match (name.to_str(), is_jld2(bytes), starts) {
        (None, true, _) | (None, _, true) => Name::NotText,
        (Some(_), true, _) => Name::Foreign,
        _ => Name::Other,
    }
}

/// Whether a name ends in `.jld2`, in any case.
pub fn is_jld2(name: &[u8]) -> bool {
    let end = name.len().checked_sub(SUFFIX.len()).and_then(|at| name.get(at..));
    end.is_some_and(|end| end.eq_ignore_ascii_case(SUFFIX))
}

/// Length of the head and the digits of `<prefix>NNNNN.jld2`.
fn exact<'a>(name: &'a [u8], prefix: &str) -> Option<(usize, &'a [u8])> {
    let digits = name.strip_prefix(prefix.as_bytes())?.strip_suffix(SUFFIX)?;
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    plain.then_some((prefix.len(), digits))
}

/// The same of `<text><prefix>NNNNN.jld2`.
fn ending<'a>(name: &'a [u8], prefix: &str) -> Option<(usize, &'a [u8])> {
    let stem = name.strip_suffix(SUFFIX)?;
    let head = stem.iter().rposition(|byte| !byte.is_ascii_digit())?.checked_add(1)?;
    let (before, digits) = stem.split_at_checked(head)?;
    (!digits.is_empty() && before.ends_with(prefix.as_bytes())).then_some((head, digits))
}

/// The number that a name ends in, before its extension.
fn trailing(name: &[u8]) -> Option<u64> {
    let stem = name.iter().rposition(|byte| *byte == b'.').and_then(|dot| name.get(..dot));
    let stem = stem.unwrap_or(name);
    let count = stem.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let digits = stem.get(stem.len().checked_sub(count)?..).filter(|it| !it.is_empty())?;
    number(digits)
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
        classify(OsStr::from_bytes(name), "", &Selection::prefix("output_"))
    }

    fn output(number: u64, head: usize) -> Name {
        Name::Taken(Some(Numbered { number, head: Some(head) }))
    }

    #[test]
    fn numbers_of_any_digit_count() {
        assert_eq!(of(b"output_00001.jld2"), output(1, 7));
        assert_eq!(of(b"output_0042.jld2"), output(42, 7));
        assert_eq!(of(b"output_7.jld2"), output(7, 7));
        assert_eq!(of(b"output_123456789.jld2"), output(123_456_789, 7));
        assert_eq!(of(b"output_18446744073709551615.jld2"), output(u64::MAX, 7));
        assert_eq!(of(b"output_000000000000000000000000000000001.jld2"), output(1, 7));
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
        assert_eq!(of(b"output_00001.jld2.jldconv-undo"), Name::Own);
        assert_eq!(of(b"output_00001.jld2.jldconv-undo.part"), Name::Own);
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
        let of =
            |name: &str, prefix: &str| classify(OsStr::new(name), "", &Selection::prefix(prefix));
        assert_eq!(of("00012.jld2", ""), output(12, 0));
        assert_eq!(of("run5_00012.jld2", "run5_"), output(12, 5));
        assert_eq!(of("run512.jld2", "run5"), output(12, 4));
        let two = Selection::of(vec!["a_".into(), "b_".into()], Vec::new(), false);
        assert_eq!(classify(OsStr::new("a_1.jld2"), "", &two), output(1, 2));
        assert_eq!(classify(OsStr::new("b_1.jld2"), "", &two), output(1, 2));
        assert_eq!(classify(OsStr::new("c_1.jld2"), "", &two), Name::Foreign);
    }

    #[test]
    fn text_before_the_usual_prefix_is_taken() {
        let of = |name: &[u8]| classify(OsStr::from_bytes(name), "", &Selection::default());
        assert_eq!(of(b"run5_output_00012.jld2"), output(12, 12));
        assert_eq!(of(b"output_00012.jld2"), output(12, 7));
        assert_eq!(of(b"output_1_output_7.jld2"), output(7, 16));
        assert_eq!(of(b"outputs_00012.jld2"), Name::Foreign);
        assert_eq!(of(b"\xff_output_00012.jld2"), Name::NotText);
    }

    #[test]
    fn patterns_take_any_name_and_its_number() {
        let selection = Selection::of(Vec::new(), vec!["maps/*.jld2".parse().unwrap()], true);
        let of = |name: &str, dir: &str| classify(OsStr::new(name), dir, &selection);
        let numbered = Name::Taken(Some(Numbered { number: 7, head: None }));
        assert_eq!(of("map007.jld2", "maps/"), numbered);
        assert_eq!(of("map.JLD2", "maps/"), Name::Taken(None));
        assert_eq!(of("99999999999999999999999.jld2", "maps/"), Name::Taken(None));
        assert_eq!(of("map007.jld2", ""), Name::Foreign);
        assert_eq!(of("map007.jld2.jldconv-undo", "maps/"), Name::Own);
    }

    proptest! {
        #[test]
        fn any_padding_gives_the_number_back(number: u64, zeros in 0_usize..40) {
            let name = format!("output_{}{number}.jld2", "0".repeat(zeros));
            prop_assert_eq!(of(name.as_bytes()), output(number, 7));
        }

        #[test]
        fn any_bytes_are_classified(name: Vec<u8>, prefix: String, dir: String) {
            let mut selection = Selection::prefix(&prefix);
            selection.text_before = true;
            selection.globs = vec!["*.jld2".parse().unwrap()];
            let _ = classify(OsStr::from_bytes(&name), &dir, &selection);
        }
    }
}
