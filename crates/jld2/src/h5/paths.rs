//! A list of paths with what they lead to, sorted by path, in few bytes each.
//!
//! Paths come in any order. They are put in order a few thousand at a time; of each only what differs
//! from the one in front of it is kept, and how far away the object is from that one's; of paths that
//! are numbered one after the other, how many they are. What is kept is merged when the list is gone
//! through. What is too long for the memory is in a file (`scratch`).

use super::scratch::{Log, LogReader};
use super::tokens::{self, put, unzigzag, zigzag};
use super::{Error, RelAddr, Result};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::iter;

/// Paths that are put in order at once, and the bytes of their text.
const MANY: usize = 32 << 10;
const LONG: usize = 2 << 20;
/// Bytes of a merged list that are put in at once.
const MERGED: usize = 64 << 10;

/// A path, and what it leads to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Listed {
    /// The path.
    pub path: String,
    /// The object.
    pub addr: RelAddr,
    /// What else is known of it.
    pub more: Vec<u8>,
}

/// Paths with what they lead to, sorted by path.
#[derive(Debug, Default)]
pub struct Paths {
    /// Those that came last, in any order.
    young: Vec<Listed>,
    young_bytes: usize,
    /// Sorted lists, one behind the other.
    runs: Vec<Run>,
    /// Their bytes.
    log: Log,
    len: u64,
}

/// Sorted paths, each as what differs from the one in front of it.
#[derive(Debug, Default)]
struct Run {
    /// Where it is in the log.
    start: u64,
    end: u64,
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
    /// Puts what is kept of one more behind `out`.
    fn push(&mut self, next: Listed, out: &mut Vec<u8>) {
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
        self.close(out);
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
    fn close(&mut self, out: &mut Vec<u8>) {
        if self.numbered > 0 {
            out.push(NUMBERED);
            put(out, self.numbered.into());
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
    /// Takes in one more, whatever that costs.
    pub(super) fn put_in(&mut self, listed: Listed) -> Result<()> {
        self.len += 1;
        self.young_bytes += listed.path.len() + listed.more.len();
        self.young.push(listed);
        if self.young.len() >= MANY || self.young_bytes >= LONG { self.settle() } else { Ok(()) }
    }

    /// Puts those that came last in order, and makes what is kept of them as short as it can be.
    fn settle(&mut self) -> Result<()> {
        self.young.sort();
        let follows = |run: &Run| run.last.as_ref().is_none_or(|l| Some(l) <= self.young.first());
        if !self.runs.last().is_some_and(follows) {
            let start = self.log.len();
            self.runs.push(Run { start, end: start, ..Run::default() });
        }
        if let Some(run) = self.runs.last_mut() {
            let mut bytes = Vec::new();
            self.young.drain(..).for_each(|listed| run.push(listed, &mut bytes));
            run.close(&mut bytes);
            self.log.append(&bytes)?;
            run.end = self.log.len();
        }
        self.young_bytes = 0;
        Ok(())
    }

    /// All are in: they can be gone through from now on.
    ///
    /// # Errors
    /// If they are too many for the memory, and cannot be put into a file.
    pub fn sorted(mut self) -> Result<Self> {
        if self.runs.is_empty() {
            self.young.sort();
            self.young.shrink_to_fit();
            return Ok(self);
        }
        self.settle()?;
        self.young = Vec::new();
        // To go through many pieces of a file at once takes memory, and time.
        if self.log.is_spilled() { self.merged() } else { Ok(self) }
    }

    /// As [`Self::sorted`], and as one sorted list.
    pub(super) fn merged(mut self) -> Result<Self> {
        self.settle()?;
        if self.runs.len() < 2 {
            return Ok(self);
        }
        let (mut run, mut log, mut bytes) = (Run::default(), Log::default(), Vec::new());
        for listed in &self {
            run.push(listed?, &mut bytes);
            if bytes.len() >= MERGED {
                log.append(&bytes)?;
                bytes.clear();
            }
        }
        run.close(&mut bytes);
        log.append(&bytes)?;
        (run.end, run.last) = (log.len(), None);
        Ok(Self { runs: vec![run], log, len: self.len, ..Self::default() })
    }

    /// Bytes of what is in order.
    pub(super) fn kept(&self) -> u64 {
        self.log.len()
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
        let pending = self.runs.iter().map(RunCursor::of).collect();
        let young = self.young.iter();
        Iter { log: &self.log, pending, cursors: Vec::new(), heap: BinaryHeap::new(), young }
    }

    /// In front of the first of a list that is [merged](Self::merged).
    pub(super) fn cursor(&self) -> RunCursor {
        self.runs.first().map(RunCursor::of).unwrap_or_default()
    }

    /// The next one behind the cursor, which is of this list.
    pub(super) fn next_of<'a>(&self, cursor: &'a mut RunCursor) -> Result<Option<&'a Listed>> {
        cursor.advance(&self.log)
    }

    /// Those whose paths are `wanted`.
    ///
    /// # Errors
    /// If a list that is too long for the memory cannot be kept, or read again.
    pub fn only(&self, wanted: impl Fn(&str) -> bool) -> Result<Self> {
        let mut out = Self::default();
        for listed in self {
            let listed = listed?;
            if wanted(&listed.path) {
                out.put_in(listed)?;
            }
        }
        out.sorted()
    }

    /// With more paths to objects that have no address.
    ///
    /// # Errors
    /// If a list that is too long for the memory cannot be kept, or read again.
    pub fn with(&self, more: &[String]) -> Result<Self> {
        let mut out = Self::default();
        let added = more
            .iter()
            .map(|path| Ok(Listed { path: path.clone(), addr: RelAddr::UNDEF, more: Vec::new() }));
        for listed in self.iter().chain(added) {
            out.put_in(listed?)?;
        }
        out.sorted()
    }

    /// One path alone.
    pub fn one(path: String, addr: RelAddr) -> Self {
        let young = vec![Listed { path, addr, more: Vec::new() }];
        Self { young, len: 1, ..Self::default() }
    }
}

impl<'a> IntoIterator for &'a Paths {
    type Item = Result<Listed>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Where a sorted list is gone through.
#[derive(Debug, Default)]
pub(super) struct RunCursor {
    reader: LogReader,
    far: u64,
    /// So many of the next are numbered behind the last.
    numbered: u64,
    listed: Listed,
}

impl RunCursor {
    /// Bytes of the longest head: a byte and two numbers.
    const HEAD: usize = 21;

    fn of(run: &Run) -> Self {
        Self { reader: LogReader::new(run.start, run.end), ..Self::default() }
    }

    /// Goes on to the next one.
    fn advance(&mut self, log: &Log) -> Result<Option<&Listed>> {
        if self.numbered == 0 {
            if self.reader.is_at_end() {
                return Ok(None);
            }
            let bytes = self.reader.peek(log, Self::HEAD)?;
            let (head, mut at) = (bytes.first().copied().unwrap_or(NUMBERED), 1);
            if head != NUMBERED {
                let longer = head & LONGER != 0;
                let (drop, len) = if longer {
                    (get(bytes, &mut at), get(bytes, &mut at))
                } else {
                    (u64::from(head >> 4), u64::from(head >> 1 & 7))
                };
                self.reader.skip(at);
                return self.differing(log, head, drop, len).map(Some);
            }
            self.numbered = get(bytes, &mut at).max(1);
            self.reader.skip(at);
        }
        self.numbered -= 1;
        let listed = &mut self.listed;
        // Numbers are part of the text.
        listed.path = number(std::mem::take(&mut listed.path)).unwrap_or_default();
        listed.addr.0 = listed.addr.0.wrapping_add(self.far);
        listed.more.clear();
        Ok(Some(listed))
    }

    /// The next one, of which all behind the first byte and two numbers is still to be read.
    fn differing(&mut self, log: &Log, head: u8, drop: u64, len: u64) -> Result<&Listed> {
        let Self { reader, far, listed, .. } = self;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let keep = usize::try_from(drop).map_or(0, |drop| listed.path.len().saturating_sub(drop));
        // What differs can begin inside a character.
        let mut path = std::mem::take(&mut listed.path).into_bytes();
        path.truncate(keep);
        path.extend_from_slice(reader.peek(log, len)?.get(..len).unwrap_or_default());
        reader.skip(len);
        listed.path = String::from_utf8(path).unwrap_or_default();
        if head & 1 == 0 {
            let mut at = 0;
            *far = unzigzag(get(reader.peek(log, Self::HEAD)?, &mut at));
            reader.skip(at);
        }
        listed.addr.0 = listed.addr.0.wrapping_add(*far);
        listed.more.clear();
        if head & LONGER != 0 && head & 2 != 0 {
            let mut at = 0;
            let len = get(reader.peek(log, Self::HEAD)?, &mut at);
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            reader.skip(at);
            let more = reader.peek(log, len)?.get(..len).unwrap_or_default();
            listed.more.extend_from_slice(more);
            reader.skip(len);
        }
        Ok(listed)
    }
}

/// What `all` gives up to the first error, which is put into `failed`: for whoever wants no errors in
/// between, and looks there afterwards.
pub fn until_error<T>(
    all: impl IntoIterator<Item = Result<T>>,
    failed: &mut Option<Error>,
) -> impl Iterator<Item = T> {
    all.into_iter().map_while(|one| match one {
        Ok(one) => Some(one),
        Err(error) => {
            failed.get_or_insert(error);
            None
        }
    })
}

/// See [`Paths::iter`].
#[derive(Debug)]
pub struct Iter<'a> {
    log: &'a Log,
    /// Those of which the first is still to be read.
    pending: Vec<RunCursor>,
    cursors: Vec<RunCursor>,
    /// The next of each sorted list.
    heap: BinaryHeap<Reverse<(Listed, usize)>>,
    /// Those of a short list.
    young: std::slice::Iter<'a, Listed>,
}

impl Iter<'_> {
    fn step(&mut self) -> Result<Option<Listed>> {
        for mut cursor in self.pending.drain(..) {
            if let Some(next) = cursor.advance(self.log)? {
                self.heap.push(Reverse((next.clone(), self.cursors.len())));
                self.cursors.push(cursor);
            }
        }
        // Where there is one list, or the next is of the same, nothing moves.
        let Some(mut first) = self.heap.peek_mut() else { return Ok(self.young.next().cloned()) };
        let which = first.0.1;
        let next = match self.cursors.get_mut(which) {
            Some(cursor) => cursor.advance(self.log)?,
            None => None,
        };
        Ok(Some(if let Some(next) = next {
            std::mem::replace(&mut first.0.0, next.clone())
        } else {
            let Reverse((last, _)) = std::collections::binary_heap::PeekMut::pop(first);
            last
        }))
    }
}

impl Iterator for Iter<'_> {
    type Item = Result<Listed>;

    fn next(&mut self) -> Option<Result<Listed>> {
        let next = self.step();
        if next.is_err() {
            // Nothing is left to go on with.
            self.heap.clear();
            self.young = [].iter();
        }
        next.transpose()
    }
}

impl iter::FusedIterator for Iter<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h5::{File, sample};
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
            spilled in any::<u64>(),
            merged in any::<bool>(),
        ) {
            let mut paths = Paths::default();
            let mut expected = Vec::new();
            for (i, (path, addr, more)) in all.into_iter().enumerate() {
                let listed = Listed { path, addr: RelAddr(addr), more: more.into_bytes() };
                expected.push(listed.clone());
                paths.len += 1;
                paths.young.push(listed);
                if settled >> (i % 64) & 1 == 1 {
                    paths.settle().unwrap();
                }
                if spilled >> (i % 64) & 3 == 3 {
                    paths.log.spill().unwrap();
                }
            }
            expected.sort();
            let paths = if merged { paths.merged() } else { paths.sorted() }.unwrap();
            prop_assert_eq!(paths.len(), expected.len() as u64);
            prop_assert_eq!(&paths.iter().collect::<Result<Vec<_>>>().unwrap(), &expected);
            if merged {
                let (mut cursor, mut found) = (paths.cursor(), Vec::new());
                while let Some(listed) = paths.next_of(&mut cursor).unwrap() {
                    found.push(listed.clone());
                }
                prop_assert_eq!(found, expected);
            }
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
            let paths = paths.sorted().unwrap();
            assert!(paths.log.len() < 1000, "{}", paths.log.len());
            let next = paths.iter().skip(1).map(Result::unwrap);
            assert!(paths.iter().map(Result::unwrap).zip(next).all(|(a, b)| a < b));
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
        let paths = paths.sorted().unwrap();
        assert!(paths.log.len() < 3 * 120_000, "{}", paths.log.len());
        let mut expected = all;
        expected.sort();
        let found = paths.iter().map(Result::unwrap).map(|listed| (listed.path, listed.addr.0));
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
        let paths = paths.sorted().unwrap();
        assert!(paths.log.len() < 100_000, "{}", paths.log.len());
        assert_eq!(paths.iter().last().map(|l| l.unwrap().path.len()), Some(20_000));
    }
}
