//! Exports all files of an archive, in a run.

use super::task::{ExportOptions, ExportTask, exported_text};
use crate::export::{Exported, Request};
use crate::supervisor::{Fault, Hooks, Plan, RunError, RunSummary, Settings};
use crate::tasks::in_order::{Listener, read_in_order};
use crate::tasks::reading::Reading;
use crate::tasks::scan::{Placed, ScanFile};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// What the run is given beside its files.
pub struct Exporting<'a> {
    /// How the run goes. Its options of conversions do not matter.
    pub settings: &'a Settings,
    /// What is exported.
    pub options: ExportOptions,
    /// Where outputs and journal go.
    pub output: &'a Path,
    /// How workers are started.
    pub hooks: &'a Hooks,
}

/// What came of a file.
pub type Found = Result<Exported, (Fault, String)>;

/// Hears of files, in their order.
pub trait ExportListener {
    /// What came of a file: how much was exported, or why nothing. Its error ends the run.
    ///
    /// # Errors
    /// The listener's own.
    fn ended(&mut self, file: &Placed, found: &Found, text: &str) -> io::Result<()>;

    /// So many files are through, with so many bytes exported.
    fn progress(&mut self, through: u64, bytes: u64);

    /// Something that a user should know.
    fn warning(&mut self, message: &str);
}

/// Where the export of each file below `input` goes: by the same path below `output`, under the name
/// that a request gives it.
pub fn places(files: Vec<ScanFile>, input: &Path, output: &Path, request: &Request) -> Vec<Placed> {
    let place = |file: ScanFile| {
        let stem = file.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let below = file.path.strip_prefix(input).ok().and_then(Path::parent);
        let dir = below.map_or_else(|| output.to_owned(), |below| output.join(below));
        Placed { output: dir.join(request.name_for(&stem)), file }
    };
    files.into_iter().map(place).collect()
}

/// Exports all files. Those that the end of the run left undone are not told.
///
/// # Errors
/// The run cannot begin; in the inner result, the listener's error, which ended the run.
pub fn export_all(
    files: &[Placed],
    exporting: Exporting<'_>,
    listener: &mut dyn ExportListener,
) -> Result<(RunSummary, io::Result<()>), RunError> {
    let Exporting { settings, options, output, hooks } = exporting;
    let jobs = files.iter().map(|it| it.file.job(it.output.clone())).collect();
    let plan = Plan { jobs: Arc::new(jobs), ..Plan::default() };
    let reading =
        Reading::<ExportTask> { settings, plan: &plan, options, journal: Some(output), hooks };
    let (summary, _, told) = read_in_order(reading, Named { files, listener })?;
    Ok((summary, told))
}

/// Names files to their listener.
struct Named<'a> {
    files: &'a [Placed],
    listener: &'a mut dyn ExportListener,
}

impl Listener<Found> for Named<'_> {
    fn ended(&mut self, place: usize, found: &Found) -> io::Result<()> {
        let Some(file) = self.files.get(place) else { return Ok(()) };
        let text = match found {
            Ok(exported) => exported_text(exported),
            Err((fault, message)) => format!("{fault}: {message}"),
        };
        self.listener.ended(file, found, &text)
    }

    fn progress(&mut self, through: u64, bytes: u64) {
        self.listener.progress(through, bytes);
    }

    fn warning(&mut self, message: &str) {
        self.listener.warning(message);
    }
}
