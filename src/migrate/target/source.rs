//! Where a target's definition comes from: the program itself, or a file that may build on one of the
//! program's.

use crate::migrate::error::TargetError;
use std::borrow::Cow;
use std::path::Path;
use toml::{Table, Value};

/// The targets that the program carries, newest last.
pub(super) const BUILTIN: [(&str, &str); 1] =
    [("mera-1.9", include_str!("../../../targets/mera-1.9.toml"))];

/// The key of a file that names the target of the program on which it builds.
const BASE: &str = "based-on";

/// Whether what is given for a target is a file and not one of the program's: it has a slash, or
/// ends in `.toml`.
pub fn is_file(target: &str) -> bool {
    target.contains('/') || Path::new(target).extension().is_some_and(|e| e == "toml")
}

/// The definition of a target of the program.
pub(super) fn builtin(name: &str) -> Result<&'static str, TargetError> {
    let known = BUILTIN.iter().find(|(known, _)| *known == name);
    known.map(|(_, text)| *text).ok_or_else(|| TargetError::Unknown {
        name: name.to_owned(),
        known: BUILTIN.iter().map(|(name, _)| *name).collect(),
    })
}

/// The text that defines a target: that of the program, or the file's.
pub(super) fn text(target: &str) -> Result<Cow<'static, str>, TargetError> {
    if is_file(target) {
        let path = Path::new(target);
        let read = |source| TargetError::Read { path: path.to_owned(), source };
        return std::fs::read_to_string(path).map(Cow::Owned).map_err(read);
    }
    builtin(target).map(Cow::Borrowed)
}

/// The text of the target on which the one with this text builds, if it does.
pub(super) fn base(text: &str, origin: &str) -> Result<Option<&'static str>, TargetError> {
    table(text, origin)?.get(BASE).map(|name| base_text(name, origin)).transpose()
}

/// All that the target with this text says, with what it builds on.
pub(super) fn whole(text: &str, origin: &str) -> Result<Table, TargetError> {
    let mut over = table(text, origin)?;
    match over.remove(BASE) {
        Some(name) => Ok(merged(table(base_text(&name, origin)?, origin)?, over)),
        None => Ok(over),
    }
}

fn table(text: &str, origin: &str) -> Result<Table, TargetError> {
    toml::from_str(text).map_err(|source| TargetError::Syntax { origin: origin.to_owned(), source })
}

fn base_text(name: &Value, origin: &str) -> Result<&'static str, TargetError> {
    let problem = "`based-on` names no target of the program".to_owned();
    let invalid = TargetError::Invalid { origin: origin.to_owned(), problem };
    name.as_str().map_or(Err(invalid), builtin)
}

/// What `over` says, and where it says nothing what `base` says. Types, packages and codec objects
/// go by their names, filters by their numbers, rules by their ids; rules of `over` go first.
fn merged(mut base: Table, over: Table) -> Table {
    for (key, value) in over {
        let old = base.remove(&key);
        let new = match (key.as_str(), old, value) {
            (
                "packages" | "types" | "modules" | "codec" | "objects",
                Some(Value::Table(old)),
                Value::Table(new),
            ) => Value::Table(merged(old, new)),
            ("filter" | "rule", Some(Value::Array(old)), Value::Array(new)) => joined(new, old),
            (_, _, value) => value,
        };
        base.insert(key, new);
    }
    base
}

/// `first`, then those of `then` that no entry of `first` stands for.
fn joined(mut first: Vec<Value>, then: Vec<Value>) -> Value {
    let left: Vec<_> = then
        .into_iter()
        .filter(|entry| !first.iter().any(|new| new.get("id") == entry.get("id")))
        .collect();
    first.extend(left);
    Value::Array(first)
}
