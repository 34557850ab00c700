//! `jldconv rescue --partial`: arrays in chunks of which some are lost keep the others, and the report
//! says for which elements the fill value stands.

use crate::damaged::Place;
use crate::samples::mera;
use jldconv::h5::{File, Object, ObjectKind, RelAddr, Result, StoredChunk, Trace, Visitor};
use jldconv::julia::Column;
use serde_json::{Value, json};
use std::fs;

/// The column `p` of a Mera file's hydro table, in chunks of 500 elements.
const CHUNK: u64 = 500;
const ROWS: u64 = 8000;
const FIELD: &str = "data.columns.fieldarrays.p";

/// A Mera file, laid out afresh in small chunks.
fn many(place: &Place) -> Vec<u8> {
    fs::write(place.at("old.jld2"), mera("e4b-lz4/output_00100.jld2")).unwrap();
    let options = ["convert", "old.jld2", "many.jld2", "--compress", "zstd", "--chunk", "4KiB"];
    assert!(place.jldconv(&options).status.success());
    fs::read(place.at("many.jld2")).unwrap()
}

/// What is known of an array in many chunks.
struct Array {
    addr: RelAddr,
    /// Offset of the header.
    offset: u64,
    /// Offset of the root of its index.
    index: u64,
    chunks: Vec<StoredChunk>,
    base: u64,
}

/// The arrays of 8000 elements in chunks of 500 that take at least `least` bytes, in the order met.
fn arrays(path: &std::path::Path, least: u64) -> Vec<Array> {
    struct Found<'f>(&'f File, u64, Vec<Array>);
    impl Visitor for Found<'_> {
        fn object(&mut self, object: &Object, _: &str) -> Result<()> {
            let ObjectKind::Dataset(dataset) = &object.kind else { return Ok(()) };
            let Some(chunked) = dataset.layout.chunked() else { return Ok(()) };
            if dataset.dataspace.dims != [ROWS] || chunked.dims != [CHUNK] {
                return Ok(());
            }
            let table = self.0.chunks(dataset)?.unwrap();
            let mut iter = table.stored(0..u64::MAX)?;
            let mut chunks = Vec::new();
            while let Some(chunk) = iter.next()? {
                chunks.push(chunk);
            }
            if chunks.iter().map(|chunk| chunk.size).sum::<u64>() >= self.1 {
                self.2.push(Array {
                    addr: object.header.addr,
                    offset: self.0.offset(object.header.addr, "array")?,
                    index: self.0.offset(chunked.addr, "index")?,
                    chunks,
                    base: self.0.superblock().base,
                });
            }
            Ok(())
        }
    }
    let file = File::open(path).unwrap();
    let mut found = Found(&file, least, Vec::new());
    Trace::run(&file, &mut found).unwrap();
    found.2
}

/// All arrays of 8000 numbers of eight bytes, however they are stored.
fn columns_of(path: &std::path::Path) -> Vec<RelAddr> {
    struct Found<'f>(&'f File, Vec<RelAddr>);
    impl Visitor for Found<'_> {
        fn object(&mut self, object: &Object, _: &str) -> Result<()> {
            let ObjectKind::Dataset(dataset) = &object.kind else { return Ok(()) };
            let wide = self.0.resolve(&dataset.datatype)?.size == 8;
            if wide && dataset.dataspace.dims == [ROWS] {
                self.1.push(object.header.addr);
            }
            Ok(())
        }
    }
    let file = File::open(path).unwrap();
    let mut found = Found(&file, Vec::new());
    Trace::run(&file, &mut found).unwrap();
    found.1
}

/// The numbers of an array.
fn numbers(path: &std::path::Path, addr: RelAddr) -> Vec<u64> {
    let file = File::open(path).unwrap();
    let object = file.object(addr).unwrap();
    let dataset = object.dataset().unwrap();
    let datatype = file.resolve(&dataset.datatype).unwrap();
    let column = Column::new(&file, dataset, &datatype).unwrap();
    let mut bytes = vec![0; usize::try_from(column.len()).unwrap()];
    column.open().unwrap().fill(&mut bytes).unwrap();
    bytes.chunks(8).map(|b| u64::from_le_bytes(b.try_into().unwrap())).collect()
}

fn rescue(place: &Place, options: &[&str]) -> (Option<i32>, Value) {
    let _ = fs::remove_file(place.at("out.jld2"));
    let before = fs::read(place.at("in.jld2")).unwrap();
    let ended = place.jldconv(&[&["rescue", "in.jld2", "out.jld2", "--json"], options].concat());
    assert!(fs::read(place.at("in.jld2")).unwrap() == before, "the input was touched");
    let said = String::from_utf8_lossy(&ended.stderr);
    (ended.status.code(), serde_json::from_slice(&ended.stdout).expect(&said))
}

fn entry<'r>(report: &'r Value, path: &str) -> Option<&'r Value> {
    report["rescued"].as_array().unwrap().iter().find(|it| it["path"] == path)
}

/// The columns of the hydro table in a file, by name, as digests.
fn columns(place: &Place, file: &str) -> Value {
    let ended = place.jldconv(&["dump", "--json", file, "/hydro/data"]);
    let dump: Value = serde_json::from_slice(&ended.stdout).unwrap();
    dump["/hydro/data"]["fields"]["data"]["fields"]["columns"]["fields"]["fieldarrays"]["fields"]
        .clone()
}

#[test]
fn chunks_that_are_lost_are_filled_and_told() {
    let place = Place::with(b"");
    let whole = many(&place);
    let place_of = |at: u64| usize::try_from(at).unwrap();
    // `p` is the only column of this size that zstd makes smaller; gravity has one more.
    let found = arrays(&place.at("many.jld2"), 40_000);
    let before = columns(&place, "many.jld2");
    let array = found.iter().find(|array| {
        let mut bytes = whole.clone();
        let chunk = &array.chunks[5];
        bytes[place_of(chunk.addr.0 + array.base) + 100] ^= 0xff;
        fs::write(place.at("in.jld2"), &bytes).unwrap();
        rescue(&place, &["--partial"]).1["rescued"].to_string().contains(FIELD)
    });
    let array = array.expect("the column p");
    let truth = numbers(&place.at("many.jld2"), array.addr);

    // Chunks 6 and 7 (from 1) are zeroed in part, 12 is changed, 16 is cut from its end.
    let mut bytes = whole.clone();
    for (chunk, zeros) in [(5, true), (6, true), (11, false), (15, false)] {
        let chunk = &array.chunks[chunk];
        let at = place_of(chunk.addr.0 + array.base);
        if zeros {
            let start = (at + 600).next_multiple_of(512);
            bytes[start..start + 1024].fill(0);
        } else {
            bytes[at] ^= 0xff;
        }
    }
    fs::write(place.at("in.jld2"), &bytes).unwrap();

    // Without being asked, nothing is filled.
    let (code, report) = rescue(&place, &[]);
    assert_eq!(code, Some(6));
    assert!(entry(&report, "/hydro/data").is_none());
    assert!(report["lost"].to_string().contains("/hydro/data"));
    assert!(!report.to_string().contains("\"filled\""), "{report}");

    let (code, report) = rescue(&place, &["--partial"]);
    assert_eq!((code, &report["outcome"]), (Some(6), &json!("rescued-in-part")));
    assert_eq!(report["lost"], json!([]));
    let filled = &entry(&report, "/hydro/data").unwrap()["filled"];
    let rows = json!([[[2501, 3500]], [[5501, 6000]], [[7501, 8000]]]);
    assert_eq!(filled.as_array().unwrap().len(), 1, "{filled}");
    assert_eq!(filled[0]["rows"], rows);
    assert_eq!(filled[0]["field"], FIELD);
    assert_eq!((&filled[0]["count"], &filled[0]["of"]), (&json!(2000), &json!(8000)));
    assert_eq!((&filled[0]["chunks"], &filled[0]["of_chunks"]), (&json!(4), &json!(16)));
    assert_eq!(filled[0]["offset"], json!(array.offset));
    assert!(filled[0]["reason"].as_str().unwrap().contains("zstd"), "{filled}");

    // The other rows and the other columns are what they were; the file says what it lacks.
    let out = place.at("out.jld2");
    let after = columns_of(&out);
    let expected: Vec<u64> = (1..)
        .zip(&truth)
        .map(|(row, bits)| match row {
            2501..=3500 | 5501..=6000 | 7501..=8000 => 0,
            _ => *bits,
        })
        .collect();
    assert!(truth != expected);
    let same = after.iter().filter(|addr| numbers(&out, **addr) == expected);
    assert_eq!(same.count(), 1);
    let (mut old, mut new) = (before, columns(&place, "out.jld2"));
    assert_ne!(old["p"], new["p"]);
    for columns in [&mut old, &mut new] {
        columns.as_object_mut().unwrap().remove("p");
    }
    assert_eq!(old, new);
    let note = "lost and filled by jldconv rescue --partial: 2501:3500, 5501:6000, 7501:8000";
    let bytes = fs::read(&out).unwrap();
    assert!(bytes.windows(note.len()).any(|w| w == note.as_bytes()), "a note in the file");

    // What a person sees, and that the output is a file like any other.
    let ended = place.jldconv(&["rescue", "in.jld2", "text.jld2", "--partial"]);
    let text = String::from_utf8(ended.stdout).unwrap();
    assert!(
        text.contains("in part, with the fill value (mostly 0) where chunks are lost:\n")
            && text.contains(&format!("/hydro/data: {FIELD}, 2000 of 8000 elements"))
            && text.contains(": 2501:3500, 5501:6000, 7501:8000 ("),
        "{text}"
    );
    let again = place.jldconv(&["rescue", "out.jld2", "again.jld2", "--partial"]);
    assert_eq!(again.status.code(), Some(0), "{}", String::from_utf8_lossy(&again.stdout));
    assert!(place.jldconv(&["verify", "out.jld2", "out.jld2", "--strict"]).status.success());
}

/// Of an index of one node nothing is left without it; what its entries say is looked at one by one.
#[test]
fn a_damaged_index_costs_what_it_names() {
    let place = Place::with(b"");
    let whole = many(&place);
    let found = arrays(&place.at("many.jld2"), 0);
    let at = |array: &Array| usize::try_from(array.index).unwrap();
    let array = &found[0];
    assert_eq!(array.chunks.len(), 16);
    // The address of the fourth chunk leads out of the file.
    let mut bytes = whole.clone();
    let address = at(array) + 24 + 3 * 32 + 24;
    bytes[address..address + 8].copy_from_slice(&(1_u64 << 40).to_le_bytes());
    fs::write(place.at("in.jld2"), &bytes).unwrap();
    let (code, report) = rescue(&place, &["--partial"]);
    assert_eq!(code, Some(6), "{report:#}");
    assert!(report["rescued"].to_string().contains("\"rows\":[[[1501,2000]]]"), "{report:#}");
    assert_eq!(report["lost"], json!([]));
    // Nor is anything left without the node.
    let mut bytes = whole;
    bytes[at(array)..at(array) + 8].fill(0xff);
    fs::write(place.at("in.jld2"), &bytes).unwrap();
    let (code, report) = rescue(&place, &["--partial"]);
    assert_eq!(code, Some(6));
    assert!(!report.to_string().contains("\"filled\""), "{report:#}");
    assert!(report["lost"].to_string().contains("B-tree"), "{report:#}");
}

/// The coordinate inside an element is 0 in a chunk's key, and a multiple of the element behind the last
/// one, as libhdf5 has it.
#[test]
fn keys_that_point_inside_an_element_are_damage() {
    let place = Place::with(b"");
    let whole = many(&place);
    let found = arrays(&place.at("many.jld2"), 0);
    let node = usize::try_from(found[0].index).unwrap();
    let inside = |key: usize| node + 24 + 32 * key + 16;
    for (at, byte, said) in [
        (inside(0), 3, "start of a chunk inside an element: expected 0, found 3"),
        (inside(7), 8, "start of a chunk inside an element: expected 0, found 8"),
        (
            inside(16),
            12,
            "start of a chunk inside an element: expected 0 or a multiple of 8, found 12",
        ),
    ] {
        let mut bytes = whole.clone();
        assert_ne!(bytes[at], byte);
        bytes[at] = byte;
        fs::write(place.at("in.jld2"), &bytes).unwrap();
        for args in [&["inspect", "in.jld2"][..], &["convert", "in.jld2", "x.jld2"]] {
            let ended = place.jldconv(args);
            let text = [ended.stdout, ended.stderr].concat();
            let text = String::from_utf8_lossy(&text);
            assert_eq!(ended.status.code(), Some(1), "{args:?}: {text}");
            assert!(text.contains(&format!("at byte {at}: {said}")), "{args:?}: {text}");
        }
    }
}
