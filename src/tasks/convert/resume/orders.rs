//! Keeps how each output is made, in little memory: there may be 100,000 to make, to make again or to
//! check again.

use super::model::Order;
use crate::convert::Mode;
use crate::convert::publish::Existing;
use crate::sys::stat::StatData;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Orders by the jobs' places in the plan.
#[derive(Debug, Clone, Default)]
pub(in crate::tasks::convert) struct Orders {
    /// Of those that nothing is to be said of, but what the input was: nearly all of a first run.
    plain: Vec<(usize, Option<StatData>)>,
    /// Of those that replace a file of this program's own: all, where rules or checks are others now.
    again: Vec<(usize, Again)>,
    /// Of the others.
    special: BTreeMap<usize, Order>,
    /// Why outputs are made again; mostly there are a few reasons for all of them.
    reasons: HashSet<Arc<str>>,
}

/// An output that is there and is checked or made again.
#[derive(Debug, Clone)]
struct Again {
    input: Option<StatData>,
    output: StatData,
    stale: Option<Arc<str>>,
    recheck: Option<Mode>,
}

impl Orders {
    /// Adds that of the job at `place`; places come in their order.
    pub(super) fn push(&mut self, place: usize, order: Order) {
        match order {
            Order {
                existing: Existing::Keep,
                input,
                stale: None,
                conflict: None,
                recorded: false,
                recheck: None,
            } => self.plain.push((place, input)),
            Order {
                existing: Existing::Replace(output),
                input,
                stale,
                conflict: None,
                recorded: false,
                recheck,
            } => {
                let stale = stale.map(|why| self.reason(&why));
                self.again.push((place, Again { input, output, stale, recheck }));
            }
            order => drop(self.special.insert(place, order)),
        }
    }

    /// Gives back what was reserved for more of them.
    pub(super) fn close(&mut self) {
        self.plain.shrink_to_fit();
        self.again.shrink_to_fit();
    }

    fn reason(&mut self, why: &str) -> Arc<str> {
        if let Some(known) = self.reasons.get(why) {
            return Arc::clone(known);
        }
        let new: Arc<str> = why.into();
        self.reasons.insert(Arc::clone(&new));
        new
    }

    /// That of the job at `place`, if there is one.
    pub(in crate::tasks::convert) fn get(&self, place: usize) -> Option<Order> {
        if let Some(order) = self.special.get(&place) {
            return Some(order.clone());
        }
        if let Some(input) = find(&self.plain, place) {
            return Some(Order::plain(*input));
        }
        let Again { input, output, stale, recheck } = find(&self.again, place)?;
        Some(Order {
            existing: Existing::Replace(*output),
            stale: stale.as_deref().map(str::to_owned),
            recheck: *recheck,
            ..Order::plain(*input)
        })
    }

    /// Which outputs are made again and why, by the jobs' places.
    pub(in crate::tasks::convert) fn stale(&self) -> impl Iterator<Item = (usize, &str)> {
        // Whatever is special is not stale: what is in its way is nobody's own.
        let again = self.again.iter();
        again.filter_map(|(place, again)| Some((*place, again.stale.as_deref()?)))
    }
}

/// What stands at `place` in a list that is in order.
fn find<T>(list: &[(usize, T)], place: usize) -> Option<&T> {
    // Where all jobs are of one kind, each stands at its own place.
    let at = list.get(place).filter(|(it, _)| *it == place);
    let found = at.or_else(|| {
        let found = list.binary_search_by_key(&place, |(place, _)| *place).ok()?;
        list.get(found)
    });
    found.map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn stat(ino: u64) -> StatData {
        StatData { ino, size: 1, mtime_ns: 2, ctime_ns: 3 }
    }

    /// One of each kind, different for each number.
    fn order(number: u64) -> Order {
        let plain = Order::plain((number % 7 != 6).then(|| stat(number)));
        let existing = Existing::Replace(stat(number + 1000));
        match number % 5 {
            0 => plain,
            1 => Order { existing, stale: Some(format!("reason {}", number % 3)), ..plain },
            2 => Order { existing, recheck: Some(Mode::Patch), ..plain },
            3 => Order { recorded: true, ..plain },
            _ => Order {
                existing: Existing::SetAside { what: stat(number), dir: PathBuf::from("aside") },
                conflict: Some(format!("conflict {number}")),
                ..plain
            },
        }
    }

    #[test]
    fn what_goes_in_comes_out() {
        for (first, step) in [(0, 1), (3, 1), (0, 5), (2, 5), (1, 3)] {
            let mut orders = Orders::default();
            let numbers = || (first..200_u64).step_by(step);
            let place = |number: u64| usize::try_from(number).unwrap();
            numbers().for_each(|number| orders.push(place(number), order(number)));
            orders.close();
            for number in 0..210 {
                let there = numbers().any(|it| it == number).then(|| order(number));
                assert_eq!(orders.get(place(number)), there, "{number}");
            }
            let stale = numbers().filter_map(|it| Some((place(it), order(it).stale?)));
            let told = orders.stale().map(|(place, why)| (place, why.to_owned()));
            assert!(told.eq(stale));
            assert!(orders.reasons.len() <= 3, "each reason once");
        }
    }

    #[test]
    fn a_hundred_thousand_take_little() {
        assert!(size_of::<(usize, Again)>() <= 104, "{}", size_of::<(usize, Again)>());
    }
}
