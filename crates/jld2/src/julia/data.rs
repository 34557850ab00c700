//! Streams the logical bytes of a dataset: its stored bytes through its filters.

use crate::codec::{self, Filter, Payload};
use crate::h5::{Dataset, Datatype, Error, File, Layout, Result};
use std::io::{self, Read};

/// The data of one dataset, ready to be opened.
pub struct Column<'a> {
    filters: Vec<Filter>,
    filter_mask: u32,
    stored: Stored<'a>,
    len: u64,
    at: u64,
}

/// A stream of logical bytes that knows how many are left.
pub struct Decoded<'a> {
    reader: Box<dyn Read + 'a>,
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
        let (stored_len, filter_mask) = match &dataset.layout {
            Layout::Chunk(chunk) => (chunk.size, chunk.filter_mask),
            Layout::Compact { size, .. } | Layout::Contiguous { size, .. } => (*size, 0),
        };
        let filters = dataset
            .filters
            .iter()
            .map(|f| Filter::new(f.id, f.client.clone(), f.name.as_deref()))
            .collect();
        let stored = Stored { file, at, len: stored_len };
        Ok(Self { filters, filter_mask, stored, len, at })
    }

    /// Logical bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Offset of the stored data in the file.
    pub fn offset(&self) -> u64 {
        self.at
    }

    /// Opens the logical bytes.
    ///
    /// # Errors
    /// If a filter is not known or the payload's start is damaged.
    pub fn open(&self) -> Result<Decoded<'_>> {
        let reader: Box<dyn Read + '_> = if self.filters.is_empty() {
            Box::new(self.stored.file.source().stream(self.at, self.len, "data")?)
        } else {
            Box::new(
                codec::decoder(&self.filters, self.filter_mask, &self.stored, self.len)
                    .map_err(|e| Error::payload(self.at, e))?,
            )
        };
        Ok(Decoded { reader, left: self.len, at: self.at })
    }
}

impl codec::StreamSource for Column<'_> {
    fn total(&self) -> u64 {
        self.len
    }

    fn open(&self) -> std::result::Result<codec::Reader<'_>, codec::Error> {
        if self.filters.is_empty() {
            codec::StreamSource::open(&self.stored)
        } else {
            codec::decoder(&self.filters, self.filter_mask, &self.stored, self.len)
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
    pub(super) fn reader(&mut self) -> &mut dyn Read {
        &mut *self.reader
    }

    /// Fills `out`.
    ///
    /// # Errors
    /// If the payload is damaged or ends early.
    pub fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        self.reader.read_exact(out).map_err(|e| Error::payload(self.at, e))?;
        self.left = self.left.saturating_sub(out.len() as u64);
        Ok(())
    }

    /// Reads one more byte than there are, so that a payload that goes on is noticed.
    ///
    /// # Errors
    /// If the payload goes on, or its end is damaged.
    pub fn finish(&mut self) -> Result<()> {
        let mut one = [0];
        match self.reader.read(&mut one).map_err(|e| Error::payload(self.at, e))? {
            0 => Ok(()),
            _ => Err(Error::corrupt(self.at, "payload", "its end", "more data")),
        }
    }
}

/// The stored bytes of a dataset as the codecs want them.
struct Stored<'a> {
    file: &'a File,
    at: u64,
    len: u64,
}

impl Payload for Stored<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.len.saturating_sub(offset);
        let n = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        let Some(buf) = buf.get_mut(..n) else { return Ok(0) };
        self.file.source().read_exact_at(self.at + offset, buf)?;
        Ok(n)
    }
}
