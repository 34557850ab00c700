//! How an array is cut into chunks that are runs of its bytes.

use super::HDF5_1_CHUNK_MAX;

/// An array cut into chunks of one shape, each of which is a run of the array's bytes: all its
/// dimensions are 1 up to one that is cut, and those behind that one are whole.
///
/// Chunks are counted in the order of the array's bytes, which is also the order of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkGrid {
    dims: Vec<u64>,
    chunk: Vec<u64>,
    element_size: u32,
    /// Which dimension is cut.
    cut: usize,
    /// Bytes of one step along it.
    step: u64,
    /// Chunks along it.
    along: u64,
    count: u64,
}

/// Largest dimension of a chunk: JLD2 reads it with a sign.
const DIM_MAX: u64 = (1 << 31) - 1;

impl ChunkGrid {
    /// Cuts an array of `dims`, slowest first, into chunks of about `goal` bytes, at most. They are
    /// as equal as can be, so that little of the last one lies outside the array; where `unit` is more
    /// than 1 and fits into a chunk, they begin at its multiples along the dimension that is cut.
    ///
    /// None where there are no elements, an element is larger than a chunk can be, or the array has
    /// 2^64 bytes or more.
    pub fn divide(dims: &[u64], element_size: u32, goal: u64, unit: u64) -> Option<Self> {
        let goal = goal.min(HDF5_1_CHUNK_MAX).max(u64::from(element_size));
        if element_size == 0 || dims.is_empty() || goal > HDF5_1_CHUNK_MAX {
            return None;
        }
        let bytes = dims.iter().try_fold(u64::from(element_size), |n, d| n.checked_mul(*d))?;
        if bytes == 0 {
            return None;
        }
        // The slowest dimension of which one step is within the goal.
        let mut step = bytes;
        let mut cut = 0;
        for (k, dim) in dims.iter().enumerate() {
            step /= dim;
            cut = k;
            if step <= goal {
                break;
            }
        }
        let dim = dims.get(cut).copied()?;
        let most = (goal / step).max(1).min(dim);
        let parts = dim.div_ceil(most);
        let mut rows = dim.div_ceil(parts);
        if unit > 1 && parts > 1 && unit <= most {
            rows = (most / unit).saturating_mul(unit);
        }
        let shape = |(k, dim): (usize, &u64)| match k.cmp(&cut) {
            std::cmp::Ordering::Less => 1,
            std::cmp::Ordering::Equal => rows,
            std::cmp::Ordering::Greater => *dim,
        };
        let chunk = dims.iter().enumerate().map(shape).collect();
        Self::of(dims, chunk, element_size)
    }

    /// The grid of chunks of a given shape; none where they are not runs of the array's bytes, or
    /// larger than a chunk can be: HDF5 keeps its bytes in 32 bits, JLD2 its dimensions in 31.
    pub fn of(dims: &[u64], chunk: Vec<u64>, element_size: u32) -> Option<Self> {
        if dims.len() != chunk.len() || chunk.contains(&0) || dims.contains(&0) {
            return None;
        }
        if chunk.iter().any(|n| *n > DIM_MAX) {
            return None;
        }
        // The first that is not 1; where all are, the last.
        let cut = chunk.iter().position(|n| *n > 1).unwrap_or(chunk.len().checked_sub(1)?);
        let whole = dims.iter().zip(&chunk).skip(cut.checked_add(1)?).all(|(dim, n)| dim == n);
        if !whole {
            return None;
        }
        let tail = dims.get(cut.checked_add(1)?..)?;
        let step = tail.iter().try_fold(u64::from(element_size), |n, d| n.checked_mul(*d))?;
        let rows = chunk.get(cut).copied()?;
        step.checked_mul(rows).filter(|bytes| (1..=HDF5_1_CHUNK_MAX).contains(bytes))?;
        let along = dims.get(cut)?.div_ceil(rows);
        let count = dims.get(..cut)?.iter().try_fold(along, |n, d| n.checked_mul(*d))?;
        dims.iter().try_fold(u64::from(element_size), |n, d| n.checked_mul(*d))?;
        Some(Self { dims: dims.to_vec(), chunk, element_size, cut, step, along, count })
    }

    /// Dimensions of a chunk, slowest first, in elements.
    pub fn chunk(&self) -> &[u64] {
        &self.chunk
    }

    /// Bytes of an element.
    pub fn element_size(&self) -> u32 {
        self.element_size
    }

    /// Dimensions of the array.
    pub fn rank(&self) -> usize {
        self.dims.len()
    }

    /// How many chunks there are; at least one.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Bytes of a chunk, before filters.
    pub fn chunk_bytes(&self) -> u64 {
        self.step.saturating_mul(self.rows())
    }

    /// Whether each chunk of this grid is made of whole chunks of another one of the same array.
    pub fn covers(&self, other: &Self) -> bool {
        self == other
            || self.dims == other.dims
                && self.cut == other.cut
                && self.rows().is_multiple_of(other.rows().max(1))
    }

    /// Steps of a chunk along the dimension that is cut.
    pub fn rows(&self) -> u64 {
        self.chunk.get(self.cut).copied().unwrap_or(1)
    }

    /// Which bytes of the array chunk `number` holds: the first of them, and how many. The last chunk
    /// along the dimension that is cut may hold fewer than [`chunk_bytes`](Self::chunk_bytes).
    pub fn bytes_of(&self, number: u64) -> (u64, u64) {
        let dim = self.dims.get(self.cut).copied().unwrap_or(1);
        let along = self.along.max(1);
        let (before, here) = (number / along, number % along);
        let first = here.saturating_mul(self.rows());
        let rows = dim.saturating_sub(first).min(self.rows());
        let start = before.saturating_mul(dim).saturating_add(first).saturating_mul(self.step);
        (start, rows.saturating_mul(self.step))
    }

    /// The first element of chunk `number` in each dimension.
    pub fn corner(&self, number: u64) -> impl Iterator<Item = u64> + '_ {
        let along = self.along.max(1);
        let (mut rest, here) = (number / along, number % along);
        let mut corner = vec![0; self.dims.len()];
        if let Some(at) = corner.get_mut(self.cut) {
            *at = here.saturating_mul(self.rows());
        }
        for (at, dim) in corner.iter_mut().zip(&self.dims).take(self.cut).rev() {
            *at = rest % dim;
            rest /= dim;
        }
        corner.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn columns_are_cut_into_equal_parts() {
        let grid = ChunkGrid::divide(&[1_000_000], 8, 1 << 20, 1).unwrap();
        assert_eq!((grid.chunk(), grid.count()), (&[125_000][..], 8));
        assert_eq!(grid.bytes_of(7), (7_000_000, 1_000_000));
        // 131,073 rows of 8 bytes are one row more than a MiB.
        let grid = ChunkGrid::divide(&[131_073], 8, 1 << 20, 1).unwrap();
        assert_eq!((grid.chunk(), grid.count()), (&[65_537][..], 2));
        assert_eq!(grid.bytes_of(1), (65_537 * 8, 65_536 * 8));
        assert_eq!(ChunkGrid::divide(&[100], 8, 1 << 20, 1).unwrap().chunk(), [100]);
    }

    #[test]
    fn the_slowest_dimension_is_cut_and_the_next_where_a_step_is_too_large() {
        let grid = ChunkGrid::divide(&[10, 100, 100], 8, 1 << 20, 1).unwrap();
        assert_eq!((grid.chunk(), grid.count()), (&[10, 100, 100][..], 1));
        let grid = ChunkGrid::divide(&[50, 100, 100], 8, 1 << 20, 1).unwrap();
        assert_eq!((grid.chunk(), grid.count()), (&[13, 100, 100][..], 4));
        let grid = ChunkGrid::divide(&[3, 1000, 1000], 8, 1 << 20, 1).unwrap();
        assert_eq!((grid.chunk(), grid.count()), (&[1, 125, 1000][..], 24));
        assert_eq!(grid.corner(9).collect::<Vec<_>>(), [1, 125, 0]);
        assert_eq!(grid.bytes_of(9), (9_000_000, 1_000_000));
        // One element is more than a chunk should be.
        let grid = ChunkGrid::divide(&[2, 3], 100, 50, 1).unwrap();
        assert_eq!((grid.chunk(), grid.count()), (&[1, 1][..], 6));
    }

    #[test]
    fn what_cannot_be_cut_is_told() {
        assert!(ChunkGrid::divide(&[], 8, 100, 1).is_none());
        assert!(ChunkGrid::divide(&[0], 8, 100, 1).is_none());
        assert!(ChunkGrid::divide(&[1 << 40, 1 << 30], 8, 100, 1).is_none());
        assert!(ChunkGrid::of(&[1 << 33], vec![1 << 32], 1).is_none(), "4 GiB");
        assert!(ChunkGrid::of(&[1 << 31], vec![1 << 31], 1).is_none(), "a dimension with a sign");
        assert!(ChunkGrid::of(&[4, 4], vec![2, 2], 8).is_none(), "no run of bytes");
        let whole = |rows: u64, size| ChunkGrid::of(&[rows], vec![rows], size).is_some();
        assert!(whole((1 << 29) - 1, 8) && !whole(1 << 29, 8), "4 GiB");
        assert!(whole((1 << 31) - 1, 1) && !whole(1 << 31, 1), "dimensions have a sign");
    }

    proptest! {
        /// Chunks are all bytes, in order, each once, and corners are where their bytes begin.
        #[test]
        fn chunks_are_runs_one_behind_another(
            dims in proptest::collection::vec(1_u64..20, 1..5), size in 1_u32..20,
            goal in 1_u64..5000, unit in 1_u64..5,
        ) {
            let grid = ChunkGrid::divide(&dims, size, goal, unit).unwrap();
            let mut next = 0;
            for number in 0..grid.count() {
                let (start, bytes) = grid.bytes_of(number);
                prop_assert_eq!(start, next);
                prop_assert!(bytes > 0 && bytes <= grid.chunk_bytes());
                next = start + bytes;
                let at = grid.corner(number).zip(&dims).fold(0, |at, (c, dim)| at * dim + c);
                prop_assert_eq!(at * u64::from(size), start);
            }
            prop_assert_eq!(next, dims.iter().product::<u64>() * u64::from(size));
            prop_assert!(grid.chunk_bytes() <= goal.max(u64::from(size)));
            let again = ChunkGrid::of(&dims, grid.chunk().to_vec(), size);
            prop_assert_eq!(again, Some(grid));
        }
    }
}
