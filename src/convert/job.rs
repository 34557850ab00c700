//! Defines what goes into a conversion beside its options, and what it tells.

use crate::convert::inplace::Earlier;
use crate::convert::{Claim, Mode, VerifyLevel};
use crate::migrate::Readers;
use crate::sys::stat::StatData;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One input file and where its output goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The file to read.
    pub input: PathBuf,
    /// The file to make.
    pub output: PathBuf,
    /// Where temporary files go: a directory on the output's file system, which exists.
    pub temp_dir: PathBuf,
    /// Name of the temporary file, unique among all live runs.
    pub temp_name: String,
}

/// How a job ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Something was changed on the way to the output.
    Converted,
    /// Nothing had to be changed; the output is the input bit for bit.
    Unchanged,
}

/// What a finished conversion did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileReport {
    /// How it ended.
    pub outcome: Outcome,
    /// The mode that was carried out (never [`Mode::Auto`]).
    pub mode: Mode,
    /// What a reader of the target would have met in the input, one line each.
    pub findings: Vec<String>,
    /// Size of the input in bytes.
    pub bytes_in: u64,
    /// Size of the output in bytes.
    pub bytes_out: u64,
    /// Bytes appended behind the input's end.
    pub bytes_appended: u64,
    /// Bytes below the input's end that differ.
    pub bytes_replaced: u64,
    /// The check that the output passed; [`VerifyLevel::None`] where there was nothing to check,
    /// because nothing was written.
    pub verify: VerifyLevel,
    /// xxh3-128 digest of all logical values, hex, where `content` was asked for.
    pub digest: Option<String>,
    /// What a journal has to keep of the output; none of one that was made in place.
    #[serde(default)]
    pub claim: Option<Box<Claim>>,
    /// In place: an earlier attempt or run had changed the file already, which can still be undone.
    /// The outcome is `unchanged` then, as this one had nothing to do.
    #[serde(default)]
    pub changed_before: Option<Earlier>,
    /// What readers that are built on HDF5, like h5py, cannot open of the output.
    #[serde(default)]
    pub readers: Readers,
}

/// The steps of a conversion, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Reading the input's structure and planning the edits.
    Plan,
    /// Copying bytes.
    Copy,
    /// Applying the edit list.
    Edit,
    /// Waiting for the disk.
    Sync,
    /// Checking the output.
    Verify,
    /// Giving the output its name.
    Publish,
    /// Laying the file out again, values encoded where they have to be.
    Rewrite,
}

impl Phase {
    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Copy => "copy",
            Self::Edit => "edit",
            Self::Sync => "sync",
            Self::Verify => "verify",
            Self::Publish => "publish",
            Self::Rewrite => "rewrite",
        }
    }
}

/// Whoever watches a conversion. Called often; must be cheap.
pub trait Observer: Sync {
    /// `done` of `total` bytes of `phase` are through.
    fn progress(&self, phase: Phase, done: u64, total: u64);
    /// Whether the conversion should stop; it then fails with
    /// [`FailureKind::Cancelled`](crate::convert::FailureKind::Cancelled) and leaves nothing behind.
    fn cancelled(&self) -> bool {
        false
    }
    /// How many threads the conversion may use from now on, where that changes while it runs;
    /// [`Options::threads`](crate::convert::Options::threads) otherwise.
    fn threads(&self) -> Option<usize> {
        None
    }
    /// Planning is over: how much memory the tables of this file's objects take is known, and the rest
    /// takes in proportion to that.
    fn planned(&self) {}
    /// This file is about to get the output's name: should the conversion die now, what is there
    /// may be this file, which another try may replace.
    fn publishing(&self, file: &StatData) {
        let _ = file;
    }
}

/// An [`Observer`] that looks away.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn progress(&self, _: Phase, _: u64, _: u64) {}
}
