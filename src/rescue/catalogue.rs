//! The objects that were found in a damaged file, by where they stand, and the file as if it had been
//! closed: with a superblock, so that addresses can be followed.

use super::unsigned::without_signature;
use crate::h5::{
    Error, File, Front, Group, Layout, Object, ObjectKind, RefPlan, RelAddr, Result, Scan, Source,
};
use std::sync::Arc;

/// The number of an object in the order of the file.
pub(super) type Id = u32;

/// A damaged file and the objects in it.
pub(super) struct Catalogue {
    /// The damaged file as it is.
    pub(super) source: Source,
    /// The file as if it had been closed.
    pub(super) file: File,
    /// What its front says.
    pub(super) front: Front,
    /// What a pass over all bytes found.
    pub(super) scan: Scan,
}

/// The links of a group, as far as its header can be read.
pub(super) struct GroupLinks {
    pub(super) object: Object,
    /// Why the rest of them is lost, if some may be.
    pub(super) cut: Option<Error>,
}

impl GroupLinks {
    /// Bytes of its header.
    pub(super) fn bytes(&self) -> u64 {
        self.object.header.chunks.iter().map(|chunk| chunk.checksum - chunk.offset).sum()
    }

    pub(super) fn group(&self) -> Group {
        match &self.object.kind {
            ObjectKind::Group(group) => group.clone(),
            ObjectKind::Dataset(_) | ObjectKind::Datatype(_) => Group::default(),
        }
    }
}

impl Catalogue {
    /// Takes stock of `source`. `scan` is of the same file; object headers that have no signature are
    /// added to it.
    ///
    /// # Errors
    /// If it cannot be read, or is too short for anything to be in it.
    pub(super) fn new(source: &Source, mut scan: Scan, mut front: Front) -> Result<Self> {
        front.settle_base(source, &scan.headers);
        let file = as_if_closed(source.again()?, &front)?;
        if let Some(root) = front.root {
            scan.headers.extend(without_signature(&file, root, &scan.headers)?);
            scan.headers.sort_unstable();
        }
        Ok(Self { source: source.again()?, file, front, scan })
    }

    /// The file as if it had been closed with these bytes behind its end.
    pub(super) fn with(&self, append: Vec<u8>) -> Result<File> {
        let end = self.source.len();
        let len = end.saturating_add(append.len() as u64);
        let superblock = self.front.superblock(RelAddr::UNDEF, len).with_end_of_file(len);
        let replaced = vec![(self.front.base, superblock)];
        File::from_source(Source::overlay(self.source.again()?, end, append, replaced))
    }

    /// All of them.
    pub(super) fn ids(&self) -> impl Iterator<Item = Id> + use<> {
        0..Id::try_from(self.scan.headers.len()).unwrap_or(Id::MAX)
    }

    /// Where one stands in the file.
    pub(super) fn offset(&self, id: Id) -> u64 {
        self.scan.headers.get(id as usize).copied().unwrap_or(u64::MAX)
    }

    /// Its address.
    pub(super) fn addr(&self, id: Id) -> RelAddr {
        self.file.addr(self.offset(id))
    }

    /// The object at an address.
    pub(super) fn find(&self, addr: RelAddr) -> Option<Id> {
        let offset = addr.0.checked_add(self.front.base)?;
        let place = self.scan.headers.binary_search(&offset).ok()?;
        Id::try_from(place).ok()
    }

    /// What is left of the group `id`; none if it is not a group.
    pub(super) fn links(&self, id: Id) -> Option<GroupLinks> {
        let addr = self.addr(id);
        if let Ok(object) = self.file.object(addr) {
            let group = matches!(object.kind, ObjectKind::Group(_));
            let cut = self.shortened(&object);
            return group.then(|| self.with_links(object, cut));
        }
        let (object, lost) = self.file.object_left(addr).ok()?;
        let group = matches!(object.kind, ObjectKind::Group(_));
        group.then(|| self.with_links(Arc::new(object), lost.into_iter().next()))
    }

    /// All links of a group in memory.
    fn with_links(&self, object: Arc<Object>, cut: Option<Error>) -> GroupLinks {
        match self.file.with_links(Arc::clone(&object)) {
            Ok(whole) => GroupLinks { object: Arc::unwrap_or_clone(whole), cut },
            Err(error) => {
                GroupLinks { object: Arc::unwrap_or_clone(object), cut: cut.or(Some(error)) }
            }
        }
    }

    /// Whether a block of zeros begins in the middle of text in a symbol table, which has no checksum:
    /// a name may have been longer.
    fn shortened(&self, object: &Object) -> Option<Error> {
        object.header.symbols.as_ref()?;
        for storage in &object.header.storage {
            let storage = match storage {
                Ok(storage) => storage,
                Err(error) => return Some(error),
            };
            let mut start = storage.start;
            while let Some((zeros, _)) = self.scan.zeros.within(start, storage.end) {
                let before = zeros.0.checked_sub(1).filter(|&at| at >= storage.start);
                let before = before.and_then(|at| self.file.source().read(at, 1, "links").ok());
                if before.is_some_and(|byte| byte != [0]) {
                    let expected = "names without a block of zeros";
                    return Some(Error::corrupt(zeros.0, "symbol table", expected, "one"));
                }
                start = zeros.1;
            }
        }
        None
    }

    /// Whether an object can be read as far as it takes to know that it refers to no other.
    pub(super) fn leads_nowhere(&self, id: Id) -> bool {
        let Ok(object) = self.file.object(self.addr(id)) else { return false };
        let Some(dataset) = object.dataset() else { return false };
        self.file
            .resolve(&dataset.datatype)
            .and_then(|datatype| RefPlan::new(&datatype))
            .is_ok_and(|plan| plan.is_empty())
    }

    /// Where the data of an object stand outside its header, if its layout says that they are in one
    /// piece: offset and bytes.
    pub(super) fn stated_extent(&self, object: &Object) -> Option<(u64, u64)> {
        let dataset = object.dataset()?;
        let (addr, size) = match &dataset.layout {
            Layout::Contiguous { addr, size, .. } => (*addr, *size),
            Layout::Chunked(chunked) => {
                let chunk = chunked.single()?;
                (chunk.addr, chunk.size)
            }
            Layout::Compact { .. } => return None,
        };
        let start = addr.0.checked_add(self.front.base)?;
        (size > 0 && !addr.is_undef()).then_some((start, size))
    }
}

/// The file with a superblock in its place, which says that it ends where it ends.
fn as_if_closed(source: Source, front: &Front) -> Result<File> {
    let len = source.len();
    let superblock = front.superblock(RelAddr::UNDEF, len);
    let bytes = superblock.with_end_of_file(len);
    File::from_source(Source::overlay(source, len, Vec::new(), vec![(front.base, bytes)]))
}
