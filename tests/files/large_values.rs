//! Large arrays that rules lay out again, and large arrays of numbers that they convert: in little memory, in
//! every mode.

use crate::clean::clean;
use crate::common::truth::differences;
use crate::graph_file::{self, Types};
use crate::memory::watched;
use crate::packages::{file, json, of_the_page};
use crate::rule_graphs::{dump, take_back, try_convert};
use crate::rule_turns::numbers;
use crate::rules::jldconv;
use jldconv::convert::Mode;
use jldconv::h5::{Datatype, set_scratch_budget};
use jldconv::julia::JuliaType;
use jldconv::julia::builder::{Build, Data, FieldStyle, LaterPart, NewField, ObjectRef};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// KiB that a run may take, in a build without optimization: no more than the array alone.
const MOST: u64 = 12 << 10;

fn megabytes() -> u64 {
    std::env::var("JLDCONV_TURNED").map_or(12, |text| text.parse().unwrap())
}

/// Converts in each mode, takes back what was done in place, and shows what each made to `check`.
fn each_mode(dir: &Path, rules: &str, check: &dyn Fn(&Path, &str)) {
    let at = |name: &str| dir.join(name);
    fs::write(at("rules.toml"), rules).unwrap();
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jldconv"));
        clean(&mut command).args(args).current_dir(dir).stdout(Stdio::null());
        let (status, most) = watched(&mut command);
        assert!(status.success(), "{args:?}");
        assert!((1..MOST).contains(&most), "{args:?}: {most} KiB");
        println!("{args:?}: {most} KiB");
    };
    let given = ["--rules", "rules.toml", "--target", "julia-2026"];
    let convert = |more: &[&str]| run(&[&["convert"], more, &given].concat());
    convert(&["input.jld2", "patch.jld2", "--verify", "structure"]);
    check(&at("patch.jld2"), "patch");
    fs::remove_file(at("patch.jld2")).unwrap();
    convert(&["input.jld2", "rewrite.jld2", "--mode", "rewrite", "--verify", "content"]);
    check(&at("rewrite.jld2"), "rewrite");
    fs::remove_file(at("rewrite.jld2")).unwrap();
    fs::copy(at("input.jld2"), at("changed.jld2")).unwrap();
    convert(&["changed.jld2", "--mode", "in-place", "--verify", "structure"]);
    check(&at("changed.jld2"), "in-place");
    let undo = fs::metadata(at("changed.jld2.jldconv-undo")).unwrap().len();
    assert!(undo < 1 << 20, "{undo}");
    run(&["undo", "changed.jld2"]);
    let len = |name: &str| fs::metadata(at(name)).unwrap().len();
    assert_eq!(len("changed.jld2"), len("input.jld2"));
}

/// The last bytes of a file.
fn last(path: &Path, count: usize) -> Vec<u8> {
    let file = fs::File::open(path).unwrap();
    let mut out = vec![0; count];
    file.read_exact_at(&mut out, file.metadata().unwrap().len() - count as u64).unwrap();
    out
}

#[test]
fn large_arrays_are_laid_out_again_in_little_memory() {
    let dir = tempfile::tempdir().unwrap();
    let before = numbers(&dir.path().join("input.jld2"), (megabytes() << 20) / 128);
    let rules = "[[rule]]\nid = \"again\"\nfrom = [\"Main.P\"]\nrename = { f0 = \"first\" }\ndrop = [\"f3\"]\n\
                 add = [[\"weight\", { float64 = 0.5 }]]\norder = [\"weight\"]\n";
    let wanted = [&0.5_f64.to_le_bytes()[..], &before[..24], &before[32..]].concat();
    each_mode(dir.path(), rules, &|path, mode| {
        if mode != "rewrite" {
            assert!(last(path, wanted.len()) == wanted, "{mode}");
        }
        let told = jldconv(&["types", "--json", path.to_str().unwrap()]);
        let told: Value = serde_json::from_slice(&told.stdout).unwrap();
        let types = told["types"].as_array().unwrap();
        let found = types.iter().find(|t| t["type"] == "Main.P").unwrap();
        let names = found["fields"].as_array().unwrap().iter();
        let names: Vec<_> = names.map(|field| field["name"].as_str().unwrap()).collect();
        assert_eq!(names[..4], ["weight", "first", "f1", "f2"], "{mode}");
    });
}

/// Nothing of the old values is left: their number is.
#[test]
fn large_arrays_of_nothing_but_constants_are_made_whole() {
    let dir = tempfile::tempdir().unwrap();
    // More than is made in memory: 16 bytes each, of 128.
    numbers(&dir.path().join("input.jld2"), (5 << 20) / 16);
    let fields: Vec<String> = (0..16).map(|number| format!("\"f{number}\"")).collect();
    let fields = fields.join(", ");
    let rules = format!(
        "[[rule]]\nid = \"anew\"\nfrom = [\"Main.P\"]\ndrop = [{fields}]\n\
         add = [[\"c\", {{ float64 = 7.5 }}], [\"d\", {{ float64 = 2.5 }}]]\n"
    );
    let wanted = [7.5_f64.to_le_bytes(), 2.5_f64.to_le_bytes()].concat().repeat(3000);
    each_mode(dir.path(), &rules, &|path, mode| {
        if mode != "rewrite" {
            assert!(last(path, wanted.len()) == wanted, "{mode}");
        }
    });
}

/// A file with a value that refers to an array of so many numbers of these bytes, all zeros but for the last.
fn holder(input: &Path, size: u32, count: u64, last: u64) {
    let make = |build: &mut Build<'_>, _: &[ObjectRef]| {
        let field = |name: &str, datatype| NewField {
            name: name.to_owned(),
            datatype: Some(datatype),
            committed: None,
        };
        let fields = [field("v", Datatype::reference()), field("n", Datatype::integer(8, true))];
        let t = build.find_or_commit_record(&JuliaType::plain("Main.H"), &fields).unwrap();
        let len = count * u64::from(size);
        let part = LaterPart { number: build.later(len), at: 0, len };
        let number = Datatype::integer(size, true);
        let array = build.dataset_later(None, Some(&number), &[count], &[], part);
        let mut data = Data::reference(array);
        data.push(&Data::new(7_u64.to_le_bytes()));
        vec![build.dataset(Some(t), None, &data)]
    };
    let style = FieldStyle::NamesAndTypes;
    graph_file::write(&graph_file::base(style), Types::OfTypes, style, 1, input, make);
    let file = fs::File::options().write(true).open(input).unwrap();
    let end = file.metadata().unwrap().len();
    file.write_all_at(&last.to_le_bytes()[..size as usize], end - u64::from(size)).unwrap();
}

#[test]
fn large_arrays_are_converted_in_little_memory() {
    let dir = tempfile::tempdir().unwrap();
    let count = (megabytes() << 20) / 8;
    holder(&dir.path().join("input.jld2"), 4, count, 77);
    let rules = |to: &str| {
        format!(
            "[[rule]]\nid = \"wide\"\nfrom = [\"Main.H\"]\nconvert = {{ v = \"Vector{{{to}}}\" }}\n"
        )
    };
    each_mode(dir.path(), &rules("Int64"), &|path, mode| {
        if mode != "rewrite" {
            assert_eq!(last(path, 16), [[0; 8], 77_u64.to_le_bytes()].concat(), "{mode}");
        }
    });
    // What does not fit is told before anything is written.
    let narrow = dir.path().join("narrow.jld2");
    holder(&narrow, 8, count, 1 << 40);
    let before = fs::read(&narrow).unwrap();
    fs::write(dir.path().join("rules.toml"), rules("Int32")).unwrap();
    for mode in ["patch", "in-place"] {
        let output = dir.path().join("out.jld2");
        let given = ["--rules", "rules.toml", "--target", "julia-2026", "--mode", mode];
        let mut paths = vec!["convert", "narrow.jld2"];
        paths.extend((mode == "patch").then_some("out.jld2"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_jldconv"));
        let told = clean(&mut command).args(&paths).args(given).current_dir(dir.path()).output();
        let told = told.unwrap();
        assert_eq!(told.status.code(), Some(1), "{mode}");
        let said = String::from_utf8_lossy(&told.stderr).into_owned();
        assert!(said.contains("numbers that Core.Int32 holds"), "{said}");
        assert!(!output.exists() && fs::read(&narrow).unwrap() == before, "{mode}");
    }
}

/// Small ones are made in the same way where there is no room for them: whatever the rules of the manual do.
#[test]
fn values_are_laid_out_again_without_room_for_them() {
    set_scratch_budget(0);
    let input = file("UserModule/old-1.jld2");
    let rules = of_the_page("sim-renamed");
    for mode in [Mode::Patch, Mode::Rewrite, Mode::InPlace] {
        let dir = tempfile::tempdir().unwrap();
        let [first, second] = ["1.jld2", "2.jld2"].map(|name| dir.path().join(name));
        fs::copy(&input, &first).unwrap();
        try_convert(&first, &second, &rules, mode, false).unwrap();
        let out = dump(&second);
        let found = differences(&json("UserModule/old-1.expected.json"), &out);
        assert_eq!(found, Vec::<String>::new(), "{mode:?}");
        take_back(&second, &first, mode);
    }
}
