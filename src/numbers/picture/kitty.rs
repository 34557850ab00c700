//! Pictures by kitty's protocol: a PNG file in base64, piece by piece.
//!
//! Facts: kitty's documentation, "Terminal graphics protocol".

use super::canvas::Canvas;
use crate::text::base64;
use std::fmt::Write as _;
use std::io;

/// Characters of a piece.
const PIECE: usize = 4096;

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
