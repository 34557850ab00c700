//! Files that libhdf5 wrote or added to, whose checksums were lost, that were never closed, or whose
//! user block is not JLD2's: the programs on real files, read back by h5py and `h5dump` where they
//! are there.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/clean.rs"]
mod clean;
#[path = "common/python.rs"]
mod runner;

use clean::clean;
use jldconv::h5::checksum::lookup3;
use jldconv::h5::{
    Attribute, Checked, Datatype, File, FillValue, Object, ObjectKind, Result, Source, Trace,
    TypeRef, Visitor, header_flag, kind,
};
use runner::{printed, python, run};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

const BASE: &str = "tests/data/mera/e4b-lz4/output_00100.jld2";

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/failing").join(name)
}

/// A directory to work in.
struct WorkDir(tempfile::TempDir);

/// How a program ended.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ended {
    #[track_caller]
    fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }

    fn said(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

impl WorkDir {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.at(name), bytes).unwrap();
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.at(name)).unwrap()
    }

    fn run(&self, program: &str, line: &str) -> Ended {
        let program = match program {
            "jldconv" => env!("CARGO_BIN_EXE_jldconv"),
            _ => env!("CARGO_BIN_EXE_jldconv-supervisor"),
        };
        let mut command = Command::new(program);
        clean(&mut command);
        let output = command.current_dir(self.0.path()).args(line.split(' ')).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    fn jldconv(&self, line: &str) -> Ended {
        self.run("jldconv", line)
    }

    /// What `jldconv dump --json` prints of a file.
    #[track_caller]
    fn dump(&self, name: &str) -> Value {
        self.jldconv(&format!("dump --json {name}")).ends(0).json()
    }

    /// Converts `in.jld2` in all three modes: patched, rewritten, and in place, taken back and done
    /// again. Gives the names of the outputs.
    #[track_caller]
    fn everywhere(&self, more: &str) -> [&'static str; 3] {
        let before = self.bytes("in.jld2");
        for output in ["patched.jld2", "new.jld2", "place.jld2"] {
            let _ = fs::remove_file(self.at(output));
        }
        self.jldconv(&format!("convert in.jld2 patched.jld2 --verify content{more}")).ends(0);
        self.jldconv(&format!("convert in.jld2 new.jld2 --repack --verify content{more}")).ends(0);
        self.put("place.jld2", &before);
        let in_place = format!("convert place.jld2 --mode in-place --verify content{more}");
        self.jldconv(&in_place).ends(0);
        let changed = self.bytes("place.jld2");
        if changed != before {
            self.jldconv("undo place.jld2").ends(0);
            assert!(self.bytes("place.jld2") == before, "undone is not as it was");
            self.jldconv(&in_place).ends(0);
            assert!(self.bytes("place.jld2") == changed);
        }
        assert!(changed == self.bytes("patched.jld2"), "in place gives what a patch gives");
        assert!(self.bytes("in.jld2") == before);
        ["patched.jld2", "new.jld2", "place.jld2"]
    }

    /// Fails unless `jldconv verify` finds nothing in each output but what rules explain.
    #[track_caller]
    fn verify(&self, outputs: &[&str]) {
        for output in outputs {
            self.jldconv(&format!("verify in.jld2 {output}")).ends(0);
        }
    }
}

/// Looks at each object of a file.
struct Each<'a>(&'a mut dyn FnMut(&Object, &str));

impl Visitor for Each<'_> {
    fn object(&mut self, object: &Object, path: &str) -> Result<()> {
        (self.0)(object, path);
        Ok(())
    }
}

#[track_caller]
fn each(path: &Path, look: &mut dyn FnMut(&Object, &str)) {
    let file = File::open(path).unwrap();
    Trace::run(&file, &mut Each(look)).unwrap();
}

/// Fails unless every checksum is right and every datatype has a version.
#[track_caller]
fn is_sound(path: &Path) {
    fn versions(datatype: &Datatype, path: &str) {
        use jldconv::h5::Class;
        assert!(datatype.version >= 1, "{path}");
        match &datatype.class {
            Class::Compound(members) => members.iter().for_each(|m| versions(&m.datatype, path)),
            Class::Vlen { base, .. } | Class::Array { base, .. } | Class::Enum(base) => {
                versions(base, path);
            }
            _ => {}
        }
    }
    let inline = |datatype: &TypeRef, path: &str| {
        if let TypeRef::Inline(datatype) = datatype {
            versions(datatype, path);
        }
    };
    let mut objects = 0;
    each(path, &mut |object, path| {
        objects += 1;
        assert!(object.header.chunks.iter().all(|c| c.checked == Checked::Right), "{path}");
        match &object.kind {
            ObjectKind::Dataset(d) => inline(&d.datatype, path),
            ObjectKind::Datatype(d) => versions(d, path),
            ObjectKind::Group(_) => {}
        }
        object.attributes.iter().for_each(|a: &Attribute| inline(&a.datatype, path));
    });
    assert!(objects > 0);
}

/// Runs `h5dump` on a dataset; `None` where it is missing.
fn h5dump(path: &Path, dataset: &str) -> Option<String> {
    let output = Command::new("h5dump").args(["-p", "-d", dataset]).arg(path).output();
    let Ok(output) = output else {
        eprintln!("skipped: no h5dump");
        return None;
    };
    Some([output.stdout, output.stderr].map(|b| String::from_utf8_lossy(&b).into_owned()).concat())
}

/// Fails unless h5py finds the same in each output as in the input.
#[track_caller]
fn same_for_h5py(place: &WorkDir, outputs: &[&str]) {
    let Some(python) = python() else { return };
    for output in outputs {
        let args = ["same".into(), place.at("in.jld2"), place.at(output)];
        printed(&run(&python, "foreign.py", &args));
    }
}

#[test]
fn strings_that_h5py_added_to_a_mera_file_go_through_every_mode() {
    let place = WorkDir::new();
    fs::copy(data("h5py_vlen_appended.jld2"), place.at("in.jld2")).unwrap();
    let notes = &place.dump("in.jld2")["/hydro/notes"];
    assert_eq!(notes["items"][0]["t"], "Core.String", "{notes}");
    for output in place.everywhere("") {
        let after = place.dump(output);
        assert_eq!(&after["/hydro/notes"], notes, "{output}");
        let again = place.jldconv(&format!("inspect --json {output}")).ends(0).json();
        assert_eq!(again["action"]["do"], "nothing", "{again}");
        if let Some(python) = python() {
            let args = [place.at("in.jld2"), place.at(output)];
            printed(&run(&python, "readable.py", &args));
        }
    }
}

#[test]
fn a_heap_that_libhdf5_filled_to_the_last_byte_is_read() {
    let place = WorkDir::new();
    fs::copy(data("full_libhdf5_heap.jld2"), place.at("in.jld2")).unwrap();
    let before = place.dump("in.jld2");
    let strings = before["/s"]["items"].as_array().unwrap();
    let values: Vec<_> = strings.iter().map(|s| s["v"].as_str().unwrap()).collect();
    let expected: Vec<_> = (0..170).map(|i| format!("{i:08}")).collect();
    assert_eq!(values, expected);
    for output in place.everywhere("") {
        assert_eq!(place.dump(output), before, "{output}");
    }
    same_for_h5py(&place, &["patched.jld2", "new.jld2", "place.jld2"]);
}

#[test]
fn heap_ids_in_fill_values_are_relocated() {
    let place = WorkDir::new();
    fs::copy(data("fillvlen.jld2"), place.at("in.jld2")).unwrap();
    place.jldconv("convert in.jld2 zstd.jld2 --compress zstd --verify content").ends(0);
    place.jldconv("convert in.jld2 new.jld2 --repack --verify content").ends(0);
    for name in ["in.jld2", "zstd.jld2", "new.jld2"] {
        let file = File::open(&place.at(name)).unwrap();
        let mut fills = Vec::new();
        each(&place.at(name), &mut |object, path| {
            if path == "/x" {
                let values = FillValue::all(&object.header).unwrap();
                fills.extend(values.iter().map(|v| (v.bytes.to_vec(), v.offset)));
            }
        });
        let [(vlen, at)] = fills.as_slice() else { panic!("{name}: {fills:?}") };
        let (offset, len) = file.vlen(vlen, *at, 1).unwrap().unwrap();
        let text = file.source().read(offset, usize::try_from(len).unwrap(), "text").unwrap();
        assert_eq!(text, b"FILL", "{name}");
    }
    place.verify(&["new.jld2", "zstd.jld2"]);
    // h5py and hdf5plugin decode zstd, too.
    same_for_h5py(&place, &["new.jld2", "zstd.jld2"]);
    if let Some(dumped) = h5dump(&place.at("new.jld2"), "/x") {
        assert!(dumped.contains("VALUE  \"FILL\""), "{dumped}");
    }
}

#[test]
fn a_fill_value_that_leads_nowhere_is_told_and_stops_a_rewrite_only() {
    let place = WorkDir::new();
    let mut bytes = fs::read(data("fillvlen.jld2")).unwrap();
    let mut at = 0;
    each(&data("fillvlen.jld2"), &mut |object, path| {
        if path == "/x" {
            at = usize::try_from(FillValue::all(&object.header).unwrap()[0].offset).unwrap();
        }
    });
    // The index of the heap object, and the checksum of the header around it.
    bytes[at + 12] = 99;
    place.put("poked.jld2", &bytes);
    place.jldconv("convert poked.jld2 in.jld2 --trust-checksums no").ends(0);
    let seen = place.jldconv("inspect in.jld2").ends(0);
    assert!(seen.out.contains("its fill value leads to no string"), "{}", seen.out);
    place.jldconv("convert in.jld2 patched.jld2 --verify content").ends(0);
    place.dump("in.jld2");
    let said = place.jldconv("convert in.jld2 new.jld2 --repack").ends(1).said();
    assert!(said.contains("heap id"), "{said}");
    assert!(!place.at("new.jld2").exists());
}

#[test]
fn the_order_of_creation_survives_a_rewrite() {
    for name in ["order.jld2", "order2.jld2"] {
        let place = WorkDir::new();
        fs::copy(data(name), place.at("in.jld2")).unwrap();
        place.jldconv("convert in.jld2 new.jld2 --repack --verify content").ends(0);
        let look = |name: &str| {
            let rewritten = name == "new.jld2";
            let mut tracked = Vec::new();
            each(&place.at(name), &mut |object, path| {
                let header = &object.header;
                let orders: Vec<_> = header.of_kind(kind::ATTRIBUTE).map(|m| m.order).collect();
                let names: Vec<_> = object.attributes.iter().map(|a| a.name.clone()).collect();
                let mut flags = header.flags & header_flag::KEPT;
                if matches!(object.kind, ObjectKind::Group(_)) && orders.is_empty() {
                    // JLD2 could not add to a group that numbers its attributes.
                    assert!(!rewritten || flags & header_flag::ORDER_TRACKED == 0, "{path}");
                    flags = 0;
                }
                tracked.push((path.to_owned(), flags, header.extra.clone(), orders, names));
            });
            tracked.sort();
            tracked
        };
        let before = look("in.jld2");
        let order = header_flag::ORDER_TRACKED | header_flag::ORDER_INDEXED;
        let ordered = before.iter().filter(|(_, flags, ..)| flags & order == order).count();
        assert!(ordered > 0, "{before:?}");
        assert_eq!(look("new.jld2"), before);
        place.verify(&["new.jld2"]);
        same_for_h5py(&place, &["new.jld2"]);
    }
}

#[test]
fn datatypes_without_a_version_get_one() {
    let place = WorkDir::new();
    fs::copy(data("version-nibble-0.4.51.jld2"), place.at("in.jld2")).unwrap();
    let seen = place.jldconv("inspect --json in.jld2").ends(0).json();
    let findings = seen["findings"].as_array().unwrap();
    let texts: Vec<_> = findings.iter().map(|f| f["text"].as_str().unwrap()).collect();
    assert!(texts.iter().any(|t| t.contains("JLD2 0.4.51 and 0.4.52")), "{texts:?}");
    assert_eq!(
        (&seen["action"]["do"], &seen["action"]["bytes_appended"]),
        (&"patch".into(), &0.into())
    );
    let before = place.dump("in.jld2");
    let broken = h5dump(&place.at("in.jld2"), "/foo");
    assert!(broken.is_none_or(|dumped| dumped.contains("error")));
    for output in place.everywhere("") {
        is_sound(&place.at(output));
        assert_eq!(place.dump(output), before, "{output}");
        if let Some(dumped) = h5dump(&place.at(output), "/foo") {
            assert!(dumped.contains("DATA {") && !dumped.contains("error"), "{dumped}");
        }
    }
    place.verify(&["patched.jld2", "new.jld2"]);
    assert_eq!(place.bytes("in.jld2").len(), place.bytes("patched.jld2").len());
}

#[test]
fn lost_checksums_are_told_and_put_right() {
    for name in ["zero-type-checksum.jld2", "zero-root-checksum.jld2"] {
        let place = WorkDir::new();
        fs::copy(data(name), place.at("in.jld2")).unwrap();
        let seen = place.jldconv("inspect in.jld2").ends(0);
        assert!(seen.out.contains("its header is zero"), "{}", seen.out);
        let before = place.dump("in.jld2");
        for output in place.everywhere("") {
            is_sound(&place.at(output));
            assert_eq!(place.dump(output), before, "{name}: {output}");
            if let Some(dumped) = h5dump(&place.at(output), "/d") {
                assert!(dumped.contains("DATA {") && !dumped.contains("error"), "{dumped}");
            }
        }
        place.verify(&["patched.jld2", "new.jld2"]);
        // Only the checksum changed.
        let (old, new) = (place.bytes("in.jld2"), place.bytes("patched.jld2"));
        let differing: Vec<_> = (0..old.len()).filter(|&i| old[i] != new[i]).collect();
        assert!(differing.len() <= 4 && differing[0] + 4 > differing[differing.len() - 1]);
    }
}

/// Where the checksum of the root group's header stands.
fn root_checksum(bytes: &[u8]) -> usize {
    let file = File::from_source(Source::from_bytes(bytes.to_vec())).unwrap();
    let root = file.object(file.superblock().root).unwrap();
    usize::try_from(root.header.chunks.first().unwrap().checksum).unwrap()
}

#[test]
fn a_wrong_checksum_is_damage_unless_checksums_are_not_trusted() {
    let place = WorkDir::new();
    let whole = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(BASE)).unwrap();
    let mut bytes = whole.clone();
    let at = root_checksum(&bytes);
    bytes[at] ^= 0x40;
    place.put("in.jld2", &bytes);
    for line in ["inspect in.jld2", "convert in.jld2 out.jld2", "dump in.jld2"] {
        let said = place.jldconv(line).ends(1).said();
        assert!(said.contains("object header checksum"), "{line}: {said}");
        assert!(said.contains("--trust-checksums no"), "{line}: {said}");
        assert!(!place.at("out.jld2").exists());
    }
    let seen = place.jldconv("inspect --json in.jld2 --trust-checksums no").ends(0).json();
    let findings = seen["findings"].as_array().unwrap();
    let told = findings.iter().find(|f| f["text"].as_str().unwrap().contains("is wrong")).unwrap();
    assert_eq!((&told["severity"], &told["object"]), (&"warning".into(), &"/".into()));
    place.put("whole.jld2", &whole);
    let expected = place.dump("whole.jld2");
    let read = place.jldconv("dump --json in.jld2 --trust-checksums no").ends(0).json();
    assert_eq!(read, expected);
    place.jldconv("convert whole.jld2 expected.jld2").ends(0);
    let expected = place.dump("expected.jld2");
    for output in place.everywhere(" --trust-checksums no") {
        is_sound(&place.at(output));
        assert_eq!(place.dump(output), expected, "{output}");
    }
}

/// Where the checksums of blocks with one of these signatures stand, which follow the bytes that they
/// are about.
fn block_checksums(bytes: &[u8]) -> Vec<(&'static [u8], usize)> {
    let signatures: [&[u8]; 11] = [
        b"FRHP", b"FHIB", b"BTHD", b"BTIN", b"BTLF", b"FAHD", b"FADB", b"EAHD", b"EAIB", b"EASB",
        b"EADB",
    ];
    let mut found = Vec::new();
    let part = |range: Range<usize>| bytes.get(range).unwrap();
    for signature in signatures {
        for start in (0..bytes.len() - 4).filter(|&n| part(n..n + 4) == signature) {
            let sum = |at: usize| part(at..at + 4) == lookup3(part(start..at)).to_le_bytes();
            // We do not read the trees that tell the order of creation, nor does JLD2.
            if signature.starts_with(b"BT") && matches!(part(start + 5..start + 6), [6 | 9]) {
                continue;
            }
            let mut ends = (start + 8..bytes.len() - 4).take(8192);
            found.extend(ends.find(|&at| sum(at)).map(|at| (signature, at)));
        }
    }
    found
}

/// In indexes of chunks, and in trees and heaps of links and attributes.
#[test]
fn wrong_checksums_outside_headers_are_put_right_where_checksums_are_not_trusted() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    for (name, kinds) in [("hdf5/dense.h5", 4), ("chunks/arrays.h5", 5), ("chunks/layout5.h5", 2)] {
        let place = WorkDir::new();
        let whole = fs::read(data.join(name)).unwrap();
        let blocks = block_checksums(&whole);
        let found: BTreeSet<_> = blocks.iter().map(|(signature, _)| *signature).collect();
        assert!(found.len() >= kinds, "{name}: {blocks:?}");
        let mut bytes = whole.clone();
        for (_, at) in &blocks {
            bytes[at + 1] ^= 0x10;
        }
        place.put("in.jld2", &bytes);
        place.put("whole.jld2", &whole);
        let said = place.jldconv("convert in.jld2 out.jld2").ends(1).said();
        assert!(said.contains("checksum") && said.contains("--trust-checksums no"), "{said}");
        let seen = place.jldconv("inspect in.jld2 --trust-checksums no").ends(0);
        assert!(seen.out.contains("a checksum in an index of chunks"), "{name}: {}", seen.out);
        let outputs = place.everywhere(" --trust-checksums no");
        for output in outputs {
            is_sound(&place.at(output));
            assert_eq!(place.dump(output), place.dump("whole.jld2"), "{name}: {output}");
        }
        // Nothing else was amiss, so that all is as it was.
        assert!(place.bytes("patched.jld2") == whole, "{name}");
    }
}

/// What is read as a type but declared as something else, so that a rewrite would take its parameters for
/// data, is refused where it stands, whatever is made of the file.
#[test]
fn a_type_that_is_declared_otherwise_is_refused_at_its_place() {
    let place = WorkDir::new();
    place.put("in.jld2", &fs::read(data("type-declared-otherwise.jld2")).unwrap());
    for line in
        ["convert in.jld2 out.jld2", "convert in.jld2 out.jld2 --repack", "dump --json in.jld2"]
    {
        let said = place.jldconv(&format!("{line} --trust-checksums no")).ends(1).said();
        assert!(said.contains("at byte 5042: declaration of a type"), "{line}: {said}");
        assert!(!place.at("out.jld2").exists());
    }
}

/// An object that JLD2 does not read costs itself, but not the check of the output: that must be a file
/// whose checksums hold, whichever way it is checked.
#[test]
fn a_wrong_checksum_of_an_object_that_cannot_be_read_is_not_handed_on() {
    let place = WorkDir::new();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hdf5/regions.h5");
    let mut bytes = fs::read(sample).unwrap();
    bytes[596] ^= 8;
    place.put("in.jld2", &bytes);
    for level in ["none", "structure", "bytes", "content"] {
        let said = place
            .jldconv(&format!("convert in.jld2 {level}.jld2 --trust-checksums no --verify {level}"))
            .ends(1)
            .said();
        // Values cannot be compared in any case.
        let words = if level == "content" { "/group/long" } else { "object header checksum" };
        assert!(said.contains(words), "{level}: {said}");
        assert!(!place.at(&format!("{level}.jld2")).exists(), "{level}");
    }
}

/// In place nothing reads the file back that does not let it pass, so it is told.
#[test]
fn a_wrong_checksum_of_what_cannot_be_read_is_told_in_place() {
    let place = WorkDir::new();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hdf5/regions.h5");
    let mut bytes = fs::read(sample).unwrap();
    // Of the header of /regions.
    bytes[711] ^= 8;
    place.put("in.jld2", &bytes);
    let said = "the checksum of its header, at byte 711, is wrong as well";
    for line in [
        "inspect in.jld2 --trust-checksums no",
        "convert in.jld2 --mode in-place --dry-run --trust-checksums no",
        "convert in.jld2 --mode in-place --trust-checksums no",
    ] {
        let out =
            place.jldconv(line).ends(0).said().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(out.contains("/regions") && out.contains(said), "{line}: {out}");
    }
    let out = place.jldconv("dump in.jld2 /regions --trust-checksums no").ends(1).said();
    assert!(out.contains(said), "{out}");
    assert!(place.bytes("in.jld2") == bytes, "nothing is changed in what cannot be read");
    let out = place.jldconv("convert in.jld2 out.jld2 --trust-checksums no").ends(1).said();
    assert!(out.contains("object header checksum"), "{out}");
}

/// What was told of a file whose checksum is wrong: nothing else is compared otherwise.
#[test]
fn files_with_wrong_checksums_are_compared_where_checksums_are_not_trusted() {
    let place = WorkDir::new();
    let whole = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(BASE)).unwrap();
    let mut wrong = whole.clone();
    let at = root_checksum(&wrong);
    wrong[at] ^= 0x40;
    for folder in ["old", "new", "other"] {
        fs::create_dir(place.at(folder)).unwrap();
    }
    place.put("old/output_00001.jld2", &wrong);
    place.put("other/output_00001.jld2", &whole);
    place
        .jldconv("convert old/output_00001.jld2 new/output_00001.jld2 --trust-checksums no")
        .ends(0);
    for new in ["new", "other"] {
        let pair = format!("old/output_00001.jld2 {new}/output_00001.jld2");
        let said = place.jldconv(&format!("verify {pair}")).ends(1).said();
        assert!(said.contains("object header checksum"), "{said}");
        assert!(said.contains("--trust-checksums no"), "{said}");
        let told = place.jldconv(&format!("verify {pair} --trust-checksums no")).ends(0);
        let passed = "let pass, as asked for: 1 wrong checksum in A and 0 in B\n";
        assert!(told.out.starts_with(passed), "{}", told.out);
        let json = format!("verify {pair} --trust-checksums no --json");
        assert_eq!(
            place.jldconv(&json).ends(0).json()["wrong_checksums"],
            serde_json::json!([1, 0])
        );
        // Directories, and with a worker for each pair.
        for program in ["jldconv", "jldconv-supervisor"] {
            place.run(program, &format!("verify old {new}")).ends(1);
            let told =
                place.run(program, &format!("verify old {new} --trust-checksums no")).ends(0);
            assert!(told.out.starts_with("1 file: 1 equal"), "{told:?}");
            let line = format!("verify old {new} --trust-checksums no -v");
            let told = place.run(program, &line).ends(0).out;
            assert!(told.contains("; 1 wrong checksum in A and 0 in B let pass\n"), "{told}");
        }
    }
    // Values still count.
    let other =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera/e6-lz4/output_00300.jld2");
    fs::copy(other, place.at("other/output_00001.jld2")).unwrap();
    place
        .jldconv("verify old/output_00001.jld2 other/output_00001.jld2 --trust-checksums no")
        .ends(1);
}

/// Mera's `merafile_version` as a time, which JLD2 does not read.
#[test]
fn a_version_of_mera_that_cannot_be_read_costs_itself() {
    const PATH: &str = "/hydro/information/versions/merafile_version";
    let place = WorkDir::new();
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join(BASE);
    let mut bytes = fs::read(&base).unwrap();
    let mut found = None;
    each(&base, &mut |object, path| {
        if path == PATH {
            let chunk = object.header.chunks.first().unwrap();
            let datatype = object.header.of_kind(kind::DATATYPE).next().unwrap();
            found = Some((datatype.body, chunk.offset, chunk.checksum));
        }
    });
    let (datatype, start, end) = found.unwrap();
    let [datatype, start, end] = [datatype, start, end].map(|at| usize::try_from(at).unwrap());
    assert_eq!(bytes[datatype] & 0x0f, 1, "a float");
    bytes[datatype] = bytes[datatype] & 0xf0 | 2;
    let sum = lookup3(&bytes[start..end]);
    bytes[end..end + 4].copy_from_slice(&sum.to_le_bytes());
    place.put("in.jld2", &bytes);
    fs::copy(&base, place.at("whole.jld2")).unwrap();
    let seen = place.jldconv("inspect --json in.jld2").ends(0).json();
    let finding = &seen["findings"][0];
    assert_eq!((&finding["severity"], &finding["object"]), (&"failure".into(), &PATH.into()));
    assert!(finding["text"].as_str().unwrap().contains("times"), "{finding}");
    // All else is told as of the whole file.
    let whole = place.jldconv("inspect --json whole.jld2").ends(0).json();
    let (mut of_it, mut of_whole) = (seen["data"].clone(), whole["data"].clone());
    for data in [&mut of_it, &mut of_whole] {
        data[0]["versions"].as_object_mut().unwrap().remove("merafile_version");
    }
    assert_eq!(of_it, of_whole);
    let seen = place.jldconv("inspect in.jld2").ends(0);
    assert!(seen.out.contains(PATH) && seen.out.contains("Mera file"), "{}", seen.out);
}

#[test]
fn a_wrong_checksum_of_the_superblock_is_put_right_where_checksums_are_not_trusted() {
    let place = WorkDir::new();
    let mut bytes = fs::read(data("version-nibble-0.4.51.jld2")).unwrap();
    bytes[556] ^= 1;
    place.put("in.jld2", &bytes);
    let said = place.jldconv("convert in.jld2 out.jld2").ends(1).said();
    assert!(
        said.contains("superblock checksum") && said.contains("--trust-checksums no"),
        "{said}"
    );
    let seen = place.jldconv("inspect in.jld2 --trust-checksums no").ends(0);
    assert!(seen.out.contains("the checksum of the superblock is wrong"), "{}", seen.out);
    for output in place.everywhere(" --trust-checksums no") {
        is_sound(&place.at(output));
    }
}

#[test]
fn a_zeroed_block_is_never_taken_for_a_lost_checksum() {
    let whole = fs::read(data("version-nibble-0.4.51.jld2")).unwrap();
    let place = WorkDir::new();
    // Where headers say something: the filler at the end of one is zero anyway.
    let mut headers = Vec::new();
    each(&data("version-nibble-0.4.51.jld2"), &mut |object, _| {
        let [chunk] = object.header.chunks.as_slice() else { panic!("one chunk each") };
        let last = object.header.messages.last().unwrap();
        let filler = last.kind == kind::NIL;
        headers.push(chunk.offset..if filler { last.offset + 2 } else { chunk.end() });
    });
    let mut refused = 0;
    for block in (1024..whole.len()).step_by(512) {
        let mut bytes = whole.clone();
        let end = (block + 512).min(bytes.len());
        bytes[block..end].fill(0);
        place.put("in.jld2", &bytes);
        let ended = place.jldconv("convert in.jld2 out.jld2 --force");
        if headers.iter().any(|h| h.start < end as u64 && h.end > block as u64) {
            assert_eq!(ended.code, Some(1), "block at {block}: {ended:?}");
            refused += 1;
        }
    }
    assert!(refused > 2, "{refused}");
}

#[test]
fn the_supervisor_hands_the_trust_on_to_its_workers() {
    let place = WorkDir::new();
    fs::create_dir(place.at("in")).unwrap();
    let mut wrong = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(BASE)).unwrap();
    let at = root_checksum(&wrong);
    wrong[at..at + 4].copy_from_slice(&[1, 2, 3, 4]);
    place.put("in/output_00001.jld2", &wrong);
    // A zero is let pass without being asked.
    wrong[at..at + 4].fill(0);
    place.put("in/output_00002.jld2", &wrong);
    fs::copy(data("killed-writer-small.jld2"), place.at("in/output_00003.jld2")).unwrap();
    let said = place.run("jldconv-supervisor", "in out -y --progress plain").ends(1).said();
    assert!(said.contains("object header checksum"), "{said}");
    assert!(said.contains("--trust-checksums no"), "{said}");
    assert!(said.contains("its writer was killed before the file was closed"), "{said}");
    assert!(!place.at("out/output_00001.jld2").exists());
    is_sound(&place.at("out/output_00002.jld2"));
    let line = "in other -y --progress plain --range 1-2 --trust-checksums no";
    place.run("jldconv-supervisor", line).ends(0);
    is_sound(&place.at("other/output_00001.jld2"));
    assert_eq!(place.bytes("other/output_00001.jld2"), place.bytes("out/output_00002.jld2"));
}

#[test]
fn a_file_that_was_never_closed_is_named_by_every_command() {
    let place = WorkDir::new();
    fs::copy(data("killed-writer-small.jld2"), place.at("in.jld2")).unwrap();
    let lines = [
        "inspect in.jld2",
        "convert in.jld2 out.jld2",
        "convert in.jld2 --mode in-place",
        "convert in.jld2 out.jld2 --dry-run",
        "dump in.jld2",
        "verify in.jld2 in.jld2",
    ];
    for line in lines {
        let said = place.jldconv(line).ends(1).said();
        assert!(
            said.contains("its writer was killed before the file was closed"),
            "{line}: {said}"
        );
        assert!(said.contains("bytes 0 to 559"), "{line}: {said}");
        assert!(said.contains("data begin at byte 560"), "{line}: {said}");
        assert!(said.contains("datasets 19, types 2, groups 0"), "{line}: {said}");
    }
    let seen = place.jldconv("inspect --json in.jld2").ends(1).json();
    assert_eq!(seen["kind"], "damaged");
}

#[test]
fn user_blocks_that_jld2_does_not_write_are_named() {
    let place = WorkDir::new();
    let whole = fs::read(data("zero-root-checksum.jld2")).unwrap();
    // Moves the container: addresses count from its base, but for the end of the file.
    let moved = |base: usize, text: &[u8]| {
        let mut bytes = text.to_vec();
        bytes.resize(base, 0);
        bytes.extend(&whole[512..]);
        let end = bytes.len() as u64;
        bytes[base + 12..base + 20].copy_from_slice(&(base as u64).to_le_bytes());
        bytes[base + 28..base + 36].copy_from_slice(&end.to_le_bytes());
        let sum = lookup3(&bytes[base..base + 44]).to_le_bytes();
        bytes[base + 44..base + 48].copy_from_slice(&sum);
        bytes
    };
    for (base, named) in [
        (0, "no user block"),
        (1024, "a user block of 1024 bytes"),
        (2048, "a user block of 2048 bytes"),
        (4096, "a user block of 4096 bytes"),
        (512, "does not begin with JLD2's text"),
    ] {
        let place = WorkDir::new();
        place.put("in.jld2", &moved(base, b""));
        let seen = place.jldconv("inspect --json in.jld2").ends(0).json();
        let texts = seen["findings"].as_array().unwrap().iter();
        let texts: Vec<_> = texts.map(|f| f["text"].as_str().unwrap()).collect();
        assert!(texts.iter().any(|t| t.contains(named)), "{base}: {texts:?}");
        let before = place.dump("in.jld2");
        for output in place.everywhere("") {
            assert_eq!(place.dump(output), before, "{base}: {output}");
            is_sound(&place.at(output));
        }
    }
    // JLD2 does not look any further.
    for base in [8192, 65_536] {
        place.put("in.jld2", &moved(base, b"#!/bin/sh"));
        for line in ["inspect in.jld2", "convert in.jld2 out.jld2", "dump in.jld2"] {
            let said = place.jldconv(line).ends(1).said();
            assert!(said.contains(&format!("a user block of {base} bytes")), "{said}");
        }
        let seen = place.jldconv("inspect --json in.jld2").ends(1).json();
        assert_eq!(seen["kind"], "hdf5");
    }
    // Something was put in front of a file of JLD2.
    place.put("in.jld2", &[vec![b'\n'; 512], whole.clone()].concat());
    let said = place.jldconv("convert in.jld2 out.jld2").ends(1).said();
    assert!(said.contains("512 bytes were put in front of the file"), "{said}");
    assert!(said.contains("tail -c +513"), "{said}");
    // JLD2's own is not worth a word.
    let own = place.jldconv(&format!("inspect {}", data("zero-root-checksum.jld2").display()));
    assert!(!own.ends(0).out.contains("user block"));
}

/// Strings of many sizes, attributes, fill values, orders, several sessions of additions: written by
/// h5py in the forms of HDF5 1.8 and of today.
#[test]
fn files_that_h5py_makes_go_through_every_mode() {
    let Some(python) = python() else { return };
    let made = tempfile::tempdir().unwrap();
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join(BASE);
    let args = ["make".into(), made.path().to_owned(), base];
    let names = printed(&run(&python, "foreign.py", &args));
    let names: Vec<_> = names.lines().collect();
    assert!(names.len() > 12, "{names:?}");
    for name in names {
        let place = WorkDir::new();
        fs::copy(name, place.at("in.jld2")).unwrap();
        let before = place.dump("in.jld2");
        let outputs = place.everywhere("");
        same_for_h5py(&place, &outputs);
        // Attributes that hold plain sequences, or lead to groups, are not values of Julia.
        if !name.contains("attributes") {
            place.verify(&outputs);
        }
        // What is written can be added to, and goes on from there.
        let to_add = if name.contains("-latest") { &["patched.jld2", "new.jld2"][..] } else { &[] };
        for output in to_add {
            let again = WorkDir::new();
            fs::copy(place.at(output), again.at("in.jld2")).unwrap();
            printed(&run(&python, "foreign.py", &["more".into(), again.at("in.jld2")]));
            let (old, new) = (place.dump(output), again.dump("in.jld2"));
            assert_eq!(new["/notes again/more0"]["items"][7]["v"], "another", "{name}: {output}");
            let mut kept = old.as_object().unwrap().iter();
            assert!(kept.all(|(path, value)| new[path] == *value), "{name}: {output}");
            again.jldconv("convert in.jld2 patched.jld2 --verify content").ends(0);
            again.jldconv("convert in.jld2 new.jld2 --repack --verify content").ends(0);
            same_for_h5py(&again, &["patched.jld2", "new.jld2"]);
        }
        for output in outputs {
            is_sound(&place.at(output));
            let after = place.dump(output);
            for (path, value) in before.as_object().unwrap() {
                // What stands beside the notes is changed by rules.
                if !name.contains("appended") || path.starts_with("/notes") {
                    assert_eq!(&after[path], value, "{name}: {output}: {path}");
                }
            }
        }
    }
}
