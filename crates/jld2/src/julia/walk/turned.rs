//! Tells of arrays of structs as structs of arrays, and the other way.

use super::super::turned::{Lanes, Structs, columns_in, element_type};
use super::super::{Committed, Field, JuliaType, TypeTable};
use super::number::NumberKind;
use super::numbers::{Numbers, Other, Strided};
use super::session::{DatasetWalk, offset};
use super::visitor::{Parts, Shape, TypeName};
use crate::h5::{Error, RelAddr, Result};
use std::sync::Arc;

impl DatasetWalk<'_> {
    /// Tells of the array at `addr`, whose elements are of the type `c`, as a struct `to` of arrays.
    pub(super) fn columns(
        &mut self,
        addr: RelAddr,
        c: &Arc<Committed>,
        to: &JuliaType,
    ) -> Result<()> {
        let types = self.walk.types;
        let object = types.file().object(addr)?;
        let at = offset(&object);
        let Some(structs) = Structs::of(types, &object, c)? else {
            let want = format!("an array of {}", c.julia_type);
            return Err(Error::corrupt(at, "turned array", want, "another object"));
        };
        let id = self.new_id(addr);
        self.visitor.enter(TypeName::Type(to), Some(id), Shape::Struct)?;
        let inside = columns_in(to);
        if let Some(inside) = inside {
            self.visitor.field(0, "components")?;
            self.visitor.enter(TypeName::Type(inside), None, Shape::Struct)?;
        }
        let mut count = 0;
        for field in &c.fields {
            self.field_name(&field.name, &mut count)?;
            self.column(&structs, field, at)?;
        }
        if inside.is_some() {
            self.visitor.leave(Parts::Fields, 0)?;
        }
        self.visitor.leave(Parts::Fields, 0)
    }

    fn column(&mut self, structs: &Structs<'_>, field: &Field, at: u64) -> Result<()> {
        let walk = self.walk;
        let types: &TypeTable<'_> = walk.types;
        let Some((element, start)) = field.element(types)?.zip(field.offset) else {
            let what = format!("field {}", field.name);
            return Err(Error::corrupt(at, what, "a field with content", "none"));
        };
        let id = self.next_id();
        let dims = structs.dims();
        let t = JuliaType::array(element_type(&element), dims.len());
        let window = self.window();
        if let Some(kind) = NumberKind::of(element.datatype()).filter(|_| element.is_number()) {
            let strided = Strided { structs, start: start as usize };
            let numbers = Numbers {
                file: types.file(),
                dataset: structs.dataset(),
                datatype: element.datatype(),
                kind,
                limit: walk.limit,
                window,
                progress: walk.progress,
                other: Other::Strided(strided),
            };
            return self.visitor.numbers(TypeName::Type(&t), Some(id), dims, &numbers);
        }
        self.visitor.enter(TypeName::Type(&t), Some(id), Shape::Array(dims))?;
        let more = self.holding(window, at, |s| {
            structs.each(walk.limit, window, &mut |i, bytes, at| {
                s.visitor.item(i)?;
                s.field(field, bytes, at)
            })
        })?;
        self.visitor.leave(Parts::Items, more)
    }

    /// Tells of the value `bytes` of the type `c`, whose fields refer to arrays, as an array of `to`.
    pub(super) fn rows(
        &mut self,
        to: &JuliaType,
        c: &Committed,
        bytes: &[u8],
        at: u64,
        id: u64,
    ) -> Result<()> {
        let walk = self.walk;
        let types: &TypeTable<'_> = walk.types;
        let lanes = Lanes::of(types, c, bytes, at)?;
        let t = JuliaType::array(to.clone(), lanes.dims.len());
        self.visitor.enter(TypeName::Type(&t), Some(id), Shape::Array(&lanes.dims))?;
        let window = self.window();
        let last = lanes.lanes.len().saturating_sub(1);
        let more = self.holding(window, at, |s| {
            lanes.each(types.file(), walk.limit, window, &mut |row, number, bytes, at| {
                if number == 0 {
                    s.visitor.item(row)?;
                    s.visitor.enter(TypeName::Type(to), None, Shape::Struct)?;
                }
                let Some(lane) = lanes.lanes.get(number) else { return Ok(()) };
                s.visitor.field(number, &lane.name)?;
                s.value(&lane.element, bytes, at, None)?;
                if number == last { s.visitor.leave(Parts::Fields, 0) } else { Ok(()) }
            })
        })?;
        self.visitor.leave(Parts::Items, more)
    }
}
