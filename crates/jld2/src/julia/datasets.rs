//! Lists what a file holds: its linked datasets.

use crate::h5::{Error, File, ObjectKind, RelAddr, Result};
use std::collections::HashSet;

/// Paths come to at most this many bytes more than the file: a forged one can have very many links
/// below a very long path.
const MAX_PATHS: usize = 16 << 20;

/// The paths of all linked datasets with their addresses, sorted by path; `_types` is left out.
///
/// # Errors
/// If a group is damaged.
pub fn datasets(file: &File) -> Result<Vec<(String, RelAddr)>> {
    let allowance = file.allowance();
    let most = usize::try_from(file.source().len()).unwrap_or(usize::MAX).saturating_add(MAX_PATHS);
    let mut paths = 0_usize;
    let mut out = Vec::new();
    let mut seen = HashSet::new();
    let mut pending = vec![(String::new(), file.superblock().root)];
    while let Some((path, addr)) = pending.pop() {
        let shown = if path.is_empty() { "/" } else { &path };
        let object = file.object(addr).map_err(|e| e.in_object(shown))?;
        let at = object.header.chunks.first().map_or(0, |c| c.offset);
        allowance.check(file, at).map_err(|e| e.in_object(shown))?;
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
                    paths = paths.saturating_add(path.len());
                    if paths > most {
                        return Err(Error::foreign(link.at, "paths that are longer than the file"));
                    }
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
