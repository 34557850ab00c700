//! A list of paths with what they lead to, sorted by path, in few bytes each.
//!
//! Paths come in any order. They are put in order a few thousand at a time; of each only what differs
//! from the one in front of it is kept, and how far away the object is from that one's; of paths that
//! are numbered one after the other, how many they are. What is kept is merged when the list is gone
//! through.

use crate::h5::budget::Cost;
use crate::h5::tokens::{self, put, unzigzag, zigzag};
use crate::h5::{Budget, File, RelAddr, Result};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Paths that are put in order at once, and the bytes of their text.
const MANY: usize = 32 << 10;
const LONG: usize = 2 << 20;
/// To copy and to compare so many bytes of a path costs as much as one that is read.
const CHEAP: usize = 16;

/// A path, and what it leads to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// The path.
    pub path: String,
    /// The object.
    pub addr: RelAddr,
    /// What else is known of it.
    pub more: Vec<u8>,
}

/// Paths with what they lead to, sorted by path.
#[derive(Debug, Default, Clone)]
pub struct Paths {
    /// Those that came last, in any order.
    young: Vec<Listed>,
    young_bytes: usize,
    /// Sorted lists.
    runs: Vec<Run>,
    /// Their bytes.
    kept: usize,
    len: u64,
}

/// Sorted paths, each as what differs from the one in front of it.
#[derive(Debug, Default, Clone)]
struct Run {
    bytes: Vec<u8>,
    last: Option<Listed>,
    /// How far the last object is from the one in front of it.
    far: u64,
    /// So many of the last are numbered one after the other, and are not among the bytes yet.
    numbered: u64,
}

/// Marks what is longer than the few bits of its head.
const LONGER: u8 = 0x80;
/// The head of a number of paths, each with the number behind that of the one in front of it, and its
/// object as far away as the last one.
const NUMBERED: u8 = 0x84;

impl Run {
    fn push(&mut self, next: Listed) {
        let (before, addr) = match &self.last {
            Some(last) => (last.path.as_bytes(), last.addr.0),
            None => (&[][..], 0),
        };
        let path = next.path.as_bytes();
        let shared = shared(before, path);
        let rest = path.get(shared..).unwrap_or_default();
        let (drop, more) = (before.len() - shared, !next.more.is_empty());
        let far = next.addr.0.wrapping_sub(addr);
        let as_before = far == self.far;
        if as_before && !more && is_next(before, path) {
            self.numbered += 1;
            self.last = Some(next);
            return;
        }
        self.close();
        let out = &mut self.bytes;
        match (u8::try_from(drop), u8::try_from(rest.len())) {
            (Ok(drop @ ..8), Ok(len @ ..8)) if !more => {
                out.push(drop << 4 | len << 1 | u8::from(as_before));
            }
            _ => {
                out.push(LONGER | u8::from(more) << 1 | u8::from(as_before));
                put(out, drop as u128);
                put(out, rest.len() as u128);
            }
        }
        out.extend_from_slice(rest);
        if !as_before {
            put(out, zigzag(far).into());
            self.far = far;
        }
        if more {
            put(out, next.more.len() as u128);
            out.extend_from_slice(&next.more);
        }
        self.last = Some(next);
    }

    /// Puts the number of those that are numbered among the bytes.
    fn close(&mut self) {
        if self.numbered > 0 {
            self.bytes.push(NUMBERED);
            put(&mut self.bytes, self.numbered.into());
            self.numbered = 0;
        }
    }
}

/// Whether the number at the end of `path` is that at the end of `before` and one, in as many digits,
/// and all else is the same.
fn is_next(before: &[u8], path: &[u8]) -> bool {
    let nines =
        before.iter().rev().zip(path.iter().rev()).take_while(|pair| *pair == (&b'9', &b'0'));
    let nines = nines.count();
    let digit = |text: &[u8]| text.len().checked_sub(nines + 1);
    let (Some(at), Some(same)) = (digit(before), digit(path)) else { return false };
    let (Some(old), Some(new)) = (before.get(at), path.get(at)) else { return false };
    at == same
        && (b'0'..=b'8').contains(old)
        && *new == old + 1
        && before.get(..at) == path.get(..at)
}

/// Makes the number at the end of `path` the next one, in as many digits.
fn number(path: String) -> Option<String> {
    let mut bytes = path.into_bytes();
    for digit in bytes.iter_mut().rev() {
        if *digit != b'9' {
            *digit += 1;
            break;
        }
        *digit = b'0';
    }
    String::from_utf8(bytes).ok()
}

/// Bytes at the beginning that two paths have in common.
fn shared(a: &[u8], b: &[u8]) -> usize {
    const STEP: usize = 32;
    let steps = a.chunks_exact(STEP).zip(b.chunks_exact(STEP)).take_while(|(a, b)| a == b).count();
    let (a, b) = (a.iter().skip(steps * STEP), b.iter().skip(steps * STEP));
    steps * STEP + a.zip(b).take_while(|(a, b)| a == b).count()
}

/// The number of 64 bits that was put at `at`, which moves behind it.
fn get(bytes: &[u8], at: &mut usize) -> u64 {
    u64::try_from(tokens::get(bytes, at)).unwrap_or(0)
}

impl Paths {
    /// Takes in one more; `at` is where what it leads to stands.
    ///
    /// # Errors
    /// If what is kept of all paths takes more than `budget` allows.
    pub fn push(
        &mut self,
        (file, budget, at): (&File, &mut Budget, u64),
        listed: Listed,
    ) -> Result<()> {
        file.spend((listed.path.len() / CHEAP) as u64);
        let before = self.kept();
        self.put_in(listed);
        budget.check(file, at)?;
        budget.take(Cost::Paths, self.kept().saturating_sub(before) as u64, at)
    }

    fn put_in(&mut self, listed: Listed) {
        self.len += 1;
        self.young_bytes += listed.path.len() + listed.more.len();
        self.young.push(listed);
        if self.young.len() >= MANY || self.young_bytes >= LONG {
            self.settle();
        }
    }

    /// Bytes of what is in order.
    fn kept(&self) -> usize {
        self.kept
    }

    /// Puts those that came last in order, and makes what is kept of them as short as it can be.
    fn settle(&mut self) {
        self.young.sort();
        let follows = |run: &Run| run.last.as_ref().is_none_or(|l| Some(l) <= self.young.first());
        if !self.runs.last().is_some_and(follows) {
            self.runs.push(Run::default());
        }
        if let Some(run) = self.runs.last_mut() {
            let before = run.bytes.len();
            self.young.drain(..).for_each(|listed| run.push(listed));
            run.close();
            self.kept += run.bytes.len() - before;
        }
        self.young_bytes = 0;
    }

    /// All are in: they can be gone through from now on.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        if self.runs.is_empty() {
            self.young.sort();
            self.young.shrink_to_fit();
        } else {
            self.settle();
            self.young = Vec::new();
        }
        self
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All of them, sorted by path.
    pub fn iter(&self) -> Iter<'_> {
        let mut iter =
            Iter { cursors: Vec::new(), heap: BinaryHeap::new(), young: self.young.iter() };
        for run in &self.runs {
            let start = Listed { path: String::new(), addr: RelAddr(0), more: Vec::new() };
            let cursor = Cursor { bytes: &run.bytes, at: 0, far: 0, numbered: 0, listed: start };
            iter.cursors.push(cursor);
        }
        for which in 0..iter.cursors.len() {
            iter.refill(which);
        }
        iter
    }
}

impl FromIterator<(String, RelAddr)> for Paths {
    fn from_iter<I: IntoIterator<Item = (String, RelAddr)>>(paths: I) -> Self {
        let mut out = Self::default();
        let listed = paths.into_iter().map(|(path, addr)| Listed { path, addr, more: Vec::new() });
        listed.for_each(|listed| out.put_in(listed));
        out.sorted()
    }
}

impl<'a> IntoIterator for &'a Paths {
    type Item = Listed;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Where a sorted list is gone through.
#[derive(Debug)]
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    far: u64,
    /// So many of the next are numbered behind the last.
    numbered: u64,
    listed: Listed,
}

impl Cursor<'_> {
    fn next(&mut self) -> Option<Listed> {
        if self.numbered > 0 {
            return self.next_numbered();
        }
        if self.at >= self.bytes.len() {
            return None;
        }
        let Self { bytes, at, far, listed, .. } = self;
        let head = *bytes.get(*at)?;
        *at += 1;
        if head == NUMBERED {
            self.numbered = get(bytes, at);
            return self.next_numbered();
        }
        let longer = head & LONGER != 0;
        let (drop, len) = if longer {
            (get(bytes, at), get(bytes, at))
        } else {
            (u64::from(head >> 4), u64::from(head >> 1 & 7))
        };
        let keep = listed.path.len().saturating_sub(usize::try_from(drop).ok()?);
        let len = usize::try_from(len).ok()?;
        let rest = bytes.get(*at..)?.get(..len)?;
        *at += len;
        // What differs can begin inside a character.
        let mut path = std::mem::take(&mut listed.path).into_bytes();
        path.truncate(keep);
        path.extend_from_slice(rest);
        listed.path = String::from_utf8(path).ok()?;
        if head & 1 == 0 {
            *far = unzigzag(get(bytes, at));
        }
        listed.addr.0 = listed.addr.0.wrapping_add(*far);
        listed.more.clear();
        if longer && head & 2 != 0 {
            let len = usize::try_from(get(bytes, at)).ok()?;
            listed.more.extend_from_slice(bytes.get(*at..)?.get(..len)?);
            *at += len;
        }
        Some(listed.clone())
    }

    fn next_numbered(&mut self) -> Option<Listed> {
        let listed = &mut self.listed;
        self.numbered = self.numbered.checked_sub(1)?;
        listed.path = number(std::mem::take(&mut listed.path))?;
        listed.addr.0 = listed.addr.0.wrapping_add(self.far);
        listed.more.clear();
        Some(listed.clone())
    }
}

/// See [`Paths::iter`].
#[derive(Debug)]
pub struct Iter<'a> {
    cursors: Vec<Cursor<'a>>,
    /// The next of each sorted list.
    heap: BinaryHeap<Reverse<(Listed, usize)>>,
    /// Those of a short list.
    young: std::slice::Iter<'a, Listed>,
}

impl Iter<'_> {
    fn refill(&mut self, which: usize) {
        if let Some(next) = self.cursors.get_mut(which).and_then(Cursor::next) {
            self.heap.push(Reverse((next, which)));
        }
    }
}

impl Iterator for Iter<'_> {
    type Item = Listed;

    fn next(&mut self) -> Option<Listed> {
        // Where there is one list, or the next is of the same, nothing moves.
        let Some(mut first) = self.heap.peek_mut() else { return self.young.next().cloned() };
        let which = first.0.1;
        if let Some(next) = self.cursors.get_mut(which).and_then(Cursor::next) {
            Some(std::mem::replace(&mut first.0.0, next))
        } else {
            let Reverse((last, _)) = std::collections::binary_heap::PeekMut::pop(first);
            Some(last)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h5::sample;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        /// As a sorted vector, wherever it is put in order meanwhile.
        #[test]
        fn a_list_is_a_sorted_vector(
            all in proptest::collection::vec(
                ("[ab/é€-]{0,6}|a?[089]{0,3}", prop_oneof![any::<u64>(), Just(7)], "[x]{0,2}"),
                0..60,
            ),
            settled in any::<u64>(),
        ) {
            let mut paths = Paths::default();
            let mut expected = Vec::new();
            for (i, (path, addr, more)) in all.into_iter().enumerate() {
                let listed = Listed { path, addr: RelAddr(addr), more: more.into_bytes() };
                expected.push(listed.clone());
                paths.len += 1;
                paths.young.push(listed);
                if settled >> (i % 64) & 1 == 1 {
                    paths.settle();
                }
            }
            expected.sort();
            let paths = paths.sorted();
            prop_assert_eq!(paths.len(), expected.len() as u64);
            prop_assert_eq!(paths.iter().collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn very_many_take_little_in_either_order() {
        let file = File::from_source(sample::empty_file()).unwrap();
        for backwards in [false, true] {
            let (mut paths, mut budget) = (Paths::default(), file.allowance());
            for i in 0..300_000_u64 {
                let i = if backwards { 300_000 - i } else { i };
                let listed =
                    Listed { path: format!("/x{i:08}"), addr: RelAddr(52 * i), more: Vec::new() };
                paths.push((&file, &mut budget, 0), listed).unwrap();
            }
            let paths = paths.sorted();
            assert!(paths.kept() < 1000, "{}", paths.kept());
            assert!(paths.iter().zip(paths.iter().skip(1)).all(|(a, b)| a < b));
            assert_eq!(paths.iter().count(), 300_000);
        }
    }

    #[test]
    fn what_is_numbered_otherwise_takes_little_too() {
        let file = File::from_source(sample::empty_file()).unwrap();
        let (mut paths, mut budget) = (Paths::default(), file.allowance());
        // In as many digits as each number has, and with one object a few bytes longer than others.
        let all: Vec<_> = (0..120_000_u64).map(|i| (format!("/x{i}"), 52 * i + i / 1000)).collect();
        for (path, addr) in &all {
            let listed = Listed { path: path.clone(), addr: RelAddr(*addr), more: Vec::new() };
            paths.push((&file, &mut budget, 0), listed).unwrap();
        }
        let paths = paths.sorted();
        assert!(paths.kept() < 3 * 120_000, "{}", paths.kept());
        let mut expected = all;
        expected.sort();
        let found = paths.iter().map(|listed| (listed.path, listed.addr.0));
        assert!(found.eq(expected));
    }

    #[test]
    fn a_long_chain_takes_no_more_than_its_names() {
        let file = File::from_source(sample::empty_file()).unwrap();
        let (mut paths, mut budget) = (Paths::default(), file.allowance());
        let mut path = String::new();
        for i in 0..10_000 {
            path.push_str("/g");
            let listed = Listed { path: path.clone(), addr: RelAddr(i), more: Vec::new() };
            paths.push((&file, &mut budget, 0), listed).unwrap();
        }
        let paths = paths.sorted();
        assert!(paths.kept() < 100_000, "{}", paths.kept());
        assert_eq!(paths.iter().last().map(|l| l.path.len()), Some(20_000));
    }
}
