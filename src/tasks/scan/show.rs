//! Prints a scan: a line for each file, a block for the archive, JSON.

use super::call::ScanCall;
use super::catalogue::{Catalogue, Named, Series};
use super::list::ScanFile;
use super::task::{FileScan, Found, Seen};
use crate::inspect::{Action, Case};
use crate::text::{self, bytes, count, tame};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::path::Path;

/// Items of a list that are printed; `--json` has more of them.
const FEW: usize = 10;
/// Characters of a label.
const LABEL: usize = 12;

/// The heading of a list of [`line`]s; paths take `width` characters.
pub fn line_head(width: usize) -> String {
    let (file, size, era) = ("file", "size", "era");
    format!("{file:<width$}  {size:>10}  {era:<9}  {:>8}  {:<16}  to do\n", "warnings", "codecs")
}

/// A file on one line.
pub fn line(file: &ScanFile, found: &Found, width: usize) -> String {
    let path = text::path(&file.path);
    let head = format!("{path:<width$}  {:>10}  ", bytes(file.bytes));
    let glance = match found {
        Ok(FileScan { seen: Seen::Read(glance), .. }) => glance,
        Ok(scan) => {
            return format!("{head}{}\n", tame(&scan.problem().unwrap_or_default()));
        }
        Err((fault, message)) => return format!("{head}{fault}: {}\n", tame(message)),
    };
    let eras = if glance.eras.is_empty() { "-".to_owned() } else { glance.era() };
    let codecs: Vec<_> = glance.codecs.keys().map(String::as_str).collect();
    let codecs = if codecs.is_empty() { "-".to_owned() } else { codecs.join("+") };
    let warnings = match glance.verdict.warnings {
        Some(warnings) => warnings.to_string(),
        None => "fails".to_owned(),
    };
    let to_do = match &glance.action {
        Action::Nothing => "nothing".to_owned(),
        Action::Patch { bytes_appended, .. } => format!("patch +{}", bytes(*bytes_appended)),
        Action::Rewrite { .. } => "rewrite".to_owned(),
        Action::Refuse { reason } => format!("not possible: {}", tame(reason)),
    };
    let damage = match found {
        Ok(scan) if scan.health.as_ref().is_some_and(|health| health.failed() > 0) => {
            format!("; {}", tame(&scan.problem().unwrap_or_default()))
        }
        _ => String::new(),
    };
    format!("{head}{eras:<9}  {warnings:>8}  {codecs:<16}  {to_do}{damage}\n")
}

/// A file as JSON: its path and number, and all that is known of it. `result` is `read`, `refused` or
/// `crashed`.
pub fn object(file: &ScanFile, found: &Found) -> Value {
    let mut out = json!({
        "path": file.path.display().to_string(),
        "number": file.number,
        "bytes": file.bytes,
    });
    let (result, more) = match found {
        Ok(FileScan { seen: Seen::Read(glance), health }) => {
            let mut value = serde_json::to_value(glance).unwrap_or_default();
            if let (Some(health), Value::Object(value)) = (health, &mut value) {
                let health = serde_json::to_value(health).unwrap_or_default();
                value.insert("health".to_owned(), health);
            }
            ("read", value)
        }
        Ok(FileScan { seen: Seen::Refused(refusal), .. }) => {
            let mut value = serde_json::to_value(refusal).unwrap_or_default();
            if let Value::Object(value) = &mut value {
                let verdict = refusal.outlook(&text::shell_path(&file.path));
                let verdict = serde_json::to_value(verdict).unwrap_or_default();
                value.insert("verdict".to_owned(), verdict);
            }
            ("refused", value)
        }
        Err((fault, message)) => ("crashed", json!({ "fault": fault, "error": message })),
    };
    if let (Value::Object(out), Value::Object(more)) = (&mut out, more) {
        out.insert("result".to_owned(), result.into());
        let known: Map<String, Value> = more.into_iter().filter(|(key, _)| key != "path").collect();
        out.extend(known);
    }
    out
}

/// The archive in some lines; `call` is what was asked, for the command that helps.
pub fn summary(catalogue: &Catalogue, call: &ScanCall) -> String {
    let c = catalogue;
    let mut out = String::new();
    let mut row = |label: &str, what: &str| {
        let _ = writeln!(out, "  {label:<LABEL$}{what}");
    };
    let read = if c.content { "; all data were read" } else { "" };
    row(
        "scanned",
        &format!(
            "{} in {}: {}, {} of them data, {}{read}",
            count(c.files, "file"),
            count(c.dirs, "directory"),
            bytes(c.bytes),
            bytes(c.bytes_data),
            count(c.datasets, "dataset"),
        ),
    );
    let told: Vec<_> = c.cases.iter().map(|(case, n)| format!("{n} {}", words(*case))).collect();
    row("cases", &told.join(", "));
    out.push_str(&eras(c));
    let mut row = |label: &str, what: &str| {
        let _ = writeln!(out, "  {label:<LABEL$}{what}");
    };
    let codecs: Vec<_> = c
        .codecs
        .iter()
        .map(|(name, n)| format!("{} in {}", tame(name), count(*n, "file")))
        .collect();
    if !codecs.is_empty() {
        row("codecs", &codecs.join(", "));
    }
    let mut label = "HDF5";
    for told in c.readers.told(false) {
        row(label, &told);
        label = "";
    }
    if c.unportable > 0 {
        row("", &format!("(in {})", count(c.unportable, "file")));
    }
    for series in c.series.iter().take(FEW) {
        numbers(&mut row, series);
    }
    if c.series.len() > FEW {
        row("", &format!("and {} more series", c.series.len().saturating_sub(FEW)));
    }
    list(&mut row, "misnamed", &c.misnamed, c.misnamed_files);
    list(&mut row, "damaged", &c.damaged, c.damaged_files);
    list(&mut row, "refused", &c.refused, c.refused_files);
    list(&mut row, "not JLD2", &c.foreign, c.foreign_files);
    let unlisted: Vec<String> = c.unlisted.iter().map(|it| tame(it)).collect();
    plain(&mut row, "unread", &unlisted, "what is in them is missing here");
    let left_out: Vec<String> = c.left_out.iter().map(|it| tame(it)).collect();
    plain(&mut row, "left out", &left_out, "");
    if let Some(estimate) = &c.estimate {
        for (i, line) in estimate.lines(c.appended, call).iter().enumerate() {
            row(if i == 0 { "conversion" } else { "" }, line);
        }
    }
    for run in advice(c, call) {
        row("run", &run);
    }
    out
}

fn numbers(row: &mut dyn FnMut(&str, &str), series: &Series) {
    let Series { dir, prefix, files, first, last, missing, gaps, twins } = series;
    let missing = match missing {
        0 => String::new(),
        n => format!("; {} missing: {gaps}", count(*n, "number")),
    };
    let name = text::path(&Path::new(dir).join(prefix));
    row("numbers", &format!("{name}*: {}, {first} to {last}{missing}", count(*files, "file")));
    for twins in twins.iter().take(FEW) {
        row("", &format!("the same number: {}", tame(&twins.join(" and "))));
    }
}

fn list(row: &mut dyn FnMut(&str, &str), label: &str, files: &[Named], all: u64) {
    let mut label = label;
    for file in files.iter().take(FEW) {
        row(label, &format!("{}: {}", tame(&file.path), tame(&file.what)));
        label = "";
    }
    let more = all.saturating_sub(files.len().min(FEW) as u64);
    if more > 0 {
        row("", &format!("and {more} more (--json tells of each file)"));
    }
}

/// The first lines of a list, and a remark behind them where there is something in it.
fn plain(row: &mut dyn FnMut(&str, &str), label: &str, lines: &[String], remark: &str) {
    for (i, line) in lines.iter().take(FEW).enumerate() {
        row(if i == 0 { label } else { "" }, line);
    }
    if lines.len() > FEW {
        row("", &format!("and {} more", lines.len().saturating_sub(FEW)));
    }
    if !lines.is_empty() && !remark.is_empty() {
        row("", &format!("({remark})"));
    }
}

fn eras(c: &Catalogue) -> String {
    let mut out = String::new();
    if c.eras.is_empty() {
        return out;
    }
    // With eras of 8 letters it fits into 80 columns.
    let width = c.eras.iter().map(|row| row.era.chars().count()).max().unwrap_or(0).max(4);
    let _ = writeln!(
        out,
        "  {:<LABEL$}{:<width$} {:>6} {:>10} {:>8} {:>5} {:>6} {:>7} {:>7}",
        "eras", "era", "files", "size", "warnings", "fail", "patch", "rewrite", "current"
    );
    for row in &c.eras {
        let _ = writeln!(
            out,
            "  {:<LABEL$}{:<width$} {:>6} {:>10} {:>8} {:>5} {:>6} {:>7} {:>7}",
            "",
            row.era,
            row.files,
            bytes(row.bytes),
            row.warnings,
            row.fail,
            row.patch,
            row.rewrite,
            row.current
        );
    }
    out
}

/// What to run next.
fn advice(c: &Catalogue, call: &ScanCall) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(file) = c.damaged.first().filter(|_| !c.content) {
        out.push(format!("jldconv rescue {} SAVED", text::shell_path(Path::new(&file.path))));
    }
    if c.patch_files + c.rewrite_files > 0 {
        out.push(call.command("", "OUT", c.other_names > 0));
    }
    out
}

fn words(case: Case) -> &'static str {
    match case {
        Case::Current => "current",
        Case::Older => "of older types, read without a warning",
        Case::Warns => "read with warnings",
        Case::Endangered => "to be read only",
        Case::Fails => "not loaded as a whole",
        Case::Damaged => "damaged",
        Case::Foreign => "not JLD2",
        Case::Unreadable => "not to be opened",
    }
}
