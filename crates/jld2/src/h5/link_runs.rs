//! Where the links of groups stand that have too many to be held (`link_cursor` reads them).
//!
//! JLD2 writes all links of a group as messages of one header, however many there are; libhdf5 puts
//! many into tables and heaps (`link_list`).

use super::link_list::LinkList;
use super::message::link::{AnyLink, HardLink, Link, SymbolicLink};
use super::{Error, Name, RelAddr, Result, Source};
use crate::h5::budget::{INDEX_BYTES, INDEX_ENTRIES};
use std::ops::Range;

/// Bytes that are read at once.
const WINDOW: usize = 128 << 10;
/// Bytes of the longest message with its head.
const MESSAGE: usize = 8 + 0xffff;

/// Where the links of a group stand that has too many to be held: in a header that is too long to be
/// kept, or outside it.
#[derive(Debug, PartialEq, Eq)]
pub struct LinkRuns {
    runs: Vec<LinkRun>,
    /// Those that stand outside the header: one run, of their messages.
    list: Option<LinkList>,
    tally: Tally,
    /// Bytes in front of the body of each message: 4, of which the last is the flags; two more behind
    /// them where the order of attributes is tracked; 8 in headers of version 1.
    head: usize,
    /// Whether links that make no sense are passed over.
    lenient: bool,
}

/// Bytes in front of the body of a message that stands outside the header, had it one.
const LIST_HEAD: usize = 4;

/// What there is of links, as they are met.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// How many lead to objects.
    hard: u64,
    /// The others.
    symbolic: Vec<SymbolicLink>,
    /// Bytes that those take in memory.
    weight: usize,
    /// How many names of links to objects are not UTF-8, and the first of those.
    raw_names: Option<(u64, Name)>,
    /// How many have [the name](TYPES) that is looked for in every root group, and where the first of
    /// those leads and stands.
    types: (u64, RelAddr, u64),
}

/// What JLD2 calls the group of committed types.
const TYPES: &str = "_types";

impl Tally {
    /// Takes in a link.
    pub(super) fn push(&mut self, link: AnyLink) {
        match link {
            AnyLink::Hard(Link { name, target, at }) => {
                self.push_hard(&HardLink { name: name.as_bytes(), target, at });
            }
            AnyLink::Symbolic(link) => {
                self.weight += link.weight();
                self.symbolic.push(link);
            }
        }
    }

    /// Takes in a link to an object.
    #[inline]
    pub(super) fn push_hard(&mut self, link: &HardLink<'_>) {
        self.hard += 1;
        if std::str::from_utf8(link.name).is_err() {
            self.raw_names.get_or_insert_with(|| (0, Name::new(link.name))).0 += 1;
        }
        if link.name == TYPES.as_bytes() {
            let (count, ..) = self.types;
            if count == 0 {
                self.types = (1, link.target, link.at);
            } else {
                self.types.0 = count.saturating_add(1);
            }
        }
    }

    /// As [`Self::push`]; `at` is where the link stands.
    ///
    /// # Errors
    /// If those that lead to names, which are held, become too many.
    pub(super) fn put_in(&mut self, link: AnyLink, at: u64) -> Result<()> {
        self.push(link);
        let count = self.symbolic.len();
        if count <= INDEX_ENTRIES && self.weight as u64 <= INDEX_BYTES {
            return Ok(());
        }
        let what = format!("a group with {count} soft and external links of {} bytes", self.weight);
        let limit = format!(
            "{INDEX_ENTRIES} of them and {INDEX_BYTES} bytes, the most that are held of one group; JLD2 \
             writes and follows none, so that h5py can delete them or put them into several groups"
        );
        Err(Error::too_large_at(at, what, limit))
    }
}

/// Link messages that follow upon one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkRun {
    /// How many of the header's other messages come first.
    pub before: usize,
    /// Absolute offset of the first; 0 if they stand outside the header.
    pub start: u64,
    /// Absolute offset behind the last; bytes of all if they stand outside the header.
    pub end: u64,
    /// How many there are.
    pub count: u64,
}

/// What is known of links of one name.
pub(super) enum Named {
    /// All have to be looked at.
    Unknown,
    /// There is none.
    None,
    One(Link),
}

impl LinkRuns {
    pub(super) fn new(head: usize, lenient: bool) -> Self {
        Self { runs: Vec::new(), list: None, tally: Tally::default(), head, lenient }
    }

    /// Those of a list, which come behind so many messages of the header.
    pub(super) fn of_list(list: LinkList, before: usize, tally: Tally) -> Self {
        let (head, count) = (LIST_HEAD, list.len());
        let end = list.bytes().saturating_add(count.saturating_mul(head as u64));
        let runs = vec![LinkRun { before, start: 0, end, count }];
        Self { runs, list: Some(list), tally, head, lenient: false }
    }

    /// Those outside the header.
    pub(super) fn list(&self) -> Option<&LinkList> {
        self.list.as_ref()
    }

    /// The longest message that stands outside the header: its bytes, and its absolute offset.
    pub fn longest(&self) -> Option<(u64, u64)> {
        self.list.as_ref().map(LinkList::longest)
    }

    /// How many links lead to objects.
    pub fn len(&self) -> u64 {
        self.tally.hard
    }

    /// Whether no link leads to an object.
    pub fn is_empty(&self) -> bool {
        self.tally.hard == 0
    }

    /// Those that lead to names, in order.
    pub fn symbolic(&self) -> &[SymbolicLink] {
        &self.tally.symbolic
    }

    /// How many names of links that lead to objects are not UTF-8, and the first of those.
    pub fn raw_names(&self) -> Option<(u64, &Name)> {
        self.tally.raw_names.as_ref().map(|(count, name)| (*count, name))
    }

    /// What is known of a link of this name without going through all of them.
    pub(super) fn named(&self, name: &str) -> Named {
        match self.tally.types {
            _ if name != TYPES => Named::Unknown,
            (0, ..) => Named::None,
            (1, target, at) => Named::One(Link { name: Name::from(name), target, at }),
            // Which of several is the first tells their order.
            _ => Named::Unknown,
        }
    }

    /// In the order of the header.
    pub fn runs(&self) -> &[LinkRun] {
        &self.runs
    }

    /// Bytes in front of the body of each message.
    pub fn head(&self) -> usize {
        self.head
    }

    /// Whether links that make no sense are passed over.
    pub(super) fn lenient(&self) -> bool {
        self.lenient
    }

    /// Bytes that it takes in memory, roughly.
    pub(super) fn weight(&self) -> u64 {
        (self.tally.weight + self.runs.len() * 32) as u64
    }

    /// What there is of the links that were taken in.
    pub(super) fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    /// Takes in a link message that stands from `start` to `end`, behind so many others.
    pub(super) fn push(&mut self, before: usize, start: u64, end: u64) {
        match self.runs.last_mut() {
            Some(run) if run.end == start && run.before == before => {
                run.end = end;
                run.count += 1;
            }
            _ => self.runs.push(LinkRun { before, start, end, count: 1 }),
        }
    }

    /// Takes in what was found in the next chunk; so many messages are in front of that.
    pub(super) fn append(&mut self, more: Self, before: usize) {
        let Tally { hard, symbolic, weight, raw_names, types } = more.tally;
        self.tally.hard += hard;
        if self.tally.types.0 == 0 {
            self.tally.types = types;
        } else {
            self.tally.types.0 = self.tally.types.0.saturating_add(types.0);
        }
        if let Some((count, name)) = raw_names {
            self.tally.raw_names.get_or_insert((0, name)).0 += count;
        }
        self.tally.weight += weight;
        self.tally.symbolic.extend(symbolic);
        self.runs.extend(
            more.runs.into_iter().map(|run| LinkRun { before: run.before + before, ..run }),
        );
    }
}

/// Bytes of a file that are gone through in order.
#[derive(Debug)]
pub(super) struct Window {
    bytes: Vec<u8>,
    /// What of them was gone through.
    at: usize,
    /// Absolute offset of what comes next.
    offset: u64,
    /// Absolute offset behind all.
    end: u64,
}

impl Window {
    pub(super) fn new(start: u64, end: u64) -> Self {
        Self { bytes: Vec::new(), at: 0, offset: start, end }
    }

    /// The same window for other bytes.
    pub(super) fn restart(&mut self, start: u64, end: u64) {
        self.bytes.clear();
        (self.at, self.offset, self.end) = (0, start, end);
    }

    /// How many of the bytes that it holds were gone through.
    pub(super) fn passed(&self) -> usize {
        self.at
    }

    /// Some of the bytes that it holds.
    pub(super) fn get(&self, range: Range<usize>) -> &[u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    /// Absolute offset of what comes next.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> u64 {
        self.end.saturating_sub(self.offset)
    }

    /// What comes next: the longest message at least, or all that is left. What is read for that is
    /// handed to `read`.
    #[inline]
    pub(super) fn peek(&mut self, source: &Source, read: &mut dyn FnMut(&[u8])) -> Result<&[u8]> {
        let have = self.bytes.len() - self.at;
        if have < MESSAGE && (have as u64) < self.left() {
            self.fill(source, read)?;
        }
        Ok(self.bytes.get(self.at..).unwrap_or_default())
    }

    #[cold]
    fn fill(&mut self, source: &Source, read: &mut dyn FnMut(&[u8])) -> Result<()> {
        self.bytes.drain(..self.at);
        self.at = 0;
        let have = self.bytes.len();
        let more = usize::try_from(self.left()).unwrap_or(usize::MAX).min(WINDOW) - have;
        self.bytes.resize(have + more, 0);
        let new = self.bytes.get_mut(have..).unwrap_or_default();
        source.read_into(self.offset + have as u64, new, "object header")?;
        read(new);
        Ok(())
    }

    /// Goes on behind the next `len` bytes, which were looked at.
    #[inline]
    pub(super) fn skip(&mut self, len: usize) {
        let len = len.min(self.bytes.len() - self.at);
        self.at += len;
        self.offset += len as u64;
    }
}
