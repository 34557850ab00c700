//! Which objects are lost since others are: losses go from an object to all that need it.

use super::catalogue::{Catalogue, Id};
use super::claims::{Claim, Claims, Part};
use super::examine::{Examined, Kind, Needed, Reason};
use super::wholes::needs_all;
use crate::julia::TypeTable;
use std::cell::OnceCell;
use std::collections::{BTreeMap, HashSet, VecDeque};

/// What has become of all objects.
pub(super) struct Judged {
    pub(super) examined: Examined,
    /// Objects that are none: they stand inside the data of others.
    pub(super) inside: HashSet<Id>,
    /// Where data stand: start and end, apart from one another.
    data: BTreeMap<u64, u64>,
    /// References, by the object they lead to.
    by_target: Vec<Needed>,
    /// Arrays with elements that are lost.
    pub(super) in_part: HashSet<Id>,
    /// Which bytes objects stand in; made when it is asked for.
    claims: OnceCell<Claims>,
}

impl Judged {
    /// Decides on all objects. Those that can be reached from `root` stand in the file for certain;
    /// others may be bytes of somebody's data that look like objects.
    pub(super) fn new(
        catalogue: &Catalogue,
        types: &TypeTable<'_>,
        mut examined: Examined,
        root: Option<Id>,
    ) -> Self {
        examined.needs.sort_unstable();
        let mut by_target = examined.needs.clone();
        by_target.sort_unstable_by_key(|n| (n.to, n.from));
        let mut out = Self {
            examined,
            inside: HashSet::new(),
            data: BTreeMap::new(),
            by_target,
            in_part: HashSet::new(),
            claims: OnceCell::new(),
        };
        let live = root.map_or_else(HashSet::new, |root| out.reach(catalogue, root));
        out.data = data_ranges(catalogue, &out.examined, &live);
        let hidden = |id: &Id| !live.contains(id) && out.is_data(catalogue.offset(*id));
        out.inside = catalogue.ids().filter(hidden).collect();
        out.spread(catalogue, types);
        out
    }

    /// What an object is.
    pub(super) fn kind(&self, id: Id) -> Kind {
        self.examined.kinds.get(id as usize).copied().unwrap_or(Kind::Unread)
    }

    /// Whether nothing of an object can be kept.
    pub(super) fn is_lost(&self, id: Id) -> bool {
        self.examined.reasons.contains_key(&id) || self.inside.contains(&id)
    }

    /// Whether all is known that a lost object refers to.
    pub(super) fn is_known(&self, catalogue: &Catalogue, id: Id) -> bool {
        match self.examined.reasons.get(&id) {
            Some(Reason::Damaged(_) | Reason::Cut { .. }) => catalogue.leads_nowhere(id),
            Some(Reason::Missing { .. }) => false,
            Some(Reason::Needs(_) | Reason::AllElements) | None => true,
        }
    }

    /// Whether these bytes are data of an object.
    pub(super) fn is_data(&self, offset: u64) -> bool {
        self.data.range(..=offset).next_back().is_some_and(|(_, &end)| offset < end)
    }

    /// What an object refers to.
    pub(super) fn needs(&self, id: Id) -> &[Needed] {
        let needs = &self.examined.needs;
        let start = needs.partition_point(|n| n.from < id);
        let end = needs.partition_point(|n| n.from <= id);
        needs.get(start..end).unwrap_or_default()
    }

    /// Who refers to an object.
    pub(super) fn needed_by(&self, id: Id) -> &[Needed] {
        let start = self.by_target.partition_point(|n| n.to < id);
        let end = self.by_target.partition_point(|n| n.to <= id);
        self.by_target.get(start..end).unwrap_or_default()
    }

    /// All that can be reached from a group.
    fn reach(&self, catalogue: &Catalogue, root: Id) -> HashSet<Id> {
        let mut out = HashSet::from([root]);
        let mut pending = vec![root];
        while let Some(id) = pending.pop() {
            let links = catalogue.links(id).map(|links| links.group().held).unwrap_or_default();
            let linked = links.iter().filter_map(|link| catalogue.find(link.target));
            let needed = self.needs(id).iter().map(|n| n.to);
            for to in linked.chain(needed) {
                if out.insert(to) {
                    pending.push(to);
                }
            }
        }
        out
    }

    /// An object that has some of the bytes of another's data, and is kept; the object itself, if they
    /// are more to it than its data.
    fn shares_data(&self, catalogue: &Catalogue, id: Id) -> Option<Id> {
        let object = catalogue.file.object(catalogue.addr(id)).ok()?;
        if let Some((start, bytes)) = catalogue.stated_extent(&object) {
            let end = start.saturating_add(bytes);
            return self.claimed(catalogue, &Claim { start, end, id, part: Part::Data });
        }
        // They are in the header.
        let mut chunks = object.header.chunks.iter();
        chunks.find_map(|chunk| {
            let (start, end) = (chunk.offset, chunk.end());
            self.claimed(catalogue, &Claim { start, end, id, part: Part::Header })
        })
    }

    /// An object that would be changed, too, if these bytes were, and is kept.
    pub(super) fn claimed(&self, catalogue: &Catalogue, changed: &Claim) -> Option<Id> {
        let claims =
            self.claims.get_or_init(|| Claims::of(catalogue, &self.examined.extents, &self.inside));
        claims.other(changed, &|id| self.is_lost(id))
    }

    /// Lets losses go on to all that need what is lost.
    fn spread(&mut self, catalogue: &Catalogue, types: &TypeTable<'_>) {
        let mut pending: VecDeque<Id> = self.examined.reasons.keys().copied().collect();
        pending.extend(self.inside.iter().copied());
        let mut arrays: Vec<Id> = self.examined.elements.keys().copied().collect();
        // In the order of the file, so that the same file always gives the same reasons.
        arrays.sort_unstable();
        pending.make_contiguous().sort_unstable();
        for id in arrays {
            let some = self.examined.elements.get(&id).is_some_and(|elements| elements.lost > 0);
            if some && !self.is_lost(id) {
                self.damage(catalogue, types, id, &mut pending);
            }
        }
        for id in self.examined.in_part.keys().copied().collect::<Vec<_>>() {
            self.spread_to_wholes(catalogue, types, id, &mut pending);
        }
        while let Some(id) = pending.pop_front() {
            for needed in self.needed_by(id).to_vec() {
                if self.is_lost(needed.from) {
                    continue;
                }
                if !needed.element {
                    self.examined.reasons.insert(needed.from, Reason::Needs(id));
                    pending.push_back(needed.from);
                    continue;
                }
                if let Some(elements) = self.examined.elements.get_mut(&needed.from) {
                    elements.left = elements.left.saturating_sub(1);
                    elements.lost += 1;
                }
                self.damage(catalogue, types, needed.from, &mut pending);
            }
        }
        self.in_part.retain(|id| !self.examined.reasons.contains_key(id));
        let reasons = &self.examined.reasons;
        self.examined.in_part.retain(|id, _| !reasons.contains_key(id));
    }

    /// An array has lost an element.
    fn damage(
        &mut self,
        catalogue: &Catalogue,
        types: &TypeTable<'_>,
        id: Id,
        pending: &mut VecDeque<Id>,
    ) {
        let left = self.examined.elements.get(&id).map_or(0, |elements| elements.left);
        if left == 0 {
            self.examined.reasons.insert(id, Reason::AllElements);
            pending.push_back(id);
            return;
        }
        if !self.in_part.insert(id) {
            return;
        }
        // Its elements are changed where they stand.
        if let Some(other) = self.shares_data(catalogue, id) {
            let with = match catalogue.offset(other) {
                _ if other == id => "its own header or heap".to_owned(),
                at => format!("the object at byte {at}"),
            };
            let what =
                format!("some of its elements are lost, and its data share bytes with {with}");
            self.examined.reasons.insert(id, Reason::Damaged(what));
            pending.push_back(id);
            return;
        }
        self.spread_to_wholes(catalogue, types, id, pending);
    }

    /// An array lacks something: a dictionary that lacks some of its pairs would be another one.
    fn spread_to_wholes(
        &mut self,
        catalogue: &Catalogue,
        types: &TypeTable<'_>,
        id: Id,
        pending: &mut VecDeque<Id>,
    ) {
        for needed in self.needed_by(id).to_vec() {
            if !needed.element
                && !self.is_lost(needed.from)
                && needs_all(catalogue, types, needed.from)
            {
                self.examined.reasons.insert(needed.from, Reason::Needs(id));
                pending.push_back(needed.from);
            }
        }
    }
}

/// Where data stand. Objects inside them are none, as those of a file that is stored in an array of
/// bytes: their data do not count. What is live is an object; of the others, those with more data come
/// first, since a file inside another is the smaller one.
fn data_ranges(
    catalogue: &Catalogue,
    examined: &Examined,
    live: &HashSet<Id>,
) -> BTreeMap<u64, u64> {
    let mut extents = examined.extents.clone();
    extents.sort_by_key(|&(start, end, id)| (!live.contains(&id), u64::MAX - (end - start), id));
    let mut taken = BTreeMap::<u64, u64>::new();
    let mut live_offsets: Vec<u64> = live.iter().map(|&id| catalogue.offset(id)).collect();
    live_offsets.sort_unstable();
    for (start, end, id) in extents {
        let offset = catalogue.offset(id);
        let is_live = live.contains(&id);
        let before = taken.range(..=offset).next_back();
        if !is_live && before.is_some_and(|(_, &end)| offset < end) {
            continue;
        }
        // Left over from before these bytes were used anew.
        let first = live_offsets.partition_point(|&live| live < start);
        if !is_live && live_offsets.get(first).is_some_and(|&live| live < end) {
            continue;
        }
        join(&mut taken, start, end);
    }
    taken
}

/// Adds a range to ranges that are apart from one another.
fn join(ranges: &mut BTreeMap<u64, u64>, mut start: u64, mut end: u64) {
    while let Some((&from, &to)) = ranges.range(..=end).next_back() {
        if to < start {
            break;
        }
        ranges.remove(&from);
        start = start.min(from);
        end = end.max(to);
    }
    if start < end {
        ranges.insert(start, end);
    }
}
