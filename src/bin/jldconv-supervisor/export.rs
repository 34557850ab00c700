//! Exports an archive with a worker for each file.

use super::reading::{self, Bar, unwritten};
use super::{Stop, usage};
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
use std::io::{self, Write};

pub(super) fn export(args: &ExportAllArgs) -> Result<ExitCode, Stop> {
    let Some(request) = args.wanted.request() else {
        return Err(usage(
            "zarr-refs is one file for a whole archive: jldconv export DIR TABLE --to zarr-refs",
        ));
    };
    request.check().map_err(|error: ExportError| usage(error))?;
    let (input, output) = (&args.input, &args.output);
    let selection = scan::selection(args.globs.clone(), args.recursive);
    // What is not looked into is said, and counts where nobody knows what is in it.
    let tell = |list: &ScanList| {
        for told in list.unlisted.iter().chain(&list.left_out) {
            let _ = writeln!(io::stderr(), "warning: {}", text::tame(told));
        }
    };
    let range = args.range.as_ref();
    let (files, all) = reading::chosen(input, output, &selection, range, tell)?;
    let placed = places(files, input, output, &request);
    reading::make_room(output, placed.iter().map(|it| (&it.file.path, &it.output)))?;
    let settings = reading::settings([input, output], args.workers, &args.limits);
    let trust = args.trust.trust_checksums != Some(false);
    let options = ExportOptions { request, cache: args.cache.0, trust, force: args.force };
    let hooks = Hooks::default();
    let mut teller = Teller::new(args, placed.len());
    let exporting = Exporting { settings: &settings, options, output, hooks: &hooks };
    let ended = export_all(&placed, exporting, &mut teller);
    teller.bar.0.finish_and_clear();
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
    let fine = teller.failed == 0 && all;
    Ok(if fine { ExitCode::Done } else { ExitCode::SomeFailed })
}

/// Prints files as they are exported, below a bar where there is a terminal.
struct Teller<'a> {
    args: &'a ExportAllArgs,
    bar: Bar,
    exported: u64,
    already: u64,
    failed: u64,
    rows: u64,
    bytes: u64,
}

impl<'a> Teller<'a> {
    fn new(args: &'a ExportAllArgs, files: usize) -> Self {
        let bar = Bar::new(files, "[{bar:24}] {pos} of {len} files{msg}");
        Self { args, bar, exported: 0, already: 0, failed: 0, rows: 0, bytes: 0 }
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
            return self.bar.say(&format!("{summary}\n"));
        }
        let failed = match self.failed {
            0 => String::new(),
            failed => format!(", {} failed", text::count(failed, "file")),
        };
        self.bar.say(&format!(
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
        self.bar.0.set_position(self.bar.0.position().saturating_add(1));
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
            return self.bar.say(&format!("{line}\n"));
        }
        match found {
            Ok(_) if !self.args.verbose => Ok(()),
            Ok(_) => self.bar.say(&format!("{}: {words}\n", text::path(output))),
            Err(_) => {
                self.bar.tell("error", &format!("{}: {words}", text::path(input)));
                Ok(())
            }
        }
    }

    fn progress(&mut self, _: u64, bytes: u64) {
        self.bar.0.set_message(format!(", {} of numbers", text::bytes(bytes)));
        self.bar.0.tick();
    }

    fn warning(&mut self, message: &str) {
        self.bar.tell("warning", message);
    }
}
