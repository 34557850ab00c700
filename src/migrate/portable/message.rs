//! Writes a message of a header in the place of a longer one.

use crate::h5::encode::NewMessage;
use crate::h5::{Message, ObjectHeader, header_flag, kind};

/// The bytes of a message with this body in the place of another, head included, and a filler behind
/// it; none if they do not fit.
pub(super) fn in_place_of(
    header: &ObjectHeader,
    message: &Message,
    body: Vec<u8>,
) -> Option<Vec<u8>> {
    let tracked = header.flags & header_flag::ORDER_TRACKED != 0;
    let head = if tracked { 6 } else { 4 };
    let order = message.order.unwrap_or(0);
    let put = |new: &NewMessage, out: &mut Vec<u8>| {
        if tracked { new.write_ordered(out) } else { new.write(out) }
    };
    let rest = usize::from(message.len).checked_sub(body.len())?;
    let mut out = Vec::with_capacity(usize::from(message.len) + head);
    put(&NewMessage { kind: message.kind, flags: message.flags, order, body }, &mut out);
    if rest > 0 {
        let filler = NewMessage::new(kind::NIL, 0, vec![0; rest.checked_sub(head)?]);
        put(&filler, &mut out);
    }
    Some(out)
}
