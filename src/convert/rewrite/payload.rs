//! Data outside headers that hold no addresses: copied, or encoded again.

use super::RewriteError;
use super::choice::{self, Choice, Chooser, EncodeOptions, Reason, stored_chunks};
use super::column_writer::{ColumnWriter, Job, Written, copy, entries};
use super::inventory::Inventory;
use super::output::Output;
use super::payloads::{Payload, Payloads};
use super::pipeline;
use super::progress::Progress;
use crate::codec::{self, Codec};
use crate::convert::Observer;
use crate::h5::chunk_tree::{self, StoredChunks};
use crate::h5::encode::{fits_every_reader, single_chunk};
use crate::h5::{
    ChunkGrid, Dataset, Datatype, Error, File, HDF5_1_CHUNK_MAX, Layout, Object, RefPlan, RelAddr,
};
use crate::julia::Column;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Columns that are prepared at a time to be encoded in chunks.
const BATCH: usize = 256;

/// What is to be told of the columns that were encoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Columns that would have grown, and are stored without a filter.
    pub(crate) grown: u64,
    /// Columns whose chunk is too large for HDF5 before 2.0.
    pub(crate) large: u64,
    /// Groups that numbered their attributes, and do not any more.
    pub(crate) unordered: u64,
    /// Columns of which HDF5 2.0 does not read the layout.
    pub(crate) old_form: u64,
    /// Columns that JLD2 reads from one chunk only, and that are stored without a filter.
    pub(crate) one_chunk_only: u64,
    /// Columns whose filters the target does not read.
    pub(crate) unreadable: u64,
    /// Arrays of numbers that stood in their headers and do so no longer.
    pub(crate) small: u64,
    /// Bytes of all columns in the input, without those.
    pub(crate) bytes_before: u64,
    /// Bytes of all columns in the output, without those, with the indexes of their chunks.
    pub(crate) bytes_after: u64,
}

/// Writes all payloads. Contiguous data come first, since they stand at multiples of eight.
pub(super) fn write(
    input: &File,
    inventory: &Inventory,
    encoding: &EncodeOptions<'_>,
    out: &mut Output<'_>,
    payloads: &mut Payloads,
    observer: &dyn Observer,
) -> Result<Counts, RewriteError> {
    let start = out.position();
    let progress = Progress::new(observer, input.superblock().end_of_file);
    let chooser = Chooser::new(input, inventory, encoding);
    let mut columns = Columns {
        input,
        threads: encoding.threads,
        written: encoding.written,
        progress: &progress,
        out,
        payloads,
        counts: Counts::default(),
    };
    let (mut later, mut plain) = (Vec::new(), Vec::new());
    columns.counts.unordered = inventory.ordered;
    for addr in inventory.outside.iter().map(RelAddr) {
        let object = input.object(addr)?;
        let Some(column) = ColumnData::of(input, object)? else { continue };
        let dataset = column.dataset()?;
        if !RefPlan::new(&column.datatype)?.is_empty() {
            if let Some(chunked) = dataset.layout.chunked().filter(|_| !dataset.filters.is_empty())
            {
                let what = "references inside a filtered chunk";
                return Err(Error::foreign(chunked.at, what).into());
            }
            columns.payloads.put_behind(addr, column.len);
            continue;
        }
        columns.counts.bytes_before += column.stored;
        let choice = chooser.choose(&column.object, dataset, &column.datatype, column.len)?;
        if !(encoding.readable)(&dataset.filters) {
            columns.counts.unreadable += 1;
        }
        match choice {
            Choice::Copy if dataset.filters.is_empty() => columns.copied(&column)?,
            Choice::Plain(reason) => {
                columns.count_plain(reason);
                match chooser.pieces(dataset, &column.datatype) {
                    Some(grid) => plain.push((addr, Codec::None, None, grid)),
                    None => columns.plain(&column)?,
                }
            }
            choice => later.push((addr, choice)),
        }
    }
    for batch in plain.chunks(BATCH) {
        columns.chunks(batch)?;
    }
    let mut many = Vec::new();
    for (addr, choice) in later {
        let Some(column) = ColumnData::of(input, input.object(addr)?)? else { continue };
        match choice {
            Choice::Copy => columns.copied(&column)?,
            Choice::Indexed(grid) => columns.indexed(&column, &grid)?,
            Choice::Plain(reason) => {
                columns.count_plain(reason);
                columns.plain(&column)?;
            }
            Choice::One(codec, shuffle) => columns.one(&column, codec, shuffle)?,
            Choice::Chunks(codec, shuffle, grid) => many.push((addr, codec, shuffle, grid)),
        }
    }
    for batch in many.chunks(BATCH) {
        columns.chunks(batch)?;
    }
    columns.counts.bytes_after = columns.out.position().saturating_sub(start);
    for addr in inventory.small.iter().map(RelAddr) {
        columns.outside(&*input.object(addr)?)?;
    }
    Ok(columns.counts)
}

/// A dataset with data outside its header.
struct ColumnData {
    object: Arc<Object>,
    datatype: Arc<Datatype>,
    /// Bytes that it stands for.
    len: u64,
    /// Bytes that it takes.
    stored: u64,
}

impl ColumnData {
    fn of(input: &File, object: Arc<Object>) -> Result<Option<Self>, RewriteError> {
        let Some(dataset) = object.dataset() else { return Ok(None) };
        let datatype = input.resolve(&dataset.datatype)?;
        let len = input.data_len(dataset, &datatype)?;
        if matches!(dataset.layout, Layout::Compact { .. } | Layout::Contiguous { size: 0, .. })
            || dataset.layout.chunked().is_some() && len == 0
            // What was never written stays so: it could be of any size.
            || matches!(dataset.layout, Layout::Contiguous { .. }) && dataset.is_unwritten()
        {
            return Ok(None);
        }
        let stored = input.stored_len(dataset)?;
        Ok(Some(Self { object, datatype, len, stored }))
    }

    fn dataset(&self) -> Result<&Dataset, RewriteError> {
        let addr = self.object.addr();
        self.object
            .dataset()
            .ok_or_else(|| Error::corrupt(addr.0, "object", "a dataset", "another object").into())
    }
}

/// Writes columns.
struct Columns<'t, 'o> {
    input: &'t File,
    threads: usize,
    written: Written<'t>,
    progress: &'t Progress<'t>,
    out: &'t mut Output<'o>,
    payloads: &'t mut Payloads,
    counts: Counts,
}

impl Columns<'_, '_> {
    fn is(&mut self, column: &ColumnData, payload: Payload) {
        self.progress.done(column.stored);
        self.payloads.put(column.object.addr(), payload);
    }

    /// Copies the stored bytes, which are in one piece, as they are.
    fn copied(&mut self, column: &ColumnData) -> Result<(), RewriteError> {
        let dataset = column.dataset()?;
        let plain = dataset.filters.is_empty();
        let offset = if plain { self.align()? } else { self.out.position() };
        let at = self.input.stored_offset(dataset)?.unwrap_or(0);
        let size = column.stored;
        let mut stream = self.input.stored(dataset)?;
        let mut on = |done| self.progress.within(size, done, size);
        copy(&mut stream, size, at, self.out, &mut on)?;
        let payload = if plain {
            Payload::Contiguous { offset, size }
        } else {
            self.count_form(column.len, dataset, &column.datatype);
            let mask = dataset.layout.single_chunk().map_or(0, |chunk| chunk.filter_mask);
            Payload::Chunk { offset, size, mask, filters: dataset.filters.clone() }
        };
        self.is(column, payload);
        Ok(())
    }

    /// Writes a small array outside of its header, wherever that is.
    fn outside(&mut self, object: &Object) -> Result<(), RewriteError> {
        let Some(dataset) = object.dataset() else { return Ok(()) };
        let Some(at) = self.input.stored_offset(dataset)? else { return Ok(()) };
        let (Layout::Compact { size, .. } | Layout::Contiguous { size, .. }) = dataset.layout
        else {
            return Ok(());
        };
        let offset = self.out.position();
        let mut stream = self.input.stored(dataset)?;
        copy(&mut stream, size, at, self.out, &mut |_| Ok(()))?;
        self.counts.small += u64::from(matches!(dataset.layout, Layout::Compact { .. }));
        self.payloads.put(object.addr(), Payload::Contiguous { offset, size });
        Ok(())
    }

    /// Takes note of which readers a single chunk is not for.
    fn count_form(&mut self, len: u64, dataset: &Dataset, datatype: &Datatype) {
        let large = len > HDF5_1_CHUNK_MAX;
        let fits = fits_every_reader(&dataset.dataspace.dims, datatype.size);
        self.counts.large += u64::from(large);
        self.counts.old_form += u64::from(!large && !fits);
    }

    /// Copies chunks, and puts a new index behind them.
    fn indexed(&mut self, column: &ColumnData, grid: &ChunkGrid) -> Result<(), RewriteError> {
        let dataset = column.dataset()?;
        let (start, mut sizes, mut filter_mask) = (self.out.position(), Vec::new(), 0);
        let mut chunks = stored_chunks(self.input, dataset)?;
        let mut done = 0;
        while let Some(chunk) = chunks.next()? {
            let at = self.input.offset(chunk.addr, "chunk")?;
            let mut stream = self.input.source().stream(at, chunk.size, "chunk")?;
            let mut on =
                |through| self.progress.within(column.stored, done + through, column.stored);
            copy(&mut stream, chunk.size, at, self.out, &mut on)?;
            sizes.push(u32::try_from(chunk.size).unwrap_or(u32::MAX));
            filter_mask = chunk.filter_mask;
            done += chunk.size;
        }
        let at = self.align()?;
        let first = self.out.addr(start);
        let chunks = StoredChunks { grid, first, sizes: &sizes, filter_mask };
        let (at, out) = (self.out.addr(at), &mut *self.out);
        let root = chunk_tree::write_tree(&chunks, at, &mut |node| out.write(node))?;
        let layout = chunk_tree::chunked(grid, root);
        self.is(column, Payload::Tree { layout, filters: dataset.filters.clone() });
        Ok(())
    }

    /// Data stand at multiples of eight, as JLD2 puts them since 0.4.52.
    fn align(&mut self) -> Result<u64, RewriteError> {
        let offset = self.out.position().next_multiple_of(8);
        self.out.pad_to(offset)?;
        Ok(offset)
    }

    /// Takes note of why a column is stored without a filter.
    fn count_plain(&mut self, reason: Option<Reason>) {
        match reason {
            None => {}
            Some(Reason::Grown) => self.counts.grown += 1,
            Some(Reason::OneChunkOnly) => self.counts.one_chunk_only += 1,
        }
    }

    /// Decodes.
    fn plain(&mut self, column: &ColumnData) -> Result<(), RewriteError> {
        let offset = self.align()?;
        let decoded = Column::new(self.input, column.dataset()?, &column.datatype)?;
        let mut stream = decoded.open()?;
        let at = decoded.offset();
        let mut on = |done| self.progress.within(column.stored, done, column.len);
        copy(&mut stream, column.len, at, self.out, &mut on)?;
        stream.finish()?;
        self.is(column, Payload::Contiguous { offset, size: column.len });
        Ok(())
    }

    /// Decodes and encodes into one chunk; data that would not shrink are stored as they are.
    fn one(
        &mut self,
        column: &ColumnData,
        codec: Codec,
        shuffle: Option<u32>,
    ) -> Result<(), RewriteError> {
        let dataset = column.dataset()?;
        let decoded = Column::new(self.input, dataset, &column.datatype)?;
        let offset = self.out.position();
        self.out.mark();
        let (progress, stored, len) = (self.progress, column.stored, column.len);
        let mut on = |through: u64| match progress.within(stored, through, len) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
        let encoded = codec::encode(codec, shuffle, &decoded, self.out, self.threads, &mut on)
            .map_err(|e| RewriteError::of_codec(decoded.offset(), e))?;
        let filters = entries(codec, encoded.filters, self.written);
        let dims = &dataset.dataspace.dims;
        let layout = single_chunk(dims, column.datatype.size, 0, 0, RelAddr::NULL);
        let header = chunk_tree::header_bytes(&layout, &filters);
        if encoded.written.saturating_add(header) >= len {
            self.out.back_to(offset)?;
            self.count_plain(Some(Reason::Grown));
            return self.plain(column);
        }
        self.count_form(len, dataset, &column.datatype);
        let payload = Payload::Chunk { offset, size: encoded.written, mask: 0, filters };
        self.is(column, payload);
        Ok(())
    }

    /// Decodes and encodes columns in chunks.
    fn chunks(
        &mut self,
        batch: &[(RelAddr, Codec, Option<u32>, ChunkGrid)],
    ) -> Result<(), RewriteError> {
        let input = self.input;
        let mut all = Vec::with_capacity(batch.len());
        for (addr, ..) in batch {
            all.extend(ColumnData::of(input, input.object(*addr)?)?);
        }
        let mut columns = Vec::with_capacity(all.len());
        for column in &all {
            columns.push(Column::new(input, column.dataset()?, &column.datatype)?);
        }
        let mut jobs = Vec::with_capacity(all.len());
        for ((column, decoded), (addr, codec, shuffle, grid)) in all.iter().zip(&columns).zip(batch)
        {
            let anywhere = choice::starts_anywhere(column.dataset()?, grid);
            jobs.push(Job {
                addr: *addr,
                column: decoded,
                grid: grid.clone(),
                codec: *codec,
                shuffle: *shuffle,
                anywhere,
                hasty: true,
                stored: column.stored,
            });
        }
        let mut writer = ColumnWriter::new(self.out, self.progress, self.written);
        pipeline::run(&jobs, self.threads, &mut writer)?;
        // Where the first chunk told nothing of the others.
        let again = std::mem::take(&mut writer.again);
        let patient: Vec<_> = jobs
            .iter()
            .filter(|job| again.contains(&job.addr))
            .map(|job| Job { hasty: false, ..job.clone() })
            .collect();
        pipeline::run(&patient, self.threads, &mut writer)?;
        // What does not shrink after all comes last, so that all threads work at that, too.
        let given_up = std::mem::take(&mut writer.given_up);
        self.counts.grown += writer.never_shrank + given_up.len() as u64;
        jobs.retain(|job| given_up.contains(&job.addr));
        for job in &mut jobs {
            (job.codec, job.shuffle) = (Codec::None, None);
        }
        pipeline::run(&jobs, self.threads, &mut writer)?;
        for (addr, payload) in writer.done {
            self.payloads.put(addr, payload);
        }
        Ok(())
    }
}
