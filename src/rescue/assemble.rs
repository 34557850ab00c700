//! The damaged file as it would be with what is left of it: elements that are lost made undefined, new
//! groups behind its end, a new front.

use super::catalogue::{Catalogue, Id};
use super::claims::{Claim, Part};
use super::elements::{ElementState, each_place, state};
use super::examine::Kind;
use super::judge::Judged;
use super::new_index::new_object;
use super::tree::{NewGroup, Target, Tree};
use crate::h5::checksum::lookup3;
use crate::h5::encode::{self, MAX_BODY, NewMessage};
use crate::h5::{
    Attribute, Edge, EdgeKind, Error, File, Message, Name, Object, ObjectKind, RelAddr, Result,
    Source, Trace, Visitor, kind,
};
use crate::julia::TypeTable;
use std::collections::BTreeMap;

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

/// Replacements by offset, apart from one another.
#[derive(Debug, Default)]
struct Replaced {
    outside: Vec<(u64, Vec<u8>)>,
    /// Those in the headers of objects, whose checksums follow.
    inside: BTreeMap<Id, Vec<(u64, Vec<u8>)>>,
}

impl Replaced {
    fn zeros(&mut self, at: u64, count: usize) -> Result<()> {
        if let Some((start, bytes)) = self.outside.last_mut()
            && *start + bytes.len() as u64 == at
        {
            bytes.resize(bytes.len() + count, 0);
            return Ok(());
        }
        self.bytes(at, vec![0; count])
    }

    fn bytes(&mut self, at: u64, bytes: Vec<u8>) -> Result<()> {
        if self.outside.len() >= MAX_REPLACED {
            return Err(Error::foreign(at, "more than 2^22 places to be changed"));
        }
        self.outside.push((at, bytes));
        Ok(())
    }

    fn in_header(&mut self, id: Id, at: u64, bytes: Vec<u8>) {
        self.inside.entry(id).or_default().push((at, bytes));
    }

    /// All of them, in order.
    fn finish(mut self, catalogue: &Catalogue) -> Result<Vec<(u64, Vec<u8>)>> {
        for (&id, places) in &self.inside {
            let object = catalogue.file.object(catalogue.addr(id))?;
            header(&object, places, &mut self.outside);
        }
        self.outside.sort_by_key(|(at, _)| *at);
        Ok(self.outside)
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
    let (mut append, moved) = arrays_in_part(catalogue, judged, end)?;
    let (groups, places) =
        groups(catalogue, judged, tree, &moved, end.saturating_add(append.len() as u64));
    append.extend(groups);
    let root = places.first().copied().unwrap_or_default();
    redirect(catalogue, judged, tree, (&places, &moved), &mut replaced)?;
    let len = end.saturating_add(append.len() as u64);
    let superblock = catalogue.front.superblock(root, len);
    let mut front = userblock(catalogue, tree);
    front.extend(superblock.with_end_of_file(len));
    let start = catalogue.front.base.saturating_add(48).saturating_sub(front.len() as u64);
    replaced.outside.push((start, front));
    let replaced = replaced.finish(catalogue)?;
    let whole = Source::overlay(source.again()?, end, append, replaced);
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
            replaced.in_header(id, at, vec![0; bytes.len()]);
            Ok(())
        } else {
            replaced.zeros(at, bytes.len())
        }
    })?;
    Ok(out)
}

/// Where objects are that are written anew.
type Moved = BTreeMap<Id, RelAddr>;

/// New headers and indexes of the arrays that are kept without some of their chunks, which stand from
/// `end` on, and their addresses.
fn arrays_in_part(catalogue: &Catalogue, judged: &Judged, end: u64) -> Result<(Vec<u8>, Moved)> {
    let (mut out, mut moved) = (Vec::new(), Moved::new());
    for (&id, part) in &judged.examined.in_part {
        let object = catalogue.file.object(catalogue.addr(id))?;
        let at = end.saturating_add(out.len() as u64);
        // It could be made when the array was looked at.
        if let Some(new) = new_object(catalogue, &object, part, at)? {
            out.extend(new.bytes);
            moved.insert(id, new.addr);
        }
    }
    Ok((out, moved))
}

/// Lets references to groups and arrays lead to the new ones.
fn redirect(
    catalogue: &Catalogue,
    judged: &Judged,
    tree: &Tree,
    (places, arrays): (&[RelAddr], &Moved),
    replaced: &mut Replaced,
) -> Result<()> {
    let moved = |id: Id| {
        if let Some(new) = arrays.get(&id) {
            return Some(*new);
        }
        let group = judged.kind(id) == Kind::Group;
        // The new `_types` stands behind the groups of the tree.
        let types = tree.is_old_types(id).then_some(tree.groups.len());
        let new = tree.new_group(id).or(types);
        new.filter(|_| group).and_then(|new| places.get(new).copied())
    };
    let mut from: Vec<Id> =
        judged.examined.needs.iter().filter(|n| moved(n.to).is_some()).map(|n| n.from).collect();
    from.dedup();
    // Arrays in part refer to nothing that moves.
    let kept = |id: &Id| !judged.is_lost(*id) && !arrays.contains_key(id);
    for id in from.into_iter().filter(kept) {
        let mut sites = Sites { catalogue, moved: &moved, found: Vec::new() };
        let allowance = catalogue.file.allowance();
        Trace::one(&catalogue.file, catalogue.addr(id), allowance, &mut sites)?;
        let found = sites.found;
        let object = catalogue.file.object(catalogue.addr(id))?;
        for (at, new, outside) in found {
            let bytes = new.0.to_le_bytes().to_vec();
            // The checksum of a header follows, too.
            let mut chunks = object.header.chunks.iter();
            let chunk = chunks.find(|chunk| chunk.offset <= at && at < chunk.end());
            let changed = chunk
                .map_or(Claim { start: at, end: at.saturating_add(8), id, part: outside }, |c| {
                    Claim { start: c.offset, end: c.end(), id, part: Part::Header }
                });
            let mut summed = false;
            for block in object.header.storage.iter().filter(|_| chunk.is_none()) {
                let block = block?;
                summed |= block.start <= at && at < block.end && block.checksum.is_some();
            }
            if summed {
                return Err(Error::foreign(
                    at,
                    "a reference to a group in a block with a checksum",
                ));
            }
            if let Some(other) = judged.claimed(catalogue, &changed) {
                let other = catalogue.offset(other);
                return Err(Error::corrupt(
                    at,
                    "reference to a group",
                    "bytes of one object",
                    format!("some of the object at byte {other}, too"),
                ));
            }
            if chunk.is_some() {
                replaced.in_header(id, at, bytes);
            } else {
                replaced.bytes(at, bytes)?;
            }
        }
    }
    Ok(())
}

/// References of one object that lead to groups.
struct Sites<'s> {
    catalogue: &'s Catalogue,
    moved: &'s dyn Fn(Id) -> Option<RelAddr>,
    /// Where they stand, where they are to lead, and in what they stand if not in the header.
    found: Vec<(u64, RelAddr, Part)>,
}

impl Visitor for Sites<'_> {
    fn edge(&mut self, edge: Edge) -> Result<()> {
        let target = match edge.kind {
            EdgeKind::Heap | EdgeKind::Link => None,
            _ => self.catalogue.find(edge.target),
        };
        let outside = match edge.kind {
            EdgeKind::DataReference => Part::Data,
            EdgeKind::HeapReference => Part::Heap,
            _ => Part::Index,
        };
        self.found.extend(target.and_then(self.moved).map(|new| (edge.at, new, outside)));
        if self.found.len() > MAX_REPLACED {
            return Err(Error::foreign(edge.at, "more than 2^22 places to be changed"));
        }
        Ok(())
    }

    fn follow(&mut self, _: &Edge) -> bool {
        false
    }

    fn broken_sequence(&mut self, _: EdgeKind, _: u64, _: Error) -> Result<()> {
        Ok(())
    }

    fn broken_fill(&mut self, _: &str) {}
}

/// Changes places in a header; the checksums of its chunks follow.
fn header(object: &Object, places: &[(u64, Vec<u8>)], replaced: &mut Vec<(u64, Vec<u8>)>) {
    for chunk in &object.header.chunks {
        let mut bytes = chunk.bytes.clone();
        let mut changed = false;
        for (at, new) in places {
            let start = at.checked_sub(chunk.offset).and_then(|n| usize::try_from(n).ok());
            let place = start.and_then(|n| bytes.get_mut(n..)?.get_mut(..new.len()));
            if let Some(place) = place {
                place.copy_from_slice(new);
                changed = true;
            }
        }
        if changed {
            if chunk.has_checksum {
                let sum = lookup3(&bytes);
                bytes.extend(sum.to_le_bytes());
            }
            replaced.push((chunk.offset, bytes));
        }
    }
}

/// The bytes of all groups, which stand from `end` on, and their addresses; the root is the first.
fn groups(
    catalogue: &Catalogue,
    judged: &Judged,
    tree: &Tree,
    moved: &Moved,
    end: u64,
) -> (Vec<u8>, Vec<RelAddr>) {
    let types: Vec<_> = (1..)
        .zip(&tree.types)
        .map(|(n, &id)| (Name::from(format!("{n:08}")), Target::Object(id)))
        .collect();
    let mut all = tree.groups.clone();
    if !types.is_empty() {
        all.push(NewGroup { links: types, ..NewGroup::default() });
        let place = Target::Group(all.len() - 1);
        if let Some(root) = all.first_mut() {
            root.links.insert(0, (Name::from("_types"), place));
        }
    }
    let mut places = vec![RelAddr::NULL; all.len()];
    let mut at = end;
    for (group, place) in all.iter().zip(&mut places) {
        *place = catalogue.file.addr(at);
        at += encoded(catalogue, judged, group, (&[], moved)).len() as u64;
    }
    let mut out = Vec::new();
    for group in &all {
        out.extend(encoded(catalogue, judged, group, (&places, moved)));
    }
    (out, places)
}

/// The header of a group. Its size does not depend on the places of groups.
fn encoded(
    catalogue: &Catalogue,
    judged: &Judged,
    group: &NewGroup,
    (places, moved): (&[RelAddr], &Moved),
) -> Vec<u8> {
    let links: Vec<_> = group
        .links
        .iter()
        .map(|(name, target)| {
            let addr = match target {
                Target::Object(id) => moved.get(id).copied().unwrap_or_else(|| catalogue.addr(*id)),
                Target::Group(n) => places.get(*n).copied().unwrap_or_default(),
            };
            (name.clone(), addr)
        })
        .collect();
    let mut messages = encode::group(&links);
    let at = messages.iter().position(|m| m.kind == kind::LINK).unwrap_or(2).min(messages.len());
    let symbolic = group.symbolic.iter().map(encode::symbolic_link);
    let symbolic = symbolic
        .filter(|body| body.len() <= MAX_BODY)
        .map(|body| NewMessage::new(kind::LINK, 0, body));
    messages.splice(at..at, attributes(catalogue, judged, group.old).into_iter().chain(symbolic));
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
    let attributes = header.of_kind(kind::ATTRIBUTE).zip(&links.object.attributes);
    let of = |(m, attribute): (&Message, &Attribute)| {
        let mut body = header.body(m).to_vec();
        attribute.trim(&mut body, m.body);
        NewMessage::new(kind::ATTRIBUTE, 0, body)
    };
    attributes.map(of).filter(|attribute| attribute.body.len() <= MAX_BODY).collect()
}
