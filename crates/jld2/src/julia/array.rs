//! Reads arrays: shapes, and their data in windows of whole elements.

use super::{Column, Element, JuliaType, TypeTable};
use crate::h5::budget::ELEMENT;
use crate::h5::{Class, Cursor, Dataset, Error, Extent, Object, Result};

impl TypeTable<'_> {
    /// The shape of an array in Julia's order; `None` if the dataset holds a single value.
    ///
    /// # Errors
    /// If the `dimensions` attribute is damaged.
    pub fn julia_dims(&self, object: &Object, dataset: &Dataset) -> Result<Option<Vec<u64>>> {
        let stated = object.attribute("dimensions").map(|a| {
            let mut c = Cursor::new(&a.data, a.offset, "dimensions");
            let mut dims = Vec::new();
            while c.remaining() >= 8 {
                let at = c.offset();
                let dim = c.u64()?;
                if i64::try_from(dim).is_err() {
                    return Err(Error::corrupt(at, "dimension", "a size", dim.to_string()));
                }
                dims.push(dim);
            }
            dims.reverse();
            Ok(dims)
        });
        if let Some(dims) = stated {
            return dims.map(Some);
        }
        Ok(match dataset.dataspace.extent {
            Extent::Simple => Some(dataset.dataspace.dims.iter().rev().copied().collect()),
            Extent::Scalar | Extent::Null => None,
        })
    }

    /// The Julia type of an array's elements; a reference array states it in an attribute.
    ///
    /// # Errors
    /// If that attribute is damaged.
    pub fn element_type(&self, object: &Object, element: &Element) -> Result<JuliaType> {
        if !matches!(element.datatype().class, Class::Reference) {
            return Ok(element.julia_type());
        }
        let Some(a) = object.attribute("julia_type") else {
            return Ok(match element {
                Element::Committed(c) => c.julia_type.clone(),
                Element::Plain(_) => JuliaType::any(),
            });
        };
        let addr = Cursor::new(&a.data, a.offset, "element type").addr()?;
        self.type_object(addr, a.offset)
    }
}

/// Hands the first elements of a column on, one by one, with the offset of each in the file (of the
/// stored data where they are filtered). They are read in windows of about `window` bytes. Gives
/// the number of those left out.
pub(super) fn each_element(
    column: &Column<'_>,
    size: usize,
    elements: u64,
    limit: Option<u64>,
    window: usize,
    mut visit: impl FnMut(u64, &[u8], u64) -> Result<()>,
) -> Result<u64> {
    let mut stream = column.open()?;
    let at = stream.offset();
    if elements == 0 {
        return Ok(0);
    }
    if size == 0 || size > ELEMENT || column.len() / size as u64 != elements {
        return Err(Error::corrupt(
            at,
            "element size",
            format!("{} bytes for {elements} elements", column.len()),
            format!("{size}"),
        ));
    }
    let window = (window / size).max(1) * size;
    let mut buffer = Vec::new();
    let mut index = 0;
    let wanted = limit.unwrap_or(elements).min(elements);
    while index < wanted {
        let n = (wanted - index).saturating_mul(size as u64);
        buffer.resize(usize::try_from(n).unwrap_or(usize::MAX).min(window), 0);
        stream.fill(&mut buffer)?;
        for element in buffer.chunks(size) {
            visit(index, element, at + index * size as u64)?;
            index += 1;
        }
    }
    if wanted == elements {
        stream.finish()?;
    }
    Ok(elements - wanted)
}
