//! Undoes a pipeline of filters, from its end to its beginning.

use super::{
    bzip2::Bunzip,
    deflate::Inflate,
    exact::Exact,
    lz4_frame::Lz4Frame,
    lz4_hdf5::Lz4Hdf5,
    shuffle::{self, Unshuffle},
    stream::Stream,
    window::{Fork, Windowed},
    zstd::Unzstd,
};
use crate::codec::{
    Error, Filter, Lz4Format, Payload, Reader, StreamSource, describe, ids,
    payload::{self, Handle},
    sniff_lz4,
};
use std::io::Read as _;
use std::sync::Arc;

/// Streams the dataset whose `payload` went through `filters`.
///
/// Bit `i` of `filter_mask` says that filter `i` was skipped. `decoded_len` is what the dataspace
/// and the datatype say. The reader gives exactly that many bytes, then the end; it fails if the
/// payload holds fewer or more, is damaged, or has bytes behind its end. The check of the end
/// comes with the last byte of [`read`](std::io::Read::read); those who look into the buffer
/// instead must go on until it is empty.
///
/// # Errors
/// [`Error::UnknownFilter`] and [`Error::Unsupported`] before anything is read; others as soon as
/// they are met, most of them from the reader.
pub fn decoder<'a>(
    filters: &'a [Filter],
    filter_mask: u32,
    payload: &'a dyn Payload,
    decoded_len: u64,
) -> Result<Reader<'a>, Error> {
    undone(filters, filter_mask, &Handle::Borrowed(payload), decoded_len)
}

/// The same for a payload that lives as long as it is read.
///
/// # Errors
/// As [`decoder`].
pub fn decoder_of<'a>(
    filters: &'a [Filter],
    filter_mask: u32,
    payload: Arc<dyn Payload + Send + 'a>,
    decoded_len: u64,
) -> Result<Reader<'a>, Error> {
    undone(filters, filter_mask, &Handle::Shared(payload), decoded_len)
}

fn undone<'a>(
    filters: &'a [Filter],
    filter_mask: u32,
    payload: &Handle<'a>,
    decoded_len: u64,
) -> Result<Reader<'a>, Error> {
    let applied: Vec<&Filter> = filters
        .iter()
        .enumerate()
        .filter(|(i, _)| *i >= 32 || filter_mask >> *i & 1 == 0)
        .map(|(_, filter)| filter)
        .collect();
    let inner = if decoded_len == 0 && payload.get().is_empty() {
        payload::open(payload, 0)
    } else {
        Node::build(&applied, payload, decoded_len)?.open()?
    };
    Ok(Box::new(Exact::new(inner, decoded_len)))
}

/// More filters than any writer puts behind one another.
const MAX_FILTERS: usize = 4;

/// A dataset's bytes, as often as one likes.
#[derive(Clone, Copy)]
pub struct Decoded<'a> {
    /// The pipeline.
    pub filters: &'a [Filter],
    /// Which of its filters were skipped.
    pub filter_mask: u32,
    /// What they made.
    pub payload: &'a dyn Payload,
    /// What they were given, in bytes.
    pub decoded_len: u64,
}

impl StreamSource for Decoded<'_> {
    fn total(&self) -> u64 {
        self.decoded_len
    }

    fn open(&self) -> Result<Reader<'_>, Error> {
        decoder(self.filters, self.filter_mask, self.payload, self.decoded_len)
    }
}

/// A stream of bytes in the middle of a pipeline, which can be started several times.
enum Node<'a> {
    Payload(Handle<'a>),
    Deflate(Box<Self>),
    Bzip2(Box<Self>),
    Zstd(Box<Self>),
    Lz4Frame(Box<Self>),
    Lz4Hdf5 { input: Box<Self>, expected: Option<u64> },
    Unshuffle { input: Box<Self>, size: usize, total: u64 },
}

impl<'a> Node<'a> {
    /// Undoes `filters`, which were applied in this order.
    fn build(filters: &[&Filter], payload: &Handle<'a>, decoded_len: u64) -> Result<Self, Error> {
        let known =
            |id| matches!(id, ids::DEFLATE | ids::SHUFFLE | ids::BZIP2 | ids::LZ4 | ids::ZSTD);
        if let Some(filter) = filters.iter().find(|filter| !known(filter.id)) {
            return Err(unknown(filter));
        }
        let keeps_length = |filter: &&Filter| filter.id == ids::SHUFFLE;
        // Each shuffle may start a stream per plane of what is below it, each decoder has a window:
        // a forged pipeline could multiply both.
        if filters.len() > MAX_FILTERS || filters.iter().filter(|f| keeps_length(f)).count() > 1 {
            let what = format!("a chain of {} filters, or more than one shuffle,", filters.len());
            return Err(Error::Unsupported { codec: "pipeline", what });
        }
        let mut node = Self::Payload(payload.clone());
        // Known as long as all filters undone so far keep the length.
        let mut outer_len = Some(payload.get().len());
        let mut rest = filters;
        while let Some((filter, before)) = rest.split_last() {
            let total = if before.iter().all(keeps_length) { Some(decoded_len) } else { None };
            node = match filter.id {
                ids::SHUFFLE => node.unshuffled(filter, total.or(outer_len))?,
                ids::DEFLATE => Self::Deflate(Box::new(node)),
                ids::BZIP2 => Self::Bzip2(Box::new(node)),
                ids::ZSTD => Self::Zstd(Box::new(node)),
                ids::LZ4 => match sniff_lz4(node.first4()?) {
                    Lz4Format::Frame => Self::Lz4Frame(Box::new(node)),
                    Lz4Format::Hdf5 => Self::Lz4Hdf5 { input: Box::new(node), expected: total },
                },
                _ => return Err(unknown(filter)),
            };
            outer_len = outer_len.filter(|_| keeps_length(filter));
            rest = before;
        }
        Ok(node)
    }

    fn unshuffled(self, filter: &Filter, total: Option<u64>) -> Result<Self, Error> {
        const CODEC: &str = "shuffle";
        let unsupported = |what: String| Err(Error::Unsupported { codec: CODEC, what });
        let Some(total) = total else {
            return unsupported("data of unknown length, between two compressors,".to_owned());
        };
        let size = filter.client.first().map_or(0, |size| usize::try_from(*size).unwrap_or(0));
        if size == 0 {
            let found = format!("{:?}", filter.client);
            let expected = "an element size among the filter's values";
            return Err(Error::Corrupt { codec: CODEC, at: 0, expected, found });
        }
        // Less than two elements were left as they were, which is also what planes of one byte are.
        if size == 1 || total / (size as u64) <= 1 {
            return Ok(self);
        }
        if size > shuffle::MAX_CURSORS && total > shuffle::BUFFERED_AT_MOST {
            return unsupported(format!("{total} bytes in elements of {size} bytes"));
        }
        Ok(Self::Unshuffle { input: Box::new(self), size, total })
    }

    /// The first bytes; zeros where there are fewer.
    fn first4(&self) -> Result<[u8; 4], Error> {
        let mut first = Vec::new();
        self.open()?.take(4).read_to_end(&mut first)?;
        let mut bytes = [0; 4];
        for (to, from) in bytes.iter_mut().zip(first) {
            *to = from;
        }
        Ok(bytes)
    }

    /// Starts a stream.
    fn open(&self) -> Result<Reader<'a>, Error> {
        Ok(match self {
            Self::Payload(payload) => payload::open(payload, 0),
            Self::Deflate(input) => Box::new(Stream::new(input.open()?, Inflate::new())),
            Self::Bzip2(input) => Box::new(Stream::new(input.open()?, Bunzip::new())),
            Self::Zstd(input) => Box::new(Stream::new(input.open()?, Unzstd::new()?)),
            Self::Lz4Frame(input) => Box::new(Windowed(Lz4Frame::new(input.open()?))),
            Self::Lz4Hdf5 { input, expected } => {
                Box::new(Windowed(Lz4Hdf5::new(input.open()?, *expected)))
            }
            Self::Unshuffle { input, size, total } => {
                let buffered = if input.has_cheap_cursors() && *size <= shuffle::MAX_CURSORS {
                    shuffle::BUFFERED
                } else {
                    shuffle::BUFFERED_AT_MOST
                };
                if *total <= buffered {
                    Box::new(Unshuffle::buffered(input.open()?, *size, *total)?)
                } else {
                    let plane = total / (*size as u64);
                    let starts = (0..*size as u64).map(|k| k.saturating_mul(plane));
                    Box::new(Unshuffle::streamed(input.cursors(starts, *total)?, *total))
                }
            }
        })
    }

    /// Starts one stream at each of `starts`, which ascend and lie below `total`.
    fn cursors(
        &self,
        starts: impl Iterator<Item = u64>,
        total: u64,
    ) -> Result<Vec<Reader<'a>>, Error> {
        if let Self::Lz4Hdf5 { input, expected } = self
            && let Self::Payload(payload) = &**input
        {
            let first = Lz4Hdf5::new(payload::open(payload, 0), *expected);
            return forks(first, payload, starts, total);
        }
        if let Self::Lz4Frame(input) = self
            && let Self::Payload(payload) = &**input
        {
            return forks(Lz4Frame::new(payload::open(payload, 0)), payload, starts, total);
        }
        starts
            .map(|start| {
                if let Self::Payload(payload) = self {
                    return Ok(payload::open(payload, start));
                }
                let mut reader = self.open()?;
                match payload::skip(&mut *reader, start)? {
                    0 => Ok(reader),
                    lacking => Err(short(total, start, lacking)),
                }
            })
            .collect()
    }

    /// Whether a stream costs little to start in the middle.
    fn has_cheap_cursors(&self) -> bool {
        match self {
            Self::Payload(_) => true,
            Self::Lz4Frame(input) | Self::Lz4Hdf5 { input, .. } => {
                matches!(**input, Self::Payload(_))
            }
            _ => false,
        }
    }
}

/// Decodes `payload` once on the way to the last of `starts`, and leaves a decoder at each.
fn forks<'a, T: Fork<'a> + Send + 'a>(
    mut walker: T,
    payload: &Handle<'a>,
    starts: impl Iterator<Item = u64>,
    total: u64,
) -> Result<Vec<Reader<'a>>, Error> {
    let open = |offset| payload::open(payload, offset);
    let mut at = 0_u64;
    starts
        .map(|start| {
            match walker.skip(start.saturating_sub(at), &open)? {
                0 => at = start,
                lacking => return Err(short(total, start, lacking)),
            }
            Ok(Box::new(Windowed(walker.fork(open(walker.at())))) as Reader<'a>)
        })
        .collect()
}

/// A stream ended `lacking` bytes before a plane's `start`.
fn short(total: u64, start: u64, lacking: u64) -> Error {
    Error::Short { expected: total, found: start.saturating_sub(lacking) }
}

fn unknown(filter: &Filter) -> Error {
    let stored = filter.name.as_deref().map(|name| name.trim_end_matches('\0'));
    let name = stored.filter(|name| !name.is_empty()).unwrap_or(describe(filter.id));
    Error::UnknownFilter { id: filter.id, name: name.to_owned() }
}
