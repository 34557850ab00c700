//! What a conversion makes of types: a session takes these to be as its own.

use crate::h5::RelAddr;
use std::collections::HashMap;

/// Types that rules bring up to date.
#[derive(Debug, Default)]
pub(in crate::migrate) struct Mended {
    /// Of committed types, which of the stored fields are left.
    kept: HashMap<RelAddr, Vec<usize>>,
    /// What names become.
    names: HashMap<String, String>,
}

impl Mended {
    /// The type of this name at `addr` gets the name `new`, and from its stored fields those `kept` are left.
    pub(in crate::migrate) fn add(
        &mut self,
        addr: RelAddr,
        name: &str,
        new: String,
        kept: Vec<usize>,
    ) {
        self.names.insert(name.to_owned(), new);
        self.kept.insert(addr, kept);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// What a name becomes, if it is one of these.
    pub(super) fn name(&self, name: &str) -> Option<&String> {
        self.names.get(name)
    }

    /// The stored fields that are left of a committed type, if it is one of these.
    pub(super) fn kept(&self, addr: RelAddr) -> Option<&[usize]> {
        self.kept.get(&addr).map(Vec::as_slice)
    }
}
