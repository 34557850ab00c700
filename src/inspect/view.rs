//! A file that is being compared: its types, what is linked in it, digests of its columns.

use super::contents::{Contents, Linked};
use super::identity::Identities;
use super::model::Refusal;
use super::unreadable;
use crate::h5::{self, File, Object, RelAddr};
use crate::julia::{Digests, TypeTable};
use std::path::Path;
use std::sync::Arc;

/// Told of logical bytes that were read; its error ends the comparison.
pub(super) type Progress<'p> = &'p (dyn Fn(u64) -> h5::Result<()> + Sync);

/// A file, ready to be compared.
pub(super) struct View<'a> {
    types: TypeTable<'a>,
    contents: Contents,
    digests: &'a Digests,
}

/// A value of a file.
pub(super) type Node<'a> = (&'a TypeTable<'a>, RelAddr);

impl<'a> View<'a> {
    /// The file at `path`. `digests` are those of its columns.
    pub(super) fn of(
        path: &Path,
        file: &'a File,
        digests: &'a Digests,
    ) -> Result<Self, Box<Refusal>> {
        let contents = Contents::of(file)
            .map_err(|e| Box::new(unreadable::inside(path, file.source().len(), &e)))?;
        Ok(Self { types: TypeTable::new(file), contents, digests })
    }

    pub(super) fn types(&self) -> &TypeTable<'a> {
        &self.types
    }

    pub(super) fn contents(&self) -> &Contents {
        &self.contents
    }

    pub(super) fn digests(&self) -> &'a Digests {
        self.digests
    }

    /// Which objects are met in values of the file.
    pub(super) fn identities(&self) -> Identities<'_> {
        Identities::new(&self.types, &self.contents)
    }

    pub(super) fn object(&self, linked: &Linked) -> h5::Result<Arc<Object>> {
        self.types.file().object(linked.addr)
    }
}
