//! Parses links (HDF5 specification IV.A.2.g; docs/jld2-format.md, section 3.1).

use crate::h5::budget::INDEX_ENTRIES;
use crate::h5::bytes::Cursor;
use crate::h5::link_runs::{LinkCursor, LinkRuns, Links};
use crate::h5::{Error, File, Name, RelAddr, Result};
use std::borrow::Cow;
use std::sync::Arc;

/// A hard link of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub name: Name,
    /// The object it leads to.
    pub target: RelAddr,
    /// Absolute offset of the eight bytes that hold the target.
    pub at: u64,
}

/// A link that leads to a name instead of an object. It is kept and told, never followed: JLD2 does
/// not follow it either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SymbolicLink {
    /// Its name.
    pub name: Name,
    /// Where it leads.
    pub to: Symbolic,
    /// Absolute offset of where it stands.
    pub at: u64,
}

/// Where a symbolic link leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Symbolic {
    /// To a path of the same file, which need not exist.
    Soft(Name),
    /// To a path in another file.
    External {
        /// The other file, as the link names it.
        file: Name,
        /// The path in it.
        path: Name,
    },
}

impl std::fmt::Display for Symbolic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Soft(path) => f.write_str(path),
            Self::External { file, path } => write!(f, "{file}:{path}"),
        }
    }
}

impl Symbolic {
    fn weight(&self) -> usize {
        match self {
            Self::Soft(path) => path.weight(),
            Self::External { file, path } => file.weight() + path.weight(),
        }
    }

    /// What kind of link it is.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Soft(_) => "a soft link",
            Self::External { .. } => "an external link",
        }
    }
}

/// The links of a group. Those of a [long header](LinkRuns) are read from the file as they are asked
/// for; [`Self::links`] gives them all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// Those that lead to objects and are held in memory, in order.
    pub held: Vec<Link>,
    /// Where those that are not held stand, which come first.
    pub stored: Option<Arc<LinkRuns>>,
    /// Those that lead to names, in order.
    pub symbolic: Vec<SymbolicLink>,
}

impl Group {
    /// How many links lead to objects.
    pub fn len(&self) -> u64 {
        self.stored.as_ref().map_or(0, |runs| runs.len()).saturating_add(self.held.len() as u64)
    }

    /// Whether no link leads to an object.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

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
            let limit = "2^19 links, the most that are held at once for this";
            return Err(Error::too_large_at(at, "a group", limit));
        }
        self.links(file).map(|link| link.map(Cow::into_owned)).collect()
    }

    /// Bytes that it takes in memory, roughly.
    pub(in crate::h5) fn weight(&self) -> u64 {
        let links = self.held.iter().map(|l| l.name.weight() + 48);
        links.chain(self.symbolic.iter().map(SymbolicLink::weight)).sum::<usize>() as u64
    }

    /// Takes in a link.
    pub(in crate::h5) fn push(&mut self, link: AnyLink) {
        match link {
            AnyLink::Hard(link) => self.held.push(link),
            AnyLink::Symbolic(link) => self.symbolic.push(link),
        }
    }
}

impl SymbolicLink {
    pub(in crate::h5) fn weight(&self) -> usize {
        self.name.weight() + self.to.weight() + 80
    }
}

/// A link of any kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnyLink {
    /// It leads to an object.
    Hard(Link),
    /// It leads to a name.
    Symbolic(SymbolicLink),
}

impl AnyLink {
    /// Parses a link message.
    ///
    /// # Errors
    /// If it is damaged, or of a kind that others than HDF5 defined.
    pub fn parse(c: &mut Cursor<'_>) -> Result<Self> {
        Self::ordered(c).map(|(link, _)| link)
    }

    /// Parses a link message; also gives its place in the order of creation, if that is tracked.
    ///
    /// # Errors
    /// If it is damaged, or of a kind that others than HDF5 defined.
    pub(in crate::h5) fn ordered(c: &mut Cursor<'_>) -> Result<(Self, Option<u64>)> {
        let start = c.offset();
        let Front { kind, order, name } = Front::parse(c)?;
        let name = Name::new(name);
        let to = match kind {
            0 => {
                let at = c.offset();
                return Ok((Self::Hard(Link { name, target: c.addr()?, at }), order));
            }
            1 => {
                let len = usize::from(c.u16()?);
                Symbolic::Soft(Name::new(c.take(len)?))
            }
            64 => {
                let len = usize::from(c.u16()?);
                let at = c.offset();
                let mut info = Cursor::new(c.take(len)?, at, "target of an external link");
                info.expect_u8(0, "version and flags of an external link")?;
                let file = Name::new(info.until_nul()?);
                let path = Name::new(info.until_nul()?);
                Symbolic::External { file, path }
            }
            other => {
                return Err(Error::foreign(
                    start,
                    format!(
                        "the link {name} of type {other}, which is neither hard nor soft nor \
                         external: JLD2 does not read it either"
                    ),
                ));
            }
        };
        Ok((Self::Symbolic(SymbolicLink { name, to, at: start }), order))
    }
}

/// What stands in front of where a link leads.
struct Front<'a> {
    kind: u8,
    /// Its place in the order of creation, if that is tracked.
    order: Option<u64>,
    name: &'a [u8],
}

impl<'a> Front<'a> {
    fn parse(c: &mut Cursor<'a>) -> Result<Self> {
        c.expect_u8(1, "link version")?;
        let flags = c.u8()?;
        let kind = if flags & 8 != 0 { c.u8()? } else { 0 };
        let order = if flags & 4 != 0 { Some(c.u64()?) } else { None };
        if flags & 0x10 != 0 {
            c.u8()?;
        }
        let len = c.uint(1 << (flags & 3))?;
        let name = c.take(usize::try_from(len).unwrap_or(usize::MAX))?;
        Ok(Self { kind, order, name })
    }
}

/// A link that leads to an object, where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HardLink<'a> {
    /// The bytes of its name.
    pub name: &'a [u8],
    /// The object it leads to.
    pub target: RelAddr,
    /// Absolute offset of the eight bytes that hold the target.
    pub at: u64,
}

impl<'a> HardLink<'a> {
    /// Parses a link message; none if it leads to a name.
    ///
    /// # Errors
    /// If it is damaged.
    pub(in crate::h5) fn parse(c: &mut Cursor<'a>) -> Result<Option<Self>> {
        let Front { kind, name, .. } = Front::parse(c)?;
        if kind != 0 {
            return Ok(None);
        }
        let at = c.offset();
        Ok(Some(Self { name, target: c.addr()?, at }))
    }
}

impl Link {
    /// Parses the message of a hard link.
    ///
    /// # Errors
    /// If it is damaged, or of another kind.
    pub fn parse(c: &mut Cursor<'_>) -> Result<Self> {
        let start = c.offset();
        match AnyLink::parse(c)? {
            AnyLink::Hard(link) => Ok(link),
            AnyLink::Symbolic(link) => {
                let found = format!("{} ({})", link.to.noun(), link.name);
                Err(Error::corrupt(start, "link", "one to an object", found))
            }
        }
    }
}
