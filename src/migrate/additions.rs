//! Adds links to a group of the file: where they find room, as JLD2 would put them.

use super::error::PlanError;
use super::patches::Patches;
use crate::h5::encode::{self, NewMessage};
use crate::h5::{File, Message, Name, ObjectHeader, ObjectKind, RelAddr, kind};
use crate::julia::builder::{Build, ObjectRef};
use std::collections::HashMap;

/// Links that a group gets.
pub(super) struct Addition {
    /// The group.
    pub(super) group: RelAddr,
    room: Room,
}

/// Where they go.
enum Room {
    /// Into the room that the group has left.
    Spare {
        /// Absolute offset of the room and its bytes.
        at: u64,
        len: usize,
        links: Vec<(String, ObjectRef)>,
    },
    /// Into a continuation of the group, which its placeholder becomes.
    Continued {
        /// Absolute offset of the placeholder.
        at: u64,
        /// The continuation and its bytes.
        chunk: ObjectRef,
        len: u64,
    },
    /// Into a new group with all links, in the place of the old one.
    Regrouped(ObjectRef),
}

impl Addition {
    /// Finds room for `links` in the group at `group`. Where all its links are written anew, they
    /// lead to what `replaced` says.
    pub(super) fn plan(
        file: &File,
        build: &mut Build<'_>,
        group: RelAddr,
        links: Vec<(String, ObjectRef)>,
        replaced: &HashMap<RelAddr, ObjectRef>,
    ) -> Result<Self, PlanError> {
        let object = file.object(group)?;
        let header = &object.header;
        let need: usize = links.iter().map(|(n, _)| 4 + encode::link(n, RelAddr::NULL).len()).sum();
        // Where links are kept outside the header, readers look nowhere else.
        let inside = header.storage.is_empty() && header.version > 1;
        if let Some((at, len)) =
            spare(header).filter(|(_, r)| inside && (*r == need || *r >= need + 4))
        {
            return Ok(Self { group, room: Room::Spare { at, len, links } });
        }
        if let Some(at) = placeholder(header).filter(|_| inside) {
            let (chunk, len) = build.group_continuation(&links);
            return Ok(Self { group, room: Room::Continued { at, chunk, len } });
        }
        let ObjectKind::Group(old) = &object.kind else {
            return Err(PlanError::Internal(format!("no group at {group}")));
        };
        let problem = if !object.attributes.is_empty() {
            Some("attributes, which groups of JLD2 do not have")
        } else if !old.symbolic.is_empty() {
            Some("soft or external links, which groups of JLD2 do not have")
        } else if group == file.superblock().root && file.superblock().is_old() {
            Some("a superblock that leads to its symbol table")
        } else {
            None
        };
        if let Some(problem) = problem {
            return Err(PlanError::Unsupported {
                object: format!("the group at {group}"),
                rule: "new links".to_owned(),
                problem: format!("it has no room left, and {problem}; a rewrite first helps"),
            });
        }
        let now = |addr: RelAddr| replaced.get(&addr).copied().unwrap_or(ObjectRef::Existing(addr));
        let old = old.all(file, file.offset(group, "group")?)?;
        let old = old.into_iter().map(|l| (l.name, now(l.target)));
        let links = links.into_iter().map(|(name, to)| (Name::from(name), to));
        let all: Vec<_> = old.chain(links).collect();
        Ok(Self { group, room: Room::Regrouped(build.group(&all)) })
    }

    /// Puts the links there. Gives the address of the group in whose place the old one is not used
    /// any more, if there is one: all references to the old one have to follow.
    pub(super) fn put(
        &self,
        patches: &mut Patches,
        address: &dyn Fn(ObjectRef) -> RelAddr,
    ) -> Option<RelAddr> {
        let mut bytes = Vec::new();
        match &self.room {
            Room::Spare { at, len, links } => {
                for (name, to) in links {
                    let body = encode::link(name, address(*to));
                    NewMessage::new(kind::LINK, 0, body).write(&mut bytes);
                }
                if bytes.len() < *len {
                    let filler = vec![0; len - bytes.len() - 4];
                    NewMessage::new(kind::NIL, 0, filler).write(&mut bytes);
                }
                patches.put(self.group, *at, bytes, "new links of a group");
                None
            }
            Room::Continued { at, chunk, len } => {
                let mut body = address(*chunk).0.to_le_bytes().to_vec();
                body.extend(len.to_le_bytes());
                NewMessage::new(kind::CONTINUATION, 0, body).write(&mut bytes);
                patches.put(self.group, *at, bytes, "a group goes on");
                None
            }
            Room::Regrouped(new) => Some(address(*new)),
        }
    }
}

/// The messages of a group's last chunk from behind.
fn last_messages(header: &ObjectHeader) -> impl Iterator<Item = &Message> {
    let last = header.chunks.len().saturating_sub(1);
    header.messages.iter().rev().filter(move |m| m.chunk == last)
}

/// The filler at a group's end that JLD2 keeps for a continuation: its offset.
fn placeholder(header: &ObjectHeader) -> Option<u64> {
    let last = last_messages(header).next().filter(|m| m.kind == kind::NIL && m.len == 16)?;
    let end = header.chunks.last()?.checksum;
    // Where the order of creation is tracked, heads are longer, and the writer is not JLD2.
    (last.body + 16 == end && last.offset + 4 == last.body).then_some(last.offset)
}

/// The room for links in a group's last chunk: a filler right before the placeholder, with its
/// offset and its bytes.
fn spare(header: &ObjectHeader) -> Option<(u64, usize)> {
    let placeholder = placeholder(header)?;
    let filler = last_messages(header).nth(1).filter(|m| m.kind == kind::NIL && m.len > 0)?;
    let room = usize::try_from(filler.len).unwrap_or(usize::MAX).saturating_add(4);
    (filler.offset + room as u64 == placeholder).then_some((filler.offset, room))
}
