//! Parses fill values (HDF5 specification IV.A.2.e and IV.A.2.f).

use crate::h5::bytes::Cursor;
use crate::h5::header::kind;
use crate::h5::{Error, ObjectHeader, Result};

/// A flag of version 3: a value follows.
const DEFINED: u8 = 0x20;

/// The value of elements that were never written. JLD2 defines none; libhdf5 may, and where the type
/// is one of variable length it holds the id of a heap object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FillValue<'a> {
    /// Absolute offset of its bytes.
    pub offset: u64,
    /// Its bytes: one element.
    pub bytes: &'a [u8],
}

impl<'a> FillValue<'a> {
    /// The values that a dataset's header defines: of each kind of message, old and new, one at most.
    ///
    /// # Errors
    /// If a message is damaged.
    pub fn all(header: &'a ObjectHeader) -> Result<Vec<Self>> {
        let messages = header.messages.iter();
        let messages =
            messages.filter(|m| matches!(m.kind, kind::FILL_VALUE | kind::OLD_FILL_VALUE));
        let mut out = Vec::new();
        for m in messages {
            let mut c = Cursor::new(header.body(m), m.body, "fill value");
            if m.flags & 2 != 0 {
                return Err(Error::foreign(m.offset, "a shared fill value"));
            }
            out.extend(Self::parse(&mut c, m.kind == kind::OLD_FILL_VALUE)?);
        }
        Ok(out)
    }

    /// The value that counts: that of the newer kind of message, if it defines one.
    ///
    /// # Errors
    /// If a message is damaged.
    pub fn of(header: &'a ObjectHeader) -> Result<Option<Self>> {
        for of in [kind::FILL_VALUE, kind::OLD_FILL_VALUE] {
            let Some(m) = header.of_kind(of).next() else { continue };
            if m.flags & 2 != 0 {
                return Err(Error::foreign(m.offset, "a shared fill value"));
            }
            let mut c = Cursor::new(header.body(m), m.body, "fill value");
            if let Some(fill) = Self::parse(&mut c, of == kind::OLD_FILL_VALUE)? {
                return Ok(Some(fill));
            }
        }
        Ok(None)
    }

    /// Parses one message; `None` if it defines no value.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn parse(c: &mut Cursor<'a>, old: bool) -> Result<Option<Self>> {
        if !old {
            let at = c.offset();
            match c.u8()? {
                version @ (1 | 2) => {
                    // When space is allocated, when the value is written, whether it is defined.
                    c.take(2)?;
                    if c.u8()? == 0 && version == 2 {
                        return Ok(None);
                    }
                }
                3 => {
                    if c.u8()? & DEFINED == 0 {
                        return Ok(None);
                    }
                }
                other => {
                    let found = other.to_string();
                    return Err(Error::corrupt(at, "fill value version", "1 to 3", found));
                }
            }
        }
        // A negative size stands for an undefined value.
        let Ok(size) = usize::try_from(c.u32()?.cast_signed()) else { return Ok(None) };
        let offset = c.offset();
        let bytes = c.take(size)?;
        Ok((size > 0).then_some(Self { offset, bytes }))
    }
}
