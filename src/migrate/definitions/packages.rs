//! Packages in a directory tree: `Project.toml` and the sources that `src/NAME.jl` includes.

use super::scan::{scan, scan_text};
use super::{Definitions, Place, Unclear};
use serde::Serialize;
use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

/// Directories that are looked into below the one that was named: depots keep packages two levels
/// below, repositories their sub-packages as many.
const MAX_DEPTH: usize = 6;
/// More than any depot has of what is looked at.
const MAX_DIRS: usize = 100_000;
/// Bytes of one source; honest ones take some hundred kilobytes.
const MAX_SOURCE: u64 = 16 << 20;
/// Sources of one package.
const MAX_SOURCES: usize = 10_000;

/// A package that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageSeen {
    /// Its name.
    pub name: String,
    /// Its version, if its `Project.toml` tells one.
    pub version: Option<String>,
    /// Its directory.
    pub path: PathBuf,
    /// How many sources were read.
    pub sources: usize,
    /// Versions and directories that were left aside, since this one is newer.
    pub others: Vec<(Option<String>, PathBuf)>,
}

/// Why packages cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// The directory cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The directory or file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The tree has more directories than any depot.
    #[error("{} has more than {MAX_DIRS} directories: name a smaller one", path.display())]
    TooMany {
        /// The directory.
        path: PathBuf,
    },
}

/// Reads a file of definitions.
///
/// # Errors
/// If it cannot be read, is not UTF-8, or larger than any source.
pub fn definitions_in(path: &Path) -> Result<Definitions, PackageError> {
    let text =
        source_text(path).map_err(|source| PackageError::Read { path: path.to_owned(), source })?;
    Ok(scan_text(&text, &path.display().to_string()))
}

/// Reads those packages below `dir` whose names are `wanted`; of several versions of one, the newest.
/// Links are not followed.
///
/// # Errors
/// If a directory cannot be read, or there are too many.
pub fn packages(
    dir: &Path,
    wanted: &BTreeSet<&str>,
) -> Result<(Vec<PackageSeen>, Definitions), PackageError> {
    let mut found: Vec<PackageSeen> = Vec::new();
    for (name, version, path) in projects(dir, wanted)? {
        let seen = PackageSeen { name, version, path, sources: 0, others: Vec::new() };
        match found.iter_mut().find(|known| known.name == seen.name) {
            None => found.push(seen),
            Some(known) if newer(&seen, known) => {
                let older = std::mem::replace(known, seen);
                known.others = older.others;
                known.others.push((older.version, older.path));
            }
            Some(known) => known.others.push((seen.version, seen.path)),
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    let mut all = Definitions::default();
    for package in &mut found {
        let (defined, sources) = sources(package);
        package.sources = sources;
        all.add(defined);
    }
    Ok((found, all))
}

fn newer(a: &PackageSeen, b: &PackageSeen) -> bool {
    numbers(a.version.as_deref()) > numbers(b.version.as_deref())
}

/// A version as its numbers; one without sorts first.
fn numbers(version: Option<&str>) -> Vec<u64> {
    let parts = version.unwrap_or_default().split(|c: char| !c.is_ascii_digit());
    parts.filter_map(|part| part.parse().ok()).collect()
}

type Project = (String, Option<String>, PathBuf);

/// Every wanted package below `dir`: its name, version and directory.
fn projects(dir: &Path, wanted: &BTreeSet<&str>) -> Result<Vec<Project>, PackageError> {
    let mut out = Vec::new();
    let mut pending = vec![(dir.to_owned(), 0)];
    let mut met = 0;
    while let Some((at, depth)) = pending.pop() {
        met += 1;
        if met > MAX_DIRS {
            return Err(PackageError::TooMany { path: dir.to_owned() });
        }
        if let Some((name, version)) = project(&at)
            && wanted.contains(name.as_str())
        {
            out.push((name, version, at.clone()));
        }
        if depth == MAX_DEPTH {
            continue;
        }
        let read = |source| PackageError::Read { path: at.clone(), source };
        let mut below = Vec::new();
        for entry in fs::read_dir(&at).map_err(read)? {
            let entry = entry.map_err(read)?;
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            if !hidden && entry.file_type().map_err(read)?.is_dir() {
                below.push((entry.path(), depth + 1));
            }
        }
        below.sort();
        pending.extend(below.into_iter().rev());
    }
    Ok(out)
}

/// The name and version that the `Project.toml` in a directory tells.
fn project(dir: &Path) -> Option<(String, Option<String>)> {
    let text = ["Project.toml", "JuliaProject.toml"]
        .into_iter()
        .find_map(|name| source_text(&dir.join(name)).ok())?;
    let table: toml::Table = toml::from_str(&text).ok()?;
    let name = table.get("name")?.as_str()?.to_owned();
    let version = table.get("version").and_then(|v| v.as_str()).map(str::to_owned);
    Some((name, version))
}

/// The text of a regular file.
fn source_text(path: &Path) -> io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path)?;
    file.take(MAX_SOURCE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_SOURCE {
        return Err(io::Error::other(format!("it has more than {MAX_SOURCE} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8"))
}

/// What a package's sources define, and how many they are.
fn sources(package: &PackageSeen) -> (Definitions, usize) {
    let mut out = Definitions::default();
    let mut read = 0;
    let main = PathBuf::from("src").join(format!("{}.jl", package.name));
    let mut met = HashSet::from([(main.clone(), Vec::new())]);
    let mut pending = vec![(main, Vec::new(), None)];
    while let Some((path, module, from)) = pending.pop() {
        let origin = format!("{}/{}", package.name, path.display());
        let mut included = Vec::new();
        match source_text(&package.path.join(&path)) {
            Ok(text) => {
                read += 1;
                let folder = path.parent().unwrap_or(Path::new(""));
                out.add(scan(&text, &origin, &module, &mut |file, line, module| {
                    included.push((folder.join(file), line, module.to_vec()));
                }));
            }
            Err(error) => out.unclear.push(Unclear {
                place: from.unwrap_or(Place { file: origin.clone(), line: 1 }),
                text: format!("{origin} is not read: {error}"),
            }),
        }
        for (path, line, module) in included.into_iter().rev() {
            let place = Place { file: origin.clone(), line };
            let mut unclear = |text: String| {
                out.unclear.push(Unclear { place: place.clone(), text });
            };
            let Some(inside) = inside(&path) else {
                unclear(format!("include of {}, which is outside of the package", path.display()));
                continue;
            };
            if met.len() >= MAX_SOURCES {
                unclear(format!("more than {MAX_SOURCES} sources: the rest is not read"));
                break;
            }
            if met.insert((inside.clone(), module.clone())) {
                pending.push((inside, module, Some(place)));
            }
        }
    }
    (out, read)
}

/// A path without `..`, if it stays inside.
fn inside(path: &Path) -> Option<PathBuf> {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => out.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !out.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(out)
}
