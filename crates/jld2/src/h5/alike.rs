//! Reads objects whose headers are the same, byte for byte, as that of one that was read before, but
//! for their data or the address of those: boxed values, strings, records, of which a file can have
//! millions.
//!
//! Nothing but its bytes decides what an object is. Those of the data say nothing of the rest, so that
//! what was made of all others can be taken over; only where it stands is another place. Where nobody
//! holds the one that was read before any more, it becomes the next one: no memory is asked for.

use super::header::kind;
use super::message::datatype::Class;
use super::message::layout::Layout;
use super::{Checked, Chunk, Datatype, Object, ObjectKind, RelAddr, TypeRef};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// How many objects are kept, by the length of their headers.
const SLOTS: usize = 16;
/// Longer headers are parsed each time.
const LONGEST: usize = 4 << 10;

/// Objects that others may be like.
#[derive(Debug, Default)]
pub(super) struct Models([Mutex<Option<Model>>; SLOTS]);

/// An object that others may be like.
#[derive(Debug)]
struct Model {
    object: Arc<Object>,
    /// Which bytes of its header say nothing of the rest.
    varying: Range<usize>,
}

/// A header, or what is to be one, that has its checksum.
#[derive(Clone, Copy)]
pub(super) struct Header<'a> {
    /// Its address.
    pub(super) addr: RelAddr,
    /// Absolute offset of its first byte.
    pub(super) offset: u64,
    /// Its bytes up to, without, the checksum.
    pub(super) bytes: &'a [u8],
    /// The checksum, as it is stored.
    pub(super) stored: u32,
}

impl<'a> Header<'a> {
    /// The one whose only chunk is `chunk`.
    pub(super) fn of(addr: RelAddr, chunk: &'a Chunk) -> Self {
        let Chunk { offset, bytes, stored_checksum, .. } = chunk;
        Self { addr, offset: *offset, bytes, stored: *stored_checksum }
    }

    /// The one at the beginning of `bytes`, which stand at `offset`, if it is whole in them and has
    /// nothing in front of its messages but their length.
    pub(super) fn within(addr: RelAddr, offset: u64, bytes: &'a [u8]) -> Option<Self> {
        let (front, rest) = bytes.split_first_chunk::<6>()?;
        let [b'O', b'H', b'D', b'R', 2, flags] = *front else { return None };
        let messages: usize = match (flags, rest) {
            (0, [a, ..]) => 1 + usize::from(*a),
            (1, [a, b, ..]) => 2 + usize::from(u16::from_le_bytes([*a, *b])),
            _ => return None,
        };
        let (bytes, rest) = bytes.split_at_checked(6 + messages)?;
        let stored = u32::from_le_bytes(*rest.first_chunk::<4>()?);
        Some(Self { addr, offset, bytes, stored })
    }
}

impl Models {
    fn slot(&self, header: usize) -> Option<&Mutex<Option<Model>>> {
        self.0.get(header % SLOTS)
    }

    /// Keeps an object, if others can be like it.
    pub(super) fn keep(&self, object: &Arc<Object>) {
        let Some(varying) = varying(object) else { return };
        let [chunk] = object.header.chunks.as_slice() else { return };
        let fits = varying.end <= chunk.bytes.len() && chunk.bytes.len() <= LONGEST;
        if let Some(slot) = self.slot(chunk.bytes.len()).filter(|_| fits) {
            let model = Model { object: Arc::clone(object), varying };
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(model);
        }
    }

    /// The object with this header, if it is like one that was kept and `is_right` says that the
    /// checksum is its own.
    pub(super) fn like(
        &self,
        header: Header<'_>,
        is_right: impl FnOnce() -> bool,
    ) -> Option<Arc<Object>> {
        let mut slot =
            self.slot(header.bytes.len())?.lock().unwrap_or_else(PoisonError::into_inner);
        let model = slot.as_mut()?;
        let data = model.data_of(&header)?;
        is_right().then(|| model.become_one(header, data))
    }
}

/// Where the data of an object are that is like another.
enum Data {
    Inside,
    At(RelAddr),
}

impl Model {
    /// Where the data are of the object with this header, if it is like this one.
    fn data_of(&self, header: &Header<'_>) -> Option<Data> {
        let [known] = self.object.header.chunks.as_slice() else { return None };
        let Range { start, end } = self.varying;
        let (bytes, known) = (header.bytes, known.bytes.as_slice());
        let same = bytes.len() == known.len()
            && bytes.get(..start) == known.get(..start)
            && bytes.get(end..) == known.get(end..);
        if !same {
            return None;
        }
        match self.object.dataset()?.layout {
            // The fill value counts where data were never written.
            Layout::Contiguous { .. } => {
                address(bytes, start).filter(|addr| !addr.is_undef()).map(Data::At)
            }
            Layout::Compact { .. } => Some(Data::Inside),
            Layout::Chunked(_) => None,
        }
    }

    /// Makes the object with this header of this one, which it is like. Whoever else has this one
    /// keeps it as it is.
    fn become_one(&mut self, new: Header<'_>, data: Data) -> Arc<Object> {
        let object = Arc::make_mut(&mut self.object);
        let header = &mut object.header;
        let place = header.chunks.first().map_or(0, |chunk| chunk.offset);
        let place = Moved(new.offset.wrapping_sub(place));
        header.addr = new.addr;
        for chunk in &mut header.chunks {
            let Chunk { offset, messages, checksum, stored_checksum, bytes, .. } = chunk;
            [offset, messages, checksum].into_iter().for_each(|at| place.moves(at));
            *stored_checksum = new.stored;
            bytes.clear();
            bytes.extend_from_slice(new.bytes);
        }
        for message in &mut header.messages {
            place.moves(&mut message.offset);
            place.moves(&mut message.body);
        }
        for attribute in &mut object.attributes {
            place.moves(&mut attribute.offset);
            place.moves_type(&mut attribute.datatype);
        }
        if let ObjectKind::Dataset(dataset) = &mut object.kind {
            place.moves_type(&mut dataset.datatype);
            match (&mut dataset.layout, data) {
                (Layout::Contiguous { addr, at, .. }, Data::At(data)) => {
                    *addr = data;
                    place.moves(at);
                }
                (Layout::Compact { offset, .. }, _) => place.moves(offset),
                (Layout::Contiguous { .. } | Layout::Chunked(_), _) => {}
            }
        }
        Arc::clone(&self.object)
    }
}

/// Which bytes of the header of an object that others can be like say nothing of the rest.
fn varying(object: &Object) -> Option<Range<usize>> {
    let ObjectKind::Dataset(dataset) = &object.kind else { return None };
    let header = &object.header;
    let [chunk] = header.chunks.as_slice() else { return None };
    let alone = header.is_alone()
        && chunk.checked == Checked::Right
        && chunk.has_checksum
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

/// How far away what is alike stands, modulo 2^64.
#[derive(Clone, Copy)]
struct Moved(u64);

impl Moved {
    fn moves(self, offset: &mut u64) {
        *offset = offset.wrapping_add(self.0);
    }

    fn moves_type(self, datatype: &mut TypeRef) {
        match datatype {
            TypeRef::Inline(datatype) => self.moves_datatype(Arc::make_mut(datatype)),
            TypeRef::Shared { at, .. } => self.moves(at),
        }
    }

    /// Parts of a type nest no deeper than they are parsed.
    fn moves_datatype(self, datatype: &mut Datatype) {
        self.moves(&mut datatype.offset);
        match &mut datatype.class {
            Class::Compound(members) => {
                members.iter_mut().for_each(|member| self.moves_datatype(&mut member.datatype));
            }
            Class::Enum(base) | Class::Vlen { base, .. } | Class::Array { base, .. } => {
                self.moves_datatype(base);
            }
            Class::FixedPoint { .. }
            | Class::Float { .. }
            | Class::Time
            | Class::String
            | Class::Bitfield
            | Class::Opaque
            | Class::Reference => {}
        }
    }
}
