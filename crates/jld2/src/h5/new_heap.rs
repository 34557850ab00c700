//! Encodes global heap collections so that JLD2 and libhdf5 agree on them (docs/jld2-format.md, section
//! 8): the stored size counts the objects and 16 bytes, and 16 more are reserved behind it.

use super::HEAP_HEAD;

/// Most objects in one collection: its indices are 16 bits wide, and 0 is free space.
pub const MAX_HEAP_OBJECTS: usize = 65535;
/// The least that the stored size of a collection is.
const MIN_HEAP: u64 = 4096;
/// Bytes of an object's head.
const OBJECT_HEAD: u64 = 16;

/// Bytes in the file of a collection whose objects take `used` bytes with their heads.
pub const fn heap_len(used: u64) -> u64 {
    HEAP_HEAD + stored_size(used)
}

const fn stored_size(used: u64) -> u64 {
    let needed = used + OBJECT_HEAD;
    if needed > MIN_HEAP { needed } else { MIN_HEAP }
}

/// Encodes a collection of these objects.
pub fn heap(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut new = NewHeap::default();
    for object in objects.iter().take(MAX_HEAP_OBJECTS) {
        new.push(object.len()).copy_from_slice(object);
    }
    new.finish()
}

/// A collection that is encoded object by object.
#[derive(Debug)]
pub struct NewHeap {
    out: Vec<u8>,
    index: u16,
}

impl Default for NewHeap {
    fn default() -> Self {
        let mut out = b"GCOL\x01\0\0\0".to_vec();
        // Its size, which is not known yet.
        out.extend([0; 8]);
        Self { out, index: 0 }
    }
}

impl NewHeap {
    /// Puts an object of `len` zeros behind the others; gives them to be filled. No more than
    /// [`MAX_HEAP_OBJECTS`] fit.
    pub fn push(&mut self, len: usize) -> &mut [u8] {
        self.index = self.index.saturating_add(1);
        self.out.extend(self.index.to_le_bytes());
        self.out.extend([1, 0, 0, 0, 0, 0]);
        self.out.extend((len as u64).to_le_bytes());
        let start = self.out.len();
        self.out.resize((start + len).next_multiple_of(8), 0);
        self.out.get_mut(start..).and_then(|rest| rest.get_mut(..len)).unwrap_or_default()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.index == 0
    }

    /// What stands in front of the data of a collection's only object, of `len` bytes, and what stands
    /// behind: for one that is too long to be held.
    pub fn around(len: u64) -> [Vec<u8>; 2] {
        let mut front = Self::default();
        front.push(0);
        let Self { out: mut front, .. } = front;
        let used = OBJECT_HEAD.saturating_add(len.next_multiple_of(8));
        for (at, number) in [(8, stored_size(used)), (24, len)] {
            if let Some(to) = front.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<8>()) {
                *to = number.to_le_bytes();
            }
        }
        let padding = usize::try_from(len.next_multiple_of(8) - len).unwrap_or(0);
        let mut behind = vec![0; padding];
        behind.extend(rest(used));
        [front, behind]
    }

    /// The bytes of the collection.
    pub fn finish(self) -> Vec<u8> {
        let Self { mut out, .. } = self;
        let used = (out.len() as u64).saturating_sub(HEAP_HEAD);
        if let Some(to) = out.get_mut(8..16) {
            to.copy_from_slice(&stored_size(used).to_le_bytes());
        }
        out.extend(rest(used));
        out
    }
}

/// What is left of a collection behind objects that take `used` bytes: a free object.
fn rest(used: u64) -> Vec<u8> {
    let free = stored_size(used).saturating_sub(used);
    let mut out = vec![0; 8];
    out.extend(free.saturating_sub(OBJECT_HEAD).to_le_bytes());
    out.resize(usize::try_from(free).unwrap_or(out.len()), 0);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collection_of_one_is_the_same_in_pieces() {
        for len in [0, 1, 7, 8, 4000, 4055, 4056, 4064, 4065, 100_000_usize] {
            let bytes: Vec<u8> = (0..=255).cycle().take(len).collect();
            let [front, behind] = NewHeap::around(len as u64);
            let pieces = [front, bytes.clone(), behind].concat();
            assert_eq!(pieces, heap(&[bytes]), "{len}");
        }
    }
}
