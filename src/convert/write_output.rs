//! Carries out patch and rewrite mode: a new file beside the old one, synced and checked before it
//! gets its name.

use crate::codec::{Codec, LZ4_BLOCK_SIZE};
use crate::convert::beside::{self, Aside};
use crate::convert::planned::{Planned, check_unchanged, read_failure};
use crate::convert::publish::{Destination, Existing, Sealed, TempFile, VANISHED};
use crate::convert::rewrite::{self, EncodeOptions};
use crate::convert::verify::{self, Check, Checked, Expected};
use crate::convert::{Compress, Failure, FailureKind, Job, Observer, Options, Phase, VerifyLevel};
use crate::h5::{self, FilterEntry};
use crate::migrate::Readers;
use crate::migrate::edit::EditList;
use crate::migrate::target::{self, Target};
use crate::sys::copy::{Copied, CopyError, CopyMethod, copy_and_sum, copy_file};
use crate::sys::dir::Missing;
use crate::sys::file::is_full;
use crate::sys::flip;
use crate::sys::origin::Origin;
use crate::sys::stat::StatData;
use std::ffi::OsStr;
use std::fs;
use std::ops::ControlFlow;

/// What came out.
#[derive(Debug)]
pub(in crate::convert) struct Made {
    pub(in crate::convert) bytes_out: u64,
    pub(in crate::convert) digest: Option<String>,
    /// What `stat` tells of the output under its name, and the digest of its metadata.
    pub(in crate::convert) published: Option<(StatData, Option<String>)>,
    /// Worth telling beside the findings.
    pub(in crate::convert) remarks: Vec<String>,
    /// The check that it passed.
    pub(in crate::convert) verify: VerifyLevel,
    /// What readers that are built on HDF5 make of it, where it was looked at.
    pub(in crate::convert) readers: Option<Readers>,
}

impl Made {
    /// Nothing was written: there was nothing to check.
    pub(in crate::convert) fn nothing(bytes_out: u64) -> Self {
        let (remarks, verify) = (Vec::new(), VerifyLevel::None);
        Self { bytes_out, digest: None, published: None, remarks, verify, readers: None }
    }
}

/// What a file was filled with.
struct Filled {
    made_by: verify::MadeBy,
    /// How it is to be checked.
    level: VerifyLevel,
    remarks: Vec<String>,
    /// What it must hold, if that is known already.
    expected: Option<Expected>,
}

/// All that is known of one conversion.
pub(in crate::convert) struct Work<'a> {
    pub(in crate::convert) job: &'a Job,
    pub(in crate::convert) options: &'a Options,
    /// How the output is checked.
    pub(in crate::convert) level: VerifyLevel,
    pub(in crate::convert) target: &'a Target,
    pub(in crate::convert) planned: &'a Planned,
    pub(in crate::convert) to: &'a Destination,
    pub(in crate::convert) existing: &'a Existing,
    pub(in crate::convert) observer: &'a dyn Observer,
}

impl Work<'_> {
    /// Copies the input and applies the edits.
    pub(in crate::convert) fn patched(&self) -> Result<Made, Failure> {
        let source = self.source()?;
        let len = self.planned.identity.len;
        let edits = self.planned.migration.edits.as_ref();
        // Junk behind the container's end is not carried over where bytes are appended.
        let len = edits.map_or(len, |e| e.append_at().min(len));
        self.finish(|temp| {
            let mut progress = |done| self.tell(Phase::Copy, done, len);
            let copied = if self.level >= VerifyLevel::Bytes {
                copy_and_sum(source, temp.file(), len, &mut progress)
            } else {
                copy_file(source, temp.file(), len, &mut progress)
                    .map(|method| Copied { method, sums: Vec::new() })
            };
            let Copied { method, sums } = copied.map_err(|e| self.copy_failure(temp, &e))?;
            if let Some(edits) = edits {
                self.observer.progress(Phase::Edit, 0, edits.bytes_appended());
                self.apply(edits, temp)?;
            }
            let level = self.level_of(method);
            let made_by = verify::MadeBy::Copy { sums };
            Ok(Filled { made_by, level, remarks: Vec::new(), expected: None })
        })
    }

    /// Lays the input out again, as its edits would leave it.
    pub(in crate::convert) fn rewritten(&self) -> Result<Made, Failure> {
        let input = self.job.input.as_path();
        let failed = |e: h5::Error| read_failure(input, &e);
        let file = self.planned.as_planned().map_err(failed)?;
        let readable = |filters: &[FilterEntry]| {
            filters.iter().all(|f| self.target.misread(f.id, f.client.len()).is_none())
        };
        let written = |id: u16, client: &[u32]| self.target.written(id, client);
        let encoding = EncodeOptions {
            wanted: self.codec(self.options.compress),
            fallback: self.fallback(),
            shuffle: self.options.shuffle,
            chunk: self.options.chunk,
            small_outside: self.options.portable,
            threads: self.options.threads.max(1),
            readable: &readable,
            written: &written,
        };
        let mut columns = rewrite::Counts::default();
        let mut made = self.finish(|temp| {
            let write = || {
                let rewritten = rewrite::rewrite(&file, temp.file(), &encoding, self.observer);
                rewritten.map_err(|e| e.into_failure(input, &temp.path()))
            };
            let (rewritten, expected) = if self.level >= VerifyLevel::Content
                && beside::is_worth_it(self.planned, encoding.threads)
            {
                let aside = Aside::quiet(self.observer);
                let expect = || {
                    Expected::of(input, self.planned, self.level, false, 1, Some(&aside), &aside)
                };
                let (rewritten, expected) = aside.both(write, &expect)?;
                (rewritten, Some(expected))
            } else {
                (write()?, None)
            };
            let rewrite::Rewritten { counts, sums, head } = rewritten;
            columns = counts;
            let mut remarks: Vec<String> =
                rewrite::told_of_front(&file).map(str::to_owned).into_iter().collect();
            remarks.extend(notes(&counts));
            let made_by = verify::MadeBy::Rewrite { sums, head };
            Ok(Filled { made_by, level: self.level, remarks, expected })
        })?;
        made.remarks.extend(larger(self.planned.identity.len, made.bytes_out, &columns));
        Ok(made)
    }

    fn codec(&self, compress: Compress) -> Option<Codec> {
        let block_size = self.options.block_size.and_then(|b| u32::try_from(b).ok());
        Some(match compress {
            Compress::Keep => return None,
            Compress::None => Codec::None,
            Compress::Lz4 => Codec::Lz4 { block_size: block_size.unwrap_or(LZ4_BLOCK_SIZE) },
            Compress::Lz4Frame => Codec::Lz4Frame,
            Compress::Zstd(level) => Codec::Zstd(level),
            Compress::Deflate(level) => Codec::Deflate(level),
        })
    }

    /// What columns become that the target cannot read.
    fn fallback(&self) -> Codec {
        match self.target.codec.default {
            target::Encoding::None => Codec::None,
            target::Encoding::Lz4 => Codec::Lz4 { block_size: LZ4_BLOCK_SIZE },
            target::Encoding::Lz4Frame => Codec::Lz4Frame,
            target::Encoding::Zstd => Codec::Zstd(3),
            target::Encoding::Deflate => Codec::Deflate(5),
        }
    }

    fn source(&self) -> Result<&fs::File, Failure> {
        let file = self.planned.file.source().file();
        file.ok_or_else(|| Failure::new(FailureKind::Internal, "an input without a file"))
    }

    /// Lets `fill` make the file, then syncs, checks and publishes it.
    fn finish(
        &self,
        fill: impl FnOnce(&TempFile<'_>) -> Result<Filled, Failure>,
    ) -> Result<Made, Failure> {
        let input = self.job.input.as_path();
        let bad_input =
            |e| Failure::new(FailureKind::of_read(&e), format!("{}: {e}", input.display()));
        let mut temp_dir;
        let mut tries = VANISHED;
        let temp = loop {
            temp_dir = self.to.own(&self.job.temp_dir, Missing::Create).map_err(Failure::from)?;
            match TempFile::create(&temp_dir, OsStr::new(&self.job.temp_name)) {
                // While it is empty, another run that ends may remove it.
                Err(e) if e.is_missing() && tries > 0 => tries -= 1,
                created => break created.map_err(Failure::from)?,
            }
        };
        let Filled { made_by, level, mut remarks, expected } = fill(&temp)?;
        flip::here(input, temp.file()).map_err(|e| {
            Failure::new(FailureKind::Output, format!("{}: {e}", temp.path().display()))
        })?;
        let source = self.source()?;
        check_unchanged(input, source, &self.planned.identity)?;
        self.observer.progress(Phase::Sync, 0, 1);
        let origin = Origin::of(source).map_err(bad_input)?;
        let sealed = temp.seal(&origin).map_err(Failure::from)?;
        let checked = match self.check(&sealed, &made_by, level, expected) {
            Ok(checked) => checked,
            Err(failure) => return Err(self.keep_bad(sealed, failure)),
        };
        let Checked { bytes, digest, remarks: more, readers, metadata } = checked;
        remarks.extend(more);
        if self.observer.cancelled() {
            let message = format!("{}: cancelled", input.display());
            return Err(Failure::new(FailureKind::Cancelled, message));
        }
        self.observer.progress(Phase::Publish, 0, 1);
        let stat = self.publish(sealed)?;
        Ok(Made {
            bytes_out: bytes,
            digest,
            remarks,
            published: Some((stat, metadata)),
            verify: level,
            readers: Some(readers),
        })
    }

    /// Gives the output its name.
    fn publish(&self, sealed: Sealed<'_>) -> Result<StatData, Failure> {
        if let Ok(stat) = StatData::of(sealed.file()) {
            self.observer.publishing(&stat);
        }
        let published = sealed.publish(self.to, &self.planned.identity, self.existing);
        published.map_err(Failure::from)
    }

    /// How a copy is checked that was made in this way. Where the file system lets both files share
    /// their bytes, nothing was copied that could be compared, unless somebody asks for it.
    fn level_of(&self, method: CopyMethod) -> VerifyLevel {
        match method {
            CopyMethod::Clone if self.options.verify.is_none() => {
                self.level.min(VerifyLevel::Structure)
            }
            _ => self.level,
        }
    }

    fn check(
        &self,
        sealed: &Sealed<'_>,
        made_by: &verify::MadeBy,
        level: VerifyLevel,
        expected: Option<Expected>,
    ) -> Result<Checked, Failure> {
        let path = self.job.input.as_path();
        let Self { planned, target, observer, .. } = *self;
        let threads = self.options.threads.max(1);
        observer.progress(Phase::Verify, 0, 1);
        let expected = &match expected {
            Some(expected) => expected,
            None => Expected::of(path, planned, level, false, threads, None, observer)?,
        };
        let hdf5_limit = self.options.hdf5_limit;
        Check { path, planned, expected, made_by, target, level, hdf5_limit, threads, observer }
            .run(sealed.file())
    }

    /// Tells how far a phase is, and whether to go on.
    fn tell(&self, phase: Phase, done: u64, len: u64) -> ControlFlow<()> {
        self.observer.progress(phase, done, len);
        if self.observer.cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Applies the edits to the copy. The list expects the input's length; where junk was left out
    /// the copy ends at the place of the first appended byte already.
    fn apply(&self, edits: &EditList, temp: &TempFile<'_>) -> Result<(), Failure> {
        let len = edits.bytes_appended();
        let mut progress = |done| self.tell(Phase::Edit, done, len);
        let result = if edits.append_at() < self.planned.identity.len {
            edits.without_junk().apply_telling(temp.file(), &mut progress)
        } else {
            edits.apply_telling(temp.file(), &mut progress)
        };
        result.map_err(|e| e.into_failure(&temp.path()))
    }

    /// Keeps an output that failed its check where `--keep-bad` wants it, and says so.
    fn keep_bad(&self, sealed: Sealed<'_>, failure: Failure) -> Failure {
        if !self.options.keep_bad || failure.fault != FailureKind::Verify {
            return failure;
        }
        let kept = (|| {
            let temp_dir = &self.job.temp_dir;
            let own = temp_dir.parent().unwrap_or(temp_dir);
            let mut beside = own.join("quarantine");
            // As the output lies below the output directory.
            if let Some(deep) =
                own.parent().and_then(|root| self.job.output.strip_prefix(root).ok())
                && let Some(dir) = deep.parent()
            {
                beside.push(dir);
            }
            let dir = self.to.own(&beside, Missing::Create).ok()?;
            sealed.quarantine(&dir, self.job.output.file_name()?).ok()
        })();
        match kept {
            Some(path) => {
                let message = format!("{} (kept as {})", failure.message, path.display());
                Failure::new(failure.fault, message)
            }
            None => failure,
        }
    }

    /// Hard-links an unchanged file; nothing where the file system cannot.
    pub(in crate::convert) fn linked(&self) -> Result<Option<Made>, Failure> {
        let temp_dir = self.to.own(&self.job.temp_dir, Missing::Create).map_err(Failure::from)?;
        let name = OsStr::new(&self.job.temp_name);
        let source = self.source()?;
        let Ok(sealed) = Sealed::link(&temp_dir, name, &self.job.input, source) else {
            return Ok(None);
        };
        self.observer.progress(Phase::Publish, 0, 1);
        let stat = self.publish(sealed)?;
        let bytes_out = self.planned.identity.len;
        Ok(Some(Made { published: Some((stat, None)), ..Made::nothing(bytes_out) }))
    }

    fn copy_failure(&self, temp: &TempFile<'_>, error: &CopyError) -> Failure {
        let input = self.job.input.clone();
        let (fault, path) = match error {
            CopyError::Truncated { .. } => (FailureKind::Input, input),
            CopyError::Read { source, .. } => (FailureKind::of_read(source), input),
            CopyError::Write { source, .. } if is_full(source) => (FailureKind::Full, temp.path()),
            CopyError::Write { .. } => (FailureKind::Output, temp.path()),
            CopyError::Memory { .. } => (FailureKind::Memory, input),
            CopyError::Stopped { .. } => (FailureKind::Cancelled, input),
        };
        Failure::new(fault, format!("{}: {error}", path.display()))
    }
}

/// What is to be told of the columns of a rewrite.
fn notes(counts: &rewrite::Counts) -> Vec<String> {
    let rewrite::Counts { grown, large, old_form, one_chunk_only, unordered, .. } = *counts;
    let mut notes = Vec::new();
    let mut note = |count: u64, what: &str| {
        if count > 0 {
            notes.push(format!("note: {count} columns {what}"));
        }
    };
    note(grown, "would have grown and are stored plain");
    note(
        one_chunk_only,
        "are stored without compression: JLD2 reads arrays of unions, and arrays that are referred \
         to more than once, as they should be only where they are one chunk, and such a large one \
         HDF5 2.0 (h5py 3.16) does not open",
    );
    note(
        old_form,
        "are one chunk each in the form of JLD2, which HDF5 2.0 (h5py 3.16) does not open; without \
         --chunk one every HDF5 opens them",
    );
    note(
        large,
        "are of 4 GiB or more in one chunk: as they are now, JLD2 reads them, but h5py only with \
         HDF5 2.0 or later; without --chunk one every HDF5 reads them",
    );
    if unordered > 0 {
        notes.push(format!(
            "note: {unordered} groups numbered their attributes in the order of creation: they \
             stand in this order, but without numbers, as JLD2 could not add to the groups otherwise"
        ));
    }
    notes
}

/// What is to be told of an output that is larger than its input, in bytes.
fn larger(before: u64, after: u64, counts: &rewrite::Counts) -> Option<String> {
    let more = after.checked_sub(before).filter(|more| *more > 0)?;
    let of_columns = counts.bytes_after.saturating_sub(counts.bytes_before);
    let rest = (after - counts.bytes_after.min(after))
        .saturating_sub(before - counts.bytes_before.min(before));
    let mut why = Vec::new();
    if of_columns > 0 {
        let filters = match counts.unreadable {
            0 => String::new(),
            n => format!(" ({n} of them had a filter that the target does not read)"),
        };
        why.push(format!("columns as they are encoded now take {of_columns} bytes more{filters}"));
    }
    if rest > 0 {
        let small = match counts.small {
            0 => String::new(),
            n => format!(
                " ({n} small arrays of numbers stand outside their headers, for readers that \
                          refer to bytes of a file)"
            ),
        };
        why.push(format!(
            "types and objects that the conversion adds, and headers, take {rest} bytes more{small}"
        ));
    }
    Some(format!("note: the output is {more} bytes larger: {}", why.join("; ")))
}
