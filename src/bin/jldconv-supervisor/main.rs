//! Converts an archive with many workers. All of it is in the library: this parses, calls, and maps
//! to exit codes.

mod ask;
mod batch;
mod export;
mod finish;
mod follow;
mod look;
mod reading;
mod scan;
mod series;
mod tune;
mod verify;

use jldconv::archive::ArrayVars;
use jldconv::cli::{
    Gathered, Layer, Parsed, ReportArgs, SUBMIT, SlurmArgs, SupervisorCli, SupervisorCommand,
    asked_for_in_vain, completions, prepare, refuse, resolve, script, submit, supervisor_meant,
};
use jldconv::convert::{Converter, scratch};
use jldconv::report::{
    Circumstances, advice, check_report, fitted, shards, summary, write_file, write_report,
};
use jldconv::supervisor::{self, ExitCode, Order, UnderWay};
use jldconv::sys::process::give_large_blocks_back;
use jldconv::text;
use jldconv::{tasks, worker};
use std::ffi::OsString;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

fn main() -> std::process::ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    if args.get(1).is_some_and(|arg| arg == worker::SUBCOMMAND) {
        return tasks::worker_main(args.into_iter().skip(2));
    }
    if args.get(1).is_some_and(|arg| arg == tasks::convert::LOOK) {
        return tasks::convert::look_main();
    }
    // Not of workers: of what they read, buffers come and go with each file.
    give_large_blocks_back();
    match start(&args) {
        Ok(code) => code.into(),
        Err(stop) => stop.end().into(),
    }
}

/// Why there is no run: the exit code, and what to say.
struct Stop(ExitCode, String);

impl Stop {
    fn end(self) -> ExitCode {
        complain(&self.1);
        self.0
    }
}

/// Says that something is wrong where the rest goes on.
fn complain(message: &str) {
    let _ = writeln!(io::stderr(), "error: {}", text::tame_lines(message.trim_end()));
}

/// For errors that are the command line's or the configuration's.
fn usage(error: impl std::fmt::Display) -> Stop {
    Stop(ExitCode::Usage, error.to_string())
}

fn internal(error: impl std::fmt::Display) -> Stop {
    Stop(ExitCode::Internal, error.to_string())
}

fn start(args: &[OsString]) -> Result<ExitCode, Stop> {
    let parsed = match Parsed::from_args(args.iter().cloned()) {
        Err(error) => {
            let meant = supervisor_meant(&error, args);
            return Ok(refuse("jldconv-supervisor", error, args, meant));
        }
        Ok(parsed) => parsed,
    };
    if let Some(message) = asked_for_in_vain(std::env::vars_os()) {
        return Err(usage(message));
    }
    scratch::obey_test();
    if let Some(dir) = parsed.cli.command.as_ref().and_then(SupervisorCommand::scratch) {
        scratch::name(dir).map_err(usage)?;
    }
    match &parsed.cli.command {
        Some(SupervisorCommand::Completions(args)) => {
            put(&completions::<SupervisorCli>(args.shell));
            return Ok(ExitCode::Done);
        }
        Some(SupervisorCommand::Report(args)) => return report(args),
        Some(SupervisorCommand::Status(args)) => return ask::tell_status(args),
        Some(SupervisorCommand::Drain(args)) => return ask::order(args, Order::Drain),
        Some(SupervisorCommand::Stop(args)) => return ask::order(args, Order::Stop),
        Some(SupervisorCommand::Verify(args)) => return verify::verify(args),
        Some(SupervisorCommand::Scan(args)) => return scan::scan(args),
        Some(SupervisorCommand::Export(args)) => return export::export(args),
        Some(SupervisorCommand::Series(args)) => return series::series(args),
        Some(SupervisorCommand::Look(args)) => return look::look(args),
        Some(SupervisorCommand::Tune(args)) => return tune::tune(args.as_ref().clone()),
        // Those two have settings.
        Some(SupervisorCommand::Slurm(_)) | None => {}
    }
    let gathered = parsed.gather(std::env::vars_os(), Path::new("")).map_err(usage)?;
    for name in &gathered.unknown {
        let _ = writeln!(io::stderr(), "warning: {name} is not a setting of jldconv");
    }
    match &parsed.cli.command {
        Some(SupervisorCommand::Slurm(args)) => job_array(args, gathered),
        _ => batch::batch(&parsed, gathered),
    }
}

fn job_array(args: &SlurmArgs, gathered: Gathered) -> Result<ExitCode, Stop> {
    args.out.as_deref().map_or(Ok(()), check_report).map_err(usage)?;
    let mut said = gathered.said;
    said.make_absolute().map_err(internal)?;
    let layer = Layer { verbose: args.layer.verbose, ..said.layer().map_err(usage)? };
    let run = resolve(layer.clone(), &ArrayVars::default()).map_err(usage)?;
    Converter::new(run.settings.options.clone()).map_err(usage)?;
    let program = std::env::current_exe().map_err(internal)?;
    let script = script(&args.ask, &program, &said, &layer).map_err(usage)?;
    let prepared = prepare(&run).map_err(usage)?;
    if let Some(nothing) = prepared.nothing(&run) {
        return Err(Stop(prepared.nothing_code(), nothing));
    }
    let files = prepared.overview.taken;
    if let Some(message) = args.ask.check(files).map_err(usage)? {
        let _ = writeln!(io::stderr(), "warning: {message}");
    }
    if let Some(path) = &args.out {
        write_file(path, &mut |out| out.write_all(script.as_bytes())).map_err(internal)?;
    }
    if args.ask.submit {
        let job = submit(&script).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                usage("there is no sbatch here: without --submit the script is printed")
            }
            _ => internal(error),
        })?;
        put(&format!(
            "submitted job array {job}: {}\n",
            text::count(args.ask.tasks.into(), "task")
        ));
    } else if let Some(path) = &args.out {
        let path = text::shell_path(path);
        let _ = writeln!(io::stderr(), "to submit it: sbatch {path}");
    } else {
        put(&script);
        let _ = writeln!(io::stderr(), "{SUBMIT}");
    }
    Ok(ExitCode::Done)
}

fn report(args: &ReportArgs) -> Result<ExitCode, Stop> {
    let files = || args.html.iter().chain(&args.csv);
    files().try_for_each(|path| check_report(path)).map_err(usage)?;
    let mut merged = supervisor::merged(&args.output_dir)
        .map_err(|error| ask::nothing(&args.output_dir, &error))?;
    for note in &merged.notes {
        let _ = writeln!(io::stderr(), "warning: {note}");
    }
    if merged.shards.iter().all(|shard| shard.run_id.is_none())
        && merged.summary.files.is_empty()
        && !args.json
    {
        if merged.summary.under_way.as_ref().is_some_and(UnderWay::runs) {
            let dir = text::path(&args.output_dir);
            let told = format!("{dir}: a run has just begun here; ask again in a moment");
            return Err(Stop(ExitCode::Interrupted, told));
        }
        let told = ask::no_conversion(&args.output_dir);
        return Err(Stop(ExitCode::Nothing, format!("{told}; nothing was done")));
    }
    // On how many cores, and how close to the limit, is not in the journals.
    let about = Circumstances { cores: 0, safety_margin: 1.0, portable: merged.portable };
    for path in files() {
        write_report(path, &merged.summary, &merged.layout, about).map_err(internal)?;
    }
    if let (Some(path), left @ 1..) = (&args.csv, merged.summary.pending) {
        let ended = text::count(merged.summary.files.len() as u64, "file");
        let path = text::path(path);
        let _ = writeln!(io::stderr(), "{path}: {ended} so far; {left} left");
    }
    merged.summary.recommendations = advice(&merged.summary, about);
    if args.json {
        // Piece by piece: there may be a hundred thousand files.
        let mut out = BufWriter::new(io::stdout().lock());
        match serde_json::to_writer_pretty(&mut out, &merged) {
            // A reader that went away is not an error.
            Ok(()) => drop(out.write_all(b"\n").and_then(|()| out.flush())),
            Err(error) if error.is_io() => {}
            Err(error) => return Err(internal(error)),
        }
    } else {
        put(&fitted(&shards(&merged.shards)));
        put(&fitted(&summary(&merged.summary, about)));
    }
    Ok(merged.summary.exit_code())
}

/// Writes to standard output; a reader that went away is not an error.
fn put(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush());
}
