//! A map with its axes and the scale of its colours.

use super::axis::Axis;
use super::canvas::{BLACK, Canvas, GREY, LETTER_SIZE};
use super::colours::Colours;
use crate::numbers::map::{Map, MapAxis, Shade};

/// Room around the map: left, above, below, and right of it.
const LEFT: usize = 150;
const ABOVE: usize = 60;
const BELOW: usize = 90;
const RIGHT: usize = 270;
/// The scale of colours: how far from the map, and how wide.
const GAP: usize = 30;
const BAR: usize = 30;
/// Length of a mark.
const MARK: usize = 8;
/// Height of the scale of colours, at least.
const LEAST: usize = 240;

/// Pixels of a picture that are not the map's, across and down.
pub const FRAME: [usize; 2] = [LEFT + RIGHT, ABOVE + BELOW];

/// How a map is drawn.
#[derive(Debug, Clone)]
pub struct Look {
    /// From where to where colours go.
    pub shade: Shade,
    /// The colours.
    pub colours: Colours,
    /// What stands above.
    pub title: String,
    /// How long the longer side of the map is to be, in pixels of the picture: those of the map are
    /// drawn as squares of whole pixels, at least one.
    pub side: usize,
}

fn titled(name: &str, unit: Option<&str>) -> String {
    unit.map_or_else(|| name.to_owned(), |unit| format!("{name} [{unit}]"))
}

/// Draws a map.
pub fn draw(map: &Map, look: &Look) -> Canvas {
    let [across, rows] = map.pixels;
    let times = (look.side / across.max(rows).max(1)).max(1);
    let [width, height] = [across * times, rows * times];
    let tall = height.max(LEAST);
    let top = ABOVE + tall - height;
    let mut canvas = Canvas::new(LEFT + width + RIGHT, ABOVE + tall + BELOW);
    for row in 0..rows {
        let y = top + (rows - 1 - row) * times;
        for column in 0..across {
            let colour = match map.at([column, row]) {
                Some(value) => look.colours.at(look.shade.part(value)),
                None => GREY,
            };
            canvas.fill([LEFT + column * times, y], [times, times], colour);
        }
    }
    frame(&mut canvas, [LEFT, top], [width, height]);
    let letters = (width + RIGHT) / LETTER_SIZE;
    canvas.text([LEFT, 20], &look.title.chars().take(letters).collect::<String>(), BLACK);
    let [x, y] = &map.axes;
    below(&mut canvas, x, [LEFT, top + height], width);
    left(&mut canvas, y, [LEFT, top], height);
    bar(&mut canvas, map, look, [LEFT + width + GAP, ABOVE], tall);
    canvas
}

fn frame(canvas: &mut Canvas, [x, y]: [usize; 2], [width, height]: [usize; 2]) {
    canvas.fill([x - 2, y - 2], [width + 4, 2], BLACK);
    canvas.fill([x - 2, y + height], [width + 4, 2], BLACK);
    canvas.fill([x - 2, y], [2, height], BLACK);
    canvas.fill([x + width, y], [2, height], BLACK);
}

fn below(canvas: &mut Canvas, axis: &MapAxis, [x, y]: [usize; 2], width: usize) {
    let line = Axis { low: axis.low, high: axis.high, log: axis.log };
    let mut free = 0;
    for mark in line.marks((width / (7 * LETTER_SIZE)).clamp(2, 8)) {
        let at = x + along(mark.at, width);
        canvas.fill([at.saturating_sub(1), y + 2], [2, MARK], BLACK);
        let half = mark.label.chars().count() * LETTER_SIZE / 2;
        let from = at.saturating_sub(half);
        if from >= free {
            canvas.text([from, y + 14], &mark.label, BLACK);
            free = at + half + LETTER_SIZE;
        }
    }
    let title = titled(&axis.name, axis.unit.as_deref());
    let half = title.chars().count() * LETTER_SIZE / 2;
    canvas.text([(x + width / 2).saturating_sub(half), y + 48], &title, BLACK);
}

fn left(canvas: &mut Canvas, axis: &MapAxis, [x, y]: [usize; 2], height: usize) {
    let line = Axis { low: axis.low, high: axis.high, log: axis.log };
    for mark in line.marks((height / (3 * LETTER_SIZE)).clamp(2, 8)) {
        let at = y + height - along(mark.at, height);
        canvas.fill([x - 2 - MARK, at.saturating_sub(1)], [MARK, 2], BLACK);
        let wide = mark.label.chars().count() * LETTER_SIZE;
        let from = [x.saturating_sub(14 + wide), at.saturating_sub(LETTER_SIZE / 2)];
        canvas.text(from, &mark.label, BLACK);
    }
    let title = titled(&axis.name, axis.unit.as_deref());
    let half = title.chars().count() * LETTER_SIZE / 2;
    canvas.text_upwards([8, y + height / 2 + half], &title, BLACK);
}

fn bar(canvas: &mut Canvas, map: &Map, look: &Look, [x, y]: [usize; 2], height: usize) {
    for row in 0..height {
        let colour = look.colours.at(part_of(row, height));
        canvas.fill([x, y + height - 1 - row], [BAR, 1], colour);
    }
    frame(canvas, [x, y], [BAR, height]);
    let Shade { low, high, log } = look.shade;
    let mut widest = 0;
    for mark in (Axis { low, high, log }).marks((height / (3 * LETTER_SIZE)).clamp(2, 10)) {
        let at = y + height - along(mark.at, height);
        canvas.fill([x + BAR + 2, at.saturating_sub(1)], [MARK, 2], BLACK);
        let from = [x + BAR + 2 + MARK + 4, at.saturating_sub(LETTER_SIZE / 2)];
        canvas.text(from, &mark.label, BLACK);
        widest = widest.max(mark.label.chars().count());
    }
    let title = titled(&map.label, map.unit.as_deref());
    let half = title.chars().count() * LETTER_SIZE / 2;
    let right = x + BAR + 2 + MARK + 14 + widest * LETTER_SIZE;
    canvas.text_upwards([right, y + height / 2 + half], &title, BLACK);
}

/// Pixels up to a place along an axis.
fn along(part: f64, pixels: usize) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "pixels of a picture"
    )]
    let along = (part * pixels as f64).round() as usize;
    along.min(pixels)
}

#[expect(clippy::cast_precision_loss, reason = "pixels of a picture")]
fn part_of(row: usize, height: usize) -> f64 {
    (row as f64 + 0.5) / height.max(1) as f64
}
