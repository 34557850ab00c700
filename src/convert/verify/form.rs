//! Describes what a linked dataset is, without its values: its type, its shape, and where its data
//! stand.

use super::super::planned::Planned;
use crate::h5::{Dataset, Extent, File, Layout, RelAddr, Result, StoredChunk, TypeRef};
use crate::julia::{Element, Override, TypeTable};
use std::sync::Arc;

/// What there is to say of the dataset at `addr` of `types`' file.
///
/// In words, because it is shown where it differs. With `placed` the words are of how and where the
/// data are stored, too; otherwise of how many bytes they stand for.
pub(super) fn of(types: &TypeTable<'_>, addr: RelAddr, placed: bool) -> Result<String> {
    let file = types.file();
    let object = file.object(addr)?;
    let Some(dataset) = object.dataset() else { return Ok("no dataset".to_owned()) };
    let element = types.element(&dataset.datatype)?;
    let shape = match dataset.dataspace.extent {
        Extent::Null => "without data".to_owned(),
        Extent::Scalar => "scalar".to_owned(),
        // What `--portable` and rewrites make of it. That they do, other checks see.
        Extent::Simple if dataset.is_old_string(element.datatype()) => "scalar".to_owned(),
        Extent::Simple => format!("of {:?}", dataset.dataspace.dims),
    };
    let place = match &dataset.layout {
        _ if !placed => format!("{} bytes in all", file.data_len(dataset, element.datatype())?),
        Layout::Compact { size, .. } => format!("{size} bytes in the header"),
        Layout::Contiguous { addr, size, .. } => format!("{size} bytes at {addr}"),
        Layout::Chunked(chunked) => {
            let filters: Vec<_> = dataset.filters.iter().map(|f| f.id).collect();
            let stored = file.stored_len(dataset)?;
            if let Some(chunk) = one_chunk(file, dataset)? {
                format!("{stored} bytes at {}, filters {filters:?}", chunk.addr)
            } else {
                let (index, addr) = (chunked.index.describe(), chunked.addr);
                format!("{stored} bytes in chunks, {index} at {addr}, filters {filters:?}")
            }
        }
    };
    Ok(format!("{} {shape}, {} bytes each, {place}", element.julia_type(), element.size()))
}

/// The chunk of a dataset that is one, whatever index leads to it.
fn one_chunk(file: &File, dataset: &Dataset) -> Result<Option<StoredChunk>> {
    if let Some(chunk) = dataset.layout.single_chunk() {
        return Ok(Some(chunk));
    }
    match file.chunks(dataset)? {
        Some(table) if table.grid().total() == 1 => table.get(0),
        _ => Ok(None),
    }
}

/// Whether nothing needs to be said of a dataset, since it is the same on both sides: all bytes of the
/// object are, and of its type, and nothing but these tells what it is; or, where it was laid out
/// again, all that is said of it.
pub(super) fn is_same(
    planned: &Planned,
    [old_types, new_types]: [&TypeTable<'_>; 2],
    [old, new]: [RelAddr; 2],
) -> Result<bool> {
    if planned.migration.overrides.objects.contains_key(&old) {
        return Ok(false);
    }
    let was = old_types.file().object(old)?;
    let Some(dataset) = was.dataset() else { return Ok(false) };
    if planned.rewritten {
        let is = new_types.file().object(new)?;
        let Some(laid_out) = is.dataset() else { return Ok(false) };
        return is_said_alike([old_types.file(), new_types.file()], [dataset, laid_out]);
    }
    if old != new || !new_types.file().holds(&was)? {
        return Ok(false);
    }
    // An index of chunks is a matter of its own.
    if dataset.layout.chunked().is_some() && dataset.layout.single_chunk().is_none() {
        return Ok(false);
    }
    Ok(match dataset.datatype {
        TypeRef::Inline(_) => true,
        TypeRef::Shared { addr, .. } => {
            Arc::ptr_eq(&old_types.committed(addr)?, &new_types.committed(addr)?)
        }
    })
}

/// Whether the words of [`laid_out`] and of [`of`] are the same of datasets whose types are spelled out:
/// they are of type, shape and bytes.
fn is_said_alike([from, to]: [&File; 2], [old, new]: [&Dataset; 2]) -> Result<bool> {
    let (TypeRef::Inline(was), TypeRef::Inline(is)) = (&old.datatype, &new.datatype) else {
        return Ok(false);
    };
    let plain = !old.is_empty_string(was) && !old.is_old_string(was) && !new.is_old_string(is);
    let (space, other) = (&old.dataspace, &new.dataspace);
    let alike =
        plain && was.same_layout(is) && (space.extent, &space.dims) == (other.extent, &other.dims);
    Ok(alike && from.data_len(old, was)? == to.data_len(new, is)?)
}

/// What the dataset at `addr` of the input has to be in the output.
pub(super) fn planned(planned: &Planned, types: &TypeTable<'_>, addr: RelAddr) -> Result<String> {
    match planned.migration.overrides.objects.get(&addr) {
        None if planned.rewritten => laid_out(types, addr),
        None => of(types, addr, true),
        Some(Override::Value(node)) => Ok(node.julia_type().to_owned()),
        Some(Override::Retyped { to, .. }) => {
            let params = element(types, addr)?.map(|e| e.julia_type().params().to_vec());
            Ok(to.of(params.unwrap_or_default()).to_string())
        }
        Some(Override::Moved) => moved(types, addr),
        Some(Override::Columns { to, .. }) => Ok(to.to_string()),
        Some(Override::Rows) => {
            let rows = match element(types, addr)? {
                Some(Element::Committed(c)) => planned.migration.overrides.rows.get(&c.addr),
                _ => None,
            };
            Ok(rows.map_or_else(|| "no struct of arrays".to_owned(), ToString::to_string))
        }
    }
}

/// What a rewrite makes of a dataset: the same, but for empty strings, which HDF5 could not open.
fn laid_out(types: &TypeTable<'_>, addr: RelAddr) -> Result<String> {
    let object = types.file().object(addr)?;
    if let Some(dataset) = object.dataset() {
        let element = types.element(&dataset.datatype)?;
        if dataset.is_empty_string(element.datatype()) {
            return Ok(format!("{} scalar, 16 bytes each, 16 bytes in all", element.julia_type()));
        }
    }
    of(types, addr, false)
}

/// What the dataset at `addr` of the output is, in the words of [`planned`].
pub(super) fn found(
    planned: &Planned,
    types: &TypeTable<'_>,
    old: RelAddr,
    addr: RelAddr,
) -> Result<String> {
    match planned.migration.overrides.objects.get(&old) {
        None => of(types, addr, !planned.rewritten),
        Some(Override::Moved) => moved(types, addr),
        Some(
            Override::Value(_)
            | Override::Retyped { .. }
            | Override::Columns { .. }
            | Override::Rows,
        ) => {
            let element = element(types, addr)?;
            Ok(element.map_or_else(|| "no dataset".to_owned(), |e| e.julia_type().to_string()))
        }
    }
}

/// Type and shape of a dataset whose bytes are laid out anew.
fn moved(types: &TypeTable<'_>, addr: RelAddr) -> Result<String> {
    let object = types.file().object(addr)?;
    let Some(dataset) = object.dataset() else { return Ok("no dataset".to_owned()) };
    let element = types.element(&dataset.datatype)?;
    Ok(format!("{} of {:?}", element.julia_type(), types.julia_dims(&object, dataset)?))
}

fn element(types: &TypeTable<'_>, addr: RelAddr) -> Result<Option<Element>> {
    let object = types.file().object(addr)?;
    object.dataset().map(|dataset| types.element(&dataset.datatype)).transpose()
}
