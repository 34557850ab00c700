//! What the commands share that read files with workers and convert none.

use super::{Stop, usage};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jldconv::archive::{Placement, Ranges, Selection, same_place};
use jldconv::cli::LimitFlags;
use jldconv::supervisor::{Count, ExitCode, Settings};
use jldconv::tasks::scan::{self, ScanFile, ScanList};
use jldconv::text;
use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long reading may go on after a signal: nothing is lost where it is stopped.
const GRACE: Duration = Duration::from_secs(1);

/// How a run goes that reads in these directories with so many workers.
pub(super) fn settings(
    [a, b]: [&Path; 2],
    workers: Option<usize>,
    limits: &LimitFlags,
) -> Settings {
    let mut settings = Settings::new(a, b);
    // Each file is read with one thread.
    settings.threads_per_worker = Count::Exactly(1);
    settings.workers = workers.map_or(Count::Auto, Count::Exactly);
    settings.grace = GRACE;
    settings.memory_limit = limits.memory_limit.map(|size| size.0);
    if let Some(share) = limits.safety_margin {
        settings.safety_margin = share.0;
    }
    if let Some(span) = limits.stall_timeout {
        settings.stall_timeout = span.0;
    }
    settings
}

/// The chosen files of the archive `input`, of which something is made in `output`, and whether all its
/// directories could be listed; `tell` says what is left out of it.
pub(super) fn chosen(
    input: &Path,
    output: &Path,
    selection: &Selection,
    range: Option<&Ranges>,
    tell: impl FnOnce(&ScanList),
) -> Result<(Vec<ScanFile>, bool), Stop> {
    if !input.is_dir() {
        return Err(usage(format!("{}: there is no such directory", text::path(input))));
    }
    if matches!(same_place(input, output), Ok(Placement::Same)) {
        let dir = text::path(output);
        return Err(usage(format!("{dir} is the archive itself, where nothing is written")));
    }
    let list = scan::files(&[input.to_owned()], selection, range)
        .map_err(|error| Stop(ExitCode::SomeFailed, error.to_string()))?;
    tell(&list);
    let all = list.unlisted.is_empty();
    if list.files.is_empty() {
        let message = format!("{}: no file of it is chosen", text::path(input));
        let code = if all { ExitCode::Nothing } else { ExitCode::SomeFailed };
        return Err(Stop(code, message));
    }
    Ok((list.files, all))
}

/// Makes the directory for what is made of each file, of which no two may have one name: files of
/// different ends may have one stem.
pub(super) fn make_room<'a>(
    output: &Path,
    placed: impl IntoIterator<Item = (&'a PathBuf, &'a PathBuf)>,
) -> Result<(), Stop> {
    let mut known = HashMap::new();
    for (file, made) in placed {
        if let Some(other) = known.insert(made, file) {
            return Err(usage(format!(
                "{} and {} would both become {}: choose with --match",
                text::path(other),
                text::path(file),
                text::path(made)
            )));
        }
    }
    std::fs::create_dir_all(output)
        .map_err(|error| Stop(ExitCode::SomeFailed, format!("{}: {error}", text::path(output))))
}

/// A bar where standard error is a terminal, else nothing; and lines above it.
pub(super) struct Bar(pub(super) ProgressBar);

impl Bar {
    pub(super) fn new(files: usize, template: &str) -> Self {
        let target = ProgressDrawTarget::stderr();
        let bar = ProgressBar::with_draw_target(Some(files as u64), target);
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("##."));
        Self(bar)
    }

    /// Writes lines to standard output.
    pub(super) fn say(&self, lines: &str) -> io::Result<()> {
        self.0.suspend(|| io::stdout().write_all(lines.as_bytes()))
    }

    /// Tells of a `warning` or an `error`.
    pub(super) fn tell(&self, what: &str, message: &str) {
        self.0.suspend(|| {
            // Nobody else could be told.
            let _ = writeln!(io::stderr(), "{what}: {}", text::tame_lines(message));
        });
    }
}

/// How it ends where standard output cannot be written to.
pub(super) fn unwritten(error: &io::Error) -> Result<ExitCode, Stop> {
    match error.kind() {
        // Whoever read it went away, as `head` does: nobody is left to be told anything.
        io::ErrorKind::BrokenPipe => Ok(ExitCode::Done),
        _ => Err(Stop(ExitCode::SomeFailed, format!("cannot write: {error}"))),
    }
}
