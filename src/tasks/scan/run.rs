//! Looks an archive through in a run, file by file.

use super::list::ScanFile;
use super::task::{Found, ScanOptions, ScanTask};
use crate::supervisor::{Hooks, Plan, RunError, RunSummary, Settings};
use crate::tasks::in_order::{Listener, read_in_order};
use crate::tasks::reading::Reading;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the run is given beside its files.
pub struct Scanning<'a> {
    /// How the run goes. Its options of conversions do not matter.
    pub settings: &'a Settings,
    /// What is looked for.
    pub options: ScanOptions,
    /// Where results are kept, and taken from if they still count; nothing is written without it.
    pub journal: Option<&'a Path>,
    /// How workers are started.
    pub hooks: &'a Hooks,
}

/// A file, with what was found out about it.
pub type Scanned = (ScanFile, Found);

/// Hears of files, in their order.
pub trait ScanListener {
    /// What a file is, or why no worker could tell. Its error ends the run.
    ///
    /// # Errors
    /// The listener's own.
    fn ended(&mut self, file: &ScanFile, found: &Found) -> io::Result<()>;

    /// So many files are through, with so many bytes of data read.
    fn progress(&mut self, through: u64, bytes: u64);

    /// Something that a user should know.
    fn warning(&mut self, message: &str);
}

/// Looks into all files. Those that the end of the run left undone are not told.
///
/// # Errors
/// The run cannot begin; in the inner result, the listener's error, which ended the run.
pub fn scan(
    files: &[ScanFile],
    scanning: Scanning<'_>,
    listener: &mut dyn ScanListener,
) -> Result<(RunSummary, io::Result<()>), RunError> {
    let Scanning { settings, options, journal, hooks } = scanning;
    let jobs = files.iter().map(|file| file.job(PathBuf::new())).collect();
    let plan = Plan { jobs: Arc::new(jobs), ..Plan::default() };
    let reading = Reading::<ScanTask> { settings, plan: &plan, options, journal, hooks };
    let (summary, _, told) = read_in_order(reading, Named { files, listener })?;
    Ok((summary, told))
}

/// Names files to their listener.
struct Named<'a> {
    files: &'a [ScanFile],
    listener: &'a mut dyn ScanListener,
}

impl Listener<Found> for Named<'_> {
    fn ended(&mut self, place: usize, found: &Found) -> io::Result<()> {
        self.files.get(place).map_or(Ok(()), |file| self.listener.ended(file, found))
    }

    fn progress(&mut self, through: u64, bytes: u64) {
        self.listener.progress(through, bytes);
    }

    fn warning(&mut self, message: &str) {
        self.listener.warning(message);
    }
}
