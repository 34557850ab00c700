//! `jldconv target`, and targets of the user's own, with the real program.

use crate::clean::clean;
use crate::runner::{self, printed};
use jldconv::h5::{File, FilterEntry, Object, Source, Trace, Visitor};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn jldconv(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_jldconv")).args(args).output().unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn json(args: &[&str], code: i32) -> Value {
    let output = jldconv(args);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(
        output.status.code(),
        Some(code),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_str(&said).unwrap()
}

/// The check of `mera-1.9` against a file of definitions.
fn checked(definitions: &Path, code: i32) -> Value {
    json(&["target", "check", "--json", "--definitions", text(definitions)], code)
}

fn of_type<'v>(checked: &'v Value, name: &str) -> &'v Value {
    let types = checked["types"].as_array().unwrap();
    types.iter().find(|seen| seen["type"] == name).unwrap()
}

fn kinds(seen: &Value) -> Vec<(&str, &str)> {
    let changes = seen["changes"].as_array().map_or(&[][..], Vec::as_slice);
    changes
        .iter()
        .map(|c| (c["kind"].as_str().unwrap(), c["field"].as_str().unwrap_or_default()))
        .collect()
}

/// The filters of every compressed dataset.
fn filters(path: &Path) -> Vec<FilterEntry> {
    struct Filters(Vec<FilterEntry>);
    impl Visitor for Filters {
        fn object(&mut self, object: &Object, _: &str) -> jldconv::h5::Result<()> {
            self.0.extend(object.dataset().into_iter().flat_map(|d| d.filters.clone()));
            Ok(())
        }
    }
    let file = File::from_source(Source::open(path).unwrap()).unwrap();
    let mut out = Filters(Vec::new());
    Trace::run(&file, &mut out).unwrap();
    out.0
}

fn counts(path: &Path) -> Vec<usize> {
    let mut counts: Vec<_> = filters(path).iter().map(|f| f.client.len()).collect();
    assert!(!counts.is_empty());
    counts.sort_unstable();
    counts.dedup();
    counts
}

const LZ4: &str = "mera/e8-lz4filter/output_00100.jld2";

fn sample() -> PathBuf {
    let dir = data("mera/e8-lz4filter");
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|f| f.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "jld2"));
    files.sort();
    files.into_iter().next().unwrap_or_else(|| data(LZ4))
}

/// Whether the codec object tells a level.
fn has_level(path: &Path) -> bool {
    let dumped = printed(&jldconv(&["dump", text(path), "/hydro/information/compression"]));
    assert!(dumped.contains("blocksize"), "{dumped}");
    dumped.contains("level")
}

/// A file whose LZ4 filters have as many client values as `writes` says.
fn with_values(dir: &Path, writes: &str) -> PathBuf {
    let target = fs::read_to_string(data("targets/lz4-level.toml")).unwrap();
    let form = "writes = [\"block-size\", \"level\"]";
    assert!(target.contains(form));
    let path = dir.join("mine.toml");
    fs::write(&path, target.replace(form, &format!("writes = {writes}"))).unwrap();
    let out = dir.join("many-values.jld2");
    let (target, input, out_text) = (text(&path), sample(), text(&out));
    printed(&jldconv(&[
        "convert",
        "--target",
        target,
        "--compress",
        "lz4",
        "--flat-links",
        text(&input),
        out_text,
    ]));
    out
}

#[test]
fn a_target_of_the_users_own_says_what_filters_and_codec_objects_look_like() {
    let dir = tempfile::tempdir().unwrap();
    let target = data("targets/lz4-level.toml");
    let (target, input, out) = (text(&target), sample(), dir.path().join("out.jld2"));
    let args = ["convert", "--target", target, "--compress", "lz4", text(&input), text(&out)];
    printed(&jldconv(&args));
    for filter in filters(&out) {
        assert_eq!(filter.client.get(1..), Some(&[0][..]), "{filter:?}");
    }
    assert!(has_level(&out));
    assert!(!has_level(&input));
    // The same target finds nothing to do, and explains all that changed.
    let again = dir.path().join("again.jld2");
    let told = printed(&jldconv(&["convert", "--target", target, text(&out), text(&again)]));
    assert!(told.contains(": unchanged ("), "{told}");
    printed(&jldconv(&["verify", "--target", target, text(&input), text(&out)]));
    let strict = jldconv(&["verify", "--strict", text(&input), text(&out)]);
    assert_eq!(strict.status.code(), Some(1));
    // Without a rewrite the object changes, too, and the columns stay.
    let patched = dir.path().join("patched.jld2");
    printed(&jldconv(&["convert", "--target", target, text(&input), text(&patched)]));
    assert_eq!(filters(&patched), filters(&input));
    assert!(has_level(&patched));
}

#[test]
fn client_values_that_the_target_fails_on_are_left_out_where_they_stand() {
    for (writes, values) in [("[\"block-size\", \"level\"]", 2), ("[\"block-size\", 0, 7]", 3)] {
        let dir = tempfile::tempdir().unwrap();
        let input = with_values(dir.path(), writes);
        assert_eq!(counts(&input), [values]);
        let found = jldconv(&["inspect", text(&input)]);
        let found = String::from_utf8_lossy(&found.stdout).into_owned();
        assert!(found.contains(&format!("fails on {values} client values")), "{found}");

        let output = dir.path().join("output.jld2");
        let told = printed(&jldconv(&["convert", text(&input), text(&output)]));
        assert!(told.contains(": converted (patch)"), "{told}");
        assert_eq!(counts(&output), [1]);
        let blocks = |path: &Path| filters(path).iter().map(|f| f.client[0]).collect::<Vec<_>>();
        assert_eq!(blocks(&output), blocks(&input));
        assert!(has_level(&input) && !has_level(&output));
        printed(&jldconv(&["verify", text(&input), text(&output)]));
        let again = dir.path().join("again.jld2");
        let told = printed(&jldconv(&["convert", text(&output), text(&again)]));
        assert!(told.contains(": unchanged ("), "{told}");

        // A rewrite that keeps the columns leaves them out, too.
        let rewritten = dir.path().join("rewritten.jld2");
        let args = ["convert", "--mode", "rewrite", text(&input), text(&rewritten)];
        printed(&jldconv(&args));
        assert_eq!(counts(&rewritten), [1]);
        printed(&jldconv(&["verify", text(&input), text(&rewritten)]));

        // In place, and back.
        let before = fs::read(&input).unwrap();
        printed(&jldconv(&["convert", "--mode", "in-place", text(&input)]));
        assert_eq!(counts(&input), [1]);
        printed(&jldconv(&["undo", text(&input)]));
        assert!(fs::read(&input).unwrap() == before);
    }
}

#[test]
fn h5py_reads_columns_with_more_client_values_and_with_fewer() {
    let Some(python) = runner::python() else { return };
    let truth = PathBuf::from(format!("{}.truth.json", sample().display()));
    let dir = tempfile::tempdir().unwrap();
    let input = with_values(dir.path(), "[\"block-size\", \"level\", 0]");
    let output = dir.path().join("output.jld2");
    printed(&jldconv(&["convert", text(&input), text(&output)]));
    let files = [input, truth.clone(), output, truth];
    let count = printed(&runner::run(&python, "columns.py", &files));
    assert!(count.trim_end().ends_with(" columns") && !count.starts_with("0 "), "{count}");
}

#[test]
fn a_bad_target_is_refused_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bad.toml");
    let named = "based-on = \"mera-1.9\"\nname = \"mine\"\ntitle = \"Mine\"\n";
    for (more, reason) in [
        ("title = \"again\"", "duplicate key"),
        ("colour = \"red\"", "unknown field `colour`"),
        ("[[filter]]\nid = 1\nname = \"deflate\"\nreads = true\nwrites = [\"size\"]", "mine.toml"),
        (
            "[[filter]]\nid = 2\nname = \"shuffle\"\nreads = true\nwrites = [8]",
            "no conversion writes",
        ),
        (
            "[[filter]]\nid = 32015\nname = \"zstd\"\nreads = true\nwrites = [\"block-size\"]",
            "no block-size",
        ),
        (
            "[[filter]]\nid = 32004\nname = \"lz4\"\nreads = true\nclient-values = [0, 1]\n\
             writes = [\"block-size\", \"level\"]",
            "which the target fails on",
        ),
        ("[types.\"JLD2Lz4.Lz4Filter\"]\nfields = [\"size::Core.UInt32\"]", "has the fields"),
    ] {
        fs::write(&path, format!("{named}{more}\n")).unwrap();
        let output = jldconv(&["inspect", "--target", text(&path), text(&sample())]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{more}: {said}");
        let reason = if reason == "mine.toml" { "bad.toml" } else { reason };
        assert!(said.contains(reason) && said.contains("bad.toml"), "{more}: {said}");
    }
    for (base, reason) in [("mera-7", "there is no target"), ("./bad.toml", "there is no target")] {
        fs::write(&path, named.replace("mera-1.9", base)).unwrap();
        let output = jldconv(&["target", "show", text(&path)]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(reason), "{said}");
    }
}

#[test]
fn a_supervised_run_takes_a_file_and_makes_outputs_again_when_it_changes() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir(at("in")).unwrap();
    fs::copy(sample(), at("in/output_00001.jld2")).unwrap();
    let target = fs::read_to_string(data("targets/lz4-level.toml")).unwrap();
    fs::write(at("mine.toml"), &target).unwrap();
    // Relative to the file that names it, not to where the program runs.
    fs::create_dir(at("elsewhere")).unwrap();
    fs::write(at("jldconv.toml"), "target = \"mine.toml\"\n").unwrap();
    let run = || {
        let output = clean(&mut Command::new(env!("CARGO_BIN_EXE_jldconv-supervisor")))
            .current_dir(at("elsewhere"))
            .args(["../in", "../out", "--config", "../jldconv.toml", "--progress", "json", "--yes"])
            .output()
            .unwrap();
        printed(&output)
    };
    let first = run();
    assert!(has_level(&at("out/output_00001.jld2")), "{first}");
    let stat = || fs::metadata(at("out/output_00001.jld2")).unwrap().modified().unwrap();
    let (before, written) = (fs::read(at("out/output_00001.jld2")).unwrap(), stat());
    run();
    assert_eq!(stat(), written);
    // Another level in the codec object: another output.
    assert!(target.contains("{ int32 = 0 }"));
    fs::write(at("mine.toml"), target.replace("{ int32 = 0 }", "{ int32 = 3 }")).unwrap();
    run();
    assert!(fs::read(at("out/output_00001.jld2")).unwrap() != before);
}

#[test]
fn targets_are_listed_and_shown() {
    let list = printed(&jldconv(&["target", "list", "--json"]));
    let list: Vec<Value> = list.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<_> = list.iter().map(|target| (&target["name"], &target["default"])).collect();
    let [none, one] = [false, true].map(Value::from);
    assert_eq!(names, [(&"julia-2026".into(), &none), (&"mera-1.9".into(), &one)]);
    let list = printed(&jldconv(&["target", "list"]));
    assert!(list.contains("DataFrames 1.4 to before 2"), "{list}");
    let composed = "julia-2026+OrderedCollections@2+DataFrames@1.7";
    let shown = json(&["target", "show", "--json", composed], 0);
    assert_eq!(shown["name"], composed);
    assert_eq!(shown["packages"]["DataFrames"], "1.7");
    let shown = json(&["target", "show", "--json"], 0);
    let lz4 = shown["filters"].as_array().unwrap().iter().find(|f| f["id"] == 32004).unwrap();
    assert_eq!(lz4["client_values"], serde_json::json!([0, 1]));
    let path = data("targets/lz4-level.toml");
    let shown = printed(&jldconv(&["target", "show", text(&path)]));
    assert!(shown.contains("any number of client values, written as block-size, level"), "{shown}");
    assert!(shown.contains("JLD2Lz4.Lz4Filter: 2 fields"), "{shown}");
    let last = shown.lines().rev().take_while(|line| line.starts_with("  ")).count();
    let ours = printed(&jldconv(&["target", "show"]));
    let theirs = ours.lines().rev().take_while(|line| line.starts_with("  ")).count();
    assert_eq!(last, theirs, "each of its rules takes the place of one:\n{shown}");
}

#[test]
fn a_level_of_lz4_is_seen_coming() {
    let checked = checked(&data("targets/lz4-level.jl"), 1);
    assert_eq!(checked["same"], false);
    for name in ["JLD2.Filters.Deflate", "JLD2.Filters.ZstdFilter"] {
        assert_eq!(of_type(&checked, name)["verdict"], "same");
    }
    assert_eq!(of_type(&checked, "Mera.InfoType")["verdict"], "not-given");
    let lz4 = of_type(&checked, "JLD2Lz4.Lz4Filter");
    assert_eq!(kinds(lz4), [("field-added", "level")]);
    assert_eq!(lz4["effect"], "warning");
    let to_change = lz4["to_change"].to_string();
    assert!(to_change.contains("codec.objects.lz4") && to_change.contains("mera-codec-lz4"));
    // The target that is made for it agrees.
    let (target, definitions) = (data("targets/lz4-level.toml"), data("targets/lz4-level.jl"));
    let args = ["target", "check", "--target", text(&target), "--definitions", text(&definitions)];
    let told = printed(&jldconv(&args));
    assert!(told.contains("3 types: 3 as the target says"), "{told}");
}

#[test]
fn each_kind_of_change_is_told_with_what_it_does() {
    let checked = checked(&data("targets/changed.jl"), 1);
    let grid = of_type(&checked, "Mera.GridInfoType");
    assert_eq!(
        kinds(grid),
        [("field-type-changed", "nz"), ("field-renamed", "levels"), ("fields-reordered", "")]
    );
    assert_eq!(grid["effect"], "failure", "Mera.InfoType takes nothing else: {grid}");
    let compilation = of_type(&checked, "Mera.CompilationInfoType");
    assert_eq!(kinds(compilation), [("field-removed", "last_commit"), ("mutability-changed", "")]);
    assert_eq!(compilation["effect"], "warning");
    let content = of_type(&checked, "Mera.FilesContentType");
    assert_eq!(content["verdict"], "not-found");
    assert_eq!(content["changes"][0]["defined"], "Mera.FilesContentType2");
    assert_eq!(of_type(&checked, "Mera.PartInfoType")["verdict"], "same");
    let names = of_type(&checked, "Mera.FileNamesType");
    assert!(names["doubt"].to_string().contains("@generated_fields"), "{names}");
    assert_eq!(of_type(&checked, "Mera.ScalesType003")["verdict"], "not-found");
    assert_eq!(checked["unlisted"], serde_json::json!(["Mera.FilesContentType2"]));
}

#[test]
fn packages_are_read_as_julia_includes_them() {
    let dir = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str| {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let project = |version: &str| format!("name = \"JLD2Lz4\"\nversion = \"{version}\"\n");
    // A depot with two versions; the older one would be the same.
    put("JLD2Lz4/aaaaa/Project.toml", &project("0.1.9"));
    put(
        "JLD2Lz4/aaaaa/src/JLD2Lz4.jl",
        "module JLD2Lz4\nstruct Lz4Filter; blocksize::UInt32; end\nend\n",
    );
    put("JLD2Lz4/bbbbb/Project.toml", &project("0.1.10"));
    put(
        "JLD2Lz4/bbbbb/src/JLD2Lz4.jl",
        "module JLD2Lz4\ninclude(\"parts/types.jl\")\ninclude(\"/etc/passwd\")\nend\n",
    );
    put("JLD2Lz4/bbbbb/src/parts/types.jl", "include(\"../more.jl\")\n");
    put(
        "JLD2Lz4/bbbbb/src/more.jl",
        "struct Lz4Filter; blocksize::UInt32; level::Int; end\ninclude(\"parts/types.jl\")\n",
    );
    // Not part of the package.
    put("JLD2Lz4/bbbbb/test/other.jl", "module JLD2Lz4 struct Lz4Filter end end");
    std::os::unix::fs::symlink(dir.path(), dir.path().join("JLD2Lz4/again")).unwrap();
    let checked = json(&["target", "check", "--json", "--packages", text(dir.path())], 1);
    let package = &checked["packages"][0];
    assert_eq!(package["version"], "0.1.10");
    assert_eq!(package["sources"], 3);
    assert_eq!(package["left_aside"][0]["version"], "0.1.9");
    let lz4 = of_type(&checked, "JLD2Lz4.Lz4Filter");
    assert_eq!(kinds(lz4), [("field-added", "level")]);
    assert_eq!(lz4["place"]["file"], "JLD2Lz4/src/more.jl");
    let unclear = checked["unclear"].to_string();
    assert!(unclear.contains("/etc/passwd, which is outside of the package"), "{unclear}");

    fs::remove_dir_all(dir.path().join("JLD2Lz4/bbbbb")).unwrap();
    let checked = json(&["target", "check", "--json", "--packages", text(dir.path())], 0);
    assert_eq!(checked["same"], true);
}

#[test]
fn nothing_to_compare_and_wrong_calls_have_their_codes() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("other.jl");
    fs::write(&file, "module Other struct A end end").unwrap();
    for (args, code) in [
        (vec!["--definitions", text(&file)], 4),
        (vec!["--packages", text(dir.path())], 4),
        (vec!["--definitions", "/nonexistent"], 2),
        (vec!["--packages", "/nonexistent"], 2),
        (vec!["--target", "mera-0", "--definitions", text(&file)], 2),
        (vec![], 2),
    ] {
        let args: Vec<_> = ["target", "check"].into_iter().chain(args).collect();
        assert_eq!(jldconv(&args).status.code(), Some(code), "{args:?}");
    }
    // What cannot be read is not taken for the same.
    fs::write(&file, "module JLD2Lz4\nstruct Lz4Filter\n blocksize::UInt32\nend\n\"no end")
        .unwrap();
    assert_eq!(jldconv(&["target", "check", "--definitions", text(&file)]).status.code(), Some(4));
}

/// The examples of the page, as they stand there.
#[test]
fn the_examples_of_the_page_are_good() {
    let page =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/targets.md")).unwrap();
    let blocks = |kind: &str| -> Vec<String> {
        let begin = format!("```{kind}\n");
        page.split(&begin).skip(1).map(|b| b.split("```").next().unwrap().to_owned()).collect()
    };
    let dir = tempfile::tempdir().unwrap();
    let (definitions, target) = (dir.path().join("next.jl"), dir.path().join("next.toml"));
    fs::write(&definitions, &blocks("julia")[0]).unwrap();
    let (rules, targets): (Vec<_>, Vec<_>) =
        blocks("toml").into_iter().partition(|block| block.starts_with("[[rule]]"));
    fs::write(&target, &targets[0]).unwrap();
    let output = jldconv(&["target", "check", "--definitions", text(&definitions)]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stdout).replace(text(&definitions), "next.jl");
    assert_eq!(told, blocks("text")[0]);
    let args = ["target", "check", "--target", text(&target), "--definitions", text(&definitions)];
    printed(&jldconv(&args));
    let old = data("packages/Definitions/old-oceananigans-0.95.jld2");
    for block in rules {
        fs::write(&target, block).unwrap();
        printed(&jldconv(&["rules", "test", text(&target), text(&old)]));
    }
}
