//! Holds a value as it is shown and compared: types by their names, arrays of numbers by their
//! digest or their first elements.

use serde_json::Value as Json;
use std::fmt::Write as _;
use std::rc::Rc;

/// A value, or what stands in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::inspect) enum Node {
    /// An element that is not assigned, or a field that is not defined.
    Undefined,
    /// The object that was met before under this id.
    Again(u64),
    /// A value.
    Value(Value),
}

/// A value with its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::inspect) struct Value {
    /// The full name of its type.
    pub(in crate::inspect) t: Rc<str>,
    /// What [`Node::Again`] calls it.
    pub(in crate::inspect) id: Option<u64>,
    pub(in crate::inspect) content: Content,
}

/// What a value holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::inspect) enum Content {
    /// A number, a text or a type.
    Literal(Literal),
    /// An array of numbers: its dimensions, and a digest of its data.
    Digest(Vec<u64>, String),
    /// An array of numbers: its dimensions, the first of them, and how many more there are.
    Head(Vec<u64>, Vec<Literal>, u64),
    /// Any other array, with its dimensions, or a tuple: the first elements, and how many more there
    /// are.
    Items(Option<Vec<u64>>, Vec<Node>, u64),
    /// A dictionary: the first pairs, and how many more there are. What is not assigned is no pair.
    Pairs(Vec<Option<[Node; 2]>>, u64),
    /// A struct: its fields in order.
    Fields(Vec<(Rc<str>, Node)>),
}

/// A number or a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::inspect) enum Literal {
    /// An integer in decimal digits, `true` or `false`.
    Number(String),
    /// Bits of which the file does not say whether they have a sign: the integer with one, and without.
    Bits(String, String),
    /// A text; of a floating-point number `0x` and the hex digits of its bits.
    Text(String),
}

impl Node {
    pub(in crate::inspect) fn value(&self) -> Option<&Value> {
        match self {
            Self::Value(value) => Some(value),
            Self::Undefined | Self::Again(_) => None,
        }
    }

    /// The value of a dictionary's entry under a string or symbol.
    pub(in crate::inspect) fn entry(&self, key: &str) -> Option<&Node> {
        self.value()?.pairs()?.iter().flatten().find_map(|[k, value]| {
            let found = matches!(k.value()?.literal()?, Literal::Text(text) if text == key);
            found.then_some(value)
        })
    }

    /// The canonical form without ids: what tells it from other values.
    pub(in crate::inspect) fn canonical(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        // Writing to a string cannot fail.
        let _ = match self {
            Self::Undefined => write!(out, "null"),
            Self::Again(id) => write!(out, "{{\"ref\":{id}}}"),
            Self::Value(value) => {
                let _ = write!(out, "{{\"t\":{}", quoted(&value.t));
                value.content.write(out);
                write!(out, "}}")
            }
        };
    }
}

impl Value {
    pub(in crate::inspect) fn literal(&self) -> Option<&Literal> {
        match &self.content {
            Content::Literal(literal) => Some(literal),
            _ => None,
        }
    }

    /// The dimensions of an array.
    pub(in crate::inspect) fn dims(&self) -> Option<&[u64]> {
        match &self.content {
            Content::Digest(dims, _) | Content::Head(dims, ..) | Content::Items(Some(dims), ..) => {
                Some(dims)
            }
            _ => None,
        }
    }

    pub(in crate::inspect) fn digest(&self) -> Option<&str> {
        match &self.content {
            Content::Digest(_, digest) => Some(digest),
            _ => None,
        }
    }

    pub(in crate::inspect) fn items(&self) -> Option<&[Node]> {
        match &self.content {
            Content::Items(_, items, _) => Some(items),
            _ => None,
        }
    }

    pub(in crate::inspect) fn pairs(&self) -> Option<&[Option<[Node; 2]>]> {
        match &self.content {
            Content::Pairs(pairs, _) => Some(pairs),
            _ => None,
        }
    }

    pub(in crate::inspect) fn fields(&self) -> Option<&[(Rc<str>, Node)]> {
        match &self.content {
            Content::Fields(fields) => Some(fields),
            _ => None,
        }
    }

    /// The value of a field.
    pub(in crate::inspect) fn field(&self, name: &str) -> Option<&Value> {
        self.fields()?.iter().find(|(field, _)| **field == *name)?.1.value()
    }

    /// The integer that it is.
    pub(in crate::inspect) fn as_i64(&self) -> Option<i64> {
        match self.literal()? {
            Literal::Number(number) | Literal::Bits(number, _) => number.parse().ok(),
            Literal::Text(_) => None,
        }
    }

    /// How many elements were left out.
    pub(in crate::inspect) fn more(&self) -> u64 {
        match &self.content {
            Content::Head(.., more) | Content::Items(.., more) | Content::Pairs(_, more) => *more,
            Content::Literal(_) | Content::Digest(..) | Content::Fields(_) => 0,
        }
    }

    /// The name of the type of an array's elements.
    pub(in crate::inspect) fn element(&self) -> &str {
        let parameters = self.t.strip_prefix("Core.Array{").unwrap_or_default();
        parameters.split(',').next().unwrap_or_default()
    }
}

impl Content {
    fn write(&self, out: &mut String) {
        // Writing to a string cannot fail.
        let _ = match self {
            Self::Literal(literal) => write!(out, ",\"v\":{}", literal.json()),
            Self::Digest(dims, digest) => {
                write!(out, ",\"dims\":{},\"sha256\":\"{digest}\"", shape(dims))
            }
            Self::Head(dims, head, more) => {
                let head: Vec<_> = head.iter().map(Literal::json).collect();
                write!(out, ",\"dims\":{},\"head\":[{}]", shape(dims), head.join(","))
                    .and_then(|()| left_out(out, *more))
            }
            Self::Items(dims, items, more) => {
                if let Some(dims) = dims {
                    let _ = write!(out, ",\"dims\":{}", shape(dims));
                }
                out.push_str(",\"items\":[");
                list(out, items, Node::write);
                out.push(']');
                left_out(out, *more)
            }
            Self::Pairs(pairs, more) => {
                out.push_str(",\"pairs\":[");
                list(out, pairs, |pair, out| match pair {
                    None => out.push_str("null"),
                    Some(pair) => {
                        out.push('[');
                        list(out, pair, Node::write);
                        out.push(']');
                    }
                });
                out.push(']');
                left_out(out, *more)
            }
            Self::Fields(fields) => {
                out.push_str(",\"fields\":{");
                list(out, fields, |(name, node), out| {
                    let _ = write!(out, "{}:", quoted(name));
                    node.write(out);
                });
                write!(out, "}}")
            }
        };
    }
}

impl Literal {
    pub(in crate::inspect) fn json(&self) -> String {
        match self {
            Self::Number(number) | Self::Bits(number, _) => number.clone(),
            Self::Text(text) => quoted(text),
        }
    }
}

/// Dimensions as JSON.
pub(in crate::inspect) fn shape(dims: &[u64]) -> String {
    Json::from(dims).to_string()
}

fn quoted(text: &str) -> String {
    Json::from(text).to_string()
}

fn left_out(out: &mut String, more: u64) -> std::fmt::Result {
    if more > 0 { write!(out, ",\"more\":{more}") } else { Ok(()) }
}

fn list<T>(out: &mut String, items: &[T], write: impl Fn(&T, &mut String)) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write(item, out);
    }
}

/// Values for tests.
#[cfg(test)]
pub(in crate::inspect) mod made {
    use super::{Content, Literal, Node, Value};

    pub(in crate::inspect) fn of(t: &str, content: Content) -> Node {
        Node::Value(Value { t: t.into(), id: None, content })
    }

    pub(in crate::inspect) fn known(id: u64, node: Node) -> Node {
        match node {
            Node::Value(value) => Node::Value(Value { id: Some(id), ..value }),
            other => other,
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "numbers as they stand in tests")]
    pub(in crate::inspect) fn number(t: &str, number: impl ToString) -> Node {
        of(t, Content::Literal(Literal::Number(number.to_string())))
    }

    pub(in crate::inspect) fn text(t: &str, text: &str) -> Node {
        of(t, Content::Literal(Literal::Text(text.to_owned())))
    }

    pub(in crate::inspect) fn string(of: &str) -> Node {
        text("Core.String", of)
    }

    pub(in crate::inspect) fn record<const N: usize>(t: &str, fields: [(&str, Node); N]) -> Node {
        let fields = fields.map(|(name, node)| (name.into(), node));
        of(t, Content::Fields(fields.into()))
    }

    pub(in crate::inspect) fn vector<const N: usize>(t: &str, items: [Node; N]) -> Node {
        of(t, Content::Items(Some(vec![N as u64]), items.into(), 0))
    }

    pub(in crate::inspect) fn tuple<const N: usize>(t: &str, items: [Node; N]) -> Node {
        of(t, Content::Items(None, items.into(), 0))
    }

    pub(in crate::inspect) fn dict<const N: usize>(pairs: [[Node; 2]; N], more: u64) -> Node {
        of("Base.Dict{Core.Any,Core.Any}", Content::Pairs(pairs.map(Some).into(), more))
    }
}

#[cfg(test)]
mod tests {
    use super::made::{dict, known, number, of, record, string, tuple};
    use super::*;

    #[test]
    fn the_canonical_form_has_no_ids() {
        let digest = of("Core.Array{Core.Int8,2}", Content::Digest(vec![2, 3], "ab".into()));
        let node = record("A", [("d", known(4, digest)), ("\"", Node::Undefined)]);
        let pair = [known(2, node), tuple("T", [number("Core.Int8", -1), Node::Again(4)])];
        assert_eq!(
            dict([pair], 3).canonical(),
            r#"{"t":"Base.Dict{Core.Any,Core.Any}","pairs":[[{"t":"A","fields":{"d":{"t":"Core.Array{Core.Int8,2}","dims":[2,3],"sha256":"ab"},"\"":null}},{"t":"T","items":[{"t":"Core.Int8","v":-1},{"ref":4}]}]],"more":3}"#
        );
    }

    #[test]
    fn parts_are_found_by_name() {
        let a = record("A", [("x", number("Core.Int64", 7)), ("y", Node::Undefined)]);
        let dict = dict([[number("Core.Int64", 1), string("one")], [string("a"), a]], 0);
        let a = dict.entry("a").and_then(Node::value).unwrap();
        assert_eq!(a.field("x").and_then(Value::as_i64), Some(7));
        assert!(a.field("y").is_none() && a.field("z").is_none() && dict.entry("1").is_none());
    }
}
