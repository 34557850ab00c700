//! Tells how much the nodes of a version 2 B-tree hold and how they are laid out (HDF5 specification
//! III.A.2), for whoever reads one.

/// Bytes of a node besides records and pointers: signature, version, type, checksum.
const NODE: u64 = 10;

/// The levels of a tree; level 0 are the leaves.
#[derive(Debug)]
pub(super) struct Levels {
    levels: Vec<Level>,
    /// Bytes of a record.
    record: u64,
}

/// What nodes of one level hold.
#[derive(Debug, Clone, Copy)]
struct Level {
    /// The most records of a node.
    most: u64,
    /// Bytes that a number of records in and below a node takes; leaves need none.
    total_width: usize,
}

/// Bytes that numbers up to `most` take.
fn width(most: u64) -> usize {
    usize::try_from(most.max(1).ilog2() / 8 + 1).unwrap_or(8)
}

impl Levels {
    /// Of a tree with `depth` levels above its leaves; `None` if nodes have no room for a record.
    pub(super) fn new(node_size: u64, record: u64, depth: u16) -> Option<Self> {
        let most = node_size.checked_sub(NODE)?.checked_div(record).filter(|&n| n > 0)?;
        let mut levels = vec![Level { most, total_width: 0 }];
        let mut total = most;
        for _ in 0..depth {
            let pointer = 8 + (width(most) + levels.last()?.total_width) as u64;
            let room = node_size.checked_sub(NODE + pointer)?;
            let most = room.checked_div(record + pointer).filter(|&n| n > 0)?;
            total = total.saturating_mul(most + 1).saturating_add(most);
            levels.push(Level { most, total_width: width(total) });
        }
        Some(Self { levels, record })
    }

    /// The level of the root.
    pub(super) fn top(&self) -> usize {
        self.levels.len().saturating_sub(1)
    }

    /// The most records of a node of a level.
    pub(super) fn most(&self, level: usize) -> u64 {
        self.levels.get(level).map_or(0, |l| l.most)
    }

    /// Bytes of the two numbers behind the address in a pointer from this level: records in the child,
    /// and records in and below it.
    pub(super) fn pointer_widths(&self, level: usize) -> (usize, usize) {
        let below = level.checked_sub(1).and_then(|l| self.levels.get(l));
        (width(self.most(0)), below.map_or(0, |l| l.total_width))
    }

    /// Bytes of a node of a level that has so many records, with its checksum.
    pub(super) fn node_bytes(&self, level: usize, records: u64) -> u64 {
        let (count, total) = self.pointer_widths(level);
        let pointer = 8 + (count + total) as u64;
        let pointers = if level == 0 { 0 } else { (records + 1).saturating_mul(pointer) };
        NODE.saturating_add(records.saturating_mul(self.record)).saturating_add(pointers)
    }
}
