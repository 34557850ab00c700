//! Names as files store them: text, or bytes that are not.

use std::fmt;
use std::ops::Deref;

/// A name in the file. HDF5 and JLD2 take its bytes as they are, whether or not they are UTF-8, so
/// that they are kept. It reads as text in which each byte that is not part of a character is written
/// `\xNN`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Name {
    text: String,
    /// The bytes, where they are not those of the text.
    bytes: Option<Box<[u8]>>,
}

impl Name {
    /// The name of these bytes.
    pub fn new(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self { text: text.to_owned(), bytes: None },
            Err(_) => Self { text: shown(bytes), bytes: Some(bytes.into()) },
        }
    }

    /// As text, without what is not UTF-8.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The bytes as they are stored.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or(self.text.as_bytes())
    }

    /// Whether they are UTF-8.
    pub fn is_utf8(&self) -> bool {
        self.bytes.is_none()
    }

    /// Bytes that it takes in memory.
    pub(in crate::h5) fn weight(&self) -> usize {
        self.text.len() + self.bytes.as_ref().map_or(0, |bytes| bytes.len())
    }
}

/// Bytes as text; those that are not part of a character as `\xNN`.
pub(in crate::h5) fn shown(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for piece in bytes.utf8_chunks() {
        out.push_str(piece.valid());
        out.extend(piece.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    out
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl AsRef<[u8]> for Name {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self { text, bytes: None }
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

impl PartialEq<String> for Name {
    fn eq(&self, other: &String) -> bool {
        self == other.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_kept_and_text_tells_them_apart() {
        let name = Name::new(b"gr\xfc\xdfe");
        assert_eq!((name.as_str(), name.as_bytes()), ("gr\\xfc\\xdfe", &b"gr\xfc\xdfe"[..]));
        assert!(!name.is_utf8() && name != "gr\\xfc\\xdfe");
        let name = Name::new("größe".as_bytes());
        assert!(name.is_utf8() && name == "größe");
        assert_ne!(Name::new(b"\xff"), Name::new(b"\xfe"));
        // The middle of a character that is cut off, and what follows it.
        assert_eq!(Name::new(b"a\xe2\x82b\\").as_str(), "a\\xe2\\x82b\\");
    }
}
