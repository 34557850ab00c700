//! Holds what comparing two files gives.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Differences that are named; further ones are counted.
const MOST: usize = 1000;

/// How two files compare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The first of these, by path.
    pub changes: Vec<Difference>,
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
    /// Objects that cannot be read in either file, and have the same bytes in both.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Unread>,
    /// How many more there are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unread_more: u64,
    /// Wrong checksums of metadata that were let pass, in the old file and in the new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong_checksums: Option<(u64, u64)>,
    /// What may help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Comparison {
    /// Says how many wrong checksums were let pass in either file.
    pub(super) fn let_pass(&mut self, old: u64, new: u64) {
        self.wrong_checksums = (old > 0 || new > 0).then_some((old, new));
    }
}

/// An object that cannot be read, in two files that have the same bytes of it: header, stored data, and
/// what its elements lead to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// The linked object.
    pub path: String,
    /// Why it cannot be read.
    pub why: String,
}

/// The result of a comparison in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The same in all.
    Equal,
    /// The same but for what rules explain.
    Explained,
    /// Something differs that no rule explains.
    Different,
    /// Nothing that can be read differs but for what rules explain; but not all can be read.
    NotCompared,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// One side cannot be read, or neither, and their bytes differ.
    Unreadable,
    /// Neither side can be read, and their bytes tell nothing.
    NotCompared,
    /// The order of links or attributes.
    Order,
    /// What a type says of its fields.
    Layout,
    /// How columns are encoded, which is not as their codec object says.
    Encoding,
}

impl What {
    /// What there is to say of something that cannot be read on one side, or on both.
    pub(super) fn unread(sides: &[Option<String>; 2]) -> Self {
        if sides.iter().all(Option::is_some) { Self::NotCompared } else { Self::Unreadable }
    }
}

/// Differences as they are found.
#[derive(Debug, Default)]
pub(super) struct Differences {
    pub(super) compared: u64,
    pub(super) found: Vec<Difference>,
    pub(super) more: u64,
    pub(super) unread: Vec<Unread>,
    pub(super) unread_more: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
fn is_zero(count: &u64) -> bool {
    *count == 0
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

    /// An object that cannot be read has the same bytes in both files.
    pub(super) fn kept(&mut self, path: &str, why: &str) {
        if self.unread.len() < MOST {
            self.unread.push(Unread { path: path.to_owned(), why: why.to_owned() });
        } else {
            self.unread_more += 1;
        }
    }

    /// Further ones that are not named.
    pub(super) fn count(&mut self, more: u64) {
        self.more += more;
    }

    pub(super) fn total(&self) -> u64 {
        (self.found.len() as u64).saturating_add(self.more)
    }

    /// Whether all there is are objects that can be read in neither file.
    fn unread_only(&self) -> bool {
        self.more == 0 && self.found.iter().all(|it| it.what == What::NotCompared)
    }

    /// The comparison of two files that nothing is to explain.
    pub(super) fn of(self, a: String, b: String) -> Comparison {
        let equal = self.total() == 0;
        let verdict = match (equal, self.unread_only()) {
            (true, _) => Verdict::Equal,
            (false, true) => Verdict::NotCompared,
            (false, false) => Verdict::Different,
        };
        Comparison {
            a,
            b,
            equal,
            compared: self.compared,
            differences: self.found,
            more: self.more,
            strict: true,
            verdict,
            explained: 0,
            changes: Vec::new(),
            rules: BTreeMap::new(),
            links_added: 0,
            recoded: None,
            expected: None,
            unread: self.unread,
            unread_more: self.unread_more,
            wrong_checksums: None,
            hint: None,
        }
    }
}
