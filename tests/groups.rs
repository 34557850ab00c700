//! Groups, links and attributes in all forms that libhdf5 gives them, old superblocks and headers,
//! references to groups, data that were never written: what h5py writes is read as h5py reads it,
//! and goes through every mode.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/python.rs"]
mod runner;

use jldconv::h5::checksum::lookup3;
use jldconv::h5::{Checksums, File, Layout, ObjectHeader, ObjectKind, Storage, kind};
use runner::{printed, python, run};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hdf5").join(name)
}

/// Runs `jldconv`; gives what it printed, as it must end with this code.
#[track_caller]
fn jldconv(code: i32, args: &[&dyn AsRef<std::ffi::OsStr>]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jldconv"));
    command.args(args.iter().map(AsRef::as_ref));
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}{err}");
    if code == 0 { out } else { format!("{out}{err}") }
}

#[track_caller]
fn dump(file: &Path) -> Value {
    serde_json::from_str(&jldconv(0, &[&"dump", &"--json", &file])).unwrap()
}

/// Fails unless a dump has every array of numbers and every link that h5py finds; gives their number.
#[track_caller]
fn as_h5py_reads(dump: &Value, expected: &Value, name: &str) -> usize {
    let expected = expected.as_object().unwrap();
    for (path, seen) in expected {
        let node = &dump[path];
        if let Some(to) = seen.get("soft") {
            assert_eq!((&node["t"], &node["v"]), (&"HDF5.SoftLink".into(), to), "{name}: {path}");
        } else if let Some(to) = seen.get("external") {
            let to = format!("{}:{}", to[0].as_str().unwrap(), to[1].as_str().unwrap());
            assert_eq!((&node["t"], &node["v"]), (&"HDF5.ExternalLink".into(), &to.into()));
        } else if seen["scalar"] == true {
            assert!(node.get("v").is_some(), "{name}: {path}: {node}");
        } else {
            let [dims, sha] = ["dims", "sha256"].map(|key| (&node[key], &seen[key]));
            assert_eq!((dims.0, sha.0), (dims.1, sha.1), "{name}: {path}");
        }
    }
    expected.len()
}

/// Converts a file in every mode. Gives the rewritten one.
#[track_caller]
fn everywhere(dir: &Path, input: &Path, expected: &Value) -> PathBuf {
    let name = input.file_name().unwrap().to_str().unwrap();
    let [patched, new, again, place] =
        ["patched", "new", "again", "place"].map(|n| dir.join(format!("{name}-{n}.jld2")));
    let before = dump(input);
    as_h5py_reads(&before, expected, name);
    // A patch leaves what needs nothing as it is.
    let said = jldconv(0, &[&"convert", &input, &patched, &"--verify", &"content"]);
    assert!(said.contains("unchanged"), "{name}: {said}");
    assert!(fs::read(input).unwrap() == fs::read(&patched).unwrap(), "{name}");
    jldconv(0, &[&"convert", &input, &new, &"--repack", &"--verify", &"content"]);
    assert_eq!(dump(&new), before, "{name}");
    jldconv(0, &[&"verify", &input, &new]);
    let said = jldconv(0, &[&"convert", &new, &again]);
    assert!(said.contains("unchanged"), "{name}: {said}");
    assert!(fs::read(&new).unwrap() == fs::read(&again).unwrap(), "{name}");
    // What is written is as JLD2 writes it.
    let superblock = File::open(&new).unwrap().superblock().clone();
    assert!(superblock.version >= 2, "{name}");
    let front = superblock.offset > 512 || superblock.text.is_some();
    assert!(front, "{name}: {superblock:?}");
    fs::copy(input, &place).unwrap();
    jldconv(0, &[&"convert", &place, &"--mode", &"in-place", &"--verify", &"content"]);
    assert!(fs::read(input).unwrap() == fs::read(&place).unwrap(), "{name}");
    new
}

#[test]
fn the_samples_are_read_as_h5py_reads_them_and_go_through_every_mode() {
    let dir = tempfile::tempdir().unwrap();
    for (name, count) in [
        ("old.h5", 30),
        ("dense.h5", 136),
        ("matlab.mat", 9),
        ("names.h5", 50),
        ("names-old.h5", 50),
    ] {
        let expected = fs::read(sample(&format!("{name}.expected.json"))).unwrap();
        let expected: Value = serde_json::from_slice(&expected).unwrap();
        assert!(expected.as_object().unwrap().len() >= count, "{name}");
        let new = everywhere(dir.path(), &sample(name), &expected);
        let Some(python) = python() else { continue };
        // And h5py reads the same of what was laid out again.
        let values = printed(&run(&python, "groups.py", &["values".into(), new.clone()]));
        let values: Value = serde_json::from_str(&values).unwrap();
        assert_eq!(values[new.to_str().unwrap()], expected, "{name}");
        printed(&run(&python, "foreign.py", &["same".into(), sample(name), new]));
    }
}

/// Both versions of libhdf5 that Python has, in all versions of the format that each writes.
#[test]
fn what_h5py_makes_is_read_as_h5py_reads_it_and_goes_through_every_mode() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let made = printed(&run(&python, "groups.py", &["make".into(), dir.path().to_owned()]));
    let files: Vec<PathBuf> = made.lines().map(PathBuf::from).collect();
    assert!(files.len() > 40, "{files:?}");
    let args: Vec<_> = [PathBuf::from("values")].into_iter().chain(files.clone()).collect();
    let all: Value = serde_json::from_str(&printed(&run(&python, "groups.py", &args))).unwrap();
    let mut rewritten = vec![PathBuf::from("values")];
    let mut expected = Vec::new();
    for file in &files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let seen = &all[file.to_str().unwrap()];
        if name.starts_with("names-") && !name.contains("earliest") {
            // A name of 70,000 bytes fits into a heap, not into a header.
            as_h5py_reads(&dump(file), seen, name);
            let new = dir.path().join("refused.jld2");
            let said = jldconv(1, &[&"convert", &file, &new, &"--repack"]);
            assert!(said.contains("/g/8: ") && said.contains("70014 bytes"), "{said}");
            assert!(!new.exists());
            continue;
        }
        rewritten.push(everywhere(dir.path(), file, seen));
        expected.push(seen);
    }
    let all: Value =
        serde_json::from_str(&printed(&run(&python, "groups.py", &rewritten))).unwrap();
    for (file, seen) in rewritten.iter().skip(1).zip(expected) {
        assert_eq!(&all[file.to_str().unwrap()], seen, "{}", file.display());
    }
}

#[test]
fn links_that_lead_to_names_are_shown_compared_and_never_followed() {
    let dir = tempfile::tempdir().unwrap();
    let text = jldconv(0, &[&"dump", &sample("old.h5")]);
    assert!(text.contains("/soft -> /many/own\n") && text.contains("/nowhere -> /not/there\n"));
    let tree = jldconv(0, &[&"inspect", &sample("old.h5")]);
    assert!(tree.contains("soft         -> /many/own"), "{tree}");
    let json = jldconv(0, &[&"inspect", &"--json", &sample("dense.h5"), &"--full"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let many = json["tree"]["children"].as_array().unwrap().iter().find(|n| n["name"] == "many");
    let children = many.unwrap()["children"].as_array().unwrap();
    let outside = children.iter().find(|n| n["name"] == "outside").unwrap();
    let seen = (&outside["kind"], &outside["target"]);
    assert_eq!(seen, (&"external-link".into(), &"other.h5:/x".into()));
    let texts: Vec<_> = json["findings"].as_array().unwrap().iter().map(|f| &f["text"]).collect();
    assert!(
        texts.iter().any(|t| t.as_str().unwrap().contains("does not open a group")),
        "{texts:?}"
    );
    let said = jldconv(1, &[&"dump", &sample("old.h5"), &"/soft"]);
    assert!(said.contains("soft -> /many/own, which is not followed"), "{said}");
    // The name that a link leads to is part of what a file holds.
    let mut bytes = fs::read(sample("old.h5")).unwrap();
    let at = bytes.windows(9).position(|w| w == b"/many/own").unwrap();
    bytes[at + 6..at + 9].copy_from_slice(b"twn");
    let other = dir.path().join("other.h5");
    fs::write(&other, bytes).unwrap();
    let said = jldconv(1, &[&"verify", &sample("old.h5"), &other]);
    assert!(said.contains("/soft") && said.contains("-> /many/own"), "{said}");
}

#[test]
fn names_that_are_not_utf_8_are_told_and_kept_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["names.h5", "names-old.h5"] {
        let file = sample(name);
        let text = jldconv(0, &[&"dump", &file]);
        for path in ["/few/\\xff  ", "/many/gr\\xfc\\xdfe 39  ", "/few/ü  "] {
            assert!(text.contains(&format!("\n{path}")), "{path} of {text}");
        }
        assert!(text.contains("/soft/z\\xfcr\\xfcck -> /few/\\xff\n"), "{text}");
        assert!(text.contains("l\\xe4nge"), "{text}");
        // What is shown is what can be asked for.
        let one = jldconv(0, &[&"dump", &file, &r"/few/\xfe"]);
        assert!(one.starts_with(r"/few/\xfe  Vector{Int64}  7"), "{one}");
        let seen = jldconv(0, &[&"inspect", &file]);
        assert!(seen.contains("not UTF-8"), "{seen}");
        let new = dir.path().join(name);
        jldconv(0, &[&"convert", &file, &new, &"--repack"]);
        let bytes = fs::read(&new).unwrap();
        let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        assert!(has(b"gr\xfc\xdfe 39") && has(b"z\xfcr\xfcck") && !has(b"\\xfc"));
        let damaged = dir.path().join(format!("cut-{name}"));
        let mut zeroed = bytes;
        zeroed[..512].fill(0);
        fs::write(&damaged, &zeroed).unwrap();
        let saved = dir.path().join(format!("saved-{name}"));
        jldconv(0, &[&"rescue", &damaged, &saved]);
        assert_eq!(dump(&saved), dump(&new), "{name}");
    }
}

#[test]
fn references_to_groups_are_told_by_path() {
    let all = dump(&sample("old.h5"));
    let items = all["/refs"]["items"].as_array().unwrap();
    let group = |path: &str| serde_json::json!({ "t": "JLD2.Group", "v": path });
    assert_eq!(items[..2], [group("/many"), group("/a")]);
    assert_eq!(items[2]["dims"], serde_json::json!([3, 2]));
}

#[test]
fn one_object_that_jld2_does_not_read_does_not_take_the_file_away() {
    let dir = tempfile::tempdir().unwrap();
    let file = sample("regions.h5");
    for args in [&[&"dump" as &dyn AsRef<std::ffi::OsStr>, &"--json", &file][..], &[&"dump", &file]]
    {
        let said = jldconv(1, args);
        assert!(said.contains("/data") && said.contains("/group/inner"), "{said}");
        assert!(said.contains("2 objects are left out: /regions: "), "{said}");
        assert!(said.contains("references to regions of datasets: JLD2 does not read"), "{said}");
        assert!(said.contains("/group/long: ") && said.contains("not IEEE 754's"), "{said}");
    }
    // What was asked for and can be read is all there is to say.
    let inner = jldconv(0, &[&"dump", &file, &"/group/inner"]);
    assert!(inner.starts_with("/group/inner  Vector{Int64}  3"), "{inner}");
    let said = jldconv(1, &[&"dump", &file, &"/regions"]);
    assert!(said.contains("references to regions"), "{said}");
    let seen: Value = serde_json::from_str(&{
        let output = Command::new(env!("CARGO_BIN_EXE_jldconv"))
            .args(["inspect".as_ref(), "--json".as_ref(), file.as_os_str()])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).unwrap()
    })
    .unwrap();
    assert_eq!(seen["action"]["do"], "nothing", "{seen}");
    let nodes = seen["tree"]["children"].as_array().unwrap();
    let regions = nodes.iter().find(|n| n["name"] == "regions").unwrap();
    assert_eq!(regions["kind"], "foreign");
    assert!(regions["problem"].as_str().unwrap().contains("references to regions"), "{regions}");
    assert!(nodes.iter().any(|n| n["name"] == "data" && n["dims"] == serde_json::json!([6])));
    let finding = &seen["findings"][0];
    let seen = (&finding["severity"], &finding["object"]);
    assert_eq!(seen, (&"failure".into(), &"/regions".into()));
    // A copy keeps what a rewrite cannot lay out again.
    let out = dir.path().join("out.jld2");
    let said = jldconv(1, &[&"convert", &file, &out, &"--repack"]);
    assert!(said.contains("/regions: ") && said.contains("a rewrite cannot keep it"), "{said}");
    assert!(!out.exists());
    let said = jldconv(0, &[&"convert", &file, &out]);
    assert!(said.contains("unchanged") && said.contains("failure: /regions: it cannot"), "{said}");
    assert_eq!(fs::read(&out).unwrap(), fs::read(&file).unwrap());
    // That it did is told, as far as it can be, and what cannot be read is named.
    for strict in [&[][..], &["--strict"]] {
        let mut args: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"verify", &file, &out];
        args.extend(strict.iter().map(|arg| arg as &dyn AsRef<std::ffi::OsStr>));
        let said = jldconv(0, &args);
        let unread = "equal: 3 datasets with the same types and values; 1 object that cannot be \
                      read, the same byte by byte: /regions\n";
        assert_eq!(said, unread);
        args.push(&"--json");
        let json: Value = serde_json::from_str(&jldconv(0, &args)).unwrap();
        assert_eq!((&json["verdict"], &json["equal"]), (&"equal".into(), &true.into()));
        assert_eq!(json["unread"][0]["path"], "/regions");
        let why = json["unread"][0]["why"].as_str().unwrap();
        assert!(why.contains("references to regions"), "{why}");
    }
    // One byte of its data, and one of its header: its shape.
    let opened = File::open(&file).unwrap();
    let root = opened.object(opened.superblock().root).unwrap();
    let ObjectKind::Group(group) = &root.kind else { panic!("no group") };
    let addr = group.held.iter().find(|link| link.name == "regions").unwrap().target;
    let (source, superblock) = (opened.source(), opened.superblock());
    let header = ObjectHeader::read(source, superblock, addr, Checksums::Trusted).unwrap();
    let message = |of: u8| header.of_kind(of).next().unwrap();
    let mut layout = header.cursor(message(kind::LAYOUT), "layout");
    let Layout::Contiguous { addr, .. } = Layout::parse(&mut layout).unwrap() else {
        panic!("not in one piece")
    };
    let data = opened.offset(addr, "data").unwrap();
    let shape = message(kind::DATASPACE);
    let flags = shape.body + u64::from(shape.len) - 1;
    let chunk = &header.chunks[0];
    for at in [data, flags] {
        let mut changed = fs::read(&file).unwrap();
        changed[usize::try_from(at).unwrap()] ^= 1;
        if chunk.has_checksum {
            let [start, end] = [chunk.offset, chunk.checksum].map(|n| usize::try_from(n).unwrap());
            let sum = lookup3(&changed[start..end]);
            changed[end..end + 4].copy_from_slice(&sum.to_le_bytes());
        }
        fs::write(&out, &changed).unwrap();
        for (a, b) in [(&file, &out), (&out, &file)] {
            let said = jldconv(1, &[&"verify", a, b]);
            assert!(said.contains("/regions: cannot be read\n"), "{at}: {said}");
            assert!(said.contains("different"), "{at}: {said}");
        }
    }
}

/// What elements lead to is compared as well where it cannot be read, in heaps and by references: a file
/// equals itself, and one with a changed byte there does not.
#[test]
fn what_leads_to_something_that_cannot_be_read_is_compared_byte_by_byte() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out.jld2");
    let file = sample("leads-to-regions.h5");
    let unread = "equal: 3 datasets with the same types and values; 3 objects that cannot be read, the \
                  same byte by byte: /refs, /regions, /sequences\n";
    fs::copy(&file, &out).unwrap();
    for strict in [&[][..], &["--strict"]] {
        for other in [&file, &out] {
            let mut args: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"verify", &file, other];
            args.extend(strict.iter().map(|arg| arg as &dyn AsRef<std::ffi::OsStr>));
            assert_eq!(jldconv(0, &args), unread);
        }
    }
    let opened = File::open(&file).unwrap();
    let root = opened.object(opened.superblock().root).unwrap();
    let ObjectKind::Group(group) = &root.kind else { panic!("no group") };
    let find = |name: &str| group.held.iter().find(|link| link.name == name).unwrap().target;
    let place = |name: &str| {
        let object = opened.object(find(name)).unwrap();
        opened.stored_offset(object.dataset().unwrap()).unwrap().unwrap()
    };
    let slot = opened.source().read(place("sequences"), 16, "slot").unwrap();
    let (in_heap, len) = opened.vlen(&slot, 0, 8).unwrap().unwrap();
    assert_eq!(len, 16);
    // References to the data in the place of those to regions, and the data that both refer to.
    let data = find("data").0.to_le_bytes();
    let numbers = place("data");
    for (at, bytes, path) in [
        (place("refs") + 8, &data[..], "/refs"),
        (in_heap + 8, &data[..], "/sequences"),
        (numbers, &[1][..], "/refs"),
        (numbers, &[1][..], "/sequences"),
    ] {
        let mut changed = fs::read(&file).unwrap();
        let at = usize::try_from(at).unwrap();
        assert!(changed[at..at + bytes.len()] != *bytes);
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        fs::write(&out, &changed).unwrap();
        for (a, b) in [(&file, &out), (&out, &file)] {
            let said = jldconv(1, &[&"verify", a, b]);
            assert!(said.contains(&format!("{path}: cannot be read\n")), "{path}: {said}");
            assert!(said.contains("different"), "{said}");
        }
    }
}

/// How many of the blocks that hold links of /hydro/information are others.
fn in_heaps(before: &[u8], after: &[u8]) -> usize {
    let file = File::from_source(jldconv::h5::Source::from_bytes(before.to_vec())).unwrap();
    let mut object = file.object(file.superblock().root).unwrap();
    for name in ["hydro", "information"] {
        let ObjectKind::Group(group) = &object.kind else { return 0 };
        let link = group.held.iter().find(|l| l.name == name).unwrap();
        object = file.object(link.target).unwrap();
    }
    let storage = object.header.storage.iter().map(Result::unwrap);
    let summed = storage.filter(|s| s.checksum.is_some());
    let range = |s: &Storage| usize::try_from(s.start).unwrap()..usize::try_from(s.end).unwrap();
    summed.filter(|s| before.get(range(s)) != after.get(range(s))).count()
}

/// Of a file of JLD2 whose groups h5py moved into heaps, links to what rules replace are redirected
/// there: checksums of blocks, which libhdf5 compares, are put right.
#[test]
fn links_in_heaps_are_redirected_in_place_and_back() {
    let Some(python) = python() else { return };
    let base = Path::new(env!("CARGO_MANIFEST_DIR"));
    let base = base.join("tests/data/mera/e4b-lz4/output_00100.jld2");
    let dir = tempfile::tempdir().unwrap();
    let [file, plain, patched, new] =
        ["file", "plain", "patched", "new"].map(|n| dir.path().join(format!("{n}.jld2")));
    fs::copy(&base, &file).unwrap();
    printed(&run(&python, "groups.py", &["grow".into(), file.clone()]));
    let grown = fs::read(&file).unwrap();
    jldconv(0, &[&"convert", &base, &plain]);
    jldconv(0, &[&"convert", &file, &patched, &"--mode", &"patch", &"--verify", &"content"]);
    jldconv(0, &[&"convert", &file, &new, &"--repack", &"--verify", &"content"]);
    let wanted = dump(&plain);
    for output in [&patched, &new] {
        let found = dump(output);
        for (path, value) in wanted.as_object().unwrap() {
            assert_eq!(&found[path], value, "{path}");
        }
        assert_eq!(found["/hydro/added 29"]["dims"], serde_json::json!([2]));
        jldconv(0, &[&"verify", &file, output]);
        // h5py opens everything that it opened before.
        let files = [file.clone(), output.clone()];
        assert!(printed(&run(&python, "readable.py", &files)).ends_with(" datasets\n"));
    }
    assert!(in_heaps(&grown, &fs::read(&patched).unwrap()) > 0, "no link in a heap was redirected");
    jldconv(0, &[&"convert", &file, &"--mode", &"in-place", &"--verify", &"content"]);
    assert!(fs::read(&file).unwrap() == fs::read(&patched).unwrap());
    jldconv(0, &[&"undo", &file]);
    assert!(fs::read(&file).unwrap() == grown, "undone is not as it was");
}
