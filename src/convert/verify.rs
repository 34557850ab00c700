//! Whether an output is what was planned, before it gets its name.

use super::converter::{Planned, read_failure};
use super::{Failure, Fault, Observer, Phase, VerifyLevel};
use crate::h5::{self, File, Region, RelAddr, Source, Trace, Visitor};
use crate::julia::{Digest, Dumper, TypeTable, datasets};
use crate::migrate::plan;
use crate::migrate::target::Target;
use std::cell::Cell;
use std::io::{self, Write};
use std::path::Path;
use xxhash_rust::xxh3::Xxh3;

/// An output that passed.
pub(super) struct Checked {
    /// Its size in bytes.
    pub(super) bytes: u64,
    /// Digest of all its logical values, if they were compared.
    pub(super) digest: Option<String>,
}

/// Checks the output in `file` against the plan for the input at `path`.
pub(super) fn check(
    path: &Path,
    planned: &Planned,
    file: &std::fs::File,
    target: &Target,
    level: VerifyLevel,
    observer: &dyn Observer,
) -> Result<Checked, Failure> {
    let bad = |what: String| Failure::new(Fault::Verify, format!("{}: {what}", path.display()));
    let io = |e: io::Error| bad(format!("the output cannot be read back: {e}"));
    let bytes = file.metadata().map_err(io)?.len();
    if level == VerifyLevel::None {
        return Ok(Checked { bytes, digest: None });
    }
    let handle = file.try_clone().map_err(io)?;
    let output = Source::from_file(handle)
        .and_then(File::from_source)
        .map_err(|e| bad(format!("the output is damaged: {e}")))?;
    structure(planned, &output, bytes, target).map_err(bad)?;
    let digest = match level {
        VerifyLevel::None | VerifyLevel::Structure => None,
        VerifyLevel::Content | VerifyLevel::Hdf5 => {
            Some(content(path, planned, &output, observer)?)
        }
    };
    Ok(Checked { bytes, digest })
}

/// All invariants and checksums hold, no two objects share bytes, the linked objects are the
/// planned ones, and nothing is left to be done.
fn structure(
    planned: &Planned,
    output: &File,
    bytes: u64,
    target: &Target,
) -> Result<(), String> {
    let damaged = |e: h5::Error| format!("the output is damaged: {e}");
    let Some(edits) = &planned.migration.edits else {
        if bytes != planned.identity.len {
            return Err(format!("the copy has {bytes} of {} bytes", planned.identity.len));
        }
        return Ok(());
    };
    if bytes != edits.new_len() || output.superblock().end_of_file != bytes {
        return Err(format!(
            "the output has {bytes} bytes and an end of file at {}, planned were {}",
            output.superblock().end_of_file,
            edits.new_len()
        ));
    }
    let mut regions = Regions(Vec::new());
    Trace::run(output, &mut regions).map_err(damaged)?;
    regions.check()?;
    let old = datasets(&planned.file).map_err(|e| format!("the input cannot be read again: {e}"))?;
    let new = datasets(output).map_err(damaged)?;
    let end = planned.file.superblock().end_of_file;
    if old.len() != new.len() {
        return Err(format!("{} datasets became {}", old.len(), new.len()));
    }
    for ((old_path, old_addr), (new_path, new_addr)) in old.iter().zip(&new) {
        if old_path != new_path {
            return Err(format!("dataset {old_path} became {new_path}"));
        }
        let replaced = planned.migration.overrides.objects.contains_key(old_addr);
        let appended = output.offset(*new_addr, "dataset").map_err(damaged)? >= end;
        if replaced != appended || !(replaced || old_addr == new_addr) {
            return Err(format!("dataset {old_path} was to stay at {old_addr}, not at {new_addr}"));
        }
    }
    let again = plan(output, target, false).map_err(|e| format!("the output: {e}"))?;
    if again.edits.is_some() {
        let left = again.findings.first().map(ToString::to_string).unwrap_or_default();
        return Err(format!("the output still needs changes: {left}"));
    }
    Ok(())
}

/// Collects which bytes are in use.
struct Regions(Vec<Region>);

impl Visitor for Regions {
    fn region(&mut self, region: Region) -> h5::Result<()> {
        self.0.push(region);
        Ok(())
    }
}

impl Regions {
    fn check(mut self) -> Result<(), String> {
        self.0.sort_by_key(|r| (r.start, r.end));
        for pair in self.0.windows(2) {
            if let [a, b] = pair
                && b.start < a.end
            {
                return Err(format!(
                    "two objects share bytes: {:?} at {} to {}, {:?} at {}",
                    a.kind, a.start, a.end, b.kind, b.start
                ));
            }
        }
        Ok(())
    }
}

/// Every value of the output is the input's, or what a rule makes of it.
fn content(
    path: &Path,
    planned: &Planned,
    output: &File,
    observer: &dyn Observer,
) -> Result<String, Failure> {
    let migration = &planned.migration;
    let total = 2 * migration.survey.payload_bytes;
    let done = Cell::new(0_u64);
    let tick = |bytes: u64| {
        done.set(done.get() + bytes);
        observer.progress(Phase::Verify, done.get().min(total), total);
        if observer.cancelled() { Err(h5::Error::cancelled()) } else { Ok(()) }
    };
    let old_types = TypeTable::with_renames(&planned.file, migration.renames.clone());
    let old = Dumper::new(&old_types, Digest::Xxh3)
        .with_overrides(&migration.overrides)
        .with_progress(&tick);
    let new_types = TypeTable::new(output);
    let new = Dumper::new(&new_types, Digest::Xxh3).with_progress(&tick);
    let in_input = |e: h5::Error| read_failure(path, &e);
    let in_output = |e: h5::Error| {
        let Failure { fault, message, .. } = read_failure(path, &e);
        let fault = if fault == Fault::Input { Fault::Verify } else { fault };
        Failure::new(fault, format!("in the output: {message}"))
    };
    let mut all = Xxh3::new();
    let paths = datasets(&planned.file).map_err(in_input)?;
    let outputs = datasets(output).map_err(in_output)?;
    for ((name, addr), (_, new_addr)) in paths.iter().zip(&outputs) {
        let before = digest(&old, *addr).map_err(|e| in_input(e.in_object(name)))?;
        let after = digest(&new, *new_addr).map_err(|e| in_output(e.in_object(name)))?;
        if before != after {
            return Err(Failure::new(
                Fault::Verify,
                format!("{}: {name}: the output holds another value than planned", path.display()),
            ));
        }
        all.update(name.as_bytes());
        all.update(&after.to_le_bytes());
    }
    Ok(format!("{:032x}", all.digest128()))
}

/// Digest of the canonical form of one value.
fn digest(dumper: &Dumper<'_>, addr: RelAddr) -> h5::Result<u128> {
    let mut out = io::BufWriter::with_capacity(16 << 10, Hashed(Xxh3::new()));
    dumper.node(addr, &mut out)?;
    let hashed = out.into_inner().map_err(|e| h5::Error::output(e.into_error()))?;
    Ok(hashed.0.digest128())
}

struct Hashed(Xxh3);

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
