//! Measures how many workers and threads suit an archive.

use super::{Stop, complain, internal, put, usage};
use jldconv::archive::{Selection, discover};
use jldconv::cli::{TuneArgs, options};
use jldconv::convert::Mode;
use jldconv::report::{check_report, fitted, write_file};
use jldconv::supervisor::{Bounds, ExitCode, Hooks, Settings, Slurm};
use jldconv::tasks::sample::{SamplePlace, choose};
use jldconv::tasks::tune::{self, Setting, TuneError, Tuning};
use jldconv::text;
use std::io::{self, IsTerminal as _, Write as _};

pub(super) fn tune(args: TuneArgs) -> Result<ExitCode, Stop> {
    let options = options(args.conversion).map_err(usage)?;
    if options.mode == Mode::InPlace {
        return Err(usage("in place is not measured: it would change the archive's files"));
    }
    if let Some(path) = &args.html {
        check_report(path).map_err(usage)?;
    }
    let selection = Selection::of(args.prefix, args.globs, args.recursive);
    let archive = discover(&args.input, &selection, args.output.as_deref()).map_err(usage)?;
    for dir in &archive.unlisted {
        complain(&format!("{dir}: what is in it is not measured with"));
    }
    let taken = |number| args.range.as_ref().is_none_or(|range| range.takes(number));
    let files = archive.files.into_iter();
    let files = files.filter(|file| file.obstacle.is_none() && taken(file.number));
    let files: Vec<_> = files.map(|file| (file.path, file.bytes)).collect();
    let (dir, found) = (text::path(&args.input), files.len() as u64);
    let output = args.output.clone().unwrap_or_else(std::env::temp_dir);
    if args.output.is_none() {
        let output = text::path(&output);
        let _ = writeln!(io::stderr(), "note: outputs go to {output}: name OUT to measure there");
    }
    let place = SamplePlace::new(&output)
        .map_err(|error| usage(format!("{}: {error}", text::path(&output))))?;
    // Outputs of one setting are there at a time.
    let sample = choose(files, args.files, args.sample.0.min(place.free / 2));
    if sample.files.is_empty() {
        let bound = text::bytes(args.sample.0.min(place.free / 2));
        let message = match found {
            0 => format!("{dir}: no file to measure with"),
            _ => format!("{dir}: no file is smaller than the sample's {bound} (--sample)"),
        };
        return Err(Stop(ExitCode::Nothing, message));
    }
    let cores = Bounds::now(Settings::SAFETY_MARGIN, Slurm::from_env()).cores;
    let most = args.max_workers.unwrap_or(cores.saturating_mul(2)).min(sample.files.len());
    let hooks = Hooks::default();
    let tuning = Tuning {
        sample: &sample,
        options: &options,
        place: &place,
        cores,
        most,
        rounds: args.rounds,
        time: args.time.0,
        hooks: &hooks,
    };
    let shown = io::stderr().is_terminal();
    let mut told = |round: usize, setting: Setting| {
        if shown {
            let workers = text::count(setting.workers as u64, "worker");
            let threads = text::count(setting.threads as u64, "thread");
            let round = round.saturating_add(1);
            let _ = write!(io::stderr(), "\r\x1b[Kround {round}: {workers}, {threads} each");
        }
    };
    let tuned = tune::tune(&tuning, &mut told);
    if shown {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
    let tuned = tuned.map_err(|error| match error {
        TuneError::Run(error) => Stop(error.exit_code(), error.to_string()),
        TuneError::Interrupted => Stop(ExitCode::Interrupted, error.to_string()),
        error => Stop(ExitCode::SomeFailed, error.to_string()),
    })?;
    if args.json {
        put(&format!("{}\n", serde_json::to_string_pretty(&tuned).map_err(internal)?));
    } else {
        put(&fitted(&tune::table(&tuned)));
    }
    if let Some(path) = &args.html {
        write_file(path, &mut |out| tune::page(&tuned, out)).map_err(internal)?;
    }
    Ok(ExitCode::Done)
}
