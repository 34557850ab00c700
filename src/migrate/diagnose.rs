//! Finds what a reader of the target would meet, and which rule fixes it.

use super::finding::{Finding, Findings, Remedy, Severity, When};
use super::groups::{Group, HeldBack, Unmet};
use super::names::Called;
use super::never_held::NeverHeld;
use super::rule::Rule;
use super::survey::Survey;
use super::target::Target;
use super::turn::Turns;
use crate::h5::{self, EdgeKind, Extent, RefPlan, RelAddr};
use crate::julia::{JuliaType, Param};
use crate::migrate::julia_session::JuliaSession;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the target cannot decode; the reason for a rewrite, if there is one.
pub(super) fn filters(survey: &Survey, target: &Target, findings: &mut Findings) -> Option<String> {
    let mut rewrite = None;
    for (filter, count, place) in &survey.filters {
        let known = target.filter(filter.id);
        let shown = known.map_or_else(
            || filter.name.clone().unwrap_or_else(|| "unknown".into()),
            |k| k.name.clone(),
        );
        let Some(problem) = target.misread(filter.id, filter.client.len()) else { continue };
        let text = format!("data filtered with {shown} (id {}): {problem}", filter.id);
        rewrite.get_or_insert_with(|| format!("{place}: {text}"));
        findings.add(Finding {
            severity: Severity::Failure,
            object: place.to_string(),
            julia_type: None,
            rule: None,
            text,
            said: None,
            printed: 0,
            count: *count,
            remedy: Remedy::Rewrite,
            when: When::Load,
        });
    }
    rewrite
}

pub(super) fn structure(survey: &Survey, findings: &mut Findings) {
    if let Some(name) = survey.misnumbered() {
        findings.add(Finding {
            severity: Severity::Failure,
            object: format!("/_types/{name}"),
            julia_type: None,
            rule: None,
            text: "committed types are not numbered without gaps: the next append by JLD2 would \
                   assign a number twice and lose data"
                .into(),
            said: None,
            printed: 0,
            count: 1,
            remedy: Remedy::None,
            when: When::Append,
        });
    }
}

/// Types that are used, that no rule takes, and that a session of the target does not read as they
/// are.
pub(super) fn types(
    session: &JuliaSession<'_>,
    survey: &Survey,
    groups: &BTreeMap<RelAddr, Group<'_>>,
    findings: &mut Findings,
) -> h5::Result<()> {
    for (addr, count) in met(session, survey)? {
        if groups.get(&addr).is_some_and(Group::is_whole) {
            continue;
        }
        let reading = session.of(addr)?;
        let Some(text) = reading.text.clone() else { continue };
        if reading.reconstructed && !reading.foreign {
            fatal(session, survey, addr, None, findings)?;
        }
        findings.add(Finding {
            severity: reading.severity(),
            object: place_of(survey, addr),
            julia_type: Some(session.types.committed(addr)?.julia_type.to_string()),
            rule: None,
            text,
            said: reading.said.clone(),
            printed: reading.printed(),
            count,
            remedy: Remedy::None,
            when: When::Load,
        });
    }
    Ok(())
}

/// The types that JLD2 comes to while it loads the whole file, with how many objects there are of each:
/// to those of what is stored inside other values it comes with the type of these.
fn met(session: &JuliaSession<'_>, survey: &Survey) -> h5::Result<BTreeMap<RelAddr, u64>> {
    let mut all: BTreeMap<_, _> =
        survey.uses.iter().map(|(addr, (count, _))| (*addr, *count)).collect();
    let mut ahead: Vec<_> = all.keys().copied().collect();
    while let Some(addr) = ahead.pop() {
        let c = session.types.committed(addr)?;
        for inner in c.fields.iter().filter_map(|field| field.committed) {
            all.entry(inner).or_insert_with(|| {
                ahead.push(inner);
                1
            });
        }
    }
    Ok(all)
}

/// Objects that a rule changes, and what a session of the target makes of them without it.
pub(super) fn ruled(
    session: &JuliaSession<'_>,
    survey: &Survey,
    groups: &BTreeMap<RelAddr, Group<'_>>,
    findings: &mut Findings,
) -> h5::Result<()> {
    for group in groups.values() {
        let reading = session.of(group.committed.addr)?;
        let mut printed = reading.printed();
        let t = group.committed.julia_type.to_string();
        let mut rules = group.fate.iter().chain(group.ruled.iter().map(|(_, fate)| fate));
        let first = rules.find_map(|fate| fate.rules.first());
        // Why a rule is for them, or else that they change; and what ends the loading of the file.
        let told = |rule: &Rule, changed: String| {
            let why = if rule.why.is_empty() { changed } else { rule.why.clone() };
            match &reading.text {
                Some(end) if reading.severity() == Severity::Failure => format!("{why}; {end}"),
                _ => why,
            }
        };
        if reading.reconstructed && !reading.foreign {
            fatal(session, survey, group.committed.addr, first.copied(), findings)?;
        }
        if let Some(fate) = group.fate.as_ref().filter(|_| group.ruled.is_empty())
            && let Some(rule) = fate.rules.first()
        {
            let changed = format!("{t} is changed; all its objects are inside others");
            findings.add(Finding {
                severity: reading.severity(),
                object: place_of(survey, group.committed.addr),
                julia_type: Some(t.clone()),
                rule: Some(rule.id.clone()),
                text: told(rule, changed),
                said: reading.said.clone(),
                printed,
                count: 1,
                remedy: Remedy::Rule,
                when: When::Load,
            });
            continue;
        }
        for (instance, fate) in &group.ruled {
            let Some(rule) = fate.rules.first() else { continue };
            let mut severity = reading.severity();
            let mut text = told(rule, format!("{t} is changed"));
            if reading.reconstructed
                && let Some((holder, field)) =
                    holder(session, survey, rule, group.committed.julia_type.name())?
            {
                severity = Severity::Failure;
                text = format!(
                    "{text}; JLD2.load ends with a MethodError here, since the field {field} of \
                     {holder} takes no reconstructed object"
                );
            }
            findings.add(Finding {
                severity,
                object: instance.place.to_string(),
                julia_type: Some(t.clone()),
                rule: Some(rule.id.clone()),
                text,
                said: reading.said.clone(),
                printed: std::mem::take(&mut printed),
                count: 1,
                remedy: Remedy::Rule,
                when: When::Load,
            });
        }
    }
    Ok(())
}

/// Arrays of structs and structs of arrays that a rule turns.
pub(super) fn turned(
    session: &JuliaSession<'_>,
    turns: &Turns<'_>,
    findings: &mut Findings,
) -> h5::Result<()> {
    for turned in turns.types.values() {
        if !turned.is_used() {
            continue;
        }
        let reading = session.of(turned.committed.addr)?;
        let [from, to] = turned.told(session.types)?;
        let (rule, t) = (&turned.rule, turned.committed.julia_type.to_string());
        let why =
            if rule.why.is_empty() { format!("{from} becomes {to}") } else { rule.why.clone() };
        findings.add(Finding {
            severity: reading.severity(),
            object: turned.first.as_deref().unwrap_or("/").to_owned(),
            julia_type: Some(t),
            rule: Some(rule.id.clone()),
            text: why,
            said: None,
            printed: 0,
            count: turned.objects.max(1),
            remedy: Remedy::Rule,
            when: When::Load,
        });
    }
    Ok(())
}

/// Stored types that go by another name afterwards.
pub(super) fn names(names: &[Called], findings: &mut Findings) {
    for Called { value, to, rule } in names {
        let other = "that with other parameters";
        let name = if to.name == value.name { other } else { to.name.as_str() };
        findings.add(Finding {
            severity: Severity::Note,
            object: value.place.to_string(),
            julia_type: None,
            rule: Some(rule.clone()),
            text: format!(
                "the type {} is called {name} where it is a value or a parameter",
                value.name
            ),
            said: None,
            printed: 0,
            count: 1,
            remedy: Remedy::Rule,
            when: When::Load,
        });
    }
}

/// Arrays that lose their filters, since their values are laid out in another way.
pub(super) fn unfiltered(arrays: &[(Arc<str>, String)], findings: &mut Findings) {
    for (place, rule) in arrays {
        findings.add(Finding {
            severity: Severity::Note,
            object: place.to_string(),
            julia_type: None,
            rule: None,
            text: format!("an array of values that the rule {rule} changes is stored uncompressed"),
            said: None,
            printed: 0,
            count: 1,
            remedy: Remedy::None,
            when: When::Load,
        });
    }
}

/// A user's rules that are for nothing in the file.
pub(super) fn unmet(rules: &[Unmet], findings: &mut Findings) {
    rules.iter().for_each(|unmet| findings.add(of_a_rule(unmet.to_string())));
}

/// A user's rules whose conditions hold for nothing in the file.
pub(super) fn never_held(rules: &[NeverHeld], findings: &mut Findings) {
    rules.iter().for_each(|rule| findings.add(of_a_rule(rule.to_string())));
}

/// A user's rules that are not for files of these versions.
pub(super) fn held_back(rules: &[HeldBack], findings: &mut Findings) {
    rules.iter().for_each(|rule| findings.add(of_a_rule(rule.to_string())));
}

/// What is told of a rule that changes nothing in the file.
fn of_a_rule(text: String) -> Finding {
    Finding {
        severity: Severity::Note,
        object: "/".to_owned(),
        julia_type: None,
        // What a finding names as its rule has changed something.
        rule: None,
        text,
        said: None,
        printed: 0,
        count: 1,
        remedy: Remedy::None,
        when: When::Load,
    }
}

/// Where a type that is reconstructed stands in what takes none but the true one: loading ends
/// there.
fn fatal(
    session: &JuliaSession<'_>,
    survey: &Survey,
    addr: RelAddr,
    rule: Option<&Rule>,
    findings: &mut Findings,
) -> h5::Result<()> {
    let c = session.types.committed(addr)?;
    let Some((place, holder)) = holds_only(session, survey, addr)? else { return Ok(()) };
    findings.add(Finding {
        severity: Severity::Failure,
        object: place.to_string(),
        julia_type: Some(c.julia_type.to_string()),
        rule: rule.map(|rule| rule.id.clone()),
        text: format!(
            "JLD2.load ends with a MethodError here, since {holder} takes no reconstructed object \
             in the place of {}",
            c.julia_type.name()
        ),
        said: None,
        printed: 0,
        count: 1,
        remedy: if rule.is_some() { Remedy::Rule } else { Remedy::None },
        when: When::Load,
    });
    Ok(())
}

/// What holds objects of the type at `addr`, and nothing in their place: the first place and what it
/// is. What is stored inside other values makes these reconstructed, too, unless it is an array.
fn holds_only(
    session: &JuliaSession<'_>,
    survey: &Survey,
    addr: RelAddr,
) -> h5::Result<Option<(Arc<str>, String)>> {
    let types = session.types;
    let c = types.committed(addr)?;
    // JLD2 makes up a mutable type for what holds references, which is not a type of bits.
    if !RefPlan::new(&c.datatype)?.is_empty()
        && let Some(array) =
            survey.instances.iter().find(|i| i.datatype == addr && i.extent == Extent::Simple)
    {
        return Ok(Some((Arc::clone(&array.place), "an array of them".to_owned())));
    }
    let edges = survey.edges.as_deref().unwrap_or_default();
    let named = edges.iter().filter(|edge| edge.kind == EdgeKind::AttributeReference);
    for edge in named {
        let type_value = survey.type_values.iter().find(|value| value.addr == edge.target);
        let element = match type_value {
            Some(value) if value.name == c.julia_type.name() => {
                types.type_object(edge.target, edge.at)? == c.julia_type
            }
            Some(_) => false,
            None => edge.target == addr,
        };
        if element && types.file().object(edge.from)?.dataset().is_some() {
            let place = match type_value {
                Some(value) => Arc::clone(&value.place),
                None => Arc::from(place_of(survey, addr)),
            };
            return Ok(Some((place, "an array of them".to_owned())));
        }
    }
    if survey.embedded.contains_key(&addr) {
        return Ok(None);
    }
    let mentions = |t: &JuliaType| {
        t.params().iter().any(|p| matches!(p, Param::Type(inner) if *inner == c.julia_type))
    };
    for (holder, (_, place)) in &survey.uses {
        let t = &types.committed(*holder)?.julia_type;
        if *holder != addr && mentions(t) {
            return Ok(Some((Arc::clone(place), t.name().to_owned())));
        }
    }
    Ok(None)
}

/// Where a committed type is named, or the first that holds its values.
fn place_of(survey: &Survey, addr: RelAddr) -> String {
    let mut holder = Some(&addr);
    // Ends forged cycles.
    for _ in 0..64 {
        let Some(at) = holder else { break };
        if let Some((_, place)) = survey.uses.get(at) {
            return place.to_string();
        }
        holder = survey.embedded.get(at).and_then(|holders| holders.first());
    }
    let link = survey.type_links.iter().find(|l| l.target == addr);
    link.map_or_else(|| format!("the object at {addr}"), |l| format!("/_types/{}", l.name))
}

/// The field of a type in this file that only takes what the rule makes.
fn holder<'t>(
    session: &JuliaSession<'t>,
    survey: &Survey,
    rule: &Rule,
    name: &str,
) -> h5::Result<Option<(&'t str, &'t str)>> {
    let Some(to) = rule.new_name(name) else { return Ok(None) };
    for (holder, field) in session.target.holders_of(&to) {
        for addr in survey.uses.keys() {
            if session.types.committed(*addr)?.julia_type.name() == holder {
                return Ok(Some((holder, field)));
            }
        }
    }
    Ok(None)
}
