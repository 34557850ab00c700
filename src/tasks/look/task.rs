//! Looks at one file, in a worker: measures what it shows, or draws it.

use crate::convert::publish::Existing;
use crate::convert::{Failure, FailureKind, Job, Observer, Phase, read_failure};
use crate::h5::Checksums;
use crate::julia::DEEP_STACK;
use crate::numbers::map::{Extremes, Reading, Request, Seen, Shade, View};
use crate::numbers::picture::{Colours, Look, draw};
use crate::numbers::{MeraFile, NumbersError, make_file};
use crate::supervisor::{Fault, JobOutcome, JobRecord};
use crate::sys::file::is_full;
use crate::sys::stat::StatData;
use crate::tasks::in_worker::{Errand, may_give_way, set_aside};
use crate::tasks::reading::ReadingTask;
use crate::worker::Task;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read as _, Write};

/// Anonymous memory that a look takes beside its pixels, in bytes.
const FIRST_GUESS: u64 = 128 << 20;
/// Bytes of a picture's pixel, and of a map's.
const PIXEL: u64 = 32;
/// What stands in pictures that this task makes, behind their head: it may replace these.
const MARK: &str = "jldconv-supervisor look";
/// Bytes at the beginning of a PNG file in which the mark is.
const HEAD: usize = 128;

/// A float that comes back from JSON with all its bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Exact(u64);

impl From<f64> for Exact {
    fn from(x: f64) -> Self {
        Self(x.to_bits())
    }
}

impl From<Exact> for f64 {
    fn from(exact: Exact) -> Self {
        Self::from_bits(exact.0)
    }
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawing {
    low: Exact,
    high: Exact,
    log: bool,
    /// Each file has a scale of its own instead.
    own: bool,
    colours: Colours,
    side: usize,
}

impl Drawing {
    /// With this scale, or where there is none with one that suits each file.
    pub fn new(shade: Option<Shade>, colours: Colours, side: usize) -> Self {
        let Shade { low, high, log } = shade.unwrap_or(Shade { low: 0.0, high: 0.0, log: false });
        Self { low: low.into(), high: high.into(), log, own: shade.is_none(), colours, side }
    }
}

/// What is looked at, and what is made of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LookOptions {
    /// What is looked at.
    pub request: Request,
    /// The ends of a phase diagram's axes.
    pub(super) ends: Option<[[Exact; 2]; 2]>,
    /// How it is drawn; without this it is measured.
    pub drawing: Option<Drawing>,
    /// How colours are divided, and limits, where each file has its own scale: as given.
    pub scale: crate::numbers::map::Division,
    /// The limits that are given.
    pub limits: [Option<f64>; 2],
    /// Whether wrong checksums of metadata count.
    pub trust: bool,
    /// Whether pictures are made also where something else has their names, which is kept.
    pub force: bool,
}

/// What came of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    /// The smallest and largest number, and the smallest above 0.
    extremes: Option<[Exact; 3]>,
    /// The ends of both axes.
    ends: [[Exact; 2]; 2],
    /// What is to be said of rows that are not shown.
    pub warnings: Vec<String>,
    /// What `stat` tells of the picture.
    made: Option<StatData>,
}

/// What came of a file, or why nothing did.
pub type Outcome = Result<Looked, (Fault, String)>;

impl Looked {
    /// The smallest and largest number.
    pub fn extremes(&self) -> Option<Extremes> {
        let [low, high, positive] = self.extremes?.map(f64::from);
        Some(Extremes { low, high, positive })
    }

    /// The ends of both axes.
    pub(super) fn ends(&self) -> [[f64; 2]; 2] {
        self.ends.map(|axis| axis.map(f64::from))
    }
}

/// Looks at files.
#[derive(Debug, Default)]
pub struct LookTask;

impl Task for LookTask {
    type Options = Errand<LookOptions>;
    type Output = Looked;
    const NAME: &'static str = "look";
    const DEEP: bool = true;

    fn run(
        &self,
        job: &Job,
        asked: Errand<LookOptions>,
        observer: &dyn Observer,
    ) -> Result<Looked, Failure> {
        observer.progress(Phase::Plan, 0, 1);
        look(job, &asked, observer).map_err(|error| failure(job, error))
    }
}

fn look(
    job: &Job,
    Errand { options, outdated }: &Errand<LookOptions>,
    observer: &dyn Observer,
) -> Result<Looked, NumbersError> {
    let checksums = if options.trust { Checksums::Trusted } else { Checksums::Ignored };
    let file = MeraFile::open(&job.input, checksums)?;
    let rows = Cell::new(0_u64);
    let heard = |more: u64| {
        rows.set(rows.get().saturating_add(more));
        observer.progress(Phase::Plan, rows.get(), rows.get());
        if observer.cancelled() { Err(NumbersError::stopped()) } else { Ok(()) }
    };
    let threads = Some(observer.threads().unwrap_or(1));
    let reading = Reading { threads, cache: None, waiting: None, watch: Some(&heard) };
    let mut request = options.request.clone();
    if let View::Phase(ask) = &mut request.view {
        ask.ends = options.ends.map(|ends| ends.map(|axis| axis.map(f64::from)));
    }
    let seen = request.look(&file, &reading)?;
    let made = match &options.drawing {
        Some(drawing) => Some(picture((job, *outdated), options, drawing, (&file, &seen))?),
        None => None,
    };
    let extremes = seen.map.extremes();
    Ok(Looked {
        extremes: extremes.map(|it| [it.low, it.high, it.positive].map(Exact::from)),
        ends: seen.map.axes.each_ref().map(|axis| [axis.low, axis.high].map(Exact::from)),
        warnings: seen.map.left_out.told(),
        made,
    })
}

fn picture(
    (job, outdated): (&Job, Option<StatData>),
    options: &LookOptions,
    drawing: &Drawing,
    (file, seen): (&MeraFile, &Seen),
) -> Result<StatData, NumbersError> {
    let shade = if drawing.own {
        Shade::of(seen.map.extremes(), options.scale, options.limits)?
    } else {
        Shade { low: drawing.low.into(), high: drawing.high.into(), log: drawing.log }
    };
    let title = seen.title(&job.input);
    let canvas =
        draw(&seen.map, &Look { shade, colours: drawing.colours, title, side: drawing.side });
    let input = file.file().container().source().file();
    let input = input.ok_or_else(|| io::Error::other("an input without a file"))?;
    let existing = existing(job, outdated, options.force)?;
    make_file(job, input, &existing, |out: &mut dyn Write| canvas.write_marked(MARK, out))
}

/// What may be replaced: what an earlier run made, other pictures that this task made, and with `force`
/// whatever is there. All of it but the first is kept: nobody knows whether such a picture was changed
/// since, or is of another archive.
fn existing(job: &Job, outdated: Option<StatData>, force: bool) -> io::Result<Existing> {
    may_give_way(job, outdated, |what, kind| {
        let may = force || (kind.is_file() && is_ours(job)?);
        Ok(if may { set_aside(job, what, LookTask::NAME) } else { Existing::Keep })
    })
}

fn is_ours(job: &Job) -> io::Result<bool> {
    let mut head = Vec::new();
    File::open(&job.output)?.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head.windows(MARK.len()).any(|window| window == MARK.as_bytes()))
}

fn failure(job: &Job, error: NumbersError) -> Failure {
    match error {
        error if error.is_stopped() => Failure::new(FailureKind::Cancelled, "stopped"),
        NumbersError::Read { source, .. } => read_failure(&job.input, &source),
        NumbersError::Publish(error) => error.into(),
        NumbersError::Output(error) => {
            let kind = if is_full(&error) { FailureKind::Full } else { FailureKind::Output };
            Failure::new(kind, format!("{}: {error}", job.output.display()))
        }
        error => Failure::new(FailureKind::Input, error.to_string()),
    }
}

impl ReadingTask for LookTask {
    type Request = LookOptions;

    fn first_guess(options: &LookOptions) -> u64 {
        let side = options.drawing.as_ref().map_or(0, |drawing| drawing.side as u64);
        FIRST_GUESS.saturating_add(PIXEL.saturating_mul(side.saturating_mul(side)))
    }

    const RESERVED: u64 = DEEP_STACK as u64;
    const MAKES: bool = true;

    fn tell(looked: &Looked, record: &mut JobRecord) {
        record.outcome = JobOutcome::Unchanged;
        record.message = looked.warnings.first().cloned();
    }

    fn made(looked: &Looked) -> Option<StatData> {
        looked.made
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mera::region::RegionWish;
    use crate::numbers::map::{Division, MapAsk};
    use crate::protocol::{decode, encode_payload};

    #[test]
    fn options_come_over_and_come_back_from_a_journal() {
        let view = View::Map(MapAsk { name: "sd".into(), slice: Some(0.3), ..MapAsk::default() });
        let region = RegionWish { ranges: [[Some(-0.1), None]; 3], ..RegionWish::default() };
        let request = Request {
            table: None,
            view,
            condition: Some("level == 10".into()),
            region,
            rows: None,
        };
        let shade = Shade { low: 0.1 + 0.2, high: 1e300 / 3.0, log: true };
        let options = LookOptions {
            request,
            ends: Some([[(1.0_f64 / 3.0).into(), f64::INFINITY.into()]; 2]),
            drawing: Some(Drawing::new(Some(shade), Colours::Magma, 900)),
            scale: Division::Log,
            limits: [Some(1e-3), None],
            trust: true,
            force: false,
        };
        let over: LookOptions = decode(&encode_payload(&options).unwrap()).unwrap();
        assert_eq!(over, options);
        let json = serde_json::to_string(&options).unwrap();
        assert_eq!(serde_json::from_str::<LookOptions>(&json).unwrap(), options);
    }
}
