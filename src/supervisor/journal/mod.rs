//! The record of runs on disk: `OUT/.jldconv/journal-<shard>.jsonl`, one JSON object a line, never
//! rewritten.
//!
//! Outputs are published before their line is written, so a lost line costs a second look at an
//! output and nothing else. Rules for what is found there:
//! - a last line without its end was torn by a crash: it does not count, and the next line begins
//!   on a fresh one;
//! - a line that is not understood does not count (a later version may write such lines);
//! - a line counts for a job only if it is about the same input path, size and modification time,
//!   so another archive's journal is no harm;
//! - a failure counts only for the version and options it was met with.

mod line;
mod past;
mod scribe;

pub(super) use line::{AttemptLine, EndLine, Fingerprint, JobLine, Line, RunLine};
pub(super) use past::{Ended, Known, Past, heads, journals};
pub(super) use scribe::{Scribe, Task, Written};

use crate::archive::Shard;

/// Version of the lines' form.
pub(super) const FORMAT: u32 = 1;

/// Name of the journal of `shard`.
pub(super) fn file_name(shard: Shard) -> String {
    format!("journal-{}-of-{}.jsonl", shard.index, shard.count)
}
