//! Counts what became of files that are not JLD2.

use crate::text;
use serde::{Deserialize, Serialize};

/// What became of files that are not JLD2, in numbers of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OthersSummary {
    /// Copied in this run.
    pub copied: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Linked in this run.
    pub linked: u64,
    /// There already.
    pub there: u64,
    /// Left out, for they are pipes, sockets or devices.
    pub odd: u64,
    /// Not taken along: something else has the name, or an error.
    pub failed: u64,
    /// Not come to, for a signal ended the run.
    pub pending: u64,
}

impl OthersSummary {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            copied: self.copied.saturating_add(other.copied),
            bytes: self.bytes.saturating_add(other.bytes),
            linked: self.linked.saturating_add(other.linked),
            there: self.there.saturating_add(other.there),
            odd: self.odd.saturating_add(other.odd),
            failed: self.failed.saturating_add(other.failed),
            pending: self.pending.saturating_add(other.pending),
        }
    }
}

impl std::fmt::Display for OthersSummary {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { copied, bytes, linked, there, odd, failed, pending } = *self;
        let counts = [
            (copied, format!("{copied} copied ({})", text::bytes(bytes))),
            (linked, format!("{linked} linked")),
            (there, format!("{there} there already")),
            (odd, format!("{odd} neither files nor links, left out")),
            (failed, format!("{failed} not taken along")),
            (pending, format!("{pending} left for the next run")),
        ];
        let parts: Vec<_> = counts.into_iter().filter(|(count, _)| *count > 0).collect();
        if parts.is_empty() {
            return out.write_str("none");
        }
        out.write_str(&parts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(", "))
    }
}
