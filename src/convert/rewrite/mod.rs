//! Carries out rewrite mode: all live objects are laid out again.
//!
//! The input is read through the edit list of its migration, so one pass brings both: what rules
//! change and another layout. Payloads are written first, streamed and encoded block by block; then
//! all sizes are added up, which gives every object its address; then data with addresses, heaps and
//! headers follow. Nothing that cannot be reached is kept, and `_types` holds just the
//! types that are used, numbered without gaps.
//!
//! Memory holds the addresses of objects and the indices of heap objects, never data.

mod choice;
mod column_writer;
mod front;
mod header;
mod inventory;
mod naming;
mod output;
mod payload;
mod pipeline;
mod progress;
mod relocate;
mod strings;
#[cfg(test)]
mod tests;

use self::header::{Context, Payload};
use self::inventory::Inventory;
use self::output::Output;
use self::relocate::Places;
use super::planned::read_failure;
use super::{Failure, FailureKind, Observer};
use crate::codec;
use crate::h5::encode::{self, MAX_HEAP_OBJECTS, NewMessage};
use crate::h5::{File, ObjectKind, RefPlan, RelAddr, Result, kind};
use crate::sys::file::is_full;
use crate::sys::sums::Stretch;
use std::collections::HashMap;
use std::io;
use std::path::Path;

pub(super) use self::choice::EncodeOptions;
pub(super) use self::front::{told_of_front, user_block};
pub(super) use self::payload::Counts;

/// Heap collections are closed when their objects take this many bytes.
const HEAP_BYTES: u64 = 1 << 20;
/// Data with addresses are relocated in windows of about this many bytes.
const WINDOW: usize = 256 << 10;
/// Writes all that is alive in `input` to the empty file `out`.
pub(super) fn rewrite(
    input: &File,
    out: &std::fs::File,
    encoding: &EncodeOptions<'_>,
    observer: &dyn Observer,
) -> std::result::Result<Rewritten, RewriteError> {
    let inventory = Inventory::take(input)?;
    let block = user_block(input)?;
    let base = block.len() as u64;
    let mut out = Output::new(out, base);
    out.zeros(base + front::SUPERBLOCK)?;
    let mut payloads = HashMap::new();
    let counts = payload::write(input, &inventory, encoding, &mut out, &mut payloads, observer)
        .map_err(|e| naming::named(input, e))?;
    let mut layout = Layout { input, base, inventory: &inventory, payloads: &payloads };
    let start = out.position().next_multiple_of(8);
    let named = |e: crate::h5::Error| naming::named(input, e.into());
    let settled = layout.settle(start).map_err(named)?;
    out.pad_to(start)?;
    layout.write(&settled, &mut out)?;
    let bytes = out.finish()?;
    let superblock = input.superblock();
    let root = settled.places.object(superblock.root, superblock.offset)?;
    let head = front::front(input, block, root, bytes);
    let sums = out.write_head(&head)?;
    Ok(Rewritten { counts, sums, head })
}

/// What was written.
#[derive(Debug)]
pub(super) struct Rewritten {
    /// What is to be told of the columns.
    pub(super) counts: Counts,
    /// Digests of all bytes, those of `head` as zeros.
    pub(super) sums: Vec<Stretch>,
    /// The bytes that were put over the first zeros at the end.
    pub(super) head: Vec<u8>,
}

/// Why a rewrite failed.
#[derive(Debug)]
pub(super) enum RewriteError {
    /// The input is not as it must be.
    Input(crate::h5::Error),
    /// The output cannot be written.
    Output(std::io::Error),
    /// Anything else.
    Failed(Failure),
}

impl RewriteError {
    /// The failure of a conversion from the file `input` into the file `output`.
    pub(super) fn into_failure(self, input: &Path, output: &Path) -> Failure {
        match self {
            Self::Input(e) => read_failure(input, &e),
            Self::Output(e) => {
                let fault = if is_full(&e) { FailureKind::Full } else { FailureKind::Output };
                Failure::new(fault, format!("{}: {e}", output.display()))
            }
            Self::Failed(failure) => failure,
        }
    }

    /// What a codec said of the data at offset `at` of the input.
    fn of_codec(at: u64, error: codec::Error) -> Self {
        match error {
            codec::Error::Cancelled => crate::h5::Error::cancelled().into(),
            codec::Error::Output { source, .. } => Self::Output(source),
            codec::Error::Unsupported { .. } => {
                Self::Failed(Failure::new(FailureKind::Unsupported, error.to_string()))
            }
            other => crate::h5::Error::payload(at, io::Error::other(other)).into(),
        }
    }

    /// What a stream of the data at offset `at` said; of chunks it knows more itself.
    fn of_stream(at: u64, error: io::Error) -> Self {
        match error.downcast::<crate::h5::Error>() {
            Ok(error) => error.into(),
            Err(error) => Self::of_codec(at, error.into()),
        }
    }
}

impl From<crate::h5::Error> for RewriteError {
    fn from(e: crate::h5::Error) -> Self {
        Self::Input(e)
    }
}

impl From<std::io::Error> for RewriteError {
    fn from(e: std::io::Error) -> Self {
        Self::Output(e)
    }
}

/// Data with addresses, heaps and headers: everything behind the payloads.
struct Layout<'a> {
    input: &'a File,
    /// What offsets of the output count from.
    base: u64,
    inventory: &'a Inventory,
    payloads: &'a HashMap<RelAddr, Payload>,
}

/// Where everything is.
struct Settled {
    places: Places,
    /// New `_types`: its bytes and its offset.
    types: Option<(Vec<u8>, u64)>,
    /// Offsets of data with addresses.
    behind: HashMap<RelAddr, u64>,
    /// Heap collections: the first and last heap object of each, and its offset.
    heaps: Vec<(usize, usize, u64)>,
}

impl Layout<'_> {
    fn rel(&self, offset: u64) -> RelAddr {
        RelAddr(offset.wrapping_sub(self.base))
    }

    fn context<'c>(&'c self, places: &'c Places, types_group: RelAddr) -> Context<'c> {
        let base = self.base;
        Context { file: self.input, inventory: self.inventory, places, types_group, base }
    }

    /// Adds up all sizes from the offset `at` on.
    fn settle(&mut self, mut at: u64) -> Result<Settled> {
        let mut places = Places::default();
        // What stands at multiples of eight comes first, so that there are hardly any gaps.
        let mut behind = HashMap::new();
        for addr in &self.inventory.objects {
            if let Some(Payload::Behind { size }) = self.payloads.get(addr) {
                at = at.next_multiple_of(8);
                behind.insert(*addr, at);
                at += size;
            }
        }
        let mut heaps = Vec::new();
        let mut first = 0;
        while first < self.inventory.sequences.len() {
            at = at.next_multiple_of(8);
            let (last, size) = self.collection(first);
            for index in 1..=(last - first) {
                let index = u32::try_from(index).unwrap_or(u32::MAX);
                places.sequences.push((self.rel(at), index));
            }
            heaps.push((first, last, at));
            at += size;
            first = last;
        }
        let sizing = Places::default();
        let context = self.context(&sizing, RelAddr::NULL);
        for &addr in &self.inventory.objects {
            let object = self.input.object(addr)?;
            let header = context.header(&object, self.payloads.get(&addr), 0)?;
            places.objects.insert(addr, self.rel(at));
            at += header.bytes.len() as u64;
        }
        let types = self.types_group(&places)?.map(|bytes| (bytes, at));
        places.settled = true;
        Ok(Settled { places, types, behind, heaps })
    }

    /// The end of the collection that starts with heap object `first`, and its size in the file.
    fn collection(&self, first: usize) -> (usize, u64) {
        let mut used = 0;
        let mut last = first;
        for s in self.inventory.sequences.iter().skip(first).take(MAX_HEAP_OBJECTS) {
            let size = 16 + s.len.next_multiple_of(8);
            if last > first && used + size > HEAP_BYTES {
                break;
            }
            used += size;
            last += 1;
        }
        (last, encode::heap_len(used))
    }

    /// The header of a `_types` that names the types in use, in the old order.
    fn types_group(&self, places: &Places) -> Result<Option<Vec<u8>>> {
        let Some((_, group)) = self.inventory.types_link else { return Ok(None) };
        let object = self.input.object(group)?;
        let roomy = header::has_room(&object);
        let ObjectKind::Group(group) = &object.kind else { return Ok(None) };
        let used = group.links.iter().filter_map(|l| places.objects.get(&l.target));
        let links: Vec<_> = (1..).zip(used).map(|(n, &a)| (format!("{n:08}"), a)).collect();
        let mut messages = encode::group(&links);
        messages.retain(|m| roomy || m.kind != kind::NIL || *m == NewMessage::placeholder());
        Ok(Some(encode::object_header(&messages).bytes))
    }

    fn write(
        &self,
        settled: &Settled,
        out: &mut Output<'_>,
    ) -> std::result::Result<(), RewriteError> {
        for addr in &self.inventory.objects {
            let Some(at) = settled.behind.get(addr) else { continue };
            let object = self.input.object(*addr)?;
            let Some(dataset) = object.dataset() else { continue };
            out.pad_to(*at)?;
            let datatype = self.input.resolve(&dataset.datatype)?;
            let plan = RefPlan::new(&datatype)?;
            self.relocated(&settled.places, dataset, &datatype, &plan, out)?;
        }
        for &(first, last, at) in &settled.heaps {
            out.pad_to(at)?;
            let mut objects = Vec::new();
            for s in self.inventory.sequences.get(first..last).unwrap_or_default() {
                let len = usize::try_from(s.len).unwrap_or(usize::MAX);
                let mut bytes = self.input.source().read(s.offset, len, "heap object")?;
                if let Some(plan) = self.inventory.plans.get(s.plan) {
                    settled.places.relocate(self.inventory, plan, &mut bytes, s.offset)?;
                }
                objects.push(bytes);
            }
            out.write(&encode::heap(&objects))?;
        }
        let types = settled.types.as_ref().map_or(RelAddr::NULL, |(_, at)| self.rel(*at));
        let context = self.context(&settled.places, types);
        for &addr in &self.inventory.objects {
            let object = self.input.object(addr)?;
            let behind = settled.behind.get(&addr).copied().unwrap_or(0);
            out.write(&context.header(&object, self.payloads.get(&addr), behind)?.bytes)?;
        }
        if let Some((bytes, _)) = &settled.types {
            out.write(bytes)?;
        }
        Ok(())
    }

    /// Streams data with addresses.
    fn relocated(
        &self,
        places: &Places,
        dataset: &crate::h5::Dataset,
        datatype: &crate::h5::Datatype,
        plan: &RefPlan,
        out: &mut Output<'_>,
    ) -> std::result::Result<(), RewriteError> {
        use std::io::Read as _;
        let column = crate::julia::Column::new(self.input, dataset, datatype)?;
        let mut stream = column.open()?;
        let mut at = self.input.stored_offset(dataset)?.unwrap_or(0);
        let size = usize::try_from(plan.size).unwrap_or(usize::MAX).max(1);
        let mut window = vec![0; (WINDOW / size).max(1) * size];
        loop {
            let mut n = 0;
            while let Some(rest) = window.get_mut(n..).filter(|r| !r.is_empty()) {
                match stream.read(rest).map_err(|e| crate::h5::Error::io(at, e))? {
                    0 => break,
                    got => n += got,
                }
            }
            let Some(bytes) = window.get_mut(..n).filter(|b| !b.is_empty()) else { return Ok(()) };
            places.relocate(self.inventory, plan, bytes, at)?;
            out.write(bytes)?;
            at += n as u64;
        }
    }
}
