//! Values of which no part may be missing: those that are made of all elements of an array.

use super::catalogue::{Catalogue, Id};
use crate::h5::{Dataset, TypeRef};
use crate::julia::TypeTable;

/// Whether an object makes something else of an array that it refers to, so that it needs all
/// elements: dictionaries, and whatever is stored as another type than it is.
pub(super) fn needs_all(catalogue: &Catalogue, types: &TypeTable<'_>, id: Id) -> bool {
    let Ok(object) = catalogue.file.object(catalogue.addr(id)) else { return true };
    object.dataset().is_none_or(|dataset| is_made_of_all(types, dataset))
}

/// Whether Julia makes something else of all elements of a dataset, or of what it refers to.
pub(super) fn is_made_of_all(types: &TypeTable<'_>, dataset: &Dataset) -> bool {
    match &dataset.datatype {
        TypeRef::Inline(_) => false,
        TypeRef::Shared { addr, .. } => types.committed(*addr).map_or(true, |c| {
            c.written_type.is_some() || c.julia_type.short_name().ends_with("Dict")
        }),
    }
}
