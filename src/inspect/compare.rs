//! Compares two files by their types and values, whatever their codecs and layouts.

use super::attributes;
use super::comparison::{Differences, What};
use super::contents::{Linked, LinkedKind};
use super::group_diff;
use super::identity::{Made, Name};
use super::layouts;
use super::numbers::first_unequal;
use super::seen::Seen;
use super::side::{Ahead, Asked, Read, Reader, Second};
use super::unread;
use super::view::{Node, Progress, View};
use crate::h5::{self, AddressLog, Error, ErrorKind, ObjectKind, RelAddr};
use crate::inspect::stream_diff::{Side, first_difference};
use crate::inspect::value_diff;
use crate::julia::{TypeTable, Visitor, Walk};
use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::HashSet;
use std::iter::Peekable;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Differences that are named for one dataset.
const MOST_OF_ONE: usize = 5;

/// Held by whoever has trees of two values. They take much memory: one pair at a time, however many
/// files are compared at once.
static TREES: Mutex<()> = Mutex::new(());

/// What is linked under a path.
enum Step {
    /// On both sides; with the number of the value, if one is to be compared.
    Both(Linked, Linked, Option<u32>),
    OnlyA(Linked),
    OnlyB(Linked),
}

impl Step {
    /// Bytes of its text.
    fn bytes(&self) -> usize {
        let of = |linked: &Linked| linked.path.len() + linked.to.as_ref().map_or(0, String::len);
        match self {
            Self::Both(a, b, _) => of(a) + of(b),
            Self::OnlyA(one) | Self::OnlyB(one) => of(one),
        }
    }
}

/// So many are known before the first of them is compared, so that the second side's values can be read
/// ahead.
const STEPS: usize = 1024;
/// But no more than have so many bytes of paths: groups may be deep inside one another.
const PATHS: usize = 512 << 10;

/// All differences between two files, but for paths in `added` that only B has. With two `threads` one
/// reads the values of each side.
///
/// # Errors
/// Only if `progress` has it end.
pub(super) fn differences(
    a: &View<'_>,
    b: &View<'_>,
    added: &HashSet<String>,
    threads: usize,
    progress: Progress<'_>,
) -> h5::Result<Differences> {
    thread::scope(|scope| {
        let ahead = if threads > 1 { Ahead::start(scope, b, progress) } else { None };
        let (of_a, of_b) = (a.identities(), b.identities());
        let here = || Second::Here(Reader::new(b, &of_b, progress));
        let second = ahead.map_or_else(here, Second::Ahead);
        let mut pairs = Pairs {
            a,
            b,
            first: Reader::new(a, &of_a, progress),
            second,
            progress,
            compared: AddressLog::default(),
            unread_left: Cell::new(a.types().file().source().len().saturating_mul(2)),
            out: Differences::default(),
        };
        let compared = pairs.all(added);
        let Pairs { second, mut out, .. } = pairs;
        let types = second.finish();
        compared?;
        layouts::compare((a, of_a.types()), (b, types), &mut out);
        Ok(out)
    })
}

/// The next of what is linked on either side. Both lists are sorted by path.
fn next_of(
    left: &mut Peekable<impl Iterator<Item = Linked>>,
    right: &mut Peekable<impl Iterator<Item = Linked>>,
) -> Option<Step> {
    let order = match (left.peek(), right.peek()) {
        (Some(mine), Some(others)) => mine.path.cmp(&others.path),
        (Some(_), None) => Ordering::Less,
        (None, _) => Ordering::Greater,
    };
    match order {
        Ordering::Less => left.next().map(Step::OnlyA),
        Ordering::Greater => right.next().map(Step::OnlyB),
        Ordering::Equal => {
            left.next().zip(right.next()).map(|(mine, others)| Step::Both(mine, others, None))
        }
    }
}

/// Whether the values of two objects are to be compared that are linked under the same path.
fn have_values(a: &Linked, b: &Linked) -> bool {
    let kinds = [LinkedKind::Dataset, LinkedKind::Datatype];
    // Others were compared under their first path.
    a.kind == b.kind && kinds.contains(&a.kind) && (a.same.is_none() || a.same != b.same)
}

/// What both files have, pair by pair.
struct Pairs<'c, 's> {
    a: &'c View<'c>,
    b: &'c View<'c>,
    first: Reader<'c>,
    second: Second<'c, 's>,
    progress: Progress<'c>,
    /// Addresses on the first side of the datasets that were compared, by their numbers.
    compared: AddressLog,
    /// Bytes of what cannot be read that are still compared.
    unread_left: Cell<u64>,
    out: Differences,
}

impl Pairs<'_, '_> {
    fn all(&mut self, added: &HashSet<String>) -> h5::Result<()> {
        let (a, b) = (self.a, self.b);
        let mut lost = [None, None];
        let [lost_a, lost_b] = &mut lost;
        let mut left = h5::until_error(a.contents().iter(), lost_a).peekable();
        let mut right = h5::until_error(b.contents().iter(), lost_b).peekable();
        let mut before = Vec::new();
        loop {
            let (mut steps, mut bytes) = (Vec::new(), 0);
            while steps.len() < STEPS
                && bytes < PATHS
                && let Some(step) = next_of(&mut left, &mut right)
            {
                bytes += step.bytes();
                steps.push(step);
            }
            self.ask(&mut steps);
            for step in mem::replace(&mut before, steps) {
                self.step(&step, added)?;
            }
            if before.is_empty() {
                break;
            }
        }
        drop((left, right));
        lost.into_iter().flatten().next().map_or(Ok(()), Err)
    }

    /// Has the second side's values read ahead that are to be compared.
    fn ask(&mut self, steps: &mut [Step]) {
        let mut some: Vec<Asked> = Vec::new();
        for step in steps {
            if let Step::Both(a, b, number) = step
                && have_values(a, b)
            {
                let next = u32::try_from(self.compared.len()).unwrap_or(u32::MAX);
                self.compared.push(a.addr.0);
                *number = Some(next);
                some.push((next, b.addr));
            }
        }
        self.second.ask(some);
    }

    fn step(&mut self, step: &Step, added: &HashSet<String>) -> h5::Result<()> {
        match step {
            Step::Both(mine, others, number) => return self.linked(mine, others, *number),
            Step::OnlyA(mine) => {
                let sides = [Some(mine.kind.noun().to_owned()), None];
                self.out.add(&mine.path, "", What::Missing, sides);
            }
            Step::OnlyB(others) if !added.contains(&*others.path) => {
                let sides = [None, Some(others.kind.noun().to_owned())];
                self.out.add(&others.path, "", What::Missing, sides);
            }
            Step::OnlyB(_) => {}
        }
        Ok(())
    }

    fn linked(&mut self, a: &Linked, b: &Linked, number: Option<u32>) -> h5::Result<()> {
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
        // What was asked for is to be taken, whatever comes of the rest.
        let values = number.map(|number| {
            let of_a = self.first.read((number, a.addr));
            (of_a, self.second.next((number, b.addr)))
        });
        // Nothing else is to be compared then, so that the objects need not be read again.
        if let Some((Ok(of_a), Ok(of_b))) = &values
            && of_a.made.bare
            && of_b.made.bare
        {
            return self.value(&a.path, (a.addr, b.addr), values);
        }
        let (object_a, object_b) = match (self.a.object(a), self.b.object(b)) {
            (Ok(a), Ok(b)) => (a, b),
            (in_a, in_b) => {
                return self.unreadable(path, (a.addr, b.addr), [in_a.err(), in_b.err()]);
            }
        };
        let sides = ((self.a.types(), &*object_a), (self.b.types(), &*object_b));
        attributes::compare(path, sides.0, sides.1, &mut self.out);
        if let (Some(a), Some(b)) = (object_a.dataset(), object_b.dataset()) {
            let types = [(self.a.types(), &a.datatype), (self.b.types(), &b.datatype)];
            attributes::enumerations(path, "", types, &mut self.out);
        }
        match (&object_a.kind, &object_b.kind) {
            (ObjectKind::Group(in_a), ObjectKind::Group(in_b)) => {
                group_diff::messages(path, [&object_a, &object_b], &mut self.out);
                let sides = [(self.a, in_a), (self.b, in_b)];
                let sides = sides.map(|(view, group)| (view.types().file(), group));
                group_diff::order(path, sides, &mut self.out)
            }
            _ => self.value(&a.path, (a.addr, b.addr), values),
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
            let files = (self.a.types().file(), self.b.types().file());
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

    fn value(
        &mut self,
        path: &Arc<str>,
        (a, b): (RelAddr, RelAddr),
        values: Option<(h5::Result<Read>, h5::Result<Read>)>,
    ) -> h5::Result<()> {
        // What could not be read when it was listed has no value.
        let Some(read) = values else {
            self.out.add(path, "", What::NotCompared, [None, None]);
            return Ok(());
        };
        let (read_a, read_b) = match read {
            (Ok(a), Ok(b)) => (a, b),
            (in_a, in_b) => return self.unreadable(path, (a, b), [in_a.err(), in_b.err()]),
        };
        let (seen_a, seen_b) = (read_a.seen, read_b.seen);
        if seen_a.digest == seen_b.digest {
            return self.sharing(path, &read_a.made, &read_b.made);
        }
        self.unequal(path, (a, &seen_a), (b, &seen_b))
    }

    /// Values are the same; whether objects in them are those of other datasets, too.
    fn sharing(&mut self, path: &str, a: &Made, b: &Made) -> h5::Result<()> {
        if a.attributes != b.attributes {
            // Their names are not known here: no path leads to that object.
            self.out.add(path, "@", What::Value, [None, None]);
        }
        if a.odd != b.odd {
            let said = |odd: Option<u128>| match odd {
                Some(_) => Some("a single chunk of another size than its dataset".to_owned()),
                None => Some("as JLD2 stores it".to_owned()),
            };
            self.out.add(path, "", What::Layout, [said(a.odd), said(b.odd)]);
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
    fn path_of(&self, dataset: u32) -> h5::Result<Option<Arc<str>>> {
        let number = usize::try_from(dataset).unwrap_or(usize::MAX);
        let Some(addr) = self.compared.iter().nth(number) else { return Ok(None) };
        for linked in self.a.contents().iter() {
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
        let nodes: (Node<'_>, Node<'_>) = ((self.a.types(), a), (self.b.types(), b));
        let trees = TREES.lock().unwrap_or_else(PoisonError::into_inner);
        let in_a = seen_a.value(self.a.types(), a, self.a.digests());
        let in_b = seen_b.value(self.b.types(), b, self.b.digests());
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
        let (types_a, types_b) = (self.a.types(), self.b.types());
        let (digests_a, digests_b) = (self.a.digests(), self.b.digests());
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
