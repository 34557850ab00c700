//! Holds what is being built, and the heap objects in it.

use crate::h5::{Error, RelAddr, Result};
use crate::julia::builder::data::{Data, Fill, ObjectRef};
use crate::julia::{Committed, JuliaType, TypeTable};
use std::collections::HashMap;
use std::sync::Arc;

/// How committed types state the types of their fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldStyle {
    /// `field_datatypes`: JLD2 before 0.5.
    Datatypes,
    /// `field_names` and `field_types`: JLD2 from 0.5 on.
    NamesAndTypes,
}

#[derive(Debug)]
pub(in crate::julia::builder) struct Blob {
    pub(in crate::julia::builder) data: Data,
    /// Whether the last four bytes are a checksum over the others.
    pub(in crate::julia::builder) header: bool,
    /// Raw data outside of it, and the place of its address.
    pub(in crate::julia::builder) outside: Option<(usize, Raw)>,
}

/// The raw data of a dataset.
#[derive(Debug, Clone)]
pub(in crate::julia::builder) enum Raw {
    /// Bytes, which stand behind the header at a multiple of eight.
    Held(Data),
    /// Bytes that somebody else makes.
    Later(LaterPart),
}

impl Raw {
    pub(in crate::julia::builder) fn len(&self) -> u64 {
        match self {
            Self::Held(data) => data.len() as u64,
            Self::Later(part) => part.len,
        }
    }
}

/// Where raw data of a dataset are that somebody else makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaterPart {
    /// The number that [`Build::later`] gave.
    pub number: usize,
    /// Where among these bytes.
    pub at: u64,
    /// How many bytes.
    pub len: u64,
}

/// New objects in the making.
#[derive(Debug)]
pub struct Build<'a> {
    pub(in crate::julia::builder) types: &'a TypeTable<'a>,
    /// Address of the committed `Core.DataType`.
    pub(in crate::julia::builder) datatype_type: RelAddr,
    pub(in crate::julia::builder) style: FieldStyle,
    pub(in crate::julia::builder) placeholder: bool,
    pub(in crate::julia::builder) blobs: Vec<Blob>,
    pub(in crate::julia::builder) heap: Vec<Data>,
    /// Committed types of the file by their names without parameters, in the order of `_types`.
    pub(in crate::julia::builder) existing: HashMap<String, Vec<Arc<Committed>>>,
    pub(in crate::julia::builder) made: HashMap<String, ObjectRef>,
    /// New types that still need a name in `_types`.
    pub(in crate::julia::builder) added: Vec<ObjectRef>,
    pub(in crate::julia::builder) empty_tuple: Option<ObjectRef>,
    /// Bytes of the blobs.
    pub(in crate::julia::builder) weight: u64,
    /// How long bytes are that somebody else makes.
    pub(in crate::julia::builder) later: Vec<u64>,
}

/// The same for all types that are written out alike: what that begins with.
pub(in crate::julia::builder) fn bare(t: &JuliaType) -> &str {
    match t.short_name() {
        "Tuple" | "NTuple" => "Core.Tuple",
        _ => t.name().split('{').next().unwrap_or_default(),
    }
}

impl<'a> Build<'a> {
    /// Starts to build for the file of `types`, whose committed types stand at `committed`, in the
    /// order of `_types`.
    ///
    /// # Errors
    /// If a committed type is damaged, or none is `Core.DataType`.
    pub fn new(types: &'a TypeTable<'a>, committed: &[RelAddr], style: FieldStyle) -> Result<Self> {
        let mut existing = HashMap::<String, Vec<_>>::new();
        let mut datatype_type = None;
        for &addr in committed {
            let c = types.committed(addr)?;
            if c.julia_type.short_name() == "DataType" {
                datatype_type = datatype_type.or(Some(addr));
            }
            match existing.get_mut(bare(&c.julia_type)) {
                Some(alike) => alike.push(c),
                None => {
                    existing.insert(bare(&c.julia_type).to_owned(), vec![c]);
                }
            }
        }
        let Some(datatype_type) = datatype_type else {
            let at = types.file().superblock().offset;
            return Err(Error::corrupt(at, "_types", "a committed Core.DataType", "none"));
        };
        Ok(Self {
            types,
            datatype_type,
            style,
            placeholder: true,
            blobs: Vec::new(),
            heap: Vec::new(),
            existing,
            made: HashMap::new(),
            added: Vec::new(),
            empty_tuple: None,
            weight: 0,
            later: Vec::new(),
        })
    }

    pub(in crate::julia::builder) fn push(&mut self, blob: Blob) -> ObjectRef {
        let held = match &blob.outside {
            Some((_, Raw::Held(data))) => blob.data.len() + data.len(),
            Some((_, Raw::Later(_))) | None => blob.data.len(),
        };
        self.weight = self.weight.saturating_add(held as u64);
        self.blobs.push(blob);
        ObjectRef::New(self.blobs.len() - 1)
    }

    /// New types that have no name in `_types` yet, in the order made.
    pub fn added(&self) -> &[ObjectRef] {
        &self.added
    }

    /// Lets a committed type be named in `_types`.
    pub fn add_type(&mut self, t: ObjectRef) {
        self.added.push(t);
    }

    /// Does not let new objects be of the committed type at `addr` any more: another takes its
    /// place.
    pub fn retire(&mut self, addr: RelAddr) {
        self.existing.values_mut().for_each(|alike| alike.retain(|c| c.addr != addr));
    }

    /// A dataset that others may refer to before it is built, see
    /// [`stand_in`](Self::stand_in).
    pub fn reserve(&mut self) -> ObjectRef {
        self.push(Blob { data: Data::default(), header: false, outside: None })
    }

    /// Lets `place`, which was reserved, be the object that was built last, `made`.
    pub fn stand_in(&mut self, place: ObjectRef, made: ObjectRef) {
        if let (ObjectRef::New(place), ObjectRef::New(made)) = (place, made)
            && let Some(blob) = self.blobs.get_mut(made)
        {
            let blob = std::mem::replace(
                blob,
                Blob { data: Data::default(), header: false, outside: None },
            );
            if let Some(to) = self.blobs.get_mut(place) {
                *to = blob;
            }
        }
    }

    /// Bytes of all that was built so far, without what is in heaps.
    pub fn weight(&self) -> u64 {
        self.weight
    }

    /// Room for `len` bytes that somebody else makes. Gives their number.
    pub fn later(&mut self, len: u64) -> usize {
        self.later.push(len);
        self.later.len() - 1
    }

    /// Whether nothing was built.
    pub fn is_empty(&self) -> bool {
        self.blobs.is_empty()
    }

    /// The sixteen bytes of a sequence of `count` elements with these bytes.
    pub(in crate::julia::builder) fn sequence(&mut self, count: usize, data: Data) -> Data {
        let mut out = Data::new(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
        out.push(&Data { bytes: vec![0; 12], fills: vec![(0, Fill::Heap(self.heap.len()))] });
        self.heap.push(data);
        out
    }

    /// A sequence of `count` references, which follow later ([`fill`](Self::fill)): its sixteen
    /// bytes, and its number.
    pub fn references_later(&mut self, count: usize) -> (Data, usize) {
        let number = self.heap.len();
        (self.sequence(count, Data::new(vec![0; 8 * count])), number)
    }

    /// Lets the sequence of this number hold these references.
    pub fn fill(&mut self, number: usize, refs: &[ObjectRef]) {
        let mut data = Data::default();
        refs.iter().for_each(|r| data.push(&Data::reference(*r)));
        if let Some(sequence) = self.heap.get_mut(number) {
            *sequence = data;
        }
    }

    /// A string of variable length.
    pub fn text(&mut self, text: &str) -> Data {
        self.sequence(text.len(), Data::new(text.as_bytes()))
    }

    /// A sequence of references.
    pub(in crate::julia::builder) fn references(&mut self, refs: &[ObjectRef]) -> Data {
        let mut data = Data::default();
        for &r in refs {
            data.push(&Data::reference(r));
        }
        self.sequence(refs.len(), data)
    }
}
