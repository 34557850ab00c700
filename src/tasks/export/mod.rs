//! Defines the task that exports an archive: a worker for each file, outputs under their names when they
//! are whole, results in the journal of the output directory.
//!
//! What an earlier run made counts as long as version, request, input and output are what they were.
//! An output that was made just before a kill, of which no journal tells, is made again and found to be
//! there already, byte for byte.

mod run;
mod task;

pub use super::scan::Placed;
pub use run::{ExportListener, Exporting, Found, export_all, places};
pub use task::{ExportOptions, ExportTask};
