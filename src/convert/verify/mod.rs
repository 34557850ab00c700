//! Checks whether an output is what was planned, before it gets its name.
//!
//! | level | what is compared |
//! |---|---|
//! | `none` | nothing; the output can be read ([`walk`]) |
//! | `structure` | all metadata with the plan ([`metadata`], [`graph`]), linked datasets with those of the input ([`form`]) |
//! | `bytes` | what the disk gives back with what was written ([`bytes`]) |
//! | `content` | all values with the input's, as the rules change them ([`content`]) |
//! | `hdf5` | what libhdf5 reads with what we read |

#[cfg(feature = "hdf5")]
mod boxes;
mod bytes;
mod content;
mod expected;
mod form;
mod graph;
#[cfg(feature = "hdf5")]
mod hdf5;
mod known;
mod laid_out;
mod linked;
mod metadata;
mod structure;
mod walk;

use self::bytes::{Problem, Replaced};
use self::expected::{Ticker, old};
use self::known::Unlike;
use self::linked::LinkedOnce;
use self::structure::Structure;
use super::beside::{self, Aside};
use super::planned::{Planned, read_failure};
use super::{Failure, FailureKind, Observer, VerifyLevel};
use crate::h5::{self, File, Source};
use crate::julia::{Digest, Dumper, Paths, TypeTable};
use crate::migrate::target::Target;
use crate::migrate::{LargeColumns, Readers};
use crate::sys::readback::forget;
use crate::sys::sums::Stretch;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

pub(super) use self::content::digest;
pub(super) use self::expected::Expected;
pub(super) use self::laid_out::{same_file, written_back};

/// An output that passed.
pub(super) struct Checked {
    /// Its size in bytes.
    pub(super) bytes: u64,
    /// Digest of all its logical values, if they were compared.
    pub(super) digest: Option<String>,
    /// What is worth telling of the check.
    pub(super) remarks: Vec<String>,
    /// What readers that are built on HDF5 make of it.
    pub(super) readers: Readers,
    /// Digest of its metadata, if it is another file than the input and not a copy of it, and if it
    /// could be taken.
    pub(super) metadata: Option<String>,
}

/// How the output came to be: what its bytes are held against.
#[derive(Debug)]
pub(super) enum MadeBy {
    /// Copied, then edited. With digests of the input's bytes if they were made on the way.
    Copy { sums: Vec<Stretch> },
    /// Laid out again: digests of what was written from front to end, and the bytes that were put
    /// over its beginning, which had been zeros, at the end.
    Rewrite { sums: Vec<Stretch>, head: Vec<u8> },
    /// The input itself, edited.
    InPlace,
}

/// The check of one output.
#[derive(Clone, Copy)]
pub(super) struct Check<'a> {
    /// The input's path.
    pub(super) path: &'a Path,
    pub(super) planned: &'a Planned,
    pub(super) expected: &'a Expected,
    pub(super) made_by: &'a MadeBy,
    pub(super) target: &'a Target,
    pub(super) level: VerifyLevel,
    /// See [`Options::hdf5_limit`](super::Options::hdf5_limit).
    pub(super) hdf5_limit: u64,
    /// Threads that may compare values.
    pub(super) threads: usize,
    pub(super) observer: &'a dyn Observer,
}

impl Check<'_> {
    /// Checks the output in `file`, which is synced.
    pub(super) fn run(&self, file: &fs::File) -> Result<Checked, Failure> {
        let level = self.level;
        let io = |e: io::Error| self.bad(format!("the output cannot be read back: {e}"));
        let bytes = file.metadata().map_err(io)?.len();
        if level >= VerifyLevel::Bytes {
            // First of all: what is read of the metadata afterwards is what the disk holds, not what
            // the kernel remembers having written.
            self.bytes(file, bytes)?;
        }
        let handle = file.try_clone().map_err(io)?;
        let output = Source::from_file(handle)
            .and_then(|source| self.open(source))
            .map_err(|e| self.bad(format!("the output is damaged: {e}")))?;
        self.length(&output, bytes).map_err(|what| self.bad(what))?;
        if level == VerifyLevel::None {
            let walk = walk::walk(&output, self.along(&output));
            let (along, readers) = walk.map_err(|what| self.bad(what))?;
            let (digest, metadata) = (None, along.digest());
            self.disjoint(along.into_regions()).map_err(|what| self.bad(what))?;
            return Ok(Checked { bytes, digest, remarks: Vec::new(), readers, metadata });
        }
        let types = match self.made_by {
            MadeBy::Rewrite { .. } => TypeTable::new(&output),
            MadeBy::Copy { .. } | MadeBy::InPlace => {
                TypeTable::revised(&output, Arc::clone(&self.planned.types))
            }
        };
        let linked = &LinkedOnce::default();
        let values = level >= VerifyLevel::Content;
        let beside = values && beside::is_worth_it(self.planned, self.threads);
        let structure = || match self.same_file(&output)? {
            Some(same) => Ok(same),
            None => self.structure(&types, file, (linked, !beside)),
        };
        let (Structure { readers, columns, metadata }, digest) = if beside {
            let (structure, digest) = self.beside(&output, linked, structure)?;
            (structure, Some(digest))
        } else {
            (structure()?, None)
        };
        let digest = match digest {
            None if values => Some(self.content(&types, linked, &columns, None)?),
            digest => digest,
        };
        let remarks = match level {
            VerifyLevel::Hdf5 => self.reread(&output, file)?,
            _ => Vec::new(),
        };
        Ok(Checked { bytes, digest, remarks, readers, metadata })
    }

    /// Checks the structure, and all values beside it. They are read through another cache, so that
    /// neither waits for the other.
    fn beside<T>(
        &self,
        output: &File,
        linked: &LinkedOnce,
        structure: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<(T, String), Failure> {
        let aside = Aside::telling(self.observer);
        let check = Check { threads: 1, observer: &aside, ..*self };
        let values = || {
            let again = output.again();
            let again = again.map_err(|e| output_failure(self.path, &e))?;
            let types = TypeTable::new(&again);
            check.content(&types, linked, &LargeColumns::default(), Some(&aside))
        };
        aside.both(structure, &values)
    }

    /// Opens the output. What of it is as in the input, byte for byte, is not parsed again.
    fn open(&self, source: Source) -> h5::Result<File> {
        match self.made_by {
            MadeBy::Rewrite { .. } => File::from_source(source),
            MadeBy::Copy { .. } | MadeBy::InPlace => self.planned.file.revised(source),
        }
    }

    /// Checks only what values are read from the output, by us and through libhdf5.
    pub(super) fn reread_values(&self, file: &fs::File) -> Result<(), Failure> {
        let handle = file.try_clone().map_err(|e| self.bad(e))?;
        let output = Source::from_file(handle).and_then(File::from_source);
        let output = output.map_err(|e| self.bad(format!("the output is damaged: {e}")))?;
        let linked = LinkedOnce::default();
        self.content(&TypeTable::new(&output), &linked, &LargeColumns::default(), None)?;
        self.reread(&output, file).map(drop)
    }

    fn bad(&self, what: impl std::fmt::Display) -> Failure {
        // What could not be compared for want of the input is not a fault of the output.
        let unread = self.planned.file.source().read_error();
        let fault = match unread.map(|error| FailureKind::of_read(&error)) {
            Some(FailureKind::Read) => FailureKind::Read,
            _ => FailureKind::Verify,
        };
        Failure::new(fault, format!("{}: {what}", self.path.display()))
    }

    /// The output has the length that was planned, and says so itself.
    fn length(&self, output: &File, bytes: u64) -> Result<(), String> {
        let planned = self.planned;
        if !planned.rewritten {
            let Some(edits) = &planned.migration.edits else {
                if bytes != planned.identity.len {
                    return Err(format!("the copy has {bytes} of {} bytes", planned.identity.len));
                }
                return Ok(());
            };
            if bytes != edits.new_len() {
                let new_len = edits.new_len();
                return Err(format!("the output has {bytes} bytes, planned were {new_len}"));
            }
        }
        let end = output.superblock().end_of_file;
        if end != bytes {
            return Err(format!("the output has {bytes} bytes, but says it ends at {end}"));
        }
        Ok(())
    }

    /// The disk gives back what was written. In place others may work with the file: what they have
    /// in the cache stays, if values are not to be compared.
    fn bytes(&self, file: &fs::File, len: u64) -> Result<(), Failure> {
        let edits = self.planned.migration.edits.as_ref();
        let tick = Ticker::new(len, self.observer);
        let tick = |bytes| tick.tick(bytes);
        let result = match self.made_by {
            MadeBy::InPlace => {
                if self.level >= VerifyLevel::Content {
                    forget(file);
                }
                edits.map_or(Ok(()), |edits| bytes::edited(file, edits))
            }
            MadeBy::Rewrite { sums, head } => {
                let zeros = vec![0; head.len()];
                let replaced = [Replaced { offset: 0, old: &zeros, new: head }];
                let written = bytes::Written::Summed(sums, None);
                bytes::compare(file, len, &replaced, &[], written, &tick)
            }
            MadeBy::Copy { sums } => {
                let input = self.planned.file.source().file();
                let written = match input {
                    Some(input) if sums.is_empty() => bytes::Written::Of(input),
                    _ => bytes::Written::Summed(sums, input),
                };
                let replaced: Vec<_> = edits
                    .iter()
                    .flat_map(|edits| edits.replace())
                    .map(|r| Replaced { offset: r.offset, old: &r.old, new: &r.new })
                    .collect();
                let Some(edits) = edits else {
                    return self.told(bytes::compare(file, len, &replaced, &[], written, &tick));
                };
                let copied = edits.append_at();
                match edits.append().held() {
                    Some(held) => bytes::compare(file, copied, &replaced, held, written, &tick),
                    None => bytes::compare(file, copied, &replaced, &[], written, &tick)
                        .and_then(|()| bytes::appended(file, edits, &tick)),
                }
            }
        };
        self.told(result)
    }

    fn told(&self, result: Result<(), Problem>) -> Result<(), Failure> {
        result.map_err(|problem| match problem {
            Problem::Differs(at, what) => match at.and_then(|at| self.owner(at)) {
                Some(object) => self.bad(format!("{object}: {what}")),
                None => self.bad(what),
            },
            Problem::Output(at, e) => {
                self.bad(format!("the output cannot be read back at offset {at}: {e}"))
            }
            Problem::Made(e) => read_failure(self.path, &e),
            Problem::Input(at, e) => read_failure(self.path, &h5::Error::io(at, e)),
            Problem::Stopped => read_failure(self.path, &h5::Error::cancelled()),
        })
    }

    /// The path of the object that the byte at an offset of a copy belongs to.
    fn owner(&self, offset: u64) -> Option<String> {
        match self.made_by {
            MadeBy::Rewrite { .. } => None,
            MadeBy::Copy { .. } | MadeBy::InPlace => bytes::owner(&self.planned.file, offset),
        }
    }

    /// Every value of the output, which has these large columns, is the input's, or what a rule makes
    /// of it. `aside` ends it early.
    fn content(
        &self,
        types: &TypeTable<'_>,
        linked: &LinkedOnce,
        columns: &LargeColumns,
        aside: Option<&Aside<'_>>,
    ) -> Result<String, Failure> {
        let compared =
            linked.of(types.file(), |outputs| self.values(types, outputs, columns, aside));
        compared.map_err(|e| output_failure(self.path, &e))?
    }

    /// The same for these datasets of the output.
    fn values(
        &self,
        types: &TypeTable<'_>,
        outputs: &Paths,
        columns: &LargeColumns,
        aside: Option<&Aside<'_>>,
    ) -> Result<String, Failure> {
        let tick = Ticker::new(self.planned.migration.survey.payload_bytes, self.observer);
        let tick = |bytes| tick.tick(bytes);
        let failed = |e: h5::Error| output_failure(self.path, &e);
        let mut all = Xxh3::new();
        let mut lost = None;
        let pairs = self.expected.datasets.iter().zip(outputs);
        let pairs = pairs.map(|(linked, output)| Ok((linked?, output?)));
        let linked = h5::until_error(pairs, &mut lost);
        let linked = linked.filter(|(linked, _)| old(linked).is_some());
        let linked = linked.map(|(linked, output)| (output.addr, linked.path));
        let ahead = content::ahead(types, columns, self.threads, &tick);
        let one = |addr| {
            let dumper = Dumper::new(types, Digest::Xxh3).with_progress(&tick);
            content::digest(&content::knowing(dumper, ahead.as_ref(), aside), addr)
        };
        let bytes = self.planned.migration.survey.payload_bytes;
        let Some(values) = &self.expected.values else {
            return Err(self.bad("no values are known that it could be held against"));
        };
        let mut values = values.check();
        let unlike = |name: &str, unlike: &Unlike<'_, u128>| {
            self.bad(match unlike {
                Unlike::This(_) => format!("{name}: the output holds another value than planned"),
                Unlike::From(first) => format!(
                    "{first}, or one of the next 255 datasets: the output holds another value than \
                     planned"
                ),
            })
        };
        content::in_order(linked, self.threads, bytes, &one, |name, after| {
            let after = after.map_err(|e| failed(e.in_object(name)))?;
            values.next(name, &after).map_err(|e| unlike(name, &e))?;
            all.update(name.as_bytes());
            all.update(&after.to_le_bytes());
            Ok(())
        })?;
        if let Some(error) = lost {
            return Err(failed(error));
        }
        values.finish().map_err(|e| unlike("", &e))?;
        Ok(format!("{:032x}", all.digest128()))
    }

    /// Reads the output through libhdf5.
    #[cfg(feature = "hdf5")]
    fn reread(&self, output: &File, file: &fs::File) -> Result<Vec<String>, Failure> {
        let tick = Ticker::new(self.planned.migration.survey.payload_bytes, self.observer);
        hdf5::compare(output, file, self.hdf5_limit, &|bytes| tick.tick(bytes))
            .map_err(|e| output_failure(self.path, &e))
    }

    /// A build without libhdf5 refuses before it comes to this.
    #[cfg(not(feature = "hdf5"))]
    fn reread(&self, _: &File, _: &fs::File) -> Result<Vec<String>, Failure> {
        let _ = self.hdf5_limit;
        Err(Failure::new(
            FailureKind::Internal,
            "a build without libhdf5 was asked to read through it",
        ))
    }
}

/// Something in the output is not as it must be.
fn output_failure(path: &Path, error: &h5::Error) -> Failure {
    let Failure { fault, message, .. } = read_failure(path, error);
    let fault = match fault {
        FailureKind::Input => FailureKind::Verify,
        FailureKind::Read => FailureKind::Output,
        other => other,
    };
    Failure::new(fault, format!("in the output: {message}"))
}
