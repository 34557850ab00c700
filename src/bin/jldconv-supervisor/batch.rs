//! Carries out one run over one archive.

use super::finish::{Ended, finish};
use super::{Stop, follow, internal, usage};
use jldconv::archive::ArrayVars;
use jldconv::cli::{
    Dialogue, Gathered, Layer, Meant, Parsed, Prepared, Run, paths_meant, prepare, resolve,
};
use jldconv::convert::{Converter, Mode, scratch};
use jldconv::dashboard::Both;
use jldconv::report::{
    Circumstances, OnFinish, Preflight, Progress, Screen, check_report, columns, dry_run,
    means_told, start_log, write_report,
};
use jldconv::supervisor::{
    ExitCode, Hooks, Layout, OnConflict, Plan, PlannedJob, Quiet, Reporter as _, RunError,
    RunEvent, Settings,
};
use jldconv::tasks::convert::{self, Survey};
use jldconv::text;
use std::fmt::{Display, Write as _};
use std::io::{self, BufRead, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

pub(super) fn batch(parsed: &Parsed, gathered: Gathered) -> Result<ExitCode, Stop> {
    let somebody = io::stdin().is_terminal() && io::stderr().is_terminal();
    let mut dialogue = Dialogue {
        input: io::stdin().lock(),
        output: io::stderr(),
        columns: columns(&io::stderr()),
    };
    let config = gathered.config.clone();
    let mut said = gathered.said;
    let bare = !said.has("input-dir") && gathered.config.is_none();
    if parsed.cli.start.interactive || (bare && somebody) {
        if !somebody {
            return Err(usage("--interactive needs a terminal"));
        }
        let about = about_machine();
        let Some(answers) = dialogue.ask(said, &about).map_err(usage)? else {
            return Ok(ExitCode::Nothing);
        };
        said = answers;
    }
    let layer = Layer { verbose: parsed.cli.layer.verbose, ..said.layer().map_err(usage)? };
    let named = [&layer.input_dir, &layer.output_dir].into_iter().flatten();
    let paths: Vec<PathBuf> = named.chain(&layer.more_paths).cloned().collect();
    let in_place = layer.conversion.mode == Some(Mode::InPlace);
    let lists = layer.batch.scratch.clone();
    let misplaced = |error: &dyn Display| misplaced(&paths, in_place, error);
    let mut run = resolve(layer, &ArrayVars::from_env(var)).map_err(|error| misplaced(&error))?;
    run.settings.command = said.command("jldconv-supervisor");
    lists.as_deref().map_or(Ok(()), scratch::name).map_err(usage)?;
    // What is wrong with the target or the rules would be wrong with every file.
    let converter = Converter::new(run.settings.options.clone()).map_err(usage)?;
    run.view.report.as_deref().map_or(Ok(()), check_report).map_err(usage)?;
    run.view.on_finish.as_ref().map_or(Ok(()), OnFinish::check).map_err(usage)?;
    let about = about(&run);
    let asking = Asking { paths: &paths, in_place, config: config.as_deref(), somebody };
    let ended = carry_out(&run, &converter, about, asking, &mut dialogue);
    finish(&run, ended, about)
}

/// What there is to know of whoever asks for a run.
#[derive(Clone, Copy)]
struct Asking<'a> {
    /// The paths that were named.
    paths: &'a [PathBuf],
    in_place: bool,
    /// The file of settings, where there is one.
    config: Option<&'a Path>,
    /// Whether there is somebody to be asked.
    somebody: bool,
}

/// From the look into the archive to the run's end.
fn carry_out<I: BufRead, O: io::Write>(
    run: &Run,
    converter: &Converter,
    about: Circumstances,
    asking: Asking<'_>,
    dialogue: &mut Dialogue<I, O>,
) -> Result<Ended, Stop> {
    let misplaced = |error: &dyn Display| misplaced(asking.paths, asking.in_place, error);
    let somebody = asking.somebody;
    let mut screen = Screen::standard(run.view.progress, about)
        .colored(run.view.color)
        .heartbeat(run.view.heartbeat);
    let _log =
        start_log(run.view.verbose, run.view.log.as_deref(), screen.bars()).map_err(usage)?;
    let prepared = prepare(run).map_err(|error| misplaced(&error))?;
    if let Some(nothing) = prepared.nothing(run) {
        return Err(Stop(prepared.nothing_code(), nothing));
    }
    if run.settings.dry_run {
        return foresee(run, &prepared, converter).map(Ended::Unwanted);
    }
    let version = env!("CARGO_PKG_VERSION");
    let others = prepared.others_told(run).unwrap_or_default();
    screen.block(&format!("jldconv {version}\n{}{others}", prepared.overview.block()));
    if let Some(config) = asking.config {
        screen.block(&format!("  settings    {}\n", text::path(config)));
    }
    let hooks = Hooks::default();
    let page = follow::open(run, &hooks.live, about)?;
    let mut survey = convert::survey(&run.settings, &prepared.plan, &hooks, &mut screen)
        .map_err(|error| stopped(&error))?;
    for message in std::mem::take(&mut survey.notes) {
        screen.event(&RunEvent::Warning { message });
    }
    for dir in prepared.plan.unlisted.iter() {
        let message = format!("{dir}: what is in this directory is left out");
        screen.event(&RunEvent::Warning { message });
    }
    survey.others.clone_from(&prepared.others);
    screen.block(&there(&survey));
    let shown = !matches!(run.view.progress, Progress::Json | Progress::None);
    let asks = somebody && shown && !run.view.yes;
    let before = before(run, &prepared.plan, converter, &survey, asks);
    screen.block(&before.block());
    if let Some(message) = before.warning().filter(|_| survey.left > 0) {
        screen.event(&RunEvent::Warning { message });
    }
    if !somebody && !run.view.yes && before.mode == Mode::InPlace {
        return Err(usage(
            "in place the files themselves change, and nobody is here to be asked: say --yes \
             (undo files bring the old bytes back: jldconv undo)",
        ));
    }
    if asks {
        screen.was_asked();
        let question = prepared.question(run);
        if !dialogue.confirm(&question).map_err(internal)? {
            let _ = writeln!(io::stderr(), "nothing was done");
            return Ok(Ended::Unwanted(ExitCode::Done));
        }
    }
    follow::tell(page.as_ref());
    let shard = run.settings.shard;
    let empty = prepared.plan.jobs.is_empty();
    let mut both = Both { reporter: &mut screen, dashboard: page.as_ref() };
    let ended = convert::run(&run.settings, &prepared.plan, survey, &hooks, &mut both);
    let ended = ended.map_err(|error| stopped(&error))?;
    let written = run.view.report.as_ref().map_or(Ok(()), |path| {
        write_report(path, &ended, &Layout::of_run(&ended), about).map_err(internal)
    });
    if let Some(page) = page {
        page.finish();
    }
    // A shard may have no file where there are more tasks than files.
    let code = match ended.exit_code() {
        ExitCode::Nothing if empty && !shard.is_whole() => ExitCode::Done,
        code => code,
    };
    Ok(Ended::Summed(Box::new(ended), written.map(|()| code)))
}

/// Adds, to what is wrong with a run's places, what was probably meant.
fn misplaced(paths: &[PathBuf], in_place: bool, error: &dyn Display) -> Stop {
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    match paths_meant(&paths, in_place) {
        Some(Meant { wrong: Some(wrong), meant }) => usage(format!("{wrong}\n{meant}")),
        Some(Meant { wrong: None, meant }) => usage(format!("{error}\n{meant}")),
        None => usage(error),
    }
}

fn stopped(error: &RunError) -> Stop {
    Stop(error.exit_code(), error.to_string())
}

/// What is told of this machine before any question.
fn about_machine() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let means = convert::means(&Settings::new("", ""), (1 << 20, u64::MAX));
    format!("jldconv {version}\n{}", means_told(&means))
}

/// What is told before the question; all of it where somebody is about to decide.
fn before(
    run: &Run,
    plan: &Plan,
    converter: &Converter,
    survey: &Survey,
    whole: bool,
) -> Preflight {
    let (input, output) = (&run.settings.input_dir, &run.settings.output_dir);
    let left = (survey.left, survey.left_bytes);
    let mut before = Preflight::of(input, output, converter.usual_mode(), left);
    before.backup_dir.clone_from(&run.settings.options.backup_dir);
    before.recursive = run.selection.recursive;
    if whole {
        let jobs = usize::try_from(survey.left).unwrap_or(usize::MAX);
        before.means = Some(convert::means(&run.settings, (jobs, survey.left_bytes)));
        before.seen = Some(convert::look_at_some(plan, &run.settings.options));
        before.earlier_rate = survey.earlier_rate();
    }
    before
}

/// What is told, before the question, of outputs that are there.
fn there(survey: &Survey) -> String {
    let Survey { complete, stale, conflicts, .. } = survey;
    if complete + stale + conflicts == 0 {
        return String::new();
    }
    let mut block = format!("  there       {complete} up to date, {stale} to be made again");
    if *conflicts > 0 {
        let _ = write!(block, ", {conflicts} in the way");
    }
    block.push_str(
        "\n              (made again where the input, the target, what is in rules files, \
         --compress, --shuffle, --block-size, --chunk, --flat-links, --portable or the mode is another; \
         checked again for a higher --verify)\n",
    );
    block
}

/// Tells what a run would do.
fn foresee(run: &Run, prepared: &Prepared, converter: &Converter) -> Result<ExitCode, Stop> {
    let plan = &prepared.plan;
    let edits = run.view.verbose > 0;
    let mut settings = run.settings.clone();
    let fails = settings.on_conflict == OnConflict::Fail && !settings.options.force;
    if fails {
        settings.on_conflict = OnConflict::Skip;
    }
    let hooks = Hooks::default();
    let survey =
        convert::survey(&settings, plan, &hooks, &mut Quiet).map_err(|error| stopped(&error))?;
    for note in &survey.notes {
        let _ = writeln!(io::stderr(), "warning: {}", text::tame(note));
    }
    let there = |place: usize, job: &PlannedJob| survey.there(place, job);
    let before = before(run, plan, converter, &survey, true);
    if let Some(message) = before.warning().filter(|_| survey.left > 0) {
        let _ = writeln!(io::stderr(), "warning: {message}");
    }
    let others = prepared.others_told(run).unwrap_or_default();
    let (found, there_told) = (prepared.overview.block(), self::there(&survey));
    let block = format!("{found}{others}{there_told}{}\n", before.block());
    let mut out = io::stdout().lock();
    let told = out.write_all(block.as_bytes());
    let failed = match told.and_then(|()| dry_run(plan, converter, edits, &there, &mut out)) {
        Ok(foreseen) => foreseen.failed,
        // Whoever read it went away, as `head` does: nobody is left to be told anything.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitCode::Done),
        Err(error) => return Err(internal(error)),
    };
    if fails && survey.conflicts > 0 {
        let many = text::count(survey.conflicts, "conflict");
        let message = format!("{many}: as it is, the run would not begin (--on-conflict)");
        return Err(Stop(ExitCode::Usage, message));
    }
    Ok(if failed > 0 { ExitCode::SomeFailed } else { ExitCode::Done })
}

fn about(run: &Run) -> Circumstances {
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let safety_margin = run.settings.safety_margin;
    Circumstances { cores, safety_margin, portable: run.settings.options.portable }
}

pub(super) fn var(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
