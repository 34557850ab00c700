//! Random graphs of random types under random rules, held against what the rules mean: worked out
//! on the values as they are printed, and not by the code that changes files.

use crate::common::truth::differences;
use crate::graph_file::{self, Types};
use crate::rules::jldconv;
use crate::runner::printed;
use jldconv::convert::{Converter, Job, Mode, Options, Outcome, Silent, VerifyLevel};
use jldconv::h5::{Datatype, Extent};
use jldconv::julia::builder::{Build, Data, FieldStyle, NewField, ObjectRef, record};
use jldconv::julia::{JuliaType, Param};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// A field of a type.
#[derive(Debug, Clone)]
enum Field {
    Int,
    Text,
    /// Refers to a value.
    Reference,
    /// A value of an earlier type, inside.
    Inside(usize),
    /// Takes no bytes; only files of JLD2 0.5 and later tell of it.
    Nothing,
    /// Holds a type.
    Type(usize),
}

/// A struct type. Its first field is a number that no rule takes away.
#[derive(Debug, Clone)]
struct Type {
    fields: Vec<Field>,
    /// The type of which it is a parameter of one more type, which holds a value of it.
    boxed: bool,
}

/// An object; numbers are places in the lists of types and objects.
#[derive(Debug, Clone)]
enum Node {
    Value(usize, u64),
    Array(usize, usize, u64),
    Boxed(usize, u64),
    Anything(Vec<usize>),
    Type(usize),
}

/// What a rule does to a type.
#[derive(Debug, Clone)]
struct Change {
    moved: bool,
    /// Fields, by number: renamed, dropped.
    renamed: Option<usize>,
    dropped: Option<usize>,
    added: Vec<usize>,
}

const ADDED: [(&str, &str); 6] = [
    ("{ int32 = 5 }", r#"{"t":"Core.Int32","v":5}"#),
    ("{ string = \"λ\" }", r#"{"t":"Core.String","v":"λ"}"#),
    ("\"nothing\"", r#"{"t":"Core.Nothing","fields":{}}"#),
    ("\"missing\"", r#"{"t":"Base.Missing","fields":{}}"#),
    ("{ symbol = \"s\" }", r#"{"t":"Core.Symbol","v":"s"}"#),
    (
        "{ named-tuple = [[\"x\", \"nothing\"], [\"y\", { bool = true }]] }",
        r#"{"t":"Core.NamedTuple{(:x,:y),Core.Tuple{Core.Nothing,Core.Bool}}",
            "fields":{"x":{"t":"Core.Nothing","fields":{}},"y":{"t":"Core.Bool","v":true}}}"#,
    ),
];

fn field() -> impl Strategy<Value = Field> {
    prop_oneof![
        Just(Field::Int),
        Just(Field::Text),
        Just(Field::Reference),
        any::<usize>().prop_map(Field::Inside),
        any::<usize>().prop_map(Field::Inside),
        Just(Field::Nothing),
        any::<usize>().prop_map(Field::Type),
    ]
}

fn node() -> impl Strategy<Value = Node> {
    let number = any::<usize>;
    prop_oneof![
        (number(), any::<u64>()).prop_map(|(t, seed)| Node::Value(t, seed)),
        (number(), 0..40_usize, any::<u64>()).prop_map(|(t, n, seed)| Node::Array(t, n, seed)),
        (number(), any::<u64>()).prop_map(|(t, seed)| Node::Boxed(t, seed)),
        prop::collection::vec(number(), 0..6).prop_map(Node::Anything),
        number().prop_map(Node::Type),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let some = || prop::option::of(any::<usize>());
    let added = prop::collection::vec(0..ADDED.len(), 0..3);
    (any::<bool>(), some(), some(), added).prop_map(|(moved, renamed, dropped, added)| Change {
        moved,
        renamed,
        dropped,
        added,
    })
}

/// A number of a list, from any number.
fn of(number: usize, count: usize) -> usize {
    number % count.max(1)
}

/// Whether a type goes by another name, the names of the fields that are renamed and dropped, and
/// those that are added with the numbers of their values.
type Plan = (bool, Option<String>, Option<String>, Vec<(String, usize)>);

/// Types, objects and rules.
#[derive(Debug, Clone)]
struct Case {
    types: Vec<Type>,
    nodes: Vec<Node>,
    changes: Vec<Change>,
    style: FieldStyle,
}

fn case() -> impl Strategy<Value = Case> {
    let types = prop::collection::vec(
        (prop::collection::vec(field(), 0..5), any::<bool>())
            .prop_map(|(fields, boxed)| Type { fields, boxed }),
        1..6,
    );
    let styles = select(vec![FieldStyle::Datatypes, FieldStyle::NamesAndTypes]);
    let nodes = prop::collection::vec(node(), 1..14);
    (types, nodes, styles).prop_flat_map(|(types, nodes, style)| {
        let changes = prop::collection::vec(change(), types.len());
        changes.prop_map(move |changes| Case {
            types: types.clone(),
            nodes: nodes.clone(),
            changes,
            style,
        })
    })
}

impl Case {
    /// The fields of a type, the first one and then those that the file can tell of.
    fn fields(&self, t: usize) -> Vec<(String, Field)> {
        let known =
            |f: &&Field| !(self.style == FieldStyle::Datatypes && matches!(f, Field::Nothing));
        let more = self.types[t].fields.iter().filter(known).map(|f| match f {
            // Only earlier types stand inside; the first type has none.
            Field::Inside(_) if t == 0 => Field::Int,
            Field::Inside(inner) => Field::Inside(of(*inner, t)),
            Field::Type(other) => Field::Type(of(*other, self.types.len())),
            other => other.clone(),
        });
        let all = std::iter::once(Field::Int).chain(more).enumerate();
        all.map(|(i, f)| (format!("f{i}"), f)).collect()
    }

    /// The rule for a type, if it does anything: its text.
    fn rule(&self, t: usize) -> Option<String> {
        let (moved, renamed, dropped, added) = self.plan(t);
        if !moved && renamed.is_none() && dropped.is_none() && added.is_empty() {
            return None;
        }
        let mut text = format!("[[rule]]\nid = \"r{t}\"\nfrom = [\"Main.T{t}\"]\n");
        if moved {
            writeln!(text, "to = \"Pkg.U{t}\"").unwrap();
        }
        if let Some(name) = renamed {
            writeln!(text, "rename = {{ {name} = \"g\" }}").unwrap();
        }
        if let Some(name) = dropped {
            writeln!(text, "drop = [\"{name}\"]").unwrap();
        }
        let added: Vec<_> =
            added.iter().map(|(name, a)| format!("[\"{name}\", {}]", ADDED[*a].0)).collect();
        if !added.is_empty() {
            writeln!(text, "add = [{}]", added.join(", ")).unwrap();
        }
        Some(text)
    }

    /// What a rule does to a type.
    fn plan(&self, t: usize) -> Plan {
        let (change, fields) = (&self.changes[t], self.fields(t));
        let name = |i: usize| fields[of(i, fields.len())].0.clone();
        let renamed = change.renamed.map(name);
        // The first stays, so that there is something left; and what others refer to, since it would
        // be printed elsewhere.
        let dropped = change.dropped.map(|i| of(i, fields.len()));
        let dropped = dropped.filter(|i| *i > 0 && !self.refers(&fields[*i].1));
        let dropped = dropped.map(name).filter(|n| Some(n) != renamed.as_ref());
        let added = change.added.iter().enumerate().map(|(i, a)| (format!("new{i}"), *a));
        (change.moved, renamed, dropped, added.collect())
    }

    /// Whether values of a field lead to others.
    fn refers(&self, field: &Field) -> bool {
        match field {
            Field::Reference => true,
            Field::Inside(t) => self.fields(*t).iter().any(|(_, field)| self.refers(field)),
            _ => false,
        }
    }

    fn rules(&self) -> String {
        (0..self.types.len()).filter_map(|t| self.rule(t)).collect()
    }

    /// Rules that take back what the rules did where nothing is lost.
    fn inverse(&self) -> String {
        let mut text = String::new();
        for t in 0..self.types.len() {
            let (moved, renamed, _, added) = self.plan(t);
            if self.rule(t).is_none() {
                continue;
            }
            let name = if moved { format!("Pkg.U{t}") } else { format!("Main.T{t}") };
            write!(text, "[[rule]]\nid = \"r{t}\"\nfrom = [\"{name}\"]\n").unwrap();
            if moved {
                writeln!(text, "to = \"Main.T{t}\"").unwrap();
            }
            if let Some(name) = renamed {
                writeln!(text, "rename = {{ g = \"{name}\" }}").unwrap();
            }
            let names: Vec<_> = added.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            if !names.is_empty() {
                writeln!(text, "drop = [{}]", names.join(", ")).unwrap();
            }
        }
        text
    }

    fn without_drops(&self) -> Self {
        let mut out = self.clone();
        out.changes.iter_mut().for_each(|change| change.dropped = None);
        out
    }

    /// What the rules make of a printed value.
    fn changed(&self, node: &Value) -> Value {
        match node {
            Value::String(text) => self.renamed(text).into(),
            Value::Array(items) => items.iter().map(|item| self.changed(item)).collect(),
            Value::Object(map) => {
                let t = map.get("t").and_then(Value::as_str).unwrap_or_default();
                let number = t.strip_prefix("Main.T").and_then(|n| n.parse::<usize>().ok());
                let mut out = Map::new();
                for (key, value) in map {
                    let changed = match (key.as_str(), number, value.as_object()) {
                        ("fields", Some(number), Some(fields)) => {
                            self.changed_fields(number, fields)
                        }
                        // Names of fields are not those of types.
                        ("fields", None, Some(fields)) => {
                            fields.iter().map(|(k, v)| (k.clone(), self.changed(v))).collect()
                        }
                        _ => self.changed(value),
                    };
                    out.insert(key.clone(), changed);
                }
                out.into()
            }
            other => other.clone(),
        }
    }

    fn changed_fields(&self, t: usize, fields: &Map<String, Value>) -> Value {
        let (_, renamed, dropped, added) = self.plan(t);
        let mut out = Map::new();
        for (name, value) in fields {
            if Some(name) == dropped.as_ref() {
                continue;
            }
            let to = if Some(name) == renamed.as_ref() { "g" } else { name };
            out.insert(to.to_owned(), self.changed(value));
        }
        for (name, a) in added {
            out.insert(name, serde_json::from_str(ADDED[a].1).unwrap());
        }
        out.into()
    }

    fn renamed(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (t, change) in self.changes.iter().enumerate() {
            if change.moved {
                text = text.replace(&format!("Main.T{t}"), &format!("Pkg.U{t}"));
            }
        }
        text
    }
}

/// What is built so far.
struct Made<'m, 'b> {
    case: &'m Case,
    build: &'m mut Build<'b>,
    types: Vec<(ObjectRef, Vec<NewField>)>,
    all: &'m [ObjectRef],
}

impl Made<'_, '_> {
    fn type_name(t: usize) -> JuliaType {
        JuliaType::plain(format!("Main.T{t}"))
    }

    fn commit_types(&mut self) {
        for t in 0..self.case.types.len() {
            let fields: Vec<_> = self.case.fields(t).into_iter().map(|f| self.field(f)).collect();
            let made = self.build.find_or_commit_record(&Self::type_name(t), &fields).unwrap();
            self.types.push((made, fields));
        }
    }

    fn field(&mut self, (name, field): (String, Field)) -> NewField {
        let (datatype, committed) = match field {
            Field::Int => (Some(Datatype::integer(8, true)), None),
            Field::Text => (Some(Datatype::vlen_string()), None),
            Field::Reference => (Some(Datatype::reference()), None),
            Field::Inside(t) => (Some(record(&self.types[t].1)), Some(self.types[t].0)),
            Field::Nothing => {
                let nothing = JuliaType::plain("Core.Nothing");
                (None, Some(self.build.find_or_commit_empty(&nothing).unwrap()))
            }
            Field::Type(_) => {
                let fields = [("name", Datatype::vlen_string()), ("parameters", references())];
                let fields = fields.map(|(name, datatype)| NewField {
                    name: name.into(),
                    datatype: Some(datatype),
                    committed: None,
                });
                (Some(record(&fields)), self.build.find(&JuliaType::plain("Core.DataType")))
            }
        };
        NewField { name, datatype, committed }
    }

    fn value(&mut self, t: usize, seed: u64, out: &mut Data) {
        for (i, (_, field)) in self.case.fields(t).into_iter().enumerate() {
            let seed = seed.wrapping_mul(31).wrapping_add(i as u64);
            match field {
                Field::Int => out.push(&Data::new(seed.to_le_bytes())),
                Field::Text => out.push(&self.build.text(&format!("text {seed}"))),
                Field::Reference => out.push(&Data::reference(self.to(usize_of(seed)))),
                Field::Inside(inner) => self.value(inner, seed, out),
                Field::Nothing => {}
                Field::Type(other) => {
                    let value = self.build.type_value(&Self::type_name(other)).unwrap();
                    out.push(&value);
                }
            }
        }
    }

    fn to(&self, number: usize) -> ObjectRef {
        self.all[of(number, self.all.len())]
    }

    fn node(&mut self, node: &Node) -> ObjectRef {
        let count = self.types.len();
        match node {
            Node::Value(t, seed) => {
                let mut data = Data::default();
                self.value(of(*t, count), *seed, &mut data);
                self.build.dataset(Some(self.types[of(*t, count)].0), None, &data)
            }
            Node::Array(t, n, seed) => {
                let t = of(*t, count);
                let mut data = Data::default();
                for i in 0..*n {
                    self.value(t, seed.wrapping_add(i as u64), &mut data);
                }
                let dims = [*n as u64];
                self.build.any_dataset(Some(self.types[t].0), None, Extent::Simple, &dims, &data)
            }
            Node::Boxed(t, seed) => {
                let t = of(*t, count);
                let named = if self.case.types[t].boxed { "Main.Box" } else { "Base.RefValue" };
                let params = vec![Param::Type(Self::type_name(t))];
                let named = JuliaType::Named { name: named.into(), params };
                let inside = self.field(("v".into(), Field::Inside(t)));
                let committed = self.build.find_or_commit_record(&named, &[inside]).unwrap();
                let mut data = Data::default();
                self.value(t, *seed, &mut data);
                self.build.dataset(Some(committed), None, &data)
            }
            Node::Anything(targets) => {
                let mut data = Data::default();
                targets.iter().for_each(|t| data.push(&Data::reference(self.to(*t))));
                let dims = [targets.len() as u64];
                let reference = Datatype::reference();
                self.build.any_dataset(None, Some(&reference), Extent::Simple, &dims, &data)
            }
            Node::Type(t) => {
                let value = self.build.type_value(&Self::type_name(of(*t, count))).unwrap();
                let datatype = self.build.find(&JuliaType::plain("Core.DataType"));
                self.build.dataset(datatype, None, &value)
            }
        }
    }
}

fn references() -> Datatype {
    Datatype::vlen_references()
}

fn usize_of(seed: u64) -> usize {
    usize::try_from(seed >> 8).unwrap_or(0)
}

/// The file `base` with nothing but its types and the case's.
fn write(case: &Case, path: &Path) {
    let make = |build: &mut Build<'_>, all: &[ObjectRef]| {
        let mut made = Made { case, build, types: Vec::new(), all };
        made.commit_types();
        case.nodes.iter().map(|node| made.node(node)).collect::<Vec<_>>()
    };
    let base = graph_file::base(case.style);
    graph_file::write(&base, Types::OfTypes, case.style, case.nodes.len(), path, make);
}

pub(crate) fn dump(path: &Path) -> Value {
    serde_json::from_str(&graph_file::dump(path)).unwrap()
}

/// Converts with these rules and checks everything that can be checked.
pub(crate) fn convert(
    input: &Path,
    output: &Path,
    rules: &str,
    mode: Mode,
    portable: bool,
) -> Outcome {
    try_convert(input, output, rules, mode, portable).unwrap()
}

/// How files are converted.
pub(crate) fn modes() -> impl Strategy<Value = [Mode; 2]> {
    prop::array::uniform2(select(vec![Mode::Patch, Mode::Rewrite, Mode::InPlace]))
}

pub(crate) fn try_convert(
    input: &Path,
    output: &Path,
    rules: &str,
    mode: Mode,
    portable: bool,
) -> Result<Outcome, String> {
    let dir = input.parent().unwrap();
    let mut options =
        Options { mode, portable, verify: Some(VerifyLevel::Content), ..Options::default() };
    if !rules.is_empty() {
        let path = dir.join("rules.toml");
        fs::write(&path, rules).unwrap();
        options.rules = vec![path];
    }
    let mut job = Job {
        input: input.to_owned(),
        output: output.to_owned(),
        temp_dir: dir.to_owned(),
        temp_name: "temporary".into(),
    };
    if mode == Mode::InPlace {
        fs::copy(input, output).unwrap();
        job.input.clone_from(&job.output);
    }
    let report = Converter::new(options).unwrap().convert(&job, &Silent);
    report.map(|report| report.outcome).map_err(|failure| format!("{rules}\n{failure:?}"))
}

/// What was done in place is undone, to the bytes of the file that it was done to, unless nothing was.
pub(crate) fn take_back(changed: &Path, from: &Path, mode: Mode) {
    let undo = format!("{}.jldconv-undo", changed.to_str().unwrap());
    if mode == Mode::InPlace && Path::new(&undo).exists() {
        printed(&jldconv(&["undo", changed.to_str().unwrap()]));
        assert!(fs::read(changed).unwrap() == fs::read(from).unwrap(), "not undone");
    }
}

/// How many objects there are, by what refers to them: sharing must stay.
pub(crate) fn shape(dump: &Value) -> BTreeMap<&str, usize> {
    dump.as_object().unwrap().iter().map(|(path, node)| (path.as_str(), refs(node))).collect()
}

fn refs(node: &Value) -> usize {
    match node {
        Value::Object(map) => {
            usize::from(map.contains_key("ref")) + map.values().map(refs).sum::<usize>()
        }
        Value::Array(items) => items.iter().map(refs).sum(),
        _ => 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn rules_do_to_every_value_what_they_say(
        case in case(),
        modes in modes(),
        portable in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let [first, second, third] = ["1.jld2", "2.jld2", "3.jld2"].map(|n| dir.path().join(n));
        write(&case, &first);
        let before = dump(&first);
        let rules = case.rules();
        convert(&first, &second, &rules, modes[0], portable);
        let after = dump(&second);
        prop_assert_eq!(differences(&case.changed(&before), &after), Vec::<String>::new());
        let outcome = convert(&second, &third, &rules, Mode::Auto, portable);
        prop_assert_eq!(outcome, Outcome::Unchanged, "{}", rules);
        take_back(&second, &first, modes[0]);
    }

    #[test]
    fn the_inverse_rules_give_the_values_back(
        case in case(),
        modes in modes(),
        portable in any::<bool>(),
    ) {
        let case = case.without_drops();
        let dir = tempfile::tempdir().unwrap();
        let [first, second, third] = ["1.jld2", "2.jld2", "3.jld2"].map(|n| dir.path().join(n));
        write(&case, &first);
        let before = dump(&first);
        convert(&first, &second, &case.rules(), modes[0], portable);
        convert(&second, &third, &case.inverse(), modes[1], portable);
        let after = dump(&third);
        prop_assert_eq!(differences(&before, &after), Vec::<String>::new());
        prop_assert_eq!(shape(&before), shape(&after));
        take_back(&third, &second, modes[1]);
        take_back(&second, &first, modes[0]);
    }
}

#[test]
fn objects_that_refer_to_each_other_and_themselves_are_changed() {
    let link = Type { fields: vec![Field::Reference, Field::Reference], boxed: false };
    let change = Change { moved: true, renamed: Some(1), dropped: None, added: vec![2, 0] };
    // Two that refer to each other and to all others, one of them to itself.
    let nodes = vec![
        Node::Value(0, 1 << 8),
        Node::Value(0, 2 << 8),
        Node::Anything(vec![0, 1, 2, 0]),
        Node::Array(0, 3, 7 << 8),
    ];
    for style in [FieldStyle::Datatypes, FieldStyle::NamesAndTypes] {
        let (types, changes) = (vec![link.clone()], vec![change.clone()]);
        let case = Case { types, nodes: nodes.clone(), changes, style };
        for mode in [Mode::Patch, Mode::Rewrite, Mode::InPlace] {
            let dir = tempfile::tempdir().unwrap();
            let [first, second] = ["1.jld2", "2.jld2"].map(|n| dir.path().join(n));
            write(&case, &first);
            let before = dump(&first);
            assert!(shape(&before).values().all(|refs| *refs > 0), "no circles: {before}");
            assert_eq!(convert(&first, &second, &case.rules(), mode, false), Outcome::Converted);
            let wanted = case.changed(&before);
            assert_eq!(differences(&wanted, &dump(&second)), Vec::<String>::new());
            let again: PathBuf = dir.path().join("3.jld2");
            assert_eq!(
                convert(&second, &again, &case.rules(), Mode::Auto, false),
                Outcome::Unchanged
            );
        }
    }
}

/// Types that nest this deeply, one rule for the innermost, and what comes of it.
fn nested(levels: usize) -> Result<Outcome, String> {
    let one = Type { fields: vec![Field::Inside(0)], boxed: false };
    let mut types = vec![one; levels];
    for (t, known) in types.iter_mut().enumerate().skip(1) {
        known.fields = vec![Field::Inside(t - 1)];
    }
    let none = Change { moved: false, renamed: None, dropped: None, added: Vec::new() };
    let mut changes = vec![none; levels];
    changes[0].added = vec![0];
    let nodes = vec![Node::Value(levels - 1, 1)];
    let case = Case { types, nodes, changes, style: FieldStyle::NamesAndTypes };
    let dir = tempfile::tempdir().unwrap();
    let [first, second] = ["1.jld2", "2.jld2"].map(|n| dir.path().join(n));
    write(&case, &first);
    try_convert(&first, &second, &case.rules(), Mode::Patch, false)
}

#[test]
fn types_nest_deeply_but_not_without_end() {
    assert_eq!(nested(30).unwrap(), Outcome::Converted);
    let error = nested(100).unwrap_err();
    assert!(error.contains("levels"), "{error}");
}
