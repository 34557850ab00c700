//! Parses datatypes (HDF5 specification IV.A.2.d; docs/jld2-format.md, section 4).

use crate::h5::budget::DATATYPE_LEVELS;
use crate::h5::bytes::Cursor;
use crate::h5::name::shown;
use crate::h5::{Error, RelAddr, Result};
use std::sync::Arc;

/// Byte order of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// Lowest byte first: all that JLD2 writes.
    Little,
    /// Highest byte first.
    Big,
}

/// A datatype, with the place it stands at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datatype {
    /// What kind of type, with its details.
    pub class: Class,
    /// Bytes of one element.
    pub size: u32,
    /// The version nibble of its first byte, as stored.
    pub version: u8,
    /// Absolute offset of its encoding.
    pub offset: u64,
    /// Length of its encoding in bytes.
    pub len: u32,
}

/// The classes of datatype.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Class {
    /// An integer.
    FixedPoint {
        /// Whether it has a sign.
        signed: bool,
        /// Its byte order.
        order: ByteOrder,
    },
    /// A floating-point number.
    Float {
        /// Its byte order.
        order: ByteOrder,
        /// Bit offset, precision, exponent and mantissa places and bias, as stored.
        properties: [u8; 12],
    },
    /// A time; never written by JLD2.
    Time,
    /// A string of fixed length.
    String,
    /// Bits; JLD2's `Bool`.
    Bitfield,
    /// Bytes without meaning.
    Opaque,
    /// A record.
    Compound(Vec<Member>),
    /// The address of an object header.
    Reference,
    /// A named integer; never written by JLD2, which reads its number.
    Enum(Box<Datatype>),
    /// A sequence of any length, in a global heap.
    Vlen {
        /// Whether it is a string.
        string: bool,
        /// The element.
        base: Box<Datatype>,
    },
    /// An array of fixed shape; never written by JLD2.
    Array {
        /// Its dimensions, slowest first.
        dims: Vec<u32>,
        /// The element.
        base: Box<Datatype>,
    },
}

/// A member of a compound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Byte offset inside the record.
    pub offset: u32,
    /// Its type.
    pub datatype: Datatype,
}

impl std::hash::Hash for Datatype {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.size.hash(state);
        self.class.hash(state);
    }
}

impl std::hash::Hash for Member {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.offset.hash(state);
        self.datatype.hash(state);
    }
}

/// A datatype message: spelled out, or the address of a committed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeRef {
    /// Spelled out.
    Inline(Arc<Datatype>),
    /// Committed elsewhere.
    Shared {
        /// Object header of the committed datatype.
        addr: RelAddr,
        /// Absolute offset of the eight bytes that hold this address.
        at: u64,
    },
}

impl TypeRef {
    /// Parses a datatype message or an attribute's datatype; `shared` is its sharing flag.
    ///
    /// # Errors
    /// If it is damaged or foreign.
    pub fn parse(c: &mut Cursor<'_>, shared: bool) -> Result<Self> {
        if !shared {
            return Datatype::parse(c).map(|datatype| Self::Inline(Arc::new(datatype)));
        }
        let offset = c.offset();
        let version = c.u8()?;
        let kind = c.u8()?;
        match (version, kind) {
            (1, _) => {
                c.take(6)?;
            }
            (2, _) | (3, 2) => {}
            (3, _) => return Err(Error::foreign(offset, "a message shared through a heap")),
            _ => {
                return Err(Error::corrupt(
                    offset,
                    "shared message version",
                    "1 to 3",
                    version.to_string(),
                ));
            }
        }
        let at = c.offset();
        Ok(Self::Shared { addr: c.addr()?, at })
    }
}

impl Datatype {
    /// Parses a datatype.
    ///
    /// # Errors
    /// If it is damaged or foreign.
    pub fn parse(c: &mut Cursor<'_>) -> Result<Self> {
        // Who wrote the type is not known, but one writer wrote all of it.
        let mut attempt = c.clone();
        let (parsed, end) = match Self::nested(&mut attempt, 0, Writer::Jld2) {
            Ok(parsed) => (parsed, attempt),
            Err(error) => {
                let mut attempt = c.clone();
                match Self::nested(&mut attempt, 0, Writer::Hdf5) {
                    Ok(parsed) => (parsed, attempt),
                    Err(_) => return Err(error),
                }
            }
        };
        *c = end;
        Ok(parsed)
    }

    fn nested(c: &mut Cursor<'_>, depth: u32, writer: Writer) -> Result<Self> {
        let offset = c.offset();
        if depth > DATATYPE_LEVELS {
            return Err(Error::corrupt(offset, "datatype", "at most 64 levels", "more"));
        }
        let first = c.u8()?;
        // JLD2 0.4.51 and 0.4.52 left the version nibble out; the layout is that of version 3.
        let version = first >> 4;
        let bits = c.uint(3)?;
        let size = c.u32()?;
        let order = if bits & 1 == 0 { ByteOrder::Little } else { ByteOrder::Big };
        // HDF5 2.0 writes version 5, which differs in what classes there are.
        if !matches!(version, 0..=5) {
            return Err(Error::corrupt(offset, "datatype version", "0 to 5", version.to_string()));
        }
        let class = match first & 0x0f {
            0 => {
                let (first, precision) = (c.u16()?, c.u16()?);
                if first != 0 || u64::from(precision) != 8 * u64::from(size) {
                    let what = format!(
                        "integers of {precision} of {} bits: JLD2 does not read them either",
                        8 * u64::from(size)
                    );
                    return Err(Error::foreign(offset, what));
                }
                Class::FixedPoint { signed: bits & 8 != 0, order }
            }
            1 => {
                let mut properties = [0; 12];
                properties.copy_from_slice(c.take(12)?);
                is_ieee(&properties, bits, size, offset)?;
                Class::Float { order, properties }
            }
            2 => {
                c.take(2)?;
                Class::Time
            }
            3 => Class::String,
            4 => {
                c.take(4)?;
                Class::Bitfield
            }
            5 => {
                c.take(usize::try_from(bits & 0xff).unwrap_or(0))?;
                Class::Opaque
            }
            6 => compound(c, depth, writer, version, size, bits)?,
            7 if bits & 0xf == 0 => Class::Reference,
            7 => {
                let what = match bits & 0xf {
                    1 => "references to regions of datasets",
                    _ => "references of the kind that HDF5 1.12 introduced",
                };
                let what = format!("{what}: JLD2 does not read them either");
                return Err(Error::foreign(offset, what));
            }
            8 => enumeration(c, depth, writer, version, bits)?,
            9 => Class::Vlen {
                string: bits & 0xf == 1,
                base: Box::new(Self::nested(c, depth + 1, writer)?),
            },
            10 => array(c, depth, writer, version, size)?,
            11 => {
                let what = "complex numbers of HDF5 2.0 (class 11): JLD2 does not read them either";
                return Err(Error::foreign(offset, what));
            }
            other => {
                return Err(Error::corrupt(offset, "datatype class", "0 to 10", other.to_string()));
            }
        };
        if matches!(class, Class::Reference) && size != 8
            || matches!(class, Class::Vlen { .. }) && size != 16
        {
            return Err(Error::corrupt(
                offset + 4,
                "datatype size",
                "8 for a reference, 16 for a sequence of variable length",
                size.to_string(),
            ));
        }
        let len = u32::try_from(c.offset() - offset).unwrap_or(u32::MAX);
        Ok(Self { class, size, version, offset, len })
    }

    /// Whether two types lay the same bytes out: all but offsets and version nibbles.
    pub fn same_layout(&self, other: &Self) -> bool {
        self.size == other.size
            && match (&self.class, &other.class) {
                (Class::Compound(a), Class::Compound(b)) => {
                    a.len() == b.len()
                        && a.iter().zip(b).all(|(x, y)| {
                            x.name == y.name
                                && x.offset == y.offset
                                && x.datatype.same_layout(&y.datatype)
                        })
                }
                (Class::Vlen { string: s, base: a }, Class::Vlen { string: t, base: b }) => {
                    s == t && a.same_layout(b)
                }
                (Class::Array { dims: m, base: a }, Class::Array { dims: n, base: b }) => {
                    m == n && a.same_layout(b)
                }
                (Class::Enum(a), Class::Enum(b)) => a.same_layout(b),
                (a, b) => a == b,
            }
    }

    /// The members, if it is a compound.
    pub fn members(&self) -> Option<&[Member]> {
        match &self.class {
            Class::Compound(members) => Some(members),
            _ => None,
        }
    }
}

/// Whose way of writing the offsets of members is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    /// One, two or four bytes.
    Jld2,
    /// As many bytes as the size of the record needs.
    Hdf5,
}

fn compound(
    c: &mut Cursor<'_>,
    depth: u32,
    writer: Writer,
    version: u8,
    size: u32,
    bits: u64,
) -> Result<Class> {
    // Versions 1 and 2 fill names up to a multiple of eight, and version 1 gives each member the
    // dimensions of an array.
    let old = matches!(version, 1 | 2);
    let width = match (size, writer) {
        _ if old => 4,
        (0..=0xff, _) => 1,
        (0x100..=0xffff, _) => 2,
        (0x1_0000..=0xff_ffff, Writer::Hdf5) => 3,
        _ => 4,
    };
    let mut out = Vec::new();
    for _ in 0..bits & 0xffff {
        let bytes = c.until_nul()?;
        if old {
            c.take((8 - (bytes.len() + 1) % 8) % 8)?;
        }
        let name = shown(bytes);
        let at = c.offset();
        let offset = u32::try_from(c.uint(width)?).unwrap_or(u32::MAX);
        let dims = if version == 1 { member_dims(c)? } else { Vec::new() };
        let mut datatype = Datatype::nested(c, depth + 1, writer)?;
        if !dims.is_empty() {
            let Some(size) = dims.iter().try_fold(datatype.size, |n, &d| n.checked_mul(d)) else {
                let found = format!("{dims:?} times {} bytes", datatype.size);
                return Err(Error::corrupt(at, format!("member {name}"), "below 4 GiB", found));
            };
            let (version, offset, len) = (datatype.version, datatype.offset, datatype.len);
            let class = Class::Array { dims, base: Box::new(datatype) };
            datatype = Datatype { class, size, version, offset, len };
        }
        if offset.checked_add(datatype.size).is_none_or(|end| end > size) {
            return Err(Error::corrupt(
                at,
                format!("offset of member {name}"),
                format!("{} bytes inside a record of {size}", datatype.size),
                offset.to_string(),
            ));
        }
        out.push(Member { name, offset, datatype });
    }
    Ok(Class::Compound(out))
}

/// Dimensions of a member, of which version 1 has up to four.
fn member_dims(c: &mut Cursor<'_>) -> Result<Vec<u32>> {
    let at = c.offset();
    let rank = usize::from(c.u8()?);
    // Reserved bytes and an order of the dimensions that is not used.
    c.take(11)?;
    let mut dims = (0..4).map(|_| c.u32()).collect::<Result<Vec<_>>>()?;
    if rank > dims.len() {
        let found = rank.to_string();
        return Err(Error::corrupt(at, "dimensions of a member", "at most 4", found));
    }
    dims.truncate(rank);
    Ok(dims)
}

fn enumeration(
    c: &mut Cursor<'_>,
    depth: u32,
    writer: Writer,
    version: u8,
    bits: u64,
) -> Result<Class> {
    let base = Datatype::nested(c, depth + 1, writer)?;
    let count = usize::try_from(bits & 0xffff).unwrap_or(0);
    for _ in 0..count {
        let name = c.until_nul()?;
        if matches!(version, 1 | 2) {
            c.take((8 - (name.len() + 1) % 8) % 8)?;
        }
    }
    let size = usize::try_from(base.size).unwrap_or(usize::MAX);
    c.take(count.saturating_mul(size))?;
    Ok(Class::Enum(Box::new(base)))
}

fn array(c: &mut Cursor<'_>, depth: u32, writer: Writer, version: u8, size: u32) -> Result<Class> {
    let at = c.offset();
    let rank = usize::from(c.u8()?);
    let old = matches!(version, 1 | 2);
    if old {
        c.take(3)?;
    }
    let dims = (0..rank).map(|_| c.u32()).collect::<Result<Vec<_>>>()?;
    if old {
        c.take(4 * rank)?;
    }
    let base = Datatype::nested(c, depth + 1, writer)?;
    if dims.iter().try_fold(base.size, |n, &d| n.checked_mul(d)) != Some(size) {
        return Err(Error::corrupt(
            at,
            "array datatype",
            format!("dimensions that come to {size} bytes"),
            format!("{dims:?} times {} bytes", base.size),
        ));
    }
    Ok(Class::Array { dims, base: Box::new(base) })
}

/// Fails for a floating-point number that fills its bytes as IEEE 754's do, but for the sign, which is
/// not in the highest bit, or the first bit of the mantissa, which is stored.
fn is_ieee(properties: &[u8; 12], bits: u64, size: u32, offset: u64) -> Result<()> {
    /// Order of the bytes of VAX, normalization, and place of the sign.
    const LOOKED_AT: u64 = 0xff70;
    let all = u64::from(size).saturating_mul(8);
    let fills = matches!(properties, [0, 0, low, high, ..] if u64::from(u16::from_le_bytes([*low, *high])) == all);
    if fills && bits & LOOKED_AT != 0x20 | (all.saturating_sub(1) & 0xff) << 8 {
        let what = "floating-point numbers that are not IEEE 754's: JLD2 does not read them either";
        return Err(Error::foreign(offset, what));
    }
    Ok(())
}
