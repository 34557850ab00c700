//! Describes what a reader of the target would meet in a file.

use crate::text::and_more;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing; nothing is lost or said.
    Note,
    /// The reader warns, or reconstructs a type.
    Warning,
    /// The reader fails, or a later append would destroy data.
    Failure,
}

/// One thing that a reader of the target would meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The dataset or group that it is about, or leads to it.
    pub object: String,
    /// The Julia type that it is about, if any.
    pub julia_type: Option<String>,
    /// The rule that mends it, if any.
    pub rule: Option<String>,
    /// What happens and why.
    pub text: String,
    /// What JLD2 prints, in its own words on one line; none where it says nothing.
    pub said: Option<String>,
    /// How often it prints that while it loads the whole file: once for each committed type.
    pub printed: u64,
    /// How many objects it holds for; `object` is the first of them.
    pub count: u64,
    /// What of a conversion mends it.
    #[serde(default)]
    pub remedy: Remedy,
    /// When a reader meets it.
    #[serde(default)]
    pub when: When,
}

/// What of a conversion mends a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remedy {
    /// Nothing.
    #[default]
    None,
    /// The rule that it names.
    Rule,
    /// Each change of the file puts it right, too.
    Repair,
    /// Laying the file out again.
    Rewrite,
}

/// When a reader of the target meets a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// While it loads the file.
    #[default]
    Load,
    /// When it adds something to the file.
    Append,
}

impl Severity {
    /// Of a finding as it is [displayed](Finding), what it says behind this word; none if it is of
    /// another severity, or a rule mends it.
    pub fn unmended(self, told: &str) -> Option<&str> {
        self.said(told).filter(|said| !by_rule(said))
    }

    /// Whether a finding, as it is [displayed](Finding), is of this severity and mended by a rule.
    pub fn mended(self, told: &str) -> bool {
        self.said(told).is_some_and(by_rule)
    }

    fn said(self, told: &str) -> Option<&str> {
        told.strip_prefix(&format!("{self}: "))
    }
}

fn by_rule(said: &str) -> bool {
    said.ends_with(']') && said.contains(" [rule ")
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Failure => "failure",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = and_more(self.count.saturating_sub(1));
        write!(f, "{}: {}{more}: {}", self.severity, self.object, self.text)?;
        if let Some(rule) = &self.rule {
            write!(f, " [rule {rule}]")?;
        }
        Ok(())
    }
}

/// Findings that say the same of several objects become one.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    pub(super) fn add(&mut self, finding: Finding) {
        let same = |f: &&mut Finding| {
            f.severity == finding.severity
                && f.text == finding.text
                && f.rule == finding.rule
                && f.julia_type == finding.julia_type
                && f.said == finding.said
                && (f.remedy, f.when) == (finding.remedy, finding.when)
        };
        match self.0.iter_mut().find(same) {
            Some(known) => {
                known.count += finding.count;
                known.printed += finding.printed;
            }
            None => self.0.push(finding),
        }
    }

    /// Takes in what an earlier look gave.
    pub(super) fn of(findings: Vec<Finding>) -> Self {
        Self(findings)
    }

    /// The worst first, else in the order met.
    pub(super) fn into_sorted(mut self) -> Vec<Finding> {
        self.0.sort_by_key(|f| std::cmp::Reverse(f.severity));
        self.0
    }
}
