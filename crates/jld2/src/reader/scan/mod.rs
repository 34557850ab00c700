//! Reads rows of several columns side by side, decoded by several threads, in bounded memory.
//!
//! Each column is a [`feed`] of pieces: chunks, or stretches of a stream where one filter run holds
//! all of a column. Threads ([`pipeline`]) make pieces ahead of who takes them, as many as memory is
//! meant for, whoever's turn it is.

mod budget;
mod feed;
mod pipeline;
mod pool;
mod slice;

pub use slice::{NumberSlice, NumberType};

use super::cache::ChunkCache;
use super::{Dataset, Table};
use crate::h5::{Datatype, Error, Result};
use crate::julia::Column;
use feed::Feed;
use std::ops::Range;
use std::sync::Arc;

/// Decoded bytes that may wait for whoever takes them, of all columns together, where nobody says more.
const IN_FLIGHT: usize = 16 << 20;
/// Columns that are read at once, at most.
const MOST_COLUMNS: usize = 256;
/// Rows that are handed on at once, at most: what is done with them stays in the processor's caches.
const WINDOW: u64 = 16 << 10;

/// Columns whose rows are read side by side.
///
/// Headers are read when it is made, data when it [runs](Self::run). Memory is bounded whatever the
/// file says: some 16 MiB of decoded pieces and 24 MiB for decoders, beside the cache's own. A column that is
/// one filtered piece needs its window, whatever that is.
///
/// ```
/// let file = jld2::File::open("tests/data/indexed_table.jld2")?;
/// let table = file.dataset("hydro/data")?.table_in("data")?.expect("a table");
/// let scan = jld2::Scan::of(&table, &["rho", "level"])?;
/// let (mut mass, mut finest) = (0.0, 0);
/// scan.run(0..table.len(), |rows| {
///     let rho = rows.column(0).expect("rho").floats();
///     mass += rho.sum::<f64>();
///     let levels = rows.column(1).expect("level").integers();
///     finest = levels.into_iter().flatten().fold(finest, i128::max);
///     Ok::<_, jld2::Error>(())
/// })?;
/// assert!(mass > 0.0 && finest > 0);
/// # Ok::<(), jld2::Error>(())
/// ```
#[derive(Debug)]
pub struct Scan<'f> {
    columns: Vec<Scanned<'f>>,
    len: u64,
    threads: usize,
    in_flight: usize,
    cache: Option<Arc<ChunkCache>>,
}

/// One of the columns.
#[derive(Debug)]
struct Scanned<'f> {
    dataset: Dataset<'f>,
    datatype: Datatype,
    number: NumberType,
}

/// Some rows of the columns of a [`Scan`].
#[derive(Debug)]
pub struct Rows<'w> {
    /// The number of the first, from 0.
    pub first: u64,
    len: usize,
    columns: Vec<NumberSlice<'w>>,
}

impl Rows<'_> {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The numbers of a column, by its place in the scan.
    pub fn column(&self, i: usize) -> Option<NumberSlice<'_>> {
        self.columns.get(i).copied()
    }

    /// All columns in order.
    pub fn columns(&self) -> &[NumberSlice<'_>] {
        &self.columns
    }
}

impl<'f> Scan<'f> {
    /// The columns of a table that have these names, in this order. A name may come several times.
    ///
    /// # Errors
    /// If a column is missing or holds no numbers, or there are more than 256.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/data_frames.jld2")?;
    /// let table = file.dataset("alone")?.table()?.expect("a table");
    /// assert_eq!(jld2::Scan::of(&table, &["i", "x"])?.len(), 3);
    /// let error = jld2::Scan::of(&table, &["s"]).unwrap_err();
    /// assert!(error.to_string().contains("a column of numbers"), "{error}");
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn of<S: AsRef<str>>(table: &Table<'f>, names: &[S]) -> Result<Self> {
        let datasets: Result<Vec<_>> =
            names.iter().map(|name| table.column(name.as_ref())).collect();
        let mut scan = Self::over(datasets?)?;
        if scan.columns.is_empty() {
            scan.len = table.len();
        }
        Ok(scan)
    }

    /// Datasets of one length, each an array of numbers; of several dimensions, in Julia's order.
    ///
    /// # Errors
    /// If one holds no numbers or has another length, or there are more than 256.
    pub fn over(datasets: Vec<Dataset<'f>>) -> Result<Self> {
        if datasets.len() > MOST_COLUMNS {
            let what = format!("{} columns to be read at once", datasets.len());
            return Err(Error::too_large(what, format!("{MOST_COLUMNS} columns")));
        }
        let mut columns = Vec::with_capacity(datasets.len());
        let mut len = None;
        for dataset in datasets {
            let (scanned, rows) = Scanned::of(dataset)?;
            if len.is_some_and(|len| len != rows) {
                let at = scanned.dataset.at();
                let expected = format!("{} rows as in the other columns", len.unwrap_or(0));
                let error = Error::other_kind(at, expected, format!("{rows}"));
                return scanned.dataset.named(Err(error));
            }
            len = Some(rows);
            columns.push(scanned);
        }
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let (len, in_flight) = (len.unwrap_or(0), IN_FLIGHT);
        Ok(Self { columns, len, threads, in_flight, cache: None })
    }

    /// Rows without columns: for those who compute something that is the same in each.
    pub fn counting(rows: u64) -> Self {
        Self { columns: Vec::new(), len: rows, threads: 1, in_flight: IN_FLIGHT, cache: None }
    }

    /// Decodes with so many threads, at least one, instead of one for each core.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Lets so many decoded bytes wait for whoever takes them, about, instead of 16 MiB: of all columns
    /// together, beside what decoders take.
    #[must_use]
    pub fn with_in_flight(mut self, bytes: usize) -> Self {
        self.in_flight = bytes;
        self
    }

    /// Keeps what was decoded in a cache, and takes from it what is there.
    #[must_use]
    pub fn with_cache(mut self, cache: Arc<ChunkCache>) -> Self {
        self.cache = Some(cache);
        self
    }

    /// How many rows there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The type of a column's numbers.
    pub fn number_type(&self, i: usize) -> Option<NumberType> {
        self.columns.get(i).map(|column| column.number)
    }

    /// Hands on the rows of `range` in order, at most 16,384 at once. Of data in chunks, and of data
    /// that are not filtered, only what holds these rows is read; of one filtered piece all up to the
    /// last of them.
    ///
    /// # Errors
    /// If the range goes beyond the columns or data are damaged, and those of `each`, which end it.
    pub fn run<E: From<Error>>(
        &self,
        range: Range<u64>,
        mut each: impl FnMut(&Rows<'_>) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        if range.start > range.end || range.end > self.len {
            let at = self.columns.first().map_or(0, |column| column.dataset.at());
            let found = format!("{}..{}", range.start, range.end);
            let expected = format!("a range of rows inside 0..{}", self.len);
            return Err(Error::other_kind(at, expected, found).into());
        }
        let columns: Result<Vec<Column<'_>>> = self.columns.iter().map(Scanned::open).collect();
        let columns = columns?;
        let share = self.in_flight / columns.len().max(1);
        let mut feeds: Vec<Feed<'_>> = self
            .columns
            .iter()
            .zip(&columns)
            .map(|(scanned, column)| {
                let cache = self.cache.as_deref();
                Feed::new(column, &scanned.dataset, &scanned.datatype, scanned.number, cache, share)
                    .over(range.clone())
            })
            .collect();
        if feeds.is_empty() {
            return no_columns(range, each);
        }
        let passing = budget::share_out(&mut feeds);
        let mut first = range.start;
        pipeline::with_pieces(&feeds, self.threads, passing, |pieces| {
            while first < range.end {
                let mut end = range.end.min(first.saturating_add(WINDOW));
                for i in 0..feeds.len() {
                    end = end.min(pieces.hold(i, first)?);
                }
                let len = usize::try_from(end.saturating_sub(first)).unwrap_or(0);
                let rows = Rows { first, len, columns: pieces.slices(first, len) };
                each(&rows)?;
                first = end;
            }
            Ok(())
        })
    }
}

/// Rows of no columns: whoever counts them only.
fn no_columns<E>(
    range: Range<u64>,
    mut each: impl FnMut(&Rows<'_>) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let mut first = range.start;
    while first < range.end {
        let end = range.end.min(first.saturating_add(WINDOW));
        let len = usize::try_from(end - first).unwrap_or(0);
        each(&Rows { first, len, columns: Vec::new() })?;
        first = end;
    }
    Ok(())
}

impl<'f> Scanned<'f> {
    /// Finds out what a dataset's numbers are, and how many.
    fn of(dataset: Dataset<'f>) -> Result<(Self, u64)> {
        let found = NumberType::of_dataset(&dataset);
        let (datatype, number, len) = dataset.named(found)?;
        Ok((Self { dataset, datatype, number }, len))
    }

    fn open(&self) -> Result<Column<'_>> {
        let file = self.dataset.file().container();
        let column = Column::new(file, self.dataset.data(), &self.datatype);
        self.dataset.named(column)
    }
}

#[cfg(test)]
mod tests;
