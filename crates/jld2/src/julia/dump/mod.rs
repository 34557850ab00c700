//! The canonical form of values: the JSON of `dump --json`, and what content digests are made of.
//!
//! One object at a time is written as it is read, arrays of numbers only as a digest, so memory
//! does not grow with the data.

mod arrays;
mod pairs;
mod session;
mod values;
mod watch;

use super::bounded::Bounded;
use super::node::comma;
use super::text::text;
use super::{Committed, Node, TypeTable};
use crate::h5::{Allowance, Attribute, Error, RelAddr, Result};
use session::Session;
use std::collections::HashMap;
use std::io::Write;

pub use watch::{Digests, Watch};

/// How arrays of numbers are digested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// SHA-256: the public form.
    Sha256,
    /// xxh3-128: for comparing two files, ten times faster.
    Xxh3,
}

/// What stands in for objects and types of the file: what rules make of them. The names of types
/// that change with them are the [`TypeTable`]'s business ([`TypeTable::with_renames`]).
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// By address of the object.
    pub objects: HashMap<RelAddr, Override>,
    /// The fields of all values of a type, wherever they are stored, by address of the committed
    /// datatype.
    pub types: HashMap<RelAddr, Vec<(String, FieldValue)>>,
}

/// What stands in for one object.
#[derive(Debug, Clone)]
pub enum Override {
    /// A value.
    Value(Node),
    /// The object itself, with the fields of another type.
    Retyped {
        /// The other type's full name without parameters; those stay.
        name: String,
        /// Its fields in order.
        fields: Vec<(String, FieldValue)>,
    },
    /// The object itself, which stands elsewhere: what it holds is laid out in another way.
    Moved,
}

/// Where a field of a changed value comes from.
#[derive(Debug, Clone)]
pub enum FieldValue {
    /// The field with this name of the stored object.
    Stored(String),
    /// A value.
    Value(Node),
}

/// Writes values in the canonical form.
pub struct Dumper<'a> {
    types: &'a TypeTable<'a>,
    digest: Digest,
    overrides: Option<&'a Overrides>,
    progress: Option<&'a dyn Fn(u64) -> Result<()>>,
    limit: Option<u64>,
    watch: Option<&'a dyn Watch>,
    digests: Option<&'a Digests>,
}

impl<'a> Dumper<'a> {
    /// A dumper of the values of a file.
    pub fn new(types: &'a TypeTable<'a>, digest: Digest) -> Self {
        Self {
            types,
            digest,
            overrides: None,
            progress: None,
            limit: None,
            watch: None,
            digests: None,
        }
    }

    /// Leaves out all but the first `limit` elements of arrays and dictionaries, and reads no more
    /// of the data than it needs for that. What is left out is counted under `more`; arrays of
    /// numbers carry their first values under `head` in place of a digest.
    #[must_use]
    pub fn abridged(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Tells `progress` of each window of logical bytes that was read; its error ends the dump.
    #[must_use]
    pub fn with_progress(mut self, progress: &'a dyn Fn(u64) -> Result<()>) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Lets other values stand in for some objects.
    #[must_use]
    pub fn with_overrides(mut self, overrides: &'a Overrides) -> Self {
        self.overrides = Some(overrides);
        self
    }

    /// Tells `watch` which objects are met.
    #[must_use]
    pub fn with_watch(mut self, watch: &'a dyn Watch) -> Self {
        self.watch = Some(watch);
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
        let file = self.types.file();
        let out = &mut Bounded::new(out, file.source().len());
        Session::new(self, file.allowance(), out).attribute(attribute)
    }

    /// Writes the value at `addr` as one JSON object.
    ///
    /// # Errors
    /// If it is damaged or cannot be written.
    pub fn node(&self, addr: RelAddr, out: &mut dyn Write) -> Result<()> {
        let file = self.types.file();
        self.value(addr, file.allowance(), &mut Bounded::new(out, file.source().len()))
    }

    /// Writes the datasets of `paths` as one JSON object from path to value.
    ///
    /// # Errors
    /// If one is damaged or cannot be written.
    pub fn all(&self, paths: &[(String, RelAddr)], out: &mut dyn Write) -> Result<()> {
        let file = self.types.file();
        let allowance = file.allowance();
        let out = &mut Bounded::new(out, file.source().len());
        put(out.write_all(b"{"))?;
        for (i, (path, addr)) in paths.iter().enumerate() {
            put(comma(out, i).and_then(|()| out.write_all(b"\n")))?;
            put(text(out, path.as_bytes()).and_then(|()| out.write_all(b":")))?;
            self.value(*addr, allowance, out).map_err(|e| e.in_object(path))?;
        }
        put(out.write_all(b"\n}\n"))
    }

    /// The fields that values of the type `c` have, if others stand in for those of the file.
    fn changed_fields(&self, c: &Committed) -> Option<&[(String, FieldValue)]> {
        self.overrides?.types.get(&c.addr).map(Vec::as_slice)
    }

    fn value(&self, addr: RelAddr, allowance: Allowance, out: &mut dyn Write) -> Result<()> {
        Session::new(self, allowance, out).object(addr)
    }
}

fn put(result: std::io::Result<()>) -> Result<()> {
    result.map_err(Error::output)
}
