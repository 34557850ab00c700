//! Says where payload bytes come from.

use super::Error;
use std::{
    fs::File,
    io::{self, BufRead, Read},
    os::unix::fs::FileExt as _,
    sync::Arc,
};

/// A stream of bytes whose buffer can be looked into.
pub type Reader<'a> = Box<dyn BufRead + Send + 'a>;

/// Bytes in a file that can be read anywhere, by several readers at once.
pub trait Payload: Sync {
    /// How many bytes there are.
    fn len(&self) -> u64;

    /// Reads some bytes at `offset`, as [`Read::read`] does.
    ///
    /// # Errors
    /// What the system said.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;

    /// All bytes, if they lie in memory; spares a copy.
    fn as_slice(&self) -> Option<&[u8]> {
        None
    }

    /// Whether there are no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Bytes that can be streamed from their start as often as one likes.
pub trait StreamSource: Sync {
    /// How many bytes a stream gives.
    fn total(&self) -> u64;

    /// Starts a stream. It gives [`total`](Self::total) bytes or an error.
    ///
    /// # Errors
    /// An [`Error`] if the stream cannot even start.
    fn open(&self) -> Result<Reader<'_>, Error>;
}

impl<P: Payload> StreamSource for P {
    fn total(&self) -> u64 {
        self.len()
    }

    fn open(&self) -> Result<Reader<'_>, Error> {
        Ok(open(&Handle::Borrowed(self), 0))
    }
}

impl Payload for [u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        from(self, offset).read(buf)
    }

    fn as_slice(&self) -> Option<&[u8]> {
        Some(self)
    }
}

impl<P: Payload + ?Sized> Payload for &P {
    fn len(&self) -> u64 {
        P::len(self)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        P::read_at(self, offset, buf)
    }

    fn as_slice(&self) -> Option<&[u8]> {
        P::as_slice(self)
    }
}

impl Payload for Vec<u8> {
    fn len(&self) -> u64 {
        self.as_slice().len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        from(self, offset).read(buf)
    }

    fn as_slice(&self) -> Option<&[u8]> {
        Some(self)
    }
}

/// A stretch of an open file. Reading never moves the file's own position.
#[derive(Debug, Clone, Copy)]
pub struct FileRange<'a> {
    /// The file.
    pub file: &'a File,
    /// Where the stretch begins, in bytes from the file's start.
    pub offset: u64,
    /// Its length in bytes.
    pub len: u64,
}

impl Payload for FileRange<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let Some(at) = self.offset.checked_add(offset) else { return Ok(0) };
        let wanted = left.min(buf.len());
        self.file.read_at(buf.get_mut(..wanted).unwrap_or_default(), at)
    }
}

fn from(slice: &[u8], offset: u64) -> &[u8] {
    usize::try_from(offset).ok().and_then(|at| slice.get(at..)).unwrap_or_default()
}

/// Bytes that are asked of a [`Payload`] at once.
const CHUNK: usize = 128 * 1024;

/// A payload that somebody else keeps, or that its readers keep together.
#[derive(Clone)]
pub(super) enum Handle<'a> {
    Borrowed(&'a dyn Payload),
    Shared(Arc<dyn Payload + Send + 'a>),
}

impl Handle<'_> {
    pub(super) fn get(&self) -> &dyn Payload {
        match self {
            Self::Borrowed(payload) => *payload,
            Self::Shared(payload) => &**payload,
        }
    }
}

/// Streams `payload` from `offset` to its end.
pub(super) fn open<'a>(payload: &Handle<'a>, offset: u64) -> Reader<'a> {
    let payload = payload.clone();
    if let Handle::Borrowed(payload) = payload
        && let Some(slice) = payload.as_slice()
    {
        return Box::new(from(slice, offset));
    }
    Box::new(Chunks { payload, next: offset, buf: Vec::new(), start: 0, end: 0 })
}

/// Streams a [`Payload`] that is not in memory.
struct Chunks<'a> {
    payload: Handle<'a>,
    /// Offset of the byte behind the buffer.
    next: u64,
    buf: Vec<u8>,
    start: usize,
    end: usize,
}

impl Chunks<'_> {
    fn read_some(payload: &dyn Payload, at: u64, buf: &mut [u8]) -> io::Result<usize> {
        let left = payload.len().saturating_sub(at);
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        let buf = buf.get_mut(..wanted).unwrap_or_default();
        if buf.is_empty() {
            return Ok(0);
        }
        loop {
            let source = match payload.read_at(at, buf) {
                Ok(0) => io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the file ends inside the payload, as if it were cut off",
                ),
                Ok(n) => return Ok(n.min(wanted)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            return Err(Error::Io { at: Some(at), source }.into());
        }
    }
}

impl BufRead for Chunks<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start >= self.end {
            self.buf.resize(CHUNK, 0);
            (self.start, self.end) = (0, 0);
            self.end = Self::read_some(self.payload.get(), self.next, &mut self.buf)?;
            self.next = self.next.saturating_add(self.end as u64);
        }
        Ok(self.buf.get(self.start..self.end).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.start = self.start.saturating_add(amount).min(self.end);
    }
}

impl Read for Chunks<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.start >= self.end && buf.len() >= CHUNK {
            let n = Self::read_some(self.payload.get(), self.next, buf)?;
            self.next = self.next.saturating_add(n as u64);
            return Ok(n);
        }
        let n = self.fill_buf()?.read(buf)?;
        self.consume(n);
        Ok(n)
    }
}

/// Reads until `buf` is full or the reader ends; the number of bytes.
pub(super) fn fill_up(reader: &mut dyn BufRead, buf: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0_usize;
    while let Some(rest) = buf.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(n) => filled = filled.saturating_add(n),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Skips `count` bytes, or as many as there are; what could not be skipped.
pub(super) fn skip(reader: &mut dyn BufRead, mut count: u64) -> Result<u64, Error> {
    while count > 0 {
        let available = match reader.fill_buf() {
            Ok(chunk) => chunk.len(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        if available == 0 {
            break;
        }
        let n = usize::try_from(count).unwrap_or(usize::MAX).min(available);
        reader.consume(n);
        count = count.saturating_sub(n as u64);
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn a_range_of_a_file_reads_as_its_bytes() {
        let mut file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..700_000_u32).map(|i| i.to_le_bytes()[1]).collect();
        file.write_all(&bytes).unwrap();
        let range = FileRange { file: &file, offset: 1000, len: 600_000 };
        let mut read = Vec::new();
        StreamSource::open(&range).unwrap().read_to_end(&mut read).unwrap();
        assert!(read == bytes[1000..601_000]);
        let mut tail = Vec::new();
        open(&Handle::Borrowed(&range), 599_990).read_to_end(&mut tail).unwrap();
        assert_eq!(tail, bytes[600_990..601_000]);
        let mut none = Vec::new();
        open(&Handle::Borrowed(&range), u64::MAX).read_to_end(&mut none).unwrap();
        assert!(none.is_empty());
    }

    #[test]
    fn a_file_that_is_too_short_is_told_with_its_offset() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[1; 100]).unwrap();
        let range = FileRange { file: &file, offset: 40, len: 100 };
        let error = StreamSource::open(&range).unwrap().read_to_end(&mut Vec::new()).unwrap_err();
        assert!(matches!(Error::from(error), Error::Io { at: Some(60), .. }));
    }
}
