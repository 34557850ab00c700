//! Draws histograms as PNG files.

mod canvas;
mod plot;
mod png;

pub use plot::histogram;
