//! Walks through a value: which objects it leads to, in which order, and how deeply, is told to a
//! [`Visitor`]. What forged files may cost is bounded here: depth, memory that is held, and work.
//!
//! One object at a time is told as it is read, so memory does not grow with the data.

mod arrays;
mod derived;
mod number;
mod numbers;
mod overrides;
mod pairs;
mod session;
mod turned;
mod values;
mod visitor;
mod watch;

use super::{Committed, JuliaType, TypeTable};
use crate::h5::{Attribute, Budget, RelAddr, Result};
use session::DatasetWalk;

pub(super) use number::with_low_byte_first;
pub use number::{Number, NumberKind, half};
pub use numbers::Numbers;
pub use overrides::{FieldValue, Override, Overrides};
pub use visitor::{Parts, Shape, TextStream, TypeName, Visitor};
pub use watch::Watch;

/// What numbers of a plain datatype are; none if it is that of no number.
pub(crate) fn kind_of(datatype: &crate::h5::Datatype) -> Option<NumberKind> {
    NumberKind::of(datatype)
}

/// Walks through values of a file.
pub struct Walk<'a> {
    types: &'a TypeTable<'a>,
    overrides: Option<&'a Overrides>,
    progress: Option<&'a dyn Fn(u64) -> Result<()>>,
    limit: Option<u64>,
    watch: Option<&'a dyn Watch>,
}

impl<'a> Walk<'a> {
    /// A walk through the values of a file.
    pub fn new(types: &'a TypeTable<'a>) -> Self {
        Self { types, overrides: None, progress: None, limit: None, watch: None }
    }

    /// Leaves out all but the first `limit` elements of arrays and dictionaries, and reads no more
    /// of the data than it needs for that.
    #[must_use]
    pub fn abridged(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Tells `progress` of each window of logical bytes that was read; its error ends the walk.
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

    /// The types of the file.
    pub fn types(&self) -> &'a TypeTable<'a> {
        self.types
    }

    /// Walks through the value at `addr`.
    ///
    /// # Errors
    /// If it is damaged, and those of the visitor.
    pub fn object(&self, addr: RelAddr, visitor: &mut dyn Visitor) -> Result<()> {
        self.object_within(addr, self.types.file().allowance(), visitor)
    }

    /// As [`object`](Self::object), with an allowance that several values share.
    ///
    /// # Errors
    /// As there.
    pub fn object_within(
        &self,
        addr: RelAddr,
        allowance: Budget,
        visitor: &mut dyn Visitor,
    ) -> Result<()> {
        DatasetWalk::new(self, allowance, visitor).object(addr)
    }

    /// Walks through the value of an attribute.
    ///
    /// # Errors
    /// If it is damaged or of a type that JLD2 never writes, and those of the visitor.
    pub fn attribute(&self, attribute: &Attribute, visitor: &mut dyn Visitor) -> Result<()> {
        DatasetWalk::new(self, self.types.file().allowance(), visitor).attribute(attribute)
    }

    /// The fields that values of the type `c` have, if others stand in for those of the file.
    fn changed_fields(&self, c: &Committed) -> Option<&'a [(String, FieldValue)]> {
        self.overrides?.types.get(&c.addr).map(Vec::as_slice)
    }

    /// What the elements are of arrays that values of the type `c` become, if they do.
    fn rows_of(&self, c: &Committed) -> Option<&'a JuliaType> {
        self.overrides?.rows.get(&c.addr)
    }
}
