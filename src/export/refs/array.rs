//! Describes an array as Zarr version 2 has it, with the pieces of the file that hold it.
//!
//! Zarr's codecs are those of the package numcodecs. Of HDF5's filters it has deflate (`zlib`), shuffle,
//! Zstandard and bzip2. Both formats that files have under HDF5's number for LZ4 are other than its own
//! `lz4`: the package imagecodecs has them.

use super::super::npy::dtype;
use crate::codec::{Lz4Format, describe, ids, sniff_lz4};
use crate::h5::{self, ByteOrder, Class, Datatype, FilterEntry, Layout};
use crate::julia::TypeTable;
use crate::numbers::MeraFile;
use jld2::{Dataset, NumberType, Scan};
use serde_json::{Value, json};

/// What is not in numcodecs, and where it is.
const IMAGECODECS: &str =
    "imagecodecs (pip install imagecodecs; imagecodecs.numcodecs.register_codecs())";
/// What helps where a codec cannot be named.
const CONVERT: &str = "jldconv convert --compress zstd makes a file that can be referred to";

/// An array: what Zarr is told of it. Two that are equal differ in nothing but where they stand.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Described {
    /// Slowest dimension first, as h5py has them.
    pub(super) shape: Vec<u64>,
    chunks: Vec<u64>,
    dtype: String,
    is_bool: bool,
    codecs: Codecs,
}

/// An array in a file.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) described: Described,
    pub(super) unit: Option<String>,
    /// Whether chunks are not stored.
    pub(super) gaps: bool,
}

impl Described {
    /// Packages that a reader needs.
    pub(super) fn needs(&self) -> Option<&'static str> {
        self.codecs.needs
    }

    /// An array of numbers of 8 bytes that are given with the references.
    pub(super) fn plain(rows: u64, dtype: &str) -> Self {
        Self {
            shape: vec![rows],
            chunks: vec![rows.max(1)],
            dtype: dtype.to_owned(),
            is_bool: false,
            codecs: Codecs::default(),
        }
    }

    /// Chunks along each dimension.
    pub(super) fn grid(&self) -> Vec<u64> {
        let pairs = self.shape.iter().zip(&self.chunks);
        pairs.map(|(d, chunk)| d.div_ceil((*chunk).max(1))).collect()
    }

    /// So many of these arrays, one behind the other along a new first dimension.
    pub(super) fn stacked(&self, count: u64) -> Self {
        let with = |first: u64, rest: &[u64]| [&[first], rest].concat();
        let (shape, chunks) = (with(count, &self.shape), with(1, &self.chunks));
        Self { shape, chunks, ..self.clone() }
    }

    /// As `.zarray` says it.
    pub(super) fn zarray(&self, gaps: bool) -> Value {
        // With a fill value xarray takes all numbers that are like it for missing ones: it is said only
        // where pieces are missing.
        let fill = match gaps {
            false => Value::Null,
            true if self.is_bool => json!(false),
            true => json!(0),
        };
        let filters = &self.codecs.filters;
        json!({
            "zarr_format": 2,
            "shape": self.shape,
            "chunks": self.chunks,
            "dtype": self.dtype,
            "compressor": null,
            "filters": if filters.is_empty() { Value::Null } else { json!(filters) },
            "fill_value": fill,
            "order": "C",
        })
    }
}

/// As `.zattrs` says it, of an array with these dimensions.
pub(super) fn zattrs(dims: &[String], unit: Option<&str>) -> Value {
    let mut zattrs = json!({ "_ARRAY_DIMENSIONS": dims });
    if let (Some(unit), Some(all)) = (unit, zattrs.as_object_mut()) {
        all.insert("unit".to_owned(), unit.into());
    }
    zattrs
}

/// The names of an array's dimensions.
pub(super) fn dimensions(shape: &[u64]) -> Vec<String> {
    if shape.len() == 1 {
        return vec!["row".to_owned()];
    }
    (0..shape.len()).map(|i| format!("dim_{i}")).collect()
}

/// Describes a dataset; an error says why Zarr cannot read it where it is, and what helps.
pub(super) fn of(
    file: &MeraFile,
    dataset: &Dataset<'_>,
    unit: Option<String>,
) -> Result<Found, String> {
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
    let mut stored = 0;
    let mut lz4 = None;
    pieces(file, data, &mut |_, offset, bytes| {
        stored += 1;
        container.source().check(offset, bytes, "data").map_err(words)?;
        if data.filters.iter().any(|filter| filter.id == ids::LZ4) {
            let first = container.source().read(offset, 4, "chunk").map_err(words)?;
            let first: [u8; 4] = first.try_into().map_err(|_| "a chunk of less than 4 bytes")?;
            let format = sniff_lz4(first);
            if lz4.is_some_and(|known| known != format) {
                return Err(format!("chunks of two formats of LZ4; {CONVERT}"));
            }
            lz4 = Some(format);
        }
        Ok(())
    })?;
    let (chunks, codecs) = match &data.layout {
        Layout::Compact { .. } | Layout::Contiguous { .. } => (whole(&shape), Codecs::default()),
        Layout::Chunked(_) => {
            let table = container.chunks(data).map_err(words)?.ok_or("no chunks")?;
            let codecs = codecs(&data.filters, lz4, number.size())?;
            (table.grid().chunk_dims().to_vec(), codecs)
        }
    };
    if chunks.len() != shape.len() {
        return Err(format!("chunks of {} dimensions", chunks.len()));
    }
    if data.fill.as_ref().is_some_and(|fill| fill.iter().any(|&byte| byte != 0)) {
        return Err("elements that were never written stand for something else than 0".to_owned());
    }
    let is_bool = number == NumberType::Bool;
    let described = Described { shape, chunks, dtype, is_bool, codecs };
    let wanted = described.grid().into_iter().fold(1, u64::saturating_mul);
    Ok(Found { described, unit, gaps: wanted != stored })
}

/// Hands on the pieces of a file that hold a dataset: the number of the chunk, where it is, its bytes.
pub(super) fn pieces(
    file: &MeraFile,
    data: &h5::Dataset,
    take: &mut dyn FnMut(u64, u64, u64) -> Result<(), String>,
) -> Result<(), String> {
    let words = |error: h5::Error| error.to_string();
    let container = file.file().container();
    match &data.layout {
        Layout::Compact { size, .. } | Layout::Contiguous { size, .. } => {
            match container.stored_offset(data).map_err(words)? {
                Some(offset) => take(0, offset, *size),
                None => Ok(()),
            }
        }
        Layout::Chunked(_) => {
            let table = container.chunks(data).map_err(words)?.ok_or("no chunks")?;
            let mut stored = table.stored(0..table.grid().total()).map_err(words)?;
            while let Some(chunk) = stored.next().map_err(words)? {
                if chunk.filter_mask != 0 {
                    return Err(format!(
                        "a chunk was stored without some of its filters; {CONVERT}"
                    ));
                }
                if !data.filters.is_empty() && !table.is_filtered(&chunk) {
                    return Err(format!(
                        "chunks at the edge are stored without filters; {CONVERT}"
                    ));
                }
                let offset = container.offset(chunk.addr, "chunk").map_err(words)?;
                take(chunk.number, offset, chunk.size)?;
            }
            Ok(())
        }
    }
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
#[derive(Debug, Clone, Default, PartialEq)]
struct Codecs {
    /// In the order of writing. All are filters, as kerchunk has them: VirtualiZarr reads no compressor.
    filters: Vec<Value>,
    needs: Option<&'static str>,
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
    all.filters = named;
    Ok(all)
}
