//! Leaving parts of a template out.

use anyhow::{Context as _, Result, bail};
use jldconv::h5::checksum::lookup3;
use jldconv::h5::{Edge, File, Link, Object, ObjectKind, RelAddr, Source, Trace, Visitor, kind};
use std::collections::HashSet;
use std::ops::Range;

/// Takes all groups but `tables` out of the file, and the types that only they need.
pub(super) fn reduce(bytes: &mut [u8], tables: &[&str]) -> Result<()> {
    let file = File::from_source(Source::from_bytes(bytes.to_vec()))?;
    let root = file.object(file.superblock().root)?;
    let links = links(&root)?;
    let find = |name: &str| links.iter().find(|link| link.name == name);
    if let Some(missing) = tables.iter().find(|table| find(table).is_none()) {
        bail!("no group {missing}");
    }
    let kept = |link: &Link| link.name == TYPES || tables.contains(&link.name.as_str());
    unlink(&root, kept, bytes)?;
    let Some(types) = find(TYPES).map(|link| link.target) else { return Ok(()) };
    let file = File::from_source(Source::from_bytes(bytes.to_vec()))?;
    let mut used = Used { types, targets: HashSet::new() };
    Trace::run(&file, &mut used)?;
    let group = file.object(types)?;
    unlink(&group, |link| used.targets.contains(&link.target), bytes)?;
    // The types are numbered, and JLD2 counts on.
    let file = File::from_source(Source::from_bytes(bytes.to_vec()))?;
    let types = file.object(types)?;
    for (link, number) in self::links(&types)?.iter().zip(1..) {
        let name = format!("{number:0width$}", width = link.name.len());
        put(bytes, usize::try_from(link.at)?.saturating_sub(name.len()), name.as_bytes())?;
    }
    check_all(&types, bytes)
}

/// Name of the group of types.
const TYPES: &str = "_types";

/// What is referred to, but by the group of types.
struct Used {
    types: RelAddr,
    targets: HashSet<RelAddr>,
}

impl Visitor for Used {
    fn edge(&mut self, edge: Edge) -> jldconv::h5::Result<()> {
        if edge.from != self.types {
            self.targets.insert(edge.target);
        }
        Ok(())
    }

    fn follow(&mut self, edge: &Edge) -> bool {
        edge.from != self.types
    }
}

fn links(group: &Object) -> Result<&[Link]> {
    let ObjectKind::Group(found) = &group.kind else {
        bail!("the object at {} is not a group", group.addr());
    };
    Ok(&found.held)
}

/// Turns the links that are not kept into room for others.
fn unlink(group: &Object, kept: impl Fn(&Link) -> bool, bytes: &mut [u8]) -> Result<()> {
    for (message, link) in group.header.of_kind(kind::LINK).zip(links(group)?) {
        if !kept(link) {
            put(bytes, usize::try_from(message.offset)?, &[kind::NIL])?;
        }
    }
    check_all(group, bytes)
}

/// Renews all checksums of a header.
fn check_all(object: &Object, bytes: &mut [u8]) -> Result<()> {
    object.header.chunks.iter().try_for_each(|chunk| {
        check(bytes, &(usize::try_from(chunk.offset)?..usize::try_from(chunk.checksum)?))
    })
}

/// Renews the checksum behind `checked`.
pub(super) fn check(bytes: &mut [u8], checked: &Range<usize>) -> Result<()> {
    let sum = lookup3(bytes.get(checked.clone()).context("a cut header")?);
    put(bytes, checked.end, &sum.to_le_bytes())
}

/// Puts `new` at `at`.
pub(super) fn put(bytes: &mut [u8], at: usize, new: &[u8]) -> Result<()> {
    let place = bytes.get_mut(at..).and_then(|b| b.get_mut(..new.len()));
    place.context("a place behind the end")?.copy_from_slice(new);
    Ok(())
}
