//! Holds a dump against a truth: what Julia read from the same file.
//!
//! A dump may leave out what the file does not hold: fields of type Ptr, and fields whose value is
//! the only one of its type. Of ids only the sharing counts. A path whose truth is an error, since
//! Julia could not read it, is skipped.

use serde_json::Value;
use std::collections::HashMap;

/// Every difference, as text.
pub(crate) fn differences(truth: &Value, dump: &Value) -> Vec<String> {
    let mut out = Vec::new();
    let (truth, dump) = (truth.as_object().unwrap(), dump.as_object().unwrap());
    for (path, node) in truth {
        if node.get("error").is_some() {
            continue;
        }
        match dump.get(path) {
            Some(other) => Held { ids: HashMap::new(), out: &mut out }.node(node, other, path),
            None => out.push(format!("{path}: not in the dump")),
        }
    }
    out.extend(
        dump.keys().filter(|p| !truth.contains_key(*p)).map(|p| format!("{p}: not in the truth")),
    );
    out
}

struct Held<'o> {
    /// Ids of the dump by those of the truth.
    ids: HashMap<u64, u64>,
    out: &'o mut Vec<String>,
}

impl Held<'_> {
    fn node(&mut self, a: &Value, b: &Value, at: &str) {
        if a.is_null() || b.is_null() {
            return self.same(a, b, at, "");
        }
        let number = |node: &Value, key| node.get(key).and_then(Value::as_u64);
        match (number(a, "ref"), number(b, "ref")) {
            (None, None) => {}
            (Some(a), Some(b)) if self.ids.get(&a) == Some(&b) => return,
            _ => return self.out.push(format!("{at}: shared otherwise: {a} and {b}")),
        }
        if a.get("t") != b.get("t") {
            return self.same(&a["t"], &b["t"], at, ".t");
        }
        if let (Some(a), Some(b)) = (number(a, "id"), number(b, "id")) {
            self.ids.insert(a, b);
        }
        for key in ["v", "dims", "sha256"] {
            self.same(&a[key], &b[key], at, key);
        }
        self.list(&a["items"], &b["items"], at);
        self.pairs(&a["pairs"], &b["pairs"], at);
        let (Some(a), b) = (a["fields"].as_object(), &b["fields"]) else { return };
        for (name, value) in a {
            match b.get(name) {
                Some(other) => self.node(value, other, &format!("{at}.{name}")),
                None if is_singleton(value) => {}
                None => self.out.push(format!("{at}.{name}: not in the dump")),
            }
        }
        let extra = b.as_object().into_iter().flatten().filter(|(name, _)| !a.contains_key(*name));
        self.out.extend(extra.map(|(name, _)| format!("{at}.{name}: not in the truth")));
    }

    fn same(&mut self, a: &Value, b: &Value, at: &str, what: &str) {
        if a != b {
            self.out.push(format!("{at} {what}: {a:.120} in the truth, {b:.120} in the dump"));
        }
    }

    fn list(&mut self, a: &Value, b: &Value, at: &str) {
        match (a.as_array(), b.as_array()) {
            (Some(a), Some(b)) if a.len() == b.len() => {
                for (i, (a, b)) in a.iter().zip(b).enumerate() {
                    self.node(a, b, &format!("{at}[{i}]"));
                }
            }
            (a, b) if a.is_some() || b.is_some() => {
                self.out.push(format!("{at}: lists of different lengths"));
            }
            _ => {}
        }
    }

    /// Pairs have no order: both sides are sorted by their keys.
    fn pairs(&mut self, a: &Value, b: &Value, at: &str) {
        let sorted = |pairs: &Value| {
            let mut pairs = pairs.as_array().cloned()?;
            pairs.sort_by_cached_key(|pair| without_ids(&pair[0]).to_string());
            Some(Value::Array(
                pairs.into_iter().map(|pair| serde_json::json!({"items": pair})).collect(),
            ))
        };
        self.list(&sorted(a).into(), &sorted(b).into(), at);
    }
}

fn without_ids(node: &Value) -> Value {
    match node {
        Value::Object(map) => {
            let mut kept: Vec<_> = map.iter().filter(|(key, _)| *key != "id").collect();
            kept.sort_by_key(|(key, _)| *key);
            kept.into_iter().map(|(key, value)| (key.clone(), without_ids(value))).collect()
        }
        Value::Array(items) => items.iter().map(without_ids).collect(),
        other => other.clone(),
    }
}

fn is_singleton(node: &Value) -> bool {
    let t = node["t"].as_str().unwrap_or_default();
    let holds = ["v", "dims", "items", "pairs", "ref"].iter().any(|key| node.get(key).is_some());
    let fields = node["fields"].as_object().is_some_and(|fields| !fields.is_empty());
    node.is_object() && (t.starts_with("Core.Ptr") || !(holds || fields))
}
