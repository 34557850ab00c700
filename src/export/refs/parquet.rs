//! References as a directory of Parquet files: as kerchunk writes them and fsspec's `LazyReferenceMapper`
//! reads them. `.zmetadata` holds all documents and says how many references a file holds;
//! `ARRAY/refs.N.parq` holds those of chunks from N times that number on, one a row: path, offset, size.
//! A chunk that is not stored has no path; one that is given here is in a column `raw`.

use super::super::ExportError;
use super::super::parquet_file::{Column, Field, Kind, ParquetFile};
use super::store::{Piece, Place, Store};
use jld2::NumberType;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// References in a file, as kerchunk has them.
const RECORD: u64 = 10_000;

/// A set in the making.
pub(super) struct ParquetStore {
    root: PathBuf,
    documents: BufWriter<File>,
    first: bool,
    open: BTreeMap<String, Record>,
    /// The path that came last: most come often.
    path: Arc<str>,
}

/// References that are not written yet.
struct Record {
    number: u64,
    paths: Vec<Option<Arc<str>>>,
    offsets: Vec<Option<i64>>,
    sizes: Vec<Option<i64>>,
}

impl ParquetStore {
    /// A set in the empty directory `root`.
    pub(super) fn begin(root: &Path) -> Result<Self, ExportError> {
        let mut documents = BufWriter::new(File::create_new(root.join(".zmetadata"))?);
        documents.write_all(b"{\"zarr_consolidated_format\":1,\"metadata\":{")?;
        let (open, path) = (BTreeMap::new(), Arc::from(""));
        Ok(Self { root: root.to_owned(), documents, first: true, open, path })
    }

    pub(super) fn finish(mut self) -> Result<(), ExportError> {
        writeln!(self.documents, "}},\"record_size\":{RECORD}}}")?;
        Ok(self.documents.flush()?)
    }

    /// Writes rows of one array.
    fn write(
        &self,
        array: &str,
        record: u64,
        fields: &[Field],
        columns: &[Column<'_>],
    ) -> Result<(), ExportError> {
        let dir = self.root.join(array);
        fs::create_dir_all(&dir)?;
        let mut out = BufWriter::new(File::create_new(dir.join(format!("refs.{record}.parq")))?);
        let mut file = ParquetFile::begin(&mut out, fields, 3, [])?;
        file.group(columns)?;
        file.finish()?;
        Ok(out.flush()?)
    }

    /// Writes the references of an array that wait, with those up to `rows` that are not stored.
    fn close(&self, array: &str, mut record: Record, rows: usize) -> Result<(), ExportError> {
        record.fill(rows);
        let integer = Kind::Number(NumberType::Int64);
        let field = |name: &str, kind, missing| Field { name: name.to_owned(), kind, missing };
        let fields = [
            field("path", Kind::Text, true),
            field("offset", integer, true),
            field("size", integer, true),
        ];
        let Record { number, paths, offsets, sizes } = record;
        let columns = [Column::Texts(&paths), Column::Integers(&offsets), Column::Integers(&sizes)];
        self.write(array, number, &fields, &columns)
    }
}

impl Record {
    fn new(number: u64) -> Self {
        Self { number, paths: Vec::new(), offsets: Vec::new(), sizes: Vec::new() }
    }

    /// Makes it so many rows.
    fn fill(&mut self, rows: usize) {
        let rows = rows.max(self.paths.len());
        self.paths.resize(rows, None);
        self.offsets.resize(rows, Some(0));
        self.sizes.resize(rows, Some(0));
    }
}

/// How many rows a record of an array has.
fn rows_of(array: &Place, record: u64) -> usize {
    let rows = array.chunks().saturating_sub(record.saturating_mul(RECORD)).min(RECORD);
    usize::try_from(rows).unwrap_or(0)
}

impl Store for ParquetStore {
    fn document(&mut self, key: &str, json: &Value) -> Result<(), ExportError> {
        let comma = if std::mem::take(&mut self.first) { "" } else { "," };
        write!(self.documents, "{comma}\n{}:{json}", Value::from(key))?;
        Ok(())
    }

    fn piece(&mut self, array: &Place, piece: Piece<'_>) -> Result<(), ExportError> {
        let number = piece.number / RECORD;
        let mut record = match self.open.remove(&array.name) {
            Some(open) if open.number == number => open,
            Some(open) => {
                let rows = rows_of(array, open.number);
                self.close(&array.name, open, rows)?;
                Record::new(number)
            }
            None => Record::new(number),
        };
        if *self.path != *piece.path {
            self.path = Arc::from(piece.path);
        }
        record.fill(usize::try_from(piece.number % RECORD).unwrap_or(0));
        let signed = |n: u64| {
            i64::try_from(n).map(Some).map_err(|_| io::Error::other("an offset beyond 2^63"))
        };
        record.paths.push(Some(Arc::clone(&self.path)));
        record.offsets.push(signed(piece.offset)?);
        record.sizes.push(signed(piece.bytes)?);
        self.open.insert(array.name.clone(), record);
        Ok(())
    }

    fn inline(&mut self, array: &Place, bytes: &[u8]) -> Result<(), ExportError> {
        let field = Field { name: "raw".to_owned(), kind: Kind::Bytes, missing: true };
        self.write(&array.name, 0, &[field], &[Column::Bytes(&[Some(bytes.to_vec())])])
    }

    fn end(&mut self, array: &Place) -> Result<(), ExportError> {
        match self.open.remove(&array.name) {
            Some(record) => {
                let rows = rows_of(array, record.number);
                self.close(&array.name, record, rows)
            }
            None => Ok(()),
        }
    }
}
