//! What a template consists of.

use super::column::Column;
use anyhow::{Context as _, Result, ensure};
use jldconv::h5::encode::NewMessage;
use jldconv::h5::{
    self, Class, Datatype, Edge, File, Layout, Object, Region, RelAddr, Trace, Visitor, kind,
};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

/// A stretch of the template.
pub(super) enum Piece {
    /// Bytes that stay as they are, but for addresses and checksums.
    Kept(Range<usize>),
    /// The header of a column, with its payload somewhere else.
    Column(Slot),
}

/// A column whose values are replaced.
pub(super) struct Slot {
    pub(super) column: Column,
    pub(super) header: Range<usize>,
    /// The messages of its header.
    pub(super) messages: Vec<NewMessage>,
    /// Where its payload begins, if it is not in the header.
    payload: Option<u64>,
}

impl Piece {
    pub(super) fn range(&self) -> &Range<usize> {
        match self {
            Self::Kept(range) => range,
            Self::Column(slot) => &slot.header,
        }
    }
}

/// All that the root leads to.
pub(super) struct Parts {
    /// In order of place.
    pub(super) pieces: Vec<Piece>,
    /// Where stored addresses stand, and what they say.
    pub(super) addresses: Vec<(usize, RelAddr)>,
    /// What checksums of kept headers are over; they stand right behind.
    pub(super) checked: Vec<Range<usize>>,
}

impl Parts {
    /// Takes a file to pieces.
    pub(super) fn of(file: &File) -> Result<Self> {
        let mut found = Found::default();
        Trace::run(file, &mut found)?;
        let slots = found.columns(file)?;
        ensure!(!slots.is_empty(), "no table with columns");
        let kept = |o: &&Object| !slots.contains_key(&start(o));
        let mut checked = Vec::new();
        for chunk in found.objects.values().filter(kept).flat_map(|o| &o.header.chunks) {
            checked.push(range(chunk.offset, chunk.checksum)?);
        }
        let mut addresses = found.edges.iter().map(|e| (e.at, e.target)).collect::<Vec<_>>();
        for object in found.objects.values().filter(kept) {
            addresses.extend(own_addresses(object)?);
        }
        let mut placed = Vec::with_capacity(addresses.len());
        for (at, addr) in addresses {
            placed.push((usize::try_from(at)?, addr));
        }
        let refers = |slot: &Slot| placed.iter().any(|(at, _)| slot.header.contains(at));
        ensure!(!slots.values().any(refers), "a column with a committed type");
        Ok(Self { pieces: pieces(found.regions, slots)?, addresses: placed, checked })
    }
}

/// Where an object's header begins.
fn start(object: &Object) -> u64 {
    object.header.chunks.first().map_or(0, |chunk| chunk.offset)
}

fn range(start: u64, end: u64) -> Result<Range<usize>> {
    Ok(usize::try_from(start)?..usize::try_from(end)?)
}

/// Addresses that an object keeps of parts of itself.
fn own_addresses(object: &Object) -> Result<Vec<(u64, RelAddr)>> {
    let mut out = Vec::new();
    match object.dataset().map(|d| &d.layout) {
        Some(Layout::Contiguous { addr, size: 1.., at }) => out.push((*at, *addr)),
        Some(Layout::Chunked(chunked)) => out.push((chunked.at, chunked.addr)),
        _ => {}
    }
    for message in object.header.of_kind(kind::CONTINUATION) {
        out.push((message.body, object.header.cursor(message, "continuation").addr()?));
    }
    Ok(out)
}

/// The bytes in use, cut where columns are.
fn pieces(mut regions: Vec<Region>, mut slots: BTreeMap<u64, Slot>) -> Result<Vec<Piece>> {
    let payloads: HashSet<u64> = slots.values().filter_map(|slot| slot.payload).collect();
    regions.sort_by_key(|region| region.start);
    let mut pieces = Vec::new();
    for region in regions.iter().filter(|region| !payloads.contains(&region.start)) {
        let range = range(region.start, region.end)?;
        match (slots.remove(&region.start), pieces.last_mut()) {
            (Some(slot), _) => pieces.push(Piece::Column(slot)),
            (None, Some(Piece::Kept(last))) if last.end == range.start => last.end = range.end,
            (None, _) => pieces.push(Piece::Kept(range)),
        }
    }
    Ok(pieces)
}

/// What the walk meets.
#[derive(Default)]
struct Found {
    objects: BTreeMap<RelAddr, Object>,
    edges: Vec<Edge>,
    regions: Vec<Region>,
}

impl Visitor for Found {
    fn object(&mut self, object: &Object, _: &str) -> h5::Result<()> {
        self.objects.insert(object.addr(), object.clone());
        Ok(())
    }

    fn edge(&mut self, edge: Edge) -> h5::Result<()> {
        self.edges.push(edge);
        Ok(())
    }

    fn region(&mut self, region: Region) -> h5::Result<()> {
        self.regions.push(region);
        Ok(())
    }
}

impl Found {
    /// The columns of all tables, by the offsets of their headers.
    fn columns(&self, file: &File) -> Result<BTreeMap<u64, Slot>> {
        let targets: HashMap<u64, RelAddr> = self.edges.iter().map(|e| (e.at, e.target)).collect();
        let mut slots = BTreeMap::new();
        for table in self.objects.values().filter_map(Object::dataset) {
            let datatype = file.resolve(&table.datatype)?;
            let Some((within, members)) = table_columns(&datatype) else { continue };
            let Some(data) = file.stored_offset(table)? else { continue };
            for member in members {
                let at = data + within + u64::from(member.offset);
                let target = targets.get(&at).context("a table without a column")?;
                let object = self.objects.get(target).context("a column that is not there")?;
                slots.insert(start(object), slot(file, &member.name, object)?);
            }
        }
        Ok(slots)
    }
}

/// The columns of a table of this type, and where their references begin in it: `columns` is a
/// structure of arrays, whose only field `fieldarrays` is a record of references.
fn table_columns(table: &Datatype) -> Option<(u64, &[h5::Member])> {
    let columns = member(table, "columns")?;
    let arrays = member(&columns.datatype, "fieldarrays")?;
    let Class::Compound(members) = &arrays.datatype.class else { return None };
    Some((u64::from(columns.offset) + u64::from(arrays.offset), members))
}

fn member<'a>(record: &'a Datatype, name: &str) -> Option<&'a h5::Member> {
    let Class::Compound(members) = &record.class else { return None };
    members.iter().find(|m| m.name == name)
}

fn slot(file: &File, name: &str, object: &Object) -> Result<Slot> {
    let what = || format!("column {name}");
    let dataset = object.dataset().with_context(what)?;
    let column = Column::new(name, &*file.resolve(&dataset.datatype)?).with_context(what)?;
    let [chunk] = object.header.chunks.as_slice() else {
        anyhow::bail!("{}: a header in several parts", what());
    };
    let messages = object.header.messages.iter();
    let messages =
        messages.map(|m| NewMessage::new(m.kind, m.flags, object.header.body(m).to_vec()));
    let payload = match dataset.layout {
        Layout::Compact { .. } => None,
        Layout::Contiguous { .. } | Layout::Chunked(_) => file.stored_offset(dataset)?,
    };
    let header = range(chunk.offset, chunk.end())?;
    Ok(Slot { column, header, messages: messages.collect(), payload })
}
