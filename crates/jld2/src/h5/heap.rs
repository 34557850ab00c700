//! Reads global heap collections (docs/jld2-format.md, section 8; HDF5 specification III.E).

use super::address::absolute;
use super::bytes::Cursor;
use super::{Error, RelAddr, Result, Source, Superblock};

/// Bytes in front of a collection's first object. JLD2 does not count them in the stored size.
pub const HEAP_HEAD: u64 = 16;
/// Bytes of an object's head.
const OBJECT_HEAD: u64 = 16;
/// Collections of no more bytes are read at once.
const SMALL: usize = 16 << 10;

/// One object of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeapObject {
    /// Its index, from 1 on.
    pub index: u16,
    /// Absolute offset of its data.
    pub offset: u64,
    /// Bytes of its data.
    pub size: u64,
}

/// A global heap collection: where its objects stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heap {
    /// Absolute offset of its signature.
    pub offset: u64,
    /// The stored size: all of the collection as libhdf5 counts, all but [`HEAP_HEAD`] bytes of it as
    /// JLD2 does.
    pub size: u64,
    /// Its objects, by ascending index.
    pub objects: Vec<HeapObject>,
}

impl Heap {
    /// Reads the index of the collection at `addr`.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn read(source: &Source, superblock: &Superblock, addr: RelAddr) -> Result<Self> {
        let offset = absolute(superblock, addr, "global heap")?;
        let mut head = [0; 16];
        source.read_into(offset, &mut head, "global heap")?;
        let mut c = Cursor::new(&head, offset, "global heap");
        c.expect(b"GCOL\x01", "global heap signature and version")?;
        c.take(3)?;
        let size = c.u64()?;
        let limit = offset.checked_add(size).filter(|&end| end <= superblock.end_of_file);
        let Some(limit) = limit else {
            return Err(Error::corrupt(
                offset + 8,
                "global heap size",
                format!("at most {} bytes", superblock.end_of_file - offset),
                size.to_string(),
            ));
        };
        let end = limit.saturating_add(HEAP_HEAD).min(superblock.end_of_file);
        let objects = index(source, offset + HEAP_HEAD, limit, end)?;
        Ok(Self { offset, size, objects })
    }

    /// Absolute offset behind the bytes that the collection uses: those of its stored size, and those
    /// of its last object where that reaches into what JLD2 reserves behind them.
    pub fn end(&self) -> u64 {
        let head = self.offset.saturating_add(HEAP_HEAD);
        let last = self.objects.last().map_or(head, |o| o.offset.saturating_add(o.size));
        self.offset.saturating_add(self.size).max(last)
    }

    /// The object of this index.
    pub fn object(&self, index: u32) -> Option<HeapObject> {
        let index = u16::try_from(index).ok()?;
        // Mostly none is missing, so that it is known where it is.
        let place = usize::from(index).checked_sub(1)?;
        if let Some(object) = self.objects.get(place).filter(|o| o.index == index) {
            return Some(*object);
        }
        let i = self.objects.binary_search_by_key(&index, |o| o.index).ok()?;
        self.objects.get(i).copied()
    }
}

/// The objects from `at` on. `limit` is where the collection ends as libhdf5 counts: it fills a
/// collection to there and lets another structure begin. `end` is where it ends as JLD2 counts.
///
/// JLD2 puts the head of an object with data below `limit`, too: behind it, there must be room for
/// a free object (JLD2 0.1 to 0.6, `src/global_heaps.jl`). Only the data of an object that got a
/// collection of its own reach up to `end`. So what stands in the last bytes, where no head fits,
/// is not an object for either of them.
fn index(source: &Source, mut at: u64, limit: u64, end: u64) -> Result<Vec<HeapObject>> {
    let mut objects = Vec::<HeapObject>::new();
    let heads = Heads::new(source, at, limit);
    while limit.saturating_sub(at) >= OBJECT_HEAD {
        let head = heads.at(at)?;
        let mut c = Cursor::new(&head, at, "global heap object");
        let index = c.u16()?;
        if index == 0 {
            break;
        }
        c.take(6)?;
        let size = c.u64()?;
        let next = size
            .checked_next_multiple_of(8)
            .and_then(|padded| padded.checked_add(at + 16))
            .filter(|&next| next <= end);
        let last = objects.last().map_or(0, |o| o.index);
        let (Some(next), true) = (next, index > last) else {
            return Err(Error::corrupt(
                at,
                "global heap object",
                format!("an index above {last} and at most {} bytes", end - at - OBJECT_HEAD),
                format!("index {index} with {size} bytes"),
            ));
        };
        objects.push(HeapObject { index, offset: at + 16, size });
        at = next;
    }
    Ok(objects)
}

/// Heads of objects. Those of a small collection, as most are, are read at once.
struct Heads<'a> {
    source: &'a Source,
    start: u64,
    whole: Vec<u8>,
}

impl<'a> Heads<'a> {
    fn new(source: &'a Source, start: u64, limit: u64) -> Self {
        let len = usize::try_from(limit.saturating_sub(start)).unwrap_or(usize::MAX);
        let whole = if len <= SMALL { source.read(start, len, "global heap").ok() } else { None };
        Self { source, start, whole: whole.unwrap_or_default() }
    }

    fn at(&self, offset: u64) -> Result<[u8; 16]> {
        let place = usize::try_from(offset.saturating_sub(self.start)).unwrap_or(usize::MAX);
        if let Some(head) = self.whole.get(place..).and_then(|rest| rest.first_chunk::<16>()) {
            return Ok(*head);
        }
        let mut head = [0; 16];
        self.source.read_into(offset, &mut head, "global heap object")?;
        Ok(head)
    }
}
