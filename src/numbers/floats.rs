//! What a query hands on as floats, column by column.

use super::query::Batch;

/// The columns of a batch as floats; their memory is kept from one batch to the next.
#[derive(Debug, Default)]
pub(super) struct Floats {
    columns: Vec<Vec<f64>>,
}

impl Floats {
    /// Takes the numbers of a batch in place of those before.
    pub(super) fn fill(&mut self, batch: &Batch<'_>) {
        self.columns.resize_with(batch.values().len(), Vec::new);
        for (column, values) in self.columns.iter_mut().zip(batch.values()) {
            values.floats_into(column);
        }
    }

    /// All numbers of a column; none of one that was not asked for.
    pub(super) fn column(&self, column: usize) -> &[f64] {
        self.columns.get(column).map_or(&[], Vec::as_slice)
    }

    /// The number of a row, if the column was asked for.
    pub(super) fn at(&self, column: usize, row: usize) -> Option<f64> {
        self.column(column).get(row).copied()
    }
}
