//! Gives bounded random access to the bytes of a file.

use super::{Appended, Error, Result};
use crate::h5::budget::METADATA_PIECE;
use std::cell::RefCell;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Metadata is read in blocks of this many bytes.
const BLOCK: usize = 32 << 10;
/// How many blocks are kept: a direct-mapped cache of 2 MiB.
const SLOTS: usize = 64;
/// Streams of no more bytes are read through the cache: they stand among the metadata.
const SMALL: usize = 8 << 10;
/// What is handed on and does not stand in the cache comes in pieces of this many bytes.
const PIECE: usize = 64 << 10;
/// Streams are read in pieces of this many bytes, unless more is asked for at once.
const STREAM: usize = 16 << 10;

/// The bytes that a container is read from.
///
/// `pread` through a small cache, not a memory map: a file that is truncated while it is read
/// gives an error here instead of SIGBUS, and the resident memory stays small.
#[derive(Debug)]
pub struct Source {
    bytes: Bytes,
    len: u64,
    /// The system's error number of the last read that failed, or 0.
    failed: Arc<AtomicI32>,
    /// Bytes read so far.
    read: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Bytes {
    File { file: Arc<fs::File>, cache: Arc<Mutex<Cache>>, sparse: bool },
    Memory(Vec<u8>),
    Overlay { below: Box<Source>, end: u64, append: Appended, replace: Vec<(u64, Vec<u8>)> },
}

#[derive(Debug)]
struct Block {
    number: u64,
    /// As long as a block, of which the last in a file is not.
    buffer: Vec<u8>,
    len: usize,
}

impl Block {
    fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }
}

/// The slots of a source, made when the first block is read.
#[derive(Debug, Default)]
struct Cache(Vec<Option<Block>>);

/// Buffers of blocks that a thread keeps for the next source: new ones cost small files more than what
/// is read into them.
const SPARE: usize = 16;

thread_local! {
    static SPARES: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

impl Cache {
    /// The slot for the block of this number.
    fn slot(&mut self, number: u64) -> Option<&mut Option<Block>> {
        if self.0.is_empty() {
            self.0.resize_with(SLOTS, || None);
        }
        self.0.get_mut(usize::try_from(number % SLOTS as u64).unwrap_or(0))
    }

    /// What is kept of the block that `offset` is in, from there on.
    #[inline]
    fn rest_at(&self, offset: u64) -> Option<&[u8]> {
        let number = offset / BLOCK as u64;
        let slot = self.0.get(usize::try_from(number % SLOTS as u64).unwrap_or(0))?;
        let block = slot.as_ref().filter(|block| block.number == number)?;
        block.bytes().get(usize::try_from(offset % BLOCK as u64).unwrap_or(0)..)
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        let mut left = self.0.drain(..).flatten().map(|block| block.buffer);
        let keep = |spares: &RefCell<Vec<Vec<u8>>>| {
            if let Ok(mut spares) = spares.try_borrow_mut() {
                let room = SPARE.saturating_sub(spares.len());
                spares.extend(left.by_ref().take(room));
            }
        };
        // A thread that ends keeps nothing.
        let _ = SPARES.try_with(keep);
    }
}

/// A buffer for a block: a spare one with whatever it holds, or a new one.
fn spare() -> Vec<u8> {
    let taken = SPARES.try_with(|spares| spares.try_borrow_mut().ok().and_then(|mut s| s.pop()));
    taken.ok().flatten().unwrap_or_else(|| vec![0; BLOCK])
}

impl Source {
    /// Opens a regular file for reading.
    ///
    /// # Errors
    /// If it cannot be opened or is not a regular file.
    pub fn open(path: &Path) -> Result<Self> {
        // Not blocking: opening a FIFO must not hang.
        let file = rustix::fs::open(
            path,
            rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC | rustix::fs::OFlags::NONBLOCK,
            rustix::fs::Mode::empty(),
        )
        .map_err(|e| Error::cannot_open(e.into()))?;
        Self::from_file(fs::File::from(file))
    }

    /// Reads from an open file.
    ///
    /// # Errors
    /// If it is not a regular file.
    pub fn from_file(file: fs::File) -> Result<Self> {
        let meta = file.metadata().map_err(|e| Error::io(0, e))?;
        if !meta.is_file() {
            let kind = if meta.is_dir() { "a directory" } else { "not a regular file" };
            return Err(Error::not_jld2(kind));
        }
        let (file, cache) = (Arc::new(file), Arc::default());
        // Only a file with fewer blocks than bytes has holes.
        let sparse = meta.blocks().saturating_mul(512) < meta.len();
        Ok(Self {
            len: meta.len(),
            bytes: Bytes::File { file, cache, sparse },
            failed: Arc::default(),
            read: Arc::default(),
        })
    }

    /// Reads from a file that is taken to have `len` bytes.
    #[cfg(any(test, feature = "testing"))]
    pub fn of_len(file: fs::File, len: u64) -> Self {
        let (file, cache) = (Arc::new(file), Arc::default());
        Self {
            len,
            bytes: Bytes::File { file, cache, sparse: false },
            failed: Arc::default(),
            read: Arc::default(),
        }
    }

    /// Reads from memory.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self {
            len: bytes.len() as u64,
            bytes: Bytes::Memory(bytes),
            failed: Arc::default(),
            read: Arc::default(),
        }
    }

    /// The bytes of `below` up to `end` and `append` behind them, some of them replaced: a file as
    /// an edit list would leave it. `replace` is sorted by offset and without overlaps.
    pub fn overlay(
        below: Self,
        end: u64,
        append: impl Into<Appended>,
        replace: Vec<(u64, Vec<u8>)>,
    ) -> Self {
        let append = append.into();
        let len = end.saturating_add(append.len());
        let (failed, read) = (Arc::clone(&below.failed), Arc::clone(&below.read));
        let below = Box::new(below);
        Self { len, failed, read, bytes: Bytes::Overlay { below, end, append, replace } }
    }

    /// Another source of the same open file, with a cache of its own, or of the same memory.
    ///
    /// # Errors
    /// If there is no file, or no descriptor left.
    pub fn again(&self) -> Result<Self> {
        if let Bytes::Memory(bytes) = &self.bytes {
            return Ok(Self::from_bytes(bytes.clone()));
        }
        let Some(file) = self.file() else {
            return Err(Error::foreign(0, "a source without a file"));
        };
        let mut again = Self::from_file(file.try_clone().map_err(|e| Error::io(0, e))?)?;
        again.failed = Arc::clone(&self.failed);
        again.read = Arc::clone(&self.read);
        Ok(again)
    }

    /// Another source of the same bytes; none of what has some laid over it.
    ///
    /// # Errors
    /// If there is no descriptor left.
    pub fn same(&self) -> Result<Option<Self>> {
        match &self.bytes {
            Bytes::File { .. } | Bytes::Memory(_) => self.again().map(Some),
            Bytes::Overlay { .. } => Ok(None),
        }
    }

    /// Another source of the same open file and with the same cache, for the same thread: others would
    /// wait for one another. What was read through either is not read again.
    ///
    /// # Errors
    /// As [`Self::again`].
    pub fn shared(&self) -> Result<Self> {
        let Bytes::File { file, cache, sparse } = &self.bytes else { return self.again() };
        Ok(Self {
            bytes: Bytes::File {
                file: Arc::clone(file),
                cache: Arc::clone(cache),
                sparse: *sparse,
            },
            len: self.len,
            failed: Arc::clone(&self.failed),
            read: Arc::clone(&self.read),
        })
    }

    /// The system's word on the last read of the file that failed, by this source or one that was
    /// made of it, if one did. What is made of the error on the way may not tell.
    pub fn read_error(&self) -> Option<io::Error> {
        match self.failed.load(Ordering::Relaxed) {
            0 => None,
            code => Some(io::Error::from_raw_os_error(code)),
        }
    }

    /// Bytes that were read of the file, or of what is in memory, by this source and those made of
    /// it: what the cache spares does not count.
    pub fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    fn count(&self, bytes: usize) {
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn note(&self, error: io::Error) -> io::Error {
        if let Some(code) = error.raw_os_error() {
            self.failed.store(code, Ordering::Relaxed);
        }
        error
    }

    /// Length in bytes when the source was opened.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the cache has room for all bytes, so that none that was read through it is read again.
    pub fn is_kept(&self) -> bool {
        self.len <= (SLOTS * BLOCK) as u64
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The open file, if there is one.
    pub fn file(&self) -> Option<&fs::File> {
        match &self.bytes {
            Bytes::File { file, .. } => Some(file),
            Bytes::Memory(_) => None,
            Bytes::Overlay { below, .. } => below.file(),
        }
    }

    /// Whether the bytes from `offset` on are those of [`Source::file`] at the same place.
    pub fn is_plain(&self, offset: u64, len: u64) -> bool {
        match &self.bytes {
            Bytes::File { .. } => true,
            Bytes::Memory(_) => false,
            Bytes::Overlay { below, end, replace, .. } => {
                let stop = offset.saturating_add(len);
                let next = replace.partition_point(|(o, b)| o + b.len() as u64 <= offset);
                stop <= *end
                    && below.is_plain(offset, len)
                    && replace.get(next).is_none_or(|(o, _)| *o >= stop)
            }
        }
    }

    /// Fails unless `len` bytes from `offset` on are inside the file.
    ///
    /// # Errors
    /// If they are not.
    pub fn check(&self, offset: u64, len: u64, what: &str) -> Result<()> {
        if offset.checked_add(len).is_some_and(|end| end <= self.len) {
            return Ok(());
        }
        Err(Error::corrupt(
            offset.min(self.len),
            what,
            format!("{len} bytes at {offset} inside the file"),
            format!("a file of {} bytes", self.len),
        ))
    }

    /// `len` bytes at `offset`.
    ///
    /// # Errors
    /// If they are not all inside the file or cannot be read.
    pub fn read(&self, offset: u64, len: usize, what: &str) -> Result<Vec<u8>> {
        self.check(offset, len as u64, what)?;
        if len > METADATA_PIECE {
            // All of it is in the file, so that this is no damage.
            let limit = format!(
                "{} MiB in one piece ({len} bytes); in parts, as a vector of strings, it can be read",
                METADATA_PIECE >> 20
            );
            return Err(Error::too_large_at(offset, what, limit));
        }
        let mut out = Vec::new();
        out.try_reserve_exact(len)
            .map_err(|_| Error::io(offset, io::Error::from(io::ErrorKind::OutOfMemory)))?;
        out.resize(len, 0);
        self.read_into(offset, &mut out, what)?;
        Ok(out)
    }

    /// Fills `out` from `offset` on.
    ///
    /// # Errors
    /// If the bytes are not all inside the file or cannot be read.
    pub fn read_into(&self, offset: u64, out: &mut [u8], what: &str) -> Result<()> {
        self.check(offset, out.len() as u64, what)?;
        match &self.bytes {
            Bytes::Memory(bytes) => {
                self.count(out.len());
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                if let Some(from) = bytes.get(start..).and_then(|b| b.get(..out.len())) {
                    out.copy_from_slice(from);
                }
                Ok(())
            }
            Bytes::Overlay { below, end, append, replace } => {
                overlaid(below, *end, append, replace, offset, out, what)
            }
            Bytes::File { file, .. } if out.len() >= BLOCK => {
                self.count(out.len());
                file.read_exact_at(out, offset).map_err(|e| Error::io(offset, self.note(e)))
            }
            Bytes::File { file, cache, .. } => {
                let known = cache.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(have) = known.rest_at(offset).and_then(|have| have.get(..out.len())) {
                    out.copy_from_slice(have);
                    return Ok(());
                }
                drop(known);
                let mut rest = out;
                self.cached(file, cache, offset, rest.len(), &mut |have| {
                    let (now, later) = std::mem::take(&mut rest).split_at_mut(have.len());
                    now.copy_from_slice(have);
                    rest = later;
                    true
                })
            }
        }
    }

    /// Whether the bytes from `offset` on are these.
    ///
    /// # Errors
    /// If they are not all inside the file or cannot be read.
    pub fn holds(&self, offset: u64, bytes: &[u8], what: &str) -> Result<bool> {
        let (mut rest, mut same) = (bytes, true);
        self.each(offset, bytes.len() as u64, what, &mut |found| {
            let (now, later) = rest.split_at(found.len().min(rest.len()));
            same = now == found;
            rest = later;
            same
        })?;
        Ok(same)
    }

    /// Hands `len` bytes from `offset` on to `each`, in order and in pieces of any size, until it says
    /// no. Nothing is copied where they stand in the cache or in memory.
    ///
    /// # Errors
    /// If they are not all inside the file or cannot be read.
    pub fn each(
        &self,
        offset: u64,
        len: u64,
        what: &str,
        each: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<()> {
        self.check(offset, len, what)?;
        let short = usize::try_from(len).unwrap_or(usize::MAX);
        match &self.bytes {
            Bytes::File { file, cache, .. } if short < BLOCK => {
                return self.cached(file, cache, offset, short, each);
            }
            Bytes::Memory(bytes) => {
                self.count(short);
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                each(bytes.get(start..).and_then(|b| b.get(..short)).unwrap_or_default());
                return Ok(());
            }
            Bytes::File { .. } | Bytes::Overlay { .. } => {}
        }
        let mut buffer = vec![0; short.min(PIECE)];
        let (mut at, end) = (offset, offset + len);
        while at < end {
            let n = usize::try_from(end - at).unwrap_or(PIECE).min(PIECE);
            let piece = buffer.get_mut(..n).unwrap_or_default();
            self.read_into(at, piece, what)?;
            if !each(piece) {
                break;
            }
            at += n as u64;
        }
        Ok(())
    }

    /// Hands up to `most` bytes from `offset` on to `tell`, if some are in the cache: then nothing is
    /// read or copied. There is a lock on the cache meanwhile; where another thread has it, nothing is
    /// handed on.
    pub(super) fn at_hand(&self, offset: u64, most: usize, tell: &mut dyn FnMut(&[u8])) {
        match &self.bytes {
            Bytes::File { cache, .. } => {
                if let Ok(cache) = cache.try_lock()
                    && let Some(have) = cache.rest_at(offset)
                {
                    tell(have.get(..most).unwrap_or(have));
                }
            }
            Bytes::Overlay { below, .. } if self.is_plain(offset, most as u64) => {
                below.at_hand(offset, most, tell);
            }
            Bytes::Memory(_) | Bytes::Overlay { .. } => {}
        }
    }

    /// Hands `len` bytes from `offset` on to `each`, in order, as they stand in the blocks of the
    /// cache, until it says no.
    fn cached(
        &self,
        file: &fs::File,
        cache: &Mutex<Cache>,
        mut offset: u64,
        mut len: usize,
        each: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<()> {
        let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
        while len > 0 {
            let number = offset / BLOCK as u64;
            let Some(slot) = cache.slot(number) else { break };
            if slot.as_ref().is_none_or(|b| b.number != number) {
                let start = number * BLOCK as u64;
                let len = usize::try_from((self.len - start).min(BLOCK as u64)).unwrap_or(BLOCK);
                let mut buffer = slot.take().map_or_else(spare, |b| b.buffer);
                self.count(len);
                let read = file.read_exact_at(buffer.get_mut(..len).unwrap_or_default(), start);
                read.map_err(|e| Error::io(start, self.note(e)))?;
                *slot = Some(Block { number, buffer, len });
            }
            let within = usize::try_from(offset % BLOCK as u64).unwrap_or(0);
            let Some(have) = slot.as_ref().and_then(|b| b.bytes().get(within..)) else { break };
            let have = have.get(..len).unwrap_or(have);
            if have.is_empty() {
                return Err(Error::io(offset, io::ErrorKind::UnexpectedEof.into()));
            }
            if !each(have) {
                break;
            }
            len -= have.len();
            offset += have.len() as u64;
        }
        Ok(())
    }

    /// Fills `out` from `offset` on, past the cache; for payloads. What was never written, a hole, is
    /// not read.
    ///
    /// # Errors
    /// If the bytes are not all there any more.
    pub fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        match &self.bytes {
            Bytes::File { file, sparse, .. } => {
                if *sparse && out.len() >= STREAM && is_hole(file, offset, out.len() as u64) {
                    out.fill(0);
                    return Ok(());
                }
                self.count(out.len());
                file.read_exact_at(out, offset).map_err(|error| self.note(error))
            }
            Bytes::Overlay { below, .. } if self.is_plain(offset, out.len() as u64) => {
                below.read_exact_at(offset, out)
            }
            Bytes::Memory(_) | Bytes::Overlay { .. } => {
                self.read_into(offset, out, "payload").map_err(io::Error::other)
            }
        }
    }

    /// A stream of `len` bytes from `offset` on; large ones do not go through the cache.
    ///
    /// # Errors
    /// If they are not all inside the file.
    pub fn stream(&self, offset: u64, len: u64, what: &str) -> Result<SourceReader<'_>> {
        self.check(offset, len, what)?;
        Ok(SourceReader { source: self, offset, left: len, buffer: Vec::new(), at: 0 })
    }
}

/// Whether no byte of a stretch inside a file was ever written, as far as the file system tells.
fn is_hole(file: &fs::File, offset: u64, len: u64) -> bool {
    let end = offset.saturating_add(len);
    match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(offset)) {
        Ok(data) => data >= end,
        // Nothing follows: a hole, or the file ends before.
        Err(rustix::io::Errno::NXIO) => file.metadata().is_ok_and(|meta| meta.len() >= end),
        Err(_) => false,
    }
}

/// Reads through an overlay.
fn overlaid(
    below: &Source,
    end: u64,
    append: &Appended,
    replace: &[(u64, Vec<u8>)],
    offset: u64,
    out: &mut [u8],
    what: &str,
) -> Result<()> {
    let low = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX).min(out.len());
    let (old, new) = out.split_at_mut(low);
    if !old.is_empty() {
        below.read_into(offset, old, what)?;
    }
    if !new.is_empty() {
        append.read_into(offset.saturating_sub(end), new)?;
    }
    // The first replacement that could reach into the window.
    let first = replace.partition_point(|(o, b)| o + b.len() as u64 <= offset);
    for (at, bytes) in replace.iter().skip(first) {
        let Some(place) = at.checked_sub(offset).map_or(Some(0), |p| usize::try_from(p).ok())
        else {
            break;
        };
        if place >= old.len() {
            break;
        }
        let hidden = usize::try_from(offset.saturating_sub(*at)).unwrap_or(usize::MAX);
        for (to, from) in old.iter_mut().skip(place).zip(bytes.iter().skip(hidden)) {
            *to = *from;
        }
    }
    Ok(())
}

/// See [`Source::stream`].
#[derive(Debug)]
pub struct SourceReader<'a> {
    source: &'a Source,
    offset: u64,
    left: u64,
    buffer: Vec<u8>,
    at: usize,
}

impl Read for SourceReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.buffer.len() {
            if self.left == 0 || out.is_empty() {
                return Ok(0);
            }
            let fits = usize::try_from(self.left).unwrap_or(usize::MAX);
            if out.len() >= STREAM {
                let n = fits.min(out.len());
                let Some(out) = out.get_mut(..n) else { return Ok(0) };
                self.source.read_exact_at(self.offset, out)?;
                self.offset += n as u64;
                self.left -= n as u64;
                return Ok(n);
            }
            let mut buffer = std::mem::take(&mut self.buffer);
            let small = buffer.is_empty() && fits <= SMALL;
            buffer.resize(fits.min(STREAM), 0);
            if small {
                let read = self.source.read_into(self.offset, &mut buffer, "data");
                read.map_err(io::Error::other)?;
            } else {
                self.source.read_exact_at(self.offset, &mut buffer)?;
            }
            self.offset += buffer.len() as u64;
            self.left -= buffer.len() as u64;
            self.buffer = buffer;
            self.at = 0;
        }
        let have = self.buffer.get(self.at..).unwrap_or_default();
        let n = have.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..n), have.get(..n)) {
            to.copy_from_slice(from);
        }
        self.at += n;
        Ok(n)
    }
}
