//! Names as files store them: text, or bytes that are not.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

/// A name in the file. HDF5 and JLD2 take its bytes as they are, whether or not they are UTF-8, so
/// that they are kept. It reads as text in which each byte that is not part of a character is written
/// `\xNN`; a backslash in front of what would then read like a byte is written `\x5c`, so that no two
/// names read the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Name {
    text: String,
    /// The bytes, where they are not those of the text.
    bytes: Option<Box<[u8]>>,
}

impl Name {
    /// The name of these bytes.
    pub fn new(bytes: &[u8]) -> Self {
        match as_text(bytes) {
            Cow::Borrowed(text) => Self { text: text.to_owned(), bytes: None },
            Cow::Owned(text) => {
                let same = text.as_bytes() == bytes;
                Self { text, bytes: (!same).then(|| bytes.into()) }
            }
        }
    }

    /// As text that names it and no other: what is not UTF-8, or reads as if it were not, is escaped.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The bytes as they are stored.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or(self.text.as_bytes())
    }

    /// Whether they are UTF-8.
    pub fn is_utf8(&self) -> bool {
        self.bytes.as_ref().is_none_or(|bytes| std::str::from_utf8(bytes).is_ok())
    }

    /// Bytes that it takes in memory.
    pub(in crate::h5) fn weight(&self) -> usize {
        self.text.len() + self.bytes.as_ref().map_or(0, |bytes| bytes.len())
    }
}

/// What the name of these bytes reads as.
pub(in crate::h5) fn as_text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !bytes.contains(&b'\\') => Cow::Borrowed(text),
        _ => Cow::Owned(escaped(bytes)),
    }
}

/// Bytes as text that stands for them and no others.
fn escaped(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for piece in bytes.utf8_chunks() {
        for (place, part) in piece.valid().split('\\').enumerate() {
            if place > 0 {
                let digit = |at: usize| part.as_bytes().get(at).is_some_and(u8::is_ascii_hexdigit);
                let like_a_byte = part.starts_with('x') && digit(1) && digit(2);
                out.push_str(if like_a_byte { "\\x5c" } else { "\\" });
            }
            out.push_str(part);
        }
        out.extend(piece.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    out
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
        Self::new(text.as_bytes())
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes())
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

    proptest::proptest! {
        #[test]
        fn no_two_names_read_the_same(
            a in proptest::collection::vec(proptest::sample::select(&b"\\x5cfF\xff\xc3\xa9"[..]), 0..9),
            b in proptest::collection::vec(proptest::sample::select(&b"\\x5cfF\xff\xc3\xa9"[..]), 0..9),
        ) {
            let (one, other) = (Name::new(&a), Name::new(&b));
            assert_eq!(one.as_bytes(), &a[..]);
            assert_eq!(one.as_str() == other.as_str(), a == b, "{one} {other}");
        }
    }

    #[test]
    fn bytes_are_kept_and_text_tells_them_apart() {
        let name = Name::new(b"gr\xfc\xdfe");
        assert_eq!((name.as_str(), name.as_bytes()), ("gr\\xfc\\xdfe", &b"gr\xfc\xdfe"[..]));
        assert!(!name.is_utf8() && name != "gr\\xfc\\xdfe");
        let name = Name::new("größe".as_bytes());
        assert!(name.is_utf8() && name == "größe");
        assert_ne!(Name::new(b"\xff"), Name::new(b"\xfe"));
        // Text that reads like a byte is told apart from the byte.
        let literal = Name::new(b"\\xff");
        assert_eq!((literal.as_str(), literal.as_bytes()), ("\\x5cxff", &b"\\xff"[..]));
        assert!(literal.is_utf8() && literal == "\\xff");
        let made = Name::from("\\xff");
        assert_eq!(made, literal);
        for text in ["\\", "\\x", "\\xf", "\\xfg", "a\\b", "\\\\x"] {
            assert_eq!(Name::new(text.as_bytes()).as_str(), text);
        }
        // The middle of a character that is cut off, and what follows it.
        assert_eq!(Name::new(b"a\xe2\x82b\\").as_str(), "a\\xe2\\x82b\\");
    }
}
