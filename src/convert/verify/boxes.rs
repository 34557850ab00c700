//! Divides a dataset of any number of dimensions into pieces.

/// A dataset in boxes of at most so many bytes, if elements are not larger, that follow one another
/// in its data; as start and count in each dimension.
pub(super) struct Boxes<'a> {
    dims: &'a [u64],
    /// The dimension that is cut; those before go one by one, those behind as a whole.
    cut: usize,
    /// Entries of that dimension in a box.
    step: u64,
    next: Option<Vec<u64>>,
}

impl<'a> Boxes<'a> {
    pub(super) fn new(dims: &'a [u64], size: u64, window: u64) -> Self {
        let mut row = size.max(1);
        let mut cut = dims.len().saturating_sub(1);
        for (i, dim) in dims.iter().enumerate().skip(1).rev() {
            let rows = row.saturating_mul(*dim);
            if rows > window {
                break;
            }
            row = rows;
            cut = i - 1;
        }
        let step = (window / row.max(1)).max(1);
        let next = (!dims.contains(&0)).then(|| vec![0; dims.len()]);
        Self { dims, cut, step, next }
    }
}

impl Iterator for Boxes<'_> {
    type Item = (Vec<u64>, Vec<u64>);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.next.take()?;
        let count =
            self.dims.iter().zip(&start).enumerate().map(|(i, (dim, at))| match i.cmp(&self.cut) {
                std::cmp::Ordering::Less => 1,
                std::cmp::Ordering::Equal => self.step.min(dim - at),
                std::cmp::Ordering::Greater => *dim,
            });
        let count: Vec<u64> = count.collect();
        let mut next = start.clone();
        for (i, dim) in self.dims.iter().enumerate().take(self.cut + 1).rev() {
            let (Some(at), Some(by)) = (next.get_mut(i), count.get(i)) else { break };
            *at += by;
            if *at < *dim {
                self.next = Some(next);
                break;
            }
            *at = 0;
        }
        Some((start, count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WINDOW: u64 = 1 << 20;

    proptest! {
        /// Boxes cover all elements once, in the order in which they are stored.
        #[test]
        fn boxes_follow_one_another(
            dims in proptest::collection::vec(0_u64..40, 0..4),
            size in prop_oneof![Just(1_u64), 8_u64..40, Just(WINDOW / 7), Just(WINDOW + 1)],
        ) {
            let total: u64 = dims.iter().product();
            let flat = |at: &[u64]| at.iter().zip(&dims).fold(0, |n, (a, d)| n * d + a);
            let mut expected = 0;
            for (start, count) in Boxes::new(&dims, size, WINDOW) {
                prop_assert_eq!(flat(&start), expected);
                let elements: u64 = count.iter().product();
                prop_assert!(elements == 1 || elements * size <= WINDOW);
                let last: Vec<_> = start.iter().zip(&count).map(|(s, c)| s + c - 1).collect();
                prop_assert_eq!(flat(&last), expected + elements - 1);
                expected += elements;
            }
            prop_assert_eq!(expected, total);
        }
    }
}
