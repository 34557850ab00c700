//! Says in one sentence how a file stands with today's Julia, and what to run.

use super::model::{Action, Inspection, Kind, Refusal};
use super::outlook::{Case, Outlook};
use crate::migrate::{Finding, Remedy, Severity, When};
use crate::text::{count, tame};

/// The warnings that JLD2 prints of these findings.
fn printed(findings: &[Finding]) -> u64 {
    findings.iter().filter(|f| f.severity > Severity::Note).map(|f| f.printed).sum()
}

/// How a file stands of which this is known. `quoted` is its path as a shell takes it.
pub(super) fn outlook(findings: &[Finding], action: &Action, quoted: &str) -> Outlook {
    let printed = printed(findings);
    let met = |when| {
        let failed = move |f: &&Finding| f.severity == Severity::Failure && f.when == when;
        findings.iter().filter(failed)
    };
    let failures = met(When::Load).count() as u64;
    let left = findings.iter().filter(|f| f.severity > Severity::Note && !is_mended(f, action));
    let left = left.count() as u64;
    let changes = matches!(action, Action::Patch { .. } | Action::Rewrite { .. });
    let endangered = met(When::Append).next().is_some();
    let case = match (failures, printed, endangered, changes) {
        (1.., ..) => Case::Fails,
        (_, _, true, _) => Case::Endangered,
        (_, 1.., ..) => Case::Warns,
        (_, _, _, true) => Case::Older,
        // Warnings that are not JLD2's own, such as checksums that are wrong.
        _ if left > 0 => Case::Warns,
        _ => Case::Current,
    };
    let now = match (case, met(When::Load).next()) {
        (Case::Fails, Some(first)) => {
            format!("loading all of it today ends with an error at {}", tame(&first.object))
        }
        (Case::Endangered, _) => {
            "loads today, but what JLD2 adds to it would destroy data".to_owned()
        }
        _ if printed > 0 => format!("loads today with {}", count(printed, "warning")),
        _ => "loads today without a warning".to_owned(),
    };
    let all = findings.iter().filter(|f| f.severity > Severity::Note).count() as u64;
    let then = match action {
        Action::Refuse { reason } => format!("`jldconv convert` cannot help: {}", tame(reason)),
        Action::Nothing if left == 0 => "nothing to do".to_owned(),
        Action::Nothing => "`jldconv convert` does not change that".to_owned(),
        _ if all == 0 => "`jldconv convert` brings its types up to date".to_owned(),
        _ if left == 0 => "`jldconv convert` mends all".to_owned(),
        _ if left == all => {
            "`jldconv convert` brings its types up to date, but does not mend that".to_owned()
        }
        _ => format!("`jldconv convert` mends all but {left} of {all} findings"),
    };
    Outlook {
        case,
        warnings: (failures == 0).then_some(printed),
        failures,
        left,
        text: format!("{now}; {then}"),
        run: changes.then(|| format!("jldconv convert {quoted} OUT")),
    }
}

/// Whether a conversion that does `action` mends it.
fn is_mended(finding: &Finding, action: &Action) -> bool {
    match (finding.remedy, action) {
        (Remedy::None, _) | (_, Action::Nothing | Action::Refuse { .. }) => false,
        (Remedy::Rule | Remedy::Repair, _) | (Remedy::Rewrite, Action::Rewrite { .. }) => true,
        (Remedy::Rewrite, Action::Patch { .. }) => false,
    }
}

/// How a file of this kind stands, which is not JLD2's, and what helps.
pub(super) fn foreign(kind: Kind) -> Outlook {
    let text = match kind {
        Kind::Jld1 => {
            "a file of JLD.jl, JLD2's predecessor: load it in Julia with JLD.jl and save it with JLD2"
        }
        Kind::Merafile | Kind::Hdf5 => {
            "HDF5, but not as JLD2 reads it: there is nothing to convert"
        }
        _ => "not a JLD2 file: there is nothing to convert",
    };
    let (case, text) = (Case::Foreign, text.to_owned());
    Outlook { case, warnings: None, failures: 0, left: 0, text, run: None }
}

impl Inspection {
    /// How often JLD2 prints a warning while it loads the whole file, if nothing ends that. What it
    /// prints of types whose packages the user may load is not counted.
    pub fn printed(&self) -> u64 {
        printed(&self.findings)
    }

    /// Names further options of a conversion in the command line that helps, such as
    /// ` --rules mine.toml`.
    pub fn with_flags(&mut self, flags: &str) {
        if let Some(run) = &mut self.verdict.run {
            run.push_str(flags);
        }
    }
}

impl Refusal {
    /// How the file stands, and what helps. `quoted` is its path as a shell takes it.
    pub fn outlook(&self, quoted: &str) -> Outlook {
        let (case, text, run) = match self.kind {
            Kind::Damaged => (
                Case::Damaged,
                "damaged: `jldconv convert` refuses it; `jldconv rescue` saves what is whole",
                Some(format!("jldconv rescue {quoted} OUT")),
            ),
            Kind::Unreadable => (Case::Unreadable, "it cannot be read", None),
            kind => return foreign(kind),
        };
        Outlook { case, warnings: None, failures: 0, left: 0, text: text.to_owned(), run }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(severity: Severity, remedy: Remedy, when: When) -> Finding {
        Finding {
            severity,
            object: "/a".to_owned(),
            julia_type: None,
            rule: None,
            text: String::new(),
            said: None,
            printed: 0,
            count: 1,
            remedy,
            when,
        }
    }

    #[test]
    fn each_case_has_its_sentence() {
        let patch = Action::Patch { bytes_appended: 1, bytes_replaced: 1, places: 1 };
        let rewrite = Action::Rewrite { reason: "bzip2".to_owned() };
        let refuse = Action::Refuse { reason: "a filter is unknown".to_owned() };
        let warning = finding(Severity::Warning, Remedy::Rule, When::Load);
        let failure = finding(Severity::Failure, Remedy::Rewrite, When::Load);
        let lasting = finding(Severity::Warning, Remedy::None, When::Load);
        let append = finding(Severity::Failure, Remedy::None, When::Append);
        let note = finding(Severity::Note, Remedy::Rule, When::Load);
        let told = |findings: &[&Finding], printed, action: &Action| {
            let mut findings: Vec<_> = findings.iter().map(|f| (*f).clone()).collect();
            if let Some(first) = findings.first_mut() {
                first.printed = printed;
            }
            let it = outlook(&findings, action, "f.jld2");
            format!("{:?} {} | {}", it.case, it.text, it.run.unwrap_or_default())
        };
        let all = [
            told(&[], 0, &Action::Nothing),
            told(&[&note], 0, &patch),
            told(&[&warning], 1, &patch),
            told(&[&warning, &lasting], 5, &patch),
            told(&[&lasting], 1, &Action::Nothing),
            told(&[&lasting], 1, &patch),
            told(&[&failure, &note], 0, &rewrite),
            told(&[&failure], 0, &patch),
            told(&[&failure], 0, &refuse),
            told(&[&append], 0, &Action::Nothing),
        ];
        insta::assert_snapshot!(all.join("\n"));
    }
}
