//! Draws numbers over one axis: a panel for each, one below the other.

use super::axis::Axis;
use super::canvas::{BLACK, BLUE, GREY};
use super::drawing::{Anchor, Drawing};
use crate::numbers::histogram::Spacing;
use std::io::{self, Write};
use std::path::Path;

const WIDTH: f64 = 1200.0;
/// Room around the panels: left, right, above the first, below the last.
const LEFT: f64 = 200.0;
const RIGHT: f64 = 50.0;
const ABOVE: f64 = 20.0;
const BELOW: f64 = 80.0;
/// A panel, with its title above it.
const TITLE: f64 = 40.0;
const PANEL: f64 = 190.0;
/// Marks along the axes.
const ACROSS: usize = 6;
const UP: usize = 4;
/// Most points that are marked with dots.
const DOTTED: usize = 200;

/// Panels of one picture, at most.
pub const MOST_PANELS: usize = 20;

/// Numbers with their name. What is not finite is a gap in the line.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// What stands at them.
    pub label: String,
    /// The numbers, as many as there are along the axis.
    pub numbers: Vec<f64>,
}

/// How a picture is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureForm {
    /// Pixels.
    Png,
    /// Lines and words.
    Svg,
}

impl PictureForm {
    /// The form of a file with this name, if there is one.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_lowercase().as_str() {
            "png" => Some(Self::Png),
            "svg" => Some(Self::Svg),
            _ => None,
        }
    }
}

/// Draws each of `panels` over the numbers of `along`. An axis is logarithmic where all numbers are above
/// 0 and span three decades.
///
/// # Errors
/// Those of `out`.
pub fn lines(
    along: &Named,
    panels: &[Named],
    form: PictureForm,
    out: &mut dyn Write,
) -> io::Result<()> {
    let panels = panels.get(..MOST_PANELS).unwrap_or(panels);
    let count = u16::try_from(panels.len()).map_or(0.0, f64::from);
    let height = ABOVE + BELOW + count * (TITLE + PANEL);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a picture has some thousand pixels"
    )]
    let mut drawing = Drawing::new(WIDTH as usize, height as usize);
    let across = axis(&along.numbers);
    let mut top = ABOVE + TITLE;
    for panel in panels {
        draw(&mut drawing, (along, across), panel, top);
        top += PANEL + TITLE;
    }
    let bottom = top - TITLE;
    if let Some(across) = across {
        for mark in across.marks(ACROSS) {
            let x = LEFT + mark.at * (WIDTH - LEFT - RIGHT);
            drawing.text([x, bottom + 22.0], Anchor::Middle, &mark.label, BLACK);
        }
    }
    let middle = (LEFT + WIDTH - RIGHT) / 2.0;
    drawing.text([middle, bottom + 56.0], Anchor::Middle, &along.label, BLACK);
    match form {
        PictureForm::Png => drawing.png(out),
        PictureForm::Svg => drawing.svg(out),
    }
}

/// An axis for numbers; none where none is finite.
fn axis(numbers: &[f64]) -> Option<Axis> {
    let finite = || numbers.iter().copied().filter(|x| x.is_finite());
    let (low, high) = (finite().reduce(f64::min)?, finite().reduce(f64::max)?);
    Some(Axis { low, high, log: Spacing::suiting(low, high) == Spacing::Log })
}

fn draw(drawing: &mut Drawing, along: (&Named, Option<Axis>), panel: &Named, top: f64) {
    let right = WIDTH - RIGHT;
    let bottom = top + PANEL;
    let up = axis(&panel.numbers);
    let scale = if up.is_some_and(|up| up.log) { "  (logarithmic)" } else { "" };
    let title = format!("{}{scale}", panel.label);
    drawing.text([LEFT, top - 18.0], Anchor::Start, &title, BLACK);
    // A little room above and below the line.
    let at_height = |at: f64| bottom - 10.0 - at * (PANEL - 20.0);
    if let Some(up) = up {
        for mark in up.marks(UP) {
            let y = at_height(mark.at);
            drawing.line(vec![[LEFT, y], [right, y]], 1.0, GREY);
            drawing.text([LEFT - 12.0, y], Anchor::End, &mark.label, BLACK);
        }
    }
    if let (named, Some(across)) = along {
        for mark in across.marks(ACROSS) {
            let x = LEFT + mark.at * (right - LEFT);
            drawing.line(vec![[x, top], [x, bottom]], 1.0, GREY);
            drawing.line(vec![[x, bottom], [x, bottom + 8.0]], 2.0, BLACK);
        }
        if let Some(up) = up {
            let place = |(x, y): (&f64, &f64)| {
                let there = x.is_finite() && y.is_finite();
                let at =
                    |axis: Axis, n: f64| if axis.low < axis.high { axis.place(n) } else { 0.5 };
                let at = [LEFT + at(across, *x) * (right - LEFT), at_height(at(up, *y))];
                there.then_some(at)
            };
            let points: Vec<_> = named.numbers.iter().zip(&panel.numbers).map(place).collect();
            // A gap ends a line.
            for part in points.split(Option::is_none) {
                let through: Vec<_> = part.iter().copied().flatten().collect();
                if points.len() <= DOTTED || through.len() == 1 {
                    through.iter().for_each(|at| drawing.dot(*at, 3.5, BLUE));
                }
                if through.len() > 1 {
                    drawing.line(through, 2.0, BLUE);
                }
            }
        }
    }
    drawing.line(vec![[LEFT, top], [LEFT, bottom], [right, bottom]], 2.0, BLACK);
}
