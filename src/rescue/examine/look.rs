//! What one object refers to, and what of its data may have been zeroed.

use super::super::catalogue::{Catalogue, Id};
use super::super::in_part::{END_OF_CODEC, NO_CODEC};
use super::super::passing::passing;
use super::{Elements, Examined, Needed};
use crate::codec::ids;
use crate::h5::{
    Edge, EdgeKind, Error, Object, RefPlan, RefSlot, Region, RegionKind, Result, Sequence, Visitor,
    ZeroRanges,
};

/// More references than are held: each takes sixteen bytes.
const MAX_EDGES: usize = 1 << 26;

/// What is known of the data of an object before it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Nothing,
    /// Where they stand.
    Place,
    /// What zeros in them are: those that are left are data.
    Zeros,
}

/// What one object refers to.
pub(super) struct Look<'l> {
    catalogue: &'l Catalogue,
    id: Id,
    pub(super) optional: bool,
    /// What is known of its data already.
    pub(super) known: Known,
    filters: Vec<u16>,
    out: &'l mut Examined,
    pub(super) elements: Elements,
    /// The first reference that leads to nothing: where it stands, and where it leads.
    pub(super) missing: Option<(u64, u64)>,
    pub(super) broken_fill: bool,
}

impl<'l> Look<'l> {
    /// Of an object that is `id`.
    pub(super) fn at(
        catalogue: &'l Catalogue,
        id: Id,
        object: &Object,
        out: &'l mut Examined,
    ) -> Self {
        let filters = object.dataset().map_or(&[][..], |d| &d.filters);
        Self {
            catalogue,
            id,
            optional: false,
            known: Known::Nothing,
            filters: filters.iter().map(|f| f.id).collect(),
            out,
            elements: Elements::default(),
            missing: None,
            broken_fill: false,
        }
    }

    fn zeros(&self) -> &ZeroRanges {
        &self.catalogue.scan.zeros
    }

    fn doubt(&mut self, first: (u64, u64), bytes: u64) {
        self.out.doubt(self.id, first, bytes);
    }
}

impl Visitor for Look<'_> {
    fn edge(&mut self, edge: Edge) -> Result<()> {
        if matches!(edge.kind, EdgeKind::Heap | EdgeKind::Link) {
            return Ok(());
        }
        let element = self.optional && edge.kind == EdgeKind::DataReference;
        match self.catalogue.find(edge.target) {
            Some(to) => {
                let needed = Needed { from: self.id, to, element };
                self.elements.left += u64::from(element);
                // Elements are counted, other references just needed.
                if !element && self.out.needs.last() == Some(&needed) {
                    return Ok(());
                }
                if self.out.needs.len() >= MAX_EDGES {
                    return Err(Error::foreign(edge.at, "a file with over 2^26 references"));
                }
                self.out.needs.push(needed);
            }
            None if element => self.elements.lost += 1,
            None => {
                let target = edge.target.0.saturating_add(self.catalogue.front.base);
                self.missing.get_or_insert((edge.at, target));
            }
        }
        Ok(())
    }

    fn follow(&mut self, _: &Edge) -> bool {
        false
    }

    fn sequence(&mut self, sequence: Sequence<'_>) -> Result<()> {
        let Sequence { offset, len, base, .. } = sequence;
        let Some((first, bytes)) = self.zeros().within(offset, offset.saturating_add(len)) else {
            return Ok(());
        };
        let zeroed = match (base.size, holds_addresses(base)) {
            (1, _) => true,
            // The last address of a list may have zeros at its end, but is not all zeros.
            (size, true) => bytes >= u64::from(size),
            (_, false) => {
                self.doubt(first, bytes);
                false
            }
        };
        if zeroed {
            return Err(Error::corrupt(
                first.0,
                "heap object",
                "what was stored",
                format!("a block of zeros, of which it has {bytes} bytes"),
            ));
        }
        Ok(())
    }

    fn broken_fill(&mut self, _: &str) {
        self.broken_fill = true;
    }

    fn broken_sequence(&mut self, kind: EdgeKind, _: u64, error: Error) -> Result<()> {
        let error = passing(error)?;
        if self.optional && kind == EdgeKind::DataReference {
            self.elements.lost += 1;
            return Ok(());
        }
        Err(error)
    }

    fn region(&mut self, region: Region) -> Result<()> {
        let Region { start, end, kind } = region;
        if !matches!(kind, RegionKind::Payload | RegionKind::References) {
            return Ok(());
        }
        if self.known != Known::Place {
            self.out.extents.push((start, end, self.id));
        }
        let Some((first, bytes)) = self.zeros().within(start, end) else { return Ok(()) };
        // What has a checksum of its own is proved by decoding.
        let has = |known: &[u16]| self.filters.iter().any(|id| known.contains(id));
        if has(&[ids::DEFLATE, ids::BZIP2]) {
            return Ok(());
        }
        if has(&[ids::LZ4, ids::ZSTD]) {
            if bytes >= NO_CODEC && self.known != Known::Zeros {
                return Err(Error::corrupt(
                    first.0,
                    "compressed data",
                    format!("fewer than {NO_CODEC} zeros in blocks"),
                    format!("{bytes}"),
                ));
            }
            if bytes < END_OF_CODEC {
                return Ok(());
            }
        }
        self.doubt(first, bytes);
        Ok(())
    }
}

fn holds_addresses(plan: &RefPlan) -> bool {
    plan.slots.iter().any(|(_, slot)| matches!(slot, RefSlot::Reference | RefSlot::Vlen(_)))
}
