use super::*;
use crate::{ChunkCache, File, Item};
use std::path::{Path, PathBuf};

fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data").join(path)
}

/// All arrays of numbers of a file.
fn arrays(file: &File) -> Vec<Dataset<'_>> {
    let paths = file.dataset_paths().unwrap();
    let datasets = paths.iter().filter_map(|path| match file.get(path) {
        Ok(Some(Item::Dataset(dataset))) => Some(dataset),
        _ => None,
    });
    datasets.filter(|dataset| NumberType::of_dataset(dataset).is_ok()).collect()
}

/// The bytes of a dataset as its type reads them, by the other reader.
fn read(dataset: &Dataset<'_>) -> Vec<u8> {
    let (datatype, _, _) = NumberType::of_dataset(dataset).unwrap();
    let column = Column::new(dataset.file().container(), dataset.data(), &datatype).unwrap();
    let mut bytes = vec![0; usize::try_from(column.len()).unwrap()];
    column.open().unwrap().fill(&mut bytes).unwrap();
    if !crate::julia::is_little_endian(&datatype) {
        bytes.chunks_mut(datatype.size as usize).for_each(<[u8]>::reverse);
    }
    bytes
}

fn scanned(scan: &Scan<'_>, range: Range<u64>) -> Vec<u8> {
    let (mut bytes, mut next) = (Vec::new(), range.start);
    scan.run(range.clone(), |rows| {
        assert_eq!(rows.first, next);
        assert!(!rows.is_empty() && rows.column(0).unwrap().len() == rows.len());
        next += rows.len() as u64;
        bytes.extend_from_slice(rows.column(0).unwrap().bytes());
        Ok::<_, Error>(())
    })
    .unwrap();
    assert_eq!(next, range.end);
    bytes
}

#[test]
fn rows_are_those_that_the_other_reader_gives_whatever_the_layout() {
    let mut seen = 0;
    for path in ["chunks/btree1.h5", "chunks/layout5.h5", "chunks/arrays.h5"] {
        let file = File::open(data(path)).unwrap();
        for dataset in arrays(&file) {
            let whole = read(&dataset);
            let path = dataset.path().to_owned();
            let cache = Arc::new(ChunkCache::new(64 << 10));
            let scan = Scan::over(vec![dataset]).unwrap();
            let size = scan.number_type(0).unwrap().size() as u64;
            let len = scan.len();
            if len == 0 {
                continue;
            }
            let scan = scan.with_threads(3).with_cache(Arc::clone(&cache));
            for range in [0..len, 0..len, len / 3..len / 2 + 1, len - 1..len, len / 2..len / 2] {
                let part = usize::try_from(range.start * size).unwrap()
                    ..usize::try_from(range.end * size).unwrap();
                assert!(scanned(&scan, range.clone()) == whole[part], "{path} {range:?}");
            }
            let scan = scan.with_threads(1);
            assert!(scanned(&scan, 0..len) == whole, "{path}, one thread");
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn columns_in_chunks_and_of_one_piece_go_side_by_side() {
    for era in ["e0-zlib/output_00007", "e4b-bzip2/output_00020", "e4b-lz4/output_00100"] {
        let file = File::open(data(&format!("mera/{era}.jld2"))).unwrap();
        let table = file.dataset("hydro/data").unwrap().table_in("data").unwrap().unwrap();
        let names: Vec<_> = table.names().map(str::to_owned).collect();
        let cache = Arc::new(ChunkCache::new(8 << 20));
        let scan = Scan::of(&table, &names).unwrap().with_cache(Arc::clone(&cache));
        assert_eq!(scan.len(), table.len());
        let mut columns = vec![Vec::new(); names.len()];
        for _ in 0..2 {
            columns.iter_mut().for_each(Vec::clear);
            scan.run(7..scan.len() - 5, |rows| {
                for (column, found) in columns.iter_mut().zip(rows.columns()) {
                    column.extend(found.floats());
                }
                Ok::<_, Error>(())
            })
            .unwrap();
        }
        for (name, column) in names.iter().zip(&columns) {
            let dataset = table.column(name).unwrap();
            let range = 7..table.len() - 5;
            let expected: Vec<f64> = match scan.number_type(0) {
                _ if name == "level" || name.starts_with('c') => {
                    let numbers = dataset.slice::<i64>(range).unwrap();
                    numbers.into_iter().map(|i| f64::from(i32::try_from(i).unwrap())).collect()
                }
                _ => dataset.slice::<f64>(range).unwrap(),
            };
            assert!(*column == expected, "{era} {name}");
        }
        let usage = cache.usage();
        assert!(usage.hits > 0 && usage.hits == usage.misses, "{usage:?}: all twice");
    }
}

#[test]
fn what_is_no_column_of_numbers_is_refused_by_name() {
    let file = File::open(data("mera/e4b-lz4/output_00100.jld2")).unwrap();
    let table = file.dataset("hydro/data").unwrap().table_in("data").unwrap().unwrap();
    let error = Scan::of(&table, &["rho", "sigma"]).unwrap_err().to_string();
    assert!(error.contains("there is no column sigma"), "{error}");
    let text = file.dataset("hydro/information/comments").unwrap();
    let error = Scan::over(vec![text]).unwrap_err().to_string();
    assert!(error.contains("/hydro/information/comments"), "{error}");
    assert!(error.contains("a column of numbers"), "{error}");
    let other = file.dataset("gravity/data").unwrap().table_in("data").unwrap().unwrap();
    let particles = file.dataset("particles/data").unwrap().table_in("data").unwrap().unwrap();
    let mixed = vec![other.column("ax").unwrap(), particles.column("vx").unwrap()];
    let error = Scan::over(mixed).unwrap_err().to_string();
    assert!(error.contains("8000 rows as in the other columns, found 400"), "{error}");
    let many = vec![other.column("ax").unwrap(); MOST_COLUMNS + 1];
    assert!(Scan::over(many).unwrap_err().to_string().contains("256 columns"));
    let scan = Scan::of(&other, &["ax"]).unwrap();
    let error = scan.run(0..8001, |_| Ok::<_, Error>(())).unwrap_err().to_string();
    assert!(error.contains("a range of rows inside 0..8000"), "{error}");
}

#[test]
fn a_damaged_piece_ends_the_scan_with_its_path() {
    let whole = std::fs::read(data("mera/e0-zlib/output_00007.jld2")).unwrap();
    let clean = File::from_bytes(whole.clone()).unwrap();
    let table = clean.dataset("hydro/data").unwrap().table_in("data").unwrap().unwrap();
    let rho = table.column("rho").unwrap();
    let (datatype, _, _) = NumberType::of_dataset(&rho).unwrap();
    let column = Column::new(clean.container(), rho.data(), &datatype).unwrap();
    let middle = usize::try_from(column.offset()).unwrap() + 9000;
    let mut damaged = whole;
    damaged[middle..middle + 64].fill(0xff);
    let file = File::from_bytes(damaged).unwrap();
    let table = file.dataset("hydro/data").unwrap().table_in("data").unwrap().unwrap();
    for names in [&["rho"][..], &["level", "rho", "p"]] {
        let scan = Scan::of(&table, names).unwrap();
        let mut rows = 0;
        let ended = scan.run(0..scan.len(), |found| {
            rows += found.len() as u64;
            Ok::<_, Error>(())
        });
        let error = ended.unwrap_err().to_string();
        assert!(error.contains("/hydro/data.data.rho"), "{error}");
        assert!(rows < scan.len());
    }
}

#[test]
fn whoever_takes_rows_can_end_the_scan() {
    let file = File::open(data("mera/e4b-lz4/output_00100.jld2")).unwrap();
    let table = file.dataset("hydro/data").unwrap().table_in("data").unwrap().unwrap();
    let scan = Scan::of(&table, &["rho", "p"]).unwrap();
    let ended = scan.run(0..scan.len(), |_| Err(Error::cancelled()));
    assert!(matches!(ended.unwrap_err().kind(), crate::ErrorKind::Cancelled));
    let none: &[&str] = &[];
    let counted = Scan::of(&table, none).unwrap();
    let mut rows = 0;
    counted
        .run(5..counted.len(), |found| {
            rows += found.len() as u64;
            Ok::<_, Error>(())
        })
        .unwrap();
    assert_eq!(rows, 7995);
}

/// Where decoders of all columns take more than they may, some keep none from one piece to the next: the rows
/// are the same, and with a cache that holds the chunks nothing is decoded twice.
#[test]
fn rows_are_the_same_where_decoders_do_not_stay_open() {
    let file = File::open(data("chunks/layout5.h5")).unwrap();
    let in_chunks = |dataset: &Dataset<'_>| {
        let filters = &dataset.data().filters;
        feed::chunk_rows(dataset).is_some_and(|rows| rows > 1) && !filters.is_empty()
    };
    let mut seen = 0;
    for dataset in arrays(&file).into_iter().filter(in_chunks) {
        let (path, whole) = (dataset.path().to_owned(), read(&dataset));
        let size = whole.len() / usize::try_from(dataset.dims().unwrap()[0]).unwrap();
        let columns = 60;
        for most in [0, 64 << 20] {
            let cache = Arc::new(ChunkCache::new(most));
            let scan = Scan::over(vec![dataset.clone(); columns]).unwrap();
            // So little may wait that pieces are smaller than chunks.
            let scan = scan.with_in_flight(1).with_threads(3).with_cache(Arc::clone(&cache));
            let (first, last) = (1, scan.len());
            let mut at = usize::try_from(first).unwrap() * size;
            scan.run(first..last, |rows| {
                let len = rows.len() * size;
                let same = |column: &NumberSlice<'_>| column.bytes() == &whole[at..at + len];
                assert!(rows.columns().iter().all(same), "{path}");
                at += len;
                Ok::<_, Error>(())
            })
            .unwrap();
            assert_eq!(at, whole.len(), "{path}");
        }
        seen += 1;
    }
    assert!(seen > 0, "no array in chunks");
}
