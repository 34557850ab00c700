//! Tells whether the shards of one division saw the same archive.
//!
//! Every task lists the archive for itself. A file that comes while an array runs changes the
//! division for the tasks that begin later: it may be in no part, and so may others that moved from
//! one part to another. So each task compares what it listed with the heads that the others left,
//! at its beginning and at its end. `report` names the files that nobody took.

use super::error::RunError;
use super::journal::{Past, RunLine, file_name, heads, journals};
use super::settings::Settings;
use crate::archive::{Listing, Shard};
use crate::sys::dir::Dir;
use crate::text;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a task looks at to know whether it and the others divide the same archive.
#[derive(Debug)]
pub(crate) struct Family {
    own: Dir,
    shard: Shard,
    input_dir: PathBuf,
    output_dir: PathBuf,
    array: Option<u64>,
    listing: Listing,
    told: Option<String>,
}

impl Family {
    /// The family of a run on a part of `listing`; `own` is the directory of journals. A run of the
    /// whole has none.
    pub(crate) fn of(settings: &Settings, listing: Option<&Listing>, own: Dir) -> Option<Self> {
        (!settings.shard.is_whole()).then_some(())?;
        Some(Self {
            own,
            shard: settings.shard,
            input_dir: settings.input_dir.clone(),
            output_dir: settings.output_dir.clone(),
            array: settings.slurm.array,
            listing: listing?.clone(),
            told: None,
        })
    }

    /// What is to be said of other shards that saw another archive, once for each state of things.
    ///
    /// # Errors
    /// The journals cannot be read.
    pub(crate) fn compare(&mut self) -> Result<Option<String>, RunError> {
        let input_dir = self.input_dir.to_string_lossy();
        let mut last: BTreeMap<Shard, RunLine> = BTreeMap::new();
        for name in journals(&self.own)? {
            for head in heads(&self.own, &name)? {
                let shard = head.head.shard.parse::<Shard>().ok();
                let kin = head.input_dir == input_dir
                    // Tasks of an earlier array will run again, and see what this one saw.
                    && (self.array.is_none() || head.array == self.array);
                if let Some(shard) = shard.filter(|it| {
                    kin && it.count == self.shard.count && it.index != self.shard.index
                }) && last
                    .get(&shard)
                    .is_none_or(|known| known.head.started <= head.head.started)
                {
                    last.insert(shard, head);
                }
            }
        }
        let said = differing(&self.listing, &last);
        let events_out = said.is_some() && said != self.told;
        self.told.clone_from(&said);
        Ok(said.filter(|_| events_out))
    }

    /// What the journals of other shards tell.
    ///
    /// # Errors
    /// They cannot be read.
    pub(crate) fn others(&self) -> Result<Past, RunError> {
        let own = std::ffi::OsString::from(file_name(self.shard));
        let mut past = Past::default();
        for name in journals(&self.own)?.iter().filter(|name| **name != own) {
            past.read(&self.own, name)?;
        }
        Ok(past)
    }

    /// Whether the archive still holds what it held when the part was taken.
    pub(crate) fn changed(&self) -> Option<String> {
        let (_, now) = self.listing.again(&self.input_dir, &self.output_dir).ok()?;
        (now.digest != self.listing.digest).then(|| {
            format!(
                "the archive changed while this shard ran: {} now, {} at its beginning. {HELP}",
                amount(&now),
                amount(&self.listing)
            )
        })
    }
}

/// What helps.
const HELP: &str = "Files may have been taken by no shard: run all shards again when they have \
                    ended; `jldconv-supervisor report` names what is left";

fn differing(listing: &Listing, others: &BTreeMap<Shard, RunLine>) -> Option<String> {
    let differs =
        |head: &&RunLine| head.listing.as_ref().is_some_and(|other| other.digest != listing.digest);
    let mut different = others.values().filter(differs);
    let first = different.next()?;
    let count = 1 + different.count();
    let seen = first.listing.as_ref()?;
    let how = if (seen.files, seen.bytes) == (listing.files, listing.bytes) {
        format!("as many files with other names, sizes or times ({})", amount(seen))
    } else {
        format!("{}, and this shard {}", amount(seen), amount(listing))
    };
    let others = others.len();
    Some(format!(
        "{count} of the {others} other shards that have run saw another archive: shard {} found \
         {how}. {HELP}",
        first.head.shard
    ))
}

fn amount(listing: &Listing) -> String {
    let range = if listing.range.is_empty() {
        String::new()
    } else {
        format!(" in the range {}", listing.range)
    };
    format!("{}, {}{range}", text::count(listing.files, "file"), text::bytes(listing.bytes))
}
