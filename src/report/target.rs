//! Targets, and what a check of one found, as text and JSON.

use crate::migrate::check::{Change, ChangeKind, Check, Effect, TypeCheck, Verdict};
use crate::migrate::definitions::PackageSeen;
use crate::migrate::target::{ClientValue, Filter, Setting, Target};
use crate::text::{count, tame};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// A check of a target, with what it was held against.
#[derive(Debug)]
pub struct Checked<'a> {
    /// The target.
    pub target: &'a Target,
    /// The packages that were found.
    pub packages: Vec<PackageSeen>,
    /// What came of it.
    pub check: Check,
}

impl Checked<'_> {
    /// For people. Types that are the same are counted, and named if `all` is wanted.
    pub fn text(&self, all: bool) -> String {
        let mut out = format!("{} ({})\n", tame(&self.target.name), tame(&self.target.title));
        self.packages.iter().for_each(|package| self.package(package, &mut out));
        for seen in &self.check.types {
            match seen.verdict {
                Verdict::NotGiven => {}
                Verdict::Same if !all => {}
                _ => type_lines(seen, &mut out),
            }
        }
        self.notes(all, &mut out);
        let n = |verdict| self.check.count(verdict) as u64;
        let _ =
            write!(out, "{}: {} as the target says", count(self.given(), "type"), n(Verdict::Same));
        for (verdict, what) in [
            (Verdict::Differs, "otherwise"),
            (Verdict::NotFound, "not found"),
            (Verdict::Unclear, "unclear"),
        ] {
            if n(verdict) > 0 {
                let _ = write!(out, ", {} {what}", n(verdict));
            }
        }
        if n(Verdict::NotGiven) > 0 {
            let _ = write!(out, "; {} of packages that are not given", n(Verdict::NotGiven));
        }
        out.push('\n');
        out
    }

    /// How many types were looked at.
    pub fn given(&self) -> u64 {
        (self.check.types.len() - self.check.count(Verdict::NotGiven)) as u64
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let packages = self.packages.iter().map(|package| {
            json!({
                "name": package.name,
                "version": package.version,
                "path": package.path.to_string_lossy(),
                "target_version": self.target.packages.get(&package.name),
                "sources": package.sources,
                "left_aside": package.others.iter().map(|(version, path)| {
                    json!({ "version": version, "path": path.to_string_lossy() })
                }).collect::<Vec<_>>(),
            })
        });
        json!({
            "target": self.target.name,
            "title": self.target.title,
            "same": self.check.is_same(),
            "packages": packages.collect::<Vec<_>>(),
            "types": self.check.types,
            "unlisted": self.check.unlisted,
            "unclear": self.check.unclear,
        })
    }

    fn package(&self, package: &PackageSeen, out: &mut String) {
        let version = package.version.as_deref().unwrap_or("without a version");
        let _ = write!(
            out,
            "  {} {}, {}",
            tame(&package.name),
            tame(version),
            tame(&package.path.display().to_string())
        );
        if let Some(wanted) = self.target.packages.get(&package.name)
            && version != wanted
            && !version.starts_with(&format!("{wanted}."))
        {
            let _ = write!(out, " (the target is for {wanted})");
        }
        if !package.others.is_empty() {
            let _ = write!(
                out,
                "; {} left aside",
                count(package.others.len() as u64, "older or equal version")
            );
        }
        out.push('\n');
    }

    fn notes(&self, all: bool, out: &mut String) {
        let Check { unlisted, unclear, .. } = &self.check;
        if !unlisted.is_empty() {
            let n = count(unlisted.len() as u64, "type");
            let _ = writeln!(
                out,
                "note: {n} that the target does not list: it takes them for types that do not exist{}",
                if all {
                    format!(": {}", unlisted.join(", "))
                } else {
                    " (-v names them)".to_owned()
                }
            );
        }
        let most = if all { usize::MAX } else { 3 };
        for unclear in unclear.iter().take(most) {
            let _ = writeln!(
                out,
                "note: {}: {}",
                tame(&unclear.place.to_string()),
                tame(&unclear.text)
            );
        }
        if unclear.len() > most {
            let _ = writeln!(
                out,
                "note: {} more places that were not understood (-v names them)",
                unclear.len() - most
            );
        }
    }
}

fn type_lines(seen: &TypeCheck, out: &mut String) {
    let verdict = match seen.verdict {
        Verdict::Same => "as the target says",
        Verdict::Differs => "defined otherwise",
        Verdict::NotFound => "not found in its package",
        Verdict::Unclear => "unclear",
        Verdict::NotGiven => "not given",
    };
    let _ = write!(out, "{}: {verdict}", tame(&seen.name));
    if let Some(place) = &seen.place {
        let _ = write!(out, " ({})", tame(&place.to_string()));
    }
    out.push('\n');
    for change in &seen.changes {
        let _ = writeln!(out, "  {}", tame(&change_line(change)));
    }
    if let Some(doubt) = &seen.doubt {
        let _ = writeln!(out, "  not sure: {}", tame(doubt));
    }
    let changed = matches!(seen.verdict, Verdict::Differs | Verdict::NotFound);
    if changed {
        let silent = "JLD2 loads what was written for the target without a word";
        let text = if seen.effect == Effect::Silent { silent } else { &seen.on_load };
        let _ = writeln!(out, "  on load: {text}");
    }
    if changed && !seen.to_change.is_empty() {
        let _ = writeln!(out, "  to change: {}", tame(&seen.to_change.join(", ")));
    }
}

fn change_line(change: &Change) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (field, target, defined) =
        (text(&change.field), text(&change.target), text(&change.defined));
    match change.kind {
        ChangeKind::FieldAdded => format!("field added: {field}::{defined}"),
        ChangeKind::FieldRemoved => format!("field removed: {field}::{target}"),
        ChangeKind::FieldRenamed => {
            format!(
                "field renamed, it seems: {target} is gone, {defined} is of the same type there"
            )
        }
        ChangeKind::FieldsReordered => {
            format!("fields in another order: {defined}; in the target: {target}")
        }
        ChangeKind::FieldTypeChanged => {
            format!("field {field} is of type {defined}; in the target: {target}")
        }
        ChangeKind::MutabilityChanged => format!("it is a {defined}; in the target: a {target}"),
        ChangeKind::TypeRenamed => format!("renamed, it seems: {defined} has most of its fields"),
    }
}

/// A target in one line, and as JSON.
pub fn target_line(target: &Target, is_default: bool) -> (String, Value) {
    let mark = if is_default { " (the default)" } else { "" };
    let text = format!("{}: {}{mark}\n", tame(&target.name), tame(&target.title));
    let json = json!({
        "name": target.name,
        "title": target.title,
        "default": is_default,
        "packages": target.packages,
    });
    (text, json)
}

/// A target for people and for programs: packages, types, filters, codec objects, rules.
pub fn target_shown(target: &Target) -> (String, Value) {
    let mut out = format!("{}: {}\n", tame(&target.name), tame(&target.title));
    let packages = target.packages.iter().map(|(name, version)| format!("{name} {version}"));
    let _ = writeln!(out, "packages: {}", tame(&packages.collect::<Vec<_>>().join(", ")));
    out.push_str("types:\n");
    for (name, def) in target.types() {
        let fields = count(def.fields.len() as u64, "field");
        let mutable = if def.mutable { ", mutable" } else { "" };
        let _ = writeln!(out, "  {}: {fields}{mutable}", tame(name));
    }
    let further = target.further_types().count();
    if further > 0 {
        let _ = writeln!(out, "  and {further} more, of which only the names are known");
    }
    out.push_str("filters:\n");
    target.filters.iter().for_each(|filter| filter_line(filter, &mut out));
    let encodings = target.codec.objects.keys().map(|encoding| encoding.name());
    let encodings: Vec<_> = encodings.collect();
    let default = target.codec.default.name();
    let _ = writeln!(
        out,
        "columns it cannot read become {default}; it can have them in: {}",
        encodings.join(", ")
    );
    out.push_str("rules:\n");
    for rule in &target.rules {
        let _ = writeln!(out, "  {}: {}", tame(&rule.id), tame(&rule.why));
    }
    (out, shown_json(target))
}

fn filter_line(filter: &Filter, out: &mut String) {
    let _ = write!(out, "  {} (id {}): ", tame(&filter.name), filter.id);
    if !filter.reads {
        let _ = writeln!(out, "not read: {}", tame(filter.why.as_deref().unwrap_or("no decoder")));
        return;
    }
    out.push_str("read");
    match filter.client_values {
        Some((least, most)) if least == most => {
            let _ = write!(out, ", with {}", count(most as u64, "client value"));
        }
        Some((least, most)) => {
            let _ = write!(out, ", with {least} to {most} client values");
        }
        None => out.push_str(", with any number of client values"),
    }
    if let Some(writes) = &filter.writes {
        let writes: Vec<_> = writes.iter().copied().map(client_value).collect();
        let _ = write!(out, ", written as {}", writes.join(", "));
    }
    out.push('\n');
}

fn client_value(value: ClientValue) -> String {
    match value {
        ClientValue::Number(number) => number.to_string(),
        ClientValue::Setting(Setting::BlockSize) => "block-size".to_owned(),
        ClientValue::Setting(Setting::Level) => "level".to_owned(),
    }
}

fn shown_json(target: &Target) -> Value {
    let types = target.types().map(|(name, def)| {
        let fields = def.fields.iter().map(|f| json!({ "name": f.name, "type": f.julia_type }));
        json!({ "name": name, "mutable": def.mutable, "fields": fields.collect::<Vec<_>>() })
    });
    let filters = target.filters.iter().map(|filter| {
        json!({
            "id": filter.id,
            "name": filter.name,
            "reads": filter.reads,
            "client_values": filter.client_values.map(|(least, most)| [least, most]),
            "writes": filter.writes.as_ref().map(|writes| {
                writes.iter().copied().map(client_value).collect::<Vec<_>>()
            }),
            "why": filter.why,
        })
    });
    let rules = target.rules.iter().map(|rule| json!({ "id": rule.id, "why": rule.why }));
    json!({
        "name": target.name,
        "title": target.title,
        "packages": target.packages,
        "types": types.collect::<Vec<_>>(),
        "further_types": target.further_types().collect::<Vec<_>>(),
        "filters": filters.collect::<Vec<_>>(),
        "encodings": target.codec.objects.keys().map(|e| e.name()).collect::<Vec<_>>(),
        "default_encoding": target.codec.default.name(),
        "rules": rules.collect::<Vec<_>>(),
    })
}
