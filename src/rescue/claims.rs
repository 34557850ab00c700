//! Which bytes objects stand in. Honest objects share none, so that what is changed in one changes no
//! other; stale ones, whose space was used again, and forged ones do.

use super::catalogue::{Catalogue, Id};
use std::cell::Cell;
use std::collections::HashSet;

/// Looks at other objects, in all; then whatever is asked for counts as shared.
const MOST_LOOKS: u64 = 1 << 24;

/// Ranges of headers and data, with those whose they are.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// By where they start.
    ranges: Vec<(u64, u64, Id)>,
    /// The furthest end of each and all before it.
    furthest: Vec<u64>,
    looks: Cell<u64>,
}

impl Claims {
    /// Of all objects but those that stand `inside` the data of others. `data` says where data are.
    pub(super) fn of(catalogue: &Catalogue, data: &[(u64, u64, Id)], inside: &HashSet<Id>) -> Self {
        let mut ranges = data.to_vec();
        for id in catalogue.ids() {
            let Ok(object) = catalogue.file.object(catalogue.addr(id)) else { continue };
            ranges.extend(object.header.chunks.iter().map(|c| (c.offset, c.end(), id)));
        }
        ranges.retain(|(_, _, id)| !inside.contains(id));
        ranges.sort_unstable();
        let mut furthest = 0;
        let ends = ranges.iter().map(|(_, end, _)| {
            furthest = furthest.max(*end);
            furthest
        });
        Self { furthest: ends.collect(), ranges, looks: Cell::new(0) }
    }

    /// An object but `own` that has some of the bytes from `start` to `end`, and is not `lost`.
    pub(super) fn other(
        &self,
        (start, end): (u64, u64),
        own: Id,
        lost: &dyn Fn(Id) -> bool,
    ) -> Option<Id> {
        let behind = self.ranges.partition_point(|range| range.0 < end);
        let ranges = self.ranges.iter().zip(&self.furthest).take(behind).rev();
        for (&(_, to, id), furthest) in ranges {
            if *furthest <= start {
                break;
            }
            self.looks.set(self.looks.get().saturating_add(1));
            let shared = to > start && id != own && !lost(id);
            if shared || self.looks.get() > MOST_LOOKS {
                return Some(id);
            }
        }
        None
    }
}
