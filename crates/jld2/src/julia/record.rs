//! Reads fields of single objects by name, for whoever looks for a few of them.

use super::number::integer;
use super::{Column, Committed, Element, TypeTable};
use crate::h5::{Class, Cursor, Datatype, ObjectKind, RelAddr, Result};
use std::sync::Arc;

/// Larger objects and longer texts are not looked into.
const MAX_BYTES: u64 = 1 << 20;

/// An object of a committed compound type, or such a part of one.
pub struct Record<'a> {
    types: &'a TypeTable<'a>,
    /// The object's type.
    pub committed: Arc<Committed>,
    bytes: Vec<u8>,
    /// Absolute offset of the bytes.
    at: u64,
}

/// The bytes and the type of a scalar dataset; none for arrays, and for what is too large.
fn scalar(types: &TypeTable<'_>, addr: RelAddr) -> Result<Option<(Element, Vec<u8>, u64)>> {
    let object = types.file().object(addr)?;
    let ObjectKind::Dataset(dataset) = &object.kind else { return Ok(None) };
    let element = types.element(&dataset.datatype)?;
    if types.julia_dims(&object, dataset)?.is_some() || dataset.layout.chunked().is_some() {
        return Ok(None);
    }
    let column = Column::new(types.file(), dataset, element.datatype())?;
    if column.len() > MAX_BYTES {
        return Ok(None);
    }
    let mut bytes = vec![0; usize::try_from(column.len()).unwrap_or(0)];
    let mut stream = column.open()?;
    stream.fill(&mut bytes)?;
    let at = stream.offset();
    Ok(Some((element, bytes, at)))
}

impl<'a> Record<'a> {
    /// The object at `addr`, if it is a record.
    ///
    /// # Errors
    /// If the object is damaged.
    pub fn at(types: &'a TypeTable<'a>, addr: RelAddr) -> Result<Option<Self>> {
        Ok(match scalar(types, addr)? {
            Some((Element::Committed(committed), bytes, at))
                if committed.datatype.members().is_some() =>
            {
                Some(Self { types, committed, bytes, at })
            }
            _ => None,
        })
    }

    /// The types of the file that it is in.
    pub fn types(&self) -> &'a TypeTable<'a> {
        self.types
    }

    /// The names of all fields that are stored, in order.
    pub fn field_names(&self) -> impl Iterator<Item = &str> {
        self.committed.fields.iter().filter(|f| f.offset.is_some()).map(|f| f.name.as_str())
    }

    /// A field's layout, committed type, bytes and their offset.
    fn field(&self, name: &str) -> Option<(&Datatype, Option<RelAddr>, &[u8], u64)> {
        let field = self.committed.fields.iter().find(|f| f.name == name)?;
        let (offset, datatype) = (field.offset?, field.datatype.as_ref()?);
        let start = usize::try_from(offset).ok()?;
        let bytes = self.bytes.get(start..)?.get(..usize::try_from(datatype.size).ok()?)?;
        Some((datatype, field.committed, bytes, self.at + u64::from(offset)))
    }

    /// Where a field refers to; none for null.
    ///
    /// # Errors
    /// If the object is damaged.
    pub fn reference(&self, name: &str) -> Result<Option<RelAddr>> {
        match self.field(name) {
            Some((d, _, bytes, at)) if matches!(d.class, Class::Reference) => {
                let addr = Cursor::new(bytes, at, "reference").addr()?;
                Ok((!addr.is_null()).then_some(addr))
            }
            _ => Ok(None),
        }
    }

    /// The record that a field holds, or refers to.
    ///
    /// # Errors
    /// If the object is damaged.
    pub fn record(&self, name: &str) -> Result<Option<Self>> {
        if let Some(addr) = self.reference(name)? {
            return Self::at(self.types, addr);
        }
        let Some((d, Some(committed), bytes, at)) = self.field(name) else { return Ok(None) };
        if d.members().is_none() {
            return Ok(None);
        }
        let committed = self.types.committed(committed)?;
        Ok(Some(Self { types: self.types, committed, bytes: bytes.to_vec(), at }))
    }

    /// A number, stored here or referred to (fields of abstract type).
    fn number(&self, name: &str) -> Result<Option<Number>> {
        if let Some(addr) = self.reference(name)? {
            let scalar = scalar(self.types, addr)?;
            return Ok(
                scalar.and_then(|(element, bytes, _)| Number::of(element.datatype(), &bytes))
            );
        }
        Ok(self.field(name).and_then(|(d, _, bytes, _)| Number::of(d, bytes)))
    }

    /// A field that is an integer.
    ///
    /// # Errors
    /// If the object is damaged.
    pub fn int(&self, name: &str) -> Result<Option<i64>> {
        Ok(match self.number(name)? {
            Some(Number::Int(value)) => Some(value),
            _ => None,
        })
    }

    /// A field that is a Float64.
    ///
    /// # Errors
    /// If the object is damaged.
    pub fn float(&self, name: &str) -> Result<Option<f64>> {
        Ok(match self.number(name)? {
            Some(Number::Float(value)) => Some(value),
            _ => None,
        })
    }

    /// A field that is a string.
    ///
    /// # Errors
    /// If the object is damaged.
    pub fn text(&self, name: &str) -> Result<Option<String>> {
        let Some((d, _, bytes, at)) = self.field(name) else { return Ok(None) };
        if !matches!(d.class, Class::Vlen { string: true, .. }) {
            return Ok(None);
        }
        let file = self.types.file();
        match file.vlen(bytes, at, 1)? {
            Some((offset, len)) if len <= MAX_BYTES => {
                let text =
                    file.source().read(offset, usize::try_from(len).unwrap_or(0), "string")?;
                Ok(Some(String::from_utf8_lossy(&text).into_owned()))
            }
            _ => Ok(None),
        }
    }

    /// The first elements of a vector of Float64 that a field refers to.
    ///
    /// # Errors
    /// If the object is damaged.
    pub fn floats(&self, name: &str, most: usize) -> Result<Vec<f64>> {
        let Some(addr) = self.reference(name)? else { return Ok(Vec::new()) };
        let object = self.types.file().object(addr)?;
        let ObjectKind::Dataset(dataset) = &object.kind else { return Ok(Vec::new()) };
        let element = self.types.element(&dataset.datatype)?;
        if !matches!((&element.datatype().class, element.size()), (Class::Float { .. }, 8)) {
            return Ok(Vec::new());
        }
        let column = Column::new(self.types.file(), dataset, element.datatype())?;
        let len = usize::try_from(column.len()).unwrap_or(usize::MAX).min(most.saturating_mul(8));
        let mut bytes = vec![0; len];
        column.open()?.fill(&mut bytes)?;
        let (values, _) = bytes.as_chunks::<8>();
        Ok(values.iter().map(|value| f64::from_le_bytes(*value)).collect())
    }
}

enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    fn of(datatype: &Datatype, bytes: &[u8]) -> Option<Self> {
        match (&datatype.class, bytes) {
            (Class::FixedPoint { signed, .. }, _) => {
                i64::try_from(integer(bytes, *signed)?).ok().map(Self::Int)
            }
            (Class::Float { .. }, _) => {
                Some(Self::Float(f64::from_le_bytes(*bytes.first_chunk::<8>()?)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_signed_or_not() {
        let read = |bytes: &[u8], signed| {
            let datatype = Datatype::integer(u32::try_from(bytes.len()).unwrap(), signed);
            match Number::of(&datatype, bytes) {
                Some(Number::Int(value)) => Some(value),
                _ => None,
            }
        };
        assert_eq!([read(&[200], true), read(&[200], false)], [Some(-56), Some(200)]);
        let most = [0xff; 8];
        assert_eq!([read(&most, true), read(&most, false)], [Some(-1), None]);
        assert_eq!(read(&[0xff; 16], true), Some(-1));
    }
}
