//! Encodes header messages and whole object headers, as JLD2 0.6 lays them out.

use super::checksum::lookup3;
use super::header::{header_flag, kind};
use super::{ByteOrder, Class, Datatype, Extent, FilterEntry, RelAddr, Symbolic, SymbolicLink};

pub use super::new_heap::{MAX_HEAP_OBJECTS, NewHeap, heap, heap_len};

/// Version nibble of the datatypes written here.
const DATATYPE_VERSION: u8 = 3 << 4;

/// Bytes of the largest body of a message in an object header.
pub const MAX_BODY: usize = 65_535;

/// A header message to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// Its type.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its place in the order of creation, which only headers that track it store.
    pub order: u16,
    /// Its body; at most [`MAX_BODY`] bytes.
    pub body: Vec<u8>,
}

impl NewMessage {
    /// A message.
    pub fn new(kind: u8, flags: u8, body: Vec<u8>) -> Self {
        Self { kind, flags, order: 0, body }
    }

    /// The filler of 20 bytes that JLD2 turns into a continuation when it adds to the object.
    pub fn placeholder() -> Self {
        Self::new(kind::NIL, 0, vec![0; 16])
    }

    /// Fill value: early allocation, written if set, undefined; what JLD2 puts into each dataset.
    pub fn fill_value() -> Self {
        Self::new(kind::FILL_VALUE, 0, vec![3, 9])
    }

    /// Bytes it takes with its head.
    pub fn len(&self) -> usize {
        self.body.len() + 4
    }

    /// Whether its body is empty.
    pub fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    /// Puts head and body behind `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.head(out);
        out.extend(&self.body);
    }

    /// Puts head, with the order of creation, and body behind `out`.
    pub fn write_ordered(&self, out: &mut Vec<u8>) {
        self.head(out);
        out.extend(self.order.to_le_bytes());
        out.extend(&self.body);
    }

    fn head(&self, out: &mut Vec<u8>) {
        Self::put_head(self.kind, self.flags, self.body.len(), out);
    }

    /// Puts the head of a message with a body of `len` bytes behind `out`.
    pub fn put_head(kind: u8, flags: u8, len: usize, out: &mut Vec<u8>) {
        out.push(kind);
        out.extend(u16::try_from(len).unwrap_or(u16::MAX).to_le_bytes());
        out.push(flags);
    }
}

/// An encoded object header and where its messages' bodies stand in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedHeader {
    /// All bytes, with a checksum at the end.
    pub bytes: Vec<u8>,
    /// Position of each message's body in `bytes`.
    pub bodies: Vec<usize>,
}

/// What a header holds beside its messages, where that is more than JLD2 writes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeaderForm {
    /// Those of [`header_flag::KEPT`].
    pub flags: u8,
    /// Times and bounds of attributes as those flags say, as they are stored.
    pub extra: Vec<u8>,
}

/// Encodes an object header of one chunk, as JLD2 does.
pub fn object_header(messages: &[NewMessage]) -> EncodedHeader {
    object_header_as(&HeaderForm::default(), messages)
}

/// Encodes an object header of one chunk.
pub fn object_header_as(form: &HeaderForm, messages: &[NewMessage]) -> EncodedHeader {
    let flags = form.flags & header_flag::KEPT;
    let tracked = flags & header_flag::ORDER_TRACKED != 0;
    let head = if tracked { 2 } else { 0 };
    let size: usize = messages.iter().map(|m| m.len() + head).sum();
    let mut bytes = header_front(form, u32::try_from(size).unwrap_or(u32::MAX));
    let mut bodies = Vec::with_capacity(messages.len());
    for m in messages {
        bodies.push(bytes.len() + 4 + head);
        if tracked {
            m.write_ordered(&mut bytes);
        } else {
            m.write(&mut bytes);
        }
    }
    bytes.extend(lookup3(&bytes).to_le_bytes());
    EncodedHeader { bytes, bodies }
}

/// What stands in front of the `size` bytes of messages of an object header of one chunk.
pub fn header_front(form: &HeaderForm, size: u32) -> Vec<u8> {
    let mut bytes = b"OHDR\x02".to_vec();
    let width: u8 = match size {
        0..=0xff => 0,
        0x100..=0xffff => 1,
        _ => 2,
    };
    bytes.push(form.flags & header_flag::KEPT | width);
    bytes.extend(&form.extra);
    bytes.extend(size.to_le_bytes().iter().take(1 << width));
    bytes
}

/// Encodes a dataspace of version 2; `dims` in HDF5's order.
pub fn dataspace(extent: Extent, dims: &[u64]) -> Vec<u8> {
    let (kind, dims) = match extent {
        Extent::Scalar => (0, &[][..]),
        Extent::Simple => (1, dims),
        Extent::Null => (2, &[][..]),
    };
    let mut out = vec![2, u8::try_from(dims.len()).unwrap_or(u8::MAX), 0, kind];
    out.extend(dims.iter().flat_map(|d| d.to_le_bytes()));
    out
}

/// Encodes the sharing of a committed datatype.
pub fn shared(addr: RelAddr) -> Vec<u8> {
    let mut out = vec![3, 2];
    out.extend(addr.0.to_le_bytes());
    out
}

/// Encodes a datatype as JLD2 does: version 3, all else as it was read.
pub fn datatype(d: &Datatype) -> Vec<u8> {
    let order = |o: &ByteOrder| u32::from(*o == ByteOrder::Big);
    let precision = |d: &Datatype| {
        let bits = u16::try_from(d.size.saturating_mul(8)).unwrap_or(u16::MAX);
        [[0, 0], bits.to_le_bytes()].concat()
    };
    let (class, bits, tail) = match &d.class {
        Class::FixedPoint { signed, order: o } => {
            (0, order(o) | u32::from(*signed) << 3, precision(d))
        }
        Class::Float { order: o, properties } => {
            // Normalized mantissa, sign in the highest bit.
            let sign = d.size.saturating_mul(8).saturating_sub(1) & 0xff;
            (1, order(o) | 0x20 | sign << 8, properties.to_vec())
        }
        Class::Time => (2, 0, precision(d).split_off(2)),
        Class::String => (3, 0x11, Vec::new()),
        Class::Bitfield => (4, 0, precision(d)),
        Class::Opaque => (5, 0, Vec::new()),
        Class::Compound(members) => {
            let mut tail = Vec::new();
            for m in members {
                tail.extend(m.name.as_bytes());
                tail.push(0);
                // Like JLD2, and unlike HDF5, which takes three bytes for the middle sizes.
                let width = if d.size <= 0xff {
                    1
                } else if d.size <= 0xffff {
                    2
                } else {
                    4
                };
                tail.extend(m.offset.to_le_bytes().iter().take(width));
                tail.extend(datatype(&m.datatype));
            }
            (6, u32::try_from(members.len()).unwrap_or(u32::MAX), tail)
        }
        Class::Reference => (7, 0, Vec::new()),
        Class::Enum(base) => (8, 0, datatype(base)),
        Class::Vlen { string, base } => (9, if *string { 0x0111 } else { 0 }, datatype(base)),
        Class::Array { dims, base } => {
            let mut tail = vec![u8::try_from(dims.len()).unwrap_or(u8::MAX)];
            tail.extend(dims.iter().flat_map(|d| d.to_le_bytes()));
            tail.extend(datatype(base));
            (10, 0, tail)
        }
    };
    let mut out = vec![DATATYPE_VERSION | class];
    out.extend(bits.to_le_bytes().iter().take(3));
    out.extend(d.size.to_le_bytes());
    out.extend(tail);
    out
}

/// Encodes an attribute of version 2. `datatype` is spelled out, or [`shared`].
pub fn attribute(
    name: &str,
    is_shared: bool,
    datatype: &[u8],
    space: &[u8],
    data: &[u8],
) -> Vec<u8> {
    let len = |n: usize| u16::try_from(n).unwrap_or(u16::MAX).to_le_bytes();
    let mut out = vec![2, u8::from(is_shared)];
    out.extend(len(name.len() + 1));
    out.extend(len(datatype.len()));
    out.extend(len(space.len()));
    out.extend(name.as_bytes());
    out.push(0);
    out.extend(datatype);
    out.extend(space);
    out.extend(data);
    out
}

/// Encodes a layout with the data inside.
pub fn compact(data: &[u8]) -> Vec<u8> {
    let mut out = vec![4, 0];
    out.extend(u16::try_from(data.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend(data);
    out
}

/// Encodes a layout with the data in one piece elsewhere.
pub fn contiguous(addr: RelAddr, size: u64) -> Vec<u8> {
    let mut out = vec![4, 1];
    out.extend(addr.0.to_le_bytes());
    out.extend(size.to_le_bytes());
    out
}

/// The fewest bytes that hold the largest of a chunk's dimensions and the size of an element; what
/// HDF5 2 insists on.
pub fn smallest_width(dims: &[u64], element_size: u64) -> u8 {
    let largest = dims.iter().copied().max().unwrap_or(0).max(element_size).max(1);
    u8::try_from(u64::BITS.saturating_sub(largest.leading_zeros()).div_ceil(8)).unwrap_or(8)
}

/// The bytes for each dimension of a chunk that HDF5 1 and 2 and JLD2 all read in a layout of
/// version 4; none if there is no such number.
pub fn common_width(dims: &[u64], element_size: u32) -> Option<u8> {
    let width = smallest_width(dims, u64::from(element_size));
    matches!(width, 1 | 2 | 4).then_some(width)
}

/// Whether [`single_chunk`] can be read by JLD2 and by every HDF5 from 1.10 on.
pub fn fits_every_reader(dims: &[u64], element_size: u32) -> bool {
    common_width(dims, element_size).is_some()
}

/// Encodes a layout of one filtered chunk; `dims` in HDF5's order.
///
/// Where there is no [width that all read](common_width), dimensions take eight bytes, as JLD2 writes
/// them and HDF5 up to 1.14 reads them.
pub fn single_chunk(
    dims: &[u64],
    element_size: u32,
    size: u64,
    mask: u32,
    addr: RelAddr,
) -> Vec<u8> {
    let width = common_width(dims, element_size).unwrap_or(8);
    let dims: Vec<_> = dims.iter().copied().chain([u64::from(element_size)]).collect();
    let mut out = vec![4, 2, 2, u8::try_from(dims.len()).unwrap_or(u8::MAX), width];
    let width = usize::from(width);
    out.extend(dims.iter().flat_map(|d| d.to_le_bytes().into_iter().take(width)));
    out.push(1);
    out.extend(size.to_le_bytes());
    out.extend(mask.to_le_bytes());
    out.extend(addr.0.to_le_bytes());
    out
}

/// Encodes a filter pipeline of version 2; names are padded to eight bytes.
pub fn filter_pipeline(filters: &[FilterEntry]) -> Vec<u8> {
    let mut out = vec![2, u8::try_from(filters.len()).unwrap_or(u8::MAX)];
    for f in filters {
        out.extend(f.id.to_le_bytes());
        let mut name = Vec::new();
        if f.id >= 256 {
            name.extend(f.name.as_deref().unwrap_or_default().as_bytes());
            name.push(0);
            name.resize(name.len().next_multiple_of(8), 0);
            out.extend(u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
        }
        out.extend(f.flags.to_le_bytes());
        out.extend(u16::try_from(f.client.len()).unwrap_or(u16::MAX).to_le_bytes());
        out.extend(name);
        out.extend(f.client.iter().flat_map(|v| v.to_le_bytes()));
    }
    out
}

/// What a link says of the bytes of its name: 1 is UTF-8 (HDF5 specification IV.A.2.g).
fn charset(name: &[u8]) -> u8 {
    std::str::from_utf8(name).is_ok().into()
}

/// Encodes a hard link.
pub fn link(name: &(impl AsRef<[u8]> + ?Sized), target: RelAddr) -> Vec<u8> {
    let name = name.as_ref();
    let len = name.len();
    let mut out = vec![1];
    if len <= 0xff {
        out.extend([0x10, charset(name), u8::try_from(len).unwrap_or(u8::MAX)]);
    } else if let Ok(len) = u16::try_from(len) {
        out.extend([0x11, charset(name)]);
        out.extend(len.to_le_bytes());
    } else {
        out.extend([0x13, charset(name)]);
        out.extend((len as u64).to_le_bytes());
    }
    out.extend(name);
    out.extend(target.0.to_le_bytes());
    out
}

/// Encodes the shape of an array in version 1 of the message, without bounds of its growth.
pub fn old_dataspace(dims: &[u64]) -> Vec<u8> {
    let mut out = vec![1, u8::try_from(dims.len()).unwrap_or(u8::MAX), 0, 0, 0, 0, 0, 0];
    dims.iter().for_each(|dim| out.extend(dim.to_le_bytes()));
    out
}

/// A soft or external link as the body of a message (HDF5 specification IV.A.2.g).
pub fn symbolic_link(link: &SymbolicLink) -> Vec<u8> {
    let (kind, value) = match &link.to {
        Symbolic::Soft(path) => (1, path.as_bytes().to_vec()),
        Symbolic::External { file, path } => {
            (64, [&[0], file.as_bytes(), &[0], path.as_bytes(), &[0]].concat())
        }
    };
    let mut out = vec![1, 0x1a, kind, charset(link.name.as_bytes())];
    out.extend(u32::try_from(link.name.as_bytes().len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend(link.name.as_bytes());
    out.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend(value);
    out
}

/// The messages of a group as JLD2 makes it: link info, group info, links, room for more links up
/// to four, and the placeholder.
pub fn group(links: &[(impl AsRef<[u8]>, RelAddr)]) -> Vec<NewMessage> {
    let mut info = vec![0, 0];
    info.extend([0xff; 16]);
    let mut out = vec![
        NewMessage::new(kind::LINK_INFO, 0, info),
        NewMessage::new(kind::GROUP_INFO, 0, vec![0, 0]),
    ];
    out.extend(links.iter().map(|(n, t)| NewMessage::new(kind::LINK, 0, link(n, *t))));
    // Four entries with names of eight letters are reckoned with: 24 bytes each.
    let spare = 4_usize.saturating_sub(links.len()) * 24;
    if spare > 4 {
        out.push(NewMessage::new(kind::NIL, 0, vec![0; spare - 4]));
    }
    out.push(NewMessage::placeholder());
    out
}

impl Datatype {
    /// A datatype to be written: it stands nowhere yet.
    pub fn new(class: Class, size: u32) -> Self {
        Self { class, size, version: DATATYPE_VERSION >> 4, offset: 0, len: 0 }
    }

    /// `Float64`.
    pub fn float64() -> Self {
        let properties = [0, 0, 0x40, 0, 0x34, 0x0b, 0, 0x34, 0xff, 3, 0, 0];
        Self::new(Class::Float { order: ByteOrder::Little, properties }, 8)
    }

    /// `Float32`.
    pub fn float32() -> Self {
        let properties = [0, 0, 0x20, 0, 0x17, 8, 0, 0x17, 0x7f, 0, 0, 0];
        Self::new(Class::Float { order: ByteOrder::Little, properties }, 4)
    }

    /// An integer of `size` bytes.
    pub fn integer(size: u32, signed: bool) -> Self {
        Self::new(Class::FixedPoint { signed, order: ByteOrder::Little }, size)
    }

    /// `Bool`.
    pub fn boolean() -> Self {
        Self::new(Class::Bitfield, 1)
    }

    /// A reference.
    pub fn reference() -> Self {
        Self::new(Class::Reference, 8)
    }

    /// A string of variable length.
    pub fn vlen_string() -> Self {
        let base = Box::new(Self::integer(1, false));
        Self::new(Class::Vlen { string: true, base }, 16)
    }

    /// A sequence of references.
    pub fn vlen_references() -> Self {
        Self::new(Class::Vlen { string: false, base: Box::new(Self::reference()) }, 16)
    }

    /// A packed record.
    pub fn record(members: impl IntoIterator<Item = (String, Datatype)>) -> Self {
        let mut size = 0_u32;
        let members = members
            .into_iter()
            .map(|(name, datatype)| {
                let offset = size;
                size = size.saturating_add(datatype.size);
                super::Member { name, offset, datatype }
            })
            .collect();
        Self::new(Class::Compound(members), size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h5::{ChunkIndex, Cursor, Layout};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn chunks_come_back(
            dims in proptest::collection::vec(prop_oneof![0_u64..1000, any::<u64>()], 1..5),
            element_size in 1_u32..70_000,
            size in any::<u64>(),
            mask in any::<u32>(),
            addr in any::<u64>(),
        ) {
            let bytes = single_chunk(&dims, element_size, size, mask, RelAddr(addr));
            let mut c = Cursor::new(&bytes, 0, "layout");
            let Layout::Chunked(chunked) = Layout::parse(&mut c).unwrap() else { panic!() };
            let index = ChunkIndex::Single { filtered: Some((size, mask)) };
            prop_assert_eq!(c.remaining(), 0);
            prop_assert_eq!((chunked.dims, chunked.element_size), (dims, u64::from(element_size)));
            prop_assert_eq!((chunked.index, chunked.addr), (index, RelAddr(addr)));
        }
    }

    #[test]
    fn dimensions_take_what_both_hdf5_and_jld2_read() {
        let width = |rows: u64| single_chunk(&[3, rows], 8, 1, 0, RelAddr(1))[4];
        for (rows, bytes) in [
            (1, 1),
            (255, 1),
            (256, 2),
            (65_535, 2),
            // Three bytes would be the fewest, and JLD2 does not read so many.
            (65_536, 8),
            (16_777_215, 8),
            (16_777_216, 4),
            (u64::from(u32::MAX), 4),
            (u64::from(u32::MAX) + 1, 8),
        ] {
            assert_eq!(width(rows), bytes, "{rows}");
        }
    }
}
