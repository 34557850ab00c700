//! Finds what is wrong with the HDF5 container itself: what readers make of it, and what can be put
//! right where it stands.

use super::finding::{Finding, Findings, Remedy, Severity, When};
use super::patches::Patches;
use crate::h5::{
    Checked, Class, Datatype, Error, File, Group, JLD2_OFFSET, Object, ObjectKind, RelAddr, Result,
    Superblock, TypeRef,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The version of datatypes that all JLD2 but 0.4.51 and 0.4.52 write.
const DATATYPE_VERSION: u8 = 3;

/// What can be put right without anything being moved.
#[derive(Debug, Default)]
pub(super) struct Repairs {
    /// Objects with a chunk whose checksum is not its own.
    checksums: BTreeSet<RelAddr>,
    /// Wrong checksums in what objects keep outside their headers: offsets, and the right ones.
    blocks: BTreeMap<u64, u32>,
    /// The first place where a checksum was lost, and how many objects there are.
    lost: Option<(Arc<str>, u64)>,
    /// The same for checksums that are wrong.
    wrong: Option<(Arc<str>, u64)>,
    /// Datatypes without a version: the object, and the offset of their first byte, which is the
    /// class in its low four bits.
    versions: Vec<(RelAddr, u64, u8)>,
    /// The first place with one, and how many objects there are.
    unversioned: Option<(Arc<str>, u64)>,
    /// The first dataset whose fill value leads nowhere, and how many there are.
    broken_fills: Option<(Arc<str>, u64)>,
    /// The first dataset whose data were never written, and how many there are.
    unwritten: Option<(Arc<str>, u64)>,
    /// The first dataset in chunks some of which are not stored, and how many there are.
    sparse: Option<(Arc<str>, u64)>,
    /// The first group with soft or external links, and how many there are.
    symbolic: Option<(Arc<str>, u64)>,
    /// The same of groups with symbol tables.
    old_symbolic: Option<(Arc<str>, u64)>,
    /// The first link with a name that is not UTF-8, and how many there are.
    raw_names: Option<(Arc<str>, u64)>,
}

impl Repairs {
    /// Takes note of a fill value that leads nowhere. It cannot be put right, only told.
    pub(super) fn broken_fill(&mut self, path: &str) {
        count(&mut self.broken_fills, path);
    }

    /// Takes note of a dataset with chunks that are not stored.
    pub(super) fn missing_chunks(&mut self, path: &str) {
        count(&mut self.sparse, path);
    }

    /// Takes note of what was let pass while everything that is linked was read.
    pub(super) fn let_pass(&mut self, file: &File) {
        self.blocks = file.wrong_checksums();
    }

    /// Looks into one object.
    pub(super) fn look(&mut self, object: &Object, path: &str) {
        let has = |checked| object.header.chunks.iter().any(|c| c.checked == checked);
        let (lost, wrong) = (has(Checked::Lost), has(Checked::Wrong));
        if lost || wrong {
            self.checksums.insert(object.addr());
            count(if wrong { &mut self.wrong } else { &mut self.lost }, path);
        }
        let before = self.versions.len();
        match &object.kind {
            ObjectKind::Dataset(dataset) => {
                self.datatype(object.addr(), &dataset.datatype);
                if dataset.is_unwritten() && dataset.dataspace.elements() != Some(0) {
                    count(&mut self.unwritten, path);
                }
            }
            ObjectKind::Datatype(datatype) => self.versions(object.addr(), datatype),
            ObjectKind::Group(group) => self.group(object, group, path),
        }
        for attribute in &object.attributes {
            self.datatype(object.addr(), &attribute.datatype);
        }
        if self.versions.len() > before {
            count(&mut self.unversioned, path);
        }
    }

    fn group(&mut self, object: &Object, group: &Group, path: &str) {
        if !group.symbolic.is_empty() {
            let old = object.header.symbols.is_some();
            count(if old { &mut self.old_symbolic } else { &mut self.symbolic }, path);
        }
        let names = group.links.iter().map(|link| &link.name);
        for name in names.chain(group.symbolic.iter().map(|link| &link.name)) {
            if !name.is_utf8() {
                count(&mut self.raw_names, &format!("{}/{name}", path.trim_end_matches('/')));
            }
        }
    }

    fn datatype(&mut self, owner: RelAddr, datatype: &TypeRef) {
        if let TypeRef::Inline(datatype) = datatype {
            self.versions(owner, datatype);
        }
    }

    /// Datatypes do not nest deeper than their parser goes.
    fn versions(&mut self, owner: RelAddr, datatype: &Datatype) {
        let class = match &datatype.class {
            Class::FixedPoint { .. } => 0,
            Class::Float { .. } => 1,
            Class::Time => 2,
            Class::String => 3,
            Class::Bitfield => 4,
            Class::Opaque => 5,
            Class::Compound(members) => {
                members.iter().for_each(|m| self.versions(owner, &m.datatype));
                6
            }
            Class::Reference => 7,
            Class::Enum(base) => {
                self.versions(owner, base);
                8
            }
            Class::Vlen { base, .. } => {
                self.versions(owner, base);
                9
            }
            Class::Array { base, .. } => {
                self.versions(owner, base);
                10
            }
        };
        if datatype.version == 0 {
            self.versions.push((owner, datatype.offset, class));
        }
    }

    /// Whether there is anything to be put right.
    pub(super) fn is_empty(&self, superblock: &Superblock) -> bool {
        self.checksums.is_empty()
            && self.blocks.is_empty()
            && self.versions.is_empty()
            && superblock.checked == Checked::Right
    }

    /// Puts it right.
    pub(super) fn put(&self, patches: &mut Patches) {
        for &owner in &self.checksums {
            patches.checksums_of(owner);
        }
        for (&offset, &sum) in &self.blocks {
            patches.checksum_at(offset, sum);
        }
        for &(owner, offset, class) in &self.versions {
            let byte = vec![DATATYPE_VERSION << 4 | class];
            patches.put(owner, offset, byte, "version of a datatype");
        }
    }

    /// Tells it.
    pub(super) fn tell(&self, superblock: &Superblock, findings: &mut Findings) {
        if superblock.checked != Checked::Right {
            let first = Some((Arc::from("/"), 1));
            tell_mended(first.as_ref(), Severity::Warning, WRONG_SUPERBLOCK, findings);
        }
        tell_mended(self.wrong.as_ref(), Severity::Warning, WRONG, findings);
        let blocks = (!self.blocks.is_empty()).then(|| (Arc::from("/"), self.blocks.len() as u64));
        tell_mended(blocks.as_ref(), Severity::Warning, WRONG_BLOCK, findings);
        tell_mended(self.lost.as_ref(), Severity::Note, LOST, findings);
        tell_mended(self.unversioned.as_ref(), Severity::Note, UNVERSIONED, findings);
        tell(self.broken_fills.as_ref(), Severity::Note, BROKEN_FILL, findings);
        tell_all(
            self.unwritten.as_ref(),
            (Severity::Warning, Remedy::None),
            UNWRITTEN,
            Some(UNWRITTEN_SAID),
            findings,
        );
        tell(self.sparse.as_ref(), Severity::Note, SPARSE, findings);
        tell(self.symbolic.as_ref(), Severity::Failure, SYMBOLIC, findings);
        tell(self.old_symbolic.as_ref(), Severity::Note, OLD_SYMBOLIC, findings);
        tell(self.raw_names.as_ref(), Severity::Note, RAW_NAME, findings);
    }
}

const WRONG: &str = "the checksum of its header is wrong: the header was changed or damaged after it \
                     had been written, and what it says is taken on trust; the checksum is put right";
const WRONG_SUPERBLOCK: &str = "the checksum of the superblock is wrong: what it says is taken on \
                                trust; the checksum is put right";
const WRONG_BLOCK: &str = "a checksum in an index of chunks, or in a heap or tree of links or attributes, is \
                           wrong: it was changed or damaged after it had been written, and what it \
                           says is taken on trust; the checksum is put right";
const LOST: &str = "the checksum of its header is zero, as JLD2 leaves it when several threads write: \
                    JLD2 from 0.4.51 on reads it all the same, HDF5, h5py and older JLD2 do not; the \
                    checksum is put right";
const UNVERSIONED: &str = "its datatype says no version, as JLD2 0.4.51 and 0.4.52 wrote it: JLD2 reads \
                           it all the same, HDF5 and h5py do not; the version is put in";

const SPARSE: &str = "some of its chunks are not stored: their elements read as the fill value, or as \
                      zeros. JLD2 and jldconv store all chunks, so unless another program left \
                      them out, part of its data is lost";

const BROKEN_FILL: &str = "its fill value leads to no string or object of this file: JLD2 does not look at \
                           it, HDF5 and h5py fail on it; a rewrite is not possible";

const UNWRITTEN: &str = "none of its data were ever written: HDF5 and h5py give fill values or zeros, JLD2 \
                         gives an empty vector; a rewrite keeps it so";
/// What JLD2 prints (`src/datasets.jl`, `read_data`).
const UNWRITTEN_SAID: &str =
    "This array should be populated by a fill value. This is not (yet) implemented.";

const SYMBOLIC: &str = "the group has soft or external links: JLD2 does not open a group that has one; \
                        the links are kept, and not followed";
const OLD_SYMBOLIC: &str = "the group has soft links in a symbol table: JLD2 opens the group, but does \
                            not follow them; they are kept, and not followed. After a rewrite, which \
                            makes messages of them, JLD2 does not open the group";

const RAW_NAME: &str = "its name is not UTF-8 and is shown with \\xNN in the place of such bytes: JLD2 and \
                        h5py read it, and the bytes are kept as they are";

fn count(place: &mut Option<(Arc<str>, u64)>, path: &str) {
    match place {
        Some((_, count)) => *count += 1,
        None => *place = Some((Arc::from(path), 1)),
    }
}

/// Tells of what stays as it is.
fn tell(place: Option<&(Arc<str>, u64)>, severity: Severity, text: &str, findings: &mut Findings) {
    tell_all(place, (severity, Remedy::None), text, None, findings);
}

/// Tells of what is put right where it stands.
fn tell_mended(
    place: Option<&(Arc<str>, u64)>,
    severity: Severity,
    text: &str,
    findings: &mut Findings,
) {
    tell_all(place, (severity, Remedy::Repair), text, None, findings);
}

fn tell_all(
    place: Option<&(Arc<str>, u64)>,
    (severity, remedy): (Severity, Remedy),
    text: &str,
    said: Option<&str>,
    findings: &mut Findings,
) {
    let Some((object, count)) = place else { return };
    findings.add(Finding {
        severity,
        object: object.to_string(),
        julia_type: None,
        rule: None,
        text: text.to_owned(),
        said: said.map(str::to_owned),
        printed: if said.is_some() { *count } else { 0 },
        count: *count,
        remedy,
        when: When::Load,
    });
}

/// Tells of a user block that is not JLD2's (`src/file_header.jl`, `verify_file_header`).
pub(super) fn user_block(superblock: &Superblock, findings: &mut Findings) {
    if superblock.is_old() {
        return old_superblock(superblock, findings);
    }
    let (severity, text, said) = match (superblock.offset, &superblock.text) {
        (JLD2_OFFSET, Some(_)) => return,
        (JLD2_OFFSET, None) => (
            Severity::Failure,
            "the user block, the 512 bytes in front of the superblock, does not begin with JLD2's \
             text: JLD2 did not write this file, and refuses it as not one of its own"
                .to_owned(),
            None,
        ),
        (offset, _) => {
            let block = match offset {
                0 => "no user block".to_owned(),
                bytes => format!("a user block of {bytes} bytes"),
            };
            (
                Severity::Warning,
                format!(
                    "{block}, where JLD2 writes one of {JLD2_OFFSET} with its text: JLD2 did not write this file"
                ),
                Some("File likely not written by JLD2. Skipping header verification.".to_owned()),
            )
        }
    };
    findings.add(Finding {
        severity,
        object: "/".into(),
        julia_type: None,
        rule: None,
        text,
        printed: u64::from(said.is_some()),
        said,
        count: 1,
        remedy: Remedy::Rewrite,
        when: When::Load,
    });
}

/// Tells of a superblock of version 0 or 1 (`src/superblock.jl`; `src/JLD2.jl`,
/// `initialize_fileobject!`).
fn old_superblock(superblock: &Superblock, findings: &mut Findings) {
    let version = superblock.version;
    let (severity, what) = match version {
        0 => (Severity::Note, "JLD2 reads it, but does not add to it"),
        _ => (Severity::Failure, "JLD2 does not open it"),
    };
    findings.add(Finding {
        severity,
        object: "/".into(),
        julia_type: None,
        rule: None,
        text: format!(
            "a superblock of version {version}, as HDF5 before 1.10, h5py and MATLAB write it: {what}; \
             a rewrite gives it a newer one"
        ),
        said: None,
        printed: 0,
        count: 1,
        remedy: Remedy::Rewrite,
        when: When::Load,
    });
}

/// Datasets that cannot be read and are told one by one.
const TOLD: usize = 100;

/// Tells of datasets that JLD2 does not read.
pub(super) fn unread(unread: &[(Arc<str>, Error)], findings: &mut Findings) {
    let mut told = |path: &Arc<str>, text: &str, count: usize| {
        tell(Some(&(Arc::clone(path), count as u64)), Severity::Failure, text, findings);
    };
    for (path, error) in unread.iter().take(TOLD) {
        let error = error.to_string();
        let why = error.strip_prefix(&format!("{path}: ")).unwrap_or(&error);
        told(path, &format!("it cannot be read, and stays as it is: {why}"), 1);
    }
    if let Some((path, _)) = unread.get(TOLD) {
        let text = "it cannot be read either, nor can others that are not told one by one";
        told(path, text, unread.len() - TOLD);
    }
}

/// Groups of a file that Mera wrote before it turned to JLD2.
const MERAFILE: [&str; 4] = ["hydro", "gravity", "particles", "clumps"];

/// Whether a file is one that Mera wrote before it turned to JLD2: plain HDF5 of that time.
///
/// # Errors
/// If the root group cannot be read.
pub fn is_merafile(file: &File) -> Result<bool> {
    let superblock = file.superblock();
    if !superblock.is_old() || superblock.text.is_some() {
        return Ok(false);
    }
    let root = file.object(superblock.root)?;
    let ObjectKind::Group(group) = &root.kind else { return Ok(false) };
    Ok(group.links.iter().any(|link| MERAFILE.contains(&link.name.as_str())))
}

/// Tells of such a file, which no Mera of today loads.
pub(super) fn merafile(file: &File, findings: &mut Findings) -> Result<()> {
    if is_merafile(file)? {
        findings.add(Finding {
            severity: Severity::Failure,
            object: "/".into(),
            julia_type: None,
            rule: None,
            text: "a merafile of Mera before 1.2: plain HDF5, not JLD2; load it with the Mera of \
                   that time and save it again"
                .into(),
            said: None,
            printed: 0,
            count: 1,
            remedy: Remedy::None,
            when: When::Load,
        });
    }
    Ok(())
}
