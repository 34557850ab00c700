//! Prints what a run would do, file by file; nothing is written.

use super::line::short;
use crate::convert::{Converter, Failure, FailureKind, Mode, Options, Unchanged};
use crate::migrate::Migration;
use crate::supervisor::{Fault, Plan, PlannedJob};
use crate::text;
use std::fmt::Write as _;
use std::io::{self, Write};

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

/// Writes what `converter` would do with each file of `plan` to `out`; the bytes to append and
/// replace, too, where `edits` are wanted. `there` tells of what has the output's name already.
///
/// # Errors
/// Where `out` cannot be written to.
pub fn dry_run(
    plan: &Plan,
    converter: &Converter,
    edits: bool,
    there: &dyn Fn(usize, &PlannedJob) -> Option<String>,
    out: &mut dyn Write,
) -> io::Result<Foreseen> {
    let mut foreseen = Foreseen::default();
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
        out.write_all(entry(job, &migration, there.as_deref(), options, edits).as_bytes())?;
    }
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

fn entry(
    job: &PlannedJob,
    foreseen: &Result<(Migration, Mode), Failure>,
    there: Option<&str>,
    options: &Options,
    edits: bool,
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
    entry.push('\n');
    for finding in &migration.findings {
        let _ = writeln!(entry, "    {}", short(&finding.to_string()));
    }
    // What a rewrite leaves shows when it is made.
    if *mode != Mode::Rewrite {
        for what in migration.readers.told(options.portable) {
            let _ = writeln!(entry, "    note: {}", short(&what));
        }
    }
    if let (true, Some(list)) = (edits, &migration.edits) {
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
