//! Looks at all values of a committed type, wherever they are stored: which arrays a field leads to.

use super::rule::MemberKind;
use super::survey::Survey;
use crate::h5::{Class, Cursor, Error, Extent, RelAddr, Result};
use crate::julia::{Column, Committed, NumberType, TypeTable};
use std::cell::RefCell;
use std::collections::HashMap;

/// Values of one type stand at no more places inside one of another.
const MAX_PLACES: usize = 4096;

/// A file in which fields are looked at.
pub(super) struct Look<'a> {
    pub(super) types: &'a TypeTable<'a>,
    survey: &'a Survey,
    arrays: RefCell<HashMap<(RelAddr, usize), MemberKind>>,
}

impl<'a> Look<'a> {
    pub(super) fn new(types: &'a TypeTable<'a>, survey: &'a Survey) -> Self {
        Self { types, survey, arrays: RefCell::default() }
    }

    /// What a field of the type `c`, which is a reference, leads to: nothing in all values, arrays of
    /// one type of number, or something else.
    pub(super) fn arrays(&self, c: &Committed, field: usize) -> Result<MemberKind> {
        if let Some(known) = self.arrays.borrow().get(&(c.addr, field)) {
            return Ok(*known);
        }
        let mut found: Vec<Option<NumberType>> = Vec::new();
        let offset = c.fields.get(field).and_then(|f| f.offset).unwrap_or(0);
        self.each_value(c, &mut |bytes, at| {
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            let bytes = bytes.get(start..).unwrap_or_default();
            let addr = Cursor::new(bytes, at, "reference").addr()?;
            if addr.is_null() || found.len() > 1 {
                return Ok(());
            }
            let object = self.types.file().object(addr)?;
            let number = match object.dataset() {
                Some(dataset) => {
                    let element = self.types.element(&dataset.datatype)?;
                    let array = self.types.julia_dims(&object, dataset)?.is_some();
                    NumberType::of(element.datatype()).filter(|_| array && element.is_number())
                }
                None => None,
            };
            if !found.contains(&number) {
                found.push(number);
            }
            Ok(())
        })?;
        let known = match found.as_slice() {
            [] => MemberKind::Null,
            [one] => MemberKind::Reference(*one),
            _ => MemberKind::Reference(None),
        };
        self.arrays.borrow_mut().insert((c.addr, field), known);
        Ok(known)
    }

    /// Hands on the bytes of all values of a type, with the offset of the data that they are in.
    pub(super) fn each_value(
        &self,
        c: &Committed,
        each: &mut dyn FnMut(&[u8], u64) -> Result<()>,
    ) -> Result<()> {
        let mut known = HashMap::new();
        let size = usize::try_from(c.datatype.size).unwrap_or(usize::MAX);
        let file = self.types.file();
        for instance in &self.survey.instances {
            let places = self.places(instance.datatype, c.addr, &mut known)?;
            if places.is_empty() || instance.extent == Extent::Null {
                continue;
            }
            let object = file.object(instance.addr)?;
            let Some(dataset) = object.dataset() else { continue };
            let holder = self.types.committed(instance.datatype)?;
            let column = Column::new(file, dataset, &holder.datatype)?;
            let mut stream = column.open()?;
            let at = stream.offset();
            let mut bytes = vec![0; usize::try_from(holder.datatype.size).unwrap_or(0)];
            while stream.left() > 0 && !bytes.is_empty() {
                stream.fill(&mut bytes)?;
                for place in &places {
                    let start = usize::try_from(*place).unwrap_or(usize::MAX);
                    let value = bytes.get(start..).and_then(|rest| rest.get(..size));
                    each(value.unwrap_or_default(), at)?;
                }
            }
        }
        Ok(())
    }

    /// Where in a value of the type at `holder` such of the type at `inner` stand.
    fn places(
        &self,
        holder: RelAddr,
        inner: RelAddr,
        known: &mut HashMap<RelAddr, Vec<u32>>,
    ) -> Result<Vec<u32>> {
        if holder == inner {
            return Ok(vec![0]);
        }
        if let Some(known) = known.get(&holder) {
            return Ok(known.clone());
        }
        // Ends forged cycles.
        known.insert(holder, Vec::new());
        let mut out = Vec::new();
        let c = self.types.committed(holder)?;
        for field in &c.fields {
            let (Some(offset), Some(child)) = (field.offset, field.committed) else { continue };
            if field.datatype.as_ref().is_some_and(|d| matches!(d.class, Class::Reference)) {
                continue;
            }
            let inside = self.places(child, inner, known)?;
            out.extend(inside.iter().map(|place| offset.saturating_add(*place)));
            if out.len() > MAX_PLACES {
                let at = self.types.file().offset(holder, "committed datatype")?;
                let want = format!("at most {MAX_PLACES} values of a type inside another");
                return Err(Error::corrupt(at, "type", want, "more"));
            }
        }
        known.insert(holder, out.clone());
        Ok(out)
    }
}
