//! Walks through dictionaries.

use super::super::{Committed, Element, Field, JuliaType};
use super::session::DatasetWalk;
use super::values::field_bytes;
use super::visitor::{Parts, Shape, TypeName};
use crate::h5::{Class, Cursor, Error, Result};

impl DatasetWalk<'_> {
    /// A dictionary of type `c`.
    pub(super) fn dict(
        &mut self,
        c: &Committed,
        bytes: &[u8],
        at: u64,
        id: Option<u64>,
    ) -> Result<()> {
        // The only member, or the datum itself, is a reference to a vector of pairs.
        let part = match c.fields.first() {
            Some(f) => field_bytes(f, bytes).unwrap_or_default(),
            None => bytes,
        };
        let addr = Cursor::new(part, at, "pairs of a Dict").addr()?;
        self.visitor.enter(TypeName::Type(&c.julia_type), id, Shape::Dict)?;
        if addr.is_null() {
            return self.visitor.leave(Parts::Items, 0);
        }
        let limit = self.walk.limit;
        self.referred(addr, at, "pairs of a Dict", |s, _, dataset, element| {
            let more = s.each(dataset, element, limit, |s, i, bytes, at| {
                s.visitor.item(i)?;
                s.pair(element, bytes, at)
            })?;
            s.visitor.leave(Parts::Items, more)
        })
    }

    /// An `IdDict` before JLD2 0.4.42: its hash table, key and value by turns.
    pub(super) fn id_dict(
        &mut self,
        t: &JuliaType,
        table: &Field,
        bytes: &[u8],
        at: u64,
        id: Option<u64>,
    ) -> Result<()> {
        let part = field_bytes(table, bytes).unwrap_or_default();
        let addr = Cursor::new(part, at, "hash table").addr()?;
        self.visitor.enter(TypeName::Type(t), id, Shape::Dict)?;
        if addr.is_null() {
            return self.visitor.leave(Parts::Items, 0);
        }
        self.referred(addr, at, "hash table", |s, _, dataset, element| {
            let mut key = None;
            let mut count = 0;
            s.each(dataset, element, None, |s, i, bytes, at| {
                let addr = Cursor::new(bytes, at, "hash table").addr()?;
                if i % 2 == 0 {
                    key = Some(addr).filter(|a| !a.is_null());
                    return Ok(());
                }
                let (Some(key), false) = (key.take(), addr.is_null()) else { return Ok(()) };
                s.visitor.item(count)?;
                count += 1;
                s.visitor.enter_pair()?;
                s.visitor.item(0)?;
                s.object(key)?;
                s.visitor.item(1)?;
                s.object(addr)?;
                s.visitor.leave(Parts::Pair, 0)
            })?;
            s.visitor.leave(Parts::Items, 0)
        })
    }

    fn pair(&mut self, element: &Element, bytes: &[u8], at: u64) -> Result<()> {
        match element {
            Element::Committed(c)
                if !c.fields.is_empty() || c.julia_type.short_name() == "Pair" =>
            {
                self.visitor.enter_pair()?;
                for (i, name) in ["first", "second"].into_iter().enumerate() {
                    self.visitor.item(i as u64)?;
                    let field = c.fields.iter().find(|f| f.name == name && f.offset.is_some());
                    if let Some(field) = field {
                        self.field(field, bytes, at)?;
                    } else {
                        let t = c.julia_type.type_param(i).cloned();
                        self.singleton(&t.unwrap_or_else(JuliaType::any), None)?;
                    }
                }
                self.visitor.leave(Parts::Pair, 0)
            }
            _ if matches!(element.datatype().class, Class::Reference) => {
                let addr = Cursor::new(bytes, at, "pair").addr()?;
                if addr.is_null() {
                    return self.visitor.undefined();
                }
                self.referred(addr, at, "pair", |s, _, dataset, inner| {
                    if matches!(inner, Element::Plain(_)) {
                        return Err(Error::corrupt(at, "pair", "a Pair", "another type"));
                    }
                    s.whole(dataset, inner.datatype(), |s, bytes, at| s.pair(inner, bytes, at))
                })
            }
            _ => Err(Error::corrupt(at, "pair", "a Pair", element.julia_type().to_string())),
        }
    }
}
