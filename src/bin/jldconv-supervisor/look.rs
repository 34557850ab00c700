//! Makes pictures of an archive with a worker for each file: frames of a movie.

use super::reading::{self, unwritten};
use super::{Stop, complain, usage};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jldconv::archive::{Placement, same_place};
use jldconv::cli::LookAllArgs;
use jldconv::h5::Checksums;
use jldconv::numbers::map::{Pixels, Request, View};
use jldconv::supervisor::{ExitCode, Hooks};
use jldconv::tasks::look::{Frames, LookError, LookListener, Outcome, Placed, look_all};
use jldconv::tasks::scan::{self, ScanFile, ScanList};
use jldconv::text;
use serde_json::json;
use std::collections::HashMap;
use std::io::{self, Write};
use std::path::PathBuf;

pub(super) fn look(args: &LookAllArgs) -> Result<ExitCode, Stop> {
    let request = request(args);
    request.check().map_err(|error| usage(error.to_string()))?;
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
    let files = scan::files(std::slice::from_ref(input), &selection, args.outputs.as_ref());
    let ScanList { files, unlisted, .. } = files.map_err(|error| failed(&error))?;
    for told in &unlisted {
        complain(&format!("{told}: of what is in it no picture is made"));
    }
    if files.is_empty() {
        let message = format!("{}: no file of it is chosen", text::path(input));
        let code = if unlisted.is_empty() { ExitCode::Nothing } else { ExitCode::SomeFailed };
        return Err(Stop(code, message));
    }
    let placed = placed(args, files)?;
    std::fs::create_dir_all(output)
        .map_err(|error| failed(&format!("{}: {error}", text::path(output))))?;
    let settings = reading::settings([input, output], args.workers, &args.limits);
    let hooks = Hooks::default();
    let frames = Frames {
        settings: &settings,
        request,
        division: args.draw.division(),
        limits: args.draw.limits(),
        colours: args.draw.colors,
        side: args.draw.size,
        movie: args.movie,
        trust: args.trust.checksums() == Checksums::Trusted,
        force: args.force,
        output,
        hooks: &hooks,
    };
    let mut teller = Teller::new(args, placed.len() as u64);
    let ended = look_all(&placed, &frames, &mut teller);
    teller.bar.finish_and_clear();
    let (summary, told) = ended.map_err(|error| match error {
        LookError::Run(error) => Stop(error.exit_code(), error.to_string()),
        error => usage(error.to_string()),
    })?;
    if let Err(error) = told {
        return unwritten(&error);
    }
    if let Some(error) = summary.error {
        return Err(Stop(ExitCode::Internal, error));
    }
    if summary.pending > 0 {
        let left = text::count(summary.pending, "file");
        let message = format!("interrupted: {left} left; run the same command again to go on");
        return Err(Stop(ExitCode::Interrupted, message));
    }
    if let Err(error) = teller.end() {
        return unwritten(&error);
    }
    let fine = teller.failed == 0 && unlisted.is_empty();
    Ok(if fine { ExitCode::Done } else { ExitCode::SomeFailed })
}

/// What is looked at. Frames of a movie are all of one size, whatever the levels of each file.
fn request(args: &LookAllArgs) -> Request {
    let mut request = args.view.request();
    if let View::Map(ask) = &mut request.view
        && args.movie
        && ask.pixels == Pixels::Auto
    {
        ask.pixels = Pixels::Side(args.draw.size);
    }
    request
}

/// Where the picture of each file goes.
fn placed(args: &LookAllArgs, files: Vec<ScanFile>) -> Result<Vec<Placed>, Stop> {
    let mut known: HashMap<PathBuf, PathBuf> = HashMap::new();
    let mut all = Vec::with_capacity(files.len());
    for (i, file) in files.into_iter().enumerate() {
        let stem = file.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let name =
            if args.movie { format!("frame_{:05}.png", i + 1) } else { format!("{stem}.png") };
        let output = args.output.join(name);
        if let Some(other) = known.insert(output.clone(), file.path.clone()) {
            return Err(usage(format!(
                "{} and {} would both become {}: choose with --match",
                text::path(&other),
                text::path(&file.path),
                text::path(&output)
            )));
        }
        all.push(Placed { file, output });
    }
    Ok(all)
}

/// Prints what becomes of files, below a bar where there is a terminal.
struct Teller<'a> {
    args: &'a LookAllArgs,
    bar: ProgressBar,
    made: u64,
    failed: u64,
}

impl<'a> Teller<'a> {
    fn new(args: &'a LookAllArgs, files: u64) -> Self {
        // Nothing is drawn where standard error is not a terminal.
        let bar = ProgressBar::with_draw_target(Some(files), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("[{bar:24}] {pos} of {len} files {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("##."));
        Self { args, bar, made: 0, failed: 0 }
    }

    fn say(&self, line: &str) -> io::Result<()> {
        self.bar.suspend(|| io::stdout().write_all(line.as_bytes()))
    }

    fn complain(&self, what: &str, message: &str) {
        self.bar.suspend(|| {
            // Nobody else could be told.
            let _ = writeln!(io::stderr(), "{what}: {}", text::tame_lines(message));
        });
    }

    /// What is said in the end: the counts, and what makes a movie of frames.
    fn end(&self) -> io::Result<()> {
        let glob = self.args.output.join("frame_*.png");
        if self.args.json {
            let summary = json!({ "summary": { "pictures": self.made, "failed": self.failed } });
            return self.say(&format!("{summary}\n"));
        }
        let failed = match self.failed {
            0 => String::new(),
            failed => format!(", {} without one", text::count(failed, "file")),
        };
        let output = text::path(&self.args.output);
        self.say(&format!("{output}: {}{failed}\n", text::count(self.made, "picture")))?;
        if !self.args.movie || self.made == 0 {
            return Ok(());
        }
        self.say(&format!(
            "a movie of them: ffmpeg -framerate 10 -pattern_type glob -i {} -vf \
             'pad=ceil(iw/2)*2:ceil(ih/2)*2' -c:v libx264 -pix_fmt yuv420p movie.mp4\n",
            quoted(&glob.to_string_lossy())
        ))
    }
}

/// As one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text::tame(text).replace('\'', r"'\''"))
}

impl LookListener for Teller<'_> {
    fn begins(&mut self, what: &'static str) {
        self.bar.set_position(0);
        self.bar.set_message(what);
    }

    fn ended(&mut self, file: &Placed, outcome: &Outcome) -> io::Result<()> {
        self.bar.inc(1);
        let path = text::path(&file.file.path);
        match outcome {
            Ok(looked) => {
                self.made += 1;
                for warning in &looked.warnings {
                    self.complain("warning", &format!("{path}: {warning}"));
                }
            }
            Err((_, message)) => {
                self.failed += 1;
                self.complain("error", message);
            }
        }
        if !self.args.json {
            return Ok(());
        }
        let error = outcome.as_ref().err().map(|(fault, message)| format!("{fault}: {message}"));
        let picture = outcome.as_ref().ok().map(|_| file.output.display().to_string());
        let file = file.file.path.display().to_string();
        self.say(&format!("{}\n", json!({ "file": file, "picture": picture, "error": error })))
    }

    fn progress(&mut self, through: u64) {
        self.bar.set_position(through);
    }

    fn warning(&mut self, message: &str) {
        self.complain("warning", message);
    }
}
