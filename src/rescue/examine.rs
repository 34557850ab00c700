//! Whether each object is whole by itself: header, type, data and heap objects; and which others it
//! needs.
//!
//! The rule of wholeness is in docs/rescue.md.

mod look;

use super::catalogue::{Catalogue, GroupLinks, Id};
use super::elements::{ElementState, can_be_undefined, each_place, state};
use super::in_part::{InPart, can_be_in_part, chunk_by_chunk};
use super::new_index::new_object;
use super::passing::passing;
use crate::h5::{
    Budget, Class, Dataset, Error, Object, ObjectHeader, ObjectKind, Result, Trace, kind,
};
use crate::julia::{Column, TypeTable};
use look::{Known, Look};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What a header that cannot be read counts for, in bytes.
const UNREAD_COST: u64 = 4 << 10;
/// Compressed data are decoded so many times as there are bytes in the file: once, where no two
/// objects share any.
const MAX_DECODED: u64 = 4;
/// Data are decoded in windows of this many bytes.
const WINDOW: usize = 256 << 10;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Data.
    Dataset,
    /// A committed datatype.
    Type,
    /// Links.
    Group,
    /// It cannot be made sense of.
    Unread,
}

/// Why an object is lost.
#[derive(Debug, Clone)]
pub(super) enum Reason {
    /// It is damaged itself.
    Damaged(String),
    /// Its data end behind the end of the file: where they begin, how many bytes they have, and how
    /// many of them are there.
    Cut { start: u64, bytes: u64, there: u64 },
    /// It refers to an object, from this offset, of which nothing is left at that one.
    Missing { at: u64, target: u64 },
    /// It refers to an object that is lost.
    Needs(Id),
    /// All elements of the array are lost.
    AllElements,
}

/// A reference from one object to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Needed {
    pub(super) from: Id,
    pub(super) to: Id,
    /// Whether the object is more than nothing without the other: that is an element of an array,
    /// which can be undefined.
    pub(super) element: bool,
}

/// Data that are part of a block of zeros, which may be theirs or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Doubt {
    /// The first such bytes.
    pub(super) first: (u64, u64),
    /// How many there are.
    pub(super) bytes: u64,
}

/// Elements of an array that can be undefined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Elements {
    /// Those that lead to something.
    pub(super) left: u64,
    /// Those that lead to nothing that is left.
    pub(super) lost: u64,
}

/// What is known of all objects.
#[derive(Debug, Default)]
pub(super) struct Examined {
    pub(super) kinds: Vec<Kind>,
    pub(super) needs: Vec<Needed>,
    pub(super) reasons: HashMap<Id, Reason>,
    /// Of arrays whose elements can be undefined.
    pub(super) elements: HashMap<Id, Elements>,
    pub(super) doubts: HashMap<Id, Doubt>,
    /// Where data stand, and whose they are.
    pub(super) extents: Vec<(u64, u64, Id)>,
    /// Offsets of continuations that belong to headers.
    pub(super) chunks: HashSet<u64>,
    /// Arrays that are kept without some of their chunks.
    pub(super) in_part: BTreeMap<Id, InPart>,
    /// Whether there may be any.
    partial: bool,
    /// Compressed bytes that were decoded.
    decoded: u64,
}

impl Examined {
    /// Looks at every object of `catalogue`. With `partial`, arrays of which some chunks are lost are
    /// kept. `progress` is told how many bytes of the file are through; its error ends the
    /// examination.
    ///
    /// # Errors
    /// If the file cannot be read, or has more references than are held.
    pub(super) fn of(
        catalogue: &Catalogue,
        partial: bool,
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<Self> {
        let types = TypeTable::new(&catalogue.file);
        let allowance = catalogue.file.allowance();
        let mut out = Self { partial, ..Self::default() };
        for id in catalogue.ids() {
            progress(catalogue.offset(id))?;
            allowance.check(&catalogue.file, catalogue.offset(id))?;
            let (kind, reason) = out.one(catalogue, &types, allowance, id)?;
            out.kinds.push(kind);
            if let Some(reason) = reason {
                out.reasons.insert(id, reason);
            }
        }
        Ok(out)
    }

    fn one(
        &mut self,
        catalogue: &Catalogue,
        types: &TypeTable<'_>,
        allowance: Budget,
        id: Id,
    ) -> Result<(Kind, Option<Reason>)> {
        let object = match catalogue.file.object(catalogue.addr(id)) {
            Ok(object) => object,
            Err(error) => {
                let error = passing(error)?;
                let left = catalogue.links(id);
                catalogue.file.spend(left.as_ref().map_or(UNREAD_COST, GroupLinks::bytes));
                let chunks = left.iter().flat_map(|left| left.object.header.chunks.iter().skip(1));
                self.chunks.extend(chunks.map(|chunk| chunk.offset));
                let kind = left.map_or(Kind::Unread, |_| Kind::Group);
                // What is left of a group is made anew without the rest.
                return Ok((kind, Some(Reason::Damaged(error.to_string()))));
            }
        };
        self.chunks.extend(object.header.chunks.iter().skip(1).map(|chunk| chunk.offset));
        let kind = match &object.kind {
            ObjectKind::Dataset(_) => Kind::Dataset,
            ObjectKind::Datatype(_) => Kind::Type,
            ObjectKind::Group(_) => Kind::Group,
        };
        let reason = self.look(catalogue, types, allowance, id, &object)?;
        if self.partial
            && let Some(Reason::Damaged(_)) = reason
            && self.keep_in_part(catalogue, types, allowance, id, &object)?
        {
            return Ok((kind, None));
        }
        Ok((kind, reason))
    }

    /// Whether an array of which something is lost is kept without some of its chunks: each is looked at
    /// by itself, and then what there would be as any other object.
    fn keep_in_part(
        &mut self,
        catalogue: &Catalogue,
        types: &TypeTable<'_>,
        allowance: Budget,
        id: Id,
        object: &Object,
    ) -> Result<bool> {
        let Some(dataset) = object.dataset().filter(|it| can_be_in_part(types, object, it)) else {
            return Ok(false);
        };
        let at = catalogue.offset(id);
        let mut decoded = |bytes: u64| self.about_to_decode(catalogue, bytes, at);
        let part = match chunk_by_chunk(catalogue, dataset, allowance, &mut decoded) {
            Ok(Some(part)) => part,
            Ok(None) => return Ok(false),
            Err(error) => return passing(error).map(|_| false),
        };
        let end = catalogue.source.len();
        let new = new_object(catalogue, object, &part, end);
        let Some(new) = new.or_else(|error| passing(error).map(|_| None))? else {
            return Ok(false);
        };
        let probe = catalogue.with(new.bytes)?;
        self.doubts.remove(&id);
        self.unproved(catalogue, id, &object.header);
        let mut look = Look::at(catalogue, id, object, self);
        look.known = Known::Zeros;
        let traced = Trace::one(&probe, new.addr, allowance, &mut look);
        let sound = look.missing.is_none() && !look.broken_fill;
        if let Err(error) = traced {
            return passing(error).map(|_| false);
        }
        if sound {
            self.in_part.insert(id, part);
        }
        Ok(sound)
    }

    /// Why an object that can be read so far is lost, if it is.
    fn look(
        &mut self,
        catalogue: &Catalogue,
        types: &TypeTable<'_>,
        allowance: Budget,
        id: Id,
        object: &Object,
    ) -> Result<Option<Reason>> {
        let len = catalogue.file.source().len();
        let stated = catalogue.stated_extent(object);
        if let Some((start, bytes)) = stated {
            self.extents.push((start.min(len), start.saturating_add(bytes).min(len), id));
            let there = len.saturating_sub(start).min(bytes);
            if there < bytes {
                return Ok(Some(Reason::Cut { start, bytes, there }));
            }
        }
        self.unproved(catalogue, id, &object.header);
        let optional = object.dataset().is_some_and(|dataset| can_be_undefined(types, dataset));
        let mut look = Look::at(catalogue, id, object, self);
        look.optional = optional;
        look.known = if stated.is_some() { Known::Place } else { Known::Nothing };
        let traced = Trace::one(&catalogue.file, catalogue.addr(id), allowance, &mut look);
        let Look { elements, missing, broken_fill, .. } = look;
        if let Err(error) = traced {
            return Ok(Some(Reason::Damaged(passing(error)?.to_string())));
        }
        if let Some((at, target)) = missing {
            return Ok(Some(Reason::Missing { at, target }));
        }
        if broken_fill {
            let what = "its fill value leads to nothing that is left".to_owned();
            return Ok(Some(Reason::Damaged(what)));
        }
        let checked = match &object.kind {
            ObjectKind::Datatype(_) => types.committed(object.addr()).map(drop),
            ObjectKind::Dataset(dataset) if optional => {
                self.count(catalogue, types, id, dataset, elements)
            }
            ObjectKind::Dataset(dataset) => self.decode(catalogue, types, dataset),
            ObjectKind::Group(_) => Ok(()),
        };
        match checked {
            Ok(()) => Ok(None),
            Err(error) => Ok(Some(Reason::Damaged(passing(error)?.to_string()))),
        }
    }

    /// Takes note of zeros in parts of an object's header that no checksum proves: messages in headers
    /// of version 1, and attributes in heaps.
    fn unproved(&mut self, catalogue: &Catalogue, id: Id, header: &ObjectHeader) {
        for message in &header.messages {
            let in_heap = message.chunk >= header.chunks.len();
            if !in_heap && header.version != 1 {
                continue;
            }
            // Zeros are what fillers are made of, but for the head that says how long they are.
            let len = if message.kind == kind::NIL { 0 } else { u64::from(message.len) };
            let end = message.body.saturating_add(len);
            if let Some((first, bytes)) = catalogue.scan.zeros.within(message.offset, end) {
                self.doubt(id, first, bytes);
            }
        }
    }

    /// Takes note of zeros in an object that may be its own.
    fn doubt(&mut self, id: Id, first: (u64, u64), bytes: u64) {
        let doubt = self.doubts.entry(id).or_insert(Doubt { first, bytes: 0 });
        doubt.bytes = doubt.bytes.saturating_add(bytes);
    }

    /// Takes note of the elements of an array that can be undefined.
    fn count(
        &mut self,
        catalogue: &Catalogue,
        types: &TypeTable<'_>,
        id: Id,
        dataset: &Dataset,
        mut elements: Elements,
    ) -> Result<()> {
        let texts = matches!(catalogue.file.resolve(&dataset.datatype)?.class, Class::Vlen { .. });
        if texts && elements.lost > 0 {
            each_place(types, dataset, |place, bytes| {
                let (left, _) = state(catalogue, bytes, place, &|_| false)?;
                elements.left += u64::from(left == ElementState::Left);
                Ok(())
            })?;
            if elements.left == 0 {
                self.reasons.insert(id, Reason::AllElements);
            }
        }
        self.elements.insert(id, elements);
        Ok(())
    }

    /// So many compressed bytes, of what stands `at`, are about to be decoded.
    ///
    /// # Errors
    /// If it were too many by then.
    fn about_to_decode(&mut self, catalogue: &Catalogue, bytes: u64, at: u64) -> Result<()> {
        self.decoded = self.decoded.saturating_add(bytes);
        if self.decoded > catalogue.file.source().len().saturating_mul(MAX_DECODED) {
            return Err(Error::foreign(at, "data that many objects share"));
        }
        Ok(())
    }

    /// Reads all data of a dataset through its filters, where it has some.
    fn decode(
        &mut self,
        catalogue: &Catalogue,
        types: &TypeTable<'_>,
        dataset: &Dataset,
    ) -> Result<()> {
        if dataset.filters.is_empty() {
            return Ok(());
        }
        let datatype = types.file().resolve(&dataset.datatype)?;
        let column = Column::new(&catalogue.file, dataset, &datatype)?;
        let stored = catalogue.file.stored_len(dataset)?;
        self.about_to_decode(catalogue, stored, column.offset())?;
        let mut stream = column.open()?;
        let mut buffer = vec![0; WINDOW];
        while stream.left() > 0 {
            let n = usize::try_from(stream.left()).unwrap_or(usize::MAX).min(WINDOW);
            if let Some(window) = buffer.get_mut(..n) {
                stream.fill(window)?;
            }
        }
        stream.finish()
    }
}
