//! Guesses which type of the new file one of the old file has become, and which field another.

use super::evidence::{Evidence, Kind};
use super::shapes::{Fields, Holds, Shape, last};
use std::collections::BTreeMap;

/// Names as much alike as this may be of the same field.
const ALIKE: f64 = 0.75;

/// The type of the new file that another is most like: of the same last name, or with the same
/// fields.
pub(super) fn likest<'t>(
    name: &str,
    was: &Shape,
    old: &BTreeMap<String, Shape>,
    new: &'t BTreeMap<String, Shape>,
) -> Option<&'t str> {
    let others = || new.iter().filter(|(other, _)| !old.contains_key(*other));
    let same_name = others().find(|(other, _)| last(other) == last(name));
    let same_fields = || {
        let names = |shape: &Shape| shape.fields.iter().map(|(n, _)| n.clone()).collect::<Vec<_>>();
        let mut found = others().filter(|(_, is)| !is.fields.is_empty() && names(is) == names(was));
        found.next().filter(|_| found.next().is_none())
    };
    same_name.or_else(same_fields).map(|(other, _)| other.as_str())
}

/// A type of the old file and what it is in the new one.
pub(super) struct Pair<'a> {
    pub(super) name: &'a str,
    pub(super) was: &'a Shape,
    pub(super) to: &'a str,
    pub(super) is: &'a Shape,
    /// Whether JLD2 left of it what another rule of the draft brings back.
    pub(super) was_left: bool,
    /// What was seen of values in both files. Of what is read otherwise in the old one, nothing.
    pub(super) old: &'a Evidence,
    pub(super) new: &'a Evidence,
}

/// What becomes of the fields of a type.
pub(super) struct Fates {
    pub(super) was: Fields,
    pub(super) is: Fields,
    /// Old and new names.
    pub(super) renamed: Vec<(String, String)>,
    pub(super) gone: Vec<String>,
    pub(super) come: Fields,
}

impl Pair<'_> {
    /// What a field of the old file's type holds, and what one of the new file's.
    pub(super) fn kinds(&self, was: &str, is: &str) -> [Vec<&Kind>; 2] {
        let old = self.old.field(self.name, was).map(|seen| seen.kinds.keys().collect());
        let new = self.new.field(self.to, is).map(|seen| seen.kinds.keys().collect());
        [old.unwrap_or_default(), new.unwrap_or_default()]
    }

    /// Whether two fields may hold the same: what was seen of both does not speak against it.
    fn may_be(&self, was: &str, is: &str) -> bool {
        let [old, new] = self.kinds(was, is);
        old.is_empty() || new.is_empty() || old.iter().any(|a| new.iter().any(|b| a.may_be(b)))
    }

    /// What becomes of the fields. One that goes for one that comes and holds the same has been renamed.
    pub(super) fn fates(&self) -> Fates {
        let (was, is) = (self.was.with_content(), self.is.with_content());
        let has = |fields: &Fields, name: &str| fields.iter().any(|(n, _)| n == name);
        let mut gone: Vec<_> = was.iter().filter(|(n, _)| !has(&is, n)).cloned().collect();
        let mut come: Fields = is.iter().filter(|(n, _)| !has(&was, n)).cloned().collect();
        let place = |fields: &Fields, name: &str| fields.iter().position(|(n, _)| n == name);
        let mut renamed = Vec::new();
        gone.retain(|(old, holds)| {
            let same =
                |other: &Holds| other == holds || (self.was_left && *holds == Holds::Reference);
            let fits = |(new, other): &(String, Holds)| same(other) && self.may_be(old, new);
            let alike = |new: &str| {
                let same_place = place(&was, old) == place(&is, new);
                let near = strsim::jaro_winkler(old, new)
                    .max(if new.contains(old.as_str()) || old.contains(new) { 1.0 } else { 0.0 });
                if near < ALIKE && was.len() != is.len() {
                    return None;
                }
                Some(near + if same_place { 1.0 } else { 0.0 })
            };
            let found = come.iter().enumerate().filter(|(_, field)| fits(field));
            let found = found.filter_map(|(at, (new, _))| Some((at, alike(new)?)));
            match found.max_by(|(i, a), (j, b)| a.total_cmp(b).then(j.cmp(i))) {
                Some((at, _)) => {
                    renamed.push((old.clone(), come.remove(at).0));
                    false
                }
                None => true,
            }
        });
        let gone = gone.into_iter().map(|(name, _)| name).collect();
        Fates { was, is, renamed, gone, come }
    }
}

impl Fates {
    /// The new name of a field of the old type, if it stays.
    pub(super) fn new_name<'n>(&'n self, old: &'n str) -> Option<&'n str> {
        let renamed = self.renamed.iter().find(|(was, _)| was == old).map(|(_, new)| new.as_str());
        renamed.or_else(|| self.is.iter().any(|(name, _)| name == old).then_some(old))
    }

    /// The names of the fields that stay, old and new.
    pub(super) fn stay(&self) -> impl Iterator<Item = (&str, &str)> {
        self.was.iter().filter_map(|(old, _)| Some((old.as_str(), self.new_name(old)?)))
    }
}
