//! Finds where two values differ.
//!
//! What a file need not hold may be missing on one side: fields whose type has no data. The order
//! of a dictionary's pairs says nothing. Objects that are met again must be the same on both sides.

use super::comparison::What;
use super::plain_json::float;
use super::value_tree::{Literal, Node, Value, shape};
use crate::text;
use std::collections::HashMap;
use std::rc::Rc;

/// Characters of a text that is shown of a side.
const SHOWN: usize = 80;

/// One difference inside a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::inspect) struct Found {
    /// Where: `.scale.Mpc`, `[3]`; empty for the value itself.
    pub(in crate::inspect) at: String,
    pub(in crate::inspect) what: What,
    /// What there is on each side, shortened.
    pub(in crate::inspect) sides: [Option<String>; 2],
}

/// The first differences of two values, at most `most`, and the number of further ones.
pub(in crate::inspect) fn find(a: &Node, b: &Node, most: usize) -> (Vec<Found>, u64) {
    let mut finder =
        Finder { ids: HashMap::new(), back: HashMap::new(), found: Vec::new(), most, more: 0 };
    finder.node(a, b, &mut String::new());
    (finder.found, finder.more)
}

type Pair = Option<[Node; 2]>;
type Field = (Rc<str>, Node);

struct Finder {
    /// Which object of B an object of A is.
    ids: HashMap<u64, u64>,
    back: HashMap<u64, u64>,
    found: Vec<Found>,
    most: usize,
    more: u64,
}

impl Finder {
    fn add(&mut self, at: &str, what: What, a: Option<String>, b: Option<String>) {
        if self.found.len() < self.most {
            self.found.push(Found { at: at.to_owned(), what, sides: [a, b] });
        } else {
            self.more += 1;
        }
    }

    fn node(&mut self, a: &Node, b: &Node, at: &mut String) {
        match (a, b) {
            (Node::Undefined, Node::Undefined) => {}
            (Node::Undefined, _) | (_, Node::Undefined) => {
                self.add(at, What::Value, Some(short(a)), Some(short(b)));
            }
            (Node::Value(a), Node::Value(b)) => self.values(a, b, at),
            (Node::Again(x), Node::Again(y))
                if self.ids.get(x) == Some(y) && self.back.get(y) == Some(x) => {}
            (Node::Again(_), _) | (_, Node::Again(_)) => {
                self.add(at, What::Sharing, Some(short(a)), Some(short(b)));
            }
        }
    }

    fn values(&mut self, a: &Value, b: &Value, at: &mut String) {
        // They stand for each other even where they differ: that is told once.
        if let (Some(a), Some(b)) = (a.id, b.id) {
            self.ids.insert(a, b);
            self.back.insert(b, a);
        }
        if a.t != b.t {
            return self.add(at, What::Type, Some(a.t.to_string()), Some(b.t.to_string()));
        }
        if a.dims() != b.dims() {
            return self.add(at, What::Shape, a.dims().map(shape), b.dims().map(shape));
        }
        if a.literal() != b.literal() {
            return self.add(at, What::Value, Some(brief(a)), Some(brief(b)));
        }
        if a.digest() != b.digest() {
            self.add(at, What::Value, None, None);
        }
        if let Some((a, b)) = self.lists(a.items(), b.items(), at) {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                // Julia counts from one.
                self.inside(&format!("[{}]", i + 1), a, b, at);
            }
        }
        if let Some((a, b)) = self.lists(a.pairs(), b.pairs(), at) {
            self.pairs(a, b, at);
        }
        if let (Some(a), Some(b)) = (a.fields(), b.fields()) {
            self.fields(a, b, at);
        }
    }

    /// Both lists, if they are of one length.
    fn lists<'v, T>(
        &mut self,
        a: Option<&'v [T]>,
        b: Option<&'v [T]>,
        at: &str,
    ) -> Option<(&'v [T], &'v [T])> {
        match (a, b) {
            (None, None) => None,
            (Some(a), Some(b)) if a.len() == b.len() => Some((a, b)),
            (a, b) => {
                let shown = |list: Option<&[T]>| list.map(|l| format!("{} elements", l.len()));
                self.add(at, What::Shape, shown(a), shown(b));
                None
            }
        }
    }

    fn pairs(&mut self, a: &[Pair], b: &[Pair], at: &mut String) {
        let sorted = |pairs| {
            let mut pairs: Vec<(String, &Pair)> =
                <[Pair]>::iter(pairs).map(|p| (key(p), p)).collect();
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            pairs
        };
        for ((key, a), (_, b)) in sorted(a).iter().zip(&sorted(b)) {
            let (Some([key_a, a]), Some([key_b, b])) = (a, b) else { continue };
            let step = format!("[{}]", shortened(key));
            self.inside(&format!("{step}.key"), key_a, key_b, at);
            self.inside(&step, a, b, at);
        }
    }

    fn fields(&mut self, a: &[Field], b: &[Field], at: &mut String) {
        let names = |fields: &[Field]| -> HashMap<Rc<str>, usize> {
            fields.iter().enumerate().map(|(i, (name, _))| (Rc::clone(name), i)).collect()
        };
        let (in_a, in_b) = (names(a), names(b));
        for (name, value) in a {
            let step = format!(".{name}");
            match in_b.get(name).and_then(|i| b.get(*i)) {
                Some((_, other)) => self.inside(&step, value, other, at),
                None if is_ghost(value) => {}
                None => self.add(&format!("{at}{step}"), What::Missing, Some(short(value)), None),
            }
        }
        for (name, value) in b.iter().filter(|(name, _)| !in_a.contains_key(name)) {
            if !is_ghost(value) {
                self.add(&format!("{at}.{name}"), What::Missing, None, Some(short(value)));
            }
        }
    }

    fn inside(&mut self, step: &str, a: &Node, b: &Node, at: &mut String) {
        let before = at.len();
        at.push_str(step);
        self.node(a, b, at);
        at.truncate(before);
    }
}

/// A pair's key as text: what it is sorted by.
fn key(pair: &Pair) -> String {
    let Some([key, _]) = pair else { return Node::Undefined.canonical() };
    match key.value().and_then(Value::literal) {
        Some(Literal::Text(text) | Literal::Number(text) | Literal::Bits(text, _)) => text.clone(),
        None => key.canonical(),
    }
}

/// Whether a field holds nothing that a file must store: a pointer, or the only value of its type.
fn is_ghost(node: &Node) -> bool {
    let empty = |value: &Value| value.fields().is_some_and(<[Field]>::is_empty);
    node.value().is_some_and(|value| value.t.starts_with("Core.Ptr") || empty(value))
}

fn short(node: &Node) -> String {
    match node {
        Node::Undefined => node.canonical(),
        Node::Again(id) => format!("the same object as {id}"),
        Node::Value(value) => brief(value),
    }
}

fn brief(value: &Value) -> String {
    shortened(&match value.literal() {
        Some(literal) => match float(&value.t, literal) {
            Some(float) => format!("{float:?}"),
            None => literal.json(),
        },
        None => format!("a {}", value.t),
    })
}

/// A text as it is shown of a side.
pub(in crate::inspect) fn shortened(text: &str) -> String {
    text::shortened(text, SHOWN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::value_tree::made::{dict, known, number, record, string, tuple, vector};

    fn at(a: &Node, b: &Node) -> Vec<(String, What)> {
        find(a, b, 10).0.into_iter().map(|f| (f.at, f.what)).collect()
    }

    const VECTOR: &str = "Core.Array{Core.Any,1}";

    #[test]
    fn differences_are_named_by_where_they_are() {
        let of = |x, y| record("A", [("x", x), ("y", known(1, y))]);
        let y = |last| vector(VECTOR, [string("p"), string(last)]);
        let a = of(string("1"), y("q"));
        assert_eq!(at(&a, &a), []);
        assert_eq!(at(&a, &of(string("1"), y("r"))), [(".y[2]".to_owned(), What::Value)]);
        let longer = vector(VECTOR, [string("p"), string("q"), string("r")]);
        assert_eq!(at(&a, &of(string("1"), longer)), [(".y".to_owned(), What::Shape)]);
        let symbol = crate::inspect::value_tree::made::text("Core.Symbol", "1");
        assert_eq!(at(&a, &of(symbol, y("q"))), [(".x".to_owned(), What::Type)]);
    }

    #[test]
    fn wide_numbers_differ_in_their_last_digit() {
        let [a, b] = [i128::MAX, i128::MAX - 1].map(|n| number("Core.Int128", n));
        let (found, _) = find(&a, &b, 10);
        let sides = [i128::MAX, i128::MAX - 1].map(|n| Some(n.to_string()));
        assert_eq!(found, [Found { at: String::new(), what: What::Value, sides }]);
    }

    #[test]
    fn fields_without_data_may_be_missing() {
        let pointer = record("Core.Ptr{Core.UInt8}", []);
        let nothing = record("Core.Nothing", []);
        let a = record("A", [("p", pointer), ("n", nothing), ("u", Node::Undefined)]);
        let b = record("A", [("u", Node::Undefined)]);
        assert_eq!(at(&a, &b), []);
        assert_eq!(at(&b, &a), []);
        let b = record("A", [("u", Node::Undefined), ("more", string("x"))]);
        assert_eq!(at(&a, &b), [(".more".to_owned(), What::Missing)]);
        let b = record("A", [("u", Node::Undefined), ("more", Node::Undefined)]);
        assert_eq!(at(&b, &a), [(".more".to_owned(), What::Missing)]);
    }

    #[test]
    fn pairs_have_no_order_but_keys_and_sharing_count() {
        let v = |id| known(id, vector("V", []));
        let k = || [string("k"), string("1")];
        let a = dict([k(), [string("l"), v(2)], [string("m"), Node::Again(2)]], 0);
        let b = dict([[string("l"), v(7)], k(), [string("m"), Node::Again(7)]], 0);
        assert_eq!(at(&a, &b), []);
        let c = dict([[string("l"), v(7)], k(), [string("m"), v(8)]], 0);
        assert_eq!(at(&a, &c), [("[m]".to_owned(), What::Sharing)]);
        assert_eq!(at(&a, &dict([k()], 0)), [(String::new(), What::Shape)]);
        let by = |n: i64| dict([[tuple("T", [number("Core.Int64", n)]), string("x")]], 0);
        let step = r#"[{"t":"T","items":[{"t":"Core.Int64","v":1}]}].key[1]"#;
        assert_eq!(at(&by(1), &by(2)), [(step.to_owned(), What::Value)]);
    }

    #[test]
    fn further_differences_are_counted() {
        let node = |v: &str| {
            let item = |i: usize| string(&format!("{v}{i}"));
            tuple("Core.Tuple", std::array::from_fn::<_, 9, _>(item))
        };
        let (found, more) = find(&node("a"), &node("b"), 4);
        assert_eq!((found.len(), more), (4, 5));
    }
}
