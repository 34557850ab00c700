//! Reads arrays of structs as structs of arrays, and structs of arrays as arrays of structs.
//!
//! Whoever writes the new objects and whoever says what must be read of them read the old ones here, in
//! windows, so that both mean the same and neither holds an array.

use super::array::each_element;
use super::{Column, Committed, Decoded, Element, Field, JuliaType, Param, TypeTable};
use crate::h5::budget::ELEMENT;
use crate::h5::{
    Class, Cursor, Dataset, Datatype, Error, Extent, File, Object, RefPlan, RelAddr, Result,
    TypeRef,
};
use std::sync::Arc;

/// Hears number, bytes and offset of each element of an array.
pub type EachElement<'v> = dyn FnMut(u64, &[u8], u64) -> Result<()> + 'v;

/// Hears the number of a row, that of an array, and bytes and offset of what stands there.
pub type EachPart<'v> = dyn FnMut(u64, usize, &[u8], u64) -> Result<()> + 'v;

/// An array whose elements are values of one struct: inside it, or objects that it refers to.
pub struct Structs<'o> {
    types: &'o TypeTable<'o>,
    dataset: &'o Dataset,
    committed: Arc<Committed>,
    referred: bool,
    dims: Vec<u64>,
}

impl<'o> Structs<'o> {
    /// The array that `object` is, whose elements are of the type `c`; none if it is no such array.
    ///
    /// # Errors
    /// If its shape or type is damaged, or its data are stored in a way that JLD2 never stores such an
    /// array in.
    pub fn of(
        types: &'o TypeTable<'o>,
        object: &'o Object,
        c: &Arc<Committed>,
    ) -> Result<Option<Self>> {
        let Some(dataset) = object.dataset() else { return Ok(None) };
        let Some(dims) = types.julia_dims(object, dataset)? else { return Ok(None) };
        let referred = match &dataset.datatype {
            TypeRef::Shared { addr, .. } if *addr == c.addr => false,
            TypeRef::Inline(d) if matches!(d.class, Class::Reference) => true,
            _ => return Ok(None),
        };
        if dataset.dataspace.extent != Extent::Simple {
            return Ok(None);
        }
        stored_openly(dataset, if referred { None } else { Some(&c.datatype) })?;
        Ok(Some(Self { types, dataset, committed: Arc::clone(c), referred, dims }))
    }

    /// The type of each element.
    pub fn committed(&self) -> &Arc<Committed> {
        &self.committed
    }

    /// Whether they are objects that it refers to.
    pub fn is_referred(&self) -> bool {
        self.referred
    }

    /// The dataset.
    pub fn dataset(&self) -> &'o Dataset {
        self.dataset
    }

    /// Its dimensions in Julia's order.
    pub fn dims(&self) -> &[u64] {
        &self.dims
    }

    /// How many elements there are.
    pub fn count(&self) -> u64 {
        self.dataset.dataspace.elements().unwrap_or(0)
    }

    /// The objects that the array refers to, in order.
    ///
    /// # Errors
    /// If the data are damaged, and those of `take`.
    pub fn objects(&self, take: &mut dyn FnMut(RelAddr) -> Result<()>) -> Result<()> {
        self.stored(None, 64 << 10, &mut |_, bytes, at| {
            take(Cursor::new(bytes, at, "reference").addr()?)
        })?;
        Ok(())
    }

    /// Hands on the bytes of the elements, with number and offset of each; as many as `limit` says, read
    /// in windows of about `window` bytes. Gives the number of those left out.
    ///
    /// # Errors
    /// If the data are damaged, an element is not assigned or of another type, and those of `visit`.
    pub fn each(
        &self,
        limit: Option<u64>,
        window: usize,
        visit: &mut EachElement<'_>,
    ) -> Result<u64> {
        if !self.referred {
            return self.stored(limit, window, visit);
        }
        let mut value = Vec::new();
        self.stored(limit, window, &mut |i, bytes, at| {
            let addr = Cursor::new(bytes, at, "reference").addr()?;
            let at = self.element(i, addr, at, &mut value)?;
            visit(i, &value, at)
        })
    }

    fn stored(
        &self,
        limit: Option<u64>,
        window: usize,
        visit: &mut EachElement<'_>,
    ) -> Result<u64> {
        let reference = Datatype::reference();
        let datatype = if self.referred { &reference } else { &self.committed.datatype };
        let column = Column::new(self.types.file(), self.dataset, datatype)?;
        let size = usize::try_from(datatype.size).unwrap_or(usize::MAX);
        each_element(&column, size, self.count(), limit, window, visit)
    }

    /// Reads the object that element number `i` refers to, and tells where its data stand.
    fn element(&self, i: u64, addr: RelAddr, at: u64, value: &mut Vec<u8>) -> Result<u64> {
        let (file, c) = (self.types.file(), &self.committed);
        let wrong = |found: &str| {
            let what = format!("element {} of an array", i.saturating_add(1));
            Error::corrupt(at, what, format!("an object of {}", c.julia_type), found)
        };
        if addr.is_null() {
            return Err(wrong("an element that is not assigned"));
        }
        let object = file.object(addr)?;
        let dataset = object.dataset().filter(|d| {
            let own = matches!(d.datatype, TypeRef::Shared { addr, .. } if addr == c.addr);
            own && d.dataspace.extent == Extent::Scalar
        });
        let Some(dataset) = dataset else { return Err(wrong("an object of another type")) };
        let column = Column::new(file, dataset, &c.datatype)?;
        value.resize(usize::try_from(column.len()).unwrap_or(usize::MAX).min(ELEMENT), 0);
        let mut stream = column.open()?;
        let at = stream.offset();
        stream.fill(value)?;
        stream.finish()?;
        Ok(at)
    }
}

/// Refuses an array whose bytes lead to others but do not stand in the file as they are.
fn stored_openly(dataset: &Dataset, datatype: Option<&Datatype>) -> Result<()> {
    if dataset.filters.is_empty() && dataset.layout.chunked().is_none() {
        return Ok(());
    }
    let leads = datatype.map_or(Ok(true), |d| RefPlan::new(d).map(|plan| !plan.is_empty()))?;
    if leads {
        let at = datatype.map_or(0, |d| d.offset);
        return Err(Error::foreign(at, "references inside chunks"));
    }
    Ok(())
}

impl Field {
    /// What an element is of an array of the values of this field; none if they have no content.
    ///
    /// # Errors
    /// If its committed type cannot be read.
    pub fn element(&self, types: &TypeTable<'_>) -> Result<Option<Element>> {
        Ok(match (&self.datatype, self.offset, self.committed) {
            (Some(_), Some(_), Some(addr)) => Some(Element::committed(types.committed(addr)?)),
            (Some(datatype), Some(_), None) => Some(Element::plain(datatype.clone())),
            _ => None,
        })
    }
}

/// The Julia type of the elements of an array of such: what refers to anything holds anything.
pub fn element_type(element: &Element) -> JuliaType {
    match element {
        Element::Plain(d) if matches!(d.class, Class::Reference) => JuliaType::any(),
        other => other.julia_type(),
    }
}

/// The named tuple of fields of these names and types.
pub fn named_tuple(fields: impl Iterator<Item = (String, JuliaType)>) -> JuliaType {
    let (names, types): (Vec<_>, Vec<_>) = fields.map(|(n, t)| (n, Param::Type(t))).unzip();
    let tuple = JuliaType::Named { name: "Core.Tuple".to_owned(), params: types };
    let params = vec![Param::Symbols(names), Param::Type(tuple)];
    JuliaType::Named { name: "Core.NamedTuple".to_owned(), params }
}

/// A struct of arrays that keeps them in a named tuple, in its only field.
pub const STRUCT_ARRAY: &str = "StructArrays.StructArray";

/// The `StructArray` of elements of a type, with so many dimensions, whose columns are in this named tuple.
pub fn struct_array(element: JuliaType, rank: usize, columns: JuliaType) -> JuliaType {
    // All arrays are indexed by a number.
    let index = Param::Type(JuliaType::plain("Core.Int64"));
    let rank = Param::Int(rank as i128);
    let params = vec![Param::Type(element), rank, Param::Type(columns), index];
    JuliaType::Named { name: STRUCT_ARRAY.to_owned(), params }
}

/// The type of the named tuple in which a struct of arrays keeps these, if it is not the struct itself.
pub fn columns_in(t: &JuliaType) -> Option<&JuliaType> {
    let columns = t.type_param(2).filter(|columns| columns.is_named_tuple())?;
    (t.name() == STRUCT_ARRAY).then_some(columns)
}

impl Committed {
    /// The named tuple in which values keep arrays, and where in them it stands, if it is their only field, as
    /// in a `StructArray`.
    ///
    /// # Errors
    /// If the type of that field cannot be read.
    pub fn struct_of_arrays(&self, types: &TypeTable<'_>) -> Result<Option<(Arc<Self>, u32)>> {
        let [field] = self.fields.as_slice() else { return Ok(None) };
        let (Some(addr), Some(offset)) = (field.committed, field.offset) else { return Ok(None) };
        let inner = types.committed(addr)?;
        let fits = inner.julia_type.is_named_tuple() && inner.datatype.members().is_some();
        Ok(fits.then_some((inner, offset)))
    }
}

/// The arrays that the fields of a value refer to, side by side.
pub struct Lanes {
    /// One for each field.
    pub lanes: Vec<Lane>,
    /// The dimensions of each, in Julia's order.
    pub dims: Vec<u64>,
}

/// An array that a field refers to.
pub struct Lane {
    /// The field's name.
    pub name: String,
    /// Where the array stands.
    pub addr: RelAddr,
    /// Its elements.
    pub element: Element,
    object: Arc<Object>,
}

impl Lane {
    /// The array.
    pub fn object(&self) -> &Object {
        &self.object
    }
}

impl Lanes {
    /// The arrays that the fields of the value `bytes` of the type `c` refer to; `at` is where it, or
    /// what it is in, stands.
    ///
    /// # Errors
    /// If a field does not refer to an array, or their shapes differ.
    pub fn of(types: &TypeTable<'_>, c: &Committed, bytes: &[u8], at: u64) -> Result<Self> {
        if let Some((inner, start)) = c.struct_of_arrays(types)? {
            let bytes = bytes.get(start as usize..).unwrap_or_default();
            return Self::of(types, &inner, bytes, at);
        }
        let mut out = Self { lanes: Vec::with_capacity(c.fields.len()), dims: Vec::new() };
        for field in &c.fields {
            let wrong = |want: String, found: String| {
                Error::corrupt(at, format!("field {} of {}", field.name, c.julia_type), want, found)
            };
            let stored = field.offset.and_then(|start| {
                let start = usize::try_from(start).ok()?;
                bytes.get(start..)?.get(..8)
            });
            let class = field.datatype.as_ref().map(|d| &d.class);
            let Some(stored) = stored.filter(|_| matches!(class, Some(Class::Reference))) else {
                return Err(wrong(
                    "a reference to an array".to_owned(),
                    "another value".to_owned(),
                ));
            };
            let addr = Cursor::new(stored, at, "reference").addr()?;
            if addr.is_null() {
                return Err(wrong(
                    "an array".to_owned(),
                    "a field that is not assigned".to_owned(),
                ));
            }
            let object = types.file().object(addr)?;
            let found = match object.dataset() {
                Some(dataset) if dataset.dataspace.extent == Extent::Simple => {
                    let element = types.element(&dataset.datatype)?;
                    stored_openly(dataset, Some(element.datatype()))?;
                    types.julia_dims(&object, dataset)?.map(|dims| (element, dims))
                }
                _ => None,
            };
            let Some((element, dims)) = found else {
                return Err(wrong("an array with content".to_owned(), "another object".to_owned()));
            };
            if out.lanes.is_empty() {
                out.dims = dims;
            } else if dims != out.dims {
                let first = out.lanes.first().map_or("", |lane| lane.name.as_str());
                let want = format!("an array of {:?}, as in the field {first}", out.dims);
                return Err(wrong(want, format!("one of {dims:?}")));
            }
            out.lanes.push(Lane { name: field.name.clone(), addr, element, object });
        }
        Ok(out)
    }

    /// How many elements each has.
    pub fn count(&self) -> u64 {
        self.dims.iter().try_fold(1_u64, |n, d| n.checked_mul(*d)).unwrap_or(0)
    }

    /// Whether some of them are compressed.
    pub fn is_filtered(&self) -> bool {
        let datasets = self.lanes.iter().filter_map(|lane| lane.object.dataset());
        datasets.into_iter().any(|dataset| !dataset.filters.is_empty())
    }

    /// Bytes of a row.
    pub fn row_len(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.element.size() as u64).sum()
    }

    /// Hands on all rows, or the first `limit`: number of the row and the array, bytes, and where they
    /// stand. About `window` bytes are held. Gives the number of rows left out.
    ///
    /// # Errors
    /// If the data are damaged, and those of `visit`.
    pub fn each(
        &self,
        file: &File,
        limit: Option<u64>,
        window: usize,
        visit: &mut EachPart<'_>,
    ) -> Result<u64> {
        let count = self.count();
        let wanted = limit.unwrap_or(count).min(count);
        let datasets: Vec<_> =
            self.lanes.iter().filter_map(|lane| Some((lane, lane.object.dataset()?))).collect();
        let mut columns = Vec::with_capacity(datasets.len());
        for (lane, dataset) in &datasets {
            let column = Column::new(file, dataset, lane.element.datatype())?;
            let size = lane.element.size();
            if size == 0 || size > ELEMENT || column.len() / size as u64 != count {
                let found = format!("{} bytes for {count} elements", column.len());
                let what = format!("array {}", lane.name);
                return Err(Error::corrupt(column.offset(), what, format!("{size} each"), found));
            }
            columns.push((column, size));
        }
        let mut streams: Vec<Side<'_>> = Vec::with_capacity(columns.len());
        for (column, size) in &columns {
            let stream = column.open()?;
            let at = stream.offset();
            streams.push(Side { stream, size: *size, at, buffer: Vec::new() });
        }
        let row_len = usize::try_from(self.row_len()).unwrap_or(usize::MAX).max(1);
        let rows = (window / row_len).max(1) as u64;
        let mut row = 0;
        while row < wanted {
            let n = rows.min(wanted - row);
            for side in &mut streams {
                side.buffer.resize(usize::try_from(n).unwrap_or(0).saturating_mul(side.size), 0);
                side.stream.fill(&mut side.buffer)?;
            }
            for i in 0..n {
                for (lane, side) in streams.iter().enumerate() {
                    let start = usize::try_from(i).unwrap_or(0).saturating_mul(side.size);
                    let bytes = side.buffer.get(start..).and_then(|b| b.get(..side.size));
                    let at = side.at.saturating_add((row + i).saturating_mul(side.size as u64));
                    visit(row + i, lane, bytes.unwrap_or_default(), at)?;
                }
            }
            row += n;
        }
        if wanted == count {
            streams.iter_mut().try_for_each(|side| side.stream.finish())?;
        }
        Ok(count - wanted)
    }
}

/// An array that is read beside others.
struct Side<'c> {
    stream: Decoded<'c>,
    size: usize,
    at: u64,
    buffer: Vec<u8>,
}
