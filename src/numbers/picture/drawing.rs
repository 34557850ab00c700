//! Lines, dots and words at places, written as SVG or as PNG.

use super::canvas::{Canvas, Colour, LETTER_SIZE};
use std::io::{self, Write};

/// A place: pixels from the left and from above.
pub(super) type At = [f64; 2];

/// Which part of a text stands at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// Something that is drawn.
#[derive(Debug, Clone)]
enum Shape {
    /// Straight from each place to the next.
    Line {
        through: Vec<At>,
        width: f64,
        colour: Colour,
    },
    Dot {
        at: At,
        radius: f64,
        colour: Colour,
    },
    /// In the height of one line, its middle at the place.
    Text {
        at: At,
        anchor: Anchor,
        text: String,
        colour: Colour,
    },
}

/// A drawing in the making.
#[derive(Debug, Clone)]
pub(super) struct Drawing {
    width: usize,
    height: usize,
    shapes: Vec<Shape>,
}

impl Drawing {
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self { width, height, shapes: Vec::new() }
    }

    pub(super) fn line(&mut self, through: Vec<At>, width: f64, colour: Colour) {
        self.shapes.push(Shape::Line { through, width, colour });
    }

    pub(super) fn dot(&mut self, at: At, radius: f64, colour: Colour) {
        self.shapes.push(Shape::Dot { at, radius, colour });
    }

    pub(super) fn text(&mut self, at: At, anchor: Anchor, text: &str, colour: Colour) {
        self.shapes.push(Shape::Text { at, anchor, text: text.to_owned(), colour });
    }

    /// Writes it as SVG.
    pub(super) fn svg(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { width, height, .. } = self;
        writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"18\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
        )?;
        for shape in &self.shapes {
            match shape {
                Shape::Line { through, width, colour } => {
                    let hex = hex(*colour);
                    let points: Vec<_> =
                        through.iter().map(|[x, y]| format!("{x:.1},{y:.1}")).collect();
                    writeln!(
                        out,
                        "<polyline points=\"{}\" fill=\"none\" stroke=\"{hex}\" \
                         stroke-width=\"{width}\" stroke-linejoin=\"round\"/>",
                        points.join(" ")
                    )?;
                }
                Shape::Dot { at: [x, y], radius, colour } => {
                    let hex = hex(*colour);
                    writeln!(
                        out,
                        "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{hex}\"/>"
                    )?;
                }
                Shape::Text { at: [x, y], anchor, text, colour } => {
                    let anchor = match anchor {
                        Anchor::Start => "start",
                        Anchor::Middle => "middle",
                        Anchor::End => "end",
                    };
                    writeln!(
                        out,
                        "<text x=\"{x:.1}\" y=\"{y:.1}\" dy=\".35em\" text-anchor=\"{anchor}\" \
                         fill=\"{}\">{}</text>",
                        hex(*colour),
                        escaped(text)
                    )?;
                }
            }
        }
        writeln!(out, "</svg>")
    }

    /// Writes it as PNG.
    pub(super) fn png(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut canvas = Canvas::new(self.width, self.height);
        for shape in &self.shapes {
            match shape {
                Shape::Line { through, width, colour } => {
                    for pair in through.windows(2) {
                        if let [from, to] = pair {
                            stroke(&mut canvas, *from, *to, *width, *colour);
                        }
                    }
                }
                Shape::Dot { at, radius, colour } => {
                    stroke(&mut canvas, *at, *at, 2.0 * radius, *colour);
                }
                Shape::Text { at: [x, y], anchor, text, colour } => {
                    let wide = float(text.chars().count() * LETTER_SIZE);
                    let left = match anchor {
                        Anchor::Start => *x,
                        Anchor::Middle => x - wide / 2.0,
                        Anchor::End => x - wide,
                    };
                    let at = [left, y - float(LETTER_SIZE) / 2.0].map(pixel);
                    canvas.text(at, text, *colour);
                }
            }
        }
        canvas.write(out)
    }
}

/// Draws a straight line with round ends: each pixel as much as it is covered.
fn stroke(canvas: &mut Canvas, from: At, to: At, width: f64, colour: Colour) {
    let [[x0, y0], [x1, y1]] = [from, to];
    let half = width / 2.0;
    let (dx, dy) = (x1 - x0, y1 - y0);
    let square = dx * dx + dy * dy;
    let span = |a: f64, b: f64| pixel(a.min(b) - half - 1.0)..=pixel(a.max(b) + half + 1.0);
    for row in span(y0, y1) {
        for column in span(x0, x1) {
            let (x, y) = (float(column) + 0.5, float(row) + 0.5);
            let along = ((x - x0) * dx + (y - y0) * dy) / square;
            let along = if along.is_nan() { 0.0 } else { along.clamp(0.0, 1.0) };
            let away = (x - x0 - along * dx).hypot(y - y0 - along * dy);
            canvas.blend([column, row], colour, (half + 0.5 - away).clamp(0.0, 1.0));
        }
    }
}

fn float(n: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "pixels of a picture")]
    let float = n as f64;
    float
}

/// The pixel that a place is in; the first for what is left of it or no place.
fn pixel(x: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float that is cast saturates"
    )]
    let pixel = x.max(0.0) as usize;
    pixel
}

fn hex([red, green, blue]: Colour) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_is_written_both_ways() {
        let mut drawing = Drawing::new(40, 30);
        drawing.line(vec![[1.0, 1.0], [39.0, 29.0]], 2.0, [0, 0, 255]);
        drawing.dot([20.0, 15.0], 3.0, [255, 0, 0]);
        drawing.text([20.0, 10.0], Anchor::Middle, "<&>", [0; 3]);
        let (mut svg, mut png) = (Vec::new(), Vec::new());
        drawing.svg(&mut svg).unwrap();
        drawing.png(&mut png).unwrap();
        let svg = String::from_utf8(svg).unwrap();
        assert!(svg.contains(">&lt;&amp;&gt;</text>"), "{svg}");
        assert!(svg.contains("points=\"1.0,1.0 39.0,29.0\""), "{svg}");
        assert_eq!(&png[..4], b"\x89PNG");
    }

    #[test]
    fn places_outside_are_cut_off() {
        let mut drawing = Drawing::new(10, 10);
        drawing.line(vec![[-50.0, -50.0], [f64::NAN, 5.0], [60.0, 5.0]], 1.0, [0; 3]);
        drawing.text([-100.0, -100.0], Anchor::End, "far away", [0; 3]);
        drawing.png(&mut Vec::new()).unwrap();
    }
}
