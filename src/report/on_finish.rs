//! Runs a command when a run has ended.
//!
//! There is no shell. The command learns of the run by its environment and by placeholders in its
//! arguments. Whatever becomes of it changes nothing about the run, whose journal is closed by then.

use super::summary::summary_line;
use crate::supervisor::{ExitCode, RunSummary};
use crate::sys::process::{Child, Death, signal_name, wait_readable};
use crate::text;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What the names of the command's own variables begin with.
const VARIABLES: &str = "JLDCONV_RUN_";
/// A signal to this process is noticed so soon.
const LOOK: Duration = Duration::from_millis(100);

/// A command that is run when a run has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnFinish {
    /// The program and its arguments.
    pub words: Vec<String>,
    /// How long it may take.
    pub time: Duration,
}

/// What became of the command.
#[derive(Debug, thiserror::Error)]
pub enum OnFinishError {
    /// There is no such program.
    #[error("--on-finish: {0} is not a program that can be found and run")]
    Missing(String),
    /// It cannot be started.
    #[error("--on-finish: {program} cannot be started: {source}")]
    Start {
        /// Which.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// It ended badly.
    #[error("--on-finish: {program} ended with {how}")]
    Ended {
        /// Which.
        program: String,
        /// How.
        how: String,
    },
    /// It took too long.
    #[error("--on-finish: {program} was killed: it took longer than {} (--on-finish-timeout)", text::seconds(time.as_secs_f64()))]
    Late {
        /// Which.
        program: String,
        /// How long it might have taken.
        time: Duration,
    },
    /// A signal came.
    #[error("--on-finish: {0} was killed: a signal came")]
    Signal(String),
}

impl OnFinish {
    fn program(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// Looks whether there is such a program, which is better known before the run than after it.
    ///
    /// # Errors
    /// [`OnFinishError::Missing`].
    pub fn check(&self) -> Result<(), OnFinishError> {
        let program = self.program();
        let runs = |path: &Path| {
            std::fs::metadata(path)
                .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
        };
        let found = if program.contains('/') {
            runs(Path::new(program))
        } else {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path).any(|dir| runs(&dir.join(program)))
        };
        if found { Ok(()) } else { Err(OnFinishError::Missing(text::tame(program))) }
    }

    /// Runs it, and tells it `end`. Its output goes to standard error, for a
    /// program may read this process's standard output; it has no input. When it ends, what it left
    /// in its process group is killed.
    ///
    /// # Errors
    /// It did not end well.
    pub fn run(&self, end: &RunEnd) -> Result<(), OnFinishError> {
        let program = text::tame(self.program());
        let facts = end.facts();
        let mut command = Command::new(self.program());
        for word in self.words.iter().skip(1) {
            command.arg(filled(word, &facts));
        }
        for (name, value) in &facts {
            command.env(format!("{VARIABLES}{}", name.to_uppercase()), value);
        }
        let start = |source| OnFinishError::Start { program: program.clone(), source };
        let err = rustix::io::dup(io::stderr()).map_err(|error| start(error.into()))?;
        command.stdin(Stdio::null()).stdout(Stdio::from(err));
        let signalled = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // Without this, it could not be interrupted; with nothing worse than that.
            let _ = signal_hook::flag::register(signal, Arc::clone(&signalled));
        }
        let until = Instant::now() + self.time;
        let mut child = Child::spawn(&mut command).map_err(start)?;
        while !child.ended() {
            let left = until.saturating_duration_since(Instant::now());
            let late = left.is_zero();
            if late || signalled.load(Ordering::Relaxed) {
                child.killer().kill();
                let _ = child.reap();
                return Err(if late {
                    OnFinishError::Late { program, time: self.time }
                } else {
                    OnFinishError::Signal(program)
                });
            }
            match child.end_fd() {
                Some(end) => drop(wait_readable(&[end], Some(left.min(LOOK)))),
                None => std::thread::sleep(left.min(LOOK)),
            }
        }
        let how = match child.reap().map_err(start)? {
            Death::Exit(0) => return Ok(()),
            Death::Exit(code) => format!("exit code {code}"),
            Death::Signal(signal) => signal_name(signal),
        };
        Err(OnFinishError::Ended { program, how })
    }
}

/// What the command learns of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnd {
    /// Where the report is; none where there is none.
    pub report: Option<PathBuf>,
    /// With what the program that made the run ends.
    pub code: ExitCode,
    /// How it ended, in a line.
    pub summary: String,
    /// The output directory.
    pub output: String,
    /// Names the run; empty where it did not begin.
    pub id: String,
    /// Which part of the plan it was.
    pub shard: String,
}

impl RunEnd {
    /// That of a run which came to a summary.
    pub fn of(run: &RunSummary) -> Self {
        Self {
            report: None,
            code: run.exit_code(),
            summary: text::tame(&summary_line(run)),
            output: run.output_dir.clone(),
            id: run.run_id.clone(),
            shard: run.shard.clone(),
        }
    }

    /// By name.
    fn facts(&self) -> [(&'static str, String); 7] {
        let outcome = match self.code {
            ExitCode::Done | ExitCode::Nothing => "done",
            ExitCode::SomeFailed => "failed",
            ExitCode::Interrupted => "interrupted",
            _ => "error",
        };
        let whole = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let report = self.report.as_ref().map(whole);
        [
            ("report", report.map_or_else(String::new, |it| it.to_string_lossy().into_owned())),
            ("outcome", outcome.to_owned()),
            ("code", (self.code as u8).to_string()),
            ("summary", self.summary.clone()),
            ("output", self.output.clone()),
            ("id", self.id.clone()),
            ("shard", self.shard.clone()),
        ]
    }
}

/// `word` with each `{name}` of `facts` replaced; other braces stay.
fn filled(word: &str, facts: &[(&'static str, String)]) -> String {
    let mut filled = String::with_capacity(word.len());
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let known = facts
            .iter()
            .find_map(|(name, value)| Some((value, after.strip_prefix(name)?.strip_prefix('}')?)));
        if let Some((value, behind)) = known {
            filled.push_str(value);
            rest = behind;
        } else {
            filled.push('{');
            rest = after;
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_placeholders_are_filled_and_only_once() {
        let facts = [("report", "/a {outcome}".to_owned()), ("outcome", "done".to_owned())];
        let word = r#"{"text": "{outcome}: {report}", "x": {y}}{"#;
        assert_eq!(filled(word, &facts), r#"{"text": "done: /a {outcome}", "x": {y}}{"#);
    }
}
