//! Defines the task that makes a picture of each file of an archive, or the frames of a movie.
//!
//! Frames have one scale of colours: first each file is measured, unless the scale is given, then they
//! are drawn. Both are in the journal, so that a run that was stopped goes on where it was.

mod run;
mod task;

pub use super::scan::Placed;
pub use run::{Frames, LookError, LookListener, look_all};
pub use task::{Drawing, LookOptions, LookTask, Looked, Outcome};
