//! What a conversion makes of types: a session takes these to be as its own.

use crate::h5::RelAddr;
use crate::julia::Derived;
use crate::migrate::fate::{Fate, Outcome};
use crate::migrate::groups::Group;
use crate::migrate::rule::FieldSource;
use std::collections::{BTreeMap, HashMap};

/// Types that rules bring up to date.
#[derive(Debug, Default)]
pub(in crate::migrate) struct Mended {
    /// Of committed types, which of the stored fields are left.
    kept: HashMap<RelAddr, Vec<usize>>,
    /// What names become.
    names: HashMap<String, String>,
}

impl Mended {
    /// What the rules of `groups` make.
    pub(in crate::migrate) fn of(groups: &BTreeMap<RelAddr, Group<'_>>) -> Self {
        let mut out = Self::default();
        for (addr, group) in groups {
            let fate = group.fate.as_ref().or(group.ruled.first().map(|(_, fate)| fate));
            let Some(fate) = fate else { continue };
            let name = group.committed.julia_type.name().to_owned();
            // Of a value in their place it is not asked.
            let new = fate.name().map_or_else(|| "Core.Any".to_owned(), |new| new.name.clone());
            out.names.insert(name, new);
            out.kept.insert(*addr, kept(fate));
        }
        out
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// What a name becomes, if it is one of these.
    pub(super) fn name(&self, name: &str) -> Option<&String> {
        self.names.get(name)
    }

    /// The stored fields that are left of a committed type, if it is one of these.
    pub(super) fn kept(&self, addr: RelAddr) -> Option<&[usize]> {
        self.kept.get(&addr).map(Vec::as_slice)
    }
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
