//! Finds who refers to some objects of a file.

use super::survey::Survey;
use crate::h5::{Edge, EdgeKind, Error, RelAddr, Result, Trace, Visitor};
use crate::julia::TypeTable;
use std::collections::{BTreeSet, HashMap};

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
