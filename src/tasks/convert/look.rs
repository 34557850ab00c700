//! Looks at what a run would meet and have, before anybody is asked: a few of the files, and what the
//! machine gives. Nothing is written.

use super::dispatch::Conversion;
use crate::convert::{Converter, Mode, Options};
use crate::h5::Checksums;
use crate::inspect::{Case, Detail, inspect_with};
use crate::julia::on_deep_stack;
use crate::migrate::target::Target;
use crate::report::Seen;
use crate::supervisor::stage;
use crate::supervisor::{Means, Plan, Settings};
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

/// Most files that are looked into.
const MOST: usize = 64;
/// How long that may take, whatever the files are.
const PATIENCE: Duration = Duration::from_secs(1);
/// Bytes that are read of each file to learn how fast that goes.
const PIECE: u64 = 4 << 20;

/// What the machine gives a run of so many jobs.
pub fn means(settings: &Settings, jobs: usize) -> Means {
    stage::means(settings, jobs, &Conversion::new(settings, Vec::new()))
}

/// Looks into some files of the plan, evenly over all of it, for a second at most. A file that holds
/// its reader up, or that brings it to an end, costs what is not looked at then.
pub fn look_at_some(plan: &Plan, options: &Options) -> Seen {
    let jobs: Vec<_> = plan.jobs.iter().filter(|job| job.obstacle.is_none()).collect();
    let mut seen = Seen { of: plan.jobs.len() as u64, ..Seen::default() };
    let count = jobs.len().min(MOST);
    let some =
        (0..count).filter_map(|at| jobs.get(at.checked_mul(jobs.len())?.checked_div(count)?));
    let paths: Vec<PathBuf> = some.map(|job| job.input.clone()).collect();
    let (told, hears) = channel();
    let options = options.clone();
    let looking = move || {
        let _ = on_deep_stack(|| look(&paths, &options, &told));
    };
    if std::thread::Builder::new().name("look".into()).spawn(looking).is_err() {
        return seen;
    }
    let until = Instant::now() + PATIENCE;
    let left = || until.saturating_duration_since(Instant::now());
    while let Ok(glance) = hears.recv_timeout(left()) {
        take(&mut seen, glance);
    }
    seen
}

/// What one look tells.
struct Glance {
    era: String,
    case: &'static str,
    /// Bytes that in-place would keep of the file; none where nothing would change.
    undo: Option<u64>,
    /// Bytes read, and how long that took.
    read: (u64, Duration),
}

fn take(seen: &mut Seen, glance: Glance) {
    seen.looked += 1;
    *seen.eras.entry(glance.era).or_default() += 1;
    *seen.cases.entry(glance.case).or_default() += 1;
    seen.undo_bytes = seen.undo_bytes.saturating_add(glance.undo.unwrap_or(0));
    let (bytes, time) = glance.read;
    seen.read_bytes = seen.read_bytes.saturating_add(bytes);
    seen.read_seconds += time.as_secs_f64();
}

fn look(paths: &[PathBuf], options: &Options, told: &Sender<Glance>) {
    let trusted = options.trust_checksums;
    let checksums = if trusted { Checksums::Trusted } else { Checksums::Ignored };
    let Ok(target) = Target::with_rule_files(Some(&options.target), &options.rules) else { return };
    let in_place = options.mode == Mode::InPlace;
    let converter = in_place.then(|| Converter::new(options.clone()).ok()).flatten();
    for path in paths {
        let read = read_some(path).unwrap_or_default();
        let seen = inspect_with(path, &target, Detail::Usual, checksums);
        let (era, case) = match &seen {
            Ok(seen) => {
                let era = seen.data.iter().find_map(|group| group.era.as_ref());
                let current = || match seen.verdict.case {
                    Case::Current => "up to date",
                    _ => "not Mera's",
                };
                let era = era.map_or_else(|| current().to_owned(), |era| era.text.clone());
                (era, words(seen.verdict.case))
            }
            Err(refusal) => ("unknown".to_owned(), words(refusal.outlook("").case)),
        };
        let edits = |converter: &Converter| converter.dry_run(path).ok()?.0.edits;
        let undo = converter.as_ref().and_then(edits);
        // Old bytes, and as much again for what makes them whole and found.
        let undo = undo.map(|list| list.bytes_replaced().saturating_mul(2).saturating_add(512));
        if told.send(Glance { era, case, undo, read }).is_err() {
            return;
        }
    }
}

fn words(case: Case) -> &'static str {
    match case {
        Case::Current => "current",
        Case::Older => "load today, of older types",
        Case::Warns => "load today, with warnings",
        Case::Endangered => "load today, but may not be added to",
        Case::Fails => "not to be loaded today",
        Case::Damaged => "damaged",
        Case::Foreign => "not JLD2",
        Case::Unreadable => "not to be opened",
    }
}

/// Reads the beginning of a file.
fn read_some(path: &PathBuf) -> std::io::Result<(u64, Duration)> {
    let begin = Instant::now();
    let file = File::open(path)?;
    let bytes = std::io::copy(&mut file.take(PIECE), &mut std::io::sink())?;
    Ok((bytes, begin.elapsed()))
}
