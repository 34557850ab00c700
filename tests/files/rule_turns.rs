//! Arrays of structs that become structs of arrays, and back: on files that real JLD2 wrote of both, and on
//! random types, arrays of which stand wherever values can.

use crate::clean::clean;
use crate::common::truth::differences;
use crate::graph_file::{self, Types};
use crate::memory::watched;
use crate::packages::of_the_page;
use crate::rule_graphs::{convert, dump, modes, shape, take_back, try_convert};
use crate::rule_powers::hex;
use crate::rules::{World, data, jldconv};
use crate::runner::printed;
use jldconv::convert::{Mode, Outcome};
use jldconv::h5::{Datatype, Extent, encode, set_scratch_budget};
use jldconv::julia::builder::{Build, Data, FieldStyle, LaterPart, NewField, ObjectRef, record};
use jldconv::julia::{JuliaType, Param};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// The rules of the page that turn what is in the files of `turned`, one way or the other.
fn rules(columns: bool) -> String {
    let (way, from, to) = if columns { ("columns", "Old", "New") } else { ("rows", "New", "Old") };
    let turned = of_the_page(&format!("particles-as-{way}"));
    let holder = format!("from = [\"Main.{from}.Holder\"]\nto = \"Main.{to}.Holder\"\n");
    format!("{turned}\n[[rule]]\nid = \"holder\"\n{holder}")
}

#[test]
fn arrays_of_structs_become_structs_of_arrays_and_back() {
    let file = |name: &str| data().join("turned").join(name);
    for (before, after, columns) in [("structs", "arrays", true), ("arrays", "structs", false)] {
        for more in ["", "-deflate"] {
            let [input, wanted] = [before, after].map(|name| file(&format!("{name}{more}.jld2")));
            let world = World::new(&input, &rules(columns));
            let found = differences(&dump(&wanted), &world.outputs());
            assert_eq!(found, Vec::<String>::new(), "{before}{more}");
            let (place, bytes) = (world.at("undone.jld2"), fs::read(&input).unwrap());
            printed(&world.try_convert(&input, &place, "in-place"));
            printed(&jldconv(&["undo", place.to_str().unwrap()]));
            assert!(fs::read(&place).unwrap() == bytes, "{before}{more}: not undone");
        }
    }
}

/// What StructArrays makes of them, with its `components` in a field, is made and taken apart as well, whether
/// the target knows the package or not.
#[test]
fn arrays_of_structs_become_struct_arrays_and_back() {
    let file = |name: &str| data().join("turned").join(name);
    let there = rules(true)
        .replace("columns = \"Core.NamedTuple\"", "columns = \"StructArrays.StructArray\"")
        .replace("columns = \"Main.New.Bodies\"", "columns = \"StructArrays.StructArray\"")
        .replace("columns = \"Main.New.Records\"", "columns = \"StructArrays.StructArray\"");
    let back = |name: &str| {
        let parameter = format!("when = {{ parameter = [\"Main.Old.{name}\"] }}");
        format!(
            "[[rule]]\nid = \"{}\"\nfrom = [\"StructArrays.StructArray\"]\n{parameter}\n\
             rows = \"Main.Old.{name}\"\n",
            name.to_lowercase()
        )
    };
    let holder =
        "[[rule]]\nid = \"holder\"\nfrom = [\"Main.New.Holder\"]\nto = \"Main.Old.Holder\"\n";
    let back = format!("{}{}{}{holder}", back("Particle"), back("Body"), back("Record"));
    for (before, after, rules) in
        [("structs", "struct-arrays", &there), ("struct-arrays", "structs", &back)]
    {
        let [input, wanted] = [before, after].map(|name| file(&format!("{name}.jld2")));
        for target in ["julia-2026", "julia-2026+StructArrays@0.6"] {
            let world = World::new(&input, rules).and_to(target);
            let found = differences(&dump(&wanted), &world.outputs());
            assert_eq!(found, Vec::<String>::new(), "{before} {target}");
        }
    }
    // One of today's that the target knows under the fields of another time.
    let refused = World::new(&file("structs.jld2"), &there).and_to("julia-2026+StructArrays@0.4");
    let refused = refused.refused();
    let said = "StructArrays.StructArray has the fields fieldarrays in the target, not components";
    assert!(refused.contains(said), "{refused}");
}

/// A rule for one place can stand beside those that turn, for what holds the arrays; one for what they turn is
/// refused, as is one of them that asks for a place itself.
#[test]
fn rules_for_one_place_stand_beside_those_that_turn() {
    let input = data().join("turned/structs.jld2");
    let columns =
        "[[rule]]\nid = \"turn\"\nfrom = [\"Main.Old.Particle\"]\ncolumns = \"Core.NamedTuple\"\n";
    let at = "[[rule]]\nid = \"place\"\nfrom = [\"Main.Old.Holder\"]\nwhen = { at = [\"/holder\"] }\n\
              rename = { id = \"number\" }\nadd = [[\"seen\", { bool = true }]]\n";
    let world = World::new(&input, &format!("{columns}{at}"));
    let out = world.outputs();
    let holder = &out["/holder"]["fields"];
    assert_eq!(
        (&holder["number"]["v"], &holder["seen"]["v"]),
        (&json!(7), &json!(true)),
        "{holder}"
    );
    let particles = holder["particles"]["t"].as_str().unwrap();
    assert!(particles.starts_with("Core.NamedTuple{(:x,:n,:ok),"), "{particles}");
    let others = &out["/holders"]["items"][0]["fields"];
    assert_eq!((&others["id"]["v"], &others["seen"]), (&json!(1), &Value::Null), "{others}");
    let of_particles =
        at.replace("Main.Old.Holder", "Main.Old.Particle").replace("/holder", "/alone");
    let of_particles = of_particles.replace("rename = { id = \"number\" }\n", "");
    let refused = World::new(&input, &format!("{columns}{of_particles}")).refused();
    assert!(
        refused.contains("the rule place changes what it turns; convert with one"),
        "{refused}"
    );
    let asks = columns.replace("columns =", "when = { at = [\"/alone\"] }\ncolumns =");
    let world = World::new(&input, &asks);
    let output = world.try_convert(&input, &world.at("out.jld2"), "auto");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("`columns` is for all of a type, and cannot ask `at`"), "{said}");
}

/// Compressed and referred arrays, too, are made when they are written where there is no room for them.
#[test]
fn arrays_are_turned_without_room_for_them() {
    set_scratch_budget(0);
    let file = |name: &str| data().join("turned").join(name);
    for (before, after, columns) in [("structs", "arrays", true), ("arrays", "structs", false)] {
        for more in ["", "-deflate"] {
            let [input, wanted] = [before, after].map(|name| file(&format!("{name}{more}.jld2")));
            for mode in [Mode::Patch, Mode::Rewrite, Mode::InPlace] {
                let dir = tempfile::tempdir().unwrap();
                let [first, second] = ["1.jld2", "2.jld2"].map(|name| dir.path().join(name));
                fs::copy(&input, &first).unwrap();
                try_convert(&first, &second, &rules(columns), mode, false).unwrap();
                let found = differences(&dump(&wanted), &dump(&second));
                assert_eq!(found, Vec::<String>::new(), "{before}{more} {mode:?}");
                take_back(&second, &first, mode);
            }
        }
    }
}

/// Numbers in each element of a large array, each of eight bytes.
const NUMBERS: usize = 16;

/// The rule that turns what [`numbers`] makes.
pub(crate) const NUMBERS_AS_COLUMNS: &str =
    "[[rule]]\nid = \"there\"\nfrom = [\"Main.P\"]\ncolumns = \"Main.C\"\n";

/// Makes a file with an array of `count` structs, all zeros but for the last one; gives the bytes of that, which
/// end the file.
pub(crate) fn numbers(input: &Path, count: u64) -> Vec<u8> {
    let base = graph_file::base(FieldStyle::NamesAndTypes);
    let make = |build: &mut Build<'_>, _: &[ObjectRef]| {
        let fields: Vec<_> = (0..NUMBERS)
            .map(|i| NewField {
                name: format!("f{i}"),
                datatype: Some(Datatype::integer(8, true)),
                committed: None,
            })
            .collect();
        let t = build.find_or_commit_record(&JuliaType::plain("Main.P"), &fields).unwrap();
        let len = count * u64::from(record(&fields).size);
        let number = build.later(len);
        vec![build.dataset_later(Some(t), None, &[count], &[], LaterPart { number, at: 0, len })]
    };
    graph_file::write(&base, Types::OfTypes, FieldStyle::NamesAndTypes, 1, input, make);
    // The last bytes of the file are those of the last element.
    let file = fs::File::options().write(true).open(input).unwrap();
    let end = file.metadata().unwrap().len();
    let last: Vec<u8> = (0..NUMBERS as u64).flat_map(|i| (i + 7).to_le_bytes()).collect();
    file.write_all_at(&last, end - last.len() as u64).unwrap();
    last
}

/// The memory does not grow with the array, nor does the undo file; and what is written is right.
#[test]
fn large_arrays_are_turned_in_little_memory() {
    const MOST: u64 = 16 << 10;
    // More than what may be held, in a build without optimization.
    let megabytes = std::env::var("JLDCONV_TURNED").map_or(24, |text| text.parse().unwrap());
    let count = (megabytes << 20) / (8 * NUMBERS as u64);
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let input = at("input.jld2");
    let last = numbers(&input, count);
    let end = fs::metadata(&input).unwrap().len();
    let back = "[[rule]]\nid = \"back\"\nfrom = [\"Main.C\"]\nrows = \"Main.P\"\n";
    fs::write(at("rules.toml"), NUMBERS_AS_COLUMNS).unwrap();
    fs::write(at("back.toml"), back).unwrap();
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jldconv"));
        clean(&mut command).args(args).current_dir(dir.path()).stdout(Stdio::null());
        let (status, most) = watched(&mut command);
        assert!(status.success(), "{args:?}");
        assert!((1..MOST).contains(&most), "{args:?}: {most} KiB");
        println!("{args:?}: {most} KiB");
    };
    let plain = ["--target", "julia-2026", "--verify", "structure"];
    let convert = |more: &[&str]| run(&[&["convert"], more, &plain].concat());
    convert(&["input.jld2", "columns.jld2", "--rules", "rules.toml"]);
    convert(&["columns.jld2", "rows.jld2", "--rules", "back.toml"]);
    let rows = fs::read(at("rows.jld2")).unwrap();
    assert!(rows.ends_with(&last));
    drop(rows);
    let content = ["--mode", "rewrite", "--verify", "content", "--target", "julia-2026"];
    run(&[&["convert", "columns.jld2", "new.jld2", "--rules", "back.toml"], &content[..]].concat());
    fs::copy(&input, at("changed.jld2")).unwrap();
    convert(&["changed.jld2", "--mode", "in-place", "--rules", "rules.toml"]);
    let undo = fs::metadata(at("changed.jld2.jldconv-undo")).unwrap().len();
    assert!(undo < 1 << 20, "{undo}");
    // The columns stand one behind the other at the end of the file.
    for name in ["columns.jld2", "changed.jld2"] {
        let file = fs::File::open(at(name)).unwrap();
        let end = file.metadata().unwrap().len();
        let wanted = last.chunks(8).rev().zip(0..);
        for (wanted, i) in wanted {
            let mut found = [0; 8];
            file.read_exact_at(&mut found, end - i * count * 8 - 8).unwrap();
            assert_eq!(found, wanted, "{name}, {i} from the last");
        }
    }
    // A byte of what was appended tells that somebody has changed it.
    let changed = fs::File::options().read(true).write(true).open(at("changed.jld2")).unwrap();
    let place = changed.metadata().unwrap().len() - 8;
    let mut byte = [0];
    changed.read_exact_at(&mut byte, place).unwrap();
    changed.write_all_at(&[byte[0] ^ 1], place).unwrap();
    let refused = jldconv(&["undo", at("changed.jld2").to_str().unwrap()]);
    assert!(!refused.status.success());
    changed.write_all_at(&byte, place).unwrap();
    drop(changed);
    run(&["undo", "changed.jld2"]);
    assert_eq!(fs::metadata(at("changed.jld2")).unwrap().len(), end);
}

#[test]
fn rules_that_turn_say_what_they_would_do() {
    let input = data().join("turned/structs.jld2");
    let world = World::new(&input, &rules(true));
    let rules = world.at("rules.toml");
    let told = jldconv(&["rules", "test", rules.to_str().unwrap(), input.to_str().unwrap()]);
    let told = printed(&told);
    for line in [
        "  particles-as-columns: Core.Array{Main.Old.Particle,1} becomes Core.NamedTuple{(:x,:n,:ok),",
        "  bodies-as-columns: Core.Array{Main.Old.Body,1} becomes Main.New.Bodies: 1 object, first /bodies",
    ] {
        assert!(told.contains(line), "{told}");
    }
}

#[test]
fn what_cannot_be_turned_is_refused_at_planning() {
    let columns = |from: &str, to: &str| {
        format!("[[rule]]\nid = \"r\"\nfrom = [\"{from}\"]\ncolumns = \"{to}\"\n")
    };
    let structs = data().join("turned/structs.jld2");
    let both = format!(
        "{}[[rule]]\nid = \"other\"\nfrom = [\"Main.Old.Particle\"]\nrename = {{ x = \"y\" }}\n",
        columns("Main.Old.Particle", "Core.NamedTuple")
    );
    let holder = "[[rule]]\nid = \"r\"\nfrom = [\"Main.New.Holder\"]\nrows = \"Main.Old.X\"\n";
    let dictionaries = data().join("rescue/enums-0.5.13.jld2");
    let pairs = columns("Base.Pair", "Main.New.Pairs");
    for (input, rules, said) in [
        (&dictionaries, pairs.as_str(), "other types of Julia's own are stored as"),
        (&structs, both.as_str(), "the rule other changes what it turns; convert with one"),
        (
            &data().join("turned/arrays.jld2"),
            holder,
            "field id of Main.New.Holder: expected a reference to an array",
        ),
    ] {
        let refused = World::new(input, rules).refused();
        assert!(refused.contains(said), "{refused}");
    }
    for (name, said) in [
        ("lengths", "an array of [3], as in the field a, found one of [2]"),
        ("undefined", "an array, found a field that is not assigned"),
        ("shared", "is referred to from elsewhere, too"),
        ("others", "arrays of the same types and dimensions in all of them"),
        ("unassigned", "element 2 of the array is not assigned"),
        ("twice", "is referred to from elsewhere, too"),
        ("held", "is held by a value of OrderedCollections.OrderedDict{Core.String,Main.E}"),
        ("abstract", "an element of an array of Core.AbstractArray{Main.E,1}"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("input.jld2");
        unfit(name, &path);
        let rules = "[[rule]]\nid = \"back\"\nfrom = [\"Main.S\"]\nrows = \"Main.E\"\n\
                     [[rule]]\nid = \"there\"\nfrom = [\"Main.E\"]\ncolumns = \"Main.S\"\n";
        let rules = match name {
            "unassigned" | "twice" | "held" | "abstract" => {
                &rules[rules.find("[[rule]]\nid = \"there\"").unwrap()..]
            }
            _ => &rules[..rules.find("[[rule]]\nid = \"there\"").unwrap()],
        };
        let refused = World::new(&path, rules).refused();
        assert!(refused.contains(said), "{name}: {refused}");
        assert!(refused.contains("/graph/n"), "{name}: {refused}");
    }
}

/// A new name, or why there is none.
type Told<'t> = Result<&'t str, &'t str>;

/// Types of which a file has no values go by their new names, if these follow from the old ones, and are
/// refused with their place where they do not.
#[test]
fn types_without_values_are_turned_by_name_or_refused() {
    let int_arrays = || {
        let array = || Param::Type(JuliaType::array(JuliaType::plain("Core.Int32"), 2));
        let tuple = JuliaType::Named { name: "Core.Tuple".into(), params: vec![array(), array()] };
        let names = Param::Symbols(vec!["x".into(), "y".into()]);
        let params = vec![names, Param::Type(tuple)];
        JuliaType::Named { name: "Core.NamedTuple".into(), params }
    };
    let vector = || JuliaType::array(JuliaType::plain("Main.E"), 3);
    let rows = "[[rule]]\nid = \"r\"\nfrom = [\"Core.NamedTuple\"]\n\
                when = { has = [\"x\", \"y\"] }\nrows = \"Main.E\"\n";
    let named = "[[rule]]\nid = \"r\"\nfrom = [\"Main.S\"]\nrows = \"Main.E\"\n";
    let columns =
        |to: &str| format!("[[rule]]\nid = \"r\"\nfrom = [\"Main.E\"]\ncolumns = \"{to}\"\n");
    let unknown = Err("cannot be told from its name");
    let array = "Core.Array{Core.Int32,3}";
    let tuple = format!("Core.NamedTuple{{(:x,:y),Core.Tuple{{{array},{array}}}}}");
    // What becomes of a type that the file only names, and of one whose fields it tells.
    let cases: [(JuliaType, &str, [Told<'_>; 2]); 5] = [
        (int_arrays(), rows, [Ok("Core.Array{Main.E,2}"); 2]),
        (JuliaType::plain("Main.S"), named, [unknown; 2]),
        (vector(), &columns("Main.S"), [Ok("Main.S"); 2]),
        (vector(), &columns("Core.NamedTuple"), [unknown, Ok(&tuple)]),
        (JuliaType::plain("Main.Other"), named, [Ok("Main.Other"); 2]),
    ];
    for (t, rules, wanted) in cases {
        for (described, wanted) in [false, true].into_iter().zip(wanted) {
            for holder in [false, true] {
                let dir = tempfile::tempdir().unwrap();
                let files = ["1.jld2", "2.jld2", "3.jld2"].map(|name| dir.path().join(name));
                let [first, second, third] = &files;
                without_values(&t, described, holder, first);
                let told = try_convert(first, second, rules, Mode::Auto, false);
                let name = match wanted {
                    Ok(name) => name,
                    Err(problem) => {
                        let refused = told.unwrap_err();
                        assert!(refused.contains(problem), "{refused}");
                        let mut places = ["/graph/n0", "/_types/0"].iter();
                        assert!(places.any(|place| refused.contains(place)), "{refused}");
                        continue;
                    }
                };
                told.unwrap();
                let text = dump(second).to_string();
                assert!(text.contains(name), "{name}: {text}");
                if name != t.to_string() {
                    assert!(!text.contains(&t.to_string()), "{t}: {text}");
                }
                let again = try_convert(second, third, rules, Mode::Auto, false).unwrap();
                assert_eq!(again, Outcome::Unchanged, "{t} {described} {holder}");
            }
        }
    }
}

/// A file in which a type stands as a value, or as the parameter of one, without values of it. It may be
/// `described` in the file.
fn without_values(t: &JuliaType, described: bool, holder: bool, path: &Path) {
    let style = FieldStyle::NamesAndTypes;
    let make = |build: &mut Build<'_>, _: &[ObjectRef]| {
        let field = |name: &str, datatype| NewField {
            name: name.to_owned(),
            datatype: Some(datatype),
            committed: None,
        };
        if described {
            let (of, layout) = match t.type_param(0) {
                Some(element) => (element.clone(), Datatype::integer(4, true)),
                None => (t.clone(), Datatype::reference()),
            };
            let fields = [field("x", layout.clone()), field("y", layout)];
            build.find_or_commit_record(&of, &fields).unwrap();
        }
        if holder {
            let params = vec![Param::Type(t.clone())];
            let holder = JuliaType::Named { name: "Main.Holder".into(), params };
            let id = [field("id", Datatype::integer(8, true))];
            let holder = build.find_or_commit_record(&holder, &id).unwrap();
            return vec![build.dataset(Some(holder), None, &Data::new([7; 8]))];
        }
        let value = build.type_value(t).unwrap();
        let datatype = build.find(&JuliaType::plain("Core.DataType"));
        vec![build.dataset(datatype, None, &value)]
    };
    graph_file::write(&graph_file::base(style), Types::OfTypes, style, 1, path, make);
}

/// A file with a struct of arrays, or an array of references, that is as `name` says.
fn unfit(name: &str, path: &Path) {
    let style = FieldStyle::NamesAndTypes;
    let make = |build: &mut Build<'_>, _: &[ObjectRef]| {
        let plain = |name: &str, datatype| NewField {
            name: name.to_owned(),
            datatype: Some(datatype),
            committed: None,
        };
        let int = Datatype::integer(4, true);
        let array = |build: &mut Build<'_>, n: u8| {
            let data = Data::new((0..n).flat_map(|i| [i, 0, 0, 0]).collect::<Vec<u8>>());
            build.any_dataset(None, Some(&int), Extent::Simple, &[u64::from(n)], &data)
        };
        let pair = [plain("a", Datatype::reference()), plain("b", Datatype::reference())];
        let of_arrays = build.find_or_commit_record(&JuliaType::plain("Main.S"), &pair).unwrap();
        let element = [plain("a", int.clone()), plain("b", int.clone())];
        let element = build.find_or_commit_record(&JuliaType::plain("Main.E"), &element).unwrap();
        let null = ObjectRef::Existing(jldconv::h5::RelAddr::NULL);
        let of = |build: &mut Build<'_>, a: ObjectRef, b: ObjectRef| {
            let mut data = Data::reference(a);
            data.push(&Data::reference(b));
            build.dataset(Some(of_arrays), None, &data)
        };
        let one = build.dataset(Some(element), None, &Data::new([0; 8]));
        let a = array(build, 3);
        match name {
            "unassigned" => vec![referring(build, element, &[one, null])],
            "twice" => vec![referring(build, element, &[one, one])],
            "held" | "abstract" => {
                let zeros = Data::new([0; 16]);
                let array = build.any_dataset(Some(element), None, Extent::Simple, &[2], &zeros);
                if name == "abstract" {
                    let one = Param::Type(JuliaType::plain("Main.E"));
                    let params = vec![one, Param::Int(1)];
                    let stated = JuliaType::Named { name: "Core.AbstractArray".into(), params };
                    let stated = build.param(&Param::Type(stated)).unwrap();
                    return vec![referring(build, stated, &[array])];
                }
                let params = ["Core.String", "Main.E"].map(|t| Param::Type(JuliaType::plain(t)));
                let holder = JuliaType::Named {
                    name: "OrderedCollections.OrderedDict".into(),
                    params: params.to_vec(),
                };
                let fields = [plain("id", int.clone()), plain("vals", Datatype::reference())];
                let holder = build.find_or_commit_record(&holder, &fields).unwrap();
                let mut data = Data::new([0; 4]);
                data.push(&Data::reference(array));
                vec![build.dataset(Some(holder), None, &data)]
            }
            "undefined" => vec![of(build, a, null)],
            "shared" => vec![of(build, a, a)],
            "lengths" => {
                let b = array(build, 2);
                vec![of(build, a, b)]
            }
            _ => {
                let (b, c) = (array(build, 3), array(build, 3));
                let wide = Datatype::integer(8, true);
                let d = Data::new([0; 24]);
                let d = build.any_dataset(None, Some(&wide), Extent::Simple, &[3], &d);
                let first = of(build, a, b);
                vec![first, of(build, c, d)]
            }
        }
    };
    let count = if name == "others" { 2 } else { 1 };
    graph_file::write(&graph_file::base(style), Types::OfTypes, style, count, path, make);
}

/// An array of references, which tells the type of what it refers to.
fn referring(build: &mut Build<'_>, t: ObjectRef, to: &[ObjectRef]) -> ObjectRef {
    let mut data = Data::default();
    to.iter().for_each(|to| data.push(&Data::reference(*to)));
    let reference = Datatype::reference();
    let space = encode::dataspace(Extent::Scalar, &[]);
    let head = encode::attribute("julia_type", false, &encode::datatype(&reference), &space, &[]);
    let mut attribute = Data::new(head);
    attribute.push(&Data::reference(t));
    let dims = [to.len() as u64];
    build.dataset_with(None, Some(&reference), (Extent::Simple, &dims), &[attribute], &data)
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Field {
    Small,
    Single,
    Flag,
    Text,
    /// A value of an earlier type.
    Inside(usize),
    /// Refers to an object.
    Reference,
}

#[derive(Debug, Clone)]
struct Type {
    fields: Vec<Field>,
    turned: bool,
    /// Whether its arrays become a struct with a name.
    named: bool,
}

#[derive(Debug, Clone)]
enum Node {
    Value(usize, u64),
    Array(usize, Vec<u64>, u64),
    /// An array that refers to objects of its own.
    Referring(usize, usize, u64),
    /// A struct that an array is in, and a parameter of.
    Holder(usize, usize, u64),
    Anything(Vec<usize>),
    /// The type of arrays.
    Type(usize),
}

#[derive(Debug, Clone)]
struct Case {
    types: Vec<Type>,
    nodes: Vec<Node>,
    style: FieldStyle,
}

fn case() -> impl Strategy<Value = Case> {
    let field = prop_oneof![
        Just(Field::Small),
        Just(Field::Single),
        Just(Field::Flag),
        Just(Field::Text),
        any::<usize>().prop_map(Field::Inside),
        Just(Field::Reference),
    ];
    let kind = (prop::collection::vec(field, 1..5), any::<[bool; 2]>());
    let kind = kind.prop_map(|(fields, [turned, named])| Type { fields, turned, named });
    let number = any::<usize>;
    let seed = any::<u64>;
    let node = prop_oneof![
        (number(), seed()).prop_map(|(t, seed)| Node::Value(t, seed)),
        (number(), prop::collection::vec(0..5_u64, 1..3), seed())
            .prop_map(|(t, dims, seed)| Node::Array(t, dims, seed)),
        (number(), 0..4_usize, seed()).prop_map(|(t, n, seed)| Node::Referring(t, n, seed)),
        (number(), 0..9_usize, seed()).prop_map(|(t, n, seed)| Node::Holder(t, n, seed)),
        prop::collection::vec(number(), 0..5).prop_map(Node::Anything),
        number().prop_map(Node::Type),
    ];
    let styles = select(vec![FieldStyle::Datatypes, FieldStyle::NamesAndTypes]);
    let (types, nodes) = (prop::collection::vec(kind, 1..4), prop::collection::vec(node, 1..9));
    (types, nodes, styles).prop_map(|(types, nodes, style)| Case { types, nodes, style })
}

impl Case {
    fn fields(&self, t: usize) -> Vec<(String, Field)> {
        let inside = |field: &Field| match field {
            Field::Inside(_) if t == 0 => Field::Small,
            Field::Inside(i) => Field::Inside(i % t),
            other => *other,
        };
        let named = self.types[t].fields.iter().enumerate();
        named.map(|(i, field)| (format!("f{t}_{i}"), inside(field))).collect()
    }

    /// Whether arrays of a type are turned: what another holds is left alone.
    fn turned(&self, t: usize) -> bool {
        let mut all = (0..self.types.len()).flat_map(|other| self.fields(other));
        self.types[t].turned && !all.any(|(_, field)| field == Field::Inside(t))
    }

    fn refers(&self) -> bool {
        self.types.iter().any(|t| t.fields.contains(&Field::Reference))
    }

    /// Whether each type of arrays that stands somewhere as a value is that of a vector in the file: of a
    /// type alone nobody can tell that its fields would be those of a struct.
    fn can_be_told(&self) -> bool {
        let count = self.types.len();
        let vector = |t: usize| {
            self.nodes.iter().any(|node| match node {
                Node::Array(other, dims, _) => {
                    other % count == t && (self.types[t].named || dims.len() == 1)
                }
                Node::Referring(other, ..) | Node::Holder(other, ..) => other % count == t,
                _ => false,
            })
        };
        let named = |node: &Node| match node {
            Node::Type(t) => vector(t % count),
            _ => true,
        };
        self.nodes.iter().all(named)
    }

    fn element(field: Field) -> String {
        match field {
            Field::Small => "Core.Int32".to_owned(),
            Field::Single => "Core.Float32".to_owned(),
            Field::Flag => "Core.Bool".to_owned(),
            Field::Text => "Core.String".to_owned(),
            Field::Inside(t) => format!("Main.T{t}"),
            Field::Reference => "Core.Any".to_owned(),
        }
    }

    /// The struct that an array of a type becomes.
    fn becomes(&self, t: usize, rank: usize) -> String {
        if self.types[t].named {
            return format!("Pkg.C{t}");
        }
        let fields = self.fields(t);
        let names: Vec<_> = fields.iter().map(|(name, _)| format!(":{name}")).collect();
        let arrays = fields
            .iter()
            .map(|(_, field)| format!("Core.Array{{{},{rank}}}", Self::element(*field)));
        let arrays: Vec<_> = arrays.collect();
        format!("Core.NamedTuple{{({}),Core.Tuple{{{}}}}}", names.join(","), arrays.join(","))
    }

    fn rules(&self, back: bool) -> String {
        let mut text = String::new();
        for t in (0..self.types.len()).filter(|t| self.turned(*t)) {
            let to =
                if self.types[t].named { format!("Pkg.C{t}") } else { "Core.NamedTuple".into() };
            let rule = if back {
                let names: Vec<_> =
                    self.fields(t).into_iter().map(|(name, _)| format!("{name:?}")).collect();
                let when = format!("when = {{ has = [{}] }}", names.join(", "));
                format!("from = [\"{to}\"]\n{when}\nrows = \"Main.T{t}\"\n")
            } else {
                format!("from = [\"Main.T{t}\"]\ncolumns = \"{to}\"\n")
            };
            write!(text, "[[rule]]\nid = \"t{t}\"\n{rule}").unwrap();
        }
        text
    }

    /// What the rules make of a printed value.
    fn changed(&self, node: &Value) -> Value {
        match node {
            Value::String(text) => self.renamed(text).into(),
            Value::Array(items) => items.iter().map(|item| self.changed(item)).collect(),
            Value::Object(map) => {
                let text = map.get("t").and_then(Value::as_str).unwrap_or_default();
                let rank = map.get("dims").and_then(Value::as_array).map_or(0, Vec::len);
                let of = (0..self.types.len())
                    .find(|t| self.turned(*t) && text == format!("Core.Array{{Main.T{t},{rank}}}"));
                match of {
                    Some(t) => self.columns(t, rank, map),
                    None => map.iter().map(|(k, v)| (k.clone(), self.changed(v))).collect(),
                }
            }
            other => other.clone(),
        }
    }

    fn columns(&self, t: usize, rank: usize, map: &Map<String, Value>) -> Value {
        let mut fields = Map::new();
        for (name, field) in self.fields(t) {
            let items: Vec<Value> = map["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["fields"][&name].clone())
                .collect();
            let t = format!("Core.Array{{{},{rank}}}", Self::element(field));
            let mut column = json!({ "t": t, "dims": map["dims"] });
            let bytes = |item: &Value| match field {
                Field::Small => {
                    i32::try_from(item["v"].as_i64().unwrap()).unwrap().to_le_bytes().to_vec()
                }
                Field::Single => {
                    let bits = item["v"].as_str().unwrap().strip_prefix("0x").unwrap();
                    u32::from_str_radix(bits, 16).unwrap().to_le_bytes().to_vec()
                }
                _ => vec![u8::from(item["v"].as_bool().unwrap())],
            };
            match field {
                Field::Small | Field::Single | Field::Flag => {
                    let bytes: Vec<u8> = items.iter().flat_map(bytes).collect();
                    column["sha256"] = hex(&bytes).into();
                }
                _ => column["items"] = items.into(),
            }
            fields.insert(name, column);
        }
        json!({ "t": self.becomes(t, rank), "id": map["id"], "fields": fields })
    }

    fn renamed(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for t in (0..self.types.len()).filter(|t| self.turned(*t)) {
            for rank in 1..3 {
                let array = format!("Core.Array{{Main.T{t},{rank}}}");
                text = text.replace(&array, &self.becomes(t, rank));
            }
        }
        text
    }
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
                    Field::Flag => (Datatype::boolean(), None),
                    Field::Text => (Datatype::vlen_string(), None),
                    Field::Reference => (Datatype::reference(), None),
                    Field::Inside(i) => (record(&self.types[i].1), Some(self.types[i].0)),
                };
                NewField { name, datatype: Some(datatype), committed }
            });
            let fields: Vec<_> = fields.collect();
            let t = JuliaType::plain(format!("Main.T{t}"));
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
                Field::Flag => out.push(&Data::new([a & 1])),
                Field::Text => out.push(&self.build.text(&format!("text {seed}"))),
                Field::Reference if d & 7 == 0 => out.push(&Data::new([0; 8])),
                Field::Reference => {
                    let to = self.all[usize::from(b) % self.all.len()];
                    out.push(&Data::reference(to));
                }
                Field::Inside(inner) => self.value(inner, seed, out),
            }
        }
    }

    fn array(&mut self, t: usize, dims: &[u64], seed: u64) -> ObjectRef {
        let mut data = Data::default();
        let count: u64 = dims.iter().product();
        // Of a struct with a name all arrays have as many dimensions.
        let flat = [count];
        let dims = if self.case.types[t].named { &flat } else { dims };
        (0..count).for_each(|i| self.value(t, seed.wrapping_add(i), &mut data));
        self.build.any_dataset(Some(self.types[t].0), None, Extent::Simple, dims, &data)
    }

    fn node(&mut self, node: &Node) -> ObjectRef {
        let count = self.types.len();
        let array_of = |t: usize| JuliaType::array(JuliaType::plain(format!("Main.T{t}")), 1);
        match node {
            Node::Value(t, seed) => {
                let mut data = Data::default();
                self.value(t % count, *seed, &mut data);
                self.build.dataset(Some(self.types[t % count].0), None, &data)
            }
            Node::Array(t, dims, seed) => self.array(t % count, dims, *seed),
            Node::Referring(t, n, seed) => {
                let t = t % count;
                let objects: Vec<_> = (0..*n)
                    .map(|i| {
                        let mut data = Data::default();
                        self.value(t, seed.wrapping_add(i as u64), &mut data);
                        self.build.dataset(Some(self.types[t].0), None, &data)
                    })
                    .collect();
                referring(self.build, self.types[t].0, &objects)
            }
            Node::Holder(t, n, seed) => {
                let t = t % count;
                let array = self.array(t, &[*n as u64], *seed);
                let params = vec![Param::Type(array_of(t))];
                let holder = JuliaType::Named { name: "Main.Holder".into(), params };
                let field = |name: &str, datatype| NewField {
                    name: name.into(),
                    datatype: Some(datatype),
                    committed: None,
                };
                let fields =
                    [field("id", Datatype::integer(8, true)), field("v", Datatype::reference())];
                let holder = self.build.find_or_commit_record(&holder, &fields).unwrap();
                let mut data = Data::new(seed.to_le_bytes());
                data.push(&Data::reference(array));
                self.build.dataset(Some(holder), None, &data)
            }
            Node::Anything(targets) => {
                let mut data = Data::default();
                let all = self.all;
                targets.iter().for_each(|t| data.push(&Data::reference(all[t % all.len()])));
                let (reference, dims) = (Datatype::reference(), [targets.len() as u64]);
                self.build.any_dataset(None, Some(&reference), Extent::Simple, &dims, &data)
            }
            Node::Type(t) => {
                let value = self.build.type_value(&array_of(t % count)).unwrap();
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
        case.nodes.iter().map(|node| made.node(node)).collect::<Vec<_>>()
    };
    let base = graph_file::base(case.style);
    graph_file::write(&base, Types::OfTypes, case.style, case.nodes.len(), path, make);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn arrays_are_turned_wherever_they_are_and_back(
        case in case(),
        modes in modes(),
        portable in any::<bool>(),
        held in any::<bool>(),
    ) {
        // Without room no new array is held: they are made when they are written or read.
        set_scratch_budget(if held { 12 << 20 } else { 0 });
        let dir = tempfile::tempdir().unwrap();
        let files = ["1.jld2", "2.jld2", "3.jld2", "4.jld2"].map(|n| dir.path().join(n));
        let [first, second, third, fourth] = &files;
        write(&case, first);
        let (before, rules) = (dump(first), case.rules(false));
        convert(first, second, &rules, modes[0], portable);
        let after = dump(second);
        if !case.refers() {
            let wanted = case.changed(&before);
            prop_assert_eq!(differences(&wanted, &after), Vec::<String>::new(), "{}", rules);
        }
        let outcome = convert(second, third, &rules, Mode::Auto, portable);
        prop_assert_eq!(outcome, Outcome::Unchanged, "{}", rules);
        convert(second, fourth, &case.rules(true), modes[1], portable);
        let back = dump(fourth);
        if case.can_be_told() {
            prop_assert_eq!(differences(&before, &back), Vec::<String>::new(), "{}", rules);
            prop_assert_eq!(shape(&before), shape(&back));
        }
        take_back(fourth, second, modes[1]);
        take_back(second, first, modes[0]);
    }
}
