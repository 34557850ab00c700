//! From a damaged file to a new one.

use super::assemble::assemble;
use super::catalogue::Catalogue;
use super::describe::Describer;
use super::examine::Examined;
use super::judge::Judged;
use super::report::{Found, Outcome, Report};
use super::tree::{self, Tree};
use crate::convert::publish::{Destination, Existing};
use crate::convert::{Failure, FailureKind, Job, LaidOut, LayOut, Observer, Phase};
use crate::h5::{self, Checksums, Error, File, Front, FrontState, Scan, Source, Superblock};
use crate::julia::TypeTable;
use crate::sys::file::Identity;
use std::cell::Cell;

/// Text and superblock, which every file begins with.
const FRONT: u64 = 560;

/// What a rescue keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RescueOptions {
    /// Arrays in chunks of which some are lost, too, with the fill value in their place.
    pub partial: bool,
}

/// Rescues what is whole in the file `job.input` into the file `job.output`. `job.temp_dir` is the
/// output's, as for conversions. The input is opened for reading only.
///
/// Values may nest deeply; [`on_deep_stack`](crate::julia::on_deep_stack) is the place for this.
///
/// # Errors
/// A [`Failure`] that names the file, if it cannot be read, or the output cannot be made; nothing is
/// left under the output's name then. That nothing could be rescued is not an error.
pub fn rescue(
    job: &Job,
    options: RescueOptions,
    existing: &Existing,
    observer: &dyn Observer,
) -> Result<Report, Failure> {
    let source = Source::open(&job.input).map_err(|e| failure(job, &e))?;
    let Some(input) = source.file() else {
        return Err(Failure::new(FailureKind::Internal, "an input without a file"));
    };
    let identity = Identity::of(input).map_err(|e| failure(job, &Error::io(0, e)))?;
    // Before the work begins.
    Destination::open(&job.output)?.check(&identity, existing)?;
    let assessed = assess(&source, options, observer).map_err(|e| failure(job, &e))?;
    let Assessment { mut report, file } = assessed;
    report.input = job.input.display().to_string();
    let Some(file) = file else { return Ok(report) };
    let lay_out = LayOut { job, input, identity: &identity, file: &file, existing, observer };
    let LaidOut { bytes, unread } = lay_out.run()?;
    for (path, error) in unread {
        report
            .notes
            .push(format!("{path} is kept as it is, but no value can be read from it: {error}"));
    }
    report.bytes_out = Some(bytes);
    report.output = Some(job.output.display().to_string());
    Ok(report)
}

/// What is left of a damaged file.
#[derive(Debug)]
pub struct Assessment {
    /// What is to be told; of no output yet.
    pub report: Report,
    /// The file with what is left of it and nothing else, if that is worth writing.
    pub file: Option<File>,
}

/// Finds out what is left of a damaged file; nothing is written.
///
/// # Errors
/// If it cannot be read, or holds more than a rescue takes.
pub fn assess(
    source: &Source,
    options: RescueOptions,
    observer: &dyn Observer,
) -> h5::Result<Assessment> {
    let front = Front::read(source)?;
    let scan = scan(source, observer)?;
    let mut report = Report {
        input: String::new(),
        output: None,
        outcome: Outcome::NothingLeft,
        bytes_in: source.len(),
        bytes_out: None,
        front: front_says(source, &front),
        found: Found {
            headers: scan.headers.len() as u64,
            damaged_headers: scan.broken_count,
            heaps: scan.heaps,
            zero_bytes: scan.zeros.total(),
        },
        rescued: Vec::new(),
        lost: Vec::new(),
        groups_cut: Vec::new(),
        left_out: Vec::new(),
        notes: Vec::new(),
    };
    if source.len() < FRONT {
        return Ok(Assessment { report, file: None });
    }
    let catalogue = Catalogue::new(source, scan, front)?;
    report.found.headers = catalogue.scan.headers.len() as u64;
    if catalogue.scan.headers.is_empty() {
        return Ok(Assessment { report, file: None });
    }
    let examined = examined(&catalogue, options, observer)?;
    let types = TypeTable::new(&catalogue.file);
    let stated = tree::stated_root(&catalogue);
    let judged = Judged::new(&catalogue, &types, examined, stated);
    let root = stated.or_else(|| tree::likely_root(&catalogue, &judged));
    let tree = Tree::new(&catalogue, &judged, root)?;
    let (file, undefined) = assemble(source, &catalogue, &judged, &tree)?;
    let told = Cell::new(0);
    let describer =
        Describer { catalogue: &catalogue, judged: &judged, tree: &tree, types: &types, told };
    let more;
    (report.lost, more) = describer.lost();
    report.rescued = describer.rescued(&undefined);
    report.groups_cut = describer.groups_cut();
    report.left_out = describer.left_out();
    report.notes = describer.attributes_lost();
    report.notes.extend(describer.of_groups());
    if more > 0 {
        report.notes.push(format!("{more} more losses are not told one by one"));
    }
    report.outcome = outcome(&catalogue, &report, &tree);
    let worth = matches!(report.outcome, Outcome::Rescued | Outcome::RescuedInPart);
    Ok(Assessment { report, file: worth.then_some(file) })
}

fn outcome(catalogue: &Catalogue, report: &Report, tree: &Tree) -> Outcome {
    let nothing_lost = tree.is_complete()
        && report.lost.is_empty()
        && report.notes.is_empty()
        && report
            .rescued
            .iter()
            .all(|it| it.undefined.is_empty() && it.filled.is_empty() && !it.renamed);
    let certain = report.rescued.iter().all(|it| it.doubtful.is_empty());
    if nothing_lost && catalogue.front.state == FrontState::Whole {
        Outcome::NothingToRescue
    } else if report.rescued.is_empty() {
        Outcome::NothingLeft
    } else if nothing_lost && certain {
        Outcome::Rescued
    } else {
        Outcome::RescuedInPart
    }
}

/// What is wrong with text and superblock.
fn front_says(source: &Source, front: &Front) -> Option<String> {
    match front.state {
        FrontState::Whole => None,
        FrontState::NoText => Some(
            "the text of JLD2 in front of the superblock is missing: JLD2 refuses the file"
                .to_owned(),
        ),
        FrontState::CutShort => {
            let end = front.end_of_file.unwrap_or(0);
            let len = source.len();
            (end > len)
                .then(|| format!("the file ended at byte {end} and is cut off at byte {len}"))
                .or_else(|| {
                    Superblock::read(source, Checksums::Trusted).err().map(|e| e.to_string())
                })
        }
        FrontState::Zero | FrontState::Lost => {
            Superblock::read(source, Checksums::Trusted).err().map(|e| e.to_string())
        }
    }
}

fn scan(source: &Source, observer: &dyn Observer) -> h5::Result<Scan> {
    let len = source.len();
    Scan::run(source, &mut |done| going_on(observer, done, 2 * len))
}

fn examined(
    catalogue: &Catalogue,
    options: RescueOptions,
    observer: &dyn Observer,
) -> h5::Result<Examined> {
    let len = catalogue.file.source().len();
    Examined::of(catalogue, options.partial, &mut |done| going_on(observer, len + done, 2 * len))
}

fn going_on(observer: &dyn Observer, done: u64, total: u64) -> h5::Result<()> {
    observer.progress(Phase::Plan, done, total);
    if observer.cancelled() { Err(Error::cancelled()) } else { Ok(()) }
}

fn failure(job: &Job, error: &Error) -> Failure {
    crate::convert::read_failure(&job.input, error)
}
