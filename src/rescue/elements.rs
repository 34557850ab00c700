//! Elements of arrays that can be undefined: where they stand, and what has become of them.

use super::catalogue::{Catalogue, Id};
use super::passing::passing;
use crate::h5::{Class, Dataset, Extent, Layout, RelAddr, Result, TypeRef};
use crate::julia::{Column, TypeTable};

/// Data are read in windows of this many bytes.
const WINDOW: usize = 256 << 10;

/// What an element of an array is that can be undefined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ElementState {
    /// It is undefined.
    Null,
    /// What it leads to is there.
    Left,
    /// What it leads to is lost.
    Lost,
}

/// What has become of an element that stands at the offset `at`, and the object that it leads to. An
/// object that was found may be `lost` all the same.
pub(super) fn state(
    catalogue: &Catalogue,
    bytes: &[u8],
    at: u64,
    lost: &dyn Fn(Id) -> bool,
) -> Result<(ElementState, Option<Id>)> {
    if bytes.iter().all(|&b| b == 0) {
        return Ok((ElementState::Null, None));
    }
    if let Ok(address) = <[u8; 8]>::try_from(bytes) {
        let found = catalogue.find(RelAddr(u64::from_le_bytes(address)));
        let left = found.is_some_and(|id| !lost(id));
        return Ok((if left { ElementState::Left } else { ElementState::Lost }, found));
    }
    match catalogue.file.vlen(bytes, at, 1) {
        Ok(None) => Ok((ElementState::Null, None)),
        Ok(Some((start, len))) => {
            let zeroed = catalogue.scan.zeros.within(start, start.saturating_add(len)).is_some();
            Ok((if zeroed { ElementState::Lost } else { ElementState::Left }, None))
        }
        Err(error) => passing(error).map(|_| (ElementState::Lost, None)),
    }
}

/// Tells of each element of an array that stands in one piece: its offset and its bytes.
pub(super) fn each_place(
    types: &TypeTable<'_>,
    dataset: &Dataset,
    mut tell: impl FnMut(u64, &[u8]) -> Result<()>,
) -> Result<()> {
    let datatype = types.file().resolve(&dataset.datatype)?;
    let column = Column::new(types.file(), dataset, &datatype)?;
    let size = usize::try_from(datatype.size).unwrap_or(usize::MAX).max(1);
    let mut stream = column.open()?;
    let mut at = stream.offset();
    let mut buffer = Vec::new();
    while stream.left() > 0 {
        let n = usize::try_from(stream.left()).unwrap_or(usize::MAX).min(WINDOW / size * size);
        buffer.resize(n, 0);
        stream.fill(&mut buffer)?;
        for element in buffer.chunks(size) {
            tell(at, element)?;
            at += size as u64;
        }
    }
    Ok(())
}

/// Whether elements of a dataset can be undefined, so that it is worth keeping without some of them:
/// an array of references, of strings or of symbols. JLD2 reads a null reference as `#undef` there.
pub(super) fn can_be_undefined(types: &TypeTable<'_>, dataset: &Dataset) -> bool {
    let in_one_piece = matches!(dataset.layout, Layout::Compact { .. } | Layout::Contiguous { .. });
    if dataset.dataspace.extent != Extent::Simple || !in_one_piece {
        return false;
    }
    match &dataset.datatype {
        TypeRef::Inline(datatype) => {
            matches!(datatype.class, Class::Reference | Class::Vlen { string: true, .. })
        }
        TypeRef::Shared { addr, .. } => types.committed(*addr).is_ok_and(|c| {
            c.julia_type.name() == "Core.Symbol"
                && matches!(c.datatype.class, Class::Vlen { string: true, .. })
        }),
    }
}
