//! Digests of arrays of numbers.

use super::Digests;
use crate::h5::Result;
use crate::julia::Numbers;
use crate::julia::number::hex;
use sha2::{Digest as _, Sha256};
use xxhash_rust::xxh3::Xxh3;

/// How arrays of numbers are digested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// SHA-256: the public form.
    Sha256,
    /// xxh3-128: for comparing two files, ten times faster.
    Xxh3,
}

impl Digest {
    /// The digest of all numbers of an array, little-endian and in Julia's order, as hex digits.
    /// What `known` has is not read again, and what was read is kept there.
    ///
    /// # Errors
    /// If the data are damaged.
    pub fn of(self, numbers: &Numbers<'_>, known: Option<&Digests>) -> Result<String> {
        let stored = match known {
            Some(known) => known.place(numbers)?.map(|stored| (known, stored)),
            None => None,
        };
        if let Some(known) = stored.and_then(|(known, stored)| known.get(&stored)) {
            return Ok(known);
        }
        let digest = match self {
            Self::Sha256 => {
                let mut sha = Sha256::new();
                numbers.stream(&mut |window| {
                    sha.update(window);
                    Ok(())
                })?;
                hex(sha.finalize().iter())
            }
            Self::Xxh3 => {
                let mut xxh = Xxh3::new();
                numbers.stream(&mut |window| {
                    xxh.update(window);
                    Ok(())
                })?;
                format!("{:032x}", xxh.digest128())
            }
        };
        if let Some((known, stored)) = stored {
            known.put(stored, &digest);
        }
        Ok(digest)
    }
}
