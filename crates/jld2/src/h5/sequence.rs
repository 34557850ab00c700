//! Elements of variable length, as datasets store them: how many, in which heap, and which of its objects.

use super::{Error, HeapObject, RelAddr, Result};

/// Where the data of a sequence of variable length stand; `find` finds objects of heaps.
pub(super) fn sequence(
    vlen: &[u8],
    at: u64,
    base: u32,
    find: impl FnOnce(RelAddr, u32) -> Result<Option<HeapObject>>,
) -> Result<Option<(u64, u64)>> {
    let Some((count, heap, index)) = split(vlen) else {
        return Err(Error::corrupt(at, "heap id", "16 bytes", vlen.len().to_string()));
    };
    if index == 0 && (heap.is_null() || heap.is_undef()) {
        return Ok(None);
    }
    let Some(object) = find(heap, index)? else {
        return Err(Error::corrupt(
            at,
            "heap id",
            format!("an object of the heap at {heap}"),
            format!("index {index}"),
        ));
    };
    if u64::from(count) * u64::from(base) != object.size {
        return Err(Error::corrupt(
            at,
            "heap object size",
            format!("{count} elements of {base} bytes"),
            format!("{} bytes", object.size),
        ));
    }
    Ok(Some((object.offset, object.size)))
}

/// Count, heap and index of a sequence of variable length.
fn split(vlen: &[u8]) -> Option<(u32, RelAddr, u32)> {
    let (count, rest) = vlen.split_first_chunk::<4>()?;
    let (heap, rest) = rest.split_first_chunk::<8>()?;
    let (index, _) = rest.split_first_chunk::<4>()?;
    Some((
        u32::from_le_bytes(*count),
        RelAddr(u64::from_le_bytes(*heap)),
        u32::from_le_bytes(*index),
    ))
}
