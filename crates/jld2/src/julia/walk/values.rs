//! Walks through single values.

use super::super::element::plain_type;
use super::super::{Committed, Element, Field, JuliaType, Param};
use super::number::{Number, NumberKind, with_low_byte_first};
use super::session::{DatasetWalk, SMALL};
use super::visitor::{Parts, Shape, TypeName};
use crate::h5::{Class, Cursor, Datatype, Error, Member, Result};
use std::mem::discriminant;

impl DatasetWalk<'_> {
    /// A value of a type without data.
    pub(super) fn singleton(&mut self, t: &JuliaType, id: Option<u64>) -> Result<()> {
        let name = TypeName::Type(t);
        let Some(elements) = t.tuple_elements() else {
            self.visitor.enter(name, id, Shape::Struct)?;
            return self.visitor.leave(Parts::Fields, 0);
        };
        self.visitor.enter(name, id, Shape::Tuple)?;
        for (i, e) in (0..).zip(elements) {
            self.visitor.item(i)?;
            self.singleton(e, None)?;
        }
        self.visitor.leave(Parts::Items, 0)
    }

    pub(super) fn value(
        &mut self,
        element: &Element,
        bytes: &[u8],
        at: u64,
        id: Option<u64>,
    ) -> Result<()> {
        self.part(bytes.len(), at, |s| match element {
            Element::Plain(d) => s.plain(d, &plain_type(d), bytes, at),
            Element::Committed(c) => s.committed(c, bytes, at, id),
        })
    }

    fn plain(&mut self, d: &Datatype, t: &JuliaType, bytes: &[u8], at: u64) -> Result<()> {
        let name = TypeName::Type(t);
        if let Some(kind) = NumberKind::of(d) {
            return with_low_byte_first(d, bytes, |bytes| {
                self.visitor.number(name, Number { kind, bytes })
            });
        }
        match &d.class {
            Class::String => self.visitor.text(name, bytes),
            Class::Vlen { string: true, .. } => self.vlen_text(name, bytes, at),
            Class::Reference => {
                let addr = Cursor::new(bytes, at, "reference").addr()?;
                if addr.is_null() { self.visitor.undefined() } else { self.object(addr) }
            }
            Class::Compound(members) => self.members(members, bytes, at),
            Class::Array { dims, base } => {
                let dims: Vec<u64> = dims.iter().rev().map(|&n| u64::from(n)).collect();
                self.visitor.enter(name, None, Shape::Array(&dims))?;
                let size = usize::try_from(base.size).unwrap_or(usize::MAX).max(1);
                let t = plain_type(base);
                for (i, (bytes, at)) in (0..).zip(bytes.chunks(size).zip((at..).step_by(size))) {
                    self.visitor.item(i)?;
                    self.part(size, at, |s| s.plain(base, &t, bytes, at))?;
                }
                self.visitor.leave(Parts::Items, 0)
            }
            Class::Vlen { string: false, base } => self.sequence(name, base, bytes, at),
            Class::Float { .. } => {
                let what = format!(
                    "floating-point numbers of {} bytes that are not IEEE 754's: JLD2 does not \
                     read them either",
                    d.size
                );
                Err(Error::foreign(d.offset, what))
            }
            _ => Err(Error::foreign(d.offset, "times: JLD2 does not read them either")),
        }
    }

    /// A sequence in a global heap: a vector. Elements are read one by one, as it can be long.
    fn sequence(&mut self, t: TypeName<'_>, base: &Datatype, vlen: &[u8], at: u64) -> Result<()> {
        let file = self.walk.types.file();
        let (start, len) = self.heap.vlen(file, vlen, at, base.size)?.unwrap_or((at, 0));
        let size = u64::from(base.size).max(1);
        let count = len / size;
        self.visitor.enter(t, None, Shape::Array(&[count]))?;
        let element = plain_type(base);
        let told = self.walk.limit.unwrap_or(count).min(count);
        for i in 0..told {
            let at = start + i * size;
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            self.visitor.item(i)?;
            self.holding(size, at, |s| {
                let bytes = file.source().read(at, size, "element of a sequence")?;
                s.part(size, at, |s| s.plain(base, &element, &bytes, at))
            })?;
        }
        self.visitor.leave(Parts::Items, count - told)
    }

    fn committed(&mut self, c: &Committed, bytes: &[u8], at: u64, id: Option<u64>) -> Result<()> {
        let t = &c.julia_type;
        if let Some(to) = self.walk.rows_of(c) {
            let id = id.unwrap_or_else(|| self.next_id());
            return self.rows(to, c, bytes, at, id);
        }
        if let Some(fields) = self.walk.changed_fields(c) {
            return self.changed(t, c, fields, bytes, at, id);
        }
        match t.short_name() {
            "DataType" => {
                let v = self.types().datatype_value(bytes, at)?;
                return self.visitor.type_value("Core.DataType", &v);
            }
            "Union" => {
                let v = self.types().union_value(&c.datatype, bytes, at)?;
                return self.visitor.type_value("Core.Union", &v);
            }
            "UnionAll" => {
                let mut cursor = Cursor::new(bytes, at, "UnionAll");
                cursor.u64()?;
                let body = self.types().type_object(cursor.addr()?, at + 8)?;
                return self.visitor.type_value("Core.UnionAll", &body);
            }
            "InlineUnionEl" => return self.inline_union(c, bytes, at),
            _ => {}
        }
        if c.empty {
            return self.singleton(t, id);
        }
        if is_dict(c) {
            return self.dict(c, bytes, at, id);
        }
        if let ("IdDict", Some(table)) = (t.short_name(), c.fields.iter().find(|f| f.name == "ht"))
        {
            return self.id_dict(t, table, bytes, at, id);
        }
        match &c.datatype.class {
            Class::Compound(_) => {
                if let Some(elements) = t.tuple_elements() {
                    self.visitor.enter(TypeName::Type(t), id, Shape::Tuple)?;
                    return self.tuple(c, &elements, bytes, at);
                }
                self.visitor.enter(TypeName::Type(t), id, Shape::Struct)?;
                match named_elements(t) {
                    Some((names, elements)) => self.named_tuple(c, names, &elements, bytes, at),
                    None => self.fields(&c.fields, bytes, at),
                }
            }
            // Written as another object: long tuples as vectors, simple vectors as vectors.
            Class::Reference => {
                let addr = Cursor::new(bytes, at, "reference").addr()?;
                if addr.is_null() {
                    return self.visitor.undefined();
                }
                self.referred(addr, at, "reference", |s, object, dataset, element| {
                    if s.walk.types.julia_dims(object, dataset)?.is_some() {
                        s.visitor.enter(TypeName::Type(t), id, Shape::Tuple)?;
                        return s.items(dataset, element);
                    }
                    s.whole(dataset, element.datatype(), |s, bytes, at| {
                        s.value(element, bytes, at, id)
                    })
                })
            }
            Class::Vlen { string: true, .. } => self.vlen_text(TypeName::Type(t), bytes, at),
            Class::Opaque if t.name() == "Core.Char" || t.name() == "Core.Core.Char" => {
                let number = Number { kind: NumberKind::Char, bytes };
                self.visitor.number(TypeName::Type(t), number)
            }
            _ => self.plain(&c.datatype, t, bytes, at),
        }
    }

    /// A record of a type that is not committed: a named tuple.
    fn members(&mut self, members: &[Member], bytes: &[u8], at: u64) -> Result<()> {
        self.visitor.enter(TypeName::Name("Core.NamedTuple"), None, Shape::Struct)?;
        for (i, m) in members.iter().enumerate() {
            self.visitor.field(i, &m.name)?;
            let (offset, size) = (m.offset as usize, m.datatype.size as usize);
            let part = bytes.get(offset..).and_then(|b| b.get(..size)).unwrap_or_default();
            let (d, at) = (&m.datatype, at + u64::from(m.offset));
            let t = plain_type(d);
            self.part(part.len(), at, |s| s.plain(d, &t, part, at))?;
        }
        self.visitor.leave(Parts::Fields, 0)
    }

    fn inline_union(&mut self, c: &Committed, bytes: &[u8], at: u64) -> Result<()> {
        let member = |name: &str| c.fields.iter().find(|f| f.name == name);
        let mask = member("mask").and_then(|f| field_bytes(f, bytes)).and_then(|b| b.first());
        let (which, index) = if mask.copied() == Some(0) { ("t1", 0) } else { ("t2", 1) };
        let Some(t) = c.julia_type.type_param(index).cloned() else {
            return Err(Error::corrupt(at, "inline union", "two type parameters", "fewer"));
        };
        match member(which) {
            Some(f) if f.offset.is_some() => self.field(f, bytes, at),
            _ => self.singleton(&t, None),
        }
    }

    /// The value of a field of the record `bytes`.
    pub(super) fn field(&mut self, field: &Field, bytes: &[u8], at: u64) -> Result<()> {
        let (Some(copy), Some(offset)) = (&field.datatype, field.offset) else {
            return self.visitor.undefined();
        };
        let part = field_bytes(field, bytes);
        let at = at + u64::from(offset);
        let wrong = |want: String| {
            let what = format!("field {}", field.name);
            Error::corrupt(at, what, want, "another layout in the enclosing type")
        };
        let Some(addr) = field.committed else {
            let part = part.ok_or_else(|| wrong(format!("{} bytes", copy.size)))?;
            let t = plain_type(copy);
            return self.part(part.len(), at, |s| s.plain(copy, &t, part, at));
        };
        let c = self.walk.types.committed(addr)?;
        // What the enclosing type says of the field must go with the field's own type.
        let same = discriminant(&copy.class) == discriminant(&c.datatype.class)
            && copy.size == c.datatype.size;
        let Some(part) = part.filter(|_| same) else {
            return Err(wrong(format!("a {} of {} bytes", c.julia_type, c.datatype.size)));
        };
        self.part(part.len(), at, |s| s.committed(&c, part, at, None))
    }

    /// The fields of a struct that was entered, and its end.
    fn fields(&mut self, fields: &[Field], bytes: &[u8], at: u64) -> Result<()> {
        let mut count = 0;
        for f in fields {
            self.named_field(&f.name, f, bytes, at, &mut count)?;
        }
        self.visitor.leave(Parts::Fields, 0)
    }

    /// As [`Self::fields`], of a named tuple: its type tells of elements without data, of which
    /// JLD2 before 0.5 stores no names.
    fn named_tuple(
        &mut self,
        c: &Committed,
        names: &[String],
        elements: &[&JuliaType],
        bytes: &[u8],
        at: u64,
    ) -> Result<()> {
        if let Some(f) = c.fields.iter().find(|f| !names.contains(&f.name)) {
            let want = format!("fields among {}", names.join(", "));
            return Err(Error::corrupt(at, "named tuple", want, format!("a field {}", f.name)));
        }
        let mut count = 0;
        for (name, t) in names.iter().zip(elements) {
            if let Some(f) = c.fields.iter().find(|f| f.name == *name && f.offset.is_some()) {
                self.named_field(name, f, bytes, at, &mut count)?;
            } else {
                self.field_name(name, &mut count)?;
                self.singleton(t, None)?;
            }
        }
        self.visitor.leave(Parts::Fields, 0)
    }

    /// Announces a field; `count` are those before it.
    pub(super) fn field_name(&mut self, name: &str, count: &mut usize) -> Result<()> {
        self.visitor.field(*count, name)?;
        *count += 1;
        Ok(())
    }

    /// A field under the name `name`.
    pub(super) fn named_field(
        &mut self,
        name: &str,
        f: &Field,
        bytes: &[u8],
        at: u64,
        count: &mut usize,
    ) -> Result<()> {
        let ghost = match (f.offset, f.committed) {
            (Some(_), _) => None,
            (None, Some(addr)) => Some(self.walk.types.committed(addr)?.julia_type.clone()),
            // A field without data or stated type: nothing is known of it.
            (None, None) => return Ok(()),
        };
        self.field_name(name, count)?;
        match ghost {
            Some(t) => self.singleton(&t, None),
            None => self.field(f, bytes, at),
        }
    }

    /// The items of a tuple that was entered, and its end; members are named by position, elements without data have none.
    fn tuple(
        &mut self,
        c: &Committed,
        elements: &[&JuliaType],
        bytes: &[u8],
        at: u64,
    ) -> Result<()> {
        let mut stored = c.fields.iter().filter(|f| f.offset.is_some()).peekable();
        for (i, t) in elements.iter().enumerate() {
            self.visitor.item(i as u64)?;
            let name = (i + 1).to_string();
            match stored.next_if(|f| f.name == name) {
                Some(f) => self.field(f, bytes, at)?,
                None => self.singleton(t, None)?,
            }
        }
        if let Some(f) = stored.next() {
            let want = format!("members 1 to {}, in order", elements.len());
            return Err(Error::corrupt(at, "tuple", want, format!("member {}", f.name)));
        }
        self.visitor.leave(Parts::Items, 0)
    }

    pub(super) fn vlen_text(&mut self, t: TypeName<'_>, vlen: &[u8], at: u64) -> Result<()> {
        let file = self.walk.types.file();
        match self.heap.vlen(file, vlen, at, 1)? {
            Some((at, len @ 0..=1024)) => {
                let len = usize::try_from(len).unwrap_or(0);
                let mut short = [0; SMALL];
                if let Some(bytes) = short.get_mut(..len) {
                    file.source().read_into(at, bytes, "string")?;
                    return self.visitor.text(t, bytes);
                }
                self.visitor.text(t, &file.source().read(at, len, "string")?)
            }
            Some((at, len)) => {
                self.long_text(t, at, len, &mut file.source().stream(at, len, "string")?)
            }
            None => self.visitor.undefined(),
        }
    }
}

/// Names and element types of a named tuple, if its type tells them.
fn named_elements(t: &JuliaType) -> Option<(&[String], Vec<&JuliaType>)> {
    let Some(Param::Symbols(names)) = t.params().first().filter(|_| t.is_named_tuple()) else {
        return None;
    };
    let elements = t.type_param(1)?.tuple_elements()?;
    (elements.len() == names.len()).then_some((names, elements))
}

/// The bytes of a field inside its instance.
pub(super) fn field_bytes<'b>(field: &Field, bytes: &'b [u8]) -> Option<&'b [u8]> {
    let start = usize::try_from(field.offset?).ok()?;
    let size = usize::try_from(field.datatype.as_ref()?.size).ok()?;
    bytes.get(start..)?.get(..size)
}

/// Dictionaries are stored as their pairs, under one of three disguises.
fn is_dict(c: &Committed) -> bool {
    let Some(written) = &c.written_type else { return false };
    match written.short_name() {
        "SerializedDict" => true,
        "Array" => written.type_param(0).is_some_and(|t| t.short_name() == "Pair"),
        _ => false,
    }
}
