//! Draws histograms, and numbers over an axis.

mod axis;
mod canvas;
mod drawing;
mod lines;
mod plot;
mod png;

pub use lines::{MOST_PANELS, Named, PictureForm, lines};
pub use plot::histogram;
