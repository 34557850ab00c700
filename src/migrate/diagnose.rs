//! What a reader of the target would meet, beyond what rules mend.

use super::finding::{Finding, Findings, Severity};
use super::plan::Group;
use super::survey::Survey;
use super::target::{Resolution, Target};
use crate::h5::{self, RelAddr};
use crate::julia::TypeTable;
use std::collections::BTreeMap;

/// What the target cannot decode; the reason for a rewrite, if there is one.
pub(super) fn filters(survey: &Survey, target: &Target, findings: &mut Findings) -> Option<String> {
    let mut rewrite = None;
    for (filter, count, place) in &survey.filters {
        let known = target.filter(filter.id);
        let shown = known.map_or_else(
            || filter.name.clone().unwrap_or_else(|| "unknown".into()),
            |k| k.name.clone(),
        );
        let problem = match known {
            None => Some("the target does not know this filter".to_owned()),
            Some(k) if !k.reads => Some(k.why.clone().unwrap_or_else(|| "the target cannot decode it".into())),
            Some(k) => k
                .client_values
                .filter(|(least, most)| !(*least..=*most).contains(&filter.client.len()))
                .map(|_| format!("the target fails on {} client values", filter.client.len())),
        };
        let Some(problem) = problem else { continue };
        let text = format!("data filtered with {shown} (id {}): {problem}", filter.id);
        rewrite.get_or_insert_with(|| format!("{place}: {text}"));
        findings.add(Finding {
            severity: Severity::Failure,
            object: place.to_string(),
            julia_type: None,
            rule: None,
            text,
            count: *count,
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
                   give a number away twice and lose data"
                .into(),
            count: 1,
        });
    }
}

/// Types that are used but that the target cannot resolve, or has with other fields.
pub(super) fn types(
    types: &TypeTable<'_>,
    target: &Target,
    survey: &Survey,
    groups: &BTreeMap<RelAddr, Group<'_>>,
    findings: &mut Findings,
) -> h5::Result<()> {
    for (addr, (count, place)) in &survey.uses {
        if groups.get(addr).is_some_and(|g| g.whole) {
            continue;
        }
        let c = types.committed(*addr)?;
        let name = c.julia_type.name();
        // Tuples of today are written without a module.
        if !name.contains('.') {
            continue;
        }
        let (severity, text) = match target.resolve(name) {
            Resolution::Gone => {
                (Severity::Warning, format!("type {name} does not exist in {}: reconstructed", target.title))
            }
            Resolution::Foreign => (
                Severity::Note,
                format!("type {name} is none of {}: load its package first, or it is reconstructed", target.title),
            ),
            Resolution::Loaded => continue,
            Resolution::Defined(def) => {
                let stored = |n: &str| c.fields.iter().any(|f| f.name == n && f.offset.is_some());
                let missing: Vec<_> = def
                    .fields
                    .iter()
                    .filter(|f| f.is_stored() && !stored(&f.name))
                    .map(|f| f.name.as_str())
                    .collect();
                if missing.is_empty() || c.written_type.is_some() {
                    continue;
                }
                (
                    Severity::Warning,
                    format!("type {name} lacks the fields {}: reconstructed", missing.join(", ")),
                )
            }
        };
        findings.add(Finding {
            severity,
            object: place.to_string(),
            julia_type: Some(c.julia_type.to_string()),
            rule: None,
            text,
            count: *count,
        });
    }
    Ok(())
}
