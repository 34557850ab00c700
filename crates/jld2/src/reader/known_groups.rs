//! Keeps the groups of a file that paths led through, with their links by name.

use crate::h5::{Object, ObjectKind, RelAddr};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Groups are kept up to this weight: some 100 MB of memory.
const MAX_WEIGHT: usize = 1 << 20;

/// Groups that were read before. Without them each path would cost as much as all of its groups
/// have links.
#[derive(Debug, Default)]
pub(super) struct KnownGroups(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    groups: HashMap<RelAddr, Arc<KnownGroup>>,
    weight: usize,
}

#[derive(Debug)]
struct KnownGroup {
    object: Arc<Object>,
    /// Positions of links by name; of several links with one name, the first.
    positions: HashMap<String, usize>,
}

impl KnownGroups {
    /// The group at `addr`, if it is known.
    pub(super) fn get(&self, addr: RelAddr) -> Option<Arc<Object>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.groups.get(&addr).map(|group| Arc::clone(&group.object))
    }

    /// The position of the link called `name` among the links of a group.
    pub(super) fn position(&self, object: &Arc<Object>, name: &str) -> Option<usize> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(group) = lock().groups.get(&object.addr()) {
            return group.positions.get(name).copied();
        }
        let group = Arc::new(KnownGroup::of(object));
        let position = group.positions.get(name).copied();
        let mut known = lock();
        if known.weight > MAX_WEIGHT {
            *known = Known::default();
        }
        known.weight += group.weight();
        known.groups.insert(object.addr(), group);
        position
    }
}

impl KnownGroup {
    fn of(object: &Arc<Object>) -> Self {
        let mut positions = HashMap::new();
        if let ObjectKind::Group(group) = &object.kind {
            for (i, link) in group.held.iter().enumerate() {
                positions.entry(link.name.to_string()).or_insert(i);
            }
        }
        Self { object: Arc::clone(object), positions }
    }

    /// How much memory it takes, in units of some hundred bytes.
    fn weight(&self) -> usize {
        let names: usize = self.positions.keys().map(String::len).sum();
        8 + 2 * self.positions.len() + names / 32
    }
}
