//! Walks through dictionaries.

use super::super::{Committed, Element, Field, JuliaType};
use super::session::DatasetWalk;
use super::values::field_bytes;
use super::visitor::{Parts, Shape, TypeName};
use crate::h5::{Class, Cursor, Error, Result};

/// The fields of a pair.
const PARTS: [&str; 2] = ["first", "second"];

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
        let name = TypeName::Type(&c.julia_type);
        if addr.is_null() {
            self.visitor.enter(name, id, Shape::Dict { pairs: None })?;
            return self.visitor.leave(Parts::Items, 0);
        }
        let limit = self.walk.limit;
        self.referred(addr, at, "pairs of a Dict", |s, object, dataset, element| {
            // Of elements that are references, it is stated where it is known.
            let pairs = s.walk.types.element_type(object, element)?;
            let by_reference = is_reference(element);
            let told = !is_odd(c, &pairs) || by_reference && pairs == JuliaType::any();
            let pairs = (!told).then_some(&pairs);
            s.visitor.enter(name, id, Shape::Dict { pairs })?;
            let of = by_reference.then_some(c);
            let more = s.each(dataset, element, limit, |s, i, bytes, at| {
                s.visitor.item(i)?;
                s.pair(of, element, bytes, at)
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
        self.visitor.enter(TypeName::Type(t), id, Shape::Dict { pairs: None })?;
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
                s.visitor.enter_pair(None)?;
                s.visitor.item(0)?;
                s.object(key)?;
                s.visitor.item(1)?;
                s.object(addr)?;
                s.visitor.leave(Parts::Pair, 0)
            })?;
            s.visitor.leave(Parts::Items, 0)
        })
    }

    /// A pair; `of` is the dictionary where its pairs may be of several types.
    fn pair(
        &mut self,
        of: Option<&Committed>,
        element: &Element,
        bytes: &[u8],
        at: u64,
    ) -> Result<()> {
        match element {
            Element::Committed(c)
                if !c.fields.is_empty() || c.julia_type.short_name() == "Pair" =>
            {
                if let Some(f) = c.fields.iter().find(|f| !PARTS.contains(&&*f.name)) {
                    let found = format!("a field {}", f.name);
                    return Err(Error::corrupt(at, "pair", "fields first and second", found));
                }
                let t = &c.julia_type;
                self.visitor.enter_pair(of.and_then(|of| is_odd(of, t).then_some(t)))?;
                for (i, name) in PARTS.into_iter().enumerate() {
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
            _ if is_reference(element) => {
                let addr = Cursor::new(bytes, at, "pair").addr()?;
                if addr.is_null() {
                    return self.visitor.undefined();
                }
                self.referred(addr, at, "pair", |s, _, dataset, inner| {
                    if matches!(inner, Element::Plain(_)) {
                        return Err(Error::corrupt(at, "pair", "a Pair", "another type"));
                    }
                    s.whole(dataset, inner.datatype(), |s, bytes, at| s.pair(of, inner, bytes, at))
                })
            }
            _ => Err(Error::corrupt(at, "pair", "a Pair", element.julia_type().to_string())),
        }
    }
}

fn is_reference(element: &Element) -> bool {
    matches!(element.datatype().class, Class::Reference)
}

/// Whether pairs of type `pair` are others than those which the dictionary's type `c` tells: those that
/// it is written as, before JLD2 0.4.42; of its own parameters, since.
fn is_odd(c: &Committed, pair: &JuliaType) -> bool {
    match c.written_type.as_ref().and_then(|written| written.type_param(0)) {
        Some(told) if told.short_name() == "Pair" => told != pair,
        _ => {
            let own = c.julia_type.params().get(..2);
            // The same type, which Julia moved.
            let named = matches!(pair.name(), "Base.Pair" | "Core.Pair");
            !named || own != Some(pair.params())
        }
    }
}
