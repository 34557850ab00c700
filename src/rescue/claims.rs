//! Which bytes objects stand in. Honest objects share none but those of heaps, so that what is changed
//! in one changes no other; stale ones, whose space was used again, and forged ones do, with others and
//! with themselves.

use super::catalogue::{Catalogue, Id};
use crate::h5::{Edge, EdgeKind, Error, Layout, Region, RegionKind, Result, Trace, Visitor};
use std::cell::Cell;
use std::collections::HashSet;

/// Looks at other objects, in all; then whatever is asked for counts as shared.
const MOST_LOOKS: u64 = 1 << 24;

/// What bytes are to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// A piece of its header, with the data that stand in it.
    Header,
    /// Data outside the header.
    Data,
    /// Where links, attributes, or chunks are found.
    Index,
    /// Strings and lists, of several objects.
    Heap,
}

/// Bytes of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Claim {
    /// Offset of the first.
    pub(super) start: u64,
    /// Offset behind the last.
    pub(super) end: u64,
    /// Whose they are.
    pub(super) id: Id,
    /// What they are to it.
    pub(super) part: Part,
}

impl Claim {
    /// Whether what changes these bytes may change the others, too, which they share bytes with.
    fn may_change(&self, other: &Self) -> bool {
        match self.part {
            // Each piece has a checksum of its own.
            Part::Header => self == other,
            Part::Data | Part::Index => self.part == other.part && self.id == other.id,
            Part::Heap => other.part == Part::Heap,
        }
    }
}

/// Ranges of the file, with those whose they are.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// By where they start.
    ranges: Vec<Claim>,
    /// The furthest end of each and all before it.
    furthest: Vec<u64>,
    looks: Cell<u64>,
    /// The object behind which nothing was looked at, as it would have cost more than the file is worth.
    given_up: Option<Id>,
}

impl Claims {
    /// Of all objects but those that stand `inside` the data of others. `data` says where data are.
    pub(super) fn of(catalogue: &Catalogue, data: &[(u64, u64, Id)], inside: &HashSet<Id>) -> Self {
        let mut claims = Vec::new();
        let mut compact = HashSet::new();
        let mut given_up = None;
        let allowance = catalogue.file.allowance();
        for id in catalogue.ids().filter(|id| !inside.contains(id)) {
            if allowance.check(&catalogue.file, catalogue.offset(id)).is_err() {
                given_up = Some(id);
                break;
            }
            let Ok(object) = catalogue.file.object(catalogue.addr(id)) else { continue };
            if object.dataset().is_some_and(|it| matches!(it.layout, Layout::Compact { .. })) {
                compact.insert(id);
            }
            // What is met in front of damage is as good as the rest.
            let mut parts = Parts { id, claims: &mut claims };
            drop(Trace::one(&catalogue.file, object.addr(), allowance, &mut parts));
        }
        let outside =
            data.iter().filter(|(_, _, id)| !inside.contains(id) && !compact.contains(id));
        claims.extend(outside.map(|&(start, end, id)| Claim { start, end, id, part: Part::Data }));
        claims.sort_unstable();
        let mut furthest = 0;
        let ends = claims.iter().map(|claim| {
            furthest = furthest.max(claim.end);
            furthest
        });
        Self { furthest: ends.collect(), ranges: claims, looks: Cell::new(0), given_up }
    }

    /// An object that would be changed, too, and is not `lost`, if these bytes were: by what shares some
    /// of them, the object itself included.
    pub(super) fn other(&self, changed: &Claim, lost: &dyn Fn(Id) -> bool) -> Option<Id> {
        if self.given_up.is_some() {
            return self.given_up;
        }
        let behind = self.ranges.partition_point(|claim| claim.start < changed.end);
        let ranges = self.ranges.iter().zip(&self.furthest).take(behind).rev();
        for (claim, furthest) in ranges {
            if *furthest <= changed.start {
                break;
            }
            self.looks.set(self.looks.get().saturating_add(1));
            let shared = claim.end > changed.start && !changed.may_change(claim) && !lost(claim.id);
            if shared || self.looks.get() > MOST_LOOKS {
                return Some(claim.id);
            }
        }
        None
    }
}

/// Collects what an object stands in but its data.
struct Parts<'p> {
    id: Id,
    claims: &'p mut Vec<Claim>,
}

impl Visitor for Parts<'_> {
    fn region(&mut self, region: Region) -> Result<()> {
        let part = match region.kind {
            RegionKind::Header => Part::Header,
            RegionKind::Index => Part::Index,
            RegionKind::Heap => Part::Heap,
            RegionKind::Superblock | RegionKind::Payload | RegionKind::References => return Ok(()),
        };
        let (start, end, id) = (region.start, region.end, self.id);
        self.claims.push(Claim { start, end, id, part });
        Ok(())
    }

    fn follow(&mut self, _: &Edge) -> bool {
        false
    }

    fn broken_sequence(&mut self, _: EdgeKind, _: u64, _: Error) -> Result<()> {
        Ok(())
    }

    fn broken_fill(&mut self, _: &str) {}
}
