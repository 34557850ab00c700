//! Finds what a reader of the target would meet, and which rule fixes it.

use super::finding::{Finding, Findings, Remedy, Severity, When};
use super::groups::{Group, HeldBack, Unmet};
use super::names::Called;
use super::never_held::NeverHeld;
use super::rule::Rule;
use super::survey::Survey;
use super::target::Target;
use super::turn::Turns;
use crate::h5::{self, RelAddr};
use crate::julia::TypeTable;
use crate::migrate::session::Forecast;
use std::collections::{BTreeMap, BTreeSet};
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

/// Types that JLD2 comes to, that no rule takes, and that a session of the target does not read as they
/// are.
pub(super) fn types(
    types: &TypeTable<'_>,
    forecast: &Forecast,
    survey: &Survey,
    groups: &BTreeMap<RelAddr, Group<'_>>,
    findings: &mut Findings,
) -> h5::Result<()> {
    for (addr, told) in &forecast.types {
        if groups.get(addr).is_some_and(Group::is_whole) {
            continue;
        }
        let Some(text) = told.reading.text.clone() else { continue };
        let used = survey.uses.get(addr);
        let object = match (&told.place, used) {
            (Some(place), None) => place.to_string(),
            _ => place_of(survey, *addr),
        };
        // What is made up for another type's sake is not, once that is put right.
        let root = told.root.filter(|root| root != addr && told.left.is_none());
        let rule = root.and_then(|root| rule_of(groups, root));
        findings.add(Finding {
            severity: told.reading.severity(),
            object,
            julia_type: Some(types.committed(*addr)?.julia_type.to_string()),
            rule: rule.map(|rule| rule.id.clone()),
            text,
            said: told.reading.said.clone(),
            printed: told.printed,
            count: used.map_or(1, |(count, _)| *count),
            remedy: if rule.is_some() { Remedy::Rule } else { Remedy::None },
            when: When::Load,
        });
    }
    Ok(())
}

/// The rule for a committed type, the first if there are several.
fn rule_of<'r>(groups: &BTreeMap<RelAddr, Group<'r>>, addr: RelAddr) -> Option<&'r Rule> {
    let group = groups.get(&addr)?;
    let mut fates = group.fate.iter().chain(group.ruled.iter().map(|(_, fate)| fate));
    fates.find_map(|fate| fate.rules.first()).copied()
}

/// Objects that a rule changes, and what a session of the target makes of them without it. Gives the
/// places of which it is told how loading ends there.
pub(super) fn ruled(
    forecast: &Forecast,
    survey: &Survey,
    groups: &BTreeMap<RelAddr, Group<'_>>,
    findings: &mut Findings,
) -> BTreeSet<Arc<str>> {
    let mut ends = BTreeSet::new();
    for (addr, group) in groups {
        let told = forecast.types.get(addr);
        let reading = told.map(|told| told.reading.clone()).unwrap_or_default();
        let mut printed = told.map_or(0, |told| told.printed);
        let t = group.committed.julia_type.to_string();
        // Why a rule is for them, or else that they change; and what ends the loading of the file.
        let text = |rule: &Rule, changed: String| {
            let why = if rule.why.is_empty() { changed } else { rule.why.clone() };
            match &reading.text {
                Some(end) if reading.severity() == Severity::Failure => format!("{why}; {end}"),
                _ => why,
            }
        };
        if let Some(fate) = group.fate.as_ref().filter(|_| group.ruled.is_empty())
            && let Some(rule) = fate.rules.first()
        {
            let changed = format!("{t} is changed; all its objects are inside others");
            findings.add(Finding {
                severity: reading.severity(),
                object: place_of(survey, *addr),
                julia_type: Some(t.clone()),
                rule: Some(rule.id.clone()),
                text: text(rule, changed),
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
            let mut text = text(rule, format!("{t} is changed"));
            let end = forecast.end_at(&instance.place);
            if let Some(end) = end.filter(|end| end.root == Some(*addr) && !end.left)
                && ends.insert(Arc::clone(&end.place))
            {
                severity = Severity::Failure;
                text = format!("{text}; {}", end.text);
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
    ends
}

/// What is left of types that rules change, since more is amiss with them.
pub(super) fn left(
    forecast: &Forecast,
    survey: &Survey,
    groups: &BTreeMap<RelAddr, Group<'_>>,
    findings: &mut Findings,
) {
    for (addr, group) in groups {
        let Some(left) = forecast.types.get(addr).and_then(|told| told.left.as_ref()) else {
            continue;
        };
        let Some(text) = left.text.clone().filter(|_| group.is_whole()) else { continue };
        findings.add(Finding {
            severity: left.severity(),
            object: place_of(survey, *addr),
            julia_type: Some(group.committed.julia_type.to_string()),
            rule: None,
            text,
            said: None,
            printed: 0,
            count: 1,
            remedy: Remedy::None,
            when: When::Load,
        });
    }
}

/// Datasets whose loading ends with an error, but those of which it is told already.
pub(super) fn ends(
    types: &TypeTable<'_>,
    forecast: &Forecast,
    groups: &BTreeMap<RelAddr, Group<'_>>,
    told: &BTreeSet<Arc<str>>,
    findings: &mut Findings,
) -> h5::Result<()> {
    for end in forecast.ends.iter().filter(|end| !told.contains(&end.place)) {
        let rule = end.root.filter(|_| !end.left).and_then(|root| rule_of(groups, root));
        let root = end.root.map(|root| types.committed(root)).transpose()?;
        findings.add(Finding {
            severity: if end.now { Severity::Failure } else { Severity::Warning },
            object: end.place.to_string(),
            julia_type: root.map(|root| root.julia_type.to_string()),
            rule: rule.map(|rule| rule.id.clone()),
            text: end.text.clone(),
            said: None,
            printed: 0,
            count: 1,
            remedy: if rule.is_some() { Remedy::Rule } else { Remedy::None },
            when: When::Load,
        });
    }
    Ok(())
}

/// Arrays of structs and structs of arrays that a rule turns.
pub(super) fn turned(
    types: &TypeTable<'_>,
    forecast: &Forecast,
    turns: &Turns<'_>,
    findings: &mut Findings,
) -> h5::Result<()> {
    for turned in turns.types.values() {
        if !turned.is_used() {
            continue;
        }
        let told = forecast.types.get(&turned.committed.addr);
        let severity = told.map_or(Severity::Note, |told| told.reading.severity());
        let [from, to] = turned.told(types)?;
        let (rule, t) = (&turned.rule, turned.committed.julia_type.to_string());
        let why =
            if rule.why.is_empty() { format!("{from} becomes {to}") } else { rule.why.clone() };
        findings.add(Finding {
            severity,
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
