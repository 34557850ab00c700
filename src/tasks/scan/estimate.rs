//! Estimates what a conversion takes, from a sample that is converted.

use super::call::ScanCall;
use super::kept::Kept;
use super::list::ScanFiles;
use crate::convert::Options;
use crate::supervisor::{Count, Hooks};
use crate::tasks::sample::{Measured, SamplePlace, choose, convert};
use crate::text::{self, bytes, count, float, seconds};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Files and bytes of each sample.
const MOST_FILES: usize = 8;
const MOST_BYTES: u64 = 64 << 20;

/// What the conversion of one kind of file takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Forecast {
    /// Files of the archive.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that were converted to find out.
    pub sample_files: u64,
    /// Their bytes.
    pub sample_bytes: u64,
    /// How long that took, in seconds.
    pub sample_seconds: f64,
    /// How long all of them take, in seconds.
    pub seconds: f64,
    /// Bytes of their outputs.
    pub bytes_out: u64,
    /// Memory of one worker in bytes.
    pub memory: u64,
    /// Workers at work at one time.
    pub workers: u64,
}

/// What a conversion of an archive takes, as far as a sample tells.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Estimate {
    /// Files that are patched.
    pub patch: Option<Forecast>,
    /// Files that are laid out again.
    pub rewrite: Option<Forecast>,
    /// Where outputs of the sample went.
    pub place: String,
    /// The kind of file system there.
    pub file_system: String,
    /// Why there is no forecast for a kind.
    pub missing: Vec<String>,
}

/// Converts a few of the files of each kind that were `kept` into a directory below `dir`, which is removed again.
pub fn forecast(
    (kept, files): (&Kept, &ScanFiles),
    options: &Options,
    dir: &Path,
    hooks: &Hooks,
) -> Estimate {
    let mut estimate = Estimate { place: text::path(dir), ..Estimate::default() };
    let [patch, rewrite] = kept.to_do(files);
    if patch.is_empty() && rewrite.is_empty() {
        return estimate;
    }
    let place = match SamplePlace::new(dir) {
        Ok(place) => place,
        Err(error) => {
            estimate.missing.push(format!("{}: {error}", text::path(dir)));
            return estimate;
        }
    };
    estimate.file_system.clone_from(&place.kind);
    let mut missing = Vec::new();
    let mut one = |what: &str, files: Vec<(PathBuf, u64)>| {
        let found = kind(files, options, &place, hooks)?;
        found.map_err(|why| missing.push(format!("files to {what}: {why}"))).ok()
    };
    estimate.patch = one("patch", patch);
    estimate.rewrite = one("rewrite", rewrite);
    estimate.missing.append(&mut missing);
    estimate
}

/// What files of one kind take; none if there are none.
fn kind(
    files: Vec<(PathBuf, u64)>,
    options: &Options,
    place: &SamplePlace,
    hooks: &Hooks,
) -> Option<Result<Forecast, String>> {
    if files.is_empty() {
        return None;
    }
    let (all, whole) =
        (files.len() as u64, files.iter().fold(0, |sum: u64, it| sum.saturating_add(it.1)));
    let sample = choose(files, MOST_FILES, MOST_BYTES.min(place.free / 4));
    if sample.files.is_empty() {
        let bound = bytes(MOST_BYTES.min(place.free / 4));
        return Some(Err(format!("none is smaller than the {bound} of a sample")));
    }
    let measured = match convert(&sample, (Count::Auto, Count::Auto), options, place, hooks) {
        Ok(measured) => measured,
        Err(error) => return Some(Err(error.to_string())),
    };
    if measured.files == 0 || measured.failed > 0 || measured.interrupted {
        return Some(Err("the sample was not converted".to_owned()));
    }
    Some(Ok(scaled(&measured, all, whole)))
}

/// What `files` of `whole` bytes take if each byte takes what those of the sample did.
fn scaled(measured: &Measured, files: u64, whole: u64) -> Forecast {
    let share = float(whole) / float(measured.bytes_in.max(1));
    let bytes_out = float(measured.bytes_out) * share;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate; a float that is cast saturates"
    )]
    let bytes_out = bytes_out as u64;
    Forecast {
        files,
        bytes: whole,
        sample_files: measured.files,
        sample_bytes: measured.bytes_in,
        sample_seconds: measured.seconds,
        seconds: measured.seconds * share,
        bytes_out,
        memory: measured.peak,
        workers: measured.workers,
    }
}

impl Estimate {
    /// In words: what is to do, and what it takes. `appended` is what patches add to all files.
    /// `call` is what was asked, for the command that measures more.
    pub(super) fn lines(&self, appended: u64, call: &ScanCall) -> Vec<String> {
        let mut lines = Vec::new();
        for (what, forecast) in [("patch", &self.patch), ("rewrite", &self.rewrite)] {
            let Some(f) = forecast else { continue };
            lines.push(format!(
                "estimate for {} to {what}: about {}, {} of outputs, {} of memory for each of {}",
                count(f.files, "file"),
                seconds(f.seconds),
                bytes(f.bytes_out),
                bytes(f.memory),
                count(f.workers, "worker"),
            ));
            lines.push(format!(
                "  ({} of {} took {} here, outputs in {}, {}; inputs in memory are read faster)",
                count(f.sample_files, "file"),
                bytes(f.sample_bytes),
                seconds(f.sample_seconds),
                self.place,
                self.file_system,
            ));
        }
        if self.patch.is_some() && appended > 0 {
            lines.push(format!(
                "  in place, patches add {} and need no copies (--mode in-place)",
                bytes(appended)
            ));
        }
        lines.extend(self.missing.iter().map(|why| format!("no estimate for {why}")));
        if let ([dir], false) = (call.paths.as_slice(), self.missing.is_empty())
            && dir.is_dir()
        {
            let tune = call.command("tune", "OUT --sample 4GiB", false);
            lines.push(format!("  ({tune} measures larger files)"));
        }
        lines
    }
}
