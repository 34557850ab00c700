//! Parses links (HDF5 specification IV.A.2.g; docs/jld2-format.md, section 3.1).

use crate::h5::bytes::Cursor;
use crate::h5::{Error, Name, RelAddr, Result};
use std::ops::Range;

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

    /// Where in a link message, which is `body` at the offset `at`, the name is.
    pub(in crate::h5) fn named(body: &[u8], at: u64) -> Result<Range<usize>> {
        let mut c = Cursor::new(body, at, "link");
        let len = Front::parse(&mut c)?.name.len();
        let end = usize::try_from(c.offset() - at).unwrap_or(usize::MAX);
        Ok(end.saturating_sub(len)..end)
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
    /// Parses a link message, which is `body` at the absolute offset `at`; none if it leads to a name.
    ///
    /// # Errors
    /// If it is damaged.
    #[inline]
    pub(in crate::h5) fn parse(body: &'a [u8], at: u64) -> Result<Option<Self>> {
        match Self::plain(body, at) {
            Some(link) => Ok(Some(link)),
            None => Self::any(&mut Cursor::new(body, at, "link")),
        }
    }

    /// The link, if it says no more than JLD2's do: there may be millions of them.
    #[inline]
    fn plain(body: &'a [u8], at: u64) -> Option<Self> {
        let (&[version, flags], rest) = body.split_first_chunk::<2>()?;
        // No kind, no order, and one byte for the length of the name.
        if version != 1 || flags & 0xf != 0 {
            return None;
        }
        let (_, rest) = rest.split_at_checked(usize::from(flags >> 4 & 1))?;
        let (&len, rest) = rest.split_first()?;
        let (name, rest) = rest.split_at_checked(usize::from(len))?;
        let target = RelAddr(u64::from_le_bytes(*rest.first_chunk::<8>()?));
        let before = body.len().saturating_sub(rest.len()) as u64;
        Some(Self { name, target, at: at.saturating_add(before) })
    }

    fn any(c: &mut Cursor<'a>) -> Result<Option<Self>> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h5::encode;
    use proptest::prelude::*;

    proptest! {
        /// What JLD2 writes is read in another way than all else.
        #[test]
        fn links_of_any_form_are_read_alike(
            name in proptest::collection::vec(any::<u8>(), 0..300),
            (flags, target) in (any::<u8>(), any::<u64>()),
            cut in 0..40_usize,
            bytes in proptest::collection::vec(any::<u8>(), 0..30),
        ) {
            let text = String::from_utf8_lossy(&name).into_owned();
            let written = encode::link(&text, RelAddr(target));
            let mut changed = written.clone();
            changed[1] = flags;
            let short = written[..written.len().saturating_sub(cut)].to_vec();
            for body in [written, changed, short, bytes] {
                let both = [
                    HardLink::parse(&body, 7),
                    HardLink::any(&mut Cursor::new(&body, 7, "link")),
                ];
                let [ours, theirs] = both.map(|link| link.map_err(|e| e.to_string()));
                prop_assert_eq!(ours, theirs);
            }
        }
    }
}
