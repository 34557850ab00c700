//! Reads objects whose headers are the same, byte for byte, as that of one that was read before, but
//! for their data or the address of those: boxed values, strings, records, of which a file can have
//! millions.
//!
//! Nothing but its bytes decides what an object is. Those of the data say nothing of the rest, so that
//! what was made of all others can be taken over; only where it stands is another place.

use super::header::{Chunk, Message, kind};
use super::message::datatype::Class;
use super::message::layout::Layout;
use super::{Attribute, Checked, Dataset, Datatype, Member, Object, ObjectHeader, ObjectKind};
use super::{RelAddr, TypeRef};
use std::sync::{Arc, Mutex, PoisonError};

/// How many objects are kept, by the length of their headers.
const SLOTS: usize = 16;
/// Longer headers are parsed each time.
const LONGEST: usize = 4 << 10;

/// Objects that others may be like.
#[derive(Debug, Default)]
pub(super) struct Models([Mutex<Option<Arc<Object>>>; SLOTS]);

impl Models {
    fn slot(&self, header: usize) -> Option<&Mutex<Option<Arc<Object>>>> {
        self.0.get(header % SLOTS)
    }

    /// Keeps an object, if others can be like it.
    pub(super) fn keep(&self, object: &Arc<Object>) {
        let Some(bytes) = varying(object) else { return };
        let [chunk] = object.header.chunks.as_slice() else { return };
        let fits = bytes.end <= chunk.bytes.len() && chunk.bytes.len() <= LONGEST;
        if let Some(slot) = self.slot(chunk.bytes.len()).filter(|_| fits) {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(object));
        }
    }

    /// The object at `addr`, if it is like one that was kept; without its only chunk, which is `first`.
    pub(super) fn like(&self, addr: RelAddr, first: &Chunk) -> Option<Object> {
        like(&*self.of(first)?, addr, first)
    }

    /// The one that the object is like whose header begins with `first`.
    fn of(&self, first: &Chunk) -> Option<Arc<Object>> {
        let slot = self.slot(first.bytes.len())?.lock().unwrap_or_else(PoisonError::into_inner);
        let model = slot.as_ref()?;
        let [known] = model.header.chunks.as_slice() else { return None };
        let may_vary = varying(model)?;
        let same = first.checked == Checked::Right
            && first.has_checksum
            && first.bytes.len() == known.bytes.len()
            && first.bytes.get(..may_vary.start) == known.bytes.get(..may_vary.start)
            && first.bytes.get(may_vary.end..) == known.bytes.get(may_vary.end..);
        // The fill value counts where data were never written.
        let written = match model.dataset()?.layout {
            Layout::Contiguous { .. } => !address(&first.bytes, may_vary.start)?.is_undef(),
            Layout::Compact { .. } | Layout::Chunked(_) => true,
        };
        (same && written).then(|| Arc::clone(model))
    }
}

/// Which bytes of the header of an object that others can be like say nothing of the rest.
fn varying(object: &Object) -> Option<std::ops::Range<usize>> {
    let ObjectKind::Dataset(dataset) = &object.kind else { return None };
    let header = &object.header;
    let [chunk] = header.chunks.as_slice() else { return None };
    let alone = header.is_alone()
        && chunk.checked == Checked::Right
        && header.of_kind(kind::CONTINUATION).next().is_none();
    let (at, len) = match dataset.layout {
        Layout::Compact { offset, size } => (offset, size),
        Layout::Contiguous { at, addr, .. } if !addr.is_undef() => (at, 8),
        Layout::Contiguous { .. } | Layout::Chunked(_) => return None,
    };
    let start = usize::try_from(at.checked_sub(chunk.offset)?).ok()?;
    alone.then_some(start..start.checked_add(usize::try_from(len).ok()?)?)
}

fn address(bytes: &[u8], at: usize) -> Option<RelAddr> {
    let bytes = bytes.get(at..)?.first_chunk::<8>()?;
    Some(RelAddr(u64::from_le_bytes(*bytes)))
}

/// The object at `addr` whose header is `first`, and like that of `model`; without that chunk.
fn like(model: &Object, addr: RelAddr, first: &Chunk) -> Option<Object> {
    let (ObjectKind::Dataset(dataset), [known]) = (&model.kind, model.header.chunks.as_slice())
    else {
        return None;
    };
    let place = Moved(first.offset.wrapping_sub(known.offset));
    let layout = match dataset.layout {
        Layout::Compact { offset, size } => Layout::Compact { offset: place.of(offset), size },
        Layout::Contiguous { at, size, .. } => {
            let within = usize::try_from(at.checked_sub(known.offset)?).ok()?;
            Layout::Contiguous { addr: address(&first.bytes, within)?, size, at: place.of(at) }
        }
        Layout::Chunked(_) => return None,
    };
    let dataset = Dataset {
        dataspace: dataset.dataspace.clone(),
        datatype: place.of_type(&dataset.datatype),
        layout,
        filters: Vec::new(),
        fill: None,
    };
    let attributes = model.attributes.iter().map(|a| Attribute {
        name: a.name.clone(),
        datatype: place.of_type(&a.datatype),
        dataspace: a.dataspace.clone(),
        offset: place.of(a.offset),
        data: a.data.clone(),
    });
    let attributes = attributes.collect();
    let ObjectHeader { version, flags, ref_count, extra, messages, .. } = &model.header;
    let mut header = ObjectHeader::empty(addr, *version, *flags, extra.clone());
    header.ref_count = *ref_count;
    header.messages = messages
        .iter()
        .map(|m| Message { offset: place.of(m.offset), body: place.of(m.body), ..m.clone() })
        .collect();
    Some(Object { header, attributes, kind: ObjectKind::Dataset(dataset) })
}

/// How far away what is alike stands, modulo 2^64.
#[derive(Clone, Copy)]
struct Moved(u64);

impl Moved {
    fn of(self, offset: u64) -> u64 {
        offset.wrapping_add(self.0)
    }

    fn of_type(self, datatype: &TypeRef) -> TypeRef {
        match datatype {
            TypeRef::Inline(datatype) => TypeRef::Inline(Arc::new(self.of_datatype(datatype))),
            TypeRef::Shared { addr, at } => TypeRef::Shared { addr: *addr, at: self.of(*at) },
        }
    }

    /// Parts of a type nest no deeper than they are parsed.
    fn of_datatype(self, datatype: &Datatype) -> Datatype {
        let boxed = |base: &Datatype| Box::new(self.of_datatype(base));
        let class = match &datatype.class {
            Class::Compound(members) => {
                let member = |m: &Member| Member {
                    name: m.name.clone(),
                    offset: m.offset,
                    datatype: self.of_datatype(&m.datatype),
                };
                Class::Compound(members.iter().map(member).collect())
            }
            Class::Enum(base) => Class::Enum(boxed(base)),
            Class::Vlen { string, base } => Class::Vlen { string: *string, base: boxed(base) },
            Class::Array { dims, base } => Class::Array { dims: dims.clone(), base: boxed(base) },
            class @ (Class::FixedPoint { .. }
            | Class::Float { .. }
            | Class::Time
            | Class::String
            | Class::Bitfield
            | Class::Opaque
            | Class::Reference) => class.clone(),
        };
        let Datatype { size, version, offset, len, .. } = *datatype;
        Datatype { class, size, version, offset: self.of(offset), len }
    }
}
