//! Looks up sequences of variable length in heaps, one after the other. Mostly the next one is in the
//! same heap, which is held meanwhile.

use super::{Error, File, Heap, HeapObject, RelAddr, Result};
use std::sync::Arc;

/// The heap that was asked for last, for whoever goes through elements in order: the file's own memory
/// of heaps, which threads share, is asked once for each.
#[derive(Debug, Default)]
pub struct HeapAtHand(Option<(RelAddr, Arc<Heap>)>);

impl HeapAtHand {
    /// [`File::vlen`], always of the same `file`.
    ///
    /// # Errors
    /// As that.
    #[inline]
    pub fn vlen(
        &mut self,
        file: &File,
        vlen: &[u8],
        at: u64,
        base: u32,
    ) -> Result<Option<(u64, u64)>> {
        sequence(vlen, at, base, |heap, index| self.object(file, heap, index))
    }

    /// [`File::heap_object`], always of the same `file`.
    ///
    /// # Errors
    /// As that.
    #[inline]
    pub fn object(&mut self, file: &File, heap: RelAddr, index: u32) -> Result<Option<HeapObject>> {
        match &self.0 {
            Some((last, heap_at_hand)) if *last == heap => Ok(heap_at_hand.object(index)),
            _ => Ok(self.0.insert((heap, file.heap(heap)?)).1.object(index)),
        }
    }
}

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
