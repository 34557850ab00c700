//! Carries out `jldconv export`.

use super::watch::Watch;
use super::{Stop, failed, put, tell_kept, unfinished, usage};
use indicatif::MultiProgress;
use jld2::ChunkCache;
use jldconv::cli::{ExportArgs, FormatFlag};
use jldconv::convert::publish::{Existing, PublishError};
use jldconv::convert::{FailureKind, Job};
use jldconv::export::{
    ExportError, Exported, Format, Reading, RefsFile, RefsMade, RefsRequest, Request,
    Watch as ExportWatch, export, export_to, make, make_tree, reference_path, references,
};
use jldconv::report::check_report;
use jldconv::supervisor::ExitCode;
use jldconv::sys::dir::{DirError, OWN};
use jldconv::sys::file::Identity;
use jldconv::tasks::convert::OneFile;
use jldconv::tasks::scan;
use jldconv::text;
use serde_json::{Value, json};
use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

impl From<ExportError> for Stop {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Output(error) => error.into(),
            error if error.is_usage() => usage(error),
            error => error.failure().into(),
        }
    }
}

/// `bars` is what the log goes around.
pub(super) fn run(args: &ExportArgs, bars: &MultiProgress) -> Result<ExitCode, Stop> {
    let Some(request) = args.wanted.request() else { return refs(args, bars) };
    if args.combine {
        return Err(usage("--combine is for --to zarr-refs and zarr-refs-parquet"));
    }
    request.check()?;
    if args.file.is_dir() {
        return Err(usage(format!(
            "{dir} is a directory: jldconv-supervisor export {dir} OUT {} --to {} exports all files \
             in it",
            text::tame(&request.table),
            request.format.extension(),
            dir = text::path(&args.file)
        )));
    }
    let undo = unfinished::warn(&args.file, None);
    let cache = usize::try_from(args.reading.cache.0).unwrap_or(usize::MAX);
    let cache = Arc::new(ChunkCache::new(cache));
    let reading = Reading { threads: args.reading.threads, cache: Arc::clone(&cache) };
    if args.output.as_deref() == Some(Path::new("-")) {
        return piped(args, &request, reading, bars);
    }
    let output = output(args, |stem| request.name_for(stem))?;
    let checksums = args.trust.checksums();
    let exported = to_file(args, &args.file, output.clone(), bars, |job, existing, watch| {
        export(job, &request, existing, reading, checksums, watch)
    })?;
    warn(&exported);
    super::numbers::tell(&cache, &args.file);
    if args.json {
        let mut json = told(&exported)?;
        if let Value::Object(all) = &mut json {
            all.insert("output".to_owned(), json!(output.display().to_string()));
        }
        put(&format!("{}\n", unfinished::noted(json, undo)));
    } else {
        put(&format!(
            "{}: {} of {}, {}{}\n",
            text::path(&output),
            text::count(exported.rows, "row"),
            text::count(exported.columns.len() as u64, "column"),
            text::bytes(exported.bytes.unwrap_or(0)),
            if exported.already { "; it was there already, with the same bytes" } else { "" }
        ));
    }
    Ok(ExitCode::Done)
}

/// To standard output.
fn piped(
    args: &ExportArgs,
    request: &Request,
    reading: Reading,
    bars: &MultiProgress,
) -> Result<ExitCode, Stop> {
    if args.json || args.force {
        return Err(usage("--json and --force are for files (-o)"));
    }
    if io::stdout().is_terminal() && !request.format.is_text() {
        return Err(usage("that writes bytes that are not text: redirect them to a file"));
    }
    let watch = Watch::new(bars).map_err(failed)?;
    let mut out = io::BufWriter::with_capacity(256 << 10, io::stdout());
    let checksums = args.trust.checksums();
    let done = export_to(&args.file, request, reading, checksums, &watch, &mut out);
    watch.finish();
    warn(&done?);
    out.flush()?;
    Ok(ExitCode::Done)
}

/// Whether this is the name of a set of references, or one is there.
fn is_set(path: &Path) -> bool {
    let named = path.extension().is_some_and(|end| end == "parq" || end == "parquet");
    named || path.join(".zmetadata").exists()
}

/// Where it goes; `named` makes a name of the file's stem.
fn output(args: &ExportArgs, named: impl Fn(&str) -> String) -> Result<PathBuf, Stop> {
    let name = || {
        // A directory may be `.` or `..`.
        let whole = args.file.canonicalize().unwrap_or_else(|_| args.file.clone());
        let stem = whole.file_stem();
        let stem =
            stem.ok_or_else(|| usage(format!("{}: no name of a file", args.file.display())))?;
        Ok::<_, Stop>(PathBuf::from(named(&stem.to_string_lossy())))
    };
    let output = match &args.output {
        // A set of references is a directory itself.
        Some(dir) if dir.is_dir() && !is_set(dir) => dir.join(name()?),
        Some(output) if output == Path::new("-") => return Ok(output.clone()),
        Some(output) => output.clone(),
        None => name()?,
    };
    if is_set(&output) && args.wanted.to == FormatFlag::ZarrRefsParquet {
        return Ok(output);
    }
    // Data are not in the way of what is made of them, --force or not.
    check_report(&output).map_err(|error| usage(error.to_string()))?;
    Ok(output)
}

/// Makes a file with `made`, which is given what may be replaced.
fn to_file<T>(
    args: &ExportArgs,
    input: &Path,
    output: PathBuf,
    bars: &MultiProgress,
    made: impl FnOnce(&Job, &Existing, &Watch) -> Result<T, ExportError>,
) -> Result<T, Stop> {
    let one = OneFile::beside(input.to_owned(), output)?;
    let watch = Watch::new(bars).map_err(failed)?;
    let done = one.make(args.force, args.discard_replaced, |job, existing| {
        made(job, existing, &watch).map_err(|error| refused(error, args.force))
    });
    watch.finish();
    let (done, set_aside) = done?;
    if let Some(dir) = set_aside {
        tell_kept(&dir);
    }
    Ok(done)
}

/// What helps, where the output's name is taken.
fn refused(error: ExportError, force: bool) -> Stop {
    if let ExportError::Publish(PublishError::Dir(DirError::Exists { .. })) = &error
        && !force
    {
        return failed(format!("{error}; --force replaces it, and keeps it under {OWN}/replaced/"));
    }
    match error {
        ExportError::Stopped => Stop::from(jldconv::convert::Failure::new(
            FailureKind::Cancelled,
            "stopped: nothing was written",
        )),
        error => error.into(),
    }
}

/// Writes where columns are.
fn refs(args: &ExportArgs, bars: &MultiProgress) -> Result<ExitCode, Stop> {
    if args.wanted.wants_data() {
        return Err(usage(
            "zarr-refs says where columns are in the files, as they are: units, conditions, ranges, rows \
             and levels are for formats that hold data",
        ));
    }
    if args.output.as_deref() == Some(Path::new("-")) {
        return Err(usage("zarr-refs goes to a file: name it (-o)"));
    }
    let parquet = args.wanted.to == FormatFlag::ZarrRefsParquet;
    if parquet && !Format::Parquet.is_built() {
        return Err(usage(
            "this jldconv was built without parquet: build it with the feature `arrow`, or use \
             --to zarr-refs",
        ));
    }
    let files = refs_files(&args.file)?;
    let Some(first) = files.first() else {
        let message = format!("{}: no *.jld2 in it", text::path(&args.file));
        return Err(Stop(ExitCode::SomeFailed, message));
    };
    let input = fs::File::open(&first.path).and_then(|file| Identity::of(&file));
    let input = input.map_err(|e| failed(format!("{}: {e}", text::path(&first.path))))?;
    let table = Some(args.wanted.table.clone()).filter(|table| table != "all");
    let columns = args.wanted.columns.clone();
    let (combine, flat) = (args.combine, parquet);
    let checksums = args.trust.checksums();
    let request = RefsRequest { table, columns, checksums, combine, flat };
    let table = args.wanted.table.trim_matches('/').replace('/', ".");
    let output = output(args, |stem| {
        format!("{stem}.{table}.refs.{}", if parquet { "parq" } else { "json" })
    })?;
    if !parquet && output.extension().is_some_and(|end| end == "parq" || end == "parquet") {
        return Err(usage(
            "zarr-refs writes JSON: --to zarr-refs-parquet makes a set of Parquet files",
        ));
    }
    let mut told = RefsMade::default();
    let made = to_file(args, &first.path, output.clone(), bars, |job, existing, watch| {
        let heard = ExportWatch::new(watch, 0);
        if parquet {
            make_tree(job, &input, existing, watch, |root| {
                told = set(&files, &request, &heard, root)?;
                something(&told)
            })
        } else {
            make(job, &input, existing, watch, |out| {
                told = references(&files, &request, &heard, out)?;
                something(&told)
            })
        }
    })?;
    for column in &told.left_out {
        let _ = writeln!(io::stderr(), "warning: {}; it is left out", text::tame(column));
    }
    for table in &told.apart {
        let table = text::tame(table);
        let _ = writeln!(io::stderr(), "note: a group for each file: {table}");
    }
    for file in &told.failed {
        let _ = writeln!(io::stderr(), "error: {}", text::tame(file));
    }
    for package in &told.needs {
        let _ = writeln!(io::stderr(), "note: whoever reads this needs {package}");
    }
    if args.json {
        let mut json = serde_json::to_value(&told).map_err(failed)?;
        if let Value::Object(all) = &mut json {
            all.insert("output".to_owned(), json!(output.display().to_string()));
            all.insert("bytes".to_owned(), json!(made.bytes));
            all.insert("already".to_owned(), json!(made.already));
        }
        put(&format!("{json}\n"));
    } else {
        put(&format!(
            "{}: {} of {}, {}\n",
            text::path(&output),
            text::count(told.arrays, "array"),
            text::count(told.files, "file"),
            text::count(told.chunks, "piece"),
        ));
    }
    Ok(if told.failed.is_empty() { ExitCode::Done } else { ExitCode::SomeFailed })
}

/// Whether there is an array.
fn something(told: &RefsMade) -> Result<(), ExportError> {
    if told.arrays > 0 {
        return Ok(());
    }
    if let Some(why) = told.failed.first() {
        return Err(ExportError::Unreadable(why.clone()));
    }
    let why = told.left_out.first();
    let why = why.map_or("there is nothing to refer to", String::as_str);
    Err(ExportError::Refused(why.to_owned()))
}

#[cfg(feature = "arrow")]
use jldconv::export::reference_set as set;

/// Stands for the writer of Parquet in builds without it.
#[cfg(not(feature = "arrow"))]
fn set(
    _: &[RefsFile],
    _: &RefsRequest,
    _: &ExportWatch<'_>,
    _: &Path,
) -> Result<RefsMade, ExportError> {
    Err(ExportError::Refused("built without parquet".to_owned()))
}

/// The file, or those of a directory, each with the name of its group.
fn refs_files(path: &Path) -> Result<Vec<RefsFile>, Stop> {
    let whole = |path: &Path| Ok::<_, Stop>(reference_path(path)?);
    if !path.is_dir() {
        let number = None;
        return Ok(vec![RefsFile { path: whole(path)?, group: None, number }]);
    }
    let selection = scan::selection(Vec::new(), false);
    let found = scan::files(&[path.to_owned()], &selection, None).map_err(failed)?;
    for told in found.unlisted.iter().chain(&found.left_out) {
        let _ = writeln!(io::stderr(), "warning: {}", text::tame(told));
    }
    let files = found.files.into_iter();
    files
        .map(|file| {
            let stem = file.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let number = file.number;
            Ok(RefsFile { path: whole(&file.path)?, group: Some(stem), number })
        })
        .collect()
}

/// Says which columns were left out.
fn warn(exported: &Exported) {
    for column in &exported.left_out {
        let _ = writeln!(io::stderr(), "warning: {}; it is left out", text::tame(column));
    }
}

/// What was exported, as JSON.
fn told(exported: &Exported) -> Result<Value, Stop> {
    let about: Value = serde_json::from_str(&exported.about).map_err(failed)?;
    let columns = exported
        .columns
        .iter()
        .map(|column| json!({ "name": column.name, "type": column.number, "unit": column.unit }));
    Ok(json!({
        "rows": exported.rows,
        "bytes": exported.bytes,
        "already": exported.already,
        "columns": columns.collect::<Vec<_>>(),
        "left_out": exported.left_out,
        "about": about,
    }))
}
