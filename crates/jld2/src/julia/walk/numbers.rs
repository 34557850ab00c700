//! Reads the data of arrays of numbers when they are asked for.

use super::number::{Number, NumberKind, is_big_endian, with_low_byte_first};
use crate::h5::{Dataset, Datatype, Error, File, Result};
use crate::julia::array::each_element;
use crate::julia::data::told;
use crate::julia::{Column, Element, NumberBytes, NumberType, Structs};
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
    /// What stands in for the stored ones.
    pub(super) other: Other<'a>,
}

/// What is told in the place of stored numbers.
#[derive(Clone, Copy)]
pub(super) enum Other<'a> {
    /// They themselves.
    None,
    /// Each as a number of another type.
    Converted(NumberType),
    /// These, of this type, little-endian.
    Made(NumberType, &'a [u8]),
    /// Those in a field of the structs of an array.
    Strided(Strided<'a>),
}

/// A field of the structs of an array.
#[derive(Clone, Copy)]
pub(super) struct Strided<'a> {
    pub(super) structs: &'a Structs<'a>,
    /// Where in each it stands, in bytes.
    pub(super) start: usize,
}

impl<'a> Numbers<'a> {
    /// The array of numbers that a dataset is; none if its elements are something else.
    pub fn of(
        file: &'a File,
        dataset: &'a Dataset,
        element: &'a Element,
        progress: &'a dyn Fn(u64) -> Result<()>,
    ) -> Option<Self> {
        let datatype = element.datatype();
        let kind = NumberKind::of(datatype).filter(|_| element.is_number())?;
        let progress = Some(progress);
        let (limit, window, other) = (None, WINDOW, Other::None);
        Some(Self { file, dataset, datatype, kind, limit, window, progress, other })
    }

    /// The same, each as a number of the type `to`; what does not fit is an error of reading.
    #[must_use]
    pub fn converted_to(self, to: NumberType) -> Self {
        Self { other: Other::Converted(to), ..self }
    }

    /// What each number is.
    pub fn kind(&self) -> NumberKind {
        self.other.number_type().map_or(self.kind, NumberType::kind)
    }

    /// Whether they are those of [`dataset`](Self::dataset), and not what a rule makes of them.
    pub fn is_stored(&self) -> bool {
        matches!(self.other, Other::None)
    }

    /// Bytes of each number.
    pub fn size(&self) -> usize {
        self.other.number_type().map_or_else(|| self.stored_size(), NumberType::size)
    }

    fn stored_size(&self) -> usize {
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
        if let Other::Made(_, bytes) = self.other {
            return Ok(bytes.len() as u64);
        }
        if let Other::Strided(strided) = self.other {
            let count = strided.structs.count();
            return Ok(count.saturating_mul(self.stored_size() as u64));
        }
        let stored = Column::new(self.file, self.dataset, self.datatype)?.len();
        Ok(match self.other {
            Other::Converted(to) => {
                (stored / self.stored_size().max(1) as u64).saturating_mul(to.size() as u64)
            }
            Other::None | Other::Made(..) | Other::Strided(_) => stored,
        })
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
        match self.other {
            Other::None => self.read_stored(take),
            Other::Made(_, bytes) => bytes.chunks(WINDOW).try_for_each(take),
            Other::Strided(strided) => self.read_strided(strided, take),
            Other::Converted(to) => {
                let size = self.stored_size().max(1);
                let mut made = Vec::new();
                self.read_stored(&mut |window| {
                    made.clear();
                    for bytes in window.chunks(size) {
                        made.extend(self.converted(bytes, to)?.iter().take(to.size()));
                    }
                    take(&made)
                })
            }
        }
    }

    /// `count` of the numbers, from `first` on, as [`read`](Self::read) tells them; none where they do not
    /// stand in the file as they are, so that others would have to be read for that.
    ///
    /// # Errors
    /// If they are not all there.
    pub fn range(&self, first: u64, count: u64) -> Result<Option<Vec<u8>>> {
        if matches!(self.other, Other::Made(..) | Other::Strided(_)) {
            return Ok(None);
        }
        let column = Column::new(self.file, self.dataset, self.datatype)?;
        let size = self.stored_size().max(1);
        let from = first.saturating_mul(size as u64);
        let len = count.saturating_mul(size as u64);
        if !column.is_plain() || from.checked_add(len).is_none_or(|end| end > column.len()) {
            return Ok(None);
        }
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let mut bytes = self.file.source().read(column.offset() + from, len, "numbers")?;
        self.normal(&mut bytes);
        let Other::Converted(to) = self.other else { return Ok(Some(bytes)) };
        let mut made = Vec::with_capacity(usize::try_from(count).unwrap_or(0) * to.size());
        for bytes in bytes.chunks(size) {
            made.extend(self.converted(bytes, to)?.iter().take(to.size()));
        }
        Ok(Some(made))
    }

    /// A stored number as one of another type.
    fn converted(&self, bytes: &[u8], to: NumberType) -> Result<NumberBytes> {
        let number = Number { kind: self.kind, bytes };
        to.convert(number).ok_or_else(|| {
            let want = format!("numbers that {} holds", to.name());
            Error::corrupt(self.datatype.offset, "array of numbers", want, number.told())
        })
    }

    fn read_stored(&self, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
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
            self.normal(window);
            take(window)?;
        }
        stream.finish()
    }

    /// Brings stored numbers into the form in which they are told. No window is cut inside a number: both
    /// are powers of two.
    fn normal(&self, window: &mut [u8]) {
        if is_big_endian(self.datatype) {
            window.chunks_mut(self.stored_size().max(1)).for_each(<[u8]>::reverse);
        }
        if self.kind == NumberKind::Bool {
            for b in window {
                *b = u8::from(*b != 0);
            }
        }
    }

    /// As [`read`](Self::read), of a field of structs.
    fn read_strided(
        &self,
        Strided { structs, start }: Strided<'_>,
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let size = self.stored_size();
        let mut window = Vec::new();
        structs.each(None, WINDOW, &mut |_, bytes, at| {
            window.extend_from_slice(part(bytes, start, size, at)?);
            if window.len() < WINDOW {
                return Ok(());
            }
            if let Some(progress) = self.progress {
                progress(window.len() as u64)?;
            }
            self.normal(&mut window);
            take(&window)?;
            window.clear();
            Ok(())
        })?;
        if let Some(progress) = self.progress {
            progress(window.len() as u64)?;
        }
        self.normal(&mut window);
        take(&window)
    }

    /// Passes the same bytes on as [`read`](Self::read), in pieces that may end inside a number: those
    /// of a decoder's buffer, which spares a copy.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(in crate::julia) fn stream(&self, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if !self.is_stored() || is_big_endian(self.datatype) || self.kind == NumberKind::Bool {
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
        if let Other::Made(t, bytes) = self.other {
            let all = bytes.chunks(t.size());
            let (kind, count) = (t.kind(), all.len() as u64);
            let wanted = self.limit.unwrap_or(count).min(count);
            for (i, bytes) in (0..wanted).zip(all) {
                take(i, Number { kind, bytes })?;
            }
            return Ok(count - wanted);
        }
        if let Other::Strided(Strided { structs, start }) = self.other {
            let (size, kind) = (self.stored_size(), self.kind);
            return structs.each(self.limit, self.window, &mut |i, bytes, at| {
                let bytes = part(bytes, start, size, at)?;
                with_low_byte_first(self.datatype, bytes, |bytes| take(i, Number { kind, bytes }))
            });
        }
        let column = Column::new(self.file, self.dataset, self.datatype)?;
        let n = self.dataset.dataspace.elements().unwrap_or(0);
        let kind = self.kind;
        let (size, limit, window) = (self.stored_size(), self.limit, self.window);
        each_element(&column, size, n, limit, window, |i, bytes, _| {
            with_low_byte_first(self.datatype, bytes, |bytes| match self.other {
                Other::Converted(to) => {
                    let made = self.converted(bytes, to)?;
                    let bytes = made.get(..to.size()).unwrap_or_default();
                    take(i, Number { kind: to.kind(), bytes })
                }
                _ => take(i, Number { kind, bytes }),
            })
        })
    }
}

/// `size` bytes of a value, from `start` on.
fn part(bytes: &[u8], start: usize, size: usize, at: u64) -> Result<&[u8]> {
    bytes.get(start..).and_then(|rest| rest.get(..size)).ok_or_else(|| {
        let found = format!("a value of {} bytes", bytes.len());
        Error::corrupt(at, "field", format!("{size} bytes at {start}"), found)
    })
}

impl Other<'_> {
    fn number_type(&self) -> Option<NumberType> {
        match self {
            Self::None | Self::Strided(_) => None,
            Self::Converted(t) | Self::Made(t, _) => Some(*t),
        }
    }
}
