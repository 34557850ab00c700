//! Tells of values that follow from stored fields.

use super::super::derived::{Derived, Worked, vector_of};
use super::super::{Committed, NumberType, TypeTable};
use super::number::{Number, NumberKind};
use super::numbers::{Numbers, Other};
use super::session::DatasetWalk;
use super::values::field_bytes;
use super::visitor::TypeName;
use crate::h5::{Dataset, Datatype, Error, Object, RelAddr, Result};

impl DatasetWalk<'_> {
    /// The field `name` of the changed value `bytes` of the type `c`.
    pub(super) fn derived(
        &mut self,
        name: &str,
        derived: Derived,
        c: &Committed,
        bytes: &[u8],
        at: u64,
        count: &mut usize,
    ) -> Result<()> {
        let wrong = || Error::corrupt(at, format!("field {name}"), "what it follows from", "none");
        match derived {
            Derived::Part { field, part } => {
                let part = c.part(self.walk.types, field, part)?.ok_or_else(wrong)?;
                return self.named_field(name, &part, bytes, at, count);
            }
            Derived::Text { field, symbol } => {
                let field = c.fields.get(field).ok_or_else(wrong)?;
                let text = field_bytes(field, bytes).ok_or_else(wrong)?;
                let t = if symbol { "Core.Symbol" } else { "Core.String" };
                let at = at + u64::from(field.offset.unwrap_or(0));
                self.field_name(name, count)?;
                return self.vlen_text(TypeName::Name(t), text, at);
            }
            _ => {}
        }
        let worked = derived.work_out(self.walk.types, c, bytes, at)?;
        self.field_name(name, count)?;
        match worked {
            Worked::Undefined => self.visitor.undefined(),
            Worked::Object(addr) | Worked::Reference(addr, _) => self.object(addr),
            Worked::Number(t, bytes) => {
                let bytes = bytes.get(..t.size()).unwrap_or_default();
                self.visitor.number(TypeName::Name(t.name()), Number { kind: t.kind(), bytes })
            }
            Worked::Converted(addr, object, to) => {
                let (id, known) = self.made_id(addr, 1 + to as u64);
                if known {
                    return self.visitor.again(id);
                }
                let dims = array_dims(self.walk.types, &object)?;
                self.other(&object, &dims, id, Other::Converted(to), to)
            }
            Worked::Made(t, made) => {
                let id = self.next_id();
                let dims = [(made.len() / t.size()) as u64];
                let source = source(derived, c, bytes, at)?.ok_or_else(wrong)?;
                let object = self.walk.types.file().object(source)?;
                self.holding(0, at, |s| s.other(&object, &dims, id, Other::Made(t, &made), t))
            }
        }
    }

    /// An array of other numbers in the place of those of `object`.
    fn other(
        &mut self,
        object: &Object,
        dims: &[u64],
        id: u64,
        other: Other<'_>,
        t: NumberType,
    ) -> Result<()> {
        let walk = self.walk;
        let Some(dataset) = object.dataset() else { return self.visitor.undefined() };
        let element = walk.types.element(&dataset.datatype)?;
        let datatype: &Datatype = element.datatype();
        let dataset: &Dataset = dataset;
        let numbers = Numbers {
            file: walk.types.file(),
            dataset,
            datatype,
            kind: NumberKind::of(datatype).unwrap_or(NumberKind::Bits),
            limit: walk.limit,
            window: self.window(),
            progress: walk.progress,
            other,
        };
        let t = vector_of(t, dims.len());
        self.visitor.numbers(TypeName::Type(&t), Some(id), dims, &numbers)
    }
}

/// The array that a vector is made from.
fn source(derived: Derived, c: &Committed, bytes: &[u8], at: u64) -> Result<Option<RelAddr>> {
    let (Derived::Indices { field, .. } | Derived::Live { keys: field, .. }) = derived else {
        return Ok(None);
    };
    let part = c.fields.get(field).and_then(|f| field_bytes(f, bytes)).unwrap_or_default();
    crate::h5::Cursor::new(part, at, "reference").addr().map(Some)
}

fn array_dims(types: &TypeTable<'_>, object: &Object) -> Result<Vec<u64>> {
    let dims = object.dataset().map(|dataset| types.julia_dims(object, dataset)).transpose()?;
    Ok(dims.flatten().unwrap_or_default())
}
