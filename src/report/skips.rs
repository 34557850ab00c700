//! Gathers files that are skipped, so that they take a line together and not one each: a run that
//! goes on may have ten thousand.

use super::line::said;
use crate::supervisor::JobRecord;
use crate::text;

/// Most names that are given of one reason.
const NAMES: usize = 3;
/// Most reasons that are told apart.
const REASONS: usize = 8;

/// Files that were skipped and not told of.
#[derive(Debug, Default)]
pub(super) struct Skips(Vec<Group>);

#[derive(Debug)]
struct Group {
    why: String,
    count: u64,
    names: Vec<String>,
}

impl Skips {
    /// Takes note of a file that was skipped.
    pub(super) fn note(&mut self, record: &JobRecord) {
        let full = self.0.len() >= REASONS;
        let why = said(record);
        let known = self.0.iter().position(|group| group.why == why);
        let place = match known {
            Some(place) => place,
            None if full => REASONS - 1,
            None => {
                self.0.push(Group { why, count: 0, names: Vec::new() });
                self.0.len() - 1
            }
        };
        let Some(group) = self.0.get_mut(place) else { return };
        if known.is_none() && full {
            "several reasons".clone_into(&mut group.why);
        }
        group.count += 1;
        if group.names.len() < NAMES {
            group.names.push(text::tame(&record.name));
        }
    }

    /// The lines of what was gathered, one for each reason; it begins anew.
    pub(super) fn take(&mut self) -> Vec<String> {
        let lines = std::mem::take(&mut self.0).into_iter().map(|group| {
            let Group { why, count, names } = group;
            if count == 1 {
                return format!("skipped    {}  {why}", names.concat());
            }
            let more = text::and_more(count.saturating_sub(names.len() as u64));
            let files = text::count(count, "file");
            format!("skipped    {files}  {why}: {}{more}", names.join(", "))
        });
        lines.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::line::tests::record;
    use crate::supervisor::JobOutcome;

    #[test]
    fn a_line_for_each_reason() {
        let mut skips = Skips::default();
        for number in 100..1100 {
            let mut record = record(number, JobOutcome::Skipped);
            if number == 777 {
                record.message = Some("in the way".into());
            }
            skips.note(&record);
        }
        let lines = skips.take();
        assert_eq!(
            lines,
            [
                "skipped    999 files  complete output there: output_00100.jld2, output_00101.jld2, output_00102.jld2 and 996 more",
                "skipped    output_00777.jld2  in the way",
            ]
        );
        assert!(skips.take().is_empty());
        for number in 0..100 {
            let mut record = record(number, JobOutcome::Skipped);
            record.message = Some(format!("reason {number}"));
            skips.note(&record);
        }
        let lines = skips.take();
        assert_eq!(lines.len(), REASONS);
        assert!(lines[7].starts_with("skipped    93 files  several reasons: "), "{lines:?}");
    }
}
