//! Prints a [`Comparison`] as text. Writing to a string cannot fail.

use super::comparison::{Comparison, Difference, Verdict, What};
use crate::text::{and_more, count, tame};
use std::fmt::{self, Write as _};

/// Differences that are shown to a person.
const SHOWN: usize = 40;
/// Objects that are named on one line.
const NAMED: usize = 5;

impl What {
    fn said(self) -> &'static str {
        match self {
            Self::Missing => "only on one side",
            Self::Type => "another type",
            Self::Shape => "another shape",
            Self::Value => "another value",
            Self::Sharing => "shared otherwise",
            Self::Unreadable => "cannot be read",
            Self::NotCompared => "not compared, as it cannot be read in either file",
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

impl Difference {
    /// It and both sides, as far as they are known.
    fn told(&self, out: &mut String) {
        let _ = writeln!(out, "{self}");
        if let (None, None) = (&self.a, &self.b) {
            return;
        }
        for (side, value) in [("A", &self.a), ("B", &self.b)] {
            let _ = writeln!(out, "  {side}  {}", tame(value.as_deref().unwrap_or("-")));
        }
    }
}

impl Comparison {
    /// All of it for a person; `whole` names every difference that is kept, and what rules explain.
    pub fn details(&self, whole: bool) -> String {
        let mut out = String::new();
        if whole && !self.changes.is_empty() {
            out.push_str("Rules explain:\n");
            self.changes.iter().for_each(|change| change.told(&mut out));
            if !self.differences.is_empty() {
                out.push_str("They do not explain:\n");
            }
        }
        let shown = if whole { self.differences.len() } else { SHOWN };
        self.differences.iter().take(shown).for_each(|difference| difference.told(&mut out));
        let left = self.differences.len().saturating_sub(shown) as u64 + self.more;
        if left > 0 {
            let _ = writeln!(out, "and {}", count(left, "further difference"));
        }
        if whole {
            for unread in &self.unread {
                let why = tame(&unread.why);
                let _ = writeln!(out, "{}: not read, the same bytes: {why}", tame(&unread.path));
            }
        }
        if let Some((old, new)) = self.wrong_checksums {
            let old = count(old, "wrong checksum");
            let _ = writeln!(out, "let pass, as asked for: {old} in A and {new} in B");
        }
        out.push_str(&self.sentence());
        out.push('\n');
        if let (Some(hint), false) = (&self.hint, self.equal) {
            let _ = writeln!(out, "hint: {}", tame(hint));
        }
        out
    }

    /// The result in one sentence.
    pub fn sentence(&self) -> String {
        let compared = count(self.compared, "dataset");
        match self.verdict {
            Verdict::Equal => {
                format!("equal: {compared} with the same types and values{}", self.not_read())
            }
            Verdict::Explained => {
                let (explained, unread) = (self.explanation(), self.not_read());
                format!("equal but for what rules explain: {compared}, {explained}{unread}")
            }
            Verdict::NotCompared => {
                let objects = count(self.differences.len() as u64, "object");
                format!(
                    "not compared: {objects} that cannot be read in either file; of the rest \
                     nothing differs that no rule explains"
                )
            }
            Verdict::Different => {
                let (a, b) = (tame(&self.a), tame(&self.b));
                let taken = self.expected.as_ref().map(|e| format!(" {}", tame(e)));
                format!("different: A is {a}{}, B is {b}", taken.unwrap_or_default())
            }
        }
    }

    /// What could not be read, and was compared byte by byte.
    fn not_read(&self) -> String {
        if self.unread.is_empty() {
            return String::new();
        }
        let paths: Vec<_> = self.unread.iter().map(|unread| tame(&unread.path)).collect();
        let all = (paths.len() as u64).saturating_add(self.unread_more);
        let shown = paths.get(..NAMED).unwrap_or(&paths);
        let more = and_more(all - shown.len() as u64);
        let (count, named) = (count(all, "object"), shown.join(", "));
        format!("; {count} that cannot be read, the same byte by byte: {named}{more}")
    }

    /// Wrong checksums that were let pass.
    fn passed(&self) -> String {
        let Some((old, new)) = self.wrong_checksums else { return String::new() };
        format!("; {} in A and {new} in B let pass", count(old, "wrong checksum"))
    }

    /// What rules explain.
    fn explanation(&self) -> String {
        let mut parts = Vec::new();
        if self.explained > 0 {
            let mut changes = count(self.explained, "change");
            if !self.rules.is_empty() {
                let rules: Vec<_> = self.rules.keys().map(|rule| tame(rule)).collect();
                let _ = write!(changes, " by {}", rules.join(", "));
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
            (Verdict::Equal, _) => {
                let passed = self.passed();
                format!("equal: {}{}{passed}", count(self.compared, "dataset"), self.not_read())
            }
            (Verdict::Explained, _) => {
                let (compared, unread) = (count(self.compared, "dataset"), self.not_read());
                format!("explained: {compared}, {}{unread}{}", self.explanation(), self.passed())
            }
            (Verdict::NotCompared, first) => {
                let objects = count(total, "object");
                let first = first.map_or_else(String::new, |it| format!("; {}", tame(&it.path)));
                format!("not compared: {objects} that cannot be read in either file{first}")
            }
            (Verdict::Different, first) => {
                let mut text = format!("different: {}", count(total, "difference"));
                if let Some(first) = first {
                    let _ = write!(text, "; {first}");
                }
                if let Some(Difference { a: Some(a), b: Some(b), .. }) = first {
                    let _ = write!(text, " (A {}, B {})", tame(a), tame(b));
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
