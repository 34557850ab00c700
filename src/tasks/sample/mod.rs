//! Converts a few files of an archive to see how fast that goes here: outputs go to a directory of
//! their own, which is removed again.

mod choice;
mod measure;
mod place;

pub use choice::{Chosen, choose};
pub use measure::{Measured, convert};
pub use place::SamplePlace;
