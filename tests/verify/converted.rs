//! Right conversions of every kind are equal but for what rules explain.

use crate::{EACH, Ended, compared, convert, data, differences, jldconv, mera, verify};
use std::fs;
use std::path::Path;

/// Every way to make a new file.
const WAYS: [&[&str]; 8] = [
    &[],
    &["--flat-links"],
    &["--repack"],
    &["--compress", "zstd:7"],
    &["--compress", "deflate:9", "--shuffle"],
    &["--compress", "lz4"],
    &["--compress", "lz4-frame", "--flat-links"],
    &["--compress", "none"],
];

fn fine(ended: &Ended, at: &str) {
    assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{at}: {}", ended.out);
}

#[test]
fn every_era_in_every_way() {
    std::thread::scope(|scope| {
        for part in EACH.chunks(5) {
            scope.spawn(move || {
                let dir = tempfile::tempdir().unwrap();
                for name in part {
                    let old = mera(name);
                    for way in WAYS {
                        let new = dir.path().join("new.jld2");
                        convert(&old, &new, way);
                        fine(&verify(&old, &new, &[]), &format!("{name} {way:?}"));
                        fs::remove_file(&new).unwrap();
                    }
                }
            });
        }
    });
}

#[test]
fn changed_in_place() {
    let dir = tempfile::tempdir().unwrap();
    for name in EACH.into_iter().filter(|name| !name.contains("bzip2")) {
        let new = dir.path().join("new.jld2");
        fs::copy(mera(name), &new).unwrap();
        let ended = jldconv(&["convert", new.to_str().unwrap(), "--mode", "in-place"]);
        assert_eq!(ended.code, 0, "{name}: {}", ended.err);
        fine(&verify(&mera(name), &new, &[]), name);
        fs::remove_dir_all(dir.path()).unwrap();
        fs::create_dir(dir.path()).unwrap();
    }
}

#[test]
fn what_is_said_of_a_conversion() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (mera("e4b-lz4/output_00100"), dir.path().join("new.jld2"));
    convert(&old, &new, &["--flat-links", "--compress", "zstd:7"]);
    let ended = verify(&old, &new, &[]);
    assert_eq!(
        ended.out,
        "equal but for what rules explain: 41 datasets, 25 changes by codec, \
         jld2-compatible-versions, mera-constants, mera-scales; columns encoded with zstd; \
         38 links added\n"
    );
    let json = compared(&old, &new, &[], 0);
    assert_eq!(json["verdict"], "explained");
    assert_eq!((&json["equal"], &json["strict"]), (&true.into(), &false.into()));
    assert_eq!((&json["explained"], &json["links_added"]), (&25.into(), &38.into()));
    assert_eq!((&json["recoded"], &json["compared"]), (&"zstd".into(), &41.into()));
    assert_eq!(json["rules"]["mera-scales"], 8);
    assert_eq!(json["changes"].as_array().unwrap().len(), 25);
    let whole = verify(&old, &new, &["-v"]).out;
    let change =
        "/hydro/info.scale: another type\n  A  Mera.ScalesType001\n  B  Mera.ScalesType003\n";
    assert!(whole.starts_with("Rules explain:\n") && whole.contains(change), "{whole}");
    // The same without rules.
    let json = compared(&old, &new, &["--strict"], 1);
    assert_eq!((&json["verdict"], &json["strict"]), (&"different".into(), &true.into()));
    let found = differences(&json);
    assert!(found.contains(&("/hydro/info.scale".into(), "type".into())), "{found:?}");
    assert!(found.contains(&("/hydro/columns".into(), "missing".into())), "{found:?}");
}

#[test]
fn one_file_twice() {
    for name in EACH {
        let ended = verify(&mera(name), &mera(name), &[]);
        fine(&ended, name);
        assert!(ended.out.starts_with("equal: "), "{name}: {}", ended.out);
        fine(&verify(&mera(name), &mera(name), &["--strict"]), name);
    }
}

#[test]
fn a_file_that_was_current_before() {
    let dir = tempfile::tempdir().unwrap();
    for (i, name) in EACH.into_iter().enumerate() {
        let new = ["first", "second"].map(|step| dir.path().join(format!("{step}{i}.jld2")));
        convert(&mera(name), &new[0], &[]);
        convert(&new[0], &new[1], &["--repack"]);
        let ended = verify(&new[0], &new[1], &[]);
        fine(&ended, name);
        assert!(ended.out.starts_with("equal: "), "{name}: {}", ended.out);
        // Both steps at once.
        fine(&verify(&mera(name), &new[1], &[]), name);
    }
}

/// Columns that would grow are stored plain: then only the codec object knows what was asked for.
#[test]
fn a_codec_that_no_column_shows() {
    let dir = tempfile::tempdir().unwrap();
    let new = dir.path().join("new.jld2");
    // Its columns are a handful of numbers.
    for codec in ["zstd:19", "deflate:1", "lz4"] {
        let old = data("small/0.6.5-none-arr-bits.jld2");
        convert(&old, &new, &["--compress", codec, "--force"]);
        fine(&verify(&old, &new, &[]), codec);
    }
}

fn rules(dir: &Path, text: &str) -> String {
    let path = dir.join("rules.toml");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn rules_of_ones_own_explain_what_they_change() {
    let dir = tempfile::tempdir().unwrap();
    let old = data("verify/structs.jld2");
    let unit = "{ struct = { type = \"Sim.Unit\", fields = [[\"cm\", { float64 = 1.0 }]] } }";
    for (i, (rule, changed)) in [
        ("to = \"Plane.Point\"", "/b"),
        ("rename = { a = \"east\" }", "/b.a"),
        ("to = \"Plane.Point\"\nrename = { a = \"east\" }", "/b"),
        ("add = [[\"z\", { float64 = 3.0 }]]", "/b.z"),
        ("drop = [\"a\"]\nadd = [[\"name\", { string = \"origin\" }]]", "/b.a"),
        ("replace = { string = \"gone\" }", "/b"),
        ("replace = { named-tuple = [[\"x\", { int64 = 1 }]] }", "/b"),
        (&format!("replace = {unit}"), "/b"),
    ]
    .into_iter()
    .enumerate()
    {
        let text = format!("[[rule]]\nid = \"mine\"\nfrom = [\"*.B\"]\n{rule}\n");
        let file = rules(dir.path(), &text);
        for way in [&["--rules", &file][..], &["--rules", &file, "--repack"]] {
            let new = dir.path().join(format!("new{i}{}.jld2", way.len()));
            convert(&old, &new, way);
            let ended = verify(&old, &new, &["--rules", &file]);
            fine(&ended, rule);
            assert!(ended.out.contains(" by mine"), "{rule}: {}", ended.out);
            // Without the rule nothing explains the change, and the hint says what may.
            let ended = verify(&old, &new, &[]);
            assert_eq!(ended.code, 1, "{rule}");
            assert!(ended.out.contains("--rules FILE"), "{}", ended.out);
            let found = differences(&compared(&old, &new, &[], 1));
            assert!(found.iter().any(|(at, _)| at == changed), "{rule}: {found:?}");
        }
    }
    // Other rules than those that it was made with explain as little.
    let file = rules(dir.path(), "[[rule]]\nid = \"other\"\nfrom = [\"*.B\"]\nto = \"A.B\"\n");
    let found =
        differences(&compared(&old, &dir.path().join("new02.jld2"), &["--rules", &file], 1));
    assert_eq!(found, [("/b".into(), "type".into())]);
}

/// A conversion with fewer rules than are asked about is named for what it lacks.
#[test]
fn a_rule_that_was_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (mera("e4b-none/output_00021"), dir.path().join("new.jld2"));
    convert(&old, &new, &[]);
    let text =
        "[[rule]]\nid = \"no-notes\"\nfrom = [\"Mera.FilesContentType\"]\nreplace = \"nothing\"\n";
    let file = rules(dir.path(), text);
    let found = differences(&compared(&old, &new, &["--rules", &file], 1));
    let kinds: Vec<_> = found.iter().map(|(at, what)| (at.as_str(), what.as_str())).collect();
    assert!(kinds.contains(&("/hydro/info.files_content", "type")), "{kinds:?}");
}
