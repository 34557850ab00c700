//! Collects bytes of objects that may refer to others.

use crate::h5::RelAddr;

/// An object to refer to: of the file, or new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectRef {
    /// An object of the file.
    Existing(RelAddr),
    /// The object with this number of a [`Build`](super::Build).
    New(usize),
}

/// What is still to be filled in once addresses are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::julia::builder) enum Fill {
    /// Eight bytes: the address of a new object.
    Object(usize),
    /// Twelve bytes: heap address and index of a new heap object.
    Heap(usize),
}

/// Bytes, some of which are addresses that are not known yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Data {
    pub(in crate::julia::builder) bytes: Vec<u8>,
    pub(in crate::julia::builder) fills: Vec<(usize, Fill)>,
}

impl Data {
    /// Bytes without addresses, or with addresses of the file.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), fills: Vec::new() }
    }

    /// A reference.
    pub fn reference(to: ObjectRef) -> Self {
        match to {
            ObjectRef::Existing(addr) => Self::new(addr.0.to_le_bytes()),
            ObjectRef::New(n) => Self { bytes: vec![0; 8], fills: vec![(0, Fill::Object(n))] },
        }
    }

    /// Puts `other` behind.
    pub fn push(&mut self, other: &Self) {
        let at = self.bytes.len();
        self.bytes.extend(&other.bytes);
        self.fills.extend(other.fills.iter().map(|&(p, f)| (at + p, f)));
    }

    /// Puts bytes behind that hold no addresses of new objects.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Lets `to` stand at `at` in place of the bytes there; what does not fit in is left out.
    pub fn put(&mut self, at: usize, to: &Self) {
        let end = at.saturating_add(to.len());
        let Some(place) = self.bytes.get_mut(at..end) else { return };
        place.copy_from_slice(&to.bytes);
        self.fills.retain(|(p, _)| !(at..end).contains(p));
        self.fills.extend(to.fills.iter().map(|&(p, f)| (at + p, f)));
    }

    /// How many bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}
