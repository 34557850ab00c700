//! A committed datatype with what Julia attaches to it.

use super::JuliaType;
use crate::h5::{Datatype, RelAddr};
use std::sync::Arc;

/// A committed datatype.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Its object header.
    pub addr: RelAddr,
    /// What instances are read as.
    pub julia_type: JuliaType,
    /// The type whose fields are stored, where that is another (custom serialization).
    pub written_type: Option<JuliaType>,
    /// Whether instances hold no data.
    pub empty: bool,
    /// The layout of an instance.
    pub datatype: Arc<Datatype>,
    /// Its fields in Julia's order, if it is a compound.
    pub fields: Vec<Field>,
    /// Whether the types of its fields are stated (`field_types` or `field_datatypes`).
    pub typed_fields: bool,
    /// Whether it only gives a name to a number, a string or the like: Julia attached nothing.
    pub is_plain: bool,
}

/// A field of a compound.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Byte offset inside the instance; `None` for a field without data.
    pub offset: Option<u32>,
    /// The layout of the field, if it has data.
    pub datatype: Option<Datatype>,
    /// Its committed datatype, if it has one.
    pub committed: Option<RelAddr>,
}

impl Committed {
    /// Whether it is an element of an array that stores a union of two bits types inline: both
    /// values, and which of them counts. JLD2 reads such arrays by a way of their own (v0.6.5,
    /// `src/inlineunion.jl`).
    pub fn is_inline_union(&self) -> bool {
        self.julia_type.short_name() == "InlineUnionEl"
    }

    /// How much memory it takes, in units of some hundred bytes.
    pub(super) fn weight(&self) -> u64 {
        let types = [Some(&self.julia_type), self.written_type.as_ref()];
        let parts = types.into_iter().flatten().map(|t| {
            let extent = t.extent();
            extent.parts + extent.bytes / 100
        });
        parts.sum::<u64>() + 2 * self.fields.len() as u64 + u64::from(self.datatype.len) / 4 + 8
    }
}
