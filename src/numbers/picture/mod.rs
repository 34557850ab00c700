//! Draws histograms, maps, and numbers over an axis: as PNG files, as SVG, and for terminals.

mod axis;
mod blocks;
mod canvas;
mod colours;
mod drawing;
mod kitty;
mod lines;
mod map;
mod plot;
mod png;
mod sixel;

pub use blocks::{Depth, blocks};
pub use canvas::Canvas;
pub use colours::Colours;
pub use kitty::kitty;
pub use lines::{MOST_PANELS, Named, PictureForm, lines};
pub use map::{FRAME, Look, draw};
pub use plot::histogram;
pub use sixel::sixel;
