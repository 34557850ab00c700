//! Lists what the links of a file lead to: groups, datasets and named datatypes by path.
//!
//! An object that several paths lead to is listed under each of them; all but the first say which
//! that is. Groups are gone through by name, so two files with the same links have the same first
//! paths, in whatever order their links are stored.

use crate::h5::{
    AddressSet, Budget, File, Group, ObjectKind, RelAddr, Result, Symbolic, ToVisit, Wanted, join,
};
use crate::julia::{Listed, Paths};
use crate::migrate::FlatTable;
use std::collections::HashMap;
use std::sync::Arc;

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
    pub(super) path: Arc<str>,
    pub(super) addr: RelAddr,
    pub(super) kind: LinkedKind,
    /// The path under which it was met before.
    pub(super) same: Option<Arc<str>>,
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
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// With a [`Mark`] for each, and where links to names lead.
    paths: Paths,
    /// The first path of each object that has several.
    first: HashMap<RelAddr, Arc<str>>,
    /// Whether a group is called as those are that hold links to the columns of a table.
    links_to_columns: bool,
    /// The group of committed types.
    types: Option<RelAddr>,
}

/// What is kept of what a path leads to. A dataset that is met for the first time, as most are, has
/// none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    kind: LinkedKind,
    /// Whether it was met before, under another path.
    again: bool,
}

const KINDS: [LinkedKind; 6] = [
    LinkedKind::Group,
    LinkedKind::Dataset,
    LinkedKind::Datatype,
    LinkedKind::SoftLink,
    LinkedKind::ExternalLink,
    LinkedKind::Unread,
];

impl Mark {
    const PLAIN: Self = Self { kind: LinkedKind::Dataset, again: false };

    fn bytes(self, to: &str) -> Vec<u8> {
        if self == Self::PLAIN {
            return Vec::new();
        }
        let kind = (0_u8..).zip(KINDS).find(|(_, kind)| *kind == self.kind);
        let mut out = vec![kind.map_or(0, |(number, _)| number) << 1 | u8::from(self.again)];
        out.extend_from_slice(to.as_bytes());
        out
    }

    /// With what follows it.
    fn of(bytes: &[u8]) -> (Self, &str) {
        let Some((mark, to)) = bytes.split_first() else { return (Self::PLAIN, "") };
        let kind = KINDS.get(usize::from(mark >> 1)).copied().unwrap_or(LinkedKind::Unread);
        (Self { kind, again: mark & 1 == 1 }, std::str::from_utf8(to).unwrap_or_default())
    }
}

impl Contents {
    /// All that is linked in a file.
    pub(super) fn of(file: &File) -> Result<Self> {
        let mut gathering = Gathering {
            file,
            budget: file.allowance(),
            out: Self::default(),
            seen: AddressSet::default(),
            several: AddressSet::default(),
            to_visit: ToVisit::default(),
        };
        let (mut next, mut path) = (Some(file.superblock().root), "/".to_owned());
        while let Some(addr) = next {
            gathering.visit(addr, &path)?;
            let Gathering { to_visit, budget, .. } = &mut gathering;
            next = to_visit.next(&mut path, budget, join)?;
        }
        let Gathering { budget, mut out, several, .. } = gathering;
        let mut budget = budget;
        out.paths = out.paths.sorted()?;
        if !several.is_empty() {
            for listed in &out.paths {
                let Listed { path, addr, more } = listed?;
                if several.contains(addr.0) && !Mark::of(&more).0.again {
                    budget.take_path(path.len(), file.superblock().offset)?;
                    out.first.insert(addr, Arc::from(path));
                }
            }
        }
        Ok(out)
    }

    /// The group of committed types.
    pub(super) fn types(&self) -> Option<RelAddr> {
        self.types
    }

    /// Whether there may be groups of links to the columns of tables.
    pub(super) fn may_link_to_columns(&self) -> bool {
        self.links_to_columns
    }

    /// All of it, sorted by path.
    ///
    /// # Errors
    /// Of each, if the list cannot be read again.
    pub(super) fn iter(&self) -> impl Iterator<Item = Result<Linked>> {
        self.paths.iter().map(|listed| {
            let Listed { path, addr, more } = listed?;
            let (Mark { kind, again }, to) = Mark::of(&more);
            let is_name = matches!(kind, LinkedKind::SoftLink | LinkedKind::ExternalLink);
            Ok(Linked {
                path: Arc::from(path),
                addr,
                kind,
                same: self.first.get(&addr).filter(|_| again).map(Arc::clone),
                to: is_name.then(|| to.to_owned()),
            })
        })
    }
}

/// On the way through a file.
struct Gathering<'f> {
    file: &'f File,
    budget: Budget,
    out: Contents,
    seen: AddressSet,
    /// Objects that several paths lead to.
    several: AddressSet,
    to_visit: ToVisit<'f>,
}

impl Gathering<'_> {
    fn visit(&mut self, addr: RelAddr, path: &str) -> Result<()> {
        let file = self.file;
        let object = match file.object(addr) {
            Ok(object) => Some(object),
            Err(error) if addr != file.superblock().root && error.is_foreign() => None,
            Err(error) => return Err(error.in_object(path)),
        };
        let at = object.as_ref().and_then(|o| o.header.chunks.first()).map_or(0, |c| c.offset);
        self.budget.check(file, at).map_err(|e| e.in_object(path))?;
        let again = !self.seen.insert(addr.0);
        if again {
            self.several.insert(addr.0);
        }
        let kind = match object.as_ref().map(|object| &object.kind) {
            Some(ObjectKind::Group(group)) => {
                // A group linked below itself would never end.
                if !again {
                    self.group(group, path)?;
                }
                let name = path.rsplit('/').next();
                self.out.links_to_columns |= name == Some(FlatTable::NAME);
                LinkedKind::Group
            }
            Some(ObjectKind::Dataset(_)) => LinkedKind::Dataset,
            Some(ObjectKind::Datatype(_)) => LinkedKind::Datatype,
            None => LinkedKind::Unread,
        };
        self.list(path.to_owned(), addr, Mark { kind, again }, "", at)
    }

    fn list(&mut self, path: String, addr: RelAddr, mark: Mark, to: &str, at: u64) -> Result<()> {
        let Self { file, budget, out, .. } = self;
        out.paths.push((file, budget, at), Listed { path, addr, more: mark.bytes(to) })
    }

    /// By name, which is how they are gone through.
    fn group(&mut self, group: &Group, path: &str) -> Result<()> {
        let file = self.file;
        let hidden = |name: &[u8]| path == "/" && name == b"_types";
        let mut types = None;
        if let Some(runs) = group.stored.as_ref().filter(|_| group.held.is_empty()) {
            let (mut last, mut in_order) = (Vec::new(), true);
            let wanted = Wanted::of(file, runs, |link| {
                in_order &= *last <= *link.name;
                last.clear();
                last.extend_from_slice(link.name);
                if hidden(link.name) {
                    types = Some(link.target);
                }
                Ok(!hidden(link.name))
            })?;
            if in_order {
                self.committed_types(types)?;
                self.to_visit.stored(file, runs, wanted);
                return self.symbolic(group, path);
            }
        }
        let mut by_name = Paths::default();
        for link in group.links(file) {
            let link = link?;
            if hidden(link.name.as_str().as_bytes()) {
                types = Some(link.target);
            } else {
                let listed =
                    Listed { path: link.name.to_string(), addr: link.target, more: Vec::new() };
                by_name.push((file, &mut self.budget, link.at), listed)?;
            }
        }
        let at = file.superblock().offset;
        self.to_visit.by_name(by_name, at, &mut self.budget)?;
        self.committed_types(types)?;
        self.symbolic(group, path)
    }

    /// The group of committed types is not listed, but a reader needs it.
    fn committed_types(&mut self, group: Option<RelAddr>) -> Result<()> {
        self.out.types = self.out.types.or(group);
        match group.map(|addr| self.file.object(addr)) {
            Some(Err(error)) if !error.is_foreign() => Err(error.in_object("/_types")),
            _ => Ok(()),
        }
    }

    fn symbolic(&mut self, group: &Group, path: &str) -> Result<()> {
        for link in &group.symbolic {
            let kind = match link.to {
                Symbolic::Soft(_) => LinkedKind::SoftLink,
                Symbolic::External { .. } => LinkedKind::ExternalLink,
            };
            let mut below = path.to_owned();
            join(&mut below, &link.name);
            let to = link.to.to_string();
            self.list(below, RelAddr::UNDEF, Mark { kind, again: false }, &to, link.at)?;
        }
        Ok(())
    }
}
