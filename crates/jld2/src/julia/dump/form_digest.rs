//! Digests the canonical form of a value, of which most are short and all come in small pieces.

use std::io::{self, Write};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// So many bytes are gathered before they are digested: a shorter form is digested at once.
const GATHERED: usize = 1024;

/// The xxh3-128 digest of what is written, and its length. It takes no memory but its own.
pub struct FormDigest {
    gathered: [u8; GATHERED],
    used: usize,
    /// Of what was written before.
    before: Option<Xxh3>,
    len: u64,
}

impl Default for FormDigest {
    #[inline]
    fn default() -> Self {
        Self { gathered: [0; GATHERED], used: 0, before: None, len: 0 }
    }
}

impl FormDigest {
    /// Bytes that were written.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The digest of all that was written.
    pub fn digest(&self) -> u128 {
        let gathered = self.gathered.get(..self.used).unwrap_or_default();
        match &self.before {
            None => xxh3_128(gathered),
            Some(before) => {
                let mut hash = before.clone();
                hash.update(gathered);
                hash.digest128()
            }
        }
    }

    #[cold]
    fn no_room(&mut self, bytes: &[u8]) {
        let hash = self.before.get_or_insert_default();
        hash.update(self.gathered.get(..self.used).unwrap_or_default());
        self.used = 0;
        match self.gathered.get_mut(..bytes.len()) {
            Some(to) => {
                to.copy_from_slice(bytes);
                self.used = bytes.len();
            }
            None => hash.update(bytes),
        }
    }
}

impl Write for FormDigest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.len = self.len.saturating_add(bytes.len() as u64);
        let room = self.gathered.get_mut(self.used..).and_then(|room| room.get_mut(..bytes.len()));
        match room {
            Some(to) => {
                to.copy_from_slice(bytes);
                self.used += bytes.len();
            }
            None => self.no_room(bytes),
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_of_any_size_have_the_digest_of_all(
            lens in proptest::collection::vec(
                prop_oneof![8 => 0..40_usize, 1 => GATHERED - 2..GATHERED + 2, 1 => 0..3 * GATHERED],
                0..80,
            ),
        ) {
            let some = (0..=250_u8).map(|i| i.wrapping_mul(i));
            let all: Vec<u8> = some.cycle().take(lens.iter().sum()).collect();
            let (mut form, mut left) = (FormDigest::default(), all.as_slice());
            for len in lens {
                let (now, later) = left.split_at(len);
                form.write_all(now).unwrap();
                left = later;
            }
            prop_assert_eq!(form.len(), all.len() as u64);
            prop_assert_eq!(form.digest(), xxh3_128(&all));
        }
    }
}
