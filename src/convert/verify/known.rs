//! What is known of each of very many datasets, to be held against what is found. Where there are few,
//! each is kept; of many, a digest of some hundred together.

use xxhash_rust::xxh3::Xxh3;

/// Datasets of which each is kept.
const FEW: u64 = 1 << 16;
/// Datasets that have a digest together where there are more.
const TOGETHER: u64 = 256;

/// What is known of datasets, in their order.
pub(super) enum Known<T> {
    Each(Vec<T>),
    /// Digests of so many at once.
    Folded {
        folds: Vec<u128>,
        open: Box<Fold>,
    },
}

/// The digest of some of them.
#[derive(Default)]
pub(super) struct Fold {
    hash: Xxh3,
    count: u64,
}

impl Fold {
    /// Takes one in; gives the digest of as many as have one together.
    fn push(&mut self, known: &[u8]) -> Option<u128> {
        self.hash.update(&(known.len() as u64).to_le_bytes());
        self.hash.update(known);
        self.count += 1;
        (self.count == TOGETHER).then(|| self.take()).flatten()
    }

    /// That of the last ones, if there are any.
    fn take(&mut self) -> Option<u128> {
        let digest = (self.count > 0).then(|| self.hash.digest128());
        *self = Self::default();
        digest
    }
}

/// Something that has bytes.
pub(super) trait Bytes {
    type Of<'a>: AsRef<[u8]>
    where
        Self: 'a;

    fn bytes(&self) -> Self::Of<'_>;
}

impl Bytes for String {
    type Of<'a> = &'a [u8];

    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Bytes for u128 {
    type Of<'a> = [u8; 16];

    fn bytes(&self) -> [u8; 16] {
        self.to_le_bytes()
    }
}

impl<T: Bytes> Known<T> {
    /// Nothing is known of so many yet.
    pub(super) fn of(count: u64) -> Self {
        if count <= FEW {
            return Self::Each(Vec::new());
        }
        Self::Folded { folds: Vec::new(), open: Box::default() }
    }

    /// Takes in what is known of the next.
    pub(super) fn push(&mut self, known: T) {
        match self {
            Self::Each(each) => each.push(known),
            Self::Folded { folds, open } => folds.extend(open.push(known.bytes().as_ref())),
        }
    }

    /// All are in.
    pub(super) fn finish(&mut self) {
        if let Self::Folded { folds, open } = self {
            folds.extend(open.take());
        }
    }

    /// Holds what is found against it, from the first on.
    pub(super) fn check(&self) -> Checker<'_, T> {
        Checker { known: self, at: 0, open: Fold::default(), first: None }
    }
}

/// Holds what is found against what is known.
pub(super) struct Checker<'a, T> {
    known: &'a Known<T>,
    at: usize,
    open: Fold,
    /// The path of the first that was not told of yet.
    first: Option<String>,
}

/// What is found is not what is known.
pub(super) enum Unlike<'a, T> {
    /// This is known of it.
    This(Option<&'a T>),
    /// One of those from this path on.
    From(String),
}

impl<'a, T: Bytes + PartialEq> Checker<'a, T> {
    /// The next one, at `path`.
    pub(super) fn next(&mut self, path: &str, found: &T) -> Result<(), Unlike<'a, T>> {
        match self.known {
            Known::Each(each) => {
                let known = each.get(self.at);
                self.at += 1;
                if known == Some(found) { Ok(()) } else { Err(Unlike::This(known)) }
            }
            Known::Folded { .. } => {
                self.first.get_or_insert_with(|| path.to_owned());
                let digest = self.open.push(found.bytes().as_ref());
                digest.map_or(Ok(()), |digest| self.digest(digest))
            }
        }
    }

    /// All were told.
    pub(super) fn finish(mut self) -> Result<(), Unlike<'a, T>> {
        let digest = self.open.take();
        digest.map_or(Ok(()), |digest| self.digest(digest))
    }

    fn digest(&mut self, found: u128) -> Result<(), Unlike<'a, T>> {
        let Known::Folded { folds, .. } = self.known else { return Ok(()) };
        let known = folds.get(self.at);
        self.at += 1;
        let first = self.first.take().unwrap_or_default();
        if known == Some(&found) { Ok(()) } else { Err(Unlike::From(first)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(count: u64) -> Known<u128> {
        let mut known = Known::of(count);
        (0..count).for_each(|i| known.push(u128::from(i)));
        known.finish();
        known
    }

    #[test]
    fn each_that_differs_is_found_in_few_and_in_many() {
        for count in [1, 300, FEW, FEW + 1, FEW + TOGETHER] {
            let known = known(count);
            for other in [None, Some(0), Some(count / 2), Some(count - 1)] {
                let mut checker = known.check();
                let mut found = Ok(());
                for i in 0..count {
                    let value = if other == Some(i) { u128::MAX } else { u128::from(i) };
                    found = found.and(checker.next(&i.to_string(), &value));
                }
                found = found.and(checker.finish());
                match (other, found) {
                    (None, Ok(())) => {}
                    (Some(i), Err(Unlike::This(expected))) => {
                        assert!(count <= FEW && expected == Some(&u128::from(i)));
                    }
                    (Some(i), Err(Unlike::From(path))) => {
                        assert!(count > FEW);
                        let first: u64 = path.parse().unwrap();
                        assert!((first..first + TOGETHER).contains(&i), "{first} {i}");
                    }
                    (other, found) => panic!("{count} {other:?} {}", found.is_ok()),
                }
            }
        }
    }
}
