//! What is lost and what was kept, in the words of the report.

use super::assemble::Undefined;
use super::catalogue::{Catalogue, Id};
use super::examine::{Kind, Reason};
use super::hints::referred;
use super::judge::Judged;
use super::report::{Doubtful, Filled, GroupCut, LeftOut, Lost, Rescued, UndefinedElements, What};
use super::tree::{LostName, Named, Tree};
use crate::h5::encode::{self, MAX_BODY};
use crate::h5::{Layout, RelAddr, kind};
use crate::julia::{JuliaType, TypeTable};
use std::cell::Cell;
use std::collections::{HashMap, HashSet, VecDeque};

/// Losses that nothing names are told one by one up to this number.
const MAX_UNNAMED: usize = 100_000;
/// Names of types are told up to so many bytes of them in all.
const MAX_TOLD: usize = 64 << 20;
/// Characters of a type's name that are told.
const LONGEST: usize = 2000;
/// Steps to a damage that are told.
const STEPS: u32 = 4;
/// Damages that are told of each dataset.
const TOLD: usize = 10;
/// Objects that are looked at for that.
const LOOKED_AT: usize = 10_000;

/// Describes the objects of a damaged file.
pub(super) struct Describer<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) judged: &'a Judged,
    pub(super) tree: &'a Tree,
    pub(super) types: &'a TypeTable<'a>,
    /// Bytes of the names of types that have been told.
    pub(super) told: Cell<usize>,
}

impl Describer<'_> {
    /// What an object is, as far as that can be told.
    fn what(&self, id: Id) -> What {
        let file = &self.catalogue.file;
        let Ok(object) = file.object(self.catalogue.addr(id)) else { return What::default() };
        let Some(dataset) = object.dataset() else { return What::default() };
        let bytes = match &dataset.layout {
            Layout::Compact { size, .. } => Some(*size),
            Layout::Contiguous { .. } | Layout::Chunked(_) => file.stored_len(dataset).ok(),
        };
        let dims = self.types.julia_dims(&object, dataset).ok().flatten();
        let element = Some(()).filter(|()| self.told.get() <= MAX_TOLD);
        let element = element.and_then(|()| self.types.element(&dataset.datatype).ok());
        let julia_type = element.and_then(|element| {
            let text = matches!(element.datatype().class, crate::h5::Class::String);
            match &dims {
                Some(dims) if !text => {
                    let of = self.types.element_type(&object, &element).ok()?;
                    Some(JuliaType::array(of, dims.len()).to_string())
                }
                _ => Some(element.julia_type().to_string()),
            }
        });
        What { julia_type: julia_type.and_then(|name| self.shortened(name)), dims, bytes }
    }

    /// The name of a type. In a forged file each can be very long.
    fn shortened(&self, mut name: String) -> Option<String> {
        if self.told.get() > MAX_TOLD {
            return None;
        }
        self.told.set(self.told.get() + name.len());
        if let Some((end, _)) = name.char_indices().nth(LONGEST) {
            name.truncate(end);
            name.push('…');
        }
        Some(name)
    }

    /// Why an object is lost.
    fn reason(&self, id: Id, steps: u32) -> String {
        let Some(reason) = self.judged.examined.reasons.get(&id) else {
            return "it stands inside the data of another object".to_owned();
        };
        match reason {
            Reason::Damaged(what) => what.clone(),
            Reason::Cut { start, bytes, there } => format!(
                "its data, {bytes} bytes from byte {start} on, are cut off: {there} of them are left"
            ),
            Reason::Missing { at, target } => format!(
                "at byte {at} it refers to an object at byte {target}, of which nothing is left"
            ),
            Reason::AllElements => "all that its elements refer to is lost".to_owned(),
            Reason::Needs(other) => {
                let at = self.catalogue.offset(*other);
                let kind = kind_name(self.judged.kind(*other));
                let examined = &self.judged.examined;
                if self.judged.in_part.contains(other) || examined.in_part.contains_key(other) {
                    return format!(
                        "it is made of all elements of the array at byte {at}, of which some are lost"
                    );
                }
                if steps == 0 {
                    return format!("it needs the {kind} at byte {at}, which is lost");
                }
                let why = self.reason(*other, steps - 1);
                format!("it needs the {kind} at byte {at}, which is lost: {why}")
            }
        }
    }

    /// What is lost: first what a name is left of, then the rest.
    pub(super) fn lost(&self) -> (Vec<Lost>, u64) {
        let mut out: Vec<Lost> = self.tree.lost.iter().map(|lost| self.named(lost)).collect();
        let known: HashSet<u64> = out.iter().map(|lost| lost.offset).collect();
        if self.tree.is_complete() {
            return (out, 0);
        }
        let mut more = 0;
        let mut add = |lost: Lost| {
            if out.len() < MAX_UNNAMED { out.push(lost) } else { more += 1 }
        };
        for id in self.catalogue.ids() {
            let offset = self.catalogue.offset(id);
            let lost =
                self.judged.examined.reasons.contains_key(&id) && !self.judged.inside.contains(&id);
            if !lost || self.judged.kind(id) == Kind::Group || known.contains(&offset) {
                continue;
            }
            let (kind, what) = (kind_name(self.judged.kind(id)), self.what(id));
            add(Lost { path: None, offset, kind, what, reason: self.reason(id, STEPS) });
        }
        for &offset in &self.catalogue.scan.broken {
            if self.judged.is_data(offset) || known.contains(&offset) {
                continue;
            }
            let reason = self.unreadable(offset);
            add(Lost { path: None, offset, kind: "unknown", what: What::default(), reason });
        }
        (out, more)
    }

    fn named(&self, lost: &LostName) -> Lost {
        let LostName { path, offset, id } = lost;
        let (kind, what, reason) = match id {
            Some(id) => (kind_name(self.judged.kind(*id)), self.what(*id), self.reason(*id, STEPS)),
            None => ("unknown", What::default(), self.unreadable(*offset)),
        };
        Lost { path: Some(path.clone()), offset: *offset, kind, what, reason }
    }

    /// Why there is no object at an offset.
    fn unreadable(&self, offset: u64) -> String {
        let len = self.catalogue.file.source().len();
        if offset >= len {
            return format!("its header stood at byte {offset}, behind the end of the file");
        }
        let addr = RelAddr(offset.wrapping_sub(self.catalogue.front.base));
        match self.catalogue.file.object(addr) {
            Err(error) => error.to_string(),
            Ok(_) => format!("at byte {offset} there is no object that the scan found"),
        }
    }

    /// Groups of which links may be lost.
    pub(super) fn groups_cut(&self) -> Vec<GroupCut> {
        let cut = self.tree.cut.iter();
        cut.map(|(path, id, reason)| GroupCut {
            path: path.clone(),
            offset: self.catalogue.offset(*id),
            reason: reason.clone(),
        })
        .collect()
    }

    /// Groups whose attributes are lost: their links are kept.
    pub(super) fn attributes_lost(&self) -> Vec<String> {
        let groups = self.tree.groups.iter().filter_map(|group| group.old);
        groups
            .filter(|id| self.judged.examined.reasons.contains_key(id))
            .filter(|id| self.catalogue.links(*id).is_some_and(|links| links.cut.is_none()))
            .map(|id| {
                let at = self.catalogue.offset(id);
                format!(
                    "the group at byte {at} keeps none of its attributes: {}",
                    self.reason(id, STEPS)
                )
            })
            .collect()
    }

    /// What is amiss with groups: attributes, soft and external links that are too large for a header,
    /// as they stood in a heap or a symbol table, and zeros that may be damage.
    pub(super) fn of_groups(&self) -> Vec<String> {
        let (mut out, mut zeros) = (Vec::new(), Vec::new());
        let mut tell = |what: &str, name: &str, bytes: usize| {
            if bytes > MAX_BODY {
                let name: String = name.chars().take(LONGEST).collect();
                out.push(format!(
                    "{what} {name} is lost: a header holds {MAX_BODY} bytes of one, and it has {bytes}"
                ));
            }
        };
        for group in &self.tree.groups {
            for link in &group.symbolic {
                tell(link.to.noun(), &link.name, encode::symbolic_link(link).len());
            }
            let old = group.old.filter(|id| !self.judged.is_lost(*id));
            let Some(links) = old.and_then(|id| self.catalogue.links(id)) else { continue };
            if let Some(doubt) = old.and_then(|id| self.judged.examined.doubts.get(&id)) {
                zeros.push(format!(
                    "the group at byte {} may have lost links or attributes: {} bytes from byte {} on, \
                     which no checksum proves, are a block of zeros",
                    links.object.header.chunks.first().map_or(0, |chunk| chunk.offset),
                    doubt.bytes,
                    doubt.first.0,
                ));
            }
            let header = &links.object.header;
            let attributes = header.of_kind(kind::ATTRIBUTE).zip(&links.object.attributes);
            for (message, attribute) in attributes {
                tell("the attribute", &attribute.name, header.body(message).len());
            }
        }
        out.extend(zeros);
        out
    }

    /// What was left out.
    pub(super) fn left_out(&self) -> Vec<LeftOut> {
        let ids = self.tree.left_out.iter();
        ids.map(|&id| LeftOut { offset: self.catalogue.offset(id), what: self.what(id) }).collect()
    }

    /// What is in the output.
    pub(super) fn rescued(&self, undefined: &[Undefined]) -> Vec<Rescued> {
        let undefined: HashMap<Id, &Undefined> = undefined.iter().map(|u| (u.id, u)).collect();
        let doubtful = self.judged.examined.doubts.keys();
        let filled = self.judged.examined.in_part.keys();
        let seen = Blemishes {
            all: self.leading_to(undefined.keys().chain(doubtful).copied().collect()),
            filled: self.leading_to(filled.copied().collect()),
            undefined,
        };
        let mut out: Vec<Rescued> =
            self.tree.named.iter().map(|named| self.one(named, &seen)).collect();
        out.sort_by(|a, b| a.path.cmp(&b.path));
        out
    }

    fn one(&self, named: &Named, blemishes: &Blemishes<'_>) -> Rescued {
        let Named { path, id, renamed, hint } = named;
        let mut out = Rescued {
            path: path.clone(),
            offset: self.catalogue.offset(*id),
            what: self.what(*id),
            renamed: *renamed,
            hint: hint.clone(),
            undefined: Vec::new(),
            filled: self.filled(*id, blemishes),
            doubtful: Vec::new(),
        };
        let mut seen = HashSet::new();
        let mut pending = VecDeque::from([*id]);
        while let Some(id) = pending.pop_front() {
            let enough = out.undefined.len() + out.doubtful.len() >= TOLD || seen.len() > LOOKED_AT;
            if !blemishes.all.contains(&id) || enough || !seen.insert(id) {
                continue;
            }
            let offset = self.catalogue.offset(id);
            if let Some(Undefined { count, of, first, .. }) = blemishes.undefined.get(&id) {
                let first = first.clone();
                out.undefined.push(UndefinedElements { offset, count: *count, of: *of, first });
            }
            if let Some(doubt) = self.judged.examined.doubts.get(&id) {
                let (first, bytes) = (doubt.first, doubt.bytes);
                out.doubtful.push(Doubtful { offset, bytes, first });
            }
            pending.extend(self.judged.needs(id).iter().map(|needed| needed.to));
        }
        out
    }

    /// The arrays in part that an object is or leads to: all of them, for nobody could tell what is
    /// filled from what was stored. Fields that lead there are named.
    fn filled(&self, id: Id, blemishes: &Blemishes<'_>) -> Vec<Filled> {
        let mut out = Vec::new();
        let mut seen = HashSet::new();
        let mut pending = VecDeque::from([(id, String::new())]);
        while let Some((id, field)) = pending.pop_front() {
            if !blemishes.filled.contains(&id) || !seen.insert(id) {
                continue;
            }
            if let Some(part) = self.judged.examined.in_part.get(&id) {
                out.push(Filled {
                    offset: self.catalogue.offset(id),
                    field: (!field.is_empty()).then(|| field.clone()),
                    count: part.elements_lost,
                    of: part.elements,
                    chunks: part.chunks_lost(),
                    of_chunks: part.of,
                    rows: part.boxes.clone(),
                    unlisted: part.boxes_unlisted.clone(),
                    reason: part.reason.clone(),
                });
            }
            let fields: HashMap<Id, String> =
                referred(self.catalogue, id).unwrap_or_default().into_iter().collect();
            for needed in self.judged.needs(id) {
                let name = fields.get(&needed.to).map_or("", String::as_str);
                let dot = if field.is_empty() || name.is_empty() { "" } else { "." };
                pending.push_back((needed.to, format!("{field}{dot}{name}")));
            }
        }
        out
    }

    /// Objects that are one of these or lead to one, and are kept.
    fn leading_to(&self, mut pending: Vec<Id>) -> HashSet<Id> {
        pending.retain(|id| !self.judged.is_lost(*id));
        let mut out: HashSet<Id> = pending.iter().copied().collect();
        while let Some(id) = pending.pop() {
            for needed in self.judged.needed_by(id) {
                if !self.judged.is_lost(needed.from) && out.insert(needed.from) {
                    pending.push(needed.from);
                }
            }
        }
        out
    }
}

/// What is not as it was in objects that are kept.
struct Blemishes<'u> {
    /// Those that lead to something undefined or doubtful.
    all: HashSet<Id>,
    /// Those that lead to an array in part.
    filled: HashSet<Id>,
    undefined: HashMap<Id, &'u Undefined>,
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Dataset => "dataset",
        Kind::Type => "type",
        Kind::Group => "group",
        Kind::Unread => "unknown",
    }
}
