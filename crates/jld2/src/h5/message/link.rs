//! Parses links (HDF5 specification IV.A.2.g; docs/jld2-format.md, section 3.1).

use crate::h5::bytes::{Cursor, utf8};
use crate::h5::{Error, RelAddr, Result};

/// A hard link of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// The object it leads to.
    pub target: RelAddr,
    /// Absolute offset of the eight bytes that hold the target.
    pub at: u64,
}

impl Link {
    /// Parses a link message.
    ///
    /// # Errors
    /// If it is damaged, or a soft or external link.
    pub fn parse(c: &mut Cursor<'_>) -> Result<Self> {
        let start = c.offset();
        c.expect_u8(1, "link version")?;
        let flags = c.u8()?;
        let kind = if flags & 8 != 0 { c.u8()? } else { 0 };
        if flags & 4 != 0 {
            c.u64()?;
        }
        if flags & 0x10 != 0 {
            c.u8()?;
        }
        let len = c.uint(1 << (flags & 3))?;
        let at = c.offset();
        let name = c.take(usize::try_from(len).unwrap_or(usize::MAX))?;
        let name = utf8(name, at, "link name")?;
        match kind {
            0 => {}
            1 => return Err(Error::foreign(start, format!("the soft link {name}"))),
            64 => return Err(Error::foreign(start, format!("the external link {name}"))),
            other => return Err(Error::foreign(start, format!("the link {name} of type {other}"))),
        }
        let at = c.offset();
        Ok(Self { name, target: c.addr()?, at })
    }
}
