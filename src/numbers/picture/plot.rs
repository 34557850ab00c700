//! A histogram with its axes.

use super::canvas::{BLACK, BLUE, Canvas, GREY, LETTER_SIZE};
use crate::numbers::histogram::{Histogram, Spacing};
use crate::numbers::show::short;
use std::io::{self, Write};

const WIDTH: usize = 1200;
const HEIGHT: usize = 700;
/// Room around the bars: left, right, above, below.
const LEFT: usize = 190;
const RIGHT: usize = 60;
const ABOVE: usize = 70;
const BELOW: usize = 90;
/// Labels along the horizontal axis.
const LABELS: usize = 4;

/// Writes a histogram under a title as PNG.
///
/// # Errors
/// Those of `out`.
pub fn histogram(histogram: &Histogram, title: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut canvas = Canvas::new(WIDTH, HEIGHT);
    let [width, height] = [WIDTH - LEFT - RIGHT, HEIGHT - ABOVE - BELOW];
    let bottom = ABOVE + height;
    let letters = WIDTH.saturating_sub(LEFT) / LETTER_SIZE;
    let title: String = title.chars().take(letters).collect();
    canvas.text([LEFT, 25], &title, BLACK);
    let most = histogram.most().max(1);
    for part in 0..=2_usize {
        let y = bottom - height * part / 2;
        canvas.fill([LEFT, y], [width, 1], GREY);
        let label = (most * part as u64 / 2).to_string();
        let x = LEFT.saturating_sub(12 + label.len() * LETTER_SIZE);
        canvas.text([x, y.saturating_sub(LETTER_SIZE / 2)], &label, BLACK);
    }
    let bars = histogram.counts.len().max(1);
    for (i, &count) in histogram.counts.iter().enumerate() {
        let [from, to] = [i, i + 1].map(|edge| LEFT + width * edge / bars);
        let tall = u128::from(count) * height as u128 / u128::from(most);
        let tall = usize::try_from(tall).unwrap_or(height).max(usize::from(count > 0));
        // A gap between bars, where they are wide enough for one.
        let wide = (to - from).saturating_sub(usize::from(to - from > 3)).max(1);
        canvas.fill([from, bottom - tall], [wide, tall], BLUE);
    }
    canvas.fill([LEFT, bottom], [width, 2], BLACK);
    canvas.fill([LEFT - 2, ABOVE], [2, height + 2], BLACK);
    for label in 0..=LABELS {
        let x = LEFT + width * label / LABELS;
        canvas.fill([x.min(LEFT + width - 2), bottom], [2, 10], BLACK);
        let text = short(histogram.at(label, LABELS));
        let half = text.chars().count() * LETTER_SIZE / 2;
        let x = x.saturating_sub(half).min(WIDTH.saturating_sub(2 * half + 4));
        canvas.text([x, bottom + 18], &text, BLACK);
    }
    if histogram.spacing == Spacing::Log {
        canvas.text([LEFT, bottom + 50], "logarithmic", BLACK);
    }
    canvas.write(out)
}
