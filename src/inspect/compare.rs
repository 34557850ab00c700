//! Compares two files by their types and values, whatever their codecs and layouts.

use super::attributes;
use super::comparison::{Differences, What};
use super::contents::{Contents, Linked, LinkedKind};
use super::identity::{Identities, Made, Name};
use super::layouts;
use super::model::Refusal;
use super::numbers::first_unequal;
use super::seen::Seen;
use super::unread;
use crate::h5::{
    self, AddressLog, AddressSet, Error, ErrorKind, File, Object, ObjectKind, RelAddr,
};
use crate::inspect::stream_diff::{Side, first_difference};
use crate::inspect::unreadable;
use crate::inspect::value_diff;
use crate::julia::{Digest, Digests, Dumper, TypeTable, Visitor, Walk};
use std::cell::Cell;
use std::collections::HashSet;
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use xxhash_rust::xxh3::xxh3_64;

/// Differences that are named for one dataset.
const MOST_OF_ONE: usize = 5;

/// Held by whoever has trees of two values. They take much memory: one pair at a time, however many
/// files are compared at once.
static TREES: Mutex<()> = Mutex::new(());

/// Told of logical bytes that were read; its error ends the comparison.
pub(super) type Progress<'p> = &'p (dyn Fn(u64) -> h5::Result<()> + Sync);

/// A file, ready to be compared.
pub(super) struct View<'a> {
    types: TypeTable<'a>,
    contents: Contents,
    digests: &'a Digests,
}

/// A value of a file.
pub(super) type Node<'a> = (&'a TypeTable<'a>, RelAddr);

impl<'a> View<'a> {
    /// The file at `path`. `digests` are those of its columns.
    pub(super) fn of(
        path: &Path,
        file: &'a File,
        digests: &'a Digests,
    ) -> Result<Self, Box<Refusal>> {
        let contents = Contents::of(file)
            .map_err(|e| Box::new(unreadable::inside(path, file.source().len(), &e)))?;
        Ok(Self { types: TypeTable::new(file), contents, digests })
    }

    pub(super) fn types(&self) -> &TypeTable<'a> {
        &self.types
    }

    pub(super) fn contents(&self) -> &Contents {
        &self.contents
    }

    fn identities(&self) -> h5::Result<Identities<'_>> {
        let mut objects = AddressSet::default();
        for linked in self.contents.iter() {
            let linked = linked?;
            if linked.to.is_none() {
                objects.insert(linked.addr.0);
            }
        }
        Ok(Identities::new(&self.types, objects))
    }

    fn object(&self, linked: &Linked) -> h5::Result<Arc<Object>> {
        self.types.file().object(linked.addr)
    }
}

/// All differences between two files, but for paths in `added` that only B has.
///
/// # Errors
/// Only if `progress` has it end.
pub(super) fn differences(
    a: &View<'_>,
    b: &View<'_>,
    added: &HashSet<String>,
    progress: Progress<'_>,
) -> h5::Result<Differences> {
    let identities = [a.identities()?, b.identities()?];
    let mut pairs = Pairs {
        a,
        b,
        identities: &identities,
        progress,
        compared: AddressLog::default(),
        unread_left: Cell::new(a.types.file().source().len().saturating_mul(2)),
        out: Differences::default(),
    };
    let mut lost = [None, None];
    let [lost_a, lost_b] = &mut lost;
    let mut left = h5::until_error(a.contents.iter(), lost_a).peekable();
    let mut right = h5::until_error(b.contents.iter(), lost_b).peekable();
    loop {
        // Both lists are sorted by path.
        match (left.peek(), right.peek()) {
            (Some(mine), Some(others)) if mine.path == others.path => {
                pairs.linked(mine, others)?;
                left.next();
                right.next();
            }
            (Some(mine), others) if others.is_none_or(|others| mine.path < others.path) => {
                let sides = [Some(mine.kind.noun().to_owned()), None];
                pairs.out.add(&mine.path, "", What::Missing, sides);
                left.next();
            }
            (_, Some(others)) => {
                if !added.contains(&*others.path) {
                    let sides = [None, Some(others.kind.noun().to_owned())];
                    pairs.out.add(&others.path, "", What::Missing, sides);
                }
                right.next();
            }
            _ => break,
        }
    }
    drop((left, right));
    if let Some(error) = lost.into_iter().flatten().next() {
        return Err(error);
    }
    let mut out = pairs.out;
    let [of_a, of_b] = &identities;
    layouts::compare((&a.types, of_a.types()), (&b.types, of_b.types()), &mut out);
    Ok(out)
}

/// What both files have, pair by pair.
struct Pairs<'c> {
    a: &'c View<'c>,
    b: &'c View<'c>,
    identities: &'c [Identities<'c>; 2],
    progress: Progress<'c>,
    /// Addresses on the first side of the datasets that were compared, by their numbers.
    compared: AddressLog,
    /// Bytes of what cannot be read that are still compared.
    unread_left: Cell<u64>,
    out: Differences,
}

impl Pairs<'_> {
    fn linked(&mut self, a: &Linked, b: &Linked) -> h5::Result<()> {
        let path = &*a.path;
        let unread = [a.kind, b.kind].contains(&LinkedKind::Unread);
        let both_objects = a.to.is_none() && b.to.is_none();
        if a.kind != b.kind && !(unread && both_objects) {
            let sides = [a.kind, b.kind].map(|kind| Some(kind.noun().to_owned()));
            self.out.add(path, "", What::Type, sides);
            return Ok(());
        }
        if let (Some(to_a), Some(to_b)) = (&a.to, &b.to) {
            if to_a != to_b {
                let sides = [to_a, to_b].map(|to| Some(value_diff::shortened(&format!("-> {to}"))));
                self.out.add(path, "", What::Value, sides);
            }
            return Ok(());
        }
        if a.kind == LinkedKind::Dataset {
            self.out.compared += 1;
        }
        if a.same == b.same && a.same.is_some() {
            // Compared under its first path.
            return Ok(());
        }
        if a.same != b.same {
            let sides = [&a.same, &b.same].map(|same| {
                Some(same.as_ref().map_or("an object of its own".to_owned(), |path| {
                    format!("the same object as {path}")
                }))
            });
            self.out.add(path, "", What::Sharing, sides);
        }
        let (object_a, object_b) = match (self.a.object(a), self.b.object(b)) {
            (Ok(a), Ok(b)) => (a, b),
            (in_a, in_b) => {
                return self.unreadable(path, (a.addr, b.addr), [in_a.err(), in_b.err()]);
            }
        };
        let sides = ((&self.a.types, &*object_a), (&self.b.types, &*object_b));
        attributes::compare(path, sides.0, sides.1, &mut self.out);
        if let (Some(a), Some(b)) = (object_a.dataset(), object_b.dataset()) {
            let types = [(&self.a.types, &a.datatype), (&self.b.types, &b.datatype)];
            attributes::enumerations(path, "", types, &mut self.out);
        }
        match (&object_a.kind, &object_b.kind) {
            (ObjectKind::Group(in_a), ObjectKind::Group(in_b)) => {
                let sides = [(self.a, in_a), (self.b, in_b)];
                let [a, b] = sides.map(|(view, group)| Names { file: view.types.file(), group });
                if let Some(sides) = order(path == "/", a, b)? {
                    self.out.add(path, "", What::Order, sides);
                }
                Ok(())
            }
            _ => self.value(&a.path, (a.addr, b.addr)),
        }
    }

    /// Objects of which one cannot be read, or both; where both have the same bytes, that is no
    /// difference.
    fn unreadable(
        &mut self,
        path: &str,
        (a, b): (RelAddr, RelAddr),
        errors: [Option<Error>; 2],
    ) -> h5::Result<()> {
        let [of_a, of_b] = errors.map(unless_circumstance);
        let errors = [of_a?, of_b?];
        let mut differ = false;
        if let [Some(of_a), Some(of_b)] = &errors
            && unread::is_one_objects(of_a)
            && unread::is_one_objects(of_b)
        {
            let files = (self.a.types.file(), self.b.types.file());
            // Many headers may lead to the same data.
            let left = &self.unread_left;
            let spent = |bytes: u64| {
                let rest = left.get().checked_sub(bytes);
                left.set(rest.ok_or_else(|| Error::too_large("what cannot be read", "the file"))?);
                (self.progress)(bytes)
            };
            match unread::same((files.0, a), (files.1, b), &spent) {
                Ok(true) => {
                    self.out.kept(path, &of_a.to_string());
                    return Ok(());
                }
                Err(error) if is_circumstance(&error) => return Err(error),
                Ok(false) => differ = true,
                Err(_) => {}
            }
        }
        let sides = errors.map(|error| error.map(|e| e.to_string()));
        let what = if differ { What::Unreadable } else { What::unread(&sides) };
        self.out.add(path, "", what, sides);
        Ok(())
    }

    fn value(&mut self, path: &Rc<str>, (a, b): (RelAddr, RelAddr)) -> h5::Result<()> {
        let number = u32::try_from(self.compared.len()).unwrap_or(u32::MAX);
        self.compared.push(a.0);
        let [of_a, of_b] = self.identities;
        let read = |view: &View<'_>, identities: &Identities<'_>, addr| {
            identities.begin(number);
            let dumper = Dumper::new(&view.types, Digest::Xxh3)
                .with_digests(view.digests)
                .with_watch(identities)
                .with_progress(&self.progress);
            Seen::read(&dumper, &view.types, addr)
        };
        let (seen_a, seen_b) = match (read(self.a, of_a, a), read(self.b, of_b, b)) {
            (Ok(a), Ok(b)) => (a, b),
            (in_a, in_b) => return self.unreadable(path, (a, b), [in_a.err(), in_b.err()]),
        };
        if seen_a.digest == seen_b.digest {
            return self.sharing(path, &of_a.made(), &of_b.made());
        }
        self.unequal(path, (a, &seen_a), (b, &seen_b))
    }

    /// Values are the same; whether objects in them are those of other datasets, too.
    fn sharing(&mut self, path: &str, a: &Made, b: &Made) -> h5::Result<()> {
        if a.attributes != b.attributes {
            // Their names are not known here: no path leads to that object.
            self.out.add(path, "@", What::Value, [None, None]);
        }
        if a.identities == b.identities {
            return Ok(());
        }
        let differ = a.names.iter().zip(&b.names).find(|(a, b)| a != b);
        let said = |&(dataset, _): &Name| -> h5::Result<_> {
            Ok(Some(match self.path_of(dataset)?.filter(|other| **other != *path) {
                Some(other) => format!("an object of {other}, too"),
                None => "objects of its own".to_owned(),
            }))
        };
        let sides = match differ {
            Some((a, b)) => [said(a)?, said(b)?],
            None => [None, None],
        };
        self.out.add(path, "", What::Sharing, sides);
        Ok(())
    }

    /// The path of the dataset with this number. Only a difference costs this.
    fn path_of(&self, dataset: u32) -> h5::Result<Option<Rc<str>>> {
        let number = usize::try_from(dataset).unwrap_or(usize::MAX);
        let Some(addr) = self.compared.iter().nth(number) else { return Ok(None) };
        for linked in self.a.contents.iter() {
            let linked = linked?;
            if linked.addr.0 == addr && linked.same.is_none() {
                return Ok(Some(linked.path));
            }
        }
        Ok(None)
    }

    fn unequal(
        &mut self,
        path: &str,
        (a, seen_a): (RelAddr, &Seen),
        (b, seen_b): (RelAddr, &Seen),
    ) -> h5::Result<()> {
        let nodes: (Node<'_>, Node<'_>) = ((&self.a.types, a), (&self.b.types, b));
        let trees = TREES.lock().unwrap_or_else(PoisonError::into_inner);
        let in_a = seen_a.value(&self.a.types, a, self.a.digests);
        let in_b = seen_b.value(&self.b.types, b, self.b.digests);
        match (in_a, in_b) {
            (Ok(Some(in_a)), Ok(Some(in_b))) => {
                let (found, more) = value_diff::find(&in_a, &in_b, MOST_OF_ONE);
                drop((in_a, in_b));
                drop(trees);
                self.found(path, found, more, nodes);
                return Ok(());
            }
            (Ok(_), Ok(_)) => drop(trees),
            (in_a, in_b) => return self.unreadable(path, (a, b), [in_a.err(), in_b.err()]),
        }
        let (types_a, types_b) = (&self.a.types, &self.b.types);
        let (digests_a, digests_b) = (self.a.digests, self.b.digests);
        let from_a = |visitor: &mut dyn Visitor| Walk::new(types_a).object(a, visitor);
        let from_b = |visitor: &mut dyn Visitor| Walk::new(types_b).object(b, visitor);
        let len = |types: &TypeTable<'_>| types.file().source().len();
        let a_side = Side { walk: &from_a, digests: digests_a, len: len(types_a) };
        let b_side = Side { walk: &from_b, digests: digests_b, len: len(types_b) };
        match first_difference(a_side, b_side) {
            Ok(at) => self.out.add(path, &at.unwrap_or_default(), What::Value, [None, None]),
            Err(e) => return self.unreadable(path, (a, b), [Some(e), None]),
        }
        Ok(())
    }

    /// Tells of differences inside a value; of arrays of numbers, where they begin to differ.
    fn found(
        &mut self,
        path: &str,
        found: Vec<value_diff::Found>,
        more: u64,
        (a, b): (Node<'_>, Node<'_>),
    ) {
        for f in found {
            let numbers = f.what == What::Value && f.sides == [None, None];
            match if numbers { first_unequal(a, b, &f.at) } else { None } {
                Some((at, sides)) => self.out.add(path, &at, What::Value, sides.map(Some)),
                None => self.out.add(path, &f.at, f.what, f.sides),
            }
        }
        self.out.count(more);
    }
}

/// Whether an error says nothing of either file: somebody ended the comparison, or lists that are too long
/// for the memory found no room.
fn is_circumstance(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Scratch { .. })
}

/// An error that is told as a difference; one that is not about the files is handed on.
fn unless_circumstance(error: Option<Error>) -> h5::Result<Option<Error>> {
    match error {
        Some(error) if is_circumstance(&error) => Err(error),
        told => Ok(told),
    }
}

/// The names in a group of a file.
#[derive(Clone, Copy)]
struct Names<'a> {
    file: &'a File,
    group: &'a h5::Group,
}

impl<'a> Names<'a> {
    /// In order; without committed types, if the group is at the top.
    fn iter(self, top: bool) -> impl Iterator<Item = h5::Result<h5::Name>> + 'a {
        let names = self.group.links(self.file).map(|link| link.map(|link| link.into_owned().name));
        names.filter(move |name| !(top && name.as_ref().is_ok_and(|name| name == "_types")))
    }

    fn hashes(self, top: bool) -> h5::Result<Vec<u64>> {
        let hashes = self.iter(top).map(|name| name.map(|name| xxh3_64(name.as_bytes())));
        let mut hashes = hashes.collect::<h5::Result<Vec<_>>>()?;
        hashes.sort_unstable();
        Ok(hashes)
    }
}

/// Order counts among the names that both sides have. Says which comes first on either side, where
/// that differs.
fn order(top: bool, a: Names<'_>, b: Names<'_>) -> h5::Result<Option<[Option<String>; 2]>> {
    let (mut of_a, mut of_b) = (a.iter(top), b.iter(top));
    let same = loop {
        match (of_a.next().transpose()?, of_b.next().transpose()?) {
            (None, None) => break true,
            (one, other) if one == other => {}
            _ => break false,
        }
    };
    // Mostly they are all the same.
    if same {
        return Ok(None);
    }
    let (in_a, in_b) = (a.hashes(top)?, b.hashes(top)?);
    let known = |name: &h5::Result<h5::Name>, others: &[u64]| match name {
        Ok(name) => others.binary_search(&xxh3_64(name.as_bytes())).is_ok(),
        Err(_) => true,
    };
    let common_a = a.iter(top).filter(|name| known(name, &in_b));
    let common_b = b.iter(top).filter(|name| known(name, &in_a));
    for (first, other) in common_a.zip(common_b) {
        let (first, other) = (first?, other?);
        if first != other {
            let said = |name: &str| Some(value_diff::shortened(&format!("{name} comes first")));
            return Ok(Some([said(&first), said(&other)]));
        }
    }
    Ok(None)
}
