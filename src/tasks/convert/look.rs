//! Looks at what a run would meet and have, before anybody is asked: a few of the files, and what the
//! machine gives. Nothing is written.

use super::dispatch::Conversion;
use super::resume::Orders;
use super::wire::WireOptions;
use crate::convert::{Converter, Mode, Options, scratch};
use crate::h5::Checksums;
use crate::inspect::{Case, Detail, inspect_with};
use crate::julia::{DEEP_STACK, on_deep_stack};
use crate::migrate::target::Target;
use crate::protocol::{Decoder, WirePath, encode};
use crate::report::Seen;
use crate::supervisor::stage;
use crate::supervisor::{Means, Plan, Settings};
use crate::sys::process;
use crate::worker::around_a_look;
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

/// The hidden subcommand by which an executable looks into files.
pub const LOOK: &str = "__look";
/// Bytes of memory that looking may take.
const MEMORY: u64 = 256 << 20;
/// Most files that are looked into.
const MOST: usize = 64;
/// How long that may take, whatever the files are.
const PATIENCE: Duration = Duration::from_secs(1);
/// Bytes that are read of each file to learn how fast that goes.
const PIECE: u64 = 4 << 20;

/// What the machine gives a run of so many jobs, of so many bytes in all.
pub fn means(settings: &Settings, load: (usize, u64)) -> Means {
    stage::means(settings, load, &Conversion::new(settings, Orders::default()))
}

/// Looks into some files of the plan, evenly over all of it, for a second at most. A process of its
/// own does it: a file that holds that up, or brings it to an end, costs what is not looked at then.
pub fn look_at_some(plan: &Plan, options: &Options) -> Seen {
    let jobs: Vec<_> = plan.jobs.iter().filter(|job| job.obstacle.is_none()).collect();
    let mut seen = Seen { of: plan.jobs.len() as u64, ..Seen::default() };
    let count = jobs.len().min(MOST);
    let some =
        (0..count).filter_map(|at| jobs.get(at.checked_mul(jobs.len())?.checked_div(count)?));
    let paths = some.map(|job| job.input.as_path().into()).collect();
    let request = encode(&Request { parent: std::process::id(), paths, options: options.into() });
    let (Ok(request), Ok(mut child)) = (request, start()) else { return seen };
    let (told, hears) = channel();
    if let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) {
        let listen = move || listen(&request, to, from, &told);
        // Without a thread nothing is heard.
        let _ = std::thread::Builder::new().name("look".into()).spawn(listen);
    }
    let until = Instant::now() + PATIENCE;
    let left = || until.saturating_duration_since(Instant::now());
    while let Ok(glance) = hears.recv_timeout(left()) {
        take(&mut seen, glance);
    }
    let _ = child.kill();
    let _ = child.wait();
    seen
}

fn start() -> io::Result<Child> {
    let mut command = Command::new("/proc/self/exe");
    scratch::hand_on(&mut command);
    command.arg(LOOK).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()
}

/// Says what to look at, and hands on what is seen.
fn listen(request: &[u8], mut to: ChildStdin, mut from: ChildStdout, told: &Sender<Glance>) {
    if to.write_all(request).is_err() {
        return;
    }
    drop(to);
    let mut decoder = Decoder::default();
    let mut piece = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        decoder.push(piece.get(..count).unwrap_or_default());
        while let Ok(Some(glance)) = decoder.take() {
            if told.send(glance).is_err() {
                return;
            }
        }
    }
}

/// The `main` of a process that looks into files. To be called first in the program's own `main`.
pub fn look_main() -> ExitCode {
    scratch::inherit();
    match looked() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn looked() -> Result<(), Box<dyn Error>> {
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes)?;
    let mut decoder = Decoder::default();
    decoder.push(&bytes);
    let request: Request = decoder.take()?.ok_or("nothing to look at")?;
    if !process::die_with(request.parent)? {
        return Ok(());
    }
    process::limit_data(Some(MEMORY + DEEP_STACK as u64))?;
    let (paths, options) = (request.paths.into_iter().map(PathBuf::from), request.options.into());
    on_deep_stack(|| look(paths, &options, &mut io::stdout()))??;
    Ok(())
}

/// What is to be looked at.
#[derive(Serialize, Deserialize)]
struct Request {
    /// Who wants to know.
    parent: u32,
    paths: Vec<WirePath>,
    options: WireOptions,
}

/// What one look tells.
#[derive(Serialize, Deserialize)]
struct Glance {
    era: String,
    case: String,
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

fn look(
    paths: impl Iterator<Item = PathBuf>,
    options: &Options,
    told: &mut dyn Write,
) -> Result<(), String> {
    let trusted = options.trust_checksums;
    let checksums = if trusted { Checksums::Trusted } else { Checksums::Ignored };
    let target = Target::with_rule_files(Some(&options.target), &options.rules);
    let target = target.map_err(|error| error.to_string())?;
    let in_place = options.mode == Mode::InPlace;
    let converter = in_place.then(|| Converter::new(options.clone()).ok()).flatten();
    for path in paths {
        let read = read_some(&path).unwrap_or_default();
        let look = || inspect_with(&path, &target, Detail::Usual, checksums);
        let seen = around_a_look(&path, look)?;
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
        let edits = |converter: &Converter| converter.dry_run(&path).ok()?.0.edits;
        let undo = converter.as_ref().and_then(edits);
        // Old bytes, and as much again for what makes them whole and found.
        let undo = undo.map(|list| list.bytes_replaced().saturating_mul(2).saturating_add(512));
        let glance = encode(&Glance { era, case: case.to_owned(), undo, read });
        let written = told.write_all(&glance.map_err(|error| error.to_string())?);
        written.and_then(|()| told.flush()).map_err(|error| error.to_string())?;
    }
    Ok(())
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
fn read_some(path: &Path) -> io::Result<(u64, Duration)> {
    let begin = Instant::now();
    let file = File::open(path)?;
    let bytes = io::copy(&mut file.take(PIECE), &mut io::sink())?;
    Ok((bytes, begin.elapsed()))
}
