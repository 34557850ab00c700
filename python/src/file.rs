//! An open file, as the Python half of the package asks it.

use crate::errors::{Fail, own};
use crate::hyperslab::{self, Hyperslab};
use crate::layout::Layout;
use crate::values;
use jld2::{Attribute, ChunkCache, Dataset, Item, JuliaType, Table, Value};
use jldconv::codec::describe;
use jldconv::h5::{Checksums, Symbolic};
use jldconv::numbers::MeraFile;
use numpy::PyArray1;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

/// A file and what was decoded of it.
pub(crate) struct Opened {
    pub(crate) mera: MeraFile,
    pub(crate) cache: Arc<ChunkCache>,
}

/// An open JLD2 file. Everything is asked by path; nothing is read before it is asked for.
#[pyclass(frozen, module = "jldconv._native")]
pub(crate) struct File {
    opened: RwLock<Option<Arc<Opened>>>,
    name: String,
}

/// Where a dataset is: at a path, or a column of the table there or in a field of what is there.
#[derive(FromPyObject)]
pub(crate) struct Place(String, Option<String>, Option<String>);

impl Place {
    /// Does `work` with the dataset.
    fn with<T>(
        &self,
        file: &jld2::File,
        work: impl FnOnce(&Dataset<'_>) -> Result<T, Fail>,
    ) -> Result<T, Fail> {
        let Self(path, field, column) = self;
        let dataset = file.dataset(path)?;
        match column {
            None => work(&dataset),
            Some(column) => work(&table(&dataset, field.as_deref())?.column(column)?),
        }
    }
}

/// The table that a dataset is, or has in a field, if there is one.
fn find_table<'f>(dataset: &Dataset<'f>, field: Option<&str>) -> jld2::Result<Option<Table<'f>>> {
    match field {
        Some(field) => dataset.table_in(field),
        None => dataset.table(),
    }
}

/// The table that a dataset is, or has in a field.
pub(crate) fn table<'f>(dataset: &Dataset<'f>, field: Option<&str>) -> Result<Table<'f>, Fail> {
    find_table(dataset, field)?.ok_or_else(|| {
        let at = dataset.path();
        let inside = field.map_or(String::new(), |field| format!(" in its field {field}"));
        Fail::Own("NoTableError", format!("{at}: there is no table{inside}"))
    })
}

/// What is told of a dataset without reading its data.
struct Told {
    julia_type: JuliaType,
    shape: Option<Vec<u64>>,
    layout: Option<Layout>,
    filters: Vec<&'static str>,
    chunks: Option<Vec<u64>>,
    stored: u64,
}

impl Told {
    fn of(dataset: &Dataset<'_>, file: &jld2::File) -> Result<Self, Fail> {
        let julia_type = dataset.julia_type()?;
        let shape = dataset.shape()?;
        let layout = Layout::of(dataset)?;
        let mut told =
            Self { julia_type, shape, layout, filters: Vec::new(), chunks: None, stored: 0 };
        if let Some(data) = dataset.object().dataset() {
            told.filters = data.filters.iter().map(|entry| describe(entry.id)).collect();
            told.stored = file.container().stored_len(data)?;
            // The last dimension of a chunk that HDF5 stores is the size of an element.
            told.chunks = data.layout.chunked().map(|chunked| {
                let rank = data.dataspace.dims.len();
                chunked.dims.iter().take(rank).rev().copied().collect()
            });
        }
        Ok(told)
    }
}

impl File {
    /// The file, unless it was closed.
    fn opened(&self) -> PyResult<Arc<Opened>> {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        opened
            .clone()
            .ok_or_else(|| PyValueError::new_err(format!("{}: the file is closed", self.name)))
    }

    /// Does `work` without the interpreter.
    pub(crate) fn apart<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&Opened) -> Result<T, Fail> + Send,
    ) -> PyResult<T> {
        let opened = self.opened()?;
        py.detach(|| work(&opened)).map_err(|fail| fail.raise(py, &self.name))
    }
}

#[pymethods]
impl File {
    /// Opens a file. `cache` are the bytes of decoded chunks that are kept.
    #[new]
    fn new(py: Python<'_>, path: PathBuf, cache: usize, trust_checksums: bool) -> PyResult<Self> {
        let name = path.display().to_string();
        let checksums = if trust_checksums { Checksums::Trusted } else { Checksums::Ignored };
        let mera = py.detach(|| MeraFile::open(&path, checksums).map_err(Fail::from));
        let mera = mera.map_err(|fail| fail.raise(py, &name))?;
        let cache = Arc::new(ChunkCache::new(cache));
        Ok(Self { opened: RwLock::new(Some(Arc::new(Opened { mera, cache }))), name })
    }

    /// Lets go of the file. What is being read of it goes on.
    fn close(&self) {
        *self.opened.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.opened.read().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// `group`, `dataset` or `type`: what stands at a path. `None` if nothing does.
    fn kind(&self, py: Python<'_>, path: &str) -> PyResult<Option<&'static str>> {
        self.apart(py, |opened| {
            Ok(opened.mera.file().get(path)?.map(|item| match item {
                Item::Group(_) => "group",
                Item::Dataset(_) => "dataset",
                _ => "type",
            }))
        })
    }

    /// The names in a group, in the order of writing.
    fn keys(&self, py: Python<'_>, path: &str) -> PyResult<Vec<String>> {
        self.apart(py, |opened| {
            let group = opened.mera.file().group(path)?;
            Ok(group.keys().map(str::to_owned).collect())
        })
    }

    /// The soft and external links of a group: names, and where they lead.
    fn links(&self, py: Python<'_>, path: &str) -> PyResult<Vec<(String, String)>> {
        self.apart(py, |opened| {
            let group = opened.mera.file().group(path)?;
            let told = group.symbolic_links().map(|link| {
                let to = match &link.to {
                    Symbolic::Soft(to) => to.to_string(),
                    Symbolic::External { file, path } => format!("{file}:{path}"),
                };
                (link.name.to_string(), to)
            });
            Ok(told.collect())
        })
    }

    /// Names and values of the attributes of a group or dataset; of `reversed` see [`value`](Self::value).
    fn attributes<'py>(
        &self,
        py: Python<'py>,
        place: Place,
        reversed: bool,
    ) -> PyResult<Bound<'py, PyDict>> {
        let read = |all: &mut dyn Iterator<Item = Attribute<'_>>| {
            let read = all.map(|a| Ok((a.name().to_owned(), a.value()?)));
            read.collect::<Result<Vec<(String, Value)>, Fail>>()
        };
        let found = self.apart(py, |opened| {
            let file = opened.mera.file();
            match (&place, file.get(&place.0)?) {
                (Place(_, _, None), Some(Item::Group(group))) => read(&mut group.attributes()),
                _ => place.with(file, |dataset| read(&mut dataset.attributes())),
            }
        })?;
        let out = PyDict::new(py);
        for (name, value) in found {
            out.set_item(name, values::object(py, value, reversed)?)?;
        }
        Ok(out)
    }

    /// Type, shape in Julia's order (`None` of what is no array), dtype (`None` of what is not made of
    /// numbers), filters, shape of a chunk, and stored bytes of a dataset.
    fn describe<'py>(&self, py: Python<'py>, place: Place) -> PyResult<Bound<'py, PyTuple>> {
        let told = self.apart(py, |opened| {
            let file = opened.mera.file();
            place.with(file, |dataset| Told::of(dataset, file))
        })?;
        let dtype = told.layout.map(|layout| layout.dtype(py)).transpose()?;
        let shape = told.shape.map(|shape| PyTuple::new(py, shape)).transpose()?;
        let chunks = told.chunks.map(|chunks| PyTuple::new(py, chunks)).transpose()?;
        let julia_type = values::type_object(py, &told.julia_type)?;
        let filters = PyTuple::new(py, told.filters)?;
        (julia_type, shape, dtype, filters, chunks, told.stored).into_pyobject(py)
    }

    /// The whole value, which may take `limit` bytes before it is made Python's. Arrays in it have the
    /// order of dimensions of Julia, or with `reversed` that of HDF5.
    fn value<'py>(
        &self,
        py: Python<'py>,
        place: Place,
        limit: usize,
        reversed: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let read = self.apart(py, |opened| {
            place.with(opened.mera.file(), |dataset| Ok(dataset.value_within(limit)?))
        });
        let value = match read {
            Err(error) if is_too_large(py, &error) => {
                let text = format!("{} (open the file with a larger limit)", error.value(py));
                return Err(own(py, "TooLargeError", &text));
            }
            read => read?,
        };
        values::object(py, value, reversed)
    }

    /// The bytes of a hyperslab of an array of numbers, in Julia's order.
    fn read<'py>(
        &self,
        py: Python<'py>,
        place: Place,
        starts: Vec<u64>,
        counts: Vec<u64>,
    ) -> PyResult<Bound<'py, PyArray1<u8>>> {
        let bytes = self.apart(py, |opened| {
            let file = opened.mera.file();
            place.with(file, |dataset| {
                let dims = dataset.shape()?.unwrap_or_default();
                let wrong = |text: &str| Fail::Own("Error", format!("{}: {text}", dataset.path()));
                let wanted = Hyperslab::new(&dims, &starts, &counts);
                let wanted =
                    wanted.ok_or_else(|| wrong("the array does not have these elements"))?;
                let layout =
                    Layout::of(dataset)?.ok_or_else(|| wrong("not an array of numbers"))?;
                hyperslab::read(dataset, file, &layout, &wanted, &opened.cache)
            })
        })?;
        Ok(PyArray1::from_vec(py, bytes))
    }

    /// Path, column names and number of rows of a table; `None` if there is none.
    fn table(
        &self,
        py: Python<'_>,
        path: &str,
        field: Option<&str>,
    ) -> PyResult<Option<(String, Vec<String>, u64)>> {
        self.apart(py, |opened| {
            let dataset = opened.mera.file().dataset(path)?;
            Ok(find_table(&dataset, field)?.map(|table| {
                let names = table.names().map(str::to_owned).collect();
                (table.path().to_owned(), names, table.len())
            }))
        })
    }

    /// Hits, misses, bytes and pieces of the cache.
    fn cache_usage(&self) -> PyResult<(u64, u64, usize, usize)> {
        let usage = self.opened()?.cache.usage();
        Ok((usage.hits, usage.misses, usage.bytes, usage.pieces))
    }
}

fn is_too_large(py: Python<'_>, error: &PyErr) -> bool {
    let class = py.import("jldconv._errors").and_then(|errors| errors.getattr("TooLargeError"));
    class.is_ok_and(|class| error.is_instance(py, &class))
}
