//! Lays what one target says over what another one does.

use toml::{Table, Value};

/// What `over` says, and where it says nothing what `base` says. Types, packages and codec objects
/// go by their names, filters by their numbers, rules by their ids; rules of `over` go first.
pub(super) fn merged(mut base: Table, over: Table) -> Table {
    for (key, value) in over {
        let old = base.remove(&key);
        let new = match (key.as_str(), old, value) {
            (
                "packages" | "types" | "modules" | "codec" | "objects",
                Some(Value::Table(old)),
                Value::Table(new),
            ) => Value::Table(merged(old, new)),
            ("filter" | "rule", Some(Value::Array(old)), Value::Array(new)) => joined(new, old),
            (_, _, value) => value,
        };
        base.insert(key, new);
    }
    base
}

/// `first`, then those of `then` that no entry of `first` stands for.
fn joined(mut first: Vec<Value>, then: Vec<Value>) -> Value {
    let left: Vec<_> = then
        .into_iter()
        .filter(|entry| !first.iter().any(|new| new.get("id") == entry.get("id")))
        .collect();
    first.extend(left);
    Value::Array(first)
}
