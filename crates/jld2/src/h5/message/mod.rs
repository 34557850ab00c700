//! Parses the bodies of header messages.

pub mod attribute;
pub mod dataspace;
pub mod datatype;
pub mod fill;
pub mod filter;
pub mod layout;
pub mod link;
