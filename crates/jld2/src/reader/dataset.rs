//! Reads datasets: numbers, arrays, and any other values.

use super::numbers::Typed;
use super::{Attribute, File, Table, attribute, table};
use crate::h5::{self, Error, Object, Result};
use crate::julia::{
    DEFAULT_LIMIT, Element, Field, JuliaType, Numeric, TypeTable, Value, ValueBuilder, Visitor,
    Walk,
};
use std::ops::Range;
use std::sync::Arc;

/// A dataset of a file: one value. Nothing of its data is read before it is asked for.
#[derive(Debug, Clone)]
pub struct Dataset<'f> {
    file: &'f File,
    path: String,
    object: Arc<Object>,
    data: Box<h5::Dataset>,
}

impl<'f> Dataset<'f> {
    /// The dataset `object`, which is reached as `path`.
    pub(super) fn new(file: &'f File, path: String, object: Arc<Object>) -> Result<Self> {
        match object.dataset().cloned() {
            Some(data) => Ok(Self { file, path, object, data: Box::new(data) }),
            None => Err(Error::not_found("dataset").in_object(&path)),
        }
    }

    /// The file that it is in.
    pub(super) fn file(&self) -> &'f File {
        self.file
    }

    pub(super) fn types(&self) -> TypeTable<'f> {
        self.file.types()
    }

    /// Shape, type and layout.
    pub(super) fn data(&self) -> &h5::Dataset {
        &self.data
    }

    /// Where its header begins in the file.
    pub(super) fn at(&self) -> u64 {
        self.object.header.chunks.first().map_or(0, |chunk| chunk.offset)
    }

    /// Names the path in an error.
    pub(super) fn named<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|e| e.in_object(&self.path))
    }

    /// Its path; of a column, that of the table, and the column's name.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The object header and what it says, with offsets in the file.
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// The dimensions of an array, the fastest first as in Julia; none of any other value.
    ///
    /// # Errors
    /// If they are damaged.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/struct_arrays.jld2")?;
    /// let table = file.dataset("matrix")?.table()?.expect("a table");
    /// assert_eq!(table.column("x")?.dims()?, [2, 3]);
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn dims(&self) -> Result<Vec<u64>> {
        let dims = self.types().julia_dims(&self.object, &self.data);
        Ok(self.named(dims)?.unwrap_or_default())
    }

    /// As [`dims`](Self::dims), and whether it is an array at all: of one without dimensions
    /// (`fill(1.0)`) they are empty, of anything else there are none.
    ///
    /// # Errors
    /// If they are damaged.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/dicts.jld2")?;
    /// assert_eq!(file.dataset("plain")?.shape()?, Some(vec![2]));
    /// assert_eq!(file.dataset("dict")?.shape()?, None);
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn shape(&self) -> Result<Option<Vec<u64>>> {
        self.named(self.types().julia_dims(&self.object, &self.data))
    }

    /// What its elements are, or the one value that it is: their type, and how they lie in the file.
    ///
    /// # Errors
    /// If its committed datatype is damaged.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/dicts.jld2")?;
    /// let element = file.dataset("plain")?.element()?;
    /// assert!(element.is_number());
    /// assert_eq!(element.size(), 8);
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn element(&self) -> Result<Element> {
        self.named(self.types().element(&self.data.datatype))
    }

    /// What a field of its elements is; none of one without data.
    ///
    /// # Errors
    /// If its committed datatype is damaged.
    pub fn element_of_field(&self, field: &Field) -> Result<Option<Element>> {
        self.named(self.types().field(field))
    }

    /// The type of the value.
    ///
    /// # Errors
    /// If its committed datatype is damaged.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/dicts.jld2")?;
    /// assert_eq!(file.dataset("plain")?.julia_type()?.to_string(), "Core.Array{Core.Int64,1}");
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn julia_type(&self) -> Result<JuliaType> {
        let types = self.types();
        let read = || {
            let element = types.element(&self.data.datatype)?;
            Ok(match types.julia_dims(&self.object, &self.data)? {
                Some(dims) => {
                    JuliaType::array(types.element_type(&self.object, &element)?, dims.len())
                }
                None => element.julia_type(),
            })
        };
        self.named(read())
    }

    /// How many numbers [`read`](Self::read) would give.
    ///
    /// # Errors
    /// If they are not of type `T`.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/dicts.jld2")?;
    /// assert_eq!(file.dataset("plain")?.count::<i64>()?, 2);
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn count<T: Numeric>(&self) -> Result<u64> {
        let types = self.types();
        self.named(Typed::of::<T>(&types, &self.object, &self.data).map(|typed| typed.len))
    }

    /// All numbers of an array, in Julia's (column-major) order, or the one that it is. They are
    /// held in memory; see [`windows`](Self::windows) for arrays that are too large for it.
    ///
    /// # Errors
    /// If they are not of type `T`, or their data are damaged.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/dicts.jld2")?;
    /// let plain = file.dataset("plain")?;
    /// assert_eq!(plain.read::<i64>()?, [1, 2]);
    /// let error = plain.read::<f64>().unwrap_err();
    /// assert!(error.to_string().ends_with("asked for numbers of type Core.Float64, found Core.Int64"));
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn read<T: Numeric>(&self) -> Result<Vec<T>> {
        self.slice(0..self.count::<T>()?)
    }

    /// The numbers with these indices, from 0, in Julia's (column-major) order. Of data that are
    /// not filtered only these are read; of chunks those that hold them; of one chunk all up to the
    /// last of them, in windows.
    ///
    /// # Errors
    /// As [`read`](Self::read), and if the range goes beyond the array.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/dicts.jld2")?;
    /// let plain = file.dataset("plain")?;
    /// assert_eq!(plain.slice::<i64>(1..2)?, [2]);
    /// assert!(plain.slice::<i64>(1..3).is_err());
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn slice<T: Numeric>(&self, range: Range<u64>) -> Result<Vec<T>> {
        let mut all = Vec::new();
        self.windows(range, |_, window| {
            all.extend_from_slice(window);
            Ok(())
        })?;
        Ok(all)
    }

    /// Hands the numbers with these indices on in windows of at most 256 KiB, each with the index
    /// of its first: arrays of any size in little memory.
    ///
    /// # Errors
    /// As [`slice`](Self::slice), and those of `take`.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/indexed_table.jld2")?;
    /// let table = file.dataset("hydro/data")?.table_in("data")?.expect("a table");
    /// let column = table.column("rho")?;
    /// let mut most = f64::MIN;
    /// column.windows::<f64>(0..column.count::<f64>()?, |_, window| {
    ///     most = window.iter().copied().fold(most, f64::max);
    ///     Ok(())
    /// })?;
    /// assert!(most > 0.0);
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn windows<T: Numeric>(
        &self,
        range: Range<u64>,
        take: impl FnMut(u64, &[T]) -> Result<()>,
    ) -> Result<()> {
        let types = self.types();
        let typed = Typed::of::<T>(&types, &self.object, &self.data);
        self.named(typed.and_then(|typed| typed.windows(range, take)))
    }

    /// The whole value, which may take [`DEFAULT_LIMIT`] bytes of memory.
    ///
    /// # Errors
    /// If it is damaged or takes more.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/dicts.jld2")?;
    /// assert_eq!(file.dataset("dict")?.value()?.to_string(), r#"Dict("b" => 2, "a" => 1)"#);
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn value(&self) -> Result<Value> {
        self.value_within(DEFAULT_LIMIT)
    }

    /// The whole value, which may take `limit` bytes of memory.
    ///
    /// # Errors
    /// If it is damaged or takes more.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/dicts.jld2")?;
    /// let error = file.dataset("dict")?.value_within(100).unwrap_err();
    /// assert_eq!(error.to_string(), "/dict: value: takes more than 100 bytes of memory");
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn value_within(&self, limit: usize) -> Result<Value> {
        let mut builder = ValueBuilder::new(limit);
        self.visit(&mut builder)?;
        self.named(builder.finish())
    }

    /// Tells a visitor of the value, without holding it in memory.
    ///
    /// # Errors
    /// If it is damaged, and those of the visitor.
    pub fn visit(&self, visitor: &mut dyn Visitor) -> Result<()> {
        let types = self.types();
        self.named(Walk::new(&types).object(self.object.addr(), visitor))
    }

    /// The table that the value is, see [`Table`]; none if it is something else.
    ///
    /// # Errors
    /// If it is damaged.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/struct_arrays.jld2")?;
    /// let table = file.dataset("struct")?.table()?.expect("a table");
    /// assert_eq!(table.names().collect::<Vec<_>>(), ["x", "n"]);
    /// assert!(file.dataset("plain")?.table()?.is_none());
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn table(&self) -> Result<Option<Table<'f>>> {
        self.named(table::of(self, None))
    }

    /// The table that the value, a struct, has in a field; none if there is none.
    ///
    /// # Errors
    /// If it is damaged.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/struct_arrays.jld2")?;
    /// let table = file.dataset("holder")?.table_in("s")?.expect("a table");
    /// assert_eq!(table.len(), 2);
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn table_in(&self, field: &str) -> Result<Option<Table<'f>>> {
        self.named(table::of(self, Some(field)))
    }

    /// Its attributes.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'f>> {
        attribute::of(self.file, &self.path, &self.object)
    }
}
