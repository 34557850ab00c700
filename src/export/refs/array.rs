//! Describes an array as Zarr version 2 has it, with the pieces of the file that hold it.
//!
//! Zarr's codecs are those of the package numcodecs. Of HDF5's filters it has deflate (`zlib`), shuffle,
//! Zstandard and bzip2. Both formats that files have under HDF5's number for LZ4 are other than its own
//! `lz4`: the package imagecodecs has them.

use super::super::ExportError;
use super::super::npy::dtype;
use super::{Refs, join, text};
use crate::codec::{Lz4Format, describe, ids, sniff_lz4};
use crate::h5::{self, ByteOrder, Class, Datatype, FilterEntry, Layout};
use crate::julia::TypeTable;
use crate::numbers::MeraFile;
use jld2::{Dataset, NumberType, Scan};
use serde_json::{Value, json};
use std::path::Path;

/// What is not in numcodecs, and where it is.
const IMAGECODECS: &str =
    "imagecodecs (pip install imagecodecs; imagecodecs.numcodecs.register_codecs())";
/// What helps where a codec cannot be named.
const CONVERT: &str = "jldconv convert --compress zstd makes a file that can be referred to";

/// An array, and the pieces of its file.
pub(super) struct Described {
    /// As `.zarray` says it.
    zarray: Value,
    /// As `.zattrs` says it.
    zattrs: Value,
    /// Key, offset, and bytes of each piece.
    pieces: Vec<(String, u64, u64)>,
    /// Packages that a reader needs.
    pub(super) needs: Vec<&'static str>,
}

impl Described {
    /// Tells it as the array `name` of the file at `path`; gives the number of pieces.
    pub(super) fn put(
        &self,
        name: &str,
        path: &Path,
        refs: &mut Refs<'_>,
    ) -> Result<u64, ExportError> {
        refs.put(&join(name, ".zarray"), &text(&self.zarray))?;
        refs.put(&join(name, ".zattrs"), &text(&self.zattrs))?;
        let path = path.to_string_lossy();
        for (key, offset, bytes) in &self.pieces {
            refs.put(&join(name, key), &json!([path, offset, bytes]))?;
        }
        Ok(self.pieces.len() as u64)
    }
}

/// Describes a dataset; an error says why Zarr cannot read it where it is, and what helps.
pub(super) fn of(
    file: &MeraFile,
    dataset: &Dataset<'_>,
    unit: Option<String>,
) -> Result<Described, String> {
    let words = |error: h5::Error| error.to_string();
    let scan = Scan::over(vec![dataset.clone()]).map_err(words)?;
    let number = scan.number_type(0).unwrap_or(NumberType::Float64);
    let container = file.file().container();
    let data = dataset.object().dataset().ok_or("not a dataset")?;
    let types = TypeTable::new(container);
    let datatype = types.element(&data.datatype).map_err(words)?.datatype().clone();
    let dtype = match byte_order(&datatype) {
        ByteOrder::Little => dtype(number).to_owned(),
        ByteOrder::Big => dtype(number).replace('<', ">"),
    };
    // As h5py has them: the slowest first.
    let mut shape = dataset.dims().map_err(words)?;
    shape.reverse();
    let mut needs = Vec::new();
    let (chunks, pieces, codecs) = match &data.layout {
        Layout::Compact { size, .. } | Layout::Contiguous { size, .. } => {
            let offset = container.stored_offset(data).map_err(words)?;
            let key =
                if shape.is_empty() { "0".to_owned() } else { vec!["0"; shape.len()].join(".") };
            if let Some(offset) = offset {
                container.source().check(offset, *size, "data").map_err(words)?;
            }
            (
                whole(&shape),
                offset.map(|offset| (key, offset, *size)).into_iter().collect(),
                Codecs::default(),
            )
        }
        Layout::Chunked(_) => {
            let (chunks, pieces, codecs) = chunked(file, data, number.size())?;
            needs.extend(codecs.needs);
            if chunks.len() != shape.len() {
                return Err(format!("chunks of {} dimensions", chunks.len()));
            }
            (chunks, pieces, codecs)
        }
    };
    if data.fill.as_ref().is_some_and(|fill| fill.iter().any(|&byte| byte != 0)) {
        return Err("elements that were never written stand for something else than 0".to_owned());
    }
    let dims: Vec<_> = if shape.len() == 1 {
        vec!["row".to_owned()]
    } else {
        (0..shape.len()).map(|i| format!("dim_{i}")).collect()
    };
    let mut zattrs = json!({ "_ARRAY_DIMENSIONS": dims });
    if let (Some(unit), Some(all)) = (unit, zattrs.as_object_mut()) {
        all.insert("unit".to_owned(), unit.into());
    }
    // With a fill value xarray takes all numbers that are like it for missing ones: it is said only where
    // pieces are missing.
    let wanted = shape.iter().zip(&chunks).map(|(d, chunk)| d.div_ceil((*chunk).max(1)));
    let fill = match wanted.fold(1, u64::saturating_mul) == pieces.len() as u64 {
        true => Value::Null,
        false if number == NumberType::Bool => json!(false),
        false => json!(0),
    };
    let zarray = json!({
        "zarr_format": 2,
        "shape": shape,
        "chunks": chunks,
        "dtype": dtype,
        "compressor": codecs.compressor,
        "filters": if codecs.filters.is_empty() { Value::Null } else { Value::from(codecs.filters) },
        "fill_value": fill,
        "order": "C",
    });
    Ok(Described { zarray, zattrs, pieces, needs })
}

/// The order of a number's bytes.
fn byte_order(datatype: &Datatype) -> ByteOrder {
    match &datatype.class {
        Class::FixedPoint { order, .. } | Class::Float { order, .. } => *order,
        Class::Enum(base) => byte_order(base),
        _ => ByteOrder::Little,
    }
}

/// One chunk for all of an array; there is none of no elements.
fn whole(shape: &[u64]) -> Vec<u64> {
    shape.iter().map(|&d| d.max(1)).collect()
}

/// The codecs of an array, as numcodecs names them.
#[derive(Debug, Default)]
struct Codecs {
    /// Those in front of the last, in the order of writing.
    filters: Vec<Value>,
    /// The last.
    compressor: Value,
    needs: Option<&'static str>,
}

type Chunks = (Vec<u64>, Vec<(String, u64, u64)>, Codecs);

fn chunked(file: &MeraFile, data: &h5::Dataset, size: usize) -> Result<Chunks, String> {
    let words = |error: h5::Error| error.to_string();
    let container = file.file().container();
    let table = container.chunks(data).map_err(words)?.ok_or("no chunks")?;
    let chunks = table.grid().chunk_dims().to_vec();
    let mut stored = table.stored(0..table.grid().total()).map_err(words)?;
    let mut pieces = Vec::new();
    let mut lz4 = None;
    while let Some(chunk) = stored.next().map_err(words)? {
        if chunk.filter_mask != 0 {
            return Err(format!("a chunk was stored without some of its filters; {CONVERT}"));
        }
        if !data.filters.is_empty() && !table.is_filtered(&chunk) {
            return Err(format!("chunks at the edge are stored without filters; {CONVERT}"));
        }
        let offset = container.offset(chunk.addr, "chunk").map_err(words)?;
        if data.filters.iter().any(|filter| filter.id == ids::LZ4) {
            let first = container.source().read(offset, 4, "chunk").map_err(words)?;
            let first: [u8; 4] = first.try_into().map_err(|_| "a chunk of less than 4 bytes")?;
            let format = sniff_lz4(first);
            if lz4.is_some_and(|known| known != format) {
                return Err(format!("chunks of two formats of LZ4; {CONVERT}"));
            }
            lz4 = Some(format);
        }
        let start = table.grid().start(chunk.number);
        let place: Vec<_> =
            start.iter().zip(&chunks).map(|(at, d)| (at / (*d).max(1)).to_string()).collect();
        pieces.push((place.join("."), offset, chunk.size));
    }
    let codecs = codecs(&data.filters, lz4, size)?;
    Ok((chunks, pieces, codecs))
}

fn codecs(filters: &[FilterEntry], lz4: Option<Lz4Format>, size: usize) -> Result<Codecs, String> {
    let mut all = Codecs::default();
    let mut named = Vec::new();
    for filter in filters {
        named.push(match filter.id {
            ids::DEFLATE => json!({ "id": "zlib", "level": 1 }),
            ids::SHUFFLE => {
                let stated = filter.client.first().copied().map_or(size as u64, u64::from);
                json!({ "id": "shuffle", "elementsize": stated })
            }
            ids::ZSTD => json!({ "id": "zstd", "level": 1 }),
            ids::BZIP2 => json!({ "id": "bz2", "level": 1 }),
            ids::LZ4 => {
                all.needs = Some(IMAGECODECS);
                match lz4 {
                    Some(Lz4Format::Frame) => json!({ "id": "imagecodecs_lz4f" }),
                    Some(Lz4Format::Hdf5) | None => json!({ "id": "imagecodecs_lz4h5" }),
                }
            }
            id => {
                return Err(format!(
                    "zarr has no codec for HDF5's filter {} ({id}); {CONVERT}",
                    describe(id)
                ));
            }
        });
    }
    // What is last in writing gives bytes; a shuffle alone is a filter.
    if named.last().is_some_and(|last| last["id"] != "shuffle") {
        all.compressor = named.pop().unwrap_or(Value::Null);
    }
    all.filters = named;
    Ok(all)
}
