//! Reads ranges of the numbers of a dataset.

use crate::h5::{Dataset, Datatype, Error, File, Object, Result};
use crate::julia::{Column, Element, Numeric, TypeTable, extend, is_little_endian, kind_of};
use std::ops::Range;

/// Bytes that are read at once.
const WINDOW: usize = 256 << 10;

/// The numbers of a dataset, found to be of a Rust type.
pub(super) struct Typed<'a> {
    file: &'a File,
    dataset: &'a Dataset,
    datatype: Datatype,
    /// How many there are.
    pub(super) len: u64,
}

impl<'a> Typed<'a> {
    /// The numbers of `object`, if they are of type `T`.
    pub(super) fn of<T: Numeric>(
        types: &'a TypeTable<'a>,
        object: &'a Object,
        dataset: &'a Dataset,
    ) -> Result<Self> {
        let at = object.header.chunks.first().map_or(0, |c| c.offset);
        let element = types.element(&dataset.datatype)?;
        let datatype = element.datatype();
        let fits = matches!(element, Element::Plain(_))
            && usize::try_from(datatype.size) == Ok(T::SIZE)
            && kind_of(datatype).is_some_and(T::fits);
        if !fits {
            let found = types.element_type(object, &element)?;
            return Err(Error::other_kind(
                at,
                format!("numbers of type {}", T::JULIA),
                found.to_string(),
            ));
        }
        let datatype = datatype.clone();
        let len = types.file().data_len(dataset, &datatype)? / T::SIZE as u64;
        Ok(Self { file: types.file(), dataset, datatype, len })
    }

    /// Hands on the numbers of `range` in windows, each with the index of its first.
    pub(super) fn windows<T: Numeric>(
        &self,
        range: Range<u64>,
        mut take: impl FnMut(u64, &[T]) -> Result<()>,
    ) -> Result<()> {
        let Range { start, end } = range;
        if start > end || end > self.len {
            let at = self.file.stored_offset(self.dataset)?.unwrap_or(0);
            let found = format!("{start}..{end}");
            return Err(Error::other_kind(at, format!("a range inside 0..{}", self.len), found));
        }
        let size = T::SIZE as u64;
        let column = Column::new(self.file, self.dataset, &self.datatype)?;
        let mut stream = column.open_range(start.saturating_mul(size)..end.saturating_mul(size))?;
        let mut next = start;
        let mut bytes = Vec::new();
        let mut values = Vec::new();
        while stream.left() > 0 {
            bytes.resize(usize::try_from(stream.left()).unwrap_or(usize::MAX).min(WINDOW), 0);
            stream.fill(&mut bytes)?;
            if !is_little_endian(&self.datatype) {
                bytes.chunks_mut(T::SIZE).for_each(<[u8]>::reverse);
            }
            values.clear();
            extend(&mut values, &bytes);
            take(next, &values)?;
            next += values.len() as u64;
        }
        if end == self.len { stream.finish() } else { Ok(()) }
    }
}
