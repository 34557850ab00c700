//! Lists what a file holds: its linked datasets.

use crate::h5::budget::Cost;
use crate::h5::{File, ObjectKind, RelAddr, Result};
use std::collections::HashSet;

/// The paths of all linked datasets with their addresses, sorted by path; `_types` is left out.
///
/// # Errors
/// If a group is damaged.
pub fn datasets(file: &File) -> Result<Vec<(String, RelAddr)>> {
    let mut budget = file.allowance();
    let mut out = Vec::new();
    let mut seen = HashSet::new();
    let mut pending = vec![(String::new(), file.superblock().root)];
    while let Some((path, addr)) = pending.pop() {
        let shown = if path.is_empty() { "/" } else { &path };
        let object = file.object(addr).map_err(|e| e.in_object(shown))?;
        let at = object.header.chunks.first().map_or(0, |c| c.offset);
        budget.check(file, at).map_err(|e| e.in_object(shown))?;
        match &object.kind {
            ObjectKind::Group(group) => {
                // A group linked below itself would never end.
                if !seen.insert(addr) {
                    continue;
                }
                for link in &group.links {
                    if path.is_empty() && link.name == "_types" {
                        continue;
                    }
                    let path = format!("{path}/{}", link.name);
                    budget.take(Cost::Paths, path.len() as u64, link.at)?;
                    pending.push((path, link.target));
                }
            }
            ObjectKind::Dataset(_) => out.push((path, addr)),
            ObjectKind::Datatype(_) => {}
        }
    }
    out.sort();
    Ok(out)
}
