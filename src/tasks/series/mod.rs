//! Defines the task that makes a series of an archive: one row of numbers for each snapshot, which a
//! worker reads.

#[cfg(feature = "arrow")]
mod columnar;
mod run;
mod table;
mod task;
mod write;

pub use run::{Making, SeriesListener, series};
pub use table::{Failed, Form, Note, SeriesTable};
pub use task::{Answered, SeriesTask};
