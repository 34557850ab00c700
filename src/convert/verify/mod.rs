//! Whether an output is what was planned, before it gets its name.

#[cfg(feature = "hdf5")]
mod boxes;
#[cfg(feature = "hdf5")]
mod hdf5;

use super::converter::{Planned, read_failure};
use super::{Failure, Fault, Observer, Options, Phase, VerifyLevel};
use crate::h5::{self, File, Region, RelAddr, Source};
use crate::julia::{Digest, Dumper, TypeTable, datasets};
use crate::migrate::target::Target;
use crate::migrate::{Request, plan_and_map};
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
    /// What is worth telling of the check.
    pub(super) remarks: Vec<String>,
}

/// What the output must hold. Taken before the input changes, if it is changed in place.
pub(super) struct Expected {
    /// By path.
    datasets: Vec<Linked>,
}

/// A linked dataset of the output.
struct Linked {
    path: String,
    /// Where it is in the input; none if this link to it is new.
    old: Option<RelAddr>,
    /// Digest of the value if contents are compared.
    value: Option<u128>,
}

impl Expected {
    /// What the plan for the input at `path` makes of its datasets.
    pub(super) fn of(
        path: &Path,
        planned: &Planned,
        level: VerifyLevel,
        observer: &dyn Observer,
    ) -> Result<Self, Failure> {
        let failed = |e: h5::Error| read_failure(path, &e);
        if level == VerifyLevel::None {
            return Ok(Self { datasets: Vec::new() });
        }
        let migration = &planned.migration;
        let types = TypeTable::with_renames(&planned.file, migration.renames.clone());
        let tick = Ticker::new(migration.survey.payload_bytes, observer);
        let tick = |bytes| tick.tick(bytes);
        let dumper = Dumper::new(&types, Digest::Xxh3)
            .with_overrides(&migration.overrides)
            .with_progress(&tick);
        let mut out = Vec::new();
        for (name, addr) in datasets(&planned.file).map_err(failed)? {
            let value = match level {
                VerifyLevel::None | VerifyLevel::Structure => None,
                VerifyLevel::Content | VerifyLevel::Hdf5 => {
                    Some(digest(&dumper, addr).map_err(|e| failed(e.in_object(&name)))?)
                }
            };
            out.push(Linked { path: name, old: Some(addr), value });
        }
        // These lead to objects whose values are compared where they were linked before; that they
        // lead there is known when the output needs no more links.
        let added = migration.links.iter();
        out.extend(added.map(|path| Linked { path: path.clone(), old: None, value: None }));
        out.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { datasets: out })
    }
}

/// Checks the output in `file` against what is expected of it.
pub(super) fn check(
    path: &Path,
    planned: &Planned,
    expected: &Expected,
    file: &std::fs::File,
    target: &Target,
    options: &Options,
    observer: &dyn Observer,
) -> Result<Checked, Failure> {
    let level = options.verify;
    let bad = |what: String| Failure::new(Fault::Verify, format!("{}: {what}", path.display()));
    let io = |e: io::Error| bad(format!("the output cannot be read back: {e}"));
    let bytes = file.metadata().map_err(io)?.len();
    if level == VerifyLevel::None {
        return Ok(Checked { bytes, digest: None, remarks: Vec::new() });
    }
    let handle = file.try_clone().map_err(io)?;
    let output = Source::from_file(handle)
        .and_then(File::from_source)
        .map_err(|e| bad(format!("the output is damaged: {e}")))?;
    structure(planned, expected, &output, bytes, target).map_err(bad)?;
    let digest = match level {
        VerifyLevel::None | VerifyLevel::Structure => None,
        VerifyLevel::Content | VerifyLevel::Hdf5 => {
            Some(content(path, planned, expected, &output, observer)?)
        }
    };
    let remarks = match level {
        VerifyLevel::Hdf5 => reread((path, planned), &output, file, options.hdf5_limit, observer)?,
        VerifyLevel::None | VerifyLevel::Structure | VerifyLevel::Content => Vec::new(),
    };
    Ok(Checked { bytes, digest, remarks })
}

/// All invariants and checksums hold, no two objects share bytes, the linked datasets are the
/// planned ones, and nothing is left to be done.
fn structure(
    planned: &Planned,
    expected: &Expected,
    output: &File,
    bytes: u64,
    target: &Target,
) -> Result<(), String> {
    let damaged = |e: h5::Error| format!("the output is damaged: {e}");
    if !planned.rewritten {
        let Some(edits) = &planned.migration.edits else {
            if bytes != planned.identity.len {
                return Err(format!("the copy has {bytes} of {} bytes", planned.identity.len));
            }
            return Ok(());
        };
        if bytes != edits.new_len() {
            return Err(format!("the output has {bytes} bytes, planned were {}", edits.new_len()));
        }
    }
    if output.superblock().end_of_file != bytes {
        let end = output.superblock().end_of_file;
        return Err(format!("the output has {bytes} bytes, but says it ends at {end}"));
    }
    let mut regions = Vec::new();
    let request = Request { flat_links: planned.flat_links, ..Request::default() };
    let again = plan_and_map(output, target, &request, Some(&mut regions));
    let again = again.map_err(|e| format!("the output: {e}"))?;
    disjoint(regions)?;
    let new = datasets(output).map_err(damaged)?;
    if expected.datasets.len() != new.len() {
        return Err(format!("{} datasets became {}", expected.datasets.len(), new.len()));
    }
    let end = planned.file.superblock().end_of_file;
    for (Linked { path: old_path, old, .. }, (new_path, new_addr)) in
        expected.datasets.iter().zip(&new)
    {
        if old_path != new_path {
            return Err(format!("dataset {old_path} became {new_path}"));
        }
        let Some(old_addr) = old else { continue };
        let replaced = planned.migration.overrides.objects.contains_key(old_addr);
        let appended = output.offset(*new_addr, "dataset").map_err(damaged)? >= end;
        let stayed = old_addr == new_addr;
        if !planned.rewritten && (replaced != appended || !(replaced || stayed)) {
            return Err(format!("dataset {old_path} was to stay at {old_addr}, not at {new_addr}"));
        }
    }
    if again.edits.is_some() || (planned.rewritten && again.rewrite.is_some()) {
        let left = again.findings.first().map(ToString::to_string).unwrap_or_default();
        return Err(format!("the output still needs changes: {left}"));
    }
    Ok(())
}

fn disjoint(mut regions: Vec<Region>) -> Result<(), String> {
    regions.sort_by_key(|r| (r.start, r.end));
    for pair in regions.windows(2) {
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

/// Counts bytes for an observer.
struct Ticker<'a> {
    done: Cell<u64>,
    total: u64,
    observer: &'a dyn Observer,
}

impl<'a> Ticker<'a> {
    fn new(total: u64, observer: &'a dyn Observer) -> Self {
        Self { done: Cell::new(0), total, observer }
    }

    fn tick(&self, bytes: u64) -> h5::Result<()> {
        self.done.set(self.done.get() + bytes);
        self.observer.progress(Phase::Verify, self.done.get().min(self.total), self.total);
        if self.observer.cancelled() { Err(h5::Error::cancelled()) } else { Ok(()) }
    }
}

/// Every value of the output is the input's, or what a rule makes of it.
fn content(
    path: &Path,
    planned: &Planned,
    expected: &Expected,
    output: &File,
    observer: &dyn Observer,
) -> Result<String, Failure> {
    let tick = Ticker::new(planned.migration.survey.payload_bytes, observer);
    let tick = |bytes| tick.tick(bytes);
    let types = TypeTable::new(output);
    let dumper = Dumper::new(&types, Digest::Xxh3).with_progress(&tick);
    let failed = |e: h5::Error| output_failure(path, &e);
    let mut all = Xxh3::new();
    let outputs = datasets(output).map_err(failed)?;
    for (Linked { path: name, old, value: before }, (_, addr)) in
        expected.datasets.iter().zip(&outputs)
    {
        if old.is_none() {
            continue;
        }
        let after = digest(&dumper, *addr).map_err(|e| failed(e.in_object(name)))?;
        if *before != Some(after) {
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

/// Something in the output is not as it must be.
fn output_failure(path: &Path, error: &h5::Error) -> Failure {
    let Failure { fault, message, .. } = read_failure(path, error);
    let fault = match fault {
        Fault::Input => Fault::Verify,
        Fault::Read => Fault::Output,
        other => other,
    };
    Failure::new(fault, format!("in the output: {message}"))
}

/// Reads the output through libhdf5.
#[cfg(feature = "hdf5")]
fn reread(
    (path, planned): (&Path, &Planned),
    output: &File,
    file: &std::fs::File,
    limit: u64,
    observer: &dyn Observer,
) -> Result<Vec<String>, Failure> {
    let tick = Ticker::new(planned.migration.survey.payload_bytes, observer);
    hdf5::compare(output, file, limit, &|bytes| tick.tick(bytes))
        .map_err(|e| output_failure(path, &e))
}

/// A build without libhdf5 refuses before it comes to this.
#[cfg(not(feature = "hdf5"))]
fn reread(
    _: (&Path, &Planned),
    _: &File,
    _: &std::fs::File,
    _: u64,
    _: &dyn Observer,
) -> Result<Vec<String>, Failure> {
    Err(Failure::new(Fault::Internal, "a build without libhdf5 was asked to read through it"))
}

/// Digest of the canonical form of one value.
pub(super) fn digest(dumper: &Dumper<'_>, addr: RelAddr) -> h5::Result<u128> {
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
