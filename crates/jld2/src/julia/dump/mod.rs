//! Writes the canonical form of values: the JSON of `dump --json`, and what content digests are
//! made of.
//!
//! One object at a time is written as it is read, arrays of numbers only as a digest, so memory
//! does not grow with the data.

mod ahead;
mod canonical;
mod digest;
mod digests;
mod form_digest;

use super::bounded::Bounded;
use super::held::Held;
use super::text::text;
use super::{Overrides, TypeName, TypeTable, Visitor, Walk, Watch};
use crate::h5::{Attribute, Budget, Error, RelAddr, Result, Symbolic};
use canonical::comma;
use std::io::Write;

pub use canonical::Canonical;
pub use digest::Digest;
pub use digests::Digests;
pub use form_digest::FormDigest;

/// What is written under a path.
#[derive(Debug, Clone, Copy)]
pub enum Entry<'p> {
    /// The value of the object at this address.
    Object(RelAddr),
    /// Where a soft or external link leads.
    Link(&'p Symbolic),
}

/// Writes values in the canonical form.
pub struct Dumper<'a> {
    walk: Walk<'a>,
    digest: Digest,
    digests: Option<&'a Digests>,
}

impl<'a> Dumper<'a> {
    /// A dumper of the values of a file.
    pub fn new(types: &'a TypeTable<'a>, digest: Digest) -> Self {
        Self { walk: Walk::new(types), digest, digests: None }
    }

    /// Leaves out all but the first `limit` elements of arrays and dictionaries, and reads no more
    /// of the data than it needs for that. What is left out is counted under `more`; arrays of
    /// numbers carry their first values under `head` in place of a digest.
    #[must_use]
    pub fn abridged(mut self, limit: u64) -> Self {
        self.walk = self.walk.abridged(limit);
        self
    }

    /// Tells `progress` of each window of logical bytes that was read; its error ends the dump.
    #[must_use]
    pub fn with_progress(mut self, progress: &'a dyn Fn(u64) -> Result<()>) -> Self {
        self.walk = self.walk.with_progress(progress);
        self
    }

    /// Lets other values stand in for some objects.
    #[must_use]
    pub fn with_overrides(mut self, overrides: &'a Overrides) -> Self {
        self.walk = self.walk.with_overrides(overrides);
        self
    }

    /// Tells `watch` which objects are met.
    #[must_use]
    pub fn with_watch(mut self, watch: &'a dyn Watch) -> Self {
        self.walk = self.walk.with_watch(watch);
        self
    }

    /// Looks for digests of columns in `digests`, and keeps them there. They must be those of this
    /// file, or of one that it lies over, in the same kind of digest.
    #[must_use]
    pub fn with_digests(mut self, digests: &'a Digests) -> Self {
        self.digests = Some(digests);
        self
    }

    /// Writes the value of an attribute as one JSON object.
    ///
    /// # Errors
    /// If it is damaged, of a type that JLD2 never writes, or cannot be written.
    pub fn attribute(&self, attribute: &Attribute, out: &mut dyn Write) -> Result<()> {
        let file = self.walk.types().file();
        let out = &mut Bounded::new(out, file.source().len());
        self.walk.attribute(attribute, &mut self.canonical(out))
    }

    /// Writes the value at `addr` as one JSON object.
    ///
    /// # Errors
    /// If it is damaged or cannot be written.
    pub fn node(&self, addr: RelAddr, out: &mut dyn Write) -> Result<()> {
        let file = self.walk.types().file();
        self.value(addr, file.allowance(), &mut Bounded::new(out, file.source().len()))
    }

    /// Writes the datasets of `paths` as one JSON object from path to value.
    ///
    /// # Errors
    /// If one is damaged or cannot be written.
    pub fn all(&self, paths: &[(String, RelAddr)], out: &mut dyn Write) -> Result<()> {
        let entries = paths.iter().map(|(path, addr)| (path.as_str(), Entry::Object(*addr)));
        self.entries(entries, out, &mut |_, error| Err(error))
    }

    /// Writes what is at some paths as one JSON object from path to value. What cannot be read is
    /// left out and told to `unread` with its path, whose error ends the dump; of values whose form
    /// takes over 16 MiB, all that was written before stands already, so that these end it.
    ///
    /// # Errors
    /// That of `unread`, or if something cannot be written.
    pub fn entries<'p, P: AsRef<str>>(
        &self,
        entries: impl IntoIterator<Item = (P, Entry<'p>)>,
        out: &mut dyn Write,
        unread: &mut dyn FnMut(&str, Error) -> Result<()>,
    ) -> Result<()> {
        let file = self.walk.types().file();
        let allowance = file.allowance();
        let out = &mut Bounded::new(out, file.source().len());
        put(out.write_all(b"{"))?;
        let mut written = 0;
        for (path, entry) in entries {
            let path = path.as_ref();
            let mut held = Held::new(out);
            put(comma(&mut held, written).and_then(|()| held.write_all(b"\n")))?;
            put(text(&mut held, path.as_bytes()).and_then(|()| held.write_all(b":")))?;
            let told = match entry {
                Entry::Object(addr) => self.value(addr, allowance, &mut held),
                Entry::Link(to) => {
                    let t = match to {
                        Symbolic::Soft(_) => "HDF5.SoftLink",
                        Symbolic::External { .. } => "HDF5.ExternalLink",
                    };
                    let name = TypeName::Name(t);
                    self.canonical(&mut held).text(name, to.to_string().as_bytes())
                }
            };
            match told.map_err(|e| e.in_object(path)) {
                Ok(()) => {
                    put(held.pass_on())?;
                    written += 1;
                }
                Err(error) if held.is_whole() => unread(path, error)?,
                Err(error) => return Err(error),
            }
        }
        put(out.write_all(b"\n}\n"))
    }

    fn canonical<'o>(&'o self, out: &'o mut dyn Write) -> Canonical<'o> {
        Canonical::new(out, self.digest, self.digests)
    }

    fn value(&self, addr: RelAddr, allowance: Budget, out: &mut dyn Write) -> Result<()> {
        self.walk.object_within(addr, allowance, &mut self.canonical(out))
    }
}

fn put(result: std::io::Result<()>) -> Result<()> {
    result.map_err(Error::output)
}
