//! Collects what there is in a file, as far as rules and findings ask for it: one trace.

use super::along::Along;
use super::client_values::ClientValues;
use super::container::Repairs;
use super::large_columns::LargeColumns;
use super::portable::Portable;
use super::target::Target;
use crate::h5::{
    AddressHashMap, Budget, Class, Dataset, Datatype, Edge, EdgeKind, Error, Extent, FilterEntry,
    Link, Object, ObjectKind, Region, RegionKind, RelAddr, Result, Trace, TypeRef, Visitor,
};
use crate::julia::{Element, JuliaType, TypeTable, is_type};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Edges that a survey keeps for those who ask who refers to whom: 640 kB of memory. Where there are
/// more, they are looked for by another trace.
const MAX_EDGES: usize = 16 << 10;

/// What there is in a file.
#[derive(Debug, Default)]
pub struct Survey {
    /// The `_types` group, if there is one.
    pub types_group: Option<RelAddr>,
    /// Its links, in order.
    pub type_links: Vec<Link>,
    /// How many datasets are of each committed type, and the path of the first.
    pub uses: BTreeMap<RelAddr, (u64, Arc<str>)>,
    /// Datasets of types that some rule names, or that hold values of such types.
    pub instances: Vec<Instance>,
    /// Arrays that refer to their elements, if some rule turns arrays and one names the type that they
    /// state of these, with that type. They have no committed datatype.
    pub referring: Vec<(Instance, JuliaType)>,
    /// Stored types as values, as parameters or element types, whose name some rule names.
    pub type_values: Vec<TypeValue>,
    /// Plain Bools where a codec object can stand: `false` says that nothing is compressed.
    pub codec_flags: Vec<RelAddr>,
    /// Committed types of which others hold embedded copies, or fields without content, with those
    /// others.
    pub embedded: HashMap<RelAddr, Vec<RelAddr>>,
    /// Committed datatypes that occur.
    pub committed: BTreeSet<RelAddr>,
    /// Filters, how many datasets use them, and the path of the first; those with too many client
    /// values as they are once that is put right.
    pub filters: Vec<(FilterEntry, u64, Arc<str>)>,
    /// Datasets, linked or not.
    pub datasets: u64,
    /// Groups.
    pub groups: u64,
    /// Stored bytes of all data outside headers.
    pub payload_bytes: u64,
    /// Columns that are read by several threads where values are compared.
    pub large_columns: LargeColumns,
    /// What is amiss with the container and can be put right where it stands.
    pub(super) repairs: Repairs,
    /// Datasets whose headers JLD2 does not read, by path, and why. They stay as they are.
    pub unread: Vec<(Arc<str>, Error)>,
    /// Filters with more client values than the target takes.
    pub(super) client_values: ClientValues,
    /// What readers that are built on HDF5 cannot open.
    pub portable: Portable,
    /// Every reference but those to heaps; `None` if there are too many to keep.
    pub(super) edges: Option<Vec<Edge>>,
}

/// A stored type whose name some rule names.
#[derive(Debug, Clone)]
pub struct TypeValue {
    /// The object that holds it.
    pub addr: RelAddr,
    /// The type's full name.
    pub name: String,
    /// Absolute offset of the sixteen bytes that lead to the name.
    pub at: u64,
    /// The linked dataset that is, or leads to, the object.
    pub place: Arc<str>,
}

/// A dataset of a type that some rule names, or that holds values of such a type.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Its object header.
    pub addr: RelAddr,
    /// Its committed datatype.
    pub datatype: RelAddr,
    /// The linked dataset that it is, or that leads to it.
    pub place: Arc<str>,
    /// Its shape.
    pub extent: Extent,
}

struct Surveyor<'a, 'f> {
    types: &'a TypeTable<'a>,
    target: &'a Target,
    root: RelAddr,
    out: Survey,
    along: Along<'f>,
    /// Whether a rule names a committed type, or one that its values hold, and how deeply they nest.
    concerned: AddressHashMap<(bool, u32)>,
    /// Where in values of a committed type others stand as values.
    type_places: AddressHashMap<Arc<[TypePlace]>>,
    /// The path that was kept last.
    last_place: Option<Arc<str>>,
    /// What all of them may take.
    budget: Budget,
}

/// Types nest less deeply than this; ends forged cycles.
const MAX_DEPTH: u32 = 64;

impl Survey {
    /// Walks the file of `types`.
    ///
    /// # Errors
    /// If anything reachable is damaged or foreign, but for the headers of datasets that are foreign.
    pub fn run(types: &TypeTable<'_>, target: &Target) -> Result<Self> {
        Self::walk(types, target, Along::default()).map(|(survey, _)| survey)
    }

    /// As [`Self::run`]; `along` takes down what it asks for on the same walk.
    pub(super) fn walk<'f>(
        types: &TypeTable<'_>,
        target: &Target,
        along: Along<'f>,
    ) -> Result<(Self, Along<'f>)> {
        let root = types.file().superblock().root;
        let out = Self { edges: Some(Vec::new()), ..Self::default() };
        let mut surveyor = Surveyor {
            types,
            target,
            root,
            out,
            along,
            concerned: AddressHashMap::default(),
            type_places: AddressHashMap::default(),
            last_place: None,
            budget: types.file().allowance(),
        };
        Trace::run(types.file(), &mut surveyor)?;
        surveyor.out.repairs.let_pass(types.file());
        Ok((surveyor.out, surveyor.along))
    }

    /// Gives back the memory of what only planning asks for.
    pub(super) fn forget_edges(&mut self) {
        self.edges = None;
    }

    /// Numbers that are missing or out of place among the names of `_types`.
    pub fn misnumbered(&self) -> Option<&str> {
        let mut links = self.type_links.iter().zip(1_u64..);
        links.find(|(l, n)| l.name.parse() != Ok(*n)).map(|(l, _)| l.name.as_str())
    }
}

impl Visitor for Surveyor<'_, '_> {
    fn missing_chunks(&mut self, path: &str, _: u64) -> Result<()> {
        self.out.repairs.missing_chunks(path);
        Ok(())
    }

    fn object(&mut self, object: &Object, path: &str) -> Result<()> {
        self.along.object(object, path)?;
        self.out.repairs.look(object, path);
        self.out.client_values.look(object, self.target, path)?;
        match &object.kind {
            ObjectKind::Group(group) => {
                self.out.groups += 1;
                if object.addr() == self.root {
                    let types = group.find(self.types.file(), "_types")?;
                    self.out.types_group = types.map(|l| l.target);
                }
                if Some(object.addr()) == self.out.types_group {
                    let file = self.types.file();
                    let at = file.offset(object.addr(), "committed types")?;
                    self.out.type_links = group.all(file, at)?;
                }
            }
            ObjectKind::Datatype(_) => {
                self.out.committed.insert(object.addr());
                self.concerns(object.addr(), 0)?;
                let c = self.types.committed(object.addr())?;
                for child in c.fields.iter().filter_map(|f| f.committed) {
                    let holders = self.out.embedded.entry(child).or_default();
                    if holders.last() != Some(&object.addr()) {
                        holders.push(object.addr());
                    }
                }
                if let Some(a) = object.attribute("written_type")
                    && let TypeRef::Shared { .. } = a.datatype
                {
                    self.type_at(object.addr(), a.offset, path)?;
                }
            }
            ObjectKind::Dataset(dataset) => self.dataset(object, dataset, path)?,
        }
        Ok(())
    }

    fn linked(&mut self, object: &Object, path: &str) -> Result<()> {
        self.along.linked(object, path)
    }

    fn linked_again(&mut self, edge: &Edge) {
        self.along.linked_again(edge);
    }

    fn edge(&mut self, edge: Edge) -> Result<()> {
        if let (Some(edges), true) = (&mut self.out.edges, edge.kind != EdgeKind::Heap) {
            if edges.len() < MAX_EDGES {
                edges.push(edge);
            } else {
                self.out.edges = None;
            }
        }
        Ok(())
    }

    fn foreign(&mut self, path: &str, error: Error) -> Result<()> {
        if !error.is_foreign_dataset() {
            return Err(error);
        }
        self.along.unread(path);
        self.out.unread.push((Arc::from(path), error));
        Ok(())
    }

    fn broken_fill(&mut self, path: &str) {
        self.out.repairs.broken_fill(path);
    }

    fn region(&mut self, region: Region) -> Result<()> {
        if matches!(region.kind, RegionKind::Payload | RegionKind::References) {
            let bytes = region.end.saturating_sub(region.start);
            self.out.payload_bytes = self.out.payload_bytes.saturating_add(bytes);
        }
        if region.kind == RegionKind::Heap {
            self.out.portable.heap(self.types.file(), &region)?;
        }
        self.along.region(region)
    }
}

impl Surveyor<'_, '_> {
    /// A path, to be kept. The one kept last is shared: many objects hang off one link. All of them
    /// together may not be much longer than the file, as they can be where a forged group has many
    /// links below a long path.
    fn place(&mut self, path: &str) -> Result<Arc<str>> {
        if let Some(last) = self.last_place.as_ref().filter(|last| ***last == *path) {
            return Ok(Arc::clone(last));
        }
        self.budget.take_path(path.len(), self.types.file().superblock().offset)?;
        let place: Arc<str> = Arc::from(path);
        self.last_place = Some(Arc::clone(&place));
        Ok(place)
    }

    fn dataset(&mut self, object: &Object, dataset: &Dataset, path: &str) -> Result<()> {
        self.out.datasets += 1;
        self.out.large_columns.look(object.addr(), dataset);
        let mended = self.out.client_values.mends(object.addr());
        self.out.portable.dataset(self.types, object, dataset, path)?;
        for filter in &dataset.filters {
            let mut filter = Cow::Borrowed(filter);
            if mended {
                let taken = self.target.taken(filter.id, &filter.client);
                filter.to_mut().client.truncate(taken);
            }
            let known = self.out.filters.iter_mut().find(|(f, _, _)| *f == *filter);
            if let Some((_, count, _)) = known {
                *count += 1;
            } else {
                let place = self.place(path)?;
                self.out.filters.push((filter.into_owned(), 1, place));
            }
        }
        let addr = match &dataset.datatype {
            TypeRef::Shared { addr, .. } => *addr,
            TypeRef::Inline(datatype) => {
                // The codec object itself, not what hangs off a linked dictionary.
                let flag = matches!(datatype.class, Class::Bitfield)
                    && path.ends_with("/compression")
                    && self.target.codec.at.iter().any(|at| at.matches(path));
                if flag {
                    self.out.codec_flags.push(object.addr());
                }
                if matches!(datatype.class, Class::Reference) && self.target.turns() {
                    self.referring(object, dataset, datatype, path)?;
                }
                let places = type_places(datatype);
                return self.types_in(object, dataset, datatype, &places, path);
            }
        };
        if let Some(uses) = self.out.uses.get_mut(&addr) {
            uses.0 += 1;
        } else {
            let place = self.place(path)?;
            self.out.uses.insert(addr, (1, place));
        }
        let c = self.types.committed(addr)?;
        let places = if let Some(known) = self.type_places.get(&addr) {
            Arc::clone(known)
        } else {
            let places: Arc<[TypePlace]> = type_places(&c.datatype).into();
            self.type_places.insert(addr, Arc::clone(&places));
            places
        };
        self.types_in(object, dataset, &c.datatype, &places, path)?;
        if self.concerns(addr, 0)?.0 {
            let place = self.place(path)?;
            self.out.instances.push(Instance {
                addr: object.addr(),
                datatype: addr,
                place,
                extent: dataset.dataspace.extent,
            });
        }
        Ok(())
    }

    /// An array of references, if a rule names the type of what it refers to.
    fn referring(
        &mut self,
        object: &Object,
        dataset: &Dataset,
        datatype: &Arc<Datatype>,
        path: &str,
    ) -> Result<()> {
        if object.attribute("julia_type").is_none() {
            return Ok(());
        }
        let t = self.types.element_type(object, &Element::plain(Arc::clone(datatype)))?;
        if self.target.concerns(t.name()) {
            let place = self.place(path)?;
            let extent = dataset.dataspace.extent;
            let instance = Instance { addr: object.addr(), datatype: RelAddr::NULL, place, extent };
            self.out.referring.push((instance, t));
        }
        Ok(())
    }

    /// Whether a rule names a committed type, or one that its values hold; and how deeply its values
    /// nest, which is bounded for whoever follows fields from here on.
    fn concerns(&mut self, addr: RelAddr, depth: u32) -> Result<(bool, u32)> {
        if let Some(known) = self.concerned.get(&addr) {
            return Ok(*known);
        }
        let at = self.types.file().offset(addr, "committed datatype")?;
        let too_deep = || Error::corrupt(at, "type", "at most 64 levels of records", "more");
        // Ends forged cycles.
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        let c = self.types.committed(addr)?;
        let mut concerned = self.target.concerns(c.julia_type.name());
        let mut levels = 1;
        for child in c.fields.iter().filter_map(|f| f.committed) {
            let (inner, below) = self.concerns(child, depth + 1)?;
            concerned |= inner;
            levels = levels.max(below + 1);
        }
        if levels > MAX_DEPTH {
            return Err(too_deep());
        }
        self.concerned.insert(addr, (concerned, levels));
        Ok((concerned, levels))
    }

    /// The types that stand as values in a dataset.
    fn types_in(
        &mut self,
        object: &Object,
        dataset: &Dataset,
        datatype: &Datatype,
        places: &[TypePlace],
        path: &str,
    ) -> Result<()> {
        if places.is_empty() || dataset.layout.chunked().is_some() {
            return Ok(());
        }
        let file = self.types.file();
        let (Some(start), len) = (file.stored_offset(dataset)?, file.data_len(dataset, datatype)?)
        else {
            return Ok(());
        };
        let size = u64::from(datatype.size).max(1);
        for element in (start..start.saturating_add(len)).step_by(usize_of(size)) {
            for place in places {
                let at = element.saturating_add(u64::from(place.offset));
                match place.sequence {
                    None => self.type_at(object.addr(), at, path)?,
                    Some(size) => {
                        let vlen = file.source().read(at, 16, "sequence of types")?;
                        let Some((first, len)) = file.vlen(&vlen, at, size)? else { continue };
                        for at in (first..first.saturating_add(len)).step_by(usize_of(size.into()))
                        {
                            self.type_at(object.addr(), at, path)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The type whose name and parameters stand at the absolute offset `at`.
    fn type_at(&mut self, addr: RelAddr, at: u64, path: &str) -> Result<()> {
        let name = self.types.type_name_at(at)?;
        // Arrays of a type that is turned are of another type afterwards.
        if self.target.concerns(&name) || (name == "Core.Array" && self.target.turns()) {
            let place = self.place(path)?;
            self.out.type_values.push(TypeValue { addr, name, at, place });
        }
        Ok(())
    }
}

fn usize_of(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX).max(1)
}

/// Where in a value a type stands as a value.
#[derive(Debug, Clone, Copy)]
struct TypePlace {
    /// Byte offset of the name, or of the sequence of types.
    offset: u32,
    /// Bytes of each type of a sequence: how JLD2 before 0.2 stored unions.
    sequence: Option<u32>,
}

fn type_places(datatype: &Datatype) -> Vec<TypePlace> {
    let mut out = Vec::new();
    if !matches!(datatype.class, Class::Compound(_) | Class::Vlen { .. }) {
        return out;
    }
    let mut pending = vec![(datatype, 0_u32)];
    while let Some((datatype, offset)) = pending.pop() {
        match &datatype.class {
            Class::Compound(members) if is_type(members) => {
                out.push(TypePlace { offset, sequence: None });
            }
            Class::Compound(members) => {
                let inner = members.iter().map(|m| (&m.datatype, offset.saturating_add(m.offset)));
                pending.extend(inner);
            }
            Class::Vlen { base, .. } => {
                if matches!(&base.class, Class::Compound(members) if is_type(members)) {
                    out.push(TypePlace { offset, sequence: Some(base.size) });
                }
            }
            _ => {}
        }
    }
    out
}
