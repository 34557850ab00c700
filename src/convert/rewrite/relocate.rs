//! Puts the output's addresses into bytes of the input.

use super::heap_objects::{HeapObjects, HeapPlace};
use crate::h5::{AddressMap, Error, File, HeapAtHand, RefPlan, RefSlot, RelAddr, Result};
use std::cell::RefCell;

/// Where everything goes.
#[derive(Debug)]
pub(super) struct Places<'a> {
    /// The input.
    pub(super) file: &'a File,
    /// New addresses of objects by their old ones.
    pub(super) objects: AddressMap,
    /// The input's heap objects.
    pub(super) heap_objects: &'a HeapObjects,
    /// The new collections that hold them, in order.
    pub(super) collections: Vec<Collection>,
    /// The input's heap that was asked for last.
    pub(super) heap: RefCell<HeapAtHand>,
}

/// A heap collection of the output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Collection {
    /// The number of its first heap object.
    pub(super) first: u64,
    /// How many it holds.
    pub(super) count: usize,
    /// Its offset.
    pub(super) at: u64,
    pub(super) addr: RelAddr,
}

impl Places<'_> {
    /// The new address of an object; `at` is where the old one stands.
    pub(super) fn object(&self, old: RelAddr, at: u64) -> Result<RelAddr> {
        if old.is_null() {
            return Ok(RelAddr::NULL);
        }
        self.objects.get(old.0).map(RelAddr).ok_or_else(|| {
            Error::corrupt(at, "reference", "an object that was reached before", old.to_string())
        })
    }

    /// Where the heap object with this number is.
    pub(super) fn heap_object(&self, number: u64) -> Option<HeapPlace> {
        let next = self.collections.partition_point(|c| c.first <= number);
        let collection = self.collections.get(next.checked_sub(1)?)?;
        let index = u32::try_from(number - collection.first).ok()?.checked_add(1)?;
        Some(HeapPlace { heap: collection.addr, index })
    }

    /// Turns the addresses in `bytes`, whole elements from offset `at` of the input, into the new
    /// ones.
    pub(super) fn relocate(&self, plan: &RefPlan, bytes: &mut [u8], at: u64) -> Result<()> {
        if plan.is_empty() || plan.size == 0 {
            return Ok(());
        }
        let size = usize::try_from(plan.size).unwrap_or(usize::MAX);
        for (element, start) in bytes.chunks_mut(size).zip((at..).step_by(size)) {
            for (offset, slot) in &plan.slots {
                let at = start + u64::from(*offset);
                let offset = usize::try_from(*offset).unwrap_or(usize::MAX);
                let Some(rest) = element.get_mut(offset..) else { continue };
                match slot {
                    RefSlot::Reference => self.reference(rest, at)?,
                    RefSlot::Vlen(_) => self.sequence(rest, at)?,
                }
            }
        }
        Ok(())
    }

    fn reference(&self, bytes: &mut [u8], at: u64) -> Result<()> {
        if let Some(address) = bytes.first_chunk_mut::<8>() {
            let new = self.object(RelAddr(u64::from_le_bytes(*address)), at)?;
            *address = new.0.to_le_bytes();
        }
        Ok(())
    }

    /// A heap id: count, collection, index.
    fn sequence(&self, bytes: &mut [u8], at: u64) -> Result<()> {
        let Some(id) = bytes.get_mut(4..16) else { return Ok(()) };
        let (address, index) = id.split_at_mut(8);
        let (Some(address), Some(index)) =
            (address.first_chunk_mut::<8>(), index.first_chunk_mut::<4>())
        else {
            return Ok(());
        };
        let heap = RelAddr(u64::from_le_bytes(*address));
        let old = u32::from_le_bytes(*index);
        if old == 0 && (heap.is_null() || heap.is_undef()) {
            return Ok(());
        }
        let object = self.heap.borrow_mut().object(self.file, heap, old)?;
        let number = object.and_then(|object| self.heap_objects.number(object.offset));
        let Some(new) = number.and_then(|number| self.heap_object(number)) else {
            let found = format!("object {old} of the heap at {heap}");
            return Err(Error::corrupt(at, "heap id", "one that was reached before", found));
        };
        *address = new.heap.0.to_le_bytes();
        *index = new.index.to_le_bytes();
        Ok(())
    }
}
