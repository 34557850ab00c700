//! Prints an inspection as text: details of one file, or one line each of many.

use super::glance;
use super::model::{Action, ColumnInfo, DataGroup, Inspection, Kind, Refusal};
use super::outlook::Case;
use super::packages;
use super::show_tree::tree;
use super::type_name::type_name;
use crate::migrate::{Finding, Severity};
use crate::text::{and_more, bytes, count, path as text_path, tame, times};
use serde_json::Value;
use std::fmt::{self, Display, Write as _};
use std::path::Path;

/// Characters of a line of text.
const WIDTH: usize = 100;
/// Characters of the column of paths in a list, at least and at most.
const NARROWEST: usize = 16;
const WIDEST: usize = 60;
/// Characters of a label.
const LABEL: usize = 12;

impl Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Mera => "Mera file",
            Self::Meramap => "map saved by Mera",
            Self::Meramovie => "movie saved by Mera",
            Self::Meraclumps => "clump catalogue saved by Mera",
            Self::Merareport => "report saved by Mera",
            Self::Jld2 => "JLD2 file",
            Self::Jld1 => "JLD file, older than JLD2",
            Self::Merafile => "HDF5 file of an older Mera",
            Self::Hdf5 => "HDF5 file",
            Self::Damaged => "damaged JLD2 file",
            Self::Unknown => "something else",
            Self::Unreadable => "unreadable",
        })
    }
}

/// What a case means.
fn case(case: Case) -> &'static str {
    match case {
        Case::Current => "current: as the target writes it",
        Case::Older => "older types, which are read without a word",
        Case::Warns => "types have changed: JLD2 warns, and makes up types in their place",
        Case::Endangered => "to be read only: the next append would destroy data",
        Case::Fails => "not to be loaded as a whole",
        Case::Damaged => "damaged or cut short",
        Case::Foreign => "not a file of JLD2's",
        Case::Unreadable => "not to be opened",
    }
}

/// All there is to tell of a file. With `full`, no tree is cut.
pub fn details(seen: &Inspection, full: bool) -> String {
    let mut out = format!("{}\n", tame(&seen.path));
    let mut row = |label: &str, text: &str| labelled(&mut out, label, text);
    row("verdict", &seen.verdict.text);
    row("case", case(seen.verdict.case));
    if let Some(run) = &seen.verdict.run {
        // As it is: it is there to be copied.
        let _ = writeln!(out, "  {:<LABEL$}{run}", "run");
    }
    let mut row = |label: &str, text: &str| labelled(&mut out, label, text);
    let names: Vec<_> = seen.data.iter().map(|d| d.name.as_str()).collect();
    let data = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
    row("kind", &format!("{}{data}; {}", seen.kind, bytes(seen.bytes)));
    for (era, of) in eras(seen) {
        row("era", &format!("{era}{of}"));
    }
    if let Some(format) = &seen.format {
        let legacy = if format.legacy { " (legacy text)" } else { "" };
        let writer = if format.writer.is_empty() { "an unknown Julia" } else { &format.writer };
        let (package, legacy) =
            if seen.kind == Kind::Jld1 { ("JLD", "") } else { ("JLD2", legacy) };
        let text = format!("{package} {}{legacy}, written by {writer}", format.version);
        row("format", &tame(&text));
    } else {
        row("format", "without the text of JLD2");
    }
    let c = &seen.container;
    row(
        "container",
        &format!(
            "HDF5 superblock {} at byte {}; {}, {}, {}; {} of data, {} not in use{}",
            c.superblock,
            c.base,
            count(c.groups, "group"),
            count(c.datasets, "dataset"),
            count(c.types, "type"),
            bytes(c.bytes_data),
            bytes(c.bytes_unreachable),
            if c.bytes_behind > 0 {
                format!(", {} behind the end", bytes(c.bytes_behind))
            } else {
                String::new()
            },
        ),
    );
    if let Some(subset) = seen.benchmark.as_ref().and_then(subset) {
        row("subset", &tame(&subset));
    }
    if !seen.data.is_empty() {
        out.push_str("\nData\n");
        seen.data.iter().for_each(|group| data_group(&mut out, group));
    }
    out.push_str("\nTree\n");
    tree(&mut out, &seen.tree, full);
    meets(&mut out, seen);
    if !seen.hdf5.is_empty() {
        out.push_str("\nWhat HDF5 and h5py meet\n");
        seen.hdf5.iter().for_each(|what| labelled(&mut out, "note", what));
    }
    let _ = writeln!(out, "\nConversion to {}\n  {}", seen.target, to_do(&seen.action, true));
    out
}

/// Each era once, and which groups are of it where there are several.
fn eras(seen: &Inspection) -> Vec<(String, String)> {
    let mut eras: Vec<(String, Vec<&str>)> = Vec::new();
    for group in &seen.data {
        let text = match &group.era {
            Some(era) if era.others.is_empty() => era.text.clone(),
            Some(era) => format!("{}, or else {}", era.text, era.others.join(", ")),
            None if seen.action == Action::Nothing => "none: it has been upgraded".to_owned(),
            None => "none that Mera ever wrote".to_owned(),
        };
        match eras.iter_mut().find(|(known, _)| *known == text) {
            Some((_, groups)) => groups.push(&group.name),
            None => eras.push((text, vec![&group.name])),
        }
    }
    let several = eras.len() > 1;
    let of = |groups: Vec<&str>| {
        if several { format!(": {}", groups.join(", ")) } else { String::new() }
    };
    eras.into_iter().map(|(text, groups)| (text, of(groups))).collect()
}

/// What the conversion by Mera left out, in words.
fn subset(benchmark: &serde_json::Map<String, Value>) -> Option<String> {
    let int = |key: &str| benchmark.get(key).and_then(Value::as_i64);
    let mut parts = Vec::new();
    match (int("lmax_processed"), int("lmax_available")) {
        (Some(taken), Some(most)) if taken < most => {
            parts.push(format!("levels up to {taken} of {most}"));
        }
        _ => {}
    }
    let unit = benchmark.get("range_unit").and_then(Value::as_str).unwrap_or_default();
    for key in ["xrange", "yrange", "zrange"] {
        if let Some([Value::Number(from), Value::Number(to)]) =
            benchmark.get(key).and_then(Value::as_array).map(Vec::as_slice)
        {
            parts.push(format!("{key} {from} to {to} {unit}").trim_end().to_owned());
        }
    }
    if parts.is_empty() && benchmark.get("subset").and_then(Value::as_bool) == Some(true) {
        parts.push("a part of the box".to_owned());
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn data_group(out: &mut String, group: &DataGroup) {
    let mut facts = Vec::new();
    facts.push(match group.rows {
        Some(rows) => {
            format!("{}, {}", count(rows, "row"), count(group.columns.len() as u64, "column"))
        }
        None => "no table".to_owned(),
    });
    if let (Some(min), Some(max)) = (group.lmin, group.lmax) {
        facts.push(format!("levels {min} to {max}"));
    }
    if let (Some(min), Some(max)) = (group.levelmin, group.levelmax)
        && (group.lmin, group.lmax) != (Some(min), Some(max))
    {
        facts.push(format!("simulated {min} to {max}"));
    }
    facts.extend(group.boxlen.map(|length| format!("box {length}")));
    facts.extend(group.output.map(|number| format!("output {number}")));
    if let Some(time) = group.time_myr {
        facts.push(format!("{time:.2} Myr"));
    }
    facts.extend(group.simcode.as_deref().map(tame));
    labelled(out, &group.name, &facts.join(", "));
    if group.ranges.iter().zip([0.0, 1.0].iter().cycle()).any(|(r, whole)| (r - whole).abs() > 0.0)
    {
        let ranges: Vec<_> = group.ranges.chunks(2).map(|r| format!("{r:?}")).collect();
        labelled(out, "", &format!("ranges {}", ranges.join(" ")));
    }
    if let Some(codec) = &group.codec_object {
        labelled(out, "", &format!("codec object {}", tame(codec)));
    }
    if !group.versions.is_empty() {
        let versions: Vec<_> =
            group.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        labelled(out, "", &tame(&versions.join(", ")));
    }
    if let Some(comments) = &group.comments {
        labelled(out, "", &format!("\"{}\"", tame(comments)));
    }
    columns(out, &group.columns);
}

fn columns(out: &mut String, columns: &[ColumnInfo]) {
    let width = |of: fn(&ColumnInfo) -> usize, least: usize| {
        columns.iter().map(of).max().unwrap_or(0).max(least)
    };
    let name = width(|c| c.name.chars().count(), 6);
    let kind = width(|c| type_name(&c.julia_type, 40).chars().count(), 4);
    let indent = " ".repeat(LABEL + 2);
    if !columns.is_empty() {
        let _ = writeln!(
            out,
            "{indent}{:<name$}  {:<kind$}  {:>10}  {:>10}  codec",
            "column", "type", "stored", "in memory"
        );
    }
    for c in columns {
        let _ = writeln!(
            out,
            "{indent}{:<name$}  {:<kind$}  {:>10}  {:>10}  {}",
            tame(&c.name),
            type_name(&c.julia_type, 40),
            bytes(c.bytes_stored),
            bytes(c.bytes_logical),
            c.codec.as_deref().unwrap_or("-"),
        );
    }
}

fn meets(out: &mut String, seen: &Inspection) {
    let _ = write!(out, "\nWhat Julia meets with {}", seen.target);
    match (seen.findings.is_empty(), seen.verdict.failures, seen.printed()) {
        (true, ..) => out.push_str(": nothing to report\n"),
        (false, 1.., _) => out.push_str(": loading ends with an error\n"),
        (false, 0, 0) => out.push_str(": no warning\n"),
        (false, 0, n) => {
            let _ = writeln!(out, ": JLD2 warns {}", times(n));
        }
    }
    seen.findings.iter().for_each(|finding| one(out, finding));
    if let Some(more) = packages::told(&seen.target, &seen.packages) {
        labelled(out, "packages", &more);
    }
}

fn one(out: &mut String, f: &Finding) {
    let more = and_more(f.count.saturating_sub(1));
    let severity = f.severity.to_string();
    labelled(out, &severity, &format!("{}{more}", tame(&f.object)));
    labelled(out, "", &tame(&f.text));
    if let Some(said) = &f.said {
        let times = times(f.printed.max(1));
        let unless = if f.severity == Severity::Note { ", unless it is loaded" } else { "" };
        labelled(out, "", &format!("JLD2, {times}{unless}: {}", tame(said)));
    }
    if let Some(rule) = &f.rule {
        labelled(out, "", &format!("fixed by the rule {rule}"));
    }
}

fn to_do(action: &Action, long: bool) -> String {
    match action {
        Action::Nothing => "nothing to do".to_owned(),
        Action::Patch { bytes_appended, bytes_replaced, places } if long => format!(
            "patch: {} appended, {} replaced in {}",
            bytes(*bytes_appended),
            bytes(*bytes_replaced),
            count(*places, "place"),
        ),
        Action::Patch { bytes_appended, .. } => format!("patch +{}", bytes(*bytes_appended)),
        Action::Rewrite { reason } if long => format!("rewrite, because of {}", tame(reason)),
        Action::Rewrite { .. } => "rewrite".to_owned(),
        Action::Refuse { reason } => format!("not possible: {}", tame(reason)),
    }
}

/// A label and a text, which goes on below itself where it is long.
fn labelled(out: &mut String, label: &str, text: &str) {
    let mut label = label;
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH - LABEL - 2 {
            let _ = writeln!(out, "  {label:<LABEL$}{line}");
            (label, line) = ("", String::new());
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _ = writeln!(out, "  {label:<LABEL$}{line}");
}

/// The heading of a list of [`line`]s; names take `width` characters.
pub fn line_head(width: usize) -> String {
    let (file, size, era, format) = ("file", "size", "era", "format");
    format!("{file:<width$}  {size:>10}  {era:<9}  {format:<7}  {:>8}  to do\n", "warnings")
}

/// The width of the column of names in a list of files with these paths. Longer ones stand out: a
/// path that is cut cannot be copied.
pub fn width<'p>(paths: impl Iterator<Item = &'p Path>) -> usize {
    let longest = paths.map(|path| text_path(path).chars().count()).max().unwrap_or(0);
    longest.clamp(NARROWEST, WIDEST)
}

/// A file on one line, whether it could be read or not. Its path takes `width` characters.
pub fn line(seen: &Result<Inspection, Box<Refusal>>, width: usize) -> String {
    match seen {
        Ok(seen) => {
            let era = glance::shown(&glance::eras(&seen.data), &seen.action);
            let era = if era.is_empty() { "-".to_owned() } else { era };
            let warnings = match seen.verdict.warnings {
                Some(warnings) => warnings.to_string(),
                None => "fails".to_owned(),
            };
            format!(
                "{:<width$}  {:>10}  {era:<9}  {:<7}  {warnings:>8}  {}\n",
                tame(&seen.path),
                bytes(seen.bytes),
                seen.format.as_ref().map_or("-", |f| &f.version),
                to_do(&seen.action, false),
            )
        }
        Err(refusal) => format!(
            "{:<width$}  {:>10}  {}\n",
            tame(&refusal.path),
            refusal.bytes.map_or("-".to_owned(), bytes),
            refusal.kind,
        ),
    }
}

/// How many files need what, for the end of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    nothing: u64,
    patch: u64,
    rewrite: u64,
    refused: u64,
    unreadable: u64,
}

impl Tally {
    /// Counts a file.
    pub fn add(&mut self, seen: &Result<Inspection, Box<Refusal>>) {
        let one = match seen.as_ref().map(|seen| &seen.action) {
            Ok(Action::Nothing) => &mut self.nothing,
            Ok(Action::Patch { .. }) => &mut self.patch,
            Ok(Action::Rewrite { .. }) => &mut self.rewrite,
            Ok(Action::Refuse { .. }) => &mut self.refused,
            Err(_) => &mut self.unreadable,
        };
        *one += 1;
    }

    /// Whether every file was read and can be brought to the target.
    pub fn is_fine(&self) -> bool {
        self.refused + self.unreadable == 0
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.nothing + self.patch + self.rewrite + self.refused + self.unreadable;
        let parts = [
            (self.patch, "to patch"),
            (self.rewrite, "to rewrite"),
            (self.nothing, "with nothing to do"),
            (self.refused, "that cannot be converted"),
            (self.unreadable, "that cannot be read"),
        ];
        let parts = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}"));
        write!(f, "{}: {}", count(all, "file"), parts.collect::<Vec<_>>().join(", "))
    }
}
