//! Pictures by kitty's protocol: a PNG file in base64, piece by piece.
//!
//! Facts: kitty's documentation, "Terminal graphics protocol".

use super::canvas::Canvas;
use std::fmt::Write as _;
use std::io;

/// Characters of a piece.
const PIECE: usize = 4096;
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The picture as control sequences.
///
/// # Errors
/// If it is too large for a PNG file.
pub fn kitty(canvas: &Canvas) -> io::Result<String> {
    let mut png = Vec::new();
    canvas.write(&mut png)?;
    let text = base64(&png);
    let mut out = String::with_capacity(text.len() + text.len() / PIECE * 16 + 32);
    let mut rest = text.as_str();
    let mut head = "a=T,f=100,";
    loop {
        let (piece, behind) = rest.split_at(rest.len().min(PIECE));
        let more = u8::from(!behind.is_empty());
        let _ = write!(out, "\x1b_G{head}m={more};{piece}\x1b\\");
        if behind.is_empty() {
            return Ok(out);
        }
        (rest, head) = (behind, "");
    }
}

fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |i: usize| three.get(i).copied().map_or(0, u32::from);
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let digit = DIGITS.get((bits >> (18 - 6 * i) & 63) as usize).copied().unwrap_or(b'=');
            out.push(if i > three.len() { '=' } else { char::from(digit) });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_in_rfc_4648() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
