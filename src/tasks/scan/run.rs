//! Looks an archive through in a run, file by file.

use super::list::ScanFile;
use super::task::{Found, ScanOptions, ScanTask};
use crate::supervisor::{
    Hooks, JobId, Plan, PlannedJob, Reporter, RunError, RunEvent, RunSummary, Settings,
};
use crate::tasks::reading::{Reading, read};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::btree_map::OccupiedEntry;
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
    let plan = Plan { jobs: Arc::new(files.iter().map(job).collect()), listing: None };
    let telling =
        RefCell::new(Telling { files, listener, waiting: BTreeMap::new(), next: 0, error: Ok(()) });
    let each = &mut |place: usize, result: Found| {
        let mut telling = telling.borrow_mut();
        telling.waiting.insert(place, result);
        telling.tell(false);
    };
    let mut watching = Watching { telling: &telling, bytes: BTreeMap::new() };
    let reading = Reading::<ScanTask> { settings, plan: &plan, options, journal, hooks };
    let summary = read(reading, &mut watching, each);
    let mut telling = telling.into_inner();
    telling.tell(true);
    match telling.error {
        Ok(()) => Ok((summary?, Ok(()))),
        Err(error) => Ok((summary?, Err(error))),
    }
}

fn job(file: &ScanFile) -> PlannedJob {
    PlannedJob {
        // Two directories may have files of one name.
        name: file.path.to_string_lossy().into_owned(),
        number: file.number,
        input: file.path.clone(),
        output: PathBuf::new(),
        bytes: file.bytes,
        mtime_ns: 0,
        obstacle: file.obstacle.clone(),
    }
}

/// Tells a listener of files in their order.
struct Telling<'a> {
    files: &'a [ScanFile],
    listener: &'a mut dyn ScanListener,
    waiting: BTreeMap<usize, Found>,
    next: usize,
    /// Why the listener hears nothing any more.
    error: io::Result<()>,
}

impl Telling<'_> {
    /// Tells what is next; in the end, all there is.
    fn tell(&mut self, all: bool) {
        while self.error.is_ok() {
            let first = self.waiting.first_entry().filter(|first| all || *first.key() == self.next);
            let Some((place, found)) = first.map(OccupiedEntry::remove_entry) else { return };
            self.next = place.saturating_add(1);
            let Some(file) = self.files.get(place) else { continue };
            self.error = self.listener.ended(file, &found);
            if self.error.is_err() {
                // Nobody wants to know any more: the run ends as it does for a user's signal.
                let this = rustix::process::getpid();
                let _ = rustix::process::kill_process(this, rustix::process::Signal::TERM);
            }
        }
    }
}

/// Counts bytes for the listener.
struct Watching<'a, 'b> {
    telling: &'a RefCell<Telling<'b>>,
    /// Data read of each job.
    bytes: BTreeMap<JobId, u64>,
}

impl Reporter for Watching<'_, '_> {
    fn event(&mut self, event: &RunEvent) {
        let mut telling = self.telling.borrow_mut();
        match event {
            RunEvent::Progress { job, done, .. } => {
                let known = self.bytes.entry(*job).or_default();
                *known = (*known).max(*done);
                let bytes = self.bytes.values().copied().fold(0, u64::saturating_add);
                let through = telling.next.saturating_add(telling.waiting.len()) as u64;
                telling.listener.progress(through, bytes);
            }
            RunEvent::Warning { message } => telling.listener.warning(message),
            _ => {}
        }
    }
}
