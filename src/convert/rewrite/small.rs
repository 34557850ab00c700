//! Tells which arrays are small enough for their headers.

use crate::h5::{Class, Extent, File, Layout, Object, Result};

/// JLD2 puts smaller arrays into headers (`src/datasets.jl`, `write_dataset`).
const MAX_COMPACT: u64 = 8192;

/// Whether a dataset is an array of numbers that stands in its header, or did so before a rewrite put it
/// outside. HDF5 and JLD2 read those; what refers to bytes of a file from outside (kerchunk,
/// VirtualiZarr) takes arrays in headers for arrays that were never written.
pub(super) fn is_small(input: &File, object: &Object) -> Result<bool> {
    let Some(dataset) = object.dataset() else { return Ok(false) };
    let small = match dataset.layout {
        Layout::Compact { size, .. } => size > 0,
        Layout::Contiguous { size, addr, .. } => {
            (1..MAX_COMPACT).contains(&size) && !addr.is_undef()
        }
        Layout::Chunked(_) => false,
    };
    if !small || dataset.dataspace.extent != Extent::Simple || dataset.dataspace.dims.is_empty() {
        return Ok(false);
    }
    let datatype = input.resolve(&dataset.datatype)?;
    Ok(matches!(datatype.class, Class::FixedPoint { .. } | Class::Float { .. }))
}
