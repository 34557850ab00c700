//! Describes committed datatypes as a reader meets them: fields in order, and what each holds.
//!
//! Values say what is stored; a reader also goes by what a type says of its fields (whether one is
//! a reference, of which type, whether it has data at all).

use super::comparison::{Differences, What};
use super::raw;
use crate::h5::{Class, RelAddr, Result};
use crate::inspect::value_diff::shortened;
use crate::julia::{Committed, TypeTable};
use std::collections::{BTreeMap, BTreeSet};

/// Where differences between types are told.
const PLACE: &str = "/_types";

/// The layouts of some types, and of all that they are made of, by Julia's name.
type Layouts = BTreeMap<String, BTreeSet<Vec<String>>>;

fn layouts(types: &TypeTable<'_>, of: BTreeSet<RelAddr>) -> Result<Layouts> {
    let mut out = Layouts::new();
    let mut met = of.clone();
    let mut pending: Vec<_> = of.into_iter().collect();
    while let Some(addr) = pending.pop() {
        let c = types.committed(addr)?;
        out.entry(c.julia_type.to_string()).or_default().insert(layout(types, &c)?);
        let parts = c.fields.iter().filter_map(|field| field.committed);
        pending.extend(parts.filter(|addr| met.insert(*addr)));
    }
    Ok(out)
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
    a: (&TypeTable<'_>, BTreeSet<RelAddr>),
    b: (&TypeTable<'_>, BTreeSet<RelAddr>),
    out: &mut Differences,
) {
    let (a, b) = match (layouts(a.0, a.1), layouts(b.0, b.1)) {
        (Ok(a), Ok(b)) => (a, b),
        (a, b) => {
            let sides = [a.err(), b.err()].map(|e| e.map(|e| e.to_string()));
            return out.add(PLACE, "", What::unread(&sides), sides);
        }
    };
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
