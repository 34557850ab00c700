//! Starts the log of this process: what `-v` tells, to a file or around the bars.

use super::log_writer::{Form, LineSender, LogWriter};
use crate::text;
use indicatif::MultiProgress;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use tracing_subscriber::EnvFilter;

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file cannot be appended to.
    #[error("cannot open the log {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no thread left that could write it.
    #[error("cannot start the log: {0}")]
    Thread(#[source] io::Error),
}

/// Keeps the log alive; when it is dropped, what was told before is written.
#[derive(Debug)]
#[must_use = "the last lines are lost without it"]
pub struct LogGuard(Option<LineSender>);

impl Drop for LogGuard {
    fn drop(&mut self) {
        if let Some(lines) = &self.0 {
            lines.flush();
        }
    }
}

/// Starts the log of this process: to `file` as JSON lines, or else to standard error as text, above
/// the `bars` where there are some. How much it tells follows `verbose` (0 nothing, or what happens
/// if there is a `file`; 1 what happens, 2 why, 3 everything), unless `RUST_LOG` says more exactly.
/// A log that another part of the program started stays.
///
/// Nobody who tells something ever waits for the file or the terminal: a thread of its own writes,
/// and where it does not keep up, lines are left out and counted.
///
/// # Errors
/// Where `file` cannot be appended to. A file that cannot be written to later (a full disk) is told
/// on standard error, once, and ends nothing.
pub fn start_log(
    verbose: u8,
    file: Option<&Path>,
    bars: Option<&MultiProgress>,
) -> Result<LogGuard, LogError> {
    let asked = std::env::var_os(EnvFilter::DEFAULT_ENV).is_some();
    let level = match (verbose, file) {
        (0, None) if !asked => return Ok(LogGuard(None)),
        (0, None) => "off",
        (0, Some(_)) | (1, _) => "info",
        (2, _) => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let bars = bars.cloned();
    if let Some(path) = file {
        let error = |source| LogError::Open { path: path.to_owned(), source };
        super::spared::spare(path).map_err(error)?;
    }
    let lines = match file {
        Some(path) => to_file(path, bars)?,
        None => LogWriter::start(
            Form::Text,
            Box::new(move |line| {
                say(bars.as_ref(), line);
                Ok(())
            }),
            Box::new(|_| {}),
        )
        .map_err(LogError::Thread)?,
    };
    let writer = lines.clone();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_target(false)
        .with_writer(move || writer.clone());
    let _ = match file {
        Some(_) => {
            log.json().flatten_event(true).with_current_span(false).with_span_list(true).try_init()
        }
        None => log.try_init(),
    };
    Ok(LogGuard(Some(lines)))
}

fn to_file(path: &Path, bars: Option<MultiProgress>) -> Result<LineSender, LogError> {
    let open = OpenOptions::new().create(true).append(true).open(path);
    let mut file = open.map_err(|source| LogError::Open { path: path.to_owned(), source })?;
    let shown = text::path(path);
    LogWriter::start(
        Form::Json,
        Box::new(move |line| file.write_all(line)),
        Box::new(move |error| {
            let told = format!("warning: cannot write the log {shown}: {error}; lines are lost\n");
            say(bars.as_ref(), told.as_bytes());
        }),
    )
    .map_err(LogError::Thread)
}

/// Writes to standard error, with the bars taken away meanwhile. A reader that went away is no
/// reason to end a program.
fn say(bars: Option<&MultiProgress>, line: &[u8]) {
    let write = || {
        let _ = io::stderr().write_all(line);
    };
    match bars {
        Some(bars) => bars.suspend(write),
        None => write(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_takes_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.log");
        let guard = start_log(1, Some(&path), None).unwrap();
        let span = tracing::info_span!("file", input = "output_00001.jld2");
        span.in_scope(|| tracing::info!(bytes = 7, "converted"));
        tracing::debug!("not told");
        drop(guard);
        let text = std::fs::read_to_string(&path).unwrap();
        let line = text.lines().find(|line| line.contains("converted")).unwrap();
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((&line["message"], &line["bytes"]), (&"converted".into(), &7.into()));
        assert_eq!(line["spans"][0]["input"], "output_00001.jld2");
        assert!(!text.contains("not told"));
        let error = start_log(0, Some(dir.path()), None).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot open the log {}", dir.path().display())));
    }
}
