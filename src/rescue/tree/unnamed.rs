//! Places for what nothing names.

use super::{Named, Naming, NewGroup, Target, Tree, is_root};
use crate::h5::{Link, Name, Result};
use crate::rescue::catalogue::{Catalogue, Id};
use crate::rescue::examine::Kind;
use crate::rescue::hints::hints;
use crate::rescue::judge::Judged;
use std::collections::{BTreeMap, HashSet};

/// The group for what has lost its name.
const RESCUED: &str = "rescued";
/// A group of JLD2 with more links than these takes long to read.
const MOST_LINKS: usize = 50_000;
impl Tree {
    /// Finds places for what nothing names.
    pub(super) fn unnamed(&mut self, catalogue: &Catalogue, judged: &Judged) -> Result<()> {
        let wanted = if self.is_complete() {
            Some(HashSet::new())
        } else {
            self.below_lost(catalogue, judged)
        };
        let groups = self.other_groups(catalogue, judged);
        let hints = hints(catalogue, judged, &groups);
        let mut new_links: Vec<(Name, Target)> = Vec::new();
        let top = self.free_name();
        if wanted.is_none() {
            let below: HashSet<Id> = groups
                .iter()
                .filter_map(|&id| catalogue.links(id))
                .flat_map(|links| links.group().held)
                .filter_map(|link| catalogue.find(link.target))
                .collect();
            let mut number = 0;
            let stray = |at: u64| !judged.examined.chunks.contains(&at) && !judged.is_data(at);
            for &id in groups.iter().filter(|id| !below.contains(id)) {
                let links = catalogue.links(id).map(|it| it.group().held).unwrap_or_default();
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
                if is_types(catalogue, judged, &left.held) {
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
                judged.kind(id) == Kind::Dataset
                    && !judged.is_lost(id)
                    && !self.reached.contains(&id)
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
        let is_group = |id: &Id| judged.kind(*id) == Kind::Group;
        catalogue
            .ids()
            .filter(is_group)
            .filter(|id| !judged.inside.contains(id) && !self.done.contains_key(id))
            .collect()
    }
}

/// Whether a group is a `_types`: it numbers committed datatypes and has nothing else.
fn is_types(catalogue: &Catalogue, judged: &Judged, links: &[Link]) -> bool {
    let is_type = |addr| {
        let id = catalogue.find(addr);
        id.is_none_or(|id| judged.kind(id) == Kind::Type)
    };
    !links.is_empty()
        && links.iter().all(|link| {
            link.name.len() == 8
                && link.name.bytes().all(|b| b.is_ascii_digit())
                && is_type(link.target)
        })
}
