//! A user's rules, carried out by the real program on files that real JLD2 wrote: a type is one
//! thing wherever it is stored.

use crate::common::truth::differences;
use crate::runner::{printed, python, run};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const MODES: [&str; 3] = ["patch", "in-place", "rewrite"];

pub(crate) fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

pub(crate) fn jldconv(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_jldconv")).args(args).output().unwrap()
}

pub(crate) fn dump(file: &Path) -> Value {
    let output = jldconv(&["dump", "--json", file.to_str().unwrap()]);
    serde_json::from_str(&printed(&output)).unwrap()
}

/// A place to convert in.
pub(crate) struct World {
    dir: TempDir,
    pub(crate) input: PathBuf,
    /// What tells rules and target.
    given: Vec<String>,
}

impl World {
    pub(crate) fn new(input: &Path, rules: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rules.toml");
        fs::write(&path, rules).unwrap();
        let given = vec!["--rules".to_owned(), path.to_str().unwrap().to_owned()];
        Self { dir, input: input.to_owned(), given }
    }

    /// With the rules of a target alone.
    pub(crate) fn to(input: &Path, target: &str) -> Self {
        let given = vec!["--target".to_owned(), target.to_owned()];
        Self { dir: tempfile::tempdir().unwrap(), input: input.to_owned(), given }
    }

    /// With a target beside the rules.
    pub(crate) fn and_to(mut self, target: &str) -> Self {
        self.given.extend(["--target".to_owned(), target.to_owned()]);
        self
    }

    /// A file and rules of `tests/data/failing`.
    fn of(input: &str, rules: &str) -> Self {
        let here = data().join("failing");
        let rules = fs::read_to_string(here.join(rules)).unwrap();
        Self::new(&here.join(input), &rules)
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn try_convert(&self, input: &Path, output: &Path, mode: &str) -> Output {
        let paths = [input.to_str().unwrap(), output.to_str().unwrap()];
        let mut args = vec!["convert", "--mode", mode, "--verify", "content"];
        args.extend(self.given.iter().map(String::as_str));
        if mode == "in-place" {
            fs::copy(input, output).unwrap();
            args.push(paths[1]);
        } else {
            args.extend(paths);
        }
        jldconv(&args)
    }

    /// Converts, checks that the output needs nothing more, and gives it.
    pub(crate) fn convert(&self, mode: &str) -> PathBuf {
        let output = self.at(&format!("{mode}.jld2"));
        let told = printed(&self.try_convert(&self.input, &output, mode));
        assert!(told.contains(": converted ("), "{told}");
        let again = self.try_convert(&output, &self.at(&format!("{mode}-again.jld2")), "auto");
        assert!(printed(&again).contains(": unchanged ("), "{mode}: {}", printed(&again));
        output
    }

    /// Whether the two files are equal but for what the rules explain.
    fn explained(&self, output: &Path) -> String {
        let files = [self.input.to_str().unwrap(), output.to_str().unwrap()];
        let given = self.given.iter().map(String::as_str);
        printed(&jldconv(&["verify"].into_iter().chain(given).chain(files).collect::<Vec<_>>()))
    }

    /// What the outputs of all modes hold, which is the same.
    pub(crate) fn outputs(&self) -> Value {
        let all = MODES.map(|mode| self.convert(mode));
        readable(&all);
        for file in &all {
            let told = self.explained(file);
            assert!(told.starts_with("equal but for what rules explain: "), "{told}");
        }
        let [patch, in_place, rewrite] = all.map(|file| dump(&file));
        assert_eq!(patch, in_place);
        assert_eq!(patch, rewrite);
        patch
    }

    /// Why it is refused in each mode.
    pub(crate) fn refused(&self) -> String {
        let said = MODES.map(|mode| {
            let output = self.try_convert(&self.input, &self.at(&format!("{mode}.jld2")), mode);
            assert_eq!(output.status.code(), Some(1), "{mode}: {}", printed(&output));
            assert!(mode == "in-place" || !self.at(&format!("{mode}.jld2")).exists());
            String::from_utf8_lossy(&output.stderr).into_owned()
        });
        let before = fs::read(&self.input).unwrap();
        assert!(fs::read(self.at("in-place.jld2")).unwrap() == before, "changed all the same");
        said[0].clone()
    }
}

/// What h5py tells of files that it reads as a whole.
fn read_by_h5py(files: &[PathBuf]) -> Option<String> {
    Some(printed(&run(&python()?, "whole.py", files)))
}

/// Checks that h5py and h5dump read files as a whole.
fn readable(files: &[PathBuf]) {
    read_by_h5py(files);
    if Command::new("h5dump").arg("--version").output().is_err() {
        eprintln!("not read by h5dump: it is not there (Debian: hdf5-tools)");
        return;
    }
    for file in files {
        let dumped = Command::new("h5dump").arg(file).output().unwrap();
        let error = String::from_utf8_lossy(&dumped.stderr);
        assert!(dumped.status.success() && error.is_empty(), "{}: {error}", file.display());
    }
}

/// A value without its ids.
fn plain(node: &Value) -> Value {
    match node {
        Value::Object(map) => {
            let kept = map.iter().filter(|(key, _)| *key != "id");
            kept.map(|(key, value)| (key.clone(), plain(value))).collect()
        }
        Value::Array(items) => items.iter().map(plain).collect(),
        other => other.clone(),
    }
}

fn int(value: i64) -> Value {
    json!({"t": "Core.Int64", "v": value})
}

fn empty(t: &str) -> Value {
    json!({"t": t, "fields": {}})
}

const STRUCTS: &str = "Main.RecoverableChangesInStructs.";

#[expect(clippy::needless_pass_by_value, reason = "calls are shorter so")]
fn structure(name: &str, fields: Value) -> Value {
    json!({"t": format!("{STRUCTS}{name}"), "fields": fields})
}

#[test]
fn nothing_is_added_as_a_reference_inside_others_too() {
    let out = World::of("add-nothing.jld2", "add-nothing.toml").outputs();
    let nothing = empty("Core.Nothing");
    let inner = |name| structure(name, json!({"x": int(42), "metadata": nothing}));
    let b = structure("B", json!({"a": inner("A"), "metadata": nothing}));
    let d = structure("D", json!({"c": inner("C"), "metadata": nothing}));
    assert_eq!(plain(&out), json!({"/b": b, "/d": d}));
    // Each an object of its own, to which a reference leads.
    assert!(out["/b"]["fields"]["metadata"]["id"].is_u64(), "{out}");
}

#[test]
fn named_tuples_hold_values_without_content_in_files_of_every_generation() {
    let replaced = |file: &str, rules: &str, path: &str| {
        let rules = fs::read_to_string(data().join("failing").join(rules)).unwrap();
        let rules = match path {
            "/ms" => rules.replace(&format!("{STRUCTS}B"), "Main.MissingStruct"),
            _ => rules,
        };
        World::new(&data().join("failing").join(file), &rules).outputs()[path].clone()
    };
    for (file, path) in [("add-nothing.jld2", "/b"), ("ghost-fields.jld2", "/ms")] {
        let out = replaced(file, "add-named-tuple-with-nothing.toml", path);
        let t = "Core.NamedTuple{(:x,:y),Core.Tuple{Core.Int64,Core.Nothing}}";
        let fields = json!({"x": int(1), "y": empty("Core.Nothing")});
        assert_eq!(plain(&out), json!({"t": t, "fields": fields}), "{file}");
        let out = replaced(file, "empty-struct.toml", path);
        assert_eq!(plain(&out), empty("Sim.Unit"), "{file}");
    }
}

#[test]
fn values_without_content_stand_in_every_kind_of_value() {
    let rules = r#"
        [[rule]]
        id = "all"
        from = ["Main.MissingStruct"]
        add = [
            ["missing", "missing"], ["nt", { named-tuple = [["u", "missing"], ["v", { int8 = 1 }]] }],
            ["none", { named-tuple = [["u", "nothing"]] }], ["empty", { named-tuple = [] }],
            ["unit", { struct = { type = "Sim.Unit", fields = [] } }],
            ["box", { struct = { type = "Sim.Box", fields = [["x", "nothing"], ["n", { int64 = 3 }]] } }],
        ]
    "#;
    let out = World::new(&data().join("failing/ghost-fields.jld2"), rules).outputs();
    let fields = &plain(&out["/ms"])["fields"];
    assert_eq!(fields["b"], empty("Core.Nothing"));
    assert_eq!(fields["missing"], empty("Base.Missing"));
    let nt = "Core.NamedTuple{(:u,:v),Core.Tuple{Base.Missing,Core.Int8}}";
    let one = json!({"t": "Core.Int8", "v": 1});
    assert_eq!(fields["nt"], json!({"t": nt, "fields": {"u": empty("Base.Missing"), "v": one}}));
    assert_eq!(fields["none"], empty("Core.NamedTuple{(:u),Core.Tuple{Core.Nothing}}"));
    assert_eq!(fields["empty"], empty("Core.NamedTuple{(),Core.Tuple{}}"));
    assert_eq!(fields["unit"], empty("Sim.Unit"));
    let inside = json!({"x": empty("Core.Nothing"), "n": int(3)});
    assert_eq!(fields["box"], json!({"t": "Sim.Box", "fields": inside}));
}

#[test]
fn fields_without_content_stay() {
    let number = |t: &str, v: Value| json!({"t": t, "v": v});
    let fields = |first: &str| {
        json!({
            first: number("Core.Int32", json!(1)),
            "b": empty("Core.Nothing"),
            "c": empty("Base.Missing"),
            "d": number("Core.Float64", json!("0x4000000000000000")),
        })
    };
    let mut more = fields("a");
    more["extra"] = int(-1);
    for (rules, fields) in [("ghost-fields-add", more), ("ghost-fields-rename", fields("aa"))] {
        let world = World::of("ghost-fields.jld2", &format!("{rules}.toml"));
        let out = world.outputs();
        let wanted = json!({"t": "Main.MissingStruct", "fields": fields});
        assert_eq!(plain(&out["/ms"]), wanted, "{rules}");
    }
}

#[test]
fn a_type_that_is_stored_inside_others_alone_is_renamed_there() {
    let b = |a: Value| {
        let d = structure("D", json!({"c": structure("C", json!({"x": int(42)}))}));
        json!({"/b": structure("B", json!({"a": a})), "/d": d})
    };
    let moved = World::of("inline-type.jld2", "inline-type-moved.toml").outputs();
    assert_eq!(plain(&moved), b(json!({"t": "Pkg.A", "fields": {"x": int(42)}})));
    let renamed = World::of("inline-type.jld2", "inline-type-rename-field.toml").outputs();
    assert_eq!(plain(&renamed), b(structure("A", json!({"y": int(42)}))));
}

#[test]
fn a_data_frame_of_before_1_4_becomes_todays() {
    let world = World::of("dataframe-before-1.4.jld2", "dataframe-1.4.toml");
    let before = dump(&world.input);
    let out = world.outputs();
    let mut fields = before["/res"]["fields"].clone();
    fields["metadata"] = empty("Core.Nothing");
    fields["colmetadata"] = empty("Core.Nothing");
    fields["allnotemetadata"] = json!({"t": "Core.Bool", "v": true});
    let wanted = json!({"/res": {"t": "DataFrames.DataFrame", "fields": fields}});
    assert_eq!(differences(&wanted, &out), Vec::<String>::new());
}

/// A Mera file that is converted whatever a user's rules say.
fn mera() -> PathBuf {
    data().join("mera/e4b-lz4/output_00100.jld2")
}

#[test]
fn a_struct_loses_a_field_while_what_it_refers_to_changes() {
    let rules = r#"
        [[rule]]
        id = "no-smallr"
        from = ["Mera.HydroDataType"]
        drop = ["smallr"]
    "#;
    let world = World::new(&mera(), rules);
    let mut expected: Value =
        serde_json::from_slice(&fs::read(format!("{}.expected.json", mera().display())).unwrap())
            .unwrap();
    let fields = expected["/hydro/data"]["fields"].as_object_mut().unwrap();
    assert!(fields.remove("smallr").is_some());
    // It refers to an InfoType and scales, which change themselves, and are shared.
    assert!(fields.contains_key("info") && fields.contains_key("scale"));
    assert_eq!(differences(&expected, &world.outputs()), Vec::<String>::new());
}

#[test]
fn fields_that_the_target_does_not_know_are_refused() {
    let add = |from: &str| {
        format!(
            "[[rule]]\nid = \"more\"\nfrom = [\"{from}\"]\nadd = [[\"colour\", {{ int8 = 1 }}]]\n"
        )
    };
    let exact = World::new(&mera(), &add("Mera.InfoType"));
    let refused = exact.try_convert(&exact.input, &exact.at("out.jld2"), "patch");
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("Mera.InfoType has no field \"colour\" in the target"), "{said}");
    // Which types a pattern names, only a file shows.
    let said = World::new(&mera(), &add("Mera.Info*")).refused();
    assert!(said.contains("Mera.InfoType has no field \"colour\" in the target"), "{said}");
}

#[test]
fn what_a_rule_cannot_reach_is_named() {
    let input = data().join("failing/add-nothing.jld2");
    let refused = |rule: &str| {
        let rule = format!("[[rule]]\nid = \"r\"\nfrom = [\"{STRUCTS}A\"]\n{rule}\n");
        World::new(&input, &rule).refused()
    };
    let said = refused("replace = { int64 = 1 }");
    assert!(said.contains("/b: rule r: ") && said.contains("inside those of"), "{said}");
    let said = refused("when = { at = [\"/b\"] }\nrename = { x = \"y\" }");
    assert!(said.contains("/b: rule r: ") && said.contains("a rule without `at` does"), "{said}");
    let said = refused("drop = [\"x\"]");
    assert!(said.contains("rule r: ") && said.contains("without content"), "{said}");
    let module = data().join("packages/UserModule/old-1.jld2");
    let rule = "[[rule]]\nid = \"r\"\nfrom = [\"Main.Sim.Color\"]\nadd = [[\"n\", { int8 = 1 }]]\n";
    let said = World::new(&module, rule).refused();
    assert!(said.contains("/enum: rule r: Main.Sim.Color is not a struct"), "{said}");
    let rule = "[[rule]]\nid = \"r\"\nfrom = [\"Main.Sim.Renamed\"]\nreplace = \"nothing\"\n";
    let said = World::new(&module, rule).refused();
    assert!(said.contains("rule r: "), "{said}");
}

#[test]
fn a_rule_for_one_place_leaves_the_others_alone() {
    let input = data().join("packages/UserModule/old-1.jld2");
    let rules = r#"
        [[rule]]
        id = "here"
        from = ["Main.Sim.Renamed"]
        when = { at = ["/renamed", "/group/*"] }
        to = "Main.Sim.Here"
        rename = { old_name = "new_name" }
        add = [["next", "nothing"]]
    "#;
    let world = World::new(&input, rules);
    let mut wanted = dump(&input);
    for path in ["/renamed", "/group/renamed"] {
        let number = wanted[path]["fields"]["old_name"].clone();
        let fields = json!({"a": int(1), "new_name": number, "next": empty("Core.Nothing")});
        wanted[path] = json!({"t": "Main.Sim.Here", "fields": fields});
    }
    assert_eq!(differences(&wanted, &world.outputs()), Vec::<String>::new());
}

#[test]
fn rules_follow_one_another_and_come_to_an_end() {
    let input = data().join("failing/add-nothing.jld2");
    let chain = format!(
        "[[rule]]\nid = \"one\"\nfrom = [\"{STRUCTS}A\"]\nto = \"Pkg.A\"\nrename = {{ x = \"y\" }}\n\
         [[rule]]\nid = \"two\"\nfrom = [\"Pkg.A\"]\nto = \"New.A\"\nadd = [[\"n\", {{ int64 = 7 }}]]\n"
    );
    let out = World::new(&input, &chain).outputs();
    let a = json!({"t": "New.A", "fields": {"y": int(42), "n": int(7)}});
    assert_eq!(plain(&out["/b"]["fields"]["a"]), a);
    let circle = format!(
        "[[rule]]\nid = \"one\"\nfrom = [\"{STRUCTS}A\"]\nto = \"Pkg.A\"\n\
         [[rule]]\nid = \"two\"\nfrom = [\"Pkg.A\"]\nto = \"{STRUCTS}A\"\n"
    );
    assert!(World::new(&input, &circle).refused().contains("each time a file is converted"));
    // The second time, the rule would drop what the first one made.
    let greedy = format!(
        "[[rule]]\nid = \"one\"\nfrom = [\"{STRUCTS}A\"]\nrename = {{ x = \"y\" }}\ndrop = [\"y\"]\n"
    );
    assert!(World::new(&input, &greedy).refused().contains("let `when` tell"));
    let careful = greedy.replace("rename", "when = { has = [\"x\"] }\nrename");
    let out = World::new(&input, &careful).outputs();
    assert_eq!(plain(&out["/b"]["fields"]["a"]), structure("A", json!({"y": int(42)})));
}

#[test]
fn a_compressed_array_of_changed_values_is_told() {
    // Twenty points, compressed; the values are compared by what is printed before and after.
    let input = data().join("zoo/jld2-0.6.5-zstd.jld2");
    let rules = "[[rule]]\nid = \"r\"\nfrom = [\"Zoo.Point\"]\nadd = [[\"n\", { int64 = 1 }]]\n";
    let world = World::new(&input, rules);
    let output = world.at("out.jld2");
    let told = printed(&world.try_convert(&world.input, &output, "patch"));
    assert!(told.contains("that the rule r changes is stored uncompressed"), "{told}");
    let (before, after) = (dump(&input), dump(&output));
    let items = before["/arr/points"]["items"].as_array().unwrap();
    assert_eq!(items.len(), 20);
    for (old, new) in items.iter().zip(after["/arr/points"]["items"].as_array().unwrap()) {
        let mut wanted = old.clone();
        wanted["fields"]["n"] = int(1);
        assert_eq!(plain(&wanted), plain(new));
    }
}

#[test]
fn a_rule_that_is_for_nothing_in_the_file_says_so() {
    let rules = "[[rule]]\nid = \"typo\"\nfrom = [\"Main.Partcle\"]\nto = \"Main.Particle\"\n";
    let world = World::new(&data().join("failing/add-nothing.jld2"), rules);
    let told = printed(&world.try_convert(&world.input, &world.at("out.jld2"), "patch"));
    assert!(told.contains(": unchanged ("), "{told}");
    let note = "note: /: no type in the file has a name that the rule typo is for\n";
    assert!(told.contains(note), "{told}");
}

#[test]
fn attributes_of_objects_that_move_go_with_them() {
    let Some(python) = python() else { return };
    let world = World::of("add-nothing.jld2", "add-nothing.toml");
    let input = world.at("attributes.jld2");
    fs::copy(&world.input, &input).unwrap();
    let script = "import h5py, numpy, sys\n\
                  with h5py.File(sys.argv[1], 'r+') as f:\n    \
                  f['b'].attrs['units'] = numpy.bytes_('cm')\n    f['b'].attrs['count'] = 7\n";
    let added = Command::new(python).args(["-c", script]).arg(&input).output().unwrap();
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let world = World { input, ..world };
    let files = ["patch", "rewrite"].map(|mode| world.convert(mode));
    let told = read_by_h5py(&files).unwrap();
    assert_eq!(told, "count = 7\nunits = b'cm'\n".repeat(2));
}

/// The file that a version of a user's module wrote with Julia 1.6.7 and JLD2 0.4.
fn of_a_module() -> PathBuf {
    data().join("packages/UserModule/old-1.jld2")
}

const RENAMED: &str = "[[rule]]\nid = \"renamed\"\nfrom = [\"Main.Sim.Renamed\"]\n\
     rename = { old_name = \"new_name\" }\n";

#[test]
fn rules_are_for_files_of_some_versions_alone() {
    for (when, held) in [
        ("julia = \"<1.7\"", true),
        ("julia = \"<1.6.7\"", false),
        ("julia = \">=1.6.7, <2\"", true),
        ("jld2 = \"<0.5\"", true),
        ("jld2 = \">=0.5\"", false),
        ("jld2 = \"<0.5\", julia = \">=1.7\"", false),
    ] {
        // Of one rule, and of all in the file.
        let each = format!("{RENAMED}when = {{ {when} }}\n");
        let all = format!("when = {{ {when} }}\n{RENAMED}");
        for rules in [each, all] {
            let world = World::new(&of_a_module(), &rules).and_to("julia-2026");
            if held {
                let output = world.convert("patch");
                assert!(dump(&output).to_string().contains("\"new_name\""));
                continue;
            }
            let path = world.at("rules.toml");
            let rules = path.to_str().unwrap();
            let output = world.at("out.jld2");
            let [from, to] = [world.input.to_str().unwrap(), output.to_str().unwrap()];
            let args = ["convert", "-v", "--rules", rules, "--target", "julia-2026", from, to];
            let told = printed(&jldconv(&args));
            assert!(told.contains(": unchanged ("), "{told}");
            assert!(told.contains("the rule renamed is not for this file: "), "{when}: {told}");
            let tried: Value =
                serde_json::from_str(&printed(&jldconv(&["rules", "test", "--json", rules, from])))
                    .unwrap();
            assert_eq!(tried["held-back"][0]["rule"], "renamed");
            assert_eq!(tried["unmet"], json!([]));
        }
    }
}

#[test]
fn a_value_that_another_rule_would_change_is_refused_when_planned() {
    let value = "{ struct = { type = \"Main.Sim.Moved\", fields = [[\"x\", { int64 = 1 }]] } }";
    let moves = "[[rule]]\nid = \"b\"\nfrom = [\"Main.Sim.Mov*\"]\nto = \"Main.Sim.Sub.Mov*\"\n";
    for value in [value.to_owned(), format!("{{ named-tuple = [[\"inner\", {value}]] }}")] {
        for does in [format!("add = [[\"extra\", {value}]]"), format!("replace = {value}")] {
            let from = if does.starts_with("add") { "Renamed" } else { "MOuter" };
            let rule = format!("[[rule]]\nid = \"a\"\nfrom = [\"Main.Sim.{from}\"]\n{does}\n");
            let said = World::new(&of_a_module(), &format!("{rule}{moves}")).refused();
            let wanted =
                "rule a: it gives a value of Main.Sim.Moved, which the rule b would change";
            assert!(said.contains(wanted), "{said}");
        }
    }
    // What that rule makes of it is right.
    let value = value.replace("Sim.Moved", "Sim.Sub.Moved");
    let rule = format!(
        "[[rule]]\nid = \"a\"\nfrom = [\"Main.Sim.Renamed\"]\nadd = [[\"extra\", {value}]]\n"
    );
    let world = World::new(&of_a_module(), &format!("{rule}{moves}"));
    assert!(dump(&world.convert("patch")).to_string().contains("\"extra\""));
}

#[test]
fn a_number_that_does_not_fit_is_told_as_people_write_it() {
    let rule = "[[rule]]\nid = \"r\"\nfrom = [\"Main.Sim.Retyped\"]\nconvert = { f = \"Int64\" }\n";
    let said = World::new(&of_a_module(), rule).refused();
    assert!(said.contains("expected a number that Core.Int64 holds, found 1.5"), "{said}");
}

/// A file of JLD.jl is shown for what it is; nothing else takes it.
#[test]
fn files_of_jld_are_shown_and_refused_in_clear_words() {
    let file = data().join("jld1/simulated_data.jld");
    let path = file.to_str().unwrap();
    let told = jldconv(&["inspect", path]);
    assert_eq!(told.status.code(), Some(1));
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("a file of JLD.jl, JLD2's predecessor: load it in Julia"), "{told}");
    assert!(told.contains("format      JLD 0.1.1"), "{told}");
    assert!(told.contains("data            Matrix{Float64}  1 x 20"), "{told}");
    let seen: Value =
        serde_json::from_slice(&jldconv(&["inspect", "--json", path]).stdout).unwrap();
    assert_eq!(seen["kind"], "jld1");
    let values = dump(&file);
    assert_eq!(values["/_creator/WORD_SIZE"]["v"], 64);
    let out = tempfile::tempdir().unwrap();
    let output = out.path().join("new.jld2");
    let out = output.to_str().unwrap();
    for args in [
        vec!["convert", path, out],
        vec!["verify", path, path],
        vec!["types", path],
        vec!["rules", "draft", path, path],
    ] {
        let refused = jldconv(&args);
        assert_eq!(refused.status.code(), Some(1), "{args:?}");
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains("it was written by JLD.jl (JLD version 0.1.1), not JLD2"), "{said}");
        assert!(said.contains("load it in Julia with JLD.jl and save it with JLD2"), "{said}");
    }
    assert!(!output.exists());
}
