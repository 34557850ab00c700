//! Lists what a file holds: its linked datasets.

use crate::h5::budget::Cost;
use crate::h5::{
    AddressSet, Budget, Error, File, Listed, ObjectKind, Paths, RelAddr, Result, Symbolic, ToVisit,
    Wanted,
};
use std::collections::HashMap;

/// What the groups of a file lead to, sorted by path; `_types` is left out.
#[derive(Debug, Default)]
pub struct Linked {
    /// The datasets, with their addresses.
    pub datasets: Paths,
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
    listed(file)?.iter().map(|listed| listed.map(|listed| (listed.path, listed.addr))).collect()
}

/// As [`datasets`], in little memory.
///
/// # Errors
/// If an object that is linked cannot be read.
pub fn listed(file: &File) -> Result<Paths> {
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
pub fn readable(file: &File) -> Result<Paths> {
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
    let mut seen = AddressSet::default();
    let root = file.superblock().root;
    let mut to_visit = ToVisit::default();
    let (mut next, mut path) = (Some(root), String::new());
    while let Some(addr) = next {
        visit(file, addr, &path, &mut seen, &mut to_visit, &mut budget, &mut out)?;
        next = to_visit.next(&mut path, &mut budget, |path, name| path.extend(["/", name]))?;
    }
    out.datasets = out.datasets.sorted()?;
    out.symbolic.sort_by(|a, b| a.0.cmp(&b.0));
    out.foreign.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(out)
}

/// Takes in the object at `addr`, which is linked as `path`.
fn visit<'f>(
    file: &'f File,
    addr: RelAddr,
    path: &str,
    seen: &mut AddressSet,
    to_visit: &mut ToVisit<'f>,
    budget: &mut Budget,
    out: &mut Linked,
) -> Result<()> {
    let shown = if path.is_empty() { "/" } else { path };
    let object = match file.object(addr).map_err(|e| e.in_object(shown)) {
        Err(error) if addr != file.superblock().root && error.is_foreign() => {
            budget.take(Cost::Paths, path.len() as u64, error.offset().unwrap_or(0))?;
            out.foreign.push((path.to_owned(), error));
            return Ok(());
        }
        object => object?,
    };
    let at = object.header.chunks.first().map_or(0, |c| c.offset);
    budget.check(file, at).map_err(|e| e.in_object(shown))?;
    match &object.kind {
        ObjectKind::Group(group) => {
            // A group linked below itself would never end.
            if !seen.insert(addr.0) {
                return Ok(());
            }
            if let Some(runs) = &group.stored {
                let of_types = |name: &[u8]| path.is_empty() && name == b"_types";
                let wanted = Wanted::of(file, runs, |link| Ok(!of_types(link.name)))?;
                to_visit.stored(file, runs, wanted);
            }
            // The last one is visited first.
            for link in group.held.iter().rev() {
                if path.is_empty() && link.name == "_types" {
                    continue;
                }
                to_visit.link(&link.name, link.target, link.at, budget)?;
            }
            for link in &group.symbolic {
                let path = format!("{path}/{}", link.name);
                budget.take(Cost::Paths, path.len() as u64, link.at)?;
                out.symbolic.push((path, link.to.clone()));
            }
        }
        ObjectKind::Dataset(_) => {
            let listed = Listed { path: path.to_owned(), addr, more: Vec::new() };
            out.datasets.push((file, budget, at), listed)?;
        }
        ObjectKind::Datatype(_) => {}
    }
    Ok(())
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
        // Of very many links only those to groups are kept.
        let is_group = |addr| {
            let object = file.object(addr);
            object.is_ok_and(|object| matches!(object.kind, ObjectKind::Group(_)))
        };
        let few = group.stored.is_none();
        let links = group.links(file).filter_map(Result::ok);
        let mut links: Vec<_> = links.filter(|link| few || is_group(link.target)).collect();
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
