//! Finds what is in the archive now and has no outcome: the report's last word on whether all is
//! done.

use super::journal::{Known, Past, RunLine};
use crate::archive::{Found, Listing, Shard};
use crate::sys::dir::DirError;
use std::collections::{BTreeMap, BTreeSet};
use std::time::UNIX_EPOCH;

/// The archive beside what the journals tell of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Untaken {
    /// Files without an outcome, where the archive was looked at.
    pub(super) open: Option<u64>,
    /// Names of those among them that are in no shard's part.
    pub(super) not_taken: Vec<String>,
    /// Files that are not any more what they were when they got their outcome.
    pub(super) changed: u64,
}

/// Compares the archive's files, whose listing is `now`, with what journals tell of them. `runs` are
/// the last runs of the shards of one division into `count`.
///
/// # Errors
/// A journal cannot be read any more.
pub(super) fn untaken(
    runs: &BTreeMap<Shard, &RunLine>,
    count: u32,
    found: &[Found],
    now: &Listing,
    past: &Past,
) -> Result<Untaken, DirError> {
    // The part of a shard that saw what is there now is known, and so is that of one that has not
    // run: it will see it.
    let outdated: BTreeSet<Shard> = runs
        .iter()
        .filter(|(_, run)| run.listing.as_ref().is_none_or(|seen| seen.digest != now.digest))
        .map(|(shard, _)| *shard)
        .collect();
    let mut untaken = Untaken::default();
    let mut open = 0;
    for (file, part) in found.iter().zip(Shard::divide(found, count, now.weigh())) {
        if !past.knows(&file.name) {
            open += 1;
            if outdated.contains(&part) {
                untaken.not_taken.push(file.name.clone());
            }
        } else if now.weighed {
            let changed = past.known(&file.name)?.is_some_and(|known| !same(file, &known));
            untaken.changed += u64::from(changed);
        }
    }
    untaken.open = Some(open);
    Ok(untaken)
}

fn same(file: &Found, known: &Known) -> bool {
    let time = file.modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let time = time.and_then(|time| i64::try_from(time.as_nanos()).ok());
    // A time that cannot be told says nothing.
    known.input.size == file.bytes && time.is_none_or(|time| time == known.input.mtime_ns)
}
