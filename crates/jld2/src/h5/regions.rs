//! Collects which bytes of a file are in use, those next to one another as one.

use super::Region;

/// Put in order once there are more than so many: half a megabyte.
const MANY: usize = 16 << 10;

/// The bytes in use. What is of one kind and follows upon one another is one region, so that very
/// many objects take little memory: they hardly ever stand alone.
#[derive(Debug, Default)]
pub struct Regions {
    list: Vec<Region>,
    /// Put in order once there are more than so many.
    most: usize,
}

impl Regions {
    /// Takes in one more.
    pub fn push(&mut self, region: Region) {
        if let Some(last) = self.list.last_mut()
            && joined(last, &region)
        {
            return;
        }
        self.list.push(region);
        if self.list.len() > self.most.max(MANY) {
            join(&mut self.list);
            self.most = 2 * self.list.len();
        }
    }

    /// All of them, sorted by their first byte. Those that share bytes stay apart.
    pub fn sorted(mut self) -> Vec<Region> {
        join(&mut self.list);
        self.list
    }
}

/// Sorts regions, and makes one of those that follow upon one another.
fn join(list: &mut Vec<Region>) {
    list.sort_unstable_by_key(|r| (r.start, r.end, r.kind as u8));
    list.dedup_by(|next, region| joined(region, next));
}

/// Lets `region` reach to the end of `next` if they belong together.
fn joined(region: &mut Region, next: &Region) -> bool {
    let together = region.kind == next.kind && region.end == next.start;
    if together {
        region.end = next.end;
    }
    together
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h5::RegionKind;
    use proptest::prelude::*;

    const KINDS: [RegionKind; 3] = [RegionKind::Header, RegionKind::Payload, RegionKind::Heap];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Whatever the order, however often it is put in order meanwhile.
        #[test]
        fn each_byte_stays_in_a_region_of_its_kind(
            lens in proptest::collection::vec((0..3_usize, 1..5_u64, 0..2_u64), 1..200),
            most in prop_oneof![Just(0_usize), Just(MANY)],
            seed in any::<u64>(),
        ) {
            let (mut at, mut all) = (0, Vec::new());
            for (kind, len, gap) in lens {
                all.push(Region { start: at + gap, end: at + gap + len, kind: KINDS[kind] });
                at += gap + len;
            }
            let mut shuffled = all.clone();
            shuffled.sort_by_key(|r| (r.start + 1).wrapping_mul(seed | 1));
            let mut regions = Regions::default();
            for (i, region) in shuffled.into_iter().enumerate() {
                regions.push(region);
                if most == 0 && i % 3 == 0 {
                    join(&mut regions.list);
                }
            }
            let sorted = regions.sorted();
            for pair in sorted.windows(2) {
                prop_assert!(pair[0].end < pair[1].start || pair[0].kind != pair[1].kind);
                prop_assert!(pair[0].end <= pair[1].start);
            }
            let kind_of = |list: &[Region], at: u64| {
                list.iter().find(|r| (r.start..r.end).contains(&at)).map(|r| r.kind)
            };
            for at in 0..at {
                prop_assert_eq!(kind_of(&sorted, at), kind_of(&all, at));
            }
        }
    }

    #[test]
    fn what_shares_bytes_stays_apart() {
        let region = |start, end| Region { start, end, kind: RegionKind::Header };
        for list in [[(0, 10), (10, 20), (15, 18)], [(5, 8), (0, 6), (8, 9)]] {
            let mut regions = Regions::default();
            list.iter().for_each(|(start, end)| regions.push(region(*start, *end)));
            let sorted = regions.sorted();
            assert!(sorted.windows(2).any(|pair| pair[1].start < pair[0].end), "{sorted:?}");
        }
    }

    #[test]
    fn very_many_take_little() {
        let mut regions = Regions::default();
        for i in (0..1_000_000_u64).rev() {
            regions.push(Region { start: 10 * i, end: 10 * i + 10, kind: RegionKind::Header });
        }
        assert!(regions.list.capacity() <= 4 * MANY);
        assert_eq!(regions.sorted().len(), 1);
    }
}
