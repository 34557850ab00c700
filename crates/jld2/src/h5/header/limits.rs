//! What is too large for an object header.

use crate::h5::Error;

/// More bytes than a header has.
pub(super) fn too_large(at: u64, len: u64) -> Error {
    let expected = "at most the bytes of the file, each byte once";
    Error::corrupt(at, "object header size", expected, format!("{len} more"))
}

/// No object but a group has so many messages, and those of groups are links, which are not held.
pub(super) fn too_many_messages(at: u64) -> Error {
    Error::too_large_at(at, "object header", "2^19 messages, the most that are held of one object")
}
