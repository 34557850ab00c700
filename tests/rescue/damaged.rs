//! What `jldconv rescue` saves of damaged files: every dataset that is whole, nothing else, each with
//! the value that it had.

use crate::samples::{made, mera, small, zoo};
use crate::truth::Truth;
use jldconv::h5::encode::{self, NewMessage};
use jldconv::h5::sample::Sample;
use jldconv::h5::{Datatype, Extent, RelAddr, kind};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A directory with a damaged file in it.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn with(bytes: &[u8]) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::write(place.at("in.jld2"), bytes).unwrap();
        place
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn jldconv(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jldconv"));
        command.args(args).current_dir(self.0.path()).output().unwrap()
    }

    /// Rescues `in.jld2` into `out.jld2`: the exit code, and the report.
    pub(crate) fn rescue(&self) -> (i32, Value) {
        let _ = fs::remove_file(self.at("out.jld2"));
        let before = fs::read(self.at("in.jld2")).unwrap();
        let ended = self.jldconv(&["rescue", "in.jld2", "out.jld2", "--json"]);
        assert!(fs::read(self.at("in.jld2")).unwrap() == before, "the input was touched");
        let code = ended.status.code().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        let report = serde_json::from_slice(&ended.stdout).expect(&said);
        assert!(!self.at(".jldconv").exists());
        (code, report)
    }
}

/// Rescues a file of which the bytes from `start` to `end` are zero, or that ends at `start` if there
/// is no end, and holds the result against what the whole file had.
pub(crate) fn check(truth: &Truth, what: &str, start: u64, end: Option<u64>) -> Value {
    let mut bytes = truth.bytes.clone();
    let from = usize::try_from(start).unwrap();
    match end {
        Some(end) => bytes[from..usize::try_from(end).unwrap()].fill(0),
        None => bytes.truncate(from),
    }
    let place = Place::with(&bytes);
    let (code, report) = place.rescue();
    let what = format!("{what}, {start} to {end:?}");
    let intact = |range: (u64, u64)| {
        if range.0 == range.1 {
            return true;
        }
        match end {
            None => range.1 <= start,
            Some(end) => {
                range.1 <= start
                    || range.0 >= end
                    || truth.slice(range)
                        == &bytes[usize::try_from(range.0).unwrap()..][..truth.slice(range).len()]
            }
        }
    };
    truth.hold(&what, code, &report, &place.at("out.jld2"), &intact);
    report
}

/// `count` offsets spread over a file, the same each time, in no step with what stands there.
pub(crate) fn spread(len: usize, count: usize) -> impl Iterator<Item = u64> {
    (1..=count).map(move |i| (len * i / (count + 1) + i * 37 % 101).min(len - 1) as u64)
}

#[test]
fn files_cut_anywhere_keep_what_is_whole() {
    for (name, bytes) in small() {
        let truth = Truth::of(&bytes);
        for at in spread(bytes.len(), 14).chain([bytes.len() as u64 - 1, 600, 560]) {
            check(&truth, &name, at, None);
        }
    }
    for name in
        ["e4b-lz4/output_00100.jld2", "e8-lz4filter/output_00400.jld2", "mixed/output_00500.jld2"]
    {
        let truth = Truth::of(&mera(name));
        for at in spread(truth.bytes.len(), 10) {
            check(&truth, name, at, None);
        }
    }
}

#[test]
fn blocks_of_zeros_cost_what_they_hit() {
    for (name, bytes) in small() {
        let truth = Truth::of(&bytes);
        let len = bytes.len() as u64;
        for start in (0..len).step_by(512) {
            check(&truth, &name, start, Some((start + 512).min(len)));
        }
        check(&truth, &name, 0, Some(4096.min(len)));
    }
    for name in ["e4b-none/output_00021.jld2", "e6-lz4/output_00300.jld2"] {
        let truth = Truth::of(&mera(name));
        for at in spread(truth.bytes.len(), 12) {
            let start = at / 4096 * 4096;
            check(&truth, name, start, Some((start + 4096).min(truth.bytes.len() as u64)));
        }
    }
}

#[test]
fn values_of_every_kind_survive_or_are_told() {
    let truth = Truth::of(&zoo());
    let len = truth.bytes.len() as u64;
    for at in spread(truth.bytes.len(), 16) {
        check(&truth, "zoo", at, None);
        let start = at / 512 * 512;
        check(&truth, "zoo", start, Some((start + 512).min(len)));
    }
}

#[test]
fn a_front_that_is_lost_costs_no_name() {
    for name in ["e4b-lz4/output_00100.jld2", "e8-lz4filter/output_00400.jld2"] {
        let truth = Truth::of(&mera(name));
        for end in [512, 560] {
            let report = check(&truth, name, 0, Some(end));
            assert_eq!(report["outcome"], "rescued", "{name}: {report:#}");
        }
        // A user block alone is no damage to what libhdf5 reads, and JLD2 refuses it.
        let report = check(&truth, name, 512, Some(560));
        assert_eq!(report["outcome"], "rescued", "{name}: {report:#}");
    }
}

#[test]
fn a_whole_file_is_left_alone() {
    for (name, bytes) in small().into_iter().take(6) {
        let place = Place::with(&bytes);
        let (code, report) = place.rescue();
        assert_eq!((code, report["outcome"].as_str()), (0, Some("nothing-to-rescue")), "{name}");
        assert!(!place.at("out.jld2").exists());
        assert_eq!(report["lost"], serde_json::json!([]));
    }
}

#[test]
fn nothing_left_is_a_failure() {
    for bytes in [vec![], vec![0; 100], vec![0; 5000], b"hello".to_vec(), vec![7; 3000]] {
        let place = Place::with(&bytes);
        let (code, report) = place.rescue();
        assert_eq!((code, report["outcome"].as_str()), (1, Some("nothing-left")));
        assert!(!place.at("out.jld2").exists());
    }
}

#[test]
fn the_input_is_never_the_output() {
    let mut bytes = mera("e8-lz4filter/output_00400.jld2");
    bytes.truncate(400_000);
    let place = Place::with(&bytes);
    fs::hard_link(place.at("in.jld2"), place.at("hard.jld2")).unwrap();
    symlink("in.jld2", place.at("soft.jld2")).unwrap();
    for out in ["in.jld2", "./in.jld2", "hard.jld2", "soft.jld2"] {
        for more in [&[][..], &["--force"], &["--force", "--discard-replaced"]] {
            let ended = place.jldconv(&[&["rescue", "in.jld2", out], more].concat());
            assert_eq!(ended.status.code(), Some(1), "{out} {more:?}");
            let said = String::from_utf8_lossy(&ended.stderr);
            assert!(said.contains(out.trim_start_matches("./")), "{said}");
            assert!(fs::read(place.at("in.jld2")).unwrap() == bytes, "{out} {more:?}");
            assert_eq!(fs::read_link(place.at("soft.jld2")).unwrap(), Path::new("in.jld2"));
        }
    }
}

#[test]
fn what_is_there_stays_or_is_kept() {
    let mut bytes = mera("e8-lz4filter/output_00400.jld2");
    bytes.truncate(400_000);
    let place = Place::with(&bytes);
    fs::write(place.at("out.jld2"), "mine").unwrap();
    let ended = place.jldconv(&["rescue", "in.jld2", "out.jld2"]);
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(fs::read(place.at("out.jld2")).unwrap(), b"mine");
    let ended = place.jldconv(&["rescue", "in.jld2", "out.jld2", "--force"]);
    assert_eq!(ended.status.code(), Some(6), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_ne!(fs::read(place.at("out.jld2")).unwrap(), b"mine");
    let runs = fs::read_dir(place.at(".jldconv/replaced")).unwrap();
    let kept = runs.map(|run| run.unwrap().path().join("out.jld2")).next().unwrap();
    assert_eq!(fs::read(kept).unwrap(), b"mine");
}

#[test]
fn other_commands_say_that_there_is_a_rescue() {
    let mut bytes = mera("e8-lz4filter/output_00400.jld2");
    let whole = bytes.clone();
    bytes.truncate(400_000);
    let mut killed = whole.clone();
    killed[..560].fill(0);
    let mut hole = whole;
    hole[8192..12288].fill(0);
    for bytes in [bytes, killed, hole] {
        let place = Place::with(&bytes);
        for args in
            [&["inspect", "in.jld2"][..], &["dump", "in.jld2"], &["convert", "in.jld2", "x.jld2"]]
        {
            let ended = place.jldconv(args);
            let said = [ended.stdout, ended.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            assert_eq!(ended.status.code(), Some(1), "{args:?}: {said}");
            assert!(said.contains("jldconv rescue"), "{args:?}: {said}");
        }
    }
}

/// Each value, without its name.
fn values(dump: &[u8]) -> Vec<String> {
    let dump: Value = serde_json::from_slice(dump).unwrap();
    let mut out: Vec<_> = dump.as_object().unwrap().values().map(ToString::to_string).collect();
    out.sort();
    out
}

/// A real writer that was killed right before it would have closed the file, and the same one closed.
#[test]
fn a_killed_writer_loses_names_only() {
    let mut killed = made("killed-0.6.5.jld2");
    // As JLD2 leaves it, with the space that it had reserved.
    killed.resize(1 << 18, 0);
    let place = Place::with(&killed);
    let (code, report) = place.rescue();
    assert_eq!((code, report["outcome"].as_str()), (6, Some("rescued-in-part")));
    assert_eq!(report["lost"], serde_json::json!([]));
    assert!(report["rescued"].as_array().unwrap().iter().all(|it| it["renamed"] == true));
    fs::write(place.at("closed.jld2"), made("closed-0.6.5.jld2")).unwrap();
    let dump = |name: &str| values(&place.jldconv(&["dump", "--json", name]).stdout);
    assert_eq!(dump("out.jld2"), dump("closed.jld2"));
    // What came out is a file like any other.
    let again = place.jldconv(&["rescue", "out.jld2", "again.jld2"]);
    assert_eq!(again.status.code(), Some(0));
    assert!(
        String::from_utf8_lossy(&again.stdout).contains("nothing to rescue: the file is whole")
    );
    let said =
        String::from_utf8(place.jldconv(&["rescue", "in.jld2", "text.jld2"]).stdout).unwrap();
    assert!(
        said.contains("/rescued/001, Core.Array{Core.Float64,1} 2000, 15.6 KiB (byte 560)"),
        "{said}"
    );
}

/// The root's header is lost, and with it where its continuation is; what that names keeps its name.
#[test]
fn a_continuation_without_its_header_still_names_things() {
    let mut bytes = mera("e4b-lz4/output_00100.jld2");
    let truth = Truth::of(&bytes);
    let root = usize::try_from(truth.root_offset()).unwrap();
    bytes[root..root + 8].fill(0xee);
    let place = Place::with(&bytes);
    let (code, report) = place.rescue();
    assert_eq!(code, 6);
    let paths: Vec<_> = report["rescued"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["path"].as_str().unwrap())
        .collect();
    let ends = |end: &str| {
        paths.iter().any(|path| path.starts_with("/rescued/group_") && path.ends_with(end))
    };
    assert!(ends("/convertstat") && ends("/data") && ends("/info"), "{paths:#?}");
}

/// One bit of a name in a continuation is flipped: what that one names loses its name, and nothing that
/// the chunk in front of it and the one behind it name.
#[test]
fn a_damaged_continuation_costs_the_names_in_it_only() {
    let mut sample = Sample::new();
    let value = |sample: &mut Sample, i: u64| {
        let datatype = encode::datatype(&Datatype::integer(8, true));
        sample.object(&[
            NewMessage::fill_value(),
            NewMessage::new(kind::DATASPACE, 0, encode::dataspace(Extent::Scalar, &[])),
            NewMessage::new(kind::DATATYPE, 1, datatype),
            NewMessage::new(kind::LAYOUT, 0, encode::compact(&i.to_le_bytes())),
            NewMessage::placeholder(),
        ])
    };
    let link = |(i, addr): (u64, RelAddr)| {
        NewMessage::new(kind::LINK, 0, encode::link(&format!("x{i:08}"), addr))
    };
    let beyond = |(addr, len): (RelAddr, u64)| {
        let body = [addr.0.to_le_bytes(), len.to_le_bytes()].concat();
        NewMessage::new(kind::CONTINUATION, 0, body)
    };
    let at: Vec<_> = (0..9).map(|i| (i, value(&mut sample, i))).collect();
    let mut links = at.chunks(3).map(|some| some.iter().copied().map(link).collect::<Vec<_>>());
    let [first, mut middle, last] = [links.next(), links.next(), links.next()].map(Option::unwrap);
    let last = sample.continuation(&last);
    middle.push(beyond(last));
    let middle = sample.continuation(&middle);
    let mut root = encode::group(&[] as &[(&str, RelAddr)]);
    root.retain(|m| m.kind != kind::NIL);
    root.extend(first);
    root.push(beyond(middle));
    let root = sample.object(&root);
    let mut bytes = sample.finish(root);
    let name = bytes.windows(9).position(|w| w == b"x00000004").unwrap();
    bytes[name + 8] ^= 1;
    let place = Place::with(&bytes);
    let (code, report) = place.rescue();
    assert_eq!(code, 6);
    let paths: Vec<_> = report["rescued"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["path"].as_str().unwrap().to_owned())
        .collect();
    for i in [0, 1, 2, 6, 7, 8] {
        assert!(paths.contains(&format!("/x{i:08}")), "{i}: {paths:?}");
    }
    let unnamed = paths.iter().filter(|path| path.starts_with("/rescued/")).count();
    assert_eq!((unnamed, paths.len()), (3, 9), "{paths:?}");
}

/// Elements of arrays whose strings are lost are undefined, the others are there.
#[test]
fn arrays_of_strings_keep_what_is_left() {
    let bytes = small().into_iter().find(|(name, _)| name.contains("arr-strings")).unwrap().1;
    let at = bytes.windows(4).position(|w| w == b"GCOL").unwrap();
    // Behind the first string: the head of the second.
    let second = at + 16 + 16 + 8;
    let mut broken = bytes.clone();
    broken[second + 8..second + 16].fill(0xff);
    let place = Place::with(&broken);
    let (code, report) = place.rescue();
    let text = report.to_string();
    assert!(code == 6 || code == 1, "{text}");
    let truth = Truth::of(&bytes);
    truth.hold("strings", code, &report, &place.at("out.jld2"), &|(start, end)| {
        let hit = (second + 8) as u64;
        end <= hit || start >= hit + 8
    });
}

/// JLD2 0.5 and 0.6 write compressed arrays of references without a layout and a checksum.
#[test]
fn an_array_without_layout_is_named_and_its_elements_are_found() {
    for name in ["no-layout-0.5.13.jld2", "no-layout-0.6.5.jld2"] {
        let place = Place::with(&made(name));
        let inspected = place.jldconv(&["inspect", "in.jld2"]);
        let said = String::from_utf8_lossy(&inspected.stdout);
        assert!(said.contains("/tuples") && said.contains("layout"), "{said}");
        let (code, report) = place.rescue();
        assert_eq!(code, 6, "{name}");
        assert_eq!(report["lost"][0]["path"], "/tuples");
        let kept = place.jldconv(&["dump", "--json", "out.jld2"]);
        let kept: Value = serde_json::from_slice(&kept.stdout).unwrap();
        for path in ["/before", "/after", "/text"] {
            assert!(kept.get(path).is_some(), "{path}: {kept:#}");
        }
        // [ntuple(j -> 100i + j, 12) for i in 1:20], each tuple a vector of its own.
        let vectors =
            kept.as_object().unwrap().values().filter(|v| v["dims"] == serde_json::json!([12]));
        assert_eq!(vectors.count(), 20);
    }
}

/// It costs itself: dump and inspect tell of all others, a patch leaves it as it is, byte for byte, and
/// says so; a rewrite, which could not keep it, is refused.
#[test]
fn an_array_without_layout_costs_itself_only() {
    for name in ["no-layout-0.5.13.jld2", "no-layout-0.6.5.jld2"] {
        let bytes = made(name);
        let place = Place::with(&bytes);
        let said = |args: &[&str], code: i32| {
            let ended = place.jldconv(args);
            let said = String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap();
            assert_eq!(ended.status.code(), Some(code), "{name} {args:?}: {said}");
            said
        };
        let unread = |said: &str| {
            let [line] = said.lines().filter(|l| l.contains("/tuples")).collect::<Vec<_>>()[..]
            else {
                panic!("{name}: {said}");
            };
            assert!(line.contains("the layout of this compressed array"), "{line}");
            assert!(line.contains("jldconv rescue"), "{line}");
        };
        let dumped = said(&["dump", "in.jld2"], 1);
        assert!(dumped.contains("/before  Vector{Int64}  100  [1, 2, 3"), "{dumped}");
        assert!(dumped.contains("/after  Vector{Float64}  100  [1.0, 2.0"), "{dumped}");
        assert!(dumped.contains("/text  \"hello\""), "{dumped}");
        unread(&dumped);
        let inspected = said(&["inspect", "in.jld2"], 0);
        assert!(inspected.contains("tuples  cannot be read"), "{inspected}");
        assert_eq!(inspected.matches("it cannot be read").count(), 1, "{inspected}");
        for more in [&["--repack"][..], &["--compress", "zstd"], &["--mode", "rewrite"]] {
            let refused = said(&[&["convert", "in.jld2", "new.jld2"], more].concat(), 1);
            unread(&refused);
            assert!(refused.contains("a rewrite cannot keep it"), "{refused}");
            assert!(!place.at("new.jld2").exists());
        }
        // Whatever a patch changes: here, that h5py opens the other arrays.
        for (verify, out) in [("structure", "s.jld2"), ("content", "c.jld2"), ("none", "n.jld2")] {
            let more = ["--portable", "--verify", verify];
            let told = said(&[&["convert", "in.jld2", out], &more[..]].concat(), 0);
            assert!(told.contains("/tuples"), "{told}");
            let new = fs::read(place.at(out)).unwrap();
            assert_eq!(said(&["dump", out], 1).replace(out, "in.jld2"), dumped);
            let at = dumped.split("/tuples: at byte ").nth(1).unwrap().split(':').next().unwrap();
            let header = at.parse::<usize>().unwrap();
            assert!(bytes[header..].starts_with(b"OHDR"));
            assert_eq!(new[header..header + 120], bytes[header..header + 120]);
            assert!(new.len() >= bytes.len());
        }
        let again = said(&["convert", "c.jld2", "again.jld2", "--portable"], 0);
        assert!(again.contains("unchanged"), "{again}");
    }
}

#[test]
fn a_file_inside_a_file_stays_data() {
    // A whole file as an array of bytes: none of its objects is one of the outer file.
    let inner = mera("e8-lz4filter/output_00400.jld2");
    let place = Place::with(&containing(&inner));
    let (code, report) = place.rescue();
    assert_eq!((code, report["outcome"].as_str()), (0, Some("nothing-to-rescue")));
    assert_eq!(report["rescued"].as_array().unwrap().len(), 1);
    // Without a front and without names.
    let mut bytes = containing(&inner);
    bytes[..560].fill(0);
    let root = bytes.windows(4).rposition(|w| w == b"OHDR").unwrap();
    bytes[root..].fill(0);
    let place = Place::with(&bytes);
    let (_, report) = place.rescue();
    let rescued = report["rescued"].as_array().unwrap();
    assert_eq!(rescued.len(), 1, "{report:#}");
    assert_eq!(rescued[0]["path"], "/rescued/001");
    assert_eq!(rescued[0]["dims"], serde_json::json!([inner.len()]));
}

/// A file with one array of bytes.
fn containing(bytes: &[u8]) -> Vec<u8> {
    use jldconv::h5::encode::{self, NewMessage};
    use jldconv::h5::{Datatype, Extent, RelAddr, kind};
    let mut out =
        b"HDF5-based Julia Data Format, version 0.2.0\0 (Julia 1.12.6 64-bit LE)".to_vec();
    out.resize(560, 0);
    let len = bytes.len() as u64;
    let header = |addr: u64| {
        encode::object_header(&[
            NewMessage::fill_value(),
            NewMessage::new(kind::DATASPACE, 0, encode::dataspace(Extent::Simple, &[len])),
            NewMessage::new(kind::DATATYPE, 1, encode::datatype(&Datatype::integer(1, false))),
            NewMessage::new(kind::LAYOUT, 0, encode::contiguous(RelAddr(addr), len)),
            NewMessage::placeholder(),
        ])
        .bytes
    };
    let size = header(0).len() as u64;
    out.extend(header(48 + size));
    out.extend(bytes);
    let root = out.len() as u64 - 512;
    out.extend(encode::object_header(&encode::group(&[("inner".to_owned(), RelAddr(48))])).bytes);
    let mut superblock = b"\x89HDF\r\n\x1a\n\x02\x08\x08\0".to_vec();
    superblock.extend(512_u64.to_le_bytes());
    superblock.extend(u64::MAX.to_le_bytes());
    superblock.extend((out.len() as u64).to_le_bytes());
    superblock.extend(root.to_le_bytes());
    superblock.extend(jldconv::h5::checksum::lookup3(&superblock).to_le_bytes());
    out[512..560].copy_from_slice(&superblock);
    out
}

#[test]
fn packed_files_are_named_by_every_command() {
    let place = Place::with(&[&b"\x1f\x8b\x08\0"[..], &[7; 3000]].concat());
    for args in [
        &["inspect", "in.jld2"][..],
        &["dump", "in.jld2"],
        &["convert", "in.jld2", "x.jld2"],
        &["rescue", "in.jld2", "x.jld2"],
    ] {
        let ended = place.jldconv(args);
        let said = [ended.stdout, ended.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert_eq!(ended.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.contains("gzip") && said.contains("gunzip"), "{args:?}: {said}");
    }
}

/// Enumerations of unsigned types: the file does not say that they are, so both readings are told.
#[test]
fn a_number_of_unknown_sign_is_told_both_ways() {
    let place = Place::with(&made("enums-0.5.13.jld2"));
    let json = place.jldconv(&["dump", "--json", "in.jld2"]).stdout;
    let json: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["/e"], serde_json::json!({"t": "Main.Sz", "v": -56, "unsigned": 200}));
    assert_eq!(json["/s"], serde_json::json!({"t": "Main.Sz", "v": 3}));
    assert_eq!(json["/u16"]["unsigned"], 65000);
    let text = String::from_utf8(place.jldconv(&["dump", "in.jld2"]).stdout).unwrap();
    assert!(text.contains("/e  Main.Sz  -56 (200 if it has no sign)"), "{text}");
    assert!(text.contains("[3, -56 (200 if it has no sign), 3]"), "{text}");
}
