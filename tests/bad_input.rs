//! Damaged, cut and foreign files: each is read or refused with an error that says what is wrong,
//! in little memory and time.
//!
//! Looks at the files in `tests/data` and, where it is there, at the shared directory
//! (`JLDCONV_SHARED`, else `../shared`).

use jldconv::h5::{Error, ErrorKind, File, Object, Region, Result, Source, Trace, Visitor};
use jldconv::julia::{Digest, Dumper, TypeTable, datasets};
use peak_alloc::PeakAlloc;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// No file may take more memory than this.
const MOST: usize = 64 << 20;
/// No file of a megabyte may take longer than this, on a slow machine without optimization.
const LONGEST: Duration = Duration::from_secs(10);
/// More than any of these files comes to.
const OUTPUT: usize = 64 << 20;

/// One at a time: memory is measured for the whole process.
static TURN: Mutex<()> = Mutex::new(());

/// Takes so many bytes, so that a test ends in time.
struct Sink(usize);

impl Write for Sink {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(buf.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Holds what a walk tells against the file.
struct Inside(u64);

impl Visitor for Inside {
    fn object(&mut self, object: &Object, _: &str) -> Result<()> {
        assert!(object.header.messages.iter().all(|m| m.body + u64::from(m.len) <= self.0));
        Ok(())
    }

    fn region(&mut self, region: Region) -> Result<()> {
        assert!(region.start < region.end && region.end <= self.0, "{region:?}");
        Ok(())
    }
}

/// Walks over the file and writes its values out; both must end.
fn read(source: Source, digest: Digest) -> Result<()> {
    let file = File::from_source(source)?;
    let walked = Trace::run(&file, &mut Inside(file.source().len()));
    let types = TypeTable::new(&file);
    let listed = datasets(&file)?;
    Dumper::new(&types, digest).all(&listed, &mut Sink(OUTPUT))?;
    walked
}

/// As [`read`], within the bounds; `what` names the case. The error is clear.
fn bounded(what: &str, source: impl FnOnce() -> Result<Source>) -> Result<()> {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let start = Instant::now();
    let result = source().and_then(|s| read(s, Digest::Xxh3));
    let (taken, peak) = (start.elapsed(), HEAP.peak_usage().saturating_sub(before));
    assert!(peak <= MOST, "{what}: {peak} bytes of memory");
    assert!(taken <= LONGEST, "{what}: {taken:?}");
    if let Err(error) = &result {
        clear(what, error);
    }
    result
}

/// An error names the place, unless the file as a whole is meant, and is of readable length.
fn clear(what: &str, error: &Error) {
    let text = error.to_string();
    let whole = matches!(error.kind(), ErrorKind::NotJld2 { .. } | ErrorKind::Output(_));
    assert!(whole || error.offset().is_some(), "{what}: {text}");
    assert!((10..1500).contains(&text.len()), "{what}: {text}");
}

fn memory(what: &str, bytes: Vec<u8>) -> Result<()> {
    bounded(what, || Ok(Source::from_bytes(bytes)))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn shared() -> Option<PathBuf> {
    let shared =
        std::env::var_os("JLDCONV_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    if !shared.is_dir() {
        eprintln!("skipped: {} is not there", shared.display());
        return None;
    }
    Some(shared)
}

/// The files below a directory whose names end so, sorted.
fn files(below: &Path, ends: &[&str]) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let mut pending = vec![below.to_owned()];
    while let Some(dir) = pending.pop() {
        for entry in std::fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if ends.iter().any(|e| path.to_string_lossy().ends_with(e)) {
                out.push(path);
            }
        }
    }
    out.sort();
    out
}

/// Small files with many kinds of values, and the Mera file of each era.
fn samples() -> (Vec<(String, Vec<u8>)>, Vec<(String, Vec<u8>)>) {
    let load = |dir: &str| {
        let paths = files(&root().join("tests/data").join(dir), &[".jld2"]);
        assert!(paths.len() >= 8, "{dir}");
        let load = |p: PathBuf| (p.display().to_string(), std::fs::read(&p).unwrap());
        paths.into_iter().map(load).collect()
    };
    (load("small"), load("mera"))
}

/// Pseudo-random numbers (xorshift64*), the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let random = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16;
        usize::try_from(random % n as u64).unwrap()
    }
}

fn turn() -> impl Drop {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn whole_files_are_read() {
    let _turn = turn();
    let (small, mera) = samples();
    for (name, bytes) in small.into_iter().chain(mera) {
        memory(&name, bytes).unwrap();
    }
}

#[test]
fn cut_files_are_refused() {
    let _turn = turn();
    let (small, mera) = samples();
    for (name, bytes) in small.into_iter().chain(mera) {
        for i in 0..50 {
            let len = bytes.len() * i / 50;
            let what = format!("{name} cut to {len} bytes");
            let error = memory(&what, bytes[..len].to_vec()).expect_err(&what);
            let said = error.to_string();
            match len {
                0 => assert!(said.contains("empty"), "{what}: {said}"),
                560.. => assert!(said.contains("truncated"), "{what}: {said}"),
                _ => {}
            }
        }
    }
}

#[test]
fn a_flipped_byte_is_read_or_refused() {
    let _turn = turn();
    let (small, mera) = samples();
    let mut random = Random(0x6a6c_6432);
    let (mut refused, mut total) = (0, 0);
    let mut flip = |name: &str, bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        let at = random.below(bytes.len());
        let change = u8::try_from(1 + random.below(255)).unwrap();
        bytes[at] ^= change;
        let what = format!("{name}, byte {at} ^ {change:#x}");
        refused += usize::from(memory(&what, bytes).is_err());
        total += 1;
    };
    for (name, bytes) in small.iter().cycle().take(9500) {
        flip(name, bytes);
    }
    for (name, bytes) in mera.iter().cycle().take(500) {
        flip(name, bytes);
    }
    assert_eq!(total, 10_000);
    // Most bytes of a small file are metadata with a checksum.
    assert!(refused > 3000, "{refused} of {total} refused");
}

#[test]
fn zeroed_blocks_are_read_or_refused() {
    let _turn = turn();
    let (small, mera) = samples();
    let mut random = Random(0x7a65_726f);
    for (name, bytes) in small.iter().cycle().take(300).chain(mera.iter().cycle().take(200)) {
        let mut bytes = bytes.clone();
        let at = random.below(bytes.len());
        let end = bytes.len().min(at + 1024);
        bytes[at..end].fill(0);
        let _ = memory(&format!("{name}, zeros from {at} to {end}"), bytes);
    }
}

#[test]
fn bytes_behind_the_end_are_no_matter() {
    let _turn = turn();
    let (small, _) = samples();
    for (name, mut bytes) in small {
        bytes.extend([0xff; 5000]);
        memory(&name, bytes).unwrap();
    }
}

#[test]
fn what_is_no_file_is_refused() {
    let _turn = turn();
    let dir = tempfile::tempdir().unwrap();
    let say = |path: &Path| {
        let opened = bounded(&path.display().to_string(), || Source::open(path));
        opened.unwrap_err().to_string()
    };
    let path = |name: &str| dir.path().join(name);
    assert!(say(&path("none")).contains("No such file"));
    std::fs::write(path("empty"), "").unwrap();
    assert!(say(&path("empty")).contains("empty"));
    std::fs::create_dir(path("output_00001.jld2")).unwrap();
    assert!(say(&path("output_00001.jld2")).contains("a directory"));
    // Opening a FIFO that no one writes to must not wait.
    let fifo = path("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    assert!(say(&fifo).contains("not a regular file"));
    assert!(say(Path::new("/dev/null")).contains("not a regular file"));
    let (loop_a, loop_b) = (path("a"), path("b"));
    std::os::unix::fs::symlink(&loop_a, &loop_b).unwrap();
    std::os::unix::fs::symlink(&loop_b, &loop_a).unwrap();
    assert!(say(&loop_a).contains("symbolic links"));
    for (name, text) in [("text", "hello\n".repeat(1000)), ("zeros", "\0".repeat(5000))] {
        std::fs::write(path(name), text).unwrap();
        assert!(say(&path(name)).contains("not a JLD2 file"));
    }
}

#[test]
fn a_file_without_permission_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let _turn = turn();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0)).unwrap();
    if std::fs::File::open(file.path()).is_ok() {
        eprintln!("skipped: permissions do not bind this user");
        return;
    }
    let error = Source::open(file.path()).unwrap_err();
    assert!(error.to_string().contains("ermission denied"), "{error}");
}

#[test]
fn files_of_others_are_read_or_refused() {
    let _turn = turn();
    let Some(shared) = shared() else { return };
    let mut refused = Vec::new();
    for path in files(&shared.join("corpus/files"), &[".jld2", ".jld", ".bak"]) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if let Err(error) = bounded(&name, || Source::open(&path)) {
            let jld1 = Path::new(&name).extension().is_some_and(|e| e == "jld");
            assert_eq!(jld1, error.to_string().contains("JLD.jl"), "{name}: {error}");
            refused.push(name);
        }
    }
    // Four of JLD.jl, four whose ends are zeros.
    assert_eq!(refused.len(), 8, "{refused:?}");
}
