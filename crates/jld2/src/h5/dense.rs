//! Gathers links and attributes that an object keeps outside its header: in fractal heaps with an
//! index, or in a symbol table (HDF5 specification IV.A.2.c, IV.A.2.r, IV.A.2.v;
//! docs/jld2-format.md, sections 3.4 and 3.5).

use super::btree2::Tree;
use super::bytes::Cursor;
use super::effort::Access;
use super::fractal_heap::FractalHeap;
use super::header::{Piece, kind};
use super::link_list::{LinkList, LinkListBuilder, parsed};
use super::link_runs::{LinkRuns, Tally};
use super::message::link::AnyLink;
use super::storage::StorageBuilder;
use super::symbol_table::{self, SymbolTable};
use super::{Error, ObjectHeader, RelAddr, Result};
use crate::h5::budget::INDEX_BYTES;
use std::sync::Arc;

/// The type of a B-tree of links by the hashes of their names: hash, id.
const LINKS_BY_NAME: u8 = 5;
/// The same of attributes: id, flags, order of creation, hash.
const ATTRIBUTES_BY_NAME: u8 = 8;
/// A flag of a message: what is stored is shared by several objects.
const SHARED: u8 = 0x02;

/// Where something is kept, and which message says so.
struct Place {
    heap: RelAddr,
    names: RelAddr,
    /// Offset of the message.
    at: u64,
}

/// Takes what an object keeps outside its header in; what that takes is counted, even if it fails. No
/// more than `few` links are held.
pub(super) fn gather(from: Access<'_>, header: &mut ObjectHeader, few: u64) -> Result<()> {
    let mut storage = StorageBuilder::default();
    if let Some((tables, before)) = tables_of(header)? {
        let table = symbol_table::read(from, tables, few, &mut storage)?;
        take_in(header, table, before);
    }
    if let Some(place) = place(header, kind::LINK_INFO, "link info", 8)? {
        links(from, (header, &mut storage), (&place, few), &mut Err)?;
    }
    if let Some(place) = place(header, kind::ATTRIBUTE_INFO, "attribute info", 2)? {
        attributes(from, (header, &mut storage), &place)?;
    }
    header.storage = storage.finish()?;
    // What stands behind the container can be anything.
    let end = from.superblock.end_of_file;
    match header.storage.furthest().filter(|storage| storage.end > end) {
        None => Ok(()),
        Some(storage) => Err(Error::corrupt(
            storage.start,
            "links or attributes outside the header",
            format!("bytes before the end of the container ({end})"),
            format!("bytes to {}", storage.end),
        )),
    }
}

/// Takes in what is left of it; gives the errors of the rest.
pub(super) fn gather_left(from: Access<'_>, header: &mut ObjectHeader, few: u64) -> Vec<Error> {
    let mut lost = Vec::new();
    let mut storage = StorageBuilder::default();
    match tables_of(header) {
        Ok(Some((tables, before))) => {
            match symbol_table::read_left(from, tables, few, &mut storage) {
                Ok((table, error)) => {
                    take_in(header, table, before);
                    lost.extend(error);
                }
                Err(error) => lost.push(error),
            }
        }
        Ok(None) => {}
        Err(error) => lost.push(error),
    }
    let found = place(header, kind::LINK_INFO, "link info", 8).and_then(|place| {
        place.map_or(Ok(()), |place| {
            links(from, (header, &mut storage), (&place, few), &mut |error| {
                lost.push(error);
                Ok(())
            })
        })
    });
    lost.extend(found.err());
    let found = place(header, kind::ATTRIBUTE_INFO, "attribute info", 2).and_then(|place| {
        place.map_or(Ok(()), |place| attributes(from, (header, &mut storage), &place))
    });
    lost.extend(found.err());
    match storage.finish() {
        Ok(storage) => header.storage = storage,
        Err(error) => lost.push(error),
    }
    lost
}

/// Takes in the links of a symbol table, of which the message stands in front of `before` others.
fn take_in(header: &mut ObjectHeader, table: SymbolTable, before: usize) {
    header.symbols = Some(table.group);
    let many = table.many.map(|(list, tally)| LinkRuns::of_list(list, before, tally));
    header.listed = many.map(Arc::new);
}

/// B-tree and local heap of a group of the old kind, and how many messages stand up to the one that
/// says so.
fn tables_of(header: &ObjectHeader) -> Result<Option<((RelAddr, RelAddr), usize)>> {
    let Some(m) = header.single(kind::SYMBOL_TABLE, "symbol table")? else { return Ok(None) };
    let mut c = header.cursor(m, "symbol table");
    let before = header.messages.iter().take_while(|m| m.kind != kind::SYMBOL_TABLE).count();
    Ok(Some(((c.addr()?, c.addr()?), before + 1)))
}

/// What a link info or attribute info message says; none if all is in the header. `counter` is how
/// many bytes the highest number in the order of creation takes.
fn place(
    header: &ObjectHeader,
    kind: u8,
    what: &'static str,
    counter: usize,
) -> Result<Option<Place>> {
    let Some(m) = header.single(kind, what)? else { return Ok(None) };
    let mut c = header.cursor(m, what);
    c.expect_u8(0, "version of a link or attribute info")?;
    if c.u8()? & 1 != 0 {
        c.take(counter)?;
    }
    let (heap, names) = (c.addr()?, c.addr()?);
    Ok((!heap.is_undef()).then_some(Place { heap, names, at: m.offset }))
}

/// In the order of creation where links hold it, else by name. A link that makes no sense is told
/// to `broken`.
fn links(
    from: Access<'_>,
    (header, storage): (&mut ObjectHeader, &mut StorageBuilder),
    (place, few): (&Place, u64),
    broken: &mut dyn FnMut(Error) -> Result<()>,
) -> Result<()> {
    let mut heap = FractalHeap::read(from, place.heap)?;
    let size = 4 + heap.id_len();
    let tree = Tree::open(from, place.names, (LINKS_BY_NAME, size), storage)?;
    if tree.total() > few || heap.size() > INDEX_BYTES {
        if header.listed.is_some() {
            return Err(Error::foreign(
                place.at,
                "a group with a symbol table and a heap of links",
            ));
        }
        let (list, tally) = very_many(&mut heap, tree, storage, broken)?;
        let before = header.messages.len();
        header.listed = Some(Arc::new(LinkRuns::of_list(list, before, tally)));
        return heap.put_storage(storage);
    }
    let mut records = tree.records(storage)?;
    // As they stand in the heap, each part of which is read once then.
    records.sort_by_cached_key(|(record, _)| heap.place_of(id_of(record)));
    let mut found = Vec::with_capacity(records.len());
    for (record, at) in &records {
        let read = heap.object(id_of(record), at + 4).and_then(|piece| {
            let mut c = Cursor::new(&piece.bytes, piece.offset, "link");
            let (link, order) = AnyLink::ordered(&mut c)?;
            let name = match link {
                AnyLink::Hard(link) => link.name,
                AnyLink::Symbolic(link) => link.name,
            };
            Ok((order, name, piece))
        });
        match read {
            Ok(link) => found.push(link),
            Err(error) => broken(error)?,
        }
    }
    found.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    for (_, _, piece) in found {
        header.add(kind::LINK, None, piece)?;
    }
    heap.put_storage(storage)
}

/// The heap id of a record of links by name.
fn id_of(record: &[u8]) -> &[u8] {
    record.get(4..).unwrap_or_default()
}

/// Records of a tree, to be looked up in the order of their heap.
#[derive(Default)]
struct Batch {
    /// Where each is in the heap, its number, and its absolute offset.
    places: Vec<(u64, u32, u64)>,
    /// Their bytes, one behind the other.
    records: Vec<u8>,
}

impl Batch {
    /// Records that are looked up together: the heap is gone through once for these.
    const RECORDS: usize = 1 << 18;
    /// Bytes of all of them.
    const BYTES: usize = 4 << 20;

    fn push(&mut self, place: u64, record: &[u8], at: u64) {
        let number = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        self.places.push((place, number, at));
        self.records.extend_from_slice(record);
    }

    fn is_full(&self) -> bool {
        self.places.len() >= Self::RECORDS || self.records.len() >= Self::BYTES
    }

    /// Puts what they lead to into `out`.
    fn look_up(
        &mut self,
        heap: &mut FractalHeap<'_>,
        (links, tally): (&mut LinkListBuilder, &mut Tally),
        broken: &mut dyn FnMut(Error) -> Result<()>,
    ) -> Result<()> {
        let size = 4 + heap.id_len();
        self.places.sort_unstable();
        for &(_, number, at) in &self.places {
            let start = usize::try_from(number).unwrap_or(usize::MAX).saturating_mul(size);
            let record = self.records.get(start..).and_then(|records| records.get(..size));
            let read = heap.object(id_of(record.unwrap_or_default()), at + 4).and_then(|piece| {
                let (link, order, named) = parsed(&piece.bytes, piece.offset)?;
                Ok((piece, link, order, named))
            });
            match read {
                Ok((piece, link, order, named)) => {
                    links.push((&piece.bytes, piece.offset), (&link, order), &named)?;
                    tally.put_in(link, piece.offset)?;
                }
                Err(error) => broken(error)?,
            }
        }
        self.places.clear();
        self.records.clear();
        Ok(())
    }
}

/// The links of a heap whose index is `tree`, which are too many to be held.
fn very_many(
    heap: &mut FractalHeap<'_>,
    tree: Tree<'_>,
    storage: &mut StorageBuilder,
    broken: &mut dyn FnMut(Error) -> Result<()>,
) -> Result<(LinkList, Tally)> {
    let (mut batch, mut links, mut tally) =
        (Batch::default(), LinkListBuilder::default(), Tally::default());
    heap.of_any_size();
    tree.each(storage, &mut |record, at| {
        batch.push(heap.place_of(id_of(record)), record, at);
        if batch.is_full() {
            batch.look_up(heap, (&mut links, &mut tally), broken)?;
        }
        Ok(())
    })?;
    batch.look_up(heap, (&mut links, &mut tally), broken)?;
    drop(batch);
    Ok((links.finish()?, tally))
}

/// In the order of creation where the header tracks it, else by name.
fn attributes(
    from: Access<'_>,
    (header, storage): (&mut ObjectHeader, &mut StorageBuilder),
    place: &Place,
) -> Result<()> {
    let mut heap = FractalHeap::read(from, place.heap)?;
    let size = heap.id_len() + 9;
    let tree = Tree::open(from, place.names, (ATTRIBUTES_BY_NAME, size), storage)?;
    let tracked = header.tracks_order();
    let mut found = Vec::new();
    for (record, at) in &tree.records(storage)? {
        let (id, rest) = record.split_at_checked(heap.id_len()).unwrap_or_default();
        let mut c = Cursor::new(rest, at + id.len() as u64, "index of attributes");
        if c.u8()? & SHARED != 0 {
            return Err(Error::foreign(place.at, "a shared attribute"));
        }
        let order = c.u32()?;
        let piece = heap.object(id, *at)?;
        let order = if tracked { Some(order) } else { None };
        found.push((order, name_of(&piece)?, piece));
    }
    found.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    for (order, _, piece) in found {
        let order = order.map(|order| u16::try_from(order).unwrap_or(u16::MAX));
        header.add(kind::ATTRIBUTE, order, piece)?;
    }
    heap.put_storage(storage)
}

/// The name of an attribute, as bytes, to sort by.
fn name_of(piece: &Piece) -> Result<Vec<u8>> {
    let mut c = Cursor::new(&piece.bytes, piece.offset, "attribute");
    let version = c.u8()?;
    c.u8()?;
    let len = usize::from(c.u16()?);
    c.take(if version == 3 { 5 } else { 4 })?;
    Ok(c.take(len)?.to_vec())
}
