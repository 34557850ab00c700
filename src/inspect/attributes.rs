//! Reads attributes that users gave to objects: names, types and values, and their order where it
//! shows.

use super::comparison::{Differences, What};
use super::raw;
use crate::h5::{
    Attribute, Dataspace, Error, ErrorKind, File, FillValue, Object, ObjectKind, Result, TypeRef,
    header_flag, kind,
};
use crate::inspect::value_builder::build;
use crate::inspect::value_diff;
use crate::julia::{Digest, Dumper, TypeTable, Walk};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::Xxh3;

/// What JLD2 itself attaches to datasets and to committed datatypes; their values tell of it.
const OF_DATASETS: [&str; 2] = ["dimensions", "julia_type"];
const OF_TYPES: [&str; 6] =
    ["empty", "field_datatypes", "field_names", "field_types", "julia_type", "written_type"];
/// What a fill value is called among attributes.
const FILL: &str = "(fill value)";
/// Differences that are named inside one attribute.
const MOST: usize = 5;

/// The attributes that are not JLD2's own, as stored.
fn of(object: &Object) -> impl Iterator<Item = &Attribute> {
    let own: &[&str] = match &object.kind {
        ObjectKind::Group(_) => &[],
        ObjectKind::Dataset(_) => &OF_DATASETS,
        ObjectKind::Datatype(_) => &OF_TYPES,
    };
    object.attributes.iter().filter(|a| !own.contains(&a.name.as_str()))
}

/// Types and shapes of JLD2's own attributes: their values are read as what these say.
pub(super) fn own_types(file: &File, object: &Object) -> Result<Vec<String>> {
    let own = object.attributes.iter().filter(|a| OF_TYPES.contains(&a.name.as_str()));
    own.map(|a| {
        let datatype = raw::spelled(file, &*file.resolve(&a.datatype)?)?;
        Ok(format!("{} stored as {datatype} {:?}", a.name, a.dataspace.dims))
    })
    .collect()
}

/// Whether the object has attributes that are not JLD2's own.
pub(super) fn any(object: &Object) -> bool {
    of(object).next().is_some()
}

/// Whether an object is a dataset of which nothing is to be said but its value: without attributes that are
/// not JLD2's own, fill values and names of enumerations.
pub(super) fn is_bare(types: &TypeTable<'_>, object: &Object) -> bool {
    let Some(dataset) = object.dataset() else { return false };
    !any(object)
        && matches!(fill(object), Ok(None))
        && matches!(raw::enumerated(types.file(), &dataset.datatype), Ok(None))
}

/// A digest of all of them, whatever their order.
pub(super) fn digest(types: &TypeTable<'_>, object: &Object) -> Result<u128> {
    let mut hash = Xxh3::new();
    let sorted: BTreeMap<_, _> = of(object).map(|a| (a.name.as_str(), a)).collect();
    for (name, attribute) in sorted {
        hash.update(name.as_bytes());
        hash.update(&[0]);
        hash.update(&Form::of(types, attribute)?.bytes);
        let names = raw::enumerated(types.file(), &attribute.datatype)?;
        hash.update(names.unwrap_or_default().as_bytes());
    }
    Ok(hash.digest128())
}

/// The value in canonical form.
struct Form {
    bytes: Vec<u8>,
    /// Whether it is of a type that JLD2 never writes, and a description of its bytes.
    raw: bool,
}

impl Form {
    fn of(types: &TypeTable<'_>, attribute: &Attribute) -> Result<Self> {
        let mut bytes = Vec::new();
        match Dumper::new(types, Digest::Xxh3).attribute(attribute, &mut bytes) {
            Ok(()) => Ok(Self { bytes, raw: false }),
            Err(e) if matches!(e.kind(), ErrorKind::Foreign { .. }) => {
                let raw = raw::attribute(types.file(), attribute)?.ok_or(e)?;
                Ok(Self { bytes: raw.into_bytes(), raw: true })
            }
            Err(e) => Err(e),
        }
    }
}

/// The fill value of a dataset as an attribute, if one is defined: Julia does not look at it, other
/// readers do.
fn fill(object: &Object) -> Result<Option<Attribute>> {
    let Some(dataset) = object.dataset() else { return Ok(None) };
    let values = FillValue::all(&object.header)?;
    Ok(values.first().map(|value| Attribute {
        name: FILL.to_owned(),
        datatype: dataset.datatype.clone(),
        dataspace: Dataspace::scalar(),
        offset: value.offset,
        data: value.bytes.to_vec(),
    }))
}

fn fills(
    path: &str,
    a: (&TypeTable<'_>, &Object),
    b: (&TypeTable<'_>, &Object),
    out: &mut Differences,
) {
    let at = &format!("@{FILL}");
    match (fill(a.1), fill(b.1)) {
        (Ok(None), Ok(None)) => {}
        (Ok(Some(mine)), Ok(Some(other))) => values(path, at, (a.0, &mine), (b.0, &other), out),
        (Ok(mine), Ok(_)) => {
            let (some, none) = (Some("a fill value".to_owned()), None);
            let sides = if mine.is_some() { [some, none] } else { [none, some] };
            out.add(path, at, What::Missing, sides);
        }
        (a, b) => {
            let sides = [a.err(), b.err()].map(|e| e.map(|e| e.to_string()));
            out.add(path, at, What::unread(&sides), sides);
        }
    }
}

/// Compares the attributes of the objects at `path`, and fill values of datasets.
pub(super) fn compare(
    path: &str,
    a: (&TypeTable<'_>, &Object),
    b: (&TypeTable<'_>, &Object),
    out: &mut Differences,
) {
    let names = |object| -> BTreeMap<_, _> { of(object).map(|a| (a.name.as_str(), a)).collect() };
    let (in_a, in_b) = (names(a.1), names(b.1));
    for (name, mine) in &in_a {
        let at = format!("@{name}");
        match in_b.get(name) {
            None => out.add(path, &at, What::Missing, [Some("an attribute".into()), None]),
            Some(other) => values(path, &at, (a.0, mine), (b.0, other), out),
        }
    }
    for name in in_b.keys().filter(|name| !in_a.contains_key(*name)) {
        let sides = [None, Some("an attribute".into())];
        out.add(path, &format!("@{name}"), What::Missing, sides);
    }
    order(path, a.1, b.1, out);
    fills(path, a, b, out);
}

/// Compares the names of enumerations whose numbers are the same.
pub(super) fn enumerations(
    path: &str,
    at: &str,
    sides: [(&TypeTable<'_>, &TypeRef); 2],
    out: &mut Differences,
) {
    let [a, b] = sides.map(|(types, datatype)| raw::enumerated(types.file(), datatype));
    match (a, b) {
        (Ok(a), Ok(b)) if a == b => {}
        (Ok(a), Ok(b)) => {
            let said = |text: Option<String>| text.map(|text| value_diff::shortened(&text));
            out.add(path, at, What::Value, [said(a), said(b)]);
        }
        (a, b) => {
            let sides = [a.err(), b.err()].map(|e| e.map(|e| e.to_string()));
            out.add(path, at, What::unread(&sides), sides);
        }
    }
}

fn values(
    path: &str,
    at: &str,
    a: (&TypeTable<'_>, &Attribute),
    b: (&TypeTable<'_>, &Attribute),
    out: &mut Differences,
) {
    let unreadable = |sides: [Option<Error>; 2], out: &mut Differences| {
        let sides = sides.map(|e| e.map(|e| e.to_string()));
        out.add(path, at, What::unread(&sides), sides);
    };
    let (form_a, form_b) = match (Form::of(a.0, a.1), Form::of(b.0, b.1)) {
        (Ok(a), Ok(b)) => (a, b),
        (a, b) => return unreadable([a.err(), b.err()], out),
    };
    if form_a.bytes == form_b.bytes {
        let names = [a, b].map(|(types, attribute)| (types, &attribute.datatype));
        return enumerations(path, at, names, out);
    }
    if form_a.raw || form_b.raw {
        let sides = [form_a, form_b]
            .map(|form| Some(value_diff::shortened(&String::from_utf8_lossy(&form.bytes))));
        return out.add(path, at, What::Value, sides);
    }
    let tree = |(types, attribute): (&TypeTable<'_>, &Attribute), form: &Form| {
        // In memory it is measured less exactly.
        let most = form.bytes.len().saturating_mul(4).saturating_add(1 << 10);
        build(most, None, |visitor| Walk::new(types).attribute(attribute, visitor))
    };
    let (a, b) = match (tree(a, &form_a), tree(b, &form_b)) {
        (Ok(Some(a)), Ok(Some(b))) => (a, b),
        (a, b) => return unreadable([a.err(), b.err()], out),
    };
    let (found, more) = value_diff::find(&a, &b, MOST);
    for f in found {
        out.add(path, &format!("{at}{}", f.at), f.what, f.sides);
    }
    out.count(more);
}

/// Order counts among those that both sides have: by the numbers that the header gives to them
/// where it tracks their creation, as libhdf5 does; as stored, as JLD2 does, where neither does.
fn order(path: &str, a: &Object, b: &Object, out: &mut Differences) {
    let common = |object, other: &Object| -> Vec<String> {
        let names = ordered(object).into_iter();
        names.filter(|name| of(other).any(|o| o.name == *name)).collect()
    };
    let (in_a, in_b) = (common(a, b), common(b, a));
    // A rewrite gives the numbers up for groups, to which JLD2 could not add links otherwise.
    let group = matches!(a.kind, ObjectKind::Group(_));
    let tracked = in_a.len() > 1 && tracks(a) != tracks(b) && !group;
    if in_a != in_b || tracked {
        let said = |names: &[String], object: &Object| {
            let note = if tracked && !tracks(object) { ", not tracked" } else { "" };
            Some(format!("{}{note}", value_diff::shortened(&names.join(", "))))
        };
        out.add(path, "@", What::Order, [said(&in_a, a), said(&in_b, b)]);
    }
}

/// Whether the header numbers its attributes (HDF5 specification IV.A.1.b, flags, bit 2).
fn tracks(object: &Object) -> bool {
    object.header.flags & header_flag::ORDER_TRACKED != 0
}

/// The names in order.
fn ordered(object: &Object) -> Vec<String> {
    let messages = object.header.of_kind(kind::ATTRIBUTE);
    let mut numbered: Vec<(u16, &str)> = messages
        .zip(&object.attributes)
        .map(|(m, a)| (m.order.unwrap_or(0), a.name.as_str()))
        .collect();
    numbered.sort_by_key(|(number, _)| *number);
    let own: Vec<&str> = of(object).map(|a| a.name.as_str()).collect();
    let names = numbered.into_iter().map(|(_, name)| name.to_owned());
    names.filter(|name| own.contains(&name.as_str())).collect()
}
