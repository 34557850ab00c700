//! Which names are left: the tree of groups from the root.

use super::catalogue::{Catalogue, Id};
use super::examine::Kind;
use super::judge::Judged;
use crate::h5::{Budget, Group, Name, RelAddr, Result, SymbolicLink};
use std::collections::{HashMap, HashSet};

mod unnamed;

/// Where a link of the new tree leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// To this object, which stays where it is.
    Object(Id),
    /// To this one of the new groups.
    Group(usize),
}

/// A group that is written anew.
#[derive(Debug, Clone, Default)]
pub(super) struct NewGroup {
    /// The group in the file whose attributes it keeps.
    pub(super) old: Option<Id>,
    pub(super) links: Vec<(Name, Target)>,
    /// Soft and external links, which lead to names and are kept as they are.
    pub(super) symbolic: Vec<SymbolicLink>,
}

impl NewGroup {
    /// The new form of the group `old`, which has no links yet.
    fn of(old: Option<Id>) -> Self {
        Self { old, ..Self::default() }
    }
}

/// A dataset in the new tree.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) path: String,
    pub(super) id: Id,
    /// Whether that is a new name, as nothing was left to tell the old one.
    pub(super) renamed: bool,
    /// What something that is not part of the tree says of it.
    pub(super) hint: Option<String>,
}

/// What a link that was found led to, and is lost.
#[derive(Debug, Clone)]
pub(super) struct LostName {
    pub(super) path: String,
    /// Where it stood, or would have.
    pub(super) offset: u64,
    /// The object, if its header is left.
    pub(super) id: Option<Id>,
}

/// The names that are left, and new ones.
#[derive(Debug)]
pub(super) struct Tree {
    /// The root is the first.
    pub(super) groups: Vec<NewGroup>,
    pub(super) named: Vec<Named>,
    pub(super) lost: Vec<LostName>,
    /// Groups of which part of the links may be lost: path, object, and why.
    pub(super) cut: Vec<(String, Id, String)>,
    /// Whole datasets that no name leads to in a tree of which nothing is lost: what was replaced or
    /// deleted.
    pub(super) left_out: Vec<Id>,
    /// Committed datatypes, in the order of their numbers.
    pub(super) types: Vec<Id>,
    /// Whether the root group was found.
    pub(super) has_root: bool,
    done: HashMap<Id, usize>,
    reached: HashSet<Id>,
    /// What paths may take.
    budget: Budget,
}

/// The root group that the superblock names, if both are left.
pub(super) fn stated_root(catalogue: &Catalogue) -> Option<Id> {
    let stated = catalogue.front.root.and_then(|root| catalogue.find(root));
    stated.filter(|&id| catalogue.links(id).is_some())
}

/// The newest group that links `_types`, which only a root does.
pub(super) fn likely_root(catalogue: &Catalogue, judged: &Judged) -> Option<Id> {
    let groups = catalogue.ids().filter(|id| !judged.inside.contains(id));
    groups.filter(|&id| is_root(catalogue, id)).last()
}

fn is_root(catalogue: &Catalogue, id: Id) -> bool {
    catalogue
        .links(id)
        .is_some_and(|links| links.group().held.iter().any(|link| link.name == "_types"))
}

impl Tree {
    /// Builds the tree.
    ///
    /// # Errors
    /// If paths take more than the file.
    pub(super) fn new(catalogue: &Catalogue, judged: &Judged, root: Option<Id>) -> Result<Self> {
        let mut out = Self {
            groups: vec![NewGroup::of(root)],
            named: Vec::new(),
            lost: Vec::new(),
            cut: Vec::new(),
            left_out: Vec::new(),
            types: Vec::new(),
            has_root: root.is_some(),
            done: HashMap::new(),
            reached: HashSet::new(),
            budget: catalogue.file.allowance(),
        };
        out.types(catalogue, judged, root);
        if let Some(root) = root {
            out.done.insert(root, 0);
            out.fill(catalogue, judged, root, 0, "", &Naming::Kept)?;
        }
        let types = out.types.clone();
        let named: Vec<Id> = out.named.iter().map(|named| named.id).collect();
        out.reach(judged, named);
        // What types are made of is no dataset of anybody's.
        out.reach(judged, types);
        out.unnamed(catalogue, judged)?;
        out.referred(catalogue, judged);
        Ok(out)
    }

    /// The number of the new group that stands for the group `id`, if one does.
    pub(super) fn new_group(&self, id: Id) -> Option<usize> {
        self.done.get(&id).copied().filter(|&new| new != usize::MAX)
    }

    /// Whether the group `id` is the `_types` that is made anew.
    pub(super) fn is_old_types(&self, id: Id) -> bool {
        self.done.get(&id) == Some(&usize::MAX)
    }

    /// Whether every name that was there leads to something whole.
    pub(super) fn is_complete(&self) -> bool {
        self.has_root && self.lost.is_empty() && self.cut.is_empty()
    }

    /// The committed datatypes that are whole: first those that `_types` numbers, in its order.
    fn types(&mut self, catalogue: &Catalogue, judged: &Judged, root: Option<Id>) {
        let links = |id| catalogue.links(id).map(|it| it.group().held).unwrap_or_default();
        let stated = root.and_then(|root| {
            let link = links(root).into_iter().find(|link| link.name == "_types")?;
            catalogue.find(link.target)
        });
        if let Some(group) = stated {
            self.done.insert(group, usize::MAX);
        }
        let numbered = stated.map(links).unwrap_or_default();
        let numbered = numbered.iter().filter_map(|link| catalogue.find(link.target));
        let mut seen = HashSet::new();
        for id in numbered.chain(catalogue.ids()) {
            let is_type = judged.kind(id) == Kind::Type;
            if is_type && !judged.is_lost(id) && seen.insert(id) {
                self.types.push(id);
            }
        }
    }

    /// Takes the links of the group `id` into the new one, and what is below.
    fn fill(
        &mut self,
        catalogue: &Catalogue,
        judged: &Judged,
        id: Id,
        new: usize,
        path: &str,
        naming: &Naming,
    ) -> Result<()> {
        let mut pending = vec![(id, new, path.to_owned())];
        while let Some((id, new, path)) = pending.pop() {
            let Some(links) = catalogue.links(id) else { continue };
            if let Some(cut) = &links.cut {
                self.cut.push((shown(&path), id, cut.to_string()));
            }
            let group = links.group();
            self.take(catalogue, judged, group, (new, &path), &mut pending, naming)?;
        }
        Ok(())
    }

    /// Takes links into the new group of this number and path.
    fn take(
        &mut self,
        catalogue: &Catalogue,
        judged: &Judged,
        Group { held, symbolic, .. }: Group,
        (new, path): (usize, &str),
        pending: &mut Vec<(Id, usize, String)>,
        naming: &Naming,
    ) -> Result<()> {
        for link in held {
            // The root's own is made anew.
            if new == 0 && link.name == "_types" {
                continue;
            }
            let path = format!("{path}/{}", link.name);
            self.budget.take_path(path.len(), link.at)?;
            let target = self.link(catalogue, judged, link.target, path, pending, naming);
            if let (Some(target), Some(group)) = (target, self.groups.get_mut(new)) {
                group.links.push((link.name, target));
            }
        }
        if let Some(group) = self.groups.get_mut(new) {
            group.symbolic.extend(symbolic);
        }
        Ok(())
    }

    fn link(
        &mut self,
        catalogue: &Catalogue,
        judged: &Judged,
        addr: RelAddr,
        path: String,
        pending: &mut Vec<(Id, usize, String)>,
        naming: &Naming,
    ) -> Option<Target> {
        let offset = addr.0.saturating_add(catalogue.front.base);
        let Some(id) = catalogue.find(addr) else {
            self.lost.push(LostName { path, offset, id: None });
            return None;
        };
        if let Some(&known) = self.done.get(&id) {
            return (known != usize::MAX).then_some(Target::Group(known));
        }
        let kind = judged.kind(id);
        if kind == Kind::Group && !judged.inside.contains(&id) {
            let new = self.groups.len();
            self.groups.push(NewGroup::of(Some(id)));
            self.done.insert(id, new);
            pending.push((id, new, path));
            return Some(Target::Group(new));
        }
        if kind == Kind::Unread || judged.is_lost(id) {
            self.lost.push(LostName { path, offset, id: Some(id) });
            return None;
        }
        if kind == Kind::Dataset {
            let (renamed, hint) = (matches!(naming, Naming::New), None);
            self.named.push(Named { path, id, renamed, hint });
        }
        Some(Target::Object(id))
    }

    /// Marks what can be reached from these objects.
    fn reach(&mut self, judged: &Judged, mut pending: Vec<Id>) {
        pending.retain(|&id| self.reached.insert(id));
        while let Some(id) = pending.pop() {
            for needed in judged.needs(id) {
                if !judged.is_lost(needed.to) && self.reached.insert(needed.to) {
                    pending.push(needed.to);
                }
            }
        }
    }

    /// Makes groups that no name leads to, but objects that are kept, anew: links of the old ones may
    /// lead to what is lost.
    fn referred(&mut self, catalogue: &Catalogue, judged: &Judged) {
        let is_group = |id: &Id| judged.kind(*id) == Kind::Group;
        let mut ids: Vec<Id> = self.reached.iter().copied().filter(is_group).collect();
        ids.sort_unstable();
        for id in ids {
            let without_types = self.is_old_types(id) && self.types.is_empty();
            if self.done.contains_key(&id) && !without_types {
                continue;
            }
            let old = catalogue.links(id).map(|it| it.group()).unwrap_or_default();
            let links = old.held.into_iter().filter_map(|link| {
                let to = catalogue.find(link.target)?;
                let target = match self.done.get(&to) {
                    Some(&usize::MAX) => None,
                    Some(&known) => Some(Target::Group(known)),
                    None => {
                        (!is_group(&to) && self.reached.contains(&to)).then_some(Target::Object(to))
                    }
                };
                Some((link.name, target?))
            });
            let links = links.collect();
            let group = NewGroup { old: Some(id), links, symbolic: old.symbolic };
            self.done.insert(id, self.groups.len());
            self.groups.push(group);
        }
    }
}

/// Whether names are those that the tree had.
enum Naming {
    Kept,
    New,
}

fn shown(path: &str) -> String {
    if path.is_empty() { "/".to_owned() } else { path.to_owned() }
}
