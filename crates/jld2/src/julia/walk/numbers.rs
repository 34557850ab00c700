//! Reads the data of arrays of numbers when they are asked for.

use super::number::{Number, NumberKind, is_big_endian, with_low_byte_first};
use crate::h5::{Dataset, Datatype, Error, File, Result};
use crate::julia::array::each_element;
use crate::julia::data::told;
use crate::julia::{Column, Element};
use std::io::{self, BufRead as _};

/// Bytes that are read at once.
const WINDOW: usize = 256 << 10;

/// The data of an array of numbers or Bool.
pub struct Numbers<'a> {
    pub(super) file: &'a File,
    pub(super) dataset: &'a Dataset,
    pub(super) datatype: &'a Datatype,
    pub(super) kind: NumberKind,
    /// How many elements a walk tells of at most.
    pub(super) limit: Option<u64>,
    /// Bytes of a window for single elements.
    pub(super) window: usize,
    pub(super) progress: Option<&'a dyn Fn(u64) -> Result<()>>,
}

impl<'a> Numbers<'a> {
    /// The array of numbers that a dataset is; none if its elements are something else.
    pub(in crate::julia) fn of(
        file: &'a File,
        dataset: &'a Dataset,
        element: &'a Element,
        progress: &'a dyn Fn(u64) -> Result<()>,
    ) -> Option<Self> {
        let datatype = element.datatype();
        let kind = NumberKind::of(datatype).filter(|_| element.is_number())?;
        let progress = Some(progress);
        Some(Self { file, dataset, datatype, kind, limit: None, window: WINDOW, progress })
    }

    /// What each number is.
    pub fn kind(&self) -> NumberKind {
        self.kind
    }

    /// Bytes of each number.
    pub fn size(&self) -> usize {
        usize::try_from(self.datatype.size).unwrap_or(usize::MAX)
    }

    /// How many elements the walk is to tell of, if it leaves some out.
    pub fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// The file that holds them.
    pub fn file(&self) -> &File {
        self.file
    }

    /// How they are stored.
    pub fn dataset(&self) -> &Dataset {
        self.dataset
    }

    /// The layout of each.
    pub fn datatype(&self) -> &Datatype {
        self.datatype
    }

    /// Bytes of all of them.
    ///
    /// # Errors
    /// If shape, type and layout contradict each other.
    pub fn len(&self) -> Result<u64> {
        Ok(Column::new(self.file, self.dataset, self.datatype)?.len())
    }

    /// Whether there are none.
    ///
    /// # Errors
    /// As [`len`](Self::len).
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Reads all numbers, in windows: little-endian, in column-major order; a Bool is 0 or 1.
    ///
    /// # Errors
    /// If the data are damaged, and those of `take`.
    pub fn read(&self, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let column = Column::new(self.file, self.dataset, self.datatype)?;
        let mut stream = column.open()?;
        let mut buffer = vec![0; usize::try_from(stream.left()).unwrap_or(usize::MAX).min(WINDOW)];
        while stream.left() > 0 {
            let n = usize::try_from(stream.left()).unwrap_or(usize::MAX).min(buffer.len());
            let Some(window) = buffer.get_mut(..n) else { break };
            stream.fill(window)?;
            if let Some(progress) = self.progress {
                progress(window.len() as u64)?;
            }
            if is_big_endian(self.datatype) {
                // No window is cut inside a number: both are powers of two.
                window.chunks_mut(self.size().max(1)).for_each(<[u8]>::reverse);
            }
            if self.kind == NumberKind::Bool {
                for b in &mut *window {
                    *b = u8::from(*b != 0);
                }
            }
            take(window)?;
        }
        stream.finish()
    }

    /// Passes the same bytes on as [`read`](Self::read), in pieces that may end inside a number: those
    /// of a decoder's buffer, which spares a copy.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(in crate::julia) fn stream(&self, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if is_big_endian(self.datatype) || self.kind == NumberKind::Bool {
            return self.read(take);
        }
        let column = Column::new(self.file, self.dataset, self.datatype)?;
        let Some(mut reader) = column.buffered()? else { return self.read(take) };
        let (at, mut left) = (column.offset(), column.len());
        loop {
            let bytes = match reader.fill_buf() {
                Ok(bytes) => bytes,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(told(at, e)),
            };
            let n = bytes.len();
            if n == 0 {
                break;
            }
            left = left
                .checked_sub(n as u64)
                .ok_or_else(|| Error::corrupt(at, "payload", "its end", "more data"))?;
            if let Some(progress) = self.progress {
                progress(n as u64)?;
            }
            take(bytes)?;
            reader.consume(n);
        }
        match left {
            0 => Ok(()),
            _ => Err(Error::corrupt(at, "payload", format!("{left} more bytes"), "its end")),
        }
    }

    /// Reads the numbers that the walk tells of, one by one. Gives the number of those left out.
    ///
    /// # Errors
    /// If the data are damaged, and those of `take`.
    pub fn each(&self, take: &mut dyn FnMut(u64, Number<'_>) -> Result<()>) -> Result<u64> {
        let column = Column::new(self.file, self.dataset, self.datatype)?;
        let n = self.dataset.dataspace.elements().unwrap_or(0);
        let kind = self.kind;
        each_element(&column, self.size(), n, self.limit, self.window, |i, bytes, _| {
            with_low_byte_first(self.datatype, bytes, |bytes| take(i, Number { kind, bytes }))
        })
    }
}
