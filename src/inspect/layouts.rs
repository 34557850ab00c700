//! Describes committed datatypes as a reader meets them: fields in order, and what each holds.
//!
//! Values say what is stored; a reader also goes by what a type says of its fields (whether one is
//! a reference, of which type, whether it has data at all).

use super::comparison::{Differences, What};
use super::view::View;
use super::{attributes, raw};
use crate::h5::{AddressSet, Class, ObjectKind, RelAddr, Result, TypeRef};
use crate::inspect::value_diff::shortened;
use crate::julia::{Committed, TypeTable};
use std::collections::{BTreeMap, BTreeSet};
use std::mem;

/// Where differences between types are told.
const PLACE: &str = "/_types";

/// What types are called that others are described with.
const DESCRIBES: &str = "types that describe types";

/// The layouts of some types, and of all that they are made of, by Julia's name.
type Layouts = BTreeMap<String, BTreeSet<Vec<String>>>;

/// Some types of a file, those that they are made of, and those that they are described with; and why
/// one of the others in the group of types cannot be read.
fn layouts(view: &View<'_>, of: BTreeSet<RelAddr>) -> Result<(Layouts, Option<String>)> {
    let (types, file) = (view.types(), view.types().file());
    let mut listed = AddressSet::default();
    in_group(view, |addr| {
        listed.insert(addr.0);
    })?;
    let mut out = Layouts::new();
    let mut met = of.clone();
    let mut pending: Vec<_> = of.into_iter().map(|addr| (addr, false)).collect();
    while let Some((addr, describes)) = pending.pop() {
        let (c, object) = (types.committed(addr)?, file.object(addr)?);
        let mut parts = layout(types, &c)?;
        parts.extend(attributes::own_types(file, &object)?);
        if attributes::any(&object) {
            parts
                .push(format!("attributes of digest {:032x}", attributes::digest(types, &object)?));
        }
        if !c.is_plain && !listed.contains(addr.0) {
            // JLD2 knows those alone that are.
            parts.push(format!("not in {PLACE}"));
        }
        let mut name = c.julia_type.to_string();
        if describes {
            // No value has it, so its name is no more than a part of it.
            parts.push(mem::replace(&mut name, DESCRIBES.to_owned()));
        }
        out.entry(name).or_default().insert(parts);
        let of_fields = c.fields.iter().filter_map(|field| field.committed);
        let of_attributes = object.attributes.iter().filter_map(|a| match a.datatype {
            TypeRef::Shared { addr, .. } => Some(addr),
            TypeRef::Inline(_) => None,
        });
        let more =
            of_fields.map(|addr| (addr, false)).chain(of_attributes.map(|addr| (addr, true)));
        pending.extend(more.filter(|(addr, _)| met.insert(*addr)));
    }
    let mut unread = None;
    in_group(view, |addr| {
        if unread.is_none() && !met.contains(&addr) {
            unread = types.committed(addr).err().map(|e| e.to_string());
        }
    })?;
    Ok((out, unread))
}

/// Tells of what the links in the group of committed types lead to.
fn in_group(view: &View<'_>, mut tell: impl FnMut(RelAddr)) -> Result<()> {
    let file = view.types().file();
    let Some(addr) = view.contents().types() else { return Ok(()) };
    let object = file.object(addr)?;
    let ObjectKind::Group(group) = &object.kind else { return Ok(()) };
    group.links(file).try_for_each(|link| link.map(|link| tell(link.target)))
}

/// The fields in order, then what there is to say of the whole.
fn layout(types: &TypeTable<'_>, c: &Committed) -> Result<Vec<String>> {
    let mut parts = Vec::new();
    for field in &c.fields {
        let t = match (field.committed, &field.datatype) {
            (Some(addr), _) => Some(types.committed(addr)?.julia_type.to_string()),
            (None, Some(_)) => types.field(field)?.map(|e| e.julia_type().to_string()),
            (None, None) => None,
        };
        let how = match &field.datatype {
            None => " without data",
            Some(d) if matches!(d.class, Class::Reference) => " by reference",
            Some(_) => "",
        };
        parts.push(format!("{}::{}{how}", field.name, t.as_deref().unwrap_or("?")));
    }
    // What lies inside a field goes by the field's own type in Julia, by this in other readers.
    parts.push(raw::spelled(types.file(), &c.datatype)?);
    parts.push(format!("{} bytes", if c.empty { 0 } else { c.datatype.size }));
    parts.extend(c.written_type.as_ref().map(|t| format!("written as {t}")));
    Ok(parts)
}

/// What of some layouts others do not have.
fn own(of: &BTreeSet<Vec<String>>, than: &BTreeSet<Vec<String>>) -> String {
    let known: BTreeSet<_> = than.iter().flatten().collect();
    let fields = of.difference(than).flatten();
    let own: Vec<_> = fields.filter(|part| !known.contains(part)).map(String::as_str).collect();
    match (own.is_empty(), of.difference(than).next()) {
        (false, _) => own.join(", "),
        (true, Some(layout)) => layout.join(", "),
        (true, None) => "none but those of the other side".to_owned(),
    }
}

/// Compares the types of both sides that have the same name; where names differ, values tell.
pub(super) fn compare(
    a: (&View<'_>, BTreeSet<RelAddr>),
    b: (&View<'_>, BTreeSet<RelAddr>),
    out: &mut Differences,
) {
    let ((a, unread_a), (b, unread_b)) = match (layouts(a.0, a.1), layouts(b.0, b.1)) {
        (Ok(a), Ok(b)) => (a, b),
        (a, b) => {
            let sides = [a.err(), b.err()].map(|e| e.map(|e| e.to_string()));
            return out.add(PLACE, "", What::unread(&sides), sides);
        }
    };
    // What neither side can read nobody needs.
    if unread_a.is_some() != unread_b.is_some() {
        out.add(PLACE, "", What::Unreadable, [unread_a, unread_b]);
    }
    for (name, mine) in &a {
        let Some(others) = b.get(name).filter(|others| *others != mine) else { continue };
        let sides = [own(mine, others), own(others, mine)].map(|text| Some(shortened(&text)));
        out.add(PLACE, &format!("[{}]", shortened(name)), What::Layout, sides);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(layouts: &[&[&str]]) -> BTreeSet<Vec<String>> {
        layouts.iter().map(|parts| parts.iter().map(ToString::to_string).collect()).collect()
    }

    #[test]
    fn only_what_differs_is_said() {
        let a = set(&[&["x::Core.Int64", "b::Core.Nothing without data", "8 bytes"]]);
        let b = set(&[&["x::Core.Int64", "8 bytes"]]);
        assert_eq!(own(&a, &b), "b::Core.Nothing without data");
        // All parts are known: their order is what differs.
        assert_eq!(own(&b, &a), "x::Core.Int64, 8 bytes");
        let both = set(&[&["x::Core.Int64", "8 bytes"], &["y::Core.Int8", "1 bytes"]]);
        assert_eq!(own(&both, &b), "y::Core.Int8, 1 bytes");
        assert_eq!(own(&b, &both), "none but those of the other side");
    }
}
