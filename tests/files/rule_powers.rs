//! Random types with parameters and numbers under rules that move, convert, reorder and edit
//! parameters, held against what these mean, and against their inverse.

use crate::common::truth::differences;
use crate::graph_file::{self, Types};
use crate::rule_graphs::{convert, dump, modes, shape, take_back};
use jldconv::convert::{Mode, Outcome};
use jldconv::h5::{Datatype, Extent};
use jldconv::julia::builder::{Build, Data, FieldStyle, NewField, ObjectRef, record};
use jldconv::julia::{JuliaType, Param};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::path::Path;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Field {
    Small,
    Single,
    Text,
    /// Refers to an array of Int32.
    Numbers,
    /// A value of an earlier type.
    Inside(usize),
    Reference,
}

#[derive(Debug, Clone)]
struct Type {
    fields: Vec<Field>,
    /// Numbers, or if there is one the type before as well.
    params: Vec<Option<i64>>,
    converts: bool,
    reorders: bool,
    /// A parameter that comes first.
    more: Option<i64>,
}

#[derive(Debug, Clone)]
enum Node {
    Value(usize, u64),
    Array(usize, usize, u64),
    Anything(Vec<usize>),
    Type(usize),
}

#[derive(Debug, Clone)]
struct Case {
    types: Vec<Type>,
    nodes: Vec<Node>,
    style: FieldStyle,
    moves: bool,
    /// Of all types or of none, so that arrays that are shared stay so.
    arrays: bool,
}

/// The arrays that fields refer to.
const ARRAYS: [&[i32]; 3] = [&[], &[7, -1], &[i32::MIN, i32::MAX, 0]];

fn case() -> impl Strategy<Value = Case> {
    let field = prop_oneof![
        Just(Field::Small),
        Just(Field::Single),
        Just(Field::Text),
        Just(Field::Numbers),
        any::<usize>().prop_map(Field::Inside),
        Just(Field::Reference),
    ];
    let params = prop::collection::vec(prop::option::of(-3..9_i64), 0..3);
    let kind = (
        prop::collection::vec(field, 0..5),
        params,
        any::<[bool; 2]>(),
        prop::option::of(-9..9_i64),
    );
    let kind = kind.prop_map(|(fields, params, [converts, reorders], more)| Type {
        fields,
        params,
        converts,
        reorders,
        more,
    });
    let number = any::<usize>;
    let node = prop_oneof![
        (number(), any::<u64>()).prop_map(|(t, seed)| Node::Value(t, seed)),
        (number(), 0..20_usize, any::<u64>()).prop_map(|(t, n, seed)| Node::Array(t, n, seed)),
        prop::collection::vec(number(), 0..5).prop_map(Node::Anything),
        number().prop_map(Node::Type),
    ];
    let styles = select(vec![FieldStyle::Datatypes, FieldStyle::NamesAndTypes]);
    let (types, nodes) = (prop::collection::vec(kind, 1..5), prop::collection::vec(node, 1..10));
    (types, nodes, styles, any::<[bool; 2]>()).prop_map(|(types, nodes, style, [moves, arrays])| {
        Case { types, nodes, style, moves, arrays }
    })
}

impl Case {
    /// Names and kinds of a type's fields as they are stored; the first is always there.
    fn fields(&self, t: usize) -> Vec<(String, Field)> {
        let inside = |field: &Field| match field {
            Field::Inside(_) if t == 0 => Field::Small,
            Field::Inside(i) => Field::Inside(i % t),
            other => *other,
        };
        let named = self.types[t].fields.iter().enumerate();
        let named = named.map(|(i, field)| (format!("f{i}"), inside(field)));
        [("id".to_owned(), Field::Small)].into_iter().chain(named).collect()
    }

    /// Whether a rule brings a type's fields into another order. Where values share others, which of
    /// them is told first depends on that, so these stay as they are.
    fn reorders(&self, t: usize) -> bool {
        let shares = |field: &Field| matches!(field, Field::Numbers | Field::Reference);
        self.types[t].reorders && !self.types.iter().any(|t| t.fields.iter().any(shares))
    }

    /// A type, as it is stored or as the rules make it.
    fn type_of(&self, t: usize, after: bool) -> JuliaType {
        let Type { params, more, .. } = &self.types[t];
        let param = |p: &Option<i64>| match (p, t) {
            (Some(i), _) => Param::Int((*i).into()),
            (None, 0) => Param::Type(JuliaType::plain("Core.Float64")),
            (None, _) => Param::Type(self.type_of(t - 1, after)),
        };
        let more = more.filter(|_| after).map(|i| Param::Int(i.into()));
        let params = more.into_iter().chain(params.iter().map(param)).collect();
        let module = if after && self.moves { "Pkg" } else { "Main" };
        JuliaType::Named { name: format!("{module}.T{t}"), params }
    }

    /// The rules, or those that take them back.
    fn rules(&self, back: bool) -> String {
        let mut text = String::new();
        let (from, to) = if back { ("Pkg", "Main") } else { ("Main", "Pkg") };
        for (t, Type { params, converts, more, .. }) in self.types.iter().enumerate() {
            let module = if self.moves { from } else { "Main" };
            let mut body = String::new();
            let numbers =
                if back { ["Int32", "Float32", "String"] } else { ["Int64", "Float64", "Symbol"] };
            let mut convert = Vec::new();
            for (name, field) in self.fields(t) {
                let to = match field {
                    Field::Small if *converts => numbers[0].to_owned(),
                    Field::Single if *converts => numbers[1].to_owned(),
                    Field::Text if *converts => numbers[2].to_owned(),
                    Field::Numbers if self.arrays => format!("Vector{{{}}}", numbers[0]),
                    _ => continue,
                };
                convert.push(format!("{name} = \"{to}\""));
            }
            if !convert.is_empty() {
                writeln!(body, "convert = {{ {} }}", convert.join(", ")).unwrap();
            }
            if self.reorders(t) {
                let names: Vec<_> =
                    self.ordered(t, !back).into_iter().map(|n| format!("{n:?}")).collect();
                writeln!(body, "order = [{}]", names.join(", ")).unwrap();
            }
            let mut when = String::new();
            if let Some(more) = more {
                let (count, first) = if back { (params.len() + 1, 2) } else { (params.len(), 1) };
                let kept = (first..first + params.len()).map(|i| format!("{{ keep = {i} }}"));
                let new = (!back).then(|| format!("{{ int64 = {more} }}"));
                let edits: Vec<_> = new.into_iter().chain(kept).collect();
                writeln!(when, "when = {{ parameters = {count} }}").unwrap();
                writeln!(body, "parameters = [{}]", edits.join(", ")).unwrap();
            }
            if !body.is_empty() {
                let rule =
                    format!("[[rule]]\nid = \"t{t}\"\nfrom = [\"{module}.T{t}\"]\n{when}{body}");
                text.push_str(&rule);
            }
        }
        if self.moves {
            let rule =
                format!("[[rule]]\nid = \"move\"\nfrom = [\"{from}.T*\"]\nto = \"{to}.T*\"\n");
            text.push_str(&rule);
        }
        text
    }

    fn ordered(&self, t: usize, after: bool) -> Vec<String> {
        let mut names: Vec<_> = self.fields(t).into_iter().map(|(name, _)| name).collect();
        if after && self.reorders(t) {
            names.reverse();
        }
        names
    }

    /// The text with the types' new names. Those that hold others come first.
    fn renamed(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let names = |t: usize| [false, true].map(|after| self.type_of(t, after).to_string());
        for t in (0..self.types.len()).rev() {
            text = text.replace(&names(t)[0], &format!("\u{1}{t}\u{2}"));
        }
        for t in 0..self.types.len() {
            text = text.replace(&format!("\u{1}{t}\u{2}"), &names(t)[1]);
        }
        text
    }

    fn changed(&self, node: &Value) -> Value {
        match node {
            Value::String(text) => self.renamed(text).into(),
            Value::Array(items) => items.iter().map(|item| self.changed(item)).collect(),
            Value::Object(map) => {
                let text = map.get("t").and_then(Value::as_str).unwrap_or_default();
                let t = (0..self.types.len()).find(|t| self.type_of(*t, false).to_string() == text);
                let mut out = Map::new();
                for (key, value) in map {
                    let changed = match (key.as_str(), t, value.as_object()) {
                        ("fields", Some(t), Some(fields)) => self.changed_fields(t, fields),
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
        let kinds = self.fields(t);
        let converts = self.types[t].converts;
        let mut out = Map::new();
        for name in self.ordered(t, true) {
            let (_, kind) = kinds.iter().find(|(n, _)| *n == name).unwrap();
            let mut value = self.changed(&fields[&name]);
            match kind {
                Field::Small if converts => value["t"] = "Core.Int64".into(),
                Field::Text if converts => value["t"] = "Core.Symbol".into(),
                Field::Single if converts => {
                    let bits = value["v"].as_str().unwrap().strip_prefix("0x").unwrap().to_owned();
                    let single = f32::from_bits(u32::from_str_radix(&bits, 16).unwrap());
                    value = serde_json::json!({
                        "t": "Core.Float64",
                        "v": format!("0x{:016x}", f64::from(single).to_bits()),
                    });
                }
                Field::Numbers if self.arrays && value.get("sha256").is_some() => {
                    let before = value["sha256"].clone();
                    let bytes = |array: &[i32]| {
                        array.iter().flat_map(|i| i.to_le_bytes()).collect::<Vec<u8>>()
                    };
                    let array = ARRAYS.iter().find(|array| before == hex(&bytes(array))).unwrap();
                    let wide: Vec<u8> =
                        array.iter().flat_map(|i| i64::from(*i).to_le_bytes()).collect();
                    value["t"] = "Core.Array{Core.Int64,1}".into();
                    value["sha256"] = hex(&wide).into();
                }
                _ => {}
            }
            out.insert(name, value);
        }
        out.into()
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap();
        out
    })
}

struct Made<'m, 'b> {
    case: &'m Case,
    build: &'m mut Build<'b>,
    types: Vec<(ObjectRef, Vec<NewField>)>,
    all: &'m [ObjectRef],
}

impl Made<'_, '_> {
    fn commit_types(&mut self) {
        for t in 0..self.case.types.len() {
            let fields = self.case.fields(t).into_iter().map(|(name, field)| {
                let (datatype, committed) = match field {
                    Field::Small => (Datatype::integer(4, true), None),
                    Field::Single => (Datatype::float32(), None),
                    Field::Text => (Datatype::vlen_string(), None),
                    Field::Numbers | Field::Reference => (Datatype::reference(), None),
                    Field::Inside(i) => (record(&self.types[i].1), Some(self.types[i].0)),
                };
                NewField { name, datatype: Some(datatype), committed }
            });
            let fields: Vec<_> = fields.collect();
            let t = self.case.type_of(t, false);
            let made = self.build.find_or_commit_record(&t, &fields).unwrap();
            self.types.push((made, fields));
        }
    }

    fn value(&mut self, t: usize, seed: u64, out: &mut Data) {
        for (i, (_, field)) in self.case.fields(t).into_iter().enumerate() {
            let seed = seed.wrapping_mul(31).wrapping_add(i as u64);
            let [a, b, c, d, ..] = seed.to_le_bytes();
            match field {
                Field::Small => out.push(&Data::new([a, b, c, d])),
                Field::Single => out.push(&Data::new((f32::from(a) / 3.0).to_le_bytes())),
                Field::Text => out.push(&self.build.text(&format!("text {seed}"))),
                Field::Numbers if d == 0 => out.push(&Data::new([0; 8])),
                Field::Numbers => {
                    out.push(&Data::reference(self.all[usize::from(b) % ARRAYS.len()]));
                }
                Field::Reference => {
                    let others = &self.all[ARRAYS.len()..];
                    out.push(&Data::reference(others[usize::from(b) % others.len()]));
                }
                Field::Inside(inner) => self.value(inner, seed, out),
            }
        }
    }

    fn arrays(&mut self) -> Vec<ObjectRef> {
        let int = Datatype::integer(4, true);
        let array = |array: &&[i32]| {
            let data = Data::new(array.iter().flat_map(|i| i.to_le_bytes()).collect::<Vec<u8>>());
            let dims = [array.len() as u64];
            self.build.any_dataset(None, Some(&int), Extent::Simple, &dims, &data)
        };
        ARRAYS.iter().map(array).collect()
    }

    fn node(&mut self, node: &Node) -> ObjectRef {
        let count = self.types.len();
        match node {
            Node::Value(t, seed) => {
                let mut data = Data::default();
                self.value(t % count, *seed, &mut data);
                self.build.dataset(Some(self.types[t % count].0), None, &data)
            }
            Node::Array(t, n, seed) => {
                let mut data = Data::default();
                (0..*n).for_each(|i| self.value(t % count, seed.wrapping_add(i as u64), &mut data));
                let (t, dims) = (self.types[t % count].0, [*n as u64]);
                self.build.any_dataset(Some(t), None, Extent::Simple, &dims, &data)
            }
            Node::Anything(targets) => {
                let mut data = Data::default();
                let others = &self.all[ARRAYS.len()..];
                targets.iter().for_each(|t| data.push(&Data::reference(others[t % others.len()])));
                let (reference, dims) = (Datatype::reference(), [targets.len() as u64]);
                self.build.any_dataset(None, Some(&reference), Extent::Simple, &dims, &data)
            }
            Node::Type(t) => {
                let value = self.build.type_value(&self.case.type_of(t % count, false)).unwrap();
                let datatype = self.build.find(&JuliaType::plain("Core.DataType"));
                self.build.dataset(datatype, None, &value)
            }
        }
    }
}

fn write(case: &Case, path: &Path) {
    let make = |build: &mut Build<'_>, all: &[ObjectRef]| {
        let mut made = Made { case, build, types: Vec::new(), all };
        made.commit_types();
        let arrays = made.arrays();
        let nodes: Vec<_> = case.nodes.iter().map(|node| made.node(node)).collect();
        arrays.into_iter().chain(nodes).collect::<Vec<_>>()
    };
    let (base, count) = (graph_file::base(case.style), ARRAYS.len() + case.nodes.len());
    graph_file::write(&base, Types::OfTypes, case.style, count, path, make);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn powers_do_what_they_say_and_can_be_taken_back(
        case in case(),
        modes in modes(),
        portable in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let files = ["1.jld2", "2.jld2", "3.jld2", "4.jld2"].map(|n| dir.path().join(n));
        let [first, second, third, fourth] = &files;
        write(&case, first);
        let (before, rules) = (dump(first), case.rules(false));
        convert(first, second, &rules, modes[0], portable);
        let after = dump(second);
        let wanted = case.changed(&before);
        prop_assert_eq!(differences(&wanted, &after), Vec::<String>::new(), "{}", rules);
        let outcome = convert(second, third, &rules, Mode::Auto, portable);
        prop_assert_eq!(outcome, Outcome::Unchanged, "{}", rules);
        convert(second, fourth, &case.rules(true), modes[1], portable);
        let back = dump(fourth);
        prop_assert_eq!(differences(&before, &back), Vec::<String>::new(), "{}", rules);
        prop_assert_eq!(shape(&before), shape(&back));
        take_back(fourth, second, modes[1]);
        take_back(second, first, modes[0]);
    }
}
