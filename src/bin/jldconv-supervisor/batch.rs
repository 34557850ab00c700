//! One run over one archive.

use super::{Stop, internal, usage};
use jldconv::archive::ArrayVars;
use jldconv::cli::{Dialogue, Gathered, Layer, Parsed, Run, prepare, resolve};
use jldconv::convert::Converter;
use jldconv::report::{
    Circumstances, Progress, Screen, check_report, dry_run, start_log, write_report,
};
use jldconv::supervisor::{self, ExitCode, Hooks, WorkerProgram};
use std::io::{self, IsTerminal as _};

pub(super) fn batch(parsed: &Parsed, gathered: Gathered) -> Result<ExitCode, Stop> {
    let somebody = io::stdin().is_terminal() && io::stderr().is_terminal();
    let mut dialogue = Dialogue { input: io::stdin().lock(), output: io::stderr() };
    let mut said = gathered.said;
    let bare = !said.has("input-dir") && gathered.config.is_none();
    if parsed.cli.start.interactive || (bare && somebody) {
        if !somebody {
            return Err(usage("--interactive needs a terminal"));
        }
        let Some(answers) = dialogue.ask(said).map_err(usage)? else {
            return Ok(ExitCode::Nothing);
        };
        said = answers;
    }
    let layer = Layer { verbose: parsed.cli.layer.verbose, ..said.layer().map_err(usage)? };
    let run = resolve(layer, &ArrayVars::from_env(var)).map_err(usage)?;
    // What is wrong with the target or the rules would be wrong with every file.
    let converter = Converter::new(run.settings.options.clone()).map_err(usage)?;
    run.view.report.as_deref().map_or(Ok(()), check_report).map_err(usage)?;
    let mut screen = Screen::standard(run.view.progress, about(&run));
    start_log(run.view.verbose, run.view.log.as_deref(), screen.bars()).map_err(usage)?;
    let prepared = prepare(&run).map_err(usage)?;
    if let Some(nothing) = prepared.nothing(&run) {
        return Err(Stop::Said(ExitCode::Nothing, nothing));
    }
    if run.settings.dry_run {
        let edits = run.view.verbose > 0;
        let foreseen = dry_run(&prepared.plan, &converter, edits, &mut io::stdout().lock());
        return match foreseen {
            Ok(foreseen) if foreseen.failed > 0 => Ok(ExitCode::SomeFailed),
            Ok(_) => Ok(ExitCode::Done),
            // Whoever read it went away, as `head` does: nobody is left to be told anything.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::Done),
            Err(error) => Err(internal(error)),
        };
    }
    let version = env!("CARGO_PKG_VERSION");
    screen.block(&format!("jldconv {version}\n{}", prepared.overview.block()));
    let shown = !matches!(run.view.progress, Progress::Json | Progress::None);
    if somebody && shown && !run.view.yes {
        let question = prepared.question(&run);
        if !dialogue.confirm(&question).map_err(internal)? {
            return Err(Stop::Said(ExitCode::Interrupted, "nothing was done".to_owned()));
        }
    }
    let shard = run.settings.shard;
    let empty = prepared.plan.jobs.is_empty();
    let hooks = Hooks {
        program: WorkerProgram::default(),
        is_complete: &|input, output| converter.is_complete(input, output),
    };
    let ended = supervisor::run(&run.settings, &prepared.plan, &hooks, &mut screen);
    let ended = ended.map_err(|error| Stop::Said(error.exit_code(), error.to_string()))?;
    if let Some(path) = &run.view.report {
        write_report(path, &ended).map_err(internal)?;
    }
    // A shard may have no file where there are more tasks than files.
    Ok(if empty && !shard.is_whole() { ExitCode::Done } else { ended.exit_code() })
}

fn about(run: &Run) -> Circumstances {
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    Circumstances { cores, safety_margin: run.settings.safety_margin }
}

fn var(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
