//! Walks through arrays.

use super::super::array::each_element;
use super::super::{Column, Element, JuliaType, Param};
use super::number::NumberKind;
use super::numbers::{Numbers, Other};
use super::session::{DatasetWalk, offset};
use super::visitor::{Parts, Shape, TypeName};
use crate::h5::budget::ELEMENT;
use crate::h5::{Attribute, Dataset, Error, Extent, Object, RefPlan, Result};

impl DatasetWalk<'_> {
    pub(super) fn array(
        &mut self,
        object: &Object,
        dataset: &Dataset,
        element: &Element,
        dims: &[u64],
    ) -> Result<()> {
        let walk = self.walk;
        let id = self.new_id(object.addr());
        let eltype = walk.types.element_type(object, element)?;
        let t = JuliaType::array(eltype, dims.len());
        let kind = NumberKind::of(element.datatype()).filter(|_| element.is_number());
        if let Some(kind) = kind {
            let numbers = Numbers {
                file: walk.types.file(),
                dataset,
                datatype: element.datatype(),
                kind,
                limit: walk.limit,
                window: self.window(),
                progress: walk.progress,
                other: Other::None,
            };
            return self.visitor.numbers(TypeName::Type(&t), Some(id), dims, &numbers);
        }
        self.visitor.enter(TypeName::Type(&t), Some(id), Shape::Array(dims))?;
        if dataset.dataspace.extent == Extent::Null {
            let n = dims.iter().try_fold(1_u64, |n, &d| n.checked_mul(d)).unwrap_or(u64::MAX);
            let at = offset(object);
            // Elements without data take no space: any number could be claimed.
            if n > 1 << 24 {
                return Err(Error::corrupt(
                    at,
                    "dimensions",
                    "at most 2^24 empty elements",
                    n.to_string(),
                ));
            }
            let Some(Param::Type(eltype)) = t.params().first().cloned() else { return Ok(()) };
            let wanted = self.walk.limit.unwrap_or(n).min(n);
            for i in 0..wanted {
                self.visitor.item(i)?;
                self.singleton(&eltype, None)?;
            }
            self.visitor.leave(Parts::Items, n - wanted)
        } else {
            self.items(dataset, element)
        }
    }

    /// The value of an attribute; its type and shape are all that says what it is.
    pub(super) fn attribute(&mut self, attribute: &Attribute) -> Result<()> {
        let Attribute { datatype, dataspace, offset: at, data, .. } = attribute;
        let element = self.types().element(datatype)?;
        match dataspace.extent {
            Extent::Null => return self.singleton(&element.julia_type(), None),
            Extent::Scalar => return self.value(&element, data, *at, None),
            Extent::Simple => {}
        }
        let dims: Vec<u64> = dataspace.dims.iter().rev().copied().collect();
        let t = JuliaType::array(element.julia_type(), dims.len());
        self.visitor.enter(TypeName::Type(&t), None, Shape::Array(&dims))?;
        // Elements without data take no space: any number could be claimed.
        let size = element.size().max(1);
        for (i, bytes) in data.chunks(size).enumerate() {
            self.visitor.item(i as u64)?;
            self.value(&element, bytes, at + (i * size) as u64, None)?;
        }
        self.visitor.leave(Parts::Items, 0)
    }

    /// The items of an array that was entered, and its end.
    pub(super) fn items(&mut self, dataset: &Dataset, element: &Element) -> Result<()> {
        let limit = self.walk.limit;
        let more = self.each(dataset, element, limit, |s, i, bytes, at| {
            s.visitor.item(i)?;
            s.value(element, bytes, at, None)
        })?;
        self.visitor.leave(Parts::Items, more)
    }

    /// Does `tell` for the elements of an array, with number and offset of each; as many as
    /// `limit` says. Gives the number of those left out.
    pub(super) fn each(
        &mut self,
        dataset: &Dataset,
        element: &Element,
        limit: Option<u64>,
        mut tell: impl FnMut(&mut Self, u64, &[u8], u64) -> Result<()>,
    ) -> Result<u64> {
        let datatype = element.datatype();
        let column = Column::new(self.walk.types.file(), dataset, datatype)?;
        if !dataset.filters.is_empty() && !RefPlan::new(datatype)?.is_empty() {
            // JLD2 compresses plain data only; and decoders inside decoders would take much memory.
            return Err(Error::foreign(column.offset(), "references inside a filtered chunk"));
        }
        let n = dataset.dataspace.elements().unwrap_or(0);
        let size = element.size().min(ELEMENT);
        let window = self.window();
        let buffer = usize::try_from(column.len()).unwrap_or(usize::MAX).min(window).max(size);
        self.holding(buffer, column.offset(), |s| {
            each_element(&column, element.size(), n, limit, window, |i, bytes, at| {
                tell(s, i, bytes, at)
            })
        })
    }
}
