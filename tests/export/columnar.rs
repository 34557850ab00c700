//! Parquet and Arrow, read back by the crates that others read them with.

use super::setting::{E4, columns, data, export, quantities, samples, sha256};
use arrow_ipc::convert::try_schema_from_ipc_buffer;
use arrow_ipc::reader::FileReader;
use arrow_schema::Schema;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

/// The schema, and the numbers of each column, the lowest byte of each first.
fn read(path: &Path) -> (Schema, Vec<Vec<u8>>) {
    let file = File::open(path).unwrap();
    if path.extension().unwrap() == "arrow" {
        let reader = FileReader::try_new(file, None).unwrap();
        let schema = reader.schema().as_ref().clone();
        let mut columns = vec![Vec::new(); schema.fields().len()];
        for batch in reader.map(Result::unwrap) {
            for (column, bytes) in batch.columns().iter().zip(&mut columns) {
                let data = column.to_data();
                let size = data.data_type().primitive_width().unwrap();
                let from = data.offset() * size;
                bytes.extend_from_slice(&data.buffers()[0][from..from + data.len() * size]);
            }
        }
        return (schema, columns);
    }
    let reader = SerializedFileReader::new(file).unwrap();
    let said = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let text = said.iter().find(|it| it.key == "ARROW:schema").unwrap();
    let schema = try_schema_from_ipc_buffer(&unbase64(text.value.as_ref().unwrap())).unwrap();
    let mut columns = vec![Vec::new(); schema.fields().len()];
    for row in reader.get_row_iter(None).unwrap() {
        for ((name, field), bytes) in row.unwrap().get_column_iter().zip(&mut columns) {
            match field {
                Field::Byte(i) => bytes.extend(i.to_le_bytes()),
                Field::Short(i) => bytes.extend(i.to_le_bytes()),
                Field::Int(i) => bytes.extend(i.to_le_bytes()),
                Field::Long(i) => bytes.extend(i.to_le_bytes()),
                Field::Float(x) => bytes.extend(x.to_le_bytes()),
                Field::Double(x) => bytes.extend(x.to_le_bytes()),
                other => panic!("{name}: {other}"),
            }
        }
    }
    (schema, columns)
}

/// The bytes of a text in base64.
fn unbase64(text: &str) -> Vec<u8> {
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for digit in text.trim_end_matches('=').chars() {
        bits = (bits << 6 | u32::try_from(digits.find(digit).unwrap()).unwrap()) & 0xffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).unwrap());
        }
    }
    bytes
}

fn digests(path: &Path) -> Vec<(String, String)> {
    let (schema, columns) = read(path);
    let names = schema.fields().iter().map(|field| field.name().clone());
    names.zip(&columns).map(|(name, bytes)| (name, sha256(bytes))).collect()
}

#[test]
fn tables_of_all_eras_are_what_julia_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut count = 0;
    for (i, sample) in samples().iter().enumerate() {
        let to = if i % 2 == 0 { "parquet" } else { "arrow" };
        for table in ["hydro", "particles"] {
            let truth = columns(sample, table);
            if truth.is_empty() {
                continue;
            }
            let file = dir.path().join(format!("{i}-{table}.{to}"));
            export(sample, table, to, &file, &[]);
            assert_eq!(digests(&file), truth, "{}", sample.display());
            count += 1;
        }
    }
    assert!(count > 12, "{count}");
}

#[test]
fn units_and_the_run_are_said_and_the_same_request_makes_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(E4);
    let more = ["--columns", "level,T,rho", "--unit", "T=K", "--where", "level > 7"];
    for to in ["parquet", "arrow"] {
        let [one, other] = ["a", "b"].map(|name| dir.path().join(format!("{name}.{to}")));
        export(&file, "hydro", to, &one, &more);
        // Threads come to pieces of rows in another order.
        export(
            &file,
            "hydro",
            to,
            &other,
            &[&more[..], &["--threads", "1", "--cache", "1KiB"]].concat(),
        );
        assert_eq!(fs::read(&one).unwrap(), fs::read(&other).unwrap());
        let (schema, columns) = read(&one);
        let about: BTreeMap<_, _> =
            schema.metadata().iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        assert_eq!(about["table"], "hydro");
        assert_eq!(about["where"], "level > 7");
        assert_eq!(about["output"], "100");
        assert!(about["source"].ends_with("output_00100.jld2"));
        let unit = |i: usize| schema.field(i).metadata().get("unit").map(ToString::to_string);
        assert_eq!(unit(0), None);
        assert_eq!(unit(1).as_deref(), Some("K"));
        assert!(unit(2).unwrap().ends_with(" nH"));
        let rows = columns[0].len() / 8;
        let levels = quantities(&file)["hydro"]["levels"].clone();
        let wanted: u64 = (8..=10).map(|level| levels[level.to_string()].as_u64().unwrap()).sum();
        assert_eq!(rows as u64, wanted);
    }
}

#[test]
fn levels_of_compression_hold_the_same_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(E4);
    let paths = ["0", "1", "9"].map(|level| {
        let path = dir.path().join(format!("{level}.parquet"));
        export(&file, "hydro", "parquet", &path, &["--level", level]);
        path
    });
    let truth = columns(&file, "hydro");
    assert!(paths.iter().all(|path| digests(path) == truth));
    let len = |path: &Path| fs::metadata(path).unwrap().len();
    assert!(len(&paths[2]) < len(&paths[0]));
}
