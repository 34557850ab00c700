//! Holds values that stand in for those of the file.

use crate::h5::RelAddr;
use crate::julia::{Committed, Derived, JuliaType, NewName, Node};
use std::collections::HashMap;
use std::sync::Arc;

/// What stands in for objects and types of the file: what rules make of them. The names of types
/// that change with them are the [`TypeTable`](crate::julia::TypeTable)'s business
/// ([`with_renames`](crate::julia::TypeTable::with_renames)).
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// By address of the object.
    pub objects: HashMap<RelAddr, Override>,
    /// The fields of all values of a type, wherever they are stored, by address of the committed
    /// datatype.
    pub types: HashMap<RelAddr, Vec<(String, FieldValue)>>,
    /// Types whose values, structs of arrays, become arrays of structs of this type, wherever they are
    /// stored; by address of the committed datatype.
    pub rows: HashMap<RelAddr, JuliaType>,
}

/// What stands in for one object.
#[derive(Debug, Clone)]
pub enum Override {
    /// A value.
    Value(Node),
    /// The object itself, with the fields of another type.
    Retyped {
        /// What the other type is called.
        to: NewName,
        /// Its fields in order.
        fields: Vec<(String, FieldValue)>,
    },
    /// The object itself, which stands elsewhere: what it holds is laid out in another way.
    Moved,
    /// The object, an array of structs, as one struct of arrays.
    Columns {
        /// The type of its elements.
        of: Arc<Committed>,
        /// The type of the struct.
        to: JuliaType,
    },
    /// The object, a struct of arrays, as an array of structs: what [`Overrides::rows`] has for its type.
    Rows,
}

/// Where a field of a changed value comes from.
#[derive(Debug, Clone)]
pub enum FieldValue {
    /// The field with this name of the stored object.
    Stored(String),
    /// A value.
    Value(Node),
    /// What follows from stored fields.
    Derived(Derived),
}
