//! From rules to an edit list.

use super::diagnose;
use super::edit::{EditError, EditList};
use super::engine::Engine;
use super::fate::{Fate, Outcome};
use super::finding::{Finding, Findings};
use super::flat::{FlatTable, flat_tables};
use super::literal::Literal;
use super::names::new_names;
use super::reading::Session;
use super::rule::{FieldError, Rule};
use super::survey::{Instance, Survey};
use super::target::Target;
use crate::h5::{self, File, Region, RelAddr};
use crate::julia::{Committed, Overrides, Renames, TypeTable};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

/// What a migration to a target does to a file.
#[derive(Debug)]
pub struct Migration {
    /// What a reader of the target would meet in the file as it is.
    pub findings: Vec<Finding>,
    /// The bytes to append and replace; `None` if no rule concerns the file.
    pub edits: Option<EditList>,
    /// What changed objects must read as afterwards, by their old addresses.
    pub overrides: Overrides,
    /// Names of types and fields that go by others afterwards.
    pub renames: Renames,
    /// Why the payloads have to be encoded anew, if they have.
    pub rewrite: Option<String>,
    /// Paths of the links to columns that are added.
    pub links: Vec<String>,
    /// Ids of the user's rules for whose types there is nothing in the file.
    pub unmet: Vec<String>,
    /// What there is in the file.
    pub survey: Survey,
}

/// Why a migration cannot be planned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] h5::Error),
    /// A rule asks for what cannot be done without laying the file out afresh.
    #[error("{object}: rule {rule}: {problem}")]
    Unsupported {
        /// The dataset that is, or leads to, the object.
        object: String,
        /// The rule.
        rule: String,
        /// What stands in its way.
        problem: String,
    },
    /// A field has no value, or cannot be there.
    #[error("{object}: {source}")]
    NoValue {
        /// The dataset that is, or leads to, the object.
        object: String,
        /// Which field.
        source: FieldError,
    },
    /// The edits contradict each other: a defect.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// A defect.
    #[error("internal error: {0}")]
    Internal(String),
}

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

/// What a conversion does beside following rules.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Columns are encoded anew; rules that are for this case only apply too.
    pub rewriting: bool,
    /// The codec object that goes with the new encoding, in the place of all others.
    pub codec: Option<Literal>,
    /// Each table gets a group with links to its columns by name.
    pub flat_links: bool,
}

/// Plans the migration of a file to a target. With `rewriting`, columns are encoded anew, and rules
/// that are for this case only apply too.
///
/// # Errors
/// If the file cannot be read, or a rule cannot be carried out.
pub fn plan(file: &File, target: &Target, rewriting: bool) -> Result<Migration, PlanError> {
    plan_for(file, target, &Request { rewriting, ..Request::default() })
}

/// Plans the migration of a file to a target.
///
/// # Errors
/// If the file cannot be read, or a rule cannot be carried out.
pub fn plan_for(file: &File, target: &Target, request: &Request) -> Result<Migration, PlanError> {
    plan_and_map(file, target, request, None)
}

/// As [`plan_for`]; also says which bytes of the file are in use, if `regions` is there to hold
/// them.
///
/// # Errors
/// If the file cannot be read, or a rule cannot be carried out.
pub fn plan_and_map(
    file: &File,
    target: &Target,
    request: &Request,
    regions: Option<&mut Vec<Region>>,
) -> Result<Migration, PlanError> {
    let with_codec;
    let target = match &request.codec {
        Some(value) => {
            with_codec = target.with_codec(value);
            &with_codec
        }
        None => target,
    };
    let rewriting = request.rewriting;
    let types = TypeTable::new(file);
    let mut survey = Survey::walk(&types, target, regions)?;
    let mut findings = Findings::default();
    let rewrite = diagnose::filters(&survey, target, &mut findings);
    diagnose::structure(&survey, &mut findings);
    let groups = groups(&types, target, &survey, rewriting || rewrite.is_some())?;
    let session = Session::new(&types, target);
    diagnose::types(&session, &survey, &groups, &mut findings)?;
    diagnose::ruled(&session, &survey, &groups, &mut findings)?;
    let names = new_names(&types, target, &survey, &groups, rewriting || rewrite.is_some())?;
    diagnose::names(&types, &survey, &names, &mut findings);
    let mut engine = Engine::new(&types, &survey, &groups);
    let flags = match &request.codec {
        // A plain Bool has no type that a rule could name.
        Some(value) if !matches!(value, Literal::Bool(false)) => {
            survey.codec_flags.iter().map(|addr| (*addr, value)).collect()
        }
        _ => Vec::new(),
    };
    let tables = if request.flat_links { flat_tables(&types)? } else { Vec::new() };
    tables.iter().for_each(|table| table.tell(&mut findings));
    let links: Vec<_> = tables.iter().flat_map(FlatTable::added).collect();
    let idle = groups.is_empty() && names.is_empty() && flags.is_empty() && links.is_empty();
    let edits = if idle { None } else { Some(engine.run(&flags, &names, &tables)?) };
    let (overrides, renames) = engine.expectations();
    let unmet = unmet(&types, target, &survey, &groups)?;
    let findings = findings.into_sorted();
    survey.forget_edges();
    Ok(Migration { findings, edits, overrides, renames, rewrite, links, unmet, survey })
}

/// Which types and objects change, by committed type.
fn groups<'r>(
    types: &TypeTable<'_>,
    target: &'r Target,
    survey: &Survey,
    rewriting: bool,
) -> Result<BTreeMap<RelAddr, Group<'r>>, PlanError> {
    let mut instances = BTreeMap::<RelAddr, Vec<&Instance>>::new();
    for instance in &survey.instances {
        instances.entry(instance.datatype).or_default().push(instance);
    }
    let mut out = BTreeMap::new();
    for &addr in &survey.committed {
        let committed = types.committed(addr)?;
        if !target.concerns(committed.julia_type.name()) {
            continue;
        }
        let by_place = target.asks_for_places(committed.julia_type.name());
        let own = instances.get(&addr).map(Vec::as_slice).unwrap_or_default();
        let holders = survey.embedded.get(&addr).map(Vec::as_slice).unwrap_or_default();
        let inside = match Fate::of(target, &committed, None, rewriting) {
            Ok(fate) => fate.map(Rc::new),
            // Of a type without values, a name is all that could be changed.
            Err(PlanError::NoValue { .. }) if own.is_empty() && holders.is_empty() => None,
            Err(error) => return Err(error),
        };
        let mut ruled = Vec::new();
        let mut first: Option<Option<Rc<Fate<'r>>>> = None;
        let mut alike = true;
        for instance in own {
            let fate = if by_place {
                Fate::of(target, &committed, Some(&instance.place), rewriting)?.map(Rc::new)
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
            out_of_reach(types, target, &committed, fate.as_deref(), &survey.instances, rewriting)?;
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
    types: &TypeTable<'_>,
    target: &Target,
    c: &Committed,
    inside: Option<&Fate<'_>>,
    instances: &[Instance],
    rewriting: bool,
) -> Result<(), PlanError> {
    let mut holds = HashMap::new();
    for instance in instances.iter().filter(|i| i.datatype != c.addr) {
        if !holds_values(types, instance.datatype, c.addr, &mut holds)? {
            continue;
        }
        let there = Fate::of(target, c, Some(&instance.place), rewriting)?;
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

/// The user's rules that no type in the file fits, by id.
fn unmet(
    types: &TypeTable<'_>,
    target: &Target,
    survey: &Survey,
    groups: &BTreeMap<RelAddr, Group<'_>>,
) -> h5::Result<Vec<String>> {
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
    let names_a_type =
        |rule: &Rule| names.iter().any(|name| rule.from.iter().any(|from| from.matches(name)));
    let unmet = target.user_rules().filter(|rule| !names_a_type(rule) && !carried_out(rule));
    Ok(unmet.map(|rule| rule.id.clone()).collect())
}
