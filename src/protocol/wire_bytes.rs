//! Sends bytes as one piece: serde takes a `Vec<u8>` for a list of numbers and goes through it one by
//! one. What is sent, and what JSON of it looks like, is the same.

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Bytes in one piece.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WireBytes(pub Vec<u8>);

impl Serialize for WireBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for WireBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(Bytes).map(Self)
    }
}

struct Bytes;

impl<'de> Visitor<'de> for Bytes {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }

    // In JSON they are a list.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<u8>, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = list.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{decode, encode_payload};

    #[test]
    fn they_are_sent_and_kept_as_a_list_of_numbers_is() {
        let plain = vec![0_u8, 7, 255];
        let bytes = WireBytes(plain.clone());
        assert_eq!(encode_payload(&bytes).unwrap(), encode_payload(&plain).unwrap());
        assert_eq!(decode::<WireBytes>(&encode_payload(&plain).unwrap()).unwrap(), bytes);
        let json = serde_json::to_string(&bytes).unwrap();
        assert_eq!(json, "[0,7,255]");
        assert_eq!(serde_json::from_str::<WireBytes>(&json).unwrap(), bytes);
        assert!(serde_json::from_str::<WireBytes>("[256]").is_err());
    }
}
