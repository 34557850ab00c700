//! Refuses what rules that turn arrays cannot turn, and says why.

use super::turned::{Turned, Turns};
use crate::h5::{self, Class, Datatype, RelAddr};
use crate::julia::{Element, JuliaType, Param, STRUCT_ARRAY, TypeTable};
use crate::migrate::error::PlanError;
use crate::migrate::groups::Group;
use crate::migrate::rule::{Action, Member, Rule, Seen, Way};
use crate::migrate::survey::Survey;
use crate::migrate::target::Target;
use std::collections::BTreeMap;

impl Turns<'_> {
    /// Refuses what values of other types are stored as, such as the pairs of dictionaries: Julia makes
    /// them of that and of nothing else.
    pub(super) fn keep_written(
        &self,
        types: &TypeTable<'_>,
        survey: &Survey,
    ) -> Result<(), PlanError> {
        // Values are made of them whose types do not say so, as those of dictionaries in old files.
        let own = |t: &JuliaType| ["Base.", "JLD2."].iter().any(|of| t.name().starts_with(of));
        let used = || self.types.values().filter(|turned| turned.is_used());
        if let Some(turned) = used().find(|turned| own(&turned.committed.julia_type)) {
            let problem = "are what dictionaries and other types of Julia's own are stored as";
            return Err(
                turned.refused(format!("values of {} {problem}", turned.committed.julia_type))
            );
        }
        for &addr in &survey.committed {
            let other = types.committed(addr)?;
            let Some(written) = &other.written_type else { continue };
            let (way, t) = match (written.short_name(), written.params()) {
                ("Array", [Param::Type(element), ..]) => (Way::Columns, element),
                _ => (Way::Rows, written),
            };
            let mut these = used().filter(|turned| turned.way() == way);
            if let Some(turned) = these.find(|turned| turned.committed.julia_type == *t) {
                let problem = format!("{written} is what {} is stored as", other.julia_type);
                return Err(turned.refused(problem));
            }
        }
        Ok(())
    }

    /// Refuses what cannot be turned.
    pub(super) fn check(
        &mut self,
        types: &TypeTable<'_>,
        target: &Target,
        groups: &BTreeMap<RelAddr, Group<'_>>,
    ) -> Result<(), PlanError> {
        let mut made: BTreeMap<&str, &Turned<'_>> = BTreeMap::new();
        let mut gone = Vec::new();
        for (addr, turned) in &self.types {
            let c = &turned.committed;
            let refuse = |problem: String| turned.refused(problem);
            if let Some(problem) = unfit(types, turned)? {
                // Nothing is lost where there is nothing of it.
                if turned.objects == 0 {
                    gone.push(*addr);
                    continue;
                }
                return Err(refuse(format!("{} {problem}", c.julia_type)));
            }
            let inner = match turned.way() {
                Way::Columns => vec![c.addr],
                Way::Rows => turned.lanes.iter().filter_map(|(_, e)| committed(e)).collect(),
            };
            for addr in inner.into_iter().chain([c.addr]) {
                if let Some(other) = changed_in(types, groups, &self.types, addr, c.addr)? {
                    return Err(refuse(format!(
                        "the rule {other} changes what it turns; convert with one and then with the \
                         other"
                    )));
                }
            }
            let to = turned.turn.to.name();
            if let Some(problem) = other_fields(target, turned) {
                return Err(refuse(problem));
            }
            let again = target.rules.iter().find(|rule| goes_on(rule, turned, target));
            if let Some(other) = again {
                return Err(refuse(format!(
                    "it makes values of {to}, which the rule {} is for; convert with one and then \
                     with the other",
                    other.id
                )));
            }
            if !turned.turn.follows()
                && let Some(other) = made.insert(to, turned)
                && (other.way() != turned.way() || !other.has_fields_of(turned))
            {
                return Err(refuse(format!(
                    "{} and {} would both become {to}, with other fields",
                    other.committed.julia_type, c.julia_type
                )));
            }
        }
        gone.iter().for_each(|addr| drop(self.types.remove(addr)));
        Ok(())
    }
}

impl Turned<'_> {
    /// Whether what is made of both has the same fields.
    fn has_fields_of(&self, other: &Self) -> bool {
        let names =
            |t: &Self| t.committed.fields.iter().map(|f| f.name.clone()).collect::<Vec<_>>();
        names(self) == names(other) && alike(&self.lanes, &other.lanes)
    }
}

/// Why a type that the target defines cannot be what is made, whose fields are those of what is turned.
fn other_fields(target: &Target, turned: &Turned<'_>) -> Option<String> {
    let to = turned.turn.to.name();
    let fields: Vec<&str> = match turned.way() {
        Way::Columns if to == STRUCT_ARRAY => vec!["components"],
        Way::Columns => turned.committed.fields.iter().map(|f| f.name.as_str()).collect(),
        Way::Rows => turned.lanes.iter().map(|(name, _)| name.as_str()).collect(),
    };
    let def = target.type_def(to).filter(|_| turned.is_used())?;
    let defined: Vec<&str> = def.fields.iter().map(|f| f.name.as_str()).collect();
    (!fields.is_empty() && fields != defined).then(|| {
        format!(
            "{to} has the fields {} in the target, not {}",
            defined.join(", "),
            fields.join(", ")
        )
    })
}

/// Whether a rule would change what is made, so that it would not stay.
fn goes_on(rule: &Rule, turned: &Turned<'_>, target: &Target) -> bool {
    let to = turned.turn.to.name();
    if matches!(&rule.action, Action::Turn(t) if t.way == Way::Columns) || !rule.concerns(to) {
        return false;
    }
    if to != STRUCT_ARRAY {
        return true;
    }
    // Rules that bring others up to date leave one alone that has its columns where they are today.
    let element = turned.committed.julia_type.to_string();
    let parameters = [element.as_str(), "", "", ""];
    let members = [Member::stored("components")];
    let (places, rewriting) = (&[][..], false);
    let seen =
        Seen { type_name: to, parameters: &parameters, members: &members, places, rewriting };
    rule.matches(&seen) && !rule.is_idle(&seen, target.type_def(to))
}

/// Why something that is to be taken apart or put together cannot be.
pub(in crate::migrate) fn shared(place: &str, rule: &str, object: RelAddr) -> PlanError {
    let problem = format!(
        "the object at {object}, which it would take in, is referred to from elsewhere, too, and would \
         no longer be the same one there"
    );
    PlanError::unsupported(place, rule, problem)
}

/// Why values of a type cannot be turned; none if they can.
fn unfit(types: &TypeTable<'_>, turned: &Turned<'_>) -> h5::Result<Option<String>> {
    let of_arrays = match turned.way() {
        Way::Rows => turned.committed.struct_of_arrays(types)?.map(|(inner, _)| inner),
        Way::Columns => None,
    };
    let c = of_arrays.as_ref().unwrap_or(&turned.committed);
    let own = c.julia_type.tuple_elements().is_some() || c.is_inline_union();
    if c.written_type.is_some() || c.datatype.members().is_none() || own || c.fields.is_empty() {
        return Ok(Some("is not stored as its fields".to_owned()));
    }
    for field in &c.fields {
        let element = field.element(types)?;
        let problem = match (&element, turned.way()) {
            (None, _) => Some("has no content"),
            (Some(Element::Plain(d)), Way::Rows) if is_reference(d) => None,
            (Some(_), Way::Rows) => Some("is not a reference to an array"),
            (Some(Element::Committed(c)), Way::Columns) if is_reference(&c.datatype) => {
                Some("is stored as another object")
            }
            (Some(_), Way::Columns) => None,
        };
        if let Some(problem) = problem {
            return Ok(Some(format!("cannot be turned, since its field {} {problem}", field.name)));
        }
    }
    Ok(None)
}

fn is_reference(d: &Datatype) -> bool {
    matches!(d.class, Class::Reference)
}

fn committed(element: &Element) -> Option<RelAddr> {
    match element {
        Element::Committed(c) => Some(c.addr),
        Element::Plain(_) => None,
    }
}

/// A rule that changes values of the type at `addr`, or such inside them; `but` may be turned.
fn changed_in(
    types: &TypeTable<'_>,
    groups: &BTreeMap<RelAddr, Group<'_>>,
    turned: &BTreeMap<RelAddr, Turned<'_>>,
    addr: RelAddr,
    but: RelAddr,
) -> h5::Result<Option<String>> {
    // The survey has seen to it that types do not nest without end.
    if let Some(group) = groups.get(&addr) {
        let fate = group.fate.iter().chain(group.ruled.iter().map(|(_, fate)| fate)).next();
        return Ok(fate.map(|fate| fate.id()));
    }
    if addr != but
        && let Some(other) = turned.get(&addr)
    {
        return Ok(Some(other.rule.id.clone()));
    }
    for child in types.committed(addr)?.fields.iter().filter_map(|f| f.committed) {
        if let Some(found) = changed_in(types, groups, turned, child, but)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Refuses objects with attributes that would get lost.
pub(super) fn plain_attributes(
    object: &h5::Object,
    place: &str,
    rule: &str,
) -> Result<(), PlanError> {
    let own = |name: &str| matches!(name, "dimensions" | "julia_type");
    match object.attributes.iter().find(|a| !own(&a.name)) {
        None => Ok(()),
        Some(a) => {
            let problem = format!("it has an attribute {:?}, which would get lost", a.name);
            Err(PlanError::unsupported(place, rule, problem))
        }
    }
}

pub(super) fn alike(a: &[(String, Element)], b: &[(String, Element)]) -> bool {
    let same = |x: &Element, y: &Element| {
        x.datatype().same_layout(y.datatype()) && committed(x) == committed(y)
    };
    a.len() == b.len() && a.iter().zip(b).all(|((n, x), (m, y))| n == m && same(x, y))
}
