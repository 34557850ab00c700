//! Tells which objects of a file are one and the same, across all its datasets.
//!
//! The canonical form of a value says which objects inside it are met twice. Here the same is told
//! for the whole file: an object is named by the dataset that met it first and by when. Two files
//! whose datasets are gone through in the same order give the same names if, and only if, they
//! share the same objects.

use super::attributes;
use super::contents::Contents;
use crate::h5::{
    AddressMap, AddressSet, ChunkIndex, Chunked, Dataset, Object, ObjectKind, RelAddr, Result,
    TypeRef,
};
use crate::julia::{TypeTable, Watch};
use std::cell::{OnceCell, RefCell};
use std::collections::BTreeSet;
use xxhash_rust::xxh3::Xxh3;

/// Names of one dataset's objects that are kept to say where two files begin to differ.
const KEPT: usize = 10_000;

/// An object: the number of the dataset that met it first, and its own number there.
pub(super) type Name = (u32, u32);

/// What one dataset is made of.
pub(super) struct Made {
    /// A digest of the names of all its objects, if it has any.
    pub(super) identities: Option<u128>,
    /// The first of them.
    pub(super) names: Vec<Name>,
    /// A digest of the attributes of objects that no path leads to, if they have any.
    pub(super) attributes: Option<u128>,
    /// Whether of the dataset nothing is to be said but its value.
    pub(super) bare: bool,
    /// A digest of what is odd about how datasets are stored, if there is anything.
    pub(super) odd: Option<u128>,
}

/// A watch on the dumps of one file.
pub(super) struct Identities<'a> {
    types: &'a TypeTable<'a>,
    contents: &'a Contents,
    /// Objects with a path, whose attributes are compared by it, once somebody asks.
    linked: OnceCell<AddressSet>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    /// Names by address: the number of the dataset in the upper half.
    known: AddressMap,
    /// Committed datatypes of the objects met.
    types: BTreeSet<RelAddr>,
    /// The one that was met last: mostly the next one, too.
    last_type: Option<RelAddr>,
    dataset: u32,
    next: u32,
    /// Of the dataset itself, once it was met.
    bare: Option<bool>,
    /// Most values have nothing that goes into these.
    identities: Option<Box<Xxh3>>,
    names: Vec<Name>,
    attributes: Option<Box<Xxh3>>,
    odd: Option<Box<Xxh3>>,
}

impl<'a> Identities<'a> {
    /// Nothing is met yet; `contents` are those of the file of `types`.
    pub(super) fn new(types: &'a TypeTable<'a>, contents: &'a Contents) -> Self {
        Self { types, contents, linked: OnceCell::new(), state: RefCell::default() }
    }

    /// Whether a path leads to the object at `addr`.
    fn is_linked(&self, addr: RelAddr) -> Result<bool> {
        if let Some(linked) = self.linked.get() {
            return Ok(linked.contains(addr.0));
        }
        let mut linked = AddressSet::default();
        for one in self.contents.iter() {
            let one = one?;
            if one.to.is_none() {
                linked.insert(one.addr.0);
            }
        }
        Ok(self.linked.get_or_init(|| linked).contains(addr.0))
    }

    /// Begins the dataset with this number.
    pub(super) fn begin(&self, dataset: u32) {
        let mut state = self.state.borrow_mut();
        state.dataset = dataset;
        state.next = 0;
        state.bare = None;
        state.identities = None;
        state.attributes = None;
        state.odd = None;
        state.names.clear();
    }

    /// What was met since.
    pub(super) fn made(&self) -> Made {
        let mut state = self.state.borrow_mut();
        let digest = |hash: &Option<Box<Xxh3>>| hash.as_ref().map(|hash| hash.digest128());
        Made {
            identities: digest(&state.identities),
            attributes: digest(&state.attributes),
            odd: digest(&state.odd),
            names: std::mem::take(&mut state.names),
            bare: state.bare.unwrap_or(false),
        }
    }

    /// The committed datatypes of all objects met.
    pub(super) fn types(&self) -> BTreeSet<RelAddr> {
        self.state.borrow().types.clone()
    }
}

/// What is said of a single chunk that is not all of its dataset. Julia does not look at that, other
/// readers do (HDF5 specification VII.A).
fn odd_chunk(types: &TypeTable<'_>, dataset: &Dataset) -> Result<Option<String>> {
    let Some(Chunked { index: ChunkIndex::Single { .. }, dims, element_size, .. }) =
        dataset.layout.chunked()
    else {
        return Ok(None);
    };
    let size = u64::from(types.file().resolve(&dataset.datatype)?.size);
    let all = &dataset.dataspace.dims;
    // What JLD2 writes of an array without dimensions has a chunk of another rank.
    let few = all.iter().all(|&n| n < 2) || all.contains(&0);
    let whole = few || dims == all && *element_size == size;
    Ok((!whole).then(|| format!("{dims:?} {element_size}")))
}

impl Watch for Identities<'_> {
    fn object(&self, object: &Object) -> Result<()> {
        let committed = match &object.kind {
            ObjectKind::Dataset(Dataset { datatype: TypeRef::Shared { addr, .. }, .. }) => {
                Some(*addr)
            }
            ObjectKind::Datatype(_) => Some(object.addr()),
            ObjectKind::Dataset(_) | ObjectKind::Group(_) => None,
        };
        let hidden = attributes::any(object) && !self.is_linked(object.addr())?;
        let digest = if hidden { Some(attributes::digest(self.types, object)?) } else { None };
        let odd = match object.dataset() {
            Some(dataset) => odd_chunk(self.types, dataset)?,
            None => None,
        };
        let mut state = self.state.borrow_mut();
        if state.bare.is_none() {
            state.bare = Some(attributes::is_bare(self.types, object));
        }
        if let Some(addr) = committed.filter(|addr| state.last_type != Some(*addr)) {
            state.types.insert(addr);
            state.last_type = Some(addr);
        }
        if let Some(odd) = odd {
            state.odd.get_or_insert_default().update(odd.as_bytes());
        }
        if let Some(digest) = digest {
            state.attributes.get_or_insert_default().update(&digest.to_le_bytes());
        }
        Ok(())
    }

    fn identity(&self, addr: RelAddr) {
        let mut state = self.state.borrow_mut();
        let fresh = u64::from(state.dataset) << 32 | u64::from(state.next);
        let known = state.known.get_or_insert(addr.0, fresh);
        if known.is_none() {
            state.next += 1;
        }
        let name = known.unwrap_or(fresh);
        let half = |name: u64| u32::try_from(name & u64::from(u32::MAX)).unwrap_or(u32::MAX);
        let name = (half(name >> 32), half(name));
        let identities = state.identities.get_or_insert_default();
        identities.update(&name.0.to_le_bytes());
        identities.update(&name.1.to_le_bytes());
        if state.names.len() < KEPT {
            state.names.push(name);
        }
    }
}
