//! Lists the files to look into: those with a JLD2 file's name in directories, and files that are
//! named.

use crate::archive::{ArchiveError, Found, Glob, Ranges, Selection, Unlisted, Why, discover};
use crate::supervisor::{Plan, PlannedJob};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file to look into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanFile {
    /// Where it is.
    pub path: PathBuf,
    /// The number at the end of its name.
    pub number: Option<u64>,
    /// Its size in bytes.
    pub bytes: u64,
    /// Why it is not a file that can be read, where that shows from outside.
    pub obstacle: Option<String>,
}

/// A file, and where what is made of it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The file.
    pub file: ScanFile,
    /// What is made of it.
    pub output: PathBuf,
}

/// What is to be looked into.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScanList {
    /// The files.
    pub files: Vec<ScanFile>,
    /// Directories that could not be listed, and why.
    pub unlisted: Vec<String>,
    /// What was left out, and why.
    pub left_out: Vec<String>,
}

/// The files of a scan, as a run has them: there may be 100,000, whose paths are held once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScanFiles(pub(super) Plan);

impl ScanFiles {
    /// Those of a list.
    pub fn of(files: Vec<ScanFile>) -> Self {
        let job = |file: ScanFile| PlannedJob {
            name: file.path.to_string_lossy().into_owned(),
            number: file.number,
            input: file.path,
            output: PathBuf::new(),
            bytes: file.bytes,
            mtime_ns: 0,
            obstacle: file.obstacle,
        };
        let mut jobs = Vec::with_capacity(files.len());
        jobs.extend(files.into_iter().map(job));
        Self(Plan { jobs: Arc::new(jobs), ..Plan::default() })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.jobs.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.jobs.is_empty()
    }

    /// Their paths, in their order.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.jobs.iter().map(|job| job.input.as_path())
    }

    /// The one at `place`, counted from 0.
    pub fn get(&self, place: usize) -> Option<ScanFile> {
        self.0.jobs.get(place).map(|job| ScanFile {
            path: job.input.clone(),
            number: job.number,
            bytes: job.bytes,
            obstacle: job.obstacle.clone(),
        })
    }
}

impl ScanFile {
    /// The directory that it is counted under.
    pub fn dir(&self) -> &Path {
        let dir = self.path.parent().filter(|dir| !dir.as_os_str().is_empty());
        dir.unwrap_or(Path::new("."))
    }

    /// What its name begins with, before its number; all of the name where it has none.
    pub fn prefix(&self) -> Cow<'_, str> {
        match self.path.file_stem().unwrap_or_default().to_string_lossy() {
            Cow::Borrowed(name) => Cow::Borrowed(head(name)),
            Cow::Owned(name) => Cow::Owned(head(&name).to_owned()),
        }
    }

    /// What a run is to do with it; `output` is empty where nothing is made.
    pub(in crate::tasks) fn job(&self, output: PathBuf) -> PlannedJob {
        PlannedJob {
            // Two directories may have files of one name.
            name: self.path.to_string_lossy().into_owned(),
            number: self.number,
            input: self.path.clone(),
            output,
            bytes: self.bytes,
            mtime_ns: 0,
            obstacle: self.obstacle.clone(),
        }
    }
}

/// All files to look into, in order of their directories, prefixes and numbers; none twice, by
/// whatever path its directory is named. Of directories, what `selection` takes.
///
/// # Errors
/// A directory that is named cannot be listed.
pub fn files(
    named: &[PathBuf],
    selection: &Selection,
    range: Option<&Ranges>,
) -> Result<ScanList, ArchiveError> {
    let mut list = ScanList::default();
    for path in named {
        if path.is_file() {
            let bytes = path.metadata().map_or(0, |it| it.len());
            list.files.push(file(path.clone(), bytes, None));
            continue;
        }
        let found = discover(path, selection, None)?;
        list.files.extend(found.files.into_iter().map(of_found));
        let whole = |it: &Unlisted| format!("{}: {}", path.join(&it.name).display(), it.error);
        list.unlisted.extend(found.unlisted.iter().map(whole));
        let earlier = found.ignored.iter().filter(|it| it.why == Why::EarlierOutputs);
        let told = earlier.map(|it| format!("{}: {}", path.join(&it.name).display(), it.why));
        list.left_out.extend(told);
    }
    if let Some(range) = range {
        list.files.retain(|file| file.number.is_some_and(|number| range.contains(number)));
    }
    if named.len() > 1 {
        once_each(&mut list.files);
    }
    list.files.sort_by(|a, b| order(a).cmp(&order(b)));
    list.files.shrink_to_fit();
    for told in [&mut list.unlisted, &mut list.left_out] {
        told.sort();
        told.dedup();
    }
    Ok(list)
}

/// Leaves the first of those that are the same name in the same directory.
fn once_each(files: &mut Vec<ScanFile>) {
    // The same directory may be named twice, or a link to it, or one below it.
    let mut dirs: HashMap<PathBuf, PathBuf> = HashMap::new();
    let mut known: HashSet<PathBuf> = HashSet::new();
    files.retain(|file| {
        let real = dirs
            .entry(file.dir().to_owned())
            .or_insert_with_key(|dir| fs::canonicalize(dir).unwrap_or_else(|_| dir.clone()));
        known.insert(real.join(file.path.file_name().unwrap_or_default()))
    });
}

/// What files are sorted by: directory, prefix, number, path.
fn order(file: &ScanFile) -> (&Path, Cow<'_, str>, Option<u64>, &Path) {
    (file.dir(), file.prefix(), file.number, &file.path)
}

/// A name without the number at its end.
fn head(name: &str) -> &str {
    name.trim_end_matches(|c: char| c.is_ascii_digit())
}

/// Every file whose name ends in `.jld2`, and what `globs` match instead if there are any; with
/// `recursive`, below directories, too.
pub fn selection(globs: Vec<Glob>, recursive: bool) -> Selection {
    if !globs.is_empty() {
        return Selection::of(Vec::new(), globs, recursive);
    }
    let all = "*.jld2".parse().into_iter().collect();
    Selection { globs: all, recursive, ..Selection::default() }
}

fn of_found(found: Found) -> ScanFile {
    let obstacle = found.obstacle.as_ref().map(ToString::to_string);
    file(found.path, found.bytes, obstacle)
}

fn file(path: PathBuf, bytes: u64, obstacle: Option<String>) -> ScanFile {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let number = name.get(head(&name).len()..).and_then(|digits| digits.parse().ok());
    ScanFile { path, number, bytes, obstacle }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_of_a_directory_by_series_and_number() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["output_00002.jld2", "output_00010.jld2", "sim_3.JLD2", "notes.jld2", "x.txt"]
        {
            fs::write(dir.path().join(name), name).unwrap();
        }
        std::os::unix::fs::symlink("nowhere", dir.path().join("output_00011.jld2")).unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(dir.path(), &link).unwrap();
        let named = [dir.path().to_owned(), dir.path().join("output_00002.jld2"), link];
        let all = selection(Vec::new(), false);
        let found = files(&named, &all, None).unwrap().files;
        let told: Vec<_> = found
            .iter()
            .map(|it| (it.prefix().into_owned(), it.number, it.bytes, it.obstacle.is_some()))
            .collect();
        let told: Vec<_> = told.iter().map(|it| (it.0.as_str(), it.1, it.2, it.3)).collect();
        assert_eq!(
            told,
            [
                ("notes", None, 10, false),
                ("output_", Some(2), 17, false),
                ("output_", Some(10), 17, false),
                ("output_", Some(11), 0, true),
                ("sim_", Some(3), 10, false),
            ]
        );
        let some = files(&named, &all, Some(&"3-10".parse().unwrap())).unwrap().files;
        assert_eq!(some.len(), 2);
        assert!(files(&[dir.path().join("nowhere")], &all, None).is_err());
    }
}
