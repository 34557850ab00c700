//! Sums up what was found out about the files of an archive.

use super::estimate::Estimate;
use super::list::ScanFile;
use super::task::{Found, Seen, problem};
use crate::archive::{Name, Ranges, Selection, classify, gaps};
use crate::inspect::{Action, Case, Kind};
use crate::migrate::Readers;
use crate::text;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Items of a list that are kept; all are counted.
const MOST: usize = 100;

/// Files of one era.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EraRow {
    /// Which: short names of Mera's eras, or what the files are where they are not Mera's.
    pub era: String,
    /// How many files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Warnings that JLD2 prints while it loads all of them.
    pub warnings: u64,
    /// Files that are not loaded today.
    pub fail: u64,
    /// Files that a patch brings up to date.
    pub patch: u64,
    /// Files that have to be laid out again.
    pub rewrite: u64,
    /// Files that need nothing.
    pub current: u64,
}

/// Files of one directory whose names begin alike.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Series {
    /// The directory.
    pub dir: String,
    /// What the names begin with.
    pub prefix: String,
    /// Files with a number.
    pub files: u64,
    /// The lowest number.
    pub first: u64,
    /// The highest number.
    pub last: u64,
    /// Numbers between them that no file has.
    pub missing: u64,
    /// The first of these, as `3, 5-9`.
    pub gaps: String,
    /// Files that share their number with another.
    pub twins: Vec<Vec<String>>,
}

/// A file, and what is to be said of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Its path.
    pub path: String,
    /// What there is to say.
    pub what: String,
}

/// What an archive holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Catalogue {
    /// Files that were looked into.
    pub files: u64,
    /// Directories that they are in.
    pub dirs: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// Bytes of data in those that could be read.
    pub bytes_data: u64,
    /// Datasets in those that could be read.
    pub datasets: u64,
    /// Files by era, the most first.
    pub eras: Vec<EraRow>,
    /// How many files are each case.
    pub cases: BTreeMap<Case, u64>,
    /// Files with data in each codec; `none` are those without any.
    pub codecs: BTreeMap<String, u64>,
    /// What readers that are built on HDF5 cannot open, in all files.
    pub readers: Readers,
    /// Files in which there is any of it.
    pub unportable: u64,
    /// Files by directory and beginning of their names.
    pub series: Vec<Series>,
    /// The first files whose name and content give different numbers of the output.
    pub misnamed: Vec<Named>,
    /// How many there are.
    pub misnamed_files: u64,
    /// The first files that are damaged, cut short or cannot be read.
    pub damaged: Vec<Named>,
    /// How many there are.
    pub damaged_files: u64,
    /// The first files that can be read, but not converted.
    pub refused: Vec<Named>,
    /// How many there are.
    pub refused_files: u64,
    /// The first files that are not JLD2's.
    pub foreign: Vec<Named>,
    /// How many there are.
    pub foreign_files: u64,
    /// Whether all data were read.
    pub content: bool,
    /// Files to be patched, and their bytes.
    pub patch_files: u64,
    /// Their bytes.
    pub patch_bytes: u64,
    /// Bytes that patches append to them, all together.
    pub appended: u64,
    /// Files to be laid out again.
    pub rewrite_files: u64,
    /// Their bytes.
    pub rewrite_bytes: u64,
    /// Files to be converted whose names a run takes only where it is told so: they are not numbered as
    /// outputs.
    pub other_names: u64,
    /// Directories that could not be listed, and why: what is in them is missing here.
    pub unlisted: Vec<String>,
    /// What was left out, and why.
    pub left_out: Vec<String>,
    /// What a conversion of all of it takes; none where nothing is to do or nothing was measured.
    pub estimate: Option<Estimate>,
}

/// The directory of a series, and what its files' names begin with.
type SeriesName = (String, String);
/// Files with their numbers.
type Numbered = Vec<(u64, Box<str>)>;

/// Makes a [`Catalogue`], file by file.
#[derive(Debug, Default)]
pub struct Cataloguer {
    out: Catalogue,
    dirs: BTreeSet<String>,
    eras: BTreeMap<String, EraRow>,
    /// Numbers and names by directory and prefix, in order of the numbers.
    series: BTreeMap<SeriesName, Numbered>,
}

impl Cataloguer {
    /// For a scan that reads all data, or not, and could not look everywhere.
    pub fn new(content: bool, unlisted: Vec<String>, left_out: Vec<String>) -> Self {
        let out = Catalogue { content, unlisted, left_out, ..Catalogue::default() };
        Self { out, ..Self::default() }
    }

    /// Takes in a file.
    pub fn add(&mut self, file: &ScanFile, found: &Found) {
        self.out.files += 1;
        self.out.bytes = self.out.bytes.saturating_add(file.bytes);
        let dir = file.dir().display().to_string();
        if !self.dirs.contains(&dir) {
            self.dirs.insert(dir.clone());
        }
        if let Some(number) = file.number {
            let name = file.path.file_name().unwrap_or_default().to_string_lossy();
            self.series
                .entry((dir, file.prefix().into_owned()))
                .or_default()
                .push((number, name.into()));
        }
        let problem = problem(found);
        let seen = found.as_ref().ok().map(|scan| &scan.seen);
        let case = match seen {
            Some(Seen::Read(glance)) => glance.verdict.case,
            Some(Seen::Refused(refusal)) => refusal.outlook("").case,
            None => Case::Unreadable,
        };
        *self.out.cases.entry(case).or_default() += 1;
        if let Some(Seen::Read(glance)) = seen {
            self.read(file, glance);
        }
        let Some(what) = problem else { return };
        let named = Named { path: file.path.display().to_string(), what };
        let (list, count) = match (seen, case) {
            (_, Case::Foreign) => (&mut self.out.foreign, &mut self.out.foreign_files),
            (Some(Seen::Read(glance)), _) if matches!(glance.action, Action::Refuse { .. }) => {
                (&mut self.out.refused, &mut self.out.refused_files)
            }
            _ => (&mut self.out.damaged, &mut self.out.damaged_files),
        };
        *count += 1;
        if list.len() < MOST {
            list.push(named);
        }
    }

    fn read(&mut self, file: &ScanFile, glance: &crate::inspect::Glance) {
        let out = &mut self.out;
        let name = file.path.file_name().unwrap_or_default();
        let usual = matches!(classify(name, "", &Selection::default()), Name::Taken(_));
        let changes = matches!(glance.action, Action::Patch { .. } | Action::Rewrite { .. });
        out.other_names += u64::from(changes && !usual);
        out.bytes_data = out.bytes_data.saturating_add(glance.bytes_data);
        out.datasets = out.datasets.saturating_add(glance.datasets);
        let era = match glance.eras.as_slice() {
            [] => match glance.kind {
                Kind::Mera => "none".to_owned(),
                kind => kind.to_string(),
            },
            _ => glance.era(),
        };
        let row = self.eras.entry(era).or_default();
        row.files += 1;
        row.bytes = row.bytes.saturating_add(file.bytes);
        row.warnings = row.warnings.saturating_add(glance.verdict.warnings.unwrap_or(0));
        row.fail += u64::from(glance.verdict.case == Case::Fails);
        match glance.action {
            Action::Patch { bytes_appended, .. } => {
                row.patch += 1;
                out.patch_files += 1;
                out.patch_bytes = out.patch_bytes.saturating_add(file.bytes);
                out.appended = out.appended.saturating_add(bytes_appended);
            }
            Action::Rewrite { .. } => {
                row.rewrite += 1;
                out.rewrite_files += 1;
                out.rewrite_bytes = out.rewrite_bytes.saturating_add(file.bytes);
            }
            Action::Nothing => row.current += 1,
            Action::Refuse { .. } => {}
        }
        for codec in glance.codecs.keys() {
            *out.codecs.entry(codec.clone()).or_default() += 1;
        }
        if glance.codecs.is_empty() {
            *out.codecs.entry("none".to_owned()).or_default() += 1;
        }
        out.readers.add(&glance.readers);
        out.unportable += u64::from(glance.readers != Readers::default());
        if let (Some(number), Some(inside)) = (file.number, glance.output)
            && u64::try_from(inside) != Ok(number)
        {
            out.misnamed_files += 1;
            if out.misnamed.len() < MOST {
                let what = format!("says inside that it is output {inside}");
                out.misnamed.push(Named { path: file.path.display().to_string(), what });
            }
        }
    }

    /// The catalogue of what was taken in.
    pub fn finish(mut self) -> Catalogue {
        self.out.dirs = self.dirs.len() as u64;
        let rows = self.eras.into_iter().map(|(era, row)| EraRow { era, ..row });
        self.out.eras = rows.collect();
        self.out.eras.sort_by_key(|row| std::cmp::Reverse(row.files));
        self.out.series = self.series.into_iter().map(series).collect();
        self.out
    }
}

fn series(((dir, prefix), mut files): (SeriesName, Numbered)) -> Series {
    files.sort();
    let numbers: Vec<u64> = files.iter().map(|(number, _)| *number).collect();
    let found = gaps(&numbers, &Ranges::all(), 10);
    let further = found.runs.saturating_sub(found.first.len() as u64);
    let twins = files.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1);
    let twins = twins.map(|group| group.iter().map(|(_, name)| name.to_string()).collect());
    Series {
        dir,
        prefix,
        files: files.len() as u64,
        first: numbers.first().copied().unwrap_or(0),
        last: numbers.last().copied().unwrap_or(0),
        missing: found.missing,
        gaps: format!("{}{}", text::ranges(&found.first), text::and_more(further)),
        twins: twins.take(MOST).collect(),
    }
}
