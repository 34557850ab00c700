//! Links of a group that stand outside its header, as a list: they are put in order once, and are gone
//! through as often as somebody asks, in little memory however many they are.
//!
//! In symbol tables a link is an entry and its name somewhere else, in heaps it is anywhere, and an
//! index has them by the hashes of their names. So what a link says is kept, as a message of it would
//! say it.

use super::message::link::AnyLink;
use super::paths::{Listed, Paths, RunCursor};
use super::{Cursor, RelAddr, Result};
use std::ops::Range;

/// In front of the rest of a message: all of it follows, the name too.
const WHOLE: u8 = u8::MAX;
/// In front of names: nothing, or the place in the order of creation.
const BY_NAME: char = '0';
const BY_ORDER: char = '1';
/// Characters of that mark and place.
const ORDER: usize = 17;

/// Links in order: by creation where they hold that, then by name.
#[derive(Debug)]
pub(super) struct LinkList {
    links: Paths,
    /// Bytes of all messages, without their heads.
    bytes: u64,
    /// The longest, and where that stands.
    longest: (u64, u64),
}

/// The same while links are put in, in any order.
#[derive(Debug, Default)]
pub(super) struct LinkListBuilder {
    links: Paths,
    bytes: u64,
    longest: (u64, u64),
}

impl LinkListBuilder {
    /// Takes in a link, of which `body`, at the absolute offset `at`, is the message; `named` is where
    /// its name is in that.
    pub(super) fn push(
        &mut self,
        (body, at): (&[u8], u64),
        (link, order): (&AnyLink, Option<u64>),
        named: &Range<usize>,
    ) -> Result<()> {
        let name = match link {
            AnyLink::Hard(link) => &link.name,
            AnyLink::Symbolic(link) => &link.name,
        };
        let mut path = String::with_capacity(name.as_str().len() + ORDER);
        match order {
            None => path.push(BY_NAME),
            Some(order) => path.extend([format!("{BY_ORDER}{order:016x}")]),
        }
        path.push_str(name);
        let mut more = Vec::with_capacity(body.len() + 1);
        let front = body.get(..named.start).zip(body.get(named.end..));
        match (front, u8::try_from(named.start)) {
            // Of most names text and bytes are the same.
            (Some((front, rest)), Ok(len))
                if len != WHOLE && body.get(named.clone()) == Some(name.as_str().as_bytes()) =>
            {
                more.push(len);
                more.extend_from_slice(front);
                more.extend_from_slice(rest);
            }
            _ => {
                more.push(WHOLE);
                more.extend_from_slice(body);
            }
        }
        let len = body.len() as u64;
        self.bytes = self.bytes.saturating_add(len);
        if len > self.longest.0 {
            self.longest = (len, at);
        }
        self.links.put_in(Listed { path, addr: RelAddr(at), more })
    }

    /// All are in.
    pub(super) fn finish(self) -> Result<LinkList> {
        let Self { links, bytes, longest } = self;
        Ok(LinkList { links: links.merged()?, bytes, longest })
    }
}

impl LinkList {
    /// How many there are.
    pub(super) fn len(&self) -> u64 {
        self.links.len()
    }

    /// Bytes of all messages, without their heads.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of the longest message, and where that stands.
    pub(super) fn longest(&self) -> (u64, u64) {
        self.longest
    }

    /// In front of the first.
    pub(super) fn cursor(&self) -> ListCursor {
        ListCursor { run: self.links.cursor(), body: Vec::new(), at: 0 }
    }
}

impl PartialEq for LinkList {
    fn eq(&self, other: &Self) -> bool {
        let pairs = || self.links.iter().zip(&other.links);
        self.len() == other.len() && pairs().all(|pair| matches!(pair, (Ok(a), Ok(b)) if a == b))
    }
}

impl Eq for LinkList {}

/// Where a list is gone through.
#[derive(Debug, Default)]
pub(super) struct ListCursor {
    run: RunCursor,
    body: Vec<u8>,
    at: u64,
}

impl ListCursor {
    /// Goes on to the next link; whether there is one.
    pub(super) fn advance(&mut self, list: &LinkList) -> Result<bool> {
        let Some(Listed { path, addr, more }) = list.links.next_of(&mut self.run)? else {
            return Ok(false);
        };
        self.at = addr.0;
        self.body.clear();
        let Some((&len, rest)) = more.split_first() else { return Ok(true) };
        if len == WHOLE {
            self.body.extend_from_slice(rest);
            return Ok(true);
        }
        let start = if path.starts_with(BY_ORDER) { ORDER } else { 1 };
        let (front, rest) = rest.split_at_checked(usize::from(len)).unwrap_or_default();
        self.body.extend_from_slice(front);
        self.body.extend_from_slice(path.as_bytes().get(start..).unwrap_or_default());
        self.body.extend_from_slice(rest);
        Ok(true)
    }

    /// The message of the present link.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Absolute offset of that: of one that is made, such that the address in it is where it stands.
    pub(super) fn at(&self) -> u64 {
        self.at
    }
}

/// The message of a link, as a link of any kind, with its place in the order of creation.
pub(super) fn parsed(body: &[u8], at: u64) -> Result<(AnyLink, Option<u64>, Range<usize>)> {
    let mut c = Cursor::new(body, at, "link");
    let (link, order) = AnyLink::ordered(&mut c)?;
    let named = AnyLink::named(body, at)?;
    Ok((link, order, named))
}
