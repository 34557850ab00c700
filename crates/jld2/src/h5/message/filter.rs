//! Parses filter pipelines (HDF5 specification IV.A.2.l; docs/jld2-format.md, section 7.3).

use crate::h5::bytes::Cursor;
use crate::h5::{Error, Result};
use serde::{Deserialize, Serialize};

/// HDF5's own bound.
const MAX_FILTERS: u8 = 32;

/// One filter of a pipeline, in the order of writing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterEntry {
    /// Its registered number.
    pub id: u16,
    /// The name in the message, without padding; filters below 256 have none.
    pub name: Option<String>,
    /// Flags; bit 0: optional.
    pub flags: u16,
    /// Client values.
    pub client: Vec<u32>,
}

/// Parses a filter pipeline message.
///
/// # Errors
/// If it is damaged or of an unknown version.
pub fn parse(c: &mut Cursor<'_>) -> Result<Vec<FilterEntry>> {
    let offset = c.offset();
    let version = c.u8()?;
    let count = c.u8()?;
    if count > MAX_FILTERS {
        return Err(Error::corrupt(offset + 1, "filter count", "at most 32", count.to_string()));
    }
    match version {
        1 => {
            c.take(6)?;
        }
        2 => {}
        other => {
            return Err(Error::corrupt(
                offset,
                "filter pipeline version",
                "1 or 2",
                other.to_string(),
            ));
        }
    }
    (0..count).map(|_| entry(c, version)).collect()
}

fn entry(c: &mut Cursor<'_>, version: u8) -> Result<FilterEntry> {
    let id = c.u16()?;
    let name_len = if version == 1 || id >= 256 { usize::from(c.u16()?) } else { 0 };
    let flags = c.u16()?;
    let values = c.u16()?;
    // The length field rules, not a NUL: old JLD2 neither ends nor pads the name.
    let padded = if version == 1 { name_len.next_multiple_of(8) } else { name_len };
    let name = c.take(padded)?;
    let name = name.split(|&b| b == 0).next().unwrap_or_default();
    let client = (0..values).map(|_| c.u32()).collect::<Result<Vec<_>>>()?;
    if version == 1 && values % 2 == 1 {
        c.take(4)?;
    }
    let name = (name_len > 0).then(|| String::from_utf8_lossy(name).into_owned());
    Ok(FilterEntry { id, name, flags, client })
}
