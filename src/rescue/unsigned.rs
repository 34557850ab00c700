//! Object headers of version 1, as HDF5 writes them unless it is told otherwise. They have neither a
//! signature nor a checksum, so that only what leads to one tells where it stands.

use super::passing::passing;
use crate::h5::{Edge, EdgeKind, File, Object, ObjectKind, RelAddr, Result, Trace, Visitor};
use std::collections::HashSet;

/// What a header that cannot be read counts for, in bytes.
const UNREAD_COST: u64 = 4 << 10;

/// Offsets of the headers of version 1 that can be reached from `root`: by links from all groups, and
/// by references from objects with such headers. Those in `known`, which ascend, are left out.
///
/// # Errors
/// If the file cannot be read, or reading it costs more than it is worth.
pub(super) fn without_signature(file: &File, root: RelAddr, known: &[u64]) -> Result<Vec<u64>> {
    let allowance = file.allowance();
    let mut out = Vec::new();
    let mut met = HashSet::new();
    let mut pending = vec![root];
    while let Some(addr) = pending.pop() {
        let Ok(offset) = file.offset(addr, "object") else { continue };
        if !met.insert(offset) {
            continue;
        }
        allowance.check(file, offset)?;
        let whole = file.object(addr);
        let is_whole = whole.is_ok();
        let object = match whole {
            Ok(object) => Object::clone(&object),
            Err(error) => {
                passing(error)?;
                file.spend(UNREAD_COST);
                let Ok((object, _)) = file.object_left(addr) else { continue };
                object
            }
        };
        let has_signature = object.header.version != 1;
        if let ObjectKind::Group(group) = &object.kind {
            if !is_whole {
                file.spend(group.len().saturating_mul(UNREAD_COST) / 64);
            }
            for link in group.links(file) {
                pending.push(link?.target);
            }
        } else if !is_whole {
            continue;
        }
        if has_signature {
            continue;
        }
        if known.binary_search(&offset).is_err() {
            out.push(offset);
        }
        if is_whole {
            // What was met in front of damage is as good as the rest.
            match Trace::one(file, addr, allowance, &mut Targets(&mut pending)) {
                Ok(()) => {}
                Err(error) => drop(passing(error)?),
            }
        }
    }
    Ok(out)
}

/// Where an object leads.
struct Targets<'t>(&'t mut Vec<RelAddr>);

impl Visitor for Targets<'_> {
    fn edge(&mut self, edge: Edge) -> Result<()> {
        if !matches!(edge.kind, EdgeKind::Heap | EdgeKind::Link) {
            self.0.push(edge.target);
        }
        Ok(())
    }

    fn follow(&mut self, _: &Edge) -> bool {
        false
    }
}
