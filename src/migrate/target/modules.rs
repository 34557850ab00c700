//! Modules of targets: what one package brings along in some of its versions, written behind the
//! target on which it builds (`julia-2026+DataFrames@1.7+OrderedCollections@2`).

use super::merge::merged;
use crate::migrate::error::TargetError;
use toml::{Table, Value};

/// A package in all versions from one on, up to that of the next module for it.
#[derive(Debug, Clone, Copy)]
pub struct Module {
    /// The package.
    pub package: &'static str,
    /// The first version.
    pub from: &'static str,
    /// The first version that another module is for, or that is not known; none if it holds for all
    /// that there are.
    pub before: Option<&'static str>,
    /// What a target with the package says more.
    pub(super) text: &'static str,
}

macro_rules! module {
    ($package:literal, $from:literal, $before:expr, $file:literal) => {
        Module {
            package: $package,
            from: $from,
            before: $before,
            text: include_str!(concat!("../../../targets/packages/", $file)),
        }
    };
}

/// The modules of the program, those of one package by their versions.
pub(super) const MODULES: [Module; 9] = [
    module!("CategoricalArrays", "0.10", Some("1"), "CategoricalArrays-0.10.toml"),
    module!("CategoricalArrays", "1", Some("2"), "CategoricalArrays-1.toml"),
    module!("DataFrames", "1.4", Some("2"), "DataFrames-1.4.toml"),
    module!("IndexedTables", "1", Some("2"), "IndexedTables-1.toml"),
    module!("JLD2Lz4", "0.1", Some("1"), "JLD2Lz4-0.1.toml"),
    module!("OrderedCollections", "1", Some("2"), "OrderedCollections-1.toml"),
    module!("OrderedCollections", "2", Some("3"), "OrderedCollections-2.toml"),
    module!("StructArrays", "0.4", Some("0.5"), "StructArrays-0.4.toml"),
    module!("StructArrays", "0.5", Some("1"), "StructArrays-0.5.toml"),
];

/// A module that was asked for, in one version.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) module: Module,
    version: String,
}

/// The name of the target and the modules of a name such as `julia-2026+DataFrames@1.7`. Without a
/// version the newest module is meant.
pub(super) fn split(target: &str) -> Result<(&str, Vec<Asked>), TargetError> {
    let mut parts = target.split('+');
    let base = parts.next().unwrap_or_default();
    let mut out: Vec<Asked> = Vec::new();
    for part in parts {
        let (package, version) = part.split_once('@').unwrap_or((part, ""));
        let asked = find(package, version).map_err(|problem| TargetError::Invalid {
            origin: format!("target {target:?}"),
            problem,
        })?;
        if out.iter().any(|other| other.module.package == package) {
            let problem = format!("{package} is named twice");
            return Err(TargetError::Invalid { origin: format!("target {target:?}"), problem });
        }
        out.push(asked);
    }
    Ok((base, out))
}

fn find(package: &str, version: &str) -> Result<Asked, String> {
    let of_package = || MODULES.iter().filter(|m| m.package == package);
    if of_package().next().is_none() {
        let mut known: Vec<_> = MODULES.iter().map(|m| m.package).collect();
        known.dedup();
        return Err(format!(
            "there is no module for the package {package:?}; there are: {}",
            known.join(", ")
        ));
    }
    let found = if version.is_empty() {
        of_package().next_back()
    } else {
        let Some(wanted) = numbers(version) else {
            return Err(format!("{version:?} is not a version of {package}"));
        };
        of_package().rfind(|m| {
            numbers(m.from).is_some_and(|from| from <= wanted)
                && m.before.and_then(numbers).is_none_or(|before| wanted < before)
        })
    };
    let Some(module) = found else {
        let known: Vec<_> = of_package()
            .map(|m| match m.before {
                Some(before) => format!("{} to before {before}", m.from),
                None => format!("{} and later", m.from),
            })
            .collect();
        return Err(format!("{package} {version} is not known; these are: {}", known.join(", ")));
    };
    let version = if version.is_empty() { module.from } else { version };
    Ok(Asked { module: *module, version: version.to_owned() })
}

/// The numbers of a version, `1.7` as 1, 7, 0.
fn numbers(version: &str) -> Option<[u64; 3]> {
    let mut out = [0; 3];
    let mut parts = version.split('.');
    for to in &mut out {
        match parts.next() {
            Some(part) => *to = part.parse().ok()?,
            None => break,
        }
    }
    parts.next().is_none().then_some(out)
}

/// What a target says with a module.
pub(super) fn joined(mut base: Table, asked: &Asked, mut module: Table) -> Table {
    let (package, version) = (asked.module.package, &asked.version);
    // Lists of modules and types are longer, where a file's would take the place of the others.
    if let (Some(Value::Table(old)), Some(Value::Table(new))) =
        (base.get_mut("modules"), module.remove("modules"))
    {
        for (key, value) in new {
            match (old.get_mut(&key), value) {
                (Some(Value::Array(old)), Value::Array(new)) => old.extend(new),
                (_, value) => {
                    old.insert(key, value);
                }
            }
        }
    }
    let mut out = merged(base, module);
    if let Some(Value::Table(packages)) = out.get_mut("packages") {
        packages.insert(package.to_owned(), Value::String(version.clone()));
    }
    for (key, more) in
        [("name", format!("+{package}@{version}")), ("title", format!(", {package} {version}"))]
    {
        if let Some(Value::String(text)) = out.get_mut(key) {
            text.push_str(&more);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::target::{Resolution, Target};

    #[test]
    fn versions_are_found_in_the_module_that_is_for_them() {
        let from = |package, version| find(package, version).map(|asked| asked.module.from);
        assert_eq!(from("DataFrames", "1.7"), Ok("1.4"));
        assert_eq!(from("DataFrames", "1.4.0"), Ok("1.4"));
        assert_eq!(from("CategoricalArrays", "0.10.8"), Ok("0.10"));
        assert_eq!(from("CategoricalArrays", "1.1"), Ok("1"));
        assert_eq!(from("OrderedCollections", ""), Ok("2"));
        for (package, version, says) in [
            ("DataFrames", "1.3", "1.4 to before 2"),
            ("DataFrames", "2", "1.4 to before 2"),
            ("DataFrames", "1.x", "is not a version"),
            ("Dataframes", "1.7", "there is no module"),
        ] {
            let error = from(package, version).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
        assert!(split("julia-2026+DataFrames+DataFrames@1.5").is_err());
    }

    #[test]
    fn every_module_makes_a_good_target_of_each_version() {
        for module in MODULES {
            for base in ["julia-2026", "mera-1.9"] {
                let name = format!("{base}+{}@{}", module.package, module.from);
                let target = Target::named(&name).unwrap_or_else(|e| panic!("{name}: {e}"));
                assert_eq!(target.name, name);
                assert_eq!(target.packages[module.package], module.from);
                let type_name = format!("{}.AnyType", module.package);
                assert_ne!(target.resolve(&type_name), Resolution::Foreign, "{name}");
            }
        }
        let all = Target::named("julia-2026+DataFrames@1.7+OrderedCollections@2+StructArrays");
        let all = all.unwrap();
        assert_eq!(
            all.title,
            "Julia 1.10 to 1.12 with JLD2 0.6.5, DataFrames 1.7, OrderedCollections 2, StructArrays 0.5"
        );
    }
}
