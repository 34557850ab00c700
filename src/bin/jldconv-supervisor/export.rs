//! Exports an archive with a worker for each file.

use super::reading::{self, unwritten};
use super::{Stop, usage};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jldconv::archive::{Placement, same_place};
use jldconv::cli::ExportAllArgs;
use jldconv::export::ExportError;
use jldconv::export::Exported;
use jldconv::supervisor::Fault;
use jldconv::supervisor::{ExitCode, Hooks};
use jldconv::tasks::export::{
    ExportListener, ExportOptions, Exporting, Placed, export_all, places,
};
use jldconv::tasks::scan::{self, ScanList};
use jldconv::text;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{self, Write};

pub(super) fn export(args: &ExportAllArgs) -> Result<ExitCode, Stop> {
    let Some(request) = args.wanted.request() else {
        return Err(usage(
            "zarr-refs is one file for a whole archive: jldconv export DIR TABLE --to zarr-refs",
        ));
    };
    request.check().map_err(|error: ExportError| usage(error))?;
    let (input, output) = (&args.input, &args.output);
    if !input.is_dir() {
        return Err(usage(format!("{}: there is no such directory", text::path(input))));
    }
    if matches!(same_place(input, output), Ok(Placement::Same)) {
        let dir = text::path(output);
        return Err(usage(format!("{dir} is the archive itself, where nothing is written")));
    }
    let failed = |error: &dyn std::fmt::Display| Stop(ExitCode::SomeFailed, error.to_string());
    let selection = scan::selection(args.globs.clone(), args.recursive);
    let files = scan::files(std::slice::from_ref(input), &selection, args.range.as_ref());
    let ScanList { files, unlisted, left_out } = files.map_err(|error| failed(&error))?;
    // What is not looked into is said, and counts where nobody knows what is in it.
    for told in unlisted.iter().chain(&left_out) {
        let _ = writeln!(io::stderr(), "warning: {}", text::tame(told));
    }
    if files.is_empty() {
        let message = format!("{}: no file of it is chosen", text::path(input));
        let code = if unlisted.is_empty() { ExitCode::Nothing } else { ExitCode::SomeFailed };
        return Err(Stop(code, message));
    }
    let placed = places(files, input, output, &request);
    one_name_each(&placed)?;
    std::fs::create_dir_all(output)
        .map_err(|error| failed(&format!("{}: {error}", text::path(output))))?;
    let settings = reading::settings([input, output], args.workers, &args.limits);
    let trust = args.trust.trust_checksums != Some(false);
    let options = ExportOptions { request, cache: args.cache.0, trust, force: args.force };
    let hooks = Hooks::default();
    let mut teller = Teller::new(args, placed.len() as u64);
    let exporting = Exporting { settings: &settings, options, output, hooks: &hooks };
    let ended = export_all(&placed, exporting, &mut teller);
    teller.bar.finish_and_clear();
    let (summary, told) = ended.map_err(|error| Stop(error.exit_code(), error.to_string()))?;
    if let Err(error) = told {
        return unwritten(&error);
    }
    if let Some(error) = summary.error {
        return Err(Stop(ExitCode::Internal, error));
    }
    if let Err(error) = teller.end() {
        return unwritten(&error);
    }
    if summary.pending > 0 {
        let message = format!(
            "interrupted: {} were not exported; run the same command again to go on",
            text::count(summary.pending, "file")
        );
        return Err(Stop(ExitCode::Interrupted, message));
    }
    let all = teller.failed == 0 && unlisted.is_empty();
    Ok(if all { ExitCode::Done } else { ExitCode::SomeFailed })
}

/// Files of different ends may have one stem.
fn one_name_each(placed: &[Placed]) -> Result<(), Stop> {
    let mut known = HashMap::new();
    for it in placed {
        if let Some(other) = known.insert(&it.output, &it.file.path) {
            return Err(usage(format!(
                "{} and {} would both become {}: choose with --match",
                text::path(other),
                text::path(&it.file.path),
                text::path(&it.output)
            )));
        }
    }
    Ok(())
}

/// Prints files as they are exported, below a bar where there is a terminal.
struct Teller<'a> {
    args: &'a ExportAllArgs,
    bar: ProgressBar,
    exported: u64,
    already: u64,
    failed: u64,
    rows: u64,
    bytes: u64,
}

impl<'a> Teller<'a> {
    fn new(args: &'a ExportAllArgs, files: u64) -> Self {
        // Nothing is drawn where standard error is not a terminal.
        let bar = ProgressBar::with_draw_target(Some(files), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("[{bar:24}] {pos} of {len} files{msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("##."));
        Self { args, bar, exported: 0, already: 0, failed: 0, rows: 0, bytes: 0 }
    }

    fn say(&self, line: &str) -> io::Result<()> {
        self.bar.suspend(|| io::stdout().write_all(line.as_bytes()))
    }

    /// What is said in the end.
    fn end(&self) -> io::Result<()> {
        if self.args.json {
            let summary = json!({ "summary": {
                "exported": self.exported,
                "already": self.already,
                "failed": self.failed,
                "rows": self.rows,
                "bytes": self.bytes,
            }});
            return self.say(&format!("{summary}\n"));
        }
        let failed = match self.failed {
            0 => String::new(),
            failed => format!(", {} failed", text::count(failed, "file")),
        };
        self.say(&format!(
            "{}: {}, {} in {}{failed}\n",
            text::path(&self.args.output),
            text::count(self.exported, "file"),
            text::count(self.rows, "row"),
            text::bytes(self.bytes),
        ))
    }
}

impl ExportListener for Teller<'_> {
    fn ended(
        &mut self,
        file: &Placed,
        found: &Result<Exported, (Fault, String)>,
        words: &str,
    ) -> io::Result<()> {
        self.bar.set_position(self.bar.position().saturating_add(1));
        let (input, output) = (&file.file.path, &file.output);
        let line = match found {
            Ok(exported) => {
                self.exported += 1;
                self.already += u64::from(exported.already);
                self.rows += exported.rows;
                self.bytes += exported.bytes.unwrap_or(0);
                let about: Value = serde_json::from_str(&exported.about).unwrap_or_default();
                json!({
                    "input": input.display().to_string(),
                    "output": output.display().to_string(),
                    "rows": exported.rows,
                    "bytes": exported.bytes,
                    "already": exported.already,
                    "left_out": exported.left_out,
                    "about": about,
                })
            }
            Err((fault, message)) => {
                self.failed += 1;
                json!({
                    "input": input.display().to_string(),
                    "fault": fault.to_string(),
                    "error": message,
                })
            }
        };
        if self.args.json {
            return self.say(&format!("{line}\n"));
        }
        match found {
            Ok(_) if !self.args.verbose => Ok(()),
            Ok(_) => self.say(&format!("{}: {words}\n", text::path(output))),
            Err(_) => {
                self.bar.suspend(|| {
                    // Nobody else could be told.
                    let line = format!("{}: {}", text::path(input), text::tame_lines(words));
                    let _ = writeln!(io::stderr(), "error: {line}");
                });
                Ok(())
            }
        }
    }

    fn progress(&mut self, _: u64, bytes: u64) {
        self.bar.set_message(format!(", {} of numbers", text::bytes(bytes)));
        self.bar.tick();
    }

    fn warning(&mut self, message: &str) {
        self.bar.suspend(|| {
            // Nobody else could be told.
            let _ = writeln!(io::stderr(), "warning: {}", text::tame_lines(message));
        });
    }
}
