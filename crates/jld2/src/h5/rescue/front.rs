//! What the front of a file, text and superblock, still says; what is lost of it is made up for.

use crate::h5::superblock::{self, JLD2_OFFSET, LOOKED_AT, SIZE, read_text};
use crate::h5::{
    Checked, Checksums, FormatText, Object, ObjectHeader, ObjectKind, RelAddr, Result, Source,
    Superblock, TypeRef,
};

/// Headers that are enough to tell what addresses count from.
const ENOUGH: usize = 1000;
/// Larger ones are not asked.
const LARGEST: u64 = 64 << 10;

/// What the front of a file says, where it stands, and what addresses count from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Front {
    /// How much of it is left.
    pub state: FrontState,
    /// The offset that addresses count from, which is the superblock's own.
    pub base: u64,
    /// Where the root group is, if the superblock still says so.
    pub root: Option<RelAddr>,
    /// Where the file ended when it was closed.
    pub end_of_file: Option<u64>,
    /// The text in front.
    pub text: Option<FormatText>,
}

/// How much of the front is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrontState {
    /// All of it, or there never was a text: the superblock stands elsewhere than JLD2 puts it.
    Whole,
    /// The superblock is whole, but in front of it stands no text of JLD2's, which refuses that.
    NoText,
    /// The superblock is whole, and says that the file was longer than it is.
    CutShort,
    /// The superblock is lost.
    Lost,
    /// The superblock is lost, and all bytes where text and superblock belong are zero: the file was
    /// never closed, or somebody zeroed them.
    Zero,
}

impl Front {
    /// Reads what is there. A superblock counts only with its own checksum, if it is of a version that
    /// has one.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read(source: &Source) -> Result<Self> {
        let text = if source.is_empty() { None } else { read_text(source)? };
        let whole = Superblock::read(source, Checksums::Trusted);
        if let Ok(Superblock { base, end_of_file, root, text, .. }) = whole {
            let (root, end_of_file) = (Some(root), Some(end_of_file));
            let no_text = text.is_none() && base == JLD2_OFFSET;
            let state = if no_text { FrontState::NoText } else { FrontState::Whole };
            return Ok(Self { state, base, root, end_of_file, text });
        }
        for offset in LOOKED_AT {
            if source.check(offset, SIZE as u64, "superblock").is_err() {
                continue;
            }
            let len = source.len().saturating_sub(offset).min(superblock::LARGEST as u64);
            let bytes = source.read(offset, usize::try_from(len).unwrap_or(SIZE), "superblock")?;
            let Some(Superblock { root, end_of_file, .. }) = Superblock::lenient(offset, &bytes)
            else {
                continue;
            };
            return Ok(Self {
                state: FrontState::CutShort,
                base: offset,
                root: Some(root),
                end_of_file: Some(end_of_file),
                text,
            });
        }
        let base = JLD2_OFFSET;
        let front = usize::try_from(source.len().min(base + SIZE as u64)).unwrap_or(0);
        let zero = source.read(0, front, "start")?.iter().all(|&b| b == 0);
        let state = if zero { FrontState::Zero } else { FrontState::Lost };
        Ok(Self { state, base, root: None, end_of_file: None, text })
    }

    /// Decides what addresses count from where no superblock is left to say so: the place of a
    /// superblock from which most of the addresses in `headers`, which stand at these offsets, lead to
    /// one of them.
    pub fn settle_base(&mut self, source: &Source, headers: &[u64]) {
        if self.root.is_some() {
            return;
        }
        let sample = addresses(source, headers);
        let score = |base: u64| {
            let leads = |addr: &&RelAddr| {
                addr.0.checked_add(base).is_some_and(|at| headers.binary_search(&at).is_ok())
            };
            sample.iter().filter(leads).count()
        };
        // JLD2's own place comes first and wins where nothing speaks against it.
        let mut best = (score(self.base), self.base);
        for base in LOOKED_AT {
            let score = score(base);
            if score > best.0 {
                best = (score, base);
            }
        }
        self.base = best.1;
    }

    /// A superblock for what is left, of a file that ends at `end_of_file` and has its root at `root`.
    pub fn superblock(&self, root: RelAddr, end_of_file: u64) -> Superblock {
        Superblock::supposed(self.base, root, end_of_file)
    }
}

impl Superblock {
    /// What a superblock of JLD2's would say.
    pub(super) fn supposed(base: u64, root: RelAddr, end_of_file: u64) -> Self {
        let (offset, checked) = (base, Checked::Right);
        let extension = RelAddr::UNDEF;
        Self { offset, version: 2, base, end_of_file, root, extension, text: None, checked }
    }
}

/// Some of the addresses that objects refer to one another with: shared datatypes and links.
fn addresses(source: &Source, headers: &[u64]) -> Vec<RelAddr> {
    let mut out = Vec::new();
    let superblock = Superblock::supposed(0, RelAddr::UNDEF, source.len());
    for &offset in headers.iter().take(ENOUGH) {
        let mut left = LARGEST;
        let header = ObjectHeader::start(source, &superblock, RelAddr(offset), &mut left);
        let Some(object) = header.ok().and_then(|header| Object::parse(header).ok()) else {
            continue;
        };
        let mut shared = |datatype: &TypeRef| match datatype {
            TypeRef::Shared { addr, .. } => out.push(*addr),
            TypeRef::Inline(_) => {}
        };
        object.attributes.iter().for_each(|a| shared(&a.datatype));
        match &object.kind {
            ObjectKind::Dataset(dataset) => shared(&dataset.datatype),
            ObjectKind::Group(group) => out.extend(group.held.iter().map(|link| link.target)),
            ObjectKind::Datatype(_) => {}
        }
    }
    out
}
