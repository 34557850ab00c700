//! The two programs from outside: what they print, what they leave, how they end.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[cfg(feature = "fault")]
#[path = "cli/advice.rs"]
mod advice;
#[cfg(feature = "fault")]
#[path = "cli/along.rs"]
mod along;
#[path = "cli/book.rs"]
mod book;
#[path = "cli/build.rs"]
mod build;
#[path = "common/clean.rs"]
mod clean;
#[path = "cli/conflicts.rs"]
mod conflicts;
#[cfg(feature = "fault")]
#[path = "cli/counters.rs"]
mod counters;
#[cfg(feature = "fault")]
#[path = "cli/dashboard.rs"]
mod dashboard;
#[cfg(feature = "fault")]
#[path = "cli/devtools.rs"]
mod devtools;
#[path = "cli/doctor.rs"]
mod doctor;
#[cfg(feature = "fault")]
#[path = "cli/finish.rs"]
mod finish;
#[cfg(feature = "fault")]
#[path = "cli/flaky.rs"]
mod flaky;
#[path = "cli/hundred_thousand.rs"]
mod hundred_thousand;
#[path = "cli/jldconv.rs"]
mod jldconv;
#[path = "cli/log.rs"]
mod log;
#[path = "cli/look.rs"]
mod look;
#[path = "cli/many_files.rs"]
mod many_files;
#[path = "cli/messages.rs"]
mod messages;
#[path = "cli/movie.rs"]
mod movie;
#[path = "cli/named.rs"]
mod named;
#[path = "cli/ownership.rs"]
mod ownership;
#[path = "cli/pages.rs"]
mod pages;
#[path = "cli/pipes.rs"]
mod pipes;
#[path = "cli/portable.rs"]
mod portable;
#[path = "cli/pty.rs"]
mod pty;
#[path = "cli/rule_warnings.rs"]
mod rule_warnings;
#[path = "cli/scan.rs"]
mod scan;
#[cfg(feature = "fault")]
#[path = "cli/screens.rs"]
mod screens;
#[path = "cli/series.rs"]
mod series;
#[path = "cli/series_quantities.rs"]
mod series_quantities;
#[path = "cli/shards.rs"]
mod shards;
#[cfg(feature = "fault")]
#[path = "cli/shards_at_work.rs"]
mod shards_at_work;
#[cfg(feature = "fault")]
#[path = "cli/signals.rs"]
mod signals;
#[path = "cli/slips.rs"]
mod slips;
#[cfg(feature = "fault")]
#[path = "cli/status.rs"]
mod status;
#[path = "cli/supervisor.rs"]
mod supervisor;
#[path = "cli/terminal.rs"]
mod terminal;
#[path = "cli/trees.rs"]
mod trees;
#[path = "cli/tune.rs"]
mod tune;
#[path = "cli/under_way.rs"]
mod under_way;
#[path = "cli/unlisted.rs"]
mod unlisted;
#[cfg(feature = "fault")]
#[path = "cli/words.rs"]
mod words;
#[path = "cli/workers_by_itself.rs"]
mod workers_by_itself;
#[path = "cli/world.rs"]
mod world;
