//! Tells which committed types and which objects rules change.

use super::error::PlanError;
use super::fate::{Asked, Fate, Outcome};
use super::look::Look;
use super::rule::Rule;
use super::survey::{Instance, Survey};
use super::target::Target;
use crate::h5::{self, RelAddr};
use crate::julia::{Committed, TypeTable};
use crate::text::count;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

/// One committed type and what becomes of its values.
pub(super) struct Group<'r> {
    pub(super) committed: Arc<Committed>,
    /// The datasets of this type that a rule changes.
    pub(super) ruled: Vec<(Instance, Rc<Fate<'r>>)>,
    /// What becomes of all its values, wherever they are stored, but for those datasets that have a
    /// fate of their own. The type's slot goes to the new type.
    pub(super) fate: Option<Rc<Fate<'r>>>,
}

impl Group<'_> {
    /// Whether all values have the same fate.
    pub(super) fn is_whole(&self) -> bool {
        let Some(fate) = &self.fate else { return false };
        self.ruled.iter().all(|(_, own)| own.is_same(fate))
    }
}

/// Which types and objects change, by committed type.
pub(super) fn groups<'r>(
    types: &TypeTable<'_>,
    target: &'r Target,
    survey: &Survey,
    rewriting: bool,
) -> Result<BTreeMap<RelAddr, Group<'r>>, PlanError> {
    let mut instances = BTreeMap::<RelAddr, Vec<&Instance>>::new();
    for instance in &survey.instances {
        instances.entry(instance.datatype).or_default().push(instance);
    }
    let look = Look::new(types, survey);
    let mut out = BTreeMap::new();
    for &addr in &survey.committed {
        let committed = types.committed(addr)?;
        if !target.concerns(committed.julia_type.name()) {
            continue;
        }
        let by_place = target.asks_for_places(committed.julia_type.name());
        let own = instances.get(&addr).map(Vec::as_slice).unwrap_or_default();
        let holders = survey.embedded.get(&addr).map(Vec::as_slice).unwrap_or_default();
        let inside = match Fate::of(target, &committed, &look, Asked { place: None, rewriting }) {
            Ok(fate) => fate.map(Rc::new),
            // No values stand inside others, and those that are objects are asked one by one.
            Err(PlanError::NoValue { .. } | PlanError::Unsupported { .. })
                if holders.is_empty() && (own.is_empty() || by_place) =>
            {
                None
            }
            Err(error) => return Err(error),
        };
        let mut ruled = Vec::new();
        let mut first: Option<Option<Rc<Fate<'r>>>> = None;
        let mut alike = true;
        for instance in own {
            let fate = if by_place {
                let asked = Asked { place: Some(&instance.place), rewriting };
                Fate::of(target, &committed, &look, asked)?.map(Rc::new)
            } else {
                inside.clone()
            };
            alike &= match (first.get_or_insert_with(|| fate.clone()), &fate) {
                (Some(first), Some(fate)) => first.is_same(fate),
                (first, fate) => first.is_none() && fate.is_none(),
            };
            if let Some(fate) = fate {
                ruled.push(((*instance).clone(), fate));
            }
        }
        let fate = match first {
            Some(all) if alike && holders.is_empty() => all,
            _ => inside,
        };
        if by_place {
            out_of_reach(&look, target, &committed, fate.as_deref(), &survey.instances, rewriting)?;
        }
        if fate.is_some() || !ruled.is_empty() {
            out.insert(addr, Group { committed, ruled, fate });
        }
    }
    replaced_inside(types, survey, &out)?;
    let replaces = |f: &Rc<Fate<'_>>| matches!(f.outcome, Outcome::Replaced(_));
    // Where there are no objects to replace, nothing is done.
    out.retain(|_, group| {
        !group.ruled.is_empty() || group.fate.as_ref().is_some_and(|f| !replaces(f))
    });
    Ok(out)
}

/// Refuses a rule for one place where the values there are stored inside others.
fn out_of_reach(
    look: &Look<'_>,
    target: &Target,
    c: &Committed,
    inside: Option<&Fate<'_>>,
    instances: &[Instance],
    rewriting: bool,
) -> Result<(), PlanError> {
    let types = look.types;
    let mut holds = HashMap::new();
    for instance in instances.iter().filter(|i| i.datatype != c.addr) {
        if !holds_values(types, instance.datatype, c.addr, &mut holds)? {
            continue;
        }
        let asked = Asked { place: Some(&instance.place), rewriting };
        let there = Fate::of(target, c, look, asked)?;
        let same = match (&there, inside) {
            (Some(there), Some(inside)) => there.is_same(inside),
            (there, inside) => there.is_none() && inside.is_none(),
        };
        if let (false, Some(there)) = (same, there) {
            let holder = &types.committed(instance.datatype)?.julia_type;
            return Err(PlanError::Unsupported {
                object: instance.place.to_string(),
                rule: there.id(),
                problem: format!(
                    "values of {} are stored inside those of {holder} here, where a rule that asks \
                     `at` which place it is does not reach them; a rule without `at` does",
                    c.julia_type
                ),
            });
        }
    }
    Ok(())
}

/// Whether values of the type at `holder` hold such of the type at `inner`.
fn holds_values(
    types: &TypeTable<'_>,
    holder: RelAddr,
    inner: RelAddr,
    known: &mut HashMap<RelAddr, bool>,
) -> h5::Result<bool> {
    if let Some(known) = known.get(&holder) {
        return Ok(*known);
    }
    // Ends forged cycles.
    known.insert(holder, false);
    let mut holds = false;
    for child in types.committed(holder)?.fields.iter().filter_map(|f| f.committed) {
        holds |= child == inner || holds_values(types, child, inner, known)?;
    }
    known.insert(holder, holds);
    Ok(holds)
}

/// Refuses to put values into the place of others that are stored inside of what stays.
fn replaced_inside(
    types: &TypeTable<'_>,
    survey: &Survey,
    groups: &BTreeMap<RelAddr, Group<'_>>,
) -> Result<(), PlanError> {
    let replaced = |addr: &RelAddr| {
        let fate = groups.get(addr).and_then(|g| g.fate.as_ref());
        fate.filter(|f| matches!(f.outcome, Outcome::Replaced(_)))
    };
    for (addr, group) in groups {
        let Some(fate) = replaced(addr) else { continue };
        let holders = survey.embedded.get(addr).map(Vec::as_slice).unwrap_or_default();
        let Some(holder) = holders.iter().find(|holder| replaced(holder).is_none()) else {
            continue;
        };
        let place = survey.uses.get(holder).map(|(_, place)| place.to_string());
        let holder = &types.committed(*holder)?.julia_type;
        return Err(PlanError::Unsupported {
            object: place.unwrap_or_else(|| format!("values of {holder}")),
            rule: fate.id(),
            problem: format!(
                "values of {} are stored inside those of {holder}, where `replace` does not reach \
                 them; a rule for {holder} can drop the field and add another",
                group.committed.julia_type
            ),
        });
    }
    Ok(())
}

/// A rule for whose types there is nothing in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// Its id.
    pub rule: String,
    /// A type of the file whose name is nearly one that the rule is for, and how many objects are of
    /// it.
    pub near: Option<(String, u64)>,
}

impl Unmet {
    const SAYS: [&str; 2] = ["no type in the file has a name that the rule ", " is for"];

    /// The rule, and what is nearly its type, of a finding as it is displayed that says this.
    pub fn told(finding: &str) -> Option<(&str, &str)> {
        let [before, behind] = Self::SAYS;
        let (_, rest) = finding.split_once(before)?;
        rest.split_once(behind)
    }
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [before, behind] = Self::SAYS;
        write!(f, "{before}{}{behind}", self.rule)?;
        match &self.near {
            Some((name, objects)) => {
                write!(f, "; did you mean {name}, {}?", count(*objects, "object"))
            }
            None => Ok(()),
        }
    }
}

/// A rule that is not for the file, since other versions wrote it than `when` asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldBack {
    /// Its id.
    pub rule: String,
    /// Which version wrote the file, and which ones the rule is for.
    pub why: String,
}

impl fmt::Display for HeldBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the rule {} is not for this file: {}", self.rule, self.why)
    }
}

/// Those of the user's rules that are among `missed`.
pub(super) fn held_back(target: &Target, mut missed: Vec<(String, String)>) -> Vec<HeldBack> {
    missed.retain(|(id, _)| target.user_rules().any(|rule| rule.id == *id));
    missed.into_iter().map(|(rule, why)| HeldBack { rule, why }).collect()
}

/// The user's rules that no type in the file fits.
pub(super) fn unmet(
    types: &TypeTable<'_>,
    target: &Target,
    survey: &Survey,
    groups: &BTreeMap<RelAddr, Group<'_>>,
) -> h5::Result<Vec<Unmet>> {
    let mut names: BTreeSet<String> = survey.type_values.iter().map(|v| v.name.clone()).collect();
    for &addr in &survey.committed {
        names.insert(types.committed(addr)?.julia_type.name().to_owned());
    }
    let carried_out = |rule: &Rule| {
        let fates = groups.values().flat_map(|g| {
            let own = g.ruled.iter().map(|(_, fate)| fate);
            own.chain(&g.fate)
        });
        fates.flat_map(|f| &f.rules).any(|r| r.id == rule.id)
    };
    let names_a_type = |rule: &Rule| names.iter().any(|name| rule.concerns(name));
    let unmet = target.user_rules().filter(|rule| !names_a_type(rule) && !carried_out(rule));
    let unmet: Vec<_> = unmet.collect();
    let mut objects = BTreeMap::<&str, u64>::new();
    if !unmet.is_empty() {
        for name in &names {
            objects.insert(name, 0);
        }
        for (addr, (uses, _)) in &survey.uses {
            let c = types.committed(*addr)?;
            if let Some(known) = objects.get_mut(c.julia_type.name()) {
                *known += uses;
            }
        }
    }
    let told = unmet.into_iter().map(|rule| {
        let mut wanted = rule.from.iter().filter_map(|from| from.exact());
        let near = wanted.find_map(|wanted| nearest(wanted, objects.keys().copied()));
        let near = near.map(|name| (name.to_owned(), objects.get(name).copied().unwrap_or(0)));
        Unmet { rule: rule.id.clone(), near }
    });
    Ok(told.collect())
}

/// The name that is nearly the one that is wanted: a slip of the fingers away, or in another module.
fn nearest<'n>(wanted: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let far = |name: &str| {
        if last(name) == last(wanted) { 0 } else { strsim::damerau_levenshtein(name, wanted) }
    };
    let nearest = names.map(|name| (far(name), name)).min();
    nearest.filter(|(far, _)| *far <= (wanted.len() / 8).max(2)).map(|(_, name)| name)
}
