//! Maps as characters: each the upper and lower half of a square of two colours.

use super::canvas::{Colour, GREY};
use super::colours::Colours;
use crate::numbers::map::{Map, MapAxis, Shade};
use crate::numbers::show::short;
use std::fmt::Write as _;

/// Colours that a terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// 8 bits each of red, green and blue.
    Full,
    /// The 256 of xterm.
    Few,
    /// None: characters are more or less dense.
    None,
}

/// Characters from thin to dense.
const DENSE: [char; 10] = ['.', ':', '-', '=', '+', '*', 'o', '#', '%', '@'];
/// Lines below and above the map.
const LINES: usize = 4;
/// Characters of the scale of colours.
const BAR: usize = 32;
const RESET: &str = "\x1b[0m";

/// Draws a map in `columns` by `rows` characters at most.
pub fn blocks(
    map: &Map,
    shade: Shade,
    colours: Colours,
    title: &str,
    ([columns, rows], depth): ([usize; 2], Depth),
) -> String {
    let [width, height] = map.fitted([columns.max(1), 2 * rows.saturating_sub(LINES).max(1)]);
    // An upper half is never without a lower one.
    let height = height.next_multiple_of(2);
    let pixels = map.resampled([width, height]);
    let at = |x: usize, y: usize| pixels.get(y * width + x).copied().flatten();
    let mut out = format!("{title}\n");
    for line in (0..height / 2).rev() {
        for x in 0..width {
            let [upper, lower] = [at(x, 2 * line + 1), at(x, 2 * line)];
            let colour =
                |value: Option<f64>| value.map_or(GREY, |value| colours.at(shade.part(value)));
            match depth {
                Depth::None => out.push(dense(shade, upper.or(lower))),
                depth => half(&mut out, depth, [colour(upper), colour(lower)]),
            }
        }
        out.push_str(if depth == Depth::None { "\n" } else { "\x1b[0m\n" });
    }
    let [x, y] = &map.axes;
    let _ = writeln!(out, "{}, {}", told(x), told(y));
    let unit = map.unit.as_deref().map_or(String::new(), |unit| format!(" [{unit}]"));
    let _ = write!(out, "{}{unit}: {} ", map.label, short(shade.low));
    for i in 0..BAR.min(columns) {
        #[expect(clippy::cast_precision_loss, reason = "a few characters")]
        let part = (i as f64 + 0.5) / BAR as f64;
        match depth {
            Depth::None => out.push(character(part)),
            depth => half(&mut out, depth, [colours.at(part); 2]),
        }
    }
    let log = if shade.log { ", logarithmic" } else { "" };
    let reset = if depth == Depth::None { "" } else { RESET };
    let _ = writeln!(out, "{reset} {}{log}", short(shade.high));
    out
}

fn told(axis: &MapAxis) -> String {
    let unit = axis.unit.as_deref().map_or(String::new(), |unit| format!(" {unit}"));
    let log = if axis.log { " (logarithmic)" } else { "" };
    format!("{} {} to {}{unit}{log}", axis.name, short(axis.low), short(axis.high))
}

fn dense(shade: Shade, value: Option<f64>) -> char {
    value.map_or(' ', |value| character(shade.part(value)))
}

fn character(part: f64) -> char {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "ten characters"
    )]
    let i = ((part * DENSE.len() as f64) as usize).min(DENSE.len() - 1);
    DENSE.get(i).copied().unwrap_or(' ')
}

fn half(out: &mut String, depth: Depth, [upper, lower]: [Colour; 2]) {
    let _ = match depth {
        Depth::Full => {
            let ([r, g, b], [s, h, c]) = (upper, lower);
            write!(out, "\x1b[38;2;{r};{g};{b}m\x1b[48;2;{s};{h};{c}m▀")
        }
        _ => write!(out, "\x1b[38;5;{}m\x1b[48;5;{}m▀", nearest(upper), nearest(lower)),
    };
}

/// The colour of xterm's cube of 6 by 6 by 6 that is nearest.
fn nearest(colour: Colour) -> u32 {
    let step = |value: u8| match value {
        0..48 => 0,
        48..115 => 1,
        _ => (u32::from(value) - 35) / 40,
    };
    let [r, g, b] = colour.map(step);
    16 + 36 * r + 6 * g + b
}
