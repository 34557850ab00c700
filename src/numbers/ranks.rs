//! Finds the words that have certain ranks among very many, in bounded memory: exactly.
//!
//! As long as they fit, all words are kept and sorted. Beyond that they are counted by their first
//! 16 bits, and gone through again: those that share these bits with a wanted one are kept, or, if
//! they are still too many, counted by the next 16 bits. Four passes are the most there can be.

use std::collections::BTreeMap;

/// Words that are kept: 8 MiB of them.
const KEPT: usize = 1 << 20;
/// Bits that are told apart in one pass.
const DIGIT: u32 = 16;
/// Ranks that are looked for at once: their counts take half a MiB each.
pub(super) const MOST_RANKS: usize = 40;

/// Looks for words by their ranks.
#[derive(Debug)]
pub(super) struct Ranks {
    wanted: Vec<Wanted>,
    state: State,
    /// Which first digits words that are looked for have: nearly all others are passed over by it.
    begins: Vec<bool>,
    /// How many words may be kept.
    most: usize,
}

/// A word that is looked for.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    /// Its first bits, as far as they are known.
    prefix: u64,
    /// Its rank among the words that begin so.
    rank: u64,
    found: Option<u64>,
}

#[derive(Debug)]
enum State {
    /// The first pass: how many words there are is not known.
    First {
        kept: Option<Vec<u64>>,
        counts: Vec<u64>,
    },
    /// Words that begin as these do are kept, in order of beginnings.
    Keep {
        known: u32,
        kept: BTreeMap<u64, Vec<u64>>,
    },
    /// They are counted by their next digit.
    Count {
        known: u32,
        counts: BTreeMap<u64, Vec<u64>>,
    },
    Done,
}

/// The first `known` bits of a word.
fn prefix(word: u64, known: u32) -> u64 {
    word.checked_shr(64 - known).unwrap_or(0)
}

fn digit(word: u64, known: u32) -> usize {
    usize::try_from(word.checked_shr(64 - known - DIGIT).unwrap_or(0) & ((1 << DIGIT) - 1))
        .unwrap_or(0)
}

fn no_counts() -> Vec<u64> {
    vec![0; 1 << DIGIT]
}

impl Ranks {
    /// Ready for the first pass.
    pub(super) fn new() -> Self {
        Self::keeping(KEPT)
    }

    fn keeping(most: usize) -> Self {
        let state = State::First { kept: Some(Vec::new()), counts: no_counts() };
        Self { wanted: Vec::new(), state, begins: vec![true; 1 << DIGIT], most }
    }

    /// Takes a word of the pass.
    pub(super) fn take(&mut self, word: u64) {
        if !self.begins.get(digit(word, 0)).copied().unwrap_or(true) {
            return;
        }
        match &mut self.state {
            State::First { kept, counts } => {
                if let Some(count) = counts.get_mut(digit(word, 0)) {
                    *count += 1;
                }
                match kept {
                    Some(all) if all.len() < self.most => all.push(word),
                    _ => *kept = None,
                }
            }
            State::Keep { known, kept } => {
                if let Some(words) = kept.get_mut(&prefix(word, *known)) {
                    words.push(word);
                }
            }
            State::Count { known, counts } => {
                if let Some(counts) = counts.get_mut(&prefix(word, *known))
                    && let Some(count) = counts.get_mut(digit(word, *known))
                {
                    *count += 1;
                }
            }
            State::Done => {}
        }
    }

    /// Ends the first pass: what ranks are looked for, from 0. Gives all words in order, if they were
    /// kept.
    pub(super) fn want(&mut self, ranks: &[u64]) -> Option<Vec<u64>> {
        let first = std::mem::replace(&mut self.state, State::Done);
        let State::First { kept, counts } = first else { return None };
        self.wanted = ranks.iter().map(|&rank| Wanted { prefix: 0, rank, found: None }).collect();
        if let Some(mut words) = kept {
            words.sort_unstable();
            for wanted in &mut self.wanted {
                wanted.found =
                    usize::try_from(wanted.rank).ok().and_then(|rank| words.get(rank)).copied();
            }
            return Some(words);
        }
        self.narrow(0, &BTreeMap::from([(0, counts)]));
        None
    }

    /// Whether another pass is needed.
    pub(super) fn goes_on(&self) -> bool {
        !matches!(self.state, State::Done)
    }

    /// Ends a later pass.
    pub(super) fn end(&mut self) {
        match std::mem::replace(&mut self.state, State::Done) {
            State::First { .. } | State::Done => {}
            State::Keep { mut kept, .. } => {
                kept.values_mut().for_each(|words| words.sort_unstable());
                for wanted in &mut self.wanted {
                    let words = kept.get(&wanted.prefix);
                    wanted.found = words.and_then(|words| {
                        usize::try_from(wanted.rank).ok().and_then(|rank| words.get(rank)).copied()
                    });
                }
            }
            State::Count { known, counts } => self.narrow(known, &counts),
        }
    }

    /// Makes the wanted words' beginnings one digit longer, and chooses what the next pass does.
    fn narrow(&mut self, known: u32, counts: &BTreeMap<u64, Vec<u64>>) {
        let mut beginnings = BTreeMap::new();
        for wanted in &mut self.wanted {
            let Some(counts) = counts.get(&wanted.prefix) else { continue };
            for (digit, &count) in counts.iter().enumerate() {
                if wanted.rank < count {
                    wanted.prefix = (wanted.prefix << DIGIT) | digit as u64;
                    beginnings.insert(wanted.prefix, count);
                    break;
                }
                wanted.rank -= count;
            }
        }
        let known = known + DIGIT;
        self.begins.fill(false);
        for beginning in beginnings.keys() {
            // Back to where it stands in a word.
            if let Some(begins) = self.begins.get_mut(digit(beginning << (64 - known), 0)) {
                *begins = true;
            }
        }
        if known == 64 {
            // All that begin so are this word.
            self.wanted.iter_mut().for_each(|wanted| wanted.found = Some(wanted.prefix));
            return;
        }
        let all = beginnings.values().fold(0, |sum: u64, count| sum.saturating_add(*count));
        self.state = if usize::try_from(all).is_ok_and(|all| all <= self.most) {
            State::Keep {
                known,
                kept: beginnings.into_keys().map(|key| (key, Vec::new())).collect(),
            }
        } else {
            let counts = beginnings.into_keys().map(|key| (key, no_counts())).collect();
            State::Count { known, counts }
        };
    }

    /// The words of the ranks that were wanted, in this order; none where there are too few words.
    pub(super) fn found(&self) -> impl Iterator<Item = Option<u64>> {
        self.wanted.iter().map(|wanted| wanted.found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(words: &[u64], ranks: &[u64], most: usize) -> (Vec<Option<u64>>, usize) {
        let mut search = Ranks::keeping(most);
        words.iter().for_each(|&word| search.take(word));
        search.want(ranks);
        let mut passes = 1;
        while search.goes_on() {
            words.iter().for_each(|&word| search.take(word));
            search.end();
            passes += 1;
        }
        (search.found().collect(), passes)
    }

    proptest! {
        #[test]
        fn ranks_are_those_of_sorted_words(
            words in prop::collection::vec(prop_oneof![any::<u64>(), 0..5_u64, Just(u64::MAX)], 1..300),
            most in 0..400_usize,
        ) {
            let mut sorted = words.clone();
            sorted.sort_unstable();
            let last = words.len() as u64 - 1;
            let ranks = [0, last / 3, last / 2, last, last, last + 1];
            let (found, passes) = found(&words, &ranks, most);
            let expected: Vec<_> =
                ranks.iter().map(|&rank| sorted.get(usize::try_from(rank).unwrap()).copied()).collect();
            // Beyond the last there is nothing, however that is found out.
            prop_assert_eq!(&found[..5], &expected[..5]);
            prop_assert!(passes <= 4);
        }
    }

    #[test]
    fn memory_is_bounded_where_all_words_are_one() {
        let (found, passes) = found(&vec![7; 5000], &[0, 2500, 4999], 100);
        assert_eq!(found, [Some(7); 3]);
        assert_eq!(passes, 4);
    }
}
