//! Carries out `jldconv info` and `jldconv stats`, and the raw bytes of `jldconv dump`.

use crate::{Stop, complain, failed, unfinished, usage};
use jld2::ChunkCache;
use jldconv::archive::{self, Found};
use jldconv::cli::{DumpArgs, InfoArgs, ReadingFlags, ScaleFlag, StatsArgs};
use jldconv::numbers::{
    Ask, Asked, MeraFile, NewFile, NumbersError, Overview, Place, Query, Relation, Selection,
    Spacing, Statistics, USUAL_PERCENTILES, Values, overview, picture,
};
use jldconv::supervisor::ExitCode;
use jldconv::text;
use serde_json::{Value, json};
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::Path;
use std::sync::Arc;

/// Memory for decoded chunks of a file that is looked at as a whole.
const CACHE: usize = 16 << 20;
/// Characters of the longest name in a list.
const WIDEST: usize = 44;

impl From<NumbersError> for Stop {
    fn from(error: NumbersError) -> Self {
        match error {
            NumbersError::Output(error) => error.into(),
            error if error.is_usage() => usage(error),
            error => failed(error),
        }
    }
}

pub(crate) fn info(args: &InfoArgs) -> Result<ExitCode, Stop> {
    let mut out = BufWriter::new(io::stdout());
    let mut code = ExitCode::Done;
    for (i, path) in args.paths.iter().enumerate() {
        if i > 0 && !args.json {
            writeln!(out)?;
        }
        if path.is_dir() {
            if directory(args, path, &mut out)? != ExitCode::Done {
                code = ExitCode::SomeFailed;
            }
            continue;
        }
        let undo = unfinished::warn(path, None);
        let cache = args.scan.then(|| Arc::new(ChunkCache::new(CACHE)));
        let seen = MeraFile::open(path, args.trust.checksums())
            .and_then(|file| overview(&file, cache.as_ref()));
        match seen {
            Ok(seen) if args.json => {
                let json = serde_json::to_value(&seen).map_err(failed)?;
                writeln!(out, "{}", unfinished::noted(json, undo))?;
            }
            Ok(seen) => out.write_all(seen.text().as_bytes())?,
            Err(error) => {
                out.flush()?;
                complain(&error.to_string());
                code = ExitCode::SomeFailed;
            }
        }
        if let Some(cache) = cache {
            tell(&cache, path);
        }
    }
    out.flush()?;
    Ok(code)
}

/// A line for each file of an archive.
fn directory(args: &InfoArgs, dir: &Path, out: &mut dyn Write) -> Result<ExitCode, Stop> {
    if args.scan {
        return Err(usage("--scan is for files that are named, not for a directory of them"));
    }
    let selection = archive::Selection::prefix(&args.prefix);
    let found = archive::discover(dir, &selection, None).map_err(failed)?;
    if found.files.is_empty() {
        let (dir, shown) = (text::path(dir), selection.shown());
        return Err(failed(format!(
            "{dir}: no file in it is named {} (--prefix)",
            text::tame(&shown)
        )));
    }
    let names = found.files.iter().map(|file| file.name.chars().count());
    let width = names.max().unwrap_or(0).clamp(4, WIDEST);
    if !args.json {
        out.write_all(Overview::line_head(width).as_bytes())?;
    }
    let mut failures = 0;
    for file in &found.files {
        match look_at(file, args) {
            Ok(seen) if args.json => {
                writeln!(out, "{}", serde_json::to_string(&seen).map_err(failed)?)?;
            }
            Ok(seen) => out.write_all(seen.line(&file.name, width).as_bytes())?,
            Err(message) => {
                failures += 1;
                let message = text::tame(&message);
                if args.json {
                    let path = file.path.display().to_string();
                    writeln!(out, "{}", json!({ "path": path, "error": message }))?;
                } else {
                    writeln!(out, "{:<width$}  {message}", text::tame(&file.name))?;
                }
            }
        }
        // A list grows file by file before the reader's eyes.
        out.flush()?;
    }
    Ok(if failures > 0 { ExitCode::SomeFailed } else { ExitCode::Done })
}

fn look_at(file: &Found, args: &InfoArgs) -> Result<Overview, String> {
    if let Some(obstacle) = &file.obstacle {
        return Err(obstacle.to_string());
    }
    let name = file.path.display().to_string();
    MeraFile::open(&file.path, args.trust.checksums())
        .and_then(|file| overview(&file, None))
        .map_err(|error| text::after_path(&error.to_string(), &name).to_owned())
}

pub(crate) fn stats(args: &StatsArgs) -> Result<ExitCode, Stop> {
    if let Some(message) = args.too_many_percentiles() {
        return Err(usage(message));
    }
    let selection = args.selection.selection().map_err(usage)?;
    let undo = unfinished::warn(&args.file, None);
    let file = MeraFile::open(&args.file, args.trust.checksums())?;
    let cache =
        Arc::new(ChunkCache::new(usize::try_from(args.reading.cache.0).unwrap_or(usize::MAX)));
    let mut out = BufWriter::new(io::stdout());
    let mut said = Said { args, undo, cache: &cache, first: true };
    if let Some(path) = &args.path {
        let Place { relation, column } = Relation::find(&file, path)?;
        if column.is_none() && args.png.is_some() {
            return Err(usage(format!(
                "--png draws one column: name it ({}/COLUMN)",
                text::tame(path.trim_end_matches('/'))
            )));
        }
        said.describe(&file, &relation, column.as_deref(), &selection, &mut out)?;
    } else {
        let groups = file.groups()?;
        if groups.is_empty() {
            return Err(usage(format!(
                "{} is not a file of Mera: name a dataset (`jldconv inspect` lists them)",
                text::path(&args.file)
            )));
        }
        for group in groups {
            let relation = Relation::of_group(group);
            said.describe(&file, &relation, None, &selection, &mut out)?;
        }
    }
    out.flush()?;
    tell(&cache, &args.file);
    Ok(ExitCode::Done)
}

struct Said<'a> {
    args: &'a StatsArgs,
    undo: Option<String>,
    cache: &'a Arc<ChunkCache>,
    first: bool,
}

impl Said<'_> {
    /// Describes a column or quantity, or all columns of a table.
    fn describe(
        &mut self,
        file: &MeraFile,
        relation: &Relation<'_>,
        column: Option<&str>,
        selection: &Selection,
        out: &mut dyn Write,
    ) -> Result<(), Stop> {
        let names = match column {
            Some(column) => vec![column.to_owned()],
            None => relation.names(),
        };
        for name in names {
            let ask = Ask { name, unit: self.args.unit.clone() };
            let wanted = std::slice::from_ref(&ask);
            let query = match Query::new(file.name(), relation, wanted, selection) {
                Ok(query) => query,
                // Of all columns those that are no numbers are passed over, with a word.
                Err(error @ NumbersError::Read { .. }) if column.is_none() => {
                    out.flush()?;
                    complain(&format!("{error}; it is left out"));
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let query = with(query, &self.args.reading, self.cache);
            let found = Statistics::of(&query, &self.asked())?;
            let label = if relation.is_array() {
                relation.name.clone()
            } else {
                format!("{}/{}", relation.name, ask.label())
            };
            self.tell(&found, &label, &ask, relation, out)?;
            self.draw(&found, &label)?;
        }
        Ok(())
    }

    /// Draws the histogram, where that is wanted.
    fn draw(&self, found: &Statistics, label: &str) -> Result<(), Stop> {
        let Some(path) = &self.args.png else { return Ok(()) };
        let Some(histogram) = &found.histogram else {
            return Err(failed(format!("{}: there is nothing to draw", text::path(path))));
        };
        let failed = |error: io::Error| failed(format!("{}: {error}", text::path(path)));
        let mut file = NewFile::create(path).map_err(failed)?;
        picture::histogram(histogram, label, &mut file).map_err(failed)?;
        file.publish().map_err(failed)
    }

    fn asked(&self) -> Asked {
        let given = &self.args.percentiles;
        let percentiles = if given.is_empty() { USUAL_PERCENTILES.to_vec() } else { given.clone() };
        let spacing = match self.args.scale {
            ScaleFlag::Auto => None,
            ScaleFlag::Linear => Some(Spacing::Linear),
            ScaleFlag::Log => Some(Spacing::Log),
        };
        Asked { percentiles, intervals: usize::from(self.args.bins), spacing }
    }

    fn tell(
        &mut self,
        found: &Statistics,
        label: &str,
        ask: &Ask,
        relation: &Relation<'_>,
        out: &mut dyn Write,
    ) -> Result<(), Stop> {
        if self.args.json {
            let mut json = json!({ "table": relation.name, "column": ask.name, "unit": ask.unit });
            let told = serde_json::to_value(found).map_err(failed)?;
            if let (Value::Object(all), Value::Object(told)) = (&mut json, told) {
                all.extend(told);
            }
            writeln!(out, "{}", unfinished::noted(json, self.undo.clone()))?;
        } else {
            if !self.first {
                writeln!(out)?;
            }
            out.write_all(found.text(label).as_bytes())?;
            if self.args.bins > 0 && found.histogram.is_none() && found.count > found.infinite {
                writeln!(out, "  no histogram: a logarithmic scale is for numbers above 0")?;
            }
        }
        self.first = false;
        Ok(())
    }
}

fn with<'f>(query: Query<'f>, reading: &ReadingFlags, cache: &Arc<ChunkCache>) -> Query<'f> {
    let query = query.with_cache(Arc::clone(cache));
    match reading.threads {
        Some(threads) => query.with_threads(threads),
        None => query,
    }
}

/// Says in the log what the cache was good for.
pub(super) fn tell(cache: &ChunkCache, path: &Path) {
    let usage = cache.usage();
    if let Some(rate) = usage.hit_rate() {
        tracing::info!(
            "{}: of {} decoded pieces {:.1} % were in the cache, which holds {}",
            text::path(path),
            usage.hits.saturating_add(usage.misses),
            100.0 * rate,
            text::bytes(usage.bytes as u64)
        );
    }
}

/// Writes the numbers of an array or column as they are stored, the lowest byte first.
pub(crate) fn raw(args: &DumpArgs, path: &str) -> Result<ExitCode, Stop> {
    if io::stdout().is_terminal() {
        return Err(usage("--raw writes bytes that are not text: redirect them to a file"));
    }
    let _ = unfinished::warn(&args.file, args.backup_dir.as_deref());
    let file = MeraFile::open(&args.file, args.trust.checksums())?;
    let Place { relation, column } = Relation::find(&file, path)?;
    let Some(column) = column else {
        let names = relation.names().iter().map(|name| text::tame(name)).collect::<Vec<_>>();
        let name = text::tame(path.trim_end_matches('/'));
        return Err(usage(format!(
            "{name} is a table: name a column of it ({})",
            names.join(", ")
        )));
    };
    let whole = format!("/{}", path.trim_matches('/'));
    if !relation.names().contains(&column) && matches!(file.file().get(&whole), Ok(Some(_))) {
        return Err(usage(format!(
            "{} is neither an array of numbers nor a column of a table, whose bytes --raw writes: \
             without --raw its values are printed",
            text::tame(&whole)
        )));
    }
    let all = Selection::default();
    let query = Query::new(file.name(), &relation, &[Ask::new(&column)], &all)?;
    if !relation.names().contains(&column) {
        return Err(usage(format!(
            "{} is computed: --raw is for what is stored",
            text::tame(path)
        )));
    }
    let mut out = BufWriter::with_capacity(256 << 10, io::stdout().lock());
    query.run(|batch| {
        for values in batch.values() {
            match values {
                Values::Stored(slice) => out.write_all(slice.bytes())?,
                Values::Computed(values) => {
                    for value in *values {
                        out.write_all(&value.to_le_bytes())?;
                    }
                }
            }
        }
        Ok(())
    })?;
    out.flush()?;
    Ok(ExitCode::Done)
}
