//! Adds up where everything behind the payloads goes, and writes it: data with addresses, heaps and
//! headers.

use super::RewriteError;
use super::context::Context;
use super::header;
use super::heap_objects::{HeapPlace, Stored};
use super::inventory::{Inventory, is_empty_string};
use super::output::Output;
use super::payloads::{Payload, Payloads};
use super::relocate::{Collection, Places};
use crate::h5::encode::{self, MAX_HEAP_OBJECTS, NewHeap, NewMessage};
use crate::h5::{
    AddressMap, Dataset, Datatype, Error, File, ObjectKind, RefPlan, RelAddr, Result, kind,
};
use crate::julia::Column;
use std::cell::RefCell;
use std::io::Read as _;
use std::iter::Peekable;

/// Heap collections are closed when their objects take this many bytes.
const HEAP_BYTES: u64 = 1 << 20;
/// Data with addresses are relocated in windows of about this many bytes.
const WINDOW: usize = 256 << 10;

/// Data with addresses, heaps and headers: everything behind the payloads.
pub(super) struct Layout<'a> {
    pub(super) input: &'a File,
    /// What offsets of the output count from.
    pub(super) base: u64,
    pub(super) inventory: &'a Inventory,
    pub(super) payloads: &'a Payloads,
}

/// Where everything is.
pub(super) struct Settled<'a> {
    pub(super) places: Places<'a>,
    /// Where the first data with addresses may begin.
    start: u64,
    /// New `_types`: its bytes and its offset.
    types: Option<(Vec<u8>, u64)>,
}

impl<'a> Layout<'a> {
    fn rel(&self, offset: u64) -> RelAddr {
        RelAddr(offset.wrapping_sub(self.base))
    }

    /// Adds up all sizes from the offset `start` on.
    pub(super) fn settle(&self, start: u64) -> Result<Settled<'a>> {
        let Inventory { objects, header_lens, heap_objects, .. } = self.inventory;
        // What stands at multiples of eight comes first, so that there are hardly any gaps.
        let mut at = self.payloads.placed_behind(start).last().map_or(start, |b| b.offset + b.size);
        let mut collections = Vec::new();
        let (mut first, mut left) = (0, heap_objects.iter().peekable());
        while left.peek().is_some() {
            at = at.next_multiple_of(8);
            let (count, used) = collection(&mut left);
            collections.push(Collection { first, count, at, addr: self.rel(at) });
            at += encode::heap_len(used);
            first += count as u64;
        }
        let objects = objects.iter().zip(header_lens);
        let mut places = Places {
            file: self.input,
            objects: AddressMap::default(),
            heap_objects,
            collections,
            heap: RefCell::default(),
        };
        let mut behind = self.payloads.placed_behind(start).peekable();
        for (addr, len) in objects {
            places.objects.get_or_insert(addr, self.rel(at).0);
            at += match len {
                0 => {
                    let behind = behind.next_if(|b| b.addr.0 == addr);
                    self.header_len(RelAddr(addr), behind.map(|b| b.size))?
                }
                len => len,
            };
        }
        let types = self.types_group(&places)?.map(|bytes| (bytes, at));
        Ok(Settled { places, start, types })
    }

    /// The size of the header of a dataset that can have data outside. `behind` is what those take if
    /// they hold addresses.
    fn header_len(&self, addr: RelAddr, behind: Option<u64>) -> Result<u64> {
        let object = self.input.object(addr)?;
        let payload = match behind {
            Some(size) => Some(Payload::Contiguous { offset: 0, size }),
            None => self.payloads.get(addr),
        };
        let sizing = Context::sizing(self.input);
        sizing.len(&object, payload.as_ref(), HeapPlace::NONE)
    }

    /// The header of a `_types` that names the types in use, in the old order.
    fn types_group(&self, places: &Places<'_>) -> Result<Option<Vec<u8>>> {
        let Some((_, group)) = self.inventory.types_link else { return Ok(None) };
        let object = self.input.object(group)?;
        let roomy = header::has_room(&object);
        let ObjectKind::Group(group) = &object.kind else { return Ok(None) };
        let all = group.all(self.input, self.input.offset(object.addr(), "committed types")?)?;
        let used = all.iter().filter_map(|l| places.objects.get(l.target.0));
        let links: Vec<_> = (1..).zip(used).map(|(n, a)| (format!("{n:08}"), RelAddr(a))).collect();
        let mut messages = encode::group(&links);
        messages.retain(|m| roomy || m.kind != kind::NIL || *m == NewMessage::placeholder());
        Ok(Some(encode::object_header(&messages).bytes))
    }

    /// Writes all of it.
    pub(super) fn write(
        &self,
        settled: &Settled<'_>,
        out: &mut Output<'_>,
    ) -> std::result::Result<(), RewriteError> {
        let Settled { places, start, types } = settled;
        out.pad_to(*start)?;
        for behind in self.payloads.placed_behind(*start) {
            let object = self.input.object(behind.addr)?;
            let Some(dataset) = object.dataset() else { continue };
            out.pad_to(behind.offset)?;
            let datatype = self.input.resolve(&dataset.datatype)?;
            let plan = RefPlan::new(&datatype)?;
            self.relocated(places, dataset, &datatype, &plan, out)?;
        }
        self.heaps(places, out)?;
        let types_link = self.inventory.types_link.map(|(at, _)| {
            (at, types.as_ref().map_or(RelAddr::NULL, |(_, offset)| self.rel(*offset)))
        });
        let context =
            Context { file: self.input, places: Some(places), types_link, base: self.base };
        let mut behind = self.payloads.placed_behind(*start).peekable();
        let mut empty_strings = self.inventory.heap_objects.empty_strings();
        for addr in self.inventory.objects.iter().map(RelAddr) {
            let object = self.input.object(addr)?;
            let mut place = HeapPlace::NONE;
            if is_empty_string(&object) {
                let object = empty_strings.next().and_then(|n| places.heap_object(n));
                place = object.unwrap_or(place);
            }
            let payload = match behind.next_if(|b| b.addr == addr) {
                Some(b) => Some(Payload::Contiguous { offset: b.offset, size: b.size }),
                None => self.payloads.get(addr),
            };
            context.write(&object, payload.as_ref(), place, out)?;
        }
        if let Some((bytes, _)) = types {
            out.write(bytes)?;
        }
        Ok(())
    }

    fn heaps(
        &self,
        places: &Places<'_>,
        out: &mut Output<'_>,
    ) -> std::result::Result<(), RewriteError> {
        let mut left = self.inventory.heap_objects.iter();
        for &Collection { count, at, .. } in &places.collections {
            out.pad_to(at)?;
            let mut heap = NewHeap::default();
            for stored in left.by_ref().take(count) {
                if count == 1 && stored.len > WINDOW as u64 {
                    self.long_heap(places, stored, out)?;
                } else {
                    self.heap_object(places, stored, &mut heap)?;
                }
            }
            if !heap.is_empty() {
                out.write(&heap.finish())?;
            }
        }
        Ok(())
    }

    /// Streams a collection of one object, which can be of any length.
    fn long_heap(
        &self,
        places: &Places<'_>,
        stored: Stored,
        out: &mut Output<'_>,
    ) -> std::result::Result<(), RewriteError> {
        let Stored { offset, len, plan } = stored;
        let source = self.input.source();
        source.check(offset, len, "heap object")?;
        let plan = plan.and_then(|plan| self.inventory.plans.get(plan));
        let size = plan.map_or(1, |plan| usize::try_from(plan.size).unwrap_or(WINDOW).max(1));
        let mut window = vec![0; (WINDOW / size).max(1) * size];
        let [front, behind] = NewHeap::around(len);
        out.write(&front)?;
        let (mut at, end) = (offset, offset.saturating_add(len));
        while at < end {
            let n = usize::try_from(end - at).unwrap_or(usize::MAX).min(window.len());
            let bytes = window.get_mut(..n).unwrap_or_default();
            source.read_into(at, bytes, "heap object")?;
            if let Some(plan) = plan {
                places.relocate(plan, bytes, at)?;
            }
            out.write(bytes)?;
            at += n as u64;
        }
        out.write(&behind)?;
        Ok(())
    }

    /// Puts a heap object into a new collection.
    fn heap_object(&self, places: &Places<'_>, stored: Stored, heap: &mut NewHeap) -> Result<()> {
        let Stored { offset, len, plan } = stored;
        let (source, len) = (self.input.source(), usize::try_from(len).unwrap_or(usize::MAX));
        let bytes = if len <= WINDOW {
            let bytes = heap.push(len);
            source.read_into(offset, bytes, "heap object")?;
            bytes
        } else {
            // There is no room for it before it is known that it can be read.
            let whole = source.read(offset, len, "heap object")?;
            let bytes = heap.push(len);
            bytes.copy_from_slice(&whole);
            bytes
        };
        match plan.and_then(|plan| self.inventory.plans.get(plan)) {
            Some(plan) => places.relocate(plan, bytes, offset),
            None => Ok(()),
        }
    }

    /// Streams data with addresses.
    fn relocated(
        &self,
        places: &Places<'_>,
        dataset: &Dataset,
        datatype: &Datatype,
        plan: &RefPlan,
        out: &mut Output<'_>,
    ) -> std::result::Result<(), RewriteError> {
        let column = Column::new(self.input, dataset, datatype)?;
        let mut stream = column.open()?;
        let mut at = self.input.stored_offset(dataset)?.unwrap_or(0);
        let size = usize::try_from(plan.size).unwrap_or(usize::MAX).max(1);
        let mut window = vec![0; (WINDOW / size).max(1) * size];
        loop {
            let mut n = 0;
            while let Some(rest) = window.get_mut(n..).filter(|r| !r.is_empty()) {
                match stream.read(rest).map_err(|e| Error::io(at, e))? {
                    0 => break,
                    got => n += got,
                }
            }
            let Some(bytes) = window.get_mut(..n).filter(|b| !b.is_empty()) else { return Ok(()) };
            places.relocate(plan, bytes, at)?;
            out.write(bytes)?;
            at += n as u64;
        }
    }
}

/// Takes the heap objects that go into the next collection; gives how many they are, and the bytes
/// that they take there.
fn collection(left: &mut Peekable<impl Iterator<Item = Stored>>) -> (usize, u64) {
    let (mut count, mut used) = (0, 0);
    let size = |s: &Stored| 16 + s.len.next_multiple_of(8);
    while count < MAX_HEAP_OBJECTS
        && let Some(next) = left.next_if(|s| count == 0 || used + size(s) <= HEAP_BYTES)
    {
        used += size(&next);
        count += 1;
    }
    (count, used)
}
