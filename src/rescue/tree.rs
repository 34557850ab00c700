//! Which names are left: the tree of groups from the root, and places for what nothing names.

use super::catalogue::{Catalogue, Id};
use super::examine::Kind;
use super::hints::hints;
use super::judge::Judged;
use crate::h5::{Error, Group, Link, Name, RelAddr, Result, SymbolicLink};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The group for what has lost its name.
const RESCUED: &str = "rescued";
/// A group of JLD2 with more links than these takes long to read.
const MOST_LINKS: usize = 50_000;
/// Paths take no more than the file and this many bytes.
const MAX_PATHS: u64 = 16 << 20;

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
#[derive(Debug, Default)]
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
    paths: u64,
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
        .is_some_and(|links| links.group().links.iter().any(|link| link.name == "_types"))
}

impl Tree {
    /// Builds the tree.
    ///
    /// # Errors
    /// If paths take more than the file.
    pub(super) fn new(catalogue: &Catalogue, judged: &Judged, root: Option<Id>) -> Result<Self> {
        let mut out = Self { has_root: root.is_some(), ..Self::default() };
        out.groups.push(NewGroup::of(root));
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
        let links = |id| catalogue.links(id).map(|it| it.group().links).unwrap_or_default();
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
            let is_type = judged.examined.kinds.get(id as usize) == Some(&Kind::Type);
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
        Group { links, symbolic }: Group,
        (new, path): (usize, &str),
        pending: &mut Vec<(Id, usize, String)>,
        naming: &Naming,
    ) -> Result<()> {
        for link in links {
            // The root's own is made anew.
            if new == 0 && link.name == "_types" {
                continue;
            }
            let path = format!("{path}/{}", link.name);
            self.paths = self.paths.saturating_add(path.len() as u64);
            let most = catalogue.file.source().len().saturating_add(MAX_PATHS);
            if self.paths > most {
                return Err(Error::foreign(link.at, "paths that are longer than the file"));
            }
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
        let kind = judged.examined.kinds.get(id as usize).copied().unwrap_or(Kind::Unread);
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
        let kind = |id: Id| judged.examined.kinds.get(id as usize).copied();
        let is_group = |id: &Id| kind(*id) == Some(Kind::Group);
        let mut ids: Vec<Id> = self.reached.iter().copied().filter(is_group).collect();
        ids.sort_unstable();
        for id in ids {
            let without_types = self.is_old_types(id) && self.types.is_empty();
            if self.done.contains_key(&id) && !without_types {
                continue;
            }
            let old = catalogue.links(id).map(|it| it.group()).unwrap_or_default();
            let links = old.links.into_iter().filter_map(|link| {
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

    /// Finds places for what nothing names.
    fn unnamed(&mut self, catalogue: &Catalogue, judged: &Judged) -> Result<()> {
        let wanted = if self.is_complete() {
            Some(HashSet::new())
        } else {
            self.below_lost(catalogue, judged)
        };
        let is = |id: Id, kind| judged.examined.kinds.get(id as usize) == Some(&kind);
        let groups = self.other_groups(catalogue, judged);
        let hints = hints(catalogue, judged, &groups);
        let mut new_links: Vec<(Name, Target)> = Vec::new();
        let top = self.free_name();
        if wanted.is_none() {
            let below: HashSet<Id> = groups
                .iter()
                .filter_map(|&id| catalogue.links(id))
                .flat_map(|links| links.group().links)
                .filter_map(|link| catalogue.find(link.target))
                .collect();
            let mut number = 0;
            let stray = |at: u64| !judged.examined.chunks.contains(&at) && !judged.is_data(at);
            for &id in groups.iter().filter(|id| !below.contains(id)) {
                let links = catalogue.links(id).map(|it| it.group().links).unwrap_or_default();
                // An older root names what the newer one named, or what was deleted since.
                let old = is_root(catalogue, id) || is_types(catalogue, judged, &links);
                if old || self.done.contains_key(&id) {
                    continue;
                }
                number += 1;
                let name = format!("group_{number:03}");
                let new = self.groups.len();
                self.groups.push(NewGroup::of(Some(id)));
                self.done.insert(id, new);
                let before = self.named.len();
                self.fill(catalogue, judged, id, new, &format!("/{top}/{name}"), &Naming::New)?;
                let found: Vec<Id> = self.named.iter().skip(before).map(|n| n.id).collect();
                self.reach(judged, found);
                new_links.push((name.into(), Target::Group(new)));
            }
            for (_, left) in catalogue.scan.continuations.iter().filter(|(at, _)| stray(*at)) {
                if is_types(catalogue, judged, &left.links) {
                    continue;
                }
                number += 1;
                let name = format!("group_{number:03}");
                let new = self.groups.len();
                self.groups.push(NewGroup::default());
                let path = format!("/{top}/{name}");
                let before = self.named.len();
                let mut pending = Vec::new();
                self.take(
                    catalogue,
                    judged,
                    left.clone(),
                    (new, &path),
                    &mut pending,
                    &Naming::New,
                )?;
                for (id, new, path) in pending {
                    self.fill(catalogue, judged, id, new, &path, &Naming::New)?;
                }
                let found: Vec<Id> = self.named.iter().skip(before).map(|n| n.id).collect();
                self.reach(judged, found);
                new_links.push((name.into(), Target::Group(new)));
            }
        }
        let rest: Vec<Id> = catalogue
            .ids()
            .filter(|&id| {
                is(id, Kind::Dataset) && !judged.is_lost(id) && !self.reached.contains(&id)
            })
            .collect();
        let keep = |id: &Id| wanted.as_ref().is_none_or(|wanted| wanted.contains(id));
        self.left_out = rest.iter().copied().filter(|id| !keep(id)).collect();
        let rest: Vec<Id> = rest.into_iter().filter(keep).collect();
        let among: HashSet<Id> = rest.iter().copied().collect();
        let is_part = |id: &Id| {
            judged.needed_by(*id).iter().any(|n| n.from != *id && among.contains(&n.from))
        };
        // First those that no other leads to; then those that lead to one another in circles.
        let (parts, whole): (Vec<Id>, Vec<Id>) = rest.into_iter().partition(is_part);
        let mut chosen = Vec::new();
        for id in whole.into_iter().chain(parts) {
            if !self.reached.contains(&id) {
                self.reach(judged, vec![id]);
                chosen.push(id);
            }
        }
        self.give_names(&top, &chosen, &hints, new_links);
        Ok(())
    }

    /// Gives `/rescued/001` and so on to objects, in groups if there are very many.
    fn give_names(
        &mut self,
        top: &str,
        chosen: &[Id],
        hints: &BTreeMap<Id, String>,
        mut links: Vec<(Name, Target)>,
    ) {
        let width = chosen.len().to_string().len().max(3);
        let many = chosen.len() > MOST_LINKS;
        for (part, ids) in chosen.chunks(MOST_LINKS).enumerate() {
            let name = format!("part_{:03}", part + 1);
            let prefix = if many { format!("/{top}/{name}") } else { format!("/{top}") };
            let mut own = Vec::new();
            for (i, &id) in ids.iter().enumerate() {
                let number = part * MOST_LINKS + i + 1;
                let name = format!("{number:0width$}");
                let path = format!("{prefix}/{name}");
                own.push((name.into(), Target::Object(id)));
                self.named.push(Named { path, id, renamed: true, hint: hints.get(&id).cloned() });
            }
            if many {
                self.groups.push(NewGroup { links: own, ..NewGroup::default() });
                links.push((name.into(), Target::Group(self.groups.len() - 1)));
            } else {
                links.extend(own);
            }
        }
        if links.is_empty() {
            return;
        }
        self.groups.push(NewGroup { links, ..NewGroup::default() });
        let new = self.groups.len() - 1;
        if let Some(root) = self.groups.first_mut() {
            root.links.push((top.into(), Target::Group(new)));
        }
    }

    /// A name that the root does not have yet.
    fn free_name(&self) -> String {
        let taken: HashSet<&str> = self
            .groups
            .first()
            .into_iter()
            .flat_map(|g| &g.links)
            .map(|(n, _)| n.as_str())
            .collect();
        let lost = |name: &str| self.lost.iter().any(|l| l.path == format!("/{name}"));
        let names =
            std::iter::once(RESCUED.to_owned()).chain((2..).map(|n: u64| format!("{RESCUED}_{n}")));
        names
            .into_iter()
            .find(|name| !taken.contains(name.as_str()) && !lost(name))
            .unwrap_or_default()
    }

    /// What hangs off the lost objects of a tree whose groups are all there: only that is in need of a
    /// name then. None if groups may be lost, or what lost objects referred to is not known, so that
    /// anything may have been part of the tree.
    fn below_lost(&self, catalogue: &Catalogue, judged: &Judged) -> Option<HashSet<Id>> {
        if !self.has_root || !self.cut.is_empty() || self.lost.iter().any(|l| l.id.is_none()) {
            return None;
        }
        let mut pending: Vec<Id> = self.lost.iter().filter_map(|lost| lost.id).collect();
        let mut out: HashSet<Id> = pending.iter().copied().collect();
        while let Some(id) = pending.pop() {
            if judged.is_lost(id) && !judged.is_known(catalogue, id) {
                return None;
            }
            for needed in judged.needs(id) {
                if out.insert(needed.to) {
                    pending.push(needed.to);
                }
            }
        }
        Some(out)
    }

    /// Whole groups that are not part of the tree.
    fn other_groups(&self, catalogue: &Catalogue, judged: &Judged) -> Vec<Id> {
        let is_group = |id: &Id| judged.examined.kinds.get(*id as usize) == Some(&Kind::Group);
        catalogue
            .ids()
            .filter(is_group)
            .filter(|id| !judged.inside.contains(id) && !self.done.contains_key(id))
            .collect()
    }
}

/// Whether names are those that the tree had.
enum Naming {
    Kept,
    New,
}

/// Whether a group is a `_types`: it numbers committed datatypes and has nothing else.
fn is_types(catalogue: &Catalogue, judged: &Judged, links: &[Link]) -> bool {
    let is_type = |addr| {
        let id = catalogue.find(addr);
        id.is_none_or(|id| judged.examined.kinds.get(id as usize) == Some(&Kind::Type))
    };
    !links.is_empty()
        && links.iter().all(|link| {
            link.name.len() == 8
                && link.name.bytes().all(|b| b.is_ascii_digit())
                && is_type(link.target)
        })
}

fn shown(path: &str) -> String {
    if path.is_empty() { "/".to_owned() } else { path.to_owned() }
}
