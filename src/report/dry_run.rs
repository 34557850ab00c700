//! Prints what a run would do, file by file; nothing is written.

use super::line::short;
use crate::convert::{Converter, Failure, FailureKind, Mode, Options, Unchanged};
use crate::migrate::{Finding, Migration, Severity};
use crate::supervisor::{Fault, Plan, PlannedJob};
use crate::text;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Findings that are listed behind the files, and that are kept apart at most.
const LISTED: usize = 20;
const KEPT: usize = 1000;

/// How many files would end how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Foreseen {
    /// Would be converted.
    pub converted: u64,
    /// Need nothing.
    pub unchanged: u64,
    /// Would fail.
    pub failed: u64,
}

/// Writes what `converter` would do with each file of `plan` to `out`: a line for each, and what was
/// found in how many of them; or else, where `whole` accounts are wanted, each file's findings and the
/// bytes to append and replace behind its line. `there` tells of what has the output's name already.
///
/// # Errors
/// Where `out` cannot be written to.
pub fn dry_run(
    plan: &Plan,
    converter: &Converter,
    whole: bool,
    there: &dyn Fn(usize, &PlannedJob) -> Option<String>,
    out: &mut dyn Write,
) -> io::Result<Foreseen> {
    let mut foreseen = Foreseen::default();
    let mut findings = Findings::default();
    for (place, job) in plan.jobs.iter().enumerate() {
        let migration = match &job.obstacle {
            Some(obstacle) => Err(Failure::new(FailureKind::Input, obstacle.as_str())),
            None => converter.dry_run(&job.input),
        };
        match &migration {
            Ok((migration, mode)) if changes(migration, *mode) => foreseen.converted += 1,
            Ok(_) => foreseen.unchanged += 1,
            Err(_) => foreseen.failed += 1,
        }
        let there = there(place, job);
        let options = converter.options();
        if let (false, Ok((migration, mode))) = (whole, &migration) {
            findings.add(migration, *mode, options);
        }
        out.write_all(entry(job, &migration, there.as_deref(), options, whole).as_bytes())?;
    }
    out.write_all(findings.told().as_bytes())?;
    let Foreseen { converted, unchanged, failed } = foreseen;
    let files = text::count(plan.jobs.len() as u64, "file");
    writeln!(
        out,
        "\n{files}: {converted} to convert, {unchanged} unchanged, {failed} would fail; \
         nothing was written"
    )?;
    Ok(foreseen)
}

/// Whether an output would differ from its input.
fn changes(migration: &Migration, mode: Mode) -> bool {
    migration.edits.is_some() || mode == Mode::Rewrite
}

/// What readers would meet, over all files.
#[derive(Default)]
struct Findings {
    /// In how many files, and in which first; the worst first.
    files: BTreeMap<(Reverse<Severity>, String), u64>,
    /// Those for which there was no room.
    more: bool,
}

impl Findings {
    fn add(&mut self, migration: &Migration, mode: Mode, options: &Options) {
        for finding in &migration.findings {
            let Finding { severity, text, rule, .. } = finding;
            let rule = rule.as_ref().map_or_else(String::new, |rule| format!(" [rule {rule}]"));
            self.count(*severity, format!("{text}{rule}"));
        }
        for what in readers(migration, mode, options) {
            self.count(Severity::Note, what);
        }
    }

    fn count(&mut self, severity: Severity, text: String) {
        let key = (Reverse(severity), text);
        if self.files.len() < KEPT || self.files.contains_key(&key) {
            *self.files.entry(key).or_default() += 1;
        } else {
            self.more = true;
        }
    }

    fn told(&self) -> String {
        if self.files.is_empty() {
            return String::new();
        }
        let mut told = String::from("\nWhat is in them, for the target (-v: of each file):\n");
        for ((severity, text), files) in self.files.iter().take(LISTED) {
            let files = text::count(*files, "file");
            let _ = writeln!(told, "  {}: in {files}: {}", severity.0, short(text));
        }
        let more = self.files.len().saturating_sub(LISTED);
        if more > 0 || self.more {
            let least = if self.more { "at least " } else { "" };
            let _ = writeln!(told, "  and {least}{more} more");
        }
        told
    }
}

/// What readers that are built on HDF5 would meet; what a rewrite leaves shows when it is made.
fn readers(migration: &Migration, mode: Mode, options: &Options) -> Vec<String> {
    if mode == Mode::Rewrite { Vec::new() } else { migration.readers.told(options.portable) }
}

/// How many findings there are of which kind: `1 warning, 3 notes`; nothing where there are none.
fn counts(migration: &Migration, readers: usize) -> String {
    let of = |severity| {
        let found = migration.findings.iter().filter(|finding| finding.severity == severity);
        found.count() as u64
    };
    let notes = of(Severity::Note).saturating_add(readers as u64);
    let kinds =
        [(of(Severity::Failure), "failure"), (of(Severity::Warning), "warning"), (notes, "note")];
    let there = kinds.iter().filter(|(count, _)| *count > 0);
    there.map(|(count, kind)| text::count(*count, kind)).collect::<Vec<_>>().join(", ")
}

fn entry(
    job: &PlannedJob,
    foreseen: &Result<(Migration, Mode), Failure>,
    there: Option<&str>,
    options: &Options,
    whole: bool,
) -> String {
    let mut entry = text::tame(&job.name);
    let (migration, mode) = match foreseen {
        Ok(foreseen) => foreseen,
        Err(failure) => {
            let message = text::after_path(&failure.message, &job.name);
            let _ = writeln!(entry, "  fails: {}: {}", Fault::from(failure.fault), short(message));
            return entry;
        }
    };
    let _ = match (&migration.edits, mode, options.unchanged) {
        (_, Mode::Rewrite, _) => write!(entry, "  rewrite"),
        (Some(list), _, _) => {
            let [appended, replaced] =
                [list.bytes_appended(), list.bytes_replaced()].map(text::bytes);
            write!(entry, "  convert: {appended} appended, {replaced} replaced")
        }
        (None, _, Unchanged::Copy) => write!(entry, "  needs nothing: copied as it is"),
        (None, _, Unchanged::Link) => write!(entry, "  needs nothing: linked"),
        (None, _, Unchanged::Skip) => write!(entry, "  needs nothing: left out"),
    };
    if let Some(there) = there {
        let _ = write!(entry, "; {}", short(there));
    }
    let readers = readers(migration, *mode, options);
    let counts = counts(migration, readers.len());
    if !whole && !counts.is_empty() {
        let _ = write!(entry, "; {counts}");
    }
    entry.push('\n');
    if !whole {
        return entry;
    }
    for finding in &migration.findings {
        let _ = writeln!(entry, "    {}", short(&finding.to_string()));
    }
    for what in readers {
        let _ = writeln!(entry, "    note: {}", short(&what));
    }
    if let Some(list) = &migration.edits {
        for line in list.to_string().lines() {
            let _ = writeln!(entry, "    {}", text::tame(line));
        }
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{Selection, discover};
    use crate::convert::Options;
    use std::fs;
    use std::path::Path;

    #[test]
    fn what_cannot_be_read_is_foreseen() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("output_00001.jld2"), "not JLD2").unwrap();
        fs::create_dir(dir.path().join("output_00002.jld2")).unwrap();
        let files = discover(dir.path(), &Selection::default(), None).unwrap().files;
        let plan = Plan::of(files, Path::new("/out"));
        let converter = Converter::new(Options::default()).unwrap();
        let mut out = Vec::new();
        let foreseen = dry_run(&plan, &converter, true, &|_, _| None, &mut out).unwrap();
        assert_eq!(foreseen, Foreseen { converted: 0, unchanged: 0, failed: 2 });
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("output_00001.jld2  fails: input: "), "{text}");
        assert!(text.contains("output_00002.jld2  fails: input: it is a directory, not a file\n"));
        assert!(
            text.ends_with(
                "2 files: 0 to convert, 0 unchanged, 2 would fail; nothing was written\n"
            )
        );
    }
}
