//! Files as the library reads them and plans their migration.

use crate::samples::{self, Random, Sample, files, shared};
use crate::{HEAP, turn};
use jldconv::h5::{Error, ErrorKind, File, Object, Region, Result, Source, Trace, Visitor};
use jldconv::julia::{Digest, Dumper, TypeTable, datasets};
use jldconv::migrate::{plan, target::Target};
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

/// No file may take more memory than this.
const MOST: usize = 64 << 20;
/// No file of a megabyte may take longer than this, on a slow machine without optimization.
const LONGEST: Duration = Duration::from_secs(10);
/// More than any of these files comes to.
const OUTPUT: usize = 64 << 20;

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
fn read(source: Source) -> Result<()> {
    let file = File::from_source(source)?;
    let walked = Trace::run(&file, &mut Inside(file.source().len()));
    let types = TypeTable::new(&file);
    let listed = datasets(&file)?;
    Dumper::new(&types, Digest::Xxh3).all(&listed, &mut Sink(OUTPUT))?;
    walked
}

/// Migrates a file in memory: if it can be read, so can the result, and it holds what was planned.
fn migrate(bytes: &[u8]) -> Option<()> {
    let target = Target::builtin(Target::default_name()).unwrap();
    let file = File::from_source(Source::from_bytes(bytes.to_vec())).ok()?;
    let migration = plan(&file, &target, false).ok()?;
    let edits = migration.edits?;
    let after = edits.laid_over(Source::from_bytes(bytes.to_vec()));
    let after = File::from_source(after).unwrap();
    let walked = Trace::run(&after, &mut Inside(after.source().len()));
    assert!(walked.is_ok(), "after the migration: {walked:?}");
    let types = TypeTable::with_renames(&file, migration.renames);
    let dumper = Dumper::new(&types, Digest::Xxh3).with_overrides(&migration.overrides);
    let mut planned = Vec::new();
    dumper.all(&datasets(&file).ok()?, &mut planned).ok()?;
    let mut found = Vec::new();
    let types = TypeTable::new(&after);
    Dumper::new(&types, Digest::Xxh3).all(&datasets(&after).unwrap(), &mut found).unwrap();
    assert!(found == planned, "other values than planned");
    Some(())
}

/// Does `work` within the bounds; `what` names the case.
fn bounded<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let start = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(work));
    let (taken, peak) = (start.elapsed(), HEAP.peak_usage().saturating_sub(before));
    assert!(peak <= MOST, "{what}: {peak} bytes of memory");
    assert!(taken <= LONGEST, "{what}: {taken:?}");
    assert!(result.is_ok(), "{what}: a panic");
    result.unwrap_or_else(|_| unreachable!())
}

/// Reads a file within the bounds; `what` names the case. An error is clear.
fn open(what: &str, source: impl FnOnce() -> Result<Source>) -> Result<()> {
    let result = bounded(what, || source().and_then(read));
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

fn memory((what, bytes): Sample) -> Result<()> {
    open(&what, || Ok(Source::from_bytes(bytes)))
}

/// The files that the damage is done to.
fn all() -> Vec<Sample> {
    samples::small().into_iter().chain(samples::mera()).collect()
}

#[test]
fn whole_files_are_read() {
    let _turn = turn();
    for sample in all() {
        memory(sample).unwrap();
    }
    let migrated = samples::generated().iter().filter(|s| migrate(&s.1).is_some()).count();
    assert_eq!(migrated, 3);
}

#[test]
fn cut_files_are_refused() {
    let _turn = turn();
    for (what, bytes) in all().iter().flat_map(samples::cuts) {
        let len = bytes.len();
        let error = open(&what, || Ok(Source::from_bytes(bytes))).expect_err(&what);
        let said = error.to_string();
        match len {
            0 => assert!(said.contains("empty"), "{what}: {said}"),
            560.. => assert!(said.contains("truncated"), "{what}: {said}"),
            _ => {}
        }
    }
}

/// Reads files with a byte changed each; gives the number of those refused.
fn flipped(random: &mut Random, samples: &[Sample], count: usize) -> usize {
    let flips = samples.iter().cycle().take(count).map(|(name, bytes)| random.flip(name, bytes));
    flips.filter(|sample| memory(sample.clone()).is_err()).count()
}

#[test]
fn a_flipped_byte_is_read_or_refused() {
    let _turn = turn();
    let mut random = Random(0x6a6c_6432);
    let refused = flipped(&mut random, &samples::small(), 9700)
        + flipped(&mut random, &samples::generated(), 300);
    // Most bytes of a small file are metadata with a checksum.
    assert!(refused > 3000, "{refused} of 10000 refused");
}

/// What a migration makes of it is what was planned, or it is refused.
#[test]
fn a_flipped_byte_does_not_spoil_a_migration() {
    let _turn = turn();
    let mut random = Random(0x6d69_6772);
    let samples = samples::generated();
    let mut migrated = 0;
    for (name, bytes) in samples.iter().take(3).cycle().take(150) {
        let (what, bytes) = random.flip(name, bytes);
        migrated += usize::from(bounded(&what, || migrate(&bytes)).is_some());
    }
    assert!(migrated > 25, "{migrated} of 150 migrated");
}

#[test]
fn zeroed_blocks_are_read_or_refused() {
    let _turn = turn();
    let mut random = Random(0x7a65_726f);
    let (small, mera) = (samples::small(), samples::generated());
    for (name, bytes) in small.iter().cycle().take(300).chain(mera.iter().cycle().take(100)) {
        let _ = memory(random.blank(name, bytes));
    }
}

#[test]
fn bytes_behind_the_end_are_no_matter() {
    let _turn = turn();
    for (name, mut bytes) in samples::small() {
        bytes.extend([0xff; 5000]);
        memory((name, bytes)).unwrap();
    }
}

#[test]
fn what_is_no_file_is_refused() {
    let _turn = turn();
    let dir = tempfile::tempdir().unwrap();
    let say = |path: &Path| {
        let opened = open(&path.display().to_string(), || Source::open(path));
        opened.unwrap_err().to_string()
    };
    let path = |name: &str| dir.path().join(name);
    // What cannot be opened has no byte that could be named.
    let unopened = |path: &Path| {
        let error = Source::open(path).unwrap_err();
        assert_eq!(error.offset(), None, "{error}");
        error.to_string()
    };
    assert!(unopened(&path("none")).contains("No such file"));
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
    assert!(unopened(&loop_a).contains("symbolic links"));
    let never_closed = "its writer was killed before the file was closed";
    for (name, text, said) in [
        ("text", "hello\n".repeat(1000), "not a JLD2 file"),
        ("zeros", "\0".repeat(5000), never_closed),
    ] {
        std::fs::write(path(name), text).unwrap();
        assert!(say(&path(name)).contains(said));
    }
}

#[test]
fn files_of_others_are_read_or_refused() {
    let _turn = turn();
    let Some(shared) = shared() else { return };
    let mut refused = Vec::new();
    for path in files(&shared.join("corpus/files"), &[".jld2", ".jld", ".bak"]) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if let Err(error) = open(&name, || Source::open(&path)) {
            let jld1 = Path::new(&name).extension().is_some_and(|e| e == "jld");
            assert_eq!(jld1, error.to_string().contains("JLD.jl"), "{name}: {error}");
            refused.push(name);
        }
    }
    // Four of JLD.jl, four whose ends are zeros.
    assert_eq!(refused.len(), 8, "{refused:?}");
}
