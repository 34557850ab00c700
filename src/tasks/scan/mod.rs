//! Defines the task that looks an archive through: what each file is, what it needs, what is wrong
//! with it; and sums that up for the archive.
//!
//! Workers do the looking, so that a file can cost its reader's life and no more. Nothing is
//! written, unless a journal is asked for.

mod call;
mod catalogue;
mod estimate;
mod html;
mod kept;
mod list;
mod run;
mod show;
mod table;
mod task;

pub use call::ScanCall;
pub use catalogue::{Catalogue, Cataloguer, EraRow, Named, Series};
pub use estimate::{Estimate, Forecast, forecast};
pub use html::page;
pub use kept::Kept;
pub use list::{Placed, ScanFile, ScanFiles, ScanList, files, selection};
pub use run::{ScanListener, Scanning, scan};
pub use show::{line, line_head, object, summary};
pub use table::csv;
pub use task::{FileScan, Found, ScanOptions, ScanTask, Seen};
