//! Converts, inspects and compares files, as the commands of these names do.

use crate::errors::{Fail, of_failure, own, wrong};
use crate::signals::apart;
use clap::Parser as _;
use jldconv::cli::{JldconvCli, JldconvCommand, options};
use jldconv::convert::{Converter, Failure, FailureKind, Observer, Phase};
use jldconv::h5::{Checksums, Error};
use jldconv::inspect::{self, Detail, Kind, Refusal};
use jldconv::migrate::target::Target;
use jldconv::tasks::convert::OneFile;
use pyo3::prelude::*;
use serde_json::Value;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// What a conversion is at, for whoever asks.
struct Watch<'s> {
    stop: &'s AtomicBool,
    last: &'s Mutex<Option<(Phase, u64, u64)>>,
}

impl Observer for Watch<'_> {
    fn progress(&self, phase: Phase, done: u64, total: u64) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((phase, done, total));
    }

    fn cancelled(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Converts a file. `flags` are those of `jldconv convert`, `progress` is called with phase, bytes done
/// and bytes in all, some times a second. Gives the report as JSON.
#[pyfunction]
pub(crate) fn convert(
    py: Python<'_>,
    input: PathBuf,
    output: Option<PathBuf>,
    flags: Vec<OsString>,
    threads: Option<usize>,
    progress: Option<Py<PyAny>>,
) -> PyResult<String> {
    let mut args: Vec<OsString> = ["jldconv", "convert"].map(OsString::from).to_vec();
    args.extend(flags);
    args.extend(["--".into(), input.clone().into()]);
    let parsed = JldconvCli::try_parse_from(args).map_err(|error| wrong(meant(&error)))?;
    let JldconvCommand::Convert(args) = parsed.command else {
        return Err(wrong("not a conversion"));
    };
    let discard = args.conversion.discard_replaced.unwrap_or(false);
    let mut options = options(args.conversion).map_err(|error| wrong(error.to_string()))?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    options.threads = threads.unwrap_or(cores).clamp(1, cores);
    let (mode, force) = (options.mode, options.force);
    let last: Mutex<Option<(Phase, u64, u64)>> = Mutex::new(None);
    let tick = |py: Python<'_>| {
        let Some(progress) = &progress else { return Ok(()) };
        let last = last.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((phase, done, total)) = last else { return Ok(()) };
        progress.call1(py, (phase.name(), done, total)).map(drop)
    };
    let work = |stop: &AtomicBool| {
        let converter = Converter::new(options)?;
        let output = output.unwrap_or_else(|| input.clone());
        let one = OneFile::new(input.clone(), output, mode)?;
        one.run(&converter, discard, &Watch { stop, last: &last })
    };
    readable(py, &input)?;
    let made = apart(py, tick, work)?.map_err(|failure| of_failure(py, &helped(failure, force)))?;
    let mut json = serde_json::to_value(&made.report).map_err(|e| wrong(e.to_string()))?;
    if let (Value::Object(json), Some(dir)) = (&mut json, made.set_aside) {
        json.insert("set_aside".to_owned(), dir.display().to_string().into());
    }
    Ok(json.to_string())
}

/// A failure with what helps.
fn helped(mut failure: Failure, force: bool) -> Failure {
    if failure.fault == FailureKind::Conflict && !force {
        failure.message.push_str(
            "; name another file, or force=True makes it again (what is there and was not made by \
             jldconv is kept under .jldconv/replaced/ beside it)",
        );
    }
    failure
}

/// What a parser of command lines says of a value, without the command line around it.
fn meant(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let text = text.split("\n\nUsage:").next().unwrap_or(text);
    let text = text.split("\n\nFor more information").next().unwrap_or(text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Raises Python's own exception where a file cannot be opened.
fn readable(py: Python<'_>, path: &Path) -> PyResult<()> {
    // Opening a pipe would wait for whoever writes into it.
    let opened = py.detach(|| match fs::metadata(path)? {
        seen if seen.is_file() => fs::File::open(path).map(drop),
        _ => Ok(()),
    });
    opened.map_err(|error| {
        Fail::Read(Error::cannot_open(error)).raise(py, &path.display().to_string())
    })
}

fn of_refusal(py: Python<'_>, refusal: &Refusal) -> PyErr {
    let name = match refusal.kind {
        Kind::Damaged => "DamagedError",
        Kind::Unreadable => "Error",
        Kind::Jld1 | Kind::Merafile | Kind::Hdf5 | Kind::Unknown => "NotJLD2Error",
        _ => "UnsupportedError",
    };
    own(py, name, &format!("{}: {}", refusal.path, refusal.error))
}

fn target(name: Option<&str>, rules: &[PathBuf]) -> PyResult<Target> {
    Target::with_rule_files(name, rules).map_err(|error| wrong(error.to_string()))
}

fn checksums(trust: bool) -> Checksums {
    if trust { Checksums::Trusted } else { Checksums::Ignored }
}

/// What `jldconv inspect --json` tells of a file, as JSON.
#[pyfunction(name = "inspect")]
pub(crate) fn inspect_file(
    py: Python<'_>,
    path: PathBuf,
    target_name: Option<String>,
    rules: Vec<PathBuf>,
    full: bool,
    trust_checksums: bool,
) -> PyResult<String> {
    let target = target(target_name.as_deref(), &rules)?;
    readable(py, &path)?;
    let detail = if full { Detail::Full } else { Detail::Usual };
    let seen = apart(
        py,
        |_| Ok(()),
        |_| inspect::inspect_with(&path, &target, detail, checksums(trust_checksums)),
    )?;
    let seen = seen.map_err(|refusal| of_refusal(py, &refusal))?;
    serde_json::to_string(&seen).map_err(|error| wrong(error.to_string()))
}

/// What `jldconv verify --json` tells of two files, as JSON. Without a target no rules explain anything.
#[pyfunction]
pub(crate) fn verify(
    py: Python<'_>,
    old: PathBuf,
    new: PathBuf,
    target_name: Option<String>,
    rules: Vec<PathBuf>,
    strict: bool,
    trust_checksums: bool,
) -> PyResult<String> {
    let target = if strict { None } else { Some(target(target_name.as_deref(), &rules)?) };
    readable(py, &old)?;
    readable(py, &new)?;
    let compared = apart(
        py,
        |_| Ok(()),
        |stop| {
            let progress = |_| {
                if stop.load(Ordering::Relaxed) { Err(Error::cancelled()) } else { Ok(()) }
            };
            let checksums = checksums(trust_checksums);
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            inspect::verify_by(cores, &old, &new, target.as_ref(), checksums, &progress)
        },
    )?;
    let compared = compared.map_err(|refusal| of_refusal(py, &refusal))?;
    serde_json::to_string(&compared).map_err(|error| wrong(error.to_string()))
}
