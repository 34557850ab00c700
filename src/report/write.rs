//! Writes a run's report to disk, as JSON, a page or a table: the old one or the new one, never half
//! of one.

use super::advice::{Circumstances, advice};
use super::spared::spare;
use super::{csv, html};
use crate::supervisor::{Layout, RunSummary};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Bytes of JSON that are written at once.
const GATHERED: usize = 64 << 10;

/// Why a report cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct WriteError {
    path: PathBuf,
    source: io::Error,
}

/// Writes the report of `summary`, whose runs are laid out on one axis of time, to `path` by way of a temporary file beside it: a page where the
/// name ends in `.html`, a table where it ends in `.csv`, else JSON.
///
/// # Errors
/// Where it cannot be written; `path` is as it was then.
pub fn write_report(
    path: &Path,
    summary: &RunSummary,
    layout: &Layout,
    about: Circumstances,
) -> Result<(), WriteError> {
    write_file(path, &mut |out| put(path, (summary, layout), about, out))
}

/// Has `write` write a file, by way of a temporary one beside it.
///
/// # Errors
/// Where it cannot be written; `path` is as it was then.
pub fn write_file(
    path: &Path,
    write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> Result<(), WriteError> {
    let error = |source| WriteError { path: path.to_owned(), source };
    // A device or a pipe is written to; putting a file in its place would destroy it.
    if fs::metadata(path).is_ok_and(|it| !it.is_file() && !it.is_dir()) {
        let opened = fs::OpenOptions::new().write(true).open(path);
        let written = opened.and_then(|mut out| write(&mut out));
        return written.map_err(error);
    }
    spare(path).map_err(error)?;
    let temporary = temporary(path).map_err(error)?;
    let written = (|| {
        let mut out = BufWriter::new(File::create(&temporary)?);
        write(&mut out)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&temporary, path)?;
        File::open(parent(path))?.sync_all()
    })();
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written.map_err(error)
}

fn put(
    path: &Path,
    (summary, layout): (&RunSummary, &Layout),
    about: Circumstances,
    out: &mut dyn Write,
) -> io::Result<()> {
    let ends = |with: &str| path.extension().is_some_and(|it| it.eq_ignore_ascii_case(with));
    if ends("html") || ends("htm") {
        html::write(summary, layout, about, out)
    } else if ends("csv") {
        csv::write(summary, out)
    } else {
        let mut summary = summary.clone();
        summary.recommendations = advice(&summary, about);
        // Of very many small pieces, gathered before anybody else is called for each.
        let mut gathered = BufWriter::with_capacity(GATHERED, out);
        serde_json::to_writer_pretty(&mut gathered, &summary)?;
        gathered.write_all(b"\n")?;
        gathered.flush()
    }
}

/// Checks before a run that its report will have a place, by making a file there and taking it away.
///
/// # Errors
/// Where its directory is missing or may not be written to, or a directory has its name, or a data file
/// has it or could have.
pub fn check_report(path: &Path) -> Result<(), WriteError> {
    let error = |source| WriteError { path: path.to_owned(), source };
    let temporary = temporary(path).map_err(error)?;
    if !fs::metadata(parent(path)).map_err(error)?.is_dir() {
        return Err(error(io::ErrorKind::NotADirectory.into()));
    }
    if path.is_dir() {
        return Err(error(io::ErrorKind::IsADirectory.into()));
    }
    spare(path).map_err(error)?;
    if fs::metadata(path).is_ok_and(|it| !it.is_file()) {
        // A device or a pipe; to open one may block, or mean something.
        return rustix::fs::access(path, rustix::fs::Access::WRITE_OK)
            .map_err(|errno| error(errno.into()));
    }
    drop(File::create(&temporary).map_err(error)?);
    fs::remove_file(&temporary).map_err(error)
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn temporary(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.part", std::process::id()));
    Ok(parent(path).join(hidden))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::summary::tests::summary;
    use serde_json::Value;
    use std::collections::BTreeSet;

    const ABOUT: Circumstances = Circumstances { cores: 2, safety_margin: 0.8, portable: false };

    fn keys(value: &Value) -> BTreeSet<&str> {
        value.as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[test]
    fn a_report_has_the_fields_of_the_design() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.json");
        fs::write(&path, "an older one").unwrap();
        write_report(&path, &summary(), &Layout::of_run(&summary()), ABOUT).unwrap();
        let report: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let asked = [
            "success",
            "failed",
            "skipped",
            "unchanged",
            "safety_violations",
            "conversion_time",
            "workers_used",
            "final_memory_usage_percent",
            "run_id",
            "version",
            "started",
            "finished",
            "input_dir",
            "output_dir",
            "bytes_read",
            "bytes_written",
            "memory_limit",
            "peak_rss_max",
            "attempts",
            "oom_restarts",
            "interrupted",
            "slots",
            "load_balance",
            "parallel_efficiency",
            "files",
            // What later versions added.
            "threads_used",
            "average_seconds",
            "bytes_saved",
            "findings_mended",
            "warnings_mended",
            "retries",
            "cpu_seconds",
            "queued_seconds",
            "memory_peak",
            "budget",
            "cores",
            "threads_per_worker",
            "target",
            "mode",
            "options",
            "command",
            "recommendations",
            "timeline",
        ];
        let asked_of_file = [
            "name",
            "number",
            "outcome",
            "fault",
            "message",
            "mode",
            "findings",
            "bytes_in",
            "bytes_out",
            "bytes_appended",
            "bytes_replaced",
            "seconds",
            "peak_rss",
            "peak_anon",
            "attempts",
            "verify",
        ];
        let asked_of_slot =
            ["busy_seconds", "idle_seconds", "jobs", "bytes", "peak_anon", "cpu_seconds"];
        assert!(keys(&report).is_superset(&asked.into()));
        assert!(keys(&report["files"][0]).is_superset(&asked_of_file.into()));
        assert!(keys(&report["slots"][0]).is_superset(&asked_of_slot.into()));
        assert_eq!(report["files"][0]["outcome"], "converted");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
        let back: RunSummary = serde_json::from_value(report).unwrap();
        assert_eq!(back, summary());
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("taken")).unwrap();
        let taken = dir.path().join("taken");
        assert!(write_report(&taken, &summary(), &Layout::default(), ABOUT).is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(check_report(&taken).is_err());
        assert!(check_report(&dir.path().join("none/report.json")).is_err());
        assert!(check_report(Path::new("/")).is_err());
        assert!(check_report(&dir.path().join("report.json")).is_ok());
        assert!(check_report(Path::new("report.json")).is_ok());
    }
}
