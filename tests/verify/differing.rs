//! What no rule explains is named: where, what, and both values.

use crate::poke::{data_offset, equal_references, find, floats, poke};
use crate::{Ended, compared, convert, data, differences, jldconv, mera, verify};
use jldconv::h5::{File, kind};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A file and its conversion, which a test may then change.
struct Pair {
    old: PathBuf,
    new: PathBuf,
    _dir: TempDir,
}

fn pair(name: &str, options: &[&str]) -> Pair {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (mera(name), dir.path().join("new.jld2"));
    convert(&old, &new, options);
    Pair { old, new, _dir: dir }
}

impl Pair {
    /// The only difference.
    fn difference(&self) -> Value {
        let json = compared(&self.old, &self.new, &[], 1);
        assert_eq!(json["verdict"], "different");
        let found = json["differences"].as_array().unwrap();
        assert_eq!((found.len(), &json["more"]), (1, &0.into()), "{found:?}");
        found[0].clone()
    }
}

fn poked(path: &Path, offset: u64, change: impl Fn(&mut u8)) {
    let mut byte = fs::read(path).unwrap()[usize::try_from(offset).unwrap()];
    change(&mut byte);
    poke(path, offset, &[byte]);
}

#[test]
fn a_flipped_bit_of_a_column() {
    for options in [&[][..], &["--repack"]] {
        let pair = pair("e4b-none/output_00021", options);
        let (offset, count) = floats(&File::open(&pair.new).unwrap());
        assert!(count > 100);
        poked(&pair.new, offset + 8 * (count - 1) + 6, |byte| *byte ^= 1);
        let found = pair.difference();
        assert_eq!(found["what"], "value");
        let at = found["at"].as_str().unwrap();
        assert!(at.ends_with(&format!("[{count}]")), "{at}");
        assert!(found["a"] != found["b"] && found["a"].is_string() && found["b"].is_string());
    }
}

#[test]
fn a_column_that_cannot_be_decoded() {
    let pair = pair("e4b-lz4/output_00100", &["--compress", "zstd"]);
    let len = fs::metadata(&pair.new).unwrap().len();
    // Payloads come first in a rewritten file.
    let at = len / 4;
    let mut bytes = fs::read(&pair.new).unwrap();
    let place = usize::try_from(at).unwrap();
    bytes[place..place + 64].fill(0xff);
    fs::write(&pair.new, bytes).unwrap();
    let found = pair.difference();
    assert_eq!(found["what"], "unreadable");
    assert!(found["b"].as_str().unwrap().contains("zstd"), "{found}");
}

#[test]
fn a_dataset_under_another_name() {
    let pair = pair("e4b-lz4/output_00100", &[]);
    let (_, name) = find(&File::open(&pair.new).unwrap(), "/hydro/info");
    poke(&pair.new, name, b"lost");
    let found = differences(&compared(&pair.old, &pair.new, &[], 1));
    let missing = |path: &str| (path.to_owned(), "missing".to_owned());
    assert_eq!(found, [missing("/hydro/info"), missing("/hydro/lost")]);
}

#[test]
fn a_scalar_deep_inside() {
    let pair = pair("e4b-lz4/output_00100", &[]);
    let file = File::open(&pair.new).unwrap();
    let json = jldconv(&["dump", "--json", pair.new.to_str().unwrap(), "/hydro/info"]).out;
    let json: Value = serde_json::from_str(&json).unwrap();
    let bits = json["/hydro/info"]["fields"]["boxlen"]["v"].as_str().unwrap();
    let bits = u64::from_str_radix(&bits[2..], 16).unwrap().to_le_bytes();
    let start = usize::try_from(data_offset(&file, "/hydro/info")).unwrap();
    let bytes = fs::read(&pair.new).unwrap();
    let at = bytes[start..].windows(8).position(|w| w == bits).unwrap();
    drop(file);
    poked(&pair.new, (start + at + 7) as u64, |byte| *byte ^= 0x80);
    let found = pair.difference();
    assert_eq!((&found["path"], &found["at"]), (&"/hydro/info".into(), &".boxlen".into()));
    let (a, b) = (found["a"].as_str().unwrap(), found["b"].as_str().unwrap());
    assert_eq!(b, format!("-{a}"));
}

/// Such numbers are beyond what a float holds: the nearest floats of both are the same.
#[test]
fn an_integer_of_128_bits_that_differs_in_its_last() {
    let old = data("zoo/jld2-0.6.5-zstd.jld2");
    for path in ["/num/Int128", "/num/UInt128"] {
        let dir = tempfile::tempdir().unwrap();
        let new = dir.path().join("new.jld2");
        fs::copy(&old, &new).unwrap();
        poked(&new, data_offset(&File::open(&old).unwrap(), path), |byte| *byte ^= 1);
        let found = differences(&compared(&old, &new, &["--strict"], 1));
        assert_eq!(found, [(path.to_owned(), "value".to_owned())]);
        let text = verify(&old, &new, &["--strict"]).out;
        let most = if path == "/num/Int128" { i128::MAX.unsigned_abs() } else { u128::MAX };
        assert!(text.contains(&format!("A  {most}\n  B  {}\n", most - 1)), "{text}");
    }
}

/// The codec object follows what columns really are: another level, another codec.
#[test]
fn a_codec_object_that_says_something_else() {
    let pair = pair("e8-lz4filter/output_00400", &["--compress", "zstd:7"]);
    let at = data_offset(&File::open(&pair.new).unwrap(), "/hydro/information/compression");
    poked(&pair.new, at, |level| {
        assert_eq!(*level, 7);
        *level = 9;
    });
    let found = pair.difference();
    let (path, at) = (found["path"].as_str().unwrap(), found["at"].as_str().unwrap());
    assert_eq!((path, at), ("/hydro/information/compression", ".level"));
    assert_eq!((&found["a"], &found["b"]), (&"7".into(), &"9".into()));
}

fn attributes(name: &str) -> PathBuf {
    data(&format!("verify/{name}.jld2"))
}

#[test]
fn an_attribute_with_another_value() {
    let json = compared(&attributes("order"), &attributes("order2"), &[], 1);
    assert_eq!(differences(&json), [("/g/d@x".into(), "value".into())]);
    let found = &json["differences"][0];
    assert_eq!((&found["a"], &found["b"]), (&"\"x\"".into(), &"\"Q\"".into()));
    let Ended { code, out, .. } =
        verify(&attributes("order"), &attributes("order2"), &["--strict"]);
    assert_eq!(code, 1);
    assert!(out.starts_with("/g/d@x: another value\n  A  \"x\"\n  B  \"Q\"\n"), "{out}");
}

/// The same numbers under other names: of a dataset, of an attribute.
#[test]
fn an_enumeration_whose_names_stand_for_other_numbers() {
    for (name, place) in [("enum", "/e"), ("enum-attribute", "/x@en")] {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (attributes(name), dir.path().join("new.jld2"));
        let bytes = fs::read(&old).unwrap();
        let at = bytes.windows(6).position(|w| w == b"A\0B\0\0\x01").unwrap();
        fs::write(&new, &bytes).unwrap();
        poke(&new, at as u64 + 4, &[1, 0]);
        for strict in [&[][..], &["--strict"]] {
            let json = compared(&old, &new, strict, 1);
            assert_eq!(differences(&json), [(place.into(), "value".into())]);
            assert_eq!(compared(&old, &old, strict, 0)["verdict"], "equal");
        }
    }
}

/// What lies inside a struct goes by its own type in Julia, by that of the whole in other readers.
#[test]
fn a_name_inside_a_struct_inside_another() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (data("verify/structs.jld2"), dir.path().join("new.jld2"));
    let bytes = fs::read(&old).unwrap();
    // The field `x` of the struct in the field `a`, of which a type of its own says the same.
    let outer = bytes.windows(2).position(|w| w == b"a\0").unwrap();
    let at = outer + bytes[outer..].windows(2).position(|w| w == b"x\0").unwrap();
    fs::write(&new, &bytes).unwrap();
    poke(&new, at as u64, b"y");
    let json = compared(&old, &new, &[], 1);
    let place = "/_types[Main.RecoverableChangesInStructs.B]".to_owned();
    assert_eq!(differences(&json), [(place, "layout".into())]);
}

/// No value tells what a dictionary's pairs are stored as. Names of types have no checksum.
#[test]
fn what_the_pairs_of_a_dictionary_are_stored_as() {
    let old = data("packages/JLD2Dict/old-jld2-0.4.31.jld2");
    let dir = tempfile::tempdir().unwrap();
    let new = dir.path().join("new.jld2");
    let bytes = fs::read(&old).unwrap();
    let name = b"Base.Pair";
    let names = bytes.windows(name.len()).enumerate().filter(|(_, w)| w == name);
    let mut poked = 0;
    for (at, _) in names {
        fs::write(&new, &bytes).unwrap();
        poke(&new, at as u64, b"X");
        let json = compared(&old, &new, &[], 1);
        assert_eq!(json["verdict"], "different", "{at}");
        poked += 1;
    }
    assert!(poked >= 5, "{poked}");
}

#[test]
fn attributes_under_another_name_and_in_another_order() {
    let dir = tempfile::tempdir().unwrap();
    let new = dir.path().join("new.jld2");
    let fresh = || fs::copy(attributes("order"), &new).unwrap();
    fresh();
    let file = File::open(&new).unwrap();
    let object = file.object(find(&file, "/g/d").0).unwrap();
    let messages: Vec<_> = object.header.of_kind(kind::ATTRIBUTE).cloned().collect();
    assert_eq!(messages.len(), 3);
    // Version, flags, three sizes and the encoding stand in front of the name.
    poke(&new, messages[1].body + 9, b"w");
    let missing = |path: &str| (path.to_owned(), "missing".to_owned());
    let found = differences(&compared(&attributes("order"), &new, &[], 1));
    assert_eq!(found, [missing("/g/d@y"), missing("/g/d@w")]);
    // The number of an attribute's creation stands right in front of its body.
    fresh();
    let number = |m: usize| {
        let bytes = fs::read(&new).unwrap();
        let at = usize::try_from(messages[m].body - 2).unwrap();
        [bytes[at], bytes[at + 1]]
    };
    let (first, last) = (number(0), number(2));
    assert_ne!(first, last);
    poke(&new, messages[0].body - 2, &last);
    poke(&new, messages[2].body - 2, &first);
    let json = compared(&attributes("order"), &new, &[], 1);
    assert_eq!(differences(&json), [("/g/d@".into(), "order".into())]);
    assert_eq!(json["differences"][0]["a"], "z, y, x");
    assert_eq!(json["differences"][0]["b"], "x, y, z");
}

/// Fill values are for other readers than Julia; one that is a string leads into a heap.
#[test]
fn a_fill_value_that_leads_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (data("verify/fill.jld2"), dir.path().join("new.jld2"));
    fs::copy(&old, &new).unwrap();
    assert_eq!(verify(&old, &new, &["--strict"]).code, 0);
    let file = File::open(&new).unwrap();
    let object = file.object(find(&file, "/x").0).unwrap();
    let message = object.header.of_kind(kind::FILL_VALUE).next().unwrap();
    // Version, flags, size, then count, heap and index of the string.
    let (version, index) = (object.header.body(message)[0], message.body + 2 + 4 + 4 + 8);
    assert_eq!(version, 3);
    drop(file);
    poked(&new, index, |byte| *byte = 99);
    let json = compared(&old, &new, &[], 1);
    assert_eq!(differences(&json), [("/x@(fill value)".into(), "unreadable".into())]);
    assert!(json.get("hint").is_none(), "no rule does this");
    // Held against itself, it is not said to differ: nobody can tell.
    let json = compared(&new, &new, &[], 1);
    assert_eq!(json["verdict"], "not-compared", "{json:#}");
    assert_eq!(differences(&json), [("/x@(fill value)".into(), "not-compared".into())]);
    let ended = verify(&new, &new, &[]);
    let said = "not compared: 1 object that cannot be read in either file";
    assert!(ended.out.contains(said) && !ended.out.contains("different"), "{}", ended.out);
}

#[test]
fn links_in_another_order() {
    let dir = tempfile::tempdir().unwrap();
    let new = dir.path().join("new.jld2");
    fs::copy(attributes("order"), &new).unwrap();
    // Names and addresses of two links change places.
    let file = File::open(&new).unwrap();
    let ((addr_a, name_a), (addr_b, name_b)) = (find(&file, "/g/a"), find(&file, "/g/b"));
    drop(file);
    poke(&new, name_a, &[b"b".as_slice(), &addr_b.0.to_le_bytes()].concat());
    poke(&new, name_b, &[b"a".as_slice(), &addr_a.0.to_le_bytes()].concat());
    let found = differences(&compared(&attributes("order"), &new, &[], 1));
    assert_eq!(found, [("/g".into(), "order".into())]);
}

/// Two paths that lead to one object are not the same as two equal objects.
#[test]
fn a_link_to_another_object_of_the_same_value() {
    let dir = tempfile::tempdir().unwrap();
    let new = dir.path().join("new.jld2");
    fs::copy(attributes("order"), &new).unwrap();
    let file = File::open(&new).unwrap();
    let ((addr_a, _), (_, name_b)) = (find(&file, "/g/a"), find(&file, "/g/b"));
    drop(file);
    poke(&new, name_b + 1, &addr_a.0.to_le_bytes());
    let json = compared(&attributes("order"), &new, &[], 1);
    let shared = json["differences"].as_array().unwrap();
    let shared = shared.iter().find(|d| d["what"] == "sharing").unwrap();
    assert_eq!(
        (&shared["path"], &shared["b"]),
        (&"/g/b".into(), &"the same object as /g/a".into())
    );
}

/// Objects inside of datasets have an identity across all of a file.
#[test]
fn an_object_that_two_datasets_share() {
    let pair = pair("real-mera-1.9/output_00001", &[]);
    let file = File::open(&pair.new).unwrap();
    let references = equal_references(&file, "/particles/info", "/hydro/info");
    drop(file);
    let (at, other) = references[0];
    poke(&pair.new, at, &other.0.to_le_bytes());
    let found = pair.difference();
    assert_eq!((&found["path"], &found["what"]), (&"/particles/info".into(), &"sharing".into()));
    assert_eq!(found["b"], "an object of /hydro/info, too");
}

#[test]
fn wrong_command_lines_and_unreadable_files() {
    let file = mera("e4b-none/output_00021");
    let file = file.to_str().unwrap();
    for (args, said) in [
        (&["--target", "mera-0"][..], "there is no target \"mera-0\""),
        (&["--rules", "none.toml"], "cannot read none.toml"),
        (&["--strict", "--rules", "x.toml"], "cannot be used with"),
        (&["--strict", "--target", "mera-1.9"], "cannot be used with"),
    ] {
        let ended = jldconv(&[&["verify", file, file], args].concat());
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{args:?}");
        assert!(ended.err.contains(said), "{}", ended.err);
    }
    for sides in [[file, "none.jld2"], ["none.jld2", file]] {
        let ended = jldconv(&["verify", sides[0], sides[1]]);
        assert_eq!((ended.code, ended.out.as_str()), (1, ""));
        assert!(ended.err.contains("none.jld2: there is no such file"), "{}", ended.err);
    }
}
