//! Copies data outside headers that hold no addresses, or encodes them again, block by block.

use super::RewriteError;
use super::header::Payload;
use super::inventory::Inventory;
use super::output::Output;
use crate::codec::{self, Codec, LZ4_BLOCK_SIZE, Lz4Format, ids, sniff_lz4};
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
pub(crate) struct EncodeOptions<'a> {
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

impl EncodeOptions<'_> {
    /// What stands in a header of a filter that data were encoded with.
    fn entry(&self, codec: Codec, filter: codec::Filter) -> FilterEntry {
        let codec::Filter { id, name, client, .. } = filter;
        // Frames are for JLD2 before 0.6, whose one value means nothing.
        let client = if codec == Codec::Lz4Frame { client } else { (self.written)(id, &client) };
        FilterEntry { id, name, flags: 0, client }
    }

    /// How a dataset is to be encoded, and whether its bytes are put into planes first; `None` if it
    /// stays as it is.
    fn of(&self, file: &File, dataset: &Dataset) -> Result<Option<(Codec, bool)>, Error> {
        match self.wanted {
            Some(codec) => Ok(Some((codec, self.shuffle))),
            None if !(self.readable)(&dataset.filters) => Ok(Some((self.fallback, self.shuffle))),
            None if dataset.is_in_one_piece() => Ok(None),
            None => self.like(file, dataset).map(Some),
        }
    }

    /// The encoding of a dataset in several chunks, for it as one.
    fn like(&self, file: &File, dataset: &Dataset) -> Result<(Codec, bool), Error> {
        let shuffle = dataset.filters.iter().any(|f| f.id == ids::SHUFFLE);
        let Some(filter) = dataset.filters.iter().rfind(|f| f.id != ids::SHUFFLE) else {
            return Ok((Codec::None, false));
        };
        let level = filter.client.first().copied();
        let codec = match filter.id {
            ids::DEFLATE => Codec::Deflate(level.unwrap_or(6).min(9)),
            ids::ZSTD => Codec::Zstd(level.map_or(3, |level| level.cast_signed().clamp(1, 22))),
            ids::LZ4 => {
                let first = match file.first_chunk(dataset)? {
                    Some((at, chunk)) if chunk.size >= 4 => file.source().read(at, 4, "chunk")?,
                    _ => Vec::new(),
                };
                match first.first_chunk::<4>().map(|first| sniff_lz4(*first)) {
                    Some(Lz4Format::Frame) => Codec::Lz4Frame,
                    _ => Codec::Lz4 { block_size: LZ4_BLOCK_SIZE },
                }
            }
            _ => self.fallback,
        };
        Ok((codec, shuffle))
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
    encoding: &EncodeOptions<'_>,
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
        let datatype = input.resolve(&dataset.datatype)?;
        let len = input.data_len(dataset, &datatype)?;
        if matches!(dataset.layout, Layout::Compact { .. } | Layout::Contiguous { size: 0, .. })
            || dataset.layout.chunked().is_some() && len == 0
        {
            continue;
        }
        let stored = input.stored_len(dataset)?;
        let plan = RefPlan::new(&datatype)?;
        if !plan.is_empty() {
            if let Some(chunked) = dataset.layout.chunked() {
                return Err(Error::foreign(chunked.at, "references inside a chunk").into());
            }
            payloads.insert(addr, Payload::Behind { size: stored });
            continue;
        }
        let mut task =
            Task { input, dataset, datatype: &datatype, len, stored, out, observer, total };
        // What is in several chunks is an array, and becomes one piece even where it is no column.
        let how = encoding.of(input, dataset)?;
        let how = match is_column(dataset, &datatype) {
            true => how,
            false if dataset.is_in_one_piece() => None,
            false => Some((Codec::None, false)),
        };
        let payload = match how {
            Some((codec, shuffle)) => {
                let (payload, grown) = task.encode((codec, shuffle), encoding, done.get())?;
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
            Layout::Chunked(chunked) if !self.dataset.filters.is_empty() => Payload::Chunk {
                offset,
                size: self.stored,
                mask: chunked.single().map_or(0, |chunk| chunk.filter_mask),
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
        (codec, shuffle): (Codec, bool),
        options: &EncodeOptions<'_>,
        before: u64,
    ) -> Result<(Payload, bool), RewriteError> {
        let offset = self.align()?;
        let column = Column::new(self.input, self.dataset, self.datatype)?;
        self.out.mark();
        if codec == Codec::None {
            return Ok((self.plain(&column, offset, before)?, false));
        }
        let shuffle = shuffle.then_some(self.datatype.size);
        let (observer, total, len, stored) = (self.observer, self.total, self.len, self.stored);
        let mut progress = |through: u64| {
            let share = u128::from(through) * u128::from(stored) / u128::from(len.max(1));
            let share = u64::try_from(share).unwrap_or(u64::MAX);
            observer.progress(Phase::Copy, before + share, total);
            if observer.cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let threads = options.threads;
        let encoded = codec::encode(codec, shuffle, &column, self.out, threads, &mut progress)
            .map_err(|e| self.codec_error(e))?;
        if encoded.written >= self.len {
            self.out.back_to(offset)?;
            return Ok((self.plain(&column, offset, before)?, true));
        }
        let filters =
            encoded.filters.into_iter().map(|filter| options.entry(codec, filter)).collect();
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
