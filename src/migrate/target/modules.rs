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
    /// What a target with the package says more; the later ones build on the first.
    texts: &'static [&'static str],
}

impl Module {
    /// What a target with the package says more, each text on top of those before it.
    pub(in crate::migrate::target) fn texts(&self) -> &'static [&'static str] {
        self.texts
    }
}

macro_rules! module {
    ($package:literal, $from:literal, $before:expr, $($file:literal),+) => {
        Module {
            package: $package,
            from: $from,
            before: $before,
            texts: &[$(include_str!(concat!("../../../targets/packages/", $file))),+],
        }
    };
}

/// The modules of the program, those of one package by their versions.
pub(super) const MODULES: [Module; 20] = [
    module!("CategoricalArrays", "0.10", Some("1"), "CategoricalArrays-0.10.toml"),
    module!("CategoricalArrays", "1", Some("2"), "CategoricalArrays-1.toml"),
    // It takes PooledArrays from 1.4.2 on.
    module!("DataFrames", "1.4", Some("2"), "DataFrames-1.4.toml", "PooledArrays-1.2.toml"),
    module!("Flux", "0.14", Some("0.16.11"), "Flux-0.14.toml"),
    module!("Flux", "0.16.11", Some("0.17"), "Flux-0.14.toml", "Flux-0.16.11.toml"),
    module!("IndexedTables", "1", Some("2"), "IndexedTables-1.toml"),
    module!("Interpolations", "0.13.4", Some("0.17"), "Interpolations-0.13.4.toml"),
    module!("JLD2Lz4", "0.1", Some("1"), "JLD2Lz4-0.1.toml"),
    module!("Lux", "1", Some("2"), "Lux-1.toml"),
    module!("Oceananigans", "0.110.6", Some("0.111"), "Oceananigans-0.110.6.toml"),
    module!("OrderedCollections", "1", Some("2"), "OrderedCollections-1.toml"),
    module!("OrderedCollections", "2", Some("3"), "OrderedCollections-2.toml"),
    module!("PooledArrays", "1.2", Some("2"), "PooledArrays-1.2.toml"),
    module!("StaticArrays", "1", Some("1.5"), "StaticArrays-1.0.toml"),
    module!("StaticArrays", "1.5", Some("2"), "StaticArrays-1.5.toml"),
    module!("StructArrays", "0.4", Some("0.5"), "StructArrays-0.4.toml"),
    module!("StructArrays", "0.5", Some("1"), "StructArrays-0.5.toml"),
    module!("Unitful", "0.15", Some("2"), "Unitful-0.15.toml"),
    module!("julia", "1.6", Some("1.7"), "julia-1.6.toml"),
    module!("julia", "1.10", Some("2"), "julia-1.10.toml"),
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

/// The newest module for a package, for the target `base`.
pub(super) fn newest(package: &str, base: &str) -> Result<Asked, TargetError> {
    let invalid = |problem| TargetError::Invalid { origin: format!("target {base:?}"), problem };
    find(package, "").map_err(invalid)
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

/// Where modules contradict one another: a type of which two of them say something else, which no
/// session can have at once.
pub(super) fn contradiction(all: &[(Asked, Table)]) -> Option<String> {
    let types = |module: &'_ Table| module.get("types").and_then(Value::as_table).cloned();
    for (at, (one, first)) in all.iter().enumerate() {
        for (other, second) in all.iter().skip(at + 1) {
            let (Some(first), Some(second)) = (types(first), types(second)) else { continue };
            let otherwise = |name: &&String| {
                second.get(*name).is_some_and(|there| first.get(*name) != Some(there))
            };
            if let Some(name) = first.keys().find(otherwise) {
                return Some(format!(
                    "{} {} and {} {} contradict: each defines {name} otherwise, and no session has \
                     both; name one of them",
                    one.module.package, one.version, other.module.package, other.version
                ));
            }
        }
    }
    None
}

/// What a target says with a module.
pub(super) fn joined(base: Table, asked: &Asked, module: Table) -> Table {
    let (package, version) = (asked.module.package, &asked.version);
    let mut out = laid_on(base, module);
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

/// `base` with what a text of a module says more.
pub(super) fn laid_on(mut base: Table, mut module: Table) -> Table {
    // Lists of modules and types are longer, where a file's would take the place of the others.
    if let (Some(Value::Table(old)), Some(Value::Table(new))) =
        (base.get_mut("modules"), module.get_mut("modules"))
    {
        for (key, value) in new.iter_mut() {
            if let (Some(Value::Array(old)), Value::Array(new)) = (old.get(key), value) {
                new.splice(..0, old.iter().cloned());
            }
        }
    }
    merged(base, module)
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
    fn the_newest_julia_comes_along_unless_another_is_named() {
        let ids = |target: &str| {
            let target = Target::named(target).unwrap();
            let of_julia =
                target.rules.iter().filter(|rule| rule.id.starts_with("julia-1-")).count();
            (target.name.clone(), of_julia)
        };
        let (name, rules) = ids("julia-2026");
        assert_eq!(name, "julia-2026");
        assert!(rules > 0);
        assert_eq!(ids("julia-2026+DataFrames@1.7").1, rules);
        assert_eq!(ids("julia-2026+julia@1.12").1, rules);
        assert_eq!(ids("julia-2026+julia@1.6+DataFrames@1.7").1, 0);
        assert_eq!(ids("mera-1.9").1, 0);
        assert_eq!(ids("mera-1.9+julia@1.10").1, rules);
        assert!(Target::named("julia-2026+julia@1.8").is_err());
    }

    #[test]
    fn modules_that_contradict_are_refused_in_any_order() {
        for name in [
            "julia-2026+IndexedTables+StructArrays@0.6",
            "julia-2026+StructArrays@0.6+IndexedTables",
        ] {
            let error = Target::named(name).unwrap_err().to_string();
            for part in ["IndexedTables 1", "StructArrays 0.6", "StructArrays.StructArray"] {
                assert!(error.contains(part), "{error}");
            }
        }
        assert!(Target::named("julia-2026+IndexedTables+StructArrays@0.4").is_ok());
    }

    #[test]
    fn the_order_of_modules_does_not_matter() {
        for (at, one) in MODULES.iter().enumerate() {
            for other in MODULES.iter().skip(at + 1).filter(|m| m.package != one.package) {
                let named = |a: &Module, b: &Module| {
                    let (a, b) = ((a.package, a.from), (b.package, b.from));
                    Target::named(&format!("julia-2026+{}@{}+{}@{}", a.0, a.1, b.0, b.1))
                };
                let (Ok(there), Ok(back)) = (named(one, other), named(other, one)) else {
                    assert!(named(one, other).is_err() && named(other, one).is_err());
                    continue;
                };
                let mut ids = [&there, &back]
                    .map(|t| t.rules.iter().map(|rule| rule.id.clone()).collect::<Vec<_>>());
                ids.iter_mut().for_each(|ids| ids.sort());
                assert_eq!(ids[0], ids[1]);
                assert!(there.types().eq(back.types()));
                // A rule is for types of its package alone, so that which goes first does not matter.
                for rule in &there.rules {
                    let packages = [one, other].map(|m| m.package);
                    let first = |name: &str| name.split('.').next().map(str::to_owned);
                    let of: Vec<_> = rule.from.iter().filter_map(|f| first(f.as_str())).collect();
                    let apart = packages.iter().filter(|p| of.iter().any(|of| of == *p)).count();
                    assert!(apart < 2, "{}", rule.id);
                }
            }
        }
    }

    #[test]
    fn every_module_makes_a_good_target_of_each_version() {
        for module in MODULES {
            for base in ["julia-2026", "mera-1.9"] {
                let name = format!("{base}+{}@{}", module.package, module.from);
                let target = Target::named(&name).unwrap_or_else(|e| panic!("{name}: {e}"));
                assert_eq!(target.name, name);
                assert_eq!(target.packages[module.package], module.from);
                let of = if module.package == "julia" { "Base" } else { module.package };
                let type_name = format!("{of}.AnyType");
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
