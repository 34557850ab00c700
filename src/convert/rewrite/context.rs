//! What all headers of an output have in common, and what is known of one that is to be written.

use super::relocate::Places;
use crate::h5::encode::{HeaderForm, NewMessage};
use crate::h5::{File, RelAddr, Result};

/// What all headers of a file have in common.
pub(super) struct Context<'a> {
    pub(super) file: &'a File,
    /// Where everything goes. While sizes are still being added up that is not known, and all
    /// addresses are null: no size depends on them.
    pub(super) places: Option<&'a Places<'a>>,
    /// Offset of the root's link to `_types`, and where the new one is.
    pub(super) types_link: Option<(u64, RelAddr)>,
    /// What offsets count from.
    pub(super) base: u64,
}

/// A header to be written, but for links that are not held.
pub(super) struct NewHeader {
    pub(super) form: HeaderForm,
    pub(super) messages: Vec<NewMessage>,
}

impl<'a> Context<'a> {
    /// For headers of which nothing but the size counts.
    pub(super) fn sizing(file: &'a File) -> Self {
        Self { file, places: None, types_link: None, base: 0 }
    }

    /// The new address of the object `old`, which stands at the absolute offset `at`.
    pub(super) fn new_addr(&self, old: RelAddr, at: u64) -> Result<RelAddr> {
        match (self.types_link, self.places) {
            (Some((link, types)), _) if link == at => Ok(types),
            (_, Some(places)) => places.object(old, at),
            (_, None) => Ok(RelAddr::NULL),
        }
    }
}
