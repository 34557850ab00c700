//! Prints what was found in an archive, as a block of text: what is taken, what is missing, what is
//! odd.

use crate::archive::{Archive, Gaps, Ranges, Why, gaps};
use crate::text;
use std::fmt::Write as _;
use std::ops::RangeInclusive;

/// Most items of a list that a person has to read.
const FEW: usize = 10;

/// What was found in an archive and how much of it a range takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overview {
    /// Files in the archive.
    pub found: u64,
    /// Their first and last number.
    pub span: Option<(u64, u64)>,
    /// Their sizes in bytes.
    pub bytes: u64,
    /// The numbers asked for, where that is not all of them.
    pub range: Option<String>,
    /// Files in the range.
    pub taken: u64,
    /// Their sizes in bytes.
    pub taken_bytes: u64,
    /// Numbers missing in the range between the first file and the last.
    pub gaps: Gaps,
    /// Ranges that were asked for and hold no file.
    pub unmatched: Vec<RangeInclusive<u64>>,
    /// Names of files that share their number, in groups.
    pub twins: Vec<Vec<String>>,
    /// What has an output's name and is not a file, with the reason.
    pub obstacles: Vec<String>,
    /// What may have been meant as an output, with the reason.
    pub ignored: Vec<String>,
    /// How many have a name that is not UTF-8.
    pub not_text: u64,
}

impl Overview {
    /// Looks over what was found, of which `ranges` are taken.
    pub fn new(archive: &Archive, ranges: &Ranges) -> Self {
        let numbers = archive.numbers();
        let taken = || archive.files.iter().filter(|file| ranges.contains(file.number));
        Self {
            found: archive.files.len() as u64,
            span: numbers.first().copied().zip(numbers.last().copied()),
            bytes: archive.bytes(),
            range: (!ranges.is_all()).then(|| ranges.to_string()),
            taken: taken().count() as u64,
            taken_bytes: taken().fold(0, |sum, file| sum.saturating_add(file.bytes)),
            gaps: gaps(&numbers, ranges, FEW),
            unmatched: if ranges.is_all() { Vec::new() } else { ranges.unmatched(&numbers) },
            twins: archive
                .twins()
                .filter(|group| group.iter().any(|file| ranges.contains(file.number)))
                .map(|group| group.iter().map(|file| file.name.clone()).collect())
                .collect(),
            obstacles: taken()
                .filter_map(|file| Some(format!("{}: {}", file.name, file.obstacle.as_ref()?)))
                .collect(),
            ignored: archive
                .ignored
                .iter()
                .map(|it| format!("{}: {}", text::tame(&it.name.to_string_lossy()), it.why))
                .collect(),
            not_text: archive.ignored.iter().filter(|it| it.why == Why::NotText).count() as u64,
        }
    }

    /// The block of text, without a title.
    pub fn block(&self) -> String {
        let mut block = String::new();
        let files = text::count(self.found, "file");
        let _ = match self.span {
            None => writeln!(block, "  found       no output files"),
            Some((first, last)) if first == last => {
                writeln!(
                    block,
                    "  found       {files}, output {first}, {}",
                    text::bytes(self.bytes)
                )
            }
            Some((first, last)) => {
                let bytes = text::bytes(self.bytes);
                writeln!(block, "  found       {files}, outputs {first} to {last}, {bytes}")
            }
        };
        if let Some(range) = &self.range {
            let (files, bytes) = (text::count(self.taken, "file"), text::bytes(self.taken_bytes));
            let _ = writeln!(block, "  range       {range} takes {files}, {bytes}");
        }
        if self.gaps.missing > 0 {
            let shown = text::ranges(&self.gaps.first);
            let more = self.gaps.runs.saturating_sub(self.gaps.first.len() as u64);
            let more = if more > 0 {
                format!(" and {}", text::count(more, "further gap"))
            } else {
                String::new()
            };
            let missing = text::count(self.gaps.missing, "number");
            let _ = writeln!(block, "  gaps        {missing} missing: {shown}{more}");
        }
        if !self.unmatched.is_empty() {
            let few: Vec<_> = self.unmatched.iter().take(FEW).cloned().collect();
            let _ = writeln!(block, "  no files    in {}", text::ranges(&few));
        }
        let twins: Vec<String> = self.twins.iter().map(|names| names.join(" and ")).collect();
        list(&mut block, "same number", &twins);
        list(&mut block, "not a file", &self.obstacles);
        list(&mut block, "left out", &self.ignored);
        block
    }
}

fn list(block: &mut String, title: &str, items: &[String]) {
    let mut title = title;
    for item in items.iter().take(FEW) {
        let _ = writeln!(block, "  {title:<11} {item}");
        title = "";
    }
    if let Some(more) = items.len().checked_sub(FEW).filter(|more| *more > 0) {
        let _ = writeln!(block, "  {:<11} and {more} more", "");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{Found, Ignored, Obstacle};

    fn archive(numbers: &[u64]) -> Archive {
        let file = |number: &u64| Found {
            name: format!("output_{number:05}.jld2"),
            number: *number,
            path: "/in".into(),
            bytes: 897_294,
            modified: None,
            obstacle: None,
        };
        Archive { files: numbers.iter().map(file).collect(), ignored: Vec::new() }
    }

    fn block(archive: &Archive, range: &str) -> String {
        Overview::new(archive, &range.parse().unwrap()).block()
    }

    #[test]
    fn a_whole_archive() {
        insta::assert_snapshot!(block(&archive(&[100, 101, 102]), "0-"), @"  found       3 files, outputs 100 to 102, 2.6 MiB");
        insta::assert_snapshot!(block(&archive(&[7]), "0-"), @"  found       1 file, output 7, 876.3 KiB");
        insta::assert_snapshot!(block(&archive(&[]), "0-"), @"  found       no output files");
    }

    #[test]
    fn what_is_odd_is_named() {
        let mut odd = archive(&[1, 2, 2, 5, 9, 30]);
        odd.files[1].name = "output_2.jld2".into();
        odd.files[3].obstacle = Some(Obstacle::NotAFile("a directory"));
        odd.ignored = vec![
            Ignored { name: "output_\u{1b}[2J.jld2".into(), why: Why::Foreign },
            Ignored { name: "output_99999999999999999999.jld2".into(), why: Why::TooLarge },
        ];
        insta::assert_snapshot!(block(&odd, "0-9,20,25-40"), @r"
        found       6 files, outputs 1 to 30, 5.1 MiB
        range       0-9,20,25-40 takes 6 files, 5.1 MiB
        gaps        11 numbers missing: 3-4, 6-8, 20, 25-29
        no files    in 20
        same number output_2.jld2 and output_00002.jld2
        not a file  output_00005.jld2: it is a directory, not a file
        left out    output_\u{1b}[2J.jld2: not named as an output of this archive
                    output_99999999999999999999.jld2: the number does not fit 64 bits
        ");
    }

    #[test]
    fn many_gaps_are_counted() {
        let numbers: Vec<u64> = (0..40).map(|number| number * 3).collect();
        insta::assert_snapshot!(block(&archive(&numbers), "0-"), @r"
        found       40 files, outputs 0 to 117, 34.2 MiB
        gaps        78 numbers missing: 1-2, 4-5, 7-8, 10-11, 13-14, 16-17, 19-20, 22-23, 25-26, 28-29 and 29 further gaps
        ");
    }

    #[test]
    fn many_odd_names_are_counted() {
        let mut odd = archive(&[1]);
        odd.ignored = (0..13)
            .map(|number| Ignored { name: format!("map{number}.jld2").into(), why: Why::Foreign })
            .collect();
        insta::assert_snapshot!(block(&odd, "0-"), @r"
        found       1 file, output 1, 876.3 KiB
        left out    map0.jld2: not named as an output of this archive
                    map1.jld2: not named as an output of this archive
                    map2.jld2: not named as an output of this archive
                    map3.jld2: not named as an output of this archive
                    map4.jld2: not named as an output of this archive
                    map5.jld2: not named as an output of this archive
                    map6.jld2: not named as an output of this archive
                    map7.jld2: not named as an output of this archive
                    map8.jld2: not named as an output of this archive
                    map9.jld2: not named as an output of this archive
                    and 3 more
        ");
    }
}
