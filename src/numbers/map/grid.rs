//! The pixels of a map: a window of two axes of the box.

use crate::numbers::NumbersError;
use serde::{Deserialize, Serialize};

/// Pixels along an axis, at most.
pub const MOST_PIXELS: usize = 8192;
/// Pixels of the longer side where nothing is said, at most.
pub const USUAL_PIXELS: usize = 1024;

/// How fine a map is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Pixels {
    /// As the finest cells, but no more than 1024 along the longer side.
    #[default]
    Auto,
    /// So many along the longer side of the window.
    Side(usize),
    /// So many along the whole box (Mera's `res`): a window has those that it touches.
    Box(usize),
}

/// A window and its pixels. Lengths are in code units, from the box's corner.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Pixels along each axis.
    pub pixels: [usize; 2],
    /// Where the window begins along each axis.
    pub low: [f64; 2],
    /// Where it ends.
    pub high: [f64; 2],
    /// Length of one of the pixels that the whole box is divided into, of which Mera takes a window's
    /// to be.
    pub nominal: f64,
    /// How many of those there are along the box.
    pub(super) across: f64,
    /// The numbers of the first of them and of the one behind the last, along each axis.
    pub(super) edges: [[f64; 2]; 2],
    pub(super) boxlen: f64,
    /// Length of a pixel along each axis: asked for with each cell, so not divided anew.
    step: [f64; 2],
    /// First and last along both axes as Mera tells them: to the outer ends of whole pixels.
    pub extent: [[f64; 2]; 2],
}

impl Grid {
    /// The window from `low` to `high`, parts of a box of this length, whose finest cells have this
    /// level.
    ///
    /// # Errors
    /// If the window has no area or there would be too many pixels.
    pub(crate) fn new(
        [low, high]: [[f64; 2]; 2],
        boxlen: f64,
        finest: u32,
        wanted: Pixels,
    ) -> Result<Self, NumbersError> {
        let [a, b] = [0, 1].map(|axis| side(high, axis) - side(low, axis));
        let longer = a.max(b);
        if a.min(b) <= 0.0 || !longer.is_finite() {
            let what = "the window has no area: a range begins where it ends".to_owned();
            return Err(NumbersError::Map(what));
        }
        let across = match wanted {
            Pixels::Auto => {
                let mut across = float(1 << finest.min(62));
                while across * longer > float(USUAL_PIXELS) && across > 1.0 {
                    across /= 2.0;
                }
                across
            }
            Pixels::Box(across) => float(across),
            Pixels::Side(pixels) => float(pixels) / longer,
        };
        let edges = [0, 1]
            .map(|axis| [(side(low, axis) * across).floor(), (side(high, axis) * across).ceil()]);
        let pixels = match wanted {
            Pixels::Side(pixels) => {
                let least = pixels.min(1);
                [a, b].map(|side| index((side / longer * float(pixels)).round()).max(least))
            }
            Pixels::Auto | Pixels::Box(_) => edges.map(|[first, last]| index(last - first)),
        };
        for count in pixels {
            if count > MOST_PIXELS || count == 0 {
                let what = format!(
                    "a map of {} by {} pixels: a side has 1 to {MOST_PIXELS}",
                    pixels[0], pixels[1]
                );
                return Err(NumbersError::Map(what));
            }
        }
        let ([a, b], [c, d]) = (low.map(|side| side * boxlen), high.map(|side| side * boxlen));
        let [x, y] = pixels.map(float);
        Ok(Self {
            pixels,
            low: [a, b],
            high: [c, d],
            step: [(c - a) / x, (d - b) / y],
            nominal: boxlen / across,
            across,
            edges,
            boxlen,
            extent: edges.map(|axis| axis.map(|edge| edge * boxlen / across)),
        })
    }

    /// Length of a pixel along each axis.
    pub fn step(&self) -> [f64; 2] {
        self.step
    }

    /// How many pixels there are.
    pub fn len(&self) -> usize {
        self.pixels[0] * self.pixels[1]
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn side(sides: [f64; 2], axis: usize) -> f64 {
    sides.get(axis).copied().unwrap_or(f64::NAN)
}

/// A count of pixels as a float, exactly.
#[expect(clippy::cast_precision_loss, reason = "counts of pixels and cells along a box are small")]
pub(super) fn float(count: usize) -> f64 {
    count as f64
}

/// A whole float as a number of a pixel; what is below 0 or not a number is 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float that is cast saturates"
)]
pub(super) fn index(float: f64) -> usize {
    float as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_the_pixels_that_it_touches() {
        let window = [[1.0 / 3.0; 2], [2.0 / 3.0; 2]];
        let grid = Grid::new(window, 48.0, 10, Pixels::Box(64)).unwrap();
        assert_eq!(grid.pixels, [22, 22]);
        assert_eq!(grid.extent, [[15.75, 32.25]; 2]);
        assert!((grid.step()[0] - 16.0 / 22.0).abs() < 1e-14);
        assert!((grid.nominal - 0.75).abs() < f64::EPSILON);
        let grid = Grid::new([[0.0; 2], [1.0, 0.5]], 1.0, 10, Pixels::Side(100)).unwrap();
        assert_eq!(grid.pixels, [100, 50]);
    }

    #[test]
    fn where_nothing_is_said_cells_and_pixels_fit_together() {
        let all = [[0.0; 2], [1.0; 2]];
        for (finest, expected) in [(6, 64), (10, 1024), (14, 1024), (62, 1024), (0, 1)] {
            let grid = Grid::new(all, 48.0, finest, Pixels::Auto).unwrap();
            assert_eq!(grid.pixels, [expected; 2], "{finest}");
        }
        let grid = Grid::new([[0.25; 2], [0.3125; 2]], 48.0, 14, Pixels::Auto).unwrap();
        assert_eq!(grid.pixels, [1024; 2]);
    }

    #[test]
    fn impossible_maps_are_refused() {
        let all = [[0.0; 2], [1.0; 2]];
        for wanted in [Pixels::Side(0), Pixels::Side(8193), Pixels::Box(usize::MAX)] {
            let error = Grid::new(all, 48.0, 10, wanted).unwrap_err().to_string();
            assert!(error.contains("a side has 1 to 8192"), "{error}");
        }
        let flat = [[0.5, 0.0], [0.5, 1.0]];
        let error = Grid::new(flat, 48.0, 10, Pixels::Auto).unwrap_err().to_string();
        assert!(error.contains("no area"), "{error}");
    }
}
