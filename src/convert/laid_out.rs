//! A file in memory's eye, an overlay of another, laid out afresh under a new name: written, synced,
//! checked, published as any output.

use super::planned::check_unchanged;
use super::publish::{Destination, Existing, Sealed, TempFile, VANISHED};
use super::rewrite::{self, EncodeOptions, Rewritten};
use super::verify;
use super::{Chunking, Failure, FailureKind, Job, Observer, Phase};
use crate::codec::Codec;
use crate::h5::{self, File};
use crate::sys::dir::Missing;
use crate::sys::file::Identity;
use crate::sys::origin::Origin;
use std::ffi::OsStr;
use std::fs;

/// A file that is to be laid out afresh.
pub(crate) struct LayOut<'a> {
    /// Where it is and where it goes.
    pub(crate) job: &'a Job,
    /// The input.
    pub(crate) input: &'a fs::File,
    /// What it was when it was opened.
    pub(crate) identity: &'a Identity,
    /// What is written: the input, some bytes of it replaced, and more behind its end.
    pub(crate) file: &'a File,
    /// What may be replaced.
    pub(crate) existing: &'a Existing,
    pub(crate) observer: &'a dyn Observer,
}

/// What was made.
#[derive(Debug)]
pub(crate) struct LaidOut {
    /// Size of the output in bytes.
    pub(crate) bytes: u64,
    /// Datasets whose values could not be compared, and why.
    pub(crate) unread: Vec<(String, String)>,
}

impl LayOut<'_> {
    /// Writes it; columns stay encoded as they are.
    ///
    /// # Errors
    /// A [`Failure`] that names the file; nothing is left under the output's name then.
    pub(crate) fn run(&self) -> Result<LaidOut, Failure> {
        let path = self.job.input.as_path();
        let bad_input =
            |e| Failure::new(FailureKind::of_read(&e), format!("{}: {e}", path.display()));
        let to = Destination::of(&self.job.output, &self.job.temp_dir, Missing::Create)?;
        to.check(self.identity, self.existing)?;
        let mut temp_dir;
        let mut tries = VANISHED;
        let temp = loop {
            temp_dir = to.own(&self.job.temp_dir, Missing::Create)?;
            match TempFile::create(&temp_dir, OsStr::new(&self.job.temp_name)) {
                // While it is empty, another run that ends may remove it.
                Err(e) if e.is_missing() && tries > 0 => tries -= 1,
                created => break created?,
            }
        };
        let written = self.write(&temp)?;
        check_unchanged(path, self.input, self.identity)?;
        self.observer.progress(Phase::Sync, 0, 1);
        let sealed = temp.seal(&Origin::of(self.input).map_err(bad_input)?)?;
        self.observer.progress(Phase::Verify, 0, 1);
        let unread = self.check(&sealed, &written)?;
        if self.observer.cancelled() {
            let message = format!("{}: cancelled", path.display());
            return Err(Failure::new(FailureKind::Cancelled, message));
        }
        self.observer.progress(Phase::Publish, 0, 1);
        let bytes = sealed.file().metadata().map_err(bad_input)?.len();
        sealed.publish(&to, self.identity, self.existing)?;
        Ok(LaidOut { bytes, unread })
    }

    fn write(&self, temp: &TempFile<'_>) -> Result<Rewritten, Failure> {
        let encoding = EncodeOptions {
            wanted: None,
            fallback: Codec::None,
            shuffle: false,
            chunk: Chunking::Auto,
            small_outside: false,
            threads: 1,
            readable: &|_| true,
            written: &|_, client| client.to_vec(),
        };
        rewrite::rewrite(self.file, temp.file(), &encoding, self.observer)
            .map_err(|e| e.into_failure(&self.job.input, &temp.path()))
    }

    fn check(
        &self,
        sealed: &Sealed<'_>,
        written: &Rewritten,
    ) -> Result<Vec<(String, String)>, Failure> {
        let bad = |what: String| {
            Failure::new(FailureKind::Verify, format!("{}: {what}", self.job.input.display()))
        };
        let handle = sealed.file().try_clone();
        let handle = handle.map_err(|e| bad(format!("the output cannot be read back: {e}")))?;
        verify::written_back(sealed.file(), written, self.observer).map_err(bad)?;
        let output = h5::Source::from_file(handle).and_then(File::from_source);
        let output = output.map_err(|e| bad(format!("the output is damaged: {e}")))?;
        verify::same_file(self.file, &output, self.observer).map_err(bad)
    }
}
