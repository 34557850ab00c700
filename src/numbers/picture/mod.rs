//! Draws histograms and maps: as PNG files, and for terminals.

mod axis;
mod blocks;
mod canvas;
mod colours;
mod kitty;
mod map;
mod plot;
mod png;
mod sixel;

pub use blocks::{Depth, blocks};
pub use canvas::Canvas;
pub use colours::Colours;
pub use kitty::kitty;
pub use map::{FRAME, Look, draw};
pub use plot::histogram;
pub use sixel::sixel;
