//! What sets and maps of addresses have in common: blocks of addresses that are close together, and
//! places in them at equal distances.

use std::collections::HashMap;

/// Blocks of 2^`BITS` addresses, of which only those that are needed are kept.
#[derive(Debug)]
pub(super) struct Blocks<B, const BITS: u32> {
    list: Vec<B>,
    /// Where the block is of which this is the number.
    index: HashMap<u64, usize, foldhash::fast::RandomState>,
    /// The block put into last: its number, and where it is.
    last: Option<(u64, usize)>,
}

impl<B, const BITS: u32> Default for Blocks<B, BITS> {
    fn default() -> Self {
        Self { list: Vec::new(), index: HashMap::default(), last: None }
    }
}

impl<B, const BITS: u32> Blocks<B, BITS> {
    /// The block of `address`, which `new` makes if there is none, and the place in it.
    pub(super) fn get_or_insert(
        &mut self,
        address: u64,
        new: impl FnOnce() -> B,
    ) -> Option<(&mut B, u16)> {
        let (number, place) = Self::split(address);
        let at = match self.last {
            Some((known, at)) if known == number => at,
            _ => {
                let next = self.list.len();
                let at = *self.index.entry(number).or_insert(next);
                if at == next {
                    self.list.push(new());
                }
                self.last = Some((number, at));
                at
            }
        };
        Some((self.list.get_mut(at)?, place))
    }

    /// The block of `address`, if there is one, and the place in it.
    pub(super) fn get(&self, address: u64) -> Option<(&B, u16)> {
        let (number, place) = Self::split(address);
        let at = match self.last {
            Some((known, at)) if known == number => at,
            _ => *self.index.get(&number)?,
        };
        Some((self.list.get(at)?, place))
    }

    /// The number of a block, and a place in it.
    fn split(address: u64) -> (u64, u16) {
        (address >> BITS, u16::try_from(address & ((1 << BITS) - 1)).unwrap_or(0))
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &B> {
        self.list.iter()
    }
}

/// Places of a block at equal distances.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct EvenPlaces {
    first: u16,
    distance: u16,
    count: u32,
}

impl EvenPlaces {
    /// How many there are.
    pub(super) fn count(self) -> u32 {
        self.count
    }

    /// Which of them `place` is.
    pub(super) fn position(self, place: u16) -> Option<u32> {
        let from_first = place.checked_sub(self.first).filter(|_| self.count > 0)?;
        if from_first == 0 {
            return Some(0);
        }
        let even = self.distance > 0 && from_first % self.distance == 0;
        Some(u32::from(from_first / self.distance.max(1))).filter(|i| even && *i < self.count)
    }

    /// These and `place`, which is none of them, behind all others; `None` if its distance is another.
    pub(super) fn with(self, place: u16) -> Option<Self> {
        let Self { first, distance, count } = self;
        let last = u32::from(first) + u32::from(distance) * count.saturating_sub(1);
        match (count, u32::from(place).checked_sub(last)) {
            (0, _) => Some(Self { first: place, distance: 0, count: 1 }),
            (1, Some(more)) => {
                Some(Self { distance: u16::try_from(more).unwrap_or(0), count: 2, ..self })
            }
            (_, Some(more)) if more == u32::from(distance) => {
                Some(Self { count: count + 1, ..self })
            }
            _ => None,
        }
    }

    /// All of them, in order.
    pub(super) fn iter(self) -> impl Iterator<Item = u16> {
        (0..self.count).map(move |i| {
            let place = u32::from(self.first) + i * u32::from(self.distance);
            u16::try_from(place).unwrap_or(u16::MAX)
        })
    }
}
