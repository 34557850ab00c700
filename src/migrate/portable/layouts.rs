//! Layouts of chunks that JLD2 reads and not every HDF5.
//!
//! JLD2 writes a compressed array as one chunk, with eight bytes for each dimension, and HDF5 2
//! opens it only with the fewest bytes that do (docs/jld2-format.md, section 7.2). So:
//!
//! - Where JLD2 reads so few bytes, the message is written with those, and stays of the same kind:
//!   no reader does anything else than before.
//! - Else, for columns of 65,536 to 16,777,215 rows, a layout of version 3 takes its place, whose
//!   dimensions have four bytes, and the chunk is found by a B-tree with one entry. JLD2 reads this
//!   from 0.4.24 on, but by another way (v0.6.5, `src/datasets.jl`, `read_array`), which is not right
//!   for all arrays: see [`Kept`].

use super::super::error::PlanError;
use super::super::finding::{Finding, Findings, Remedy, Severity, When};
use super::super::patches::Patches;
use super::References;
use super::message::in_place_of;
use crate::h5::chunk_tree::{self, StoredChunks};
use crate::h5::encode::{self, common_width, smallest_width};
use crate::h5::{
    ChunkGrid, ChunkIndex, Chunked, Dataset, Edge, EdgeKind, File, Layout, Message, Object,
    ObjectHeader, RefPlan, RelAddr, Result, chunk_width, kind,
};
use crate::julia::TypeTable;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The arrays with such a layout.
#[derive(Debug, Default)]
pub(super) struct Layouts(Vec<Array>);

#[derive(Debug, Clone)]
struct Array {
    addr: RelAddr,
    place: Arc<str>,
    way: Way,
    /// Whether HDF5 2 cannot open it as it is.
    closed: bool,
}

/// How all readers are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Dimensions in fewer bytes.
    Narrow,
    /// A layout of version 3, with a B-tree.
    Tree,
    /// It cannot be done.
    Keep(Kept),
}

/// Why an array keeps its layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// JLD2 would take the B-tree for the data.
    InlineUnion,
    /// JLD2 would fail on arrays whose dimensions are in an attribute.
    Dimensions,
    /// Such arrays are not remembered by their address, so that JLD2 would make several of one.
    Shared,
    /// Sizes in version 3 have 32 bits, dimensions 31 as JLD2 reads them.
    Large,
    /// The message has no room, or says what JLD2 never does.
    Odd,
}

impl Kept {
    fn why(self) -> &'static str {
        match self {
            Self::InlineUnion => {
                "it is an array of a Union, which JLD2 reads only as it is stored now"
            }
            Self::Dimensions => "its dimensions are in an attribute, and JLD2 would fail on it",
            Self::Shared => {
                "several references lead to it, and JLD2 would make an array of each of them"
            }
            Self::Large => "its chunk is too large for the layout that HDF5 1 and 2 both read",
            Self::Odd => "its layout is not one that JLD2 writes",
        }
    }
}

impl Layouts {
    /// Looks into a dataset.
    pub(super) fn look(
        &mut self,
        types: &TypeTable<'_>,
        object: &Object,
        dataset: &Dataset,
        path: &str,
    ) -> Result<()> {
        let (Layout::Chunked(chunked), Some(width)) =
            (&dataset.layout, chunk_width(&object.header))
        else {
            return Ok(());
        };
        if !matches!(chunked.index, ChunkIndex::Single { .. }) || chunked.addr.is_undef() {
            return Ok(());
        }
        let datatype = types.file().resolve(&dataset.datatype)?;
        let dims = dims(dataset, chunked);
        let wanted = common_width(dims, datatype.size);
        let right = *dims == *chunked.dims && chunked.element_size == u64::from(datatype.size);
        if right && wanted == Some(width) {
            return Ok(());
        }
        let way = if !can_be_stated(dataset, chunked, dims, datatype.size) {
            Way::Keep(Kept::Odd)
        } else if wanted.is_some() {
            Way::Narrow
        } else if types.is_inline_union(&dataset.datatype)? {
            Way::Keep(Kept::InlineUnion)
        } else if object.attribute("dimensions").is_some() {
            Way::Keep(Kept::Dimensions)
        } else if ChunkGrid::of(dims, dims.to_vec(), datatype.size).is_none()
            || chunked.single().is_none_or(|chunk| u32::try_from(chunk.size).is_err())
        {
            Way::Keep(Kept::Large)
        } else if !RefPlan::new(&datatype)?.is_empty() {
            Way::Keep(Kept::Odd)
        } else {
            Way::Tree
        };
        let closed = width != smallest_width(&chunked.dims, chunked.element_size);
        self.0.push(Array { addr: object.addr(), place: Arc::from(path), way, closed });
        Ok(())
    }

    /// What is to be done, and what cannot be.
    pub(super) fn changes(
        &self,
        types: &TypeTable<'_>,
        references: &References<'_>,
        findings: &mut Findings,
    ) -> Result<Changes> {
        let trees = self.0.iter().filter(|array| array.way == Way::Tree);
        let trees: BTreeSet<_> = trees.map(|array| array.addr).collect();
        let shared: BTreeSet<_> = if trees.is_empty() {
            BTreeSet::new()
        } else {
            let several = |(_, edges): &(_, Vec<Edge>)| {
                edges.iter().filter(|edge| edge.kind != EdgeKind::Link).count() > 1
            };
            references(trees)?.into_iter().filter(several).map(|(addr, _)| addr).collect()
        };
        let mut out = Changes::default();
        for array in &self.0 {
            let mut way = array.way;
            if shared.contains(&array.addr) {
                way = Way::Keep(Kept::Shared);
            }
            let kept = matches!(way, Way::Keep(_));
            if !kept && replacement(types.file(), array.addr, way, RelAddr::NULL)?.is_none() {
                way = Way::Keep(Kept::Odd);
            }
            match way {
                Way::Keep(kept) => findings.add(Finding {
                    severity: Severity::Note,
                    object: array.place.to_string(),
                    julia_type: None,
                    rule: None,
                    text: format!("--portable leaves its layout: {}", kept.why()),
                    said: None,
                    printed: 0,
                    count: 1,
                    remedy: Remedy::None,
                    when: When::Load,
                }),
                Way::Narrow | Way::Tree => {
                    out.opened += u64::from(array.closed);
                    out.arrays.push((array.addr, way));
                }
            }
        }
        Ok(out)
    }
}

/// The dimensions that the chunk has in truth. JLD2 looks at those of the dataspace, and those that it
/// writes differ for arrays of no dimensions, and, in 0.4.52 to 0.5.15, for one array of its LZ4 codec.
fn dims<'d>(dataset: &'d Dataset, chunked: &'d Chunked) -> &'d [u64] {
    let whole = dataset.is_in_one_piece();
    if whole { &dataset.dataspace.dims } else { &chunked.dims }
}

/// Whether a layout with these dimensions, and the size of an element that the datatype says, has what
/// the chunk holds. In one piece, which is read without regard to them, it may be stored with others,
/// and with sizes that no layout has: a chunk has at least one byte, as it is and as it
/// is stored, and without filters all are stored.
fn can_be_stated(dataset: &Dataset, chunked: &Chunked, dims: &[u64], size: u32) -> bool {
    let Some(bytes @ 1..) = dims.iter().try_fold(u64::from(size), |n, dim| n.checked_mul(*dim))
    else {
        return false;
    };
    let same = chunked.element_size == u64::from(size);
    let stored = chunked.single().map_or(0, |chunk| chunk.size);
    let all = stored == bytes || !dataset.filters.is_empty() && stored > 0;
    (same || dataset.is_in_one_piece()) && all
}

/// The layouts that are to be written anew.
#[derive(Debug, Default)]
pub(super) struct Changes {
    arrays: Vec<(RelAddr, Way)>,
    /// How many of them HDF5 2 could not open.
    opened: u64,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.arrays.is_empty()
    }

    /// How many arrays HDF5 2 opens only afterwards.
    pub(super) fn opened(&self) -> u64 {
        self.opened
    }

    /// Writes the layouts; gives the B-trees, which stand at the offset `at`.
    pub(super) fn put(
        &self,
        file: &File,
        at: u64,
        gone: &dyn Fn(RelAddr) -> bool,
        patches: &mut Patches,
    ) -> std::result::Result<Vec<u8>, PlanError> {
        let mut trees = Vec::new();
        for &(addr, way) in self.arrays.iter().filter(|(addr, _)| !gone(*addr)) {
            let tree = file.addr(at.saturating_add(trees.len() as u64));
            let bytes = replacement(file, addr, way, tree)?;
            let object = file.object(addr)?;
            let (Some(bytes), Some(message)) = (bytes, layout_message(&object.header)) else {
                return Err(PlanError::Internal(format!("the layout of {addr} is gone")));
            };
            let why = match way {
                Way::Narrow => "layout: dimensions of the chunk in the fewest bytes",
                _ => "layout: the chunk by a B-tree",
            };
            patches.put(addr, message.offset, bytes, why);
            if way == Way::Tree {
                let (grid, chunk) = one_chunk(file, &object)?;
                let size = u32::try_from(chunk.size).unwrap_or(u32::MAX);
                let chunks = StoredChunks {
                    grid: &grid,
                    first: chunk.addr,
                    sizes: &[size],
                    filter_mask: chunk.filter_mask,
                };
                let mut write = |node: &[u8]| {
                    trees.extend_from_slice(node);
                    Ok(())
                };
                chunk_tree::write_tree(&chunks, tree, &mut write)
                    .map_err(|e| PlanError::Internal(e.to_string()))?;
                // Nodes take a multiple of eight bytes, so that the next begins at one as well.
            }
        }
        Ok(trees)
    }
}

fn layout_message(header: &ObjectHeader) -> Option<&Message> {
    header.of_kind(kind::LAYOUT).next()
}

/// The one chunk of an array that gets a B-tree.
fn one_chunk(
    file: &File,
    object: &Object,
) -> std::result::Result<(ChunkGrid, crate::h5::StoredChunk), PlanError> {
    let odd = || PlanError::Internal(format!("the array at {} is not one chunk", object.addr()));
    let dataset = object.dataset().ok_or_else(odd)?;
    let datatype = file.resolve(&dataset.datatype)?;
    let chunked = dataset.layout.chunked().ok_or_else(odd)?;
    let dims = dims(dataset, chunked);
    let grid = ChunkGrid::of(dims, dims.to_vec(), datatype.size).ok_or_else(odd)?;
    Ok((grid, chunked.single().ok_or_else(odd)?))
}

/// The bytes in the place of the layout message of the object at `addr`, head included; none if they
/// do not fit. What is left of the old ones is a filler.
///
/// JLD2's own messages, of D dimensions, take 26 + 8 D bytes, those with fewer bytes for each at
/// least 4 D less, those of version 3 15 + 4 D less: there is always room for the filler's head.
fn replacement(file: &File, addr: RelAddr, way: Way, tree: RelAddr) -> Result<Option<Vec<u8>>> {
    let object = file.object(addr)?;
    let (Some(dataset), Some(message)) = (object.dataset(), layout_message(&object.header)) else {
        return Ok(None);
    };
    let Some(chunked) = dataset.layout.chunked() else { return Ok(None) };
    let datatype = file.resolve(&dataset.datatype)?;
    let dims = dims(dataset, chunked);
    let Some(chunk) = chunked.single() else { return Ok(None) };
    let body = if way == Way::Tree {
        let Some(grid) = ChunkGrid::of(dims, dims.to_vec(), datatype.size) else { return Ok(None) };
        chunk_tree::chunked(&grid, tree)
    } else if let ChunkIndex::Single { filtered: Some(_) } = chunked.index {
        encode::single_chunk(dims, datatype.size, chunk.size, chunk.filter_mask, chunk.addr)
    } else {
        return Ok(None);
    };
    Ok(in_place_of(&object.header, message, body))
}
