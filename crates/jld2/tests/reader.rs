//! What the reader gives of files, and what it says of what is not there.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use jld2::h5::Symbolic;
use jld2::julia::{Digest, Dumper, TypeTable};
use jld2::{Error, ErrorKind, File, Item};
use serde_json::Value;

fn open(name: &str) -> File {
    File::open(format!("tests/data/{name}.jld2")).unwrap()
}

#[test]
fn all_datasets_are_reached_by_path_and_by_iteration() {
    fn walk(group: &jld2::Group<'_>, out: &mut Vec<String>) {
        for item in group.iter() {
            match item.unwrap() {
                Item::Group(inner) => walk(&inner, out),
                Item::Dataset(dataset) => out.push(dataset.path().to_owned()),
                other => panic!("{other:?}"),
            }
        }
    }
    for name in ["dicts", "structs", "struct_arrays", "struct_arrays_old", "indexed_table"] {
        let file = open(name);
        let mut walked = Vec::new();
        walk(&file.root(), &mut walked);
        walked.sort();
        let paths = file.dataset_paths().unwrap();
        assert_eq!(walked, paths, "{name}");
        for path in paths {
            assert_eq!(file.dataset(&path).unwrap().path(), path);
        }
    }
}

#[test]
fn slices_are_parts_of_the_whole() {
    let file = open("indexed_table");
    let table = file.dataset("hydro/data").unwrap().table_in("data").unwrap().unwrap();
    let mut filtered = 0;
    for column in table.columns() {
        let (name, column) = column.unwrap();
        let t = column.julia_type().unwrap().to_string();
        filtered += usize::from(!column.object().dataset().unwrap().filters.is_empty());
        assert_eq!(column.dims().unwrap(), [table.len()], "{name}");
        if t == "Core.Array{Core.Float64,1}" {
            slices::<f64>(&column, f64::to_bits);
        } else {
            slices::<i64>(&column, i64::cast_unsigned);
        }
    }
    assert!(filtered > 0, "some go through a decoder");
}

fn slices<T: jld2::Numeric>(column: &jld2::Dataset<'_>, bits: impl Fn(T) -> u64) {
    let bits = |values: Vec<T>| values.into_iter().map(&bits).collect::<Vec<_>>();
    let whole = bits(column.read::<T>().unwrap());
    let n = whole.len();
    assert!(n > 100);
    for range in [0..0, 0..1, 1..n, n / 3..n / 2, n - 1..n, n..n, 0..n] {
        let part = bits(column.slice::<T>(range.start as u64..range.end as u64).unwrap());
        assert_eq!(part, whole[range]);
    }
    let end = n as u64;
    for (start, end) in [(0, end + 1), (end + 1, end + 1), (2, 1), (u64::MAX, u64::MAX)] {
        let error = column.slice::<T>(start..end).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::OtherKind { .. }), "{error}");
        assert!(error.to_string().contains(column.path()), "{error}");
    }
}

#[test]
fn slices_without_filters_are_read_where_they_stand() {
    let file = open("struct_arrays");
    let table = file.dataset("matrix").unwrap().table().unwrap().unwrap();
    let x = table.column("x").unwrap();
    assert!(x.object().dataset().unwrap().filters.is_empty());
    let whole = x.read::<f64>().unwrap();
    assert_eq!(whole.len(), 6);
    assert_eq!(table.len(), 6);
    assert_eq!(x.slice::<f64>(2..5).unwrap(), whole[2..5]);
}

#[test]
fn numbers_are_read_as_what_they_are() {
    let file = open("dicts");
    let plain = file.dataset("plain").unwrap();
    assert_eq!(plain.read::<i64>().unwrap(), [1, 2]);
    for error in [
        plain.read::<u64>().unwrap_err(),
        plain.read::<i32>().unwrap_err(),
        plain.read::<f64>().unwrap_err(),
        plain.read::<bool>().unwrap_err(),
        file.dataset("dict").unwrap().read::<i64>().unwrap_err(),
    ] {
        assert!(matches!(error.kind(), ErrorKind::OtherKind { .. }), "{error}");
        assert!(error.offset().is_some_and(|at| at > 512), "{error}");
    }
}

#[test]
fn both_names_of_the_columns_are_known() {
    let read = |name: &str| {
        let file = open(name);
        let table = file.dataset("struct").unwrap().table().unwrap().unwrap();
        let x = table.column("x").unwrap().read::<f64>().unwrap();
        (x, table.column("n").unwrap().read::<i64>().unwrap())
    };
    assert_eq!(read("struct_arrays"), read("struct_arrays_old"));
}

/// All data frames of a file, by the values that DataFrames itself read from it.
fn data_frames(name: &str) -> usize {
    let file = open(name);
    let types = TypeTable::new(file.container());
    let dumper = Dumper::new(&types, Digest::Sha256);
    let truth = std::fs::read(format!("tests/data/{name}.expected.json")).unwrap();
    let truth: Value = serde_json::from_slice(&truth).unwrap();
    let mut found = 0;
    for (path, whole) in truth.as_object().unwrap() {
        let table = file.dataset(path).unwrap().table().unwrap();
        if whole["t"] != "DataFrames.DataFrame" {
            assert!(table.is_none(), "{path}");
            continue;
        }
        let table = table.unwrap();
        let fields = &whole["fields"];
        let names = fields["colindex"]["fields"]["names"]["items"].as_array().unwrap();
        let columns = fields["columns"]["items"].as_array().unwrap();
        assert_eq!(table.columns().count(), columns.len(), "{path}");
        for ((column, name), mut want) in table.columns().zip(names).zip(columns.clone()) {
            let (column_name, column) = column.unwrap();
            assert_eq!(column_name, name["v"], "{path}");
            assert_eq!(table.column(column_name).unwrap().path(), format!("{path}.{column_name}"));
            let mut form = Vec::new();
            dumper.node(column.object().addr(), &mut form).unwrap();
            let mut form = serde_json::from_slice(&form).unwrap();
            plain(&mut form);
            plain(&mut want);
            assert_eq!(form, want, "{}", column.path());
            if let Some(dims) = want["dims"].as_array() {
                assert_eq!(dims[..], [Value::from(table.len())], "{}", column.path());
            }
            found += 1;
        }
    }
    found
}

/// Takes away what depends on the order in which objects are met, and sorts dictionaries.
fn plain(node: &mut Value) {
    match node {
        Value::Object(map) => {
            map.remove("id");
            map.values_mut().for_each(plain);
            if let Some(Value::Array(pairs)) = map.get_mut("pairs") {
                pairs.sort_by_key(ToString::to_string);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        _ => {}
    }
}

#[test]
fn data_frames_are_tables() {
    let found = [data_frames("data_frames"), data_frames("data_frames_old")];
    assert_eq!(found, [20, 20]);
    let file = open("data_frames");
    let empty = file.dataset("empty").unwrap().table().unwrap().unwrap();
    assert!(empty.is_empty() && empty.names().next().is_none());
    let held = file.dataset("holder").unwrap().table_in("df").unwrap().unwrap();
    assert_eq!(held.path(), "/holder.df");
    assert_eq!(held.column("i").unwrap().read::<i64>().unwrap(), [1, 2, 3]);
}

#[test]
fn what_is_no_table_is_none() {
    let file = open("struct_arrays");
    for path in ["plain", "dict", "type", "vector"] {
        assert!(file.dataset(path).unwrap().table().unwrap().is_none(), "{path}");
    }
    let holder = file.dataset("holder").unwrap();
    assert!(holder.table().unwrap().is_none());
    assert!(holder.table_in("k").unwrap().is_none());
    assert!(holder.table_in("none").unwrap().is_none());
    assert!(holder.table_in("s").unwrap().is_some());
}

#[test]
fn what_is_not_there_is_told_with_its_path() {
    let file = open("dicts");
    let text =
        |result: Result<_, Error>| result.map(|_: jld2::Dataset<'_>| ()).unwrap_err().to_string();
    assert_eq!(text(file.dataset("no/such")), "/no/such: there is no dataset");
    assert!(text(file.dataset("group")).ends_with("asked for a dataset, found a group"));
    assert!(file.get("plain/inside").unwrap().is_none());
    assert!(file.get("_types").unwrap().is_some(), "there, though it is not listed");
    assert!(file.root().keys().all(|name| name != "_types"));
}

#[test]
fn memory_of_a_value_is_bounded() {
    let file = open("indexed_table");
    let data = file.dataset("hydro/data").unwrap();
    let whole = data.value().unwrap();
    assert!(whole.field("data").is_some());
    let mut limit = 64;
    let mut refused = 0;
    while data.value_within(limit).is_err_and(|e| matches!(e.kind(), ErrorKind::TooLarge { .. })) {
        limit *= 2;
        refused += 1;
    }
    assert!(refused > 5, "{refused}");
    assert_eq!(data.value_within(limit).unwrap(), whole);
}

#[test]
fn threads_share_a_file() {
    let file = open("indexed_table");
    let table = file.dataset("hydro/data").unwrap().table_in("data").unwrap().unwrap();
    let column = table.column("rho").unwrap();
    let whole = column.read::<f64>().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(column.read::<f64>().unwrap(), whole));
        }
    });
}

fn parts<T: jld2::Numeric + PartialEq + std::fmt::Debug>(file: &File, path: &str) {
    let dataset = file.dataset(path).unwrap();
    let whole = dataset.read::<T>().unwrap();
    let n = whole.len();
    for (start, end) in [(0, 1), (0, n), (n / 3, n / 2), (n / 2, n / 2 + 9), (n - 1, n), (n, n)] {
        let part = dataset.slice::<T>(start as u64..end as u64).unwrap();
        assert_eq!(part, whole[start..end], "{path} {start}..{end}");
    }
}

#[test]
fn slices_of_chunks_decode_only_those_that_hold_them() {
    let path = "../../tests/data/chunks/btree1.h5";
    let file = || File::open(path).unwrap();
    parts::<i64>(&file(), "g0/h0/edge");
    parts::<f64>(&file(), "g0/h0/deflate");
    parts::<f32>(&file(), "g0/h1/two");
    parts::<f32>(&file(), "g0/h1/two_deflate");
    parts::<f64>(&file(), "g0/h1/three");
    parts::<f64>(&file(), "g0/h2/sparse");
    parts::<i16>(&file(), "g0/h2/sparse_two");
    parts::<i64>(&file(), "g0/h3/grown_two");
    parts::<i32>(&file(), "g1/h0/many");

    let arrays = File::open("../../tests/data/chunks/arrays.h5").unwrap();
    parts::<i32>(&arrays, "more/implicit/line");
    parts::<i32>(&arrays, "more/fixed/filtered_pages");
    parts::<i8>(&arrays, "more/extensible/pages");
    parts::<i16>(&arrays, "more/extensible/last_grows");
    parts::<i16>(&arrays, "more/tree/deep");
    parts::<i32>(&arrays, "more/edges/tree");

    // From memory, where each byte that is read counts.
    let bytes = std::fs::read(path).unwrap();
    let (size, file) = (bytes.len() as u64, File::from_bytes(bytes).unwrap());
    let many = file.dataset("g1/h0/many").unwrap();
    let source = file.container().source();
    let before = source.bytes_read();
    assert_eq!(many.slice::<i32>(1500..1504).unwrap(), [1500, 1501, 1502, 1503]);
    let read = source.bytes_read() - before;
    assert!(read < size / 15, "{read} of {size}: two nodes and two chunks of 667");
}

#[test]
fn links_that_lead_to_names_are_told_and_are_no_keys() {
    let file = File::open("../../tests/data/hdf5/dense.h5").unwrap();
    let many = file.group("many").unwrap();
    let mut links: Vec<_> = many.symbolic_links().collect();
    links.sort_by_key(|link| &link.name);
    let external = Symbolic::External { file: "other.h5".into(), path: "/x".into() };
    let told: Vec<_> = links.iter().map(|link| (link.name.as_str(), &link.to)).collect();
    assert_eq!(told, [("outside", &external), ("soft", &Symbolic::Soft("/many/own".into()))]);
    assert!(many.keys().all(|key| key != "soft" && key != "outside"));
}
