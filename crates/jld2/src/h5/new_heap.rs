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

    /// The bytes of the collection.
    pub fn finish(self) -> Vec<u8> {
        let Self { mut out, .. } = self;
        let used = (out.len() as u64).saturating_sub(HEAP_HEAD);
        let size = stored_size(used);
        if let Some(to) = out.get_mut(8..16) {
            to.copy_from_slice(&size.to_le_bytes());
        }
        // What is left is a free object.
        out.extend([0; 8]);
        out.extend((size - used - OBJECT_HEAD).to_le_bytes());
        out.resize(usize::try_from(HEAP_HEAD + size).unwrap_or(out.len()), 0);
        out
    }
}
