//! Builds a [`Node`] of what a walk tells of a value, in bounded memory.

use super::value_tree::{Content, Literal, Node, Value};
use crate::h5::{Error, RelAddr, Result};
use crate::julia::{
    Digest, Digests, JuliaType, Number, Numbers, Parts, Shape, TextStream, TypeName, TypeTable,
    Visitor, Walk, big_integer,
};
use std::collections::HashSet;
use std::io::Read as _;
use std::mem;
use std::rc::Rc;

/// What the canonical form of a value takes besides names and texts, in bytes.
const NODE: usize = 16;
/// What stands in the place of a value takes.
const REPLACED: usize = 5;

/// The value at `addr`, of its arrays and dictionaries the first `elements`; none if it takes more
/// than `most` bytes (of the canonical form; in memory a few times as many).
pub(in crate::inspect) fn abridged(
    types: &TypeTable<'_>,
    addr: RelAddr,
    elements: u64,
    most: usize,
) -> Result<Option<Node>> {
    let walk = Walk::new(types).abridged(elements);
    build(most, None, |visitor| walk.object(addr, visitor))
}

/// The value of which `walk` tells, with digests of arrays of numbers from `known` where it has
/// them; none if it takes more than `most` bytes.
pub(in crate::inspect) fn build(
    most: usize,
    known: Option<&Digests>,
    walk: impl FnOnce(&mut dyn Visitor) -> Result<()>,
) -> Result<Option<Node>> {
    let mut builder = Builder {
        open: Vec::new(),
        done: None,
        names: HashSet::new(),
        left: most,
        full: false,
        known,
    };
    let told = walk(&mut builder);
    if builder.full {
        return Ok(None);
    }
    told?;
    Ok(builder.done)
}

struct Builder<'d> {
    /// What was entered, the innermost last.
    open: Vec<Open>,
    done: Option<Node>,
    /// Names of types and fields, each held once.
    names: HashSet<Rc<str>>,
    left: usize,
    /// Whether there was more than may be held.
    full: bool,
    known: Option<&'d Digests>,
}

/// A value whose parts are being told.
enum Open {
    Value(Value, Rc<str>),
    /// With its type, where that is another one than its dictionary tells.
    Pair(Vec<Node>, Option<Rc<str>>),
}

impl Builder<'_> {
    fn spend(&mut self, bytes: usize) -> Result<()> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => self.overflow(),
        }
    }

    fn overflow(&mut self) -> Result<()> {
        self.full = true;
        Err(Error::too_large("value", "may be held"))
    }

    fn name(&mut self, name: &str) -> Rc<str> {
        if let Some(known) = self.names.get(name) {
            return Rc::clone(known);
        }
        let name: Rc<str> = Rc::from(name);
        self.names.insert(Rc::clone(&name));
        name
    }

    /// Takes a complete value to where it belongs.
    fn put(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.done = Some(node),
            Some(Open::Pair(parts, _)) => parts.push(node),
            Some(Open::Value(value, field)) => match &mut value.content {
                Content::Fields(fields) => fields.push((Rc::clone(field), node)),
                Content::Items(_, items, _) => items.push(node),
                Content::Pairs(pairs, _) => pairs.push(None),
                Content::Literal(_) | Content::Digest(..) | Content::Head(..) => {}
            },
        }
    }

    fn put_value(&mut self, t: &str, id: Option<u64>, content: Content) -> Result<()> {
        self.spend(NODE + t.len())?;
        let value = Value { t: self.name(t), id, content };
        self.put(Node::Value(value));
        Ok(())
    }

    fn literal(&mut self, t: &str, literal: Literal) -> Result<()> {
        let (Literal::Number(text) | Literal::Text(text) | Literal::Bits(text, _)) = &literal;
        self.spend(text.len())?;
        self.put_value(t, None, Content::Literal(literal))
    }

    fn text_of(&mut self, t: &str, text: &[u8]) -> Result<()> {
        let integer = if t == "Base.GMP.BigInt" { big_integer(text) } else { None };
        self.literal(
            t,
            match integer {
                Some(integer) => Literal::Number(integer),
                None => Literal::Text(String::from_utf8_lossy(text).into_owned()),
            },
        )
    }
}

/// A number of the canonical form.
fn number(json: &str) -> Literal {
    match json.strip_prefix('"').and_then(|json| json.strip_suffix('"')) {
        Some(bits) => Literal::Text(bits.to_owned()),
        None => Literal::Number(json.to_owned()),
    }
}

impl Visitor for Builder<'_> {
    fn number(&mut self, t: TypeName<'_>, told: Number<'_>) -> Result<()> {
        let literal = match told.without_sign() {
            Some(other) => Literal::Bits(told.canonical(), other),
            None => number(&told.canonical()),
        };
        self.literal(&t.to_string(), literal)
    }

    fn text(&mut self, t: TypeName<'_>, text: &[u8]) -> Result<()> {
        self.text_of(&t.to_string(), text)
    }

    fn long_text(&mut self, t: TypeName<'_>, text: &mut TextStream<'_>) -> Result<()> {
        let (at, len) = (text.offset(), text.len());
        if usize::try_from(len).map_or(true, |len| len > self.left) {
            return self.overflow();
        }
        let mut bytes = Vec::new();
        text.reader().take(len).read_to_end(&mut bytes).map_err(|e| Error::payload(at, e))?;
        if bytes.len() as u64 != len {
            let e = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
            return Err(Error::payload(at, e));
        }
        self.text_of(&t.to_string(), &bytes)
    }

    fn type_value(&mut self, kind: &'static str, value: &JuliaType) -> Result<()> {
        self.literal(kind, Literal::Text(value.to_string()))
    }

    fn known(&mut self, t: TypeName<'_>, json: &str) -> Result<()> {
        let literal = match serde_json::from_str::<String>(json) {
            Ok(text) => Literal::Text(text),
            Err(_) => Literal::Number(json.to_owned()),
        };
        self.literal(&t.to_string(), literal)
    }

    fn numbers(
        &mut self,
        t: TypeName<'_>,
        id: Option<u64>,
        dims: &[u64],
        numbers: &Numbers<'_>,
    ) -> Result<()> {
        let content = if numbers.limit().is_some() {
            let mut head = Vec::new();
            let more = numbers.each(&mut |_, told| {
                let json = told.canonical();
                self.spend(json.len() + 1)?;
                head.push(number(&json));
                Ok(())
            })?;
            Content::Head(dims.to_vec(), head, more)
        } else {
            let digest = Digest::Xxh3.of(numbers, self.known)?;
            self.spend(digest.len())?;
            Content::Digest(dims.to_vec(), digest)
        };
        self.put_value(&t.to_string(), id, content)
    }

    fn enter(&mut self, t: TypeName<'_>, id: Option<u64>, shape: Shape<'_>) -> Result<()> {
        let mut t = t.to_string();
        if let Shape::Dict { pairs: Some(pairs) } = shape {
            // As if it were a type of its own.
            t = format!("{t} of {pairs}");
        }
        self.spend(NODE + t.len())?;
        let content = match shape {
            Shape::Struct => Content::Fields(Vec::new()),
            Shape::Tuple => Content::Items(None, Vec::new(), 0),
            Shape::Array(dims) => Content::Items(Some(dims.to_vec()), Vec::new(), 0),
            Shape::Dict { .. } => Content::Pairs(Vec::new(), 0),
        };
        let (t, field) = (self.name(&t), self.name(""));
        self.open.push(Open::Value(Value { t, id, content }, field));
        Ok(())
    }

    fn enter_pair(&mut self, t: Option<&JuliaType>) -> Result<()> {
        let t = t.map(ToString::to_string);
        self.spend(NODE + t.as_ref().map_or(0, |t| NODE + t.len()))?;
        let t = t.map(|t| self.name(&t));
        self.open.push(Open::Pair(Vec::new(), t));
        Ok(())
    }

    fn field(&mut self, _: usize, name: &str) -> Result<()> {
        self.spend(name.len() + 4)?;
        let name = self.name(name);
        if let Some(Open::Value(_, field)) = self.open.last_mut() {
            *field = name;
        }
        Ok(())
    }

    fn item(&mut self, _: u64) -> Result<()> {
        Ok(())
    }

    fn leave(&mut self, _: Parts, left_out: u64) -> Result<()> {
        match self.open.pop() {
            Some(Open::Value(mut value, _)) => {
                if let Content::Items(.., more) | Content::Pairs(_, more) = &mut value.content {
                    *more = left_out;
                }
                self.put(Node::Value(value));
            }
            Some(Open::Pair(parts, t)) => {
                let mut pair = <[Node; 2]>::try_from(parts).ok();
                if let (Some([_, value]), Some(t)) = (&mut pair, t) {
                    // What is under the key is a pair.
                    let second = mem::replace(value, Node::Undefined);
                    let content = Content::Fields(vec![(self.name("second"), second)]);
                    *value = Node::Value(Value { t, id: None, content });
                }
                if let Some(Open::Value(Value { content: Content::Pairs(pairs, _), .. }, _)) =
                    self.open.last_mut()
                {
                    pairs.push(pair);
                }
            }
            None => {}
        }
        Ok(())
    }

    fn again(&mut self, id: u64) -> Result<()> {
        self.spend(REPLACED)?;
        self.put(Node::Again(id));
        Ok(())
    }

    fn undefined(&mut self) -> Result<()> {
        self.spend(REPLACED)?;
        self.put(Node::Undefined);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::value_tree::made;
    use super::*;
    use crate::julia::NumberKind;

    const STRING: TypeName<'static> = TypeName::Name("Core.String");

    fn int(visitor: &mut dyn Visitor, value: i64) -> Result<()> {
        let bytes = value.to_le_bytes();
        let number = Number { kind: NumberKind::Signed, bytes: &bytes };
        visitor.number(TypeName::Name("Core.Int64"), number)
    }

    /// A dictionary with an array in a struct, a pair that is not assigned, and an object met again.
    fn walk(v: &mut dyn Visitor) -> Result<()> {
        v.enter(
            TypeName::Name("Base.Dict{Core.Any,Core.Any}"),
            Some(1),
            Shape::Dict { pairs: None },
        )?;
        v.item(0)?;
        v.enter_pair(None)?;
        v.item(0)?;
        v.text(STRING, b"key")?;
        v.item(1)?;
        v.enter(TypeName::Name("A"), Some(2), Shape::Struct)?;
        v.field(0, "x")?;
        v.enter(TypeName::Name("Core.Array{Core.Any,1}"), Some(3), Shape::Array(&[9]))?;
        v.item(0)?;
        int(v, -3)?;
        v.item(1)?;
        v.undefined()?;
        v.leave(Parts::Items, 7)?;
        v.field(1, "y")?;
        v.again(2)?;
        v.leave(Parts::Fields, 0)?;
        v.leave(Parts::Pair, 0)?;
        v.item(1)?;
        v.undefined()?;
        v.leave(Parts::Items, 4)
    }

    #[test]
    fn what_is_told_is_kept() {
        let items = vec![made::number("Core.Int64", -3), Node::Undefined];
        let array = made::of("Core.Array{Core.Any,1}", Content::Items(Some(vec![9]), items, 7));
        let of = made::record("A", [("x", made::known(3, array)), ("y", Node::Again(2))]);
        let pairs = vec![Some([made::string("key"), made::known(2, of)]), None];
        let want = made::of("Base.Dict{Core.Any,Core.Any}", Content::Pairs(pairs, 4));
        assert_eq!(build(1 << 10, None, walk).unwrap(), Some(made::known(1, want)));
    }

    #[test]
    fn a_bound_ends_it_and_an_error_stays_one() {
        let long = |v: &mut dyn Visitor| {
            v.enter(TypeName::Name("A"), None, Shape::Array(&[1 << 40]))?;
            (0..1_u64 << 40).try_for_each(|i| v.item(i).and_then(|()| int(v, 5)))
        };
        assert_eq!(build(1 << 16, None, long).unwrap(), None);
        let name = "n".repeat(200);
        let named = |v: &mut dyn Visitor| v.text(TypeName::Name(&name), b"");
        assert_eq!(build(200, None, named).unwrap(), None);
        assert!(build(300, None, named).unwrap().is_some());
        let fails = |_: &mut dyn Visitor| Err(Error::foreign(7, "something"));
        assert!(build(1 << 10, None, fails).is_err());
    }

    #[test]
    fn numbers_keep_all_their_digits() {
        let wide = |v: &mut dyn Visitor| {
            v.enter(TypeName::Name("T"), None, Shape::Tuple)?;
            let bytes = u128::MAX.to_le_bytes();
            let number = Number { kind: NumberKind::Unsigned, bytes: &bytes };
            v.number(TypeName::Name("Core.UInt128"), number)?;
            v.text(TypeName::Name("Base.GMP.BigInt"), b"2aYls9bkamJJSwhr0")?;
            let bytes = 1.5_f32.to_le_bytes();
            let number = Number { kind: NumberKind::Float, bytes: &bytes };
            v.number(TypeName::Name("Core.Float32"), number)?;
            v.leave(Parts::Items, 0)
        };
        let want = made::tuple(
            "T",
            [
                made::number("Core.UInt128", u128::MAX),
                made::number("Base.GMP.BigInt", "123456789012345678901234567890"),
                made::text("Core.Float32", "0x3fc00000"),
            ],
        );
        assert_eq!(build(1 << 10, None, wide).unwrap(), Some(want));
    }
}
