//! Tells whether a file that has an output's name already is that output.
//!
//! A conversion in patch mode can be foretold to the byte: the input with its edits laid over it is
//! what the output must be, so metadata are compared by their digest and payloads, where asked for,
//! byte for byte. Of a rewrite the values can be foretold, not the layout.

use super::planned::{Planned, read_failure};
use super::verify::{self, Check, Expected, MadeBy};
use super::{Claim, ClaimedFile, Compress, Converter, Failure, FailureKind, FileReport, Job, Mode};
use super::{Observer, Phase, Recipe, VerifyLevel};
use crate::codec::ids;
use crate::convert::publish::Destination;
use crate::h5::{self, Checksums, File, Source, metadata_digest};
use crate::julia::{Digest, Dumper, TypeTable, readable};
use crate::migrate::{Request, plan_for};
use crate::sys::dir::Missing;
use crate::sys::readback::forget;
use crate::sys::stat::StatData;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::fs;
use std::io;
use std::path::Path;

/// Payloads are compared in pieces of this many bytes.
const PIECE: usize = 1 << 20;
/// Arrays of more elements are compared by their type, shape and first elements, unless all of the
/// payload is.
const SMALL: u64 = 512;

/// How far an output is compared with what its input gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Depth {
    /// All but the bytes of large payloads.
    Metadata,
    /// All.
    Payload,
}

/// What is to be found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Digest of the input's metadata.
    pub input_digest: bool,
    /// Digest of the output's metadata.
    pub output_digest: bool,
    /// Whether the output is what the input gives, and how far that is looked into.
    pub compare: Option<Depth>,
    /// The mode in which the output was made, where a claim tells.
    pub made: Option<Mode>,
}

/// What was found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examined {
    /// The input; without a digest where none was wanted or none could be taken.
    pub input: ClaimedFile,
    /// The output.
    pub output: ClaimedFile,
    /// Whether they belong together; where they do not, in what they differ.
    pub compared: Option<Result<Claim, String>>,
}

/// What came of checking an output at a higher level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recheck {
    /// It passed.
    Held(Claim),
    /// It did not, for this reason, and was made again.
    Remade(FileReport, String),
}

/// The two files of a job, open.
struct Pair {
    input: fs::File,
    output: fs::File,
}

impl Converter {
    /// Looks into the files of `job`; nothing is written.
    ///
    /// # Errors
    /// One cannot be read; where they are to be compared, the input cannot be converted.
    pub fn examine(
        &self,
        job: &Job,
        wanted: &Wanted,
        observer: &dyn Observer,
    ) -> Result<Examined, Failure> {
        observer.progress(Phase::Plan, 0, 1);
        let pair = open(job)?;
        let checksums = self.options().checksums();
        let digest =
            |path: &Path, file: &fs::File, wanted: Option<Checksums>| -> Result<_, Failure> {
                let failed = |e: io::Error| {
                    Failure::new(FailureKind::Input, format!("{}: {e}", path.display()))
                };
                let stat = StatData::of(file).map_err(failed)?;
                let handle = file.try_clone().map_err(failed)?;
                // A file that cannot be read through is like no other.
                let digest = wanted.and_then(|checksums| {
                    let source = Source::from_file(handle).ok()?;
                    metadata_digest(&File::with_checksums(source, checksums).ok()?).ok()
                });
                Ok(ClaimedFile { path: path.to_string_lossy().into_owned(), stat, digest })
            };
        let input = digest(&job.input, &pair.input, wanted.input_digest.then_some(checksums))?;
        let output =
            digest(&job.output, &pair.output, wanted.output_digest.then_some(Checksums::Trusted))?;
        let compared = match wanted.compare {
            Some(depth) => Some(self.compare(job, &pair, (wanted.made, depth), observer)?),
            None => None,
        };
        Ok(Examined { input, output, compared })
    }

    /// Checks an output that was `made` in this mode and passed a lower level at the one that is asked
    /// for. One that does not pass is made again.
    ///
    /// # Errors
    /// As [`Converter::convert`].
    pub fn recheck(
        &self,
        job: &Job,
        made: Mode,
        existing: &super::publish::Existing,
        observer: &dyn Observer,
    ) -> Result<Recheck, Failure> {
        let level = self.options().verify.unwrap_or(VerifyLevel::Structure);
        let depth = if level <= VerifyLevel::Structure { Depth::Metadata } else { Depth::Payload };
        let pair = open(job)?;
        if depth == Depth::Payload {
            // It is the disk that is checked, not what the kernel remembers.
            forget(&pair.output);
        }
        let mut found = self.compare(job, &pair, (Some(made), depth), observer)?;
        if found.is_ok() && level == VerifyLevel::Hdf5 {
            found = match self.reread(job, &pair, observer) {
                Ok(()) => found,
                Err(failure) if failure.fault == FailureKind::Verify => Err(failure.message),
                Err(failure) => return Err(failure),
            };
        }
        match found {
            Ok(fresh) => Ok(Recheck::Held(Claim { verify: level, ..fresh })),
            Err(why) => {
                let why = format!("did not pass the check that was asked for now: {why}");
                self.convert_over(job, existing, observer)
                    .map(|report| Recheck::Remade(report, why))
            }
        }
    }

    /// Checks what libhdf5 reads.
    fn reread(&self, job: &Job, pair: &Pair, observer: &dyn Observer) -> Result<(), Failure> {
        let (path, level) = (job.input.as_path(), VerifyLevel::Hdf5);
        let planned = &self.plan_whole(path)?;
        let threads = self.options().threads.max(1);
        let expected = &Expected::of(path, planned, level, false, threads, None, observer)?;
        let made_by = &MadeBy::InPlace;
        let (target, hdf5_limit) = (self.target(), self.options().hdf5_limit);
        Check { path, planned, expected, made_by, target, level, hdf5_limit, threads, observer }
            .reread_values(&pair.output)
    }

    /// Whether the output is what the input gives.
    fn compare(
        &self,
        job: &Job,
        pair: &Pair,
        (made, depth): (Option<Mode>, Depth),
        observer: &dyn Observer,
    ) -> Result<Result<Claim, String>, Failure> {
        let planned = self.plan_whole(&job.input)?;
        let chosen = self.mode(&job.input, &planned)?;
        let mode = made.unwrap_or(chosen);
        let failed = |e: h5::Error| read_failure(&job.input, &e);
        let broken = |path: &Path, e: io::Error| {
            Failure::new(FailureKind::Input, format!("{}: {e}", path.display()))
        };
        let input = pair.input.try_clone().map_err(|e| broken(&job.input, e))?;
        let output = pair.output.try_clone().map_err(|e| broken(&job.output, e))?;
        let stat = StatData::of(&output).map_err(|e| broken(&job.output, e))?;
        let expected = expected(&planned, input, self.options().checksums()).map_err(failed)?;
        let found = match Source::from_file(output).and_then(File::from_source) {
            Ok(found) => found,
            Err(error) => return Ok(Err(format!("it is not what the input gives: {error}"))),
        };
        let tick = Ticker::new(expected.source().len(), observer);
        let compared = if mode == Mode::Rewrite {
            self.same_values(&expected, &found, depth, &tick)
        } else {
            same_bytes(&expected, &found, depth, &tick)
        };
        if let Err(difference) = compared {
            return match difference {
                Difference::Told(what) => Ok(Err(what)),
                Difference::Failed(failure) => Err(failure),
                Difference::Expected(error) => Err(failed(error)),
            };
        }
        let claimed = |path: &Path, stat: StatData, digest: Option<String>| ClaimedFile {
            path: path.to_string_lossy().into_owned(),
            stat,
            digest,
        };
        let digest = planned.digest.clone().or_else(|| metadata_digest(&planned.file).ok());
        Ok(Ok(Claim {
            input: claimed(&job.input, planned.stat, digest),
            output: Some(claimed(&job.output, stat, metadata_digest(&found).ok())),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            recipe: Recipe { mode, ..self.recipe().clone() },
            verify: match depth {
                Depth::Metadata => VerifyLevel::Structure,
                Depth::Payload => VerifyLevel::Content,
            },
        }))
    }

    /// Whether all datasets are there with the right types, shapes and values, in the encoding that
    /// is asked for, and nothing is left to be done.
    fn same_values(
        &self,
        expected: &File,
        found: &File,
        depth: Depth,
        tick: &Ticker<'_>,
    ) -> Result<(), Difference> {
        let odd = |e: h5::Error| Difference::Told(format!("it is damaged: {e}"));
        // Codec objects are among the values that are compared.
        // A rewrite chooses layouts itself.
        let request = Request { flat_links: self.options().flat_links, ..Request::default() };
        let again = plan_for(found, self.target(), &request)
            .map_err(|e| Difference::Told(format!("it is not what a conversion gives: {e}")))?;
        if again.edits.is_some() || again.rewrite.is_some() {
            return Err(Difference::Told("it needs changes itself".to_owned()));
        }
        if let Some(wanted) = filter_of(self.options().compress) {
            let strange =
                again.survey.filters.iter().find(|(filter, ..)| !wanted.contains(&filter.id));
            if let Some((filter, _, path)) = strange {
                let what = format!("{path} is stored with filter {}, not as asked", filter.id);
                return Err(Difference::Told(what));
            }
        }
        let left = readable(expected).map_err(Difference::Expected)?;
        let right = readable(found).map_err(odd)?;
        if left.len() != right.len() {
            let what = format!("it has {} datasets, not {}", right.len(), left.len());
            return Err(Difference::Told(what));
        }
        let (of_left, of_right) = (TypeTable::new(expected), TypeTable::new(found));
        let tick = |bytes| tick.tick(bytes);
        let dumper = |types| {
            let dumper = Dumper::new(types, Digest::Xxh3).with_progress(&tick);
            if depth == Depth::Payload { dumper } else { dumper.abridged(SMALL) }
        };
        let (on_left, on_right) = (dumper(&of_left), dumper(&of_right));
        for (left, right) in left.iter().zip(&right) {
            let left = left.map_err(Difference::Expected)?;
            let right = right.map_err(odd)?;
            let (path, other) = (left.path, right.path);
            if path != other {
                return Err(Difference::Told(format!("it has {other} in the place of {path}")));
            }
            let want = verify::digest(&on_left, left.addr).map_err(Difference::Expected)?;
            if verify::digest(&on_right, right.addr).map_err(odd)? != want {
                return Err(Difference::Told(format!("{path} has another value")));
            }
        }
        Ok(())
    }
}

/// Opens both files of a job. What has the output's name must be a regular file itself.
fn open(job: &Job) -> Result<Pair, Failure> {
    let source = Source::open(&job.input).map_err(|e| read_failure(&job.input, &e))?;
    let input = source.file().map(fs::File::try_clone);
    let Some(Ok(input)) = input else {
        return Err(Failure::new(FailureKind::Internal, "an input without a file"));
    };
    let bad = |e: String| Failure::new(FailureKind::Output, e);
    let to = Destination::of(&job.output, &job.temp_dir, Missing::Fail);
    let output = to.and_then(|to| to.open_there());
    Ok(Pair { input, output: output.map_err(|e| bad(e.to_string()))? })
}

/// The input as a conversion without a new layout would leave it.
fn expected(planned: &Planned, input: fs::File, checksums: Checksums) -> h5::Result<File> {
    File::with_checksums(planned.edited(Source::from_file(input)?), checksums)
}

/// Why two files do not belong together, or why that cannot be told.
enum Difference {
    /// What differs.
    Told(String),
    /// The input cannot be read.
    Expected(h5::Error),
    Failed(Failure),
}

fn same_bytes(
    expected: &File,
    found: &File,
    depth: Depth,
    tick: &Ticker<'_>,
) -> Result<(), Difference> {
    let [want, have] = [expected, found].map(|file| file.source().len());
    if want != have {
        return Err(Difference::Told(format!("it has {have} bytes, not {want}")));
    }
    let want = metadata_digest(expected).map_err(Difference::Expected)?;
    match metadata_digest(found) {
        Ok(have) if have == want => {}
        Ok(_) => return Err(Difference::Told("it describes other data".to_owned())),
        Err(error) => return Err(Difference::Told(format!("it is damaged: {error}"))),
    }
    if depth == Depth::Metadata {
        return Ok(());
    }
    let mut buffers = [vec![0; PIECE], vec![0; PIECE]];
    let (len, mut at) = (expected.source().len(), 0);
    while at < len {
        let count = usize::try_from(len - at).unwrap_or(usize::MAX).min(PIECE);
        let [a, b] = &mut buffers;
        let (Some(a), Some(b)) = (a.get_mut(..count), b.get_mut(..count)) else { break };
        expected
            .source()
            .read_exact_at(at, a)
            .map_err(|e| Difference::Expected(h5::Error::io(at, e)))?;
        found.source().read_exact_at(at, b).map_err(|e| {
            let what = format!("the output at byte {at}: {e}");
            Difference::Failed(Failure::new(FailureKind::Output, what))
        })?;
        if let Some(place) = a.iter().zip(b.iter()).position(|(a, b)| a != b) {
            let what = format!("byte {} differs", at + place as u64);
            return Err(Difference::Told(what));
        }
        at += count as u64;
        tick.tick(count as u64).map_err(Difference::Expected)?;
    }
    Ok(())
}

/// The filters that columns may have where this codec was asked for.
fn filter_of(compress: Compress) -> Option<Vec<u16>> {
    let own = match compress {
        Compress::Keep => return None,
        Compress::None => return Some(Vec::new()),
        Compress::Lz4 | Compress::Lz4Frame => ids::LZ4,
        Compress::Zstd(_) => ids::ZSTD,
        Compress::Deflate(_) => ids::DEFLATE,
    };
    Some(vec![own, ids::SHUFFLE])
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
