//! Lists what a file holds: its linked datasets.

use crate::h5::budget::Cost;
use crate::h5::{Error, File, ObjectKind, RelAddr, Result, Symbolic};
use std::collections::{HashMap, HashSet};

/// What the groups of a file lead to, sorted by path; `_types` is left out.
#[derive(Debug, Default)]
pub struct Linked {
    /// The datasets, with their addresses.
    pub datasets: Vec<(String, RelAddr)>,
    /// Soft and external links, which lead to names.
    pub symbolic: Vec<(String, Symbolic)>,
    /// What JLD2 does not read, and why.
    pub foreign: Vec<(String, Error)>,
}

/// The paths of all linked datasets with their addresses, sorted by path; `_types` is left out.
///
/// # Errors
/// If an object that is linked cannot be read.
pub fn datasets(file: &File) -> Result<Vec<(String, RelAddr)>> {
    let linked = linked(file)?;
    match linked.foreign.into_iter().next() {
        Some((_, error)) => Err(error),
        None => Ok(linked.datasets),
    }
}

/// As [`datasets`], without those whose headers JLD2 does not read.
///
/// # Errors
/// If another object that is linked cannot be read.
pub fn readable(file: &File) -> Result<Vec<(String, RelAddr)>> {
    let linked = linked(file)?;
    match linked.foreign.into_iter().find(|(_, error)| !error.is_foreign_dataset()) {
        Some((_, error)) => Err(error),
        None => Ok(linked.datasets),
    }
}

/// All that is linked.
///
/// # Errors
/// If an object is damaged; one that JLD2 does not read is told of, but for the root group.
pub fn linked(file: &File) -> Result<Linked> {
    let mut budget = file.allowance();
    let mut out = Linked::default();
    let mut seen = HashSet::new();
    let root = file.superblock().root;
    let mut pending = vec![(String::new(), root)];
    while let Some((path, addr)) = pending.pop() {
        let shown = if path.is_empty() { "/" } else { &path };
        let object = match file.object(addr).map_err(|e| e.in_object(shown)) {
            Err(error) if addr != root && error.is_foreign() => {
                out.foreign.push((path, error));
                continue;
            }
            object => object?,
        };
        let at = object.header.chunks.first().map_or(0, |c| c.offset);
        budget.check(file, at).map_err(|e| e.in_object(shown))?;
        match &object.kind {
            ObjectKind::Group(group) => {
                // A group linked below itself would never end.
                if !seen.insert(addr) {
                    continue;
                }
                let mut below = |name: &str, at: u64| -> Result<String> {
                    let path = format!("{path}/{name}");
                    budget.take(Cost::Paths, path.len() as u64, at)?;
                    Ok(path)
                };
                for link in &group.links {
                    if path.is_empty() && link.name == "_types" {
                        continue;
                    }
                    pending.push((below(&link.name, link.at)?, link.target));
                }
                for link in &group.symbolic {
                    out.symbolic.push((below(&link.name, link.at)?, link.to.clone()));
                }
            }
            ObjectKind::Dataset(_) => out.datasets.push((path, addr)),
            ObjectKind::Datatype(_) => {}
        }
    }
    out.datasets.sort();
    out.symbolic.sort_by(|a, b| a.0.cmp(&b.0));
    out.foreign.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(out)
}

/// The first path, by name, of each linked group. Objects that cannot be read lead nowhere.
pub(super) fn group_paths(file: &File) -> HashMap<RelAddr, String> {
    let mut budget = file.allowance();
    let mut out = HashMap::new();
    let mut pending = vec![("/".to_owned(), file.superblock().root)];
    while let Some((path, addr)) = pending.pop() {
        if out.contains_key(&addr) {
            continue;
        }
        let Ok(object) = file.object(addr) else { continue };
        let ObjectKind::Group(group) = &object.kind else { continue };
        let at = object.header.chunks.first().map_or(0, |c| c.offset);
        if budget.check(file, at).is_err() {
            break;
        }
        let separator = if path == "/" { "" } else { "/" };
        let mut links: Vec<_> = group.links.iter().collect();
        links.sort_by(|a, b| b.name.cmp(&a.name));
        for link in links {
            let path = format!("{path}{separator}{}", link.name);
            if budget.take(Cost::Paths, path.len() as u64, link.at).is_err() {
                return out;
            }
            pending.push((path, link.target));
        }
        out.insert(addr, path);
    }
    out
}
