//! `rules draft`: for each pair of files in `tests/data/packages`, what it proposes brings the old file to what
//! the new package reads, or it says what is missing and of which field.

use crate::common::truth::differences;
use crate::packages::{check, file, json};
use crate::rules::{World, dump, jldconv};
use crate::runner::printed;
use std::fs;
use std::path::Path;
use std::process::Output;

fn draft(old: &str, new: &str) -> Output {
    draft_for(&file(old), &file(new), "julia-2026")
}

fn draft_for(old: &Path, new: &Path, target: &str) -> Output {
    jldconv(&["rules", "draft", "--target", target, old.to_str().unwrap(), new.to_str().unwrap()])
}

/// What a person has to look at or to fill in.
fn marked(draft: &str) -> Vec<&str> {
    draft.lines().filter(|line| line.contains("FILL IN")).collect()
}

/// The draft's rules are the whole set: they bring the old file to what is expected.
fn is_whole(old: &str, new: &str, expected: &str) -> String {
    let text = printed(&draft(old, new));
    assert_eq!(marked(&text), Vec::<&str>::new(), "{text}");
    let world = World::new(&file(old), &text).and_to("julia-2026");
    check(&world, expected, |_| false);
    text
}

/// The draft names a target that does all of it, and that does.
fn names_the_target(text: &str, target: &str, old: &str, expected: &str, but: fn(&str) -> bool) {
    assert!(text.contains(&format!("# --target {target} does this, ")), "{text}");
    assert!(!text.contains("# It does not: "), "{text}");
    check(&World::to(&file(old), target), expected, but);
}

#[test]
fn of_data_frames() {
    let [old, expected] = ["DataFrames/old-1.3.6.jld2", "DataFrames/old-1.3.6.expected.json"];
    let text = is_whole(old, "DataFrames/new-1.7.0.jld2", expected);
    for line in [
        "# metadata: nothing in all 29 values of the new file",
        "# allnotemetadata: true in all 29 values of the new file",
        "[\"allnotemetadata\", { bool = true }]",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    names_the_target(&text, "julia-2026+DataFrames@1.4", old, expected, |_| false);
    // A target that does it already is told as that.
    let target = "julia-2026+DataFrames@1.7";
    let text = printed(&draft_for(&file(old), &file("DataFrames/new-1.7.0.jld2"), target));
    let by_itself =
        format!("# The target {target} does this by itself, without any rules of yours: ");
    assert!(text.contains(&by_itself), "{text}");
}

#[test]
fn of_ordered_dictionaries() {
    for old in ["old-1.6-jld2-0.4.31.jld2", "old-1.6-jld2-0.6.5.jld2"] {
        let old = format!("OrderedCollections/{old}");
        let expected = "OrderedCollections/new-2.fields.json";
        let text = is_whole(&old, "OrderedCollections/new-2.jld2", expected);
        for line in [
            "[\"firstlive\", { int64 = 1 }]",
            "[\"live\", { live = { slots = \"slots\", keys = \"keys\" } }]",
            "[\"lastlive\", { length = \"keys\" }]",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        names_the_target(&text, "julia-2026+OrderedCollections@2", &old, expected, |_| false);
    }
}

#[test]
fn of_struct_arrays() {
    let [old, expected] = ["StructArrays/old-0.4.4.jld2", "StructArrays/old-0.4.4.expected.json"];
    let text = is_whole(old, "StructArrays/new-0.6.5.jld2", expected);
    names_the_target(&text, "julia-2026+StructArrays@0.5", old, expected, |_| false);
    // Where the target refuses the rule, another one is named that does it.
    let none = draft_for(&file(old), &file("StructArrays/new-0.6.5.jld2"), "mera-1.9");
    assert_eq!(none.status.code(), Some(4));
    let text = String::from_utf8_lossy(&none.stdout).into_owned();
    assert!(text.contains("# Left out, since mera-1.9 refuses it: "), "{text}");
    let said = String::from_utf8_lossy(&none.stderr).into_owned();
    assert!(said.contains("; --target mera-1.9+StructArrays@0.5 does this"), "{said}");
}

#[test]
fn of_a_users_module() {
    let [old, expected] = ["UserModule/old-1.jld2", "UserModule/old-1.expected.json"];
    let text = is_whole(old, "UserModule/new-2.jld2", expected);
    for line in [
        "convert = { \"n\" = \"Int64\", \"f\" = \"Float64\", \"v\" = \"Array{Int64}\" }",
        "parameters = [{ keep = 1 }, { int64 = 1 }]",
        "rename = { \"old_name\" = \"new_name\" }",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains("--target"), "{text}");
}

#[test]
fn of_categorical_arrays() {
    // A hash is a cache, of which the draft says that it cannot tell it.
    let hash = |difference: &str| difference.contains("pool.hash .t: \"Core.UInt64\" in the truth");
    for (old, new, version, marks) in [
        ("old-0.9.7", "new-0.10.8", "0.10", 1),
        ("old-0.9.7", "new-1.0.2", "1", 1),
        ("new-0.10.8", "new-1.0.2", "1", 0),
    ] {
        let [old, new, expected] = [(old, "jld2"), (new, "jld2"), (new, "expected.json")]
            .map(|(name, kind)| format!("CategoricalArrays/{name}.{kind}"));
        let text = printed(&draft(&old, &new));
        let marked = marked(&text);
        assert_eq!(marked.len(), marks, "{text}");
        let is_told = |line: &&str| {
            line.starts_with("# hash: FILL IN: the new file has ") && line.contains("a Core.UInt64")
        };
        assert!(marked.iter().all(is_told), "{text}");
        let world = World::new(&file(&old), &text).and_to("julia-2026");
        check(&world, &expected, hash);
        if version == "1" {
            let line = "[\"levelsinds\", { indices = { of = \"levels\", parameter = 2 } }]";
            assert!(text.contains(line), "{text}");
        }
        let target = format!("julia-2026+CategoricalArrays@{version}");
        names_the_target(&text, &target, &old, &expected, hash);
    }
}

#[test]
fn of_dictionaries_of_older_jld2() {
    let [old, new] = ["JLD2Dict/old-jld2-0.4.31.jld2", "JLD2Dict/new-jld2-0.6.5.jld2"];
    let none = draft(old, new);
    assert_eq!(none.status.code(), Some(4));
    let said = String::from_utf8_lossy(&none.stderr).into_owned();
    assert!(said.contains("the types of both files are the same"), "{said}");
    let text = String::from_utf8_lossy(&none.stdout).into_owned();
    let line = "# Base.Dict is stored as Core.Array in the old file and as JLD2.SerializedDict in the new \
                one; JLD2 reads both, and there is nothing to do";
    assert!(text.contains(line), "{text}");
    // So it is: the old file holds the values of the new one.
    let identity = |difference: &String| difference.starts_with("/vector_any");
    let mut found = differences(&dump(&file(new)), &dump(&file(old)));
    found.retain(|difference| !identity(difference));
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn of_what_jld2_made_up() {
    let old = "JLD2Reconstructed/old-reconstructed.jld2";
    let expected = "JLD2Reconstructed/new-types.expected.json";
    let text = is_whole(old, "JLD2Reconstructed/new-types.jld2", expected);
    assert!(text.contains("unwrap = \"Main.Sim.*\""), "{text}");
    // Of types that have changed since, too, what can be done at once is, and the rest is said.
    let text = printed(&draft(old, "UserModule/new-2.jld2"));
    let left = "# Left out, since the old file cannot be converted with it: ";
    let refused: Vec<_> = text.lines().filter(|line| line.starts_with(left)).collect();
    assert_eq!(refused.len(), 1, "{text}");
    let said = "of Main.Sim.Retyped: it is not stored as a reference to an array; convert with the others \
                first, and then with this one";
    assert!(refused[0].ends_with(said), "{text}");
    let world = World::new(&file(old), &text).and_to("julia-2026");
    let out = world.outputs();
    let wanted = json("UserModule/old-1.expected.json");
    for place in ["/renamed", "/added", "/moved", "/dropped", "/renamed_vector", "/nothing_field"] {
        let alone = |all: &serde_json::Value| serde_json::json!({ place: all[place] });
        assert_eq!(differences(&alone(&wanted), &alone(&out)), Vec::<String>::new());
    }
    // What was left out does the rest in a second conversion.
    let commented = text.lines().skip_while(|line| !line.starts_with(left)).skip(1);
    let commented = commented.take_while(|line| line.starts_with("# "));
    let rest = commented.map(|line| &line[2..]).collect::<Vec<_>>().join("\n");
    let world = World::new(&world.at("patch.jld2"), &rest).and_to("julia-2026");
    let out = world.outputs();
    let alone = |all: &serde_json::Value| serde_json::json!({ "/retyped": all["/retyped"] });
    let mut found = differences(&alone(&wanted), &alone(&out));
    // Numbers that the object refers to are those of the new type once JLD2 has loaded them, which the draft says.
    found.retain(|difference| {
        !["n", "f"].iter().any(|field| difference.starts_with(&format!("/retyped.{field} ")))
    });
    assert_eq!(found, Vec::<String>::new());
    assert!(
        rest.contains("# n: refers to a number, of which JLD2 makes a Core.Int64 on load"),
        "{rest}"
    );
}

#[test]
fn drafts_say_why_there_is_none() {
    let [old, new] = ["UserModule/old-1.jld2", "UserModule/new-2.jld2"].map(file);
    let args = ["rules", "draft", old.to_str().unwrap(), new.to_str().unwrap()];
    let same = jldconv(&["rules", "draft", args[3], args[3]]);
    assert_eq!(same.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&same.stderr).contains("the types of both files are the same"));
    let other = file("DataFrames/old-1.3.6.jld2");
    let unlike = jldconv(&["rules", "draft", args[2], other.to_str().unwrap()]);
    assert_eq!(unlike.status.code(), Some(4));
    let said = String::from_utf8_lossy(&unlike.stderr).into_owned();
    assert!(said.contains("no rule: nothing in the new file looks like Main.Sim.Abs, "), "{said}");
}

/// A rule that the target would refuse is left out, with the reason.
#[test]
fn drafts_hold_what_their_target_takes() {
    let [old, new] = ["UserModule/old-1.jld2", "UserModule/new-2.jld2"].map(file);
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("pinned.toml");
    fs::write(
        &target,
        "based-on = \"julia-2026\"\nname = \"pinned\"\n\n[types.\"Main.Sim.Added\"]\n\
         fields = [\"a::Core.Int64\", \"s::Core.String\"]\n",
    )
    .unwrap();
    let target = target.to_str().unwrap();
    let args = ["rules", "draft", old.to_str().unwrap(), new.to_str().unwrap()];
    let draft = printed(&jldconv(&[&args[..], &["--target", target]].concat()));
    let refused = "# Left out, since pinned refuses it: ";
    assert!(draft.contains(refused), "{draft}");
    assert!(draft.contains("# id = \"main-sim-added\""), "{draft}");
    let rules = dir.path().join("draft.toml");
    fs::write(&rules, draft).unwrap();
    let rules = rules.to_str().unwrap();
    // The target takes what is left.
    let tried = jldconv(&["rules", "test", "--target", target, rules, args[2]]);
    assert_ne!(tried.status.code(), Some(2), "{}", String::from_utf8_lossy(&tried.stderr));
}
