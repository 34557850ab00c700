//! Where a target's definition comes from: the program itself, with modules for packages
//! (`julia-2026+DataFrames@1.7`), or a file that may build on one of the program's.

use super::merge::merged;
use super::modules::{self, Asked};
use crate::migrate::error::TargetError;
use std::borrow::Cow;
use std::path::Path;
use toml::{Table, Value};

/// The targets that the program carries, newest last.
pub(super) const BUILTIN: [(&str, &str); 2] = [
    ("julia-2026", include_str!("../../../targets/julia-2026.toml")),
    ("mera-1.9", include_str!("../../../targets/mera-1.9.toml")),
];

/// The packages whose newest module a target of the program takes along, if none is named.
const TAKES_ALONG: [(&str, &str); 1] = [("julia-2026", "julia")];

/// Whether the target of this name is put together of several texts.
pub(super) fn is_joined(target: &str) -> bool {
    target.contains('+') || TAKES_ALONG.iter().any(|(base, _)| *base == target)
}

/// The key of a file that names the target of the program on which it builds.
const BASE: &str = "based-on";

/// Whether what is given for a target is a file and not one of the program's: it has a slash, or
/// ends in `.toml`.
pub fn is_file(target: &str) -> bool {
    target.contains('/') || Path::new(target).extension().is_some_and(|e| e == "toml")
}

/// The definition of a target of the program without modules.
pub(super) fn builtin(name: &str) -> Result<&'static str, TargetError> {
    let known = BUILTIN.iter().find(|(known, _)| *known == name);
    known.map(|(_, text)| *text).ok_or_else(|| TargetError::Unknown {
        name: name.to_owned(),
        known: BUILTIN.iter().map(|(name, _)| *name).collect(),
    })
}

/// The texts that define a target: its own, and those that it builds on.
pub(super) fn texts(target: &str) -> Result<Vec<Cow<'static, str>>, TargetError> {
    if !is_file(target) {
        return named_texts(target);
    }
    let own = read(target)?;
    let base = table(&own, target)?.get(BASE).cloned();
    let mut all = vec![Cow::Owned(own)];
    if let Some(base) = base {
        all.extend(named_texts(base_name(&base, target)?)?);
    }
    Ok(all)
}

fn named_texts(target: &str) -> Result<Vec<Cow<'static, str>>, TargetError> {
    let (base, mut modules) = modules::split(target)?;
    modules.extend(unless_named(base, &modules)?);
    let texts = [builtin(base)?]
        .into_iter()
        .chain(modules.iter().flat_map(|m| m.module.texts().iter().copied()));
    Ok(texts.map(Cow::Borrowed).collect())
}

/// The module that a target of the program takes along, unless one for the same package is named.
fn unless_named(base: &str, named: &[Asked]) -> Result<Option<Asked>, TargetError> {
    let Some((_, package)) = TAKES_ALONG.iter().find(|(target, _)| *target == base) else {
        return Ok(None);
    };
    if named.iter().any(|asked| asked.module.package == *package) {
        return Ok(None);
    }
    modules::newest(package, base).map(Some)
}

/// The text of a file.
pub(super) fn read(target: &str) -> Result<String, TargetError> {
    let path = Path::new(target);
    let failed = |source| TargetError::Read { path: path.to_owned(), source };
    std::fs::read_to_string(path).map_err(failed)
}

/// Whether the target with this text builds on another one.
pub(super) fn is_based(text: &str, origin: &str) -> Result<bool, TargetError> {
    Ok(table(text, origin)?.contains_key(BASE))
}

/// All that the target with this text says, with what it builds on.
pub(super) fn whole(text: &str, origin: &str) -> Result<Table, TargetError> {
    let mut over = table(text, origin)?;
    match over.remove(BASE) {
        Some(name) => Ok(merged(named(base_name(&name, origin)?)?, over)),
        None => Ok(over),
    }
}

/// All that a target of the program says, with its modules.
pub(super) fn named(target: &str) -> Result<Table, TargetError> {
    let (base, modules) = modules::split(target)?;
    let along = unless_named(base, &modules)?;
    let whole =
        |asked: &Asked| {
            asked.module.texts().iter().try_fold(Table::new(), |whole, text| {
                Ok(modules::laid_on(whole, table(text, target)?))
            })
        };
    let mut all = Vec::with_capacity(modules.len());
    for module in modules {
        let whole = whole(&module)?;
        all.push((module, whole));
    }
    if let Some(problem) = modules::contradiction(&all) {
        return Err(TargetError::Invalid { origin: format!("target {target:?}"), problem });
    }
    let mut out = table(builtin(base)?, base)?;
    if let Some(along) = along {
        out = modules::laid_on(out, whole(&along)?);
    }
    for (module, whole) in all {
        out = modules::joined(out, &module, whole);
    }
    Ok(out)
}

fn table(text: &str, origin: &str) -> Result<Table, TargetError> {
    toml::from_str(text).map_err(|source| TargetError::Syntax { origin: origin.to_owned(), source })
}

fn base_name<'v>(name: &'v Value, origin: &str) -> Result<&'v str, TargetError> {
    let problem = "`based-on` names no target of the program".to_owned();
    let invalid = TargetError::Invalid { origin: origin.to_owned(), problem };
    name.as_str().ok_or(invalid)
}
