//! Streams the logical bytes of a dataset: its stored bytes through its filters.

use super::chunks::{Chunks, opened};
use super::stored::{Stored, skip};
use super::unwritten::Unwritten;
use crate::codec::{self, Filter};
use crate::h5::{Dataset, Datatype, Error, File, Layout, Result, StoredChunk};
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

/// The data of one dataset, ready to be opened.
pub struct Column<'a> {
    file: &'a File,
    filters: Vec<Filter>,
    data: Data<'a>,
    len: u64,
    at: u64,
}

enum Data<'a> {
    /// In one piece, as they are.
    Plain,
    /// In one chunk, which holds nothing else.
    Whole {
        stored: Stored<'a>,
        filter_mask: u32,
    },
    Chunks(Box<Chunks<'a>>),
    /// Nowhere: none of it was ever written.
    Unwritten(Unwritten),
}

/// A stream of logical bytes that knows how many are left.
pub struct Decoded<'a> {
    reader: Box<dyn Read + Send + 'a>,
    left: u64,
    at: u64,
}

impl<'a> Column<'a> {
    /// The data of `dataset`, whose elements are of type `datatype`.
    ///
    /// # Errors
    /// If shape, type and layout contradict each other, or the data are outside the file.
    pub fn new(file: &'a File, dataset: &'a Dataset, datatype: &Datatype) -> Result<Self> {
        let len = file.data_len(dataset, datatype)?;
        let at = file.stored_offset(dataset)?.unwrap_or(0);
        let filters = dataset
            .filters
            .iter()
            .map(|f| Filter::new(f.id, f.client.clone(), f.name.as_deref()))
            .collect();
        let data = match &dataset.layout {
            Layout::Contiguous { addr, .. } if addr.is_undef() && len > 0 => {
                Data::Unwritten(Unwritten::new(file, dataset, datatype, len)?)
            }
            Layout::Compact { .. } | Layout::Contiguous { .. } => Data::Plain,
            Layout::Chunked(chunked) => match chunked.single() {
                Some(chunk) if dataset.is_in_one_piece() => {
                    let stored = Stored { file, at, len: chunk.size };
                    Data::Whole { stored, filter_mask: chunk.filter_mask }
                }
                _ => Data::Chunks(Box::new(Chunks::new(file, dataset, datatype, len)?)),
            },
        };
        Ok(Self { file, filters, data, len, at })
    }

    /// Whether they stand in the file as they are, in one piece.
    pub fn is_plain(&self) -> bool {
        matches!(self.data, Data::Plain) && self.filters.is_empty()
    }

    /// Logical bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Offset of the stored data in the file; of the index, where there are several chunks.
    pub fn offset(&self) -> u64 {
        self.at
    }

    /// Bytes of memory, about, that decoding takes at once, where so many are decoded in one piece.
    pub(crate) fn decoder_memory(&self, len: u64) -> u64 {
        codec::decoder_memory(&self.filters, len)
    }

    /// Whether bytes are read as they are stored.
    pub(crate) fn is_copied(&self) -> bool {
        self.filters.is_empty()
    }

    /// Opens the logical bytes.
    ///
    /// # Errors
    /// If a filter is not known or the payload's start is damaged.
    pub fn open(&self) -> Result<Decoded<'_>> {
        self.open_range(0..self.len)
    }

    /// Opens some of the logical bytes. Of data without filters only these are read, and of several
    /// chunks those that hold them; one chunk is decoded up to the last of them.
    ///
    /// # Errors
    /// As [`open`](Self::open), and if there are not so many bytes.
    pub fn open_range(&self, range: Range<u64>) -> Result<Decoded<'_>> {
        let Range { start, end } = range;
        if start > end || end > self.len {
            let found = format!("{start}..{end}");
            let expected = format!("a range inside 0..{}", self.len);
            return Err(Error::corrupt(self.at, "bytes of a dataset", expected, found));
        }
        let left = end - start;
        let reader: Box<dyn Read + Send + '_> = match &self.data {
            Data::Plain => Box::new(self.plain(start, left)?),
            Data::Whole { stored, .. } if self.filters.is_empty() => {
                if stored.len != self.len {
                    let expected = format!("{} bytes without filters", self.len);
                    let found = format!("{} bytes", stored.len);
                    return Err(Error::corrupt(self.at, "chunk", expected, found));
                }
                Box::new(self.plain(start, left)?)
            }
            Data::Whole { stored, filter_mask } => {
                let mut reader = codec::decoder(&self.filters, *filter_mask, stored, self.len)
                    .map_err(|e| Error::payload(self.at, e))?;
                skip(&mut *reader, start).map_err(|e| Error::payload(self.at, e))?;
                Box::new(reader)
            }
            Data::Chunks(chunks) => opened(chunks, &self.filters, start..end)?,
            Data::Unwritten(unwritten) => Box::new(unwritten.open(start..end)),
        };
        Ok(Decoded { reader, left, at: self.at })
    }

    /// Decodes one chunk of several, alone and to its end; of data in one piece, all of them.
    ///
    /// # Errors
    /// If it cannot be decoded.
    pub fn check_chunk(&self, chunk: &StoredChunk) -> Result<()> {
        if let Data::Chunks(chunks) = &self.data {
            return chunks.check(chunk, &self.filters);
        }
        let mut whole = self.open()?;
        io::copy(&mut whole, &mut io::sink()).map_err(|e| told(self.at, e))?;
        whole.finish()
    }

    /// Opens the logical bytes for those who look into buffers: a decoder has one. None if nothing is
    /// decoded.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(super) fn buffered(&self) -> Result<Option<codec::Reader<'_>>> {
        Ok(match &self.data {
            Data::Whole { stored, filter_mask } if !self.filters.is_empty() => {
                let reader = codec::decoder(&self.filters, *filter_mask, stored, self.len);
                Some(reader.map_err(|e| Error::payload(self.at, e))?)
            }
            Data::Chunks(chunks) => Some(opened(chunks, &self.filters, 0..self.len)?),
            Data::Whole { .. } | Data::Plain | Data::Unwritten(_) => None,
        })
    }

    fn plain(&self, start: u64, len: u64) -> Result<impl Read + Send + '_> {
        self.file.source().stream(self.at.saturating_add(start), len, "data")
    }
}

/// What was wrong, where a stream of data failed.
pub(super) fn told(at: u64, error: io::Error) -> Error {
    error.downcast::<Error>().unwrap_or_else(|error| Error::payload(at, error))
}

impl codec::StreamSource for Column<'_> {
    fn total(&self) -> u64 {
        self.len
    }

    fn open(&self) -> std::result::Result<codec::Reader<'_>, codec::Error> {
        match &self.data {
            Data::Plain => {
                let stored = Stored { file: self.file, at: self.at, len: self.len };
                codec::decoder_of(&[], 0, Arc::new(stored), self.len)
            }
            Data::Whole { stored, filter_mask } => {
                codec::decoder(&self.filters, *filter_mask, stored, self.len)
            }
            Data::Chunks(chunks) => {
                opened(chunks, &self.filters, 0..self.len).map_err(|e| io::Error::other(e).into())
            }
            Data::Unwritten(unwritten) => Ok(Box::new(unwritten.open(0..self.len))),
        }
    }
}

impl Read for Decoded<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(out)?;
        self.left = self.left.saturating_sub(n as u64);
        Ok(n)
    }
}

impl Decoded<'_> {
    /// Logical bytes that are left.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Offset of the stored data in the file.
    pub fn offset(&self) -> u64 {
        self.at
    }

    /// The bytes themselves, for those who count what they take.
    pub(super) fn reader(&mut self) -> &mut (dyn Read + Send) {
        &mut *self.reader
    }

    /// Fills `out`.
    ///
    /// # Errors
    /// If the payload is damaged or ends early.
    pub fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        self.reader.read_exact(out).map_err(|e| told(self.at, e))?;
        self.left = self.left.saturating_sub(out.len() as u64);
        Ok(())
    }

    /// Reads one more byte than there are, so that a payload that goes on is noticed.
    ///
    /// # Errors
    /// If the payload goes on, or its end is damaged.
    pub fn finish(&mut self) -> Result<()> {
        let mut one = [0];
        match self.reader.read(&mut one).map_err(|e| told(self.at, e))? {
            0 => Ok(()),
            _ => Err(Error::corrupt(self.at, "payload", "its end", "more data")),
        }
    }
}
