//! Defines how a file stands with today's Julia, and what to run.

use serde::{Deserialize, Serialize};

/// Which case a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Case {
    /// As the target writes it: nothing to do.
    Current,
    /// Read without a warning, with types that the target keeps in another way.
    Older,
    /// Read with warnings.
    Warns,
    /// Read without an error, but what is added to it would destroy data.
    Endangered,
    /// Loading it ends with an error.
    Fails,
    /// Damaged or cut short.
    Damaged,
    /// Not a file of JLD2's.
    Foreign,
    /// It cannot be opened.
    Unreadable,
}

/// How a file stands, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlook {
    /// Which case it is.
    pub case: Case,
    /// Warnings that JLD2 prints while it loads the whole file; none where loading ends with an
    /// error before all were printed.
    pub warnings: Option<u64>,
    /// Findings that end the loading.
    pub failures: u64,
    /// Warnings and failures that a conversion with default options leaves.
    pub left: u64,
    /// All of it in a sentence.
    pub text: String,
    /// The command line that helps; none where nothing need or can be done.
    pub run: Option<String>,
}
