//! Proposes rules from a file that old packages wrote and one that new ones did.
//!
//! Types go by their names. What a field is worth that only the new type has, and which of several
//! guesses is right, a person has to say: the draft marks such places.

use super::model::Refusal;
use super::unreadable;
use crate::h5::{Checksums, Class, Object, ObjectKind, RelAddr, Result, Trace, Visitor};
use crate::julia::{Committed, Field, JuliaType, NumberType, Param, TypeTable};
use crate::migrate::target::Target;
use crate::migrate::userrules;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

/// Modules whose types packages do not change.
const SETTLED: [&str; 3] = ["Core", "Base", "JLD2"];

/// What a draft comes to.
#[derive(Debug)]
pub struct Draft {
    /// The text of a rules file.
    pub text: String,
    /// How many rules it has.
    pub rules: usize,
    /// Types of the old file which nothing in the new one looks like, by name.
    pub left: Vec<String>,
    /// Rules that are left out, since the target refuses them; they stand in the text as comments.
    pub refused: usize,
}

/// A draft of a rules file that brings the types of the file at `old` to those of the file at `new`,
/// as far as the two tell, and such that `target` takes its rules.
///
/// # Errors
/// A [`Refusal`] of the file that cannot be read.
pub fn draft(
    old: &Path,
    new: &Path,
    target: &Target,
    checksums: Checksums,
) -> std::result::Result<Draft, Box<Refusal>> {
    let read = |path: &Path| {
        let file = unreadable::open_with(path, checksums)?;
        let bytes = file.source().len();
        let types = types(&file).map_err(|e| unreadable::inside(path, bytes, &e))?;
        Ok::<_, Refusal>(types)
    };
    let (old_types, new_types) = (read(old)?, read(new)?);
    let mut rules = Vec::new();
    let mut left = Vec::new();
    for (name, was) in &old_types {
        match new_types.get(name) {
            Some(is) => rules.extend(rule(name, was, name, is, "")),
            None => match likest(name, was, &old_types, &new_types) {
                Some((other, is)) => rules.extend(rule(name, was, other, is, "a guess: ")),
                None => left.push(name.clone()),
            },
        }
    }
    let mut text = format!(
        "# Drafted from {} and {}: look it over, above all what is marked.\n",
        old.display(),
        new.display()
    );
    if !left.is_empty() {
        let _ = writeln!(text, "# Nothing in the new file looks like: {}", left.join(", "));
    }
    let mut out = Draft { text, rules: 0, left, refused: 0 };
    let mut ids = BTreeSet::new();
    for rule in rules {
        let rule = rule.named(&mut ids);
        match userrules::parse(&rule, "the draft")
            .and_then(|parsed| target.clone().with_rules(parsed, "the draft"))
        {
            Ok(_) => {
                out.rules += 1;
                let _ = write!(out.text, "\n{rule}");
            }
            Err(error) => {
                out.refused += 1;
                let _ = write!(out.text, "\n# Left out, since {} refuses it: ", target.name);
                let error = error.to_string();
                let _ = writeln!(out.text, "{}", error.lines().last().unwrap_or_default());
                rule.lines().for_each(|line| {
                    let _ = writeln!(out.text, "# {line}");
                });
            }
        }
    }
    Ok(out)
}

/// A rule that still lacks its id.
struct Drafted {
    /// The id it should have.
    id: String,
    /// What follows it.
    body: String,
}

impl Drafted {
    /// The text of the rule under an id that none of `taken` is; names that differ in signs or case alone
    /// would have the same.
    fn named(self, taken: &mut BTreeSet<String>) -> String {
        let Self { id: wanted, body } = self;
        let mut id = wanted.clone();
        let mut count = 1;
        while !taken.insert(id.clone()) {
            count += 1;
            id = format!("{wanted}-{count}");
        }
        format!("[[rule]]\nid = {id:?}\n{body}")
    }
}

/// A type as far as a draft asks.
struct Shape {
    params: Vec<Param>,
    fields: Vec<(String, Holds)>,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Number(NumberType),
    Text,
    Symbol,
    Reference,
    Inside,
    NoContent,
}

/// The types of a file, by name. Of several of one name that with the most fields counts.
fn types(file: &crate::h5::File) -> Result<BTreeMap<String, Shape>> {
    struct Found(Vec<RelAddr>);
    impl Visitor for Found {
        fn object(&mut self, object: &Object, _: &str) -> Result<()> {
            if let ObjectKind::Datatype(_) = &object.kind {
                self.0.push(object.addr());
            }
            Ok(())
        }
        fn foreign(&mut self, _: &str, error: crate::h5::Error) -> Result<()> {
            if error.is_foreign_dataset() { Ok(()) } else { Err(error) }
        }
    }
    let mut found = Found(Vec::new());
    Trace::run(file, &mut found)?;
    let table = TypeTable::new(file);
    let mut out = BTreeMap::<String, Shape>::new();
    for addr in found.0 {
        let c = table.committed(addr)?;
        let name = c.julia_type.name();
        let module = name.split('.').next().unwrap_or_default();
        let record = c.datatype.members().is_some() || c.empty;
        if !name.contains('.') || SETTLED.contains(&module) || c.written_type.is_some() || !record {
            continue;
        }
        let shape = shape(&table, &c)?;
        let known = out.get(name).map_or(0, |known| known.fields.len());
        if known <= shape.fields.len() {
            out.insert(name.to_owned(), shape);
        }
    }
    Ok(out)
}

fn shape(types: &TypeTable<'_>, c: &Committed) -> Result<Shape> {
    let mut fields = Vec::with_capacity(c.fields.len());
    for field in &c.fields {
        fields.push((field.name.clone(), holds(types, field)?));
    }
    Ok(Shape { params: c.julia_type.params().to_vec(), fields })
}

fn holds(types: &TypeTable<'_>, field: &Field) -> Result<Holds> {
    let Some(datatype) = &field.datatype else { return Ok(Holds::NoContent) };
    let text = matches!(datatype.class, Class::Vlen { string: true, .. });
    Ok(match (field.committed, &datatype.class) {
        (None, Class::Reference) => Holds::Reference,
        (None, _) if text => Holds::Text,
        (None, _) => NumberType::of(datatype).map_or(Holds::Inside, Holds::Number),
        (Some(addr), _) if text => {
            let symbol = types.committed(addr)?.julia_type.name() == "Core.Symbol";
            if symbol { Holds::Symbol } else { Holds::Inside }
        }
        (Some(_), _) => Holds::Inside,
    })
}

fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// The type of the new file that another is most like: of the same last name, or with the same
/// fields.
fn likest<'t>(
    name: &str,
    was: &Shape,
    old: &BTreeMap<String, Shape>,
    new: &'t BTreeMap<String, Shape>,
) -> Option<(&'t str, &'t Shape)> {
    let others = || new.iter().filter(|(other, _)| !old.contains_key(*other));
    let same_name = others().find(|(other, _)| last(other) == last(name));
    let same_fields = || {
        let names = |shape: &Shape| shape.fields.iter().map(|(n, _)| n.clone()).collect::<Vec<_>>();
        let mut found = others().filter(|(_, is)| !is.fields.is_empty() && names(is) == names(was));
        found.next().filter(|_| found.next().is_none())
    };
    same_name.or_else(same_fields).map(|(other, is)| (other.as_str(), is))
}

/// The rule from one type to the other; none if nothing changes.
fn rule(name: &str, was: &Shape, to: &str, is: &Shape, why: &str) -> Option<Drafted> {
    let with_content = |shape: &Shape| -> Vec<(String, Holds)> {
        shape.fields.iter().filter(|(_, h)| *h != Holds::NoContent).cloned().collect()
    };
    let (was_fields, is_fields) = (with_content(was), with_content(is));
    let has = |fields: &[(String, Holds)], name: &str| fields.iter().any(|(n, _)| n == name);
    let mut gone: Vec<_> = was_fields.iter().filter(|(n, _)| !has(&is_fields, n)).collect();
    let mut come: Vec<_> = is_fields.iter().filter(|(n, _)| !has(&was_fields, n)).collect();
    // One that goes for one that comes and holds the same has been renamed.
    let mut renamed = Vec::new();
    gone.retain(|(old, holds)| {
        let same = come.iter().position(|(_, other)| other == holds);
        let alone = was_fields.len() == is_fields.len();
        match same.filter(|_| alone) {
            Some(at) => {
                renamed.push((old.clone(), come.remove(at).0.clone()));
                false
            }
            None => true,
        }
    });
    let mut body = String::new();
    if to != name {
        let _ = writeln!(body, "to = {to:?}");
    }
    body.push_str(&parameters(&was.params, &is.params));
    if !renamed.is_empty() {
        let pairs: Vec<_> = renamed.iter().map(|(a, b)| format!("{a:?} = {b:?}")).collect();
        let _ = writeln!(body, "# A guess: what else is gone, and what has come?");
        let _ = writeln!(body, "rename = {{ {} }}", pairs.join(", "));
    }
    if !gone.is_empty() {
        let names: Vec<_> = gone.iter().map(|(n, _)| format!("{n:?}")).collect();
        let _ = writeln!(body, "drop = [{}]", names.join(", "));
    }
    body.push_str(&added(&come));
    body.push_str(&converted(&was_fields, &is_fields));
    let new_name =
        |n: &str| renamed.iter().find(|(o, _)| o == n).map_or(n.to_owned(), |r| r.1.clone());
    let stay = was_fields.iter().map(|(n, _)| new_name(n)).filter(|n| has(&is_fields, n));
    let made: Vec<String> = stay.chain(come.iter().map(|(n, _)| n.clone())).collect();
    let order: Vec<&str> = is_fields.iter().map(|(n, _)| n.as_str()).collect();
    if !made.iter().map(String::as_str).eq(order.iter().copied()) {
        let order: Vec<_> = order.iter().map(|n| format!("{n:?}")).collect();
        let _ = writeln!(body, "order = [{}]", order.join(", "));
    }
    if body.is_empty() {
        return None;
    }
    let id: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .collect();
    let counts = was.params.len() != is.params.len();
    let when = if counts {
        format!("when = {{ parameters = {} }}\n", was.params.len())
    } else {
        String::new()
    };
    let why = format!("{why}{} is another type in the new file", last(name));
    Some(Drafted { id, body: format!("why = {why:?}\nfrom = [{name:?}]\n{when}{body}") })
}

fn parameters(was: &[Param], is: &[Param]) -> String {
    if was.len() == is.len() {
        return String::new();
    }
    let edit = |(i, param): (usize, &Param)| match param {
        // Parameters of the same kind stay in their order; what follows is taken from the new file.
        _ if i < was.len() => format!("{{ keep = {} }}", i + 1),
        Param::Int(value) => format!("{{ int64 = {value} }}"),
        Param::Symbol(name) => format!("{{ symbol = {name:?} }}"),
        Param::Type(t) => format!("{{ type = {:?} }}", plain(t)),
        Param::Symbols(_) | Param::Other(_) => "{ int64 = 0 }".to_owned(),
    };
    let edits: Vec<_> = is.iter().enumerate().map(edit).collect();
    format!(
        "# As the first of this type in the new file has them.\nparameters = [{}]\n",
        edits.join(", ")
    )
}

fn plain(t: &JuliaType) -> String {
    t.to_string()
}

fn added(come: &[&(String, Holds)]) -> String {
    if come.is_empty() {
        return String::new();
    }
    let value = |holds: Holds| match holds {
        Holds::Number(t) => format!("{{ default = {:?} }}", t.name().trim_start_matches("Core.")),
        Holds::Text => "{ default = \"String\" }".to_owned(),
        Holds::Symbol => "{ default = \"Symbol\" }".to_owned(),
        Holds::Reference | Holds::Inside | Holds::NoContent => {
            "{ default = \"Nothing\" }".to_owned()
        }
    };
    let fields: Vec<_> =
        come.iter().map(|(name, holds)| format!("[{name:?}, {}]", value(*holds))).collect();
    format!("# Say what they are worth: these are defaults.\ncompute = [{}]\n", fields.join(", "))
}

fn converted(was: &[(String, Holds)], is: &[(String, Holds)]) -> String {
    let mut out = Vec::new();
    for (name, holds) in is {
        let Some((_, before)) = was.iter().find(|(n, _)| n == name) else { continue };
        let to = match (before, holds) {
            (Holds::Number(a), Holds::Number(b)) if a != b => {
                b.name().trim_start_matches("Core.").to_owned()
            }
            (Holds::Text, Holds::Symbol) => "Symbol".to_owned(),
            (Holds::Symbol, Holds::Text) => "String".to_owned(),
            _ => continue,
        };
        out.push(format!("{name:?} = {to:?}"));
    }
    if out.is_empty() { String::new() } else { format!("convert = {{ {} }}\n", out.join(", ")) }
}
