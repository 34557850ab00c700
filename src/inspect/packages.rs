//! Which packages that a file's findings are about can be named behind the target, so that it is told
//! what they meet in the file.

use crate::migrate::Finding;
use crate::migrate::target::Target;
use std::collections::BTreeMap;

/// The packages of the program's modules that the findings name and `target` lacks, each as it is
/// named behind a target: the newest of its modules with the first version that is for.
pub(super) fn to_name(findings: &[Finding], target: &Target) -> Vec<String> {
    if !Target::names().any(|known| known == base(target)) {
        // A target of the user's own, which no modules can be named behind.
        return Vec::new();
    }
    let newest: BTreeMap<_, _> = Target::modules().map(|m| (m.package, m.from)).collect();
    let named = |package: &str| {
        findings.iter().any(|f| {
            f.julia_type.as_deref().is_some_and(|name| names(name, package))
                || names(&f.text, package)
        })
    };
    newest
        .into_iter()
        .filter(|(package, _)| !target.packages.contains_key(*package) && named(package))
        .map(|(package, from)| format!("{package}@{from}"))
        .collect()
}

/// The name of the target in front of its modules.
fn base(target: &Target) -> &str {
    target.name.split('+').next().unwrap_or_default()
}

/// What is told of these packages.
pub(super) fn told(target: &str, packages: &[String]) -> Option<String> {
    let (first, more) = packages.split_first()?;
    let known = std::iter::once(first).chain(more).map(|p| p.split('@').next().unwrap_or(p));
    let known: Vec<_> = known.collect();
    Some(format!(
        "more is known of {}: name what you load, with its version, as in --target {target}+{}",
        known.join(", "),
        packages.join("+"),
    ))
}

/// Whether a text names a type of a package: `DataFrames.DataFrame`, alone or among parameters.
fn names(text: &str, package: &str) -> bool {
    text.match_indices(package).any(|(at, _)| {
        let before = text.get(..at).and_then(|t| t.chars().next_back());
        let behind = text.get(at + package.len()..).unwrap_or_default();
        // `A.DataFrames.B` is a module within A.
        behind.starts_with('.')
            && !before.is_some_and(|c| c.is_alphanumeric() || "._!#".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_named_by_its_own_types_only() {
        for (text, named) in [
            ("DataFrames.DataFrame", true),
            ("Base.Pair{Core.Symbol,DataFrames.DataFrame}", true),
            ("the parameter DataFrames.DataFrame of Pair{…} is none", true),
            ("DataFrames", false),
            ("Old.DataFrames.Index", false),
            ("MyDataFrames.Index", false),
            ("DataFramesMeta.X", false),
        ] {
            assert_eq!(names(text, "DataFrames"), named, "{text}");
        }
    }
}
