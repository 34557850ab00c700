//! Finds what is alive in a file: every object and every heap object that can be reached, without
//! going through `_types`, so that types which nothing uses are left behind.

use super::context::Context;
use super::heap_objects::{HeapObjects, HeapPlace};
use super::small::is_small;
use super::strings::{self, Form};
use crate::h5::{
    AddressLog, AddressSet, Edge, EdgeKind, File, Layout, Object, ObjectKind, RefPlan, RelAddr,
    Result, Sequence, Trace, Visitor,
};
use std::collections::HashSet;

/// What is alive.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    /// Addresses of objects in the order met; the root group is the first.
    pub(super) objects: AddressLog,
    /// Bytes that the new header of each takes; zero for those in `outside` and `small`.
    pub(super) header_lens: AddressLog,
    /// Addresses of datasets with data outside their headers, in the order met; without those in
    /// `small`.
    pub(super) outside: AddressLog,
    /// Addresses of small arrays that no longer stand in their headers, in the order met.
    pub(super) small: AddressLog,
    /// Heap objects in the order met.
    pub(super) heap_objects: HeapObjects,
    /// What in an element of a heap object leads elsewhere; few files have more than three kinds.
    pub(super) plans: Vec<RefPlan>,
    /// Offset of the root's link to `_types`, and that group.
    pub(super) types_link: Option<(u64, RelAddr)>,
    /// Groups that number their attributes.
    pub(super) ordered: u64,
    /// Objects that are referred to more than once, by data or by links.
    shared: AddressSet,
}

struct Walk<'a> {
    file: &'a File,
    root: RelAddr,
    small_outside: bool,
    /// Groups of links to columns that a table refers to as well.
    columns: HashSet<RelAddr>,
    /// Objects that are referred to, by data or by a link.
    once: AddressSet,
    out: Inventory,
}

impl Inventory {
    /// Takes stock of a file; `small_outside` is whether no array of numbers stands in its header
    /// afterwards.
    pub(super) fn take(file: &File, small_outside: bool) -> Result<Self> {
        let root = file.superblock().root;
        let (columns, once) = (HashSet::new(), AddressSet::default());
        let mut walk = Walk { file, root, small_outside, columns, once, out: Self::default() };
        Trace::run(file, &mut walk)?;
        Ok(walk.out)
    }

    /// Whether more than one reference leads to an object, so that it is one and the same in Julia.
    pub(super) fn is_shared(&self, addr: RelAddr) -> bool {
        self.shared.contains(addr.0)
    }
}

/// Whether an object is an empty string, which gets a heap object.
pub(super) fn is_empty_string(object: &Object) -> bool {
    object.dataset().and_then(strings::form) == Some(Form::Vlen)
}

/// Whether a dataset can have data outside its header.
fn is_outside(object: &Object) -> bool {
    object.dataset().is_some_and(|dataset| {
        !matches!(dataset.layout, Layout::Compact { .. } | Layout::Contiguous { size: 0, .. })
    })
}

impl Visitor for Walk<'_> {
    fn object(&mut self, object: &Object, path: &str) -> Result<()> {
        let out = &mut self.out;
        let small = self.small_outside && is_small(self.file, object)?;
        let outside = !small && is_outside(object);
        let len = if small || outside {
            0
        } else {
            // The size of a header does not depend on where things are.
            Context::sizing(self.file).len(object, None, HeapPlace::NONE)?
        };
        out.objects.push(object.addr().0);
        out.header_lens.push(len);
        if small {
            out.small.push(object.addr().0);
        }
        if outside {
            out.outside.push(object.addr().0);
        }
        if is_empty_string(object) {
            out.heap_objects.empty_string();
        }
        if let ObjectKind::Group(group) = &object.kind {
            if object.addr() == self.root {
                let types = group.find(self.file, "_types")?;
                out.types_link = types.map(|l| (l.at, l.target));
            }
            let ordered = object.header.tracks_order() && object.attributes.len() > 1;
            out.ordered += u64::from(ordered);
            if path.ends_with("/columns") {
                self.columns.insert(object.addr());
            }
        }
        Ok(())
    }

    fn edge(&mut self, edge: Edge) -> Result<()> {
        let counts = match edge.kind {
            // What `--flat-links` adds leads to what is there already.
            EdgeKind::Link => !self.columns.contains(&edge.from),
            EdgeKind::DataReference
            | EdgeKind::HeapReference
            | EdgeKind::AttributeReference
            | EdgeKind::FillReference => true,
            EdgeKind::DatasetType | EdgeKind::AttributeType | EdgeKind::Heap => false,
        };
        if counts && !self.once.insert(edge.target.0) {
            self.out.shared.insert(edge.target.0);
        }
        Ok(())
    }

    fn follow(&mut self, edge: &Edge) -> bool {
        self.out.types_link.is_none_or(|(at, _)| at != edge.at)
    }

    fn sequence(&mut self, sequence: Sequence<'_>) -> Result<()> {
        let Inventory { heap_objects, plans, .. } = &mut self.out;
        heap_objects.meet(sequence.offset, sequence.len, || {
            let known = plans.iter().position(|p| p == sequence.base);
            known.unwrap_or_else(|| {
                plans.push(sequence.base.clone());
                plans.len() - 1
            })
        });
        Ok(())
    }
}
