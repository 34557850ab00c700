//! Converts the numbers of an array when they are asked for, in windows of it.

use super::spilled::Spilled;
use crate::h5::{Checksums, EachPiece, Error, File, Made, RelAddr, Result, Source};
use crate::julia::{NumberType, Numbers, TypeTable};
use std::sync::Arc;

/// Numbers that are read at once where they stand openly.
const AT_ONCE: u64 = 64 << 10;

/// An array of numbers that become of another type.
#[derive(Debug)]
pub(super) struct Converting {
    source: Arc<Source>,
    checksums: Checksums,
    /// The array.
    addr: RelAddr,
    to: NumberType,
    len: u64,
    /// All of it, where it cannot be read from anywhere.
    spilled: Spilled,
}

impl Converting {
    /// The array at `addr`, which takes `len` bytes as numbers of the type `to`.
    pub(super) fn new(
        source: Arc<Source>,
        checksums: Checksums,
        addr: RelAddr,
        to: NumberType,
        len: u64,
    ) -> Self {
        Self { source, checksums, addr, to, len, spilled: Spilled::default() }
    }

    /// Shows the numbers to `look`.
    fn with<T>(&self, look: &mut dyn FnMut(&Numbers<'_>) -> Result<T>) -> Result<T> {
        let gone = || Error::foreign(self.addr.0, "an array of numbers that is none any more");
        let Some(source) = self.source.same()? else {
            return Err(Error::foreign(0, "a source that cannot be read again"));
        };
        let file = File::with_checksums(source, self.checksums)?;
        let types = TypeTable::new(&file);
        let object = file.object(self.addr)?;
        let dataset = object.dataset().ok_or_else(gone)?;
        let element = types.element(&dataset.datatype)?;
        let numbers = Numbers::of(&file, dataset, &element, &|_| Ok(())).ok_or_else(gone)?;
        look(&numbers.converted_to(self.to))
    }
}

impl Made for Converting {
    fn len(&self) -> u64 {
        self.len
    }

    fn each(&self, visit: &mut EachPiece<'_>) -> Result<()> {
        let mut at = 0_u64;
        self.with(&mut |numbers| {
            numbers.read(&mut |window| {
                visit(at, window)?;
                at = at.saturating_add(window.len() as u64);
                Ok(())
            })
        })
    }

    fn read_into(&self, at: u64, out: &mut [u8]) -> Result<()> {
        let size = self.to.size() as u64;
        let end = at.saturating_add(out.len() as u64);
        let openly = self.with(&mut |numbers| {
            let mut first = at / size;
            while first < end.div_ceil(size) {
                let count = (end.div_ceil(size) - first).min(AT_ONCE);
                let Some(made) = numbers.range(first, count)? else { return Ok(false) };
                let begin = first.saturating_mul(size);
                let skip = usize::try_from(at.saturating_sub(begin)).unwrap_or(usize::MAX);
                let place = usize::try_from(begin.saturating_sub(at)).unwrap_or(usize::MAX);
                let made = made.get(skip..).unwrap_or_default();
                if let Some(to) = out.get_mut(place..) {
                    let n = to.len().min(made.len());
                    to.iter_mut().zip(made).take(n).for_each(|(to, from)| *to = *from);
                }
                first += count;
            }
            Ok(true)
        })?;
        if openly { Ok(()) } else { self.spilled.read(self, at, out) }
    }
}
