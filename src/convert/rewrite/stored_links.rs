//! Writes the links of a group that has too many to be held: as they are read, with the addresses of
//! the output.

use super::RewriteError;
use super::context::{Context, NewHeader};
use super::output::Output;
use crate::h5::checksum::Lookup3;
use crate::h5::encode::{self, MAX_BODY, NewMessage};
use crate::h5::{
    Error, LinkCursor, LinkMessage, LinkRun, LinkRuns, Object, ObjectKind, Result, kind,
};
use std::sync::Arc;

/// Bytes that are handed on at once.
const PIECE: usize = 32 << 10;
/// Bytes of a message's head in the output.
const HEAD: u64 = 4;

/// Where links that are not held go.
pub(super) struct StoredLinks {
    runs: Arc<LinkRuns>,
    /// The runs that have a place, and how many new messages come before each.
    placed: Vec<(usize, LinkRun)>,
}

impl StoredLinks {
    /// Those of a group; none if it holds all of them.
    pub(super) fn of(object: &Object) -> Option<Self> {
        let ObjectKind::Group(group) = &object.kind else { return None };
        let runs = Arc::clone(group.stored.as_ref()?);
        Some(Self { runs, placed: Vec::new() })
    }

    /// The old message of this number comes behind so many new ones.
    pub(super) fn come_before(&mut self, number: usize, messages: usize) {
        let rest = self.runs.runs().get(self.placed.len()..).unwrap_or_default();
        let next = rest.iter().take_while(|run| run.before <= number);
        self.placed.extend(next.map(|run| (messages, *run)));
    }

    /// Bytes of all messages.
    fn size(&self, new: &NewHeader) -> u64 {
        let messages = new.messages.iter().map(|m| m.len() as u64);
        let less = (self.runs.head() as u64).saturating_sub(HEAD);
        let runs = self.placed.iter();
        let runs = runs.map(|(_, run)| (run.end - run.start).saturating_sub(run.count * less));
        messages.chain(runs).fold(0, u64::saturating_add)
    }

    fn front(&self, object: &Object, new: &NewHeader) -> Result<Vec<u8>> {
        let size = self.size(new);
        if let Some((len, at)) = self.runs.longest().filter(|(len, _)| *len > MAX_BODY as u64) {
            return Err(too_long(at, len));
        }
        let Ok(short) = u32::try_from(size) else {
            let at = object.header.chunks.first().map_or(0, |c| c.offset);
            let limit = "4 GiB, the most that one object header takes; the links of a group can be \
                         put into several groups in Julia";
            return Err(Error::too_large_at(
                at,
                format!("a group with {size} bytes of links"),
                limit,
            ));
        };
        Ok(encode::header_front(&new.form, short))
    }

    /// Bytes of the header.
    pub(super) fn len(&self, object: &Object, new: &NewHeader) -> Result<u64> {
        Ok(self.front(object, new)?.len() as u64 + self.size(new) + 4)
    }

    /// Writes the header.
    pub(super) fn write(
        &self,
        context: &Context<'_>,
        object: &Object,
        new: &NewHeader,
        out: &mut Output<'_>,
    ) -> std::result::Result<(), RewriteError> {
        let mut bytes = self.front(object, new)?;
        let mut hash = Lookup3::of_len(bytes.len() as u64 + self.size(new));
        let mut pass_on = |bytes: &mut Vec<u8>, least: usize| {
            if bytes.len() >= least {
                hash.update(bytes);
                out.write(bytes)?;
                bytes.clear();
            }
            Ok::<_, std::io::Error>(())
        };
        let mut written = 0;
        let mut up_to = |number: usize, bytes: &mut Vec<u8>| {
            let messages = new.messages.get(written..number).unwrap_or_default();
            messages.iter().for_each(|message| message.write(bytes));
            written = number;
        };
        for &(before, run) in &self.placed {
            up_to(before, &mut bytes);
            let mut cursor = LinkCursor::of_run(&self.runs, run);
            while let Some(message) = cursor.message(context.file)? {
                link(context, message, &mut bytes)?;
                pass_on(&mut bytes, PIECE)?;
            }
        }
        up_to(new.messages.len(), &mut bytes);
        pass_on(&mut bytes, 0)?;
        out.write(&hash.finish().to_le_bytes())?;
        Ok(())
    }
}

/// A message of a heap, of `len` bytes at `at`, that a header cannot take.
pub(super) fn too_long(at: u64, len: u64) -> Error {
    let what = format!("a message of {len} bytes, which a rewrite moves from a heap into a header");
    let limit = format!("the {MAX_BODY} bytes of a header's messages; a patch keeps it");
    Error::too_large_at(at, what, limit)
}

/// Puts a link with its new address behind `out`.
fn link(context: &Context<'_>, message: LinkMessage<'_>, out: &mut Vec<u8>) -> Result<()> {
    let LinkMessage { flags, body, offset } = message;
    let target = message.hard()?;
    NewMessage::put_head(kind::LINK, flags, body.len(), out);
    let start = out.len();
    out.extend_from_slice(body);
    if let Some(link) = target {
        let new = context.new_addr(link.target, link.at)?;
        let at = usize::try_from(link.at - offset).unwrap_or(usize::MAX).saturating_add(start);
        if let Some(to) = out.get_mut(at..).and_then(|b| b.first_chunk_mut::<8>()) {
            *to = new.0.to_le_bytes();
        }
    }
    Ok(())
}
