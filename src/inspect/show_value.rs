//! Prints values as a tree for a person.

use super::type_name::type_name;
use crate::inspect::plain_json::{float, plain};
use crate::report::text::tame;
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::fmt::Write as _;

/// Characters of a type's name, and of a line of elements.
const TYPE: usize = 60;
const LINE: usize = 100;
/// Characters of a text.
const TEXT: usize = 400;

/// The dataset at `path` with its value, in abridged canonical form; none if that is too long.
pub(super) fn value(path: &str, node: Option<&Value>) -> String {
    let mut show = Show { out: String::new(), met_again: HashSet::new() };
    match node {
        Some(node) => {
            collect(node, &mut show.met_again);
            show.node(0, path, node);
        }
        None => {
            let _ =
                writeln!(show.out, "{}  too much to show; see a part of it, or --json", tame(path));
        }
    }
    show.out
}

struct Show {
    out: String,
    /// Ids of objects that are met more than once.
    met_again: HashSet<u64>,
}

fn collect(node: &Value, ids: &mut HashSet<u64>) {
    match node {
        Value::Object(map) => {
            ids.extend(map.get("ref").and_then(Value::as_u64));
            map.values().for_each(|child| collect(child, ids));
        }
        Value::Array(items) => items.iter().for_each(|child| collect(child, ids)),
        _ => {}
    }
}

impl Show {
    /// A value under its name, with what is below it.
    fn node(&mut self, depth: usize, name: &str, node: &Value) {
        let indent = "  ".repeat(depth);
        let _ = write!(self.out, "{indent}{}", tame(name));
        let Value::Object(map) = node else {
            self.out.push_str("  undefined\n");
            return;
        };
        if let Some(id) = map.get("ref") {
            let _ = writeln!(self.out, "  is #{id}");
            return;
        }
        let t = map.get("t").and_then(Value::as_str).unwrap_or_default();
        if let Some(one) = inline(t, map) {
            let _ = writeln!(self.out, "  {one}");
            return;
        }
        let _ = write!(self.out, "  {}", tame(&type_name(t, TYPE)));
        if let Some(dims) = map.get("dims").and_then(Value::as_array) {
            let dims: Vec<_> = dims.iter().map(Value::to_string).collect();
            let _ = write!(self.out, "  {}", dims.join(" x "));
        }
        if let Some(id) =
            map.get("id").and_then(Value::as_u64).filter(|id| self.met_again.contains(id))
        {
            let _ = write!(self.out, "  #{id}");
        }
        let more = map.get("more").and_then(Value::as_u64).unwrap_or(0);
        if let Some(line) = elements(t, map, more) {
            let _ = writeln!(self.out, "  {line}");
            return;
        }
        self.out.push('\n');
        let list =
            |key| map.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for (i, item) in list("items").iter().enumerate() {
            self.node(depth + 1, &format!("[{}]", i + 1), item);
        }
        for pair in list("pairs") {
            if let [key, value] = pair.as_array().map(Vec::as_slice).unwrap_or_default() {
                let name = short_key(key);
                self.node(depth + 1, &format!("{name} =>"), value);
            }
        }
        for (name, field) in map.get("fields").and_then(Value::as_object).into_iter().flatten() {
            self.node(depth + 1, name, field);
        }
        if more > 0 {
            let _ = writeln!(self.out, "{indent}  and {more} more");
        }
    }
}

/// A value that fits on its line, with its type where that is not plain.
fn inline(t: &str, map: &Map<String, Value>) -> Option<String> {
    let short = tame(&type_name(t, TYPE));
    if let Some(v) = map.get("v") {
        let shown = scalar(t, v);
        return Some(match t {
            "Core.String" | "Core.Bool" | "Core.Int64" | "Core.Float64" | "Core.Symbol" => shown,
            _ => format!("{short}  {shown}"),
        });
    }
    let fields = map.get("fields")?.as_object()?;
    match t {
        "Core.Nothing" => return Some("nothing".to_owned()),
        "Base.Missing" => return Some("missing".to_owned()),
        "Base.VersionNumber" => {
            let node = Value::Object(map.clone());
            return plain(&node).as_str().map(|version| format!("v\"{version}\""));
        }
        "Dates.DateTime" => {
            let ms =
                map.get("fields")?.pointer("/instant/fields/periods/fields/value/v")?.as_i64()?;
            return Some(date_time(ms));
        }
        _ => {}
    }
    fields.is_empty().then(|| format!("{short}()"))
}

/// The elements of an array or a tuple on one line, if all are plain and it is not too long.
fn elements(t: &str, map: &Map<String, Value>, more: u64) -> Option<String> {
    let (list, element) = match (map.get("head"), map.get("items")) {
        (Some(Value::Array(head)), _) => {
            let element = t.strip_prefix("Core.Array{").unwrap_or_default();
            (head, Some(element.split(',').next().unwrap_or_default()))
        }
        (None, Some(Value::Array(items))) => (items, None),
        _ => return None,
    };
    let mut shown = Vec::with_capacity(list.len());
    let mut rest = if more > 0 { ", …" } else { "" };
    let mut length = 0;
    for item in list {
        let one = match (element, item) {
            (Some(element), value) => scalar(element, value),
            (None, Value::Null) => "undefined".to_owned(),
            (None, Value::Object(map)) => {
                let t = map.get("t")?.as_str()?;
                match map.get("v") {
                    Some(v) => scalar(t, v),
                    None => inline(t, map)?,
                }
            }
            _ => return None,
        };
        length += one.chars().count() + 2;
        // Of many numbers, as many as fit.
        if length > LINE && element.is_some() && shown.len() > 1 {
            rest = ", …";
            break;
        }
        shown.push(one);
    }
    let (open, close) = if t.starts_with("Core.Tuple") { ('(', ')') } else { ('[', ']') };
    (length <= LINE || element.is_some())
        .then(|| format!("{open}{}{rest}{close}", shown.join(", ")))
}

fn short_key(key: &Value) -> String {
    let t = key.get("t").and_then(Value::as_str).unwrap_or_default();
    match key.get("v") {
        Some(v) => scalar(t, v),
        None => plain(key).to_string(),
    }
}

/// A number, a text or a type.
fn scalar(t: &str, v: &Value) -> String {
    if let Some(value) = float(t, v) {
        // Shortest digits that read back; with as many bits as the type has.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the value came from 32 bits or fewer"
        )]
        return if t == "Core.Float64" {
            format!("{value:?}")
        } else {
            format!("{:?}", value as f32)
        };
    }
    match v {
        Value::String(text) => {
            let cut = text.char_indices().nth(TEXT);
            let text = cut.map_or(text.as_str(), |(at, _)| text.get(..at).unwrap_or_default());
            let (text, rest) = (tame(text), if cut.is_some() { "…" } else { "" });
            match t {
                "Core.String" => format!("\"{text}{rest}\""),
                "Core.Symbol" => format!(":{text}{rest}"),
                _ => format!("{text}{rest}"),
            }
        }
        other => other.to_string(),
    }
}

/// Milliseconds since the beginning of year 1, less one day, as `Dates` counts them.
fn date_time(ms: i64) -> String {
    let (days, ms) = (ms.div_euclid(86_400_000) - 1, ms.rem_euclid(86_400_000));
    // Days of 400 years, then as the Gregorian calendar goes with years from March on.
    let shifted = days + 306;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let in_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * in_year + 2) / 153;
    let date = in_year - (153 * month + 2) / 5 + 1;
    let (month, turn) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + era * 400 + turn;
    let second = ms / 1000;
    format!(
        "{year:04}-{month:02}-{date:02}T{:02}:{:02}:{:02}",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn dates_as_julia_counts_them() {
        // Julia: Dates.value(DateTime(2023, 4, 9, 12, 30, 1)), DateTime(0), DateTime(2000, 2, 29).
        assert_eq!(date_time(62_135_683_200_000), "1970-01-01T00:00:00");
        assert_eq!(date_time(62_135_683_200_000 + 1_681_043_401_000), "2023-04-09T12:30:01");
        assert_eq!(date_time(62_135_683_200_000 + 951_782_400_000), "2000-02-29T00:00:00");
    }

    #[test]
    fn a_tree_of_values() {
        let node = json!({"t": "Mera.InfoType", "id": 1, "fields": {
            "output": {"t": "Core.Int64", "v": 100},
            "time": {"t": "Core.Float64", "v": "0x3ff8000000000000"},
            "half": {"t": "Core.Float32", "v": "0x3dcccccd"},
            "name": {"t": "Core.String", "v": "a\u{1b}[31m"},
            "list": {"t": "Core.Array{Core.Int32,1}", "id": 2, "dims": [3000], "head": [1, 2],
                "more": 2998},
            "mixed": {"t": "Core.Array{Core.Any,1}", "id": 3, "dims": [2], "items": [
                {"t": "Core.Symbol", "v": "x"}, {"t": "A", "fields": {"b": null}}]},
            "dict": {"t": "Base.Dict{Core.Any,Core.Any}", "pairs": [
                [{"t": "Core.String", "v": "k"}, {"ref": 2}]], "more": 4},
            "pair": {"t": "Core.Tuple{Core.Float64,Core.String}", "items": [
                {"t": "Core.Float64", "v": "0x3ff0000000000000"}, {"t": "Core.String", "v": "GB"}]},
            "nil": {"t": "Core.Nothing", "fields": {}}}});
        insta::assert_snapshot!(value("/hydro/info", Some(&node)), @r#"
        /hydro/info  Mera.InfoType
          output  100
          time  1.5
          half  Float32  0.1
          name  "a\u{1b}[31m"
          list  Vector{Int32}  3000  #2  [1, 2, …]
          mixed  Vector{Any}  2
            [1]  :x
            [2]  A
              b  undefined
          dict  Dict{Any, Any}
            "k" =>  is #2
            and 4 more
          pair  Tuple{Float64, String}  (1.0, "GB")
          nil  nothing
        "#);
        insta::assert_snapshot!(value("/x", None), @"/x  too much to show; see a part of it, or --json");
    }
}
