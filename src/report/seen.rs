//! Holds what a look at some of an archive's files told.

use crate::text;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What some files are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// Files that were looked into.
    pub looked: u64,
    /// Of so many.
    pub of: u64,
    /// How many are of which era.
    pub eras: BTreeMap<String, u64>,
    /// How many stand how with today's Julia; in words without their number.
    pub cases: BTreeMap<&'static str, u64>,
    /// Bytes that undo files of them would take.
    pub undo_bytes: u64,
    /// Bytes that were read of them.
    pub read_bytes: u64,
    /// How long that took in seconds.
    pub read_seconds: f64,
}

impl Seen {
    /// The lines of text: what was seen, and of how many.
    pub fn block(&self) -> String {
        let mut block = String::new();
        if self.looked == 0 {
            if self.of > 0 {
                let _ = writeln!(block, "  files       none could be looked into within a second");
            }
            return block;
        }
        let part = match (self.looked == self.of, self.of) {
            (true, _) => String::new(),
            (false, of) => format!(" ({} of {of} looked at)", self.looked),
        };
        let eras = self.eras.iter().map(|(era, many)| format!("{many} of {}", text::tame(era)));
        let mut title = "files";
        for era in eras {
            let _ = writeln!(block, "  {title:<11} {era}{part}");
            title = "";
        }
        let cases: Vec<_> =
            self.cases.iter().map(|(case, many)| format!("{many} {case}")).collect();
        let _ = writeln!(block, "  findings    {}{part}", cases.join(", "));
        block
    }

    /// Bytes per second at which they were read; none if that cannot be told.
    pub fn rate(&self) -> Option<f64> {
        let enough = self.read_bytes > 0 && self.read_seconds > 0.0;
        enough.then(|| text::float(self.read_bytes) / self.read_seconds)
    }

    /// Bytes of all undo files, where so many files are changed; none if no file was looked into.
    pub fn undo_of(&self, files: u64) -> Option<u64> {
        let each = self.undo_bytes.checked_div(self.looked)?;
        Some(each.saturating_mul(files))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_told_with_its_share() {
        let mut seen = Seen { looked: 3, of: 3, ..Seen::default() };
        seen.eras = [("Mera 1.4".to_owned(), 2), ("up to date".to_owned(), 1)].into();
        seen.cases = [("current", 1), ("load today, with warnings", 2)].into();
        insta::assert_snapshot!(seen.block(), @r"
        files       2 of Mera 1.4
                    1 of up to date
        findings    1 current, 2 load today, with warnings
        ");
        seen.of = 120;
        assert!(seen.block().ends_with("2 load today, with warnings (3 of 120 looked at)\n"));
        assert_eq!((seen.rate(), Seen::default().rate()), (None, None));
        let none = Seen { of: 5, ..Seen::default() };
        assert!(none.block().contains("none could be looked into within a second"));
        (seen.undo_bytes, seen.read_bytes, seen.read_seconds) = (3000, 1 << 20, 0.5);
        assert_eq!((seen.undo_of(10), none.undo_of(10)), (Some(10_000), None));
        assert_eq!(seen.rate(), Some(2_097_152.0));
    }
}
