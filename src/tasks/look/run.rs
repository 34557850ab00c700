//! Makes pictures of all files of an archive, in one run or several.

use super::task::{Drawing, Exact, LookOptions, LookTask, Looked, Outcome};
use crate::numbers::NumbersError;
use crate::numbers::map::{Division, Extremes, Request, Shade, View};
use crate::numbers::picture::Colours;
use crate::supervisor::{Hooks, Plan, RunError, RunSummary, Settings};
use crate::tasks::in_order::{Listener, read_in_order};
use crate::tasks::reading::Reading;
use crate::tasks::scan::Placed;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the run is given beside its files.
pub struct Frames<'a> {
    /// How the run goes. Its options of conversions do not matter.
    pub settings: &'a Settings,
    /// What is looked at.
    pub request: Request,
    /// How colours are divided.
    pub division: Division,
    /// The limits that are given.
    pub limits: [Option<f64>; 2],
    /// The colours.
    pub colours: Colours,
    /// Pixels of the longer side.
    pub side: usize,
    /// Whether all pictures have one scale and, of phase diagrams, the same axes.
    pub movie: bool,
    /// Whether wrong checksums of metadata count.
    pub trust: bool,
    /// Whether pictures are made also where something else has their names, which is kept.
    pub force: bool,
    /// Where pictures and journal go.
    pub output: &'a Path,
    /// How workers are started.
    pub hooks: &'a Hooks,
}

/// Hears of files, in their order.
pub trait LookListener {
    /// The files are looked at for this, once more: `measured` or `drawn`.
    fn begins(&mut self, what: &'static str);

    /// What came of a file's picture, or why there is none; while files are measured, only the
    /// latter. Its error ends the run.
    ///
    /// # Errors
    /// The listener's own.
    fn ended(&mut self, file: &Placed, outcome: &Outcome) -> io::Result<()>;

    /// So many files are through.
    fn progress(&mut self, through: u64);

    /// Something that a user should know.
    fn warning(&mut self, message: &str);
}

/// Why there are no pictures.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookError {
    /// The run could not begin.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The files have no common scale.
    #[error(transparent)]
    Scale(#[from] NumbersError),
}

/// What all files have together.
#[derive(Debug, Default)]
struct Measured {
    extremes: Option<Extremes>,
    ends: Option<[[f64; 2]; 2]>,
}

impl Measured {
    fn add(&mut self, looked: &Looked) {
        self.extremes = match (self.extremes, looked.extremes()) {
            (Some(all), Some(more)) => Some(all.and(more)),
            (all, more) => all.or(more),
        };
        let [[a, b], [c, d]] = looked.ends();
        self.ends = Some(match self.ends {
            None => [[a, b], [c, d]],
            Some([[e, f], [g, h]]) => [[a.min(e), b.max(f)], [c.min(g), d.max(h)]],
        });
    }
}

/// Makes all pictures. Those that the end of the run left undone are not told.
///
/// # Errors
/// The run cannot begin, or the files have no common scale; in the inner result, the listener's error,
/// which ended the run.
pub fn look_all(
    files: &[Placed],
    frames: &Frames<'_>,
    listener: &mut dyn LookListener,
) -> Result<(RunSummary, io::Result<()>), LookError> {
    let mut options = LookOptions {
        request: frames.request.clone(),
        ends: None,
        drawing: None,
        scale: frames.division,
        limits: frames.limits,
        trust: frames.trust,
        force: frames.force,
    };
    let phase = matches!(options.request.view, View::Phase(_));
    // Axes first: what is in an interval depends on how wide they are.
    let rounds = match frames.limits {
        _ if !frames.movie => 0,
        [Some(_), Some(_)] => usize::from(phase),
        _ => 1 + usize::from(phase),
    };
    let mut measured = Measured::default();
    for _ in 0..rounds {
        listener.begins("measured");
        let (summary, told, found) = round(files, frames, &options, listener)?;
        if summary.pending > 0 || summary.error.is_some() || told.is_err() {
            return Ok((summary, told));
        }
        measured = found;
        if phase {
            options.ends = measured.ends.map(|ends| ends.map(|axis| axis.map(Exact::from)));
        }
    }
    let shade = if frames.movie {
        let shade = Shade::of(measured.extremes, frames.division, frames.limits);
        Some(shade?)
    } else {
        None
    };
    options.drawing = Some(Drawing::new(shade, frames.colours, frames.side));
    listener.begins("drawn");
    let (summary, told, _) = round(files, frames, &options, listener)?;
    Ok((summary, told))
}

type Round = (RunSummary, io::Result<()>, Measured);

/// One run through all files.
fn round(
    files: &[Placed],
    frames: &Frames<'_>,
    options: &LookOptions,
    listener: &mut dyn LookListener,
) -> Result<Round, RunError> {
    let draws = options.drawing.is_some();
    let output = |it: &Placed| if draws { it.output.clone() } else { PathBuf::new() };
    let jobs = files.iter().map(|it| it.file.job(output(it))).collect();
    let plan = Plan { jobs: Arc::new(jobs), ..Plan::default() };
    let reading = Reading::<LookTask> {
        settings: frames.settings,
        plan: &plan,
        options: options.clone(),
        journal: Some(frames.output),
        hooks: frames.hooks,
    };
    let named = Named { files, listener, draws, measured: Measured::default() };
    let (summary, named, told) = read_in_order(reading, named)?;
    Ok((summary, told, named.measured))
}

/// Names files to their listener.
struct Named<'a> {
    files: &'a [Placed],
    listener: &'a mut dyn LookListener,
    draws: bool,
    measured: Measured,
}

impl Listener<Outcome> for Named<'_> {
    fn ended(&mut self, place: usize, outcome: &Outcome) -> io::Result<()> {
        if let Ok(looked) = outcome {
            self.measured.add(looked);
        }
        let Some(file) = self.files.get(place) else { return Ok(()) };
        // What cannot be measured cannot be drawn: it is told then.
        if self.draws { self.listener.ended(file, outcome) } else { Ok(()) }
    }

    fn progress(&mut self, through: u64, _: u64) {
        self.listener.progress(through);
    }

    fn warning(&mut self, message: &str) {
        self.listener.warning(message);
    }
}
