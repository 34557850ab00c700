//! Frames messages: a bounded length, then bincode. The only place that knows the encoding.

use bincode::Options;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Largest payload of a frame in bytes.
pub const FRAME_MAX: usize = 1 << 20;
const LENGTH: usize = 4;

/// What is wrong with what the other side said.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A frame that claims to be too long.
    #[error("a frame of {0} bytes (at most {FRAME_MAX} are allowed)")]
    TooLong(u64),
    /// A payload that is not a message.
    #[error("a frame that is not a message: {0}")]
    NoMessage(#[source] bincode::Error),
    /// A message that cannot be said.
    #[error("a message that does not fit into a frame: {0}")]
    Unsayable(#[source] bincode::Error),
}

fn options() -> impl Options {
    bincode::DefaultOptions::new().with_limit(FRAME_MAX as u64).reject_trailing_bytes()
}

/// A message as a frame.
///
/// # Errors
/// It is longer than [`FRAME_MAX`].
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, ProtocolError> {
    let mut frame = vec![0; LENGTH];
    options().serialize_into(&mut frame, message).map_err(ProtocolError::Unsayable)?;
    let length = u32::try_from(frame.len().saturating_sub(LENGTH))
        .map_err(|_| ProtocolError::TooLong(frame.len() as u64))?;
    if let Some(head) = frame.get_mut(..LENGTH) {
        head.copy_from_slice(&length.to_le_bytes());
    }
    Ok(frame)
}

/// What a frame carries for a task, without a length of its own.
///
/// # Errors
/// It is longer than [`FRAME_MAX`].
pub fn encode_payload<T: Serialize>(value: &T) -> Result<Vec<u8>, ProtocolError> {
    options().serialize(value).map_err(ProtocolError::Unsayable)
}

/// A frame's payload as a message, or what [`encode_payload`] made.
///
/// # Errors
/// It is none, or more than one.
pub fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, ProtocolError> {
    options().deserialize(payload).map_err(ProtocolError::NoMessage)
}

/// Cuts a stream of bytes into frames.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// Bytes at the front that were given out already.
    used: usize,
}

impl Decoder {
    /// Takes in what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.used.min(self.buffer.len()));
        self.used = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message, if all of it is there.
    ///
    /// # Errors
    /// The stream is not what this side speaks; nothing after that can be trusted.
    pub fn take<T: DeserializeOwned>(&mut self) -> Result<Option<T>, ProtocolError> {
        let rest = self.buffer.get(self.used..).unwrap_or_default();
        let Some((head, rest)) = rest.split_first_chunk::<LENGTH>() else { return Ok(None) };
        let length = u32::from_le_bytes(*head);
        let size = usize::try_from(length).unwrap_or(usize::MAX);
        if size > FRAME_MAX {
            return Err(ProtocolError::TooLong(length.into()));
        }
        let Some(payload) = rest.get(..size) else { return Ok(None) };
        let message = decode(payload)?;
        self.used = self.used.saturating_add(LENGTH).saturating_add(size);
        Ok(Some(message))
    }

    /// Bytes held for a frame that is not complete.
    pub fn pending(&self) -> usize {
        self.buffer.len().saturating_sub(self.used)
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::{from_worker, to_worker};
    use super::super::{FromWorker, ToWorker};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_said_is_heard(messages in prop::collection::vec(to_worker(), 0..5), cut in 1_usize..40) {
            let stream: Vec<u8> =
                messages.iter().flat_map(|message| encode(message).unwrap()).collect();
            let mut decoder = Decoder::default();
            let mut heard = Vec::new();
            for piece in stream.chunks(cut) {
                decoder.push(piece);
                while let Some(message) = decoder.take::<ToWorker>().unwrap() {
                    heard.push(message);
                }
            }
            prop_assert_eq!(heard, messages);
            prop_assert_eq!(decoder.pending(), 0);
        }

        #[test]
        fn what_workers_say_is_heard(message in from_worker()) {
            let frame = encode(&message).unwrap();
            prop_assert_eq!(decode::<FromWorker>(&frame[4..]).unwrap(), message);
        }

        #[test]
        fn any_bytes_are_a_message_or_an_error(bytes: Vec<u8>) {
            let mut decoder = Decoder::default();
            decoder.push(&bytes);
            while let Ok(Some(_)) = decoder.take::<FromWorker>() {}
            let _ = decode::<ToWorker>(&bytes);
        }

        #[test]
        fn a_damaged_message_is_a_message_or_an_error(message in from_worker(), place: prop::sample::Index, bit in 0_u8..8) {
            let mut frame = encode(&message).unwrap();
            let place = place.index(frame.len());
            frame[place] ^= 1_u8 << bit;
            let mut decoder = Decoder::default();
            decoder.push(&frame);
            let _ = decoder.take::<FromWorker>();
        }
    }

    #[test]
    fn a_length_is_refused_before_anything_is_allocated() {
        let mut decoder = Decoder::default();
        decoder.push(&u32::MAX.to_le_bytes());
        assert!(matches!(decoder.take::<ToWorker>(), Err(ProtocolError::TooLong(_))));
        // A vector inside a message that claims to hold 2^60 elements.
        let mut payload = vec![1, 253];
        payload.extend_from_slice(&(1_u64 << 60).to_le_bytes());
        assert!(decode::<Vec<Vec<u64>>>(&payload).is_err());
    }

    #[test]
    fn two_messages_in_one_frame_are_none() {
        let mut payload = encode(&ToWorker::Cancel).unwrap().split_off(4);
        payload.push(0);
        assert!(decode::<ToWorker>(&payload).is_err());
    }

    #[test]
    fn a_message_that_is_too_long_is_not_said() {
        assert!(encode(&vec![0_u8; FRAME_MAX]).is_err());
    }
}
