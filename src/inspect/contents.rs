//! Lists what the links of a file lead to: groups, datasets and named datatypes by path.
//!
//! An object that several paths lead to is listed under each of them; all but the first say which
//! that is. Groups are gone through by name, so two files with the same links have the same first
//! paths, in whatever order their links are stored.

use crate::h5::{AddressMap, File, Group, ObjectKind, RelAddr, Result, Symbolic};
use std::rc::Rc;

/// What a link leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkedKind {
    Group,
    Dataset,
    Datatype,
    SoftLink,
    ExternalLink,
    /// JLD2 does not read it.
    Unread,
}

/// An object under one of its paths.
#[derive(Debug, Clone)]
pub(super) struct Linked {
    pub(super) path: Rc<str>,
    pub(super) addr: RelAddr,
    pub(super) kind: LinkedKind,
    /// The path under which it was met before.
    pub(super) same: Option<Rc<str>>,
    /// Where a soft or external link leads; no such link has an address.
    pub(super) to: Option<String>,
}

impl LinkedKind {
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Group => "a group",
            Self::Dataset => "a dataset",
            Self::Datatype => "a datatype",
            Self::SoftLink => "a soft link",
            Self::ExternalLink => "an external link",
            Self::Unread => "an object that cannot be read",
        }
    }
}

/// All that is linked, sorted by path; the root group is `/`, `_types` is left out.
pub(super) fn contents(file: &File) -> Result<Vec<Linked>> {
    let mut allowance = file.allowance();
    let mut out: Vec<Linked> = Vec::new();
    // Where in the list an object stands under the path that was met first.
    let mut first = AddressMap::default();
    let root: Rc<str> = Rc::from("/");
    let mut pending = vec![(root, file.superblock().root)];
    while let Some((path, addr)) = pending.pop() {
        let object = match file.object(addr) {
            Ok(object) => Some(object),
            Err(error) if addr != file.superblock().root && error.is_foreign() => None,
            Err(error) => return Err(error.in_object(&path)),
        };
        let at = object.as_ref().and_then(|o| o.header.chunks.first()).map_or(0, |c| c.offset);
        allowance.check(file, at).map_err(|e| e.in_object(&path))?;
        let known = first.get(addr.0).and_then(|i| out.get(usize::try_from(i).ok()?));
        let same = known.map(|known| Rc::clone(&known.path));
        let (kind, group): (_, Option<&Group>) = match object.as_ref().map(|object| &object.kind) {
            Some(ObjectKind::Group(group)) => (LinkedKind::Group, Some(group)),
            Some(ObjectKind::Dataset(_)) => (LinkedKind::Dataset, None),
            Some(ObjectKind::Datatype(_)) => (LinkedKind::Datatype, None),
            None => (LinkedKind::Unread, None),
        };
        // A group linked below itself would never end.
        if let (Some(group), None) = (group, &same) {
            let top = &*path == "/";
            let mut links: Vec<_> = group
                .links
                .iter()
                .filter(|link| !(top && link.name == "_types"))
                .map(|link| (link.name.as_str(), link))
                .collect();
            links.sort_by(|a, b| b.0.cmp(a.0));
            let mut below = |name: &str, at: u64| -> Result<Rc<str>> {
                let path = if top { format!("/{name}") } else { format!("{path}/{name}") };
                allowance.take_path(path.len(), at)?;
                Ok(Rc::from(path))
            };
            for (name, link) in links {
                pending.push((below(name, link.at)?, link.target));
            }
            for link in &group.symbolic {
                let kind = match link.to {
                    Symbolic::Soft(_) => LinkedKind::SoftLink,
                    Symbolic::External { .. } => LinkedKind::ExternalLink,
                };
                let path = below(&link.name, link.at)?;
                let (addr, to) = (RelAddr::UNDEF, Some(link.to.to_string()));
                out.push(Linked { path, addr, kind, same: None, to });
            }
        }
        first.get_or_insert(addr.0, out.len() as u64);
        out.push(Linked { path, addr, kind, same, to: None });
    }
    out.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(out)
}
