//! `jldconv inspect`, `dump` and `verify` on real files: what a person and a script see, letter by
//! letter, and values against what Julia read.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;
#[path = "inspect/foretold.rs"]
mod foretold;

use assert_cmd::Command;
use common::{files, shared, truth};
use jldconv::h5::{File, ObjectKind};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// One file of each era, and what has no era.
const EACH: [&str; 9] = [
    "e0-zlib/output_00007",
    "e4b-bzip2/output_00020",
    "e4b-lz4/output_00100",
    "e4b-none/output_00021",
    "e4d-lz4/output_00200",
    "e6-lz4/output_00300",
    "e8-lz4filter/output_00400",
    "mixed/output_00500",
    "real-mera-1.9/output_00001",
];

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera")
}

/// Runs the program in the directory of the test files; gives its exit code and both outputs.
fn jldconv(args: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("jldconv").unwrap();
    let output = command.current_dir(data()).args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn good(args: &[&str]) -> String {
    let (code, out, err) = jldconv(args);
    assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
    out
}

#[test]
fn a_person_sees_what_a_file_is_and_needs() {
    for name in EACH {
        let seen = good(&["inspect", &format!("{name}.jld2")]);
        insta::assert_snapshot!(format!("details-{}", name.replace('/', "-")), seen);
    }
}

#[test]
fn a_script_sees_the_same() {
    for name in ["e0-zlib/output_00007", "e4b-lz4/output_00100", "real-mera-1.9/output_00001"] {
        let line = good(&["inspect", "--json", &format!("{name}.jld2")]);
        assert_eq!(line.lines().count(), 1);
        let value: Value = serde_json::from_str(&line).unwrap();
        let seen = serde_json::to_string_pretty(&value).unwrap();
        insta::assert_snapshot!(format!("json-{}", name.replace('/', "-")), seen);
    }
}

#[test]
fn an_upgraded_file_is_known_as_such() {
    let temp = tempfile::tempdir().unwrap();
    let output = temp.path().join("output_00100.jld2");
    let output = output.to_str().unwrap();
    good(&["convert", "e4b-lz4/output_00100.jld2", output]);
    let seen = good(&["inspect", output]);
    assert!(seen.contains("era         none: it has been upgraded\n"), "{seen}");
    assert!(seen.ends_with("nothing to do\n"), "{seen}");
}

#[test]
fn many_files_get_a_line_each() {
    let names: Vec<_> = EACH.iter().map(|name| format!("{name}.jld2")).collect();
    let mut args = vec!["inspect", "../mera-vectors.json", "none.jld2"];
    args.extend(names.iter().map(String::as_str));
    let (code, out, err) = jldconv(&args);
    assert_eq!(code, 1);
    insta::assert_snapshot!("lines", out);
    insta::assert_snapshot!("lines-errors", err);
    let (_, verbose, _) = jldconv(&[&args[..], &["-v"]].concat());
    assert!(verbose.contains("\nTree\n") && verbose.lines().count() > 500);
    args.push("--json");
    let (_, json, _) = jldconv(&args);
    let objects: Vec<Value> =
        json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), EACH.len() + 2);
    assert_eq!(objects[0]["kind"], "unknown");
    assert!(objects[1]["error"].as_str().unwrap().contains("no such file"));
}

/// What the verdict says of a conversion is what the conversion leaves: each file of the tests is
/// converted, and looked at again.
#[test]
fn the_verdict_says_what_a_conversion_leaves() {
    let temp = tempfile::tempdir().unwrap();
    let output = temp.path().join("out.jld2");
    let mut cases = std::collections::BTreeMap::<String, u64>::new();
    for path in files(&data().parent().unwrap().join(""), ".jld2") {
        let file = path.to_str().unwrap();
        let (code, out, _) = jldconv(&["inspect", "--json", file]);
        let before: Value = serde_json::from_str(&out).unwrap();
        let verdict = &before["verdict"];
        *cases.entry(verdict["case"].as_str().unwrap().to_owned()).or_default() += 1;
        if code != 0 {
            assert_ne!(verdict["case"], "current", "{file}");
            continue;
        }
        let (code, _, err) =
            jldconv(&["convert", "--force", "--discard-replaced", file, output.to_str().unwrap()]);
        if code != 0 {
            // What the plan cannot know, such as damaged data; the verdict names no more than that.
            assert!(verdict["run"].is_string() || verdict["case"] == "fails", "{file}: {err}");
            continue;
        }
        let after: Value =
            serde_json::from_str(&good(&["inspect", "--json", output.to_str().unwrap()])).unwrap();
        let found = after["findings"].as_array().unwrap();
        let left = found.iter().filter(|it| it["severity"] != "note").count() as u64;
        assert_eq!(verdict["left"], left, "{file}: {verdict:#} {found:#?}");
        if left == 0 {
            assert_eq!(after["verdict"]["failures"], 0, "{file}");
            assert_eq!(after["verdict"]["warnings"], 0, "{file}");
        }
    }
    for case in ["current", "older", "warns", "fails", "damaged"] {
        assert!(cases.contains_key(case), "no file of the case {case}: {cases:?}");
    }
}

/// What real JLD2 0.6.5 said of these files: how often it warned, and whether it loaded them.
#[test]
fn the_verdict_says_what_julia_said() {
    for (name, warnings, loads) in [
        ("e0-zlib/output_00007", None, false),
        ("e4b-bzip2/output_00020", None, false),
        ("e4b-lz4/output_00100", Some(5), true),
        ("e4b-none/output_00021", Some(0), true),
        ("mixed/output_00500", Some(1), true),
        ("real-mera-1.9/output_00001", Some(0), true),
    ] {
        let file = format!("{name}.jld2");
        let seen: Value = serde_json::from_str(&good(&["inspect", "--json", &file])).unwrap();
        let verdict = &seen["verdict"];
        assert_eq!(verdict["warnings"].as_u64(), warnings, "{name}");
        assert_eq!(verdict["failures"] == 0, loads, "{name}");
        let run = if warnings == Some(0) && name.starts_with("real") {
            Value::Null
        } else {
            format!("jldconv convert {file} OUT").into()
        };
        assert_eq!(verdict["run"], run, "{name}");
        let text = good(&["inspect", &file]);
        let verdict = format!("  verdict     {}\n", verdict["text"].as_str().unwrap());
        assert!(text.lines().nth(1).map(|line| format!("{line}\n")) == Some(verdict), "{text}");
    }
    let rules = ["inspect", "--json", "e4b-none/output_00021.jld2", "--target", "mera-1.9"];
    let seen: Value = serde_json::from_str(&good(&rules)).unwrap();
    let run = "jldconv convert e4b-none/output_00021.jld2 OUT --target mera-1.9";
    assert_eq!(seen["verdict"]["run"], run);
}

#[test]
fn wrong_command_lines_are_usage_errors() {
    let file = "e4b-none/output_00021.jld2";
    let (code, _, err) = jldconv(&["inspect", file, "--target", "mera-0"]);
    assert_eq!(code, 2);
    assert!(
        err.contains("there is no target \"mera-0\"; there are: julia-2026, mera-1.9"),
        "{err}"
    );
    let (code, _, err) = jldconv(&["inspect", file, "--rules", "none.toml"]);
    assert_eq!(code, 2);
    assert!(err.contains("cannot read none.toml"), "{err}");
}

#[test]
fn rules_of_ones_own_show_in_findings() {
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("rules.toml");
    let text =
        "[[rule]]\nid = \"no-notes\"\nfrom = [\"Mera.FilesContentType\"]\nreplace = \"nothing\"\n";
    std::fs::write(&rules, text).unwrap();
    let file = "real-mera-1.9/output_00001.jld2";
    let seen = good(&["inspect", file, "--rules", rules.to_str().unwrap()]);
    assert!(seen.contains("fixed by the rule no-notes"), "{seen}");
}

#[test]
fn dumps_equal_what_julia_read() {
    let mut tops = vec![data()];
    tops.extend(shared().map(|shared| shared.join("mera")));
    tops.extend(shared().map(|shared| shared.join("zoo")));
    let mut compared = 0;
    for path in tops.iter().flat_map(|top| files(top, ".jld2.truth.json")) {
        let truth: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let file = path.to_str().unwrap().strip_suffix(".truth.json").unwrap();
        let dump: Value = serde_json::from_str(&good(&["dump", "--json", file])).unwrap();
        let differ = truth::differences(&truth, &dump);
        assert!(differ.is_empty(), "{file}:\n{}", differ.join("\n"));
        compared += 1;
    }
    assert!(compared >= EACH.len());
}

#[test]
fn a_truth_that_is_not_met_is_noticed() {
    let path = data().join("e4b-none/output_00021.jld2.truth.json");
    let truth: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(truth::differences(&truth, &truth), Vec::<String>::new());
    for pointer in [
        "/~1hydro~1info/fields/boxlen/v",
        "/~1hydro~1data/t",
        "/~1hydro~1information~1storage/pairs/0/1/v",
        "/~1hydro~1data/fields/scale",
    ] {
        let mut other = truth.clone();
        *other.pointer_mut(pointer).unwrap() = Value::Null;
        assert_eq!(truth::differences(&truth, &other).len(), 1, "{pointer}");
    }
}

#[test]
fn dumps_for_a_person() {
    let file = "e4b-lz4/output_00100.jld2";
    insta::assert_snapshot!("dump-clumps", good(&["dump", file, "clumps"]));
    insta::assert_snapshot!("dump-convertstat", good(&["dump", file, "/convertstat"]));
}

#[test]
fn a_path_chooses_what_is_dumped() {
    let file = "e4b-lz4/output_00100.jld2";
    let keys = |args: &[&str]| -> Vec<String> {
        let json: Value = serde_json::from_str(&good(args)).unwrap();
        json.as_object().unwrap().keys().cloned().collect()
    };
    let all = keys(&["dump", "--json", file]);
    let below: Vec<_> =
        all.iter().filter(|p| p.starts_with("/hydro/information/")).cloned().collect();
    assert_eq!(keys(&["dump", "--json", file, "/hydro/information/"]), below);
    assert_eq!(keys(&["dump", "--json", file, "hydro/info"]), ["/hydro/info"]);
    assert_eq!(keys(&["dump", "--json", file, "/"]), all);
    for (path, known) in [
        ("/hydro/inf", "there is no /hydro/inf; /hydro has data, info, information"),
        ("/hydro/info/scale", "there is no /hydro/info/scale; /hydro/info is a dataset"),
    ] {
        let (code, out, err) = jldconv(&["dump", "--json", file, path]);
        assert_eq!((code, out.as_str()), (1, ""));
        assert!(err.contains(known), "{err}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let program = assert_cmd::cargo::cargo_bin("jldconv");
    for command in ["dump", "dump --json", "inspect --json", "inspect"] {
        let script =
            format!("'{}' {command} e4b-lz4/output_00100.jld2 | head -c 1", program.display());
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .current_dir(data())
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{command}");
        assert_eq!(output.stdout.len(), 1);
    }
}

#[test]
fn equal_files_are_equal() {
    let file = "e4b-lz4/output_00100.jld2";
    let said = good(&["verify", file, file]);
    assert_eq!(said, "equal: 41 datasets with the same types and values\n");
    let Some(shared) = shared() else { return };
    // The same values, written by one JLD2 with different codecs.
    for (version, codecs) in [
        ("0.4.17", &["none", "deflate", "lz4"][..]),
        ("0.4.31", &["none", "bzip2", "lz4"]),
        ("0.6.5", &["none", "lz4filter", "zstd", "bzip2filter", "shuffle-deflate"]),
    ] {
        let name = |codec: &str| {
            let path = shared.join(format!("zoo/jld2-{version}-{codec}.jld2"));
            path.to_str().unwrap().to_owned()
        };
        for codec in codecs {
            let (_, out, _) = jldconv(&["verify", "--json", &name(codecs[0]), &name(codec)]);
            let json: Value = serde_json::from_str(&out).unwrap();
            assert!(json["compared"].as_u64().unwrap() > 100);
            // A BitVector's dims are memory that Julia never set.
            let differ = json["differences"].as_array().unwrap();
            let other = differ.iter().find(|d| d["path"] != "/arr/bits");
            assert_eq!(other, None, "{version} {codec}");
        }
    }
}

#[test]
fn differences_are_named_by_path() {
    let (a, b) = ("e4b-lz4/output_00100.jld2", "e4b-lz4/output_00101.jld2");
    let (code, out, _) = jldconv(&["verify", a, b]);
    assert_eq!(code, 1);
    insta::assert_snapshot!("verify", out);
    let (code, out, _) = jldconv(&["verify", "--json", a, "e4b-none/output_00021.jld2"]);
    assert_eq!(code, 1);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["equal"], false);
    let missing =
        json["differences"].as_array().unwrap().iter().find(|d| d["path"] == "/gravity/data");
    assert_eq!(missing.unwrap()["what"], "missing");
    let (code, _, err) = jldconv(&["verify", a, "../mera-vectors.json"]);
    assert_eq!(code, 1);
    assert!(err.contains("mera-vectors.json: not a JLD2 file"), "{err}");
}

/// Nothing in the committed types' group is a value, but nobody reads a file without it.
#[test]
fn damage_of_the_group_of_types_is_no_equality() {
    let input = data().join("e4b-lz4/output_00100.jld2");
    let file = File::open(&input).unwrap();
    let root = file.object(file.superblock().root).unwrap();
    let ObjectKind::Group(root) = &root.kind else { panic!("no group") };
    let types = root.find(&file, "_types").unwrap().unwrap();
    let at = usize::try_from(file.offset(types.target, "types").unwrap()).unwrap();
    let temp = tempfile::tempdir().unwrap();
    let damaged = temp.path().join("damaged.jld2");
    let mut bytes = std::fs::read(&input).unwrap();
    bytes[at + 8] ^= 0x10;
    std::fs::write(&damaged, bytes).unwrap();
    let names = [input.to_str().unwrap(), damaged.to_str().unwrap()];
    for [a, b] in [names, [names[1], names[0]]] {
        let (code, _, err) = jldconv(&["verify", a, b]);
        assert_eq!(code, 1, "{err}");
        assert!(err.contains("damaged.jld2") && err.contains("_types"), "{err}");
    }
}

#[test]
fn every_file_of_the_corpus_is_read_or_refused() {
    let Some(shared) = shared() else { return };
    let mut refused = Vec::new();
    for path in files(&shared.join("corpus/files"), "") {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let file = path.to_str().unwrap();
        let (code, out, err) = jldconv(&["inspect", "--json", file]);
        assert_eq!(err, "", "{name}");
        let seen: Value = serde_json::from_str(&out).unwrap();
        // What cannot be read is an error; what is read and cannot be converted says why not.
        let why = seen.get("error").or_else(|| seen["action"].get("reason"));
        assert_eq!(code == 0, why.is_none(), "{name}");
        if seen.get("error").is_none() {
            assert!(!good(&["dump", file]).is_empty(), "{name}");
        }
        if let Some(why) = why {
            refused.push(format!("{name}: {}: {why}", seen["kind"]));
        }
    }
    insta::assert_snapshot!("corpus-refused", refused.join("\n"));
}

/// Data frames of other people's files, of many versions of JLD2 and DataFrames: the reader's tables
/// have the columns that the values have.
#[test]
fn data_frames_of_all_times_are_tables() {
    let Some(shared) = shared() else { return };
    let mut found = 0;
    for path in files(&shared.join("corpus"), ".jld2") {
        let Ok(file) = jld2::File::open(&path) else { continue };
        for name in file.dataset_paths().unwrap_or_default() {
            let dataset = file.dataset(&name).unwrap();
            let Ok(t) = dataset.julia_type() else { continue };
            if t.short_name() != "DataFrame" {
                continue;
            }
            let table = dataset.table().unwrap();
            let table = table.unwrap_or_else(|| panic!("{}: {name}", path.display()));
            let value = dataset.value().unwrap();
            let index = value.field("colindex").and_then(|i| i.field("names")).unwrap();
            let names: Vec<_> =
                index.items().unwrap().iter().map(|n| n.as_str().unwrap()).collect();
            assert_eq!(table.names().collect::<Vec<_>>(), names, "{}: {name}", path.display());
            let columns = value.field("columns").and_then(jld2::Value::items).unwrap();
            for (column, want) in table.columns().zip(columns) {
                let (_, column) = column.unwrap();
                assert_eq!(column.value().unwrap().to_string(), want.to_string());
                assert_eq!(column.dims().unwrap(), [table.len()]);
            }
            found += 1;
        }
    }
    assert!(found > 10, "only {found}");
}

/// The findings about a file, as severity, type and what JLD2 prints, and the packages that could be named.
#[expect(clippy::indexing_slicing, reason = "a test fails by panicking")]
fn met(target: &str, file: &str) -> (Vec<(String, String, String)>, Value) {
    let file = format!("../packages/{file}");
    let (_, out, _) = jldconv(&["inspect", "--json", "--target", target, &file]);
    let seen: Value = serde_json::from_str(&out).unwrap();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let findings = seen["findings"].as_array().unwrap().iter();
    let told = |f: &Value| (text(f, "severity"), text(f, "julia_type"), text(f, "said"));
    (findings.map(told).collect(), seen["packages"].clone())
}

/// JLD2 tells of each type that the session lacks, of what stands inside other values, too.
#[test]
fn types_inside_other_values_are_told_of() {
    let (told, _) = met("julia-2026", "DataFrames/old-1.3.6.jld2");
    let said = |name: &str| {
        let of: Vec<_> = told.iter().filter(|(_, t, _)| t == name).collect();
        assert_eq!(of.len(), 1, "{name}: {of:?}");
        of[0].2.clone()
    };
    assert_eq!(
        said("DataFrames.Index"),
        "type DataFrames.Index does not exist in workspace; reconstructing"
    );
    assert_eq!(
        said("Base.Dict{Core.String,DataFrames.DataFrame}"),
        "custom serialization of Base.Dict{…} encountered, but the type does not exist in the workspace; \
         the data will be read unconverted"
    );
    // Of tuples it says nothing.
    assert!(!told.iter().any(|(_, t, said)| t.starts_with("Core.Tuple") && !said.is_empty()));
    // A session that has them says none of this.
    let (told, _) = met("julia-2026+DataFrames@1.7", "DataFrames/old-1.3.6.jld2");
    let lacking =
        told.iter().find(|(.., said)| said.contains("type DataFrames.Index does not exist"));
    assert_eq!(lacking, None);
}

#[test]
fn packages_that_could_be_named_behind_the_target_are() {
    let file = "DataFrames/old-1.3.6.jld2";
    assert_eq!(met("julia-2026", file).1, serde_json::json!(["DataFrames@1.4"]));
    assert_eq!(met("julia-2026+DataFrames@1.7", file).1, Value::Null);
    let told = jldconv(&["inspect", "--target", "julia-2026", &format!("../packages/{file}")]).1;
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        told.contains(
            "packages more is known of DataFrames: name what you load, with its version, as in --target \
             julia-2026+DataFrames@1.4"
        ),
        "{told}"
    );
    let old = "Definitions/old-orderedcollections-1.3.2.jld2";
    assert_eq!(met("julia-2026", old).1, serde_json::json!(["OrderedCollections@2"]));
}

/// JLD2 brings OrderedCollections along, whatever else is loaded.
#[test]
fn a_session_of_mera_meets_old_ordered_dictionaries() {
    let file = "Definitions/old-orderedcollections-1.3.2.jld2";
    let warned = |target: &str| {
        let warnings =
            met(target, file).0.into_iter().filter(|(severity, ..)| severity == "warning");
        warnings.collect::<Vec<_>>()
    };
    let all = warned("julia-2026");
    assert!(all.iter().any(|(.., said)| said.contains("is missing field maxprobe")), "{all:?}");
    assert_eq!(warned("mera-1.9"), all);
}
