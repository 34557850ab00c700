//! Prints values as a tree for a person.

use super::plain_json::{float, plain, version};
use super::type_name::type_name;
use super::value_tree::{Content, Literal, Node, Value};
use crate::text::tame;
use std::collections::HashSet;
use std::fmt::Write as _;

/// Characters of a type's name, and of a line of elements.
const TYPE: usize = 60;
const LINE: usize = 100;
/// Characters of a text.
const TEXT: usize = 400;

/// The dataset at `path` with the first elements of its value; none if that is too long.
pub(super) fn value(path: &str, node: Option<&Node>) -> String {
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

fn collect(node: &Node, ids: &mut HashSet<u64>) {
    let value = match node {
        Node::Undefined => return,
        Node::Again(id) => {
            ids.insert(*id);
            return;
        }
        Node::Value(value) => value,
    };
    match &value.content {
        Content::Items(_, items, _) => items.iter().for_each(|item| collect(item, ids)),
        Content::Pairs(pairs, _) => {
            pairs.iter().flatten().flatten().for_each(|part| collect(part, ids));
        }
        Content::Fields(fields) => fields.iter().for_each(|(_, field)| collect(field, ids)),
        Content::Literal(_) | Content::Digest(..) | Content::Head(..) => {}
    }
}

impl Show {
    /// A value under its name, with what is below it.
    fn node(&mut self, depth: usize, name: &str, node: &Node) {
        let indent = "  ".repeat(depth);
        let _ = write!(self.out, "{indent}{}", tame(name));
        let value = match node {
            Node::Undefined => {
                self.out.push_str("  undefined\n");
                return;
            }
            Node::Again(id) => {
                let _ = writeln!(self.out, "  is #{id}");
                return;
            }
            Node::Value(value) => value,
        };
        if let Some(one) = inline(value) {
            let _ = writeln!(self.out, "  {one}");
            return;
        }
        let _ = write!(self.out, "  {}", tame(&type_name(&value.t, TYPE)));
        if let Some(dims) = value.dims() {
            let dims: Vec<_> = dims.iter().map(u64::to_string).collect();
            let _ = write!(self.out, "  {}", dims.join(" x "));
        }
        if let Some(id) = value.id.filter(|id| self.met_again.contains(id)) {
            let _ = write!(self.out, "  #{id}");
        }
        if let Some(line) = elements(value) {
            let _ = writeln!(self.out, "  {line}");
            return;
        }
        self.out.push('\n');
        self.parts(depth + 1, value);
        if value.more() > 0 {
            let _ = writeln!(self.out, "{indent}  and {} more", value.more());
        }
    }

    fn parts(&mut self, depth: usize, value: &Value) {
        for (i, item) in value.items().unwrap_or_default().iter().enumerate() {
            self.node(depth, &format!("[{}]", i + 1), item);
        }
        for [key, value] in value.pairs().unwrap_or_default().iter().flatten() {
            self.node(depth, &format!("{} =>", short_key(key)), value);
        }
        for (name, field) in value.fields().unwrap_or_default() {
            self.node(depth, name, field);
        }
    }
}

/// A value that fits on its line, with its type where that is not plain.
fn inline(value: &Value) -> Option<String> {
    let short = tame(&type_name(&value.t, TYPE));
    if let Some(literal) = value.literal() {
        let shown = scalar(&value.t, literal);
        return Some(match &*value.t {
            "Core.String" | "Core.Bool" | "Core.Int64" | "Core.Float64" | "Core.Symbol" => shown,
            _ => format!("{short}  {shown}"),
        });
    }
    let fields = value.fields()?;
    match &*value.t {
        "Core.Nothing" => return Some("nothing".to_owned()),
        "Base.Missing" => return Some("missing".to_owned()),
        "Base.VersionNumber" => return Some(format!("v\"{}\"", version(value))),
        "Dates.DateTime" => {
            let ms = value.field("instant")?.field("periods")?.field("value")?.as_i64()?;
            return Some(date_time(ms));
        }
        _ => {}
    }
    fields.is_empty().then(|| format!("{short}()"))
}

/// The elements of an array or a tuple on one line, if all are plain and it is not too long.
fn elements(value: &Value) -> Option<String> {
    let (open, close) = if value.t.starts_with("Core.Tuple") { ('(', ')') } else { ('[', ']') };
    let mut rest = if value.more() > 0 { ", …" } else { "" };
    let mut shown = Vec::new();
    let mut length = 0;
    match &value.content {
        Content::Head(_, head, _) => {
            for literal in head {
                let one = scalar(value.element(), literal);
                length += one.chars().count() + 2;
                // Of many numbers, as many as fit.
                if length > LINE && shown.len() > 1 {
                    rest = ", …";
                    break;
                }
                shown.push(one);
            }
        }
        Content::Items(_, items, _) => {
            for item in items {
                let one = match item {
                    Node::Undefined => "undefined".to_owned(),
                    Node::Again(_) => return None,
                    Node::Value(item) => match item.literal() {
                        Some(literal) => scalar(&item.t, literal),
                        None => inline(item)?,
                    },
                };
                length += one.chars().count() + 2;
                shown.push(one);
            }
            if length > LINE {
                return None;
            }
        }
        _ => return None,
    }
    Some(format!("{open}{}{rest}{close}", shown.join(", ")))
}

fn short_key(key: &Node) -> String {
    match key.value().and_then(|key| Some((&key.t, key.literal()?))) {
        Some((t, literal)) => scalar(t, literal),
        None => plain(key).to_string(),
    }
}

/// A number, a text or a type.
fn scalar(t: &str, literal: &Literal) -> String {
    if let Some(value) = float(t, literal) {
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
    match literal {
        Literal::Text(text) => {
            let cut = text.char_indices().nth(TEXT);
            let text = cut.map_or(text.as_str(), |(at, _)| text.get(..at).unwrap_or_default());
            let (text, rest) = (tame(text), if cut.is_some() { "…" } else { "" });
            match t {
                "Core.String" => format!("\"{text}{rest}\""),
                "Core.Symbol" => format!(":{text}{rest}"),
                _ => format!("{text}{rest}"),
            }
        }
        Literal::Number(number) => number.clone(),
        Literal::Bits(signed, unsigned) => format!("{signed} ({unsigned} if it has no sign)"),
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
    use crate::inspect::value_tree::made::*;

    #[test]
    fn dates_as_julia_counts_them() {
        // Julia: Dates.value(DateTime(2023, 4, 9, 12, 30, 1)), DateTime(0), DateTime(2000, 2, 29).
        assert_eq!(date_time(62_135_683_200_000), "1970-01-01T00:00:00");
        assert_eq!(date_time(62_135_683_200_000 + 1_681_043_401_000), "2023-04-09T12:30:01");
        assert_eq!(date_time(62_135_683_200_000 + 951_782_400_000), "2000-02-29T00:00:00");
    }

    #[test]
    fn a_tree_of_values() {
        let head = vec![Literal::Number("1".into()), Literal::Number("2".into())];
        let list = of("Core.Array{Core.Int32,1}", Content::Head(vec![3000], head, 2998));
        let one = text("Core.Float64", "0x3ff0000000000000");
        let mixed = [text("Core.Symbol", "x"), record("A", [("b", Node::Undefined)])];
        let fields = [
            ("output", number("Core.Int64", 100)),
            ("time", text("Core.Float64", "0x3ff8000000000000")),
            ("half", text("Core.Float32", "0x3dcccccd")),
            ("name", string("a\u{1b}[31m")),
            ("list", known(2, list)),
            ("mixed", known(3, vector("Core.Array{Core.Any,1}", mixed))),
            ("dict", dict([[string("k"), Node::Again(2)]], 4)),
            ("pair", tuple("Core.Tuple{Core.Float64,Core.String}", [one, string("GB")])),
            ("nil", record("Core.Nothing", [])),
        ];
        let node = known(1, record("Mera.InfoType", fields));
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
