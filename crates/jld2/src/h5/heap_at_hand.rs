//! Looks up sequences of variable length in heaps, one after the other. Mostly the next one is in the
//! same heap, which is held meanwhile.

use super::sequence::sequence;
use super::{File, Heap, HeapObject, RelAddr, Result};
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
