//! Finds where two values in canonical form differ.
//!
//! What a file need not hold may be missing on one side: fields whose type has no data. The order
//! of a dictionary's pairs says nothing. Objects that are met again must be the same on both sides.

use crate::inspect::comparison::What;
use crate::inspect::plain_json::float;
use serde_json::Value;
use std::collections::HashMap;

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
pub(in crate::inspect) fn find(a: &Value, b: &Value, most: usize) -> (Vec<Found>, u64) {
    let mut finder =
        Finder { ids: HashMap::new(), back: HashMap::new(), found: Vec::new(), most, more: 0 };
    finder.node(a, b, &mut String::new());
    (finder.found, finder.more)
}

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

    fn node(&mut self, a: &Value, b: &Value, at: &mut String) {
        if a.is_null() || b.is_null() {
            if a != b {
                self.add(at, What::Value, Some(short(a)), Some(short(b)));
            }
            return;
        }
        let id = |node: &Value, key| node.get(key).and_then(Value::as_u64);
        match (id(a, "ref"), id(b, "ref")) {
            (None, None) => {}
            (Some(a), Some(b)) if self.ids.get(&a) == Some(&b) && self.back.get(&b) == Some(&a) => {
                return;
            }
            _ => return self.add(at, What::Sharing, Some(short(a)), Some(short(b))),
        }
        // They stand for each other even where they differ: that is told once.
        if let (Some(a), Some(b)) = (id(a, "id"), id(b, "id")) {
            self.ids.insert(a, b);
            self.back.insert(b, a);
        }
        if a.get("t") != b.get("t") {
            let t = |node: &Value| node.get("t").and_then(Value::as_str).map(str::to_owned);
            return self.add(at, What::Type, t(a), t(b));
        }
        let differs = |key| a.get(key) != b.get(key);
        if differs("dims") {
            let dims = |node: &Value| node.get("dims").map(Value::to_string);
            return self.add(at, What::Shape, dims(a), dims(b));
        }
        if differs("v") {
            return self.add(at, What::Value, Some(short(a)), Some(short(b)));
        }
        if differs("sha256") {
            self.add(at, What::Value, None, None);
        }
        self.list(a, b, "items", at);
        self.pairs(a, b, at);
        self.fields(a, b, at);
    }

    /// Both lists under `key`, if they are of one length.
    fn lists<'v>(
        &mut self,
        a: &'v Value,
        b: &'v Value,
        key: &str,
        at: &str,
    ) -> Option<(&'v [Value], &'v [Value])> {
        let list = |node: &'v Value| node.get(key).and_then(Value::as_array).map(Vec::as_slice);
        match (list(a), list(b)) {
            (None, None) => None,
            (Some(a), Some(b)) if a.len() == b.len() => Some((a, b)),
            (a, b) => {
                let shown = |list: Option<&[Value]>| list.map(|l| format!("{} elements", l.len()));
                self.add(at, What::Shape, shown(a), shown(b));
                None
            }
        }
    }

    fn list(&mut self, a: &Value, b: &Value, key: &str, at: &mut String) {
        let Some((a, b)) = self.lists(a, b, key, at) else { return };
        for (i, (a, b)) in a.iter().zip(b).enumerate() {
            // Julia counts from one.
            self.inside(&format!("[{}]", i + 1), a, b, at);
        }
    }

    fn pairs(&mut self, a: &Value, b: &Value, at: &mut String) {
        let Some((a, b)) = self.lists(a, b, "pairs", at) else { return };
        let sorted = |pairs: &[Value]| -> Vec<(String, Value)> {
            let mut pairs: Vec<_> = pairs.iter().map(|pair| (key(pair), pair.clone())).collect();
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            pairs
        };
        for ((key, a), (_, b)) in sorted(a).iter().zip(&sorted(b)) {
            let (Value::Array(a), Value::Array(b)) = (a, b) else { continue };
            let step = format!("[{}]", shortened(key));
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                let step = if i == 0 { format!("{step}.key") } else { step.clone() };
                self.inside(&step, a, b, at);
            }
        }
    }

    fn fields(&mut self, a: &Value, b: &Value, at: &mut String) {
        let fields = |node: &Value| node.get("fields").and_then(Value::as_object).cloned();
        let (Some(a), Some(b)) = (fields(a), fields(b)) else { return };
        for (name, value) in &a {
            let step = format!(".{name}");
            match b.get(name) {
                Some(other) => self.inside(&step, value, other, at),
                None if is_ghost(value) => {}
                None => self.add(&format!("{at}{step}"), What::Missing, Some(short(value)), None),
            }
        }
        for (name, value) in b.iter().filter(|(name, _)| !a.contains_key(*name)) {
            if !is_ghost(value) {
                self.add(&format!("{at}.{name}"), What::Missing, None, Some(short(value)));
            }
        }
    }

    fn inside(&mut self, step: &str, a: &Value, b: &Value, at: &mut String) {
        let before = at.len();
        at.push_str(step);
        self.node(a, b, at);
        at.truncate(before);
    }
}

/// A pair's key as text: what it is sorted by.
fn key(pair: &Value) -> String {
    let key = pair.get(0).unwrap_or(&Value::Null);
    match key.get("v") {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => {
            let mut key = key.clone();
            strip(&mut key);
            key.to_string()
        }
    }
}

/// Takes the ids out.
fn strip(node: &mut Value) {
    match node {
        Value::Object(map) => {
            map.remove("id");
            map.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

/// Whether a field holds nothing that a file must store: a pointer, or the only value of its type.
fn is_ghost(node: &Value) -> bool {
    let has = |key| node.get(key).is_some();
    node.get("t").and_then(Value::as_str).is_some_and(|t| t.starts_with("Core.Ptr"))
        || !(["v", "dims", "items", "pairs", "ref"].into_iter().any(has)
            || node.get("fields").and_then(Value::as_object).is_some_and(|f| !f.is_empty()))
            && node.is_object()
}

fn short(value: &Value) -> String {
    let text = match value {
        Value::Object(node) => match (node.get("v"), node.get("ref"), node.get("t")) {
            (Some(v), _, Some(Value::String(t))) => match float(t, v) {
                Some(float) => format!("{float:?}"),
                None => v.to_string(),
            },
            (_, Some(id), _) => format!("the same object as {id}"),
            (_, _, Some(Value::String(t))) => format!("a {t}"),
            _ => value.to_string(),
        },
        other => other.to_string(),
    };
    shortened(&text)
}

/// A text of at most so many characters.
pub(in crate::inspect) fn shortened(text: &str) -> String {
    const MOST: usize = 80;
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(a: &Value, b: &Value) -> Vec<(String, What)> {
        find(a, b, 10).0.into_iter().map(|f| (f.at, f.what)).collect()
    }

    fn text(v: &str) -> Value {
        json!({"t": "Core.String", "v": v})
    }

    #[test]
    fn differences_are_named_by_where_they_are() {
        let a = json!({"t": "A", "fields": {"x": text("1"), "y": {"t": "Core.Array{Core.Any,1}",
            "id": 1, "dims": [2], "items": [text("p"), text("q")]}}});
        assert_eq!(at(&a, &a), []);
        let mut b = a.clone();
        b["fields"]["y"]["items"][1]["v"] = json!("r");
        assert_eq!(at(&a, &b), [(".y[2]".to_owned(), What::Value)]);
        b["fields"]["y"]["dims"] = json!([3]);
        assert_eq!(at(&a, &b), [(".y".to_owned(), What::Shape)]);
        b["fields"]["x"]["t"] = json!("Core.Symbol");
        assert_eq!(at(&a, &b)[0], (".x".to_owned(), What::Type));
    }

    #[test]
    fn fields_without_data_may_be_missing() {
        let a = json!({"t": "A", "fields": {"p": {"t": "Core.Ptr{Core.UInt8}"},
            "n": {"t": "Core.Nothing", "fields": {}}, "u": null}});
        let mut b = json!({"t": "A", "fields": {"u": null}});
        assert_eq!(at(&a, &b), []);
        assert_eq!(at(&b, &a), []);
        b["fields"]["more"] = text("x");
        assert_eq!(at(&a, &b), [(".more".to_owned(), What::Missing)]);
    }

    #[test]
    fn pairs_have_no_order_but_keys_and_sharing_count() {
        let dict = |pairs: Value| json!({"t": "Base.Dict{Core.Any,Core.Any}", "pairs": pairs});
        let a = dict(json!([[text("k"), text("1")], [text("l"), {"t": "V", "id": 2, "dims": []}],
            [text("m"), {"ref": 2}]]));
        let b = dict(json!([[text("l"), {"t": "V", "id": 7, "dims": []}], [text("k"), text("1")],
            [text("m"), {"ref": 7}]]));
        assert_eq!(at(&a, &b), []);
        let c = dict(json!([[text("l"), {"t": "V", "id": 7, "dims": []}], [text("k"), text("1")],
            [text("m"), {"t": "V", "id": 8, "dims": []}]]));
        assert_eq!(at(&a, &c), [("[m]".to_owned(), What::Sharing)]);
        let d = dict(json!([[text("k"), text("1")]]));
        assert_eq!(at(&a, &d), [(String::new(), What::Shape)]);
    }

    #[test]
    fn further_differences_are_counted() {
        let node = |v: &str| {
            let items: Vec<_> = (0..9).map(|i| text(&format!("{v}{i}"))).collect();
            json!({"t": "Core.Tuple", "items": items})
        };
        let (found, more) = find(&node("a"), &node("b"), 4);
        assert_eq!((found.len(), more), (4, 5));
    }
}
