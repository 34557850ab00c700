//! Parses attributes (HDF5 specification IV.A.2.m; docs/jld2-format.md, section 5).

use super::dataspace::Dataspace;
use super::datatype::TypeRef;
use crate::h5::bytes::Cursor;
use crate::h5::name::shown;
use crate::h5::{Error, Result};

/// An attribute of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name; bytes that are not UTF-8 as `\xNN`.
    pub name: String,
    /// Its type.
    pub datatype: TypeRef,
    /// Its shape.
    pub dataspace: Dataspace,
    /// Absolute offset of its data.
    pub offset: u64,
    /// Its data.
    pub data: Vec<u8>,
}

impl Attribute {
    /// Parses an attribute message.
    ///
    /// # Errors
    /// If it is damaged or foreign.
    pub fn parse(c: &mut Cursor<'_>) -> Result<Self> {
        let start = c.offset();
        let version = c.u8()?;
        let flags = c.u8()?;
        if !matches!(version, 1..=3) {
            return Err(Error::corrupt(start, "attribute version", "1 to 3", version.to_string()));
        }
        if flags > 1 {
            return Err(Error::foreign(start + 1, "an attribute with a shared dataspace"));
        }
        let sizes = [c.u16()?, c.u16()?, c.u16()?];
        if version == 3 {
            c.u8()?;
        }
        let mut part = |size: u16| -> Result<(u64, &[u8])> {
            let at = c.offset();
            let size = usize::from(size);
            let bytes = c.take(if version == 1 { size.next_multiple_of(8) } else { size })?;
            Ok((at, bytes.get(..size).unwrap_or(bytes)))
        };
        let [name_size, type_size, space_size] = sizes;
        let (_, name) = part(name_size)?;
        let name = shown(name.split(|&b| b == 0).next().unwrap_or_default());
        let (at, bytes) = part(type_size)?;
        let datatype =
            TypeRef::parse(&mut Cursor::new(bytes, at, "attribute datatype"), flags & 1 != 0)?;
        let (at, bytes) = part(space_size)?;
        let dataspace = Dataspace::parse(&mut Cursor::new(bytes, at, "attribute dataspace"))?;
        Ok(Self { name, datatype, dataspace, offset: c.offset(), data: c.rest().to_vec() })
    }

    /// Cuts off what follows the data in `body`, that of the message, which stands at the absolute
    /// offset `at`: what fills it up to a multiple of eight in headers of version 1.
    pub fn trim(&self, body: &mut Vec<u8>, at: u64) {
        let end = self.offset.saturating_sub(at).saturating_add(self.data.len() as u64);
        body.truncate(usize::try_from(end).unwrap_or(usize::MAX));
    }

    /// Cuts off what follows the data where the message was filled up to a multiple of eight, as in
    /// headers of version 1; an element takes `size` bytes.
    pub(in crate::h5) fn unpad(&mut self, size: u32) {
        let want = self.dataspace.elements().and_then(|n| n.checked_mul(u64::from(size)));
        let want = want.and_then(|want| usize::try_from(want).ok());
        if let Some(want) = want.filter(|&want| self.data.len().saturating_sub(want) < 8) {
            self.data.truncate(want);
        }
    }
}
