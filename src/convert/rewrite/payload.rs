//! Data outside headers that hold no addresses: copied, or encoded anew, block by block.

use super::RewriteError;
use super::header::Payload;
use super::inventory::Inventory;
use super::output::Output;
use crate::codec::{self, Codec};
use crate::convert::{Failure, FailureKind, Observer, Phase};
use crate::h5::{
    Class, Dataset, Datatype, Error, Extent, File, FilterEntry, HDF5_1_CHUNK_MAX, Layout, RefPlan,
    RelAddr,
};
use crate::julia::Column;
use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, Read};
use std::ops::ControlFlow;

/// Stored data are copied in pieces of this many bytes.
const PIECE: usize = 1 << 20;

/// How columns are to be encoded.
pub(crate) struct Encoding<'a> {
    /// The codec that is wanted; `None` keeps what the target can read.
    pub(crate) wanted: Option<Codec>,
    /// The codec for what the target cannot read.
    pub(crate) fallback: Codec,
    /// Whether bytes are put into planes first.
    pub(crate) shuffle: bool,
    /// Threads to work with.
    pub(crate) threads: usize,
    /// Whether the target can decode a dataset's filters.
    pub(crate) readable: &'a dyn Fn(&[FilterEntry]) -> bool,
    /// The client values to write for a filter with this number, where JLD2 0.6.5 writes these.
    pub(crate) written: &'a dyn Fn(u16, &[u32]) -> Vec<u32>,
}

impl Encoding<'_> {
    /// What stands in a header of a filter that data were encoded with.
    fn entry(&self, codec: Codec, filter: codec::Filter) -> FilterEntry {
        let codec::Filter { id, name, client, .. } = filter;
        // Frames are for JLD2 before 0.6, whose one value means nothing.
        let client = if codec == Codec::Lz4Frame { client } else { (self.written)(id, &client) };
        FilterEntry { id, name, flags: 0, client }
    }

    /// The codec that a dataset is to be encoded with; `None` if it stays as it is.
    fn of(&self, dataset: &Dataset) -> Option<Codec> {
        match self.wanted {
            Some(codec) => Some(codec),
            None if (self.readable)(&dataset.filters) => None,
            None => Some(self.fallback),
        }
    }
}

/// What is to be told of the columns that were encoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Columns that would have grown, and are stored without a filter.
    pub(crate) grown: u64,
    /// Columns whose chunk is too large for HDF5 before 2.0.
    pub(crate) large: u64,
}

/// Writes all payloads.
pub(super) fn write(
    input: &File,
    inventory: &Inventory,
    encoding: &Encoding<'_>,
    out: &mut Output<'_>,
    payloads: &mut HashMap<RelAddr, Payload>,
    observer: &dyn Observer,
) -> Result<Counts, RewriteError> {
    let mut counts = Counts::default();
    let total = input.superblock().end_of_file;
    let done = Cell::new(0);
    for &addr in &inventory.objects {
        let object = input.object(addr)?;
        let Some(dataset) = object.dataset() else { continue };
        let stored = match &dataset.layout {
            Layout::Compact { .. } | Layout::Contiguous { size: 0, .. } => continue,
            Layout::Contiguous { size, .. } => *size,
            Layout::Chunk(chunk) => chunk.size,
        };
        let datatype = input.resolve(&dataset.datatype)?;
        let len = input.data_len(dataset, &datatype)?;
        let plan = RefPlan::new(&datatype)?;
        if !plan.is_empty() {
            if let Layout::Chunk(chunk) = &dataset.layout {
                return Err(Error::foreign(chunk.at, "references inside a filtered chunk").into());
            }
            payloads.insert(addr, Payload::Behind { size: stored });
            continue;
        }
        let mut task =
            Task { input, dataset, datatype: &datatype, len, stored, out, observer, total };
        let codec = encoding.of(dataset).filter(|_| is_column(dataset, &datatype));
        let payload = match codec {
            Some(codec) => {
                let (payload, grown) = task.encode(codec, encoding, done.get())?;
                counts.grown += u64::from(grown);
                let chunk = matches!(payload, Payload::Chunk { .. });
                counts.large += u64::from(chunk && len > HDF5_1_CHUNK_MAX);
                payload
            }
            None => task.copy(done.get())?,
        };
        done.set(done.get() + stored);
        payloads.insert(addr, payload);
    }
    Ok(counts)
}

/// What JLD2 compresses: arrays, with elements, of a type of fixed size.
fn is_column(dataset: &Dataset, datatype: &Datatype) -> bool {
    dataset.dataspace.extent == Extent::Simple
        && !matches!(datatype.class, Class::String)
        && datatype.size > 0
        && dataset.dataspace.elements().is_some_and(|n| n > 0)
}

struct Task<'t, 'o> {
    input: &'t File,
    dataset: &'t Dataset,
    datatype: &'t Datatype,
    len: u64,
    stored: u64,
    out: &'t mut Output<'o>,
    observer: &'t dyn Observer,
    total: u64,
}

impl Task<'_, '_> {
    /// Copies the stored bytes as they are.
    fn copy(&mut self, before: u64) -> Result<Payload, RewriteError> {
        let offset = self.align()?;
        let mut stream = self.input.stored(self.dataset)?;
        self.stream(&mut stream, self.stored, before)?;
        Ok(match &self.dataset.layout {
            Layout::Chunk(chunk) => Payload::Chunk {
                offset,
                size: chunk.size,
                mask: chunk.filter_mask,
                filters: self.dataset.filters.clone(),
            },
            _ => Payload::Contiguous { offset, size: self.stored },
        })
    }

    /// Data stand at multiples of eight, as JLD2 puts them since 0.4.52.
    fn align(&mut self) -> Result<u64, RewriteError> {
        let offset = self.out.position().next_multiple_of(8);
        self.out.pad_to(offset)?;
        Ok(offset)
    }

    fn stream(&mut self, from: &mut dyn Read, len: u64, before: u64) -> Result<(), RewriteError> {
        let at = self.input.stored_offset(self.dataset)?.unwrap_or(0);
        let mut buffer = vec![0; usize::try_from(len).unwrap_or(PIECE).min(PIECE)];
        let mut left = len;
        while left > 0 {
            let n = usize::try_from(left).unwrap_or(PIECE).min(buffer.len());
            let Some(piece) = buffer.get_mut(..n) else { break };
            from.read_exact(piece).map_err(|e| Error::payload(at, e))?;
            self.out.write(piece)?;
            left -= n as u64;
            let share = u128::from(len - left) * u128::from(self.stored) / u128::from(len.max(1));
            let share = u64::try_from(share).unwrap_or(u64::MAX);
            self.observer.progress(Phase::Copy, before + share, self.total);
            if self.observer.cancelled() {
                return Err(Error::cancelled().into());
            }
        }
        Ok(())
    }

    /// Decodes and encodes; data that would not shrink are stored as they are.
    fn encode(
        &mut self,
        codec: Codec,
        encoding: &Encoding<'_>,
        before: u64,
    ) -> Result<(Payload, bool), RewriteError> {
        let offset = self.align()?;
        let column = Column::new(self.input, self.dataset, self.datatype)?;
        self.out.mark();
        if codec == Codec::None {
            return Ok((self.plain(&column, offset, before)?, false));
        }
        let shuffle = encoding.shuffle.then_some(self.datatype.size);
        let (observer, total, len, stored) = (self.observer, self.total, self.len, self.stored);
        let mut progress = |through: u64| {
            let share = u128::from(through) * u128::from(stored) / u128::from(len.max(1));
            let share = u64::try_from(share).unwrap_or(u64::MAX);
            observer.progress(Phase::Copy, before + share, total);
            if observer.cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let encoded =
            codec::encode(codec, shuffle, &column, self.out, encoding.threads, &mut progress)
                .map_err(|e| self.codec_error(e))?;
        if encoded.written >= self.len {
            self.out.back_to(offset)?;
            return Ok((self.plain(&column, offset, before)?, true));
        }
        let filters =
            encoded.filters.into_iter().map(|filter| encoding.entry(codec, filter)).collect();
        Ok((Payload::Chunk { offset, size: encoded.written, mask: 0, filters }, false))
    }

    fn plain(
        &mut self,
        column: &Column<'_>,
        offset: u64,
        before: u64,
    ) -> Result<Payload, RewriteError> {
        let mut stream = column.open()?;
        self.stream(&mut stream, self.len, before)?;
        stream.finish()?;
        Ok(Payload::Contiguous { offset, size: self.len })
    }

    fn codec_error(&self, error: codec::Error) -> RewriteError {
        let at = self.input.stored_offset(self.dataset).ok().flatten().unwrap_or(0);
        match error {
            codec::Error::Cancelled => Error::cancelled().into(),
            codec::Error::Output { source, .. } => RewriteError::Output(source),
            codec::Error::Unsupported { .. } => {
                RewriteError::Failed(Failure::new(FailureKind::Unsupported, error.to_string()))
            }
            other => Error::payload(at, io::Error::other(other)).into(),
        }
    }
}
