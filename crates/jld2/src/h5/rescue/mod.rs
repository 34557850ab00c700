//! What is left of a damaged container: files that were never closed, cut short or partly zeroed.

mod front;
mod scan;
mod unclosed;

pub use front::{Front, FrontState};
pub use scan::{Scan, ZeroRanges};
pub(super) use unclosed::unclosed;
