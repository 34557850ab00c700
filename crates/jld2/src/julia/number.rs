//! Writes numbers of any width as text.

use std::fmt::Write as _;

/// Up to 16 little-endian bytes as a number; `None` for an unsigned one above the range.
pub(super) fn integer(bytes: &[u8], signed: bool) -> Option<i128> {
    let last = *bytes.last()?;
    if bytes.len() > 16 || (!signed && bytes.len() == 16 && last >= 0x80) {
        return None;
    }
    let fill = if signed && last >= 0x80 { 0xff } else { 0 };
    let mut wide = [fill; 16];
    for (to, from) in wide.iter_mut().zip(bytes) {
        *to = *from;
    }
    Some(i128::from_le_bytes(wide))
}

/// Little-endian bytes as JSON: a number, or its hex digits if it is wider than 16 bytes.
pub(super) fn number(bytes: &[u8], signed: bool) -> String {
    if let Some(i) = integer(bytes, signed) {
        return i.to_string();
    }
    match <[u8; 16]>::try_from(bytes) {
        Ok(wide) => u128::from_le_bytes(wide).to_string(),
        Err(_) => format!("\"0x{}\"", digits(bytes)),
    }
}

/// The hex digits of a little-endian number.
pub(super) fn digits(bytes: &[u8]) -> String {
    hex(bytes.iter().rev())
}

/// Two hex digits for each byte.
pub(super) fn hex<'b>(bytes: impl ExactSizeIterator<Item = &'b u8>) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or_default();
    let mut out = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        out.push(digit(byte >> 4));
        out.push(digit(byte & 0xf));
    }
    out
}

/// The code point of a Char: its UTF-8 bytes from the top down since Julia 0.7, itself before.
pub(super) fn code_point(bytes: &[u8]) -> u32 {
    let Some((word, _)) = bytes.split_first_chunk::<4>() else { return 0 };
    let word = u32::from_le_bytes(*word);
    if word >> 24 == 0 {
        return word;
    }
    let utf8 = word.to_be_bytes();
    let used = utf8.iter().rposition(|&b| b != 0).map_or(1, |i| i + 1);
    let used = utf8.get(..used).unwrap_or(&utf8);
    std::str::from_utf8(used).ok().and_then(|s| s.chars().next()).map_or(word, u32::from)
}

/// A BigInt as JLD2 writes it, in base 62 (digits, capitals, small letters), as JSON: a decimal
/// number. `None` for other text, and for numbers beyond what readers of JSON take for finite.
pub fn big_integer(text: &[u8]) -> Option<String> {
    const PART: u64 = 1_000_000_000;
    const MOST: usize = 160;
    let (sign, figures) = match text.split_first() {
        Some((b'-', rest)) => ("-", rest),
        _ => ("", text),
    };
    if figures.is_empty() || figures.len() > MOST {
        return None;
    }
    // Nine decimal digits each, the lowest first.
    let mut parts = vec![0_u64];
    for figure in figures {
        let mut carry = u64::from(match figure {
            b'0'..=b'9' => figure - b'0',
            b'A'..=b'Z' => figure - b'A' + 10,
            b'a'..=b'z' => figure - b'a' + 36,
            _ => return None,
        });
        for part in &mut parts {
            carry += *part * 62;
            *part = carry % PART;
            carry /= PART;
        }
        if carry > 0 {
            parts.push(carry);
        }
    }
    let (highest, rest) = parts.split_last()?;
    let mut out = format!("{sign}{highest}");
    for part in rest.iter().rev() {
        // Writing to a String cannot fail.
        let _ = write!(out, "{part:09}");
    }
    Some(out)
}

/// A whole number as JLD2 writes a BigInt, in base 62.
pub fn written_big(value: i64) -> String {
    let mut figures = Vec::new();
    let mut left = value.unsigned_abs();
    loop {
        let figure = u8::try_from(left % 62).unwrap_or(0);
        figures.push(match figure {
            0..=9 => b'0' + figure,
            10..=35 => b'A' + (figure - 10),
            _ => b'a' + (figure - 36),
        });
        left /= 62;
        if left == 0 {
            break;
        }
    }
    let sign = if value < 0 { "-" } else { "" };
    let figures = figures.iter().rev().map(|figure| char::from(*figure));
    sign.chars().chain(figures).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn big_integers_as_julia_writes_them() {
        // string(big"123456789012345678901234567890", base = 62), and its decimal digits.
        let big = |text: &str| big_integer(text.as_bytes());
        assert_eq!(big("2aYls9bkamJJSwhr0").unwrap(), "123456789012345678901234567890");
        assert_eq!(big("QadIgRp0akra2s8uW").unwrap(), (1_u128 << 100).to_string());
        assert_eq!(big("-5").unwrap(), "-5");
        assert_eq!(big("0").unwrap(), "0");
        assert_eq!(big(""), None);
        assert_eq!(big("-"), None);
        assert_eq!(big("1.5"), None);
        assert_eq!(big(&"z".repeat(161)), None);
        for value in [0, 5, -70, 61, 62, i64::MAX, i64::MIN] {
            assert_eq!(big(&written_big(value)).unwrap(), value.to_string());
        }
        assert_eq!(written_big(-70), "-18");
    }
    use proptest::prelude::*;

    #[test]
    fn numbers_at_the_ends_of_their_ranges() {
        assert_eq!(number(&[0x80], true), "-128");
        assert_eq!(number(&[0x80], false), "128");
        assert_eq!(number(&[0xff; 16], true), "-1");
        assert_eq!(number(&[0xff; 16], false), u128::MAX.to_string());
        assert_eq!(number(&[1; 17], false), format!("\"0x{}\"", "01".repeat(17)));
        assert_eq!(number(&[], true), "\"0x\"");
        assert_eq!(digits(&[0x34, 0x12]), "1234");
    }

    #[test]
    fn characters_of_both_times() {
        let today = |c: char| {
            let mut utf8 = [0; 4];
            c.encode_utf8(&mut utf8);
            u32::from_be_bytes(utf8).to_le_bytes()
        };
        for c in ['a', 'ä', '€', '🦀', '\u{10ffff}'] {
            assert_eq!(code_point(&today(c)), u32::from(c));
        }
        assert_eq!(code_point(&u32::from('€').to_le_bytes()), u32::from('€'));
        assert_eq!(code_point(&[1, 2, 3, 0xff]), 0xff03_0201, "not a character: its bits");
        assert_eq!(code_point(&[1]), 0);
    }

    proptest! {
        #[test]
        fn integers_keep_their_value(value: i64, wide: i128) {
            prop_assert_eq!(integer(&value.to_le_bytes(), true), Some(i128::from(value)));
            prop_assert_eq!(number(&wide.to_le_bytes(), true), wide.to_string());
            prop_assert_eq!(number(&value.to_le_bytes()[..3], false), (value & 0xff_ffff).to_string());
        }
    }
}
