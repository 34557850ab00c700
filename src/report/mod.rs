//! Makes progress, summary and JSON of events.
//!
//! A [`Screen`] is the [`Reporter`](crate::supervisor::Reporter) of a run: it draws bars, prints
//! lines or JSON, as [`Progress`] says. Every block of text is made by a pure function, so that
//! what a person sees is tested letter by letter.

mod advice;
mod again;
mod bar_term;
mod bars;
mod color;
mod csv;
mod dry_run;
mod figures;
mod frame;
mod header;
pub(crate) mod html;
mod idle_rules;
mod known;
mod line;
mod lists;
mod log;
mod log_writer;
mod on_finish;
mod overview;
mod preflight;
mod progress;
#[cfg(test)]
mod sample;
mod screen;
mod seen;
mod shards;
mod skips;
mod spared;
mod speed;
mod stamp;
mod status;
mod summary;
mod target;
mod under_way;
pub mod unfinished;
mod workers;
mod wrap;
mod write;

pub use advice::{Circumstances, advice};
pub use color::{Color, Paint};
pub use csv::line as csv_line;
pub use dry_run::{Foreseen, dry_run};
pub use header::{header, means_told};
pub use html::{Head, escaped, frame, table_begin};
pub use log::{LogError, LogGuard, start_log};
pub use on_finish::{OnFinish, OnFinishError, RunEnd};
pub use overview::Overview;
pub use preflight::Preflight;
pub use progress::Progress;
pub use screen::Screen;
pub use seen::Seen;
pub use shards::shards;
pub use status::status;
pub use summary::summary;
pub(crate) use summary::title;
pub use target::{Checked, target_line, target_shown};
pub use wrap::{columns, fitted, wrapped};
pub use write::{WriteError, check_report, write_file, write_report};
