//! Keeps long lists in little memory: what all of them take beyond a budget goes to files without a
//! name, of which nothing is left when the process ends, however that ends.

use super::{Error, Result};
use rustix::fs::{Mode, OFlags};
use std::fs;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Bytes that all lists of the process hold in memory before those that grow go to files.
const BUDGET: u64 = 12 << 20;
/// A list that holds less stays in memory.
const LEAST: usize = 128 << 10;

/// Where the files are made; the system's directory for temporary files if nobody said.
static DIRECTORY: RwLock<Place> = RwLock::new(Place::Usual);
/// Where the last file was made, and the bytes that went to all of them.
static LAST: RwLock<Option<Arc<Path>>> = RwLock::new(None);
static SPILLED: AtomicU64 = AtomicU64::new(0);
static MOST: AtomicU64 = AtomicU64::new(BUDGET);
/// Bytes that all lists of the process hold.
static HELD: AtomicU64 = AtomicU64::new(0);

/// Says where lists go that are too long for the memory, for the whole process: those of links and
/// paths, tens of bytes for each of millions. Files in `directory` have no name there. Without this,
/// or with none, it is the system's directory for temporary files (`TMPDIR`).
pub fn set_scratch_directory(directory: Option<PathBuf>) {
    set(directory.map_or(Place::Usual, Place::Only));
}

/// As [`set_scratch_directory`], but where `directory` is not there (any more), the system's directory
/// for temporary files is taken.
pub fn prefer_scratch_directory(directory: PathBuf) {
    set(Place::Rather(directory));
}

/// Where lists go that are too long for the memory.
pub fn scratch_directory() -> PathBuf {
    place().directory()
}

/// Whether files can be made in `directory`: makes one, without a name.
///
/// # Errors
/// What the system says.
pub fn try_scratch_directory(directory: &Path) -> io::Result<()> {
    create(directory).map(drop)
}

/// How many bytes of lists went to files since the process began, and the directory of the last of these
/// files; none if all lists fitted into the memory.
pub fn scratch_spilled() -> Option<(PathBuf, u64)> {
    let last = LAST.read().unwrap_or_else(PoisonError::into_inner).clone();
    last.map(|directory| (directory.to_path_buf(), SPILLED.load(Ordering::Relaxed)))
}

/// Where files are made.
#[derive(Debug, Clone)]
enum Place {
    Usual,
    Rather(PathBuf),
    Only(PathBuf),
}

impl Place {
    fn directory(self) -> PathBuf {
        match self {
            Self::Usual => std::env::temp_dir(),
            Self::Rather(directory) | Self::Only(directory) => directory,
        }
    }
}

fn set(place: Place) {
    *DIRECTORY.write().unwrap_or_else(PoisonError::into_inner) = place;
}

fn place() -> Place {
    DIRECTORY.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Says how many bytes all lists of the process hold in memory before those that grow go to files:
/// 12 MiB without this.
pub fn set_scratch_budget(bytes: u64) {
    MOST.store(bytes, Ordering::Relaxed);
}

/// How many bytes all lists of the process hold in memory at most.
pub fn scratch_budget() -> u64 {
    MOST.load(Ordering::Relaxed)
}

/// Bytes that are written once, in order, and can be read again.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// What is not in the file.
    held: Vec<u8>,
    file: Option<Spilled>,
}

/// The beginning of a log, in a file.
#[derive(Debug)]
struct Spilled {
    file: fs::File,
    directory: Arc<Path>,
    len: u64,
}

impl Spilled {
    fn new() -> Result<Self> {
        let place = place();
        let rather = matches!(place, Place::Rather(_));
        let mut directory = place.directory();
        let mut made = create(&directory);
        if rather && made.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::NotFound) {
            directory = std::env::temp_dir();
            made = create(&directory);
        }
        let file = made.map_err(|e| Error::scratch(&directory, 0, e))?;
        let directory: Arc<Path> = directory.into();
        *LAST.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&directory));
        Ok(Self { file, directory, len: 0 })
    }
}

impl Log {
    /// Puts bytes behind all others.
    ///
    /// # Errors
    /// If they are too many for the memory, and cannot be written to a file.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let room = self.held.capacity() - self.held.len();
        if room < bytes.len() {
            // Not to the double, as vectors grow on their own.
            self.held.reserve_exact(bytes.len().max(self.held.len() / 4));
        }
        self.held.extend_from_slice(bytes);
        let all = HELD.fetch_add(bytes.len() as u64, Ordering::Relaxed) + bytes.len() as u64;
        let most = MOST.load(Ordering::Relaxed);
        if all > most && self.held.len() >= LEAST.min(usize::try_from(most).unwrap_or(LEAST)) {
            self.spill()?;
        }
        Ok(())
    }

    /// How many there are.
    pub(super) fn len(&self) -> u64 {
        self.file.as_ref().map_or(0, |file| file.len) + self.held.len() as u64
    }

    /// Whether some of them are in a file.
    pub(super) fn is_spilled(&self) -> bool {
        self.file.is_some()
    }

    /// Puts all of it into the file.
    pub(super) fn spill(&mut self) -> Result<()> {
        if self.file.is_none() {
            self.file = Some(Spilled::new()?);
        }
        let Some(Spilled { file, directory, len }) = &mut self.file else { return Ok(()) };
        file.write_all_at(&self.held, *len).map_err(|e| Error::scratch(directory, *len, e))?;
        *len += self.held.len() as u64;
        SPILLED.fetch_add(self.held.len() as u64, Ordering::Relaxed);
        HELD.fetch_sub(self.held.len() as u64, Ordering::Relaxed);
        self.held.clear();
        self.held.shrink_to(2 * LEAST);
        Ok(())
    }

    /// Reads what stands at `at` into `out`, all of which must be there.
    pub(super) fn read(&self, at: u64, out: &mut [u8]) -> Result<()> {
        let spilled = self.file.as_ref().map_or(0, |file| file.len);
        let there = usize::try_from(spilled.saturating_sub(at)).unwrap_or(usize::MAX);
        let (first, rest) = out.split_at_mut(there.min(out.len()));
        if let Some(Spilled { file, directory, len }) = &self.file
            && !first.is_empty()
        {
            file.read_exact_at(first, at).map_err(|e| Error::scratch(directory, *len, e))?;
        }
        let start = usize::try_from(at.saturating_sub(spilled)).unwrap_or(usize::MAX);
        match self.held.get(start..).and_then(|held| held.get(..rest.len())) {
            Some(held) => rest.copy_from_slice(held),
            None => {
                return Err(Error::corrupt(at, "list in memory", "as long as before", "shorter"));
            }
        }
        Ok(())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        HELD.fetch_sub(self.held.len() as u64, Ordering::Relaxed);
    }
}

/// A file without a name for what is too much for the memory and is written in any order.
#[derive(Debug)]
pub struct ScratchFile(Spilled);

impl ScratchFile {
    /// A new one, where lists go that are too long.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new() -> Result<Self> {
        Spilled::new().map(Self)
    }

    /// Writes bytes at this place.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn write(&self, at: u64, bytes: &[u8]) -> Result<()> {
        let Spilled { file, directory, .. } = &self.0;
        file.write_all_at(bytes, at).map_err(|e| Error::scratch(directory, at, e))?;
        SPILLED.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Fills `out` from this place on.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(&self, at: u64, out: &mut [u8]) -> Result<()> {
        let Spilled { file, directory, .. } = &self.0;
        file.read_exact_at(out, at).map_err(|e| Error::scratch(directory, at, e))
    }
}

/// A file without a name in `directory`.
fn create(directory: &Path) -> io::Result<fs::File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    match rustix::fs::open(directory, flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => Ok(file.into()),
        // File systems that cannot do that, as those of networks.
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR | rustix::io::Errno::INVAL) => {
            unnamed(directory)
        }
        Err(error) => Err(error.into()),
    }
}

/// A file whose name is taken away at once.
fn unnamed(directory: &Path) -> io::Result<fs::File> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let mut tries = 0;
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!(".jld2-scratch-{}-{number}", std::process::id());
        let path = directory.join(name);
        let mut options = fs::OpenOptions::new();
        match options.read(true).write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => {
                fs::remove_file(&path)?;
                return Ok(file);
            }
            // What another machine's process of this number left.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && tries < 1000 => tries += 1,
            Err(e) => return Err(e),
        }
    }
}

/// Goes through some of a log in order.
#[derive(Debug, Default)]
pub(super) struct LogReader {
    window: Vec<u8>,
    /// What of that was gone through.
    at: usize,
    /// Where what comes behind the window stands in the log, and the end of all.
    next: u64,
    end: u64,
}

impl LogReader {
    /// Bytes that are read at once.
    const WINDOW: usize = 16 << 10;

    /// From `start` to `end`.
    pub(super) fn new(start: u64, end: u64) -> Self {
        Self { window: Vec::new(), at: 0, next: start, end }
    }

    /// Whether nothing is left.
    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.window.len() && self.next >= self.end
    }

    /// What comes next: `least` bytes, or all that are left if they are fewer.
    #[inline]
    pub(super) fn peek(&mut self, log: &Log, least: usize) -> Result<&[u8]> {
        if self.window.len() - self.at < least && self.next < self.end {
            self.fill(log, least)?;
        }
        Ok(self.window.get(self.at..).unwrap_or_default())
    }

    #[cold]
    fn fill(&mut self, log: &Log, least: usize) -> Result<()> {
        self.window.drain(..self.at);
        self.at = 0;
        let have = self.window.len();
        let left = usize::try_from(self.end - self.next).unwrap_or(usize::MAX);
        let more = left.min(Self::WINDOW.max(least) - have);
        self.window.resize(have + more, 0);
        log.read(self.next, self.window.get_mut(have..).unwrap_or_default())?;
        self.next += more as u64;
        Ok(())
    }

    /// Goes on behind the next `len` bytes, which were looked at.
    #[inline]
    pub(super) fn skip(&mut self, len: usize) {
        self.at = self.at.saturating_add(len).min(self.window.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    #[test]
    fn a_log_gives_what_was_put_in_from_memory_and_from_a_file() {
        let mut log = Log::default();
        let mut expected = Vec::new();
        for round in 0..200_u32 {
            let piece: Vec<u8> =
                (0..round * 7).map(|i| (i * 31 + round).to_le_bytes()[0]).collect();
            log.append(&piece).unwrap();
            expected.extend(piece);
            if round == 60 || round == 150 {
                log.spill().unwrap();
            }
        }
        assert!(log.is_spilled() && log.len() == expected.len() as u64);
        for (start, least) in [(0, 1), (17, 5000), (100_000, 40_000)] {
            let mut reader = LogReader::new(start, log.len());
            let mut found = Vec::new();
            while !reader.is_at_end() {
                let bytes = reader.peek(&log, least).unwrap();
                let len = bytes.len().min(least);
                found.extend_from_slice(&bytes[..len]);
                reader.skip(len);
            }
            assert!(found == expected[usize::try_from(start).unwrap()..]);
        }
    }

    #[test]
    fn files_have_no_name() {
        let dir = tempfile::tempdir().unwrap();
        for make in [create, unnamed] {
            let file = make(dir.path()).unwrap();
            let link = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
            assert!(link.to_string_lossy().ends_with(" (deleted)"), "{}", link.display());
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        }
        let error = create(&dir.path().join("none")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
