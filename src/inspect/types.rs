//! Lists every stored type of a file: its fields, how many values there are of it, and their bytes.

use super::model::Refusal;
use super::unreadable;
use crate::h5::{
    Checksums, Class, Dataset, Object, ObjectKind, RelAddr, Result, Trace, TypeRef, Visitor,
};
use crate::julia::{Committed, Element, Field, TypeTable};
use crate::text::{bytes, count, tame};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

/// The stored types of a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoredTypes {
    /// The file.
    pub path: String,
    /// Its types, those with the most bytes first.
    pub types: Vec<StoredType>,
}

/// A stored type.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoredType {
    /// The type with its parameters.
    #[serde(rename = "type")]
    pub name: String,
    /// The type whose fields are stored, where that is another (custom serialization).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written_as: Option<String>,
    /// Its name in `_types`, if it has one there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Its fields, in Julia's order.
    pub fields: Vec<StoredField>,
    /// Bytes of a value, without what it refers to.
    pub size: u64,
    /// Objects of their own: scalars and arrays.
    pub objects: u64,
    /// Values in them.
    pub values: u64,
    /// Values inside those of other types.
    pub inside: u64,
    /// Bytes of the values in objects, without what they refer to and before compression.
    pub bytes: u64,
    /// The dataset that is, or leads to, the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
}

/// A field of a stored type.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoredField {
    /// Its name.
    pub name: String,
    /// What it holds; `Any` where it refers to another object.
    #[serde(rename = "type")]
    pub julia_type: String,
    /// Its bytes; none if it takes none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
}

/// The stored types of the file at `path`.
///
/// # Errors
/// A [`Refusal`] if the file cannot be read.
pub fn stored_types(
    path: &Path,
    checksums: Checksums,
) -> std::result::Result<StoredTypes, Box<Refusal>> {
    let file = unreadable::open_with(path, checksums)?;
    let types = TypeTable::new(&file);
    let mut found = Found {
        types: &types,
        committed: BTreeSet::new(),
        seen: BTreeMap::new(),
        plain: BTreeMap::new(),
    };
    let told = Trace::run(&file, &mut found).and_then(|()| found.told());
    let mut told = told.map_err(|error| unreadable::inside(path, file.source().len(), &error))?;
    told.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
    Ok(StoredTypes { path: path.to_string_lossy().into_owned(), types: told })
}

/// Objects of one type.
#[derive(Debug, Default)]
struct Seen {
    objects: u64,
    values: u64,
    bytes: u64,
    first: String,
}

impl Seen {
    fn add(&mut self, dataset: &Dataset, size: u32, path: &str) {
        if self.objects == 0 {
            path.clone_into(&mut self.first);
        }
        let values = dataset.dataspace.elements().unwrap_or(0).max(u64::from(size == 0));
        self.objects += 1;
        self.values = self.values.saturating_add(values);
        self.bytes = self.bytes.saturating_add(values.saturating_mul(size.into()));
    }
}

struct Found<'a> {
    types: &'a TypeTable<'a>,
    committed: BTreeSet<RelAddr>,
    seen: BTreeMap<RelAddr, Seen>,
    plain: BTreeMap<String, (Seen, u32)>,
}

impl Visitor for Found<'_> {
    fn object(&mut self, object: &Object, path: &str) -> Result<()> {
        match &object.kind {
            ObjectKind::Datatype(_) => {
                self.committed.insert(object.addr());
            }
            ObjectKind::Dataset(dataset) => match &dataset.datatype {
                TypeRef::Shared { addr, .. } => {
                    let size = self.types.committed(*addr)?.datatype.size;
                    self.seen.entry(*addr).or_default().add(dataset, size, path);
                }
                TypeRef::Inline(datatype) => {
                    let element = Element::plain(datatype.clone());
                    let t = match datatype.class {
                        Class::Reference => "references".to_owned(),
                        _ => element.julia_type().to_string(),
                    };
                    let (seen, size) = self.plain.entry(t).or_default();
                    *size = datatype.size;
                    seen.add(dataset, datatype.size, path);
                }
            },
            ObjectKind::Group(_) => {}
        }
        Ok(())
    }

    fn foreign(&mut self, _: &str, error: crate::h5::Error) -> Result<()> {
        if error.is_foreign_dataset() { Ok(()) } else { Err(error) }
    }
}

impl Found<'_> {
    fn told(self) -> Result<Vec<StoredType>> {
        let Self { types, committed, seen, plain } = self;
        let mut inside: BTreeMap<RelAddr, u64> = BTreeMap::new();
        let mut order = Vec::new();
        for &addr in &committed {
            holders_first(types, addr, &mut BTreeSet::new(), &mut order, 0)?;
        }
        // Those that hold others come behind them.
        for addr in order.iter().rev() {
            let own = seen.get(addr).map_or(0, |seen| seen.values);
            let all = own.saturating_add(inside.get(addr).copied().unwrap_or(0));
            for field in &types.committed(*addr)?.fields {
                if let (Some(child), Some(_)) = (field.committed, field.offset) {
                    let to = inside.entry(child).or_default();
                    *to = to.saturating_add(all);
                }
            }
        }
        let links = links(types)?;
        let none = Seen::default();
        let mut out = Vec::new();
        for addr in committed {
            let c = types.committed(addr)?;
            let own = seen.get(&addr).unwrap_or(&none);
            let fields = c.fields.iter().map(|field| told_field(types, field));
            out.push(StoredType {
                name: c.julia_type.to_string(),
                written_as: c.written_type.as_ref().map(ToString::to_string),
                link: links.get(&addr).cloned(),
                fields: fields.collect::<Result<_>>()?,
                size: size_of(&c).into(),
                objects: own.objects,
                values: own.values,
                inside: inside.get(&addr).copied().unwrap_or(0),
                bytes: own.bytes,
                first: (own.objects > 0).then(|| own.first.clone()),
            });
        }
        for (name, (own, size)) in plain {
            out.push(StoredType {
                name,
                written_as: None,
                link: None,
                fields: Vec::new(),
                size: size.into(),
                objects: own.objects,
                values: own.values,
                inside: 0,
                bytes: own.bytes,
                first: Some(own.first),
            });
        }
        Ok(out)
    }
}

fn size_of(c: &Committed) -> u32 {
    if c.empty { 0 } else { c.datatype.size }
}

/// Types nest less deeply than this; ends forged cycles.
const MAX_DEPTH: u32 = 64;

/// Puts a type behind those that its values hold.
fn holders_first(
    types: &TypeTable<'_>,
    addr: RelAddr,
    open: &mut BTreeSet<RelAddr>,
    order: &mut Vec<RelAddr>,
    depth: u32,
) -> Result<()> {
    if depth > MAX_DEPTH || order.contains(&addr) || !open.insert(addr) {
        return Ok(());
    }
    for child in types.committed(addr)?.fields.iter().filter_map(|f| f.committed) {
        holders_first(types, child, open, order, depth + 1)?;
    }
    order.push(addr);
    Ok(())
}

/// The names of types in `_types`.
fn links(types: &TypeTable<'_>) -> Result<BTreeMap<RelAddr, String>> {
    let file = types.file();
    let root = file.object(file.superblock().root)?;
    let ObjectKind::Group(root) = &root.kind else { return Ok(BTreeMap::new()) };
    let Some(link) = root.find(file, "_types")? else { return Ok(BTreeMap::new()) };
    let group = file.object(link.target)?;
    let ObjectKind::Group(group) = &group.kind else { return Ok(BTreeMap::new()) };
    let all = group.all(file, file.offset(link.target, "committed types")?)?;
    Ok(all.into_iter().map(|link| (link.target, link.name.to_string())).collect())
}

fn told_field(types: &TypeTable<'_>, field: &Field) -> Result<StoredField> {
    let t = match (field.committed, &field.datatype) {
        (Some(addr), _) => types.committed(addr)?.julia_type.to_string(),
        (None, Some(d)) if matches!(d.class, Class::Reference) => "Core.Any".to_owned(),
        (None, Some(d)) => Element::plain(d.clone()).julia_type().to_string(),
        (None, None) => "without content".to_owned(),
    };
    let size = field.datatype.as_ref().map(|d| d.size);
    Ok(StoredField { name: field.name.clone(), julia_type: t, size })
}

impl StoredTypes {
    /// As a table for people.
    pub fn text(&self) -> String {
        let mut out = format!("{}: {}\n", tame(&self.path), count(self.types.len() as u64, "type"));
        let _ = writeln!(out, "{:>9} {:>9} {:>11}  type", "values", "inside", "bytes");
        for t in &self.types {
            let name = tame(&t.name);
            let _ = writeln!(out, "{:>9} {:>9} {:>11}  {name}", t.values, t.inside, bytes(t.bytes));
            let mut line = |text: String| {
                let _ = writeln!(out, "{:>33}{}", "", tame(&text));
            };
            if let Some(written) = &t.written_as {
                line(format!("stored as {written}"));
            }
            for field in &t.fields {
                line(format!("{}::{}", field.name, field.julia_type));
            }
            if let Some(first) = &t.first {
                line(format!("first: {first}"));
            }
        }
        out
    }
}
