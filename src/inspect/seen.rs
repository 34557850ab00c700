//! Reads one value as a comparison needs it: its digest first, all of it if that differs.

use super::raw;
use super::value_builder::build;
use super::value_tree::{Content, Literal, Node, Value};
use crate::h5::{self, Error, ErrorKind, RelAddr};
use crate::julia::{Digests, Dumper, FormDigest, TypeTable, Walk};
use std::io::Write as _;

/// Values with a longer canonical form are compared as streams.
const SHORT: u64 = 2 << 20;
/// Type of what stands for a value that has no canonical form.
const FOREIGN: &str = "HDF5";

/// The digest of a value's canonical form.
pub(super) struct Seen {
    pub(super) digest: u128,
    /// Length of the form.
    len: u64,
    /// What stands for a value that has none.
    raw: Option<String>,
}

impl Seen {
    pub(super) fn read(
        dumper: &Dumper<'_>,
        types: &TypeTable<'_>,
        addr: RelAddr,
    ) -> h5::Result<Self> {
        let mut form = FormDigest::default();
        match dumper.node(addr, &mut form) {
            Ok(()) => Ok(Self::of(&form, None)),
            Err(e) if matches!(e.kind(), ErrorKind::Foreign { .. }) => {
                // Nothing of the half-written form is to count.
                let raw = raw::at(types.file(), addr, e)?;
                let mut form = FormDigest::default();
                form.write_all(raw.as_bytes()).map_err(Error::output)?;
                Ok(Self::of(&form, Some(raw)))
            }
            Err(e) => Err(e),
        }
    }

    fn of(form: &FormDigest, raw: Option<String>) -> Self {
        Self { len: form.len(), digest: form.digest(), raw }
    }

    /// The value at `addr`, which is this one, if it is short.
    pub(super) fn value(
        &self,
        types: &TypeTable<'_>,
        addr: RelAddr,
        digests: &Digests,
    ) -> h5::Result<Option<Node>> {
        if self.len > SHORT {
            return Ok(None);
        }
        if let Some(raw) = &self.raw {
            let content = Content::Literal(Literal::Text(raw.clone()));
            return Ok(Some(Node::Value(Value { t: FOREIGN.into(), id: None, content })));
        }
        // In memory it is measured less exactly.
        let most = usize::try_from(4 * SHORT).unwrap_or(usize::MAX);
        build(most, Some(digests), |visitor| Walk::new(types).object(addr, visitor))
    }
}
