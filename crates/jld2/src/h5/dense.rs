//! Gathers links and attributes that an object keeps outside its header: in fractal heaps with an
//! index, or in a symbol table (HDF5 specification IV.A.2.c, IV.A.2.r, IV.A.2.v;
//! docs/jld2-format.md, sections 3.4 and 3.5).

use super::btree2::Tree;
use super::bytes::Cursor;
use super::effort::Access;
use super::fractal_heap::FractalHeap;
use super::header::{Piece, Storage, kind};
use super::message::link::AnyLink;
use super::{Error, ObjectHeader, RelAddr, Result, symbol_table};

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

/// Takes what an object keeps outside its header in; what that takes is counted, even if it fails.
pub(super) fn gather(from: Access<'_>, header: &mut ObjectHeader) -> Result<()> {
    if let Some((tree, heap)) = table_of(header)? {
        let table = symbol_table::read(from, tree, heap)?;
        header.storage.extend(table.storage);
        header.symbols = Some(table.group);
    }
    if let Some(place) = place(header, kind::LINK_INFO, "link info", 8)? {
        links(from, header, &place, &mut Err)?;
    }
    if let Some(place) = place(header, kind::ATTRIBUTE_INFO, "attribute info", 2)? {
        attributes(from, header, &place)?;
    }
    // What stands behind the container can be anything.
    header.storage.retain(|storage| storage.start < storage.end);
    let end = from.superblock.end_of_file;
    match header.storage.iter().find(|storage| storage.end > end) {
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
pub(super) fn gather_left(from: Access<'_>, header: &mut ObjectHeader) -> Vec<Error> {
    let mut lost = Vec::new();
    match table_of(header) {
        Ok(Some((tree, heap))) => match symbol_table::read_left(from, tree, heap) {
            Ok((table, error)) => {
                header.storage.extend(table.storage);
                header.symbols = Some(table.group);
                lost.extend(error);
            }
            Err(error) => lost.push(error),
        },
        Ok(None) => {}
        Err(error) => lost.push(error),
    }
    let found = place(header, kind::LINK_INFO, "link info", 8).and_then(|place| {
        place.map_or(Ok(()), |place| {
            links(from, header, &place, &mut |error| {
                lost.push(error);
                Ok(())
            })
        })
    });
    lost.extend(found.err());
    let found = place(header, kind::ATTRIBUTE_INFO, "attribute info", 2)
        .and_then(|place| place.map_or(Ok(()), |place| attributes(from, header, &place)));
    lost.extend(found.err());
    lost
}

/// B-tree and local heap of a group of the old kind.
fn table_of(header: &ObjectHeader) -> Result<Option<(RelAddr, RelAddr)>> {
    let Some(m) = header.single(kind::SYMBOL_TABLE, "symbol table")? else { return Ok(None) };
    let mut c = header.cursor(m, "symbol table");
    Ok(Some((c.addr()?, c.addr()?)))
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

fn trees(header: &mut ObjectHeader, tree: &Tree) {
    let nodes = tree.nodes.iter();
    header.storage.extend(nodes.map(|&(start, end)| Storage { start, end, checksum: None }));
}

/// In the order of creation where links hold it, else by name. A link that makes no sense is told
/// to `broken`.
fn links(
    from: Access<'_>,
    header: &mut ObjectHeader,
    place: &Place,
    broken: &mut dyn FnMut(Error) -> Result<()>,
) -> Result<()> {
    let mut heap = FractalHeap::read(from, place.heap)?;
    let size = 4 + heap.id_len();
    let mut tree = Tree::read(from, place.names, (LINKS_BY_NAME, size))?;
    // As they stand in the heap, each part of which is read once then.
    tree.records
        .sort_by_cached_key(|(record, _)| heap.place_of(record.get(4..).unwrap_or_default()));
    let mut found = Vec::with_capacity(tree.records.len());
    for (record, at) in &tree.records {
        let read = heap.object(record.get(4..).unwrap_or_default(), at + 4).and_then(|piece| {
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
    trees(header, &tree);
    header.storage.extend(heap.into_storage());
    Ok(())
}

/// In the order of creation where the header tracks it, else by name.
fn attributes(from: Access<'_>, header: &mut ObjectHeader, place: &Place) -> Result<()> {
    let mut heap = FractalHeap::read(from, place.heap)?;
    let size = heap.id_len() + 9;
    let tree = Tree::read(from, place.names, (ATTRIBUTES_BY_NAME, size))?;
    let tracked = header.tracks_order();
    let mut found = Vec::new();
    for (record, at) in &tree.records {
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
    trees(header, &tree);
    header.storage.extend(heap.into_storage());
    Ok(())
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
