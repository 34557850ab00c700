//! Pictures as sixels: six rows of pixels at once, colour by colour.
//!
//! Facts: DEC STD 070, chapter 9 (Sixel Graphics), and xterm's control sequences.

use super::canvas::{Canvas, Colour};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Colours that all terminals with sixels have.
const MOST_COLOURS: usize = 256;
/// Rows of a band.
const BAND: usize = 6;

/// The picture as one control sequence.
pub fn sixel(canvas: &Canvas) -> String {
    let [width, height] = canvas.size();
    let (numbers, colour_of) = palette(canvas.pixels());
    let mut out = format!("\x1bP0;1q\"1;1;{width};{height}");
    for (colour, number) in &numbers {
        let [r, g, b] = colour.map(|part| (u32::from(part) * 100 + 127) / 255);
        let _ = write!(out, "#{number};2;{r};{g};{b}");
    }
    for band in canvas.pixels().chunks(BAND * width.max(1)) {
        let mut used: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
        for (row, pixels) in band.chunks(width.max(1)).enumerate() {
            for (x, pixel) in pixels.iter().enumerate() {
                let Some(number) = numbers.get(&colour_of(*pixel)) else { continue };
                let line = used.entry(*number).or_insert_with(|| vec![0; width]);
                if let Some(bits) = line.get_mut(x) {
                    *bits |= 1 << row;
                }
            }
        }
        for (number, line) in used {
            let _ = write!(out, "#{number}");
            for run in line.chunk_by(|a, b| a == b) {
                let letter = char::from(b'?' + run.first().copied().unwrap_or(0));
                match run.len() {
                    len @ 1..=3 => out.extend(std::iter::repeat_n(letter, len)),
                    len => drop(write!(out, "!{len}{letter}")),
                }
            }
            out.push('$');
        }
        out.push('-');
    }
    out.push_str("\x1b\\");
    out
}

/// The colours with their numbers, and which of them stands for a pixel's: the last bits are given up
/// until there are few enough.
fn palette(pixels: &[Colour]) -> (BTreeMap<Colour, usize>, impl Fn(Colour) -> Colour) {
    let mut lost = 0;
    loop {
        let round = move |colour: Colour| colour.map(|part| part >> lost << lost);
        let mut numbers = BTreeMap::new();
        for pixel in pixels {
            let next = numbers.len();
            numbers.entry(round(*pixel)).or_insert(next);
            if numbers.len() > MOST_COLOURS {
                break;
            }
        }
        if numbers.len() <= MOST_COLOURS || lost == 7 {
            return (numbers, round);
        }
        lost += 1;
    }
}
