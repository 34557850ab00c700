//! Makes pictures of an archive with a worker for each file: frames of a movie.

use super::reading::{self, Bar, unwritten};
use super::{Stop, complain, usage};
use jldconv::cli::LookAllArgs;
use jldconv::h5::Checksums;
use jldconv::numbers::map::{Pixels, Request, View};
use jldconv::supervisor::{ExitCode, Hooks};
use jldconv::tasks::look::{Frames, LookError, LookListener, Outcome, Placed, look_all};
use jldconv::tasks::scan::{self, ScanFile, ScanList};
use jldconv::text;
use serde_json::json;
use std::io;

pub(super) fn look(args: &LookAllArgs) -> Result<ExitCode, Stop> {
    let request = request(args);
    request.check().map_err(|error| usage(error.to_string()))?;
    let (input, output) = (&args.input, &args.output);
    let selection = scan::selection(args.globs.clone(), args.recursive);
    let tell = |list: &ScanList| {
        for told in &list.unlisted {
            complain(&format!("{told}: of what is in it no picture is made"));
        }
    };
    let range = args.outputs.as_ref();
    let (files, all) = reading::chosen(input, output, &selection, range, tell)?;
    let placed = placed(args, files);
    reading::make_room(output, placed.iter().map(|it| (&it.file.path, &it.output)))?;
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
    let mut teller = Teller::new(args, placed.len());
    let ended = look_all(&placed, &frames, &mut teller);
    teller.bar.0.finish_and_clear();
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
    let fine = teller.failed == 0 && all;
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
fn placed(args: &LookAllArgs, files: Vec<ScanFile>) -> Vec<Placed> {
    let place = |(i, file): (usize, ScanFile)| {
        let stem = file.path.file_stem().unwrap_or_default().to_string_lossy();
        let name =
            if args.movie { format!("frame_{:05}.png", i + 1) } else { format!("{stem}.png") };
        Placed { output: args.output.join(name), file }
    };
    files.into_iter().enumerate().map(place).collect()
}

/// Prints what becomes of files, below a bar where there is a terminal.
struct Teller<'a> {
    args: &'a LookAllArgs,
    bar: Bar,
    made: u64,
    failed: u64,
}

impl<'a> Teller<'a> {
    fn new(args: &'a LookAllArgs, files: usize) -> Self {
        let bar = Bar::new(files, "[{bar:24}] {pos} of {len} files {msg}");
        Self { args, bar, made: 0, failed: 0 }
    }

    /// What is said in the end: the counts, and what makes a movie of frames.
    fn end(&self) -> io::Result<()> {
        let glob = self.args.output.join("frame_*.png");
        if self.args.json {
            let summary = json!({ "summary": { "pictures": self.made, "failed": self.failed } });
            return self.bar.say(&format!("{summary}\n"));
        }
        let failed = match self.failed {
            0 => String::new(),
            failed => format!(", {} without one", text::count(failed, "file")),
        };
        let output = text::path(&self.args.output);
        self.bar.say(&format!("{output}: {}{failed}\n", text::count(self.made, "picture")))?;
        if !self.args.movie || self.made == 0 {
            return Ok(());
        }
        self.bar.say(&format!(
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
        self.bar.0.set_position(0);
        self.bar.0.set_message(what);
    }

    fn ended(&mut self, file: &Placed, outcome: &Outcome) -> io::Result<()> {
        self.bar.0.inc(1);
        let path = text::path(&file.file.path);
        match outcome {
            Ok(looked) => {
                self.made += 1;
                for warning in &looked.warnings {
                    self.bar.tell("warning", &format!("{path}: {warning}"));
                }
            }
            Err((_, message)) => {
                self.failed += 1;
                self.bar.tell("error", message);
            }
        }
        if !self.args.json {
            return Ok(());
        }
        let error = outcome.as_ref().err().map(|(fault, message)| format!("{fault}: {message}"));
        let picture = outcome.as_ref().ok().map(|_| file.output.display().to_string());
        let file = file.file.path.display().to_string();
        self.bar.say(&format!("{}\n", json!({ "file": file, "picture": picture, "error": error })))
    }

    fn progress(&mut self, through: u64) {
        self.bar.0.set_position(through);
    }

    fn warning(&mut self, message: &str) {
        self.bar.tell("warning", message);
    }
}
