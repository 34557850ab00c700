//! What there is in a file, as far as rules and findings ask for it: one trace.

use super::container::Repairs;
use super::target::Target;
use crate::h5::{
    Class, Dataset, Edge, EdgeKind, Error, Extent, FilterEntry, Layout, Link, Object, ObjectKind,
    Region, RelAddr, Result, Trace, TypeRef, Visitor,
};
use crate::julia::TypeTable;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
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
    /// Datasets of types that some rule names.
    pub instances: Vec<Instance>,
    /// DataType values whose name some rule names.
    pub type_values: Vec<TypeValue>,
    /// Plain Bools where a codec object can stand: `false` says that nothing is compressed.
    pub codec_flags: Vec<RelAddr>,
    /// Committed types of which others hold embedded copies, with one of those.
    pub embedded: HashMap<RelAddr, RelAddr>,
    /// Committed datatypes that occur.
    pub committed: HashSet<RelAddr>,
    /// Filters, how many datasets use them, and the path of the first.
    pub filters: Vec<(FilterEntry, u64, Arc<str>)>,
    /// Datasets, linked or not.
    pub datasets: u64,
    /// Groups.
    pub groups: u64,
    /// Stored bytes of all data outside headers.
    pub payload_bytes: u64,
    /// What is amiss with the container and can be put right where it stands.
    pub(super) repairs: Repairs,
    /// Every reference but those to heaps; `None` if there are too many to keep.
    edges: Option<Vec<Edge>>,
}

/// A dataset that holds a type, whose name some rule names.
#[derive(Debug, Clone)]
pub struct TypeValue {
    /// Its object header.
    pub addr: RelAddr,
    /// The type's full name.
    pub name: String,
    /// Absolute offset of the sixteen bytes that lead to the name.
    pub at: u64,
}

/// A dataset of a type that some rule names.
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

struct Surveyor<'a> {
    types: &'a TypeTable<'a>,
    target: &'a Target,
    root: RelAddr,
    out: Survey,
    regions: Option<&'a mut Vec<Region>>,
}

impl Survey {
    /// Walks the file of `types`.
    ///
    /// # Errors
    /// If anything reachable is damaged or foreign.
    pub fn run(types: &TypeTable<'_>, target: &Target) -> Result<Self> {
        Self::walk(types, target, None)
    }

    /// As [`Self::run`]; also says which bytes are in use, if `regions` is there to hold them.
    pub(super) fn walk(
        types: &TypeTable<'_>,
        target: &Target,
        regions: Option<&mut Vec<Region>>,
    ) -> Result<Self> {
        let root = types.file().superblock().root;
        let out = Self { edges: Some(Vec::new()), ..Self::default() };
        let mut surveyor = Surveyor { types, target, root, out, regions };
        Trace::run(types.file(), &mut surveyor)?;
        Ok(surveyor.out)
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

impl Visitor for Surveyor<'_> {
    fn object(&mut self, object: &Object, path: &str) -> Result<()> {
        self.out.repairs.look(object, path);
        match &object.kind {
            ObjectKind::Group(group) => {
                self.out.groups += 1;
                if object.addr() == self.root {
                    let types = group.links.iter().find(|l| l.name == "_types");
                    self.out.types_group = types.map(|l| l.target);
                }
                if Some(object.addr()) == self.out.types_group {
                    self.out.type_links.clone_from(&group.links);
                }
            }
            ObjectKind::Datatype(_) => {
                self.out.committed.insert(object.addr());
                let c = self.types.committed(object.addr())?;
                for child in c.fields.iter().filter(|f| f.offset.is_some()) {
                    if let Some(child) = child.committed {
                        self.out.embedded.entry(child).or_insert(object.addr());
                    }
                }
            }
            ObjectKind::Dataset(dataset) => self.dataset(object, dataset, path)?,
        }
        Ok(())
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

    fn broken_fill(&mut self, path: &str) {
        self.out.repairs.broken_fill(path);
    }

    fn region(&mut self, region: Region) -> Result<()> {
        if let Some(regions) = &mut self.regions {
            regions.push(region);
        }
        Ok(())
    }
}

impl Surveyor<'_> {
    fn dataset(&mut self, object: &Object, dataset: &Dataset, path: &str) -> Result<()> {
        self.out.datasets += 1;
        if let Some(extent) = crate::h5::payload_extent(dataset) {
            // The walk looks at the extent after this, and refuses one that is beyond the file.
            self.out.payload_bytes = self.out.payload_bytes.saturating_add(extent);
        }
        for filter in &dataset.filters {
            let known = self.out.filters.iter_mut().find(|(f, _, _)| f == filter);
            match known {
                Some((_, count, _)) => *count += 1,
                None => self.out.filters.push((filter.clone(), 1, Arc::from(path))),
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
                return Ok(());
            }
        };
        let uses = self.out.uses.entry(addr).or_insert_with(|| (0, Arc::from(path)));
        uses.0 += 1;
        let c = self.types.committed(addr)?;
        if c.julia_type.short_name() == "DataType"
            && dataset.dataspace.extent == Extent::Scalar
            && let Layout::Compact { offset, .. } = dataset.layout
        {
            let name = self.types.type_name_at(offset)?;
            if self.target.concerns(&name) {
                self.out.type_values.push(TypeValue { addr: object.addr(), name, at: offset });
            }
        }
        if self.target.concerns(c.julia_type.name()) {
            self.out.instances.push(Instance {
                addr: object.addr(),
                datatype: addr,
                place: Arc::from(path),
                extent: dataset.dataspace.extent,
            });
        }
        Ok(())
    }
}

/// Every reference to some objects: those that the survey kept, or those of a second trace.
#[derive(Debug)]
pub(super) struct References {
    wanted: BTreeSet<RelAddr>,
    /// By target, in the order met.
    pub(super) edges: HashMap<RelAddr, Vec<Edge>>,
}

impl References {
    pub(super) fn find(
        types: &TypeTable<'_>,
        survey: &Survey,
        wanted: BTreeSet<RelAddr>,
    ) -> Result<Self> {
        let mut out = Self { wanted, edges: HashMap::new() };
        match &survey.edges {
            Some(edges) => edges.iter().try_for_each(|edge| out.edge(*edge))?,
            None => Trace::run(types.file(), &mut out)?,
        }
        Ok(out)
    }

    /// The references to one object.
    ///
    /// # Errors
    /// If there are none: an object that was met has some.
    pub(super) fn to(&self, target: RelAddr, offset: u64) -> Result<&[Edge]> {
        match self.edges.get(&target) {
            Some(edges) => Ok(edges),
            None => Err(Error::corrupt(offset, "object", "a reference to it", "none")),
        }
    }
}

impl Visitor for References {
    fn edge(&mut self, edge: Edge) -> Result<()> {
        if edge.kind != EdgeKind::Heap && self.wanted.contains(&edge.target) {
            self.edges.entry(edge.target).or_default().push(edge);
        }
        Ok(())
    }
}
