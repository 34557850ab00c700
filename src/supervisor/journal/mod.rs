//! Keeps the record of runs on disk: `OUT/.jldconv/journal-<shard>.jsonl`, one JSON object a line,
//! never rewritten.
//!
//! Outputs are published before their line is written, so a lost line costs a second look at an
//! output and nothing else. Rules for what is found there:
//! - a last line without its end was torn by a crash: it does not count, and the next line begins
//!   on a fresh one;
//! - a line that is not understood does not count (a later version may write such lines);
//! - the line of an output carries a claim: what the output and its input were, and how it was
//!   made. A file is this program's own only if it still is what a claim says; it is up to date
//!   only if its input is, too, and what is asked for is what it was made by;
//! - a failure counts only if it is the input's own, and for the version, the options and the
//!   contents of rules files it was met with.

mod all;
pub(super) mod division;
mod lines;
pub(crate) mod merge;
mod record;
mod replay;
mod results;
mod stored;
mod writer;

pub(crate) use all::Journals;
pub(crate) use lines::Lines;
pub(crate) use record::{
    AttemptLine, EndLine, Fingerprint, HeadLine, JobLine, Line, MeansLine, OthersLine, ResultLine,
    RunLine, TaskLine,
};
pub use replay::TaskRan;
pub(crate) use replay::{Claimed, Ended, Known, Past, heads, journals};
pub(crate) use results::results;
pub(super) use writer::{JournalWriter, Task, Written};

use crate::archive::Shard;

/// Version of the lines' form.
pub(crate) const FORMAT: u32 = 1;

/// Name of the journal of `shard`.
pub(crate) fn file_name(shard: Shard) -> String {
    format!("journal-{}-of-{}.jsonl", shard.index, shard.count)
}
