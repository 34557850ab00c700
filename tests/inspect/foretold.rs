//! What is foretold of files against what real JLD2 0.6.5 made of them (`tests/data/packages/Foretold`).

use crate::{good, jldconv};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Packages of 2026, in Julia 1.6.
const PACKAGES: &str = "julia-2026+DataFrames@1.7.1+CategoricalArrays@1.1+StructArrays@0.6.18\
                        +OrderedCollections@1.8.1+StaticArrays@1.9.15+julia@1.6";

/// What is said of an end that the user's packages prevent.
const HELPED: &str = "with the packages loaded first";

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/packages/Foretold").join(name)
}

fn findings(file: &Path, target: &str) -> Vec<Value> {
    let (_, out, err) = jldconv(&["inspect", "--json", "--target", target, file.to_str().unwrap()]);
    let seen: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
    seen["findings"].as_array().unwrap().clone()
}

fn text<'f>(finding: &'f Value, key: &str) -> &'f str {
    finding[key].as_str().unwrap_or_default()
}

fn of<'f>(findings: &'f [Value], severity: &str) -> Vec<&'f str> {
    findings.iter().filter(|f| text(f, "severity") == severity).map(|f| text(f, "text")).collect()
}

#[test]
fn what_real_jld2_does_is_foretold() {
    let table = fs::read_to_string(data("real.tsv")).unwrap();
    let mut seen = 0;
    for row in table.lines().skip(1) {
        let cells: Vec<_> = row.split('\t').collect();
        let [file, target, session, outcome, warnings, error] = cells[..] else { panic!("{row}") };
        let all = findings(&data(file), target);
        let told = format!("{row}: {all:#?}");
        let mut failures = of(&all, "failure");
        if session == "with" {
            failures.retain(|text| !text.contains(HELPED));
        }
        assert_eq!(!failures.is_empty(), outcome == "throws", "{told}");
        if error.ends_with("Error") {
            assert!(failures.iter().any(|text| text.contains(error)), "{told}");
        }
        let warnings: u64 = warnings.parse().unwrap();
        if session == "without" {
            let printed: u64 = all.iter().map(|f| f["printed"].as_u64().unwrap()).sum();
            assert_eq!(printed, warnings, "{told}");
        } else if outcome == "loads" {
            assert_eq!(!of(&all, "warning").is_empty(), warnings > 0, "{told}");
        }
        seen += 1;
    }
    assert!(seen > 50, "{seen}");
}

/// Of a function without a name no package helps; of one with a name, its own.
#[test]
fn functions_are_told_by_what_helps() {
    let told = |file| findings(&data(file), "julia-2026");
    let anonymous = told("closure_any-0.4.53.jld2");
    let warning = of(&anonymous, "warning");
    assert!(warning.iter().any(|text| text.contains("is an anonymous function")), "{anonymous:#?}");
    assert!(!warning.iter().any(|text| text.contains("package")), "{anonymous:#?}");
    let failures = told("closure_odict-0.4.53.jld2");
    let failure = of(&failures, "failure");
    assert!(failure[0].contains("an array of Core.Function takes no reconstructed object"));
    assert!(!failure[0].contains(HELPED), "{failure:?}");
    let named = told("fun_dict-0.4.53.jld2");
    assert!(of(&named, "failure")[0].contains(HELPED), "{named:#?}");
    assert!(of(&named, "note")[0].contains("load its package first"), "{named:#?}");
}

/// What packages cannot hold any more stays as it is, and the conversion says what helps.
#[test]
fn what_no_conversion_mends_is_told_with_what_helps() {
    let temp = tempfile::tempdir().unwrap();
    let convert = |file: &str| {
        let out = temp.path().join(file);
        let (path, to) = (data(file), out.to_str().unwrap().to_owned());
        let (code, said, err) =
            jldconv(&["convert", "--target", PACKAGES, path.to_str().unwrap(), &to]);
        assert_eq!(code, 0, "{err}");
        (findings(&out, PACKAGES), format!("{said}{err}"))
    };
    // Grouped by numbers of columns: JLD2 finds no symbol in them.
    let (left, said) = convert("gdf-0.1.14.jld2");
    let failure = of(&left, "failure");
    assert_eq!(failure.len(), 1, "{left:#?}");
    for part in ["MethodError", "the field cols of DataFrames.GroupedDataFrame", "`extract`"] {
        assert!(failure[0].contains(part), "{part}: {failure:?}");
        assert!(said.contains(part), "{part}: {said}");
    }
    // Symbols in a categorical array: three types are made up, as JLD2 0.6.5 does it.
    let (left, said) = convert("cat_sym-0.1.14.jld2");
    assert_eq!(of(&left, "failure"), Vec::<&str>::new());
    let warnings = of(&left, "warning");
    assert_eq!(warnings.len(), 3, "{left:#?}");
    assert!(warnings.iter().all(|text| text.contains("does not take the parameter Core.Symbol")));
    assert!(said.contains("categorical(string.(x))"), "{said}");
    // The rule that is told of does it.
    let rules = temp.path().join("rules.toml");
    let rule =
        "[[rule]]\nid = \"grouped\"\nfrom = [\"DataFrames.GroupedDataFrame\"]\nextract = true\n";
    fs::write(&rules, rule).unwrap();
    let out = temp.path().join("extracted.jld2");
    let out = out.to_str().unwrap();
    let file = data("gdf-0.1.14.jld2");
    good(&[
        "convert",
        "--target",
        PACKAGES,
        "--rules",
        rules.to_str().unwrap(),
        file.to_str().unwrap(),
        out,
    ]);
    assert_eq!(of(&findings(Path::new(out), PACKAGES), "failure"), Vec::<&str>::new());
}

/// Types that Julia 0.6 had in Base are found where they are since.
#[test]
fn standard_libraries_are_found_outside_of_base() {
    let temp = tempfile::tempdir().unwrap();
    let rules = temp.path().join("rules.toml");
    let moved = |module: &str| {
        format!("[[rule]]\nid = \"{module}\"\nfrom = [\"{module}.*\"]\nto = \"Base.{module}.*\"\n")
    };
    fs::write(&rules, moved("SparseArrays") + &moved("Dates")).unwrap();
    let [old, new] = ["old.jld2", "new.jld2"].map(|name| temp.path().join(name));
    let file = data("moved-0.4.53.jld2");
    good(&[
        "convert",
        "--target",
        "mera-1.9",
        "--rules",
        rules.to_str().unwrap(),
        file.to_str().unwrap(),
        old.to_str().unwrap(),
    ]);
    let told = findings(&old, "julia-2026");
    for name in ["Base.SparseArrays.SparseMatrixCSC", "Base.Dates.Date"] {
        let said = |f: &Value| text(f, "said").starts_with(&format!("type {name}"));
        let found = told.iter().find(|f| said(f)).unwrap_or_else(|| panic!("{name}: {told:#?}"));
        assert_eq!(text(found, "severity"), "warning");
        assert!(text(found, "rule").starts_with("julia-0-7-"));
    }
    let [old, new] = [&old, &new].map(|path| path.to_str().unwrap());
    good(&["convert", "--target", "julia-2026", old, new]);
    assert_eq!(findings(Path::new(new), "julia-2026"), Vec::<Value>::new());
    let dump = |path: &str| good(&["dump", "--json", path]);
    assert_eq!(dump(new), dump(file.to_str().unwrap()));
}
