//! The columns of a file that are worth a thread of their own.

use crate::h5::{Class, Dataset, Datatype, Extent, RelAddr, TypeRef};

/// Columns of fewer logical bytes are not worth it.
const LEAST: u64 = 1 << 20;
/// More are not remembered: the others are read as they come.
const MOST: usize = 4096;

/// Arrays of numbers of a megabyte or more, as far as there is room to remember them.
#[derive(Debug, Clone, Default)]
pub struct LargeColumns(Vec<(u64, RelAddr)>);

impl LargeColumns {
    /// Takes note of a dataset if it is one.
    pub(super) fn look(&mut self, addr: RelAddr, dataset: &Dataset) {
        let TypeRef::Inline(datatype) = &dataset.datatype else { return };
        let Datatype { class, size, .. } = &**datatype;
        let number = matches!(class, Class::FixedPoint { .. } | Class::Float { .. });
        if !number || dataset.dataspace.extent != Extent::Simple || dataset.is_unwritten() {
            return;
        }
        let elements = dataset.dataspace.elements().unwrap_or(0);
        let bytes = elements.saturating_mul(u64::from(*size));
        if bytes >= LEAST && self.0.len() < MOST {
            self.0.push((bytes, addr));
        }
    }

    /// How many are remembered.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Where they are, the largest first.
    pub fn largest_first(&self) -> Vec<RelAddr> {
        let mut columns = self.0.clone();
        columns.sort_by(|a, b| b.cmp(a));
        columns.into_iter().map(|(_, addr)| addr).collect()
    }
}
