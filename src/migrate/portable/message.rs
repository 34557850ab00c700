//! Writes a message of a header in the place of a longer one.

use crate::h5::encode::NewMessage;
use crate::h5::{Message, ObjectHeader, header_flag, kind};

/// The bytes of a message with this body in the place of another, head included, and a filler behind
/// it; none if they do not fit, or the message is not in a header of version 2.
pub(super) fn in_place_of(
    header: &ObjectHeader,
    message: &Message,
    body: Vec<u8>,
) -> Option<Vec<u8>> {
    if header.version < 2 || message.chunk >= header.chunks.len() {
        return None;
    }
    let tracked = header.flags & header_flag::ORDER_TRACKED != 0;
    let head = if tracked { 6 } else { 4 };
    let order = message.order.unwrap_or(0);
    let put = |new: &NewMessage, out: &mut Vec<u8>| {
        if tracked { new.write_ordered(out) } else { new.write(out) }
    };
    let len = usize::try_from(message.len).ok()?;
    let rest = len.checked_sub(body.len())?;
    let mut out = Vec::with_capacity(len.checked_add(head)?);
    put(&NewMessage { kind: message.kind, flags: message.flags, order, body }, &mut out);
    if rest > 0 {
        let filler = NewMessage::new(kind::NIL, 0, vec![0; rest.checked_sub(head)?]);
        put(&filler, &mut out);
    }
    Some(out)
}
