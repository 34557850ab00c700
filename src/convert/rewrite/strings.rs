//! Strings that JLD2 writes so that HDF5 cannot read them, and what they become.
//!
//! - An empty string has a type of no size, which HDF5 from 1.14 on does not open. It becomes a string
//!   of variable length with a heap object of no bytes: JLD2 gives `""` for it.
//! - A string of JLD2 0.1.12 to 0.3.1 becomes a scalar, as JLD2 writes it since.
//!
//! docs/jld2-format.md, section 6.5.

use super::heap_objects::HeapPlace;
use crate::h5::encode::{self, NewMessage};
use crate::h5::{Dataset, Datatype, Extent, TypeRef, kind};

/// What a string becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The same bytes, declared as one string.
    Scalar,
    /// One of variable length.
    Vlen,
}

/// What `dataset` becomes; none if it is written as it is.
pub(super) fn form(dataset: &Dataset) -> Option<Form> {
    let TypeRef::Inline(datatype) = &dataset.datatype else { return None };
    if dataset.is_empty_string(datatype) {
        Some(Form::Vlen)
    } else {
        dataset.is_old_string(datatype).then_some(Form::Scalar)
    }
}

/// What takes the place of the body of a message of a string.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Body {
    AsItIs,
    New(Vec<u8>),
    /// The message is left out.
    Gone,
}

impl Form {
    /// What the body of a message of this kind becomes. `place` is the heap object of a string of
    /// variable length.
    pub(super) fn body(self, message: u8, place: HeapPlace) -> Body {
        match (self, message) {
            (_, kind::DATASPACE) => Body::New(encode::dataspace(Extent::Scalar, &[])),
            (Self::Vlen, kind::DATATYPE) => Body::New(encode::datatype(&Datatype::vlen_string())),
            // A value in it would be one of the old type.
            (Self::Vlen, kind::FILL_VALUE) => Body::New(NewMessage::fill_value().body),
            (Self::Vlen, kind::OLD_FILL_VALUE) => Body::Gone,
            (Self::Vlen, kind::LAYOUT) => Body::New(encode::compact(&no_bytes(place))),
            _ => Body::AsItIs,
        }
    }
}

/// A sequence of no elements: their number, the collection of their heap object, its index.
fn no_bytes(HeapPlace { heap, index }: HeapPlace) -> Vec<u8> {
    let mut id = vec![0; 4];
    id.extend(heap.0.to_le_bytes());
    id.extend(index.to_le_bytes());
    id
}
