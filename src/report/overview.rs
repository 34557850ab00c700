//! Prints what was found in an archive, as a block of text: what is taken, what is missing, what is
//! odd.

use crate::archive::{Archive, Found, Gaps, Ranges, Selection, Why, gaps};
use crate::text;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::RangeInclusive;

/// Most items of a list that a person has to read.
const FEW: usize = 10;
/// Most names of a list in one line.
const NAMED: usize = 3;

/// What was found in an archive and how much of it a range takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overview {
    /// Files in the archive.
    pub found: u64,
    /// What was looked for, in words.
    pub wanted: String,
    /// How many directories below they are in, where any are.
    pub below: Option<u64>,
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
    /// Numbers missing in the range between the first file and the last of each series.
    pub gaps: Gaps,
    /// The same for each series that has gaps, by what its files' names begin with; empty where there
    /// is one series only.
    pub gaps_of: Vec<(String, Gaps)>,
    /// Ranges that were asked for and hold no file.
    pub unmatched: Vec<RangeInclusive<u64>>,
    /// Names of files of one series that share their number, in groups.
    pub twins: Vec<Vec<String>>,
    /// What has an output's name and is not a file, with the reason.
    pub obstacles: Vec<String>,
    /// What may have been meant as an output, with the reason.
    pub ignored: Vec<String>,
    /// JLD2 files with other names.
    pub foreign: Vec<String>,
    /// Files that are neither.
    pub other_files: u64,
    /// Files without a number, which a range does not take.
    pub unnumbered: u64,
    /// How many have a name that is not UTF-8.
    pub not_text: u64,
    /// Directories below that cannot be listed, with the reason.
    pub unlisted: Vec<String>,
}

impl Overview {
    /// Looks over what was found of `selection`, of which `ranges` are taken.
    pub fn new(archive: &Archive, selection: &Selection, ranges: &Ranges) -> Self {
        let mut numbers = archive.numbers();
        numbers.sort_unstable();
        let taken = || archive.files.iter().filter(|file| ranges.takes(file.number));
        let dirs: BTreeSet<&str> = archive.files.iter().map(Found::dir).collect();
        let below = dirs.iter().any(|dir| !dir.is_empty()).then_some(dirs.len() as u64);
        let unnumbered = archive.files.iter().filter(|file| file.number.is_none()).count() as u64;
        let (gaps, gaps_of) = all_gaps(archive, ranges);
        let (foreign, ignored) =
            archive.ignored.iter().partition::<Vec<_>, _>(|it| it.why == Why::Foreign);
        let name = |name: &std::ffi::OsStr| text::tame(&name.to_string_lossy());
        Self {
            found: archive.files.len() as u64,
            wanted: selection.shown(),
            below,
            span: numbers.first().copied().zip(numbers.last().copied()),
            bytes: archive.bytes(),
            range: (!ranges.is_all()).then(|| ranges.to_string()),
            taken: taken().count() as u64,
            taken_bytes: taken().fold(0, |sum, file| sum.saturating_add(file.bytes)),
            gaps,
            gaps_of,
            unmatched: if ranges.is_all() { Vec::new() } else { ranges.unmatched(&numbers) },
            twins: archive
                .twins()
                .into_iter()
                .filter(|group| group.iter().any(|file| ranges.takes(file.number)))
                .map(|group| group.iter().map(|file| file.name.clone()).collect())
                .collect(),
            obstacles: taken()
                .filter_map(|file| Some(format!("{}: {}", file.name, file.obstacle.as_ref()?)))
                .collect(),
            ignored: ignored.iter().map(|it| format!("{}: {}", name(&it.name), it.why)).collect(),
            foreign: foreign.iter().map(|it| name(&it.name)).collect(),
            other_files: archive.other_files,
            unnumbered: if ranges.is_all() { 0 } else { unnumbered },
            not_text: archive.ignored.iter().filter(|it| it.why == Why::NotText).count() as u64,
            unlisted: archive.unlisted.iter().map(|it| text::tame(&it.to_string())).collect(),
        }
    }

    /// The block of text, without a title.
    pub fn block(&self) -> String {
        let mut block = String::new();
        let mut files = text::count(self.found, "file");
        if let Some(below) = self.below {
            let _ = write!(files, " in {}", text::count(below, "directory"));
        }
        let _ = match self.span {
            None if self.found == 0 => writeln!(block, "  found       no output files"),
            None => writeln!(block, "  found       {files}, {}", text::bytes(self.bytes)),
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
        if self.unnumbered > 0 {
            let files = text::count(self.unnumbered, "file");
            let _ = writeln!(block, "              {files} without a number: no range takes them");
        }
        if self.gaps.missing > 0 && self.gaps_of.is_empty() {
            let _ = writeln!(block, "  gaps        {}", missing(&self.gaps));
        }
        let of = |(series, gaps): &(String, Gaps)| format!("{series}: {}", missing(gaps));
        list(&mut block, "gaps", &self.gaps_of.iter().map(of).collect::<Vec<_>>());
        if !self.unmatched.is_empty() {
            let few: Vec<_> = self.unmatched.iter().take(FEW).cloned().collect();
            let _ = writeln!(block, "  no files    in {}", text::ranges(&few));
        }
        let twins: Vec<String> = self.twins.iter().map(|names| names.join(" and ")).collect();
        list(&mut block, "same number", &twins);
        list(&mut block, "not a file", &self.obstacles);
        list(&mut block, "unread", &self.unlisted);
        if !self.unlisted.is_empty() {
            let many = self.unlisted.len() as u64;
            let (dirs, cannot) = match many {
                1 => ("this directory", "nobody knows what is in it"),
                _ => ("these directories", "nobody knows what is in them"),
            };
            let _ = writeln!(block, "              ({dirs} cannot be listed: {cannot})");
        }
        list(&mut block, "left out", &self.ignored);
        if !self.foreign.is_empty() {
            let many = self.foreign.len() as u64;
            let files = text::count(many, "file");
            let (wanted, names) = (text::tame(&self.wanted), text::few(&self.foreign, NAMED));
            let title = if self.ignored.is_empty() { "left out" } else { "" };
            let does = if many == 1 { "does" } else { "do" };
            let _ = writeln!(
                block,
                "  {title:<11} {files} {does} not match {wanted}: {names}\n              \
                 (--match '*.jld2' takes all JLD2 files)"
            );
        }
        block
    }
}

/// What is missing in each series of numbered files: of all together, and of each where there are
/// several.
fn all_gaps(archive: &Archive, ranges: &Ranges) -> (Gaps, Vec<(String, Gaps)>) {
    let mut series: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for file in &archive.files {
        if let (Some(name), Some(number)) = (file.series(), file.number) {
            series.entry(name).or_default().push(number);
        }
    }
    let many = series.len() > 1;
    let (mut all, mut each) = (Gaps::default(), Vec::new());
    for (name, mut numbers) in series {
        numbers.sort_unstable();
        let found = gaps(&numbers, ranges, FEW);
        all.missing = all.missing.saturating_add(found.missing);
        all.runs = all.runs.saturating_add(found.runs);
        if many && found.missing > 0 {
            each.push((text::tame(name), found));
        } else if !many {
            all = found;
        }
    }
    (all, each)
}

/// `2 numbers missing: 3-4`
fn missing(gaps: &Gaps) -> String {
    let shown = text::ranges(&gaps.first);
    let more = gaps.runs.saturating_sub(gaps.first.len() as u64);
    let more =
        if more > 0 { format!(" and {}", text::count(more, "further gap")) } else { String::new() };
    format!("{} missing: {shown}{more}", text::count(gaps.missing, "number"))
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
            number: Some(*number),
            head: Some(7),
            path: "/in".into(),
            bytes: 897_294,
            modified: None,
            obstacle: None,
        };
        Archive { files: numbers.iter().map(file).collect(), ..Archive::default() }
    }

    fn block(archive: &Archive, range: &str) -> String {
        Overview::new(archive, &Selection::default(), &range.parse().unwrap()).block()
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
        left out    output_99999999999999999999.jld2: the number does not fit 64 bits
                    1 file does not match output_NNNNN.jld2: output_\u{1b}[2J.jld2
                    (--match '*.jld2' takes all JLD2 files)
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
        left out    13 files do not match output_NNNNN.jld2: map0.jld2, map1.jld2, map2.jld2 and 10 more
                    (--match '*.jld2' takes all JLD2 files)
        ");
    }
}
