//! Reads and writes text of any length as a JSON string, in windows.

use std::io::{self, Read, Write};

/// Text is read in windows of this many bytes.
const WINDOW: usize = 64 << 10;

/// A JSON string; bytes that are not UTF-8 become replacement characters.
pub(super) fn text(out: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
    between(out, "", bytes, "")
}

/// As [`text`], with more in front of it and behind it.
pub(super) fn between(
    out: &mut dyn Write,
    before: &str,
    bytes: &[u8],
    behind: &str,
) -> io::Result<()> {
    // Most text is as it is in JSON, too, and short: then all is written at once.
    let quote = b"\"".as_slice();
    let parts = [before.as_bytes(), quote, bytes, quote, behind.as_bytes()];
    let mut room = [0; SHORT];
    if parts.iter().map(|part| part.len()).sum::<usize>() <= SHORT && is_plain(bytes) {
        let mut len = 0;
        for part in parts {
            if let Some(to) = room.get_mut(len..).and_then(|rest| rest.get_mut(..part.len())) {
                to.copy_from_slice(part);
            }
            len += part.len();
        }
        return out.write_all(room.get(..len).unwrap_or_default());
    }
    out.write_all(before.as_bytes())?;
    serde_json::to_writer(&mut *out, &String::from_utf8_lossy(bytes)).map_err(io::Error::from)?;
    out.write_all(behind.as_bytes())
}

/// So many bytes are put together before they are written.
const SHORT: usize = 96;

/// Whether bytes stand in a JSON string as they are: printable ASCII without quotes and backslashes.
fn is_plain(bytes: &[u8]) -> bool {
    // Without an early end, so that many are looked at at once.
    let odd = |b: u8| !(0x20..0x7f).contains(&b) || b == b'"' || b == b'\\';
    bytes.iter().fold(0, |found, &b| found | u8::from(odd(b))) == 0
}

/// What went wrong with a stream of text.
pub(super) enum Failed {
    /// Reading.
    Input(io::Error),
    /// Writing.
    Output(io::Error),
}

/// As [`text`], for `len` bytes of a stream.
pub(super) fn stream(
    out: &mut dyn Write,
    input: &mut dyn Read,
    mut len: u64,
) -> Result<(), Failed> {
    let mut window = Vec::new();
    out.write_all(b"\"").map_err(Failed::Output)?;
    loop {
        let carried = window.len();
        let more = usize::try_from(len).unwrap_or(usize::MAX).min(WINDOW);
        window.resize(carried + more, 0);
        let fresh = window.get_mut(carried..).unwrap_or_default();
        input.read_exact(fresh).map_err(Failed::Input)?;
        len -= more as u64;
        let whole = if len == 0 { window.len() } else { complete(&window) };
        let (now, later) = window.split_at_checked(whole).unwrap_or((&window, &[]));
        let quoted = serde_json::to_string(&String::from_utf8_lossy(now));
        let quoted = quoted.map_err(|e| Failed::Output(e.into()))?;
        let inside = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
        out.write_all(inside.as_bytes()).map_err(Failed::Output)?;
        window = later.to_vec();
        if len == 0 {
            return out.write_all(b"\"").map_err(Failed::Output);
        }
    }
}

/// How many of these bytes come before a character that may go on behind them.
fn complete(bytes: &[u8]) -> usize {
    let tail = bytes.iter().rev().take(3);
    for (back, byte) in (1..).zip(tail) {
        match byte {
            // Goes on what stands before it.
            0x80..=0xbf => {}
            0xc0..=0xff => return bytes.len() - back,
            0..=0x7f => return bytes.len(),
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn streamed(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let done = stream(&mut out, &mut &bytes[..], bytes.len() as u64);
        assert!(done.is_ok());
        out
    }

    #[test]
    fn characters_across_windows_stay_whole() {
        for shift in 0..8 {
            let mut s = "x".repeat(WINDOW - 4 + shift);
            s.push_str("ä€🦀\"\\\n");
            s.push_str(&"ü".repeat(WINDOW));
            let mut plain = Vec::new();
            text(&mut plain, s.as_bytes()).unwrap();
            assert!(streamed(s.as_bytes()) == plain, "shift {shift}");
        }
    }

    #[test]
    fn a_short_input_is_told() {
        let done = stream(&mut Vec::new(), &mut &b"abc"[..], 4);
        assert!(matches!(done, Err(Failed::Input(_))));
    }

    proptest! {
        /// Short text without anything to escape is written in another way than all other.
        #[test]
        fn text_is_written_as_json_whatever_is_in_it(
            bytes in proptest::collection::vec(prop_oneof![9 => 0x20_u8..0x7f, 1 => any::<u8>()], 0..2 * SHORT),
        ) {
            let quoted = serde_json::to_string(&String::from_utf8_lossy(&bytes)).unwrap();
            for (before, behind) in [("", ""), ("{\"t\":", ",\"v\":"), ("", "}")] {
                let mut out = Vec::new();
                between(&mut out, before, &bytes, behind).unwrap();
                prop_assert_eq!(out, format!("{before}{quoted}{behind}").into_bytes());
            }
        }

        #[test]
        fn any_bytes_read_as_if_in_one_piece(
            start in WINDOW - 8..WINDOW + 8,
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), 0x80_u8..], 0..40),
        ) {
            let mut all = vec![b'.'; start];
            all.extend(&bytes);
            let mut plain = Vec::new();
            text(&mut plain, &all).unwrap();
            prop_assert!(streamed(&all) == plain);
        }
    }
}
