//! The log: what `-v` tells, to a file or around the bars.

use indicatif::MultiProgress;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Writes and forgets. A log that cannot be written must not disturb what it tells of, and the
/// subscriber would say so on standard error, where a reader that went away ends the program.
struct Forgiving<W>(W);

impl<W: Write> Write for Forgiving<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}

/// Standard error, with the bars taken away for as long as a line is written.
struct AroundBars(Option<MultiProgress>);

struct Line<'a>(&'a AroundBars);

impl<'a> MakeWriter<'a> for AroundBars {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        Line(self)
    }
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &self.0.0 {
            Some(bars) => bars.suspend(|| Forgiving(io::stderr()).write(bytes)),
            None => Forgiving(io::stderr()).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Forgiving(io::stderr()).flush()
    }
}

/// Starts the log of this process: to `file`, or else to standard error around the `bars`. How much
/// it tells follows `verbose`, unless `RUST_LOG` says more exactly. Does nothing the second time.
///
/// # Errors
/// Where `file` cannot be appended to.
pub fn start_log(verbose: u8, file: Option<&Path>, bars: Option<&MultiProgress>) -> io::Result<()> {
    let level = match (verbose, file) {
        (0, None) => "warn",
        (0, Some(_)) | (1, _) => "info",
        (2, _) => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_target(false);
    // A log that another part of the program started stays.
    let _ = match file {
        Some(path) => {
            let file = OpenOptions::new().create(true).append(true).open(path)?;
            log.with_writer(Mutex::new(Forgiving(file))).try_init()
        }
        None => log.with_writer(AroundBars(bars.cloned())).try_init(),
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_takes_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.log");
        start_log(1, Some(&path), None).unwrap();
        tracing::info!(name = "output_00001.jld2", "converted");
        tracing::debug!("not told");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("INFO converted name=\"output_00001.jld2\""), "{text}");
        assert!(!text.contains("not told"));
        assert!(start_log(0, Some(dir.path()), None).is_err(), "a directory is no log");
    }
}
