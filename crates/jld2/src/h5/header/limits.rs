//! What is too large for an object header.

use crate::h5::Error;
use crate::h5::budget::HEADER_BYTES;

/// More bytes than a header has.
pub(super) fn too_large(at: u64, len: u64) -> Error {
    if len > HEADER_BYTES {
        return too_many_links(at);
    }
    Error::corrupt(
        at,
        "object header size",
        "at most 16 MiB, each byte once",
        format!("{len} more"),
    )
}

/// Honest headers that are so large are those of groups. All of one is in memory at once.
pub(super) fn too_many_links(at: u64) -> Error {
    Error::too_large_at(
        at,
        "object header",
        "16 MiB or 2^19 messages, the most that are read of one object; the links of a group can be \
         put into several groups in Julia",
    )
}
