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

/// The same filter pipeline message with fewer client values and of the same length; `keep` tells of
/// a filter's number and client values how many of them stay. What becomes free pads the filter's
/// name with zeros, which all readers skip by the name's stored length. `None` if nothing would
/// change, or where there is no room for it: filters below 256 have no name in version 2.
///
/// # Errors
/// If it is damaged or of an unknown version.
pub fn with_fewer_values(
    c: &mut Cursor<'_>,
    keep: &dyn Fn(u16, &[u32]) -> usize,
) -> Result<Option<Vec<u8>>> {
    let whole = c.rest();
    let entries = parse(&mut c.clone())?;
    let version = c.u8()?;
    c.u8()?;
    if version == 1 {
        c.take(6)?;
    }
    let head = whole.len() - c.remaining();
    let mut out = whole.get(..head).unwrap_or_default().to_vec();
    let mut changed = false;
    for known in entries {
        let from = c.rest();
        entry(c, version)?;
        let stored = from.get(..from.len() - c.remaining()).unwrap_or_default();
        let kept = keep(known.id, &known.client).min(known.client.len());
        if kept == known.client.len() {
            out.extend(stored);
            continue;
        }
        if version != 1 && known.id < 256 {
            return Ok(None);
        }
        changed = true;
        let mut fields = Cursor::new(stored, 0, "filter");
        let (id, name_len, flags, _) = (fields.u16()?, fields.u16()?, fields.u16()?, fields.u16()?);
        let padded = if version == 1 { name_len.next_multiple_of(8) } else { name_len };
        let name = fields.take(padded.into())?;
        let values = |n: usize| 4 * if version == 1 { n.next_multiple_of(2) } else { n };
        let freed = values(known.client.len()) - values(kept);
        let Ok(name_len) = u16::try_from(name.len() + freed) else { return Ok(None) };
        let values_len = u16::try_from(kept).unwrap_or(u16::MAX);
        out.extend([id, name_len, flags, values_len].into_iter().flat_map(u16::to_le_bytes));
        out.extend(name);
        // JLD2 before 0.4.47 did not end names; zeros that follow do.
        out.resize(out.len() + freed, 0);
        out.extend(known.client.iter().take(kept).flat_map(|v| v.to_le_bytes()));
        out.resize(out.len() + values(kept) - 4 * kept, 0);
    }
    out.extend(c.rest());
    Ok(changed.then_some(out))
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
