//! What rules leave of types, for a forecast of what a session makes of the converted file.

use super::fate::{Fate, Outcome};
use super::groups::Group;
use super::rule::FieldSource;
use super::session::Mended;
use crate::h5::RelAddr;
use crate::julia::Derived;
use std::collections::BTreeMap;

/// The types that the rules of `groups` bring up to date.
pub(super) fn mended(groups: &BTreeMap<RelAddr, Group<'_>>) -> Mended {
    let mut out = Mended::default();
    for (addr, group) in groups {
        let fate = group.fate.as_ref().or(group.ruled.first().map(|(_, fate)| fate));
        let Some(fate) = fate else { continue };
        // Of a value in their place it is not asked.
        let new = fate.name().map_or_else(|| "Core.Any".to_owned(), |new| new.name.clone());
        out.add(*addr, group.committed.julia_type.name(), new, kept(fate));
    }
    out
}

/// The stored fields from which the new ones come.
fn kept(fate: &Fate<'_>) -> Vec<usize> {
    let Outcome::Retyped(to) = &fate.outcome else { return Vec::new() };
    let field = |source: &FieldSource<'_>| match source {
        FieldSource::Stored(i) => Some(*i),
        FieldSource::Derived(Derived::Part { field, .. } | Derived::Element { field, .. }) => {
            Some(*field)
        }
        FieldSource::Derived(_) | FieldSource::Constant(_) | FieldSource::Computed(_) => None,
    };
    to.fields.iter().filter_map(|(_, source)| field(source)).collect()
}
