//! How values of committed types are read, as far as that is followed.

use super::resolved::Resolved;
use crate::h5::RelAddr;
use std::rc::Rc;

/// How values of a committed type are read.
#[derive(Debug)]
pub(super) struct Repr {
    /// What they come out as.
    pub(super) out: Rc<Resolved>,
    pub(super) content: Content,
    /// Whether another type is stored, which is converted.
    pub(super) converted: bool,
    /// Whether they lead to other objects.
    pub(super) leads: bool,
}

/// What a value is made of, as far as it leads on.
#[derive(Debug)]
pub(super) enum Content {
    Nothing,
    /// The name and the parameters of a type.
    Type,
    /// Types as members.
    Union,
    /// The object that stands for it.
    Reference,
    Parts(Vec<Part>),
}

/// A field that leads on.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) at: u32,
    pub(super) size: u32,
    /// Its committed type; none for a reference.
    pub(super) of: Option<RelAddr>,
    /// What the session's type declares, where that is known.
    pub(super) want: Option<Rc<Resolved>>,
}
