//! What comparing two files gives.

use crate::report::text::{count, tame};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Differences that are named; further ones are counted.
const MOST: usize = 1000;
/// Differences that are shown to a person.
const SHOWN: usize = 40;

/// How two files compare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// One file: the old one.
    pub a: String,
    /// The other: the new one.
    pub b: String,
    /// Whether nothing differs but for what the target's and the user's rules explain; with
    /// `strict`, whether nothing differs at all.
    pub equal: bool,
    /// Datasets that both files have.
    pub compared: u64,
    /// The first differences that nothing explains, by path.
    pub differences: Vec<Difference>,
    /// How many more there are.
    pub more: u64,
    /// Whether no rules were asked for what they explain.
    pub strict: bool,
    /// The result in a word.
    pub verdict: Verdict,
    /// Differences between the two files that rules explain.
    pub explained: u64,
    /// Objects that each rule changes.
    pub rules: BTreeMap<String, u64>,
    /// Links to columns that the new file has and the old one has not.
    pub links_added: u64,
    /// The codec that all encoded columns of the new file have, where the codec objects were
    /// expected to say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recoded: Option<String>,
    /// What the old file was taken for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What may help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// The result of a comparison in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The same in all.
    Equal,
    /// The same but for what rules explain.
    Explained,
    /// Something differs that no rule explains.
    Different,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The linked object: a dataset, a group or a named datatype. `/_types` for types in use.
    pub path: String,
    /// Where in its value: `.scale.Mpc`, `[3]`; `@name` for an attribute; empty for the object
    /// itself.
    pub at: String,
    /// What differs.
    pub what: What,
    /// What there is in the one file, shortened; none if nothing, or if it has no short form.
    pub a: Option<String>,
    /// What there is in the other.
    pub b: Option<String>,
}

/// What differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// There is nothing on the other side.
    Missing,
    /// The Julia type, or the kind of object.
    Type,
    /// The dimensions, or the number of elements.
    Shape,
    /// The value.
    Value,
    /// One side holds the same object as elsewhere, the other does not.
    Sharing,
    /// One side cannot be read.
    Unreadable,
    /// The order of links or attributes.
    Order,
    /// What a type says of its fields.
    Layout,
    /// How columns are encoded, which is not as their codec object says.
    Encoding,
}

/// Differences as they are found.
#[derive(Debug, Default)]
pub(super) struct Differences {
    pub(super) compared: u64,
    pub(super) found: Vec<Difference>,
    pub(super) more: u64,
}

impl Differences {
    pub(super) fn add(&mut self, path: &str, at: &str, what: What, [a, b]: [Option<String>; 2]) {
        if self.found.len() < MOST {
            let (path, at) = (path.to_owned(), at.to_owned());
            self.found.push(Difference { path, at, what, a, b });
        } else {
            self.more += 1;
        }
    }

    /// Further ones that are not named.
    pub(super) fn count(&mut self, more: u64) {
        self.more += more;
    }

    pub(super) fn total(&self) -> u64 {
        (self.found.len() as u64).saturating_add(self.more)
    }

    /// The comparison of two files that nothing is to explain.
    pub(super) fn of(self, a: String, b: String) -> Comparison {
        let equal = self.total() == 0;
        Comparison {
            a,
            b,
            equal,
            compared: self.compared,
            differences: self.found,
            more: self.more,
            strict: true,
            verdict: if equal { Verdict::Equal } else { Verdict::Different },
            explained: 0,
            rules: BTreeMap::new(),
            links_added: 0,
            recoded: None,
            expected: None,
            hint: None,
        }
    }
}

impl What {
    fn said(self) -> &'static str {
        match self {
            Self::Missing => "only on one side",
            Self::Type => "another type",
            Self::Shape => "another shape",
            Self::Value => "another value",
            Self::Sharing => "shared otherwise",
            Self::Unreadable => "cannot be read",
            Self::Order => "another order",
            Self::Layout => "another layout",
            Self::Encoding => "encoded otherwise than the codec object says",
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Fields and elements follow the path as in Julia; attributes stand apart.
        write!(f, "{}{}: {}", tame(&self.path), tame(&self.at), self.what.said())
    }
}

impl Comparison {
    /// All of it for a person; `whole` names every difference that is kept.
    pub fn details(&self, whole: bool) -> String {
        let mut out = String::new();
        let shown = if whole { self.differences.len() } else { SHOWN };
        for d in self.differences.iter().take(shown) {
            out.push_str(&format!("{d}\n"));
            if let (None, None) = (&d.a, &d.b) {
                continue;
            }
            for (side, value) in [("A", &d.a), ("B", &d.b)] {
                out.push_str(&format!("  {side}  {}\n", tame(value.as_deref().unwrap_or("-"))));
            }
        }
        let left = self.differences.len().saturating_sub(shown) as u64 + self.more;
        if left > 0 {
            out.push_str(&format!("and {}\n", count(left, "further difference")));
        }
        out.push_str(&self.sentence());
        out.push('\n');
        if let (Some(hint), false) = (&self.hint, self.equal) {
            out.push_str(&format!("hint: {}\n", tame(hint)));
        }
        out
    }

    /// The result in one sentence.
    pub fn sentence(&self) -> String {
        let compared = count(self.compared, "dataset");
        match self.verdict {
            Verdict::Equal => format!("equal: {compared} with the same types and values"),
            Verdict::Explained => {
                format!("equal but for what rules explain: {compared}, {}", self.explanation())
            }
            Verdict::Different => {
                let (a, b) = (tame(&self.a), tame(&self.b));
                let taken = self.expected.as_ref().map(|e| format!(" {}", tame(e)));
                format!("different: A is {a}{}, B is {b}", taken.unwrap_or_default())
            }
        }
    }

    /// What rules explain.
    fn explanation(&self) -> String {
        let mut parts = Vec::new();
        if self.explained > 0 {
            let mut changes = count(self.explained, "change");
            if !self.rules.is_empty() {
                let rules: Vec<_> = self.rules.keys().map(|rule| tame(rule)).collect();
                changes.push_str(&format!(" by {}", rules.join(", ")));
            }
            parts.push(changes);
        }
        match self.recoded.as_deref() {
            None => {}
            Some("none") => parts.push("columns without a codec".to_owned()),
            Some(codec) => parts.push(format!("columns encoded with {}", tame(codec))),
        }
        if self.links_added > 0 {
            parts.push(format!("{} added", count(self.links_added, "link")));
        }
        parts.join("; ")
    }

    /// The result of a pair among many, on one line.
    pub fn line(&self) -> String {
        let total = self.differences.len() as u64 + self.more;
        match (self.verdict, self.differences.first()) {
            (Verdict::Equal, _) => format!("equal: {}", count(self.compared, "dataset")),
            (Verdict::Explained, _) => {
                format!("explained: {}, {}", count(self.compared, "dataset"), self.explanation())
            }
            (Verdict::Different, first) => {
                let mut text = format!("different: {}", count(total, "difference"));
                if let Some(first) = first {
                    text.push_str(&format!("; {first}"));
                }
                if let Some(Difference { a: Some(a), b: Some(b), .. }) = first {
                    text.push_str(&format!(" (A {}, B {})", tame(a), tame(b)));
                }
                text
            }
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.details(false))
    }
}
