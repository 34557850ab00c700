//! Links of groups whose headers are too long to be kept: where they stand, and how they are read
//! again, one after another.
//!
//! JLD2 writes all links of a group as messages of one header, however many there are.

use super::bytes::Cursor;
use super::header::kind;
use super::message::link::{AnyLink, HardLink, Link, SymbolicLink};
use super::{ErrorKind, File, Name, Result, Source};
use std::borrow::Cow;
use std::ops::Range;
use std::slice;
use std::sync::Arc;

/// Bytes that are read at once.
const WINDOW: usize = 128 << 10;
/// Bytes of the longest message with its head.
const MESSAGE: usize = 8 + 0xffff;

/// Where the links of a group stand whose header is too long to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRuns {
    runs: Vec<LinkRun>,
    /// How many of the links lead to objects.
    hard: u64,
    /// The others.
    symbolic: Vec<SymbolicLink>,
    /// How many of their names are not UTF-8, and the first of those.
    raw_names: Option<(u64, Name)>,
    /// Bytes in front of the body of each message: 4, of which the last is the flags; two more behind
    /// them where the order of attributes is tracked; 8 in headers of version 1.
    head: usize,
    /// Whether links that make no sense are passed over.
    lenient: bool,
}

/// Link messages that follow upon one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkRun {
    /// How many of the header's other messages come first.
    pub before: usize,
    /// Absolute offset of the first.
    pub start: u64,
    /// Absolute offset behind the last.
    pub end: u64,
    /// How many there are.
    pub count: u64,
}

impl LinkRuns {
    pub(super) fn new(head: usize, lenient: bool) -> Self {
        Self { runs: Vec::new(), hard: 0, symbolic: Vec::new(), raw_names: None, head, lenient }
    }

    /// How many links lead to objects.
    pub fn len(&self) -> u64 {
        self.hard
    }

    /// Whether no link leads to an object.
    pub fn is_empty(&self) -> bool {
        self.hard == 0
    }

    /// Those that lead to names, in order.
    pub fn symbolic(&self) -> &[SymbolicLink] {
        &self.symbolic
    }

    /// How many names of links that lead to objects are not UTF-8, and the first of those.
    pub fn raw_names(&self) -> Option<(u64, &Name)> {
        self.raw_names.as_ref().map(|(count, name)| (*count, name))
    }

    /// In the order of the header.
    pub fn runs(&self) -> &[LinkRun] {
        &self.runs
    }

    /// Bytes in front of the body of each message.
    pub fn head(&self) -> usize {
        self.head
    }

    /// Bytes that it takes in memory, roughly.
    pub(super) fn weight(&self) -> u64 {
        let symbolic: usize = self.symbolic.iter().map(SymbolicLink::weight).sum();
        (symbolic + self.runs.len() * 32) as u64
    }

    /// Takes in a link message that stands from `start` to `end`, behind so many others.
    pub(super) fn push(&mut self, before: usize, start: u64, end: u64, link: Option<AnyLink>) {
        match link {
            Some(AnyLink::Hard(link)) => {
                self.hard += 1;
                if !link.name.is_utf8() {
                    self.raw_names.get_or_insert((0, link.name)).0 += 1;
                }
            }
            Some(AnyLink::Symbolic(link)) => self.symbolic.push(link),
            None => {}
        }
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
        self.hard += more.hard;
        if let Some((count, name)) = more.raw_names {
            self.raw_names.get_or_insert((0, name)).0 += count;
        }
        self.symbolic.extend(more.symbolic);
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

/// A link message as it is stored.
#[derive(Debug, Clone, Copy)]
pub struct LinkMessage<'a> {
    /// Its flags.
    pub flags: u8,
    /// Its body.
    pub body: &'a [u8],
    /// Absolute offset of its body.
    pub offset: u64,
}

impl<'a> LinkMessage<'a> {
    /// The link, if it leads to an object.
    ///
    /// # Errors
    /// If it makes no sense.
    pub fn hard(self) -> Result<Option<HardLink<'a>>> {
        HardLink::parse(&mut Cursor::new(self.body, self.offset, "link"))
    }
}

/// Goes through [`LinkRuns`]: memory for one window of the file.
#[derive(Debug)]
pub struct LinkCursor {
    runs: Arc<LinkRuns>,
    next: usize,
    window: Window,
}

impl LinkCursor {
    /// In front of the first link.
    pub fn new(runs: &Arc<LinkRuns>) -> Self {
        Self { runs: Arc::clone(runs), next: 0, window: Window::new(0, 0) }
    }

    /// In front of the first link of one of the runs; it ends where that ends.
    pub fn of_run(runs: &Arc<LinkRuns>, run: LinkRun) -> Self {
        let window = Window::new(run.start, run.end);
        Self { runs: Arc::clone(runs), next: usize::MAX, window }
    }

    /// Absolute offset of what comes next.
    pub fn offset(&self) -> u64 {
        self.window.offset()
    }

    /// The next message, of links that lead to names, too.
    ///
    /// # Errors
    /// If the file cannot be read, or is not what it was.
    pub fn message(&mut self, file: &File) -> Result<Option<LinkMessage<'_>>> {
        Ok(self.advance(file)?.map(|place| self.at(&place)))
    }

    fn advance(&mut self, file: &File) -> Result<Option<Place>> {
        while self.window.left() == 0 {
            let Some(run) = self.runs.runs.get(self.next) else { return Ok(None) };
            self.window = Window {
                bytes: std::mem::take(&mut self.window.bytes),
                ..Window::new(run.start, run.end)
            };
            self.window.bytes.clear();
            self.next += 1;
        }
        let at = self.window.offset();
        let head = self.runs.head;
        let bytes = self.window.peek(file.source(), &mut |read| file.spend(read.len() as u64))?;
        let (flags, len) = message_head(bytes, at, head)?;
        self.window.skip(head + len);
        let end = self.window.at;
        Ok(Some(Place { flags, body: end.saturating_sub(len)..end, offset: at + head as u64 }))
    }

    /// What was advanced to last.
    fn at(&self, place: &Place) -> LinkMessage<'_> {
        let body = self.window.bytes.get(place.body.clone()).unwrap_or_default();
        LinkMessage { flags: place.flags, body, offset: place.offset }
    }

    /// The next link that leads to an object, where it stands.
    ///
    /// # Errors
    /// If the file cannot be read, or is not what it was.
    pub fn next_hard(&mut self, file: &File) -> Result<Option<HardLink<'_>>> {
        let place = loop {
            let Some(place) = self.advance(file)? else { return Ok(None) };
            match self.at(&place).hard() {
                Ok(Some(_)) => break place,
                Ok(None) => {}
                Err(error) if self.runs.lenient && !matches!(error.kind(), ErrorKind::Io(_)) => {}
                Err(error) => return Err(error),
            }
        };
        self.at(&place).hard()
    }

    /// The next link that leads to an object.
    ///
    /// # Errors
    /// If the file cannot be read, or is not what it was.
    pub fn next(&mut self, file: &File) -> Result<Option<Link>> {
        let link = self.next_hard(file)?;
        Ok(link.map(|HardLink { name, target, at }| Link { name: Name::new(name), target, at }))
    }
}

/// Where a message stands in the window.
struct Place {
    flags: u8,
    body: Range<usize>,
    offset: u64,
}

/// Flags and length of the body of a link message at `at`, all of which is among `bytes`.
fn message_head(bytes: &[u8], at: u64, head: usize) -> Result<(u8, usize)> {
    let mut c = Cursor::new(bytes, at, "header message");
    // In headers of version 1 the type takes two bytes.
    c.expect_u8(kind::LINK, "type of a message that was a link before")?;
    if head == 8 {
        c.u8()?;
    }
    let len = usize::from(c.u16()?);
    let flags = c.u8()?;
    c.take(if head == 8 { 3 } else { head - 4 })?;
    c.take(len)?;
    Ok((flags, len))
}

/// The links of a group that lead to objects, in order.
#[derive(Debug)]
pub struct Links<'a> {
    file: &'a File,
    stored: Option<LinkCursor>,
    held: slice::Iter<'a, Link>,
}

impl<'a> Links<'a> {
    pub(super) fn new(file: &'a File, stored: Option<&Arc<LinkRuns>>, held: &'a [Link]) -> Self {
        Self { file, stored: stored.map(LinkCursor::new), held: held.iter() }
    }
}

impl<'a> Iterator for Links<'a> {
    type Item = Result<Cow<'a, Link>>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(cursor) = &mut self.stored {
            match cursor.next(self.file) {
                Ok(Some(link)) => return Some(Ok(Cow::Owned(link))),
                Ok(None) => self.stored = None,
                Err(error) => {
                    // Nothing is left to go on with.
                    self.stored = None;
                    self.held = [].iter();
                    return Some(Err(error));
                }
            }
        }
        self.held.next().map(|link| Ok(Cow::Borrowed(link)))
    }
}
