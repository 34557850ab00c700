//! The damaged file as it would be with what is left of it: elements that are lost made undefined, new
//! groups behind its end, a new front.

use super::catalogue::{Catalogue, Id};
use super::elements::{ElementState, each_place, state};
use super::judge::Judged;
use super::tree::{NewGroup, Target, Tree};
use crate::h5::checksum::lookup3;
use crate::h5::encode::{self, NewMessage};
use crate::h5::{Error, File, Object, ObjectKind, RelAddr, Result, Source, kind};
use crate::julia::TypeTable;

/// The userblock in front of the superblock.
const USERBLOCK: usize = 512;
/// Ranges of elements that are made undefined, in the whole file.
const MAX_REPLACED: usize = 1 << 22;
/// Elements that are told of each array.
pub(super) const TOLD: usize = 10;

/// Elements of an array that were made undefined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Undefined {
    /// The array.
    pub(super) id: Id,
    /// The numbers of the first of them, from 1 as Julia counts.
    pub(super) first: Vec<u64>,
    /// How many there are.
    pub(super) count: u64,
    /// Elements of the array.
    pub(super) of: u64,
}

/// Replacements by offset.
#[derive(Debug, Default)]
struct Replaced(Vec<(u64, Vec<u8>)>);

impl Replaced {
    fn zeros(&mut self, at: u64, count: usize) -> Result<()> {
        if let Some((start, bytes)) = self.0.last_mut()
            && *start + bytes.len() as u64 == at
        {
            bytes.resize(bytes.len() + count, 0);
            return Ok(());
        }
        if self.0.len() >= MAX_REPLACED {
            return Err(Error::foreign(at, "more than 2^22 places with lost elements"));
        }
        self.0.push((at, vec![0; count]));
        Ok(())
    }
}

/// The file as what is left of it makes it, and what became of its arrays.
pub(super) fn assemble(
    source: &Source,
    catalogue: &Catalogue,
    judged: &Judged,
    tree: &Tree,
) -> Result<(File, Vec<Undefined>)> {
    let types = TypeTable::new(&catalogue.file);
    let mut replaced = Replaced::default();
    let mut undefined = Vec::new();
    let mut arrays: Vec<Id> = judged.in_part.iter().copied().collect();
    arrays.sort_unstable();
    for id in arrays {
        undefined.push(array(catalogue, judged, &types, id, &mut replaced)?);
    }
    let end = source.len();
    let (append, root) = groups(catalogue, judged, tree, end);
    let len = end.saturating_add(append.len() as u64);
    let superblock = catalogue.front.superblock(root, len);
    let mut front = userblock(catalogue, tree);
    front.extend(superblock.with_end_of_file(len));
    let start = catalogue.front.base.saturating_add(48).saturating_sub(front.len() as u64);
    replaced.0.push((start, front));
    replaced.0.sort_by_key(|(at, _)| *at);
    let whole = Source::overlay(source.again()?, end, append, replaced.0);
    Ok((File::from_source(whole)?, undefined))
}

/// The text in front, where it has to be made anew; it is nothing where it can stay.
fn userblock(catalogue: &Catalogue, tree: &Tree) -> Vec<u8> {
    let front = &catalogue.front;
    if front.text.is_some() || front.base != USERBLOCK as u64 {
        return Vec::new();
    }
    // The two ways to state the fields of a type tell the two generations apart.
    let modern = tree.types.iter().any(|&id| {
        let object = catalogue.file.object(catalogue.addr(id));
        object.is_ok_and(|object| object.attribute("field_names").is_some())
    });
    let version = if modern { "0.2.0" } else { "0.1.1" };
    let by = concat!("rescued by jldconv ", env!("CARGO_PKG_VERSION"));
    let mut out =
        format!("HDF5-based Julia Data Format, version {version}\0 ({by})\0").into_bytes();
    out.resize(USERBLOCK, 0);
    out
}

/// Makes the lost elements of an array undefined.
fn array(
    catalogue: &Catalogue,
    judged: &Judged,
    types: &TypeTable<'_>,
    id: Id,
    replaced: &mut Replaced,
) -> Result<Undefined> {
    let object = catalogue.file.object(catalogue.addr(id))?;
    let mut out = Undefined { id, ..Undefined::default() };
    let Some(dataset) = object.dataset() else { return Ok(out) };
    let mut places = Vec::new();
    let is_lost = |id| judged.is_lost(id);
    let in_header = catalogue.stated_extent(&object).is_none();
    each_place(types, dataset, |at, bytes| {
        out.of += 1;
        if state(catalogue, bytes, at, &is_lost)?.0 != ElementState::Lost {
            return Ok(());
        }
        out.count += 1;
        if out.first.len() < TOLD {
            out.first.push(out.of);
        }
        if in_header {
            places.push((at, bytes.len()));
            Ok(())
        } else {
            replaced.zeros(at, bytes.len())
        }
    })?;
    if in_header {
        header(&object, &places, replaced);
    }
    Ok(out)
}

/// Makes elements in a header undefined; the checksums of its chunks follow.
fn header(object: &Object, places: &[(u64, usize)], replaced: &mut Replaced) {
    for chunk in &object.header.chunks {
        let mut bytes = chunk.bytes.clone();
        let mut changed = false;
        for &(at, len) in places {
            let start = at.checked_sub(chunk.offset).and_then(|n| usize::try_from(n).ok());
            let place = start.and_then(|n| bytes.get_mut(n..)?.get_mut(..len));
            if let Some(place) = place {
                place.fill(0);
                changed = true;
            }
        }
        if changed {
            let sum = lookup3(&bytes);
            bytes.extend(sum.to_le_bytes());
            replaced.0.push((chunk.offset, bytes));
        }
    }
}

/// The bytes of all groups, which stand from `end` on, and the address of the root.
fn groups(catalogue: &Catalogue, judged: &Judged, tree: &Tree, end: u64) -> (Vec<u8>, RelAddr) {
    let types: Vec<_> =
        (1..).zip(&tree.types).map(|(n, &id)| (format!("{n:08}"), Target::Object(id))).collect();
    let mut all = tree.groups.clone();
    if !types.is_empty() {
        all.push(NewGroup { old: None, links: types });
        let place = Target::Group(all.len() - 1);
        if let Some(root) = all.first_mut() {
            root.links.insert(0, ("_types".to_owned(), place));
        }
    }
    let mut places = vec![RelAddr::NULL; all.len()];
    let mut at = end;
    for (group, place) in all.iter().zip(&mut places) {
        *place = catalogue.file.addr(at);
        at += encoded(catalogue, judged, group, &[]).len() as u64;
    }
    let mut out = Vec::new();
    for group in &all {
        out.extend(encoded(catalogue, judged, group, &places));
    }
    (out, places.first().copied().unwrap_or_default())
}

/// The header of a group. Its size does not depend on the places of groups.
fn encoded(
    catalogue: &Catalogue,
    judged: &Judged,
    group: &NewGroup,
    places: &[RelAddr],
) -> Vec<u8> {
    let links: Vec<_> = group
        .links
        .iter()
        .map(|(name, target)| {
            let addr = match target {
                Target::Object(id) => catalogue.addr(*id),
                Target::Group(n) => places.get(*n).copied().unwrap_or_default(),
            };
            (name.clone(), addr)
        })
        .collect();
    let mut messages = encode::group(&links);
    let at = messages.iter().position(|m| m.kind == kind::LINK).unwrap_or(2).min(messages.len());
    messages.splice(at..at, attributes(catalogue, judged, group.old));
    encode::object_header(&messages).bytes
}

/// The attributes that a group had, if all that they need is left.
fn attributes(catalogue: &Catalogue, judged: &Judged, old: Option<Id>) -> Vec<NewMessage> {
    let Some(links) = old.filter(|&id| !judged.is_lost(id)).and_then(|id| catalogue.links(id))
    else {
        return Vec::new();
    };
    if !matches!(links.object.kind, ObjectKind::Group(_)) {
        return Vec::new();
    }
    let header = &links.object.header;
    let of = |m| NewMessage::new(kind::ATTRIBUTE, 0, header.body(m).to_vec());
    header.of_kind(kind::ATTRIBUTE).map(of).collect()
}
