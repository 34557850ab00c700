//! Finds what is in the archive now and has no outcome: the report's last word on whether all is
//! done.

use super::journal::{Known, RunLine};
use crate::archive::{ArchiveError, Found, Listing, Shard};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::UNIX_EPOCH;

/// The archive beside what the journals tell of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Untaken {
    /// Files that there are.
    pub(super) found: u64,
    /// Files without an outcome, where the archive was looked at.
    pub(super) open: Option<u64>,
    /// Names of those among them that are in no shard's part.
    pub(super) not_taken: Vec<String>,
    /// Files that are not any more what they were when they got their outcome.
    pub(super) changed: u64,
}

/// Compares the archive with `files`, the outcomes by name. `runs` are the last runs of the shards
/// of one division into `count`; `listing` is what the latest of them saw.
///
/// # Errors
/// The archive cannot be listed.
pub(super) fn untaken(
    runs: &BTreeMap<Shard, &RunLine>,
    count: u32,
    input_dir: &Path,
    listing: &Listing,
    files: &BTreeMap<String, Known>,
) -> Result<Untaken, ArchiveError> {
    let (found, now) = listing.again(input_dir)?;
    // The part of a shard that saw what is there now is known, and so is that of one that has not
    // run: it will see it.
    let outdated: BTreeSet<Shard> = runs
        .iter()
        .filter(|(_, run)| run.listing.as_ref().is_none_or(|seen| seen.digest != now.digest))
        .map(|(shard, _)| *shard)
        .collect();
    let mut untaken = Untaken { found: now.files, ..Untaken::default() };
    let mut open = 0;
    for (file, part) in found.iter().zip(Shard::divide(&found, count, now.weigh())) {
        match files.get(&file.name) {
            None => {
                open += 1;
                if outdated.contains(&part) {
                    untaken.not_taken.push(file.name.clone());
                }
            }
            Some(known) if now.weighed && !same(file, known) => untaken.changed += 1,
            Some(_) => {}
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
