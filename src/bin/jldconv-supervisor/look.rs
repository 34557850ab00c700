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
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::Path;

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
    /// The names of pictures that there are of this run.
    names: BTreeSet<OsString>,
}

impl<'a> Teller<'a> {
    fn new(args: &'a LookAllArgs, files: usize) -> Self {
        let bar = Bar::new(files, "[{bar:24}] {pos} of {len} files {msg}");
        Self { args, bar, made: 0, failed: 0, names: BTreeSet::new() }
    }

    /// What is said in the end: the counts, and what makes a movie of frames.
    fn end(&self) -> io::Result<()> {
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
        let foreign = self.foreign();
        let frames = self.frames(foreign.is_empty());
        if let Some(first) = foreign.first() {
            let all = if frames.is_some() {
                "the movie below has those of this run only"
            } else {
                "a movie would have them, too: move them away"
            };
            let (is, name) = (text::is_are(foreign.len() as u64), text::path(Path::new(first)));
            self.bar.tell(
                "warning",
                &format!(
                    "{output}: {} {is} not of this run ({name}{}); {all}",
                    text::count(foreign.len() as u64, "frame"),
                    if foreign.len() > 1 { " and so on" } else { "" },
                ),
            );
        }
        let Some(frames) = frames.or_else(|| self.frames(true)) else { return Ok(()) };
        self.bar.say(&format!(
            "a movie of them: ffmpeg -framerate 10 {frames} -vf \
             'pad=ceil(iw/2)*2:ceil(ih/2)*2' -c:v libx264 -pix_fmt yuv420p movie.mp4\n",
        ))
    }

    /// Frames in the directory that are not of this run, by name.
    fn foreign(&self) -> Vec<OsString> {
        let entries = std::fs::read_dir(&self.args.output).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries
            .map(|entry| entry.file_name())
            .filter(|name| {
                let name = name.to_string_lossy();
                name.starts_with("frame_") && name.ends_with(".png")
            })
            .filter(|name| !self.names.contains(name))
            .collect();
        names.sort();
        names
    }

    /// What tells ffmpeg which frames to take: all in the directory, or those of this run, which must be
    /// numbered without a gap for that.
    fn frames(&self, all: bool) -> Option<String> {
        let output = &self.args.output;
        if all {
            let glob = output.join("frame_*.png");
            return Some(format!("-pattern_type glob -i {}", quoted(&glob.to_string_lossy())));
        }
        // Without a picture the numbers go on behind a gap.
        if self.failed > 0 {
            return None;
        }
        let dir = output.to_string_lossy().replace('%', "%%");
        let pattern = Path::new(&dir).join("frame_%05d.png");
        let pattern = quoted(&pattern.to_string_lossy());
        Some(format!("-start_number 1 -i {pattern} -frames:v {}", self.made))
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
                self.names.extend(file.output.file_name().map(OsString::from));
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
