//! Looks an archive through in a run, file by file.

use super::list::{ScanFile, ScanFiles};
use super::task::{Found, ScanOptions, ScanTask};
use crate::supervisor::{Hooks, RunError, RunSummary, Settings};
use crate::tasks::in_order::{Listener, read_in_order};
use crate::tasks::reading::Reading;
use std::io;
use std::path::Path;

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

/// Hears of files, in their order.
pub trait ScanListener {
    /// What the file at `place` is, or why no worker could tell. Its error ends the run.
    ///
    /// # Errors
    /// The listener's own.
    fn ended(&mut self, place: usize, file: &ScanFile, found: &Found) -> io::Result<()>;

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
    files: &ScanFiles,
    scanning: Scanning<'_>,
    listener: &mut dyn ScanListener,
) -> Result<(RunSummary, io::Result<()>), RunError> {
    let Scanning { settings, options, journal, hooks } = scanning;
    let reading = Reading::<ScanTask> { settings, plan: &files.0, options, journal, hooks };
    let (summary, _, told) = read_in_order(reading, Named { files, listener })?;
    Ok((summary, told))
}

/// Names files to their listener.
struct Named<'a> {
    files: &'a ScanFiles,
    listener: &'a mut dyn ScanListener,
}

impl Listener<Found> for Named<'_> {
    fn ended(&mut self, place: usize, found: &Found) -> io::Result<()> {
        let file = self.files.get(place);
        file.map_or(Ok(()), |file| self.listener.ended(place, &file, found))
    }

    fn progress(&mut self, through: u64, bytes: u64) {
        self.listener.progress(through, bytes);
    }

    fn warning(&mut self, message: &str) {
        self.listener.warning(message);
    }
}
