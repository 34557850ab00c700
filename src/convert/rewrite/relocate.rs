//! Puts the output's addresses into bytes of the input.

use super::inventory::Inventory;
use crate::h5::{Error, RefPlan, RefSlot, RelAddr, Result};
use std::collections::HashMap;

/// Where everything goes. While sizes are still being added up nothing has a place yet, and all
/// addresses are null: no size depends on them.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// New addresses of objects by their old ones; empty while sizing.
    pub(super) objects: HashMap<RelAddr, RelAddr>,
    /// New collection and index of each heap object, in the inventory's order.
    pub(super) sequences: Vec<(RelAddr, u32)>,
    /// Whether places are known.
    pub(super) settled: bool,
}

impl Places {
    /// The new address of an object; `at` is where the old one stands.
    pub(super) fn object(&self, old: RelAddr, at: u64) -> Result<RelAddr> {
        if !self.settled || old.is_null() {
            return Ok(RelAddr::NULL);
        }
        self.objects.get(&old).copied().ok_or_else(|| {
            Error::corrupt(at, "reference", "an object that was reached before", old.to_string())
        })
    }

    /// Where the heap object of an empty string is; null for what is none.
    pub(super) fn empty_string(&self, inventory: &Inventory, addr: RelAddr) -> (RelAddr, u32) {
        let place = inventory.empty_strings.get(&addr).and_then(|&i| self.sequences.get(i));
        place.copied().unwrap_or((RelAddr::NULL, 0))
    }

    /// Turns the addresses in `bytes`, whole elements from offset `at` of the input, into the new
    /// ones.
    pub(super) fn relocate(
        &self,
        inventory: &Inventory,
        plan: &RefPlan,
        bytes: &mut [u8],
        at: u64,
    ) -> Result<()> {
        if plan.is_empty() || plan.size == 0 || !self.settled {
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
                    RefSlot::Vlen(_) => self.sequence(inventory, rest, at)?,
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
    fn sequence(&self, inventory: &Inventory, bytes: &mut [u8], at: u64) -> Result<()> {
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
        let place = inventory.index.get(&(heap, old)).and_then(|&i| self.sequences.get(i));
        let Some((new, new_index)) = place else {
            let found = format!("object {old} of the heap at {heap}");
            return Err(Error::corrupt(at, "heap id", "one that was reached before", found));
        };
        *address = new.0.to_le_bytes();
        *index = new_index.to_le_bytes();
        Ok(())
    }
}
