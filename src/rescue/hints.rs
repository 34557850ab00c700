//! What is left to tell of objects that have lost their names: groups that are not part of the tree any
//! more, and fields of lost objects that referred to them.

use super::catalogue::{Catalogue, Id};
use super::examine::Kind;
use super::judge::Judged;
use crate::h5::{Class, Datatype, Extent, RelAddr};
use std::collections::BTreeMap;

/// Larger values of lost objects are not looked into.
const LARGEST: u64 = 64 << 10;
/// Bytes of all hints together.
const MOST: usize = 64 << 20;

/// What is known of objects without a name. `groups` are those that are not part of the tree.
pub(super) fn hints(catalogue: &Catalogue, judged: &Judged, groups: &[Id]) -> BTreeMap<Id, String> {
    let mut out = BTreeMap::new();
    let mut bytes = 0;
    let mut add = |id: Id, hint: String| {
        bytes += hint.len();
        if bytes <= MOST {
            out.insert(id, hint);
        }
    };
    for id in catalogue.ids().filter(|&id| judged.is_lost(id) && !judged.inside.contains(&id)) {
        if judged.kind(id) == Kind::Dataset {
            let at = catalogue.offset(id);
            for (target, field) in referred(catalogue, id).unwrap_or_default() {
                add(target, format!("field {field} of the lost object at byte {at}"));
            }
        }
    }
    // A name says more than a field; the newest group has the last word.
    for &id in groups {
        let at = catalogue.offset(id);
        for link in catalogue.links(id).map(|links| links.group().links).unwrap_or_default() {
            if let Some(target) = catalogue.find(link.target) {
                add(target, format!("{} in the group at byte {at}", link.name));
            }
        }
    }
    out
}

/// The objects that the fields of a record refer to.
pub(super) fn referred(catalogue: &Catalogue, id: Id) -> Option<Vec<(Id, String)>> {
    let object = catalogue.file.object(catalogue.addr(id)).ok()?;
    let dataset = object.dataset()?;
    let datatype = catalogue.file.resolve(&dataset.datatype).ok()?;
    let small = u64::from(datatype.size) <= LARGEST && dataset.filters.is_empty();
    if dataset.dataspace.extent != Extent::Scalar || !small {
        return None;
    }
    let at = catalogue.file.stored_offset(dataset).ok()??;
    let len = usize::try_from(datatype.size).ok()?;
    let bytes = catalogue.file.source().read(at, len, "record").ok()?;
    let mut out = Vec::new();
    fields(&datatype, "", &bytes, &mut |name, address| {
        out.extend(catalogue.find(address).map(|id| (id, name.to_owned())));
    });
    Some(out)
}

/// Tells of the references in a record, with the names of the fields down to them. Datatypes do not
/// nest deeper than their parser goes.
fn fields(datatype: &Datatype, name: &str, bytes: &[u8], tell: &mut dyn FnMut(&str, RelAddr)) {
    match &datatype.class {
        Class::Reference if !name.is_empty() => {
            if let Some(address) = bytes.first_chunk::<8>() {
                tell(name, RelAddr(u64::from_le_bytes(*address)));
            }
        }
        Class::Compound(members) => {
            for member in members {
                let start = usize::try_from(member.offset).unwrap_or(usize::MAX);
                let Some(rest) = bytes.get(start..) else { continue };
                let dot = if name.is_empty() { "" } else { "." };
                let name = format!("{name}{dot}{}", member.name);
                fields(&member.datatype, &name, rest, tell);
            }
        }
        _ => {}
    }
}
