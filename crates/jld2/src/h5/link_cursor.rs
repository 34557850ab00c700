//! Reads the links of a group again, one after another, in bounded memory.

use super::budget::INDEX_ENTRIES;
use super::bytes::Cursor;
use super::group::Group;
use super::header::kind;
use super::link_list::{LinkList, ListCursor};
use super::link_runs::{LinkRun, LinkRuns, Named, Window};
use super::message::link::{HardLink, Link};
use super::{Error, File, Name, Result};
use std::borrow::Cow;
use std::ops::Range;
use std::slice;
use std::sync::Arc;

impl Group {
    /// Those that lead to objects, in order. `file` is the one that the group is in.
    pub fn links<'a>(&'a self, file: &'a File) -> Links<'a> {
        Links::new(file, self.stored.as_ref(), &self.held)
    }

    /// The first of them that has this name.
    ///
    /// # Errors
    /// If the group cannot be read again.
    pub fn find(&self, file: &File, name: &str) -> Result<Option<Link>> {
        if let Some(runs) = &self.stored {
            match runs.named(name) {
                Named::One(link) => return Ok(Some(link)),
                Named::None => return Ok(self.held.iter().find(|link| link.name == name).cloned()),
                Named::Unknown => {}
            }
            let mut cursor = LinkCursor::new(runs);
            while let Some(link) = cursor.next_hard(file)? {
                if link.name == name.as_bytes() {
                    let HardLink { name, target, at } = link;
                    return Ok(Some(Link { name: Name::new(name), target, at }));
                }
            }
        }
        Ok(self.held.iter().find(|link| link.name == name).cloned())
    }

    /// The first of them whose name is shown so.
    ///
    /// # Errors
    /// If the group cannot be read again.
    pub fn find_shown(&self, file: &File, name: &str) -> Result<Option<Link>> {
        let shown = |link: &Result<Cow<'_, Link>>| match link {
            Ok(link) => link.name.as_str() == name,
            Err(_) => true,
        };
        self.links(file).find(shown).map(|link| link.map(Cow::into_owned)).transpose()
    }

    /// Those that lead to objects, in order, all in memory. `at` is where the group stands.
    ///
    /// # Errors
    /// If the group cannot be read again, or has more than 2^19 links.
    pub fn all(&self, file: &File, at: u64) -> Result<Vec<Link>> {
        if self.len() > INDEX_ENTRIES as u64 {
            let what = format!("a group with {} links", self.len());
            let limit = format!(
                "{INDEX_ENTRIES} links, the most that are held at once for this; in Julia they can be \
                 put into several groups"
            );
            return Err(Error::too_large_at(at, what, limit));
        }
        self.links(file).map(|link| link.map(Cow::into_owned)).collect()
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
        HardLink::parse(self.body, self.offset)
    }
}

/// Goes through [`LinkRuns`]: memory for one window of the file.
#[derive(Debug)]
pub struct LinkCursor {
    runs: Arc<LinkRuns>,
    next: usize,
    window: Window,
    /// Of those that stand outside the header.
    listed: Option<ListCursor>,
}

impl LinkCursor {
    /// In front of the first link.
    pub fn new(runs: &Arc<LinkRuns>) -> Self {
        let listed = runs.list().map(LinkList::cursor);
        Self { runs: Arc::clone(runs), next: 0, window: Window::new(0, 0), listed }
    }

    /// In front of the first link of one of the runs; it ends where that ends.
    pub fn of_run(runs: &Arc<LinkRuns>, run: LinkRun) -> Self {
        let window = Window::new(run.start, run.end);
        // Those outside the header are one run.
        Self { next: usize::MAX, window, ..Self::new(runs) }
    }

    /// Absolute offset of what comes next; of what came last, if they stand outside the header.
    pub fn offset(&self) -> u64 {
        self.listed.as_ref().map_or_else(|| self.window.offset(), ListCursor::at)
    }

    /// The next message, of links that lead to names, too.
    ///
    /// # Errors
    /// If the file cannot be read, or is not what it was.
    pub fn message(&mut self, file: &File) -> Result<Option<LinkMessage<'_>>> {
        Ok(self.advance(file)?.map(|place| self.at(&place)))
    }

    fn advance(&mut self, file: &File) -> Result<Option<Place>> {
        if let (Some(listed), Some(list)) = (&mut self.listed, self.runs.list()) {
            let next = listed.advance(list)?;
            let len = listed.body().len();
            file.spend(len as u64);
            return Ok(next.then_some(Place { flags: 0, body: 0..len, offset: listed.at() }));
        }
        while self.window.left() == 0 {
            let Some(run) = self.runs.runs().get(self.next) else { return Ok(None) };
            self.window.restart(run.start, run.end);
            self.next += 1;
        }
        let at = self.window.offset();
        let head = self.runs.head();
        let bytes = self.window.peek(file.source(), &mut |read| file.spend(read.len() as u64))?;
        let (flags, len) = message_head(bytes, at, head)?;
        self.window.skip(head + len);
        let end = self.window.passed();
        Ok(Some(Place { flags, body: end.saturating_sub(len)..end, offset: at + head as u64 }))
    }

    /// What was advanced to last.
    fn at(&self, place: &Place) -> LinkMessage<'_> {
        let body = match &self.listed {
            Some(listed) => listed.body().get(place.body.clone()).unwrap_or_default(),
            None => self.window.get(place.body.clone()),
        };
        LinkMessage { flags: place.flags, body, offset: place.offset }
    }

    /// The next link that leads to an object, where it stands.
    ///
    /// # Errors
    /// If the file cannot be read, or is not what it was.
    pub fn next_hard(&mut self, file: &File) -> Result<Option<HardLink<'_>>> {
        let (place, len, target, at) = loop {
            let Some(place) = self.advance(file)? else { return Ok(None) };
            match self.at(&place).hard() {
                Ok(Some(HardLink { name, target, at })) => break (place, name.len(), target, at),
                Ok(None) => {}
                Err(error) if self.runs.lenient() && !error.is_of_system() => {}
                Err(error) => return Err(error),
            }
        };
        // The name ends where the address begins.
        let LinkMessage { body, offset, .. } = self.at(&place);
        let end = usize::try_from(at.saturating_sub(offset)).unwrap_or(usize::MAX);
        let name = body.get(end.saturating_sub(len)..end).unwrap_or_default();
        Ok(Some(HardLink { name, target, at }))
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
#[inline]
fn message_head(bytes: &[u8], at: u64, head: usize) -> Result<(u8, usize)> {
    if let (4, Some(&[kind::LINK, low, high, flags])) = (head, bytes.first_chunk::<4>()) {
        let len = usize::from(u16::from_le_bytes([low, high]));
        if len <= bytes.len().saturating_sub(4) {
            return Ok((flags, len));
        }
    }
    any_message_head(bytes, at, head)
}

fn any_message_head(bytes: &[u8], at: u64, head: usize) -> Result<(u8, usize)> {
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
