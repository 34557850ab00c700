//! Makes a series of an archive with a worker for each file.

use super::reading::{self, Bar, unwritten};
use super::{Stop, internal, usage};
use jldconv::archive::{Found, Placement, Selection, discover, same_place};
use jldconv::cli::SeriesArgs;
use jldconv::numbers::picture::{MOST_PANELS, PictureForm, lines};
use jldconv::report::{check_report, unfinished, write_file};
use jldconv::supervisor::{ExitCode, Hooks};
use jldconv::tasks::series::{
    Answered, Form, Making, Note, SeriesListener, SeriesTable, series as make,
};
use jldconv::text;
use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Files that are named at once.
const MOST_NAMED: usize = 20;

pub(super) fn series(args: &SeriesArgs) -> Result<ExitCode, Stop> {
    let text = args.question().map_err(|error| usage(format!("--where: {error}")))?;
    let question = text.read().map_err(usage)?;
    let form = args.out.as_deref().map_or(Ok(Form::Csv), Form::of).map_err(usage)?;
    if let Some(path) = &args.out {
        check_report(path).map_err(usage)?;
    }
    if let Some(path) = &args.plot {
        check_report(path).map_err(usage)?;
        if PictureForm::of(path).is_none() {
            let message = format!("{}: a plot is drawn as .png or .svg", text::path(path));
            return Err(usage(message));
        }
    }
    let files = files(args)?;
    for file in files.iter().filter(|file| file.obstacle.is_none()) {
        let _ = unfinished::warn(&file.path, None);
    }
    let settings = reading::settings([&args.dir, &args.dir], args.workers, &args.limits);
    let hooks = Hooks::default();
    let mut teller = Teller::new(files.len());
    let journal = args.journal.as_deref();
    let making = Making { settings: &settings, text, question: &question, journal, hooks: &hooks };
    let ended = make(&files, making, &mut teller);
    teller.bar.0.finish_and_clear();
    let (summary, table) = ended.map_err(|error| Stop(error.exit_code(), error.to_string()))?;
    if let Some(error) = summary.error {
        return Err(Stop(ExitCode::Internal, error));
    }
    if summary.pending > 0 {
        let hint = if journal.is_some() { "run the same again" } else { "--journal keeps rows" };
        let count = text::count(summary.pending, "snapshot");
        let message = format!("interrupted: {count} were not read, nothing was written ({hint})");
        return Err(Stop(ExitCode::Interrupted, message));
    }
    let told = tell(&table);
    if let Some(path) = &args.out {
        write_file(path, &mut |out| table.write(form, out)).map_err(internal)?;
    } else {
        let mut out = BufWriter::new(io::stdout().lock());
        if let Err(error) = table.write(form, &mut out).and_then(|()| out.flush()) {
            return unwritten(&error);
        }
    }
    let mut told = told;
    if let Some(path) = &args.plot {
        told.push_str(&plot(&table, path)?);
    }
    // Nobody else could be told.
    let _ = io::stderr().write_all(told.as_bytes());
    Ok(if table.failed.is_empty() { ExitCode::Done } else { ExitCode::SomeFailed })
}

/// The snapshots, in the order of their numbers.
fn files(args: &SeriesArgs) -> Result<Vec<Found>, Stop> {
    let dir = &args.dir;
    if !dir.is_dir() {
        return Err(usage(format!("{}: there is no such directory", text::path(dir))));
    }
    if let Some(journal) = &args.journal
        && matches!(same_place(dir, journal), Ok(Placement::Same))
    {
        let journal = text::path(journal);
        let message = format!("--journal {journal}: that is the archive, where nothing is written");
        return Err(usage(message));
    }
    let selection = Selection::prefix(&args.prefix);
    let found = discover(dir, &selection, None);
    let mut files = found.map_err(|error| Stop(ExitCode::SomeFailed, error.to_string()))?.files;
    if let Some(range) = &args.range {
        files.retain(|file| file.number.is_some_and(|number| range.contains(number)));
    }
    if files.is_empty() {
        let range = args.range.as_ref();
        let range = range.map_or_else(String::new, |range| format!(" in the range {range}"));
        let shown = text::tame(&selection.shown());
        let message = format!("{}: no file is named {shown}{range} (--prefix)", text::path(dir));
        return Err(Stop(ExitCode::Nothing, message));
    }
    Ok(files)
}

/// Draws the series; says what is not drawn.
fn plot(table: &SeriesTable, path: &Path) -> Result<String, Stop> {
    let Some(form) = PictureForm::of(path) else { return Ok(String::new()) };
    let (along, mut panels) = table.panels();
    let mut said = String::new();
    panels.retain(|panel| {
        let there = panel.numbers.iter().any(|x| x.is_finite());
        if !there {
            said.push_str(&text::tame(&format!(
                "{} is not drawn: there are no numbers",
                panel.label
            )));
            said.push('\n');
        }
        there
    });
    if let Some(more) = panels.len().checked_sub(MOST_PANELS).filter(|more| *more > 0) {
        let _ = writeln!(said, "the last {more} columns are not drawn: {MOST_PANELS} are at most");
    }
    if panels.is_empty() {
        return Ok(format!("{said}{}: nothing is drawn\n", text::path(path)));
    }
    write_file(path, &mut |out| lines(&along, &panels, form, out)).map_err(internal)?;
    Ok(said)
}

/// What is said of a series beside its numbers.
fn tell(table: &SeriesTable) -> String {
    let mut said = String::new();
    let mut line = |text: String| {
        said.push_str(&text::tame(&text));
        said.push('\n');
    };
    for failed in table.failed.iter().take(MOST_NAMED) {
        line(format!("{}: {}; its row is empty", failed.name, failed.why));
    }
    if let Some(more) = table.failed.len().checked_sub(MOST_NAMED).filter(|more| *more > 0) {
        line(format!("and {more} more files that cannot be read"));
    }
    let all = table.len() as u64;
    for notes in alike(&table.notes) {
        let Some(note) = notes.first() else { continue };
        let files = note.files;
        let columns: Vec<_> = notes.iter().map(|note| note.column.as_str()).collect();
        let is = if columns.len() == 1 { "is" } else { "are" };
        let place = if files == all {
            "all snapshots".to_owned()
        } else {
            format!("{files} of {} ({} first)", text::count(all, "snapshot"), note.first)
        };
        line(format!("{} {is} empty in {place}: {}", columns.join(", "), note.why));
    }
    for twins in &table.twins {
        line(format!("{} have one number, and a row each", twins.join(" and ")));
    }
    if table.missing > 0 {
        let is = if table.missing == 1 { "output is" } else { "outputs are" };
        line(format!("{} {is} missing in between: {}", table.missing, table.gaps));
    }
    said
}

/// Notes that say the same of several columns, together.
fn alike(notes: &[Note]) -> Vec<Vec<&Note>> {
    let mut groups: Vec<Vec<&Note>> = Vec::new();
    for note in notes {
        let same = |first: &&Note| (&first.why, first.files) == (&note.why, note.files);
        match groups.iter_mut().find(|group| group.first().is_some_and(same)) {
            Some(group) => group.push(note),
            None => groups.push(vec![note]),
        }
    }
    groups
}

/// Draws a bar where there is a terminal.
struct Teller {
    bar: Bar,
}

impl Teller {
    fn new(files: usize) -> Self {
        Self { bar: Bar::new(files, "[{bar:24}] {pos} of {len} snapshots") }
    }
}

impl SeriesListener for Teller {
    fn ended(&mut self, _: &Found, _: &Answered) {
        self.bar.0.inc(1);
    }

    fn warning(&mut self, message: &str) {
        self.bar.tell("warning", message);
    }
}
