//! Makes the secret by which a worker shows that this supervisor started it.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;

const SIZE: usize = 32;

/// A random secret. Its text form is hexadecimal.
#[derive(Clone, Serialize, Deserialize)]
pub struct Token([u8; SIZE]);

impl Token {
    /// A fresh one.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn random() -> io::Result<Self> {
        crate::sys::random::bytes().map(Self)
    }

    /// The form in which it is handed over.
    pub fn to_hex(&self) -> String {
        use fmt::Write;
        self.0.iter().fold(String::with_capacity(2 * SIZE), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Reads what [`Self::to_hex`] wrote.
    pub fn from_hex(text: &str) -> Option<Self> {
        let (digits, rest) = text.as_bytes().as_chunks::<2>();
        if !rest.is_empty() || digits.len() != SIZE {
            return None;
        }
        let mut bytes = [0; SIZE];
        for (byte, pair) in bytes.iter_mut().zip(digits) {
            let high = char::from(pair[0]).to_digit(16)?;
            let low = char::from(pair[1]).to_digit(16)?;
            *byte = u8::try_from(high * 16 + low).ok()?;
        }
        Some(Self(bytes))
    }
}

/// Takes the same time wherever two tokens differ.
impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
    }
}

impl Eq for Token {}

/// Does not show the secret.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_from_its_text() {
        let token = Token::random().unwrap();
        assert_eq!(Token::from_hex(&token.to_hex()), Some(token.clone()));
        assert_ne!(Token::random().unwrap(), token);
        assert!(!format!("{token:?}").contains(&token.to_hex()));
    }

    #[test]
    fn other_texts_are_no_token() {
        let good = Token::random().unwrap().to_hex();
        for bad in ["", "00", &good[1..], &format!("{good}0"), &good.replacen(&good[..1], "x", 1)] {
            assert_eq!(Token::from_hex(bad), None);
        }
    }
}
