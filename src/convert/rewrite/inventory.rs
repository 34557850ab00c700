//! Finds what is alive in a file: every object and every heap object that can be reached, without
//! going through `_types`, so that types which nothing uses are left behind.

use super::strings::{self, Form};
use crate::h5::{
    Edge, EdgeKind, File, Object, ObjectKind, RefPlan, RelAddr, Result, Sequence, Trace, Visitor,
};
use std::collections::{HashMap, HashSet};

/// What is alive.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    /// Objects in the order met; the root group is the first.
    pub(super) objects: Vec<RelAddr>,
    /// Committed datatypes among them.
    pub(super) types: Vec<RelAddr>,
    /// Heap objects in the order met.
    pub(super) sequences: Vec<Stored>,
    /// Where each heap object stands in that list.
    pub(super) index: HashMap<(RelAddr, u32), usize>,
    /// What in an element of a heap object leads elsewhere; few files have more than three kinds.
    pub(super) plans: Vec<RefPlan>,
    /// Which heap objects are those of empty strings that get one, by dataset.
    pub(super) empty_strings: HashMap<RelAddr, usize>,
    /// Offset of the root's link to `_types`, and that group.
    pub(super) types_link: Option<(u64, RelAddr)>,
    /// Objects that are referred to once, by data or by a link.
    once: HashSet<RelAddr>,
    /// Objects that are referred to more often.
    shared: HashSet<RelAddr>,
}

/// One heap object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored {
    pub(super) offset: u64,
    pub(super) len: u64,
    pub(super) plan: usize,
}

struct Walk {
    root: RelAddr,
    /// Groups of links to columns that a table refers to as well.
    columns: HashSet<RelAddr>,
    out: Inventory,
}

impl Inventory {
    pub(super) fn take(file: &File) -> Result<Self> {
        let root = file.superblock().root;
        let mut walk = Walk { root, columns: HashSet::new(), out: Self::default() };
        Trace::run(file, &mut walk)?;
        walk.out.once = HashSet::new();
        walk.out.empty_strings(file)?;
        Ok(walk.out)
    }

    /// Gives each empty string a heap object of no bytes.
    fn empty_strings(&mut self, file: &File) -> Result<()> {
        for &addr in &self.objects {
            let object = file.object(addr)?;
            let Some(dataset) = object.dataset() else { continue };
            if strings::form(dataset) == Some(Form::Vlen) {
                self.empty_strings.insert(addr, self.sequences.len());
                self.sequences.push(Stored { offset: 0, len: 0, plan: usize::MAX });
            }
        }
        Ok(())
    }

    /// Whether more than one reference leads to an object, so that it is one and the same in Julia.
    pub(super) fn is_shared(&self, addr: RelAddr) -> bool {
        self.shared.contains(&addr)
    }
}

impl Visitor for Walk {
    fn object(&mut self, object: &Object, path: &str) -> Result<()> {
        self.out.objects.push(object.addr());
        if matches!(object.kind, ObjectKind::Group(_)) && path.ends_with("/columns") {
            self.columns.insert(object.addr());
        }
        match &object.kind {
            ObjectKind::Group(group) if object.addr() == self.root => {
                let types = group.links.iter().find(|l| l.name == "_types");
                self.out.types_link = types.map(|l| (l.at, l.target));
            }
            ObjectKind::Datatype(_) => self.out.types.push(object.addr()),
            ObjectKind::Group(_) | ObjectKind::Dataset(_) => {}
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
        if counts && !self.out.once.insert(edge.target) {
            self.out.shared.insert(edge.target);
        }
        Ok(())
    }

    fn follow(&mut self, edge: &Edge) -> bool {
        self.out.types_link.is_none_or(|(at, _)| at != edge.at)
    }

    fn sequence(&mut self, sequence: Sequence<'_>) -> Result<()> {
        let out = &mut self.out;
        let next = out.sequences.len();
        if *out.index.entry((sequence.heap, sequence.index)).or_insert(next) != next {
            return Ok(());
        }
        let known = out.plans.iter().position(|p| p == sequence.base);
        let plan = known.unwrap_or_else(|| {
            out.plans.push(sequence.base.clone());
            out.plans.len() - 1
        });
        out.sequences.push(Stored { offset: sequence.offset, len: sequence.len, plan });
        Ok(())
    }
}
