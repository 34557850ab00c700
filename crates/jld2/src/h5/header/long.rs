//! Reads object headers that are too long to be kept: those of groups with very many links. Their
//! links stay where they are ([`LinkRuns`]); all else is held.

use super::chunks::{Bytes, Prefix};
use super::kinds::kind;
use super::lost::is_lost_behind;
use super::messages::{Continuation, head_len, looked_at, message_head};
use super::model::{Chunk, Message, ObjectHeader};
use crate::h5::address::absolute;
use crate::h5::budget::{HEADER_BYTES, HEADER_MESSAGES};
use crate::h5::bytes::Cursor;
use crate::h5::checksum::Lookup3;
use crate::h5::effort::Access;
use crate::h5::link_runs::{LinkRuns, Window};
use crate::h5::message::link::{AnyLink, HardLink};
use crate::h5::object::unshared;
use crate::h5::{Error, RelAddr, Result};
use std::collections::HashSet;
use std::sync::Arc;

/// Headers of more bytes are long: some 40,000 links.
pub(super) const LONG: u64 = 1 << 20;
/// Longer bodies of fillers are not held: nobody looks at them.
const FILLER: usize = 64;

/// What is in a chunk of a long header.
struct Found {
    /// Its messages but for links, with the bodies of those that are held.
    messages: Vec<(Message, Option<Vec<u8>>)>,
    runs: LinkRuns,
    continuations: Vec<Continuation>,
    /// What makes no sense of the links.
    broken: Vec<Error>,
    /// The last of all messages.
    last: Option<Message>,
}

/// A chunk that cannot be read, and where it says that others stand, which may be whole.
struct Damaged {
    error: Error,
    continuations: Vec<Continuation>,
}

impl From<Error> for Damaged {
    fn from(error: Error) -> Self {
        Self { error, continuations: Vec::new() }
    }
}

/// What one long header may hold.
struct Room {
    messages: usize,
    bytes: u64,
}

impl Room {
    fn take(&mut self, messages: usize, bytes: usize, at: u64) -> Result<()> {
        let left = self.messages.checked_sub(messages).zip(self.bytes.checked_sub(bytes as u64));
        let Some((messages, bytes)) = left else {
            let limit = "2^19 messages beside links of an object, and 16 MiB of them; JLD2 writes \
                         none that are so many";
            return Err(Error::too_large_at(at, "object header", limit));
        };
        *self = Self { messages, bytes };
        Ok(())
    }
}

/// Reads the long header at `addr`; errors of continuations and links go to `lost`, if there is such
/// a place.
pub(super) fn read(
    from: Access<'_>,
    addr: RelAddr,
    mut lost: Option<&mut Vec<Error>>,
) -> Result<ObjectHeader> {
    let Access { source, superblock, checksums, effort } = from;
    let offset = absolute(superblock, addr, "object header")?;
    let bytes = Bytes { source, superblock, checksums };
    let Prefix { version, flags, extra, ref_count, messages, checksum } = bytes.prefix(offset)?;
    let mut header = ObjectHeader::empty(addr, version, flags, extra);
    header.ref_count = ref_count;
    let lenient = lost.is_some();
    let head = head_len(version, flags);
    let mut runs = LinkRuns::new(head, lenient);
    let mut room = Room { messages: HEADER_MESSAGES, bytes: HEADER_BYTES };
    effort.add(checksum - offset);
    let scan = Scan { bytes: &bytes, version, flags, head, lenient };
    let first = scan.chunk(offset, messages, checksum, &mut room).map_err(|bad| bad.error)?;
    let mut met = HashSet::from([offset]);
    // Honest chunks do not overlap.
    let mut left = superblock.end_of_file.saturating_sub(checksum - offset);
    let mut pending = take(&mut header, &mut runs, first, &mut lost);
    while let Some((at, target, len)) = pending.pop() {
        let mut next = || -> std::result::Result<(Chunk, Found), Damaged> {
            let offset = bytes.follow(at, target, &mut met)?;
            left = left.checked_sub(len).ok_or_else(|| {
                let found = format!("{len} more");
                Error::corrupt(at, "object header size", "each byte once", found)
            })?;
            effort.add(len);
            let (messages, checksum) = bytes.continuation_area(offset, len, version)?;
            scan.chunk(offset, messages, checksum, &mut room)
        };
        match (next(), &mut lost) {
            (Ok(found), lost) => pending.extend(take(&mut header, &mut runs, found, lost)),
            (Err(Damaged { error, continuations }), Some(lost)) => {
                lost.push(error);
                // They have checksums of their own.
                pending.extend(continuations.into_iter().rev());
            }
            (Err(damaged), None) => return Err(damaged.error),
        }
    }
    header.runs = Some(Arc::new(runs));
    Ok(header)
}

/// Takes a chunk in; gives its continuations, the first one last.
fn take(
    header: &mut ObjectHeader,
    runs: &mut LinkRuns,
    (chunk, found): (Chunk, Found),
    lost: &mut Option<&mut Vec<Error>>,
) -> Vec<Continuation> {
    let index = header.chunks.len();
    runs.append(found.runs, header.messages.len());
    for (message, body) in found.messages {
        if let Some(body) = body {
            header.bodies.insert(message.body, body);
        }
        header.messages.push(Message { chunk: index, ..message });
    }
    header.chunks.push(chunk);
    if let Some(lost) = lost {
        lost.extend(found.broken);
    }
    let mut continuations = found.continuations;
    continuations.reverse();
    continuations
}

struct Scan<'a> {
    bytes: &'a Bytes<'a>,
    version: u8,
    flags: u8,
    head: usize,
    lenient: bool,
}

impl Scan<'_> {
    /// Reads a chunk whose messages stand from `messages` to `checksum`.
    fn chunk(
        &self,
        offset: u64,
        messages: u64,
        checksum: u64,
        room: &mut Room,
    ) -> std::result::Result<(Chunk, Found), Damaged> {
        let Bytes { source, superblock, .. } = *self.bytes;
        let mut chunk = Chunk::unread(offset, messages, checksum, self.version);
        let has_checksum = chunk.has_checksum;
        if has_checksum {
            self.bytes.room_for_checksum(checksum)?;
        }
        let mut hash = Lookup3::of_len(checksum - offset);
        source.each(offset, messages - offset, "object header", &mut |piece| {
            hash.update(piece);
            true
        })?;
        let mut said = offset;
        let mut at = messages;
        let mut read = |piece: &[u8]| {
            if has_checksum {
                hash.update(piece);
                if let Some(last) = piece.iter().rposition(|&b| b != 0) {
                    said = at + last as u64 + 1;
                }
                at += piece.len() as u64;
            }
        };
        let mut window = Window::new(messages, checksum);
        let walked = self.walk(&mut window, room, &mut read);
        // All bytes count, whatever they mean.
        while window.left() > 0 {
            let len = window.peek(source, &mut read)?.len();
            window.skip(len);
        }
        if !has_checksum {
            return Ok((chunk, walked?));
        }
        let stored = source.read(checksum, 4, "object header")?;
        let stored = Cursor::new(&stored, checksum, "checksum").u32()?;
        let computed = hash.finish();
        chunk.stored_checksum = stored;
        if stored != computed {
            let lost = stored == 0
                && match walked.as_ref().ok().and_then(|found| found.last.as_ref()) {
                    Some(last) => is_lost_behind((source, superblock), &chunk, last, said)?,
                    None => false,
                };
            chunk.checked = match self.bytes.mismatch(&chunk, computed, lost) {
                Ok(checked) => checked,
                Err(error) => {
                    let continuations = walked.map_or_else(|_| Vec::new(), |f| f.continuations);
                    return Err(Damaged { error, continuations });
                }
            };
        }
        Ok((chunk, walked?))
    }

    /// Goes through the messages of a chunk.
    fn walk(
        &self,
        window: &mut Window,
        room: &mut Room,
        read: &mut dyn FnMut(&[u8]),
    ) -> Result<Found> {
        let mut found = Found {
            messages: Vec::new(),
            runs: LinkRuns::new(self.head, self.lenient),
            continuations: Vec::new(),
            broken: Vec::new(),
            last: None,
        };
        while window.left() >= self.head as u64 {
            let offset = window.offset();
            let bytes = window.peek(self.bytes.source, read)?;
            let mut c = Cursor::new(bytes, offset, "header message");
            let message = message_head(&mut c, self.version, self.flags)?;
            let body = c.take(usize::try_from(message.len).unwrap_or(usize::MAX))?;
            found.continuations.extend(looked_at(&message, body)?);
            found.last = Some(message.clone());
            match message.kind {
                kind::LINK => {
                    unshared(&message)?;
                    self.link(&message, body, room, &mut found)?;
                    let end = message.body + u64::from(message.len);
                    let before = found.messages.len();
                    found.runs.push(before, offset, end);
                }
                kind::NIL if body.len() > FILLER => {
                    room.take(1, 0, offset)?;
                    found.messages.push((message, None));
                }
                _ => {
                    room.take(1, body.len(), offset)?;
                    found.messages.push((message, Some(body.to_vec())));
                }
            }
            let len = c.offset() - offset;
            window.skip(usize::try_from(len).unwrap_or(usize::MAX));
        }
        Ok(found)
    }

    /// Takes in the link that this message is.
    #[inline]
    fn link(
        &self,
        message: &Message,
        body: &[u8],
        room: &mut Room,
        found: &mut Found,
    ) -> Result<()> {
        let cursor = || Cursor::new(body, message.body, "link");
        // Mostly one to an object, of which nothing is kept.
        let link = match HardLink::parse(body, message.body) {
            Ok(Some(link)) => {
                found.runs.tally().push_hard(&link);
                return Ok(());
            }
            Ok(None) => AnyLink::parse(&mut cursor()),
            Err(error) => Err(error),
        };
        match link {
            Ok(link) => {
                if let AnyLink::Symbolic(link) = &link {
                    room.take(1, link.weight(), message.offset)?;
                }
                found.runs.tally().push(link);
            }
            Err(error) if self.lenient => {
                room.take(1, 256, message.offset)?;
                found.broken.push(error);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
