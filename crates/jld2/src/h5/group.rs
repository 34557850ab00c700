//! A group: its links, in memory or where they stand.

use super::link_runs::LinkRuns;
use super::message::link::{AnyLink, Link, SymbolicLink};
use std::sync::Arc;

/// The links of a group. If they are very many they are [read](LinkRuns) as they are asked for;
/// [`Self::links`] gives them all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// Those that lead to objects and are held in memory, in order.
    pub held: Vec<Link>,
    /// Where those that are not held stand, which come first.
    pub stored: Option<Arc<LinkRuns>>,
    /// Those that lead to names, in order.
    pub symbolic: Vec<SymbolicLink>,
}

impl Group {
    /// How many links lead to objects.
    pub fn len(&self) -> u64 {
        self.stored.as_ref().map_or(0, |runs| runs.len()).saturating_add(self.held.len() as u64)
    }

    /// Whether no link leads to an object.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that it takes in memory, roughly.
    pub(in crate::h5) fn weight(&self) -> u64 {
        let links = self.held.iter().map(|l| l.name.weight() + 48);
        links.chain(self.symbolic.iter().map(SymbolicLink::weight)).sum::<usize>() as u64
    }

    /// Takes in a link.
    pub(in crate::h5) fn push(&mut self, link: AnyLink) {
        match link {
            AnyLink::Hard(link) => self.held.push(link),
            AnyLink::Symbolic(link) => self.symbolic.push(link),
        }
    }
}
