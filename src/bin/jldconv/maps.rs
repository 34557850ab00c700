//! Carries out `jldconv look`.

use super::watch::Watch;
use super::{Stop, failed, put, tell_kept, unfinished, usage};
use indicatif::MultiProgress;
use jld2::ChunkCache;
use jldconv::cli::{LookArgs, TerminalFlag};
use jldconv::convert::publish::PublishError;
use jldconv::convert::{Failure, FailureKind, Observer as _};
use jldconv::numbers::map::{Map, Reading, Seen, Shade};
use jldconv::numbers::picture::{Canvas, Look, draw};
use jldconv::numbers::{MeraFile, NumbersError, make_file};
use jldconv::supervisor::ExitCode;
use jldconv::sys::dir::{DirError, OWN};
use jldconv::tasks::convert::OneFile;
use jldconv::text;
use serde_json::{Value, json};
use std::cell::Cell;
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a file holds, by the end of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Png,
    Npy,
    Json,
}

/// `bars` is what the log goes around.
pub(super) fn look(args: &LookArgs, bars: &MultiProgress) -> Result<ExitCode, Stop> {
    let request = args.view.request();
    request.check()?;
    let outputs = outputs(args)?;
    let shown = outputs.is_empty() && !args.json && args.terminal != TerminalFlag::None
        || !outputs.is_empty() && !matches!(args.terminal, TerminalFlag::Auto | TerminalFlag::None);
    if shown && args.terminal == TerminalFlag::Auto && !io::stdout().is_terminal() {
        let help =
            "-o x.png makes a picture, -o x.npy a file for NumPy, --terminal blocks prints it";
        return Err(usage(format!("standard output is not a terminal: {help}")));
    }
    if args.file.is_dir() {
        let dir = text::path(&args.file);
        let help = "jldconv-supervisor look IN OUT --movie makes a picture of each file in it";
        return Err(usage(format!("{dir} is a directory: {help}")));
    }
    let undo = unfinished::warn(&args.file, None);
    let watch = Watch::new(bars).map_err(failed)?.counting();
    let seen = seen(args, &request, &watch);
    let done = seen.and_then(|(file, seen)| {
        let shade = Shade::of(seen.map.extremes(), args.draw.division(), args.draw.limits())?;
        for (path, kind) in &outputs {
            write(args, &file, (path, *kind), &seen, shade)?;
        }
        Ok((seen, shade))
    });
    watch.finish();
    let (seen, shade) = done?;
    for line in seen.map.left_out.told() {
        let _ = writeln!(io::stderr(), "warning: {}: {line}", text::path(&args.file));
    }
    if args.json {
        let mut told = json!({
            "file": args.file.display().to_string(),
            "table": seen.table,
            "view": request.view.name(),
            "direction": request.view.direction().map(|axis| axis.name().to_string()),
            "limits": shade,
        });
        if let (Value::Object(all), Value::Object(map)) = (&mut told, seen.map.json()) {
            all.extend(map);
        }
        put(&format!("{}\n", unfinished::noted(told, undo)));
    }
    if shown {
        let title = seen.title(&args.file);
        super::terminal::show(args.terminal, &seen.map, shade, args.draw.colors, &title)?;
    }
    Ok(ExitCode::Done)
}

fn outputs(args: &LookArgs) -> Result<Vec<(PathBuf, Kind)>, Stop> {
    let of = |path: &PathBuf| {
        let end = path.extension().map(|end| end.to_string_lossy().to_lowercase());
        let kind = match end.as_deref() {
            Some("png") => Kind::Png,
            Some("npy") => Kind::Npy,
            Some("json") => Kind::Json,
            _ => {
                let path = text::path(path);
                return Err(usage(format!("-o {path}: a name that ends in .png, .npy or .json")));
            }
        };
        Ok((path.clone(), kind))
    };
    args.output.iter().map(of).collect()
}

fn seen(
    args: &LookArgs,
    request: &jldconv::numbers::map::Request,
    watch: &Watch,
) -> Result<(MeraFile, Seen), Stop> {
    let file = MeraFile::open(&args.file, args.trust.checksums())?;
    let cache = usize::try_from(args.reading.cache.0).unwrap_or(usize::MAX);
    let cache = Arc::new(ChunkCache::new(cache));
    let rows = Cell::new(0_u64);
    let heard = |more: u64| {
        rows.set(rows.get().saturating_add(more));
        watch.rows(rows.get());
        if watch.cancelled() { Err(NumbersError::stopped()) } else { Ok(()) }
    };
    let reading = Reading {
        threads: args.reading.threads,
        cache: Some(Arc::clone(&cache)),
        waiting: None,
        watch: Some(&heard),
    };
    let seen = request.look(&file, &reading);
    super::numbers::tell(&cache, &args.file);
    match seen {
        Ok(seen) => Ok((file, seen)),
        Err(error) if error.is_stopped() => {
            Err(Failure::new(FailureKind::Cancelled, "stopped: nothing was written").into())
        }
        Err(error) => Err(error.into()),
    }
}

fn write(
    args: &LookArgs,
    file: &MeraFile,
    (path, kind): (&Path, Kind),
    seen: &Seen,
    shade: Shade,
) -> Result<(), Stop> {
    let input = file.file().container().source().file();
    let input = input.ok_or_else(|| failed("an input without a file"))?;
    let one = OneFile::beside(args.file.clone(), path.to_owned())?;
    let made = one.make(args.force, args.discard_replaced, |job, existing| {
        let fill = |out: &mut dyn Write| fill(args, kind, seen, shade, out);
        make_file(job, input, existing, fill).map_err(|error| refused(error, args.force))
    });
    if let (_, Some(dir)) = made? {
        tell_kept(&dir);
    }
    Ok(())
}

/// What helps, where the output's name is taken.
fn refused(error: NumbersError, force: bool) -> Stop {
    if let NumbersError::Publish(PublishError::Dir(DirError::Exists { .. })) = &error
        && !force
    {
        return failed(format!("{error}; --force replaces it, and keeps it under {OWN}/replaced/"));
    }
    failed(error)
}

fn fill(
    args: &LookArgs,
    kind: Kind,
    seen: &Seen,
    shade: Shade,
    out: &mut dyn Write,
) -> io::Result<()> {
    match kind {
        Kind::Png => picture(args, &seen.map, shade, seen.title(&args.file)).write(out),
        Kind::Npy => seen.map.write_npy(out),
        Kind::Json => {
            serde_json::to_writer(&mut *out, &seen.map.whole_json())?;
            out.write_all(b"\n")
        }
    }
}

fn picture(args: &LookArgs, map: &Map, shade: Shade, title: String) -> Canvas {
    draw(map, &Look { shade, colours: args.draw.colors, title, side: args.draw.size })
}
