//! Looks an archive through with a worker for each file.

use super::reading::{self, Bar, unwritten};
use super::{Stop, complain, internal, usage};
use jldconv::archive::{Placement, Selection, below, same_place};
use jldconv::cli::{Depth, ScanArgs};
use jldconv::convert::Options;
use jldconv::report::{check_report, fitted, write_file};
use jldconv::supervisor::{ExitCode, Hooks, Settings};
use jldconv::tasks::scan::{
    self, Catalogue, Cataloguer, FileScan, Found, Kept, ScanCall, ScanFile, ScanFiles, ScanList,
    ScanListener, ScanOptions, Scanning,
};
use jldconv::text;
use std::io::{self, BufWriter, Write};
use std::path::Path;

pub(super) fn scan(args: &ScanArgs) -> Result<ExitCode, Stop> {
    let options =
        ScanOptions::of(args.target.as_deref(), &args.rules, args.verify == Depth::Content)
            .map_err(|error| Stop(error.exit_code(), error.to_string()))?;
    for path in args.csv.iter().chain(&args.html) {
        check_report(path).map_err(usage)?;
    }
    for dir in &args.dirs {
        if !dir.exists() {
            return Err(usage(format!("{}: there is no such directory", text::path(dir))));
        }
        if let Some(journal) = &args.journal
            && matches!(same_place(dir, journal), Ok(Placement::Same))
        {
            let journal = text::path(journal);
            let message =
                format!("--journal {journal}: that is what is scanned, where nothing is written");
            return Err(usage(message));
        }
    }
    let failed = |error: &dyn std::fmt::Display| Stop(ExitCode::SomeFailed, error.to_string());
    let selection = scan::selection(args.globs.clone(), args.recursive);
    let list = scan::files(&args.dirs, &selection, args.range.as_ref());
    let ScanList { files, unlisted, left_out } = list.map_err(|error| failed(&error))?;
    for told in &unlisted {
        complain(&format!("{told}: what is in it is not looked into"));
    }
    if files.is_empty() {
        let code = if unlisted.is_empty() { ExitCode::Nothing } else { ExitCode::SomeFailed };
        return Err(Stop(code, nothing(args, &selection)));
    }
    let files = ScanFiles::of(files);
    let hooks = Hooks::default();
    let settings = settings(args);
    let mut teller = Teller::new(args, &files, unlisted, left_out);
    let scanning =
        Scanning { settings: &settings, options, journal: args.journal.as_deref(), hooks: &hooks };
    let ended = scan::scan(&files, scanning, &mut teller);
    teller.bar.0.finish_and_clear();
    let (summary, told) = ended.map_err(|error| Stop(error.exit_code(), error.to_string()))?;
    if let Err(error) = told {
        return unwritten(&error);
    }
    if let Some(error) = summary.error {
        return Err(Stop(ExitCode::Internal, error));
    }
    let pending = summary.pending;
    let mut catalogue = std::mem::take(&mut teller.cataloguer).finish();
    let fine = teller.fine && catalogue.unlisted.is_empty();
    let call = args.call();
    if !args.no_estimate && pending == 0 {
        let place = args.output.clone().unwrap_or_else(std::env::temp_dir);
        let options = conversion(args);
        let estimate = scan::forecast((&teller.kept, &files), &options, &place, &hooks);
        let told = estimate.patch.is_some() || !estimate.missing.is_empty();
        catalogue.estimate = (told || estimate.rewrite.is_some()).then_some(estimate);
    }
    if let Err(error) = end(args, &catalogue, &call) {
        return unwritten(&error);
    }
    if let Some(path) = &args.csv {
        write_file(path, &mut |out| scan::csv(&teller.kept, &files, out)).map_err(internal)?;
    }
    if let Some(path) = &args.html {
        let mut page =
            |out: &mut dyn Write| scan::page(&catalogue, &call, (&teller.kept, &files), out);
        write_file(path, &mut page).map_err(internal)?;
    }
    if pending > 0 {
        let message = format!("interrupted: {} were not looked into", text::count(pending, "file"));
        return Err(Stop(ExitCode::Interrupted, message));
    }
    Ok(if fine { ExitCode::Done } else { ExitCode::SomeFailed })
}

/// What to say where there is no file.
fn nothing(args: &ScanArgs, selection: &Selection) -> String {
    let dirs: Vec<_> = args.dirs.iter().map(|dir| text::path(dir)).collect();
    let globs: Vec<_> = selection.globs.iter().map(|glob| format!("'{glob}'")).collect();
    let range = args.range.as_ref().map_or_else(String::new, |it| format!(" in the range {it}"));
    let mut deeper = args.dirs.iter().filter(|_| !args.recursive);
    let below = deeper.find_map(|dir| below(dir, selection, None));
    let hint = below.map_or_else(String::new, |below| {
        format!("; directories below hold some ({}): --recursive", text::tame(&below.first))
    });
    format!("{}: no file matches {}{range}{hint}", dirs.join(", "), globs.join(", "))
}

/// What is said of the archive.
fn end(args: &ScanArgs, catalogue: &Catalogue, call: &ScanCall) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    if args.json {
        serde_json::to_writer(&mut out, &serde_json::json!({ "summary": catalogue }))?;
        out.write_all(b"\n")?;
    } else {
        out.write_all(fitted(&scan::summary(catalogue, call)).as_bytes())?;
    }
    out.flush()
}

/// The conversion that the estimate is about.
fn conversion(args: &ScanArgs) -> Options {
    let mut options = Options { rules: args.rules.clone(), ..Options::default() };
    if let Some(target) = &args.target {
        options.target.clone_from(target);
    }
    options
}

fn settings(args: &ScanArgs) -> Settings {
    let dir = args.dirs.first().map_or(Path::new("."), |dir| dir.as_path());
    reading::settings([dir, dir], args.workers, &args.limits)
}

/// Prints files as they are looked into, below a bar where there is a terminal.
struct Teller<'a> {
    args: &'a ScanArgs,
    bar: Bar,
    cataloguer: Cataloguer,
    /// What later parts ask for.
    kept: Kept,
    fine: bool,
    /// Characters of the longest path.
    width: usize,
    head: bool,
}

impl<'a> Teller<'a> {
    fn new(
        args: &'a ScanArgs,
        files: &ScanFiles,
        unlisted: Vec<String>,
        left_out: Vec<String>,
    ) -> Self {
        let bar = Bar::new(files.len(), "[{bar:24}] {pos} of {len} files{msg}");
        Self {
            args,
            bar,
            cataloguer: Cataloguer::new(args.verify == Depth::Content, unlisted, left_out),
            kept: Kept::new(!args.no_estimate, args.csv.is_some() || args.html.is_some()),
            fine: true,
            width: jldconv::inspect::width(files.paths()),
            head: false,
        }
    }
}

impl ScanListener for Teller<'_> {
    fn ended(&mut self, place: usize, file: &ScanFile, found: &Found) -> io::Result<()> {
        self.bar.0.set_position(self.bar.0.position().saturating_add(1));
        self.cataloguer.add(file, found);
        self.fine &= found.as_ref().is_ok_and(FileScan::is_fine);
        self.kept.add(place, found);
        if self.args.json {
            return self.bar.say(&format!("{}\n", scan::object(file, found)));
        }
        if !self.args.verbose {
            return Ok(());
        }
        if !std::mem::replace(&mut self.head, true) {
            self.bar.say(&scan::line_head(self.width))?;
        }
        self.bar.say(&scan::line(file, found, self.width))
    }

    fn progress(&mut self, _: u64, bytes: u64) {
        if self.args.verify == Depth::Content {
            self.bar.0.set_message(format!(", {} of data read", text::bytes(bytes)));
        }
        self.bar.0.tick();
    }

    fn warning(&mut self, message: &str) {
        self.bar.tell("warning", message);
    }
}
